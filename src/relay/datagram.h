/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * datagram: the framing of datagrams on a stream: the length in two bytes, high byte first, and the
 * data. An empty datagram is only a length. See vsock-proxy(1), "DATAGRAMS ON A STREAM".
 */
#ifndef RELAY_DATAGRAM_H
#define RELAY_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define DATAGRAM_HEADER 2
#define DATAGRAM_MAX 65535 /* bytes; UDP's own are at most 65507 and 65527 */
/* The distance between buffers when several are read at once: an odd number of cache lines, so that
 * their starts do not share a cache set. */
#define DATAGRAM_STRIDE (64 * 1057)
/* Bytes of frames pending for a stream above which datagrams are dropped. */
#define DATAGRAMS_KEPT (64U * 1024)

static inline void datagram_put_length(unsigned char *frame, size_t length)
{
	frame[0] = (unsigned char)(length >> 8);
	frame[1] = (unsigned char)length;
}

/* Does data begin with a complete frame? If so, *length is the length of its datagram, which starts
 * at data + DATAGRAM_HEADER. */
static inline bool datagram_frame(const unsigned char *data, size_t size, size_t *length)
{
	if (size < DATAGRAM_HEADER)
		return false;
	*length = (size_t)data[0] << 8 | data[1];
	return size - DATAGRAM_HEADER >= *length;
}

#endif
