/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * load: the load generator of the benchmark.
 *
 * Theory of operation.  One server (`load serve`) stands behind the relay. A client opens a connection through the relay and
 * begins with a header of fixed size that says what the server is to do with it: swallow and verify, send, echo, answer after
 * the half-close, or tell its counters.  So one server does for every test, and nothing is ever measured with data that nobody
 * has looked at: the payload carries a 64-bit counter at the start of each 4 KiB block, which the receiver compares.
 *
 * What is timed.  One-way runs are timed where the bytes arrive: from the first byte of payload that the server sees to the
 * moment the last connection is complete.  That needs no answer through the relay, and so is the same for relays that lose the
 * answer after a half-close.  The answer is asked for all the same, and its loss is reported.  The counters come over a second
 * connection (--control) that goes round the relay.
 *
 * The header is in host byte order: both ends are this program, on one kind of machine.
 *
 * Results are JSON, one object a line, on stdout.  Status: 0 done, 1 failed, 2 usage, 3 the time limit was reached.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* AF_VSOCK is only opened where this file says that the machine is ours: inside a virtual machine made for testing. */
#define LAB_FILE "/run/vsock-lab"

#define MAGIC UINT64_C(0x31484e4542545356) /* "VSTBENH1" */
#define BLOCK 4096u
#define BUFFER (256u * 1024)
#define BATCH 256
#define READS_IN_A_ROW 4
#define BACKLOG 4096
#define GRACE_NS UINT64_C(3000000000) /* how long an answer may take when everything has arrived */

enum mode { MODE_SINK = 1, MODE_SOURCE, MODE_ECHO, MODE_HALFCLOSE, MODE_STAT };
enum { FLAG_ACK = 1, FLAG_RESET = 2 };

/* What a client says first. */
struct header {
	uint64_t magic;
	uint32_t mode;
	uint32_t flags;
	uint64_t bytes; /* of payload: to come (sink), wanted (source, halfclose) */
	uint64_t seed; /* of the counters, so that two connections can't be mistaken for each other */
	uint64_t delay_ms; /* halfclose: between the end of input and the answer */
};

/* What the server says after the half-close of a MODE_SINK connection. */
struct answer {
	uint64_t magic;
	uint64_t bytes;
	uint64_t errors;
};

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
};

struct options {
	struct address addr;
	const char *addr_text;
	struct address control;
	const char *control_text;
	uint64_t bytes;
	uint64_t count;
	uint64_t conns;
	uint64_t parallel;
	uint64_t size;
	uint64_t delay_ms;
	uint64_t seconds; /* pingpong, connect: begin no more after */
	unsigned limit; /* seconds */
	bool reset;
	char **command;
};

static _Alignas(4096) unsigned char buffer[BUFFER];

/*
 * Trouble and time
 */

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '"' || *p == '\\')
			*p = '\'';
	printf("{\"error\":\"%s\"}\n", text);
	fprintf(stderr, "load: %s\n", text);
	exit(1);
}

static void on_alarm(int signal_number)
{
	static const char text[] = "{\"error\":\"time limit reached\"}\n";

	(void)signal_number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(3);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* The processor time of this process so far, in seconds. */
static double cpu_seconds(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The value below which `share` (0 to 1) of the sorted samples lie, from nanoseconds to microseconds. */
static double percentile_us(const uint64_t *sorted, size_t count, double share)
{
	size_t at = (size_t)(share * (double)(count - 1) + 0.5);

	return (double)sorted[at] / 1e3;
}

/*
 * Addresses: tcp:127.0.0.1:PORT, udp:127.0.0.1:PORT, unix:PATH, unix:@NAME, vsock:CID:PORT
 */

static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *value <= max;
}

static bool parse_tcp(const char *text, struct address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	const char *colon = strrchr(text, ':');
	char host[64];
	uint64_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host) || !parse_number(colon + 1, 65535, &port))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	if (ntohl(in->sin_addr.s_addr) >> 24 != 127)
		fail("%s is no loopback address: this is a load generator, and loads nothing but this machine", host);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	a->len = sizeof(*in);
	return true;
}

static bool parse_unix(const char *text, struct address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, text, len + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	if (text[0] == '@') {
		un->sun_path[0] = '\0';
		a->len--;
	}
	return true;
}

