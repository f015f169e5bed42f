/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hub: everyone hears everyone: what one connection sends goes to all others.
 *
 * Theory of operation: each member is an ordinary session whose relay ends in a socket pair; the hub has the other ends. It
 * holds one chunk (or message) at a time: what it read from one member, until all others have taken it. Meanwhile it
 * reads from nobody, so senders are slowed to what the slowest takes, and the memory of a member is what its socket pair
 * holds. A member that has not taken a chunk within PATIENCE is dropped: a stalled one stops the others once, for so long.
 *
 * A member whose input has ended goes on hearing; it is gone when its connection is.
 */
#ifndef SERVE_HUB_H
#define SERVE_HUB_H

#include "net/endpoint.h"
#include "serve/session.h"

struct hub;
struct loop;

/* NULL: no memory. */
struct hub *hub_new(void);
/* The other end of a new member's relay. 0 or a negative errno. It leaves when the session ends. */
int hub_join(struct hub *hub, struct session *session, struct endpoint *here);
/* Passes on what members have sent so far, then ends them all: nobody waits for members who only listen. */
void hub_drain(struct loop *loop, struct hub *hub);
/* When all members have left. */
void hub_free(struct hub *hub);

#endif
