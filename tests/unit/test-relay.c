/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The relay and its two engines, over sockets and pipes of every kind; see rig.h. */
#include "config.h"

#include <netinet/tcp.h>

#include "rig.h"

/* Every pair of kinds under both engines: UNIX, TCP, pipes and guarded pipes with each other. */
static void each_pair(void (*test)(enum kind left, enum kind right, unsigned engine))
{
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++)
			for (enum kind right = 0; right < KINDS; right++) {
				/* a failure says which pair it was */
				print_message("# %s and %s, %s\n", kind_names[left], kind_names[right], engine == ENGINE_COPY ? "copy" : "splice");
				test(left, right, engine);
			}
}

static void exchanged(enum kind left, enum kind right, unsigned engine, const struct way *down, const struct way *up)
{
	struct way way[2] = { *down, *up };
	struct rig rig;

	rig_start(&rig, left, right, engine);
	exchange(&rig, way);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[0].bytes, up->size);
	assert_int_equal(rig.relay.chan[1].bytes, down->size);
	assert_int_equal(rig.relay.lost, 0);
	rig_free(&rig);
}

static void both_ways_of(enum kind left, enum kind right, unsigned engine)
{
	exchanged(left, right, engine, &(struct way){ .size = 300000 }, &(struct way){ .size = 1000001 });
}

static void both_ways_at_once_with_different_sizes(void **state)
{
	(void)state;
	each_pair(both_ways_of);
}

static void nothing_of(enum kind left, enum kind right, unsigned engine)
{
	exchanged(left, right, engine, &(struct way){ 0 }, &(struct way){ 0 });
}

static void nothing_at_all(void **state)
{
	(void)state;
	each_pair(nothing_of);
}

static void one_byte_of(enum kind left, enum kind right, unsigned engine)
{
	exchanged(left, right, engine, &(struct way){ .size = 999, .write_at_once = 1 },
	          &(struct way){ .size = 2000, .write_at_once = 1, .read_at_once = 1 });
}

static void one_byte_writes(void **state)
{
	(void)state;
	each_pair(one_byte_of);
}

static void sixteen_mebibytes_through_sockets(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		exchanged(KIND_UNIX, KIND_TCP, engine, &(struct way){ .size = 16 << 20 }, &(struct way){ .size = 16 << 20 });
}

/* Half-close */

/* A question that ends, then, after its end was seen, an answer. */
static void ask_and_answer(enum kind left, enum kind right, unsigned engine, int asks)
{
	struct rig rig;

	rig_start(&rig, left, right, engine);
	far_nonblock(&rig.far[0]);
	far_nonblock(&rig.far[1]);
	send_pattern(&rig.far[asks], 0, 0, 3000);
	far_finish(&rig.far[asks]);
	expect_pattern(&rig.far[!asks], 0, 0, 3000);
	expect_end(&rig.far[!asks]);
	send_pattern(&rig.far[!asks], 1, 0, 5000);
	expect_pattern(&rig.far[asks], 1, 0, 5000);
	expect_quiet(&rig.far[asks]);
	far_finish(&rig.far[!asks]);
	expect_end(&rig.far[asks]);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[asks].bytes, 3000);
	assert_int_equal(rig.relay.chan[!asks].bytes, 5000);
	rig_free(&rig);
}

static void half_close_of(enum kind left, enum kind right, unsigned engine)
{
	ask_and_answer(left, right, engine, 0);
	ask_and_answer(left, right, engine, 1);
}

static void a_half_close_leaves_the_other_way_open(void **state)
{
	(void)state;
	each_pair(half_close_of);
}

/* Everything that was read is written before the end is told, although the reader starts after the writer has gone. */
static void slow_reader_of(enum kind left, enum kind right, unsigned engine)
{
	struct rig rig;
	uint64_t sent;

	rig_start(&rig, left, right, engine);
	sent = fill(&rig.far[0], 1);
	far_finish(&rig.far[0]);
	for (uint64_t done = 0; done < sent;) {
		size_t part = sent - done < 777 ? (size_t)(sent - done) : 777;

		expect_pattern(&rig.far[1], 1, done, part);
		done += part;
	}
	expect_end(&rig.far[1]);
	far_finish(&rig.far[1]);
	expect_end(&rig.far[0]);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[0].bytes, sent);
	rig_free(&rig);
}