static bool parse_vsock(const char *text, struct address *a)
{
	struct sockaddr_vm *vm = (struct sockaddr_vm *)&a->sa;
	const char *colon = strchr(text, ':');
	char cid_text[16];
	uint64_t cid = (uint32_t)VMADDR_CID_ANY, port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(cid_text) || !parse_number(colon + 1, UINT32_MAX, &port))
		return false;
	memcpy(cid_text, text, (size_t)(colon - text));
	cid_text[colon - text] = '\0';
	if (strcmp(cid_text, "any") != 0 && !parse_number(cid_text, UINT32_MAX, &cid))
		return false;
	if (access(LAB_FILE, F_OK) != 0)
		fail("no vsock here: %s is not there, so this is not the laboratory (run tests/bench/lab)", LAB_FILE);
	vm->svm_family = AF_VSOCK;
	vm->svm_cid = (unsigned)cid;
	vm->svm_port = (unsigned)port;
	a->len = sizeof(*vm);
	return true;
}

static void parse_address(const char *text, struct address *a)
{
	bool good = false;

	memset(a, 0, sizeof(*a));
	a->type = strncmp(text, "udp:", 4) == 0 ? SOCK_DGRAM : SOCK_STREAM;
	if (strncmp(text, "tcp:", 4) == 0 || a->type == SOCK_DGRAM)
		good = parse_tcp(text + 4, a);
	else if (strncmp(text, "unix:", 5) == 0)
		good = parse_unix(text + 5, a);
	else if (strncmp(text, "vsock:", 6) == 0)
		good = parse_vsock(text + 6, a);
	if (!good)
		fail("%s is not tcp:127.0.0.1:PORT, udp:127.0.0.1:PORT, unix:PATH, unix:@NAME or vsock:CID:PORT", text);
}

/*
 * Sockets
 */

