/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/engine.h"

#include "net/addr.h"
#include "relay/loop.h"

static bool can_splice(const struct endpoint *source, const struct endpoint *destination)
{
	/* descriptors that were inherited may be blocking, and SPLICE_F_NONBLOCK covers only the pipe */
	bool to_socket = destination->out_kind == ENDPOINT_SOCKET && !destination->inherited;

	if (source->in_kind == ENDPOINT_FILE)
		return to_socket;
	return (source->in_kind == ENDPOINT_PIPE || (source->in_kind == ENDPOINT_SOCKET && !source->inherited)) &&
	       (to_socket || destination->out_kind == ENDPOINT_PIPE);
}

/*
 * Which pairs are spliced. Measured, see HACKING.md ("Engines"): between UNIX sockets, between TCP sockets and from TCP to
 * UNIX it is real zero-copy and wins everywhere, and to vsock it saves one copy of two; from vsock splice allocates pages
 * for the length asked for, and from UNIX to TCP it makes small segments.
 */
static bool splice_pays(const struct endpoint *source, const struct endpoint *destination)
{
	if (source->family == ADDR_TCP)
		return destination->family == ADDR_TCP || destination->family == ADDR_UNIX || destination->family == ADDR_VSOCK;
	return source->family == ADDR_UNIX && (destination->family == ADDR_UNIX || destination->family == ADDR_VSOCK);
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
	*may_splice = splice_pays(source, destination);
	return &engine_copy;
}

/*
 * How much a UNIX destination may hold, measured with 1 and 8 connections (HACKING.md, engines): its default of 208 KiB makes TCP,
 * which has more in flight, wait; between UNIX sockets more than this only pushes the bytes out of the processor's cache. A
 * reader that stalls keeps all of it in the kernel's memory, so few have it at a time.
 */
#define ROOM (1024 * 1024)
#define ROOM_FROM_UNIX (208 * 1024)
#define ROOMY_MOST 16

void engine_enlarge(struct chan *chan, const struct flow *flow)
{
	struct loop_budget *budget = loop_budget(flow->loop);

	chan->is_large = true;
	if (flow->destination->family == ADDR_UNIX && flow->destination->out_kind == ENDPOINT_SOCKET) {
		if (budget->roomy == ROOMY_MOST)
			return;
		budget->roomy++;
		chan->has_room = true;
	}
	endpoint_expect_much(flow->destination, flow->source->family == ADDR_UNIX ? ROOM_FROM_UNIX : ROOM);
}
