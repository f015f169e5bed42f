/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record: writes what goes through a relay to a pcapng file, each connection as a TCP conversation; see record.c for why.
 */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "relay/relay.h"

/* One side of the conversation as the packets show it. */
struct record_side {
	unsigned char ip[16]; /* IPv4: the first four bytes */
	uint16_t port;
	uint32_t sequence;     /* of the next byte that it sends */
	uint32_t acknowledged; /* how much of the other's was */
	bool ended;            /* its FIN is in the file */
};

struct record {
	struct relay_tap tap; /* for relay_settings.tap */
	const char *name;
	int fd;        /* -1: not open, or given up */
	int error;     /* positive errno: why it was given up; 0: it was not */
	bool v6;
	bool open;     /* a conversation is */
	int us;        /* the side that packets go out from */
	uint32_t conversations; /* so far: each is on an interface of its own, which has its comment */
	uint64_t size; /* bytes of the file that are whole blocks */
	struct record_side side[2];
};

/* Opens a file, emptied; a new one has mode 0600. us: the side of relays that is ours, the other is the peer. 0 or a negative
 * errno. */
int record_open(struct record *record, const char *name, int us);
/* A conversation begins: end[0] of the relay has connected to end[1], and the peer is behind the socket fd; addr tells what the
 * kernel does not. Harmless where it is not open, as the others. */
void record_begin(struct record *record, const struct addr *addr, int fd);
/* It ends. broken: by side 0 or 1, which gets an RST; -1: by both in order. */
void record_end(struct record *record, int broken);
/* No more. 0, or the negative errno of what was said when the recording was given up. */
int record_close(struct record *record);

#endif