static void set_nodelay(int fd, int family)
{
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

/* A listening socket, close-on-exec and not blocking. */
static int listen_at(const struct address *a, const char *text)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	int fd = socket(a->sa.ss_family, a->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("%s: socket: %s", text, strerror(errno));
	if (a->sa.ss_family == AF_INET && a->type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (a->sa.ss_family == AF_UNIX && un->sun_path[0] != '\0')
		unlink(un->sun_path);
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0)
		fail("%s: bind: %s", text, strerror(errno));
	if (a->type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		fail("%s: listen: %s", text, strerror(errno));
	return fd;
}

/* A blocking socket, whose every call gives up after the limit.  Returns -errno if there is no connection. */
static int try_connect(const struct address *a, unsigned limit)
{
	struct timeval tv = { .tv_sec = (time_t)limit };
	int fd = socket(a->sa.ss_family, a->type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (a->type == SOCK_STREAM)
		set_nodelay(fd, a->sa.ss_family);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static int connect_to(const struct address *a, const char *text, unsigned limit)
{
	int fd = try_connect(a, limit);

	if (fd < 0)
		fail("%s: connect: %s", text, strerror(-fd));
	return fd;
}

static void set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		fail("fcntl: %s", strerror(errno));
}

/* Writes all to a blocking descriptor. */
static bool write_all(int fd, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* Reads exactly `size` bytes from a blocking descriptor; false at an earlier end, an error, or after the limit. */
static bool read_all(int fd, void *data, size_t size)
{
	unsigned char *p = data;

	while (size > 0) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * The pattern: a counter at the start of each block
 */

static uint64_t counter(uint64_t seed, uint64_t block)
{
	return seed * UINT64_C(0x9e3779b97f4a7c15) + block + 1;
}

/* Puts the stream from `offset` on into the buffer.  *data points at the byte of that offset; returns how many follow. */
static size_t pattern_make(uint64_t seed, uint64_t offset, uint64_t end, const unsigned char **data)
{
	uint64_t block = offset / BLOCK;
	size_t skip = (size_t)(offset % BLOCK), size = BUFFER - skip;

	if (end - offset < size)
		size = (size_t)(end - offset);
	for (size_t at = 0; at < skip + size; at += BLOCK) {
		uint64_t value = counter(seed, block++);

		memcpy(buffer + at, &value, sizeof(value));
	}
	*data = buffer + skip;
	return size;
}

/* Compares what was received with what was to come.  Returns the number of blocks that are wrong. */
static uint64_t pattern_check(uint64_t seed, uint64_t offset, const unsigned char *data, size_t size)
{
	uint64_t wrong = 0, end = offset + size;

	for (uint64_t block = offset / BLOCK; block * BLOCK < end; block++) {
		uint64_t value = counter(seed, block), start = block * BLOCK;
		uint64_t from = start > offset ? start : offset;
		uint64_t to = start + sizeof(value) < end ? start + sizeof(value) : end;

		if (from < to && memcmp(data + (from - offset), (unsigned char *)&value + (from - start), (size_t)(to - from)) != 0)
			wrong++;
	}
	return wrong;
}

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
			   "{\"conns\":%" PRIu64 ",\"complete\":%" PRIu64 ",\"ends\":%" PRIu64 ",\"resets\":%" PRIu64 ",\"bytes\":%" PRIu64
			   ",\"errors\":%" PRIu64 ",\"seconds\":%.9f,\"cpu\":%.6f,\"open\":%" PRIu64 "}\n",
			   s->conns, s->complete, s->ends, s->resets, s->bytes, s->errors, seconds(ns), cpu_seconds() - s->cpu, s->open - 1);

	if (c->header.flags & FLAG_RESET) {
		s->epoch++;
		s->conns = s->complete = s->ends = s->resets = s->bytes = s->errors = s->first_ns = s->last_ns = 0;
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

static bool would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
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
	ssize_t n = recv(c->fd, (unsigned char *)&c->header + c->have, sizeof(c->header) - c->have, 0);

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

/* Begins the answers that are due.  Returns the time until the next, in milliseconds, -1 for none. */
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

static void print_listening(int fd, const struct options *o)
{
	struct sockaddr_storage sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&sa;
	socklen_t len = sizeof(sa);
	char host[INET_ADDRSTRLEN];

	if (o->addr.sa.ss_family == AF_INET && getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		printf("{\"listening\":\"%s:%s:%u\"}\n", o->addr.type == SOCK_DGRAM ? "udp" : "tcp",
		       inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)), ntohs(in->sin_port));
	else
		printf("{\"listening\":\"%s\"}\n", o->addr_text);
	fflush(stdout);
}

static int run_serve(struct options *o)
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

/*
 * Clients: what they share
 */

/* Asks the server for its counters, round the relay.  Returns the text, in a static buffer. */
static const char *ask_counters(const struct address *a, const char *where, bool reset, unsigned limit)
{
	static char text[512];
	struct header h = { .magic = MAGIC, .mode = MODE_STAT, .flags = reset ? FLAG_RESET : 0 };
	int fd = connect_to(a, where, limit);
	size_t have = 0;

	if (!write_all(fd, &h, sizeof(h)))
		fail("%s: the counters can't be asked for: %s", where, strerror(errno));
	while (have < sizeof(text) - 1) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	text[have] = '\0';
	if (have == 0)
		fail("%s: no counters came", where);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* One number of the counters, 0 if it isn't there. */
static double counter_of(const char *text, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at == NULL ? 0 : strtod(at + strlen(key), NULL);
}

/* Says what the connection is for, and waits for the acknowledgement if one is asked for. */
static bool introduce(int fd, enum mode mode, uint32_t flags, uint64_t bytes, uint64_t seed, uint64_t delay_ms)
{
	struct header h = { .magic = MAGIC, .mode = mode, .flags = flags, .bytes = bytes, .seed = seed, .delay_ms = delay_ms };
	uint64_t ack;

	if (!write_all(fd, &h, sizeof(h)))
		return false;
	if (!(flags & FLAG_ACK))
		return true;
	return read_all(fd, &ack, sizeof(ack)) && ack == MAGIC;
}

/* A connection through the relay that the server has acknowledged. */
static int open_conn(const struct options *o, enum mode mode, uint64_t bytes, uint64_t seed)
{
	int fd = connect_to(&o->addr, o->addr_text, o->limit);

	if (!introduce(fd, mode, FLAG_ACK, bytes, seed, o->delay_ms))
		fail("%s: connected, but the server behind it did not answer: %s", o->addr_text, errno ? strerror(errno) : "end of input");
	return fd;
}

/*
 * oneway: bytes a second, verified where they arrive
 */

struct sender {
	int fd;
	uint64_t seed;
	uint64_t bytes;
	uint64_t sent;
	struct answer answer;
	size_t have; /* bytes of the answer */
	bool broken;
	bool done;
};

static void sender_write(struct sender *c, int epoll)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	for (int i = 0; i < 8 && c->sent < c->bytes; i++) {
		const unsigned char *data;
		size_t size = pattern_make(c->seed, c->sent, c->bytes, &data);
		ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

		if (would_block(n))
			return;
		if (n < 0) {
			c->broken = c->done = true;
			epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
			return;
		}
		c->sent += (uint64_t)n;
	}
	if (c->sent == c->bytes) {
		shutdown(c->fd, SHUT_WR);
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev);
	}
}

static void sender_read(struct sender *c, int epoll)
{
	ssize_t n = recv(c->fd, (unsigned char *)&c->answer + c->have, sizeof(c->answer) - c->have, 0);

	if (would_block(n))
		return;
	if (n > 0)
		c->have += (size_t)n;
	if (n > 0 && c->have < sizeof(c->answer))
		return;
	c->done = true;
	epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

/* Has all arrived at the sink, though some connection still waits for its answer? */
static bool arrived(const struct options *o, uint64_t conns)
{
	return o->control_text != NULL && counter_of(ask_counters(&o->control, o->control_text, false, o->limit), "complete") >= (double)conns;
}

/* Sends everything and collects the answers; returns when there is nothing more to wait for. */
static void senders_run(const struct options *o, struct sender *senders, int epoll)
{
	struct epoll_event events[64];
	uint64_t arrived_ns = 0;
	uint64_t open = o->conns;

	while (open > 0) {
		int n = epoll_wait(epoll, events, 64, 250);

		for (int i = 0; i < n; i++) {
			struct sender *c = events[i].data.ptr;

			if (c->sent < c->bytes)
				sender_write(c, epoll);
			else
				sender_read(c, epoll);
		}
		open = 0;
		for (uint64_t i = 0; i < o->conns; i++)
			open += !senders[i].done;
		if (n != 0)
			continue;
		if (arrived_ns == 0 && arrived(o, o->conns))
			arrived_ns = now_ns();
		if (arrived_ns != 0 && now_ns() - arrived_ns > GRACE_NS)
			return;
	}
}

/* After the senders have ended, the last bytes may still be on their way. */
static const char *final_counters(const struct options *o)
{
	const char *text;
	uint64_t end = now_ns() + GRACE_NS;

	do {
		text = ask_counters(&o->control, o->control_text, false, o->limit);
		if (counter_of(text, "complete") >= (double)o->conns)
			break;
		usleep(20000);
	} while (now_ns() < end);
	return text;
}

static int oneway_report(const struct options *o, const struct sender *senders, double own_seconds, double own_cpu)
{
	uint64_t total = 0, answered = 0, wrong = 0;
	double server_seconds = own_seconds, server_cpu = 0, arrived_bytes = 0;

	for (uint64_t i = 0; i < o->conns; i++) {
		const struct sender *c = &senders[i];

		total += c->bytes;
		if (c->have == sizeof(c->answer)) {
			answered++;
			wrong += c->answer.errors + (c->answer.bytes != c->bytes);
		}
	}
	if (o->control_text != NULL) {
		const char *text = final_counters(o);

		server_seconds = counter_of(text, "seconds");
		server_cpu = counter_of(text, "cpu");
		arrived_bytes = counter_of(text, "bytes");
		wrong += (uint64_t)counter_of(text, "errors");
	} else if (answered == o->conns) {
		arrived_bytes = (double)total;
	}
	printf("{\"test\":\"oneway\",\"conns\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"arrived\":%.0f,\"wrong\":%" PRIu64
	       ",\"seconds\":%.6f,\"mib_s\":%.2f,\"sender_seconds\":%.6f,\"sender_cpu\":%.4f,\"sink_cpu\":%.4f,"
	       "\"answers\":%" PRIu64 ",\"half_close\":\"%s\"}\n",
	       o->conns, total, arrived_bytes, wrong, server_seconds, server_seconds > 0 ? (double)total / 1048576 / server_seconds : 0, own_seconds, own_cpu, server_cpu,
	       answered, answered == o->conns ? "kept" : "lost");
	return wrong == 0 && (uint64_t)arrived_bytes == total ? 0 : 1;
}

static int run_oneway(struct options *o)
{
	struct sender *senders = allocate(o->conns, sizeof(*senders));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t start;
	double cpu;
	int status;

	if (o->control_text != NULL)
		ask_counters(&o->control, o->control_text, true, o->limit);
	for (uint64_t i = 0; i < o->conns; i++) {
		struct sender *c = &senders[i];
		struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };

		c->seed = i + 1;
		c->bytes = o->bytes / o->conns;
		c->fd = open_conn(o, MODE_SINK, c->bytes, c->seed);
		set_blocking(c->fd, false);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
			fail("epoll_ctl: %s", strerror(errno));
	}
	start = now_ns();
	cpu = cpu_seconds();
	senders_run(o, senders, epoll);
	status = oneway_report(o, senders, seconds(now_ns() - start), cpu_seconds() - cpu);
	free(senders);
	close(epoll);
	return status;
}

/*
 * pingpong: round trips
 */

static void round_trip(int fd, uint64_t number, unsigned char *message, unsigned char *back, size_t size)
{
	memcpy(message, &number, sizeof(number));
	if (!write_all(fd, message, size) || !read_all(fd, back, size))
		fail("the connection ended after %" PRIu64 " round trips", number);
	if (memcmp(message, back, size) != 0)
		fail("round trip %" PRIu64 " brought back something else", number);
}

static int run_pingpong(struct options *o)
{
	uint64_t *times = allocate(o->count, sizeof(*times)), sum = 0, done = 0, warm = o->count / 100 + 1, end;
	unsigned char *message = allocate(1, o->size), *back = allocate(1, o->size);
	int fd;

	fd = open_conn(o, MODE_ECHO, 0, 0);
	for (uint64_t i = 0; i < warm; i++)
		round_trip(fd, i, message, back, o->size);
	end = now_ns() + o->seconds * UINT64_C(1000000000);
	while (done < o->count && (done == 0 || now_ns() < end)) {
		uint64_t start = now_ns();

		round_trip(fd, warm + done, message, back, o->size);
		times[done] = now_ns() - start;
		sum += times[done++];
	}
	qsort(times, done, sizeof(*times), compare_u64);
	printf("{\"test\":\"pingpong\",\"size\":%" PRIu64 ",\"count\":%" PRIu64
	       ",\"min_us\":%.2f,\"median_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f,\"mean_us\":%.2f}\n",
	       o->size, done, percentile_us(times, done, 0), percentile_us(times, done, 0.5), percentile_us(times, done, 0.99),
	       percentile_us(times, done, 1), (double)sum / 1e3 / (double)done);
	free(times);
	free(message);
	free(back);
	close(fd);
	return 0;
}

/*
 * datagrams: so many are on their way at once, out and back; reflect is the other end
 */

#define DATAGRAMS 32 /* of one system call */
#define DATAGRAM_MOST 65507
#define LOST_AFTER_US 200000 /* without any that comes back: those that are on their way are lost */

struct datagrams {
	struct mmsghdr messages[DATAGRAMS];
	struct iovec parts[DATAGRAMS];
	struct sockaddr_storage from[DATAGRAMS];
	unsigned char *data; /* DATAGRAM_MOST for each */
};

static void datagrams_make(struct datagrams *d, bool with_source)
{
	d->data = allocate(DATAGRAMS, DATAGRAM_MOST);
	for (size_t i = 0; i < DATAGRAMS; i++) {
		d->parts[i] = (struct iovec){ .iov_base = d->data + i * DATAGRAM_MOST, .iov_len = DATAGRAM_MOST };
		d->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &d->parts[i], .msg_iovlen = 1 };
		if (with_source)
			d->messages[i].msg_hdr.msg_name = &d->from[i];
	}
}

/* How many; not more than 0: it failed. */
static int reflect(int fd, struct datagrams *d)
{
	int got;

	for (size_t i = 0; i < DATAGRAMS; i++) {
		d->parts[i].iov_len = DATAGRAM_MOST;
		d->messages[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
	}
	got = recvmmsg(fd, d->messages, DATAGRAMS, MSG_WAITFORONE, NULL);
	for (int i = 0; i < got; i++)
		d->parts[i].iov_len = d->messages[i].msg_len;
	for (int sent = 0, n; sent < got; sent += n > 0 ? n : 1) /* one that can't be sent is lost */
		n = sendmmsg(fd, d->messages + sent, (unsigned)(got - sent), 0);
	return got;
}

static int run_reflect(struct options *o)
{
	static struct datagrams d;
	int fd = listen_at(&o->addr, o->addr_text);

	set_blocking(fd, true);
	datagrams_make(&d, true);
	print_listening(fd, o);
	while (reflect(fd, &d) > 0)
		;
	fail("%s: recvmmsg: %s", o->addr_text, strerror(errno));
}

/* The number of a datagram, at its begin and in its last byte. */
static void datagram_write(unsigned char *data, size_t size, uint64_t number)
{
	memcpy(data, &number, sizeof(number));
	data[size - 1] = (unsigned char)number;
}

struct volley {
	int fd;
	struct datagrams out, in;
	unsigned char *seen; /* of each number */
	uint64_t next, under_way, back, wrong;
};

static void volley_send(const struct options *o, struct volley *v)
{
	while (v->under_way < o->parallel && v->next < o->count) {
		uint64_t room = o->parallel - v->under_way, left = o->count - v->next, few = room < left ? room : left;
		int n = 0, want = few < DATAGRAMS ? (int)few : DATAGRAMS;

		for (int i = 0; i < want; i++) {
			datagram_write(v->out.parts[i].iov_base, o->size, v->next + (uint64_t)i);
			v->out.parts[i].iov_len = o->size;
		}
		n = sendmmsg(v->fd, v->out.messages, (unsigned)want, 0);
		if (n <= 0)
			fail("%s: sendmmsg: %s", o->addr_text, strerror(errno));
		v->next += (uint64_t)n;
		v->under_way += (uint64_t)n;
	}
}

static void volley_check(const struct options *o, struct volley *v, const unsigned char *data, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, data, sizeof(number));
	if (size != o->size || number >= v->next || data[size - 1] != (unsigned char)number || v->seen[number]) {
		v->wrong++;
		return;
	}
	v->seen[number] = 1;
	v->back++;
}

static void volley_receive(const struct options *o, struct volley *v)
{
	int got = recvmmsg(v->fd, v->in.messages, DATAGRAMS, MSG_WAITFORONE, NULL);

	if (got < 0 && (errno == EAGAIN || errno == ECONNREFUSED)) {
		v->under_way = 0; /* lost */
		return;
	}
	if (got < 0)
		fail("%s: recvmmsg: %s", o->addr_text, strerror(errno));
	for (int i = 0; i < got; i++)
		volley_check(o, v, v->in.parts[i].iov_base, v->in.messages[i].msg_len);
	/* a late one was counted as lost */
	v->under_way -= (uint64_t)got < v->under_way ? (uint64_t)got : v->under_way;
}

static int run_datagrams(struct options *o)
{
	static struct volley v;
	struct timeval patience = { .tv_usec = LOST_AFTER_US };
	uint64_t start, taken;

	if (o->addr.type != SOCK_DGRAM || o->size > DATAGRAM_MOST)
		fail("datagrams are of UDP, and have at most %d bytes", DATAGRAM_MOST);
	v.fd = connect_to(&o->addr, o->addr_text, o->limit);
	setsockopt(v.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	datagrams_make(&v.out, false);
	datagrams_make(&v.in, false);
	v.seen = allocate(o->count, 1);
	start = now_ns();
	while (v.next < o->count || v.under_way) {
		volley_send(o, &v);
		volley_receive(o, &v);
	}
	taken = now_ns() - start;
	printf("{\"test\":\"datagrams\",\"size\":%" PRIu64 ",\"count\":%" PRIu64 ",\"back\":%" PRIu64 ",\"wrong\":%" PRIu64
	       ",\"seconds\":%.6f,\"per_second\":%.0f,\"own_cpu\":%.6f}\n",
	       o->size, o->count, v.back, v.wrong, seconds(taken), (double)v.back / seconds(taken), cpu_seconds());
	return 0;
}

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
	} ask = { .header = { .magic = MAGIC, .mode = MODE_ECHO, .flags = FLAG_ACK }, .payload = { v->number, ~v->number } };

	return send(v->fd, &ask, sizeof(ask), MSG_NOSIGNAL) == (ssize_t)sizeof(ask);
}

/* A UNIX socket's connect waits for room in the backlog, which no poll could tell; the others connect in the background. */
static bool visit_begin(const struct options *o, struct visits *all, struct visit *v)
{
	int family = o->addr.sa.ss_family;
	struct epoll_event ev = { .events = family == AF_UNIX ? EPOLLIN : EPOLLOUT, .data.ptr = v };
	struct timeval tv = { .tv_sec = (time_t)o->limit };

	memset(v, 0, sizeof(*v));
	v->number = all->begun++;
	v->start_ns = now_ns();
	v->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (family == AF_UNIX ? 0 : SOCK_NONBLOCK), 0);
	if (v->fd < 0)
		fail("socket: %s", strerror(errno));
	setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	set_nodelay(v->fd, family);
	if (connect(v->fd, (const struct sockaddr *)&o->addr.sa, o->addr.len) < 0 && errno != EINPROGRESS) {
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
		if (getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &all->last_error, &len) < 0 || all->last_error != 0 || !visit_ask(v))
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
	return memcmp(v->back, &magic, sizeof(magic)) == 0 && memcmp(v->back + sizeof(magic), payload, sizeof(payload)) == 0 ? 1 : -1;
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
			fail("%" PRIu64 " of %" PRIu64 " connections failed, the last with: %s", all->bad, all->begun, strerror(all->last_error));
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

static int run_connect(struct options *o)
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
	printf("{\"test\":\"connect\",\"count\":%" PRIu64 ",\"parallel\":%" PRIu64 ",\"good\":%" PRIu64 ",\"failed\":%" PRIu64
	       ",\"seconds\":%.6f,\"per_second\":%.1f,\"median_us\":%.1f,\"p99_us\":%.1f}\n",
	       all.begun, o->parallel, all.good, all.bad, took, (double)all.good / took, percentile_us(all.times, all.good, 0.5),
	       percentile_us(all.times, all.good, 0.99));
	free(all.times);
	free(places);
	close(all.epoll);
	return all.bad == 0 ? 0 : 1;
}

