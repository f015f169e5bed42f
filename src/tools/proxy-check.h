/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxy-check: what vsock-proxy --check --json prints: an object a line for each mistake, or if there is none for each rule. */
#ifndef TOOLS_PROXY_CHECK_H
#define TOOLS_PROXY_CHECK_H

#include "serve/rules.h"

/* Prints each mistake that it is told of. */
extern struct text_hearer proxy_check_hearer;
void proxy_check_rules(const struct rules *rules);

#endif
