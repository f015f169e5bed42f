/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: is a path sound? See ping/check.h.
 *
 * Theory of operation: a check opens connections all at once. Each sends its request,
 * performs its own steps, and then asks the other end on new connections for the result there. The
 * checks run one after another, so that the symptoms of one do not disturb the next; only the idle
 * connection waits beside them.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "ping/check.h"
#include "ping/ping.h"

#define PATIENCE (3500 * NSEC_PER_MSEC) /* one second more than the other end has */
#define CONN_TIME (25 * NSEC_PER_SEC)
#define ASKS 14 /* in 5 s; a count, because all of this machine may stand still for a while */
#define ASK_PAUSE (10 * NSEC_PER_MSEC) /* doubled each time, up to */
#define ASK_PAUSE_MAX (500 * NSEC_PER_MSEC)
#define CONNECT_TIME (5 * NSEC_PER_SEC)
#define REFUSED_TIME (3 * NSEC_PER_SEC)
#define LATE_TIME (2500 * NSEC_PER_MSEC) /* the known ones come 3 s late */
#define PORTS_TRIED 3
#define INDENT "        "

enum {
	STREAMS = 1,
	MESSAGES = 2,
	EITHER = STREAMS | MESSAGES,
	MIRRORED = 4, /* it is performed a second time with the ends exchanged */
};

/* What is checked. "up" is from here to there. */
static const struct plan {
	enum check_id id;
	uint8_t flags, copies;
	const char *key, *name;
} plans[] = {
	{ CHECKED_PIECES, STREAMS | MIRRORED, 1, "pieces", "small pieces" },
	{ CHECKED_SLOW, STREAMS | MIRRORED, 1, "slow", "slow reader" },
	{ CHECKED_BOTH, STREAMS, 1, "both", "both windows full" },
	{ CHECKED_STREAMS, STREAMS, 8, "streams", "8 streams at once" },
	{ CHECKED_MESSAGES, MESSAGES | MIRRORED, 1, "messages", "messages" },
	{ CHECKED_HALF_CLOSE, EITHER | MIRRORED, 1, "half-close", "half-close" },
	{ CHECKED_CLOSE, EITHER | MIRRORED, 1, "close", "close, then read" },
	{ CHECKED_ABORT, STREAMS | MIRRORED, 1, "reset", "reset" },
	{ CHECKED_CONNECTIONS, EITHER, 100, "connections", "100 connections at once" },
};
static const struct plan idle_plan = { CHECKED_IDLE, EITHER, 1, "idle", "idle for 3 s" };

/* What each end does. Of what is not read yet, no check but SLOW and BOTH leaves as much as a
 * window has (256 KiB), and none but TRANSFER writes much at once: each finds its own defects. */
static const struct script {
	enum check_id id;
	const char *here, *there;
} scripts[] = {
	{ CHECKED_PIECES, "send=240000/200 end", "wait=600 receive=240000/200" },
	{ CHECKED_PIECES, "send=200000/1-4097 end", "wait=300 receive=200000/1-4097" },
	{ CHECKED_PIECES, "send=64000/4000 send=6400/100 end",
	  "wait=300 receive=64000/4000 receive=6400/100" },
	{ CHECKED_SLOW, "send=1048576/4096 end",
	  "wait=400 receive=65536/4096 wait=100 receive=262144/4096 wait=100 receive=720896/4096" },
	{ CHECKED_BOTH, "both=1048576/4096 send=1 end", "both=1048576/4096 receive=1" },
	{ CHECKED_STREAMS, "both=262144/4096 send=1 end", "both=262144/4096 receive=1" },
	{ CHECKED_MESSAGES, "send=150000/1-8192 end", "receive=150000/1-8192" },
	{ CHECKED_MESSAGES, "send=65536 end", "receive=65536" },
	{ CHECKED_HALF_CLOSE, "send=1000 shut receive=100000/4096",
	  "receive=1000 end wait=200 send=100000/4096 wait=500" },
	{ CHECKED_CLOSE, "send=100000/4096", "wait=400 receive=100000/4096 end" },
	{ CHECKED_ABORT, "receive=1000/1000 reset", "send=8388608/4096" },
	{ CHECKED_CONNECTIONS, "wait=500 send=4096 receive=4096", "receive=4096 send=4096 end" },
	{ CHECKED_IDLE, "wait=3000 send=1000 receive=1000",
	  "wait=3000 receive=1000 send=1000 end" },
};

