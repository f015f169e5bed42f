/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/loop.h"
#include "relay/pipe.h"

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

int chan_keep(struct loop *loop, struct chan *chan, const void *data, size_t size)
{
	struct rest *rest = chan->rest;
	size_t length = rest ? rest->length : 0;

	if (rest && rest->start) {
		memmove(rest->data, rest->data + rest->start, length);
		rest->start = 0;
	}
	if (!rest || length + size > rest->room) {
		uint32_t before = rest ? rest->room : 0;

		rest = realloc(rest, sizeof(*rest) + length + size);
		if (!rest)
			return -ENOMEM;
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
	if (chan->pipe)
		pipe_give_back(loop, chan->pipe);
	chan->pipe = NULL;
	if (chan->has_room)
		loop_budget(loop)->roomy--;
	chan->has_room = false;
	return lost;
}
