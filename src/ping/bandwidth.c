/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-bandwidth: how much goes through, up to a service that discards, down from one that
 * generates, or both at once.
 *
 * Theory of operation: --streams connections, each read and written as fast as it will. The clock
 * begins when all of them stand. Up is what the kernel took from us: the windows of both ends are
 * in it, which a second makes small.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "ping/ping.h"

#define BLOCK_SIZE (256 * 1024)
#define TURN_BLOCKS 4 /* of one stream before the next one has its turn */
#define GIB 1073741824.0

struct bandwidth;

struct stream {
	struct bandwidth *bandwidth;
	struct dial dial;
	struct watch watch;
	int fd;
};

struct amount {
	uint64_t up, down; /* bytes */
};

struct bandwidth {
	struct ping *ping;
	struct stream *streams;
	size_t count, up; /* how many stand */
	uint8_t *block; /* what is sent: zeros; what is received goes there, too */
	struct timer tick, end;
	uint64_t began, last; /* ns */
	uint64_t taken, came; /* ns: when the last byte went up, and came down */
	struct amount total, shown;
	struct rusage usage; /* when it began */
	int status;
	bool failed;
};

static bool goes_up(const struct bandwidth *bandwidth)
{
	return bandwidth->ping->options->bandwidth != BANDWIDTH_DOWN;
}

static bool goes_down(const struct bandwidth *bandwidth)
{
	return bandwidth->ping->options->bandwidth != BANDWIDTH_UP;
}

/* Output */

static double seconds(uint64_t ns)
{
	return (double)ns / NSEC_PER_SEC;
}

static void print_way(const char *way, uint64_t bytes, uint64_t ns)
{
	char size[32], rate[32];

	units_show_size(bytes, size, sizeof(size));
	units_show_size(ns ? (uint64_t)((double)bytes / seconds(ns)) : 0, rate, sizeof(rate));
	printf(" %s %s %s/s", way, size, rate);
}

static void begin_json(struct bandwidth *bandwidth, const char *event, const struct amount *amount,
		       uint64_t from, uint64_t to)
{
	struct json *json = &bandwidth->ping->json;

	json_line(json, stdout);
	json_text(json, "event", event);
	json_real(json, "from", seconds(from - bandwidth->began), 6);
	json_real(json, "to", seconds(to - bandwidth->began), 6);
	json_number(json, "up", amount->up);
	json_number(json, "down", amount->down);
}

static void print_interval(struct bandwidth *bandwidth, uint64_t now)
{
	struct amount part = { bandwidth->total.up - bandwidth->shown.up,
			       bandwidth->total.down - bandwidth->shown.down };

	if (log_quiet())
		return;
	if (bandwidth->ping->options->json) {
		begin_json(bandwidth, "interval", &part, bandwidth->last, now);
		json_line_end(&bandwidth->ping->json);
	} else {
		printf("%.2f-%.2f s:", seconds(bandwidth->last - bandwidth->began),
		       seconds(now - bandwidth->began));
		if (goes_up(bandwidth))
			print_way("up", part.up, now - bandwidth->last);
		if (goes_down(bandwidth))
			print_way(goes_up(bandwidth) ? " down" : "down", part.down,
				  now - bandwidth->last);
		putchar('\n');
	}
	ping_flush();
	bandwidth->shown = bandwidth->total;
	bandwidth->last = now;
}

static double cpu_seconds(const struct bandwidth *bandwidth)
{
	struct rusage now;
	struct timeval user, kernel;

	getrusage(RUSAGE_SELF, &now);
	timersub(&now.ru_utime, &bandwidth->usage.ru_utime, &user);
	timersub(&now.ru_stime, &bandwidth->usage.ru_stime, &kernel);
	return (double)(user.tv_sec + kernel.tv_sec) +
	       (double)(user.tv_usec + kernel.tv_usec) / 1e6;
}

static void print_summary(struct bandwidth *bandwidth, uint64_t now)
{
	uint64_t elapsed = now - bandwidth->began,
		 bytes = bandwidth->total.up + bandwidth->total.down;
	double cpu = cpu_seconds(bandwidth), each = bytes ? cpu / ((double)bytes / GIB) : 0;

	if (log_quiet() >= 2)
		return;
	if (bandwidth->ping->options->json) {
		begin_json(bandwidth, "summary", &bandwidth->total, bandwidth->began, now);
		json_number(&bandwidth->ping->json, "streams", bandwidth->count);
		json_real(&bandwidth->ping->json, "cpu", cpu, 6);
		json_real(&bandwidth->ping->json, "cpu_per_gib", each, 6);
		json_line_end(&bandwidth->ping->json);
	} else {
		printf("\n--- %s bandwidth ---\n", bandwidth->ping->text);
		printf("%.2f s:", seconds(elapsed));
		if (goes_up(bandwidth))
			print_way("up", bandwidth->total.up, elapsed);
		if (goes_down(bandwidth))
			print_way(goes_up(bandwidth) ? " down" : "down", bandwidth->total.down,
				  elapsed);
		printf("; CPU here %.2f s, %.2f s per GiB\n", cpu, each);
	}
	ping_flush();
}

