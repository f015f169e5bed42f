/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-json: the output of vsock-proxy --check --json: one object per line for each mistake, or if
 * there are none for each rule. */
#ifndef PROXY_CHECK_JSON_H
#define PROXY_CHECK_JSON_H

#include "proxy/rules/rules.h"

/* Prints each reported mistake as JSON. */
extern struct text_hearer proxy_check_hearer;
void proxy_check_rules(const struct rules *rules);

#endif
