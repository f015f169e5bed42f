/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics: writes a router's counters in the Prometheus text format 0.0.4. */
#ifndef PROXY_ROUTER_METRICS_H
#define PROXY_ROUTER_METRICS_H

#include <stdio.h>

#include "proxy/router/router.h"

void metrics_write(struct router *router, FILE *out);

#endif
