/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "relay/loop.h"

static unsigned turns, interruptions;
int __real_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	turns++;
	if (interruptions) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	return __real_epoll_wait(epoll, events, count, timeout);
}

static struct loop *begin(void)
{
	struct loop *loop;

	assert_int_equal(loop_start(&loop), 0);
	turns = 0;
	return loop;
}

/* Timers */

static struct timer timers[500];
static size_t expired_count;
static uint64_t expired_last;

static void expired(struct loop *loop, struct timer *timer)
{
	assert_false(loop_timer_is_set(timer));
	assert_true(timer->at >= expired_last);
	assert_true(timer->at <= loop_now(loop));
	expired_last = timer->at;
	expired_count++;
	if (expired_count == 250)
		loop_stop(loop);
}

static void timers_expire_in_order_however_they_were_set(void **state)
{
	struct loop *loop = begin();
	uint64_t now = units_now();
	unsigned random = 1;

	(void)state;
	expired_count = 0;
	expired_last = 0;
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < 500; i++) {
			random = random * 1103515245 + 12345;
			timers[i].expired = expired;
			loop_timer(loop, &timers[i], now + random % 20000000);
		}
	/* half of them don't come: every second, in an order of its own */
	for (size_t i = 0; i < 500; i++)
		if (i * 7 % 500 % 2)
			loop_timer_stop(loop, &timers[i * 7 % 500]);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(expired_count, 250);
	for (size_t i = 0; i < 500; i++)
		assert_false(loop_timer_is_set(&timers[i]));
	loop_free(loop);
}

/* Sets and stops others while it expires, and looks whether any is overdue that should have come
 * before it. */
static void churn(struct loop *loop, struct timer *timer)
{
	static unsigned random = 1;
	uint64_t at = timer->at;
	bool any = false;

	assert_false(loop_timer_is_set(timer));
	for (unsigned left = expired_count++ % 4; left > 0; left--) {
		struct timer *other = &timers[(random = random * 1103515245 + 12345) / 256 % 500];

		if (random & 1 << 30)
			loop_timer(loop, other, at + random % 300);
		else
			loop_timer_stop(loop, other);
	}
	for (size_t i = 0; i < 500; i++) {
		any = any || loop_timer_is_set(&timers[i]);
		assert_true(!loop_timer_is_set(&timers[i]) || timers[i].at >= at);
	}
	if (!any || expired_count > 10000)
		loop_stop(loop);
}

static void timers_that_set_and_stop_others_expire_in_order(void **state)
{
	struct loop *loop = begin();

	(void)state;
	expired_count = 0;
	for (size_t i = 0; i < 500; i++) {
		timers[i].expired = churn;
		loop_timer(loop, &timers[i], 1 + i * 7 % 500);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_true(expired_count > 200);
	for (size_t i = 0; i < 500; i++)
		loop_timer_stop(loop, &timers[i]);
	loop_free(loop);
}

static unsigned again_count;

static void again(struct loop *loop, struct timer *timer)
{
	if (++again_count < 1000)
		loop_timer(loop, timer, loop_now(loop));
}

static int ends[2];

static void stop_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	loop_stop(loop);
}

static const struct watch_kind stop_kind = { .name = "stop", .ready = stop_ready };

static void a_timer_set_anew_for_now_starves_nobody(void **state)
{
	struct loop *loop = begin();
	struct timer timer = { .expired = again };
	struct watch watch = { .kind = &stop_kind, .fd = -1 };

	(void)state;
	again_count = 0;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_watch(loop, &watch, ends[0], EPOLLIN), 0);
	loop_timer(loop, &timer, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_true(again_count < 10);
	loop_timer_stop(loop, &timer);
	loop_timer_stop(loop, &timer); /* harmless */
	loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

/* Timers and events */

#define MANY 600 /* more than two batches */

static struct watch many[MANY];
static unsigned seen, seen_by_timer;

static void see(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)loop;
	(void)events;
	assert_true(turns < 100); /* or the timer is never called */
	seen += watch->side == 0;
	watch->side = 1;
}

static void see_all(struct loop *loop, struct timer *timer)
{
	(void)timer;
	seen_by_timer = seen;
	loop_stop(loop);
}

