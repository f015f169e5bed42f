/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile worker: sends every type of message in every state, well formed, cut off, with bytes
 * changed, and without end. Whatever comes, the supervisor's loop turns in time, ends a worker that
 * sends what it may not, and has no more requests and commands than the limits permit. What was
 * sent is printed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/units.h"
#include "supervisor-rig.h"

#define LIMIT 3 /* --max-conns */
#define FLOOD 20000 /* messages of a kind */

struct rig {
	struct supervisor supervisor;
	int worker[2]; /* its ends */
	struct timer timer;
};

static size_t sent, turns, ended;
static uint64_t longest; /* ns of a turn */

static void set_up(struct rig *rig, enum worker_state state)
{
	char *const words[] = { (char *)"unix:/nowhere/a", (char *)"exec:cat",
				(char *)"unix:/nowhere/b", (char *)"unix:/nowhere/c" };

	memset(rig, 0, sizeof(*rig));
	log_configure(&(const struct log_config){ .quiet = 2 });
	supervisor_rig_start(&rig->supervisor, 4, words, supervisor_rig_victim(), rig->worker);
	for (struct rule *rule = rig->supervisor.router.rules.first; rule; rule = rule->next)
		rule->admission.limit = UNITS_INF;
	rig->supervisor.server.limit = LIMIT;
	rig->supervisor.state = SUPERVISOR_STOPPING; /* a DONE has no further meaning */
	/* as after the rules were passed and served */
	assert_int_equal(loop_watch(rig->supervisor.server.loop, &rig->supervisor.requests_watch,
				    rig->supervisor.requests, EPOLLIN),
			 0);
	rig->supervisor.worker_state = state;
}

