/* SPDX-License-Identifier: GPL-3.0-or-later */
/* supervisor-parts: what a supervisor does for its worker, a file for itself. */
#ifndef SERVE_SUPERVISOR_PARTS_H
#define SERVE_SUPERVISOR_PARTS_H

#include "serve/broker.h"
#include "serve/supervisor.h"

/* Answers a BROKER_OPEN. 0 or a negative errno of sending the answer. */
int errand_open(struct supervisor *supervisor, const struct broker_message *request);
/* Looks names up for the worker, as long as questions is open. 0 or a negative errno. */
int errand_start(struct supervisor *supervisor);
void errand_stop(struct supervisor *supervisor);
/* What names were found to mean is forgotten: the rules are others. */
void errand_forget(struct supervisor *supervisor);

/* To the worker. */
void supervisor_tell(struct supervisor *supervisor, const struct broker_message *message);
/* To the service manager: a reload begins. */
void supervisor_say_reloading(const char *what);
/* The worker has the rules, and the addresses are ours alone. */
void supervisor_serve(struct supervisor *supervisor);

/* SIGUSR2: starts the program that is to follow, or says why not. */
void restart_start(struct supervisor *supervisor);
/* It has ended before it was ready. */
void restart_child_ended(struct supervisor *supervisor, int how);
/* We are to end: it too. */
void restart_stop(struct supervisor *supervisor);
/* Tells the process that we follow that we are ready: it lets go, and supervisor_serve() is called. 0 or a negative errno. */
int restart_say_ready(struct supervisor *supervisor);
/* Closes what the service manager has kept and no rule listens on any more; the others are taken from now on. */
void restart_drop_unwanted(struct supervisor *supervisor, const struct rules *rules);
/* What was taken is ours, and the rest is closed. */
void restart_settle(struct supervisor *supervisor);
/* Gives the service manager the listeners to keep, if it does that. */
void restart_store(struct supervisor *supervisor);
/* It forgets all: who connects from now on is refused. */
void restart_withdraw(struct supervisor *supervisor);
/* It forgets one that goes (server.goes). */
void restart_forget(struct server *server, struct listener *listener);
void restart_free(struct supervisor *supervisor);

#endif
