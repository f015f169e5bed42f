/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The datagram engine: for every channel with datagrams at one end or both. On a stream each
 * datagram is a frame: two bytes of length, the higher first, and so many bytes. Inside of the
 * channel there are frames only: what is read is made frames where it is datagrams, and what is
 * written is taken out of frames where it must become datagrams. So what is kept in the channel is
 * the rest of a frame that the stream did not take whole, with those behind it, or the start of one
 * that has not come whole.
 *
 * While a stream takes no more, a little is read ahead; what comes then is dropped by the kernel or
 * by serve/flows. A stream that sends more than a UDP socket
 * takes waits. What a UDP socket refuses (as after an ICMP message: nothing is bound to the port)
 * is dropped and counted, and is the end of nothing.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "relay/datagram.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define STREAM_READ (64U * 1024)
#define BATCH (64U * 1024) /* bytes of frames that one write takes to a stream */
#define TURN 64 /* reads in one turn */
#define AT_ONCE ENDPOINT_AT_ONCE
#define ROOM (BATCH + AT_ONCE * DATAGRAM_STRIDE)
#define STREAM_ROOM (STREAM_READ + DATAGRAM_HEADER + DATAGRAM_MAX)

static bool from_datagrams(const struct transfer *transfer)
{
	return endpoint_is_datagrams(transfer->source->in_kind);
}

static bool to_datagrams(const struct transfer *transfer)
{
	return endpoint_is_datagrams(transfer->destination->out_kind);
}

static void drop(struct chan *chan, int error)
{
	chan->dropped++;
	chan->drop_error = (uint8_t)error;
}

/* Writing */

/* The payloads of the first frames that are whole: how many. */
static size_t take_frames(const unsigned char *data, size_t size, struct iovec parts[AT_ONCE])
{
	size_t count = 0, length;

	for (size_t at = 0; count < AT_ONCE && datagram_frame(data + at, size - at, &length);
	     at += DATAGRAM_HEADER + length)
		parts[count++] = (struct iovec){ .iov_base = (void *)(data + at + DATAGRAM_HEADER),
						 .iov_len = length };
	return count;
}

/* Sends the frames that are whole; *used: how many bytes of data they were. */
static enum move send_frames(struct chan *chan, const struct transfer *transfer,
			     const unsigned char *data, size_t size, size_t *used)
{
	struct iovec parts[AT_ONCE];
	size_t count;

	for (*used = 0; (count = take_frames(data + *used, size - *used, parts)) > 0;) {
		int sent = endpoint_write_datagrams(transfer->destination, parts, count);
		size_t done;

		/* the error of an earlier one, which takes the place of sending this one */
		if (sent < 0 && sent != -EAGAIN)
			sent = endpoint_write_datagrams(transfer->destination, parts, 1);
		if (sent == -EAGAIN)
			return MOVE_FULL;
		done = sent < 0 ? 1 : (size_t)sent;
		if (sent < 0)
			drop(chan, -sent);
		for (size_t i = 0; i < done && i < count; i++) {
			*used += DATAGRAM_HEADER + parts[i].iov_len;
			chan->bytes += sent < 0 ? 0 : parts[i].iov_len;
		}
	}
	return MOVE_ON;
}

static enum move write_frames(struct chan *chan, struct transfer *transfer,
			      const unsigned char *data, size_t size)
{
	enum move result;
	size_t used;

	if (!to_datagrams(transfer))
		return engine_write(chan, transfer, data, size);
	result = send_frames(chan, transfer, data, size, &used);
	if (used < size && chan_keep(transfer->loop, chan, data + used, size - used) < 0)
		return engine_destination_failed(transfer, ENOMEM);
	return result;
}

/* What is pending: MOVE_ON when no whole frame is left of it. */
static enum move datagram_write(struct chan *chan, struct transfer *transfer)
{
	const unsigned char *pending;
	enum move result;
	size_t size, used;

	if (!to_datagrams(transfer))
		return engine_write_pending(chan, transfer);
	pending = chan_rest(chan, &size);
	result = send_frames(chan, transfer, pending, size, &used);
	if (used)
		chan_rest_taken(transfer->loop, chan, used);
	return result;
}

/* From a stream */

/* The beginning of a frame that is pending, and what is read now, in one piece. */
static enum move read_stream(struct chan *chan, struct transfer *transfer)
{
	unsigned char *buffer = loop_buffer(transfer->loop, STREAM_ROOM);
	size_t size, asked = STREAM_READ;
	const unsigned char *pending = chan_rest(chan, &size);
	enum move result;
	ssize_t got;

	if (!buffer)
		return engine_destination_failed(transfer, ENOMEM);
	if (asked > transfer->allowance)
		asked = (size_t)transfer->allowance;
	got = endpoint_read(transfer->source, buffer + size, asked);
	if (got == 0 && size)
		got = -EBADMSG;
	result = engine_got(transfer, got);
	if (result != MOVE_ON)
		return result;
	if (pending) {
		memcpy(buffer, pending, size);
		chan_rest_taken(transfer->loop, chan, size);
	}
	result = write_frames(chan, transfer, buffer, size + (size_t)got);
	/* less than was asked for: a stream had no more */
	return result == MOVE_ON && (size_t)got < asked ? MOVE_EMPTY : result;
}

