/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chan: one direction of a relay, from one endpoint to the other: its phase, its engine, and the
 * bytes that were read and are not written yet.
 *
 *   OPEN ------END----> DRAINING --HOLD--> HELD -+
 *    |                                           |
 *    +--------FAIL----> FAILING                  |
 *    +--------LIMIT---> LIMITED      all --OVER--+-> ENDED
 *    +--------STOP----> STOPPING
 *
 *   phase      what it means                        what it may wait for        pending bytes
 *   OPEN       reads and writes                     the source                  none, or a part
 *                                                   the destination             any
 *                                                   both of them                some
 *                                                   a time                      any
 *   DRAINING   end of file was read                 the destination, a time     some
 *   FAILING    reading failed                       the destination, a time     some
 *   LIMITED    as much was read as may be           the destination, a time     some
 *   STOPPING   relay_stop() was called              the destination             some
 *   HELD       the end waits to be passed on        nothing (the relay's timer) none
 *   ENDED      nothing more moves                   nothing                     none
 *
 * A part is data that cannot be written yet: the beginning of a line (--message-size line) or of a
 * frame. A channel that waits for its destination may have no pending bytes if the source still
 * holds the data, as a file does. chan.c has both tables; builds with RELAY_CHECK check them after
 * every turn, and abort on a violation.
 */
#ifndef RELAY_CHAN_H
#define RELAY_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct pipe;

enum chan_phase {
	CHAN_OPEN,
	CHAN_DRAINING,
	CHAN_FAILING,
	CHAN_LIMITED,
	CHAN_STOPPING,
	CHAN_HELD,
	CHAN_ENDED,
	CHAN_PHASES
};

/* What changes the phase. */
enum chan_event {
	CHAN_END, /* the source is at end of file, or is treated like that */
	CHAN_FAIL, /* the source failed while bytes are pending */
	CHAN_LIMIT, /* the limit of bytes was read */
	CHAN_STOP, /* relay_stop() */
	CHAN_HOLD, /* all is written, but the destination must be silent before end of file is
		    * passed on
		    */
	CHAN_OVER, /* all is written, or nothing more can or must be written */
	CHAN_EVENTS
};

/* BOTH: the destination is full, but there is still room for data from the source. */
enum chan_wait {
	CHAN_WAITS_SOURCE,
	CHAN_WAITS_DESTINATION,
	CHAN_WAITS_BOTH,
	CHAN_WAITS_TIME,
	CHAN_WAITS_NOTHING,
	CHAN_WAITS
};

enum chan_engine {
	CHAN_COPY,
	CHAN_SPLICE, /* through a pipe of the pool */
	CHAN_STRAIGHT, /* splice to or from a pipe, sendfile */
	CHAN_MESSAGE,
	CHAN_FILTER,
	CHAN_DATAGRAM,
};

/* Pending bytes: read but not written yet. */
struct rest {
	uint32_t start, length, room; /* bytes: their start, their number, and the room in data */
	unsigned char data[];
};

struct chan {
	uint64_t bytes; /* written to the destination */
	/* ns: when it may continue to read or write. Each limit has its own clock, and all must
	 * have expired: the channel's rate, its turn of the shared rate, and the pause between
	 * lines.
	 */
	uint64_t rate_at, turn_at, line_at;
	struct rest *rest; /* pending bytes; owned; NULL: none, as in most channels */
	struct pipe *pipe; /* pending bytes in a pipe (splice), which is taken from the pool only
			      while it holds bytes */
	union {
		uint32_t message_limit; /* the longest message of a seqpacket destination, bytes; 0:
					   not known yet */
		uint32_t dropped; /* datagrams dropped by this channel */
	};
	uint32_t chunk; /* the bytes to read at once */
	uint8_t phase; /* enum chan_phase: only chan_event() changes it */
	uint8_t waits; /* enum chan_wait */
	uint8_t engine; /* enum chan_engine */
	uint8_t source_error; /* why it is FAILING, a positive errno */
	union {
		uint8_t reads_in_row; /* full ones (copy), or small ones (splice) */
		uint8_t drop_error; /* why datagrams were dropped last */
	};
	bool message_kept : 1; /* the pending bytes are one message, which may be empty */
	bool too_long : 1; /* a message is longer than message_limit */
	bool message_ends_record; /* and which is sent with MSG_EOR */
	bool may_splice; /* auto: a transfer that turns out to be large is spliced */
	bool is_large; /* a large transfer: choose_large() */
	bool has_room; /* and its destination's buffer was enlarged */
	bool has_turn; /* of the settings' share: at turn_at */
	/* History, which only decides what is reported and how the ends are closed. */
	bool eof_passed; /* end of file was passed on */
	bool held_out; /* after the destination was silent for half_close */
	bool answered; /* it has sent something since the last byte was written to it */
	bool complete; /* its source ended cleanly, and all of it was written */
	bool cut; /* its destination failed before everything from the source was delivered */
};

/* The phase after an event. */
void chan_event(struct chan *chan, enum chan_event event);
/* Nothing more is read from its source, or written to its destination. */
static inline bool chan_ended(const struct chan *chan)
{
	return chan->phase >= CHAN_HELD;
}
/* Is the channel in a legal state? keeps_parts: its engine may have a part pending. */
bool chan_is_legal(const struct chan *chan, bool keeps_parts);

/* The pending bytes in memory: the first one, how many they are (0: none), and that the first of
 * them are written now. */
const unsigned char *chan_rest(const struct chan *chan, size_t *length);
void chan_rest_written(struct loop *loop, struct chan *chan, size_t length);
/* The same where they were not written as they are: the caller counts what was. */
void chan_rest_taken(struct loop *loop, struct chan *chan, size_t length);
/* Bytes that are pending, in memory or in the pipe. */
uint64_t chan_unsent(const struct chan *chan);
/* Is anything pending, be it a message of no bytes? */
static inline bool chan_pending(const struct chan *chan)
{
	return chan->rest || chan->message_kept || (chan->pipe && chan_unsent(chan));
}
/* When all its clocks have come. */
uint64_t chan_ready_at(const struct chan *chan);
/* Moves what is in the pipe behind what is pending in memory, and gives the pipe back. 0 or
 * -ENOMEM. */
int chan_empty_pipe(struct loop *loop, struct chan *chan);
/* Makes data pending, behind what is already. 0 or -ENOMEM. */
int chan_keep(struct loop *loop, struct chan *chan, const void *data, size_t size);
/* Gives up what is pending and its claim to more room; returns how many bytes are lost by it. */
uint64_t chan_drop(struct loop *loop, struct chan *chan);

#endif