static void tear_down(struct rig *rig)
{
	kill(rig->supervisor.worker, SIGKILL);
	assert_int_equal(waitpid(rig->supervisor.worker, NULL, 0), rig->supervisor.worker);
	supervisor_rig_stop(&rig->supervisor, rig->worker);
	/* commands that were started end, because their sockets are closed */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void stop(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* How long this thread was ready to run while others had the processors, ns; 0 where the kernel
 * does not say. */
static uint64_t waited(void)
{
	static int fd = -1;
	char text[96];
	unsigned long long ran, waited = 0;
	ssize_t length;

	if (fd < 0)
		fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	return sscanf(text, "%llu %llu", &ran, &waited) == 2 ? waited : 0;
}

static void turn(struct rig *rig)
{
	uint64_t began = units_now(), before = waited(), took;

	rig->timer.expired = stop;
	loop_timer(rig->supervisor.server.loop, &rig->timer, began);
	assert_int_equal(loop_run(rig->supervisor.server.loop), 0);
	took = units_now() - began;
	before = waited() - before;
	took -= before < took ? before : took;
	longest = took > longest ? took : longest;
	turns++;
	assert_true(rig->supervisor.command_running <= LIMIT);
	assert_true(rig->supervisor.command_waiting <= LIMIT);
	assert_true(rig->supervisor.look_up_count <= LIMIT);
	assert_true(rig->supervisor.explainer_waiting <= LIMIT);
}

/* Is it ended? Then SIGKILL has been sent, and nothing more is heard of it. */
static bool is_ended(const struct rig *rig)
{
	return rig->supervisor.channel < 0;
}

/* The rules of set_up(). */
enum { EXEC_RULE = 1, UNIX_RULE, NO_RULE };

static void make(struct broker_message *message, uint8_t type, uint64_t rule)
{
	memset(message, 0, sizeof(*message));
	message->type = type;
	message->id = 7;
	message->rule = rule;
	snprintf(message->host, sizeof(message->host), "other.invalid");
	message->port = 80;
	message->step = STEP_CONNECT;
	message->number = type == BROKER_SIGNAL ? SIGTERM : ENODEV;
}

/* The bytes of a message in its frame. */
static size_t frame(const struct broker_message *message, uint8_t *bytes)
{
	int size = broker_encode(message, bytes + 4);

	assert_true(size > 0);
	bytes[0] = 0;
	bytes[1] = (uint8_t)(size >> 16);
	bytes[2] = (uint8_t)(size >> 8);
	bytes[3] = (uint8_t)size;
	return (size_t)size + 4;
}

static void put(struct rig *rig, const void *bytes, size_t size)
{
	assert_int_equal(write(rig->worker[1], bytes, size), (ssize_t)size);
	sent++;
}

/* Every type, in both states: only requests in the state of serving are heard. */
static void test_types_and_states(void **state)
{
	static struct broker_message message;
	static uint8_t bytes[BROKER_SIZE_MAX + 4];
	struct rig rig;

	(void)state;
	for (uint8_t type = 1; type < BROKER_TYPES; type++) {
		for (enum worker_state now = WORKER_STARTING; now <= WORKER_SERVING; now++) {
			/* IDLE: not without --exit-idle */
			bool permitted = now == WORKER_SERVING &&
					 (type == BROKER_OPEN || type == BROKER_LOOK_UP ||
					  type == BROKER_EXPLAIN);

			set_up(&rig, now);
			make(&message, type, UNIX_RULE);
			put(&rig, bytes, frame(&message, bytes));
			turn(&rig);
			assert_int_equal(is_ended(&rig), !permitted);
			ended += is_ended(&rig);
			tear_down(&rig);
		}
	}
	printf("# %d types in 2 states\n", BROKER_TYPES - 1);
}

/* Each length of a message, and each of its bytes changed. */
static void test_cut_and_changed(void **state)
{
	static struct broker_message message;
	static uint8_t bytes[BROKER_SIZE_MAX + 4];
	struct rig rig;

	(void)state;
	for (uint8_t type = BROKER_FIRST_UP; type < BROKER_TYPES; type++) {
		size_t size;

		make(&message, type, UNIX_RULE);
		size = frame(&message, bytes);
		for (size_t i = 0; i < size; i++) {
			uint8_t before = bytes[i];

			set_up(&rig, WORKER_SERVING);
			put(&rig, bytes, i + 1);
			turn(&rig);
			assert_true(i + 1 == size || !is_ended(&rig)); /* the rest may come */
			tear_down(&rig);
			set_up(&rig, WORKER_SERVING);
			bytes[i] = (uint8_t)~before;
			put(&rig, bytes, size);
			bytes[i] = before;
			turn(&rig);
			ended += is_ended(&rig);
			tear_down(&rig);
		}
	}
}

/* Without end: as much as the pipe takes, again and again, with answers that are read or not. */
static void flood(uint8_t type, uint64_t rule, bool read)
{
	static struct broker_message message, answer;
	static uint8_t bytes[BROKER_SIZE_MAX + 4];
	int fds[BROKER_DESCRIPTORS_MAX];
	struct rig rig;
	size_t size, count;

	set_up(&rig, WORKER_SERVING);
	make(&message, type, rule);
	size = frame(&message, bytes);
	for (size_t i = 0; i < FLOOD && !is_ended(&rig); i++) {
		if (write(rig.worker[1], bytes, size) == (ssize_t)size)
			sent++;
		else
			turn(&rig);
		while (read && broker_receive(rig.worker[0], &answer, fds, &count, false) > 0)
			while (count > 0)
				close(fds[--count]);
	}
	turn(&rig);
	assert_true(rig.supervisor.queue.count <= 4 * LIMIT + 64);
	tear_down(&rig);
}

static void test_floods(void **state)
{
	(void)state;
	for (int read = 0; read < 2; read++) {
		flood(BROKER_OPEN, EXEC_RULE, read);
		flood(BROKER_OPEN, UNIX_RULE, read);
		flood(BROKER_OPEN, NO_RULE, read);
		flood(BROKER_LOOK_UP, UNIX_RULE, read);
		flood(BROKER_EXPLAIN, UNIX_RULE, read);
		flood(BROKER_PONG, UNIX_RULE, read);
	}
}

static int report(void **state)
{
	(void)state;
	printf("# %zu messages were sent, %zu turns, the longest %llu us; %zu workers were ended\n",
	       sent, turns, (unsigned long long)(longest / NSEC_PER_USEC), ended);
	return longest < NSEC_PER_SEC ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_and_states),
		cmocka_unit_test(test_cut_and_changed),
		cmocka_unit_test(test_floods),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
