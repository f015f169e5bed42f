/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * supervisor: the process that keeps the privileges: it reads rules, opens listeners, looks names up, runs commands, and
 * connects where the worker may not. The worker, a child of it, accepts and moves bytes, and is confined (serve/confine).
 *
 * Theory of operation: the supervisor has a server and a router as the worker does, but nothing that accepts: its router
 * tells which listeners are new when rules are replaced, and holds all of them. They are passed to the worker with the
 * texts that the rules were read from (serve/bundle); the worker reads the same texts and comes to the same rules. Rules
 * are in force when it says DONE: only then is anybody told.
 *
 *   state      what happens
 *   STARTING   the worker reads the rules; a failure ends the program. Where we follow another process it goes on until we
 *              are ready (serve/supervisor-restart)
 *   SERVING    a worker that ends by itself is done; one that dies is replaced, unless that happens too often
 *   STOPPING   a signal came, another process follows, or the worker is done: it drains, and the supervisor ends with it
 *
 * Who waits in a listener's backlog while a worker is replaced is accepted by the next one. When the supervisor dies its
 * worker stops accepting, and drains.
 */
#ifndef SERVE_SUPERVISOR_H
#define SERVE_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/resolve.h"
#include "relay/loop.h"
#include "serve/bundle.h"
#include "serve/kept.h"
#include "serve/page.h"
#include "serve/program.h"
#include "serve/router.h"
#include "serve/server.h"
#include "serve/user.h"

#define SUPERVISOR_PAGES 2

enum supervisor_state { SUPERVISOR_STARTING, SUPERVISOR_SERVING, SUPERVISOR_STOPPING };

/* The addresses that a name was found to have, for the worker may be connected only there. */
struct supervisor_known;

struct supervisor {
	struct server server; /* first; its listeners accept nothing */
	struct router router;
	struct page *pages[SUPERVISOR_PAGES]; /* the caller's: their listeners are passed too; NULL: none */
	const struct user *user;              /* whom commands and look-ups run as; name NULL: who we are */
	/* Reads all rules, and keeps what they were read from. 0 or the exit status, said. */
	int (*load)(struct supervisor *supervisor, struct rules *rules, struct bundle *bundle);
	/* In the new process: serves until the end, with these ends of the channel and for questions. The exit status. */
	int (*work)(struct supervisor *supervisor, int channel, int questions);
	const struct program *program; /* what SIGUSR2 starts */
	bool reloads; /* SIGHUP reads the rules again; else it ends as SIGTERM does */

	struct bundle bundle; /* of the rules in force */
	struct kept kept;     /* sockets that were there before us */

	/* its own */
	enum supervisor_state state;
	struct router_change change;
	pid_t worker;         /* 0: none */
	int channel, questions;
	struct watch channel_watch, questions_watch, answers_watch;
	struct resolver *resolver;
	struct supervisor_known *known;
	struct timer kill, watchdog;
	int predecessor;      /* to the process that we follow, as long as it is there; -1: nobody */
	pid_t successor;      /* the process that is to follow us, until it does; 0: none */
	pid_t attendant;      /* its parent, and our child */
	int successor_channel;
	struct watch predecessor_watch, successor_watch;
	struct timer restart_late;
	uint64_t watchdog_interval; /* ns; 0: nobody asked for it */
	uint64_t deaths[5];         /* ns: when the last workers died */
	size_t next_death;
	bool reloading, reload_again, pinged;
	bool done;  /* as soon as the predecessor has ended too */
	int status; /* to end with */
};

/* Finds what a process that we follow, or the service manager, has left us; to be called before anything is opened. 0 or the
 * exit status, said. */
int supervisor_inherit(struct supervisor *supervisor);
/* Opens what the rules, which it takes over, listen on. The server has been started; the bundle is theirs. 0 or the exit
 * status, said. */
int supervisor_open(struct supervisor *supervisor, struct rules *rules);
/* Serves until the end. The exit status, said; server.signal is what to end by. */
int supervisor_run(struct supervisor *supervisor);
/* Reads the rules again, as on SIGHUP. */
void supervisor_reload(struct supervisor *supervisor);
void supervisor_free(struct supervisor *supervisor);

#endif
