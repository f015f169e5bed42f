/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain: why did it fail, in a sentence, with what to do, and the exit status.
 *
 * Every errno of every step for every family is an entry in one table; facts about this machine (net/machine) decide
 * between causes that share an errno.
 */
#ifndef NET_EXPLAIN_H
#define NET_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

/* The exit status, the same in all programs. */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILURE = 1,   /* address in use, I/O, anything else */
	STATUS_USAGE = 2,     /* usage, bad address or rule */
	STATUS_REFUSED = 3,   /* nothing listens */
	STATUS_ABSENT = 4,    /* no such CID, host or device */
	STATUS_TIMEOUT = 5,
	STATUS_DENIED = 6,    /* not permitted */
	STATUS_BROKEN = 7,    /* connection broke: VM gone, reset, stdin not delivered whole */
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
};

enum step {
	STEP_RESOLVE, /* error is an EAI_ code, negative as getaddrinfo returns it */
	STEP_SOCKET,
	STEP_OPTION, /* setsockopt */
	STEP_BIND,
	STEP_OWN, /* owner=, group= and mode= of a UNIX listener; ENOENT no such user, ESRCH no such group */
	STEP_LISTEN,
	STEP_PERMIT, /* a rule forbids to connect there: detail tells */
	STEP_CONNECT,
	STEP_HANDSHAKE, /* hybrid vsock: ECONNRESET closed without a word, EPROTO garbage, ETIMEDOUT silence */
	STEP_ACCEPT,
	STEP_RELAY, /* an established connection broke: ECONNRESET, EPIPE, ETIMEDOUT, … */
};

struct failure {
	enum step step;
	int error;       /* errno, positive; for STEP_RESOLVE an EAI_ code */
	uint64_t waited; /* ns that were spent, for "did not answer in 10 s"; 0: not known */
	const char *detail; /* e.g. the garbage of a handshake, escaped; or NULL */
};

struct explanation {
	enum status status;
	bool may_heal;  /* --wait goes on */
	const char *end; /* word for records, a constant: refused timeout reset vm-gone io denied … */
	char what[256]; /* "refused: nothing listens on port 22 of CID 3, or its backlog is full" */
	char hint[256]; /* or "" */
};

struct machine;

/* Never fails: an errno that no entry names is told with strerror() and status 1. Reads /proc, loads nothing. */
void explain(const struct addr *addr, const struct failure *failure, struct explanation *explanation);

/* Says it: an error line with the address and what happened, and the hint. Returns the exit status. */
int explain_say(const struct addr *addr, const struct failure *failure);

/* The same as explain() on a machine that has been looked at (guests too); for who explains many, and for tests. */
void explain_on(const struct machine *machine, const struct addr *addr, const struct failure *failure,
                struct explanation *explanation);

/* A listener on vsock that nobody can reach: bind(any) succeeds with no transport loaded. Fills in what and hint and
 * returns true if so (for a warning at start). */
bool explain_deaf_listener(const struct addr *addr, struct explanation *explanation);
bool explain_deaf_listener_on(const struct machine *machine, const struct addr *addr, struct explanation *explanation);

/* The command that gives this machine a transport to guests, to its host or to itself: what vsock-info tells, too. Returns
 * buf: "sudo modprobe vhost_vsock", or a sentence where no command helps. */
enum explain_transport { EXPLAIN_TO_GUESTS, EXPLAIN_TO_HOST, EXPLAIN_TO_SELF };
char *explain_mend(const struct machine *machine, enum explain_transport transport, char *buf, size_t size);

#endif