/*
 * hold: many idle connections
 */

static bool echo_once(int fd, uint64_t number)
{
	uint64_t back = 0;

	return write_all(fd, &number, sizeof(number)) && read_all(fd, &back, sizeof(back)) && back == number;
}

static int run_hold(struct options *o)
{
	int *fds = allocate(o->count, sizeof(*fds));
	uint64_t held = 0, still = 0, start = now_ns();
	int error = 0;

	for (; held < o->count; held++) {
		int fd = try_connect(&o->addr, o->limit);

		errno = fd < 0 ? -fd : 0;
		if (fd < 0 || !introduce(fd, MODE_ECHO, FLAG_ACK, 0, 0, 0) || !echo_once(fd, held)) {
			error = errno;
			break;
		}
		fds[held] = fd;
	}
	printf("{\"ready\":%s,\"held\":%" PRIu64 ",\"wanted\":%" PRIu64 ",\"seconds\":%.3f,\"why\":\"%s\"}\n", held == o->count ? "true" : "false",
	       held, o->count, seconds(now_ns() - start), held == o->count ? "" : error != 0 ? strerror(error) : "end of input");
	fflush(stdout);
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	for (uint64_t i = 0; i < held; i++)
		still += echo_once(fds[i], ~i);
	printf("{\"test\":\"hold\",\"held\":%" PRIu64 ",\"still_echoing\":%" PRIu64 "}\n", held, still);
	free(fds);
	return held == o->count && still == held ? 0 : 1;
}

