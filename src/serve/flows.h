/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flows: divides the datagrams of a bound UDP socket into flows. A UDP flow is what one source
 * sends to one of our addresses. It is served like a connection: it becomes a session, and an
 * endpoint of its relay.
 *
 * Theory of operation: a hash table finds the flow by its source's address and ours. For an unknown
 * source the owner decides whether one more flow may be opened, and then gets it. A flow stores its
 * first datagrams as frames (relay/datagram) until its relay starts. From then on each datagram is
 * offered to the relay (relay_wake()), which takes it at once or never: nothing queues here, so no
 * flow delays another. A datagram that is not taken is dropped and counted.
 *
 * A flow that ends without a relay, because it was refused or its target cannot be reached, stays
 * for a second and discards what its source sends. Otherwise each datagram would cause another
 * attempt and another log line.
 *
 * After the owner has closed, the socket stays open for the remaining flows, so that their answers
 * still get out. A flow that is then idle for a second ends.
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
	uint64_t dropped; /* datagrams dropped by the access list or a limit */
	/* May one more flow be opened? */
	bool (*may_come)(struct flows_owner *owner);
	/* A new flow, which is the owner's until flow_end(). */
	void (*came)(struct flows_owner *owner, struct flow *flow, const struct peer *peer);
};

/* Takes over a bound UDP socket. Reads nothing before flows_serve(). NULL: out of memory. */
struct flows *flows_start(struct loop *loop, int fd, struct flows_owner *owner);
/* Starts reading. 0 or a negative errno. Further calls do nothing. */
int flows_serve(struct flows *flows);
/* The owner has closed. Open flows continue without it, and the last one closes the socket. shared:
 * another process reads the socket from now on, so this one only sends the targets' remaining
 * answers. */
void flows_release(struct flows *flows, bool shared);

/* The flow as end[0] of a relay. */
struct endpoint flow_endpoint(struct flow *flow);
/* Its relay has started: passes it the stored datagrams. This may call the relay's done(). */
void flow_relaying(struct flow *flow, struct relay *relay);
/* The number of datagrams dropped before the relay started; from then on the relay counts them. */
uint64_t flow_dropped(const struct flow *flow);
/* Ends the flow. */
void flow_end(struct flow *flow);

#endif
