/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parts: private declarations shared by the files of the supervisor.
 *
 * Theory of operation: each file uses those below it in this list.
 *
 *   supervisor  starts the worker and reaps processes; signals; the watchdog
 *   receive     what the worker may send, and when
 *   restart     starting the process that is to follow
 *   state       from starting to serving, at once or after another process; the end
 *   reload      reading the rules again
 *   request     looks up and opens what the worker asks for
 *   command     runs commands of exec: for it
 *   explain     says why a vsock connection failed
 *   store       listeners that outlive the process; the service manager's store
 *   link        passes rules and answers to the worker
 */
#ifndef PROXY_SUPERVISOR_PARTS_H
#define PROXY_SUPERVISOR_PARTS_H

#include <netinet/in.h>

#include "proxy/broker/broker.h"
#include "proxy/supervisor/supervisor.h"

struct rule_target;

/* A name that a client asked for, and an address that it has. */
struct supervisor_found {
	char host[256]; /* "": none */
	struct in6_addr ip;
	uint32_t scope; /* the interface of a link-local address */
	uint64_t number; /* when it was found last: the highest is the newest */
};

/* Link */

/* ends: broker_ends(); requests: whose ready() is called when the worker has sent something. */
void link_start(struct supervisor *supervisor, const int ends[2],
		const struct watch_kind *requests);
/* Does nothing if it was not started. */
void link_stop(struct supervisor *supervisor);
/* The worker is given what it does not have yet of the rules, as fast as it reads. */
void link_pass(struct supervisor *supervisor);
/* Sends, also with a descriptor, which is taken over; -1: none. */
void link_send(struct supervisor *supervisor, const struct broker_message *message, int fd);
void link_tell(struct supervisor *supervisor, const struct broker_message *message);
/* Ends a worker that is of no use any more. */
void link_give_up(struct supervisor *supervisor, const char *why);
/* Tells the worker to drain by this message, and passes no more rules. The worker is killed if it
 * has not ended some time after the drain timeout. */
void link_drain(struct supervisor *supervisor, const struct broker_message *message);

/* Store */

/* Listeners that outlive us: not those whose sockets we were started with, nor an HTTP endpoint
 * that is ours alone. */
void store_each(struct supervisor *supervisor,
		void (*act)(struct listener *listener, void *context), void *context);
/* Closes what the service manager has kept and no rule listens on any more; the others are taken
 * from now on. */
void store_drop_unwanted(struct supervisor *supervisor, const struct rules *rules);
/* What was taken is ours, and the rest is closed. */
void store_settle(struct supervisor *supervisor);
/* Gives the service manager the listeners to keep, if it does that. */
void store_keep(struct supervisor *supervisor);
/* It forgets all: who connects from now on is refused. */
void store_withdraw(struct supervisor *supervisor);
/* It forgets a listener that is dropped (server.dropped). */
void store_forget(struct server *server, struct listener *listener);

/* Explanations, commands and requests of the worker: each kind with its refusal, for one too many.
 * Errors are errno values. */

void explanation_request(struct supervisor *supervisor, const struct broker_message *request);
void explanation_refuse(struct supervisor *supervisor, const struct broker_message *request,
			int error);
/* The process that looks at the machine has ended: true, if it was this one. */
bool explainer_ended(struct supervisor *supervisor, pid_t pid);
void explanation_stop(struct supervisor *supervisor);

/* exec: the command of a target, at once or as soon as --max-conns permits. */
void command_open(struct supervisor *supervisor, const struct rule_target *target,
		  const struct broker_message *request);
/* It has ended: true, if this process was one. */
bool command_ended(struct supervisor *supervisor, pid_t pid);
/* The worker is gone: nobody waits for any. */
void command_forget(struct supervisor *supervisor);
void command_free(struct supervisor *supervisor);

void request_open(struct supervisor *supervisor, const struct broker_message *request);
void request_refuse_open(struct supervisor *supervisor, const struct broker_message *request,
			 int error);
void request_look_up(struct supervisor *supervisor, const struct broker_message *request);
void request_refuse_look_up(struct supervisor *supervisor, const struct broker_message *request,
			    int error);
/* For a new worker. 0 or a negative errno. */
int request_start(struct supervisor *supervisor);
void request_stop(struct supervisor *supervisor);

/* Reload */

/* The process that reads the rules for a reload has ended: true, if it was this one. */
bool reload_reader_ended(struct supervisor *supervisor, pid_t pid, int how);
/* The worker has room for so many more listening sockets. */
void reload_room(struct supervisor *supervisor, size_t room);
/* A reload that has not got to its rules yet is given up. */
void reload_stop(struct supervisor *supervisor);
/* To the service manager: a reload begins. */
void supervisor_say_reloading(struct supervisor *supervisor, const char *what);

/* State */

/* Ends with this status: after a failure now, else not before the process that we follow. */
void state_finish(struct supervisor *supervisor, int status);
/* The worker has said DONE. */
void state_worker_done(struct supervisor *supervisor);

/* Restart */

/* Between the two processes: the environment variable, and what they say. */
#define RESTART_VARIABLE "VSOCK_PROXY_HANDOVER"
#define RESTART_READY "READY\n"
#define RESTART_GO "GO\n"
#define RESTART_GO_RELOAD "GO RELOAD\n"

/* SIGUSR2: starts the program that is to follow, or says why not. */
void restart_start(struct supervisor *supervisor);
/* It has ended before it was ready. */
void restart_child_ended(struct supervisor *supervisor, int how);
/* We are to end: it too. */
void restart_stop(struct supervisor *supervisor);
void restart_free(struct supervisor *supervisor);

/* Receiving */

/* For a new worker: its link, and what answers it. 0 or a negative errno. */
int receive_start(struct supervisor *supervisor, const int ends[2]);
/* The worker is gone, or was not started. */
void receive_stop(struct supervisor *supervisor);

#endif
