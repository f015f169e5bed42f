/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-scan: which ports are open, --parallel at a time.
 *
 * Theory of operation: each slot asks one target and then waits for a banner where that is wanted.
 * Slots are filled from a timer, some at a time, so that a connect that fails at once recurses
 * nowhere and signals are heard. Lines come out in the order of the targets: one that is found is
 * held back until everything before it is known. A CID that can't be reached at all costs what is
 * in flight, not every port of it. A target that descriptors or memory are short for waits until
 * another slot has finished; if there is no other, the scan ends.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "ping/scan.h"
#include "base/util.h"
#include "ping/ping.h"

#define BANNER_MAX 96
#define BANNER_TIME (1 * NSEC_PER_SEC)
#define PROGRESS_TIME (100 * NSEC_PER_MSEC)

/* What is to be printed of a target. */
struct found {
	struct found *next;
	uint64_t index, rtt;
	uint32_t cid, port;
	enum ping_outcome outcome;
	char banner[BANNER_MAX]; /* or "" */
	char why[256]; /* of PING_ERROR */
};

struct scan;

struct slot {
	struct scan *scan;
	bool busy;
	bool waiting; /* busy too: to be asked again when another slot has finished */
	struct dial dial;
	struct addr addr;
	struct found *found; /* an open port that is asked for its banner */
	size_t got; /* bytes of the banner */
	struct watch watch;
	struct timer timer;
	int fd;
	uint64_t index; /* of the target */
};

struct scan {
	struct ping *ping;
	const struct hosts *hosts;
	struct targets targets;
	struct addr shape; /* of any target, for its text */
	struct slot *slots;
	size_t parallel, busy, waiting;
	struct timer fill, end;
	uint64_t next_index;
	uint64_t open, closed, silent, failed;
	uint64_t skipped; /* of unreachable CIDs */
	uint64_t unprinted; /* open ones that there was no memory for */
	uint64_t absent; /* unreachable CIDs */
	uint64_t failed_cid; /* the last of them; UINT64_MAX: none */
	struct explanation why; /* of the last unreachable CID */
	struct explanation failure; /* of the last port that failed */
	struct explanation shortage; /* the scan ended because of it; what "": it did not */
	bool late; /* the deadline ended it */
	int signal; /* ended it; 0: none */
	struct found *found; /* sorted by index */
	uint64_t shown; /* ns: when progress was shown last */
	int width; /* of the addresses */
};

/* Output */

static char *target_text(struct scan *scan, uint32_t cid, uint32_t port, char *buf, size_t size)
{
	scan->shape.cid = cid;
	scan->shape.port = scan->shape.port_last = port;
	return addr_format_short(&scan->shape, buf, size);
}

static const char *service_name(const struct scan *scan, uint32_t port)
{
	const struct servent *service;

	if (scan->ping->common->numeric || port > 65535)
		return "";
	service = getservbyport(htons((uint16_t)port), "tcp");
	return service ? service->s_name : "";
}

static void print_json(struct scan *scan, const struct found *found, const char *text)
{
	struct json *json = &scan->ping->json;
	const char *service = service_name(scan, found->port);

	json_line(json, stdout);
	json_text(json, "event", "port");
	json_text(json, "address", text);
	json_text(json, "result", ping_outcome_word(found->outcome));
	if (found->outcome <= PING_CLOSED)
		json_real(json, "seconds", (double)found->rtt / NSEC_PER_SEC, 9);
	if (*service)
		json_text(json, "service", service);
	if (*found->banner)
		json_text(json, "banner", found->banner);
	if (*found->why)
		json_text(json, "why", found->why);
	json_line_end(json);
}

static void print_found(struct scan *scan, const struct found *found)
{
	char text[PING_TEXT_MAX], line[PING_TEXT_MAX + 64], told[sizeof(found->why) * 4];
	const char *last = *found->why ? found->why : found->banner;
	size_t length;

	target_text(scan, found->cid, found->port, text, sizeof(text));
	log_progress_end();
	if (scan->ping->options->json) {
		print_json(scan, found, text);
		return;
	}
	snprintf(line, sizeof(line), "%-*s ", scan->width, text);
	length = strlen(line);
	if (log_verbose(1))
		length += (size_t)snprintf(line + length, sizeof(line) - length, "%-8s",
					   ping_outcome_word(found->outcome));
	snprintf(line + length, sizeof(line) - length, *last ? "%-12s " : "%s",
		 service_name(scan, found->port));
	utf8_escape(last, strlen(last), told, sizeof(told)); /* the peer's */
	for (length = strlen(line); !*told && length && line[length - 1] == ' ';)
		line[--length] = '\0';
	printf("%s%s\n", line, told);
}

