/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/pipe.h"

uint64_t chan_unsent(const struct chan *chan)
{
	return chan->rest_length + (chan->pipe ? chan->pipe->bytes : 0);
}

int chan_keep(struct chan *chan, const void *data, size_t size)
{
	if (chan->rest_length && chan->rest_start)
		memmove(chan->rest, chan->rest + chan->rest_start, chan->rest_length);
	chan->rest_start = 0;
	if (chan->rest_length + size > chan->rest_room) {
		unsigned char *grown = realloc(chan->rest, chan->rest_length + size);

		if (!grown)
			return -ENOMEM;
		chan->rest = grown;
		chan->rest_room = (uint32_t)(chan->rest_length + size);
	}
	memcpy(chan->rest + chan->rest_length, data, size);
	chan->rest_length += (uint32_t)size;
	return 0;
}

uint64_t chan_drop(struct loop *loop, struct chan *chan)
{
	uint64_t lost = chan_unsent(chan);

	free(chan->rest);
	chan->rest = NULL;
	chan->rest_start = chan->rest_length = chan->rest_room = 0;
	if (chan->pipe)
		pipe_give_back(loop, chan->pipe);
	chan->pipe = NULL;
	return lost;
}