/* Streams */

static void fail(struct bandwidth *bandwidth, const struct failure *failure)
{
	bandwidth->status = explain_say(&bandwidth->ping->addr, failure);
	bandwidth->failed = true;
	loop_stop(bandwidth->ping->loop);
}

static void peer_closed(struct bandwidth *bandwidth)
{
	if (bandwidth->failed)
		return;
	log_error("%s: connection broke: the peer closed it", bandwidth->ping->text);
	if (goes_down(bandwidth) && !bandwidth->total.down)
		log_hint("the peer must send: run vsock-listen --generate inf there");
	bandwidth->status = STATUS_BROKEN;
	bandwidth->failed = true;
	loop_stop(bandwidth->ping->loop);
}

/* One send or receive; false: no more now. */
static bool move(struct stream *stream, bool up, uint64_t *bytes)
{
	struct bandwidth *bandwidth = stream->bandwidth;
	const struct addr *addr = &bandwidth->ping->addr;
	bool to_host = addr->family == ADDR_VSOCK && addr->cid == ADDR_CID_HOST;
	ssize_t done = up ? send(stream->fd, bandwidth->block,
				 to_host ? ENDPOINT_MOST_TO_HOST : BLOCK_SIZE,
				 MSG_DONTWAIT | MSG_NOSIGNAL)
			  : recv(stream->fd, bandwidth->block, BLOCK_SIZE, MSG_DONTWAIT);
	int error;

	if (done > 0) {
		*bytes += (uint64_t)done;
		*(up ? &bandwidth->taken : &bandwidth->came) = loop_now(bandwidth->ping->loop);
		return true;
	}
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	error = ping_broken(stream->fd, done == 0 ? EPIPE : errno);
	if (error == EPIPE)
		peer_closed(bandwidth);
	else
		fail(bandwidth, &(struct failure){ .step = STEP_RELAY, .error = error });
	return false;
}

static void stream_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct stream *stream = container_of(watch, struct stream, watch);
	struct bandwidth *bandwidth = stream->bandwidth;

	(void)loop;
	if (bandwidth->failed)
		return;
	if (events & EPOLLIN && goes_down(bandwidth))
		for (int i = 0; i < TURN_BLOCKS && move(stream, false, &bandwidth->total.down); i++)
			;
	if (events & EPOLLOUT && goes_up(bandwidth) && !bandwidth->failed)
		for (int i = 0; i < TURN_BLOCKS && move(stream, true, &bandwidth->total.up); i++)
			;
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
		peer_closed(bandwidth);
}

static const struct watch_kind stream_watch = { .name = "stream", .ready = stream_ready };

static void begin(struct bandwidth *bandwidth)
{
	const struct ping_options *options = bandwidth->ping->options;
	struct loop *loop = bandwidth->ping->loop;
	uint32_t events = (goes_up(bandwidth) ? EPOLLOUT : 0) |
			  (goes_down(bandwidth) ? EPOLLIN : 0);
	int error = 0;

	getrusage(RUSAGE_SELF, &bandwidth->usage);
	bandwidth->began = bandwidth->last = units_now();
	loop_timer(loop, &bandwidth->tick, bandwidth->began + options->interval);
	if (options->deadline != UNITS_INF)
		loop_timer(loop, &bandwidth->end, bandwidth->began + options->deadline);
	for (size_t i = 0; i < bandwidth->count && !error; i++)
		error = loop_watch(loop, &bandwidth->streams[i].watch, bandwidth->streams[i].fd,
				   events);
	if (error)
		fail(bandwidth, &(struct failure){ .step = STEP_SOCKET, .error = -error });
}

static void stream_dialled(struct loop *loop, struct dial *dial, int fd,
			   const struct failure *failure)
{
	struct stream *stream = container_of(dial, struct stream, dial);
	struct bandwidth *bandwidth = stream->bandwidth;

	if (fd < 0) {
		if (!bandwidth->failed)
			fail(bandwidth, failure);
		return;
	}
	loop_unwatch(loop, &dial->watch);
	stream->fd = fd;
	if (++bandwidth->up == bandwidth->count)
		begin(bandwidth);
}

