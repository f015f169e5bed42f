/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker: the process that accepts and moves bytes, see serve/supervisor: a server and a router whose listeners, names and
 * commands come from the supervisor through a channel (serve/broker).
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/broker.h"
#include "serve/bundle.h"
#include "serve/confine.h"
#include "serve/page.h"
#include "serve/router.h"
#include "serve/server.h"

struct worker_listener;

struct worker {
	struct server server; /* first; passed is set */
	struct router router;
	int channel;
	struct page *const *pages; /* the supervisor's, in its order; NULL: one that there isn't */
	size_t page_count;
	/* Reads rules from the texts. 0 or the exit status, said. */
	int (*read)(struct worker *worker, const struct bundle *bundle, struct rules *rules);
	void *context;
	uint64_t max_memory; /* bytes of unsent data in all */

	/* its own */
	struct watch watch;
	struct worker_listener *given; /* listeners, for rules that are still to come; owned */
	size_t given_count;
	bool serving;
};

/* What a process that serves these rules has to be able to do; the arrays are for worker_plan_free(). 0 or -ENOMEM. */
int worker_plan(const struct rules *rules, struct confine_plan *plan);
void worker_plan_free(struct confine_plan *plan);

/* Serves until the end; questions is where names are asked for. The exit status, said. */
int worker_run(struct worker *worker, int questions);

#endif
