/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server: what vsock-listen and vsock-proxy have in common: listeners, who may connect and how many, the pid file, READY,
 * and the end. The first SIGINT, SIGTERM or SIGHUP closes the listeners and lets what is open finish, for drain_timeout
 * at most; the second ends at once.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "net/addr.h"
#include "net/explain.h"
#include "relay/loop.h"
#include "serve/access.h"
#include "serve/listener.h"
#include "serve/session.h"

struct pidfh;

struct server_settings {
	uint64_t max_conns; /* 0: auto */
	uint64_t max_conns_per_peer;
	uint64_t drain_timeout; /* ns */
	uint64_t ready_fd;      /* UNITS_INF: none */
	const char *pid_file;
	bool stats; /* totals at the end */
	struct opt_list who; /* --allow and --deny as written */
};
#define SERVER_DEFAULTS \
	{ .max_conns_per_peer = UNITS_INF, .drain_timeout = 30 * NSEC_PER_SEC, .ready_fd = UNITS_INF }

struct server {
	struct server_settings settings;
	struct access access;
	struct loop *loop;
	struct session_group sessions;
	struct listener *listeners; /* the caller's array */
	size_t listener_count;
	uint64_t limit; /* connections at once */
	bool resting;   /* the listeners: at the limit */
	bool draining;  /* no more is accepted */
	bool ending;    /* the time of the drain is up */
	bool signalled; /* the first signal came */
	bool at_once;  /* don't drain: the first signal ends, by that signal */
	int signal;    /* to end by, or 0 */
	struct timer drain;
	uint64_t started; /* ns: when it began to serve */
	struct pidfh *pid_file;
	/* A peer that was let in: what to do with it. */
	void (*serve)(struct server *server, struct listener *listener, struct session *session);
	/* A session has ended; may be NULL. */
	void (*ended)(struct server *server, const struct session *session);
};

/* Reads --allow and --deny, and checks that each can match a listener's family. 0 or STATUS_USAGE, said. */
int server_read_access(struct server *server, const struct hosts *hosts, const struct addr *const *addrs, size_t count);
/* Loop and signals. 0 or the exit status, said. */
int server_start(struct server *server);
/* Opens the listeners, writes the pid file. 0 or the exit status, said. */
int server_listen(struct server *server, struct listener *listeners, const struct addr *const *addrs, size_t count);
/* READY, then serves until the end. 0 or the exit status, said. */
int server_run(struct server *server);
/* No more connections; what is open goes on. Ends the run when nothing is open. */
void server_stop_accepting(struct server *server);
void server_free(struct server *server);

#endif
