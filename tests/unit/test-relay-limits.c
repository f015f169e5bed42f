/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits and times of a relay, what it keeps, and what is inserted; see rig.h. */
#include "config.h"

#include "base/util.h"
#include "rig.h"

/* Limits and times. A time is only ever checked from below: it may take longer on a slow machine,
 * never less. */

static void timed(struct relay_settings settings, bool half_close, enum relay_end result,
		  uint64_t least)
{
	uint64_t began = units_now();
	struct rig rig;

	rig_init(&rig, ENGINE_AUTO);
	rig.settings = settings;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	if (half_close) {
		far_finish(&rig.far[0]);
		expect_end(&rig.far[1]);
	}
	rig_ends(&rig, result);
	assert_true(units_now() - began >= least);
	/* nobody is told of an end that was none */
	rig_free(&rig);
}

static void timers_end_a_relay(void **state)
{
	struct relay_settings settings = relay_defaults;
	const uint64_t least = 50 * NSEC_PER_MSEC;

	(void)state;
	settings.idle_timeout = least;
	timed(settings, false, END_IDLE, least);
	timed(settings, true, END_IDLE, least);
	settings = relay_defaults;
	settings.max_time = least;
	timed(settings, false, END_MAX_TIME, least);
	settings = relay_defaults;
	settings.half_close_timeout = least;
	timed(settings, true, END_HALF_CLOSE, least);
	settings.half_close_timeout = 0;
	timed(settings, true, END_HALF_CLOSE, 0);
}

static void the_half_close_timer_waits_for_a_half_close(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	rig.settings.half_close_timeout = 1;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	expect_quiet(&rig.far[0]);
	send_pattern(&rig.far[0], 1, 0, 10);
	expect_pattern(&rig.far[1], 1, 0, 10);
	far_finish(&rig.far[1]);
	expect_end(&rig.far[0]);
	rig_ends(&rig, END_HALF_CLOSE);
	rig_free(&rig);
}

static void moving_bytes_put_the_idle_time_off(void **state)
{
	const uint64_t idle = 200 * NSEC_PER_MSEC;
	uint64_t last = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	rig.settings.idle_timeout = idle;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	for (int i = 0; i < 5; i++) {
		last = units_now();
		if (send(rig.far[0].to, "x", 1, MSG_NOSIGNAL) != 1)
			break; /* a machine that stood still for longer than the idle time */
		expect_quiet(&rig.far[0]);
	}
	rig_ends(&rig, END_IDLE);
	assert_true(units_now() - last >= idle || rig.relay.chan[0].bytes < 5);
	rig_free(&rig);
}

static void no_more_than_max_bytes_pass(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++)
			for (int side = 0; side < 2; side++) {
				struct rig rig;

				rig_init(&rig, engine);
				rig.settings.max_bytes = 10000;
				side_make(left, &rig.far[0], &rig.end[0]);
				side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
				rig_run(&rig);
				send_pattern(&rig.far[side], 0, 0, 30000);
				expect_pattern(&rig.far[!side], 0, 0, 10000);
				rig_ends(&rig, END_MAX_BYTES);
				assert_int_equal(rig.relay.chan[side].bytes, 10000);
				relay_close(rig.loop, &rig.relay);
				/* and what is missing is no end in good order */
				expect_abort(&rig.far[!side], side ? left : KIND_UNIX);
				rig_free(&rig);
			}
}

/* An answer to exactly as much as may be, and the end of both, in good order. */
static void as_much_as_max_bytes_is_complete(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++)
			for (int side = 0; side < 2; side++)
				for (unsigned below = 0; below < 2; below++) {
					struct rig rig;

					rig_init(&rig, engine);
					rig.settings.max_bytes = 10000 + below;
					side_make(left, &rig.far[0], &rig.end[0]);
					side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
					rig_run(&rig);
					send_pattern(&rig.far[side], 0, 0, 10000);
					expect_pattern(&rig.far[!side], 0, 0, 10000);
					expect_quiet(&rig.far[!side]);
					send_pattern(&rig.far[!side], 1, 0, 5000);
					expect_pattern(&rig.far[side], 1, 0, 5000);
					far_finish(&rig.far[side]);
					expect_end(&rig.far[!side]);
					far_finish(&rig.far[!side]);
					rig_ends(&rig, END_EOF);
					assert_int_equal(rig.relay.lost, 0);
					rig_free(&rig);
				}
}

/* What comes after the limit stays with whoever sent it, where that can be told without taking it.
 */
static void one_byte_more_than_max_bytes_is_too_much(void **state)
{
	char more;

	(void)state;
	for (enum kind left = 0; left < KINDS; left++) {
		struct rig rig;
		int input;

		rig_init(&rig, ENGINE_AUTO);
		rig.settings.max_bytes = 10000;
		side_make(left, &rig.far[0], &rig.end[0]);
		side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
		input = fcntl(rig.end[0].in, F_DUPFD_CLOEXEC, 3);
		rig_run(&rig);
		send_pattern(&rig.far[0], 0, 0, 10000);
		expect_pattern(&rig.far[1], 0, 0, 10000);
		expect_quiet(&rig.far[1]);
		send_pattern(&rig.far[0], 0, 10000, 1);
		rig_ends(&rig, END_MAX_BYTES);
		assert_int_equal(rig.relay.chan[0].bytes, 10000);
		assert_int_equal(rig.relay.lost, 0);
		assert_int_equal(read(input, &more, 1), 1);
		assert_int_equal((unsigned char)more, pattern(0, 10000));
		close(input);
		rig_free(&rig);
	}
}

