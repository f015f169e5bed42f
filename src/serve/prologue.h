/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * prologue: the exchange with a client before its connection is relayed: a PROXY header or a SOCKS
 * or HTTP request, and the answer. A session knows only these steps; the implementation of each
 * protocol provides them.
 */
#ifndef SERVE_PROLOGUE_H
#define SERVE_PROLOGUE_H

#include <stdbool.h>

struct ends;
struct failure;
struct prologue;
struct session;

struct prologue_kind {
	/* The target is connected. 0, or a negative errno if one of the two sides is gone. */
	int (*connected)(struct session *session, int target);
	/* The relay has started: sends what the client sent after its request first. This may end
	 * the relay. */
	void (*relaying)(struct session *session);
	/* The target cannot be reached, and the record is written. True: the client gets an answer,
	 * and the session ends later. */
	bool (*refuse)(struct session *session, const struct failure *failure);
	/* The program is stopping. True: the client had not finished its request, and the session
	 * has ended. */
	bool (*stop)(struct session *session);
	/* The command of the session, its child, has exited with this waitpid(2) status, and the
	 * session goes on. NULL: there is no command before the connection is relayed. */
	void (*exited)(struct session *session, int status);
	void (*free)(struct session *session);
};

struct prologue {
	const struct prologue_kind *kind;
	char *client; /* the client's address from its PROXY header; owned; or NULL */
	char *dest; /* the client's destination before netfilter redirected it; owned; or NULL */
	const struct ends *told; /* the addresses from its PROXY header, or NULL */
};

#endif
