/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proxy-header: the header of the PROXY protocol, versions 1 (text) and 2 (binary), with which a
 * proxy passes on its client's address. It does no I/O: the reader gets everything received so far,
 * and takes the header and nothing after it.
 *
 * The protocol defines TCP and UNIX sockets, but receivers refuse UNIX sockets, and vsock is not
 * defined. For such a client version 2 sends LOCAL, which every receiver accepts, with TLVs of
 * types for custom use:
 *
 *   0xE0, 0xE1  CID and port of the client, 4 bytes each, in network order
 *   0xE2, 0xE3  the same of the address that it connected to
 *   0xE4, 0xE5  the paths of both UNIX sockets, with @ for an abstract one; empty: no path
 *
 * The reader accepts both after LOCAL and after PROXY with an unspecified family. Version 1 can
 * only send UNKNOWN for such a client.
 */
#ifndef PROXY_PROTOCOLS_PROXY_HEADER_H
#define PROXY_PROTOCOLS_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ends.h"

#define PROXY_V1_MAX 107 /* bytes, including the line end */
#define PROXY_V2_MAX 4096 /* the longest we accept; the protocol permits 64 KiB */
#define PROXY_HEADER_MAX 536 /* the longest we send */

enum proxy_header_state {
	PROXY_HEADER_MORE, /* the header is not complete yet */
	PROXY_HEADER_OK,
	PROXY_HEADER_BAD, /* *why has the reason, a constant */
};

/* Sets *header and its length *used, if it returns PROXY_HEADER_OK. */
enum proxy_header_state proxy_header_read(const uint8_t *data, size_t size, struct ends *header,
					  size_t *used, const char **why);
/* Writes a header with header's version and ends, and returns its length. */
size_t proxy_header_make(const struct ends *header, uint8_t data[PROXY_HEADER_MAX]);

#endif