/* Prints results that no unfinished target precedes. */
static void flush_found(struct scan *scan)
{
	uint64_t first = UINT64_MAX;

	if (!scan->found)
		return;
	for (size_t i = 0; i < scan->parallel; i++)
		if (scan->slots[i].busy && scan->slots[i].index < first)
			first = scan->slots[i].index;
	while (scan->found && scan->found->index < first) {
		struct found *found = scan->found;

		scan->found = found->next;
		if (log_quiet() < 2)
			print_found(scan, found);
		free(found);
	}
	ping_flush();
}

static void keep_found(struct scan *scan, struct found *found)
{
	struct found **link = &scan->found;

	while (*link && (*link)->index < found->index)
		link = &(*link)->next;
	found->next = *link;
	*link = found;
}

static uint64_t finished(const struct scan *scan)
{
	return scan->open + scan->closed + scan->silent + scan->failed + scan->skipped;
}

static void show_progress(struct scan *scan)
{
	uint64_t now = units_now();

	if (now - scan->shown < PROGRESS_TIME)
		return;
	scan->shown = now;
	log_progress("%llu of %llu ports, %.0f %%, %llu open", (unsigned long long)finished(scan),
		     (unsigned long long)scan->targets.total,
		     (double)finished(scan) * 100 / (double)scan->targets.total,
		     (unsigned long long)scan->open);
}

/* Slots */

static bool targets_left(const struct scan *scan)
{
	return !scan->targets.done || scan->waiting;
}

static void slot_free(struct slot *slot)
{
	struct scan *scan = slot->scan;
	struct loop *loop = scan->ping->loop;

	loop_unwatch(loop, &slot->watch);
	loop_timer_stop(loop, &slot->timer);
	fd_close(&slot->fd);
	slot->busy = false;
	scan->busy--;
	flush_found(scan);
	show_progress(scan);
	if (targets_left(scan))
		loop_timer(loop, &scan->fill, 0);
	else if (!scan->busy)
		loop_stop(loop);
}

static void banner_over(struct slot *slot)
{
	keep_found(slot->scan, slot->found);
	slot->found = NULL;
	slot_free(slot);
}

static void no_banner(const struct slot *slot, int error)
{
	log_error("port %u: its banner cannot be read: %s", slot->addr.port, strerror(error));
}

/* The first line is what a service says of itself; it may arrive in pieces. */
static void banner_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct slot *slot = container_of(watch, struct slot, watch);
	char *banner = slot->found->banner;
	ssize_t got = recv(slot->fd, banner + slot->got, BANNER_MAX - 1 - slot->got, MSG_DONTWAIT);
	size_t length;

	(void)loop;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 && errno != ECONNRESET)
		no_banner(slot, errno);
	slot->got += got > 0 ? (size_t)got : 0;
	length = strcspn(banner, "\r\n");
	if (got > 0 && length == slot->got && length < BANNER_MAX - 1)
		return;
	banner[length] = '\0';
	banner_over(slot);
}

static const struct watch_kind banner_watch = { .name = "banner", .ready = banner_ready };

static void banner_expired(struct loop *loop, struct timer *timer)
{
	(void)loop;
	banner_over(container_of(timer, struct slot, timer));
}

static void await_banner(struct slot *slot, int fd)
{
	struct loop *loop = slot->scan->ping->loop;
	int error;

	slot->fd = fd;
	slot->got = 0;
	slot->watch = (struct watch){ .kind = &banner_watch, .fd = -1 };
	slot->timer.expired = banner_expired;
	loop_timer(loop, &slot->timer, units_now() + BANNER_TIME);
	error = loop_watch(loop, &slot->watch, fd, EPOLLIN);
	if (error) {
		no_banner(slot, -error);
		banner_over(slot);
	}
}

/* An unreachable target: the other ports of its CID are unreachable too. */
static void give_up_cid(struct scan *scan, const struct addr *addr, const struct failure *failure)
{
	uint64_t id = addr->family == ADDR_VSOCK ? addr->cid : 0;

	scan->skipped += 1 + targets_skip(&scan->targets, addr->family == ADDR_VSOCK
								  ? addr->cid
								  : (uint32_t)scan->targets.cid);
	if (scan->failed_cid == id)
		return;
	scan->failed_cid = id;
	scan->absent++;
	explain(addr, failure, &scan->why);
	if (log_verbose(1) && scan->targets.hosts > 1)
		log_info(1, "CID %u: %s", addr->cid, scan->why.what);
}

