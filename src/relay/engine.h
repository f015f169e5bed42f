/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * engine: how bytes get from a source to a destination. Two of them, behind one function; see HACKING.md for what was
 * measured, and engine_choose() for which pair gets which.
 */
#ifndef RELAY_ENGINE_H
#define RELAY_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "relay/chan.h"

enum engine_setting { ENGINE_AUTO, ENGINE_COPY, ENGINE_SPLICE };

/* Why an engine stopped. Before all but MOVE_FULL and MOVE_AHEAD everything that was read has been written. */
enum move {
	MOVE_EMPTY,   /* the source has nothing more now */
	MOVE_FULL,    /* the destination takes no more now; what was read and not written is kept in the channel, or the source has it */
	MOVE_AHEAD,   /* the same, and the source has nothing more now: what it sends next still has room */
	MOVE_BUDGET,  /* as much as one turn may move; there may be more */
	MOVE_PAUSE,   /* the rate limit or the limit of bytes says no more now */
	MOVE_ON,      /* goes on with another engine, chan->engine: between engines only, the relay never sees it */
	MOVE_END,     /* end of file */
	MOVE_SOURCE_FAILED,      /* flow->error tells, a positive errno */
	MOVE_DESTINATION_FAILED, /* likewise; what was read and not written is lost: flow->lost bytes */
};

/* What one turn of an engine works with. */
struct flow {
	struct loop *loop;
	const struct endpoint *source, *destination;
	const struct relay_settings *settings;
	uint64_t allowance; /* bytes that may be read now */
	bool limited;       /* allowance comes from a limit, not from the budget */
	int side;           /* of the source in its relay, for the tap */
	uint64_t read;      /* bytes that were read in this turn */
	int error;
};

struct engine {
	const char *name;
	enum move (*move)(struct chan *chan, struct flow *flow);
};

extern const struct engine engine_copy, engine_splice, engine_message, engine_filter, engine_datagram;

/* What the engines that read into memory share. The last two return MOVE_EMPTY when all went, MOVE_FULL when something is
 * kept, or MOVE_DESTINATION_FAILED. A message is taken whole or not at all, so these do for messages too. */
/* The first length bytes of what is kept, by one write: MOVE_EMPTY when some of them went, or as above. */
enum move engine_write_kept(struct chan *chan, struct flow *flow, size_t length);
enum move engine_write_rest(struct chan *chan, struct flow *flow);
enum move engine_write(struct chan *chan, struct flow *flow, const unsigned char *data, size_t size);
/* A message of length 0; to a stream that is nothing. */
enum move engine_write_empty(struct flow *flow);

/* A turn of the channel's engine. */
enum move engine_move(struct chan *chan, struct flow *flow);
/* Should a flow that may be spliced, and turned out to be worth it, be spliced now? */
bool engine_wants_splice(const struct flow *flow);

/* A flow of which so many bytes were written is a large one. */
#define ENGINE_LARGE_FLOW (1024 * 1024)
/* To be called once when it is: what the kernel can do better for it. */
void engine_enlarge(struct chan *chan, const struct flow *flow);

/* The engine that a channel begins with; setting is enum engine_setting. *may_splice: the copy engine hands it over to the
 * splice engine when the flow turns out to be large. */
const struct engine *engine_choose(const struct endpoint *source, const struct endpoint *destination, unsigned setting,
                                   bool *may_splice);

#endif
