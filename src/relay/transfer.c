/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: pending bytes are written first. When they are gone, and the channel is
 * still open and allowed to read, its engine reads some, and writes that or leaves it pending; and
 * so on, until one of the two ends has no more, or the allowance is used up. An engine that has
 * room of its own reads ahead while the destination is full; how the source ended is then told when
 * that is written.
 *
 * An engine may change chan->engine at any step; what it leaves pending the other one writes.
 */
#include "config.h"

#include "relay/transfer.h"

#include "relay/allowance.h"
#include "relay/choose.h"
#include "relay/trial.h"

static const struct engine *engine_of(const struct chan *chan)
{
	static const struct engine *const engines[] = {
		[CHAN_COPY] = &engine_copy,	    [CHAN_SPLICE] = &engine_splice,
		[CHAN_STRAIGHT] = &engine_straight, [CHAN_MESSAGE] = &engine_message,
		[CHAN_FILTER] = &engine_filter,	    [CHAN_DATAGRAM] = &engine_datagram,
	};

	return engines[chan->engine];
}

bool transfer_keeps_parts(const struct chan *chan)
{
	return engine_of(chan)->keeps_parts;
}

/* Nothing may be read now. */
static enum move hold_back(const struct transfer *transfer)
{
	if (transfer->full)
		return MOVE_FULL;
	return transfer->limited ? MOVE_PAUSE : MOVE_BUDGET;
}

/*
 * As much was read as may be, and all whole pieces of it are written. Where that is --max-bytes,
 * the source may be at its end, and then nothing is missing, or it has more, which is too much; as
 * long as neither is known it is waited for. Datagrams have no end, so a flow ends with what it may
 * have.
 */
static enum move at_limit(struct chan *chan, struct transfer *transfer)
{
	bool taken;
	int more;

	if (allowance_is_size(transfer->settings, transfer->side) ||
	    endpoint_is_datagrams(transfer->source->in_kind))
		return engine_beyond(chan, transfer, 0);
	if (transfer->source->in_kind == ENDPOINT_MESSAGES)
		return engine_of(chan)->read(chan, transfer);
	more = endpoint_more(transfer->source, &taken);
	if (more > 0)
		return engine_beyond(chan, transfer, taken);
	/* a stream of frames that ends within one */
	if (more == 0 && chan->engine == CHAN_DATAGRAM && chan_pending(chan))
		more = -EBADMSG;
	return engine_got(transfer, more);
}

/* On an established socket ENOTCONN is end of file (af_vsock.c: our own shutdown() after the
 * peer's), unless SO_ERROR says that the VM went away. */
static enum move understand_failure(struct transfer *transfer)
{
	if (transfer->error == ENOTCONN)
		transfer->error = endpoint_error(transfer->source);
	return transfer->error ? MOVE_SOURCE_FAILED : MOVE_END;
}

/* The source has ended or failed. While bytes are pending that is kept for later. */
static enum move source_over(struct chan *chan, struct transfer *transfer, enum move result)
{
	/* an error that was reported before all was read */
	if (result == MOVE_END && chan->source_error)
		result = engine_source_failed(transfer, chan->source_error);
	if (result == MOVE_SOURCE_FAILED)
		result = understand_failure(transfer);
	if (result == MOVE_SOURCE_FAILED && !transfer->full)
		return result;
	chan_event(chan, result == MOVE_END ? CHAN_END : CHAN_FAIL);
	if (result == MOVE_SOURCE_FAILED)
		chan->source_error = (uint8_t)transfer->error;
	return transfer->full ? MOVE_FULL : MOVE_ON;
}

static enum move read_some(struct chan *chan, struct transfer *transfer)
{
	const struct engine *engine = engine_of(chan);
	enum move result;

	if (chan->phase != CHAN_OPEN)
		return MOVE_END;
	if (transfer->full && !engine->room(chan, transfer))
		return MOVE_FULL;
	if (!transfer->allowance && (transfer->full || transfer->left))
		return hold_back(transfer);
	result = transfer->allowance ? engine->read(chan, transfer) : at_limit(chan, transfer);
	if (result == MOVE_END || result == MOVE_SOURCE_FAILED)
		return source_over(chan, transfer, result);
	return result == MOVE_EMPTY && transfer->full ? MOVE_AHEAD : result;
}

static enum move run(struct chan *chan, struct transfer *transfer)
{
	enum move result = MOVE_ON;

	while (result == MOVE_ON) {
		/* not where an engine that doesn't read ahead took over */
		transfer->full = transfer->full && engine_of(chan)->room;
		if (!transfer->full && chan_pending(chan))
			result = engine_of(chan)->write(chan, transfer);
		if (result == MOVE_FULL && engine_of(chan)->room && chan->phase == CHAN_OPEN)
			transfer->full = true;
		if (result == MOVE_ON || transfer->full)
			result = read_some(chan, transfer);
	}
	return result;
}

enum move transfer_run(struct chan *chan, struct transfer *transfer)
{
	struct trial *trial = chan->may_splice && chan->is_large ? choose_trial(transfer) : NULL;
	uint8_t engine = chan->engine;
	bool measured = trial && trial_runs(trial);
	uint64_t begun = measured ? trial_clock() : 0;
	enum move result = run(chan, transfer);

	if (engine_of(chan)->rest)
		engine_of(chan)->rest(chan, transfer);
	/* not the turn in which it changed over */
	if (trial && chan->engine == engine)
		trial_moved(trial, engine == CHAN_SPLICE, transfer->read,
			    measured ? trial_clock() - begun : 0);
	return result;
}
