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
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "capture.h"

static struct capture capture;

static int begin(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	unsetenv("NO_COLOR");
	unsetenv("COLUMNS");
	setenv("TERM", "xterm", 1);
	log_start("vsock-cat");
	log_configure(&(struct log_config){ .format = LOG_TEXT });
	return 0;
}

/* One of each. */
static const char *say_all(void)
{
	capture_begin(&capture, STDERR_FILENO);
	log_error("an error %d", 1);
	log_caret("3abc:22", 1, 3);
	log_warning("a warning");
	log_notice("a notice");
	log_hint("a hint");
	log_info(1, "info 1");
	log_info(2, "info 2");
	return capture_end(&capture);
}

static void quiet_and_verbose(void **state)
{
#define ALWAYS "vsock-cat: an error 1\n  3abc:22\n   ^~~\nvsock-cat: a warning\n"
#define UNLESS_QUIET "vsock-cat: a notice\nhint: a hint\n"
	(void)state;
	assert_string_equal(say_all(), ALWAYS UNLESS_QUIET);
	log_configure(&(struct log_config){ .format = LOG_TEXT, .verbose = 1 });
	assert_string_equal(say_all(), ALWAYS UNLESS_QUIET "vsock-cat: info 1\n");
	assert_true(log_verbose(1));
	assert_false(log_verbose(2));
	log_configure(&(struct log_config){ .format = LOG_TEXT, .verbose = 2 });
	assert_string_equal(say_all(),
			    ALWAYS UNLESS_QUIET "vsock-cat: info 1\nvsock-cat: info 2\n");
	log_configure(&(struct log_config){ .format = LOG_TEXT, .quiet = 1 });
	assert_string_equal(say_all(), ALWAYS);
	assert_false(log_verbose(0));
	assert_int_equal(log_quiet(), 1);
	log_configure(&(struct log_config){ .format = LOG_TEXT, .quiet = 2, .verbose = 9 });
	assert_string_equal(say_all(), "");
	assert_false(log_verbose(0));
}

static void errno_is_kept(void **state)
{
	(void)state;
	capture_begin(&capture, STDERR_FILENO);
	errno = ENOENT;
	log_error("%m");
	assert_int_equal(errno, ENOENT);
	log_caret("x", 0, 1);
	log_event(0, 1, "open", NULL, NULL, NULL);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(capture_end(&capture),
			    "vsock-cat: No such file or directory\n  x\n  ^\nvsock-cat: #1 open\n");
}

static void messages_are_one_line(void **state)
{
	(void)state;
	capture_begin(&capture, STDERR_FILENO);
	log_error("bad %s", "a\nvsock-cat: fake\x1b[2J\xff");
	assert_string_equal(capture_end(&capture),
			    "vsock-cat: bad a\\x0Avsock-cat: fake\\x1B[2J\\xFF\n");
}

static void long_messages_are_whole(void **state)
{
	char *long_text = malloc(12001);
	const char *got;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'a', 12000);
	long_text[12000] = '\0';
	capture_begin(&capture, STDERR_FILENO);
	log_error("%s", long_text);
	got = capture_end(&capture);
	assert_int_equal(strlen(got), 12000 + strlen("vsock-cat: \n"));
	free(long_text);
}

struct caret_row {
	const char *text;
	size_t offset, length;
	const char *want;
};

