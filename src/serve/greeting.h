/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * greeting: what a client says, and what both sides are told, before bytes are relayed: a PROXY header, a request of SOCKS5 or
 * HTTP CONNECT, and the answer to it.
 *
 * Theory of operation: all that the client sends is read into one buffer, and each stage takes from its begin what it
 * understands. What is left when the target is connected is payload, and is the first that the relay sends. A client that is
 * refused is told so, and its socket is read until it closes, for a second at most: with unread data in it close() would
 * be a reset, which overtakes the answer.
 *
 *   PROXY -> METHODS -> REQUEST -> CONNECTING -> (relayed)
 *     |         |          |           |
 *     +---------+----------+-----------+-> LINGERING -> (closed)
 */
#ifndef SERVE_GREETING_H
#define SERVE_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/explain.h"

struct session;
struct greeting;
struct proxy_header;

/* What the clients of a rule are asked, and told. */
struct greeting_plan {
	uint64_t timeout;          /* ns for all that the client has to say; UNITS_INF: none */
	enum addr_family asks;     /* ADDR_SOCKS5, ADDR_HTTP_CONNECT, ADDR_PROXY_DST; ADDR_NONE: nothing */
	bool accept_proxy;         /* its first word is a PROXY header */
	uint8_t send_proxy;        /* version of the PROXY header that the target gets; 0: none */
	bool original_dst;         /* which tells where the client went before netfilter redirected it */
	const struct dest_list *dests; /* where those who ask may go */
	/* The client has said all: to is where it wants to go, valid until the session is connected; NULL: it wasn't asked. */
	void (*go)(struct session *session, const struct addr *to);
	/* It was refused; for who counts that. */
	void (*refused)(struct session *session, const char *why);
};

/* Does a connection of this plan begin with anything? */
static inline bool greeting_needed(const struct greeting_plan *plan)
{
	return plan->asks || plan->accept_proxy || plan->send_proxy;
}

/* Begins; go() may be called before this returns. */
void greeting_start(struct session *session, const struct greeting_plan *plan);
/* The target is connected: tells it who comes, and the client that it may go on. 0, or a negative errno: one of them is gone. */
int greeting_connected(struct session *session, int target);
/* The relay runs: what the client said more goes first. The relay may end by that. */
void greeting_relaying(struct session *session);
/* The target can't be connected to; the record is written. Tells the client, and ends the session later: true. False: there is
 * nobody to tell. */
bool greeting_refuse(struct session *session, const struct failure *failure);
/* The program ends. True: the session was still greeting, and has been ended. */
bool greeting_stop(struct session *session);
/* Who the client of a session is by its PROXY header, or NULL. */
const char *greeting_client(const struct session *session);
/* Where it went before netfilter redirected it (plan->original_dst), or NULL. */
const char *greeting_dest(const struct session *session);
/* What its PROXY header said, or NULL. */
const struct proxy_header *greeting_told(const struct session *session);
/* To be called when the session ends. */
void greeting_free(struct session *session);

#endif