static const uint32_t sizes[] = {
	1,     2,     4095,  4096,  4097,  8191,  8192,	  8193,	  16384,
	32767, 32768, 32769, 65535, 65536, 65537, 262143, 262144, 262145
};

struct group;

/* One connection of a check, and those that ask for its result. */
struct conn {
	struct group *group;
	struct dial dial;
	struct check_run run;
	struct timer again; /* when to ask again */
	int fd;
	uint32_t seed;
	const char *there; /* the script of the other end */
	struct checked checked;
	bool asking;
	unsigned asked; /* how often */
	uint64_t started; /* ns: the present attempt to connect */
	char peer[PEER_TEXT_MAX]; /* our address as the other end sees it */
};

/* The connections of a check that are open at once. */
struct group {
	struct checks *checks;
	struct conn *conns;
	size_t count, pending;
};

struct checks {
	struct ping *ping;
	struct addr addr; /* of what is connected to: for a closed port another one */
	struct dial_settings dialling;
	struct timer end;
	struct group idle;
	uint32_t seed; /* the next one */
	uint64_t started, check_started; /* ns */
	unsigned number, failed;
	bool late; /* the time is over, or the memory: no more checks */
};

/* Output */

/* Text in a description of TAP, where # begins a directive. */
static void print_tap(const char *text)
{
	for (; *text; text++)
		printf(*text == '#' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void print_known(const char *before, const struct known *known)
{
	printf("%sknown defect: %s\n%sversions: %s\n%swhat helps: %s\n", before, known->defect,
	       before, known->versions, before, known->help);
}

static void print_json(struct checks *checks, const char *key, const struct verdict *verdict,
		       const struct known *known)
{
	struct json *json = &checks->ping->json;

	json_line(json, stdout);
	json_text(json, "event", "check");
	json_text(json, "address", checks->ping->text);
	json_text(json, "check", key);
	json_text(json, "result",
		  !verdict->symptom			? "ok"
		  : verdict->symptom == SYMPTOM_SKIPPED ? "skipped"
							: "failed");
	json_text(json, "what", verdict->what);
	json_text(json, "defect", known ? known->defect : NULL);
	json_text(json, "versions", known ? known->versions : NULL);
	json_text(json, "help", known ? known->help : NULL);
	json_real(json, "seconds",
		  (double)(units_now() - checks->check_started) / (double)NSEC_PER_SEC, 6);
	json_line_end(json);
}

static void report(struct checks *checks, enum check_id id, const char *key, const char *name,
		   const struct verdict *verdict)
{
	const struct ping_options *options = checks->ping->options;
	bool skipped = verdict->symptom == SYMPTOM_SKIPPED, failed = verdict->symptom && !skipped;
	const struct known *known = failed ? check_known(id, verdict->symptom) : NULL;
	char what[4 * sizeof(verdict->what)];

	checks->number++;
	checks->failed += failed;
	utf8_escape(verdict->what, strlen(verdict->what), what, sizeof(what));
	if (log_quiet() >= 2 || (log_quiet() && !failed && !options->tap))
		return;
	if (options->json) {
		print_json(checks, key, verdict, known);
	} else if (options->tap) {
		printf("%s %u - %s", failed ? "not ok" : "ok", checks->number, name);
		printf(skipped ? " # SKIP " : *what ? ": " : "");
		print_tap(what);
		putchar('\n');
		if (known)
			print_known("# ", known);
	} else {
		printf(*what ? "%-7s %-24s %s\n" : "%-7s %s\n",
		       failed	 ? "FAIL"
		       : skipped ? "skip"
				 : "ok",
		       name, what);
		if (known)
			print_known(INDENT, known);
	}
	ping_flush();
}

static void begin_report(struct checks *checks)
{
	struct ping *ping = checks->ping;

	if (ping->options->json)
		return;
	if (ping->options->tap && log_quiet() < 2)
		printf("TAP version 13\n");
	else if (!log_quiet())
		printf("CHECK %s\n", ping->text);
	ping_flush(); /* before an error that may follow */
}

static void sum_up(struct checks *checks)
{
	struct ping *ping = checks->ping;
	double seconds = (double)(units_now() - checks->started) / (double)NSEC_PER_SEC;

	if (log_quiet() >= 2 || (log_quiet() && !ping->options->tap))
		return;
	if (ping->options->json) {
		json_line(&ping->json, stdout);
		json_text(&ping->json, "event", "summary");
		json_text(&ping->json, "address", ping->text);
		json_number(&ping->json, "checks", checks->number);
		json_number(&ping->json, "failed", checks->failed);
		json_bool(&ping->json, "complete", !checks->late);
		json_real(&ping->json, "seconds", seconds, 6);
		json_line_end(&ping->json);
	} else if (ping->options->tap && checks->late) {
		printf("Bail out! not everything was checked\n"); /* a plan would be complete */
	} else if (ping->options->tap) {
		printf("1..%u\n", checks->number);
	} else if (!ping->status) {
		printf("\n--- %s check ---\n%u checks, %u failed, %.1f s: ", ping->text,
		       checks->number, checks->failed, seconds);
		printf(checks->failed ? "the path is not sound\n"
		       : checks->late ? "not everything was checked\n"
				      : "the path is sound\n");
	}
	ping_flush();
}

/* Connections */

static void conn_dialled(struct loop *loop, struct dial *dial, int fd,
			 const struct failure *failure);

static void conn_over(struct conn *conn)
{
	if (--conn->group->pending == 0)
		loop_stop(conn->group->checks->ping->loop);
}

static void conn_dial(struct conn *conn)
{
	struct checks *checks = conn->group->checks;

	conn->started = units_now();
	dial_cancel(&conn->dial);
	memset(&conn->dial, 0, sizeof(conn->dial));
	dial_start(checks->ping->dialer, &conn->dial, &checks->addr, &checks->dialling,
		   conn_dialled);
}

static void ask_again(struct loop *loop, struct timer *timer)
{
	(void)loop;
	conn_dial(container_of(timer, struct conn, again));
}

/* The answer was not there yet, or none came. */
static void ask_later(struct conn *conn)
{
	uint64_t pause = ASK_PAUSE << conn->asked;

	if (pause > ASK_PAUSE_MAX)
		pause = ASK_PAUSE_MAX;
	if (++conn->asked == ASKS)
		conn_over(conn);
	else
		loop_timer(conn->group->checks->ping->loop, &conn->again, units_now() + pause);
}

static bool conn_heard(struct check_run *run)
{
	struct conn *conn = container_of(run, struct conn, run);
	const char *peer;

	if (conn->asking)
		return check_read_result(run->line, conn->seed, &conn->checked.there);
	peer = check_answer(run->line, conn->seed, "peer");
	if (peer)
		snprintf(conn->peer, sizeof(conn->peer), "%.*s", (int)sizeof(conn->peer) - 1, peer);
	return peer != NULL;
}

static void conn_done(struct check_run *run)
{
	struct conn *conn = container_of(run, struct conn, run);

	fd_close(&conn->fd);
	if (conn->asking) {
		if (conn->checked.there.outcome > CHECK_RUNNING)
			conn_over(conn);
		else
			ask_later(conn);
		return;
	}
	conn->checked.here = run->result;
	conn->checked.unanswered = run->hearing;
	if (run->hearing) {
		conn_over(conn);
		return;
	}
	conn->asking = true;
	/* not from here, where the last dial may not have returned */
	loop_timer(conn->group->checks->ping->loop, &conn->again, units_now());
}

static void conn_dialled(struct loop *loop, struct dial *dial, int fd,
			 const struct failure *failure)
{
	struct conn *conn = container_of(dial, struct conn, dial);
	struct checks *checks = conn->group->checks;
	char line[CHECK_LINE_MAX];
	struct explanation why;

	if (fd < 0 && conn->asking) {
		ask_later(conn);
		return;
	}
	if (fd < 0) {
		explain_briefly(&checks->addr, failure, &why);
		snprintf(conn->checked.why, sizeof(conn->checked.why), "%s", why.what);
		conn->checked.failure = *failure;
		conn->checked.failure.detail = NULL;
		conn_over(conn);
		return;
	}
	loop_unwatch(loop, &dial->watch);
	conn->fd = fd;
	if (!conn->asking)
		conn->checked.connect = units_now() - conn->started;
	snprintf(line, sizeof(line), "VSOCK-CHECK 1 %08" PRIx32 " %s\n", conn->seed,
		 conn->asking ? "report" : conn->there);
	conn->run = (struct check_run){
		.seqpacket = checks->addr.seqpacket,
		.patience = PATIENCE,
		.time = CONN_TIME,
		.heard = conn_heard,
		.done = conn_done,
	};
	if (!conn->asking)
		conn->run.request = conn->checked.here_steps;
	/* if it cannot be sent the connection is broken, which reading finds out */
	check_say(fd, line);
	check_start(&conn->run, loop, fd);
}

static void add_conn(struct group *group, const char *here, const char *there)
{
	struct conn *conn = &group->conns[group->count++];

	conn->group = group;
	conn->fd = -1;
	conn->again.expired = ask_again;
	conn->seed = group->checks->seed++;
	conn->there = there;
	if (!check_read_steps(here, &conn->checked.here_steps) ||
	    !check_read_steps(there, &conn->checked.there_steps))
		abort(); /* of the tables here */
	conn->checked.here_steps.seed = conn->checked.there_steps.seed = conn->seed;
}

/* Makes room for connections; false, and reported: no memory. */
static bool group_make(struct group *group, struct checks *checks, size_t count)
{
	*group = (struct group){ .checks = checks, .conns = calloc(count, sizeof(struct conn)) };
	if (!group->conns) {
		log_error("%s", strerror(ENOMEM));
		checks->ping->status = STATUS_FAILURE;
		checks->late = true;
	}
	return group->conns;
}

static void group_start(struct group *group)
{
	group->pending = group->count;
	for (size_t i = 0; i < group->count; i++)
		conn_dial(&group->conns[i]);
}

/* Until all its connections are over, or the time is. */
static void group_await(struct group *group)
{
	struct checks *checks = group->checks;

	while (group->pending && !checks->late && loop_run(checks->ping->loop) == 0)
		;
}

static void group_free(struct group *group)
{
	for (size_t i = 0; group->conns && i < group->count; i++) {
		struct conn *conn = &group->conns[i];

		dial_cancel(&conn->dial);
		check_stop(&conn->run);
		loop_timer_stop(group->checks->ping->loop, &conn->again);
		fd_close(&conn->fd);
	}
	free(group->conns);
	group->conns = NULL;
}

/* Checks */

/* What the first bad connection says, and how many there are. */
static void judge(struct group *group, enum check_id id, uint32_t size, struct verdict *verdict)
{
	size_t bad = 0;

	*verdict = (struct verdict){ .symptom = SYMPTOM_NONE };
	for (size_t i = 0; i < group->count; i++) {
		struct verdict own;

		check_judge(id, &group->conns[i].checked, size, &own);
		if (own.symptom && bad++ == 0)
			*verdict = own;
	}
	/* that none is accepted has another reason than a full backlog: the other end is gone */
	if (verdict->symptom == SYMPTOM_REFUSED && bad == group->count)
		verdict->symptom = SYMPTOM_OTHER;
	if (bad && group->count > 3) {
		char first[sizeof(verdict->what)];

		memcpy(first, verdict->what, sizeof(first));
		snprintf(verdict->what, sizeof(verdict->what), "%zu of %zu: %.200s", bad,
			 group->count, first);
	}
}

static void judge_times(const struct group *group, struct verdict *verdict)
{
	uint64_t slowest = 0;

	if (verdict->symptom)
		return;
	for (size_t i = 0; i < group->count; i++)
		if (group->conns[i].checked.connect > slowest)
			slowest = group->conns[i].checked.connect;
	if (slowest > LATE_TIME)
		verdict->symptom = SYMPTOM_LATE;
	snprintf(verdict->what, sizeof(verdict->what), "the slowest connected in %.3f ms",
		 (double)slowest / NSEC_PER_MSEC);
}

static bool start_plan(struct checks *checks, const struct plan *plan, bool down,
		       struct group *group)
{
	if (!group_make(group, checks, plan->copies * ARRAY_SIZE(scripts)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		for (int copy = 0; scripts[i].id == plan->id && copy < plan->copies; copy++)
			add_conn(group, down ? scripts[i].there : scripts[i].here,
				 down ? scripts[i].here : scripts[i].there);
	group_start(group);
	return true;
}

static void end_plan(struct checks *checks, const struct plan *plan, bool down, struct group *group)
{
	const char *way = !(plan->flags & MIRRORED) ? "" : down ? "down" : "up";
	char key[32], name[32];
	struct verdict verdict;

	group_await(group);
	if (!checks->late) {
		judge(group, plan->id, 0, &verdict);
		if (plan->id == CHECKED_CONNECTIONS)
			judge_times(group, &verdict);
		snprintf(key, sizeof(key), "%s%s%s", plan->key, *way ? "-" : "", way);
		snprintf(name, sizeof(name), "%s%s%s", plan->name, *way ? ", " : "", way);
		report(checks, plan->id, key, name, &verdict);
	}
	group_free(group);
}

static void run_plan(struct checks *checks, const struct plan *plan, bool down)
{
	struct group group;

	checks->check_started = units_now();
	if (!checks->late && start_plan(checks, plan, down, &group))
		end_plan(checks, plan, down, &group);
}

/* One connection with these scripts, into group, which the caller frees. */
static bool run_one(struct checks *checks, struct group *group, const char *here, const char *there)
{
	if (!group_make(group, checks, 1))
		return false;
	add_conn(group, here, there);
	group_start(group);
	group_await(group);
	return true;
}

/* Larger and larger pieces, until one is not delivered whole. */
static void check_transfers(struct checks *checks, bool up)
{
	struct verdict verdict = { .symptom = SYMPTOM_NONE };
	char send[32], receive[32], what[sizeof(verdict.what)];
	struct group group;

	checks->check_started = units_now();
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && !verdict.symptom && !checks->late; i++) {
		snprintf(send, sizeof(send), "send=%" PRIu32 " end", sizes[i]);
		snprintf(receive, sizeof(receive), "receive=%" PRIu32, sizes[i]);
		if (!run_one(checks, &group, up ? send : receive, up ? receive : send))
			return;
		judge(&group, CHECKED_TRANSFER, sizes[i], &verdict);
		group_free(&group);
		if (!verdict.symptom)
			continue;
		memcpy(what, verdict.what, sizeof(what));
		snprintf(verdict.what, sizeof(verdict.what), "a piece of %" PRIu32 " bytes: %.250s",
			 sizes[i], what);
	}
	if (!verdict.symptom)
		snprintf(verdict.what, sizeof(verdict.what), "pieces of %zu sizes up to 256 KiB",
			 ARRAY_SIZE(sizes));
	if (!checks->late)
		report(checks, CHECKED_TRANSFER, up ? "transfer-up" : "transfer-down",
		       up ? "large pieces, up" : "large pieces, down", &verdict);
}

/* A port of the same machine where most likely nothing listens. */
static void choose_port(struct checks *checks)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), 0);
	checks->addr.port = checks->addr.family == ADDR_TCP ? 49152 + number % 16384
							    : 1U << 30 | number >> 4;
	checks->addr.port_last = checks->addr.port;
	checks->addr.service[0] = '\0';
}

