/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker that attacks its supervisor, in a vsock-proxy that is otherwise the real program: linked
 * with --wrap=worker_run. tests/lib/hostile runs it and says what must come of it. $HOSTILE is
 *
 *   cases NUMBER  each worker makes one case of the list below and waits to be killed: every second
 *                 one before it has said DONE. The first one's case is NUMBER.
 *   flood         sends requests without end, reads the answers, and answers each PING once
 *   deaf          sends requests without end, and reads nothing
 *   leaves        ends with status 0 as soon as it serves, which nobody asked it to do
 *   shuts         the first one shuts its end of the channel and goes on; others are real
 *   spoils        the first one, when it hears of a signal, shuts down and connects all listeners
 *                 and ends; others are real
 *
 * What it does is printed: "hostile: PID …".
 */
#include "config.h"

#include "owned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "base/units.h"
#include "proxy/worker/worker.h"

#define RULES_MAX 16
#define FLOOD 2000 /* messages of a kind */
#define OTHER_ID 0x7ffffff1 /* no PING has it */
#define REPORT_INTERVAL (NSEC_PER_SEC / 4)

int __real_worker_run(struct worker *worker);
int __wrap_worker_run(struct worker *worker);

static unsigned *workers_made; /* shared by all processes */

static struct {
	struct worker *worker;
	struct broker_queue queue;
	uint64_t rules[RULES_MAX]; /* their ids, in the order in which they were first seen */
	size_t rule_count;
	uint64_t reported; /* ns */
	unsigned long sent, answers, opened, pings;
	uint32_t random;
	bool spoils;
} hostile = { .random = 1 };

/* Before anything is confined, as in owned.c. */
__attribute__((constructor)) static void begin(void)
{
	workers_made = mmap(NULL, sizeof(*workers_made), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers_made == MAP_FAILED)
		abort();
}

/* The same numbers in each run. */
static uint32_t any(uint32_t below)
{
	hostile.random = hostile.random * 1664525U + 1013904223U;
	return (hostile.random >> 8) % below;
}

/* Reading */

static void know_rule(uint64_t id)
{
	for (size_t i = 0; i < hostile.rule_count; i++)
		if (hostile.rules[i] == id)
			return;
	if (hostile.rule_count < RULES_MAX)
		hostile.rules[hostile.rule_count++] = id;
}

static void send_message(const struct broker_message *message)
{
	(void)broker_post(&hostile.queue, hostile.worker->requests, message, -1);
	hostile.sent++;
}

