/* SPDX-License-Identifier: GPL-3.0-or-later */
/* choose: picks the engine for a pair of endpoints, and raises buffer sizes for a large transfer.
 * doc/measurements.md has the measurements behind it. */
#ifndef RELAY_CHOOSE_H
#define RELAY_CHOOSE_H

#include <stdbool.h>

#include "relay/engine.h"

enum engine_setting { ENGINE_AUTO, ENGINE_COPY, ENGINE_SPLICE };

struct relay_settings;
struct trial;

/* The engine (enum chan_engine) that a channel starts with. *may_splice: it starts with copy, and
 * changes to splice once the transfer turns out to be large. */
unsigned choose_engine(const struct endpoint *source, const struct endpoint *destination,
		       const struct relay_settings *settings, bool *may_splice);
/* The trial for this pair; NULL: none. */
struct trial *choose_trial(const struct transfer *transfer);
/* Should a large transfer that may be spliced be spliced now? */
bool choose_splice(const struct transfer *transfer);

/* A transfer is large once this many bytes were written. */
#define CHOOSE_LARGE_FLOW (1024 * 1024)
/* To be called once for a large transfer: raises buffer sizes. */
void choose_large(struct chan *chan, const struct transfer *transfer);

#endif