/* Does this failure say nothing of the other ports? Their number is known to have ended a
 * connection that was made, or a firewall here judges them one by one. */
static bool is_of_port(const struct addr *addr, const struct failure *failure)
{
	switch (failure->error) {
	case ECONNRESET:
	case EPIPE:
	case ENOTCONN:
	case EPROTO:
		return failure->step == STEP_CONNECT || failure->step == STEP_HANDSHAKE;
	case EAGAIN: /* a backlog that stays full */
		return failure->step == STEP_CONNECT;
	case EACCES:
	case EPERM:
		return failure->step == STEP_CONNECT && addr_is_ip(addr);
	default:
		return false;
	}
}

/* Descriptors or memory are short: ends the scan, or waits for another slot to give some back. */
static void run_short(struct slot *slot, const struct failure *failure)
{
	struct scan *scan = slot->scan;

	slot->waiting = true;
	scan->waiting++;
	if (scan->busy > scan->waiting)
		return;
	explain(&slot->addr, failure, &scan->shortage);
	loop_stop(scan->ping->loop);
}

static void count(struct scan *scan, struct slot *slot, enum ping_outcome outcome,
		  const struct failure *failure)
{
	if (outcome == PING_OPEN) {
		scan->open++;
	} else if (outcome == PING_CLOSED) {
		scan->closed++;
	} else if (outcome == PING_TIMEOUT) {
		scan->silent++;
	} else if (is_of_port(&slot->addr, failure)) {
		scan->failed++;
		explain(&slot->addr, failure, &scan->failure);
	} else {
		give_up_cid(scan, &slot->addr, failure);
	}
}

/* Open ports are printed; with -v others, too, unless they were skipped with their CID. */
static bool is_printed(const struct slot *slot, enum ping_outcome outcome,
		       const struct failure *failure)
{
	return outcome == PING_OPEN ||
	       (log_verbose(1) && (outcome != PING_ERROR || is_of_port(&slot->addr, failure)));
}

static void slot_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct slot *slot = container_of(dial, struct slot, dial);
	struct scan *scan = slot->scan;
	enum ping_outcome outcome = ping_judge(&slot->addr, failure);
	struct found *found = NULL;

	if (failure && explain_is_shortage(failure->error)) {
		run_short(slot, failure);
		return;
	}
	if (fd >= 0)
		loop_unwatch(loop, &dial->watch);
	count(scan, slot, outcome, failure);
	if (is_printed(slot, outcome, failure))
		found = calloc(1, sizeof(*found));
	if (found) {
		*found = (struct found){ .index = slot->index,
					 .rtt = units_now() - dial->connect_began,
					 .cid = slot->addr.cid,
					 .port = slot->addr.port,
					 .outcome = outcome };
		if (outcome == PING_ERROR)
			strlcpy(found->why, scan->failure.what, sizeof(found->why));
		if (fd >= 0 && scan->ping->options->banner) {
			slot->found = found;
			await_banner(slot, fd);
			return;
		}
		keep_found(scan, found);
	} else if (outcome == PING_OPEN) {
		scan->unprinted++;
	}
	slot->fd = fd;
	slot_free(slot);
}

/* A slot for the next target, or the one of a target that waits. NULL: there is neither. */
static struct slot *next_slot(struct scan *scan)
{
	uint32_t cid, port;

	for (size_t i = 0; i < scan->parallel; i++) {
		struct slot *slot = &scan->slots[i];

		if (scan->waiting ? !slot->waiting : slot->busy)
			continue;
		if (slot->waiting) {
			slot->waiting = false;
			scan->waiting--;
			return slot;
		}
		if (!targets_next(&scan->targets, &cid, &port))
			return NULL;
		slot->busy = true;
		scan->busy++;
		slot->index = scan->next_index++;
		slot->addr.cid = cid;
		slot->addr.port = slot->addr.port_last = port;
		return slot;
	}
	return NULL;
}

static void fill_slots(struct loop *loop, struct timer *timer)
{
	struct scan *scan = container_of(timer, struct scan, fill);
	struct slot *slot;

	for (size_t i = 0; i < scan->parallel && (slot = next_slot(scan)); i++) {
		dial_start(scan->ping->dialer, &slot->dial, &slot->addr, &scan->ping->dialling,
			   slot_done);
		if (scan->waiting) /* what is short is not there yet */
			return;
	}
	if (scan->targets.done && !scan->busy)
		loop_stop(loop);
	else if (!scan->targets.done && scan->busy < scan->parallel)
		loop_timer(loop, &scan->fill, 0);
}

