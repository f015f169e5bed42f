/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What options print: help, the version, and the list that completion reads. */
#include "config.h"

#include "opt-rig.h"

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
	assert_string_equal(
		printed("-h"),
		"usage: t [OPTION]… ADDRESS\n"
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
		"--help shows all options; the manual is t(1)\n");
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
		("\nRelay:\n  -i, --idle-timeout TIME     close after TIME without traffic "
		 "[inf]\n"),
		"\n      --delay TIME            between lines\n",
		"\nAccess:\n      --allow WHO",
		"\nCommon:\n  -v, --verbose ",
		"\n      --color WHEN            colours: auto, always, never [auto]\n",
		"\n  -h, --help ",
		"\n  -V, --version ",
		"\n  t x       three\n",
		"\nNotes:\n  A note.\n",
		"\nExit status:\n  0 success ",
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
	assert_non_null(
		strstr(line, "\n-\tcolor\tchoice\tWHEN\tauto,always,never\tauto\t-\tcolours\n"));
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

/* The first of them is answered; what stands behind it isn't looked at, what stands before it is.
 */
static void help_ends_reading(void **state)
{
	(void)state;
	assert_non_null(strstr(printed("-h --no-such"), "usage"));
	capture_begin(&capture, STDERR_FILENO);
	assert_int_equal(parse("--no-such -h"), -EINVAL);
	capture_end(&capture);
}

static void usage_goes_to_stderr(void **state)
{
	(void)state;
	capture_begin(&capture, STDERR_FILENO);
	opt_usage(&program);
	assert_string_equal(
		capture_end(&capture),
		"usage: t [OPTION]… ADDRESS\n       t [OPTION]… CID PORT\ntry 't -h'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_short_screen, begin, end),
		cmocka_unit_test_setup_teardown(the_long_screen, begin, end),
		cmocka_unit_test_setup_teardown(the_version, begin, end),
		cmocka_unit_test_setup_teardown(the_list_for_completion, begin, end),
		cmocka_unit_test_setup_teardown(help_ends_reading, begin, end),
		cmocka_unit_test_setup_teardown(usage_goes_to_stderr, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
