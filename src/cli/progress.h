/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress: shows the progress of a relay like pv(1): a bar on a terminal, redrawn every second,
 * else a line every 5 s, or a record in JSON. It shows the direction that has transferred more.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/loop.h"
#include "relay/relay.h"

struct progress {
	struct loop *loop;
	const struct relay *relay;
	const char *to; /* the peer, for records */
	uint64_t size; /* the bytes that are 100 %; 0: not known */
	int side; /* the end whose input has that size; -1: whatever moves more */
	bool json;
	struct timer timer;
	uint64_t shown_at, shown_bytes; /* the last time and the bytes shown */
};

/* Shows the progress from now on. Everything it points to must outlive it. size 0: not known;
 * side: see there. */
void progress_start(struct progress *progress, struct loop *loop, const struct relay *relay,
		    const char *to, uint64_t size, int side, bool json);
/* Shows it for the last time, with the average rate, and leaves the line. Call it before
 * relay_close(). Does nothing if it was not started. */
void progress_end(struct progress *progress);

/* The number of bytes left to read of a regular file; 0 for anything else. */
uint64_t progress_input_size(int fd);

#endif
