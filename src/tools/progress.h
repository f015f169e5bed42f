/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress: how far a relay is, as pv(1) shows it: a bar on a terminal, redrawn each second, else a line every 5 s, or a
 * record in JSON. What is shown is the direction in which more has moved.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/loop.h"
#include "relay/relay.h"

struct progress {
	struct loop *loop;
	const struct relay *relay;
	const char *to; /* the peer, for records */
	uint64_t size;  /* what 100 % is; 0: not known */
	bool json;
	struct timer timer;
	uint64_t shown_at, shown_bytes; /* when it was last shown */
};

/* Shows the progress from now on; all that is pointed to must outlive it. size 0: not known. */
void progress_start(struct progress *progress, struct loop *loop, const struct relay *relay, const char *to, uint64_t size,
                    bool json);
/* The last time, with the average rate; the line stays. Before relay_close(). Harmless where it was not started. */
void progress_end(struct progress *progress);

/* How many bytes are left to read of a regular file; 0 of anything else. */
uint64_t progress_input_size(int fd);

#endif
