/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ends: the two ends of a connection, from its socket or from a PROXY header.
 */
#ifndef NET_ENDS_H
#define NET_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/peer.h"

#define ENDS_PATH_MAX 108

struct one_end {
	struct peer peer; /* ADDR_NONE: not known */
	char path[ENDS_PATH_MAX + 1]; /* UNIX: "" not known; an abstract name begins with @ */
};

struct ends {
	uint8_t version; /* version of the PROXY header, 1 or 2; 0: there was none */
	bool local; /* the proxy's own connection (LOCAL), such as a health check; the ends are not
		       known */
	struct one_end from, to;
};

/* Finds the ends of an accepted socket with this peer. */
void ends_of_socket(int fd, const struct peer *peer, struct ends *ends);

#define ENDS_TEXT_MAX (PEER_TEXT_MAX + 4 * ENDS_PATH_MAX)
/* "tcp:192.0.2.1:51034", "unix:/run/x", "vsock:3:1024"; "" if it is not known. Returns buf. */
char *ends_format(const struct one_end *end, char *buf, size_t size);

#endif