/*
 * halfclose: is the answer after it kept?
 */

static int run_halfclose(struct options *o)
{
	uint64_t got = 0, wrong = 0;
	int fd = open_conn(o, MODE_HALFCLOSE, o->bytes, 7);
	ssize_t n;

	memset(buffer, 'h', BUFFER);
	if (!write_all(fd, buffer, 65536) || shutdown(fd, SHUT_WR) < 0)
		fail("the question can't be sent: %s", strerror(errno));
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		wrong += pattern_check(7, got, buffer, (size_t)n);
		got += (uint64_t)n;
	}
	printf("{\"test\":\"halfclose\",\"delay_ms\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"got\":%" PRIu64 ",\"wrong\":%" PRIu64
	       ",\"end\":\"%s\",\"half_close\":\"%s\"}\n",
	       o->delay_ms, o->bytes, got, wrong, n == 0 ? "end of input" : strerror(errno), got == o->bytes && wrong == 0 && n == 0 ? "kept" : "lost");
	return 0;
}

/*
 * For programs with stdin and stdout
 */

/* What a MODE_SINK connection sends, to stdout. */
static int run_source(struct options *o)
{
	uint64_t sent = 0;

	if (!introduce(STDOUT_FILENO, MODE_SINK, 0, o->bytes, 1, 0))
		fail("stdout: %s", strerror(errno));
	while (sent < o->bytes) {
		const unsigned char *data;
		size_t size = pattern_make(1, sent, o->bytes, &data);

		if (!write_all(STDOUT_FILENO, data, size))
			fail("stdout: %s", strerror(errno));
		sent += size;
	}
	return 0;
}

