/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics: what a router has done, as Prometheus reads it (text format 0.0.4). */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include <stdio.h>

#include "serve/router.h"

void metrics_write(struct router *router, FILE *out);

#endif
