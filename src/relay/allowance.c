/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/allowance.h"

#include "base/units.h"
#include "relay/loop.h"
#include "relay/relay.h"

/* What one channel may move in one turn, so that none starves another. */
#define TURN_BYTES (1024ULL * 1024)
/* The rate limit lets this much time's worth of bytes through at once. */
#define RATE_BURST (50 * NSEC_PER_MSEC)

/* The rate that is shared with others, or NULL. */
static struct share *share_of(const struct relay_settings *settings)
{
	struct share *share = settings->share;

	return share && share->rate && share->rate != UNITS_INF ? share : NULL;
}

bool allowance_is_size(const struct relay_settings *settings, int side)
{
	return side == !settings->source_first && settings->source_bytes != UNITS_INF &&
	       settings->source_bytes <= settings->max_bytes;
}

static uint64_t bytes_left(const struct chan *chan, const struct transfer *transfer)
{
	const struct relay_settings *settings = transfer->settings;
	uint64_t limit = allowance_is_size(settings, transfer->side) ? settings->source_bytes
								     : settings->max_bytes,
		 gone;

	if (limit == UNITS_INF)
		return UNITS_INF;
	gone = chan->bytes + chan_unsent(chan);
	return limit > gone ? limit - gone : 0;
}

static void limit_to(struct transfer *transfer, uint64_t bytes)
{
	if (bytes >= transfer->allowance)
		return;
	transfer->allowance = bytes;
	transfer->limited = true;
}

/* How much the rate that it shares with others lets it read now. */
static uint64_t turn(struct chan *chan, const struct transfer *transfer)
{
	struct share *share = share_of(transfer->settings);
	uint64_t now = loop_now(transfer->loop);

	if (!chan->has_turn)
		chan->turn_at = share_ask(share, transfer->side, now);
	chan->has_turn = true;
	return chan->turn_at > now ? 0 : share_turn(share);
}

void allowance_set(struct chan *chan, struct transfer *transfer)
{
	uint64_t rate = transfer->settings->rate_limit;

	transfer->allowance = TURN_BYTES;
	transfer->left = bytes_left(chan, transfer);
	limit_to(transfer, transfer->left);
	if (rate != UNITS_INF)
		limit_to(transfer, chan->rate_at > loop_now(transfer->loop)
					   ? 0
					   : rate / (NSEC_PER_SEC / RATE_BURST) + 1);
	if (transfer->allowance && chan->phase == CHAN_OPEN && share_of(transfer->settings))
		limit_to(transfer, turn(chan, transfer));
	transfer->in_turn = chan->has_turn && transfer->allowance;
}

/* Each byte pushes the time when the next may go. */
static void charge(struct chan *chan, const struct transfer *transfer)
{
	uint64_t now = loop_now(transfer->loop), rate = transfer->settings->rate_limit;

	if (rate == UNITS_INF)
		return;
	/* what a pause of the source left unused is not saved up */
	if (chan->rate_at + RATE_BURST < now)
		chan->rate_at = now;
	chan->rate_at += (uint64_t)((double)transfer->read * (double)NSEC_PER_SEC / (double)rate);
}

static void end_turn(struct chan *chan, const struct relay_settings *settings, int side,
		     uint64_t bytes)
{
	if (chan->has_turn)
		share_used(share_of(settings), side, bytes);
	chan->has_turn = false;
}

void allowance_used(struct chan *chan, const struct transfer *transfer)
{
	if (transfer->in_turn)
		end_turn(chan, transfer->settings, transfer->side, transfer->read);
	if (transfer->read)
		charge(chan, transfer);
}

void allowance_end(struct chan *chan, const struct relay_settings *settings, int side)
{
	end_turn(chan, settings, side, 0);
}