/* Reads one message, without its descriptors: its type, or 0. */
/* Shuts a listener down, and connects it if it listened on TCP. */
static void spoil(int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listens = 0;
	socklen_t size = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return;
	to.sin_port = htons((uint16_t)strtoul(owned_given("HOSTILE_TARGET"), NULL, 10));
	if (shutdown(fd, SHUT_RDWR) < 0)
		_exit(3);
	(void)!connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static unsigned hear(bool wait, uint32_t *id)
{
	static struct broker_message message;
	int fds[BROKER_DESCRIPTORS_MAX];
	size_t count;

	if (broker_receive(hostile.worker->channel, &message, fds, &count, wait) <= 0)
		return 0;
	hostile.opened += message.type == BROKER_OPENED && count;
	while (count > 0 && !hostile.spoils) /* which keeps them */
		close(fds[--count]);
	if (message.type == BROKER_LISTENER)
		know_rule(message.rule);
	*id = message.id;
	return message.type;
}

static void hear_until(unsigned type, uint32_t *id)
{
	while (hear(true, id) != type)
		;
}

/* Cases */

static void put(const void *bytes, size_t size)
{
	if (write(hostile.worker->requests, bytes, size) != (ssize_t)size)
		fprintf(stderr, "hostile: %ld cannot write\n", (long)getpid());
	hostile.sent++;
}

/* Bytes behind a length, which need not be theirs. */
static void put_frame(uint32_t length, const void *bytes, size_t size)
{
	static uint8_t frame[4 + BROKER_SIZE_MAX];

	length = htonl(length);
	memcpy(frame, &length, 4);
	memcpy(frame + 4, bytes, size);
	put(frame, 4 + size);
}

static struct broker_message a_message(uint8_t type)
{
	struct broker_message message = { .type = type,
					  .id = OTHER_ID,
					  .rule = hostile.rule_count ? hostile.rules[0] : 1,
					  .step = STEP_CONNECT,
					  .number = type == BROKER_SIGNAL ? SIGTERM : ENODEV };

	return message;
}

static uint32_t encode(uint8_t type, uint8_t *bytes)
{
	struct broker_message message = a_message(type);

	return (uint32_t)broker_encode(&message, bytes);
}

static void put_length(uint32_t length)
{
	put_frame(length, "", 0);
}

static void put_type(uint32_t type)
{
	uint8_t bytes[BROKER_SIZE_MAX];
	uint32_t size = encode(BROKER_OPEN, bytes);

	bytes[0] = (uint8_t)type;
	put_frame(size, bytes, size);
}

/* An OPEN whose last bytes are missing, or that has one too many; its length is right. */
static void put_resized(uint32_t by)
{
	uint8_t bytes[BROKER_SIZE_MAX] = { 0 };
	uint32_t size = encode(BROKER_OPEN, bytes) + by;

	put_frame(size, bytes, size);
}

/* An OPEN of which one byte in three is 0xff, from this one on. */
static void put_changed(uint32_t from)
{
	uint8_t bytes[BROKER_SIZE_MAX];
	uint32_t size = encode(BROKER_OPEN, bytes);

	for (uint32_t i = from; i < size; i += 3)
		bytes[i] = 0xff;
	put_frame(size, bytes, size);
}

static void put_random(uint32_t seed)
{
	uint8_t bytes[BROKER_SIZE_MAX];

	hostile.random = seed;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)any(256);
	put(bytes, sizeof(bytes));
}

/* A part of an OPEN, and nothing more. */
static void put_part(uint32_t size)
{
	uint8_t bytes[BROKER_SIZE_MAX];

	put_frame(encode(BROKER_OPEN, bytes), bytes, size);
}

static void answer_twice(uint32_t pongs)
{
	struct broker_message pong = { .type = BROKER_PONG };

	hear_until(BROKER_PING, &pong.id);
	for (uint32_t i = 0; i < pongs; i++)
		send_message(&pong);
}

static void put_flood(uint32_t type)
{
	struct broker_message message = a_message((uint8_t)type);

	for (int i = 0; i < FLOOD; i++)
		send_message(&message);
}

static void put_absent_target(uint32_t type)
{
	struct broker_message message = a_message((uint8_t)type);

	message.target = UINT32_MAX;
	send_message(&message);
}

static void put_absent_rule(uint32_t type)
{
	struct broker_message message = a_message((uint8_t)type);

	message.rule = UINT64_MAX;
	send_message(&message);
}

/* They follow one of each type. */
static const struct {
	const char *name;
	void (*make)(uint32_t argument);
	uint32_t argument;
	bool permitted[2]; /* before DONE, after it: then an invalid message follows */
} cases[] = {
	{ "empty", put_length, 0, { false, false } },
	{ "long", put_length, BROKER_SIZE_MAX + 1, { false, false } },
	{ "longest", put_length, UINT32_MAX, { false, false } },
	{ "type-0", put_type, 0, { false, false } },
	{ "type-unknown", put_type, BROKER_TYPES, { false, false } },
	{ "type-255", put_type, 255, { false, false } },
	{ "shorter", put_resized, (uint32_t)-1, { false, false } },
	{ "longer", put_resized, 1, { false, false } },
	{ "changed", put_changed, 1, { false, false } },
	{ "random", put_random, 7, { false, false } },
	{ "cut-length", put_part, 0, { true, true } },
	{ "cut", put_part, 20, { true, true } },
	{ "flood-DONE", put_flood, BROKER_DONE, { false, false } },
	{ "flood-PONG", put_flood, BROKER_PONG, { false, false } },
	{ "answered-twice", answer_twice, 2, { false, false } },
	{ "absent-target-OPEN", put_absent_target, BROKER_OPEN, { false, true } },
	{ "absent-target-LOOK_UP", put_absent_target, BROKER_LOOK_UP, { false, true } },
	{ "absent-target-EXPLAIN", put_absent_target, BROKER_EXPLAIN, { false, true } },
	{ "absent-rule-OPEN", put_absent_rule, BROKER_OPEN, { false, true } },
	{ "absent-rule-LOOK_UP", put_absent_rule, BROKER_LOOK_UP, { false, true } },
	{ "absent-rule-EXPLAIN", put_absent_rule, BROKER_EXPLAIN, { false, true } },
};