/* The run */

static void deadline_expired(struct loop *loop, struct timer *timer)
{
	container_of(timer, struct scan, end)->late = true;
	loop_stop(loop);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct scan *scan = context;

	if (info->ssi_signo != SIGQUIT) {
		scan->signal = (int)info->ssi_signo;
		loop_stop(loop);
		return;
	}
	log_progress_end();
	fprintf(stderr, "%llu of %llu ports: %llu open, %llu closed, %llu silent\n",
		(unsigned long long)finished(scan), (unsigned long long)scan->targets.total,
		(unsigned long long)scan->open, (unsigned long long)scan->closed,
		(unsigned long long)scan->silent);
}

static int prepare(struct scan *scan, struct ping *ping)
{
	char text[PING_TEXT_MAX];
	const struct units_set *cids = &scan->targets.cids, *ports = &scan->targets.ports;
	uint64_t cid = 0, port = 0;
	struct addr machine = scan->targets.base;

	machine.has_port = machine.family == ADDR_TCP;
	machine.port = machine.port_last = (uint32_t)scan->targets.port;
	machine.cid = (uint32_t)scan->targets.cid;
	ping_suggest_waiting(ping, addr_format_short(&machine, text, sizeof(text)), NULL);
	scan->ping = ping;
	scan->shape = scan->targets.base;
	scan->failed_cid = UINT64_MAX;
	scan->fill.expired = fill_slots;
	scan->end.expired = deadline_expired;
	scan->parallel = (size_t)ping->options->parallel;
	scan->slots = calloc(scan->parallel, sizeof(*scan->slots));
	if (!scan->slots)
		return -ENOMEM;
	for (size_t i = 0; i < scan->parallel; i++) {
		scan->slots[i].scan = scan;
		scan->slots[i].fd = -1;
		scan->slots[i].addr = scan->targets.base;
	}
	for (size_t i = 0; i < cids->count; i++)
		cid = cids->ranges[i].last > cid ? cids->ranges[i].last : cid;
	for (size_t i = 0; i < ports->count; i++)
		port = ports->ranges[i].last > port ? ports->ranges[i].last : port;
	scan->width = (int)strlen(
		target_text(scan, (uint32_t)cid, (uint32_t)port, text, sizeof(text)));
	return ping_signals(ping->loop, false, on_signal, scan);
}

static void where_text(const struct scan *scan, char *buf, size_t size)
{
	const struct targets *targets = &scan->targets;
	struct addr base = targets->base;
	const char *name;
	size_t length;

	base.options.given = 0;
	if (base.family != ADDR_VSOCK) {
		addr_format_short(&base, buf, size);
		*strrchr(buf, ':') = '\0';
	} else if (targets->hosts > 1) {
		snprintf(buf, size, "%llu CIDs", (unsigned long long)targets->hosts);
	} else {
		uint32_t cid = (uint32_t)targets->cids.ranges[0].first;

		name = scan->ping->common->numeric ? NULL : hosts_name_of(scan->hosts, cid);
		snprintf(buf, size, "CID %u%s%s%s", cid, name ? " (" : "", name ? name : "",
			 name ? ")" : "");
	}
	length = strlen(buf);
	if (*base.options.netns)
		snprintf(buf + length, size - length, ", netns=%s,", base.options.netns);
}

/* Standard error: what is on standard output is addresses. */
static void sum_up(struct scan *scan, uint64_t elapsed)
{
	char where[PING_TEXT_MAX], age[32];
	uint64_t asked = scan->open + scan->closed + scan->silent + scan->failed;
	uint64_t left = scan->targets.total - asked;

	if (scan->targets.hosts > 1)
		left -= scan->skipped; /* told as CIDs */
	where_text(scan, where, sizeof(where));
	if (log_quiet())
		return;
	/* tenths of a second are enough */
	units_show_duration(elapsed > 100 * NSEC_PER_MSEC
				    ? elapsed / (100 * NSEC_PER_MSEC) * (100 * NSEC_PER_MSEC)
				    : elapsed,
			    age, sizeof(age));
	fprintf(stderr, "%llu ports of %s in %s: %llu open, %llu closed, %llu silent",
		(unsigned long long)asked, where, age, (unsigned long long)scan->open,
		(unsigned long long)scan->closed, (unsigned long long)scan->silent);
	if (scan->failed)
		fprintf(stderr, ", %llu failed", (unsigned long long)scan->failed);
	if (left)
		fprintf(stderr, "; %llu not probed", (unsigned long long)left);
	if (scan->absent && scan->targets.hosts > 1)
		fprintf(stderr, "; %llu CIDs cannot be reached", (unsigned long long)scan->absent);
	fputc('\n', stderr);
}

