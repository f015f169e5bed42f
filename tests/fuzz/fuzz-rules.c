/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any rule file is read or refused, line by line, and every mistake is counted and reported, in
 * lines that control no terminal. A file that is read again has the same rules. Linked with
 * --wrap=fd_write_until. */
#include "config.h"

#include "logged.h"

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

static void read_again(const struct rules *rules, const struct rules_context *context,
		       const uint8_t *data, size_t size)
{
	const struct rule *one = rules->first, *other;
	struct rules again = { 0 };

	if (rules_read_data(&again, context, "again", (const char *)data, size) < 0 ||
	    rules_check(&again) < 0)
		abort();
	(void)logged_lines();
	fuzz_check(again.errors == rules->errors && again.count == rules->count,
		   "a file that is read again has as many rules");
	for (other = again.first; one && other; one = one->next, other = other->next)
		fuzz_check(rule_same(one, other), "a file that is read again has the same rules");
	fuzz_check(!one && !other, "a file that is read again has as many rules");
	rules_free(&again);
}

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

	log_start("vsock-proxy"); /* it has more targets than others */
	log_configure(&(struct log_config){ .format = LOG_TEXT, .color = LOG_COLOR_NEVER });
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
	if ((logged_lines() > 0) != (rules.errors > 0))
		abort();
	read_again(&rules, &context, data, size);
	rules_free(&rules);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("tcp:80"),
	PIECE("tcp:8000-8009"),
	PIECE("vsock:3:80"),
	PIECE("vsock::5432"),
	PIECE("unix:/run/x"),
	PIECE("unix-seqpacket:y"),
	PIECE("fd:web"),
	PIECE("exec:cat"),
	PIECE("8080"),
	PIECE(" "),
	PIECE(" "),
	PIECE(" "),
	PIECE("\n"),
	PIECE("\n"),
	PIECE("\t"),
	PIECE("\r\n"),
	PIECE("\\\n"),
	PIECE("\\"),
	PIECE("'"),
	PIECE("\""),
	PIECE("#"),
	PIECE("name="),
	PIECE("name=web"),
	PIECE("connect=tcp:1"),
	PIECE("connect="),
	PIECE("allow=3,uid:0"),
	PIECE("allow=any"),
	PIECE("idle-timeout=5s"),
	PIECE("idle-timeout=x"),
	PIECE("no-shutdown"),
	PIECE("no-shutdown=1"),
	PIECE("message-size=line"),
	PIECE("message-size=0"),
	PIECE("="),
	PIECE("x=y"),
	PIECE("socks5:"),
	PIECE("http-connect:"),
	PIECE("proxy-dst:"),
	PIECE("allow-dest="),
	PIECE("allow-dest=*.a:1,5-9"),
	PIECE("allow-dest=[::1]:*"),
	PIECE("accept-proxy"),
	PIECE("original-dst"),
	PIECE("\xc3\xbc"),
	PIECE("\xff"),
	PIECE("\x1b["),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	const struct fuzz fuzz = { .what = "rule files are read or refused",
				   .corpus = "corpus-rules",
				   .input_max = INPUT_MAX,
				   .runs = 20000,
				   .pieces = pieces };

	return fuzz_main(&fuzz, argc, argv);
}
#endif
