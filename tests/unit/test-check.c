/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

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

#include "base/units.h"
#include "base/util.h"
#include "cli/check.h"

#define SEED 0x7f3a0001U

/* The clock jumps by 400 ms, after which "both" reads, when it is looked at for the nth time. */
static uint64_t jumped;
static unsigned jump_at; /* 0: never */
static uint64_t patience = 100 * NSEC_PER_MSEC; /* ns */
uint64_t __real_units_now(void);
uint64_t __wrap_units_now(void);

uint64_t __wrap_units_now(void)
{
	if (jump_at && --jump_at == 0)
		jumped += 400 * NSEC_PER_MSEC;
	return __real_units_now() + jumped;
}

static void good_requests(void **state)
{
	struct check_request request;

	(void)state;
	assert_true(check_read_request("VSOCK-CHECK 1 7f3a0001 send=65536/4096 both=7/1-5 wait=250 "
				       "shut end reset",
				       &request));
	assert_int_equal(request.seed, SEED);
	assert_false(request.report);
	assert_int_equal(request.count, 6);
	assert_int_equal(request.steps[0].kind, CHECK_SEND);
	assert_int_equal(request.steps[0].amount, 65536);
	assert_int_equal(request.steps[0].low, 4096);
	assert_int_equal(request.steps[0].high, 4096);
	assert_int_equal(request.steps[1].low, 1);
	assert_int_equal(request.steps[1].high, 5);
	assert_int_equal(request.steps[2].amount, 250);
	assert_int_equal(request.steps[5].kind, CHECK_RESET);
	assert_int_equal(check_awaited(&request), 7);
	assert_true(check_read_request("VSOCK-CHECK 1 00000000 receive=16777216", &request));
	assert_int_equal(request.steps[0].high, CHECK_PIECE_MAX);
	assert_true(check_read_request("VSOCK-CHECK 1 7f3a0001 report", &request));
	assert_true(request.report);
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"",
		"GET / HTTP/1.1",
		"VSOCK-CHECK",
		"VSOCK-CHECK 2 7f3a0001 end",
		"VSOCK-CHECK 1 7f3a0001",
		"VSOCK-CHECK 1 7f3a0001 ",
		"VSOCK-CHECK 1 7F3A0001 end",
		"VSOCK-CHECK 1 7f3a00011 end",
		"VSOCK-CHECK 1 7f3a000 end",
		"VSOCK-CHECK 1  7f3a0001 end",
		"VSOCK-CHECK 1 7f3a0001 end ",
		"VSOCK-CHECK 1 7f3a0001 end  end",
		"VSOCK-CHECK 1 7f3a0001 ends",
		"VSOCK-CHECK 1 7f3a0001 end=1",
		"VSOCK-CHECK 1 7f3a0001 report end",
		"VSOCK-CHECK 1 7f3a0001 send",
		"VSOCK-CHECK 1 7f3a0001 send=",
		"VSOCK-CHECK 1 7f3a0001 send=0",
		"VSOCK-CHECK 1 7f3a0001 send=-1",
		"VSOCK-CHECK 1 7f3a0001 send=+1",
		"VSOCK-CHECK 1 7f3a0001 send=0x10",
		"VSOCK-CHECK 1 7f3a0001 send=1K",
		"VSOCK-CHECK 1 7f3a0001 send=16777217",
		"VSOCK-CHECK 1 7f3a0001 send=18446744073709551617",
		"VSOCK-CHECK 1 7f3a0001 send=10/0",
		"VSOCK-CHECK 1 7f3a0001 send=10/",
		"VSOCK-CHECK 1 7f3a0001 send=10/5-4",
		"VSOCK-CHECK 1 7f3a0001 send=10/5-",
		"VSOCK-CHECK 1 7f3a0001 send=10/0-4",
		"VSOCK-CHECK 1 7f3a0001 send=10/270337",
		"VSOCK-CHECK 1 7f3a0001 wait=5001",
		"VSOCK-CHECK 1 7f3a0001 end end end end end end end end end",
	};
	struct check_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (check_read_request(bad[i], &request))
			fail_msg("it was read: %s", bad[i]);
}

static void results_are_written_and_read(void **state)
{
	struct check_result result = { .outcome = CHECK_STALLED,
				       .step = 2,
				       .wrong = CHECK_MOVED,
				       .sent = 1,
				       .received = 134217728,
				       .at = 5,
				       .from = 77 },
			    again;
	char line[CHECK_LINE_MAX], other[CHECK_LINE_MAX];

	(void)state;
	check_write_result(line, SEED, &result);
	assert_string_equal(line,
			    "VSOCK-CHECK 1 7f3a0001 result stalled 2 1 134217728 moved 5 77\n");
	line[strlen(line) - 1] = '\0';
	assert_true(check_read_result(line, SEED, &again));
	assert_int_equal(again.outcome, CHECK_STALLED);
	assert_int_equal(again.wrong, CHECK_MOVED);
	assert_int_equal(again.from, 77);
	check_write_result(other, SEED, &again);
	other[strlen(other) - 1] = '\0';
	assert_string_equal(line, other);
	assert_false(check_read_result(line, SEED + 1, &again));
	strcat(line, "7777777777");
	assert_false(check_read_result(line, SEED, &again));
	assert_false(check_read_result("VSOCK-CHECK 1 7f3a0001 result done", SEED, &again));
	assert_false(check_read_result("VSOCK-CHECK 1 7f3a0001 result ok 0 0 0 right 0 0", SEED,
				       &again));
	assert_true(check_read_result("VSOCK-CHECK 1 7f3a0001 result done 8 0 0 right 0 0", SEED,
				      &again));
	/* a digit that is larger than the largest number; and nothing is left of what was read */
	assert_false(check_read_result("VSOCK-CHECK 1 7f3a0001 result done 9 0 0 right 0 0", SEED,
				       &again));
	assert_int_equal(again.outcome, CHECK_UNKNOWN);
	assert_false(check_read_result("VSOCK-CHECK 1 7f3a0001 result done 1 5 0 right 0 x", SEED,
				       &again));
	assert_int_equal(again.outcome, CHECK_UNKNOWN);
	assert_int_equal(again.sent, 0);
}

