/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run-link: reads and writes frames on a non-blocking stream socket.
 *
 * It never reads beyond the frame that it is reading, so that the socket can be handed on: what
 * follows the first frame of a data connection is the stream's. One frame is read in each turn of
 * the loop. A length is checked before memory is taken for it, and memory grows with what has
 * really come.
 */
#ifndef CLI_RUN_LINK_H
#define CLI_RUN_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "cli/run-frame.h"
#include "relay/loop.h"

struct run_link {
	struct watch watch;
	struct loop *loop;
	int fd; /* the caller's; -1: stopped */
	uint8_t header[RUN_HEADER];
	uint8_t *payload; /* owned */
	size_t room, got; /* bytes: of payload; of header and payload, so far */
	uint8_t *pending; /* owned: what the socket has not taken */
	size_t pending_length;
	uint64_t heard; /* ns: when bytes came last */
	/* A frame has come. The payload is valid during the call, which may stop the link. */
	void (*frame)(struct run_link *link, uint8_t type, const uint8_t *payload, size_t size);
	/* Called once: the peer has closed the connection (0), it broke, or it sent what is no
	 * frame (-EPROTO). The link is stopped. */
	void (*over)(struct run_link *link, int error);
};

/* Starts on a connected socket. watch, unless NULL, is registered for it and is taken over. 0 or a
 * negative errno. */
int run_link_start(struct run_link *link, struct loop *loop, int fd, struct watch *connected);
/* Sends a frame, or bytes that are a whole frame. What cannot be sent now is sent later. An error
 * reaches over(), later. */
void run_link_send(struct run_link *link, const struct run_frame *frame);
void run_link_write(struct run_link *link, const uint8_t *data, size_t size);
/* Stops, and frees what it has; the descriptor stays open. May be called twice. */
void run_link_stop(struct run_link *link);

#endif