static void a_slow_reader_gets_everything_before_the_end(void **state)
{
	(void)state;
	each_pair(slow_reader_of);
}

static void no_shutdown_keeps_the_end_to_itself(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	rig.settings.no_shutdown = true;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	send_pattern(&rig.far[0], 1, 0, 1000);
	far_finish(&rig.far[0]);
	expect_pattern(&rig.far[1], 1, 0, 1000);
	expect_quiet(&rig.far[1]);
	send_pattern(&rig.far[1], 0, 0, 1000);
	expect_pattern(&rig.far[0], 0, 0, 1000);
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

/* Peers that go */

static void a_peer_that_closes_at_once(void **state)
{
	struct rig rig;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		/* UNIX tells that the peer has closed for good, so the relay ends though the other side is open */
		rig_start(&rig, KIND_TCP, KIND_UNIX, engine);
		far_close(&rig.far[1]);
		expect_end(&rig.far[0]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);

		/* TCP can't tell it from a half-close: the relay goes on until the other side ends too */
		rig_start(&rig, KIND_UNIX, KIND_TCP, engine);
		far_close(&rig.far[1]);
		expect_end(&rig.far[0]);
		far_finish(&rig.far[0]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
	}
}

static void a_peer_that_half_closed_is_not_gone(void **state)
{
	struct rig rig;

	(void)state;
	rig_start(&rig, KIND_PIPES, KIND_UNIX, ENGINE_AUTO);
	shutdown(rig.far[1].to, SHUT_WR);
	expect_end(&rig.far[0]);
	send_pattern(&rig.far[0], 1, 0, 100);
	expect_pattern(&rig.far[1], 1, 0, 100);
	/* and now it goes altogether, with standard input still open */
	far_close(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

static void what_a_gone_peer_did_not_take_is_counted_as_lost(void **state)
{
	struct rig rig;
	uint64_t sent;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		rig_start(&rig, KIND_TCP, KIND_UNIX, engine);
		sent = fill(&rig.far[0], 1);
		assert_true(sent > 0);
		shutdown(rig.far[1].to, SHUT_WR);
		expect_end(&rig.far[0]);
		far_close(&rig.far[1]);
		/* that its buffer was not empty is a reset (af_unix.c) */
		rig_ends(&rig, END_RESET);
		assert_int_equal(rig.relay.error, ECONNRESET);
		assert_true(rig.relay.lost > 0);
		rig_free(&rig);
	}
}

static void writing_to_a_peer_that_has_closed_ends_in_a_broken_connection(void **state)
{
	struct rig rig;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		rig_start(&rig, KIND_UNIX, KIND_TCP, engine);
		far_close(&rig.far[1]);
		expect_end(&rig.far[0]);
		/* one write, which succeeds: the reset comes after it */
		assert_int_equal(send(rig.far[0].to, "x", 1, MSG_NOSIGNAL), 1);
		rig_ends(&rig, END_RESET);
		rig_free(&rig);
	}
}

static void a_reset_ends_both_ways_and_is_told(void **state)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct rig rig;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++) {
			rig_start(&rig, left, KIND_TCP, engine);
			send_pattern(&rig.far[1], 0, 0, 100);
			expect_pattern(&rig.far[0], 0, 0, 100);
			setsockopt(rig.far[1].to, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
			far_close(&rig.far[1]);
			expect_end(&rig.far[0]);
			rig_ends(&rig, END_RESET);
			assert_int_equal(rig.relay.error, ECONNRESET);
			assert_int_equal(rig.relay.error_side, 1);
			rig_free(&rig);
		}
}