/* From datagrams */

/* Reads at most count datagrams as consecutive frames and returns their bytes. *empty: there are no
 * more now. */
static size_t read_frames(struct chan *chan, struct transfer *transfer, unsigned char *frames,
			  size_t count, bool *empty)
{
	size_t sizes[AT_ONCE], used = 0;
	/* one byte more shows that a datagram is too long */
	int got = endpoint_read_datagrams(transfer->source, frames + DATAGRAM_HEADER,
					  DATAGRAM_STRIDE, DATAGRAM_MAX + 1, sizes, count);

	*empty = got == -EAGAIN || (got >= 0 && (size_t)got < count);
	if (got < 0 && got != -EAGAIN)
		drop(chan, -got);
	for (int i = 0; i < got; i++) {
		unsigned char *frame = frames + used;

		if (sizes[i] > DATAGRAM_MAX) {
			drop(chan, EMSGSIZE);
			continue;
		}
		if (frame != frames + (size_t)i * DATAGRAM_STRIDE)
			memmove(frame + DATAGRAM_HEADER,
				frames + (size_t)i * DATAGRAM_STRIDE + DATAGRAM_HEADER, sizes[i]);
		datagram_put_length(frame, sizes[i]);
		used += DATAGRAM_HEADER + sizes[i];
	}
	engine_count(transfer, used);
	return used;
}

/* May more be kept for a destination that is full? */
static bool may_keep(const struct chan *chan, const struct transfer *transfer)
{
	const struct loop_budget *budget = loop_budget(transfer->loop);

	return chan_unsent(chan) <= DATAGRAMS_KEPT && budget->used < budget->limit;
}

/* For a destination that is full, while there is room; the rest is dropped. */
static int keep_frames(struct chan *chan, const struct transfer *transfer,
		       const unsigned char *data, size_t size)
{
	size_t length;

	for (size_t at = 0; datagram_frame(data + at, size - at, &length);
	     at += DATAGRAM_HEADER + length) {
		if (!may_keep(chan, transfer))
			chan->dropped++;
		else if (chan_keep(transfer->loop, chan, data + at, DATAGRAM_HEADER + length) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Whole frames, as many as go into a batch, but at least one. */
static size_t batch_of(const unsigned char *data, size_t size)
{
	size_t at = 0, length;

	while (datagram_frame(data + at, size - at, &length) &&
	       (!at || at + DATAGRAM_HEADER + length <= BATCH))
		at += DATAGRAM_HEADER + length;
	return at;
}

static enum move put_frames(struct chan *chan, struct transfer *transfer, const unsigned char *data,
			    size_t size)
{
	enum move result = MOVE_ON;

	if (transfer->full)
		return keep_frames(chan, transfer, data, size) < 0
			       ? engine_destination_failed(transfer, ENOMEM)
			       : MOVE_ON;
	for (size_t at = 0, batch; at < size && result == MOVE_ON; at += batch) {
		batch = batch_of(data + at, size - at);
		result = write_frames(chan, transfer, data + at, batch);
		if (result != MOVE_FULL)
			continue;
		transfer->full = true;
		if (keep_frames(chan, transfer, data + at + batch, size - at - batch) < 0)
			return engine_destination_failed(transfer, ENOMEM);
	}
	return result == MOVE_FULL ? MOVE_ON : result;
}

/* As many as one turn may read. */
static enum move read_datagrams(struct chan *chan, struct transfer *transfer)
{
	unsigned char *buffer = loop_buffer(transfer->loop, ROOM);
	/* nothing beyond a limit may be taken from the source */
	bool ahead = transfer->full;
	size_t size = 0, count = ahead || transfer->limited ? 1 : AT_ONCE;
	enum move result = MOVE_ON;
	bool empty = false;

	if (!buffer)
		return engine_destination_failed(transfer, ENOMEM);
	for (size_t i = 0; i < TURN && transfer->allowance && size < BATCH && !empty &&
			   (!ahead || may_keep(chan, transfer)) && result == MOVE_ON;
	     i += count) {
		size += read_frames(chan, transfer, buffer + size, count, &empty);
		if (!ahead)
			continue;
		result = put_frames(chan, transfer, buffer, size);
		size = 0;
	}
	if (size)
		result = put_frames(chan, transfer, buffer, size);
	if (result != MOVE_ON)
		return result;
	/* what comes next still has room, unless there was more than one turn could take */
	if (transfer->full)
		return empty ? MOVE_EMPTY : MOVE_FULL;
	return !transfer->allowance ? MOVE_ON : empty ? MOVE_EMPTY : MOVE_BUDGET;
}

static bool datagram_room(const struct chan *chan, const struct transfer *transfer)
{
	return from_datagrams(transfer) && may_keep(chan, transfer);
}

static enum move datagram_read(struct chan *chan, struct transfer *transfer)
{
	return from_datagrams(transfer) ? read_datagrams(chan, transfer)
					: read_stream(chan, transfer);
}

const struct engine engine_datagram = {
	.read = datagram_read, .write = datagram_write, .room = datagram_room, .keeps_parts = true
};