/* False: that port was another service's, so another one may tell more. */
static bool judge_refused(const struct checks *checks, const struct checked *checked,
			  struct verdict *verdict)
{
	enum ping_outcome outcome = ping_judge(&checks->addr, &checked->failure);
	const char *what = checked->why;

	if (!checked->failure.error) {
		verdict->symptom = checked->unanswered ? SYMPTOM_ACCEPTED : SYMPTOM_SKIPPED;
		what = checked->unanswered ? "it accepts a connection, and then closes it"
					   : "all ports lead to this service";
	} else if (outcome == PING_CLOSED) {
		verdict->symptom = SYMPTOM_NONE;
		what = "it refuses at once";
	} else if (outcome != PING_TIMEOUT) {
		verdict->symptom = SYMPTOM_OTHER;
	} else if (checks->addr.family == ADDR_TCP) {
		verdict->symptom = SYMPTOM_SKIPPED;
		what = "no answer; a firewall may drop it";
	} else {
		verdict->symptom = SYMPTOM_SWALLOWED;
		what = "no answer in 3 s";
	}
	snprintf(verdict->what, sizeof(verdict->what), "%s", what);
	return verdict->symptom != SYMPTOM_SKIPPED || checked->failure.error;
}

static void check_refused(struct checks *checks)
{
	struct verdict verdict = { .symptom = SYMPTOM_SKIPPED,
				   .what = "this address has no other port" };
	bool known = checks->addr.family == ADDR_UNIX;
	struct group group;

	checks->check_started = units_now();
	checks->dialling.connect_timeout = REFUSED_TIME;
	for (int i = 0; !known && !checks->late && i < PORTS_TRIED; i++) {
		choose_port(checks);
		if (!run_one(checks, &group, "", "wait=0"))
			return;
		if (!checks->late)
			known = judge_refused(checks, &group.conns[0].checked, &verdict);
		group_free(&group);
	}
	if (!checks->late)
		report(checks, CHECKED_REFUSED, "refused", "closed port", &verdict);
}

