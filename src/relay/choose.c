/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/choose.h"

#include "net/addr.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "relay/trial.h"

static bool can_splice(const struct endpoint *source, const struct endpoint *destination)
{
	/* descriptors that were inherited may be blocking, and SPLICE_F_NONBLOCK covers only the
	 * pipe */
	bool to_socket = destination->out_kind == ENDPOINT_SOCKET && !destination->inherited;

	if (source->in_kind == ENDPOINT_FILE)
		return to_socket;
	return (source->in_kind == ENDPOINT_PIPE ||
		(source->in_kind == ENDPOINT_SOCKET && !source->inherited)) &&
	       (to_socket || destination->out_kind == ENDPOINT_PIPE);
}

enum way { COPIED, SPLICED, TRIED };

/*
 * How large flows of a pair go. Measured, see doc/measurements.md: between UNIX sockets, between
 * TCP sockets and from TCP to UNIX splice is real zero-copy and wins everywhere, and to vsock it
 * saves one copy of two; from UNIX to TCP it makes small segments; from vsock it depends on the
 * machine.
 */
static enum way way_of(const struct endpoint *source, const struct endpoint *destination)
{
	static const uint8_t ways[][ADDR_UNIX + 1] = {
		[ADDR_VSOCK] = { [ADDR_VSOCK] = TRIED, [ADDR_TCP] = TRIED, [ADDR_UNIX] = TRIED },
		[ADDR_TCP] = { [ADDR_VSOCK] = SPLICED,
			       [ADDR_TCP] = SPLICED,
			       [ADDR_UNIX] = SPLICED },
		[ADDR_UNIX] = { [ADDR_VSOCK] = SPLICED,
				[ADDR_TCP] = COPIED,
				[ADDR_UNIX] = SPLICED },
	};

	return source->family <= ADDR_UNIX && destination->family <= ADDR_UNIX
		       ? ways[source->family][destination->family]
		       : COPIED;
}

/* All pairs that are tried come from vsock. */
struct trial *choose_trial(const struct transfer *transfer)
{
	if (way_of(transfer->source, transfer->destination) != TRIED)
		return NULL;
	return &loop_trials(transfer->loop)[transfer->destination->family - ADDR_VSOCK];
}

bool choose_splice(const struct transfer *transfer)
{
	const struct trial *trial = choose_trial(transfer);

	return !trial || trial_splice(trial);
}

/* Is what comes from standard input changed or delayed? */
static bool is_changed(const struct endpoint *source, const struct relay_settings *settings)
{
	return source->standard && (settings->filter || settings->line_delay);
}

unsigned choose_engine(const struct endpoint *source, const struct endpoint *destination,
		       const struct relay_settings *settings, bool *may_splice)
{
	/* a tap must see the data */
	unsigned setting = settings->tap ? ENGINE_COPY : settings->engine;

	*may_splice = false;
	if (is_changed(source, settings))
		return CHAN_FILTER;
	if (endpoint_is_datagrams(source->in_kind) || endpoint_is_datagrams(destination->out_kind))
		return CHAN_DATAGRAM;
	if (source->in_kind == ENDPOINT_MESSAGES)
		return CHAN_MESSAGE;
	if (endpoint_takes_messages(destination))
		return settings->message_lines ? CHAN_FILTER : CHAN_MESSAGE;
	if (setting == ENGINE_COPY || !can_splice(source, destination))
		return CHAN_COPY;
	/* straight to or from a pipe: one system call instead of two, whatever the size */
	if (source->in_kind == ENDPOINT_PIPE || destination->out_kind == ENDPOINT_PIPE)
		return CHAN_STRAIGHT;
	if (source->in_kind == ENDPOINT_FILE)
		return setting == ENGINE_AUTO && destination->family == ADDR_VSOCK ? CHAN_COPY
										   : CHAN_STRAIGHT;
	if (setting == ENGINE_SPLICE)
		return CHAN_SPLICE;
	*may_splice = way_of(source, destination) != COPIED;
	return CHAN_COPY;
}

/*
 * How much a UNIX destination may hold, measured with 1 and 8 connections (doc/measurements.md):
 * its default of 208 KiB makes TCP, which has more in flight, wait; between UNIX sockets more than
 * this only pushes the bytes out of the processor's cache. A reader that stalls keeps all of it in
 * the kernel's memory, so few have it at a time.
 */
#define ROOM (1024 * 1024)
#define ROOM_FROM_UNIX (208 * 1024)
#define ROOMY_MOST 16

void choose_large(struct chan *chan, const struct transfer *transfer)
{
	struct loop_budget *budget = loop_budget(transfer->loop);

	chan->is_large = true;
	endpoint_ask_much(transfer->source, ROOM);
	if (transfer->destination->family == ADDR_UNIX &&
	    transfer->destination->out_kind == ENDPOINT_SOCKET) {
		if (budget->roomy == ROOMY_MOST)
			return;
		budget->roomy++;
		chan->has_room = true;
	}
	endpoint_expect_much(transfer->destination,
			     transfer->source->family == ADDR_UNIX ? ROOM_FROM_UNIX : ROOM);
}