static void standard_output_that_nobody_reads_any_more(void **state)
{
	struct rig rig;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		/* while there is something to write */
		rig_start(&rig, KIND_PIPES, KIND_UNIX, engine);
		fd_close(&rig.far[0].from);
		(void)!write(rig.far[1].to, "x", 1); /* the end may be faster */
		rig_ends(&rig, END_OUTPUT);
		rig_free(&rig);
		/* and while there is not */
		rig_start(&rig, KIND_PIPES, KIND_UNIX, engine);
		send_pattern(&rig.far[1], 0, 0, 1000);
		expect_pattern(&rig.far[0], 0, 0, 1000);
		fd_close(&rig.far[0].from);
		rig_ends(&rig, END_OUTPUT);
		rig_free(&rig);
	}
}

/* Limits and times. A time is only ever checked from below: it may take longer on a slow machine, never less. */

static void timed(struct relay_settings settings, bool half_close, enum relay_end result, uint64_t least)
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
				assert_int_equal(read(rig.far[!side].from, &(char){ 0 }, 1), 0);
				rig_free(&rig);
			}
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
			/* all but what may burst through (two twentieths of a second) can't have come sooner */
			least = (size - rate / 10) * NSEC_PER_SEC / rate;
			assert_true(units_now() - began >= least);
			rig_ends(&rig, END_EOF);
			rig_free(&rig);
		}
}

/* What is kept stays within the budget, one in which a read fits and one in which nothing does, and still all of it arrives. */
static void the_budget_holds_and_loses_nothing(void **state)
{
	static const uint64_t limits[] = { 0, 100000, UINT64_MAX };

	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = KIND_UNIX; left <= KIND_TCP; left++)
			for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
				struct rig rig;
				struct way way[2] = { { .size = 3000000 }, { .size = 3000000, .read_at_once = 1000 } };
				uint64_t sent = 0;

				rig_init(&rig, engine);
				loop_budget(rig.loop)->limit = limits[i];
				side_make(left, &rig.far[0], &rig.end[0]);
				side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
				rig_run(&rig);
				/* where it has no limit something is kept at last, however slowly the relay gets its turns */
				do
					sent = fill_on(&rig.far[0], 1, sent);
				while (limits[i] == UINT64_MAX && !loop_budget(rig.loop)->used && sent < 64 << 20);
				assert_true(loop_budget(rig.loop)->used <= limits[i]);
				assert_true(limits[i] != UINT64_MAX || loop_budget(rig.loop)->used > 0);
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

static void stop(struct rig *rig)
{
	relay_stop(rig->loop, &rig->relay, 200 * NSEC_PER_MSEC);
}

static void expect_sleep(const char *what);

/* What is kept while the destination is full, asked in the loop's thread. */
static atomic_uint unsent;

static void count_unsent(struct rig *rig)
{
	unsent = (unsigned)chan_unsent(&rig->relay.chan[0]);
}

static void expect_unsent(struct rig *rig, unsigned least)
{
	uint64_t deadline = units_now() + RIG_PATIENCE * NSEC_PER_SEC;

	do {
		assert_true(units_now() < deadline);
		rig_poke(rig, count_unsent);
		poll(NULL, 0, 1);
	} while (unsent < least);
}

/* Whoever waits for a full destination has room in its pipe: bytes that come meanwhile, and how the source ends, are not
 * left to the source's own buffer. */
static void a_spliced_channel_reads_ahead(void **state)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	static const enum kind lefts[] = { KIND_UNIX, KIND_TCP };

	(void)state;
	for (size_t reset = 0; reset < 2; reset++) {
		struct rig rig;
		uint64_t sent = 0;

		rig_start(&rig, lefts[reset], KIND_UNIX, ENGINE_SPLICE);
		far_nonblock(&rig.far[0]);
		/* a little at a time, until some of it is kept; then some more, which is taken as well */
		for (unsent = 0; !unsent; sent += 5000) {
			send_pattern(&rig.far[0], 1, sent, 5000);
			rig_poke(&rig, count_unsent);
			poll(NULL, 0, 1);
		}
		send_pattern(&rig.far[0], 1, sent, 30000);
		sent += 30000;
		expect_unsent(&rig, 30000);
		if (reset)
			setsockopt(rig.far[0].to, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		far_close(&rig.far[0]);
		expect_sleep("the destination is full, and the source has ended");
		expect_pattern(&rig.far[1], 1, 0, sent);
		expect_end(&rig.far[1]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, reset ? END_RESET : END_EOF);
		assert_int_equal(rig.relay.lost, 0);
		rig_free(&rig);
	}
}

