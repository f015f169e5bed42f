/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router: serves rules: opens their listeners, picks the target of each connection, counts, and
 * replaces rules while connections are open. The supervisor has one, too: its listeners accept
 * nothing, but it finds out in the same way which are new, which stay and which move.
 *
 * Replacing: a rule that is in both sets stays, with its listeners, connections and counters, even
 * if its access list or limits change, which then apply to the next connection. New listeners are
 * opened before anything is closed, so a failure changes nothing. A listening address that moves
 * from one rule to another keeps its sockets, so no client in the backlog is lost. Removed rules
 * let their connections finish, for at most the drain timeout.
 */
#ifndef PROXY_ROUTER_ROUTER_H
#define PROXY_ROUTER_ROUTER_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "relay/dial.h"
#include "proxy/rules/rules.h"
#include "serve/server.h"

#define ROUTER_RECENT_ERRORS 8

/* A recent error, for --status. */
struct router_error {
	uint64_t at; /* ns; 0: none */
	uint64_t conn;
	char label[64];
	char what[320];
};

struct router {
	struct server *server;
	struct dialer *dialer;
	struct rules rules; /* in force */
	uint64_t last_id; /* given to a rule; a worker's rules have the ids of the supervisor */
	struct rule *removed; /* rules that a reload removed, and that are draining */
	bool keeps; /* rules that go are not freed before router_forget() */
	struct timer sweep; /* frees drained rules */
	uint64_t started, replaced; /* ns; 0: never */
	struct timespec started_at; /* wall-clock time since when all counters count */
	pid_t pid; /* of the process that signals are for; 0 before router_start(): this one */
	uint64_t failed_replacements;
	struct router_error recent_errors[ROUTER_RECENT_ERRORS];
	size_t next_error;
};

/* How many rules a replacement affected. */
struct router_change {
	size_t stay; /* unchanged and adjusted rules */
	size_t adjusted, go, come;
};

/* Opens the listeners of rules, which it takes over. server has been started. 0 or the exit status,
 * reported. */
int router_start(struct router *router, struct server *server, struct rules *rules);
/* Replaces the rules by others, which it takes over, and which may open so many listening sockets.
 * 0; or the exit status, reported: then nothing has changed. */
int router_replace(struct router *router, struct rules *rules, size_t room,
		   struct router_change *change);
/* The target of a rule by numbers that another process has given: index counts those of each
 * listening port. NULL: there is none. */
struct rule_target *router_target(const struct router *router, uint64_t rule, uint32_t index);
/* The same target of a rule in force with the same destinations, for one whose rule has gone;
 * itself if there is none. */
const struct rule_target *router_same_target(const struct router *router,
					     const struct rule_target *target);
/* The index of a target. */
uint32_t router_index(const struct rule_target *target);
/* Ends router.keeps: frees removed rules as soon as they have no connection. */
void router_forget(struct router *router);
/* Sums the bytes of open connections for each rule. */
void router_sum_live(struct router *router);
void router_free(struct router *router);

#endif
