/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run: the service of --run: runs the commands that vsock-run asks for. doc/run-protocol.md has the
 * protocol.
 *
 * Theory of operation: each connection is a session, whose first frame tells what it is. A control
 * connection makes a job and gets a token. When the data connections with that token are there, the
 * command is started, and each of them becomes a relay between its socket and the command's pipe,
 * in one direction only. The receiver of a stream closes its connection: when it has as many bytes
 * as the other end says there are, or when it wants no more.
 *
 *   waiting -all streams are there-> started -the command ends-> exited -streams end-> over
 *      |                                |                          |
 *      +--------- the control connection ends: hang up ------------+
 */
#ifndef LISTEN_RUN_H
#define LISTEN_RUN_H

#include <stddef.h>

#include "base/opt.h"
#include "base/units.h"
#include "serve/server.h"
#include "serve/session.h"
#include "serve/user.h"

#define RUN_CONNECTIONS 4 /* that a command takes, at most */
#define RUN_KILL_GRACE (5 * NSEC_PER_SEC) /* between SIGHUP and SIGKILL */

struct run_job;

struct run_server {
	struct server *server;
	const struct user *owner; /* the caller's: whose home and shell the commands get */
	const struct opt_list *users; /* the caller's: as whom else commands may run */
	int directory; /* where they start, a descriptor of the caller's; AT_FDCWD: at home */
	bool ending; /* the sessions are being freed, and nobody can be told anything any more */
	struct run_job *jobs;
	size_t count;
};

/* Serves the session, and ends it. server must outlive it. */
void run_serve(struct session *session, struct run_server *server);

#endif