/* True if nothing was transferred in this direction, or nothing during the second half of the
 * measurement. Then the other end is a different service, and its figures would mean nothing. */
static bool stalled(const struct bandwidth *bandwidth, uint64_t bytes, uint64_t last, uint64_t now)
{
	return !bytes || last < bandwidth->began + (now - bandwidth->began) / 2;
}

static void check_amounts(struct bandwidth *bandwidth, uint64_t now)
{
	const struct amount *total = &bandwidth->total;
	bool down = goes_down(bandwidth) && stalled(bandwidth, total->down, bandwidth->came, now);
	bool up = goes_up(bandwidth) && stalled(bandwidth, total->up, bandwidth->taken, now);
	uint64_t bytes = down ? total->down : total->up;

	if (bandwidth->status || (!down && !up))
		return;
	if (bytes)
		log_error("%s: timed out: nothing %s after the first %llu bytes",
			  bandwidth->ping->text, down ? "came" : "was taken",
			  (unsigned long long)bytes);
	else
		log_error("%s: timed out: nothing %s", bandwidth->ping->text,
			  down ? "came" : "was taken");
	log_hint("run vsock-listen --%s at the other end", down ? "generate inf" : "discard");
	bandwidth->status = STATUS_TIMEOUT;
}

/* The run */

static void tick(struct loop *loop, struct timer *timer)
{
	struct bandwidth *bandwidth = container_of(timer, struct bandwidth, tick);
	uint64_t interval = bandwidth->ping->options->interval, now = units_now();

	print_interval(bandwidth, now);
	loop_timer(loop, timer,
		   bandwidth->began + ((now - bandwidth->began) / interval + 1) * interval);
}

static void time_over(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct bandwidth *bandwidth = context;

	if (info->ssi_signo == SIGQUIT) {
		if (bandwidth->began)
			print_interval(bandwidth, units_now());
		return;
	}
	if (!bandwidth->began && !bandwidth->failed) {
		log_error("%s: not connected before signal %u (%s)", bandwidth->ping->text,
			  info->ssi_signo, strsignal((int)info->ssi_signo));
		bandwidth->status = STATUS_TIMEOUT;
	}
	loop_stop(loop);
}

static int bandwidth_start(struct bandwidth *bandwidth, struct ping *ping)
{
	bandwidth->ping = ping;
	bandwidth->count = (size_t)ping->options->streams;
	bandwidth->tick.expired = tick;
	bandwidth->end.expired = time_over;
	bandwidth->streams = calloc(bandwidth->count, sizeof(*bandwidth->streams));
	bandwidth->block = calloc(1, BLOCK_SIZE);
	if (!bandwidth->streams || !bandwidth->block)
		return -ENOMEM;
	for (size_t i = 0; i < bandwidth->count; i++)
		bandwidth->streams[i] = (struct stream){ .bandwidth = bandwidth,
							 .watch = { .kind = &stream_watch,
								    .fd = -1 },
							 .fd = -1 };
	for (size_t i = 0; i < bandwidth->count && !bandwidth->failed; i++)
		dial_start(ping->dialer, &bandwidth->streams[i].dial, &ping->addr, &ping->dialling,
			   stream_dialled);
	return ping_signals(ping->loop, false, on_signal, bandwidth);
}

static void bandwidth_stop(struct bandwidth *bandwidth)
{
	struct loop *loop = bandwidth->ping->loop;

	loop_timer_stop(loop, &bandwidth->tick);
	loop_timer_stop(loop, &bandwidth->end);
	for (size_t i = 0; bandwidth->streams && i < bandwidth->count; i++) {
		dial_cancel(&bandwidth->streams[i].dial);
		loop_unwatch(loop, &bandwidth->streams[i].watch);
		fd_close(&bandwidth->streams[i].fd);
	}
	free(bandwidth->streams);
	free(bandwidth->block);
}

int ping_bandwidth(struct ping *ping)
{
	struct bandwidth bandwidth = { 0 };
	int error = bandwidth_start(&bandwidth, ping);
	uint64_t now;

	if (!error)
		error = loop_run(ping->loop);
	now = units_now();
	if (error) {
		log_error("cannot measure: %s", strerror(-error));
		bandwidth.status = STATUS_FAILURE;
	} else if (bandwidth.began) {
		if (now - bandwidth.last > NSEC_PER_SEC / 20)
			print_interval(&bandwidth, now);
		print_summary(&bandwidth, now);
		check_amounts(&bandwidth, now);
	}
	bandwidth_stop(&bandwidth);
	return bandwidth.status;
}
