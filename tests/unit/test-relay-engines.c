/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engines of a relay at work, and what is particular to splice; see rig.h. */
#include "config.h"

#include <netinet/tcp.h>

#include "relay/choose.h"
#include "relay/pipe.h"
#include "rig.h"

static void stop(struct rig *rig)
{
	relay_stop(rig->loop, &rig->relay, 200 * NSEC_PER_MSEC);
}

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

/* Whoever waits for a full destination has room in its pipe: bytes that come meanwhile, and how the
 * source ends, are not left to the source's own buffer. */
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
		/* a little at a time, until some of it is kept; then some more, which is taken as
		 * well */
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

/* Engines; which is chosen is in test-choose.c */

static void splice_is_really_used(void **state)
{
	(void)state;
	exchanged(KIND_UNIX, KIND_TCP, ENGINE_SPLICE, &(struct way){ .size = 1000 },
		  &(struct way){ .size = 1000 });
	assert_true(splices > 0);
	exchanged(KIND_UNIX, KIND_TCP, ENGINE_COPY, &(struct way){ .size = 1000 },
		  &(struct way){ .size = 1000 });
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
	static const enum kind pairs[][2] = { { KIND_UNIX, KIND_UNIX },
					      { KIND_UNIX, KIND_TCP },
					      { KIND_TCP, KIND_PIPES } };

	(void)state;
	for (size_t pair = 0; pair < sizeof(pairs) / sizeof(*pairs); pair++)
		for (unsigned call = 1; call <= 12; call++) {
			struct way way[2] = { { .size = 400000, .read_at_once = 5000 },
					      { .size = 700000, .read_at_once = 5000 } };
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

static atomic_int inserted;
static uint64_t inserted_at; /* bytes that were read before */

static void insert(struct rig *rig)
{
	if (rig->relay.chan[0].pipe && rig->relay.chan[0].pipe->bytes && !inserted) {
		inserted_at = rig->relay.chan[0].bytes + rig->relay.chan[0].pipe->bytes;
		assert_int_equal(relay_insert(rig->loop, &rig->relay, 0, "our own words", 13), 0);
		inserted = 1;
	}
}

/* What the owner inserts comes after what was read before, in a pipe as well. */
static void what_is_inserted_keeps_its_place(void **state)
{
	struct rig rig;
	uint64_t sent;
	char words[14] = "";

	(void)state;
	rig_start(&rig, KIND_UNIX, KIND_UNIX, ENGINE_SPLICE);
	sent = fill(&rig.far[0], 1);
	for (inserted = 0; !inserted; poll(NULL, 0, 1))
		rig_poke(&rig, insert);
	/* the source has to send what its own buffer holds before it ends */
	far_finish(&rig.far[0]);
	for (uint64_t at = 0; at < sent;) {
		unsigned char byte;

		assert_int_equal(read(rig.far[1].from, &byte, 1), 1);
		if (byte == 'o' && !*words) {
			words[0] = (char)byte;
			if (recv(rig.far[1].from, words + 1, 12, MSG_PEEK | MSG_WAITALL) == 12 &&
			    strcmp(words, "our own words") == 0) {
				assert_int_equal(recv(rig.far[1].from, words + 1, 12, MSG_WAITALL),
						 12);
				assert_int_equal(at, inserted_at);
				continue;
			}
			*words = '\0';
		}
		assert_int_equal(byte, pattern(1, at));
		at++;
	}
	assert_string_equal(words, "our own words");
	expect_end(&rig.far[1]);
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	rig_free(&rig);
}

/* Messages */

/* The relay's end of a seqpacket connection. */
static void make_messages(struct far *far, struct endpoint *end)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	far->to = far->from = pair[0];
	*end = endpoint_socket(pair[1], ADDR_UNIX, true);
}

/* As recv() of a vsock socket whose peer has closed, when we shut it down after that. */
static ssize_t part_of_a_line(struct endpoint_hook *hook, void *data, size_t size)
{
	static atomic_uint calls;

	(void)hook;
	if (calls++ || size < 11)
		return -ENOTCONN;
	memcpy(data, "not a line!", 11);
	return 11;
}

static void a_line_that_is_not_whole_is_sent_when_the_peer_is_not_connected(void **state)
{
	struct endpoint_hook hook = { .read = part_of_a_line };
	struct rig rig;
	char message[20];

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	side_make(KIND_UNIX, &rig.far[0], &rig.end[0]);
	make_messages(&rig.far[1], &rig.end[1]);
	rig.end[0].in_kind = ENDPOINT_HOOKED;
	rig.end[0].hook = &hook;
	rig.settings.message_lines = true;
	rig_run(&rig);
	assert_int_equal(write(rig.far[0].to, "", 1), 1); /* readable, and that is all */
	assert_int_equal(recv(rig.far[1].from, message, sizeof(message), 0), 11);
	expect_end(&rig.far[1]);
	far_finish(&rig.far[1]);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[0].bytes, 11);
	assert_int_equal(rig.relay.lost, 0);
	rig_free(&rig);
}

/* Closed before the relay asks whether 0 bytes are a message, by a peer that has not read all. */
static struct far *closes_first;

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	if (closes_first && flags & MSG_PEEK) {
		far_close(closes_first);
		closes_first = NULL;
	}
	return __real_recvmsg(fd, message, flags);
}

static void a_reset_right_after_an_empty_message_is_told(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, ENGINE_AUTO);
	make_messages(&rig.far[0], &rig.end[0]);
	side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
	closes_first = &rig.far[0];
	rig_run(&rig);
	assert_int_equal(write(rig.far[1].to, "unread", 6), 6);
	assert_true(readable(rig.far[0].from, RIG_PATIENCE * 1000));
	assert_int_equal(send(rig.far[0].to, "", 0, MSG_NOSIGNAL), 0);
	rig_ends(&rig, END_RESET);
	assert_null(closes_first);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spliced_channel_reads_ahead),
		cmocka_unit_test(a_stopped_relay_writes_what_it_has_read),
		cmocka_unit_test(what_is_inserted_keeps_its_place),
		cmocka_unit_test(splice_is_really_used),
		cmocka_unit_test(large_flows_to_a_unix_socket_get_room_few_at_a_time),
		cmocka_unit_test(large_flows_get_larger_pipes),
		cmocka_unit_test(large_flows_within_the_machine_are_not_paced),
		cmocka_unit_test(nothing_is_lost_when_splice_gives_up_in_mid_stream),
		cmocka_unit_test(without_pipes_bytes_are_copied),
		cmocka_unit_test(a_line_that_is_not_whole_is_sent_when_the_peer_is_not_connected),
		cmocka_unit_test(a_reset_right_after_an_empty_message_is_told),
	};

	return cmocka_run_group_tests_name("relay-engines", tests, NULL, NULL);
}
