/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxy: what the files of vsock-proxy share. */
#ifndef TOOLS_PROXY_H
#define TOOLS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/bundle.h"
#include "serve/change.h"
#include "serve/page.h"
#include "serve/rules.h"
#include "serve/supervisor.h"
#include "serve/user.h"
#include "tools/common.h"

struct proxy_options {
	struct opt_list files; /* --rules */
	bool check, reload_on_change;
	const char *metrics, *status_socket; /* addresses */
	bool status, watch, json;
	uint64_t interval;
	const char *user;
	bool no_sandbox;
};
extern const struct opt proxy_opts[]; /* into a struct proxy_options */
extern const struct opt route_opts[]; /* into a struct route_settings */

struct proxy {
	struct supervisor supervisor; /* first */
	struct common_options common;
	struct proxy_options options;
	struct rule_settings settings; /* of the options; what the server's settings are too */
	const struct opt_table *keys;

	char **words; /* the rules of the command line */
	size_t word_count;
	struct change change;
	struct page metrics, status;
	struct user user;
	struct program program;
	char files[256]; /* of --rules, for the status */
};

/* Reads the hosts files and all rules, and keeps in the bundle what they were read from. 0 or the exit status, said. */
int proxy_load(const struct proxy *proxy, struct rules *rules, struct bundle *bundle);
/* The same rules from the bundle: 0 or the exit status, said. */
int proxy_read_bundle(const struct proxy *proxy, const struct bundle *bundle, struct rules *rules);

/* Serves the rules, which are taken over, until the end: the exit status, said. */
int proxy_run(struct proxy *proxy, struct rules *rules);

#endif
