/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The relay and its two engines, over sockets and pipes of every kind; see rig.h. */
#include "config.h"

#include "rig.h"

static void both_ways_of(enum kind left, enum kind right, unsigned engine)
{
	exchanged(left, right, engine, &(struct way){ .size = 300000 },
		  &(struct way){ .size = 1000001 });
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
		exchanged(KIND_UNIX, KIND_TCP, engine, &(struct way){ .size = 16 << 20 },
			  &(struct way){ .size = 16 << 20 });
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

/* Everything that was read is written before the end is told, although the reader starts after the
 * writer has gone. */
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
		/* UNIX tells that the peer has closed for good, so the relay ends though the other
		 * side is open */
		rig_start(&rig, KIND_TCP, KIND_UNIX, engine);
		far_close(&rig.far[1]);
		expect_end(&rig.far[0]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);

		/* TCP can't tell it from a half-close: the relay goes on until the other side ends
		 * too */
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
			expect_abort(&rig.far[0], left);
			rig_ends(&rig, END_RESET);
			assert_int_equal(rig.relay.error, ECONNRESET);
			assert_int_equal(rig.relay.error_side, 1);
			rig_free(&rig);
		}
}

static ssize_t hook_result;

static ssize_t write_fails(struct endpoint_hook *hook, const void *data, size_t size)
{
	(void)hook;
	(void)data;
	(void)size;
	return hook_result;
}

static ssize_t read_fails(struct endpoint_hook *hook, void *data, size_t size)
{
	(void)hook;
	(void)data;
	(void)size;
	return hook_result;
}

/* Whether the peer is gone, this machine is short of something, or neither. */
static void what_failed_decides_what_is_told(void **state)
{
	static const struct {
		int error;
		enum relay_end written, read;
	} rows[] = {
		{ ECONNRESET, END_RESET, END_RESET },
		{ ETIMEDOUT, END_RESET, END_RESET },
		{ ENODEV, END_RESET, END_RESET },
		{ EHOSTUNREACH, END_RESET, END_RESET },
		{ ENETUNREACH, END_RESET, END_RESET },
		{ ENOMEM, END_SHORT, END_SHORT },
		{ ENOBUFS, END_SHORT, END_SHORT },
		{ EIO, END_IO, END_IO },
		/* a peer that closed loses what was to be sent, and has sent all */
		{ EPIPE, END_LOST, END_RESET },
		{ ENOTCONN, END_LOST, END_EOF },
	};
	struct endpoint_hook hook = { .read = read_fails, .write = write_fails };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int reads = 0; reads < 2; reads++) {
			struct rig rig;

			rig_init(&rig, ENGINE_COPY);
			side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
			side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
			if (reads)
				rig.end[0].in_kind = ENDPOINT_HOOKED;
			else
				rig.end[1].out_kind = ENDPOINT_HOOKED;
			rig.end[!reads].hook = &hook;
			hook_result = -rows[i].error;
			rig_run(&rig);
			assert_int_equal(write(rig.far[0].to, "x", 1), 1);
			far_finish(&rig.far[1]);
			rig_ends(&rig, reads ? rows[i].read : rows[i].written);
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

/* Of which nothing is missing: the peer ends soon, and sends nothing more. */
static void standard_output_is_left_and_the_peer_ends(void **state)
{
	struct rig rig;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (int input_first = 0; input_first < 2; input_first++) {
			rig_init(&rig, engine);
			side_make(KIND_PIPES, &rig.far[0], &rig.end[0]);
			side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
			/* at once: nobody is there who could miss an answer */
			rig.end[1].half_close = RIG_PATIENCE * NSEC_PER_SEC;
			rig_run(&rig);
			send_pattern(&rig.far[0], 1, 0, 10);
			expect_pattern(&rig.far[1], 1, 0, 10);
			send_pattern(&rig.far[1], 0, 0, 1000);
			expect_pattern(&rig.far[0], 0, 0, 1000);
			if (input_first)
				fd_close(&rig.far[0].to);
			fd_close(&rig.far[0].from);
			fd_close(&rig.far[0].to);
			expect_end(&rig.far[1]);
			far_finish(&rig.far[1]);
			rig_ends(&rig, END_EOF);
			rig_free(&rig);
		}
}

/* Spinning: states that last, in which the loop must sleep. Counted in turns of the loop. */

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
		far_finish(&rig.far[0]); /* closing its reading end is another matter: standard
					    output is gone */
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
	from->phase = CHAN_ENDED;
	assert_int_equal(relay_events(&relay, 0, true, true) & ~EPOLLET, EPOLLRDHUP);
	to->phase = CHAN_ENDED;
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
	assert_int_equal(relay_start(rig.loop, &rig.relay, rig.end, &rig.settings, NULL, rig_done),
			 -EBADF);
	/* what did not start did not end well either: an empty upload would count as whole */
	assert_string_equal(relay_end_word(&rig.relay), "none");
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
		cmocka_unit_test(what_failed_decides_what_is_told),
		cmocka_unit_test(standard_output_that_nobody_reads_any_more),
		cmocka_unit_test(standard_output_is_left_and_the_peer_ends),
		cmocka_unit_test(nothing_spins),
		cmocka_unit_test(files_that_are_not_wanted_do_not_spin),
		cmocka_unit_test(what_epoll_watches_follows_from_the_state),
		cmocka_unit_test(a_relay_that_can_t_start_takes_nothing_over),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
