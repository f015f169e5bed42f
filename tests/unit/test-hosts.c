/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/hosts.h"
#include "../lib/temporary.h"

static int read_text(struct hosts *hosts, const char *text, struct mistake *error)
{
	return hosts_read(hosts, "hosts", text, strlen(text), error);
}

static void test_read(void **state)
{
	static const char text[] = "# guests\n"
				   "\n"
				   "  3\tweb www # two names\n"
				   "0x10 hex\r\n"
				   "/run/fc/db.vsock db\n"
				   "3 late\n"
				   "5 web\n"
				   "6 last-one.v2_x";
	struct hosts hosts = { 0 };
	struct mistake error;
	const struct hosts_entry *entry;

	(void)state;
	assert_int_equal(read_text(&hosts, text, &error), 0);
	assert_int_equal(hosts.count, 7);
	assert_int_equal(hosts.file_count, 1);
	entry = hosts_find(&hosts, "web", 3);
	assert_non_null(entry);
	assert_int_equal(entry->cid, 3); /* the first wins */
	assert_int_equal(entry->line, 3);
	assert_string_equal(entry->file, "hosts");
	assert_null(entry->path);
	assert_ptr_equal(hosts_find(&hosts, "WEB:22", 3), entry);
	assert_int_equal(hosts_find(&hosts, "www", 3)->cid, 3);
	assert_int_equal(hosts_find(&hosts, "hex", 3)->cid, 16);
	assert_string_equal(hosts_find(&hosts, "db", 2)->path, "/run/fc/db.vsock");
	assert_int_equal(hosts_find(&hosts, "last-one.v2_x", 13)->cid, 6);
	assert_null(hosts_find(&hosts, "we", 2));
	assert_null(hosts_find(&hosts, "", 0));
	assert_null(hosts_find(NULL, "web", 3));
	assert_string_equal(hosts_name_of(&hosts, 3), "web");
	assert_null(hosts_name_of(&hosts, 5)); /* web means 3 */
	assert_null(hosts_name_of(&hosts, 0)); /* db has no CID */
	hosts_free(&hosts);
	assert_int_equal(hosts.count, 0);
}

static const struct {
	const char *text;
	unsigned line;
	size_t offset, length;
	const char *why;
} bad[] = {
	{ "3\n", 1, 0, 1, "a name is missing after '3'" },
	{ "3 # web\n", 1, 0, 1, "a name is missing after '3'" },
	{ "3 web\n\nweb 3\n", 3, 0, 3, "the number comes first: CID or /PATH, then the names" },
	{ "run/x db\n", 1, 0, 5, "'run/x' is neither a CID nor an absolute path" },
	{ "any all\n", 1, 0, 3, "'any' is neither a CID nor an absolute path" },
	{ "-1 all\n", 1, 0, 2, "'-1' is neither a CID nor an absolute path" },
	{ "4294967295 all\n", 1, 0, 10, "bad CID: 4294967295 means any CID" },
	{ "4294967296 all\n", 1, 0, 10, "bad CID: 4294967296 is above 4294967294" },
	{ "03 web\n", 1, 0, 2, "bad CID: 03 starts with 0" },
	{ "3x web\n", 1, 1, 1, "bad CID: 'x' is not a digit" },
	{ "3 host\n", 1, 2, 4,
	  "bad name 'host': this word is reserved (any, hypervisor, local, host)" },
	{ "3 Any\n", 1, 2, 3,
	  "bad name 'Any': this word is reserved (any, hypervisor, local, host)" },
	{ "3 tcp\n", 1, 2, 3, "bad name 'tcp': addresses of a family start with this word" },
	{ "3 VSOCK\n", 1, 2, 5, "bad name 'VSOCK': addresses of a family start with this word" },
	{ "3 4web\n", 1, 2, 4, "bad name '4web': a name must start with a letter" },
	{ "3 web web:x\n", 1, 6, 5,
	  "bad name 'web:x': a name has letters, digits, '.', '_' and '-' only" },
	{ "3 a\x1b\n", 1, 2, 5,
	  "bad name 'a\\x1B': a name has letters, digits, '.', '_' and '-' only" },
	{ "3 abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd\n", 1, 2, 64,
	  "bad name 'abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij…': a name has at most 63 bytes" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hosts hosts = { 0 };
		struct mistake error;
		char place[32];

		assert_int_equal(read_text(&hosts, bad[i].text, &error), -EINVAL);
		assert_string_equal(error.why, bad[i].why);
		snprintf(place, sizeof(place), "hosts:%u", bad[i].line);
		assert_string_equal(hosts.bad.place, place);
		assert_int_equal(error.offset, bad[i].offset);
		assert_int_equal(error.length, bad[i].length);
		hosts_free(&hosts);
	}
}

