/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chan: one direction of a relay, from one endpoint to the other: its engine, what was read and is not written yet, and
 * its state.
 *
 *   OPEN     reads and writes
 *   ENDING   reads no more; what was read is still to be written
 *   ENDED    nothing more moves
 */
#ifndef RELAY_CHAN_H
#define RELAY_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct loop;
struct pipe;

enum chan_state { CHAN_OPEN, CHAN_ENDING, CHAN_ENDED };
/* BOTH: the destination is full, and what the source sends meanwhile still finds room (in a pipe). */
enum chan_wait { CHAN_WAITS_SOURCE, CHAN_WAITS_DESTINATION, CHAN_WAITS_BOTH, CHAN_WAITS_TIME };

/* What was read and is not written yet. */
struct rest {
	uint32_t start, length, room; /* bytes: where it begins, how much it is, what data has room for */
	unsigned char data[];
};

struct chan {
	const struct engine *engine;
	uint64_t bytes;      /* written to the destination */
	uint64_t ready_at;   /* ns: the rate limit lets the next byte through */
	struct rest *rest;   /* read and not written yet; NULL: nothing; owned. Most channels have none, so it costs them nothing */
	struct pipe *pipe;   /* the same in a pipe (splice); from the pool, held only while bytes are in it */
	union {
		uint32_t message_limit; /* bytes of a message, of a seqpacket destination; 0: not asked yet */
		uint32_t dropped;       /* datagrams that got lost here */
	};
	uint32_t chunk; /* how much is read at once */
	uint8_t state;  /* enum chan_state */
	uint8_t waits;  /* enum chan_wait */
	uint8_t full_reads, small_reads; /* in a row */
	bool may_splice;   /* auto: a flow that turns out to be large is spliced */
	bool source_ended; /* end of file was read, but what is kept is not written yet (lines, pipes) */
	uint8_t source_error; /* the same for a source that failed: a positive errno (pipes); why datagrams were dropped last */
	bool eof_passed; /* the end was passed on */
	bool is_large;   /* a large flow: engine_enlarge() */
	bool has_room;   /* and its destination was given more room */
	bool has_turn;   /* of the settings' share: at ready_at */
};

/* What is kept in memory: its first byte, how much it is (0: nothing), and that the first bytes of it are written now. */
const unsigned char *chan_rest(const struct chan *chan, size_t *length);
void chan_rest_written(struct loop *loop, struct chan *chan, size_t length);
/* The same where they were not written as they are: what was is counted by who did. */
void chan_rest_taken(struct loop *loop, struct chan *chan, size_t length);
/* Bytes that were read and are not written, in memory or in the pipe. */
uint64_t chan_unsent(const struct chan *chan);
/* Keeps data for later, behind what is kept already. 0 or -ENOMEM. */
int chan_keep(struct loop *loop, struct chan *chan, const void *data, size_t size);
/* Gives up what is kept and its claim to more room; returns how many bytes are lost by it. */
uint64_t chan_drop(struct loop *loop, struct chan *chan);

#endif
