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

struct kept;
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

/* Who is let in at some of the listeners, and how many at once: beside what the server's own settings say. */
struct gate {
	const char *rule;     /* its name for records, or NULL */
	struct access access; /* without an entry the server's holds */
	uint64_t limit;       /* connections at once; UNITS_INF: as many as the server takes */
	uint64_t per_peer;    /* of one peer that came in here; UNITS_INF: the server's limit holds */
	uint64_t accept_rate; /* of each listener, a second; 0 or UNITS_INF: no limit */
	size_t open;
	bool resting;         /* its listeners: at the limit */
};

struct server {
	struct server_settings settings;
	struct access access;
	struct loop *loop;
	struct session_group sessions;
	struct listener *listeners; /* the caller's; a list, in the order in which they were opened */
	uint64_t limit; /* connections at once */
	bool by_descriptors; /* the limit is what descriptors allow */
	uint64_t full_said;  /* ns: when it was said last that it was reached */
	bool running;   /* listeners accept */
	bool paused;    /* server_pause() */
	bool resting;   /* the listeners: at the limit, or paused */
	bool draining;  /* no more is accepted */
	bool ending;    /* the time of the drain is up */
	bool signalled; /* the first signal came */
	bool passed;    /* its listeners are opened by another process, which also has the signals: see listener_adopt() */
	int also;      /* one more signal that signalled_by() hears; 0: none */
	struct kept *kept; /* sockets that are taken before any is opened; NULL: there are none */
	bool at_once;  /* don't drain: the first signal ends, by that signal */
	int signal;    /* to end by, or 0 */
	struct timer drain;
	uint64_t started; /* ns: when it began to serve */
	struct pidfh *pid_file;
	/* A peer that was let in: what to do with it. */
	void (*serve)(struct server *server, struct listener *listener, struct session *session);
	/* A session has ended; may be NULL. */
	void (*ended)(struct server *server, const struct session *session);
	/* A signal came, of those that server_signal() knows; NULL: that is what happens. */
	void (*signalled_by)(struct server *server, int signal);
	/* This listener goes for good, the others stay; may be NULL. */
	void (*goes)(struct server *server, struct listener *listener);
	/* The first signal to end came, and what is open drains; may be NULL. */
	void (*stopping)(struct server *server);
};

/* Reads the entries of who into access, and checks that each can match a listener's family. 0, -EINVAL, with the entry and
 * what is wrong with it, or -ENOMEM. */
int server_read_who(struct access *access, const struct opt_list *who, const struct hosts *hosts,
                    const struct addr *const *addrs, size_t count, const struct opt_entry **bad, struct mistake *error);
/* Reads --allow and --deny, and checks that each can match a listener's family. 0 or STATUS_USAGE, said. */
int server_read_access(struct server *server, const struct hosts *hosts, const struct addr *const *addrs, size_t count);
/* Sets how many connections at once: as --max-conns asks, but no more than descriptors allow, each of which needs so many beside
 * ours; said where that is less than was asked for. */
void server_limit(struct server *server, size_t ours, size_t each);
/* Loop and signals. 0 or the exit status, said. */
int server_start(struct server *server);
/* 0 or the exit status, said. */
int server_write_pid_file(struct server *server);
/* Leaves the file to another process, which may write it from now on. */
void server_leave_pid_file(struct server *server);
/* Opens the listeners, writes the pid file. 0 or the exit status, said. */
int server_listen(struct server *server, struct listener *listeners, const struct addr *const *addrs, size_t count);
/* Opens one listener more; once the server runs it accepts at server_admit(). 0, or the exit status, said. */
int server_open(struct server *server, struct listener *listener, const struct addr *addr, struct gate *gate);
/* A listener that was opened while the server runs begins to accept. */
void server_admit(struct server *server, struct listener *listener);
/* Gives the sockets of a listener to another that is to listen on the same address. */
void server_move(struct server *server, struct listener *to, struct listener *from, const struct addr *addr, struct gate *gate);
void server_close(struct server *server, struct listener *listener);
void server_close_all(struct server *server);
/* Ends sessions that a drain has left, as server does: what was read may still be written. */
void server_stop_session(struct session *session);

/* READY, then serves until the end. 0 or the exit status, said. */
int server_run(struct server *server);
/* While the owner can take nobody: who connects waits in the kernel's backlog. */
void server_pause(struct server *server, bool pause);
/* What a signal means: SIGUSR1 the totals, SIGCHLD a command that has ended, all others the end. */
void server_signal(struct server *server, int signal);
/* Tells the service manager that connections are accepted, and who asked by --ready-fd. 0 or the exit status, said. */
int server_ready(const struct server *server);
/* Tells the service manager alone. */
void server_tell_listening(const struct server *server);
/* Tells the service manager; that it can't be told is said. */
void server_tell_manager(const char *lines);
/* No more connections; what is open goes on. Ends the run when nothing is open. */
void server_stop_accepting(struct server *server);
void server_free(struct server *server);

#endif
