/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record: writes the data of a relay to a pcapng file, with each connection as a TCP conversation;
 * record.c explains why.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "relay/relay.h"

/* One side of the conversation as the packets show it. */
struct record_side {
	unsigned char ip[16]; /* IPv4: the first four bytes */
	uint16_t port;
	uint32_t sequence; /* of the next byte that it sends */
	uint32_t acknowledged; /* the other side's bytes acknowledged so far */
	bool ended; /* its FIN is in the file */
};

struct record {
	struct relay_tap tap; /* for relay_settings.tap */
	const char *name;
	int fd; /* -1: not open, or abandoned after an error */
	int error; /* positive errno of the error that ended the recording, or 0 */
	bool v6;
	bool open; /* a conversation is in progress */
	int us; /* the side that sends outbound packets */
	uint32_t conversations; /* so far; each has an interface of its own, which carries its
				 * comment
				 */
	uint64_t size; /* bytes of complete blocks in the file */
	struct record_side side[2];
};

/* Opens and empties a file; a new one has mode 0600. us is our side of the relays. 0 or a negative
 * errno. */
int record_open(struct record *record, const char *name, int us);
/* Starts a conversation: end[0] of the relay has connected to end[1]. The peer's address comes from
 * the socket fd, and from addr what the kernel does not report. Like the others it does nothing if
 * no file is open. */
void record_begin(struct record *record, const struct addr *addr, int fd);
/* Ends the conversation: broken is the side 0 or 1 that reset it, or -1 for a clean end. */
void record_end(struct record *record, int broken);
/* Closes the file. 0, or the negative errno of an error that was already reported. */
int record_close(struct record *record);

#endif
