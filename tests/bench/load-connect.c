/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load connect. */
#include "load.h"

/*
 * connect: connect, echo, close, as often as it goes
 */

struct visit {
	int fd;
	bool connecting;
	size_t have;
	uint64_t number;
	uint64_t start_ns;
	unsigned char back[24]; /* acknowledgement and echo */
};

struct visits {
	int epoll;
	uint64_t wanted; /* becomes `begun` when the time is up */
	uint64_t begun, good, bad;
	uint64_t end_ns;
	uint64_t *times;
	int last_error;
};

/* Says it and what is to come back, in one write: what a short request looks like. */
static bool visit_ask(struct visit *v)
{
	struct {
		struct header header;
		uint64_t payload[2];
	} ask = { .header = { .magic = MAGIC, .mode = MODE_ECHO, .flags = FLAG_ACK },
		  .payload = { v->number, ~v->number } };

	return send(v->fd, &ask, sizeof(ask), MSG_NOSIGNAL) == (ssize_t)sizeof(ask);
}

/* A UNIX socket's connect waits for room in the backlog, which no poll could tell; the others
 * connect in the background. */
static bool visit_begin(const struct options *o, struct visits *all, struct visit *v)
{
	int family = o->addr.sa.ss_family;
	struct epoll_event ev = { .events = family == AF_UNIX ? EPOLLIN : EPOLLOUT, .data.ptr = v };
	struct timeval tv = { .tv_sec = (time_t)o->limit };

	memset(v, 0, sizeof(*v));
	v->number = all->begun++;
	v->start_ns = now_ns();
	v->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (family == AF_UNIX ? 0 : SOCK_NONBLOCK),
		       0);
	if (v->fd < 0)
		fail("socket: %s", strerror(errno));
	setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	set_nodelay(v->fd, family);
	if (connect(v->fd, (const struct sockaddr *)&o->addr.sa, o->addr.len) < 0 &&
	    errno != EINPROGRESS) {
		all->last_error = errno;
		return false;
	}
	v->connecting = family != AF_UNIX;
	if (family == AF_UNIX) {
		set_blocking(v->fd, false);
		if (!visit_ask(v))
			return false;
	}
	return epoll_ctl(all->epoll, EPOLL_CTL_ADD, v->fd, &ev) == 0;
}

/* Returns 0 to wait, 1 when done, -1 when it failed. */
static int visit_event(struct visits *all, struct visit *v)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = v };
	uint64_t payload[2] = { v->number, ~v->number }, magic = MAGIC;
	socklen_t len = sizeof(int);
	ssize_t n;

	if (v->connecting) {
		v->connecting = false;
		if (getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &all->last_error, &len) < 0 ||
		    all->last_error != 0 || !visit_ask(v))
			return -1;
		return epoll_ctl(all->epoll, EPOLL_CTL_MOD, v->fd, &ev) < 0 ? -1 : 0;
	}
	n = recv(v->fd, v->back + v->have, sizeof(v->back) - v->have, 0);
	if (would_block(n))
		return 0;
	if (n <= 0) {
		all->last_error = n < 0 ? errno : ENODATA;
		return -1;
	}
	v->have += (size_t)n;
	if (v->have < sizeof(v->back))
		return 0;
	return memcmp(v->back, &magic, sizeof(magic)) == 0 &&
			       memcmp(v->back + sizeof(magic), payload, sizeof(payload)) == 0
		       ? 1
		       : -1;
}

/* Ends a visit and begins the next in its place.  Returns how many visits this ended. */
static uint64_t visit_next(const struct options *o, struct visits *all, struct visit *v, bool good)
{
	uint64_t ended = 0;

	for (;;) {
		if (good)
			all->times[all->good++] = now_ns() - v->start_ns;
		else
			all->bad++;
		close(v->fd);
		ended++;
		if (all->bad > all->wanted / 2)
			fail("%" PRIu64 " of %" PRIu64 " connections failed, the last with: %s",
			     all->bad, all->begun, strerror(all->last_error));
		if (now_ns() > all->end_ns)
			all->wanted = all->begun;
		if (all->begun == all->wanted || visit_begin(o, all, v))
			return ended;
		good = false;
	}
}

static void visits_run(const struct options *o, struct visits *all, struct visit *places)
{
	struct epoll_event events[BATCH];
	uint64_t ended = 0;

	for (uint64_t i = 0; i < o->parallel && all->begun < all->wanted; i++)
		if (!visit_begin(o, all, &places[i]))
			ended += visit_next(o, all, &places[i], false);
	while (ended < all->wanted) {
		int n = epoll_wait(all->epoll, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			struct visit *v = events[i].data.ptr;
			int result = visit_event(all, v);

			if (result != 0)
				ended += visit_next(o, all, v, result > 0);
		}
	}
}

int run_connect(struct options *o)
{
	struct visit *places = allocate(o->parallel, sizeof(*places));
	uint64_t start = now_ns();
	struct visits all = {
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.wanted = o->count,
		.times = allocate(o->count, sizeof(uint64_t)),
		.end_ns = start + o->seconds * UINT64_C(1000000000),
	};
	double took;

	visits_run(o, &all, places);
	took = seconds(now_ns() - start);
	qsort(all.times, all.good, sizeof(*all.times), compare_u64);
	printf("{\"test\":\"connect\",\"count\":%" PRIu64 ",\"parallel\":%" PRIu64
	       ",\"good\":%" PRIu64 ",\"failed\":%" PRIu64
	       ",\"seconds\":%.6f,\"per_second\":%.1f,\"median_us\":%.1f,\"p99_us\":%.1f}\n",
	       all.begun, o->parallel, all.good, all.bad, took, (double)all.good / took,
	       percentile_us(all.times, all.good, 0.5), percentile_us(all.times, all.good, 0.99));
	free(all.times);
	free(places);
	close(all.epoll);
	return all.bad == 0 ? 0 : 1;
}
