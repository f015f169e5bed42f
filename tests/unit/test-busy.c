/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a wait spins: with a made-up clock, made-up events and a made-up number of processors. */
#include "config.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "relay/busy.h"
#include "relay/loop.h"

#define POLL_TAKES 1000 /* ns */
#define NEVER UINT64_MAX

/* The made-up world: an event comes `gap` ns after the loop has begun to wait. */
static int processors = 2;
static uint64_t now, began, gap, stolen;
static unsigned polls, sleeps, turns, turns_most;
static struct loop *the_loop;
static int ends[2];
static uint32_t bytes; /* that a turn moves */

static void ready(struct loop *loop, struct watch *which, uint32_t events)
{
	(void)which;
	(void)events;
	busy_moved(loop_busy(loop), bytes);
}

static const struct watch_kind kind = { .name = "event", .ready = ready };
static struct watch watch;

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	(void)pid;
	(void)size;
	CPU_ZERO(set);
	for (int i = 0; i < processors; i++)
		CPU_SET(i, set);
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	time->tv_sec = (time_t)(now / NSEC_PER_SEC);
	time->tv_nsec = (long)(now % NSEC_PER_SEC);
	return 0;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	(void)epoll;
	(void)count;
	if (timeout == 0) {
		polls++;
		now += POLL_TAKES + stolen;
		if (now - began < gap)
			return 0;
	} else {
		sleeps++;
		now = gap == NEVER ? now + (uint64_t)timeout * NSEC_PER_MSEC : began + gap;
	}
	events[0].events = EPOLLIN;
	events[0].data.u64 = watch.slot;
	if (++turns >= turns_most)
		loop_stop(the_loop);
	began = now;
	return gap != NEVER;
}

