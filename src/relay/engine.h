/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * engine: the ways to move bytes from a source to a destination. An engine is a few functions that
 * each do one step; relay/transfer calls them and decides what comes next. So the common rules are
 * written once: pending bytes first, no reading beyond a limit, and the handling of end of file.
 *
 * relay/choose picks the engine for a pair; doc/measurements.md has the measurements.
 */
#ifndef RELAY_ENGINE_H
#define RELAY_ENGINE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/endpoint.h"
#include "relay/chan.h"
#include "relay/loop.h"

/* How a step, or the whole transfer, ended. */
enum move {
	MOVE_ON, /* continue: there may be more; a transfer never ends with this */
	MOVE_EMPTY, /* the source has no more data now */
	MOVE_FULL, /* the destination is full; unwritten data is pending in the channel, or still in
		      the source */
	MOVE_AHEAD, /* the same, and the source has no more data now: what it sends next still has
		       room */
	MOVE_BUDGET, /* the budget of the turn is used up; there may be more */
	MOVE_PAUSE, /* a rate limit or the pause between lines stops it for now */
	MOVE_END, /* nothing more will be read, and nothing is pending; chan->phase has the reason
		   */
	MOVE_SOURCE_FAILED, /* transfer->error has the positive errno */
	MOVE_DESTINATION_FAILED, /* likewise; pending bytes are lost */
};

/* One turn of a channel. */
struct transfer {
	struct loop *loop;
	const struct endpoint *source, *destination;
	const struct relay_settings *settings;
	struct relay_extent *extent; /* of the source, or NULL */
	uint64_t allowance; /* bytes that may be read now */
	uint64_t left; /* bytes until --max-bytes */
	uint64_t read; /* bytes read in this turn */
	uint64_t beyond; /* bytes read beyond --max-bytes, and thrown away */
	int side; /* of the source in its relay, for the tap */
	int error;
	bool limited; /* the allowance comes from a limit, not from the budget of a turn */
	bool in_turn; /* the channel has its turn of the shared rate */
	bool hurry; /* the relay is stopping: no pause between lines */
	bool full; /* the destination is full for this turn, and the engine reads ahead */
	bool message; /* a message was read or written in this turn, maybe one of no bytes */
};

struct engine {
	/* Reads at most transfer->allowance bytes, except that a message may be longer, and writes
	 * them or leaves them pending; never more than transfer->left, see engine_beyond(), except
	 * for datagrams. Before the call nothing is pending, except the beginning of a line or
	 * frame, or if transfer->full is set. */
	enum move (*read)(struct chan *chan, struct transfer *transfer);
	/* Writes pending bytes. MOVE_ON: everything that can be written was written. */
	enum move (*write)(struct chan *chan, struct transfer *transfer);
	/* May it read while the destination is full? NULL: never. */
	bool (*room)(const struct chan *chan, const struct transfer *transfer);
	/* Called at the end of a turn; may be NULL. */
	void (*rest)(struct chan *chan, const struct transfer *transfer);
	bool keeps_parts; /* the beginning of a line or frame may be pending while it waits for the
			     source */
};

extern const struct engine engine_copy, engine_splice, engine_straight, engine_message,
	engine_filter, engine_datagram;

/* What the engines share. */

static inline enum move engine_source_failed(struct transfer *transfer, int error)
{
	transfer->error = error;
	return MOVE_SOURCE_FAILED;
}

static inline enum move engine_destination_failed(struct transfer *transfer, int error)
{
	transfer->error = error;
	return MOVE_DESTINATION_FAILED;
}

/* Counts bytes that were read. */
static inline void engine_count(struct transfer *transfer, uint64_t bytes)
{
	transfer->read += bytes;
	transfer->allowance -= bytes < transfer->allowance ? bytes : transfer->allowance;
	transfer->left -= bytes < transfer->left ? bytes : transfer->left;
}

/* The result of a read: MOVE_ON after counting more than 0 bytes, MOVE_END for 0. */
static inline enum move engine_got(struct transfer *transfer, ssize_t got)
{
	if (got == -EAGAIN)
		return MOVE_EMPTY;
	if (got <= 0)
		return got ? engine_source_failed(transfer, (int)-got) : MOVE_END;
	engine_count(transfer, (uint64_t)got);
	return MOVE_ON;
}

/* The source has these bytes more than --max-bytes: they are thrown away, and no more is read. */
static inline enum move engine_beyond(struct chan *chan, struct transfer *transfer, uint64_t bytes)
{
	transfer->beyond += bytes;
	/* the beginning of a line may be pending: it is written now */
	chan_event(chan, CHAN_LIMIT);
	return MOVE_ON;
}

/* Reads one message of a seqpacket source into memory of the loop, which *data points to then: its
 * length, -EAGAIN, another negative errno, or -ENODATA at the end. *flags: MSG_EOR if it ends a
 * record, or 0. */
ssize_t engine_read_message(const struct transfer *transfer, void **data, int *flags);
/* Shows data to the taps. */
void engine_tap(const struct transfer *transfer, const void *data, size_t size);
/* Writes data and leaves the part that does not fit pending. MOVE_ON: all was written. */
enum move engine_write(struct chan *chan, struct transfer *transfer, const void *data, size_t size);
/* Writes all pending bytes. This also works for a message, which is written completely or not at
 * all. */
enum move engine_write_pending(struct chan *chan, struct transfer *transfer);

/* May size more bytes be pending? Inline, because each read asks. */
static inline bool engine_may_keep(const struct transfer *transfer, size_t size)
{
	const struct loop_budget *budget = loop_budget(transfer->loop);

	return budget->used <= budget->limit && size <= budget->limit - budget->used;
}

/* Writes bytes that were only looked at, of asked for, and takes from the source what the
 * destination took, to data again. */
enum move engine_write_seen(struct chan *chan, struct transfer *transfer, unsigned char *data,
			    size_t asked, size_t seen);
/* The smallest of size, --buffer and the limit of one write to the destination. */
size_t engine_at_once(const struct transfer *transfer, uint64_t size);
/* Is a message of size bytes too long for the destination? The kernel is asked only once. */
bool engine_too_long(struct chan *chan, const struct transfer *transfer, size_t size);
/* The window of a vsock socket in bytes. A message must fit into the receiver's window, which is
 * usually the same. */
size_t engine_vsock_window(int fd);

#endif