/* As after SIGSTOP and SIGCONT: a timer is due, and all that would have stopped it has come. */
static void timed_with_events(unsigned watches, unsigned interrupted)
{
	static const struct watch_kind kind = { .name = "see", .ready = see };
	struct loop *loop = begin();
	struct timer timer = { .expired = see_all };
	int feed[2];

	assert_int_equal(pipe2(feed, O_CLOEXEC), 0);
	assert_int_equal(write(feed[1], "x", 1), 1);
	seen = 0;
	for (unsigned i = 0; i < watches; i++) {
		many[i] = (struct watch){ .kind = &kind, .fd = -1 };
		assert_int_equal(
			loop_watch(loop, &many[i], fcntl(feed[0], F_DUPFD_CLOEXEC, 3), EPOLLIN), 0);
	}
	loop_timer(loop, &timer, 1);
	interruptions = interrupted;
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(seen_by_timer, watches);
	for (unsigned i = 0; i < watches; i++) {
		int fd = many[i].fd;

		loop_unwatch(loop, &many[i]);
		close(fd);
	}
	close(feed[0]);
	close(feed[1]);
	loop_free(loop);
}

static void timers_run_after_what_has_come(void **state)
{
	(void)state;
	timed_with_events(1, 0);
	timed_with_events(1, 1);
	timed_with_events(MANY, 0);
	timed_with_events(MANY, 1);
}

static void stop_at(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Runs for a while, and counts turns. */
static unsigned turns_in_30_ms(struct loop *loop)
{
	struct timer timer = { .expired = stop_at };

	turns = 0;
	loop_timer(loop, &timer, units_now() + 30 * NSEC_PER_MSEC);
	assert_int_equal(loop_run(loop), 0);
	return turns;
}

static void a_timer_is_due_when_the_loop_wakes_for_it(void **state)
{
	struct loop *loop = begin();

	(void)state;
	assert_true(turns_in_30_ms(loop) <= 2);
	loop_free(loop);
}

static void a_stop_before_the_run_counts(void **state)
{
	struct loop *loop = begin();

	(void)state;
	loop_stop(loop);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(turns, 0);
	loop_free(loop);
}

/* Watches */

static struct watch left, right, newcomer;
static int left_fd, right_fd, new_fd, calls;

/* Whichever comes first removes the other, whose event is already fetched, and has its number and
 * its slot used anew. */
static void one_of_two_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct watch *other = watch == &left ? &right : &left;
	int *fd = watch == &left ? &right_fd : &left_fd;
	uint32_t slot = other->slot;

	assert_true(events & EPOLLIN);
	calls++;
	loop_unwatch(loop, other);
	close(*fd);
	assert_int_equal(dup2(new_fd, *fd), *fd);
	newcomer = (struct watch){ .kind = &stop_kind, .fd = -1 };
	assert_int_equal(loop_watch(loop, &newcomer, *fd, EPOLLIN), 0);
	assert_int_equal(newcomer.slot, slot);
	loop_unwatch(loop, watch);
}

static const struct watch_kind one_of_two = { .name = "one of two", .ready = one_of_two_ready };

static void an_event_of_a_watch_that_is_gone_reaches_nobody(void **state)
{
	struct loop *loop = begin();
	int silent[2], others[2][2];

	(void)state;
	assert_int_equal(pipe(silent), 0);
	new_fd = silent[0];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(others[i]), 0);
		assert_int_equal(write(others[i][1], "x", 1), 1);
	}
	left = right = (struct watch){ .kind = &one_of_two, .fd = -1 };
	left_fd = others[0][0];
	right_fd = others[1][0];
	calls = 0;
	assert_int_equal(loop_watch(loop, &left, left_fd, EPOLLIN), 0);
	assert_int_equal(loop_watch(loop, &right, right_fd, EPOLLIN), 0);
	assert_true(turns_in_30_ms(loop) <= 3); /* ended by the timer, not by the newcomer */
	assert_int_equal(calls, 1);
	assert_int_equal(write(silent[1], "x", 1), 1);
	assert_int_equal(loop_run(loop), 0); /* its own event does come */
	loop_unwatch(loop, &newcomer);
	loop_unwatch(loop, &newcomer);
	loop_free(loop);
	close(left_fd);
	close(right_fd);
	close(others[0][1]);
	close(others[1][1]);
	close(silent[0]);
	close(silent[1]);
}

static void count_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)loop;
	calls++;
	if (calls == 3)
		assert_int_equal(loop_watch(loop, watch, watch->fd, events & 0), 0);
}

static const struct watch_kind count_kind = { .name = "count", .ready = count_ready };

