/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * supervisor: the process that keeps the privileges: it reads rules, opens listeners, looks names
 * up, runs commands, and opens what the worker may not. The worker, its child, accepts and moves
 * bytes, and is confined (proxy/worker).
 *
 * Theory of operation: the supervisor has a server and a router as the worker does, but nothing
 * that accepts: its router tells which listeners are new when rules are replaced, and holds all of
 * them. They are passed to the worker with a plan of the rules (proxy/broker/plan). Rules are in
 * force when the worker says DONE: only then is anybody told.
 *
 *   state     what happens
 *   STARTING  the worker reads the rules; a failure ends the program. If we follow another process,
 *             this lasts until that process has let go (proxy/supervisor/restart.c)
 *   SERVING   a worker that ends by itself ends the program; one that dies is replaced, unless that
 *             happens too often
 *   STOPPING  a signal has come, or another process follows: the worker drains, and the supervisor
 *             ends with it
 *
 * Clients that wait in a listener's backlog while a worker is replaced are accepted by the next
 * one. When the supervisor dies, its worker stops accepting and drains.
 *
 * What each file does, and which it uses: proxy/supervisor/parts.h.
 */
#ifndef PROXY_SUPERVISOR_SUPERVISOR_H
#define PROXY_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/resolve.h"
#include "relay/loop.h"
#include "proxy/broker/broker.h"
#include "serve/inherited.h"
#include "proxy/supervisor/names.h"
#include "proxy/router/text-server.h"
#include "proxy/supervisor/program.h"
#include "proxy/router/router.h"
#include "serve/server.h"
#include "serve/user.h"

#define SUPERVISOR_TEXT_SERVERS 2

enum supervisor_state { SUPERVISOR_STARTING, SUPERVISOR_SERVING, SUPERVISOR_STOPPING };

/* What the worker has been given: listeners and rules, and has said DONE. */
enum worker_state { WORKER_STARTING = 1, WORKER_SERVING = 2 };

struct supervisor_look_up;
struct supervisor_found;
struct supervisor_command;
struct supervisor_explanation;

struct supervisor {
	struct server server; /* first; its listeners accept nothing */
	struct router router;
	/* the caller's: their listeners are passed, too; NULL: none */
	struct text_server *text_servers[SUPERVISOR_TEXT_SERVERS];
	const struct user *user; /* whom commands run as; name NULL: who we are */
	const struct user *look_up_user; /* whom look-ups run as, likewise */
	/* Reads all rules again, in a process of its own. 0 or the exit status, reported. */
	int (*load)(struct supervisor *supervisor, struct rules *rules);
	/* In the new process: serves until the end, with these ends (broker_ends()). The exit
	 * status. */
	int (*work)(struct supervisor *supervisor, const int ends[2]);
	const struct program *program; /* what SIGUSR2 starts */
	bool reloads; /* SIGHUP reads the rules again; else it ends as SIGTERM does */

	struct inherited inherited; /* sockets that were there before us */

	/* its own */
	enum supervisor_state state;
	struct router_change change; /* of the last reload */
	bool reloading; /* the worker was given the rules of a reload, and has not said DONE */
	bool reload_again; /* as soon as that is possible */
	bool done; /* ends as soon as the predecessor has ended */
	int status; /* to end with */
	struct timer watchdog;
	uint64_t watchdog_interval; /* ns; 0: nobody asked for it */

	/* A reload: a process reads the rules, then the names that they listen on are looked up. */
	bool loading; /* that is under way */
	pid_t reader; /* the process; 0: none */
	int reader_fd; /* the plan that it writes */
	struct timer reload_late;
	struct rules next; /* what it has read */
	bool asking; /* the worker was asked how many listeners it has room for */
	struct names names;

	/* The worker and the link to it. */
	pid_t worker; /* 0: none */
	enum worker_state worker_state;
	int channel, requests; /* our ends: down and up */
	struct watch channel_watch, requests_watch;
	struct broker_queue queue;
	struct broker_input input;
	struct timer stuck; /* it reads nothing */
	struct timer late; /* it does not say DONE */
	struct timer kill; /* it does not end */
	struct timer again; /* the rules cannot be passed for want of memory or descriptors */
	unsigned shortages; /* how often that was so */
	bool passing; /* there is still something of the rules to pass */
	unsigned awaited; /* how many DONEs: one for each time that rules were passed */
	uint32_t ping; /* the id of the last PING */
	bool pinged; /* it was not answered yet */
	bool room_awaited; /* it was sent ROOM, and has not answered yet */
	bool may_leave; /* it was sent LEAVE, so it may end with 0 */
	uint64_t deaths[5]; /* ns: when the last workers died */
	size_t next_death;

	/* Requests of the worker. */
	uint64_t refusals; /* that no rule permits */
	uint64_t refusal_said; /* ns: when they were last reported; 0: never */
	struct resolver *resolver;
	struct watch answers_watch;
	struct supervisor_look_up *look_ups; /* not answered yet */
	size_t look_up_count;
	uint32_t look_up_last; /* the number of the last */
	struct supervisor_found *found; /* what names of clients mean; NULL: none was found */
	uint64_t found_last; /* the number of the last */
	struct supervisor_command *commands; /* that run, or wait until they may */
	size_t command_running, command_waiting;
	struct supervisor_explanation *explanations; /* known, or waited for */
	size_t explainer_waiting; /* requests */
	struct timer explainer_timer;
	uint64_t explainer_started; /* ns */
	pid_t explainer; /* the process that looks at the machine; 0: none */
	int explainer_fd;

	/* A restart. */
	int predecessor; /* socket to the process that we follow, until it ends; -1: none */
	pid_t successor; /* the process that is to follow us, until it does; 0: none */
	pid_t attendant; /* its parent, and our child */
	int successor_channel;
	struct watch predecessor_watch, successor_watch;
	struct timer restart_late;
};

/* Was this process started by one that it follows (SIGUSR2)? Until supervisor_inherit(). */
bool supervisor_follows(void);
/* Finds what a process that we follow, or the service manager, has left us; to be called before
 * anything is opened. 0 or the exit status, reported. */
int supervisor_inherit(struct supervisor *supervisor);
/* Opens what the rules, which it takes over, listen on. The server has been started. 0 or the exit
 * status, reported. */
int supervisor_open(struct supervisor *supervisor, struct rules *rules);
/* Serves until the end. The exit status, reported; server.signal is what to end by. */
int supervisor_run(struct supervisor *supervisor);
/* Reads the rules again, as on SIGHUP. */
void supervisor_reload(struct supervisor *supervisor);
void supervisor_free(struct supervisor *supervisor);

#endif