#define TYPES (BROKER_TYPES - 1)

static void put_numbered(unsigned number)
{
	if (number < TYPES) {
		uint8_t bytes[BROKER_SIZE_MAX];

		uint32_t size = encode((uint8_t)(number + 1), bytes);

		put_frame(size, bytes, size);
		return;
	}
	cases[number - TYPES].make(cases[number - TYPES].argument);
}

static bool is_permitted(unsigned number, bool done)
{
	if (number >= TYPES)
		return cases[number - TYPES].permitted[done];
	return done ? number + 1 >= BROKER_OPEN : number + 1 == BROKER_DONE;
}

static void make_case(unsigned number, bool done)
{
	static uint8_t invalid[2 * BROKER_SIZE_MAX];

	if (number >= TYPES + ARRAY_SIZE(cases))
		number = TYPES; /* there are no more, but the program shall end */
	fprintf(stderr, "hostile: %ld makes %s %s DONE\n", (long)getpid(),
		number < TYPES ? broker_name(number + 1) : cases[number - TYPES].name,
		done ? "after" : "before");
	put_numbered(number);
	if (!is_permitted(number, done))
		return;
	memset(invalid, 0xff, sizeof(invalid));
	put(invalid, sizeof(invalid));
}

/* Floods */

/* A place of the program's choice: the canary, which no rule names. */
static void name_place(struct broker_message *message, const char *port)
{
	struct sockaddr_in *in = (void *)&message->place.sa;

	if (!port)
		return;
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	message->place.length = sizeof(*in);
}

static void name_host(struct broker_message *message)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "other.invalid",
					     "named.invalid" };

	if (any(8) == 0)
		memset(message->host, 'x', sizeof(message->host) - 1);
	else
		strcpy(message->host, hosts[any(ARRAY_SIZE(hosts))]);
}

static void lie_about_client(struct spawn_client *client)
{
	struct one_end *from = &client->told.from;

	client->told.version = 2;
	from->peer.family = ADDR_UNIX;
	from->peer.u.local.pid = INT32_MAX;
	memset(from->path, any(2) ? '\x1b' : ';', ENDS_PATH_MAX);
	client->connections = UINT64_MAX;
}

static void make_request(struct broker_message *message)
{
	static const uint8_t types[] = { BROKER_OPEN, BROKER_OPEN, BROKER_LOOK_UP, BROKER_EXPLAIN };

	memset(message, 0, sizeof(*message));
	message->type = types[any(ARRAY_SIZE(types))];
	message->id = any(4) ? (uint32_t)hostile.sent : any(8);
	message->rule = any(8) && hostile.rule_count
				? hostile.rules[any((uint32_t)hostile.rule_count)]
				: any(100) * 0x0101010101010101U;
	message->target = any(8) ? 0 : any(3) * 0x7fffffffU;
	message->port = message->type == BROKER_LOOK_UP ? any(65536) : 0;
	message->share = any(1000);
	message->step = any(STEP_RELAY + 1);
	message->number = (int32_t)any(4096);
	message->timeout = any(2) ? UINT64_MAX : 0;
	message->waited = any(2) ? UINT64_MAX : 0;
	if (message->type == BROKER_OPEN && any(4))
		name_place(message, owned_given(any(2) ? "HOSTILE_CANARY" : "HOSTILE_TARGET"));
	name_host(message);
	lie_about_client(&message->client);
}

