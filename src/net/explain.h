/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain: turns a failure into a sentence with its cause, a hint and the exit status.
 *
 * One table has an entry for every errno of every step and family. Facts about this machine
 * (net/machine) decide between causes that share an errno.
 */
#ifndef NET_EXPLAIN_H
#define NET_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

/* The exit status, the same in all programs. */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILURE = 1, /* address in use, I/O, anything else */
	STATUS_USAGE = 2, /* usage, bad address or rule */
	STATUS_REFUSED = 3, /* nothing listens */
	STATUS_ABSENT = 4, /* no such CID, host or device */
	STATUS_TIMEOUT = 5,
	STATUS_DENIED = 6, /* not permitted */
	STATUS_BROKEN = 7, /* connection broke: VM gone, reset, stdin not delivered whole */
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
};

enum step {
	STEP_RESOLVE, /* error is an EAI_ code, negative as getaddrinfo returns it, or ETIMEDOUT */
	STEP_NETNS, /* entering the network namespace of netns= */
	STEP_SOCKET,
	STEP_OPTION, /* setsockopt */
	STEP_BIND,
	STEP_OWN, /* owner=, group= and mode= of a UNIX listener; ENOENT no such user, ESRCH no such
		     group, ESTALE and EIDRM: its file has been replaced or removed */
	STEP_LISTEN,
	STEP_PERMIT, /* a rule forbids connecting there: see detail */
	STEP_CONNECT,
	STEP_HANDSHAKE, /* hybrid vsock: ECONNRESET closed without an answer, EPROTO a wrong answer,
			   ETIMEDOUT none */
	STEP_ACCEPT,
	STEP_RELAY, /* an established connection broke: ECONNRESET, EPIPE, ETIMEDOUT, … */
};

struct failure {
	enum step step;
	int error; /* errno, positive; for STEP_RESOLVE an EAI_ code */
	uint64_t waited; /* ns spent waiting, for "did not answer in 10 s"; 0: not known */
	const char *detail; /* for example the wrong answer of a handshake, escaped; or NULL */
};

#define EXPLAIN_WORD_MAX 48

struct explanation {
	enum status status;
	bool may_heal; /* temporary: --wait keeps retrying */
	const char *end; /* in records, a constant: refused timeout reset vm-gone io denied … */
	char word[EXPLAIN_WORD_MAX]; /* the same for all addresses: "refused", "no such CID" */
	char what[256]; /* "refused: nothing listens on port 22 of CID 3, or its backlog is full" */
	char hint[256]; /* or "" */
};

struct machine;

/* Is this errno or EAI_ code a lack of descriptors, memory or free ports here? It tells nothing
 * about the other end, and may be over when something is closed. */
bool explain_is_shortage(int error);

/* Never fails: an errno without an entry is explained with strerror() and status 1. Reads /proc;
 * loads no module. */
void explain(const struct addr *addr, const struct failure *failure,
	     struct explanation *explanation);

/* The same without looking at the machine, for callers that cannot or must not wait. Of several
 * causes that share an errno it names the most common. */
void explain_briefly(const struct addr *addr, const struct failure *failure,
		     struct explanation *explanation);
/* Would explain() look at the machine? */
bool explain_looks(const struct addr *addr, const struct failure *failure);

/* Do two failures with the same address have the same explanation? That of a timeout names the
 * time, which must be the same but for how late a timer was. */
bool explain_same(const struct failure *failure, const struct failure *other);

/* What hints suggest for waiting where --wait cannot be added to the present command: another
 * command, which is not copied. */
void explain_wait_by(const char *command);

/* Explains a failure and logs it: an error with the address, and the hint. Returns the exit status.
 */
int explain_say(const struct addr *addr, const struct failure *failure);
/* The same without looking at the machine. */
int explain_say_briefly(const struct addr *addr, const struct failure *failure);

/* The same as explain() for a machine that was already examined, with its guests; for many
 * failures, and for tests. Without a machine (NULL) nothing is said about it. */
void explain_on(const struct machine *machine, const struct addr *addr,
		const struct failure *failure, struct explanation *explanation);

/* Is this a vsock listener that nobody can reach, because bind(any) succeeds even without a
 * transport? If so, fills in what and hint for a warning, and returns true. */
bool explain_deaf_listener(const struct machine *machine, const struct addr *addr,
			   struct explanation *explanation);

/* Writes the command that gives this machine a transport to guests, to its host or to itself, such
 * as "sudo modprobe vhost_vsock", or a sentence if no command helps. Returns buf. */
enum explain_transport { EXPLAIN_TO_GUESTS, EXPLAIN_TO_HOST, EXPLAIN_TO_SELF };
char *explain_fix(const struct machine *machine, enum explain_transport transport, char *buf,
		  size_t size);

#endif
