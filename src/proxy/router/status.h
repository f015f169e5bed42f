/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status: writes the state of a router as one JSON object, for vsock-proxy --status and other
 * programs. Its first member identifies vsock-proxy.
 */
#ifndef PROXY_ROUTER_STATUS_H
#define PROXY_ROUTER_STATUS_H

#include <stdio.h>

#include "proxy/router/router.h"

#define STATUS_MAGIC "vsock-proxy" /* the key of the version */
#define STATUS_ASK "status\n"
#define STATUS_ASK_CONNS "status conns\n"

/* Answers a request, one of the above; any other is treated like the first. files names the rules
 * files, or is "". */
void status_write(struct router *router, const char *files, const char *request, FILE *out);

#endif