static int set_up(void **state)
{
	(void)state;
	processors = 2;
	now = began = 1000 * NSEC_PER_SEC;
	gap = stolen = 0;
	bytes = 64;
	watch = (struct watch){ .kind = &kind, .fd = -1 };
	return loop_start(&the_loop) || pipe(ends) < 0 ||
	       loop_watch(the_loop, &watch, ends[0], EPOLLIN);
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(the_loop);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void set(uint64_t busy_poll)
{
	loop_busy_poll(the_loop, &(struct loop_settings){ busy_poll });
}

/* So many waits, after each of which an event comes that many ns later. */
static void wait_for(unsigned waits, uint64_t each)
{
	gap = each;
	polls = sleeps = turns = 0;
	turns_most = waits;
	assert_int_equal(loop_run(the_loop), 0);
}

static void off_never_polls(void **state)
{
	(void)state;
	wait_for(100, 1000);
	assert_int_equal(polls, 0);
	set(BUSY_OFF);
	wait_for(100, 1000);
	assert_int_equal(polls, 0);
	assert_int_equal(sleeps, 100);
}

static void a_time_polls_before_every_sleep(void **state)
{
	(void)state;
	processors = 1;
	set(30 * 1000);
	wait_for(100, 20 * 1000);
	assert_int_equal(sleeps, 0);
	wait_for(100, 100 * 1000);
	assert_int_equal(sleeps, 100);
	assert_int_equal(polls, 100 * 30);
}

static void auto_polls_while_events_come_soon(void **state)
{
	(void)state;
	set(BUSY_AUTO);
	wait_for(1000, 20 * 1000);
	assert_int_equal(sleeps, 0);
	assert_int_equal(polls, 1000 * 20);
}

static void auto_gives_up_when_events_come_late_and_comes_back(void **state)
{
	(void)state;
	set(BUSY_AUTO);
	wait_for(100, 20 * 1000);
	wait_for(10000, 200 * 1000);
	assert_int_equal(sleeps, 10000);
	/* 8 misses until it gives up, then tests after 1, 2, 4 ... 256 waits. */
	assert_in_range(polls, 8 * 50, (8 + 9 + 10000 / 256) * 50);
	wait_for(10000, 20 * 1000);
	assert_true(sleeps <= 256);
}

static void auto_does_not_poll_when_half_of_the_events_come_late(void **state)
{
	unsigned late = 0, polled = 0;

	(void)state;
	set(BUSY_AUTO);
	for (unsigned i = 0; i < 1000; i++) {
		wait_for(1, i % 2 ? 20 * 1000 : 400 * 1000);
		late += sleeps;
		polled += polls;
	}
	assert_true(late > 950);
	assert_true(polled < 50 * 50);
}

static void auto_never_polls_on_one_processor(void **state)
{
	(void)state;
	processors = 1;
	set(BUSY_AUTO);
	wait_for(100, 1000);
	assert_int_equal(polls, 0);
}

static void auto_pauses_when_others_want_the_processor(void **state)
{
	uint64_t start;

	(void)state;
	set(BUSY_AUTO);
	wait_for(100, 20 * 1000);
	stolen = 3 * NSEC_PER_MSEC;
	wait_for(1, 20 * 1000);
	stolen = 0;
	assert_int_equal(polls, 1);
	start = now;
	while (now - start < 90 * NSEC_PER_MSEC) {
		wait_for(1, 20 * 1000);
		assert_int_equal(polls, 0);
	}
	now += 20 * NSEC_PER_MSEC;
	began = now;
	wait_for(100, 20 * 1000);
	assert_int_equal(sleeps, 0);
}

static void auto_does_not_poll_in_a_large_transfer(void **state)
{
	(void)state;
	set(BUSY_AUTO);
	bytes = 16384;
	wait_for(100, 5 * 1000);
	assert_int_equal(sleeps, 0);
	bytes = 128 * 1024; /* one large turn is none: the second one stops the loop */
	wait_for(2, 5 * 1000);
	assert_int_equal(sleeps, 0);
	bytes = 256 * 1024;
	wait_for(100, 5 * 1000);
	assert_true(sleeps > 95);
	bytes = 64;
	wait_for(100, 5 * 1000);
	assert_true(sleeps < 30);
}

static void where_an_answer_is_expected_only_then(void **state)
{
	(void)state;
	set(BUSY_AUTO);
	for (int i = 0; i < 100; i++) {
		busy_expect(loop_busy(the_loop), true);
		wait_for(1, 20 * 1000);
		assert_int_equal(sleeps, 0);
		busy_expect(loop_busy(the_loop), false);
		wait_for(1, NSEC_PER_SEC);
		assert_int_equal(polls, 0);
	}
}

static void expired(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Returns the number of polls. */
static unsigned wait_for_timer(uint64_t busy_poll, uint64_t due)
{
	struct timer timer = { .expired = expired };

	set(busy_poll);
	loop_timer(the_loop, &timer, now + due);
	wait_for(100, NEVER);
	assert_in_range(now, timer.at, timer.at + NSEC_PER_MSEC + POLL_TAKES);
	return polls;
}

static void a_timer_is_not_late_because_of_it(void **state)
{
	(void)state;
	assert_in_range(wait_for_timer(50 * 1000, 10 * 1000), 1, 11);
	/* due during a long poll, and soon after it */
	assert_in_range(wait_for_timer(40 * NSEC_PER_MSEC, 30 * NSEC_PER_MSEC), 29000, 31000);
	assert_in_range(wait_for_timer(40 * NSEC_PER_MSEC, 50 * NSEC_PER_MSEC), 39000, 41000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(off_never_polls),
		TEST(a_time_polls_before_every_sleep),
		TEST(auto_polls_while_events_come_soon),
		TEST(auto_gives_up_when_events_come_late_and_comes_back),
		TEST(auto_does_not_poll_when_half_of_the_events_come_late),
		TEST(auto_never_polls_on_one_processor),
		TEST(auto_pauses_when_others_want_the_processor),
		TEST(auto_does_not_poll_in_a_large_transfer),
		TEST(where_an_answer_is_expected_only_then),
		TEST(a_timer_is_not_late_because_of_it),
	};

	return cmocka_run_group_tests_name("busy", tests, NULL, NULL);
}
