/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/passage.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "net/explain.h"

/* --max-memory, auto: a part of what the machine has, but no less than a few connections need. */
#define AUTO_SHARE 8
#define AUTO_LEAST (16ULL << 20)

static const char *const proxy_versions[] = { "none", "v1", "v2", NULL };

const struct opt passage_opts[] = {
	{ .name = "allow-dest",
	  .group = "Rules",
	  .type = OPT_LIST,
	  .value = "DEST",
	  .flags = OPT_RULE,
	  .text = "let clients of socks5: http-connect: proxy-dst: go to HOST:PORTS, "
		  "*.SUFFIX:PORTS or CIDR:PORTS",
	  .offset = offsetof(struct passage_settings, dests) },
	{ .name = "deny-dest",
	  .type = OPT_LIST,
	  .value = "DEST",
	  .flags = OPT_RULE,
	  .text = "do not let them go there; the first match wins",
	  .offset = offsetof(struct passage_settings, dests) },
	{ .name = "accept-proxy",
	  .type = OPT_FLAG,
	  .flags = OPT_RULE,
	  .text = "expect a PROXY header on each connection",
	  .offset = offsetof(struct passage_settings, accept_proxy) },
	{ .name = "original-dst",
	  .type = OPT_FLAG,
	  .flags = OPT_RULE,
	  .text = "put the destination before netfilter redirection into the PROXY header",
	  .offset = offsetof(struct passage_settings, original_dst) },
	{ .name = "send-proxy",
	  .type = OPT_CHOICE,
	  .value = "VERSION",
	  .fallback = "none",
	  .choices = proxy_versions,
	  .flags = OPT_RULE,
	  .text = "send the target a PROXY header",
	  .offset = offsetof(struct passage_settings, send_proxy) },
	{ 0 },
};

const struct opt limit_opts[] = {
	{ .name = "accept-rate",
	  .group = "Listening",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "inf",
	  .text = "maximum new connections per second and listener",
	  .min = 1,
	  .max = 1000000,
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct passage_settings, accept_rate) },
	{ .name = "total-rate",
	  .group = "Relaying",
	  .type = OPT_RATE,
	  .value = "RATE",
	  .fallback = "inf",
	  .flags = OPT_RULE | OPT_INF,
	  .text = "limit each direction of a rule to RATE",
	  .offset = offsetof(struct passage_settings, total_rate) },
	{ .name = "udp-idle",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "60s",
	  .flags = OPT_RULE | OPT_INF,
	  .text = "end a UDP flow after TIME without a datagram",
	  .offset = offsetof(struct passage_settings, udp_idle) },
	{ .name = "max-memory",
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .fallback = "auto",
	  .flags = OPT_INF,
	  .text = "maximum memory of pending bytes; auto is an eighth of the machine's memory",
	  .min = 1 << 16,
	  .offset = offsetof(struct passage_settings, max_memory) },
	{ 0 },
};

int proxy_check_dests(const struct passage_settings *passage)
{
	struct dest_list dests = { 0 };
	const struct opt_entry *written = NULL;
	struct mistake error;
	int status = rules_read_dests(&dests, &passage->dests, &written, &error);

	dest_free(&dests);
	if (status == 0)
		return 0;
	if (status != -EINVAL)
		return log_failure(STATUS_FAILURE, "%s", strerror(-status));
	opt_mistake(written, &error);
	return STATUS_USAGE;
}

int proxy_check_dests_used(const struct passage_settings *passage, const struct rules *rules)
{
	const struct opt_list *dests = &passage->dests;

	if (!dests->count)
		return 0;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		if (rule->plan.asks && !rule->settings.passage.dests.count)
			return 0;
	log_error("--%s %s: no rule lets its clients choose the destination",
		  dests->entries[0].opt->name, dests->entries[0].text);
	log_hint("it applies to the targets socks5:, http-connect: and proxy-dst:");
	return STATUS_USAGE;
}

uint64_t proxy_max_memory(uint64_t asked)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t auto_size = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / AUTO_SHARE
						   : AUTO_LEAST;

	if (asked)
		return asked;
	return auto_size > AUTO_LEAST ? auto_size : AUTO_LEAST;
}
