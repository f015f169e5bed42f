/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxy-status: vsock-proxy --status: asks running processes and prints what they say as a table or as JSON. */
#ifndef TOOLS_PROXY_STATUS_H
#define TOOLS_PROXY_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy_status {
	const char *address; /* of one status socket; NULL: all that are found */
	bool json, conns, watch;
	uint64_t interval;   /* ns, of watch */
};

/* Prints it; with watch again and again. The exit status, errors said. */
int proxy_status(const struct proxy_status *wanted);

/* Where a process puts its own socket, without --status-socket: makes the last folder. False: there is no place for it. */
bool proxy_status_path(char *buf, size_t size);

#endif
