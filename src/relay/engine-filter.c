/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filtering engine: what comes from standard input is changed on its way (settings->filter), and may go line by line
 * with a pause between (settings->line_delay). What was read is changed at once and kept in the channel; from there whole
 * lines leave when their time has come, or all of it where there is no delay. Nothing is read while something is kept.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define CHUNK (64U * 1024)

/* Writes the next piece of what is kept: up to the end of its first line, or all. */
static enum move send_piece(struct chan *chan, struct flow *flow, bool lines)
{
	size_t kept;
	const unsigned char *begin = chan_rest(chan, &kept);
	const unsigned char *end = lines ? memchr(begin, '\n', kept) : NULL;
	size_t length = end ? (size_t)(end - begin) + 1 : kept;
	uint64_t before = chan->bytes;
	enum move result = engine_write_kept(chan, flow, length);

	if (end && chan->bytes - before == length)
		chan->ready_at = loop_now(flow->loop) + flow->settings->line_delay;
	return result;
}

static enum move send_kept(struct chan *chan, struct flow *flow)
{
	/* once nothing more is to be read because of a signal, what was read goes at once */
	bool lines = flow->settings->line_delay && chan->state == CHAN_OPEN;
	enum move result = MOVE_EMPTY;

	while (result == MOVE_EMPTY && chan->rest) {
		if (lines && chan->ready_at > loop_now(flow->loop))
			return MOVE_PAUSE;
		result = send_piece(chan, flow, lines);
	}
	return result;
}

/* Reads, changes and keeps. MOVE_BUDGET: there is something to send. */
static enum move take(struct chan *chan, struct flow *flow)
{
	struct relay_filter *filter = flow->settings->filter;
	size_t asked = flow->allowance < CHUNK ? (size_t)flow->allowance : CHUNK;
	unsigned char *buffer = loop_buffer(flow->loop, (size_t)CHUNK * 3), *out = buffer;
	size_t size;
	ssize_t got;

	flow->error = ENOMEM;
	if (!buffer)
		return MOVE_SOURCE_FAILED;
	got = endpoint_read(flow->source, buffer, asked);
	if (got == -EAGAIN)
		return MOVE_EMPTY;
	if (got < 0) {
		flow->error = (int)-got;
		return MOVE_SOURCE_FAILED;
	}
	chan->source_ended = got == 0;
	flow->read += (uint64_t)got;
	flow->allowance -= (uint64_t)got;
	size = (size_t)got;
	if (filter && got) {
		out = buffer + CHUNK;
		size = filter->pass(filter, buffer, (size_t)got, out);
	}
	if (size)
		relay_tap_data(flow->settings->tap, flow->side, out, size);
	if (size && chan_keep(flow->loop, chan, out, size) < 0)
		return MOVE_SOURCE_FAILED;
	return MOVE_BUDGET;
}

static enum move filter_move(struct chan *chan, struct flow *flow)
{
	enum move result = send_kept(chan, flow);

	while (result == MOVE_EMPTY) {
		if (chan->state != CHAN_OPEN || chan->source_ended)
			return MOVE_END;
		if (!flow->allowance)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
		result = take(chan, flow);
		if (result != MOVE_BUDGET)
			return result;
		result = send_kept(chan, flow);
	}
	return result;
}

const struct engine engine_filter = { .name = "filter", .move = filter_move };