/* Asks for the pattern and keeps stdout open until its own stdin ends. */
static int run_request(struct options *o)
{
	if (!introduce(STDOUT_FILENO, MODE_SOURCE, 0, o->bytes, 1, 0))
		fail("stdout: %s", strerror(errno));
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	return 0;
}

/* Verifies the pattern on stdin; the result goes to stdout, which therefore must not be the data's. */
static int run_verify(struct options *o)
{
	uint64_t got = 0, wrong = 0, first = 0, last = 0;
	ssize_t n;

	while (got < o->bytes && (n = read(STDIN_FILENO, buffer, sizeof(buffer))) != 0) {
		if (n < 0)
			fail("stdin: %s", strerror(errno));
		if (got == 0)
			first = now_ns();
		wrong += pattern_check(1, got, buffer, (size_t)n);
		got += (uint64_t)n;
	}
	last = now_ns();
	printf("{\"test\":\"verify\",\"bytes\":%" PRIu64 ",\"got\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"seconds\":%.6f,\"mib_s\":%.2f,\"cpu\":%.4f}\n", o->bytes,
	       got, wrong, seconds(last - first), last > first ? (double)got / 1048576 / seconds(last - first) : 0, cpu_seconds());
	return got == o->bytes && wrong == 0 ? 0 : 1;
}

