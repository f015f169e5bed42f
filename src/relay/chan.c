/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/loop.h"
#include "relay/pipe.h"

/* The phase after each event; NEVER: the event cannot happen. */
#define NEVER CHAN_PHASES
static const uint8_t phase_after[CHAN_PHASES][CHAN_EVENTS] = {
	/*		   END		  FAIL		LIMIT	      STOP	     HOLD OVER */
	[CHAN_OPEN] = { CHAN_DRAINING, CHAN_FAILING, CHAN_LIMITED, CHAN_STOPPING, NEVER,
			CHAN_ENDED },
	[CHAN_DRAINING] = { CHAN_DRAINING, NEVER, NEVER, CHAN_DRAINING, CHAN_HELD, CHAN_ENDED },
	[CHAN_FAILING] = { NEVER, NEVER, NEVER, CHAN_FAILING, NEVER, CHAN_ENDED },
	/* where the limit counts as the end */
	[CHAN_LIMITED] = { CHAN_DRAINING, NEVER, NEVER, CHAN_LIMITED, NEVER, CHAN_ENDED },
	[CHAN_STOPPING] = { NEVER, NEVER, NEVER, CHAN_STOPPING, NEVER, CHAN_ENDED },
	[CHAN_HELD] = { NEVER, NEVER, NEVER, CHAN_HELD, NEVER, CHAN_ENDED },
	[CHAN_ENDED] = { NEVER, NEVER, NEVER, CHAN_ENDED, NEVER, CHAN_ENDED },
};

/* What may be pending in each phase while it waits for each thing. */
enum { NOTHING = 1, PART = 2, BYTES = 4 };
static const uint8_t pending_while[CHAN_PHASES][CHAN_WAITS] = {
	[CHAN_OPEN] = { [CHAN_WAITS_SOURCE] = NOTHING | PART,
			[CHAN_WAITS_DESTINATION] = NOTHING | PART | BYTES,
			[CHAN_WAITS_BOTH] = PART | BYTES,
			[CHAN_WAITS_TIME] = NOTHING | PART | BYTES },
	[CHAN_DRAINING] = { [CHAN_WAITS_DESTINATION] = BYTES, [CHAN_WAITS_TIME] = BYTES },
	[CHAN_FAILING] = { [CHAN_WAITS_DESTINATION] = BYTES, [CHAN_WAITS_TIME] = BYTES },
	[CHAN_LIMITED] = { [CHAN_WAITS_DESTINATION] = BYTES, [CHAN_WAITS_TIME] = BYTES },
	[CHAN_STOPPING] = { [CHAN_WAITS_DESTINATION] = BYTES },
	[CHAN_HELD] = { [CHAN_WAITS_NOTHING] = NOTHING },
	[CHAN_ENDED] = { [CHAN_WAITS_NOTHING] = NOTHING },
};

void chan_event(struct chan *chan, enum chan_event event)
{
	uint8_t after = phase_after[chan->phase][event];

#ifdef RELAY_CHECK
	if (after == NEVER)
		abort();
#endif
	if (after != NEVER)
		chan->phase = after;
	if (chan_ended(chan))
		chan->waits = CHAN_WAITS_NOTHING;
}

bool chan_is_legal(const struct chan *chan, bool keeps_parts)
{
	/* a part and complete pieces may be pending together while the destination is full */
	uint8_t pending = !chan_pending(chan) ? NOTHING : keeps_parts ? PART | BYTES : BYTES;

	return chan->phase < CHAN_PHASES && chan->waits < CHAN_WAITS &&
	       (pending_while[chan->phase][chan->waits] & pending) != 0;
}

const unsigned char *chan_rest(const struct chan *chan, size_t *length)
{
	*length = chan->rest ? chan->rest->length : 0;
	return *length ? chan->rest->data + chan->rest->start : NULL;
}

static void free_rest(struct loop *loop, struct chan *chan)
{
	if (chan->rest)
		loop_budget(loop)->used -= chan->rest->room;
	free(chan->rest);
	chan->rest = NULL;
}

void chan_rest_taken(struct loop *loop, struct chan *chan, size_t length)
{
	struct rest *rest = chan->rest;

	rest->start += (uint32_t)length;
	rest->length -= (uint32_t)length;
	if (!rest->length)
		free_rest(loop, chan);
}

void chan_rest_written(struct loop *loop, struct chan *chan, size_t length)
{
	chan->bytes += length;
	chan_rest_taken(loop, chan, length);
}

uint64_t chan_unsent(const struct chan *chan)
{
	return (chan->rest ? chan->rest->length : 0) + (chan->pipe ? chan->pipe->bytes : 0);
}

uint64_t chan_ready_at(const struct chan *chan)
{
	uint64_t at = chan->rate_at > chan->line_at ? chan->rate_at : chan->line_at;

	return chan->has_turn && chan->turn_at > at ? chan->turn_at : at;
}

int chan_empty_pipe(struct loop *loop, struct chan *chan)
{
	while (chan->pipe && chan->pipe->bytes) {
		unsigned char *buffer = loop_buffer(loop, chan->pipe->bytes);
		ssize_t got = buffer ? read(chan->pipe->out, buffer, chan->pipe->bytes) : -1;

		if (got <= 0 || chan_keep(loop, chan, buffer, (size_t)got) < 0)
			return -ENOMEM;
		chan->pipe->bytes -= (uint32_t)got;
	}
	if (chan->pipe)
		pipe_give_back(loop, chan->pipe);
	chan->pipe = NULL;
	return 0;
}

int chan_keep(struct loop *loop, struct chan *chan, const void *data, size_t size)
{
	struct rest *rest = chan->rest;
	size_t length = rest ? rest->length : 0;

	if (!size)
		return 0;
	if (rest && rest->start) {
		memmove(rest->data, rest->data + rest->start, length);
		rest->start = 0;
	}
	if (!rest || length + size > rest->room) {
		uint32_t before = rest ? rest->room : 0;
		struct rest *larger = realloc(rest, sizeof(*rest) + length + size);

		if (!larger)
			return -ENOMEM;
		rest = larger;
		loop_budget(loop)->used += length + size - before;
		rest->start = 0;
		rest->length = (uint32_t)length;
		rest->room = (uint32_t)(length + size);
		chan->rest = rest;
	}
	memcpy(rest->data + length, data, size);
	rest->length += (uint32_t)size;
	return 0;
}

uint64_t chan_drop(struct loop *loop, struct chan *chan)
{
	uint64_t lost = chan_unsent(chan);

	free_rest(loop, chan);
	chan->message_kept = false;
	if (chan->pipe)
		pipe_give_back(loop, chan->pipe);
	chan->pipe = NULL;
	if (chan->has_room)
		loop_budget(loop)->roomy--;
	chan->has_room = false;
	return lost;
}
