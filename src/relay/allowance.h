/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allowance: how much a channel may read in a turn: its budget, and the limits of bytes and rate.
 */
#ifndef RELAY_ALLOWANCE_H
#define RELAY_ALLOWANCE_H

#include "relay/engine.h"

/* Computes the allowance of a transfer whose other fields are set. */
void allowance_set(struct chan *chan, struct transfer *transfer);
/* The turn is over: counts what was read. */
void allowance_used(struct chan *chan, const struct transfer *transfer);
/* The channel has ended: gives back its turn of the shared rate, if it has one. */
void allowance_end(struct chan *chan, const struct relay_settings *settings, int side);
/* Is the limit of the channel from side a size that its source has (source_bytes), so that reaching
 * it is the end of the input? Otherwise it is --max-bytes, and only more than that is too much. */
bool allowance_is_size(const struct relay_settings *settings, int side);

#endif
