/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session: one accepted connection and what it is connected to: a relay to a target that is
 * dialled, a relay to a local endpoint (a service, standard input and output), or a command that
 * owns the socket.
 *
 * All sessions of a program belong to one group, which numbers, counts, logs and ends them.
 */
#ifndef SERVE_SESSION_H
#define SERVE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/peer.h"
#include "relay/dial.h"
#include "serve/peers.h"
#include "serve/prologue.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "serve/spawn.h"

struct session;
struct admission;
struct greeting;
struct flow;

/* Totals, for SIGUSR1 and --stats. */
struct session_totals {
	uint64_t accepted, failed, up, down;
};

struct session_group {
	struct loop *loop;
	struct session *first;
	uint64_t numbered; /* the last number given */
	size_t open;
	struct session_totals totals;
	bool reported; /* the program itself reports how its sessions have ended */
	/* called when a session's target is connected; may be NULL */
	void (*connected)(struct session_group *group, const struct session *session);
	/* called when a session has ended, before it is freed; may be NULL */
	void (*ended)(struct session_group *group, const struct session *session);
	/* frees the owner of a session that has ended; may be NULL */
	void (*release)(struct session *session);
	/* called when a dial has failed; true if it has started another with session_dial(); may be
	 * NULL */
	bool (*elsewhere)(struct session *session, const struct explanation *why);
	void *context;
};

struct session {
	struct session *next, **link; /* the group's list */
	struct session_group *group;
	struct admission *admission; /* that admitted it, or NULL */
	void *owner; /* for the caller: a rule, a listener, a service's state */
	const char *rule; /* name of the rule, or NULL */
	const char *to; /* its target as text; the caller's */
	uint64_t number, started;
	struct relay relay; /* end[0] is the accepted connection; a command uses only its timer and
			       result */
	struct dial *dial; /* while the target is being dialled; owned */
	struct flow
		*flow; /* the accepted UDP flow, if it is one instead of a socket; owned; or NULL */
	struct prologue *prologue; /* the exchange before anything is relayed; owned; or NULL */
	uint64_t tried; /* for elsewhere(): the targets tried so far */
	uint64_t connect; /* ns that connecting took; 0: nothing was dialled, or it is not connected
			     yet */
	uint64_t half_close; /* of the accepted end, see addr_half_close() */
	const char *end; /* how it ended, for its record, a constant; NULL while it is open */
	pid_t child; /* a command, or 0; if it is reaped, its number may be another's */
	int ended; /* on a terminal: the command's waitpid() status while the relay is still
		      running; -1: not yet */
	int fd; /* the socket while nothing else owns it, or -1 */
	int status; /* exit status of this session (enum status, or the command's) */
	struct peer peer;
	bool reaped : 1; /* the command has ended */
	bool served : 1; /* the server admitted it */
	bool answered : 1; /* we answered it without a relay, and the answer must still reach it */
	bool terminal : 1; /* the command runs on a terminal, which the relay connects to */
	bool seqpacket : 1; /* the accepted socket's type */
	bool mirrored : 1; /* echo: the input is sent back, and chan[0] is both directions */
	bool inherited : 1; /* it was passed to us, and its settings stay unchanged */
	struct peers_count *here, *anywhere; /* the server's counts of its peer's connections */
};

/* Takes over an accepted socket. NULL: out of memory, and the socket is closed. */
struct session *session_new(struct session_group *group, int fd, const struct peer *peer);

/* The accepted socket as an endpoint of a relay. */
struct endpoint session_endpoint(const struct session *session);

/* The number of datagrams that were dropped. */
uint64_t session_dropped(const struct session *session);

/* Dials addr and relays to it. The address and settings must outlive the session. */
void session_dial(struct session *session, struct dialer *dialer, const struct addr *addr,
		  const struct dial_settings *dialling, const struct relay_settings *relaying);
/* The session for which session_dial() started this dial. */
const struct session *session_of(const struct dial *dial);
/* The client of a session, for a command. */
void session_client(const struct session *session, struct spawn_client *client);
/* Relays to a local endpoint, which it takes over. */
void session_relay(struct session *session, const struct endpoint *accepted,
		   const struct endpoint *here, const struct relay_settings *relaying);
/* Runs a command on the socket; after max_time ns (UNITS_INF: never) the command gets SIGTERM, and
 * 5 seconds later SIGKILL. */
void session_command(struct session *session, const struct spawn *spawn, uint64_t max_time);
/* Runs a command on a terminal of its own. */
void session_terminal(struct session *session, const struct spawn *spawn,
		      const struct relay_settings *relaying);
/* Asks a session to end, with "signal" as the reason. Pending bytes are still written, for at most
 * grace ns; a command gets SIGTERM. */
void session_stop(struct session *session, uint64_t grace);
/* Ends the sessions whose commands have exited. Call it after SIGCHLD. */
void session_reap(struct session_group *group);
/* Ends a session whose command has exited with this waitpid(2) status: writes a record "done". */
void session_exited(struct session *session, int status);
/* Writes the record "deny" or "fail" of a session, which session_close() must end afterwards. */
void session_denied(struct session *session, const char *why);
void session_failed(struct session *session, const struct explanation *why);
/* Ends it, without a record. */
void session_close(struct session *session);
/* Ends a session that was served without a relay: writes a record "done". The relay's result and
 * counts of bytes are the caller's to fill in. */
void session_served(struct session *session);
/* Ends a session that this machine cannot serve, because of a positive errno: writes a record
 * "fail". */
void session_cannot_serve(struct session *session, int error);
/* Refuses a session: writes a record "deny" with the reason and closes the socket. */
void session_deny(struct session *session, const char *why);

/* Ends a relayed session at once, with a record "fail" that has these reasons. */
void session_drop(struct session *session, const char *end, const char *why);

/* session_stop() for all sessions. */
void session_stop_all(struct session_group *group, uint64_t grace);
/* Frees all at once, without a record. */
void session_free_all(struct session_group *group);

#endif
