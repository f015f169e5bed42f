/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that only vsock-proxy has. */
#include "config.h"

#include <stddef.h>

#include "tools/proxy.h"

static const char *const balances[] = { "first", "round-robin", "least", NULL };
const struct opt route_opts[] = {
	{ .name = "balance", .group = "Rules", .type = OPT_CHOICE, .value = "WAY", .fallback = "first", .choices = balances,
	  .text = "where a rule has more targets: first, round-robin or least (connections)", .flags = OPT_RULE,
	  .offset = offsetof(struct route_settings, balance) },
	{ 0 },
};
const struct opt proxy_opts[] = {
	{ .name = "rules", .letter = 'f', .group = "Rules", .type = OPT_LIST, .value = "FILE", .flags = OPT_BRIEF,
	  .text = "read rules from it, one a line, or from all *.rules of a folder",
	  .offset = offsetof(struct proxy_options, files) },
	{ .name = "check", .group = "Rules", .type = OPT_FLAG, .text = "only check the rules, and say all that is wrong",
	  .offset = offsetof(struct proxy_options, check) },
	{ .name = "reload-on-change", .group = "Rules", .type = OPT_FLAG, .text = "read rule files again when they change, as on SIGHUP",
	  .offset = offsetof(struct proxy_options, reload_on_change) },
	{ .name = "metrics", .group = "Seeing", .type = OPT_TEXT, .value = "ADDRESS", .text = "tell Prometheus there what was done, by HTTP",
	  .offset = offsetof(struct proxy_options, metrics) },
	{ .name = "status", .group = "Seeing", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "print what running ones do: their rules; with -v their connections", .offset = offsetof(struct proxy_options, status) },
	{ .name = "watch", .group = "Seeing", .type = OPT_FLAG, .text = "--status again and again",
	  .offset = offsetof(struct proxy_options, watch) },
	{ .name = "interval", .group = "Seeing", .type = OPT_TIME, .value = "TIME", .fallback = "1s", .text = "between two of --watch",
	  .offset = offsetof(struct proxy_options, interval) },
	{ .name = "json", .letter = 'j', .group = "Seeing", .type = OPT_FLAG, .text = "--status and --check as JSON, an object a line",
	  .offset = offsetof(struct proxy_options, json) },
	{ .name = "status-socket", .group = "Seeing", .type = OPT_TEXT, .value = "ADDRESS", .text = "answer --status there, or none",
	  .fallback = "$XDG_RUNTIME_DIR/vsock-proxy/PID.sock", .offset = offsetof(struct proxy_options, status_socket) },
	{ .name = "user", .group = "Confinement", .type = OPT_TEXT, .value = "NAME[:GROUP]",
	  .text = "who the worker, commands and look-ups become; listening is done before",
	  .offset = offsetof(struct proxy_options, user) },
	{ .name = "no-sandbox", .group = "Confinement", .type = OPT_FLAG, .text = "don't confine the worker, for debugging",
	  .offset = offsetof(struct proxy_options, no_sandbox) },
	{ 0 },
};
