/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading options. */
#include "config.h"

#include "opt-rig.h"

static void values_are_stored(void **state)
{
	(void)state;
	assert_int_equal(parse("-w 5s --idle-timeout=1m30s --delay 0 -b64K -L 100Mbit --ready-fd 0 "
			       "--at-least 5 -vkv "
			       "--history a=b --color never 3:22"),
			 18);
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
		{ "", "", 1, 0 },
		{ "a b", "a b", 1, 0 },
		{ "a -k b", "a b", 2, 0 },
		{ "a -w 5 b -v c", "a b c", 4, 0 },
		{ "- -k", "-", 2, 0 },
		{ "5000 -- cat -n -k", "5000 cat -n -k", 2, 3 },
		{ "5000 -k -- cat -n", "5000 cat -n", 3, 4 },
		{ "-- -k", "-k", 2, 2 },
		{ "-- a -- b", "a -- b", 2, 2 },
		{ "a --", "a", 2, 3 },
		{ "--history -- a", "a", 3, 0 }, /* the value of an option */
		{ "-vw5 a", "a", 2, 0 },
		{ "-v - -v -- -", "- -", 4, 5 },
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
				fail_msg("'%s': %d, -- %d: %s", rows[i].line, first, dashdash,
					 joined(first));
		}
	}
	unsetenv("POSIXLY_CORRECT");
	assert_false(
		values.keep); /* the last row has none, and what stands behind -- is never read */
}

struct error_row {
	const char *line, *want;
};