static void a_size_that_is_max_bytes_too_is_complete(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	rig.settings.source_bytes = rig.settings.max_bytes = 5000;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	send_pattern(&rig.far[1], 0, 0, 6000);
	expect_pattern(&rig.far[0], 0, 0, 5000);
	expect_end(&rig.far[0]);
	far_finish(&rig.far[0]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

static void a_source_of_so_many_bytes_ends_after_them(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	rig.settings.source_bytes = 5000;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	send_pattern(&rig.far[1], 0, 0, 5000); /* and no end of it */
	expect_pattern(&rig.far[0], 0, 0, 5000);
	expect_end(&rig.far[0]);
	/* the other way has no such limit */
	send_pattern(&rig.far[0], 1, 0, 9000);
	expect_pattern(&rig.far[1], 1, 0, 9000);
	far_finish(&rig.far[0]);
	expect_end(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

static void the_rate_limit_holds_and_loses_nothing(void **state)
{
	const uint64_t rate = 1000000, size = 200000;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++) {
			struct way way[2] = { { .size = 0 }, { .size = size } };
			uint64_t began, least;
			struct rig rig;

			rig_init(&rig, engine);
			rig.settings.rate_limit = rate;
			side_make(left, &rig.far[0], &rig.end[0]);
			side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
			began = units_now();
			rig_run(&rig);
			exchange(&rig, way);
			/* all but what may burst through (two twentieths of a second) can't have
			 * come sooner */
			least = (size - rate / 10) * NSEC_PER_SEC / rate;
			assert_true(units_now() - began >= least);
			rig_ends(&rig, END_EOF);
			rig_free(&rig);
		}
}

/* What is kept stays within the budget, one in which a read fits and one in which nothing does, and
 * still all of it arrives. */
static void the_budget_holds_and_loses_nothing(void **state)
{
	static const uint64_t limits[] = { 0, 100000, UINT64_MAX };

	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = KIND_UNIX; left <= KIND_TCP; left++)
			for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
				struct rig rig;
				struct way way[2] = { { .size = 3000000 },
						      { .size = 3000000, .read_at_once = 1000 } };
				uint64_t sent = 0;

				rig_init(&rig, engine);
				loop_budget(rig.loop)->limit = limits[i];
				side_make(left, &rig.far[0], &rig.end[0]);
				side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
				rig_run(&rig);
				/* where it has no limit something is kept at last, however slowly
				 * the relay gets its turns */
				do
					sent = fill_on(&rig.far[0], 1, sent);
				while (limits[i] == UINT64_MAX && !loop_budget(rig.loop)->used &&
				       sent < 64 << 20);
				assert_true(loop_budget(rig.loop)->used <= limits[i]);
				assert_true(limits[i] != UINT64_MAX ||
					    loop_budget(rig.loop)->used > 0);
				expect_pattern(&rig.far[1], 1, 0, sent);
				way[1].sent = way[1].got = sent;
				way[1].size += sent;
				exchange(&rig, way);
				rig_ends(&rig, END_EOF);
				assert_int_equal(loop_budget(rig.loop)->used, 0);
				rig_free(&rig);
			}
}

static void insert_before(struct rig *rig)
{
	assert_int_equal(relay_insert(rig->loop, &rig->relay, 0, "first ", 6), 0);
}

/* Also where nothing is read into memory. */
static void what_is_inserted_goes_first(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
		char got[12];
		struct rig rig;

		rig_start(&rig, KIND_UNIX, KIND_UNIX, engine);
		rig_poke(&rig, insert_before);
		assert_int_equal(recv(rig.far[1].from, got, 6, MSG_WAITALL), 6);
		assert_memory_equal(got, "first ", 6);
		assert_int_equal(write(rig.far[0].to, "second", 6), 6);
		assert_int_equal(recv(rig.far[1].from, got, 6, MSG_WAITALL), 6);
		assert_memory_equal(got, "second", 6);
		far_finish(&rig.far[0]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		assert_int_equal(rig.relay.chan[0].bytes, 12);
		rig_free(&rig);
	}
}

/* An input of 30000 bytes. */
struct thirty {
	struct relay_extent extent;
	size_t left;
	bool bad;
};
static struct thirty thirty;

static size_t take_thirty(struct relay_extent *extent, const void *data, size_t size, bool look)
{
	struct thirty *input = container_of(extent, struct thirty, extent);
	size_t taken = size < input->left ? size : input->left;

	(void)data;
	if (look)
		return taken;
	input->left -= taken;
	if (taken < size) {
		extent->why = "too much";
		extent->bad = input->bad;
	}
	return taken;
}

static void bound(struct rig *rig)
{
	relay_bound(&rig->relay, &thirty.extent);
}

static void start_bound(struct rig *rig, unsigned engine, uint64_t budget, bool is_bad)
{
	thirty = (struct thirty){ .extent.take = take_thirty, .left = 30000, .bad = is_bad };
	rig_init(rig, engine);
	loop_budget(rig->loop)->limit = budget;
	side_make(KIND_TCP, &rig->far[0], &rig->end[0]);
	side_make(KIND_UNIX, &rig->far[1], &rig->end[1]);
	rig_run(rig);
	rig_poke(rig, bound);
}

/* What comes after it is not passed on, and is the end of the input; the answer arrives. */
static void an_input_ends_where_its_extent_says(void **state)
{
	(void)state;
	for (unsigned each = 0; each < 6; each++)
		for (unsigned more = 0; more <= 100000; more = more * 1000 + 100) {
			unsigned engine = ENGINE_AUTO + each / 2;
			struct rig rig;

			start_bound(&rig, engine, each % 2 ? 0 : UINT64_MAX, false);
			send_pattern(&rig.far[0], 1, 0, 20000);
			expect_pattern(&rig.far[1], 1, 0, 20000);
			send_pattern(&rig.far[0], 1, 20000, 10000);
			expect_pattern(&rig.far[1], 1, 20000, 10000);
			if (!more) {
				/* it is not told before more comes, or the end of file */
				expect_quiet(&rig.far[1]);
				far_finish(&rig.far[0]);
			} else {
				send_pattern(&rig.far[0], 1, 30000, more);
			}
			expect_end(&rig.far[1]);
			send_pattern(&rig.far[1], 0, 0, 50000);
			far_finish(&rig.far[1]);
			expect_pattern(&rig.far[0], 0, 0, 50000);
			expect_end(&rig.far[0]);
			far_close(&rig.far[0]);
			rig_ends(&rig, END_EOF);
			assert_int_equal(rig.relay.chan[0].bytes, 30000);
			assert_true(!rig.relay.lost == !more);
			rig_free(&rig);
		}
}

static void a_malformed_input_ends_the_relay(void **state)
{
	struct rig rig;

	(void)state;
	start_bound(&rig, ENGINE_AUTO, UINT64_MAX, true);
	send_pattern(&rig.far[0], 1, 0, 30000);
	expect_pattern(&rig.far[1], 1, 0, 30000);
	send_pattern(&rig.far[0], 1, 30000, 10);
	rig_ends(&rig, END_IO);
	assert_int_equal(rig.relay.error, EBADMSG);
	relay_close(rig.loop, &rig.relay);
	expect_abort(&rig.far[1], KIND_UNIX);
	rig_free(&rig);
}

/* What the other side does not take stays in the kernel. */
static void an_input_with_an_extent_keeps_to_the_budget(void **state)
{
	struct rig rig;
	uint64_t sent;

	(void)state;
	start_bound(&rig, ENGINE_AUTO, 0, false);
	thirty.left = 100 << 20;
	sent = fill(&rig.far[0], 1);
	assert_int_equal(loop_budget(rig.loop)->used, 0);
	expect_pattern(&rig.far[1], 1, 0, sent);
	far_finish(&rig.far[0]);
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[0].bytes, sent);
	assert_int_equal(thirty.left, (100 << 20) - sent);
	rig_free(&rig);
}

