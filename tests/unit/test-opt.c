/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"
#include "base/utf8.h"
#include "capture.h"

struct values {
	bool keep, send, receive;
	unsigned verbose, color;
	uint64_t wait, idle, delay, size, rate, count, port, least;
	const char *text;
	struct opt_list access;
};

static struct values values;

static const char *const colors[] = {"auto", "always", "never", NULL};

#define AT(member) .offset = offsetof(struct values, member)
static const struct opt main_rows[] = {
	{.name = "connect-timeout", .letter = 'w', .group = "connection", .type = OPT_TIME, .value = "TIME", .fallback = "10s",
	 .text = "how long one attempt may take, with names, and with the handshake of those that have one",
	 .flags = OPT_INF | OPT_BRIEF, AT(wait)},
	{.name = "idle-timeout", .letter = 'i', .group = "relay", .type = OPT_TIME, .value = "TIME", .fallback = "inf",
	 .text = "end when nothing moved for so long", .flags = OPT_INF, AT(idle)},
	{.name = "delay", .group = "relay", .type = OPT_TIME, .value = "TIME", .text = "between lines",
	 .flags = OPT_ZERO, .max = 60 * NSEC_PER_SEC, AT(delay)},
	{.name = "buffer", .letter = 'b', .group = "relay", .type = OPT_SIZE, .value = "SIZE", .text = "read at once",
	 .min = 4096, .max = 1 << 20, AT(size)},
	{.name = "rate-limit", .letter = 'L', .group = "relay", .type = OPT_RATE, .value = "RATE", .text = "each direction",
	 .flags = OPT_INF | OPT_BRIEF, AT(rate)},
	{.name = "count", .letter = 'c', .group = "relay", .type = OPT_COUNT, .value = "COUNT", .text = "end after COUNT",
	 .flags = OPT_INF, AT(count)},
	{.name = "ready-fd", .group = "relay", .type = OPT_COUNT, .value = "N", .text = "say so", .max = 1023,
	 .flags = OPT_ZERO, AT(port)},
	{.name = "at-least", .group = "relay", .type = OPT_COUNT, .value = "N", .text = "five", .min = 5, AT(least)},
	{.name = "keep-open", .letter = 'k', .group = "relay", .text = "again and again", .flags = OPT_BRIEF, AT(keep)},
	{.name = "send-only", .group = "relay", .text = "one direction", AT(send)},
	{.name = "receive-only", .group = "relay", .text = "the other", AT(receive)},
	{.name = "recv-only", .group = "relay", .text = "the other", .flags = OPT_HIDDEN, AT(receive)},
	{.name = "allow", .group = "access", .type = OPT_LIST, .value = "WHO", .text = "who may", AT(access)},
	{.name = "deny", .group = "access", .type = OPT_LIST, .value = "WHO", .text = "who may not", AT(access)},
	{.name = "history", .group = "relay", .type = OPT_TEXT, .value = "FILE", .text = "where to", AT(text)},
	{0},
};
static const struct opt common_rows[] = {
	{.name = "verbose", .letter = 'v', .group = "common", .type = OPT_REPEAT, .text = "say more", AT(verbose)},
	{.name = "color", .group = "common", .type = OPT_CHOICE, .value = "WHEN", .fallback = "auto", .text = "colours",
	 .choices = colors, AT(color)},
	{0},
};
static const struct opt_table tables[] = {{main_rows, &values}, {common_rows, &values}, {0}};
static const struct opt_foreign foreign[] = {
	{"-e", "write vsock-listen ADDRESS -- COMMAND"},
	{"--exec", "write vsock-listen ADDRESS -- COMMAND"},
	{"-4", "write tcp4:HOST:PORT"},
	{"-1", "write any:5000"},
	{"-c", "COMMAND stands behind --"},
	{"-ssl", "there is no TLS"},
	{0},
};
static const char *const usage[] = {"[OPTION]… ADDRESS", "[OPTION]… CID PORT", NULL};
static const char *const examples[] = {"t 3:22", "one", "t web 22", "two", "t x", "three", NULL};
static const char *const conflicts[] = {"send-only", "receive-only", "keep-open", "count", NULL};
static const char *const notes[] = {"A note.", NULL};
static const struct opt_program program = {
	.name = "t",
	.summary = "test options",
	.usage = usage,
	.examples = examples,
	.tables = tables,
	.foreign = foreign,
	.conflicts = conflicts,
	.notes = notes,
};