static void a_stopped_relay_writes_what_it_has_read(void **state)
{
	struct rig rig;
	uint64_t sent;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		rig_start(&rig, KIND_UNIX, KIND_UNIX, engine);
		sent = fill(&rig.far[0], 1);
		rig_poke(&rig, stop);
		expect_pattern(&rig.far[1], 1, 0, 100000);
		rig_ends(&rig, END_STOP);
		assert_true(rig.relay.chan[0].bytes <= sent);
		rig_free(&rig);

		/* nobody reads: the grace ends it */
		rig_start(&rig, KIND_UNIX, KIND_UNIX, engine);
		fill(&rig.far[0], 1);
		rig_poke(&rig, stop);
		rig_ends(&rig, END_STOP);
		rig_free(&rig);

		/* nothing is kept: at once */
		rig_start(&rig, KIND_PIPES, KIND_UNIX, engine);
		rig_poke(&rig, stop);
		rig_ends(&rig, END_STOP);
		rig_free(&rig);
	}
}

/* Engines */

static void the_pairs_are_spliced_that_can_be(void **state)
{
	struct endpoint tcp = endpoint_socket(-1, ADDR_TCP, false), local = endpoint_socket(-1, ADDR_UNIX, false);
	struct endpoint messages = endpoint_socket(-1, ADDR_UNIX, true), inherited = tcp;
	struct endpoint pipes = { .in_kind = ENDPOINT_PIPE, .out_kind = ENDPOINT_PIPE, .family = ADDR_STDIO, .inherited = true };
	struct endpoint file = { .in_kind = ENDPOINT_FILE, .out_kind = ENDPOINT_FILE, .family = ADDR_STDIO };
	bool large;

	(void)state;
	inherited.inherited = true;
	/* large flows are spliced, and none is large at its beginning */
	assert_ptr_equal(engine_choose(&tcp, &local, ENGINE_AUTO, &large), &engine_copy);
	assert_true(large);
	assert_ptr_equal(engine_choose(&local, &tcp, ENGINE_AUTO, &large), &engine_copy);
	assert_false(large);
	assert_ptr_equal(engine_choose(&tcp, &local, ENGINE_COPY, &large), &engine_copy);
	assert_ptr_equal(engine_choose(&local, &tcp, ENGINE_SPLICE, &large), &engine_splice);
	assert_ptr_equal(engine_choose(&pipes, &tcp, ENGINE_AUTO, &large), &engine_splice);
	/* a socket that was inherited may be blocking, messages have boundaries, nothing is spliced into files */
	for (unsigned setting = ENGINE_AUTO; setting <= ENGINE_SPLICE; setting++) {
		assert_ptr_not_equal(engine_choose(&inherited, &local, setting, &large), &engine_splice);
		assert_ptr_not_equal(engine_choose(&local, &inherited, setting, &large), &engine_splice);
		assert_ptr_not_equal(engine_choose(&messages, &messages, setting, &large), &engine_splice);
		assert_ptr_not_equal(engine_choose(&file, &inherited, setting, &large), &engine_splice);
		assert_ptr_not_equal(engine_choose(&local, &file, setting, &large), &engine_splice);
	}
	/* from a file by sendfile() */
	assert_ptr_equal(engine_choose(&file, &local, ENGINE_AUTO, &large), &engine_splice);
	assert_ptr_equal(engine_choose(&file, &tcp, ENGINE_AUTO, &large), &engine_splice);
	assert_ptr_equal(engine_choose(&file, &tcp, ENGINE_COPY, &large), &engine_copy);
}

static void splice_is_really_used(void **state)
{
	(void)state;
	exchanged(KIND_UNIX, KIND_TCP, ENGINE_SPLICE, &(struct way){ .size = 1000 }, &(struct way){ .size = 1000 });
	assert_true(splices > 0);
	exchanged(KIND_UNIX, KIND_TCP, ENGINE_COPY, &(struct way){ .size = 1000 }, &(struct way){ .size = 1000 });
	assert_int_equal(splices, 0);
}

