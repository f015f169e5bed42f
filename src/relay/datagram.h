/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * datagram: what a datagram is on a stream: two bytes of length, the higher first, and so many bytes. An empty one is its
 * length alone. See vsock-proxy(1), "DATAGRAMS ON A STREAM".
 */
#ifndef RELAY_DATAGRAM_H
#define RELAY_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define DATAGRAM_HEADER 2
#define DATAGRAM_MAX 65535 /* bytes; UDP's own are at most 65507 and 65527 */
/* From one to the next where several are read at once: an odd number of cache lines, so that their begins don't share one set. */
#define DATAGRAM_STRIDE (64 * 1057)
#define DATAGRAMS_KEPT (64U * 1024) /* bytes of frames: when so much waits for a stream, what comes is dropped */

static inline void datagram_put_length(unsigned char *frame, size_t length)
{
	frame[0] = (unsigned char)(length >> 8);
	frame[1] = (unsigned char)length;
}

/* Does data begin with a whole frame? Then *length is that of its datagram, which begins at data + DATAGRAM_HEADER. */
static inline bool datagram_frame(const unsigned char *data, size_t size, size_t *length)
{
	if (size < DATAGRAM_HEADER)
		return false;
	*length = (size_t)data[0] << 8 | data[1];
	return size - DATAGRAM_HEADER >= *length;
}

#endif
