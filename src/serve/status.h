/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status: what a router does now, for vsock-proxy --status: as one JSON object, or as lines of fields with TABs between,
 * which a table is made of:
 *
 *   process   VERSION PID UPTIME RELOADED LIMIT OPEN FILES   times are ns ago; RELOADED is empty where it never was
 *   rule      LABEL LISTEN CONNECT OPEN TOTAL FAILED UP DOWN
 *   trouble   AGO LABEL NUMBER WHAT
 *   conn      NUMBER FROM TO LABEL AGE UP DOWN               only where they were asked for
 */
#ifndef SERVE_STATUS_H
#define SERVE_STATUS_H

#include <stdio.h>

#include "serve/router.h"

#define STATUS_ASK_TABLE "table\n"
#define STATUS_ASK_TABLE_CONNS "table conns\n"
#define STATUS_ASK_JSON "json\n"
#define STATUS_ASK_JSON_CONNS "json conns\n"

/* Answers a request, one of the above; what is not one of them gets JSON. files: what the rules come from, or "". */
void status_write(struct router *router, const char *files, const char *request, FILE *out);

#endif