/* The receiving end of a connection, whose other end is the test's. */
struct rig {
	struct loop *loop;
	struct check_run run;
	int far;
	bool over;
};

static bool heard(struct check_run *run)
{
	return strcmp(run->line, "hello") == 0;
}

static void done(struct check_run *run)
{
	struct rig *rig = container_of(run, struct rig, run);

	rig->over = true;
	loop_stop(rig->loop);
}

/* Receives what data says, and ends; returns the result. */
static struct check_result receive(const char *steps, const void *data, size_t size)
{
	struct rig rig = { .run = { .patience = patience,
				    .time = 10 * NSEC_PER_SEC,
				    .heard = heard,
				    .done = done } };
	int ends[2];

	assert_int_equal(loop_start(&rig.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_true(check_read_steps(steps, &rig.run.request));
	rig.run.request.seed = SEED;
	assert_true(check_say(ends[1], "hello\n"));
	if (size)
		assert_int_equal(send(ends[1], data, size, MSG_NOSIGNAL), size);
	check_start(&rig.run, rig.loop, ends[0]);
	while (!rig.over)
		assert_int_equal(loop_run(rig.loop), 0);
	loop_free(rig.loop);
	close(ends[0]);
	close(ends[1]);
	return rig.run.result;
}

/* Of the pattern, with size bytes of it from some offset on. */
static uint8_t *pattern(uint32_t seed, uint64_t offset, size_t size)
{
	uint8_t *data = malloc(size);

	assert_non_null(data);
	check_pattern(data, size, seed, true, offset);
	return data;
}

static void what_is_right(void **state)
{
	uint8_t *data = pattern(SEED, 0, 5000);
	struct check_result result = receive("receive=3000 receive=2000", data, 5000);

	(void)state;
	assert_int_equal(result.outcome, CHECK_DONE);
	assert_int_equal(result.wrong, CHECK_RIGHT);
	assert_int_equal(result.received, 5000);
	free(data);
}

/* Whatever the offset at which the pattern is cut: it is made of words of eight bytes. */
static void what_is_missing_is_found(void **state)
{
	(void)state;
	for (size_t lost = 1; lost < 20; lost++) {
		uint8_t *data = pattern(SEED, 0, 2000);
		struct check_result result;

		memmove(data + 1000, data + 1000 + lost, 1000 - lost);
		result = receive("receive=2000", data, 2000 - lost);
		assert_int_equal(result.outcome, CHECK_STALLED);
		assert_int_equal(result.wrong, CHECK_MOVED);
		assert_int_equal(result.received, 2000 - lost);
		/* a byte may happen to be the same */
		assert_in_range(result.at, 1000, 1002);
		assert_int_equal(result.from, result.at + lost);
		free(data);
	}
}

static void what_is_another_connections(void **state)
{
	uint8_t *data = pattern(SEED, 0, 2000), *other = pattern(SEED + 1, 1000, 500);
	struct check_result result;

	(void)state;
	memcpy(data + 1000, other, 500);
	result = receive("receive=2000", data, 2000);
	assert_int_equal(result.outcome, CHECK_DONE);
	assert_int_equal(result.wrong, CHECK_FOREIGN);
	free(data);
	free(other);
}

static void what_is_changed(void **state)
{
	uint8_t *data = pattern(SEED, 0, 2000);
	struct check_result result;

	(void)state;
	data[1234] ^= 1;
	result = receive("receive=2000", data, 2000);
	assert_int_equal(result.wrong, CHECK_CHANGED);
	assert_int_equal(result.at, 1234);
	memset(data + 1000, 0, 1000);
	result = receive("receive=2000", data, 2000);
	assert_int_equal(result.wrong, CHECK_CHANGED);
	assert_in_range(result.at, 1000, 1001);
	free(data);
}

static void what_does_not_end(void **state)
{
	struct check_result result = receive("end", NULL, 0);

	(void)state;
	assert_int_equal(result.outcome, CHECK_STALLED);
	result = receive("end", "x", 1);
	assert_int_equal(result.outcome, CHECK_SURPLUS);
}

static void reading_begins_at_any_moment(void **state)
{
	uint8_t *data = pattern(SEED, 0, 1000);

	(void)state;
	patience = 500 * NSEC_PER_MSEC;
	for (unsigned calls = 1; calls < 14; calls++) {
		jump_at = calls;
		assert_int_equal(receive("both=1000", data, 1000).outcome, CHECK_DONE);
	}
	jump_at = 0;
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(results_are_written_and_read),
		cmocka_unit_test(what_is_right),
		cmocka_unit_test(what_is_missing_is_found),
		cmocka_unit_test(what_is_another_connections),
		cmocka_unit_test(what_is_changed),
		cmocka_unit_test(what_does_not_end),
		cmocka_unit_test(reading_begins_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
