/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status-client: vsock-proxy --status, which asks running processes for their status and prints it
 * as a table or as JSON. */
#ifndef PROXY_STATUS_CLIENT_H
#define PROXY_STATUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy_status {
	const char *address; /* a status socket; NULL: all that are found */
	bool json, conns, watch;
	uint64_t interval; /* ns, for watch */
};

/* Prints the status, with watch repeatedly. Returns the exit status after reporting any error. */
int proxy_status(const struct proxy_status *wanted);

/* Writes the path of this process's status socket, for use without --status-socket, and makes its
 * directory. False: there is no suitable directory. */
bool proxy_status_path(char *buf, size_t size);

#endif
