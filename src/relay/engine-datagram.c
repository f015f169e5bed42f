/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The datagram engine: for every channel with datagrams at one end or both. On a stream each datagram is a frame: two bytes of
 * length, the higher first, and so many bytes. Inside of the channel there are frames only: what is read is made frames where it
 * is datagrams, and what is written is taken out of frames where it must become datagrams. So what is kept in the channel is
 * the rest of a frame that the stream did not take whole, with those behind it, or the begin of one that has not come whole.
 *
 * A stream that takes no more lets little be kept, and then nothing is read: what comes further is dropped by who has it,
 * the kernel or serve/flows. A stream that sends more than a UDP socket takes waits. What a UDP socket refuses (as after an
 * ICMP message: nothing is bound to the port) is dropped and counted, and is the end of nothing.
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
#define TURN 64            /* reads in one turn */
#define AT_ONCE ENDPOINT_AT_ONCE
#define ROOM (BATCH + AT_ONCE * DATAGRAM_STRIDE)
#define STREAM_ROOM (STREAM_READ + DATAGRAM_HEADER + DATAGRAM_MAX)

static bool from_datagrams(const struct flow *flow)
{
	return endpoint_is_datagrams(flow->source->in_kind);
}

static bool to_datagrams(const struct flow *flow)
{
	return endpoint_is_datagrams(flow->destination->out_kind);
}

static void drop(struct chan *chan, int error)
{
	chan->dropped++;
	chan->source_error = (uint8_t)error;
}

/* Writing */

/* The payloads of the first frames that are whole: how many. */
static size_t take_frames(const unsigned char *data, size_t size, struct iovec parts[AT_ONCE])
{
	size_t count = 0, length;

	for (size_t at = 0; count < AT_ONCE && datagram_frame(data + at, size - at, &length); at += DATAGRAM_HEADER + length)
		parts[count++] = (struct iovec){ .iov_base = (void *)(data + at + DATAGRAM_HEADER), .iov_len = length };
	return count;
}

/* Sends the frames that are whole; *used: how many bytes of data they were. */
static enum move send_frames(struct chan *chan, const struct flow *flow, const unsigned char *data, size_t size, size_t *used)
{
	struct iovec parts[AT_ONCE];
	size_t count;

	for (*used = 0; (count = take_frames(data + *used, size - *used, parts)) > 0;) {
		int sent = endpoint_write_datagrams(flow->destination, parts, count);
		size_t done;

		/* the error of an earlier one, which takes the place of sending this one */
		if (sent < 0 && sent != -EAGAIN)
			sent = endpoint_write_datagrams(flow->destination, parts, 1);
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
	return MOVE_EMPTY;
}

static enum move out_of_memory(struct flow *flow)
{
	flow->error = ENOMEM;
	return MOVE_DESTINATION_FAILED;
}

static enum move write_frames(struct chan *chan, struct flow *flow, const unsigned char *data, size_t size)
{
	enum move result;
	size_t used;

	if (!to_datagrams(flow))
		return engine_write(chan, flow, data, size);
	result = send_frames(chan, flow, data, size, &used);
	if (used < size && chan_keep(flow->loop, chan, data + used, size - used) < 0)
		return out_of_memory(flow);
	return result;
}

/* What is kept: MOVE_EMPTY when no whole frame is left of it. */
static enum move write_kept(struct chan *chan, struct flow *flow)
{
	const unsigned char *kept;
	enum move result;
	size_t size, used;

	if (!to_datagrams(flow))
		return engine_write_rest(chan, flow);
	kept = chan_rest(chan, &size);
	if (!kept)
		return MOVE_EMPTY;
	result = send_frames(chan, flow, kept, size, &used);
	if (used)
		chan_rest_taken(flow->loop, chan, used);
	return result;
}

/* From a stream */

/* The begin of a frame that was kept, and what is read now, in one piece. */
static enum move read_frames(struct chan *chan, struct flow *flow)
{
	unsigned char *buffer = loop_buffer(flow->loop, STREAM_ROOM);
	size_t size, asked = flow->allowance < STREAM_READ ? (size_t)flow->allowance : STREAM_READ;
	const unsigned char *kept = chan_rest(chan, &size);
	enum move result;
	ssize_t got;

	if (!buffer)
		return out_of_memory(flow);
	got = endpoint_read(flow->source, buffer + size, asked);
	if (got == -EAGAIN)
		return MOVE_EMPTY;
	if (got == 0 && !size)
		return MOVE_END;
	if (got <= 0) {
		flow->error = got ? (int)-got : EBADMSG;
		return MOVE_SOURCE_FAILED;
	}
	flow->read += (uint64_t)got;
	flow->allowance -= (uint64_t)got;
	if (kept) {
		memcpy(buffer, kept, size);
		chan_rest_taken(flow->loop, chan, size);
	}
	result = write_frames(chan, flow, buffer, size + (size_t)got);
	/* less than was asked for: a stream had no more */
	return result == MOVE_EMPTY && (size_t)got == asked ? MOVE_BUDGET : result;
}

static enum move move_stream(struct chan *chan, struct flow *flow)
{
	enum move result = MOVE_BUDGET;