static int run_stat(struct options *o)
{
	puts(ask_counters(&o->addr, o->addr_text, o->reset, o->limit));
	return 0;
}

/* Listens and runs a command as socket activation does (sd_listen_fds(3)). */
static int run_activate(struct options *o)
{
	char pid[32];
	int fd = listen_at(&o->addr, o->addr_text);

	if (o->command == NULL)
		fail("activate needs a command after --");
	set_blocking(fd, true);
	if (fd != 3 && dup2(fd, 3) < 0)
		fail("dup2: %s", strerror(errno));
	if (fd == 3 && fcntl(3, F_SETFD, 0) < 0)
		fail("fcntl: %s", strerror(errno));
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	signal(SIGPIPE, SIG_DFL);
	alarm(0);
	execvp(o->command[0], o->command);
	fail("%s: %s", o->command[0], strerror(errno));
}

/*
 * The command line
 */

static const struct command {
	const char *name;
	int (*run)(struct options *);
	bool needs_address;
	const char *usage;
} commands[] = {
	{ "serve", run_serve, true, "serve ADDRESS: the other end of all of these" },
	{ "oneway", run_oneway, true, "oneway ADDRESS [--conns N] [--bytes N] [--control ADDRESS]: bytes a second, verified at the far end" },
	{ "pingpong", run_pingpong, true, "pingpong ADDRESS [--size N] [--count N] [--seconds N]: round trips" },
	{ "connect", run_connect, true, "connect ADDRESS [--count N] [--parallel N] [--seconds N]: connect, echo, close" },
	{ "hold", run_hold, true, "hold ADDRESS [--count N]: idle connections, until stdin ends" },
	{ "halfclose", run_halfclose, true, "halfclose ADDRESS [--bytes N] [--delay MS]: is the answer after a half-close kept?" },
	{ "stat", run_stat, true, "stat ADDRESS [--reset]: the server's counters" },
	{ "reflect", run_reflect, true, "reflect udp:127.0.0.1:PORT: sends each datagram back" },
	{ "datagrams", run_datagrams, true, "datagrams udp:127.0.0.1:PORT [--count N] [--size N] [--parallel N]: out and back, so many on their way at once" },
	{ "source", run_source, false, "source [--bytes N]: what a server verifies, on stdout" },
	{ "request", run_request, false, "request [--bytes N]: asks a server to send, on stdout, until stdin ends" },
	{ "verify", run_verify, false, "verify [--bytes N]: verifies stdin" },
	{ "activate", run_activate, true, "activate ADDRESS -- COMMAND: runs COMMAND with a listening socket" },
};

