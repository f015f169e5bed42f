/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router: serves rules: their listeners, which target a connection goes to, what is counted, and replacing rules while
 * connections are open.
 *
 * Replacing: a rule that is in both sets stays as it is, with its listeners, connections and counts. What is new is opened
 * before anything is closed, so a failure changes nothing. A listening address that only goes from one rule to another keeps
 * its sockets, so nobody who waits in the backlog is lost. Rules that go let their connections finish, for the drain's
 * time at most.
 */
#ifndef SERVE_ROUTER_H
#define SERVE_ROUTER_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "relay/dial.h"
#include "serve/rules.h"
#include "serve/server.h"

#define ROUTER_TROUBLES 8

/* What went wrong lately, for who asks. */
struct router_trouble {
	uint64_t at; /* ns; 0: none */
	uint64_t conn;
	char label[64];
	char what[320];
};

struct router {
	struct server *server;
	struct dialer *dialer;
	struct rules rules; /* in force */
	struct rule *going; /* that drain */
	struct timer sweep; /* frees those of them that are done */
	uint64_t started, replaced; /* ns; 0: never */
	struct timespec started_at; /* by the clock on the wall: when all counters began */
	pid_t pid; /* of the process that signals are for; 0 before router_start(): this one */
	uint64_t failed_replacements;
	struct router_trouble troubles[ROUTER_TROUBLES];
	size_t next_trouble;
};

/* How many rules a replacement touched. */
struct router_change {
	size_t stay, go, come;
};

/* Opens the listeners of rules, which it takes over. server has been started. 0 or the exit status, said. */
int router_start(struct router *router, struct server *server, struct rules *rules);
/* Replaces the rules by others, which it takes over. 0; or the exit status, said: then nothing has changed. */
int router_replace(struct router *router, struct rules *rules, struct router_change *change);
/* Sums what open connections have moved, for each rule. */
void router_sum_live(struct router *router);
void router_free(struct router *router);

#endif
