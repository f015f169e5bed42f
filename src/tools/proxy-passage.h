/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxy-passage: options of vsock-proxy that are keys of rules too, and what only all rules together tell of them. */
#ifndef TOOLS_PROXY_PASSAGE_H
#define TOOLS_PROXY_PASSAGE_H

#include "base/opt.h"
#include "serve/rules.h"

/* --allow-dest --send-proxy … Into a struct passage_settings. */
extern const struct opt passage_opts[];
/* --accept-rate --total-rate --max-memory. Likewise. */
extern const struct opt limit_opts[];

/* Are --allow-dest and --deny-dest good? Before rules are read. 0 or the exit status, said. */
int proxy_check_dests(const struct passage_settings *passage);
/* Does any rule heed them? 0 or the exit status, said. */
int proxy_check_dests_used(const struct passage_settings *passage, const struct rules *rules);

/* How many bytes --max-memory is; asked 0: auto. */
uint64_t proxy_max_memory(uint64_t asked);

#endif