static void what_epoll_refuses_is_always_ready_while_it_is_wanted(void **state)
{
	struct loop *loop = begin();
	struct watch watch = { .kind = &count_kind, .fd = -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	calls = 0;
	assert_int_equal(loop_watch(loop, &watch, null, EPOLLIN | EPOLLOUT), 0);
	assert_true(turns_in_30_ms(loop) <= 5);
	assert_int_equal(calls, 3);
	assert_int_equal(loop_watch(loop, &watch, null, EPOLLOUT), 0);
	calls = 1;
	assert_true(turns_in_30_ms(loop) <= 4);
	assert_int_equal(calls, 3);
	loop_unwatch(loop, &watch);
	assert_true(turns_in_30_ms(loop) <= 2);
	assert_int_equal(loop_watch(loop, &watch, -1, EPOLLIN), -EBADF);
	assert_int_equal(watch.slot, 0);
	loop_free(loop);
	close(null);
}

static void many_watches(void **state)
{
	struct loop *loop = begin();
	static struct watch watches[300];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 300; i++) {
			watches[i] = (struct watch){ .kind = &count_kind, .fd = -1 };
			assert_int_equal(loop_watch(loop, &watches[i], null, 0), 0);
			for (size_t j = 0; j < i; j++)
				assert_int_not_equal(watches[i].slot, watches[j].slot);
		}
		for (size_t i = 0; i < 300; i++)
			loop_unwatch(loop, &watches[i * 7 % 300]);
	}
	loop_free(loop);
	close(null);
}

/* Signals */

static int caught;

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	assert_ptr_equal(context, &caught);
	caught = (int)info->ssi_signo;
	loop_stop(loop);
}

static void signals_come_to_the_loop_and_not_to_children(void **state)
{
	struct loop *loop = begin();
	sigset_t wanted, mask;
	pid_t child;
	int status;

	(void)state;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(loop_signals(loop, &wanted, on_signal, &caught), 0);
	kill(getpid(), SIGUSR1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(caught, SIGUSR1);
	child = fork();
	if (!child) {
		struct sigaction pipe_action;

		loop_child(loop);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		sigaction(SIGPIPE, NULL, &pipe_action);
		loop_free(loop); /* for valgrind, which counts what is lost at the end of each
				    process */
		_exit(sigismember(&mask, SIGUSR1) || pipe_action.sa_handler != SIG_DFL);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	/* one that nobody has taken does not end the program, and neither does a late one */
	kill(getpid(), SIGUSR1);
	loop_free(loop);
	kill(getpid(), SIGUSR1);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGUSR1));
}

static unsigned descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_loop_closes_what_it_has_opened(void **state)
{
	unsigned before = descriptors();
	struct loop *loop = begin();
	sigset_t wanted;

	(void)state;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	assert_int_equal(loop_signals(loop, &wanted, on_signal, &caught), 0);
	assert_true(descriptors() >= before + 2); /* the epoll instance and the signals */
	loop_free(loop);
	assert_int_equal(descriptors(), before);
}

/* Memory */

static void free_expired(struct loop *loop, struct timer *timer)
{
	loop_free_later(loop, timer); /* who is called may free itself */
	loop_stop(loop);
}

static void what_is_freed_later_lives_to_the_end_of_the_batch(void **state)
{
	struct loop *loop = begin();
	struct timer *timer = calloc(1, sizeof(*timer));

	(void)state;
	timer->expired = free_expired;
	loop_timer(loop, timer, 0);
	assert_int_equal(loop_run(loop), 0);
	loop_free_later(loop, malloc(1)); /* and what nobody waited for goes with the loop */
	loop_free(loop);
	loop_free(NULL);
}

static void the_shared_buffer_grows(void **state)
{
	struct loop *loop = begin();
	char *small = loop_buffer(loop, 10);

	(void)state;
	memset(small, 1, 10);
	assert_ptr_equal(loop_buffer(loop, 5), small);
	memset(loop_buffer(loop, 1 << 20), 1, 1 << 20);
	loop_free(loop);
}

/* Open connections before new ones */

#define SLOW 8

static struct watch open_watch, slow_watches[SLOW];
static unsigned slow_calls[SLOW], slow_since_open, slow_most;

static void open_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	if (slow_since_open > slow_most)
		slow_most = slow_since_open;
	slow_since_open = 0;
	if (turns == 200)
		loop_stop(loop);
}

/* Takes longer than all patient watches may take together. */
static void slow_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	uint64_t end = units_now() + LOOP_PATIENT_TIME;

	(void)loop;
	(void)events;
	while (units_now() < end)
		;
	slow_calls[watch->side]++;
	slow_since_open++;
}