static void carets_stand_below_what_is_meant(void **state)
{
	static const struct caret_row rows[] = {
		{ "3abc:22", 1, 1, "  3abc:22\n   ^\n" },
		{ "3abc:22", 1, 3, "  3abc:22\n   ^~~\n" },
		{ "3abc", 4, 1, "  3abc\n      ^\n" }, /* what is missing is behind the end */
		{ "3abc", 99, 99, "  3abc\n      ^\n" },
		{ "3abc", 2, 99, "  3abc\n    ^~\n" },
		{ "", 0, 1, "  \n  ^\n" },
		{ "gr\xc3\xbcn:x", 6, 1,
		  "  gr\xc3\xbcn:x\n       ^\n" }, /* two bytes, one column */
		{ "\xe6\x97\xa5\xe6\x9c\xac:x", 7, 1,
		  "  \xe6\x97\xa5\xe6\x9c\xac:x\n       ^\n" }, /* three bytes, two columns */
		{ "\xe6\x97\xa5x", 0, 3, "  \xe6\x97\xa5x\n  ^~\n" },
		{ "a\x1b"
		  "b",
		  2, 1,
		  "  a\\x1B"
		  "b\n       ^\n" },
		{ "a\xff"
		  "b",
		  1, 1,
		  "  a\\xFF"
		  "b\n   ^~~~\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capture_begin(&capture, STDERR_FILENO);
		log_caret(rows[i].text, rows[i].offset, rows[i].length);
		assert_string_equal(capture_end(&capture), rows[i].want);
	}
}

static const struct log_field fields[] = {
	{ .key = "rule", .type = LOG_F_TEXT, .text = "web" },
	{ .key = "gone", .type = LOG_F_TEXT, .text = NULL },
	{ .key = "up", .type = LOG_F_NUMBER, .number = 412 },
	{ .key = "down", .type = LOG_F_NUMBER, .number = 1258291 },
	{ .key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = 213000000 },
	{ .key = "end", .type = LOG_F_TEXT, .text = "eof" },
	{ 0 },
};

static const char *say_event(const struct log_field *list, const char *to)
{
	capture_begin(&capture, STDERR_FILENO);
	log_event(1, 1, "done", "tcp:127.0.0.1:51034", to, list);
	return capture_end(&capture);
}

/* Replaces the time of a JSON line, once its form is checked, by T. */
static const char *without_time(const char *line)
{
	static const char form[] = "{\"time\":\"0000-00-00T00:00:00.000000Z\"";
	static char buf[4096];

	assert_true(strlen(line) > strlen(form));
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == '0')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], form[i]);
	snprintf(buf, sizeof(buf), "{T%s", line + strlen(form));
	return buf;
}

static void events_have_a_fixed_grammar(void **state)
{
	static const struct log_field quoted[] = {
		{ .key = "connect", .type = LOG_F_SECONDS, .number = 400000 },
		{ .key = "short", .type = LOG_F_SECONDS, .number = 42000 },
		{ .key = "zero", .type = LOG_F_SECONDS, .number = 0 },
		{ .key = "long", .type = LOG_F_SECONDS, .number = 10 * NSEC_PER_SEC },
		{ .key = "why", .type = LOG_F_TEXT, .text = "CID 3 \"does\" not\\answer\n" },
		{ .key = "empty", .type = LOG_F_TEXT, .text = "" },
		{ 0 },
	};

	(void)state;
	assert_string_equal(say_event(fields, "vsock:3:80"), ""); /* needs -v */
	log_configure(&(struct log_config){ .format = LOG_TEXT, .verbose = 1 });
	assert_string_equal(
		say_event(fields, "vsock:3:80"),
		"vsock-cat: #1 done tcp:127.0.0.1:51034 -> vsock:3:80 rule=web up=412 down=1258291 "
		"time=0.213 end=eof\n");
	assert_string_equal(say_event(NULL, NULL), "vsock-cat: #1 done tcp:127.0.0.1:51034\n");
	assert_string_equal(
		say_event(quoted, NULL),
		"vsock-cat: #1 done tcp:127.0.0.1:51034 connect=0.0004 short=0.000042 zero=0.000 "
		"long=10.000 why=\"CID 3 \\\"does\\\" not\\\\answer\\\\x0A\" empty=\"\"\n");
	log_configure(&(struct log_config){ .format = LOG_JSON, .verbose = 1 });
	assert_string_equal(
		without_time(say_event(fields, "vsock:3:80")),
		"{T,\"event\":\"done\",\"conn\":1,\"from\":\"tcp:127.0.0.1:51034\",\"to\":\"vsock:3:80\","
		"\"rule\":\"web\",\"up\":412,\"down\":1258291,\"seconds\":0.213,\"end\":\"eof\"}\n");
}

