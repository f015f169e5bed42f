/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker: the process that accepts and moves bytes: a server and a router whose rules, listeners,
 * names and commands come from the supervisor (proxy/supervisor), through a channel (proxy/broker).
 */
#ifndef PROXY_WORKER_WORKER_H
#define PROXY_WORKER_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/broker/broker.h"
#include "proxy/worker/confine.h"
#include "proxy/router/text-server.h"
#include "proxy/router/router.h"
#include "serve/server.h"

struct worker_listener;

struct worker {
	struct server server; /* first; passed is set */
	struct router router;
	int channel, requests; /* our ends: what comes down, and what goes up */
	struct text_server *const
		*text_servers; /* in the supervisor's order; NULL: there is none */
	size_t text_server_count;
	void *context;
	struct loop_settings looping;
	uint64_t max_memory; /* pending bytes of all connections */

	/* its own */
	struct watch watch, requests_watch;
	struct timer pump; /* while requests cannot be watched */
	struct broker_queue queue;
	struct worker_listener *given; /* listeners, for rules that are still to come; owned */
	size_t given_count;
	bool serving;
};

/* What a process that serves these rules has to be able to do; the arrays are for
 * worker_plan_free(). 0 or -ENOMEM. */
int worker_plan(const struct rules *rules, struct confine_plan *plan);
void worker_plan_free(struct confine_plan *plan);

/* Serves until the end. Returns the exit status after reporting any error. */
int worker_run(struct worker *worker);

#endif