	while (result == MOVE_BUDGET) {
		if (!flow->allowance)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
		result = read_frames(chan, flow);
	}
	return result;
}

/* From datagrams */

/* Reads at most count as frames, one behind the other: how many bytes that is. *empty: there are no more now. */
static size_t read_datagrams(struct chan *chan, struct flow *flow, unsigned char *frames, size_t count, bool *empty)
{
	size_t sizes[AT_ONCE], used = 0;
	/* one byte more shows that a datagram is too long */
	int got = endpoint_read_datagrams(flow->source, frames + DATAGRAM_HEADER, DATAGRAM_STRIDE, DATAGRAM_MAX + 1, sizes, count);

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
			memmove(frame + DATAGRAM_HEADER, frames + (size_t)i * DATAGRAM_STRIDE + DATAGRAM_HEADER, sizes[i]);
		datagram_put_length(frame, sizes[i]);
		used += DATAGRAM_HEADER + sizes[i];
	}
	flow->read += used;
	flow->allowance -= used < flow->allowance ? used : flow->allowance;
	return used;
}

/* May more be kept for a destination that is full? */
static bool may_keep(const struct chan *chan, const struct flow *flow)
{
	const struct loop_budget *budget = loop_budget(flow->loop);

	return chan_unsent(chan) <= DATAGRAMS_KEPT && budget->used < budget->limit;
}

/* For a destination that is full, while there is room; the rest is dropped. */
static int keep_frames(struct chan *chan, const struct flow *flow, const unsigned char *data, size_t size)
{
	size_t length;

	for (size_t at = 0; datagram_frame(data + at, size - at, &length); at += DATAGRAM_HEADER + length) {
		if (!may_keep(chan, flow))
			chan->dropped++;
		else if (chan_keep(flow->loop, chan, data + at, DATAGRAM_HEADER + length) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Whole frames, as many as go into a batch, but at least one. */
static size_t batch_of(const unsigned char *data, size_t size)
{
	size_t at = 0, length;

	while (datagram_frame(data + at, size - at, &length) && (!at || at + DATAGRAM_HEADER + length <= BATCH))
		at += DATAGRAM_HEADER + length;
	return at;
}

static enum move put_frames(struct chan *chan, struct flow *flow, const unsigned char *data, size_t size, bool full)
{
	enum move result = full ? MOVE_FULL : MOVE_EMPTY;

	for (size_t at = 0, batch; at < size && result == MOVE_EMPTY; at += batch) {
		batch = batch_of(data + at, size - at);
		result = write_frames(chan, flow, data + at, batch);
		if (result == MOVE_FULL && keep_frames(chan, flow, data + at + batch, size - at - batch) < 0)
			return out_of_memory(flow);
	}
	if (full && keep_frames(chan, flow, data, size) < 0)
		return out_of_memory(flow);
	return result;
}

static enum move move_datagrams(struct chan *chan, struct flow *flow, bool full)
{
	unsigned char *buffer = loop_buffer(flow->loop, ROOM);
	/* of what has to stay behind a limit nothing may be taken */
	size_t size = 0, count = full || flow->limited ? 1 : AT_ONCE;
	bool empty = false;

	if (!buffer)
		return out_of_memory(flow);
	for (size_t i = 0; i < TURN && flow->allowance && size < BATCH && !empty && (!full || may_keep(chan, flow)); i += count) {
		size += read_datagrams(chan, flow, buffer + size, count, &empty);
		if (!full)
			continue;
		if (put_frames(chan, flow, buffer, size, true) == MOVE_DESTINATION_FAILED)
			return MOVE_DESTINATION_FAILED;
		size = 0;
	}
	if (size) {
		enum move result = put_frames(chan, flow, buffer, size, false);

		if (result == MOVE_DESTINATION_FAILED)
			return result;
		full = result == MOVE_FULL;
	}
	/* what comes next still has room, unless there was more than one turn could take */
	if (full)
		return empty ? MOVE_AHEAD : MOVE_FULL;
	return !flow->allowance && flow->limited ? MOVE_PAUSE : empty ? MOVE_EMPTY : MOVE_BUDGET;
}

static enum move datagram_move(struct chan *chan, struct flow *flow)
{
	enum move result = write_kept(chan, flow);

	if (result == MOVE_DESTINATION_FAILED)
		return result;
	if (chan->state != CHAN_OPEN)
		return result == MOVE_EMPTY ? MOVE_END : result;
	if (from_datagrams(flow))
		return move_datagrams(chan, flow, result == MOVE_FULL);
	return result == MOVE_FULL ? result : move_stream(chan, flow);
}

const struct engine engine_datagram = { .name = "datagram", .move = datagram_move };