static struct capture capture;
static char *words[32];
static int count, dashdash;

static int begin(void **state)
{
	(void)state;
	opt_list_free(&values.access);
	values = (struct values){.wait = 10};
	log_start("t");
	log_configure(&(struct log_config){.format = LOG_TEXT});
	setenv("COLUMNS", "80", 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	opt_list_free(&values.access);
	return 0;
}

/* opt_parse() of a line of words, split at blanks. */
static int parse(const char *line)
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

/* The words from first on, as one text. */
static const char *joined(int first)
{
	static char text[256];

	*text = '\0';
	for (int i = first; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > first ? " " : "", words[i]);
	return text;
}

static void values_are_stored(void **state)
{
	(void)state;
	assert_int_equal(parse("-w 5s --idle-timeout=1m30s --delay 0 -b64K -L 100Mbit --ready-fd 0 --at-least 5 -vkv "
	                       "--history a=b --color never 3:22"), 18);
	assert_int_equal(values.wait, 5 * NSEC_PER_SEC);
	assert_int_equal(values.idle, 90 * NSEC_PER_SEC);
	assert_int_equal(values.delay, 0);
	assert_int_equal(values.size, 65536);
	assert_int_equal(values.rate, 12500000);
	assert_int_equal(values.port, 0);
	assert_int_equal(values.least, 5);
	assert_int_equal(values.verbose, 2);
	assert_true(values.keep);
	assert_string_equal(values.text, "a=b");
	assert_int_equal(values.color, 2);
	assert_string_equal(joined(18), "3:22");
	assert_int_equal(dashdash, 0);
}

static void defaults_stay(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 1);
	assert_int_equal(values.wait, 10);
	assert_false(values.keep);
	assert_false(opt_given(&program, "keep-open"));
}

static void the_last_counts_and_lists_add_up(void **state)
{
	(void)state;
	assert_true(parse("-w 1 --allow 3 -w inf --deny 4 --allow=any") > 0);
	assert_int_equal(values.wait, UNITS_INF);
	assert_int_equal(values.access.count, 3);
	assert_string_equal(values.access.entries[0].opt->name, "allow");
	assert_string_equal(values.access.entries[0].text, "3");
	assert_string_equal(values.access.entries[1].opt->name, "deny");
	assert_string_equal(values.access.entries[2].text, "any");
	assert_ptr_equal(values.access.entries[1].text, words[8]);
}

static void options_that_were_given(void **state)
{
	(void)state;
	assert_true(parse("-w 1 --recv-only x") > 0);
	assert_true(opt_given(&program, "connect-timeout"));
	assert_true(opt_given(&program, "receive-only")); /* by its other spelling */
	assert_true(opt_given(&program, "recv-only"));
	assert_false(opt_given(&program, "send-only"));
	assert_true(parse("x") > 0);
	assert_false(opt_given(&program, "connect-timeout"));
}

struct order_row {
	const char *line, *operands;
	int first, dashdash;
};

static void operands_go_to_the_end(void **state)
{
	static const struct order_row rows[] = {
		{"", "", 1, 0},
		{"a b", "a b", 1, 0},
		{"a -k b", "a b", 2, 0},
		{"a -w 5 b -v c", "a b c", 4, 0},
		{"- -k", "-", 2, 0},
		{"5000 -- cat -n -k", "5000 cat -n -k", 2, 3},
		{"5000 -k -- cat -n", "5000 cat -n", 3, 4},
		{"-- -k", "-k", 2, 2},
		{"-- a -- b", "a -- b", 2, 2},
		{"a --", "a", 2, 3},
		{"--history -- a", "a", 3, 0}, /* the value of an option */
		{"-vw5 a", "a", 2, 0},
		{"-v - -v -- -", "- -", 4, 5},
	};

	(void)state;
	for (int posix = 0; posix < 2; posix++) {
		if (posix)
			setenv("POSIXLY_CORRECT", "1", 1);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int first;

			values.keep = false;
			first = parse(rows[i].line);
			if (first != rows[i].first || dashdash != rows[i].dashdash ||
			    strcmp(joined(first), rows[i].operands) != 0)
				fail_msg("'%s': %d, -- %d: %s", rows[i].line, first, dashdash, joined(first));
		}
	}
	unsetenv("POSIXLY_CORRECT");
	assert_false(values.keep); /* the last row has none, and what stands behind -- is never read */
}

