/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proxy-header: the header of the PROXY protocol, versions 1 (text) and 2 (binary), with which a proxy tells who connected to
 * it. Pure: the reader is given all that has come so far; it takes the header and nothing that stands behind.
 *
 * The protocol knows TCP and UNIX sockets. A vsock peer is carried by version 2 as a connection of an unspecified family,
 * with TLVs of types that are free for own use, each a number of 4 bytes in network order:
 *
 *   0xE0 CID and 0xE1 port of who connected, 0xE2 CID and 0xE3 port of what was connected to
 *
 * Version 1 can only say UNKNOWN of it.
 */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/peer.h"

#define PROXY_V1_MAX 107   /* bytes, with the line end */
#define PROXY_V2_MAX 4096  /* that we take; the protocol could say 64 KiB */
#define PROXY_HEADER_MAX 536 /* that we make */
#define PROXY_PATH_MAX 108

/* One end of the connection that the header is about. */
struct proxy_end {
	struct peer peer;             /* ADDR_NONE: not told */
	char path[PROXY_PATH_MAX + 1]; /* UNIX: "" not told; an abstract name begins with @ */
};

struct proxy_header {
	uint8_t version; /* 1 or 2 */
	bool local;      /* the proxy speaks for itself (LOCAL): a health check; the ends are not told */
	struct proxy_end from, to;
};

enum proxy_header_state {
	PROXY_HEADER_MORE, /* it isn't whole yet */
	PROXY_HEADER_OK,
	PROXY_HEADER_BAD,  /* *why tells, a constant */
};

enum proxy_header_state proxy_header_read(const uint8_t *data, size_t size, struct proxy_header *header, size_t *used,
                                          const char **why);
/* Makes the header that tells header's ends, in header's version; returns its length. */
size_t proxy_header_make(const struct proxy_header *header, uint8_t data[PROXY_HEADER_MAX]);
/* The ends of an accepted socket, whose peer was recorded. */
void proxy_header_of_socket(int fd, const struct peer *peer, struct proxy_header *header);

#define PROXY_END_TEXT_MAX (PEER_TEXT_MAX + 4 * PROXY_PATH_MAX)
/* "tcp:192.0.2.1:51034", "unix:/run/x", "vsock:3:1024"; "" where it is not told. Returns buf. */
char *proxy_end_format(const struct proxy_end *end, char *buf, size_t size);

#endif
