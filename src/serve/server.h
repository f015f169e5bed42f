/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server: what vsock-listen and vsock-proxy have in common: listeners, access lists, limits on
 * connections, the pid file, READY, and shutdown. The first SIGINT, SIGTERM or SIGHUP closes the
 * listeners and lets open connections finish, for at most drain_timeout; the second ends the
 * program at once.
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
#include "serve/manager.h"
#include "serve/peers.h"
#include "serve/session.h"

struct inherited;
struct pidfh;

struct server_settings {
	uint64_t max_conns; /* 0: auto */
	uint64_t max_conns_per_peer;
	uint64_t drain_timeout; /* ns */
	uint64_t exit_idle; /* ns without a connection after which it ends; UNITS_INF: never */
	uint64_t ready_fd; /* UNITS_INF: none */
	const char *pid_file;
	bool stats; /* print totals at the end */
	struct opt_list who; /* --allow and --deny as written */
};
#define SERVER_DEFAULTS                                                              \
	{                                                                            \
		.max_conns_per_peer = UNITS_INF, .drain_timeout = 30 * NSEC_PER_SEC, \
		.exit_idle = UNITS_INF, .ready_fd = UNITS_INF                        \
	}

/* Which peers some of the listeners admit, and how many at once, in addition to the server's own
 * settings. */
struct admission {
	const char *rule; /* name of the rule for records, or NULL */
	struct access access; /* without an entry the server's list applies */
	uint64_t limit; /* simultaneous connections; UNITS_INF: only the server's limit */
	uint64_t per_peer; /* simultaneous connections of one peer; UNITS_INF: only the server's
			      limit */
	uint64_t accept_rate; /* of each listener, per second; 0 or UNITS_INF: no limit */
	size_t open;
	bool resting; /* its listeners are paused at the limit */
};

struct server {
	struct server_settings settings;
	struct access access;
	struct loop *loop;
	struct session_group sessions;
	struct manager manager; /* of services */
	struct peers peers; /* open connections of each peer */
	struct listener *listeners; /* the caller's; a list in the order of opening */
	uint64_t limit; /* connections at once */
	size_t descriptors; /* the process's limit; 0: descriptors limit nothing */
	size_t descriptors_ours, descriptors_each; /* see server_limit() */
	bool by_descriptors; /* descriptors determine the limit */
	bool by_default; /* max_conns is a default, which descriptors may lower silently */
	uint64_t full_said; /* ns: when reaching the limit was last reported */
	bool running; /* listeners accept */
	bool paused; /* server_pause() */
	bool full; /* the listeners are paused at the limit */
	bool draining; /* nothing is accepted any more */
	bool ending; /* the drain timeout has expired */
	bool signalled; /* the first signal came */
	bool passed; /* another process opens its listeners and handles the signals: see
			listener_adopt() */
	int also; /* one more signal for signalled_by(); 0: none */
	bool busy; /* the loop runs: nothing may take long, such as a look at the machine */
	struct inherited *inherited; /* sockets to take instead of opening new ones; NULL: none */
	bool others_ready; /* READY=1 is not sent to the service manager when it listens */
	bool at_once; /* do not drain: the first signal ends the program, by that signal */
	int signal; /* to end by, or 0 */
	uint64_t end_grace; /* ns that sessions which were told to end may take; 0: 2 s */
	struct timer drain, idle;
	uint64_t started; /* ns: when it started to serve */
	uint64_t idle_since; /* ns: when the last connection ended, or it started */
	struct pidfh *pid_file;
	/* Serves an admitted peer. */
	void (*serve)(struct server *server, struct listener *listener, struct session *session);
	/* A session has ended; may be NULL. */
	void (*ended)(struct server *server, const struct session *session);
	/* Handles a signal; NULL: server_signal() does. */
	void (*signalled_by)(struct server *server, int signal);
	/* Nothing has been open for exit_idle: asks whether it may end, and server_leave() follows
	 * if so; NULL: it may. */
	void (*idled)(struct server *server);
	/* This listener is closing for good while the others stay; may be NULL. */
	void (*dropped)(struct server *server, struct listener *listener);
};