/* Whether there is anything to check, and our address there. False: there is not. */
static bool check_connect(struct checks *checks)
{
	struct verdict verdict;
	struct checked *checked;
	struct group group;

	if (!run_one(checks, &group, "end", "wait=0"))
		return false;
	if (checks->late) { /* it was interrupted, which says nothing of the path */
		group_free(&group);
		return false;
	}
	checked = &group.conns[0].checked;
	judge(&group, CHECKED_CONNECT, 0, &verdict);
	if (!verdict.symptom)
		snprintf(verdict.what, sizeof(verdict.what), "in %.3f ms",
			 (double)checked->connect / NSEC_PER_MSEC);
	/* in text, an error is reported below, as all programs do */
	if (!(checked->failure.error || checked->unanswered) || checks->ping->options->json ||
	    checks->ping->options->tap)
		report(checks, CHECKED_CONNECT, "connect", "connection", &verdict);
	if (checked->failure.error) {
		checks->ping->status = explain_say(&checks->addr, &checked->failure);
	} else if (checked->unanswered) {
		log_error("%s: the other end does not answer as vsock-listen --check does",
			  checks->ping->text);
		log_hint("run vsock-listen --check at the other end");
		checks->ping->status = STATUS_FAILURE;
	}
	if (!checks->ping->status) {
		check_judge_peer(&checks->addr, group.conns[0].peer, &verdict);
		report(checks, CHECKED_PEER, "peer", "peer's address", &verdict);
	}
	group_free(&group);
	return !checks->ping->status;
}

