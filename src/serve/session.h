/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session: one accepted connection and what becomes of it: a relay to a target that is dialled, a relay to something that
 * is here (a service, standard input and output), or a command that has the socket.
 *
 * All sessions of a program are in one group, which numbers, counts and logs them, and ends them.
 */
#ifndef SERVE_SESSION_H
#define SERVE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/peer.h"
#include "relay/dial.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "serve/spawn.h"

struct session;
struct gate;
struct greeting;
struct flow;

/* Totals, for SIGUSR1 and at the end. */
struct session_totals {
	uint64_t accepted, failed, up, down;
};

struct session_group {
	struct loop *loop;
	struct session *first;
	uint64_t numbered; /* the last number given */
	size_t open;
	struct session_totals totals;
	/* called when a session is connected to where it was dialled to; may be NULL */
	void (*connected)(struct session_group *group, const struct session *session);
	/* called when a session has ended, before it is freed; may be NULL */
	void (*ended)(struct session_group *group, const struct session *session);
	/* frees a session's owner when it has ended, where it has one; may be NULL */
	void (*release)(struct session *session);
	/* told that a dial failed: true if it has begun another by session_dial(); may be NULL */
	bool (*elsewhere)(struct session *session, const struct explanation *why);
	void *context;
};

struct session {
	struct session *next, **link; /* the group's list */
	struct session_group *group;
	struct gate *gate; /* through which it came in, or NULL */
	void *owner;     /* what the caller likes: a rule, a listener, what a service keeps of it */
	const char *rule; /* name of the rule, or NULL */
	const char *to;  /* what it is connected to, as text; the caller's */
	uint64_t number, started;
	struct relay relay; /* end[0] is who was accepted; of a command only its timer and result are used */
	struct dial *dial;  /* while it is dialled; owned */
	struct flow *flow;  /* of datagrams, which is what was accepted, in place of a socket; owned; or NULL */
	struct greeting *greeting; /* what is said before anything is relayed; owned; or NULL */
	uint64_t tried;     /* the caller's, for elsewhere(): which targets were tried */
	uint64_t connect;   /* ns that connecting took; 0: nothing was dialled, or not yet */
	const char *end;    /* the word of its record, a constant; NULL while it is open */
	pid_t child;        /* a command, or 0 */
	int ended;          /* on a terminal: how it ended, as waitpid() says, while the relay goes on; -1: not yet */
	bool terminal;      /* the command is on a terminal, and the relay goes there */
	bool seqpacket;     /* the accepted socket's type */
	bool mirrored;      /* what comes in goes back the same way (echo): chan[0] is both directions */
	bool inherited;     /* it was passed to us, and stays as it is */
	int fd;             /* while nothing else has it, or -1 */
	int status;         /* exit status of this session (enum status, or the command's) */
	struct peer peer;
};

/* Takes an accepted socket over: a session, or NULL where memory is out (the socket is closed then). */
struct session *session_new(struct session_group *group, int fd, const struct peer *peer, const char *to);

/* What the accepted socket is for a relay. */
struct endpoint session_endpoint(const struct session *session);

/* Datagrams that got lost. */
uint64_t session_dropped(const struct session *session);

/* Dials addr and relays. The addresses and settings must outlive the session. */
void session_dial(struct session *session, struct dialer *dialer, const struct addr *addr,
                  const struct dial_settings *dialling, const struct relay_settings *relaying);
/* Whose dial it is, one that session_dial() started. */
void session_client(const struct dial *dial, struct spawn_client *client);
/* Relays to an endpoint that is here; it is taken over. */
void session_relay(struct session *session, const struct endpoint *accepted, const struct endpoint *here,
                   const struct relay_settings *relaying);
/* Runs a command on the socket; after max_time ns (UNITS_INF: never) it gets SIGTERM, and 5 seconds later SIGKILL. */
void session_command(struct session *session, const struct spawn *spawn, uint64_t max_time);
/* Runs a command on a terminal of its own. */
void session_terminal(struct session *session, const struct spawn *spawn, const struct relay_settings *relaying);
/* Asks one to end, with "signal" as its reason: what was read is written, for grace ns at most; a command gets SIGTERM. */
void session_stop(struct session *session, uint64_t grace);
/* To be called after SIGCHLD: ends the sessions whose commands have ended. */
void session_reap(struct session_group *group);
/* Writes the record "deny" or "fail" of a session that session_close() ends then or later. */
void session_denied(struct session *session, const char *why);
void session_failed(struct session *session, const struct explanation *why);
/* Ends it, without a record. */
void session_close(struct session *session);
/* Refuses: a record "deny" with the reason, and the socket is closed. */
void session_deny(struct session *session, const char *why);

/* Ends a relayed session at once, with a record "fail" and these words. */
void session_drop(struct session *session, const char *end, const char *why);

/* As session_stop(), for all. */
void session_stop_all(struct session_group *group, uint64_t grace);
/* Frees all at once, without a record. */
void session_free_all(struct session_group *group);

/* The exit status that a relay's end means. */
int session_status(const struct relay *relay);

#endif
