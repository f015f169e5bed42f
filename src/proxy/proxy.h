/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proxy: what the files of vsock-proxy share. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/change.h"
#include "proxy/router/text-server.h"
#include "proxy/rules/rules.h"
#include "proxy/supervisor/supervisor.h"
#include "serve/user.h"
#include "cli/tool.h"

enum sandbox { SANDBOX_AUTO, SANDBOX_REQUIRE };

struct proxy_options {
	struct opt_list files; /* --rules */
	bool check, reload_on_change;
	const char *metrics, *status_socket; /* addresses */
	bool status, watch, json;
	uint64_t interval; /* ns; 0: not given */
	const char *user;
	bool no_sandbox;
	unsigned sandbox; /* enum sandbox */
};
extern const struct opt proxy_opts[]; /* into a struct proxy_options */
extern const struct opt route_opts[]; /* into a struct route_settings */

struct proxy {
	struct supervisor supervisor; /* first */
	struct common_options common;
	struct proxy_options options;
	struct rule_settings settings; /* of the options; what the server's settings are too */
	struct loop_settings looping; /* of the worker */
	const struct opt_table *keys, *tables; /* of rules, and of the command line */

	char **words; /* the rules of the command line */
	size_t word_count;
	struct change change;
	struct text_server metrics, status;
	struct user user;
	struct user worker_user; /* of the worker and of look-ups */
	struct program program;
	char files[256]; /* of --rules, for the status */
};

/* Reads the hosts files and all rules. again: this is a reload or a restart. 0 or the exit status,
 * with the error reported. */
int proxy_load(const struct proxy *proxy, bool again, struct rules *rules);

/* Serves the rules, which are taken over, until the end: the exit status, reported. */
int proxy_run(struct proxy *proxy, struct rules *rules);

#endif