/* The caret stands under the bad spot of the line as it is shown. */
static void test_offset_in_escaped_line(void **state)
{
	static const char text[] = "\t3 tcp\n/\0a b\n";
	struct hosts hosts = { 0 };
	struct mistake error;

	(void)state;
	assert_int_equal(read_text(&hosts, text, &error), -EINVAL);
	assert_string_equal(hosts.bad.text, "\\x093 tcp");
	assert_int_equal(error.offset, 6);
	hosts_free(&hosts);
	assert_int_equal(hosts_read(&hosts, "hosts", text + 7, sizeof(text) - 8, &error), -EINVAL);
	assert_string_equal(error.why, "there is a NUL byte in the path");
	hosts_free(&hosts);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *dir, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	remove(path);
}

/* $VSOCK_HOSTS alone; without it the user's file. (What /etc has on this machine is not looked at.)
 */
static void test_load(void **state)
{
	char dir[TEMPORARY_MAX], value[512];
	struct hosts hosts;
	struct mistake error;

	(void)state;
	assert_non_null(mkdtemp(temporary_name(dir)));
	write_file(dir, "a", "3 web\n");
	write_file(dir, "b", "4 web db\n");
	write_file(dir, "bad", "# x\n3\n");
	snprintf(value, sizeof(value), "%s/vsock", dir);
	assert_int_equal(mkdir(value, 0700), 0);
	write_file(value, "hosts", "9 mine\n");

	snprintf(value, sizeof(value), "%s/a:%s/b", dir, dir);
	setenv("VSOCK_HOSTS", value, 1);
	assert_int_equal(hosts_load(&hosts, &error), 0);
	assert_int_equal(hosts.file_count, 2);
	assert_int_equal(hosts_find(&hosts, "web", 3)->cid, 3);
	assert_int_equal(hosts_find(&hosts, "db", 2)->cid, 4);
	assert_null(hosts_find(&hosts, "mine", 4));
	hosts_free(&hosts);

	snprintf(value, sizeof(value), "%s/none", dir);
	setenv("VSOCK_HOSTS", value, 1);
	assert_int_equal(hosts_load(&hosts, &error), -ENOENT);
	assert_string_equal(hosts.bad.place, value);
	assert_string_equal(error.why, "cannot be read: No such file or directory");
	assert_int_equal(hosts.count, 0);

	snprintf(value, sizeof(value), "%s/a:%s/bad", dir, dir);
	setenv("VSOCK_HOSTS", value, 1);
	assert_int_equal(hosts_load(&hosts, &error), -EINVAL);
	snprintf(value, sizeof(value), "%s/bad:2", dir);
	assert_string_equal(hosts.bad.place, value);
	assert_int_equal(hosts.count, 0);

	setenv("VSOCK_HOSTS", "", 1);
	assert_int_equal(hosts_load(&hosts, &error), 0);
	assert_int_equal(hosts.count, 0);
	hosts_free(&hosts);

	unsetenv("VSOCK_HOSTS");
	setenv("XDG_CONFIG_HOME", dir, 1);
	if (hosts_load(&hosts, &error) == 0) {
		assert_int_equal(hosts_find(&hosts, "mine", 4)->cid, 9);
		hosts_free(&hosts);
	}
	snprintf(value, sizeof(value), "%s/vsock", dir);
	remove_file(value, "hosts");
	remove_file(dir, "vsock");
	remove_file(dir, "a");
	remove_file(dir, "b");
	remove_file(dir, "bad");
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_offset_in_escaped_line),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
