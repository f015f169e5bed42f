/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay: moves bytes between two endpoints in both directions until both have ended.
 *
 * Theory of operation: there are two channels, chan[i] from end[i] to end[!i]. Each ends
 * separately: when its source is at end of file and everything read has been written, end of file
 * is passed on with shutdown(SHUT_WR), and the other channel continues. There are
 * timers for limits that options set, for the second in the last row of this table, and for closing
 * a TCP socket whose last bytes may not have arrived. What epoll watches is computed from the
 * channels' state by one pure function, relay_events(), and applied in one place.
 *
 *   source at end of file      its channel ends, and the end is passed on
 *   source fails               both channels end, and the destination is told by an abort
 *   destination fails          its channel ends, and the source is told by SHUT_RD; what the
 *                              destination sent is still read
 *   peer closed for good       the channel towards it ends, where that can be told from a
 *                              half-close (vsock, UNIX)
 *   end of file towards a UDP  both channels end, because it has no halves
 *   flow (ENDPOINT_FLOW)
 *   reader of standard output  both channels end as soon as there is something to write, or if
 *   gone                       the peer has not ended after a second
 *
 * relay/chan.h has the phases of a channel and the events that change them; relay/transfer runs a
 * turn.
 *
 * An endpoint with half_close (hybrid vsock) may close both directions when one is shut down, and
 * discard its answer. So end of file is passed on only after it has been silent for that time. If
 * it then closes without having sent anything since the last byte it received, its answer may have
 * been lost, which END_UNANSWERED reports for a target, and where the other end is standard input.
 *
 * Memory: an idle relay uses only its struct; a stalled one also the data of one read (at most
 * settings->buffer, or 1 MiB) or one pipe, in each direction.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "net/explain.h"
#include "relay/chan.h"
#include "relay/loop.h"
#include "relay/share.h"

struct relay;

/* Receives a copy of the data read from end[side], before it is sent, and its end of file. With a
 * tap nothing is spliced. */
struct relay_tap {
	void (*data)(struct relay_tap *tap, int side, const void *data, size_t size);
	void (*end)(struct relay_tap *tap, int side); /* NULL: not needed */
	struct relay_tap *next; /* receives the same; NULL: none */
};

/* The default of --message-size: the most bytes of a message made from a stream. */
#define RELAY_MESSAGE_SIZE (64U * 1024)

/* Changes data from standard input before it is sent. Writes at most 2 * size bytes to out, and
 * returns how many. */
struct relay_filter {
	size_t (*pass)(struct relay_filter *filter, const unsigned char *in, size_t size,
		       unsigned char *out);
};

/* Decides where the input of end[0] ends, if that is not its end of file. */
struct relay_extent {
	/* Returns how many of these bytes, which come next, belong to the input. If look is set,
	 * they are not read yet, and nothing changes. */
	size_t (*take)(struct relay_extent *extent, const void *data, size_t size, bool look);
	const char *why; /* take() sets it where it returns less than size, unless look is set; a
			    constant */
	bool bad; /* because the input is malformed: the relay fails */
};

struct relay_settings {
	uint64_t idle_timeout, half_close_timeout, max_time; /* ns; UNITS_INF: none */
	uint64_t max_bytes; /* in either direction; UNITS_INF: no limit */
	uint64_t rate_limit; /* bytes per second in each direction; UNITS_INF: no limit */
	struct share *share; /* the caller's rate limit of several relays; NULL: none */
	uint64_t source_bytes; /* the input of end[1] ends after these bytes; UNITS_INF: at end of
				  file. The owner may set it while the relay runs: relay_wake() */
	bool source_first; /* source_bytes is about end[0] instead */
	uint64_t buffer; /* the most bytes read at once; 0: 64 KiB, growing to 1 MiB */
	uint64_t message_size; /* a stream to seqpacket is divided into messages of at most these
				  bytes; 0: 64 KiB */
	bool message_lines; /* or at each line end */
	const char *message_text; /* --message-size as written, or NULL */
	unsigned engine; /* enum engine_setting */
	bool no_shutdown; /* do not pass on end of file */
	/* Called once, when one of two channels has ended and the other goes on. It must not end
	 * the relay. NULL: not needed. */
	void (*half_over)(struct loop *loop, struct relay *relay);
	bool datagrams; /* at one end or both: then idle_timeout is a normal end */
	struct relay_tap *tap; /* NULL: none */
	struct relay_filter *filter; /* NULL: none */
	uint64_t line_delay; /* ns between lines from standard input; 0: none */
};

/* No limits, engine auto. */
extern const struct relay_settings relay_defaults;