static _Noreturn void usage(FILE *out, int status)
{
	fputs("usage:\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  load %s\n", commands[i].usage);
	fputs("all take --limit SECONDS; ADDRESS is tcp:127.0.0.1:PORT (for datagrams udp:), unix:PATH, unix:@NAME or, in the laboratory, vsock:CID:PORT\n", out);
	exit(status);
}

static uint64_t number_option(const char *name, const char *text, uint64_t least, uint64_t most)
{
	uint64_t value;

	if (!parse_number(text, most, &value) || value < least) {
		fprintf(stderr, "load: --%s: %s is not a number from %" PRIu64 " to %" PRIu64 "\n", name, text, least, most);
		exit(2);
	}
	return value;
}

static const struct option long_options[] = {
	{ "bytes", required_argument, NULL, 'b' },  { "count", required_argument, NULL, 'c' }, { "conns", required_argument, NULL, 'n' },
	{ "parallel", required_argument, NULL, 'p' }, { "size", required_argument, NULL, 's' },  { "delay", required_argument, NULL, 'd' },
	{ "limit", required_argument, NULL, 'l' },  { "control", required_argument, NULL, 'C' }, { "reset", no_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 'S' }, { "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
};

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		switch (c) {
		case 'b': o->bytes = number_option("bytes", optarg, 1, UINT64_C(1) << 40); break;
		case 'c': o->count = number_option("count", optarg, 1, 10000000); break;
		case 'n': o->conns = number_option("conns", optarg, 1, 10000); break;
		case 'p': o->parallel = number_option("parallel", optarg, 1, 10000); break;
		case 's': o->size = number_option("size", optarg, 8, 1 << 24); break;
		case 'd': o->delay_ms = number_option("delay", optarg, 0, 60000); break;
		case 'S': o->seconds = number_option("seconds", optarg, 1, 86400); break;
		case 'l': o->limit = (unsigned)number_option("limit", optarg, 1, 86400); break;
		case 'C': o->control_text = optarg; break;
		case 'r': o->reset = true; break;
		case 'h': usage(stdout, 0);
		default: usage(stderr, 2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .bytes = 64u << 20, .count = 1000, .conns = 1, .parallel = 16, .size = 64, .delay_ms = 1000, .seconds = 86400 };
	const struct command *command = NULL;

	if (argc >= 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		usage(stdout, 0);
	for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			command = &commands[i];
	if (command == NULL)
		usage(stderr, 2);
	argc--;
	argv++;
	if (command->needs_address) {
		if (argc < 2 || argv[1][0] == '-')
			usage(stderr, 2);
		o.addr_text = argv[1];
		argc--;
		argv++;
	}
	parse_options(argc, argv, &o);
	if (optind < argc)
		o.command = argv + optind;
	if (o.addr_text != NULL)
		parse_address(o.addr_text, &o.addr);
	if (o.control_text != NULL)
		parse_address(o.control_text, &o.control);
	if (o.limit == 0)
		o.limit = command->run == run_serve ? 7200 : 60;
	memset(buffer, 'v', sizeof(buffer));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	alarm(o.limit);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	raise_descriptor_limit();
	return command->run(&o);
}