static void errors_say_what_to_write(void **state)
{
	static const struct error_row rows[] = {
		{ "--idle-time 3", "t: unknown option --idle-time; did you mean "
				   "--idle-timeout?\n" },
		{ "--idle-time=3", "t: unknown option --idle-time; did you mean "
				   "--idle-timeout?\n" },
		{ "--idel-timeout 3", "t: unknown option --idel-timeout; did you mean "
				      "--idle-timeout?\n" },
		{ "--idle-timeuot 3", "t: unknown option --idle-timeuot; did you mean "
				      "--idle-timeout?\n" },
		{ "--keepopen", "t: unknown option --keepopen; did you mean --keep-open?\n" },
		{ "--verb", "t: unknown option --verb; did you mean --verbose?\n" },
		{ "--vers", "t: unknown option --vers; did you mean --version?\n" },
		{ "--recv", "t: unknown option --recv\nhint: try 't --help'\n" },
		{ "--frobnicate", "t: unknown option --frobnicate\nhint: try 't --help'\n" },
		{ "--s", "t: unknown option --s\nhint: try 't --help'\n" },
		{ "--=x", "t: unknown option --\nhint: try 't --help'\n" },
		{ "---v", "t: unknown option ---v\nhint: try 't --help'\n" },
		{ "-X", "t: unknown option -X\nhint: try 't -h'\n" },
		{ "-kX", "t: unknown option -X\nhint: try 't -h'\n" },
		{ "-?", "t: unknown option -?\nhint: try 't -h'\n" },
		{ "-:", "t: unknown option -:\nhint: try 't -h'\n" },
		{ "-\xc3\xbc", "t: unknown option -\xc3\xbc\nhint: try 't -h'\n" },
		{ "-w", "t: -w needs a value: -w TIME\n" },
		{ "-kw", "t: -w needs a value: -w TIME\n" },
		{ "--allow", "t: --allow needs a value: --allow WHO\n" },
		{ "--keep-open=yes", "t: --keep-open takes no value: --keep-open=yes\n" },
		{ "--help=all", "t: --help takes no value: --help=all\n" },
		{ "-w 5x", "t: -w 5x: bad time: 'x' is not a unit of time (ns us ms s m min h d)\n "
			   " 5x\n   ^\n" },
		{ "--connect-timeout=5x", "t: --connect-timeout 5x: bad time: 'x' is not a unit of "
					  "time (ns us ms s m min h d)\n"
					  "  5x\n   ^\n" },
		{ "-w=5", "t: -w =5: bad time: '=' is not a digit\n  =5\n  ^\n" },
		{ "-w -1", "t: -w -1: bad time: '-' is not a digit\n  -1\n  ^\n" },
		{ "-w 0", "t: -w 0: bad time: it must be above 0\nhint: write inf for no limit\n" },
		{ "--delay 2min", "t: --delay 2min: bad time: it is above 60 s\n" },
		{ "--delay inf", "t: --delay inf: bad time: inf is not allowed\n" },
		{ "-b 1", "t: -b 1: bad size: it is below 4.0 KiB\n" },
		{ "-b 0", "t: -b 0: bad size: it is below 4.0 KiB\n" },
		{ "-b 2M", "t: -b 2M: bad size: it is above 1.0 MiB\n" },
		{ "-L 0", "t: -L 0: bad rate: it must be above 0\nhint: write inf for no limit\n" },
		{ "-L 5Mbps", "t: -L 5Mbps: bad rate: 'Mbps' is not a unit of rate (B K M G T kB "
			      "MB GB TB kbit Mbit Gbit)\n"
			      "  5Mbps\n   ^~~~\n" },
		{ "--count 0", "t: --count 0: bad number: 0 is below 1\n  0\n  ^\nhint: write inf "
			       "for no limit\n" },
		{ "-c cat", "t: -c cat: bad number: 'cat' is not a number\n  cat\n  ^~~\nhint: "
			    "COMMAND stands behind --\n" },
		{ "--at-least 4", "t: --at-least 4: bad number: 4 is below 5\n  4\n  ^\n" },
		{ "--ready-fd 1024", "t: --ready-fd 1024: bad number: 1024 is above 1023\n  1024\n "
				     " ^~~~\n" },
		{ "--ready-fd inf", "t: --ready-fd inf: bad number: 'inf' is not a number\n  inf\n "
				    " ^~~\n" },
		{ "--color blue", "t: --color blue: it must be one of: auto, always, never\n" },
		{ "--color=", "t: --color : it must be one of: auto, always, never\n" },
		{ "-e cat", "t: -e is not an option of this program\nhint: write vsock-listen "
			    "ADDRESS -- COMMAND\n" },
		{ "-ecat", "t: -e is not an option of this program\nhint: write vsock-listen "
			   "ADDRESS -- COMMAND\n" },
		{ "-ke", "t: -e is not an option of this program\nhint: write vsock-listen ADDRESS "
			 "-- COMMAND\n" },
		{ "--exec=cat", "t: --exec is not an option of this program\nhint: write "
				"vsock-listen ADDRESS -- COMMAND\n" },
		{ "-4", "t: -4 is not an option of this program\nhint: write tcp4:HOST:PORT\n" },
		{ "-1:5000", "t: -1 is not an option of this program\nhint: write any:5000\n" },
		{ "-ssl", "t: -ssl is not an option of this program\nhint: there is no TLS\n" },
		{ "--send-only --receive-only", "t: --send-only and --receive-only cannot be used "
						"together\n" },
		{ "--recv-only --send-only", "t: --send-only and --receive-only cannot be used "
					     "together\n" },
		{ "-c 1 -k", "t: --keep-open and --count cannot be used together\n" },
		{ "--\x1b[2J", "t: unknown option --\\x1B[2J\nhint: try 't --help'\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got;
		int status;

		capture_begin(&capture, STDERR_FILENO);
		status = parse(rows[i].line);
		got = capture_end(&capture);
		if (status != -EINVAL || dashdash != 0 || strcmp(got, rows[i].want) != 0)
			fail_msg("'%s': %d: %s, expected %s", rows[i].line, status, got,
				 rows[i].want);
		assert_int_equal(opt_status(status), 2);
	}
	assert_int_equal(values.wait, 10); /* what is refused changes nothing */
	assert_int_equal(values.color, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
