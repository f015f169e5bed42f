/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer: one turn of a channel: the driver of all engines. */
#ifndef RELAY_TRANSFER_H
#define RELAY_TRANSFER_H

#include "relay/engine.h"

/* Runs a turn. Never returns MOVE_ON. */
enum move transfer_run(struct chan *chan, struct transfer *transfer);
/* May a partial line or frame be pending in the channel's engine? */
bool transfer_keeps_parts(const struct chan *chan);

#endif
