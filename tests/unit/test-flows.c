/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows of a UDP socket on loopback: who is whose, what is kept and dropped, and how they end. The
 * loop runs in the test's own thread. */
#include "config.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/units.h"
#include "net/addr.h"
#include "relay/datagram.h"
#include "serve/flows.h"

#define FLOWS_MAX 600
#define TURNS 10

/* What came, in its order. far: the stream that it is relayed to, if it is. */
struct served {
	struct rig *rig;
	struct flow *flow;
	struct relay relay;
	struct peer peer;
	int far;
	bool ended;
};

struct rig {
	struct flows_owner owner; /* first */
	struct loop *loop;
	struct flows *flows;
	struct timer stop;
	uint64_t interval; /* ns */
	int turns;
	struct relay_settings settings;
	struct sockaddr_in here;
	struct served served[FLOWS_MAX];
	size_t count;
	bool full, refuse, hold;
};

static void stop_loop(struct loop *loop, struct timer *timer)
{
	struct rig *rig = (struct rig *)(void *)((char *)timer - offsetof(struct rig, stop));

	if (rig->turns-- > 0)
		loop_timer(loop, timer, units_now() + rig->interval);
	else
		loop_stop(loop);
}

/* Lets the loop do what there is to do: at least TURNS turns, on however slow a machine, for all
 * has been sent before. */
static void run(struct rig *rig, uint64_t ms)
{
	rig->turns = TURNS;
	rig->interval = ms * NSEC_PER_MSEC / TURNS;
	loop_timer(rig->loop, &rig->stop, units_now() + rig->interval);
	assert_int_equal(loop_run(rig->loop), 0);
}

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct served *served = (struct served *)(void *)((char *)relay -
							  offsetof(struct served, relay));

	served->ended = true;
	relay_close(loop, relay);
	flow_end(served->flow);
}

static void relay_to_stream(struct rig *rig, struct served *served)
{
	struct endpoint end[2] = { flow_endpoint(served->flow) };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	end[1] = endpoint_socket(pair[0], ADDR_UNIX, false);
	served->far = pair[1];
	assert_int_equal(
		relay_start(rig->loop, &served->relay, end, &rig->settings, NULL, relay_done), 0);
	flow_relaying(served->flow, &served->relay);
}

static bool may_come(struct flows_owner *owner)
{
	return !((struct rig *)(void *)owner)->full;
}

static void came(struct flows_owner *owner, struct flow *flow, const struct peer *peer)
{
	struct rig *rig = (struct rig *)(void *)owner;
	struct served *served = &rig->served[rig->count++];

	assert_true(rig->count <= FLOWS_MAX);
	*served = (struct served){ .rig = rig, .flow = flow, .peer = *peer, .far = -1 };
	if (rig->refuse)
		flow_end(flow);
	else if (!rig->hold)
		relay_to_stream(rig, served);
}

static void start(struct rig *rig)
{
	socklen_t size = sizeof(rig->here);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memset(rig, 0, sizeof(*rig));
	rig->owner = (struct flows_owner){ .may_come = may_come, .came = came };
	rig->settings = relay_defaults;
	rig->settings.datagrams = true;
	rig->stop.expired = stop_loop;
	rig->here = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_int_equal(bind(fd, (const struct sockaddr *)&rig->here, sizeof(rig->here)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&rig->here, &size), 0);
	assert_int_equal(loop_start(&rig->loop), 0);
	rig->flows = flows_start(rig->loop, fd, &rig->owner);
	assert_non_null(rig->flows);
	assert_int_equal(flows_serve(rig->flows), 0);
}

static void finish(struct rig *rig, bool released)
{
	if (!released)
		flows_release(rig->flows, false);
	for (size_t i = 0; i < rig->count; i++) {
		if (rig->served[i].far >= 0 && !rig->served[i].ended) {
			relay_close(rig->loop, &rig->served[i].relay);
			flow_end(rig->served[i].flow);
		}
		fd_close(&rig->served[i].far);
	}
	assert_int_equal(loop_budget(rig->loop)->used, 0);
	loop_free(rig->loop);
}

static int source(const struct rig *rig)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&rig->here, sizeof(rig->here)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void expect(int fd, const char *bytes, size_t size)
{
	char got[256];

	assert_int_equal(recv(fd, got, sizeof(got), 0), size);
	assert_memory_equal(got, bytes, size);
}

static void each_source_is_a_flow(void **state)
{
	static struct rig rig;
	int a, b;

	(void)state;
	start(&rig);
	a = source(&rig);
	b = source(&rig);
	say(a, "one");
	say(b, "two");
	say(a, "");
	say(a, "three");
	run(&rig, 20);
	assert_int_equal(rig.count, 2);
	assert_int_equal(rig.served[0].peer.family, ADDR_UDP);
	expect(rig.served[0].far, "\0\3one\0\0\0\5three", 14);
	expect(rig.served[1].far, "\0\3two", 5);
	assert_int_equal(write(rig.served[1].far, "\0\1b", 3), 3);
	assert_int_equal(write(rig.served[0].far, "\0\0\0\1a", 5), 5);
	run(&rig, 20);
	expect(a, "", 0);
	expect(a, "a", 1);
	expect(b, "b", 1);
	close(a);
	close(b);
	finish(&rig, false);
}

