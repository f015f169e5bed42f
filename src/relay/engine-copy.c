/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy engine: reads into the loop's shared buffer and writes at once; only what the destination does not take is
 * kept, in memory of the channel's own, and until that is gone nothing more is read.
 *
 * Where all that is kept together may not become more (loop_budget()), it is read with MSG_PEEK, and only as much is then taken
 * from the source as the destination took: the rest stays in the kernel.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define CHUNK_START (64U * 1024)
#define CHUNK_MAX (1024U * 1024)
#define FULL_READS 2 /* in a row: the flow is large */
#define LARGE_READ (32 * 1024) /* the same where it may be spliced; a relay that is faster than its source never reads 64 KiB */

enum move engine_write_kept(struct chan *chan, struct flow *flow, size_t length)
{
	size_t kept;
	ssize_t put = endpoint_write(flow->destination, chan_rest(chan, &kept), length);

	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0) {
		flow->error = (int)-put;
		return MOVE_DESTINATION_FAILED;
	}
	chan_rest_written(flow->loop, chan, (size_t)put);
	return MOVE_EMPTY;
}

enum move engine_write_rest(struct chan *chan, struct flow *flow)
{
	enum move result = MOVE_EMPTY;
	size_t length;

	while (result == MOVE_EMPTY && chan_rest(chan, &length))
		result = engine_write_kept(chan, flow, length);
	return result;
}

enum move engine_write(struct chan *chan, struct flow *flow, const unsigned char *data, size_t size)
{
	size_t done = 0;

	relay_tap_data(flow->settings->tap, flow->side, data, size);
	while (done < size) {
		ssize_t put = endpoint_write(flow->destination, data + done, size - done);

		if (put < 0 && put != -EAGAIN)
			flow->error = (int)-put;
		if (put < 0) {
			/* kept also when the destination failed: so the owner knows how much was lost */
			int error = chan_keep(flow->loop, chan, data + done, size - done);

			if (put == -EAGAIN && error == 0)
				return MOVE_FULL;
			if (put == -EAGAIN)
				flow->error = -error;
			return MOVE_DESTINATION_FAILED;
		}
		done += (size_t)put;
		chan->bytes += (uint64_t)put;
	}
	return MOVE_EMPTY;
}

enum move engine_write_empty(struct flow *flow)
{
	ssize_t put = flow->destination->out_kind == ENDPOINT_MESSAGES ? endpoint_write(flow->destination, "", 0) : 0;

	if (put == -EAGAIN || put >= 0)
		return MOVE_EMPTY; /* an empty message that finds no room is the only one that is given up */
	flow->error = (int)-put;
	return MOVE_DESTINATION_FAILED;
}

static void grow(struct chan *chan, const struct flow *flow)
{
	uint32_t most = flow->settings->buffer ? (uint32_t)flow->settings->buffer : CHUNK_MAX;

	if (chan->chunk < most)
		chan->chunk = chan->chunk * 2 < most ? chan->chunk * 2 : most;
}

/* Full reads mean that more is waiting: ask for more at once, or splice. A destination that takes less at once: for less. */
static void adapt(struct chan *chan, const struct flow *flow, size_t asked, size_t got, bool taken)
{
	bool full = got >= (chan->may_splice ? LARGE_READ : asked);

	if (!taken && chan->chunk > CHUNK_START)
		chan->chunk /= 2;
	/* where it may be spliced what the destination did not take goes first there too */
	chan->full_reads = full && (taken || chan->may_splice) ? (uint8_t)(chan->full_reads + 1) : 0;
	if (chan->full_reads < FULL_READS)
		return;
	chan->full_reads = 0;
	if (chan->may_splice && engine_wants_splice(flow))
		chan->engine = &engine_splice;
	else if (got == asked && taken)
		grow(chan, flow);
}

static size_t to_ask(struct chan *chan, const struct flow *flow)
{
	if (!chan->chunk)
		chan->chunk = flow->settings->buffer && flow->settings->buffer < CHUNK_START
		                  ? (uint32_t)flow->settings->buffer
		                  : CHUNK_START;
	return flow->allowance < chan->chunk ? (size_t)flow->allowance : chan->chunk;
}

static bool may_keep(const struct flow *flow, size_t size)
{
	const struct loop_budget *budget = loop_budget(flow->loop);

	return budget->used <= budget->limit && size <= budget->limit - budget->used;
}

/* One look and its write, of which nothing is kept. */
static enum move move_looking(struct chan *chan, struct flow *flow, unsigned char *buffer, size_t asked, size_t seen)
{
	ssize_t put = endpoint_write(flow->destination, buffer, seen);

	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0) {
		flow->error = (int)-put;
		return MOVE_DESTINATION_FAILED;
	}
	relay_tap_data(flow->settings->tap, flow->side, buffer, (size_t)put);
	/* it is still there */
	if (endpoint_read(flow->source, buffer, (size_t)put) != put) {
		flow->error = EIO;
		return MOVE_SOURCE_FAILED;
	}
	flow->read += (uint64_t)put;
	flow->allowance -= (uint64_t)put;
	chan->bytes += (uint64_t)put;
	if ((size_t)put < seen)
		return MOVE_FULL;
	return seen < asked ? MOVE_EMPTY : MOVE_BUDGET;
}

/* One read and its write. MOVE_BUDGET: go on. */
static enum move move_once(struct chan *chan, struct flow *flow)
{
	size_t asked = to_ask(chan, flow);
	unsigned char *buffer = loop_buffer(flow->loop, chan->chunk);
	enum move result;
	bool looking;
	ssize_t got;

	if (!buffer) {
		flow->error = ENOMEM;
		return MOVE_SOURCE_FAILED;
	}
	looking = !may_keep(flow, asked);
	if (looking && asked > CHUNK_START)
		asked = CHUNK_START;
	got = looking ? endpoint_peek(flow->source, buffer, asked) : -EOPNOTSUPP;
	looking = got != -EOPNOTSUPP;
	if (!looking)
		got = endpoint_read(flow->source, buffer, asked);
	if (got == -EAGAIN)
		return MOVE_EMPTY;
	if (got < 0) {
		flow->error = (int)-got;
		return MOVE_SOURCE_FAILED;
	}
	if (got == 0)
		return MOVE_END;
	if (looking)
		return move_looking(chan, flow, buffer, asked, (size_t)got);
	flow->read += (uint64_t)got;
	flow->allowance -= (uint64_t)got;
	result = engine_write(chan, flow, buffer, (size_t)got);
	adapt(chan, flow, asked, (size_t)got, result == MOVE_EMPTY);
	if (result != MOVE_EMPTY)
		return result;
	/* less than was asked for: a stream had no more, and asking again would be a call for nothing */
	if ((size_t)got < asked && flow->source->in_kind != ENDPOINT_FILE)
		return MOVE_EMPTY;
	return chan->engine == &engine_copy ? MOVE_BUDGET : MOVE_ON;
}

static enum move copy_move(struct chan *chan, struct flow *flow)
{
	enum move result = engine_write_rest(chan, flow);

	if (result != MOVE_EMPTY)
		return result;
	if (chan->state != CHAN_OPEN)
		return MOVE_END;
	do
		if (!flow->allowance)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
	while ((result = move_once(chan, flow)) == MOVE_BUDGET);
	return result == MOVE_ON ? chan->engine->move(chan, flow) : result;
}

const struct engine engine_copy = { .name = "copy", .move = copy_move };
