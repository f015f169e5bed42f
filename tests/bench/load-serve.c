/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load serve: the other end of every client but those of datagrams. */
#include "load.h"

/*
 * The server
 */

struct conn {
	int fd;
	uint32_t watched; /* epoll events asked for */
	uint32_t epoch; /* of the counters it belongs to */
	uint32_t have; /* bytes of the header */
	struct header header;
	uint64_t got;
	uint64_t sent;
	uint64_t errors;
	uint64_t due_ns; /* halfclose: when to answer */
	unsigned char *rest; /* echo: read, not yet written */
	size_t rest_size;
	size_t rest_sent;
	bool answering; /* halfclose: the second half */
	bool ended; /* the peer's end was seen */
	struct conn *next; /* of those that wait for due_ns */
};

struct server {
	int epoll;
	int listener;
	int family;
	struct conn *waiting;
	uint64_t open;
	/* since the last reset */
	uint32_t epoch;
	uint64_t conns, complete, ends, resets, bytes, errors;
	uint64_t first_ns, last_ns;
	double cpu;
};

static void watch(struct server *s, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (events == c->watched)
		return;
	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		fail("epoll_ctl: %s", strerror(errno));
	c->watched = events;
}

static void conn_close(struct server *s, struct conn *c)
{
	for (struct conn **p = &s->waiting; *p != NULL; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	close(c->fd);
	free(c->rest);
	free(c);
	s->open--;
}

/* The connection broke. */
static void conn_broken(struct server *s, struct conn *c)
{
	if (c->epoch == s->epoch && !c->ended)
		s->resets++;
	conn_close(s, c);
}

/* A few bytes on a connection that has not sent much yet: they fit. */
static bool say(struct conn *c, const void *data, size_t size)
{
	return send(c->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void note_payload(struct server *s, struct conn *c, uint64_t now)
{
	if (c->epoch == s->epoch && s->first_ns == 0)
		s->first_ns = now;
}

static void note_complete(struct server *s, struct conn *c)
{
	if (c->epoch != s->epoch)
		return;
	s->complete++;
	s->bytes += c->header.bytes;
	s->errors += c->errors;
	s->last_ns = now_ns();
}

static void tell_counters(struct server *s, struct conn *c)
{
	char text[512];
	uint64_t ns = s->last_ns > s->first_ns ? s->last_ns - s->first_ns : 0;
	int len = snprintf(text, sizeof(text),
			   "{\"conns\":%" PRIu64 ",\"complete\":%" PRIu64 ",\"ends\":%" PRIu64
			   ",\"resets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"errors\":%" PRIu64
			   ",\"seconds\":%.9f,\"cpu\":%.6f,\"open\":%" PRIu64 "}\n",
			   s->conns, s->complete, s->ends, s->resets, s->bytes, s->errors,
			   seconds(ns), cpu_seconds() - s->cpu, s->open - 1);

	if (c->header.flags & FLAG_RESET) {
		s->epoch++;
		s->conns = s->complete = s->ends = s->resets = s->bytes = s->errors = s->first_ns =
			s->last_ns = 0;
		s->cpu = cpu_seconds();
	}
	say(c, text, (size_t)len);
	conn_close(s, c);
}

/* The header is there: go to work.  False if the connection is gone. */
static bool conn_begin(struct server *s, struct conn *c)
{
	if (c->header.magic != MAGIC || c->header.mode < MODE_SINK || c->header.mode > MODE_STAT) {
		fprintf(stderr, "load: a connection began with something else than our header\n");
		conn_broken(s, c);
		return false;
	}
	if (c->header.mode == MODE_STAT) {
		tell_counters(s, c);
		return false;
	}
	c->epoch = s->epoch;
	s->conns++;
	if ((c->header.flags & FLAG_ACK) && !say(c, &c->header.magic, sizeof(c->header.magic))) {
		conn_broken(s, c);
		return false;
	}
	if (c->header.mode == MODE_SOURCE)
		watch(s, c, EPOLLIN | EPOLLOUT);
	return true;
}

/* Everything arrived and the peer said so. */
static void sink_end(struct server *s, struct conn *c)
{
	struct answer answer = { .magic = MAGIC, .bytes = c->got, .errors = c->errors };

	c->ended = true;
	if (c->epoch == s->epoch)
		s->ends++;
	say(c, &answer, sizeof(answer));
	conn_close(s, c);
}

static void halfclose_end(struct server *s, struct conn *c)
{
	c->ended = true;
	c->due_ns = now_ns() + c->header.delay_ms * 1000000u;
	c->next = s->waiting;
	s->waiting = c;
	watch(s, c, 0);
}

static void sink_read(struct server *s, struct conn *c)
{
	for (int i = 0; i < READS_IN_A_ROW; i++) {
		ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

		if (would_block(n))
			return;
		if (n < 0) {
			conn_broken(s, c);
			return;
		}
		if (n == 0) {
			if (c->header.mode == MODE_HALFCLOSE)
				halfclose_end(s, c);
			else
				sink_end(s, c);
			return;
		}
		if (c->got == 0 && s->first_ns == 0)
			note_payload(s, c, now_ns());
		if (c->header.mode == MODE_SINK)
			c->errors += pattern_check(c->header.seed, c->got, buffer, (size_t)n);
		c->got += (uint64_t)n;
		if (c->header.mode == MODE_SINK && c->got == c->header.bytes)
			note_complete(s, c);
		if ((size_t)n < sizeof(buffer) / 2)
			return;
	}
}

static void source_write(struct server *s, struct conn *c)
{
	while (c->sent < c->header.bytes) {
		const unsigned char *data;
		size_t size = pattern_make(c->header.seed, c->sent, c->header.bytes, &data);
		ssize_t n;

		if (c->sent == 0)
			note_payload(s, c, now_ns());
		n = send(c->fd, data, size, MSG_NOSIGNAL);
		if (would_block(n)) {
			watch(s, c, c->watched | EPOLLOUT);
			return;
		}
		if (n < 0) {
			conn_broken(s, c);
			return;
		}
		c->sent += (uint64_t)n;
	}
	note_complete(s, c);
	if (c->ended) {
		conn_close(s, c);
		return;
	}
	shutdown(c->fd, SHUT_WR);
	watch(s, c, EPOLLIN);
}

/* The peer of a source has nothing to say but its end. */
static void source_read(struct server *s, struct conn *c)
{
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

	if (n > 0 || would_block(n))
		return;
	if (n < 0) {
		conn_broken(s, c);
		return;
	}
	c->ended = true;
	if (c->sent == c->header.bytes)
		conn_close(s, c);
	else
		watch(s, c, EPOLLOUT);
}

static void echo_read(struct server *s, struct conn *c)
{
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0), sent;

	if (would_block(n))
		return;
	if (n <= 0) {
		c->ended = n == 0;
		conn_broken(s, c);
		return;
	}
	sent = send(c->fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && !would_block(sent)) {
		conn_broken(s, c);
		return;
	}
	if (sent < 0)
		sent = 0;
	if (sent == n)
		return;
	c->rest_size = (size_t)(n - sent);
	c->rest_sent = 0;
	c->rest = allocate(1, c->rest_size);
	memcpy(c->rest, buffer + sent, c->rest_size);
	watch(s, c, EPOLLOUT);
}

static void echo_write(struct server *s, struct conn *c)
{
	ssize_t n = send(c->fd, c->rest + c->rest_sent, c->rest_size - c->rest_sent, MSG_NOSIGNAL);

	if (would_block(n))
		return;
	if (n < 0) {
		conn_broken(s, c);
		return;
	}
	c->rest_sent += (size_t)n;
	if (c->rest_sent < c->rest_size)
		return;
	free(c->rest);
	c->rest = NULL;
	watch(s, c, EPOLLIN);
}

static void header_read(struct server *s, struct conn *c)
{
	ssize_t n = recv(c->fd, (unsigned char *)&c->header + c->have, sizeof(c->header) - c->have,
			 0);

	if (would_block(n))
		return;
	if (n <= 0) {
		conn_close(s, c); /* somebody looked whether we listen */
		return;
	}
	c->have += (uint32_t)n;
	if (c->have == sizeof(c->header))
		conn_begin(s, c);
}

static void conn_event(struct server *s, struct conn *c, uint32_t events)
{
	if (c->have < sizeof(c->header))
		header_read(s, c);
	else if (c->rest != NULL)
		echo_write(s, c);
	else if (c->header.mode == MODE_ECHO)
		echo_read(s, c);
	else if (c->answering || (c->header.mode == MODE_SOURCE && (events & EPOLLOUT)))
		source_write(s, c);
	else if (c->header.mode == MODE_SOURCE)
		source_read(s, c);
	else if (c->ended) /* halfclose: broken while it waits */
		conn_broken(s, c);
	else
		sink_read(s, c);
}

static void accept_all(struct server *s)
{
	for (;;) {
		struct epoll_event ev = { .events = EPOLLIN };
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct conn *c;

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && errno != EAGAIN)
			fail("accept: %s", strerror(errno));
		if (fd < 0)
			return;
		set_nodelay(fd, s->family);
		c = allocate(1, sizeof(*c));
		c->fd = fd;
		c->watched = EPOLLIN;
		ev.data.ptr = c;
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
			fail("epoll_ctl: %s", strerror(errno));
		s->open++;
	}
}

/* Begins the answers that are due.  Returns the time until the next, in milliseconds, -1 for none.
 */
static int run_waiting(struct server *s)
{
	uint64_t now = now_ns(), next = UINT64_MAX;
	struct conn **p = &s->waiting;

	while (*p != NULL) {
		struct conn *c = *p;

		if (c->due_ns > now) {
			next = c->due_ns < next ? c->due_ns : next;
			p = &c->next;
			continue;
		}
		*p = c->next;
		c->next = NULL;
		c->answering = true;
		watch(s, c, EPOLLOUT);
	}
	return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000u) + 1;
}

int run_serve(struct options *o)
{
	static struct epoll_event events[BATCH];
	struct server s = { .family = o->addr.sa.ss_family };
	struct epoll_event ev = { .events = EPOLLIN };

	s.listener = listen_at(&o->addr, o->addr_text);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll < 0 || epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.listener, &ev) < 0)
		fail("epoll: %s", strerror(errno));
	print_listening(s.listener, o);
	for (;;) {
		int timeout = run_waiting(&s);
		int n = epoll_wait(s.epoll, events, BATCH, timeout);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(&s);
			else
				conn_event(&s, events[i].data.ptr, events[i].events);
		}
	}
}