struct error_row {
	const char *line, *want;
};

static void errors_say_what_to_write(void **state)
{
	static const struct error_row rows[] = {
		{"--idle-time 3", "t: unknown option --idle-time; did you mean --idle-timeout?\n"},
		{"--idle-time=3", "t: unknown option --idle-time; did you mean --idle-timeout?\n"},
		{"--idel-timeout 3", "t: unknown option --idel-timeout; did you mean --idle-timeout?\n"},
		{"--idle-timeuot 3", "t: unknown option --idle-timeuot; did you mean --idle-timeout?\n"},
		{"--keepopen", "t: unknown option --keepopen; did you mean --keep-open?\n"},
		{"--verb", "t: unknown option --verb; did you mean --verbose?\n"},
		{"--vers", "t: unknown option --vers; did you mean --version?\n"},
		{"--recv", "t: unknown option --recv\nhint: try 't --help'\n"},
		{"--frobnicate", "t: unknown option --frobnicate\nhint: try 't --help'\n"},
		{"--s", "t: unknown option --s\nhint: try 't --help'\n"},
		{"--=x", "t: unknown option --\nhint: try 't --help'\n"},
		{"---v", "t: unknown option ---v\nhint: try 't --help'\n"},
		{"-X", "t: unknown option -X\nhint: try 't -h'\n"},
		{"-kX", "t: unknown option -X\nhint: try 't -h'\n"},
		{"-?", "t: unknown option -?\nhint: try 't -h'\n"},
		{"-:", "t: unknown option -:\nhint: try 't -h'\n"},
		{"-\xc3\xbc", "t: unknown option -\xc3\xbc\nhint: try 't -h'\n"},
		{"-w", "t: -w needs a value: -w TIME\n"},
		{"-kw", "t: -w needs a value: -w TIME\n"},
		{"--allow", "t: --allow needs a value: --allow WHO\n"},
		{"--keep-open=yes", "t: --keep-open takes no value: --keep-open=yes\n"},
		{"--help=all", "t: --help takes no value: --help=all\n"},
		{"-w 5x", "t: -w 5x: bad time: 'x' is not a unit of time (ns us ms s m min h d)\n  5x\n   ^\n"},
		{"--connect-timeout=5x", "t: --connect-timeout 5x: bad time: 'x' is not a unit of time (ns us ms s m min h d)\n"
	                                 "  5x\n   ^\n"},
		{"-w=5", "t: -w =5: bad time: '=' is not a digit\n  =5\n  ^\n"},
		{"-w -1", "t: -w -1: bad time: '-' is not a digit\n  -1\n  ^\n"},
		{"-w 0", "t: -w 0: bad time: it must be above 0\nhint: for no limit write inf\n"},
		{"--delay 2min", "t: --delay 2min: bad time: it is above 60 s\n"},
		{"--delay inf", "t: --delay inf: bad time: inf can't stand here\n"},
		{"-b 1", "t: -b 1: bad size: it is below 4.0 KiB\n"},
		{"-b 0", "t: -b 0: bad size: it is below 4.0 KiB\n"},
		{"-b 2M", "t: -b 2M: bad size: it is above 1.0 MiB\n"},
		{"-L 0", "t: -L 0: bad rate: it must be above 0\nhint: for no limit write inf\n"},
		{"-L 5Mbps", "t: -L 5Mbps: bad rate: 'Mbps' is not a unit of rate (B K M G T kB MB GB TB kbit Mbit Gbit)\n"
	                     "  5Mbps\n   ^~~~\n"},
		{"--count 0", "t: --count 0: bad number: 0 is below 1\n  0\n  ^\nhint: for no limit write inf\n"},
		{"-c cat", "t: -c cat: bad number: 'cat' is not a number\n  cat\n  ^~~\nhint: COMMAND stands behind --\n"},
		{"--at-least 4", "t: --at-least 4: bad number: 4 is below 5\n  4\n  ^\n"},
		{"--ready-fd 1024", "t: --ready-fd 1024: bad number: 1024 is above 1023\n  1024\n  ^~~~\n"},
		{"--ready-fd inf", "t: --ready-fd inf: bad number: 'inf' is not a number\n  inf\n  ^~~\n"},
		{"--color blue", "t: --color blue: it must be one of: auto, always, never\n"},
		{"--color=", "t: --color : it must be one of: auto, always, never\n"},
		{"-e cat", "t: -e is not an option here\nhint: write vsock-listen ADDRESS -- COMMAND\n"},
		{"-ecat", "t: -e is not an option here\nhint: write vsock-listen ADDRESS -- COMMAND\n"},
		{"-ke", "t: -e is not an option here\nhint: write vsock-listen ADDRESS -- COMMAND\n"},
		{"--exec=cat", "t: --exec is not an option here\nhint: write vsock-listen ADDRESS -- COMMAND\n"},
		{"-4", "t: -4 is not an option here\nhint: write tcp4:HOST:PORT\n"},
		{"-1:5000", "t: -1 is not an option here\nhint: write any:5000\n"},
		{"-ssl", "t: -ssl is not an option here\nhint: there is no TLS\n"},
		{"--send-only --receive-only", "t: --send-only and --receive-only contradict each other\n"},
		{"--recv-only --send-only", "t: --send-only and --receive-only contradict each other\n"},
		{"-c 1 -k", "t: --keep-open and --count contradict each other\n"},
		{"--\x1b[2J", "t: unknown option --\\x1B[2J\nhint: try 't --help'\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got;
		int status;

		capture_begin(&capture, STDERR_FILENO);
		status = parse(rows[i].line);
		got = capture_end(&capture);
		if (status != -EINVAL || dashdash != 0 || strcmp(got, rows[i].want) != 0)
			fail_msg("'%s': %d: %s, expected %s", rows[i].line, status, got, rows[i].want);
		assert_int_equal(opt_status(status), 2);
	}
	assert_int_equal(values.wait, 10); /* what is refused changes nothing */
	assert_int_equal(values.color, 0);
}

/* What a line prints on stdout. */
static const char *printed(const char *line)
{
	int status;

	capture_begin(&capture, STDOUT_FILENO);
	status = parse(line);
	capture_end(&capture);
	assert_int_equal(status, 0);
	assert_int_equal(opt_status(status), 0);
	return capture.text;
}

static void check_screen(const char *text, size_t width, size_t height)
{
	size_t lines = 0;

	for (; *text != '\0'; lines++) {
		size_t length = strcspn(text, "\n");

		if (utf8_width(text, length) > width)
			fail_msg("%zu columns: %.*s", utf8_width(text, length), (int)length, text);
		text += length;
		assert_int_equal(*text, '\n');
		text++;
	}
	assert_in_range(lines, 1, height);
}

static void the_short_screen(void **state)
{
	(void)state;
	assert_string_equal(printed("-h"), "usage: t [OPTION]… ADDRESS\n"
	                                   "       t [OPTION]… CID PORT\n"
	                                   "t: test options\n"
	                                   "\n"
	                                   "  -w, --connect-timeout TIME  how long one attempt may take, with names, and\n"
	                                   "                              with the handshake of those that have one [10s]\n"
	                                   "  -L, --rate-limit RATE       each direction\n"
	                                   "  -k, --keep-open             again and again\n"
	                                   "\n"
	                                   "Examples:\n"
	                                   "  t 3:22    one\n"
	                                   "  t web 22  two\n"
	                                   "\n"
	                                   "--help shows every option; the manual is t(1)\n");
	check_screen(printed("-h"), 80, 24);
	assert_non_null(strstr(printed("-vh"), "usage: t")); /* in a cluster too */
	assert_null(strstr(capture.text, "idle"));
	setenv("COLUMNS", "200", 1);
	check_screen(printed("-h"), 80, 24);
	setenv("COLUMNS", "60", 1);
	check_screen(printed("-h"), 60, 30);
}

static void the_long_screen(void **state)
{
	static const char *const parts[] = {
		"\nConnection:\n  -w, --connect-timeout TIME  how",
		"\nRelay:\n  -i, --idle-timeout TIME     end when nothing moved for so long [inf]\n",
		"\n      --delay TIME            between lines\n",
		"\nAccess:\n      --allow WHO",
		"\nCommon:\n  -v, --verbose ",
		"\n      --color WHEN            colours: auto, always, never [auto]\n",
		"\n  -h, --help ",
		"\n  -V, --version ",
		"\n  t x       three\n",
		"\nNotes:\n  A note.\n",
		"\nExit status:\n  0 done ",
	};

	(void)state;
	printed("--help");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(capture.text, parts[i]) == NULL)
			fail_msg("%s is not in:\n%s", parts[i], capture.text);
	assert_null(strstr(capture.text, "recv-only"));
	assert_null(strstr(capture.text, "list-options"));
	check_screen(capture.text, 80, 100);
	setenv("COLUMNS", "65", 1);
	check_screen(printed("--help"), 65, 100);
}

