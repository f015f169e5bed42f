/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program that is to follow, and does not get ready: how long it is waited for. Nobody waits here: its timer is moved instead. */
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
#include "serve/supervisor-parts.h"

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

	assert_int_equal(loop_timer(supervisor.server.loop, &stop, units_now()), 0);
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
	assert_int_equal(loop_timer(supervisor.server.loop, &supervisor.restart_late, units_now()), 0);
	run();
	assert_int_equal(waitpid(attendant, &how, 0), attendant);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
	restart_child_ended(&supervisor, how);
	said = capture_end(&capture);
	assert_non_null(strstr(said, " is not ready after 30 s: it is ended"));
	assert_non_null(strstr(said, "was ended by signal 9 (Killed) before it was ready: this one goes on"));
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
	assert_int_equal(supervisor.restart_late.index, 0);
	assert_int_equal(waitpid(attendant, &how, 0), attendant);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGTERM);
	assert_null(strstr(capture_end(&capture), "not ready"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_not_ready_in_time_is_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_late_after_a_stop, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
