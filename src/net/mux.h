/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mux: the handshake of hybrid vsock (Firecracker, Cloud Hypervisor and others), as a parser that
 * is fed with bytes as they arrive.
 *
 * The caller connects to the VMM's UNIX socket, sends "CONNECT <port>\n" and reads "OK <host
 * port>\n"; then the stream begins. If nothing listens in the guest, the VMM closes the socket
 * without an answer. No byte after the OK line may be consumed: peek, feed, and then consume what
 * mux_feed() used.
 */
#ifndef NET_MUX_H
#define NET_MUX_H

#include <stddef.h>
#include <stdint.h>

#define MUX_LINE_MAX 32 /* "OK 4294967295\n" with room to spare */

struct mux {
	char line[MUX_LINE_MAX];
	size_t length;
};

enum mux_state {
	MUX_MORE, /* the line is not complete yet */
	MUX_OK, /* the stream begins after *used bytes */
	MUX_GARBAGE, /* this is not an OK line */
};

/* Writes the request for a port, at most MUX_LINE_MAX bytes with the NUL, and returns its length.
 */
size_t mux_request(uint32_t port, char *buf, size_t size);
/* Takes *used bytes, up to the end of the line. Start with a zeroed struct. */
enum mux_state mux_feed(struct mux *mux, const char *data, size_t size, size_t *used);

#endif
