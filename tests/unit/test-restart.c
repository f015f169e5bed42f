/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes that the supervisor waits for, and for how long: the program that is to follow it, the
 * worker that takes new rules, and the reader of a reload. Nobody waits here: the timer is moved
 * instead. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/units.h"
#include "capture.h"
#include "supervisor-rig.h"

#define LIMIT (30 * NSEC_PER_SEC) /* vsock-proxy(1), RESTARTING */

static struct supervisor supervisor;
static struct capture capture;

static void stop_loop(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* What is due is done. */
static void run(void)
{
	struct timer stop = { .expired = stop_loop };

	loop_timer(supervisor.server.loop, &stop, units_now());
	assert_int_equal(loop_run(supervisor.server.loop), 0);
}

static int set_up(void **state)
{
	static char *words[] = { (char *)"sleep", (char *)"60", NULL };
	static const struct program program = { .path = (char *)"/bin/sleep", .argv = words };

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	memset(&supervisor, 0, sizeof(supervisor));
	assert_int_equal(loop_start(&supervisor.server.loop), 0);
	supervisor.program = &program;
	supervisor.state = SUPERVISOR_SERVING;
	supervisor.predecessor = supervisor.successor_channel = -1;
	capture_begin(&capture, STDERR_FILENO);
	restart_start(&supervisor);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(supervisor.server.loop);
	return 0;
}

static void who_is_not_ready_in_time_is_ended(void **state)
{
	uint64_t now = units_now();
	pid_t attendant = supervisor.attendant;
	const char *said;
	int how;

	(void)state;
	assert_true(supervisor.successor > 0);
	assert_in_range(supervisor.restart_late.at, now + LIMIT - 5 * NSEC_PER_SEC, now + LIMIT);
	run();
	assert_int_equal(kill(supervisor.successor, 0), 0); /* not before */
	loop_timer(supervisor.server.loop, &supervisor.restart_late, units_now());
	run();
	assert_int_equal(waitpid(attendant, &how, 0), attendant);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
	restart_child_ended(&supervisor, how);
	said = capture_end(&capture);
	assert_non_null(strstr(said, " is not ready after 30 s: killing it"));
	assert_non_null(strstr(
		said,
		"was killed by signal 9 (Killed) before it was ready; this process continues"));
	assert_int_equal(supervisor.successor, 0);
	assert_int_equal(supervisor.state, SUPERVISOR_SERVING);
	assert_int_equal(supervisor.successor_channel, -1);
}

/* Who is told to end meanwhile waits for nobody. */
static void nobody_is_late_after_a_stop(void **state)
{
	pid_t attendant = supervisor.attendant;
	int how;

	(void)state;
	restart_stop(&supervisor);
	assert_false(loop_timer_is_set(&supervisor.restart_late));
	assert_true(supervisor.successor_channel >= 0); /* its end would mean GO */
	assert_int_equal(waitpid(attendant, &how, 0), attendant);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGTERM);
	assert_null(strstr(capture_end(&capture), "not ready"));
}

/* The worker that takes new rules */

static int theirs[2];

static int set_up_worker(void **state)
{
	(void)state;
	supervisor_rig_start(&supervisor, 0, NULL, supervisor_rig_victim(), theirs);
	supervisor.state = SUPERVISOR_SERVING;
	capture_begin(&capture, STDERR_FILENO);
	link_pass(&supervisor);
	return 0;
}

static int tear_down_worker(void **state)
{
	kill(supervisor.worker, SIGKILL);
	(void)state;
	waitpid(supervisor.worker, NULL, 0);
	supervisor_rig_stop(&supervisor, theirs);
	return 0;
}

static bool is_killed(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return info.si_code == CLD_KILLED && info.si_status == SIGKILL;
}

static void a_worker_that_does_not_say_done_in_time_is_killed(void **state)
{
	uint64_t now = units_now();

	(void)state;
	assert_int_equal(supervisor.awaited, 1);
	assert_in_range(supervisor.late.at, now + LIMIT - 5 * NSEC_PER_SEC, now + LIMIT);
	run();
	assert_int_equal(waitpid(supervisor.worker, NULL, WNOHANG), 0); /* not before */
	loop_timer(supervisor.server.loop, &supervisor.late, units_now());
	run();
	assert_true(is_killed(supervisor.worker));
	assert_non_null(strstr(capture_end(&capture), "killing the worker (process "));
	assert_int_equal(supervisor.channel, -1); /* nothing more is sent to it, or heard of it */
}

static void a_worker_that_has_said_done_is_not_late(void **state)
{
	const struct broker_message done = { .type = BROKER_DONE };
	struct broker_queue queue = { 0 };

	(void)state;
	assert_int_equal(broker_post(&queue, theirs[1], &done, -1), 0);
	run();
	run();
	capture_end(&capture);
	assert_int_equal(supervisor.awaited, 0);
	assert_false(loop_timer_is_set(&supervisor.late));
	assert_int_equal(waitpid(supervisor.worker, NULL, WNOHANG), 0);
}

/* The reader of a reload */

static int never(struct supervisor *of, struct rules *rules)
{
	(void)of;
	(void)rules;
	while (pause() < 0)
		;
	return 0;
}

static int set_up_reader(void **state)
{
	(void)state;
	memset(&supervisor, 0, sizeof(supervisor));
	assert_int_equal(loop_start(&supervisor.server.loop), 0);
	supervisor.state = SUPERVISOR_SERVING;
	supervisor.load = never;
	capture_begin(&capture, STDERR_FILENO);
	supervisor_reload(&supervisor);
	return 0;
}

static void a_reader_that_reads_for_too_long_is_killed(void **state)
{
	uint64_t now = units_now();
	pid_t reader = supervisor.reader;
	const char *said;

	(void)state;
	assert_true(reader > 0);
	assert_in_range(supervisor.reload_late.at, now + LIMIT - 5 * NSEC_PER_SEC, now + LIMIT);
	run();
	assert_int_equal(waitpid(reader, NULL, WNOHANG), 0); /* not before */
	loop_timer(supervisor.server.loop, &supervisor.reload_late, units_now());
	run();
	assert_true(is_killed(reader));
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	said = capture_end(&capture);
	assert_non_null(strstr(said, " within 30 s"));
	assert_non_null(strstr(said, "nothing was reloaded: the previous rules stay in force"));
	assert_false(supervisor.loading);
}

static void nobody_reads_after_a_stop(void **state)
{
	pid_t reader = supervisor.reader;

	(void)state;
	reload_stop(&supervisor);
	assert_false(loop_timer_is_set(&supervisor.reload_late));
	assert_true(is_killed(reader));
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	capture_end(&capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_not_ready_in_time_is_ended, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_late_after_a_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_worker_that_does_not_say_done_in_time_is_killed,
						set_up_worker, tear_down_worker),
		cmocka_unit_test_setup_teardown(a_worker_that_has_said_done_is_not_late,
						set_up_worker, tear_down_worker),
		cmocka_unit_test_setup_teardown(a_reader_that_reads_for_too_long_is_killed,
						set_up_reader, tear_down),
		cmocka_unit_test_setup_teardown(nobody_reads_after_a_stop, set_up_reader,
						tear_down),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