static void the_table_grows(void **state)
{
	static struct rig rig;
	static int fds[FLOWS_MAX - 100];
	char text[16];

	(void)state;
	start(&rig);
	for (size_t turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < FLOWS_MAX - 100; i++) {
			if (!turn)
				fds[i] = source(&rig);
			snprintf(text, sizeof(text), "%04zu", i + turn);
			say(fds[i], text);
			if (i % 50 == 49)
				run(&rig, 5);
		}
	}
	run(&rig, 50);
	assert_int_equal(rig.count, FLOWS_MAX - 100);
	for (size_t i = 0; i < FLOWS_MAX - 100; i++) {
		char frames[32];

		frames[0] = frames[6] = 0;
		frames[1] = frames[7] = 4;
		snprintf(text, sizeof(text), "%04zu", i);
		memcpy(frames + 2, text, 4);
		snprintf(text, sizeof(text), "%04zu", i + 1);
		memcpy(frames + 8, text, 4);
		expect(rig.served[i].far, frames, 12);
		close(fds[i]);
	}
	finish(&rig, false);
}

/* Before there is a relay little is kept, in order. */
static void what_comes_early_is_kept(void **state)
{
	static char data[40000];
	static struct rig rig;
	int a;

	(void)state;
	start(&rig);
	rig.hold = true;
	a = source(&rig);
	say(a, "first");
	for (int i = 0; i < 4; i++) {
		assert_int_equal(send(a, data, sizeof(data), 0), sizeof(data));
		run(&rig, 5);
	}
	assert_int_equal(rig.count, 1);
	assert_int_equal(flow_dropped(rig.served[0].flow), 2);
	assert_in_range(loop_budget(rig.loop)->used, 80000, DATAGRAMS_KEPT + 2 + sizeof(data));
	relay_to_stream(&rig, &rig.served[0]);
	run(&rig, 20);
	assert_int_equal(relay_dropped(&rig.served[0].relay), 2);
	assert_int_equal(rig.served[0].relay.chan[0].bytes, 7 + 2 * 40002);
	assert_int_equal(flow_dropped(rig.served[0].flow), 0);
	close(a);
	finish(&rig, false);
}

/* A stream that nobody reads holds nobody else up, and what is too much is counted. */
static void a_stalled_flow_drops_its_own(void **state)
{
	static char data[60000];
	static struct rig rig;
	int a, b;

	(void)state;
	start(&rig);
	a = source(&rig);
	b = source(&rig);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(send(a, data, sizeof(data), 0), sizeof(data));
		run(&rig, 2);
	}
	say(b, "through");
	run(&rig, 20);
	assert_int_equal(rig.count, 2);
	assert_in_range(relay_dropped(&rig.served[0].relay), 1, 40);
	assert_int_equal(relay_dropped(&rig.served[1].relay), 0);
	expect(rig.served[1].far, "\0\7through", 9);
	close(a);
	close(b);
	finish(&rig, false);
}

/* Read together, and each with its own; one that takes nothing costs the others nothing. */
static void sources_that_take_turns(void **state)
{
	static char data[60000];
	static struct rig rig;
	int fds[4];

	(void)state;
	start(&rig);
	for (int i = 0; i < 4; i++) {
		fds[i] = source(&rig);
		say(fds[i], "0");
	}
	run(&rig, 5);
	for (int i = 0; i < 40; i++) { /* nobody reads what source 3 sends */
		assert_int_equal(send(fds[3], data, sizeof(data), 0), sizeof(data));
		run(&rig, 2);
	}
	for (int i = 0; i < 30; i++)
		for (int j = 0; j < 4; j++)
			say(fds[j], (char[]){ (char)('a' + i), '\0' });
	run(&rig, 20);
	assert_int_equal(rig.count, 4);
	for (int j = 0; j < 3; j++) {
		char frames[3 * 31] = { 0, 1, '0' };

		for (int i = 0; i < 30; i++) {
			frames[3 * i + 4] = 1;
			frames[3 * i + 5] = (char)('a' + i);
		}
		expect(rig.served[j].far, frames, sizeof(frames));
		assert_int_equal(relay_dropped(&rig.served[j].relay), 0);
	}
	assert_in_range(relay_dropped(&rig.served[3].relay), 30, 70);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	finish(&rig, false);
}

/* What was read together with the last that it takes is the begin of the next flow, and not lost.
 */
