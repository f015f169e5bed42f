/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy engine: reads into the loop's shared buffer and writes at once; only what the
 * destination does not take is kept, in memory of the channel's own.
 *
 * Where all pending bytes together may not become more (loop_budget()), it reads with MSG_PEEK, and
 * takes only as much from the source as the destination took: the rest stays in the kernel.
 */
#include "config.h"

#include <errno.h>

#include "relay/choose.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define CHUNK_START (64U * 1024)
#define CHUNK_MAX (1024U * 1024)
#define FULL_READS 2 /* in a row: the flow is large */
/* The same where it may be spliced; a relay that is faster than its source never reads 64 KiB. */
#define LARGE_READ (32 * 1024)

static void grow(struct chan *chan, const struct transfer *transfer)
{
	uint64_t buffer = transfer->settings->buffer;
	uint32_t most = buffer ? (uint32_t)buffer : CHUNK_MAX;

	if (chan->chunk < most)
		chan->chunk = chan->chunk * 2 < most ? chan->chunk * 2 : most;
}

/* Full reads mean that more is waiting: ask for more at once, or splice. A destination that takes
 * less at once: for less. */
static void adapt(struct chan *chan, const struct transfer *transfer, size_t asked, size_t got,
		  bool taken)
{
	bool full = got >= (chan->may_splice ? LARGE_READ : asked);

	if (!taken && chan->chunk > CHUNK_START)
		chan->chunk /= 2;
	/* if it may be spliced, pending bytes still go first */
	chan->reads_in_row = full && (taken || chan->may_splice) ? (uint8_t)(chan->reads_in_row + 1)
								 : 0;
	if (chan->reads_in_row < FULL_READS)
		return;
	chan->reads_in_row = 0;
	if (chan->may_splice && choose_splice(transfer))
		chan->engine = CHAN_SPLICE;
	else if (got == asked && taken)
		grow(chan, transfer);
}

static size_t to_ask(struct chan *chan, const struct transfer *transfer)
{
	uint64_t buffer = transfer->settings->buffer;

	if (!chan->chunk)
		chan->chunk = buffer && buffer < CHUNK_START ? (uint32_t)buffer : CHUNK_START;
	return transfer->allowance < chan->chunk ? (size_t)transfer->allowance : chan->chunk;
}

static enum move copy_looking(struct chan *chan, struct transfer *transfer, unsigned char *buffer,
			      size_t *asked)
{
	ssize_t seen;

	if (*asked > CHUNK_START)
		*asked = CHUNK_START;
	seen = endpoint_peek(transfer->source, buffer, *asked);
	if (seen > 0 && endpoint_at_mark(transfer->source)) {
		/* what was seen may be the urgent byte, which reading skips */
		*asked = 1;
		seen = -EOPNOTSUPP;
	}
	if (seen == -EOPNOTSUPP)
		return MOVE_ON;
	return seen > 0 ? engine_write_seen(chan, transfer, buffer, *asked, (size_t)seen)
			: engine_got(transfer, seen);
}

static enum move copy_read(struct chan *chan, struct transfer *transfer)
{
	size_t asked = to_ask(chan, transfer), got;
	unsigned char *buffer = loop_buffer(transfer->loop, chan->chunk);
	uint64_t before = transfer->read;
	enum move result;

	if (!buffer)
		return engine_source_failed(transfer, ENOMEM);
	if (!engine_may_keep(transfer, asked)) {
		result = copy_looking(chan, transfer, buffer, &asked);
		if (result != MOVE_ON || transfer->read != before)
			return result;
	}
	result = engine_got(transfer, endpoint_read(transfer->source, buffer, asked));
	if (result != MOVE_ON)
		return result;
	got = (size_t)(transfer->read - before);
	result = engine_write(chan, transfer, buffer, got);
	adapt(chan, transfer, asked, got, result == MOVE_ON);
	/* less than was asked for: a stream had no more, and asking again would be a call for
	 * nothing */
	return result == MOVE_ON && got < asked && transfer->source->in_kind != ENDPOINT_FILE
		       ? MOVE_EMPTY
		       : result;
}

const struct engine engine_copy = { .read = copy_read, .write = engine_write_pending };
