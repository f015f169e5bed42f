/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams on a stream, in both directions. The frames of any bytes, in pieces of any size, become
 * the datagrams that a plain description finds in them; and what follows the last whole frame
 * waits, or is an error when the stream ends. Datagrams become exactly their frames.
 *
 * The first two bytes are the sizes of pieces, in turn; the rest is the stream. Datagrams go
 * through a pair of UNIX sockets, which keep at most a few of them: so the engine also meets a full
 * destination.
 */
#include "config.h"

#include "driver.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/addr.h"
#include "net/endpoint.h"
#include "relay/datagram.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "relay/transfer.h"

#define INPUT_MAX 4096

static struct {
	struct loop *loop;
	struct endpoint stream, datagrams;
	int far_stream, far_datagrams;
	struct chan chan;
} sides;

static void open_sides(void)
{
	int stream[2], datagrams[2];

	if (!sides.loop)
		fuzz_check(loop_start(&sides.loop) == 0, "there is a loop");
	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream) ==
				   0 &&
			   socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				      datagrams) == 0,
		   "there are sockets");
	sides.stream = endpoint_socket(stream[0], ADDR_UNIX, false);
	sides.datagrams = endpoint_datagrams(datagrams[0]);
	sides.far_stream = stream[1];
	sides.far_datagrams = datagrams[1];
	sides.chan = (struct chan){ .engine = CHAN_DATAGRAM };
}

static void close_sides(void)
{
	chan_drop(sides.loop, &sides.chan);
	fuzz_check(loop_budget(sides.loop)->used == 0, "nothing stays in memory");
	endpoint_close(&sides.stream);
	endpoint_close(&sides.datagrams);
	fd_close(&sides.far_stream);
	fd_close(&sides.far_datagrams);
}

static enum move turn(const struct endpoint *from, const struct endpoint *to, int *error)
{
	struct transfer transfer = {
		.loop = sides.loop,
		.source = from,
		.destination = to,
		.settings = &relay_defaults,
		.allowance = 1 << 20,
		.left = UINT64_MAX,
	};
	enum move result = transfer_run(&sides.chan, &transfer);

	*error = transfer.error;
	return result;
}

/* The frames of the stream, as they should come: at is where the next begins. */
struct expected {
	const uint8_t *data;
	size_t size, at, count;
};

static bool next_frame(const struct expected *expected, size_t *length)
{
	size_t left = expected->size - expected->at;

	if (left < 2)
		return false;
	*length = (size_t)expected->data[expected->at] * 256 + expected->data[expected->at + 1];
	return left - 2 >= *length;
}

/* All datagrams that have arrived are the next ones. */
static void take_datagrams(struct expected *expected)
{
	static uint8_t data[DATAGRAM_MAX + 1];
	ssize_t got;
	size_t length;

	while ((got = recv(sides.far_datagrams, data, sizeof(data), 0)) >= 0) {
		fuzz_check(next_frame(expected, &length) && (size_t)got == length &&
				   memcmp(data, expected->data + expected->at + 2, length) == 0,
			   "each frame is one datagram");
		expected->at += 2 + length;
		expected->count++;
	}
}

static size_t from_stream(const uint8_t *data, size_t size, const size_t pieces[2])
{
	struct expected expected = { .data = data, .size = size };
	size_t sent = 0, length, number = 0;
	int error = 0;
	enum move result = MOVE_EMPTY;
	bool ends = false;

	for (int turns = 0; result != MOVE_END && result != MOVE_SOURCE_FAILED; turns++) {
		fuzz_check(turns < 4 * INPUT_MAX, "the stream comes to its end");
		if (result == MOVE_EMPTY && sent < size) {
			length = pieces[number++ & 1];
			length = length < size - sent ? length : size - sent;
			fuzz_check(write(sides.far_stream, data + sent, length) == (ssize_t)length,
				   "the stream takes it");
			sent += length;
			expected.size = sent; /* nothing may come of what was not sent */
		} else if (result == MOVE_EMPTY && !ends) {
			shutdown(sides.far_stream, SHUT_WR);
			ends = true;
		}
		result = turn(&sides.stream, &sides.datagrams, &error);
		fuzz_check(result != MOVE_DESTINATION_FAILED, "the destination is good");
		take_datagrams(&expected);
	}
	fuzz_check(!next_frame(&expected, &length), "every whole frame has come");
	fuzz_check(result == (expected.at == size ? MOVE_END : MOVE_SOURCE_FAILED) &&
			   error == (expected.at == size ? 0 : EBADMSG),
		   "the stream may end between two frames only");
	return expected.count;
}

/* The same frames as datagrams, which must come as the same stream. */
static void to_stream(const uint8_t *data, size_t size)
{
	static uint8_t got[INPUT_MAX];
	struct expected frames = { .data = data, .size = size };
	size_t length, all = 0;
	ssize_t n;
	int error;

	while (next_frame(&frames, &length)) {
		fuzz_check(send(sides.far_datagrams, data + frames.at + 2, length, 0) ==
				   (ssize_t)length,
			   "the datagram is sent");
		frames.at += 2 + length;
		if (++frames.count % 3 == 0)
			fuzz_check(turn(&sides.datagrams, &sides.stream, &error) == MOVE_EMPTY,
				   "the datagrams are taken");
	}
	fuzz_check(turn(&sides.datagrams, &sides.stream, &error) == MOVE_EMPTY,
		   "the datagrams are taken");
	while (all < sizeof(got) && (n = read(sides.far_stream, got + all, sizeof(got) - all)) > 0)
		all += (size_t)n;
	fuzz_check(all == frames.at && memcmp(got, data, all) == 0,
		   "datagrams become their frames");
	fuzz_check(sides.chan.dropped == 0, "no datagram is dropped");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t pieces[2];

	if (size < 2 || size > INPUT_MAX)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	pieces[0] = data[0] < 128 ? data[0] + 1u : (data[0] - 127u) * 32;
	pieces[1] = data[1] + 1u;
	open_sides();
	from_stream(data + 2, size - 2, pieces);
	close_sides();
	open_sides();
	to_stream(data + 2, size - 2);
	close_sides();
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("\0\0"),	  PIECE("\0\1a"), PIECE("\0\5hello"), PIECE("\0\2\0\0"),
	PIECE("\0"),	  PIECE("\1\0"),  PIECE("\xff\xff"),  PIECE("\0\0\0\0\0\0\0\0\0\0\0\0"),
	PIECE("\0\3abc"), { NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "frames become datagrams and datagrams frames, cut anywhere",
		.corpus = "corpus-datagram",
		.input_max = INPUT_MAX,
		.runs = 1000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