/* Is there an --allow among these entries? */
bool server_allows_somebody(const struct opt_list *who);
/* Reads the entries of who into access, and checks that each can match a listener's family. 0,
 * -EINVAL with the entry and the mistake in it, or -ENOMEM. */
int server_read_who(struct access *access, const struct opt_list *who, const struct hosts *hosts,
		    const struct addr *const *addrs, size_t count, const struct opt_entry **bad,
		    struct mistake *error);
/* Reads --allow and --deny, and checks that each can match the listener's family. 0, or an exit
 * status after reporting the mistake. */
int server_read_access(struct server *server, const struct hosts *hosts, const struct addr *addr);
/* Sets the limit of simultaneous connections: that of --max-conns, but no more than the descriptors
 * allow, of which each connection needs "each" and the program itself "ours". Reports it if that is
 * less than was asked for. */
void server_limit(struct server *server, size_t ours, size_t each);
/* Computes the limit again after listeners were opened or closed, whose descriptors count too. */
void server_recount(struct server *server);
/* Keeps descriptors free for more listeners, at the expense of pipes: how many it has for them as
 * long as it accepts nothing, whatever open connections do. Until server_recount(). */
size_t server_make_room(struct server *server);
/* Sets up the loop and the signals. 0, or an exit status after reporting the error. */
int server_start(struct server *server);
/* 0, or an exit status after reporting the error. */
int server_write_pid_file(struct server *server);
/* Leaves the pid file to another process, which may write it from now on. */
void server_leave_pid_file(struct server *server);
/* Opens the only listener, and writes the pid file. 0, or an exit status after reporting the error.
 */
int server_listen(struct server *server, struct listener *listener, const struct addr *addr);
/* Opens one more listener. If the server is running, it accepts after server_admit(). 0, or an exit
 * status after reporting the error. */
int server_open(struct server *server, struct listener *listener, const struct addr *addr,
		struct admission *admission);
/* The limits of an admission have changed. */
void server_admission_changed(struct server *server, struct admission *admission);
/* Warns of an address on which nobody could be reached, which takes a look at the machine. */
void server_warn_if_deaf(const struct addr *addr);
/* A listener that was opened while the server is running starts to accept. */
void server_admit(struct server *server, struct listener *listener);
/* Moves the sockets of a listener to another one for the same address. */
void server_move(struct server *server, struct listener *to, struct listener *from,
		 const struct addr *addr, struct admission *admission);
void server_close(struct server *server, struct listener *listener);
void server_close_all(struct server *server);
/* Ends a session after the drain timeout, as the server itself does; pending bytes may still be
 * written. */
void server_stop_session(struct session *session);

/* READY, then serves until the end. 0, or an exit status after reporting the error. */
int server_run(struct server *server);
/* Pauses accepting while the owner can serve nobody, whatever the limits permit; new clients wait
 * in the kernel's backlog. Datagrams have none, and are still taken. */
void server_pause(struct server *server, bool pause);
/* Handles a signal: SIGUSR1 prints the totals, SIGCHLD reaps commands, all others end the program.
 */
void server_signal(struct server *server, int signal);
/* Is the descriptor of --ready-fd one that can be written to? Before anything is opened, so that it
 * is not one of our own. 0, or STATUS_FAILURE after reporting the mistake. */
int server_check_ready(const struct server_settings *settings);
/* Tells the service manager that connections are accepted, and who asked by --ready-fd. 0, or an
 * exit status after reporting the error. */
int server_ready(struct server *server);
/* Tells only the service manager. */
void server_tell_listening(struct server *server);
/* Checks what --exit-idle needs of an address to listen on: that the socket was passed to us, so
 * that whoever has passed it listens on. 0, or -EINVAL with *error. */
int server_check_idle(const struct server_settings *settings, const struct addr *addr,
		      struct mistake *error);
/* Does it end when it is idle? */
bool server_leaves(const struct server *server);
/* Ends as --exit-idle says, unless there is a connection after all, open or waiting to be accepted,
 * or there was one meanwhile. */
void server_leave(struct server *server);
/* Accepts no more connections; open ones continue, and the last one ends the run. */
void server_stop_accepting(struct server *server);
void server_free(struct server *server);

#endif