/* Why a relay ended. */
enum relay_end {
	END_NONE, /* not started, or still running */
	END_EOF, /* both directions ended cleanly */
	END_IDLE,
	END_HALF_CLOSE,
	END_MAX_TIME,
	END_MAX_BYTES,
	END_RESET, /* a side broke: see error and error_side */
	END_LOST, /* a side closed before everything read for it was written; with the error 0 it
		     was the half-close timeout, or the grace of relay_side_over() */
	END_UNANSWERED, /* end[1] closed without an answer after end of file was passed on */
	END_OUTPUT, /* the reader of standard output is gone, and more was to come */
	END_IO, /* reading or writing failed otherwise */
	END_SHORT, /* this machine ran out of memory, for which neither side is to blame */
	END_STOP, /* relay_stop() */
};

struct relay {
	const struct relay_settings *settings;
	void (*done)(
		struct loop *loop,
		struct relay *relay); /* called once, when both channels have ended; the endpoints
					 are still open until the owner calls relay_close() */
	struct endpoint end[2];
	struct chan chan[2];
	struct watch watch[2]; /* of end[i].in, and of end[i].out if it is the same */
	struct relay_outputs *outputs; /* of ends that are standard output, or have another
					  descriptor for their output; owned; or NULL */
	struct timer timer;
	uint64_t started; /* ns */
	uint64_t moved; /* ns: when bytes last moved, or when the pause ends that it makes now, for
			   a rate or between two lines, which is not idle time */
	uint64_t held_since; /* ns: since when the end of file being held could be passed on */
	uint64_t half_closed; /* ns: when the first channel ended; 0: not yet */
	uint64_t linger_until; /* ns: both channels have ended, but the end of an answer that is
				  still on its way is waited for until then; 0: no */
	uint64_t stop_at; /* ns: the deadline of relay_stop() or relay_side_over(); 0: not called */
	uint64_t lost; /* bytes read but not written */
	int error; /* positive errno of the first error, or 0 */
	uint8_t error_side; /* the end with that error */
	uint8_t result; /* enum relay_end */
	bool error_read : 1; /* the error came from reading */
	bool over : 1;
	bool half_told : 1; /* settings->half_over() was called */
	bool side_over : 1; /* relay_side_over() was called */
	struct relay_extent *extent; /* the owner's; NULL: none */
};

/* Starts a relay over two endpoints, which it then owns. settings must outlive it. connected is the
 * watch with which end[1] was dialled, whose registration it takes over, or NULL. 0, or a negative
 * errno, and nothing was taken over. */
int relay_start(struct loop *loop, struct relay *relay, const struct endpoint end[2],
		const struct relay_settings *settings, struct watch *connected,
		void (*done)(struct loop *loop, struct relay *relay));
/* Stops reading, writes pending bytes and then calls done(), at the latest after grace ns. */
void relay_stop(struct loop *loop, struct relay *relay, uint64_t grace);
/* What end[side] stands for is over, as a command whose terminal other processes keep open. Its
 * output counts as ended: what was read of it is written within grace ns, and then the end is
 * passed on. Its input is dropped, which is not an error. */
void relay_side_over(struct loop *loop, struct relay *relay, int side, uint64_t grace);
/* Sends our own data to end[!side], after what was read from end[side]. Must not be called from a
 * tap or a filter. 0, -ENOMEM, or -EPIPE if that direction has ended. */
int relay_insert(struct loop *loop, struct relay *relay, int side, const void *data, size_t size);
/* Directly after relay_start(): the input of end[0], which must be a socket, ends where extent
 * says, as if its end of file came there. What comes after that is thrown away, and then no more is
 * read.
 */
void relay_bound(struct relay *relay, struct relay_extent *extent);
/* Data has arrived for end[side], an ENDPOINT_FLOW, which is not watched, or settings->source_bytes
 * has become known. It is read now if there is room for it. */
void relay_wake(struct loop *loop, struct relay *relay, int side);
/* The number of datagrams dropped in both directions. */
uint64_t relay_dropped(const struct relay *relay);
/* Closes everything: after done(), or at any time to end the relay without done(). */
void relay_close(struct loop *loop, struct relay *relay);

/* The events to watch on end[side], for its input, its output or both. A pure function. */
uint32_t relay_events(const struct relay *relay, int side, bool in, bool out);

/* How it ended, for records: eof idle half-close max-time max-bytes reset unanswered io signal … */
const char *relay_end_word(const struct relay *relay);
/* What its error means. The text is valid until the next call. */
const char *relay_why(const struct relay *relay);

#endif