static void the_version(void **state)
{
	char first[64];

	(void)state;
	snprintf(first, sizeof(first), "t (%s) %s\n", PACKAGE_NAME, PACKAGE_VERSION);
	assert_memory_equal(printed("-V"), first, strlen(first));
	assert_memory_equal(printed("--version"), first, strlen(first));
	assert_non_null(strstr(capture.text, "readline"));
}

static void the_list_for_completion(void **state)
{
	const char *line = printed("--list-options");

	(void)state;
	assert_memory_equal(line, "w\tconnect-timeout\ttime\tTIME\t-\t10s\t-\thow", 39);
	assert_non_null(strstr(line, "\n-\tcolor\tchoice\tWHEN\tauto,always,never\tauto\t-\tcolours\n"));
	assert_non_null(strstr(line, "\nk\tkeep-open\tflag\t-\t-\t-\t-\tagain and again\n"));
	assert_non_null(strstr(line, "\n-\tallow\tlist\tWHO\t-\t-\t-\twho may\n"));
	assert_non_null(strstr(line, "\nh\thelp\tflag\t"));
	assert_null(strstr(line, "recv-only"));
	for (; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t tabs = 0;

		for (const char *at = line; *at != '\n'; at++)
			tabs += *at == '\t';
		assert_int_equal(tabs, 7);
	}
}