static int room_of(int fd)
{
	int room = 0;
	socklen_t size = sizeof(room);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size), 0);
	return room;
}

/* So much goes from far[0] to far[1], and arrives. */
static void pass_up(struct rig *rig, size_t size)
{
	const size_t step = 32768;

	for (size_t done = 0; done < size; done += step) {
		send_pattern(&rig->far[0], 0, done, step);
		expect_pattern(&rig->far[1], 0, done, step);
	}
}

/* Both ways end, and so the relay. */
static void finish_both(struct rig *rig)
{
	for (int side = 0; side < 2; side++)
		far_finish(&rig->far[side]);
	rig_ends(rig, END_EOF);
}

/* By how much a flow of so many bytes to a UNIX socket makes the kernel's room for it grow. */
static int room_gained(enum kind left, unsigned engine, size_t size, unsigned roomy)
{
	struct rig rig;
	int before, gained;

	rig_init(&rig, engine);
	loop_budget(rig.loop)->roomy = roomy;
	side_make(left, &rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	before = room_of(rig.end[1].out);
	rig_run(&rig);
	pass_up(&rig, size);
	gained = room_of(rig.end[1].out) - before;
	finish_both(&rig);
	assert_int_equal(loop_budget(rig.loop)->roomy, roomy); /* the claim ends with the flow */
	rig_free(&rig);
	return gained;
}

static void large_flows_to_a_unix_socket_get_room_few_at_a_time(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
		assert_int_equal(room_gained(KIND_TCP, engine, 1 << 19, 0), 0);
		assert_true(room_gained(KIND_TCP, engine, 3 << 20, 0) > 0);
		assert_true(room_gained(KIND_UNIX, engine, 3 << 20, 15) > 0);
		assert_true(room_gained(KIND_PIPES, engine, 3 << 20, 15) > 0);
		assert_int_equal(room_gained(KIND_TCP, engine, 3 << 20, 16), 0);
	}
}

static void large_flows_get_larger_pipes(void **state)
{
	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
		struct rig rig;
		int before[2];

		rig_start(&rig, KIND_PIPES, KIND_PIPES, engine);
		before[0] = fcntl(rig.end[0].in, F_GETPIPE_SZ);
		before[1] = fcntl(rig.end[1].out, F_GETPIPE_SZ);
		pass_up(&rig, 1 << 19);
		assert_int_equal(fcntl(rig.end[0].in, F_GETPIPE_SZ), before[0]);
		pass_up(&rig, 3 << 20);
		assert_true(fcntl(rig.end[0].in, F_GETPIPE_SZ) > before[0]);
		assert_true(fcntl(rig.end[1].out, F_GETPIPE_SZ) > before[1]);
		finish_both(&rig);
		rig_free(&rig);
	}
}

