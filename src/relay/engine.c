/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/engine.h"

#include "net/addr.h"
#include "relay/loop.h"
#include "relay/trial.h"

static bool can_splice(const struct endpoint *source, const struct endpoint *destination)
{
	/* descriptors that were inherited may be blocking, and SPLICE_F_NONBLOCK covers only the pipe */
	bool to_socket = destination->out_kind == ENDPOINT_SOCKET && !destination->inherited;

	if (source->in_kind == ENDPOINT_FILE)
		return to_socket;
	return (source->in_kind == ENDPOINT_PIPE || (source->in_kind == ENDPOINT_SOCKET && !source->inherited)) &&
	       (to_socket || destination->out_kind == ENDPOINT_PIPE);
}

enum way { COPIED, SPLICED, TRIED };

/*
 * How large flows of a pair go. Measured, see HACKING.md ("Engines"): between UNIX sockets, between TCP sockets and from TCP to
 * UNIX splice is real zero-copy and wins everywhere, and to vsock it saves one copy of two; from UNIX to TCP it makes small
 * segments; from vsock it depends on the machine.
 */
static enum way way_of(const struct endpoint *source, const struct endpoint *destination)
{
	static const uint8_t ways[][ADDR_UNIX + 1] = {
		[ADDR_VSOCK] = { [ADDR_VSOCK] = TRIED, [ADDR_TCP] = TRIED, [ADDR_UNIX] = TRIED },
		[ADDR_TCP] = { [ADDR_VSOCK] = SPLICED, [ADDR_TCP] = SPLICED, [ADDR_UNIX] = SPLICED },
		[ADDR_UNIX] = { [ADDR_VSOCK] = SPLICED, [ADDR_TCP] = COPIED, [ADDR_UNIX] = SPLICED },
	};

	return source->family <= ADDR_UNIX && destination->family <= ADDR_UNIX ? ways[source->family][destination->family] : COPIED;
}

/* NULL: nothing is tried on this pair. All that are come from vsock. */
static struct trial *trial_of(const struct flow *flow)
{
	if (way_of(flow->source, flow->destination) != TRIED)
		return NULL;
	return &loop_trials(flow->loop)[flow->destination->family - ADDR_VSOCK];
}

bool engine_wants_splice(const struct flow *flow)
{
	const struct trial *trial = trial_of(flow);

	return !trial || trial_splice(trial);
}

enum move engine_move(struct chan *chan, struct flow *flow)
{
	struct trial *trial = chan->may_splice && chan->is_large ? trial_of(flow) : NULL;
	const struct engine *engine = chan->engine;
	bool measured = trial && trial_runs(trial);
	uint64_t begun = measured ? trial_clock() : 0;
	enum move result = engine->move(chan, flow);

	/* not the move in which it changed over */
	if (trial && chan->engine == engine)
		trial_moved(trial, engine == &engine_splice, flow->read, measured ? trial_clock() - begun : 0);
	return result;
}

const struct engine *engine_choose(const struct endpoint *source, const struct endpoint *destination, unsigned setting,
                                   bool *may_splice)
{
	*may_splice = false;
	if (endpoint_is_datagrams(source->in_kind) || endpoint_is_datagrams(destination->out_kind))
		return &engine_datagram;
	if (source->in_kind == ENDPOINT_MESSAGES || endpoint_takes_messages(destination))
		return &engine_message;
	if (setting == ENGINE_COPY || !can_splice(source, destination))
		return &engine_copy;
	/* straight to or from a pipe: one system call instead of two, whatever the size */
	if (setting == ENGINE_SPLICE || source->in_kind == ENDPOINT_PIPE || destination->out_kind == ENDPOINT_PIPE)
		return &engine_splice;
	if (source->in_kind == ENDPOINT_FILE)
		return destination->family == ADDR_VSOCK ? &engine_copy : &engine_splice;
	*may_splice = way_of(source, destination) != COPIED;
	return &engine_copy;
}

/*
 * How much a UNIX destination may hold, measured with 1 and 8 connections (HACKING.md, engines): its default of 208 KiB
 * makes TCP, which has more in flight, wait; between UNIX sockets more than this only pushes the bytes out of the
 * processor's cache. A reader that stalls keeps all of it in the kernel's memory, so few have it at a time.
 */
#define ROOM (1024 * 1024)
#define ROOM_FROM_UNIX (208 * 1024)
#define ROOMY_MOST 16

void engine_enlarge(struct chan *chan, const struct flow *flow)
{
	struct loop_budget *budget = loop_budget(flow->loop);

	chan->is_large = true;
	endpoint_ask_much(flow->source, ROOM);
	if (flow->destination->family == ADDR_UNIX && flow->destination->out_kind == ENDPOINT_SOCKET) {
		if (budget->roomy == ROOMY_MOST)
			return;
		budget->roomy++;
		chan->has_room = true;
	}
	endpoint_expect_much(flow->destination, flow->source->family == ADDR_UNIX ? ROOM_FROM_UNIX : ROOM);
}
