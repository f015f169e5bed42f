/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The datagram engine: for every channel with datagrams at one end or both. On a stream each datagram is a frame: two bytes of
 * length, the higher first, and so many bytes. Inside of the channel there are frames only: what is read is made frames where it
 * is datagrams, and what is written is taken out of frames where it must become datagrams. So what is kept in the channel is
 * the rest of a frame that the stream did not take whole, with those behind it, or the begin of one that has not come whole.
 *
 * A stream that takes no more lets little be kept, and then nothing is read: what comes further is dropped by who has it, the
 * kernel or serve/flows. A stream that sends more than a UDP socket takes waits. What a UDP socket refuses (as after an ICMP message:
 * nothing is bound to the port) is dropped and counted, and is the end of nothing.
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
#define ROOM (BATCH + DATAGRAM_HEADER + DATAGRAM_MAX + 1) /* one byte more shows that a datagram is too long */

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

/* Sends the frames that are whole; *used: how many bytes of data they were. */
static enum move send_frames(struct chan *chan, const struct flow *flow, const unsigned char *data, size_t size, size_t *used)
{
	size_t length;

	for (*used = 0; datagram_frame(data + *used, size - *used, &length); *used += DATAGRAM_HEADER + length) {
		const unsigned char *payload = data + *used + DATAGRAM_HEADER;
		ssize_t put = endpoint_write(flow->destination, payload, length);

		/* the error of an earlier one, which takes the place of sending this one */
		if (put < 0 && put != -EAGAIN)
			put = endpoint_write(flow->destination, payload, length);
		if (put == -EAGAIN)
			return MOVE_FULL;
		if (put < 0)
			drop(chan, (int)-put);
		else
			chan->bytes += length;
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
	unsigned char *buffer = loop_buffer(flow->loop, ROOM);
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

/* Reads one, as a frame: how many bytes that is, 0 where it was dropped, or -EAGAIN. */
static ssize_t read_datagram(struct chan *chan, struct flow *flow, unsigned char *frame)
{
	ssize_t got = endpoint_read(flow->source, frame + DATAGRAM_HEADER, DATAGRAM_MAX + 1);
	uint64_t cost;

	if (got == -EAGAIN)
		return got;
	if (got < 0 || got > DATAGRAM_MAX) {
		drop(chan, got < 0 ? (int)-got : EMSGSIZE);
		return 0;
	}
	datagram_put_length(frame, (size_t)got);
	cost = DATAGRAM_HEADER + (uint64_t)got;
	flow->read += cost;
	flow->allowance -= cost < flow->allowance ? cost : flow->allowance;
	return (ssize_t)cost;
}

/* May more be kept for a destination that is full? */
static bool may_keep(const struct chan *chan, const struct flow *flow)
{
	const struct loop_budget *budget = loop_budget(flow->loop);

	return chan_unsent(chan) <= DATAGRAMS_KEPT && budget->used < budget->limit;
}

static enum move move_datagrams(struct chan *chan, struct flow *flow, bool full)
{
	unsigned char *buffer = loop_buffer(flow->loop, ROOM);
	ssize_t got = 0;
	size_t size = 0;

	if (!buffer)
		return out_of_memory(flow);
	for (int i = 0; i < TURN && flow->allowance && size < BATCH && got >= 0 && (!full || may_keep(chan, flow)); i++) {
		got = read_datagram(chan, flow, buffer + size);
		if (got > 0 && full && chan_keep(flow->loop, chan, buffer, (size_t)got) < 0)
			return out_of_memory(flow);
		if (got > 0 && !full)
			size += (size_t)got;
	}
	if (size) {
		enum move result = write_frames(chan, flow, buffer, size);

		if (result == MOVE_DESTINATION_FAILED)
			return result;
		full = result == MOVE_FULL;
	}
	/* what comes next still has room, unless there was more than one turn could take */
	if (full)
		return got == -EAGAIN ? MOVE_AHEAD : MOVE_FULL;
	return !flow->allowance && flow->limited ? MOVE_PAUSE : got == -EAGAIN ? MOVE_EMPTY : MOVE_BUDGET;
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