static void sum_up_json(struct scan *scan, uint64_t elapsed)
{
	struct json *json = &scan->ping->json;

	if (!scan->ping->options->json || log_quiet() >= 2)
		return;
	json_line(json, stdout);
	json_text(json, "event", "summary");
	json_number(json, "open", scan->open);
	json_number(json, "closed", scan->closed);
	json_number(json, "silent", scan->silent);
	json_number(json, "failed", scan->failed);
	json_number(json, "unprobed",
		    scan->targets.total -
			    (scan->open + scan->closed + scan->silent + scan->failed));
	json_number(json, "hosts", scan->targets.hosts);
	json_number(json, "absent", scan->absent);
	json_real(json, "seconds", (double)elapsed / NSEC_PER_SEC, 6);
	json_line_end(json);
}

/* Why the scan is not complete, or found nothing. */
static void tell_failures(const struct scan *scan)
{
	const struct explanation *why = NULL;
	char limit[32];

	if (scan->failed && !scan->open && !scan->closed && !scan->silent)
		why = &scan->failure;
	if (scan->absent && scan->targets.hosts == 1)
		why = &scan->why;
	if (why)
		log_error("%s", why->what);
	if (*scan->shortage.what) {
		why = &scan->shortage;
		log_error("the scan ended early: %s", why->what);
	} else if (scan->signal) {
		why = NULL;
		log_error("the scan ended early: signal %d (%s)", scan->signal,
			  strsignal(scan->signal));
	} else if (scan->late) {
		why = NULL;
		log_error("the scan ended early: its time of %s was over",
			  units_show_duration(scan->ping->options->deadline, limit, sizeof(limit)));
	}
	if (why && *why->hint)
		log_hint("%s", why->hint);
}

static int exit_status(const struct scan *scan)
{
	if (*scan->shortage.what)
		return STATUS_FAILURE;
	if (scan->late || scan->signal)
		return STATUS_TIMEOUT;
	if (scan->open)
		return STATUS_DONE;
	if (scan->closed)
		return STATUS_REFUSED;
	if (scan->silent)
		return STATUS_TIMEOUT;
	if (scan->absent)
		return (int)scan->why.status;
	return scan->failed ? (int)scan->failure.status : STATUS_FAILURE;
}

static void clean_up(struct scan *scan)
{
	for (size_t i = 0; i < scan->parallel; i++) {
		struct slot *slot = &scan->slots[i];

		if (!slot->busy)
			continue;
		dial_cancel(&slot->dial);
		loop_unwatch(scan->ping->loop, &slot->watch);
		loop_timer_stop(scan->ping->loop, &slot->timer);
		fd_close(&slot->fd);
		if (slot->found)
			keep_found(scan, slot->found);
		slot->busy = false;
	}
	flush_found(scan);
	free(scan->slots);
}

static int scan_run(struct scan *scan, struct ping *ping)
{
	uint64_t started = units_now(), elapsed;
	int error = prepare(scan, ping);

	if (!error) {
		loop_timer(ping->loop, &scan->fill, 0);
		if (ping->options->deadline != UNITS_INF)
			loop_timer(ping->loop, &scan->end, started + ping->options->deadline);
		error = loop_run(ping->loop);
	}
	elapsed = units_now() - started;
	log_progress_end();
	if (scan->slots)
		clean_up(scan);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot scan: %s", strerror(-error));
	sum_up_json(scan, elapsed);
	tell_failures(scan);
	sum_up(scan, elapsed);
	if (scan->unprinted)
		return log_failure(STATUS_FAILURE, "open ports that were not printed: %llu (%s)",
				   (unsigned long long)scan->unprinted, strerror(ENOMEM));
	return exit_status(scan);
}

int ping_scan(struct ping *ping, const char *text, const struct hosts *hosts)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int status;

	if (!scan)
		return log_failure(STATUS_FAILURE, "%s", strerror(ENOMEM));
	scan->hosts = hosts;
	status = targets_read(&scan->targets, text, hosts);
	if (!status)
		status = scan_run(scan, ping);
	targets_free(&scan->targets);
	free(scan);
	return status;
}