static void large_flows_within_the_machine_are_not_paced(void **state)
{
	char name[16] = "";
	socklen_t size = sizeof(name);
	struct rig rig;

	(void)state;
	rig_start(&rig, KIND_UNIX, KIND_TCP, ENGINE_AUTO);
	pass_up(&rig, 3 << 20);
	assert_int_equal(getsockopt(rig.end[1].out, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
	assert_string_equal(name, "reno");
	finish_both(&rig);
	rig_free(&rig);
}

/* EINVAL at the n-th call, with bytes in the pipe or without. */
static void nothing_is_lost_when_splice_gives_up_in_mid_stream(void **state)
{
	static const enum kind pairs[][2] = { { KIND_UNIX, KIND_UNIX }, { KIND_UNIX, KIND_TCP }, { KIND_TCP, KIND_PIPES } };

	(void)state;
	for (size_t pair = 0; pair < sizeof(pairs) / sizeof(*pairs); pair++)
		for (unsigned call = 1; call <= 12; call++) {
			struct way way[2] = { { .size = 400000, .read_at_once = 5000 }, { .size = 700000, .read_at_once = 5000 } };
			struct rig rig;

			rig_init(&rig, ENGINE_SPLICE);
			splice_bad = call;
			side_make(pairs[pair][0], &rig.far[0], &rig.end[0]);
			side_make(pairs[pair][1], &rig.far[1], &rig.end[1]);
			rig_run(&rig);
			exchange(&rig, way);
			rig_ends(&rig, END_EOF);
			assert_int_equal(rig.relay.lost, 0);
			rig_free(&rig);
		}
}

static void without_pipes_bytes_are_copied(void **state)
{
	struct way way[2] = { { .size = 300000 }, { .size = 300000 } };
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_SPLICE);
	pipe_bad = true;
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	exchange(&rig, way);
	rig_ends(&rig, END_EOF);
	assert_int_equal(splices, 0);
	rig_free(&rig);
}

/* Standard input and output */

static char temporary[64];

static int temporary_file(int flags)
{
	int fd;

	strcpy(temporary, "/tmp/test-relay.XXXXXX");
	fd = mkstemp(temporary);
	assert_true(fd >= 0);
	close(fd);
	return open(temporary, flags | O_CLOEXEC);
}

static void into_a_file_that_is_appended_to(void **state)
{
	struct rig rig;
	int in, out, null;
	struct far unused;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		rig_init(&rig, engine);
		out = temporary_file(O_WRONLY | O_APPEND);
		assert_int_equal(write(out, "before", 6), 6);
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(endpoint_stdio(null, out, &rig.end[0]), 0);
		close(null);
		rig.far[0] = (struct far){ .to = -1, .from = -1 };
		pipes_make(&unused, &in, &rig.far[0].from);
		close(in);
		far_close(&unused);
		side_make(KIND_PIPES, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		expect_end(&rig.far[1]);
		send_pattern(&rig.far[1], 0, 0, 40000);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
		close(out);
		out = open(temporary, O_RDONLY | O_CLOEXEC);
		assert_int_equal(lseek(out, 6, SEEK_SET), 6);
		expect_pattern(&(struct far){ .from = out }, 0, 0, 40000);
		expect_end(&(struct far){ .from = out });
		close(out);
		unlink(temporary);
	}
}

static void from_a_regular_file_to_dev_null(void **state)
{
	struct rig rig;
	int file, null;

	(void)state;
	for (enum kind right = 0; right < KINDS; right++) {
		rig_init(&rig, ENGINE_AUTO);
		file = temporary_file(O_RDWR);
		send_pattern(&(struct far){ .to = file }, 1, 0, 3000000);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		assert_int_equal(endpoint_stdio(file, null, &rig.end[0]), 0);
		assert_int_equal(rig.end[0].in_kind, ENDPOINT_FILE);
		close(file);
		close(null);
		rig.far[0] = (struct far){ .to = -1, .from = -1 };
		side_make(right, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		expect_pattern(&rig.far[1], 1, 0, 3000000);
		expect_end(&rig.far[1]);
		send_pattern(&rig.far[1], 0, 0, 300000);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		assert_int_equal(rig.relay.chan[1].bytes, 300000);
		rig_free(&rig);
		unlink(temporary);
	}
}

/* Pipes and sockets that others have too: their file status flags are as they were, also while the relay runs. */
static void the_flags_of_standard_streams_stay(void **state)
{
	struct rig rig;
	int in, out, pair[2];

	(void)state;
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		rig_init(&rig, ENGINE_AUTO);
		pipes_make(&rig.far[0], &in, &out);
		fd_nonblock(in, flags);
		fd_nonblock(out, flags);
		assert_int_equal(endpoint_stdio(in, out, &rig.end[0]), 0);
		side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		send_pattern(&rig.far[0], 1, 0, 10);
		expect_pattern(&rig.far[1], 1, 0, 10);
		assert_int_equal(fcntl(in, F_GETFL) & O_NONBLOCK, flags);
		assert_int_equal(fcntl(out, F_GETFL) & O_NONBLOCK, flags);
		far_finish(&rig.far[0]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		assert_int_equal(fcntl(in, F_GETFL) & O_NONBLOCK, flags);
		rig_free(&rig);
		close(in);
		close(out);

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fd_nonblock(pair[1], flags);
		rig_init(&rig, ENGINE_SPLICE);
		rig.far[0].to = rig.far[0].from = pair[0];
		assert_int_equal(endpoint_stdio(pair[1], pair[1], &rig.end[0]), 0);
		side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		send_pattern(&rig.far[0], 1, 0, 10);
		expect_pattern(&rig.far[1], 1, 0, 10);
		assert_int_equal(fcntl(pair[1], F_GETFL) & O_NONBLOCK, flags);
		far_finish(&rig.far[0]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
		close(pair[1]);
	}
}

/* As under inetd: standard input and output are one, blocking, socket. */
static void one_socket_as_both_standard_streams(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++)
		for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
			struct way way[2] = { { .size = 900000, .read_at_once = 3000 }, { .size = 500000 } };
			struct rig rig;
			int pair[2];

			rig_init(&rig, engine);
			if (tcp)
				tcp_pair(pair);
			else
				assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
			rig.far[0].to = rig.far[0].from = pair[0];
			assert_int_equal(endpoint_stdio(pair[1], pair[1], &rig.end[0]), 0);
			close(pair[1]);
			side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
			rig_run(&rig);
			exchange(&rig, way);
			rig_ends(&rig, END_EOF);
			rig_free(&rig);
		}
}

/* Spinning: states that last, in which the loop must sleep. Counted in turns of the loop. */

/* What just happened may still have to be worked off, on a busy machine for longer: but what spins never comes to rest. */
static void expect_sleep(const char *what)
{
	uint64_t deadline = units_now() + RIG_PATIENCE * NSEC_PER_SEC;
	unsigned before;

	do {
		if (units_now() > deadline)
			fail_msg("%s: the loop turns and turns while nothing happens", what);
		before = turns;
		poll(NULL, 0, RIG_QUIET);
	} while (turns - before > 3);
}

static void sleeps_of(enum kind left, enum kind right, unsigned engine)
{
	struct rig rig;
	uint64_t sent;

	rig_start(&rig, left, right, engine);
	expect_sleep("idle");
	far_finish(&rig.far[0]);
	expect_end(&rig.far[1]);
	expect_sleep("half-closed");
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);

	/* the reader is stuck, and then the writer goes altogether: hung up, and masked */
	rig_start(&rig, left, right, engine);
	sent = fill(&rig.far[0], 1);
	expect_sleep("stuck");
	if (left >= KIND_PIPES)
		far_finish(&rig.far[0]); /* closing its reading end is another matter: standard output is gone */
	else
		far_close(&rig.far[0]);
	expect_sleep("stuck, and the writer gone");
	expect_pattern(&rig.far[1], 1, 0, sent);
	expect_end(&rig.far[1]);
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

static void nothing_spins(void **state)
{
	(void)state;
	each_pair(sleeps_of);
}

static void files_that_are_not_wanted_do_not_spin(void **state)
{
	struct rig rig;
	int zero, null;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(endpoint_stdio(zero, null, &rig.end[0]), 0);
	close(zero);
	close(null);
	rig.far[0] = (struct far){ .to = -1, .from = -1 };
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	rig_run(&rig);
	assert_true(readable(rig.far[1].from, RIG_PATIENCE * 1000)); /* it runs */
	expect_sleep("the source is a file, and the reader is stuck");
	far_close(&rig.far[1]);
	rig_ends(&rig, END_RESET);
	rig_free(&rig);
}

/* What is watched */

static void what_epoll_watches_follows_from_the_state(void **state)
{
	static struct relay relay;
	struct chan *from = &relay.chan[0], *to = &relay.chan[1];

	(void)state;
	assert_int_equal(relay_events(&relay, 0, true, true), EPOLLIN);
	assert_int_equal(relay_events(&relay, 0, true, false), EPOLLIN);
	to->waits = CHAN_WAITS_DESTINATION;
	assert_int_equal(relay_events(&relay, 0, true, true), EPOLLIN | EPOLLOUT);
	assert_int_equal(relay_events(&relay, 0, true, false), EPOLLIN);
	from->waits = CHAN_WAITS_DESTINATION;
	assert_int_equal(relay_events(&relay, 0, true, true) & ~EPOLLET, EPOLLOUT);
	from->waits = CHAN_WAITS_BOTH;
	assert_int_equal(relay_events(&relay, 0, true, true), EPOLLIN | EPOLLOUT | EPOLLET);
	assert_int_equal(relay_events(&relay, 1, true, true) & ~EPOLLET, EPOLLOUT);
	from->waits = CHAN_WAITS_TIME;
	to->waits = CHAN_WAITS_SOURCE;
	assert_int_equal(relay_events(&relay, 0, true, true) & ~EPOLLET, 0);
	from->waits = CHAN_WAITS_SOURCE;
	from->state = CHAN_ENDED;
	assert_int_equal(relay_events(&relay, 0, true, true) & ~EPOLLET, EPOLLRDHUP);
	to->state = CHAN_ENDED;
	assert_int_equal(relay_events(&relay, 0, true, true) & ~EPOLLET, 0);
}

static void a_relay_that_can_t_start_takes_nothing_over(void **state)
{
	struct rig rig;
	int closed;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	closed = dup(0);
	close(closed);
	rig.end[1] = endpoint_socket(closed, ADDR_UNIX, false);
	assert_int_equal(relay_start(rig.loop, &rig.relay, rig.end, &rig.settings, NULL, rig_done), -EBADF);
	assert_true(fcntl(rig.end[0].in, F_GETFD) >= 0);
	endpoint_close(&rig.end[0]);
	rig.far[1] = (struct far){ .to = -1, .from = -1 };
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_at_once_with_different_sizes),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(one_byte_writes),
		cmocka_unit_test(sixteen_mebibytes_through_sockets),
		cmocka_unit_test(a_half_close_leaves_the_other_way_open),
		cmocka_unit_test(a_slow_reader_gets_everything_before_the_end),
		cmocka_unit_test(no_shutdown_keeps_the_end_to_itself),
		cmocka_unit_test(a_peer_that_closes_at_once),
		cmocka_unit_test(a_peer_that_half_closed_is_not_gone),
		cmocka_unit_test(what_a_gone_peer_did_not_take_is_counted_as_lost),
		cmocka_unit_test(writing_to_a_peer_that_has_closed_ends_in_a_broken_connection),
		cmocka_unit_test(a_reset_ends_both_ways_and_is_told),
		cmocka_unit_test(standard_output_that_nobody_reads_any_more),
		cmocka_unit_test(timers_end_a_relay),
		cmocka_unit_test(the_half_close_timer_waits_for_a_half_close),
		cmocka_unit_test(moving_bytes_put_the_idle_time_off),
		cmocka_unit_test(no_more_than_max_bytes_pass),
		cmocka_unit_test(a_source_of_so_many_bytes_ends_after_them),
		cmocka_unit_test(the_rate_limit_holds_and_loses_nothing),
		cmocka_unit_test(the_budget_holds_and_loses_nothing),
		cmocka_unit_test(what_is_inserted_goes_first),
		cmocka_unit_test(a_shared_rate_holds_and_loses_nothing),
		cmocka_unit_test(a_spliced_channel_reads_ahead),
		cmocka_unit_test(a_stopped_relay_writes_what_it_has_read),
		cmocka_unit_test(the_pairs_are_spliced_that_can_be),
		cmocka_unit_test(splice_is_really_used),
		cmocka_unit_test(large_flows_to_a_unix_socket_get_room_few_at_a_time),
		cmocka_unit_test(large_flows_get_larger_pipes),
		cmocka_unit_test(large_flows_within_the_machine_are_not_paced),
		cmocka_unit_test(nothing_is_lost_when_splice_gives_up_in_mid_stream),
		cmocka_unit_test(without_pipes_bytes_are_copied),
		cmocka_unit_test(into_a_file_that_is_appended_to),
		cmocka_unit_test(from_a_regular_file_to_dev_null),
		cmocka_unit_test(the_flags_of_standard_streams_stay),
		cmocka_unit_test(one_socket_as_both_standard_streams),
		cmocka_unit_test(nothing_spins),
		cmocka_unit_test(files_that_are_not_wanted_do_not_spin),
		cmocka_unit_test(what_epoll_watches_follows_from_the_state),
		cmocka_unit_test(a_relay_that_can_t_start_takes_nothing_over),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
