/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay: moves bytes between two endpoints, both ways, until both ways have ended.
 *
 * Theory of operation: two channels, chan[i] from end[i] to end[!i]. Each ends by itself: when its source is at end of
 * file and everything that was read has been written, the destination is told by shutdown(SHUT_WR), and the other channel
 * goes on. No timer is involved unless one is asked for. What epoll watches is computed from the channels' state by one
 * pure function, relay_events(), and applied in one place.
 *
 *   source at end of file      its channel ends, the end is passed on
 *   source fails (reset)       the same, and the channel towards it ends too
 *   destination fails          its channel ends, the source is told by SHUT_RD; what the destination sent is still read
 *   end of file towards a flow of datagrams (ENDPOINT_FLOW): it has no halves, so both end
 *   peer closed for good       where that can be told from a half-close (vsock, UNIX): the channel towards it ends
 *
 * Memory: an idle relay costs its struct; a stalled one what one read brought (at most settings->buffer, or 1 MiB) or one
 * pipe, in each direction.
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

/* Is shown what goes by: data that was read from end[side] and is sent next, and the end of file there. Where there is one
 * nothing is spliced. */
struct relay_tap {
	void (*data)(struct relay_tap *tap, int side, const void *data, size_t size);
	void (*end)(struct relay_tap *tap, int side); /* NULL: it does not want to know */
	struct relay_tap *next; /* is shown the same; NULL: none */
};
/* For the engines: shows it to tap and to those behind it; tap may be NULL. */
void relay_tap_data(struct relay_tap *tap, int side, const void *data, size_t size);

/* Changes what is read from standard input before it is sent. Puts at most 2 * size bytes to out, and returns how many. */
struct relay_filter {
	size_t (*pass)(struct relay_filter *filter, const unsigned char *in, size_t size, unsigned char *out);
};

struct relay_settings {
	uint64_t idle_timeout, half_close_timeout, max_time; /* ns; UNITS_INF: none */
	uint64_t max_bytes;  /* in either direction; UNITS_INF: no limit */
	uint64_t rate_limit; /* bytes a second, each direction; UNITS_INF: no limit */
	struct share *share; /* of this relay and others: the caller's; NULL: none */
	uint64_t source_bytes; /* the input of end[1] ends after so many bytes; UNITS_INF: when it ends */
	uint64_t buffer;     /* most that is read at once; 0: 64 KiB, growing to 1 MiB */
	uint64_t message_size; /* a stream to seqpacket is cut into messages of so many bytes; 0: 64 KiB */
	bool message_lines;    /* or at each line end */
	const char *message_text; /* --message-size as written, or NULL */
	unsigned engine;     /* enum engine_setting */
	bool no_shutdown;    /* don't pass on the end of a direction */
	bool datagrams;      /* at one end or both: they end by idle_timeout, which is no failure then */
	struct relay_tap *tap; /* NULL: none */
	struct relay_filter *filter; /* NULL: none */
	uint64_t line_delay; /* ns between lines from standard input; 0: none */
};

/* All without limits, auto. */
extern const struct relay_settings relay_defaults;

/* Why a relay ended. */
enum relay_end {
	END_EOF,
	END_IDLE,
	END_HALF_CLOSE,
	END_MAX_TIME,
	END_MAX_BYTES,
	END_RESET, /* a side broke: error and side tell */
	END_LOST,  /* a side closed before everything that was read for it was written */
	END_OUTPUT, /* standard output was closed by who read it */
	END_IO,    /* reading or writing failed otherwise */
	END_STOP,  /* relay_stop() */
};

struct relay {
	const struct relay_settings *settings;
	void (*done)(struct loop *loop, struct relay *relay); /* called once, when both channels have ended; the endpoints
	                                                         are still open, and relay_close() is the owner's */
	struct endpoint end[2];
	struct chan chan[2];
	struct watch watch[2];     /* of end[i].in, and of end[i].out where it is the same */
	struct relay_outputs *outputs; /* the watches of end[i].out where it is another descriptor; owned; NULL: nowhere */
	struct timer timer;
	uint64_t started, moved; /* ns: when it began, when bytes last moved */
	uint64_t half_closed;    /* ns: when the first channel ended; 0: not yet */
	uint64_t stop_at;        /* ns: relay_stop() waits until then; 0: was not called */
	uint64_t lost;           /* bytes that were read and could not be written */
	int error;               /* positive errno of what went wrong first, or 0 */
	uint8_t error_side;      /* on which end */
	uint8_t result;          /* enum relay_end */
	bool over;
};

/* Starts a relay over two endpoints that it now owns. settings must outlive it. connected is the watch with which end[1] was
 * dialled: its registration is taken over; NULL where there is none. 0 or a negative errno (then nothing was taken over). */
int relay_start(struct loop *loop, struct relay *relay, const struct endpoint end[2], const struct relay_settings *settings,
                struct watch *connected, void (*done)(struct loop *loop, struct relay *relay));
/* Reads no more; what was read is written; done() is called when it is, at the latest after grace ns. */
void relay_stop(struct loop *loop, struct relay *relay, uint64_t grace);
/* Sends something of our own to end[!side], behind what was read from end[side]. Not from within a tap or a filter. 0,
 * -ENOMEM, or -EPIPE where that direction has ended. */
int relay_insert(struct loop *loop, struct relay *relay, int side, const void *data, size_t size);
/* end[side], an ENDPOINT_FLOW, which nobody watches, has something to be read. It is read now if there is room for it. */
void relay_wake(struct loop *loop, struct relay *relay, int side);
/* Datagrams that got lost in either direction; 0 where there are none. */
uint64_t relay_dropped(const struct relay *relay);
/* Closes everything. After done(), or at any time to end it without done(). */
void relay_close(struct loop *loop, struct relay *relay);

/* What epoll is to watch on end[side]: pure. in and out tell which descriptors of it are meant. */
uint32_t relay_events(const struct relay *relay, int side, bool in, bool out);

/* The word for records: eof idle half-close max-time max-bytes reset io signal … */
const char *relay_end_word(const struct relay *relay);

#endif