/* A rate that is shared by both ways of one relay: each way has it for itself, and no more. */
static void a_shared_rate_holds_and_loses_nothing(void **state)
{
	const uint64_t rate = 1000000, size = 200000;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		struct way way[2] = { { .size = size }, { .size = size } };
		struct share share = { .rate = rate };
		uint64_t began, least = (size - rate / 10) * NSEC_PER_SEC / rate;
		struct rig rig;

		rig_init(&rig, engine);
		rig.settings.share = &share;
		side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
		side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
		began = units_now();
		rig_run(&rig);
		exchange(&rig, way);
		assert_true(units_now() - began >= least);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_end_a_relay),
		cmocka_unit_test(the_half_close_timer_waits_for_a_half_close),
		cmocka_unit_test(moving_bytes_put_the_idle_time_off),
		cmocka_unit_test(no_more_than_max_bytes_pass),
		cmocka_unit_test(as_much_as_max_bytes_is_complete),
		cmocka_unit_test(one_byte_more_than_max_bytes_is_too_much),
		cmocka_unit_test(a_size_that_is_max_bytes_too_is_complete),
		cmocka_unit_test(a_source_of_so_many_bytes_ends_after_them),
		cmocka_unit_test(the_rate_limit_holds_and_loses_nothing),
		cmocka_unit_test(the_budget_holds_and_loses_nothing),
		cmocka_unit_test(what_is_inserted_goes_first),
		cmocka_unit_test(an_input_ends_where_its_extent_says),
		cmocka_unit_test(a_malformed_input_ends_the_relay),
		cmocka_unit_test(an_input_with_an_extent_keeps_to_the_budget),
		cmocka_unit_test(a_shared_rate_holds_and_loses_nothing),
	};

	return cmocka_run_group_tests_name("relay-limits", tests, NULL, NULL);
}
