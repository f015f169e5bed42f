/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * readiness: the service of --notify: receives what guests tell their service manager
 * (sd_notify(3)), such as READY=1 when the systemd of a guest has booted.
 *
 * Theory of operation: a connection carries one message of lines NAME=VALUE. It ends with the end
 * of file; or, because some devices do not pass a half-close on, when nothing more has come for a
 * while. Then the connection is closed at once, since the sender waits for that: the first process
 * of a guest does nothing else meanwhile.
 *
 * Our own service manager is notified at most five times a second, and never waited for while
 * guests are served: they may send a lot, and its queue is short.
 */
#ifndef LISTEN_READINESS_H
#define LISTEN_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "net/peer.h"
#include "serve/session.h"

#define READINESS_MAX 4096 /* bytes of a message, as in systemd */
#define READINESS_STATUS_MAX 600 /* bytes of a STATUS that is passed on, with its NUL */

struct readiness {
	struct loop *loop; /* the caller's */
	/* A message has come, and its connection is closed. */
	void (*told)(struct readiness *readiness, const struct peer *from, const char *message,
		     size_t size);
	/* What is to be passed on. */
	bool ready;
	char status[READINESS_STATUS_MAX]; /* "STATUS=..."; "": none */
	struct timer again;
	bool warned;
};

/* Serves the session, and ends it. readiness must outlive it. */
void readiness_serve(struct session *session, struct readiness *readiness);

/* The next line of a message, without its end; empty ones are left out. *at is where to go on, from
 * 0. NULL: there is none. */
const char *readiness_line(const char *message, size_t size, size_t *at, size_t *length);
/* Prints a message, a line or an object of JSON for each of its lines. */
void readiness_print(FILE *out, bool json, const struct peer *from, const char *message,
		     size_t size);
/* Does a message have this line? */
bool readiness_has(const char *message, size_t size, const char *line);
/* Tells our own service manager, soon, what of a message is for it: READY=1 and STATUS. A guest is
 * not trusted with the rest, such as MAINPID. */
void readiness_forward(struct readiness *readiness, const char *message, size_t size);
/* Sends it now what is still to be passed on, and waits at most 5 s for it. For the end. */
void readiness_finish(struct readiness *readiness);

#endif
