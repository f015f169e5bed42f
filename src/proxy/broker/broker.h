/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broker: the protocol between a supervisor and its worker.
 *
 *   supervisor                         worker
 *   LISTENER (sockets of a rule) …
 *   PLAN (the rules)            ->     serves them
 *                               <-     DONE
 *   SIGNAL, RETIRE, FAILED, PING ->
 *                               <-     IDLE: --exit-idle
 *   LEAVE                       ->
 *                               <-     PONG
 *                               <-     OPEN: what the worker may not open itself
 *   OPENED (a descriptor)       ->
 *                               <-     LOOK_UP: a name
 *   FOUND (addresses)           ->
 *                               <-     EXPLAIN: why a connection failed
 *   EXPLAINED (a sentence)      ->
 *
 * The worker obeys the supervisor. The supervisor trusts nothing that the worker sends: the table
 * in proxy/supervisor/receive.c lists which messages are allowed, and when.
 *
 * Theory of operation: messages down to the worker use a SOCK_SEQPACKET pair and may carry
 * descriptors. Messages up use a pipe, each with its length before it, so that the worker cannot
 * send descriptors. (With SO_LINGER a worker could make closing a socket block, and an unread
 * message keeps its descriptors open.) Each message is encoded field by field (base/wire).
 * Neither end ever blocks: what does not fit waits in a queue.
 */
#ifndef PROXY_BROKER_BROKER_H
#define PROXY_BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/explain.h"
#include "net/resolve.h"
#include "net/socket.h"
#include "serve/spawn.h"

#define BROKER_DESCRIPTORS_MAX 128 /* of one message */
#define BROKER_DETAIL_MAX 192

enum broker_type {
	BROKER_LISTENER = 1, /* rule, port, flags; descriptors of its sockets */
	BROKER_PLAN, /* a descriptor for plan_read() */
	BROKER_ROOM, /* accept nothing until PLAN or FAILED, and say how much room there is */
	BROKER_FAILED, /* a reload: nothing has changed */
	BROKER_SIGNAL, /* number */
	BROKER_RETIRE, /* another process has the listeners, and the text servers except those of
			  this process */
	BROKER_PING, /* id */
	BROKER_LEAVE, /* end with 0, unless there is a connection after all */
	BROKER_OPENED, /* id; a descriptor, or step, number (errno) and detail */
	BROKER_FOUND, /* id; number (EAI_) or places */
	BROKER_EXPLAINED, /* id; why */
	BROKER_DONE, /* the rules are served */
	BROKER_PONG, /* id of the PING */
	BROKER_HAS_ROOM, /* number of listening sockets that there are descriptors for */
	BROKER_IDLE, /* nothing has been open for the time of --exit-idle */
	/* with a target: its rule, its index (target), and where its client wants to go (host) */
	BROKER_OPEN, /* id; a target; place, timeout, client */
	BROKER_LOOK_UP, /* id; a target; share, port */
	BROKER_EXPLAIN, /* id; a target; step, number, waited */
	BROKER_TYPES, /* the number of types */
};
#define BROKER_FIRST_UP BROKER_DONE

/* The listener of a text server has this in place of the id of a rule; port is the server's number.
 */
#define BROKER_PAGE 0

enum { BROKER_CONNECTED = 1, BROKER_GUARDED = 2 }; /* see struct listener */

struct broker_message {
	uint8_t type; /* enum broker_type */
	uint32_t id; /* of a request and its answer */
	uint64_t rule; /* its id */
	uint32_t target; /* router_index() in the rule */
	uint32_t port; /* of LISTENER: its place in the rule; of LOOK_UP: a TCP port */
	uint32_t share; /* see resolver_ask_for() */
	char host[256]; /* where the client of an open-ended target wants to go; else "" */
	uint32_t flags;
	int32_t number;
	uint32_t step; /* enum step */
	uint64_t timeout, waited; /* ns */
	struct place place; /* of TCP or UDP; length 0: none */
	struct places places;
	struct spawn_client client; /* exec: the client of the command */
	struct explanation why;
	char detail[BROKER_DETAIL_MAX];
};

#define BROKER_SIZE_MAX 4096 /* bytes of an encoded message */

/* Encodes one into BROKER_SIZE_MAX bytes, and decodes one: its size, or -EPROTO. up: one of the
 * worker's. */
int broker_encode(const struct broker_message *message, void *data);
int broker_decode(struct broker_message *message, const void *data, size_t size, bool up);
/* The name of a type for messages: "OPEN", or "unknown". */
const char *broker_name(unsigned type);

/* Messages of one end that are not sent yet. */
struct broker_queue {
	struct broker_parcel *first;
	size_t count;
};
/* Sends queued messages while there is room. 0: the queue is empty; -EAGAIN; or another negative
 * errno. */
int broker_flush(struct broker_queue *queue, int channel);
void broker_forget(struct broker_queue *queue);

/* Down: sends at once, or returns -EAGAIN. The descriptors stay open here. 0 or a negative errno.
 */
int broker_send(int channel, const struct broker_message *message, const int *fds, size_t count);
/* Down or up: sends after queued messages, or queues it. Takes over fd; -1: none. 0 or a negative
 * errno. */
int broker_post(struct broker_queue *queue, int channel, const struct broker_message *message,
		int fd);

/* In the worker: receives one: 1, with as many descriptors as its type has, close-on-exec, which
 * are the caller's; 0: none is there; -EPIPE: the other end is gone, or talks nonsense; -EMFILE:
 * there is no room for its descriptors; or another negative errno. OPENED without room arrives as a
 * failure to open. wait: until there is one. */
int broker_receive(int channel, struct broker_message *message, int *fds, size_t *count, bool wait);

/* An incomplete message from the worker. */
struct broker_input {
	size_t size;
	uint8_t data[sizeof(uint32_t) + BROKER_SIZE_MAX];
};
/* In the supervisor: reads one, and no byte of the next: 1; 0: none is there; -EPIPE: the other end
 * is gone; -EPROTO: it sent an invalid message. */
int broker_read(struct broker_input *input, int channel, struct broker_message *message);

/* The ends of the supervisor and of the worker, close-on-exec and non-blocking: [0] is for what
 * goes down, [1] for what comes up. 0 or a negative errno. */
int broker_ends(int supervisor[2], int worker[2]);

#endif