static void json_lines(void **state)
{
	(void)state;
	log_configure(&(struct log_config){ .format = LOG_JSON });
	capture_begin(&capture, STDERR_FILENO);
	log_error("bad \"%s\"", "x");
	assert_string_equal(without_time(capture_end(&capture)),
			    "{T,\"level\":\"error\",\"message\":\"bad \\\"x\\\"\"}\n");
	capture_begin(&capture, STDERR_FILENO);
	log_hint("do");
	assert_string_equal(without_time(capture_end(&capture)),
			    "{T,\"level\":\"hint\",\"message\":\"do\"}\n");
	capture_begin(&capture, STDERR_FILENO);
	log_caret("3abc:22", 1, 3);
	assert_string_equal(
		without_time(capture_end(&capture)),
		"{T,\"level\":\"error\",\"text\":\"3abc:22\",\"offset\":1,\"length\":3}\n");
}

static void journal_lines(void **state)
{
	(void)state;
	log_configure(&(struct log_config){ .format = LOG_JOURNAL, .verbose = 1 });
	assert_string_equal(say_all(),
			    "<3>an error 1\n<3>  3abc:22\n<3>   ^~~\n<4>a warning\n<5>a notice\n"
			    "<5>hint: a hint\n<6>info 1\n");
}

static void auto_is_the_journal_only_on_its_stream(void **state)
{
	struct stat status;
	char stream[64];

	(void)state;
	capture_begin(&capture, STDERR_FILENO);
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_configure(&(struct log_config){ .format = LOG_AUTO });
	log_error("a");
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_configure(&(struct log_config){ .format = LOG_AUTO });
	log_error("b");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_configure(&(struct log_config){ .format = LOG_AUTO });
	log_error("c");
	assert_string_equal(capture_end(&capture), "<3>a\nvsock-cat: b\nvsock-cat: c\n");
	unsetenv("JOURNAL_STREAM");
}

static void timestamps_stand_before_each_line(void **state)
{
	static const char form[] = "0000-00-00T00:00:00.000000Z ";
	const char *got, *rest;

	(void)state;
	log_configure(&(struct log_config){ .format = LOG_TEXT, .timestamps = true });
	got = say_all();
	for (rest = got; *rest != '\0'; rest = strchr(rest, '\n') + 1)
		for (size_t i = 0; form[i] != '\0'; i++)
			if (form[i] == '0')
				assert_in_range(rest[i], '0', '9');
			else
				assert_int_equal(rest[i], form[i]);
	assert_memory_equal(got + strlen(form), "vsock-cat: an error 1\n", 22);
}

static void colour_is_asked_for(void **state)
{
	(void)state;
	log_configure(&(struct log_config){ .format = LOG_TEXT, .color = LOG_COLOR_ALWAYS });
	capture_begin(&capture, STDERR_FILENO);
	log_error("a");
	log_warning("b");
	assert_string_equal(capture_end(&capture), "\033[1;31mvsock-cat:\033[0m a\nvsock-cat: b\n");
	assert_true(log_color_on(STDERR_FILENO));
	log_configure(&(struct log_config){ .format = LOG_TEXT, .color = LOG_COLOR_NEVER });
	assert_false(log_color_on(STDERR_FILENO));
}

/* A terminal as stderr: what was written to it, raw, in capture.text. */
struct terminal {
	int master, saved;
};