static void a_flow_that_ends_in_the_midst(void **state)
{
	static struct rig rig;
	size_t got = 0;
	char bytes[256];
	int a;

	(void)state;
	start(&rig);
	rig.settings.max_bytes = 20;
	a = source(&rig);
	for (int i = 0; i < 30; i++)
		say(a, "four");
	run(&rig, 50);
	assert_in_range(rig.count, 5, 10);
	for (size_t i = 0; i < rig.count; i++) {
		ssize_t n = recv(rig.served[i].far, bytes, sizeof(bytes), 0);

		assert_true(n > 0 && n % 6 == 0);
		got += (size_t)n / 6;
		assert_int_equal(rig.served[i].ended, i + 1 < rig.count || n >= 20);
	}
	assert_int_equal(got, 30);
	close(a);
	finish(&rig, false);
}

static void who_is_too_much_is_dropped(void **state)
{
	static struct rig rig;
	int a, b;

	(void)state;
	start(&rig);
	a = source(&rig);
	b = source(&rig);
	say(a, "in");
	run(&rig, 10);
	rig.full = true;
	say(b, "not");
	say(a, "still");
	run(&rig, 10);
	assert_int_equal(rig.count, 1);
	assert_int_equal(rig.owner.dropped, 1);
	expect(rig.served[0].far, "\0\2in\0\5still", 11);
	rig.full = false;
	say(b, "now");
	run(&rig, 10);
	assert_int_equal(rig.count, 2);
	close(a);
	close(b);
	finish(&rig, false);
}

static void who_was_refused_is_not_heard_for_a_second(void **state)
{
	static struct rig rig;
	int a;

	(void)state;
	start(&rig);
	rig.refuse = true;
	a = source(&rig);
	for (int i = 0; i < 5; i++)
		say(a, "please");
	run(&rig, 20);
	assert_int_equal(rig.count, 1);
	assert_int_equal(rig.owner.dropped, 4);
	rig.refuse = false;
	for (int i = 0; i < 300 && rig.count == 1; i++) {
		say(a, "please");
		run(&rig, 100);
	}
	assert_int_equal(rig.count, 2);
	expect(rig.served[1].far, "\0\6please", 8);
	close(a);
	finish(&rig, false);
}

/* The stream's end is the flow's; what its source sends next is another. */
static void a_flow_ends_with_its_stream(void **state)
{
	static struct rig rig;
	int a;

	(void)state;
	start(&rig);
	a = source(&rig);
	say(a, "one");
	run(&rig, 10);
	fd_close(&rig.served[0].far);
	run(&rig, 10);
	assert_true(rig.served[0].ended);
	say(a, "two");
	run(&rig, 10);
	assert_int_equal(rig.count, 2);
	expect(rig.served[1].far, "\0\3two", 5);
	close(a);
	finish(&rig, false);
}

static void when_the_owner_goes_flows_end_once_they_are_quiet(void **state)
{
	static struct rig rig;
	int a, b, fd;

	(void)state;
	start(&rig);
	a = source(&rig);
	b = source(&rig);
	say(a, "ask");
	run(&rig, 10);
	fd = flow_endpoint(rig.served[0].flow).in;
	flows_release(rig.flows, false);
	say(b, "late");
	assert_int_equal(write(rig.served[0].far, "\0\6answer", 8), 8);
	run(&rig, 10);
	assert_int_equal(rig.count, 1);
	expect(a, "answer", 6);
	for (int i = 0; i < 300 && !rig.served[0].ended; i++)
		run(&rig, 100);
	assert_true(rig.served[0].ended);
	assert_int_equal(rig.served[0].relay.result, END_STOP);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	close(a);
	close(b);
	finish(&rig, true);
}

static void when_another_process_reads_the_socket_it_is_left_to_that(void **state)
{
	static struct rig rig;
	char word[8];
	int a, fd;

	(void)state;
	start(&rig);
	a = source(&rig);
	say(a, "ask");
	run(&rig, 10);
	fd = dup(flow_endpoint(rig.served[0].flow).in);
	flows_release(rig.flows, true);
	say(a, "next");
	assert_int_equal(write(rig.served[0].far, "\0\6answer", 8), 8);
	run(&rig, 10);
	expect(a, "answer", 6);
	assert_int_equal(recv(fd, word, sizeof(word), MSG_DONTWAIT), 4);
	assert_memory_equal(word, "next", 4);
	for (int i = 0; i < 300 && !rig.served[0].ended; i++)
		run(&rig, 100);
	assert_true(rig.served[0].ended);
	close(fd);
	close(a);
	finish(&rig, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_source_is_a_flow),
		cmocka_unit_test(the_table_grows),
		cmocka_unit_test(what_comes_early_is_kept),
		cmocka_unit_test(a_stalled_flow_drops_its_own),
		cmocka_unit_test(sources_that_take_turns),
		cmocka_unit_test(a_flow_that_ends_in_the_midst),
		cmocka_unit_test(who_is_too_much_is_dropped),
		cmocka_unit_test(who_was_refused_is_not_heard_for_a_second),
		cmocka_unit_test(a_flow_ends_with_its_stream),
		cmocka_unit_test(when_the_owner_goes_flows_end_once_they_are_quiet),
		cmocka_unit_test(when_another_process_reads_the_socket_it_is_left_to_that),
	};

	return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
