/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broker: what a supervisor and its worker say to each other: messages on a SOCK_SEQPACKET pair, with descriptors
 * (SCM_RIGHTS).
 *
 *   supervisor                         worker
 *   LISTENER (sockets of a rule) …
 *   RULES (the texts)           ->     reads them, serves them
 *                               <-     DONE
 *   SIGNAL, RETIRE, FAILED, PING ->
 *                               <-     PONG
 *                               <-     OPEN: what the worker may not open itself
 *   OPENED (a descriptor)       ->
 *
 * The worker obeys the supervisor. The supervisor believes nothing that the worker says: what it is asked to open must be a
 * target of its own rules.
 */
#ifndef SERVE_BROKER_H
#define SERVE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/explain.h"
#include "net/socket.h"
#include "serve/spawn.h"

#define BROKER_DESCRIPTORS_MAX 128 /* of one message */

enum broker_type {
	BROKER_LISTENER = 1, /* rule, port, flags */
	BROKER_RULES,
	BROKER_FAILED, /* a reload: nothing has changed */
	BROKER_SIGNAL, /* number */
	BROKER_RETIRE, /* another process has the listeners, and the pages but those of this one */
	BROKER_PING,
	BROKER_OPENED, /* question; a descriptor, or step and number (errno) */
	BROKER_DONE,   /* number: 0, or the exit status with which the worker ends */
	BROKER_PONG,
	BROKER_OPEN, /* question, text, place, timeout, client */
};

/* Instead of a rule's number. */
#define BROKER_PAGE UINT32_MAX /* port: which page */

enum { BROKER_CONNECTED = 1, BROKER_GUARDED = 2 }; /* see struct listener */

struct broker_message {
	uint32_t type; /* enum broker_type */
	uint32_t question;
	uint32_t rule, port; /* the rule's place in the list, and the port's in the rule */
	uint32_t flags;
	int32_t number;
	uint32_t step; /* enum step */
	uint64_t timeout; /* ns */
	struct place place; /* TCP; length 0: none */
	struct spawn_client client; /* exec: whose command it is */
	char text[ADDR_TEXT_MAX]; /* the target, as addr_format() writes it */
};

/* Sends; descriptors stay open here. wait: where there is no room for it, the supervisor for some seconds, the worker for
 * ever. 0 or a negative errno: -EAGAIN: the other end does not read. */
int broker_send(int channel, const struct broker_message *message, const int *fds, size_t count, bool wait);
/* Receives one: 1, with at most BROKER_DESCRIPTORS_MAX descriptors, close-on-exec, which are the caller's; 0: none is
 * there; -EPIPE: the other end is gone, or talks nonsense. wait: until there is one. */
int broker_receive(int channel, struct broker_message *message, int *fds, size_t *count, bool wait);
/* The supervisor's end and the worker's, close-on-exec. 0 or a negative errno. */
int broker_pair(int ends[2]);

#endif
