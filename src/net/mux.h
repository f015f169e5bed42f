/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mux: the handshake of hybrid vsock (Firecracker, Cloud Hypervisor and others), as a parser that is fed with bytes.
 *
 * The caller connects to the VMM's UNIX socket, sends "CONNECT <port>\n" and reads "OK <host port>\n"; then the stream
 * begins. Where nothing listens in the guest the socket is closed without a word. Not one byte behind the OK line may
 * be taken: peek, feed, and consume what mux_feed() used.
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
	MUX_MORE,    /* the line isn't whole yet */
	MUX_OK,      /* the stream begins behind *used */
	MUX_GARBAGE, /* this is no OK line */
};

/* The request for a port, at most MUX_LINE_MAX bytes with NUL; returns its length. */
size_t mux_request(uint32_t port, char *buf, size_t size);
/* Takes bytes up to the end of the line, *used of them. Start from a zeroed struct. */
enum mux_state mux_feed(struct mux *mux, const char *data, size_t size, size_t *used);

#endif