/* The first of them is answered; what stands behind it isn't looked at, what stands before it is. */
static void help_ends_reading(void **state)
{
	(void)state;
	assert_non_null(strstr(printed("-h --no-such"), "usage"));
	capture_begin(&capture, STDERR_FILENO);
	assert_int_equal(parse("--no-such -h"), -EINVAL);
	capture_end(&capture);
}

static void a_full_stdout_is_an_error(void **state)
{
	int saved, full, status;

	(void)state;
	fflush(NULL);
	saved = dup(STDOUT_FILENO);
	full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0 && dup2(full, STDOUT_FILENO) >= 0);
	close(full);
	capture_begin(&capture, STDERR_FILENO);
	status = parse("--help");
	capture_end(&capture);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	clearerr(stdout);
	assert_int_equal(status, -EIO);
	assert_int_equal(opt_status(status), 1);
	assert_string_equal(capture.text, "t: standard output: No space left on device\n");
}

static void usage_goes_to_stderr(void **state)
{
	(void)state;
	capture_begin(&capture, STDERR_FILENO);
	opt_usage(&program);
	assert_string_equal(capture_end(&capture),
	                    "usage: t [OPTION]… ADDRESS\n       t [OPTION]… CID PORT\ntry 't -h'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_stored, begin, end),
		cmocka_unit_test_setup_teardown(defaults_stay, begin, end),
		cmocka_unit_test_setup_teardown(the_last_counts_and_lists_add_up, begin, end),
		cmocka_unit_test_setup_teardown(options_that_were_given, begin, end),
		cmocka_unit_test_setup_teardown(operands_go_to_the_end, begin, end),
		cmocka_unit_test_setup_teardown(errors_say_what_to_write, begin, end),
		cmocka_unit_test_setup_teardown(the_short_screen, begin, end),
		cmocka_unit_test_setup_teardown(the_long_screen, begin, end),
		cmocka_unit_test_setup_teardown(the_version, begin, end),
		cmocka_unit_test_setup_teardown(the_list_for_completion, begin, end),
		cmocka_unit_test_setup_teardown(help_ends_reading, begin, end),
		cmocka_unit_test_setup_teardown(a_full_stdout_is_an_error, begin, end),
		cmocka_unit_test_setup_teardown(usage_goes_to_stderr, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
