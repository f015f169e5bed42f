/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passage: options of vsock-proxy that are also keys of rules, and the checks that need all rules.
 */
#ifndef PROXY_PASSAGE_H
#define PROXY_PASSAGE_H

#include "base/opt.h"
#include "proxy/rules/rules.h"

/* --allow-dest --send-proxy … Into a struct passage_settings. */
extern const struct opt passage_opts[];
/* --accept-rate --total-rate --max-memory. Likewise. */
extern const struct opt limit_opts[];

/* Checks --allow-dest and --deny-dest before the rules are read. 0, or an exit status after
 * reporting the error. */
int proxy_check_dests(const struct passage_settings *passage);
/* Checks that they apply to at least one rule. 0, or an exit status after reporting the error. */
int proxy_check_dests_used(const struct passage_settings *passage, const struct rules *rules);

/* The bytes of --max-memory; asked 0: auto. */
uint64_t proxy_max_memory(uint64_t asked);

#endif
