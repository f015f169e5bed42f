/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The datagram engine, called directly: a stream on one side (a UNIX socket pair), a connected UDP
 * socket on 127.0.0.1 on the other. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "net/addr.h"
#include "net/endpoint.h"
#include "relay/datagram.h"
#include "relay/transfer.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define UDP_MOST 65507 /* of IPv4 */

/* A stream and datagrams; far is what the test holds of both. */
struct sides {
	struct loop *loop;
	struct endpoint stream, datagrams;
	int far_stream, far_datagrams;
	struct chan chan;
};

static int bound(struct sockaddr_in *in)
{
	socklen_t size = sizeof(*in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)in, sizeof(*in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)in, &size), 0);
	return fd;
}

static void udp_pair(int pair[2])
{
	struct sockaddr_in in[2];

	for (int i = 0; i < 2; i++)
		pair[i] = bound(&in[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(connect(pair[i], (const struct sockaddr *)&in[!i], sizeof(in[0])),
				 0);
}

static void open_sides(struct sides *sides)
{
	int stream[2], datagrams[2];

	memset(sides, 0, sizeof(*sides));
	assert_int_equal(loop_start(&sides->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream),
			 0);
	udp_pair(datagrams);
	sides->stream = endpoint_socket(stream[0], ADDR_UNIX, false);
	sides->datagrams = endpoint_datagrams(datagrams[0]);
	sides->far_stream = stream[1];
	sides->far_datagrams = datagrams[1];
	sides->chan.engine = CHAN_DATAGRAM;
}

static void close_sides(struct sides *sides)
{
	chan_drop(sides->loop, &sides->chan);
	assert_int_equal(loop_budget(sides->loop)->used, 0);
	endpoint_close(&sides->stream);
	endpoint_close(&sides->datagrams);
	fd_close(&sides->far_stream);
	fd_close(&sides->far_datagrams);
	loop_free(sides->loop);
}

static enum move move_some(struct sides *sides, const struct endpoint *from,
			   const struct endpoint *to, uint64_t allowance, int *error)
{
	struct transfer transfer = {
		.loop = sides->loop,
		.source = from,
		.destination = to,
		.settings = &relay_defaults,
		.allowance = allowance,
		.left = UINT64_MAX,
		.limited = allowance < 1000000,
	};
	enum move result = transfer_run(&sides->chan, &transfer);

	*error = transfer.error;
	return result;
}

static enum move from_stream(struct sides *sides, int *error)
{
	return move_some(sides, &sides->stream, &sides->datagrams, 1 << 20, error);
}

static enum move to_stream(struct sides *sides)
{
	int error;

	return move_some(sides, &sides->datagrams, &sides->stream, 1 << 20, &error);
}

static void expect_datagram(const struct sides *sides, size_t length, int fill)
{
	static unsigned char data[DATAGRAM_MAX + 1];
	ssize_t got = recv(sides->far_datagrams, data, sizeof(data), 0);

	assert_int_equal(got, length);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(data[i], fill);
}

static void expect_no_datagram(const struct sides *sides)
{
	char byte;

	assert_int_equal(recv(sides->far_datagrams, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static const size_t lengths[] = { 3, 0, 1, 0, 0, 300, 2 };
enum { LENGTHS = sizeof(lengths) / sizeof(*lengths) };

/* The frames of lengths; frame number i is filled with i. */
static size_t write_frames(unsigned char *data)
{
	size_t size = 0;

	for (size_t i = 0; i < LENGTHS; i++) {
		datagram_put_length(data + size, lengths[i]);
		memset(data + size + DATAGRAM_HEADER, (int)i, lengths[i]);
		size += DATAGRAM_HEADER + lengths[i];
	}
	return size;
}

static void put(int fd, const void *data, size_t size)
{
	assert_int_equal(write(fd, data, size), size);
}

/* How many of the datagrams are whole after so many bytes. */
static size_t whole_after(size_t bytes)
{
	size_t i = 0;

	while (i < LENGTHS && bytes >= DATAGRAM_HEADER + lengths[i])
		bytes -= DATAGRAM_HEADER + lengths[i++];
	return i;
}

static void every_split_of_the_bytes(void **state)
{
	unsigned char data[512];
	size_t size = write_frames(data);

	(void)state;
	for (size_t split = 1; split < size; split++) {
		struct sides sides;
		size_t i = 0;
		int error;

		open_sides(&sides);
		put(sides.far_stream, data, split);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
		for (; i < whole_after(split); i++)
			expect_datagram(&sides, lengths[i], (int)i);
		expect_no_datagram(&sides);
		put(sides.far_stream, data + split, size - split);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
		for (; i < LENGTHS; i++)
			expect_datagram(&sides, lengths[i], (int)i);
		expect_no_datagram(&sides);
		assert_int_equal(chan_unsent(&sides.chan), 0);
		assert_int_equal(sides.chan.bytes, 306);
		close_sides(&sides);
	}
}

static void byte_by_byte(void **state)
{
	unsigned char data[512];
	size_t size = write_frames(data), seen = 0;
	struct sides sides;
	int error;

	(void)state;
	open_sides(&sides);
	for (size_t at = 0; at < size; at++) {
		put(sides.far_stream, data + at, 1);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
		for (; seen < whole_after(at + 1); seen++)
			expect_datagram(&sides, lengths[seen], (int)seen);
		expect_no_datagram(&sides);
	}
	assert_int_equal(seen, LENGTHS);
	close_sides(&sides);
}

/* A limit of the rate lets few bytes through at once: the engine must not lose the place. */
static void few_bytes_are_allowed_at_once(void **state)
{
	unsigned char data[512];
	size_t size = write_frames(data);
	struct sides sides;
	int error;

	(void)state;
	open_sides(&sides);
	put(sides.far_stream, data, size);
	for (size_t at = 0; at < size; at += 7)
		assert_int_equal(move_some(&sides, &sides.stream, &sides.datagrams, 7, &error),
				 at + 7 > size ? MOVE_EMPTY : MOVE_PAUSE);
	for (size_t i = 0; i < LENGTHS; i++)
		expect_datagram(&sides, lengths[i], (int)i);
	close_sides(&sides);
}

/* A frame may be longer than a datagram of this socket: it is dropped whole, and those around it
 * are not touched. */
static void the_longest_frames(void **state)
{
	static unsigned char data[3 * (DATAGRAM_HEADER + DATAGRAM_MAX)];
	static const size_t sizes[] = { UDP_MOST, DATAGRAM_MAX, 5 };
	struct sides sides;
	size_t size = 0;
	int error;

	(void)state;
	open_sides(&sides);
	for (size_t i = 0; i < 3; i++) {
		datagram_put_length(data + size, sizes[i]);
		memset(data + size + DATAGRAM_HEADER, 'a' + (int)i, sizes[i]);
		size += DATAGRAM_HEADER + sizes[i];
	}
	for (size_t at = 0, n; at < size; at += n) {
		n = size - at < 30000 ? size - at : 30000;
		put(sides.far_stream, data + at, n);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	}
	expect_datagram(&sides, UDP_MOST, 'a');
	expect_datagram(&sides, 5, 'c');
	expect_no_datagram(&sides);
	assert_int_equal(sides.chan.dropped, 1);
	assert_int_equal(sides.chan.drop_error, EMSGSIZE);
	close_sides(&sides);
}

/* More than one system call sends, with one in their midst that can't be sent. */
static void one_of_many_that_is_too_long(void **state)
{
	static unsigned char data[40 * 10 + DATAGRAM_HEADER + DATAGRAM_MAX];
	struct sides sides;
	size_t size = 0;
	int error;

	(void)state;
	open_sides(&sides);
	for (int i = 0; i < 40; i++) {
		size_t length = i == 20 ? UDP_MOST + 1 : (size_t)i % 8;

		datagram_put_length(data + size, length);
		memset(data + size + DATAGRAM_HEADER, i, length);
		size += DATAGRAM_HEADER + length;
	}
	for (size_t at = 0, n; at < size; at += n) {
		n = size - at < 30000 ? size - at : 30000;
		put(sides.far_stream, data + at, n);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	}
	for (int i = 0; i < 40; i++)
		if (i != 20)
			expect_datagram(&sides, (size_t)i % 8, i);
	expect_no_datagram(&sides);
	assert_int_equal(sides.chan.dropped, 1);
	close_sides(&sides);
}

/* The error of one that went before takes the place of sending the next, which is sent again. */
static void an_error_of_one_before_loses_none(void **state)
{
	unsigned char data[512];
	size_t size = write_frames(data);
	struct sides sides;
	struct sockaddr_in in;
	socklen_t room = sizeof(in);
	int error, far;

	(void)state;
	open_sides(&sides);
	assert_int_equal(getsockname(sides.far_datagrams, (struct sockaddr *)&in, &room), 0);
	fd_close(&sides.far_datagrams);
	put(sides.far_stream, "\0\1x", 3);
	assert_int_equal(from_stream(&sides, &error),
			 MOVE_EMPTY); /* to nobody: on loopback the answer is there at once */
	far = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(far, (const struct sockaddr *)&in, sizeof(in)), 0);
	sides.far_datagrams = far;
	put(sides.far_stream, data, size);
	assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	for (size_t i = 0; i < LENGTHS; i++)
		expect_datagram(&sides, lengths[i], (int)i);
	assert_int_equal(sides.chan.dropped, 0);
	close_sides(&sides);
}

/* Several are read at once, of all sizes: the stream gets them as they came. */
static void many_to_a_stream(void **state)
{
	static const size_t sizes[] = { 0, 1, UDP_MOST, 2, 9000, 0, 1472, 64 };
	static unsigned char data[UDP_MOST], got[DATAGRAM_HEADER + UDP_MOST];
	struct sides sides;

	(void)state;
	open_sides(&sides);
	for (int turn = 0; turn < 4; turn++) {
		for (size_t i = 0; i < 8; i++) {
			memset(data, (int)i + turn, sizes[i]);
			assert_int_equal(send(sides.far_datagrams, data, sizes[i], 0), sizes[i]);
		}
		assert_int_equal(to_stream(&sides), MOVE_EMPTY);
		for (size_t i = 0; i < 8; i++) {
			size_t length = sizes[i] + DATAGRAM_HEADER;

			assert_int_equal(recv(sides.far_stream, got, length, MSG_WAITALL), length);
			assert_int_equal(got[0] << 8 | got[1], sizes[i]);
			for (size_t j = DATAGRAM_HEADER; j < length; j++)
				assert_int_equal(got[j], (int)i + turn);
		}
	}
	assert_int_equal(sides.chan.dropped, 0);
	assert_int_equal(chan_unsent(&sides.chan), 0);
	close_sides(&sides);
}

static void an_end_between_frames_is_one(void **state)
{
	struct sides sides;
	int error;

	(void)state;
	open_sides(&sides);
	put(sides.far_stream, "\0\1x", 3);
	fd_close(&sides.far_stream);
	assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	assert_int_equal(from_stream(&sides, &error), MOVE_END);
	expect_datagram(&sides, 1, 'x');
	close_sides(&sides);
}

static void an_end_within_a_frame_is_an_error(void **state)
{
	static const char *const begins[] = { "\0", "\0\2", "\0\2x" };

	(void)state;
	for (size_t length = 1; length <= 3; length++) {
		struct sides sides;
		int error;

		open_sides(&sides);
		put(sides.far_stream, begins[length - 1], length);
		fd_close(&sides.far_stream);
		assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
		assert_int_equal(from_stream(&sides, &error), MOVE_SOURCE_FAILED);
		assert_int_equal(error, EBADMSG);
		expect_no_datagram(&sides);
		close_sides(&sides);
	}
}

static void datagrams_become_frames(void **state)
{
	unsigned char wanted[512], got[512];
	size_t size = write_frames(wanted), at = 0;
	struct sides sides;

	(void)state;
	open_sides(&sides);
	for (size_t i = 0; i < LENGTHS; i++) {
		assert_int_equal(
			send(sides.far_datagrams, wanted + at + DATAGRAM_HEADER, lengths[i], 0),
			lengths[i]);
		at += DATAGRAM_HEADER + lengths[i];
	}
	assert_int_equal(to_stream(&sides), MOVE_EMPTY);
	assert_int_equal(read(sides.far_stream, got, sizeof(got)), size);
	assert_memory_equal(got, wanted, size);
	assert_int_equal(sides.chan.bytes, size);
	close_sides(&sides);
}

static bool readable(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

/* What is kept for a stream that takes no more has an end, and then the source keeps its own. */
static void a_full_stream_cuts_no_frame(void **state)
{
	static unsigned char data[64 * 1024], frames[8 << 20];
	struct sides sides;
	size_t size = 0, sent = 0, at = 0, seen = 0;
	enum move result = MOVE_EMPTY;

	(void)state;
	open_sides(&sides);
	for (; result != MOVE_FULL && sent < 1000; sent++) {
		memset(data, (int)sent & 0xff, 30011);
		assert_int_equal(send(sides.far_datagrams, data, 30011, 0), 30011);
		result = to_stream(&sides);
	}
	assert_int_equal(result, MOVE_FULL);
	assert_in_range(chan_unsent(&sides.chan), DATAGRAMS_KEPT,
			DATAGRAMS_KEPT + DATAGRAM_HEADER + DATAGRAM_MAX);
	/* nothing more is read, but it waits in the socket */
	memset(data, (int)sent & 0xff, 30011);
	assert_int_equal(send(sides.far_datagrams, data, 30011, 0), 30011);
	sent++;
	assert_int_equal(to_stream(&sides), MOVE_FULL);
	assert_true(readable(sides.datagrams.in));
	for (ssize_t got; result != MOVE_EMPTY || readable(sides.far_stream);) {
		while ((got = read(sides.far_stream, frames + size, sizeof(frames) - size)) > 0)
			size += (size_t)got;
		result = to_stream(&sides);
	}
	for (size_t length; datagram_frame(frames + at, size - at, &length);
	     at += DATAGRAM_HEADER + length) {
		assert_int_equal(length, 30011);
		assert_int_equal(frames[at + DATAGRAM_HEADER], seen & 0xff);
		assert_int_equal(frames[at + DATAGRAM_HEADER + 30010], seen++ & 0xff);
	}
	assert_int_equal(at, size);
	assert_int_equal(seen, sent);
	assert_int_equal(sides.chan.dropped, 0);
	close_sides(&sides);
}

/* Where all that is kept together may not become more, nothing is kept for a full stream. */
static void the_budget_holds(void **state)
{
	static unsigned char data[1000];
	enum move result = MOVE_EMPTY;
	struct sides sides;

	(void)state;
	open_sides(&sides);
	loop_budget(sides.loop)->limit = 1;
	for (int i = 0; i < 10000 && result != MOVE_FULL; i++) {
		assert_int_equal(send(sides.far_datagrams, data, sizeof(data), 0), sizeof(data));
		result = to_stream(&sides);
	}
	assert_int_equal(result, MOVE_FULL);
	assert_in_range(chan_unsent(&sides.chan), 0, sizeof(data) + DATAGRAM_HEADER);
	close_sides(&sides);
}

/* Nothing is bound to the port: what is sent there is lost, and nothing ends. */
static void a_refused_datagram_is_counted(void **state)
{
	struct sides sides;
	int error;

	(void)state;
	open_sides(&sides);
	fd_close(&sides.far_datagrams);
	put(sides.far_stream, "\0\1x", 3);
	assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	assert_int_equal(sides.chan.dropped, 0); /* nobody knows yet */
	put(sides.far_stream, "\0\1y\0\1z", 6);
	assert_int_equal(from_stream(&sides, &error), MOVE_EMPTY);
	assert_int_equal(to_stream(&sides), MOVE_EMPTY); /* reading takes the error of the last */
	assert_in_range(sides.chan.dropped, 1, 3);
	assert_int_equal(sides.chan.drop_error, ECONNREFUSED);
	close_sides(&sides);
}

static void datagrams_to_datagrams(void **state)
{
	int pair[2], error;
	struct sides sides;
	struct endpoint from;

	(void)state;
	open_sides(&sides);
	udp_pair(pair);
	from = endpoint_datagrams(pair[0]);
	for (size_t i = 0; i < LENGTHS; i++) {
		unsigned char data[512];

		memset(data, (int)i, lengths[i]);
		assert_int_equal(send(pair[1], data, lengths[i], 0), lengths[i]);
	}
	assert_int_equal(move_some(&sides, &from, &sides.datagrams, 1 << 20, &error), MOVE_EMPTY);
	for (size_t i = 0; i < LENGTHS; i++)
		expect_datagram(&sides, lengths[i], (int)i);
	expect_no_datagram(&sides);
	assert_int_equal(sides.chan.bytes, 306);
	close(pair[1]);
	endpoint_close(&from);
	close_sides(&sides);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_of_the_bytes),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(few_bytes_are_allowed_at_once),
		cmocka_unit_test(the_longest_frames),
		cmocka_unit_test(one_of_many_that_is_too_long),
		cmocka_unit_test(an_error_of_one_before_loses_none),
		cmocka_unit_test(many_to_a_stream),
		cmocka_unit_test(an_end_between_frames_is_one),
		cmocka_unit_test(an_end_within_a_frame_is_an_error),
		cmocka_unit_test(datagrams_become_frames),
		cmocka_unit_test(a_full_stream_cuts_no_frame),
		cmocka_unit_test(the_budget_holds),
		cmocka_unit_test(a_refused_datagram_is_counted),
		cmocka_unit_test(datagrams_to_datagrams),
	};

	return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}