static void terminal_begin(struct terminal *terminal)
{
	struct termios raw;
	int slave;

	terminal->master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(terminal->master >= 0);
	assert_int_equal(grantpt(terminal->master), 0);
	assert_int_equal(unlockpt(terminal->master), 0);
	slave = open(ptsname(terminal->master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	terminal->saved = dup(STDERR_FILENO);
	assert_true(dup2(slave, STDERR_FILENO) >= 0);
	close(slave);
}

/* Once the terminal's last user is gone, its other side gives what is left (the kernel passes it on
 * later than it was written), and then EIO. */
static const char *terminal_end(struct terminal *terminal)
{
	size_t used = 0;
	ssize_t count;

	assert_true(dup2(terminal->saved, STDERR_FILENO) >= 0);
	close(terminal->saved);
	while ((count = read(terminal->master, capture.text + used,
			     sizeof(capture.text) - 1 - used)) > 0)
		used += (size_t)count;
	capture.text[used] = '\0';
	close(terminal->master);
	return capture.text;
}

static void progress_is_erased(void **state)
{
	struct terminal terminal;

	(void)state;
	setenv("COLUMNS", "10", 1);
	terminal_begin(&terminal);
	log_progress("%d of 2", 1);
	log_progress("%s", "0123456789abc");
	log_notice("n");
	log_notice("m");
	log_progress("a\nb");
	log_progress_end();
	log_progress_end();
	log_configure(&(struct log_config){ .format = LOG_TEXT, .quiet = 1 });
	log_progress("not seen");
	assert_string_equal(terminal_end(&terminal),
			    "\r1 of 2\033[K\r012345678\033[K\r\033[Kvsock-cat: n\nvsock-cat: m\n"
			    "\ra\\x0Ab\033[K\r\033[K");
	log_configure(&(struct log_config){ .format = LOG_TEXT });
	capture_begin(&capture, STDERR_FILENO);
	log_progress("not to a file");
	log_progress_end();
	assert_string_equal(capture_end(&capture), "");
}

static void colour_follows_the_terminal(void **state)
{
	struct terminal terminal;
	bool plain, no_color, dumb;

	(void)state;
	terminal_begin(&terminal);
	plain = log_color_on(STDERR_FILENO);
	setenv("NO_COLOR", "1", 1);
	no_color = log_color_on(STDERR_FILENO);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	dumb = log_color_on(STDERR_FILENO);
	log_progress("not on a dumb one");
	assert_string_equal(terminal_end(&terminal), "");
	assert_true(plain);
	assert_false(no_color);
	assert_false(dumb);
}

static void width_is_columns_or_80(void **state)
{
	(void)state;
	setenv("COLUMNS", "132", 1);
	assert_int_equal(log_width(-1), 132);
	setenv("COLUMNS", "0", 1);
	assert_int_equal(log_width(-1), 80);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(log_width(-1), 80);
	unsetenv("COLUMNS");
	assert_int_equal(log_width(-1), 80);
}

static void drain(int fd)
{
	char block[4096];

	while (read(fd, block, sizeof(block)) > 0)
		;
}

/* stderr is a full pipe that nobody reads, and that blocks: the first message waits for a bounded
 * time, the next don't. When it is read again, the first line tells how many were lost. */
static void a_full_stderr_does_not_hang(void **state)
{
	int ends[2], saved = dup(STDERR_FILENO);
	char block[4096] = "", got[512] = "";
	uint64_t before;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_nonblock(ends[0], true), 0);
	assert_int_equal(fd_nonblock(ends[1], true), 0);
	while (write(ends[1], block, sizeof(block)) > 0)
		;
	assert_int_equal(fd_nonblock(ends[1], false), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	before = units_now();
	for (int i = 0; i < 100; i++)
		log_error("lost");
	assert_in_range(units_now() - before, 900 * NSEC_PER_MSEC, 20 * NSEC_PER_SEC);
	drain(ends[0]);
	log_error("back");
	log_error("again");
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
	assert_string_equal(got, "vsock-cat: messages lost here: 100: standard error could not be "
				 "written: nobody reads it\n"
				 "vsock-cat: back\nvsock-cat: again\n");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

struct escape_row {
	const char *text, *want;
	size_t size;
};

static void the_escaper(void **state)
{
	static const struct escape_row rows[] = {
		{ "plain", "plain", 64 },
		{ "", "", 64 },
		{ "a\\b", "a\\b", 64 },
		{ "\x01\n\x7f", "\\x01\\x0A\\x7F", 64 },
		{ "gr\xc3\xbcn", "gr\xc3\xbcn", 64 },
		{ "\xc2\x9b"
		  "2J",
		  "\\xC2\\x9B"
		  "2J",
		  64 }, /* CSI of C1 */
		{ "\xc2\xa0", "\xc2\xa0", 64 },
		{ "a\xff\xc3", "a\\xFF\\xC3", 64 },
		{ "\xed\xa0\x80", "\\xED\\xA0\\x80", 64 },
		{ "\xe2\x80\xae", "\\xE2\\x80\\xAE", 64 }, /* right-to-left override */
		{ "\xe2\x80\x8e", "\\xE2\\x80\\x8E", 64 },
		{ "\xe2\x81\xa6", "\\xE2\\x81\\xA6", 64 },
		{ "\xd8\x9c", "\\xD8\\x9C", 64 },
		{ "12345", "12345", 6 },
		{ "123456", "12…", 6 },
		{ "\x01\x02", "\\x01…", 8 },
		{ "\x01\x02", "…", 7 },
		{ "\xc3\xbc\xc3\xbc\xc3\xbc", "\xc3\xbc…", 6 }, /* cut between characters */
		{ "1234", "…", 4 },
		{ "1234", "", 3 },
		{ "1234", "", 1 },
		{ "12", "12", 3 },
	};
	char buf[64], untouched = 'x';

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(buf, 'x', sizeof(buf));
		assert_ptr_equal(utf8_escape(rows[i].text, strlen(rows[i].text), buf, rows[i].size),
				 buf);
		assert_string_equal(buf, rows[i].want);
		if (rows[i].size < sizeof(buf))
			assert_int_equal(buf[rows[i].size], 'x');
	}
	utf8_escape("a\0b", 3, buf, sizeof(buf));
	assert_string_equal(buf, "a\\x00b");
	utf8_escape("abc", 3, &untouched, 0);
	assert_int_equal(untouched, 'x');
}

static void words_of_the_shell(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "unix:/run/x.sock", "unix:/run/x.sock" },
		{ "tcp:[::1]:22", "tcp:[::1]:22" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "unix:/a\\,b", "'unix:/a\\,b'" },
		{ "sh -c 'ls'", "\"sh -c 'ls'\"" },
		{ "echo '$x'", "'echo '\\''$x'\\'''" },
		{ "/tmp/*", "'/tmp/*'" },
	};
	char buf[64], small[4];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_ptr_equal(utf8_quote(rows[i].text, buf, sizeof(buf)), buf);
		assert_string_equal(buf, rows[i].want);
	}
	assert_string_equal(utf8_quote("a b c", small, sizeof(small)), "'a ");
	assert_string_equal(utf8_quote("abcde", small, sizeof(small)), "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quiet_and_verbose, begin),
		cmocka_unit_test_setup(errno_is_kept, begin),
		cmocka_unit_test_setup(messages_are_one_line, begin),
		cmocka_unit_test_setup(long_messages_are_whole, begin),
		cmocka_unit_test_setup(carets_stand_below_what_is_meant, begin),
		cmocka_unit_test_setup(events_have_a_fixed_grammar, begin),
		cmocka_unit_test_setup(json_lines, begin),
		cmocka_unit_test_setup(journal_lines, begin),
		cmocka_unit_test_setup(auto_is_the_journal_only_on_its_stream, begin),
		cmocka_unit_test_setup(timestamps_stand_before_each_line, begin),
		cmocka_unit_test_setup(colour_is_asked_for, begin),
		cmocka_unit_test_setup(progress_is_erased, begin),
		cmocka_unit_test_setup(colour_follows_the_terminal, begin),
		cmocka_unit_test_setup(width_is_columns_or_80, begin),
		cmocka_unit_test_setup(a_full_stderr_does_not_hang, begin),
		cmocka_unit_test_setup(the_escaper, begin),
		cmocka_unit_test_setup(words_of_the_shell, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
