/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flows: a bound UDP socket and who sends to it. The datagrams of one source to one of our addresses are a flow, which is served
 * as a connection is: it becomes a session, and an endpoint of its relay.
 *
 * Theory of operation: a flow is found in a hash table by its source's address and ours. Who isn't in it is a newcomer: its
 * owner is asked whether one more may come, and then gets it. A flow keeps its first datagrams, as frames (relay/datagram),
 * until its relay begins; from then on each datagram is offered to the relay (relay_wake()), which takes it at once or
 * never: nothing waits here, and nobody is held up. What is not taken is dropped and counted.
 *
 * A flow that ends without a relay, for it was refused or its target can't be reached, stays for a second and swallows what its
 * source still sends: else each datagram would be another attempt and another line of the log.
 *
 * When the owner closes, the socket stays for the flows that there are, so that answers still get out; a flow that was
 * quiet for a second is ended then.
 */
#ifndef SERVE_FLOWS_H
#define SERVE_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "net/peer.h"
#include "relay/loop.h"
#include "relay/relay.h"

struct flow;
struct flows;

struct flows_owner {
	uint64_t dropped; /* datagrams of who was not let in, or is too much */
	/* May one more come? */
	bool (*may_come)(struct flows_owner *owner);
	/* It came: flow is the owner's, until flow_end(). */
	void (*came)(struct flows_owner *owner, struct flow *flow, const struct peer *peer);
};

/* Takes a bound UDP socket over; reads nothing before flows_serve(). NULL: out of memory. */
struct flows *flows_start(struct loop *loop, int fd, struct flows_owner *owner);
/* 0 or a negative errno. Once is enough. */
int flows_serve(struct flows *flows);
/* The owner is gone. The flows go on, without it; when the last has ended all is closed. shared: another process has the
 * socket too and reads it from now on, so here only what the targets still answer is sent. */
void flows_release(struct flows *flows, bool shared);

/* What it is for a relay: end[0]. */
struct endpoint flow_endpoint(struct flow *flow);
/* Its relay has begun, and gets what was kept. Calls of the relay's done() may follow from here. */
void flow_relaying(struct flow *flow, struct relay *relay);
/* Datagrams that it has dropped before it had a relay, which counts them from then on. */
uint64_t flow_dropped(const struct flow *flow);
/* It is over. */
void flow_end(struct flow *flow);

#endif