static void what_is_patient_lets_others_go_first_and_nobody_starves(void **state)
{
	static const struct watch_kind open_kind = { .name = "open", .ready = open_ready };
	static const struct watch_kind slow_kind = { .name = "slow",
						     .ready = slow_ready,
						     .patient = true };
	struct loop *loop = begin();
	int both[2];

	(void)state;
	assert_int_equal(pipe(both), 0);
	for (uint16_t i = 0; i < SLOW; i++) {
		slow_watches[i] = (struct watch){ .kind = &slow_kind, .side = i };
		assert_int_equal(loop_watch(loop, &slow_watches[i], dup(both[1]), EPOLLOUT), 0);
	}
	open_watch = (struct watch){ .kind = &open_kind };
	assert_int_equal(loop_watch(loop, &open_watch, dup(both[1]), EPOLLOUT), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(slow_most, 1);
	for (size_t i = 0; i < SLOW; i++)
		assert_in_range(slow_calls[i], 15, 40);
	for (size_t i = 0; i < SLOW; i++)
		close(slow_watches[i].fd);
	close(open_watch.fd);
	close(both[0]);
	close(both[1]);
	loop_free(loop);
}

static struct watch seldom_watch;
static int seldom_pipe[2];
static unsigned seldom_calls, slow_before_seldom;

static void seldom_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	char byte;

	(void)events;
	assert_int_equal(read(watch->fd, &byte, 1), 1);
	assert_int_equal(slow_before_seldom, 0);
	if (++seldom_calls == 10)
		loop_stop(loop);
}

/* After two rounds of these, something is there for the one that is seldom ready. */
static void slow_and_seldom(struct loop *loop, struct watch *watch, uint32_t events)
{
	static unsigned slow_turns;

	slow_ready(loop, watch, events);
	slow_before_seldom++;
	if (++slow_turns % (2 * SLOW))
		return;
	assert_int_equal(write(seldom_pipe[1], "x", 1), 1);
	slow_before_seldom = 0;
}

static void a_patient_watch_that_is_seldom_ready_goes_before_those_that_always_are(void **state)
{
	static const struct watch_kind seldom_kind = { .name = "seldom",
						       .ready = seldom_ready,
						       .patient = true };
	static const struct watch_kind slow_kind = { .name = "slow",
						     .ready = slow_and_seldom,
						     .patient = true };
	struct loop *loop = begin();

	(void)state;
	assert_int_equal(pipe(seldom_pipe), 0);
	for (uint16_t i = 0; i < SLOW; i++) {
		slow_watches[i] = (struct watch){ .kind = &slow_kind, .side = i };
		assert_int_equal(loop_watch(loop, &slow_watches[i], dup(seldom_pipe[1]), EPOLLOUT),
				 0);
	}
	seldom_watch = (struct watch){ .kind = &seldom_kind };
	assert_int_equal(loop_watch(loop, &seldom_watch, seldom_pipe[0], EPOLLIN), 0);
	assert_int_equal(loop_run(loop), 0);
	for (size_t i = 0; i < SLOW; i++)
		close(slow_watches[i].fd);
	close(seldom_pipe[0]);
	close(seldom_pipe[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_expire_in_order_however_they_were_set),
		cmocka_unit_test(timers_that_set_and_stop_others_expire_in_order),
		cmocka_unit_test(a_timer_set_anew_for_now_starves_nobody),
		cmocka_unit_test(timers_run_after_what_has_come),
		cmocka_unit_test(a_timer_is_due_when_the_loop_wakes_for_it),
		cmocka_unit_test(a_stop_before_the_run_counts),
		cmocka_unit_test(an_event_of_a_watch_that_is_gone_reaches_nobody),
		cmocka_unit_test(what_epoll_refuses_is_always_ready_while_it_is_wanted),
		cmocka_unit_test(many_watches),
		cmocka_unit_test(signals_come_to_the_loop_and_not_to_children),
		cmocka_unit_test(a_loop_closes_what_it_has_opened),
		cmocka_unit_test(what_is_freed_later_lives_to_the_end_of_the_batch),
		cmocka_unit_test(the_shared_buffer_grows),
		cmocka_unit_test(what_is_patient_lets_others_go_first_and_nobody_starves),
		cmocka_unit_test(
			a_patient_watch_that_is_seldom_ready_goes_before_those_that_always_are),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