static void check_all(struct checks *checks)
{
	unsigned sockets = checks->addr.seqpacket ? MESSAGES : STREAMS;
	bool idle = start_plan(checks, &idle_plan, false, &checks->idle);

	if (sockets == STREAMS) {
		check_transfers(checks, true);
		check_transfers(checks, false);
	}
	for (const struct plan *plan = plans; plan < plans + ARRAY_SIZE(plans); plan++) {
		if (plan->flags & sockets)
			run_plan(checks, plan, false);
		if (plan->flags & sockets && plan->flags & MIRRORED)
			run_plan(checks, plan, true);
	}
	if (idle)
		end_plan(checks, &idle_plan, false, &checks->idle);
	check_refused(checks);
}

static void time_over(struct loop *loop, struct timer *timer)
{
	container_of(timer, struct checks, end)->late = true;
	loop_stop(loop);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct checks *checks = context;

	if (info->ssi_signo != SIGQUIT)
		time_over(loop, &checks->end);
}

int ping_check(struct ping *ping)
{
	static struct checks checks; /* zeroed; addresses are large */
	uint64_t limit = ping->options->deadline;
	int error;

	if (!ping->want_open)
		return log_failure(STATUS_USAGE,
				   "%s: --check needs a port, that of a vsock-listen --check",
				   ping->text);
	checks.ping = ping;
	checks.addr = ping->addr;
	checks.dialling.connect_timeout = CONNECT_TIME;
	(void)!getrandom(&checks.seed, sizeof(checks.seed), 0);
	checks.seed &= 0xffff0000; /* the rest counts connections */
	checks.started = checks.check_started = units_now();
	checks.end.expired = time_over;
	if (limit != UNITS_INF)
		loop_timer(ping->loop, &checks.end, checks.started + limit);
	error = ping_signals(ping->loop, false, on_signal, &checks);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot check: %s", strerror(-error));
	begin_report(&checks);
	if (check_connect(&checks))
		check_all(&checks);
	loop_timer_stop(ping->loop, &checks.end);
	sum_up(&checks);
	if (checks.late)
		log_error("%s: not everything was checked", ping->text);
	if (ping->status)
		return ping->status;
	return checks.failed ? STATUS_BROKEN : checks.late ? STATUS_TIMEOUT : STATUS_DONE;
}
