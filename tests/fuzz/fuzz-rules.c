/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any rule file is read or refused, line by line, and every mistake is counted. driver.h tells how
 * it is run. */
#include "config.h"

#include "driver.h"

#include "base/log.h"
#include "base/units.h"
#include "proxy/rules/rules.h"

#define INPUT_MAX 4096

static const struct opt own_opts[] = {
	{ .name = "idle-timeout",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, idle_timeout) },
	{ .name = "no-shutdown",
	  .type = OPT_FLAG,
	  .flags = OPT_RULE,
	  .offset = offsetof(struct relay_settings, no_shutdown) },
	{ .name = "message-size",
	  .type = OPT_TEXT,
	  .value = "SIZE",
	  .flags = OPT_RULE,
	  .offset = offsetof(struct relay_settings, message_text) },
	{ 0 },
};
static const struct opt who_opts[] = {
	{ .name = "allow",
	  .type = OPT_LIST,
	  .value = "WHO",
	  .flags = OPT_RULE,
	  .offset = offsetof(struct server_settings, who) },
	{ 0 },
};

static const struct opt passage_opts[] = {
	{ .name = "allow-dest",
	  .type = OPT_LIST,
	  .value = "DEST",
	  .flags = OPT_RULE,
	  .offset = offsetof(struct passage_settings, dests) },
	{ .name = "accept-proxy",
	  .type = OPT_FLAG,
	  .flags = OPT_RULE,
	  .offset = offsetof(struct passage_settings, accept_proxy) },
	{ .name = "original-dst",
	  .type = OPT_FLAG,
	  .flags = OPT_RULE,
	  .offset = offsetof(struct passage_settings, original_dst) },
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rule_settings defaults = { .serving = SERVER_DEFAULTS };
	const struct opt_table keys[] = {
		{ rule_opts, &defaults.keys },
		{ own_opts, &defaults.relaying },
		{ who_opts, &defaults.serving },
		{ passage_opts, &defaults.passage },
		{ NULL, NULL },
	};
	const struct rules_context context = { .defaults = &defaults, .keys = keys };
	struct rules rules = { 0 };
	size_t count = 0;

	if (rules_read_data(&rules, &context, "rules", (const char *)data, size) < 0)
		abort();
	if (rules_check(&rules) < 0)
		abort();
	if (rules.bad && !rules.errors)
		abort();
	for (const struct rule *rule = rules.first; rule; rule = rule->next, count++)
		if (!rule->label || !rule->port_count || !rule->target_count ||
		    !rule_same(rule, rule))
			abort();
	if (!rules.errors && count != rules.count)
		abort();
	rules_free(&rules);
	return 0;
}

#ifndef FUZZER
static const char *const pieces[] = {
	"tcp:80",
	"tcp:8000-8009",
	"vsock:3:80",
	"vsock::5432",
	"unix:/run/x",
	"unix-seqpacket:y",
	"fd:web",
	"exec:cat",
	"8080",
	" ",
	" ",
	" ",
	"\n",
	"\n",
	"\t",
	"\r\n",
	"\\\n",
	"\\",
	"'",
	"\"",
	"#",
	"name=",
	"name=web",
	"connect=tcp:1",
	"connect=",
	"allow=3,uid:0",
	"allow=any",
	"idle-timeout=5s",
	"idle-timeout=x",
	"no-shutdown",
	"no-shutdown=1",
	"message-size=line",
	"message-size=0",
	"=",
	"x=y",
	"socks5:",
	"http-connect:",
	"proxy-dst:",
	"allow-dest=",
	"allow-dest=*.a:1,5-9",
	"allow-dest=[::1]:*",
	"accept-proxy",
	"original-dst",
	"\xc3\xbc",
	"\xff",
	"\x1b[",
	"",
};

static size_t make(uint8_t *data)
{
	size_t size = 0;

	for (uint32_t left = fuzz_number(40); left; left--) {
		const char *piece = pieces[fuzz_number(sizeof(pieces) / sizeof(*pieces))];
		size_t length = strlen(piece);

		if (length && size + length < INPUT_MAX) {
			memcpy(data + size, piece, length);
			size += length;
		} else {
			data[size++] = (uint8_t)fuzz_number(256);
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	const struct fuzz fuzz = { .what = "rule files are read or refused",
				   .input_max = INPUT_MAX,
				   .runs = 20000,
				   .make = make };

	/* what is refused says so */
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	log_start("fuzz-rules");
	return fuzz_main(&fuzz, argc, argv);
}
#endif