static void report(void)
{
	static unsigned long last;
	uint64_t now = units_now();

	if (hostile.sent == last || now - hostile.reported < REPORT_INTERVAL)
		return;
	last = hostile.sent;
	hostile.reported = now;
	fprintf(stderr, "hostile: %ld flood sent %lu, answers %lu, opened %lu, pings %lu\n",
		(long)getpid(), hostile.sent, hostile.answers, hostile.opened, hostile.pings);
}

/* All that is there. */
static void hear_all(void)
{
	struct broker_message answer = { 0 };
	unsigned type;

	while ((type = hear(false, &answer.id)) != 0) {
		hostile.answers++;
		answer.type = type == BROKER_PING   ? BROKER_PONG
			      : type == BROKER_ROOM ? BROKER_HAS_ROOM
						    : BROKER_DONE;
		answer.number = INT32_MAX;
		hostile.pings += type == BROKER_PING;
		if (type == BROKER_PING || type == BROKER_ROOM || type == BROKER_PLAN)
			send_message(&answer);
	}
}

static void flood(bool reads)
{
	struct pollfd ready[2] = {
		{ .fd = hostile.worker->requests, .events = POLLOUT },
		{ .fd = reads ? hostile.worker->channel : -1, .events = POLLIN },
	};

	for (;;) {
		struct broker_message message;

		if (reads)
			hear_all();
		if (hostile.queue.count)
			(void)broker_flush(&hostile.queue, hostile.worker->requests);
		for (int i = 0; i < 100 && !hostile.queue.count; i++) {
			make_request(&message);
			send_message(&message);
		}
		report();
		if (hostile.queue.count && poll(ready, 2, 100) > 0 &&
		    (ready[0].revents & POLLERR || ready[1].revents & POLLHUP))
			_exit(1); /* the supervisor is gone */
	}
}

/* In place of the worker, with all that it has, and confined as it is. */
int __wrap_worker_run(struct worker *worker)
{
	const char *what = owned_given("HOSTILE");
	const struct broker_message done = { .type = BROKER_DONE };
	unsigned number, made;
	uint32_t id;

	if (!what)
		return __real_worker_run(worker);
	hostile.worker = worker;
	made = (*workers_made)++;
	if (made && (strcmp(what, "shuts") == 0 || strcmp(what, "spoils") == 0))
		return __real_worker_run(worker);
	if (sscanf(what, "cases %u", &number) == 1 && made % 2 == 1) {
		make_case(number + made / 2, false);
	} else {
		hostile.spoils = strcmp(what, "spoils") == 0;
		hear_until(BROKER_PLAN, &id);
		send_message(&done);
		if (strcmp(what, "flood") == 0 || strcmp(what, "deaf") == 0)
			flood(*what == 'f');
		if (strcmp(what, "leaves") == 0) {
			hear_until(BROKER_PING, &id); /* so DONE has been taken for what it is */
			fprintf(stderr, "hostile: %ld leaves\n", (long)getpid());
			return 0;
		}
		if (hostile.spoils) {
			hear_until(BROKER_SIGNAL, &id); /* READY is printed */
			for (int fd = 3; fd < 64; fd++)
				spoil(fd);
			_exit(1);
		}
		if (strcmp(what, "shuts") == 0) {
			shutdown(worker->channel, SHUT_RD);
			fprintf(stderr, "hostile: %ld has shut its end\n", (long)getpid());
			for (;;)
				poll(NULL, 0, 1000);
		}
		make_case(number + made / 2, true);
	}
	while (poll(&(struct pollfd){ .fd = worker->channel }, 1, -1) < 0)
		;
	return 1; /* the supervisor is gone */
}
