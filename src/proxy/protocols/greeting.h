/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * greeting: the exchange before bytes are relayed: a PROXY header from the client or to the target,
 * and a SOCKS5 or HTTP CONNECT request with its answer.
 *
 * Theory of operation: everything that the client sends is read into one buffer, and each stage
 * takes its part from the front. What is left when the target is connected is payload, which the
 * relay sends first. A client that is refused gets an answer, and its socket is read until the
 * client closes it, but no longer than a second and no more than 256 KiB: closing a socket with
 * unread data would send a reset, which can overtake the answer.
 *
 *   PROXY -> METHODS -> REQUEST -> CONNECTING -> (relayed)
 *     |         |          |           |
 *     +---------+----------+-----------+-> LINGERING -> (closed)
 *
 * PROXY is left out if the plan accepts no header, METHODS if it is not for SOCKS5. A client that
 * was asked nothing gets no answer, so its connection is closed at once.
 */
#ifndef PROXY_PROTOCOLS_GREETING_H
#define PROXY_PROTOCOLS_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/explain.h"

struct session;
struct greeting;
struct ends;

/* The exchange with the clients of a rule. */
struct greeting_plan {
	uint64_t timeout; /* ns for the whole exchange; UNITS_INF: no limit */
	/* ADDR_SOCKS5, ADDR_HTTP_CONNECT, ADDR_PROXY_DST; ADDR_NONE: nothing */
	enum addr_family asks;
	bool accept_proxy; /* clients begin with a PROXY header */
	uint8_t send_proxy; /* version of the PROXY header for the target; 0: none */
	/* the header for the target names where the client was going before netfilter redirected
	 * it */
	bool original_dst;
	const struct dest_list *dests; /* permitted destinations; not owned */
	/* The exchange is complete. to is the destination that the client asked for, valid until
	 * the session is connected, or NULL if it was not asked. */
	void (*go)(struct session *session, const struct addr *to);
	/* The client was refused; for counters. */
	void (*refused)(struct session *session, const char *why);
};

/* Does a connection of this plan begin with an exchange? */
static inline bool greeting_needed(const struct greeting_plan *plan)
{
	return plan->asks || plan->accept_proxy || plan->send_proxy;
}

/* Starts the exchange. The plan must outlive the session. Before this returns go() may have been
 * called, or the session closed. */
void greeting_start(struct session *session, const struct greeting_plan *plan);

#endif
