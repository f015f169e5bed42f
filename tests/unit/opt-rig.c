/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "opt-rig.h"

struct values values;

static const char *const colors[] = { "auto", "always", "never", NULL };

#define AT(member) .offset = offsetof(struct values, member)
static const struct opt main_rows[] = {
	{ .name = "connect-timeout",
	  .letter = 'w',
	  .group = "connection",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "10s",
	  .text = "how long one attempt may take, with names, and with the handshake of those that "
		  "have one",
	  .flags = OPT_INF | OPT_BRIEF,
	  AT(wait) },
	{ .name = "idle-timeout",
	  .letter = 'i',
	  .group = "relay",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "close after TIME without traffic",
	  .flags = OPT_INF,
	  AT(idle) },
	{ .name = "delay",
	  .group = "relay",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .text = "between lines",
	  .flags = OPT_ZERO,
	  .max = 60 * NSEC_PER_SEC,
	  AT(delay) },
	{ .name = "buffer",
	  .letter = 'b',
	  .group = "relay",
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .text = "read at once",
	  .min = 4096,
	  .max = 1 << 20,
	  AT(size) },
	{ .name = "rate-limit",
	  .letter = 'L',
	  .group = "relay",
	  .type = OPT_RATE,
	  .value = "RATE",
	  .text = "each direction",
	  .flags = OPT_INF | OPT_BRIEF,
	  AT(rate) },
	{ .name = "count",
	  .letter = 'c',
	  .group = "relay",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .text = "end after COUNT",
	  .flags = OPT_INF,
	  AT(count) },
	{ .name = "ready-fd",
	  .group = "relay",
	  .type = OPT_COUNT,
	  .value = "N",
	  .text = "say so",
	  .max = 1023,
	  .flags = OPT_ZERO,
	  AT(port) },
	{ .name = "at-least",
	  .group = "relay",
	  .type = OPT_COUNT,
	  .value = "N",
	  .text = "five",
	  .min = 5,
	  AT(least) },
	{ .name = "keep-open",
	  .letter = 'k',
	  .group = "relay",
	  .text = "again and again",
	  .flags = OPT_BRIEF,
	  AT(keep) },
	{ .name = "send-only", .group = "relay", .text = "one direction", AT(send) },
	{ .name = "receive-only", .group = "relay", .text = "the other", AT(receive) },
	{ .name = "recv-only",
	  .group = "relay",
	  .text = "the other",
	  .flags = OPT_HIDDEN,
	  AT(receive) },
	{ .name = "allow",
	  .group = "access",
	  .type = OPT_LIST,
	  .value = "WHO",
	  .text = "who may",
	  AT(access) },
	{ .name = "deny",
	  .group = "access",
	  .type = OPT_LIST,
	  .value = "WHO",
	  .text = "who may not",
	  AT(access) },
	{ .name = "history",
	  .group = "relay",
	  .type = OPT_TEXT,
	  .value = "FILE",
	  .text = "where to",
	  AT(text) },
	{ 0 },
};
static const struct opt common_rows[] = {
	{ .name = "verbose",
	  .letter = 'v',
	  .group = "common",
	  .type = OPT_REPEAT,
	  .text = "say more",
	  AT(verbose) },
	{ .name = "color",
	  .group = "common",
	  .type = OPT_CHOICE,
	  .value = "WHEN",
	  .fallback = "auto",
	  .text = "colours",
	  .choices = colors,
	  AT(color) },
	{ 0 },
};
static const struct opt_table tables[] = { { main_rows, &values },
					   { common_rows, &values },
					   { 0 } };
static const struct opt_foreign foreign[] = {
	{ "-e", "write vsock-listen ADDRESS -- COMMAND" },
	{ "--exec", "write vsock-listen ADDRESS -- COMMAND" },
	{ "-4", "write tcp4:HOST:PORT" },
	{ "-1", "write any:5000" },
	{ "-c", "COMMAND stands behind --" },
	{ "-ssl", "there is no TLS" },
	{ 0 },
};
static const char *const usage[] = { "[OPTION]… ADDRESS", "[OPTION]… CID PORT", NULL };
static const char *const examples[] = { "t 3:22", "one", "t web 22", "two", "t x", "three", NULL };
static const char *const conflicts[] = { "send-only", "receive-only", "keep-open", "count", NULL };
static const char *const notes[] = { "A note.", NULL };
const struct opt_program program = {
	.name = "t",
	.summary = "test options",
	.usage = usage,
	.examples = examples,
	.tables = tables,
	.foreign = foreign,
	.conflicts = conflicts,
	.notes = notes,
};

struct capture capture;
char *words[32];
int count, dashdash;

int begin(void **state)
{
	(void)state;
	opt_list_free(&values.access);
	values = (struct values){ .wait = 10 };
	log_start("t");
	log_configure(&(struct log_config){ .format = LOG_TEXT });
	setenv("COLUMNS", "80", 1);
	return 0;
}

int end(void **state)
{
	(void)state;
	opt_list_free(&values.access);
	return 0;
}

int parse(const char *line)
{
	static char copy[256];
	char *rest = copy, *word;

	snprintf(copy, sizeof(copy), "t %s", line);
	for (count = 0; (word = strsep(&rest, " ")) != NULL;)
		if (*word != '\0')
			words[count++] = word;
	words[count] = NULL;
	dashdash = -1;
	return opt_parse(&program, count, words, &dashdash);
}

const char *joined(int first)
{
	static char text[256];

	*text = '\0';
	for (int i = first; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 i > first ? " " : "", words[i]);
	return text;
}

const char *printed(const char *line)
{
	int status;

	capture_begin(&capture, STDOUT_FILENO);
	status = parse(line);
	capture_end(&capture);
	assert_int_equal(status, 0);
	assert_int_equal(opt_status(status), 0);
	return capture.text;
}
