/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in an address once it is read: its fields, words and limits. The tables of good and bad
 * addresses: test-addr.c. */
#include "config.h"

#include "addr-rig.h"

/* What can't stand in a table of lines. */
static void test_extremes(void **state)
{
	static char text[ADDR_NAME_MAX + 100], formatted[ADDR_TEXT_MAX];
	const struct addr_context *context = find_place("cat");
	struct addr addr;
	struct mistake error;

	(void)state;
	assert_int_equal(addr_parse("", context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "the address is empty");
	assert_int_equal(error.offset, 0);
	assert_int_equal(error.length, 1);

	/* The longest path, each byte escaped, all options. */
	snprintf(text, sizeof(text), "unix:");
	memset(text + 5, 1, ADDR_NAME_MAX - 1);
	strcpy(text + 5 + ADDR_NAME_MAX - 1, ",backlog=5,mode=0600,owner=a,group=b");
	assert_int_equal(addr_parse(text, find_place("listen"), &addr, &error), 0);
	assert_int_equal(strlen(addr.name), ADDR_NAME_MAX - 1);
	addr_format(&addr, formatted, sizeof(formatted));
	assert_null(strstr(formatted, "…"));
	assert_int_equal(strlen(formatted), 5 + 4 * (ADDR_NAME_MAX - 1) + 36);

	memset(text + 5, 'a', ADDR_NAME_MAX);
	text[5 + ADDR_NAME_MAX] = '\0';
	assert_int_equal(addr_parse(text, context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "too long: at most 4095 bytes");
	assert_int_equal(error.offset, 5);

	memset(text, 'a', ADDR_NAME_MAX);
	memcpy(text, "tcp:", 4);
	assert_int_equal(addr_parse(text, context, &addr, &error), -EINVAL);
	assert_in_range(strlen(error.why), 1, sizeof(error.why) - 1);
	text[4 + 253] = ':', text[4 + 254] = '8', text[4 + 255] = '\0';
	assert_int_equal(addr_parse(text, context, &addr, &error), 0);
	text[4 + 253] = 'a', text[4 + 254] = ':', text[4 + 255] = '8', text[4 + 256] = '\0';
	assert_int_equal(addr_parse(text, context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "bad host: a host's name has at most 253 bytes");

	/* 107 bytes of an abstract name are right. */
	snprintf(text, sizeof(text), "unix:@%0107d", 0);
	assert_int_equal(addr_parse(text, context, &addr, &error), 0);
	assert_true(addr.abstract);
	assert_int_equal(strlen(addr.name), 107);
}

static void test_remark_on_cid_0(void **state)
{
	struct addr addr;
	struct mistake error;

	(void)state;
	assert_int_equal(addr_parse("0:22", find_place("cat"), &addr, &error), 0);
	assert_string_equal(
		error.hint,
		"CID 0 is the hypervisor itself, and VMCI only carries that; the host is CID 2");
	assert_int_equal(addr_parse("3:22", find_place("cat"), &addr, &error), 0);
	assert_string_equal(error.hint, "");
}

static void test_fields(void **state)
{
	const struct addr_context *cat = find_place("cat"), *listen = find_place("listen");
	struct addr addr;
	struct mistake error;

	(void)state;
	assert_int_equal(addr_parse("web:22,window=1M", cat, &addr, &error), 0);
	assert_int_equal(addr.family, ADDR_VSOCK);
	assert_int_equal(addr.cid, 3);
	assert_int_equal(addr.port, 22);
	assert_int_equal(addr.port_last, 22);
	assert_true(addr.has_port);
	assert_string_equal(addr.alias, "web");
	assert_int_equal(addr.options.given, ADDR_OPT_WINDOW);
	assert_int_equal(addr.options.window, 1 << 20);

	assert_int_equal(addr_parse("db:5432", cat, &addr, &error), 0);
	assert_int_equal(addr.family, ADDR_MUX);
	assert_string_equal(addr.name, "/run/fc/db.vsock");
	assert_string_equal(addr.alias, "db");
	assert_int_equal(addr.port, 5432);

	assert_int_equal(addr_parse("5000", listen, &addr, &error), 0);
	assert_int_equal(addr.cid, ADDR_CID_ANY);
	assert_int_equal(addr_parse("vsock::0", listen, &addr, &error), 0);
	assert_int_equal(addr.port, ADDR_PORT_ANY);

	assert_int_equal(addr_parse("tcp::http", listen, &addr, &error), 0);
	assert_true(addr.wildcard);
	assert_string_equal(addr.name, "");
	assert_string_equal(addr.service, "http");
	assert_int_equal(addr_parse("tcp4:[::1]:80", listen, &addr, &error), -EINVAL);
	assert_int_equal(addr_parse("tcp6:[::1]:80,bind=[::2]:5", cat, &addr, &error), 0);
	assert_int_equal(addr.ip, 6);
	assert_string_equal(addr.name, "::1");
	assert_string_equal(addr.options.bind_host, "::2");
	assert_int_equal(addr.options.bind_tcp_port, 5);

	assert_int_equal(addr_parse("3:22,bind=:7", cat, &addr, &error), 0);
	assert_int_equal(addr.options.bind_cid, ADDR_CID_ANY);
	assert_int_equal(addr.options.bind_port, 7);

	assert_int_equal(addr_parse("fd:web", cat, &addr, &error), 0);
	assert_int_equal(addr.fd, -1);
	assert_string_equal(addr.name, "web");

	assert_int_equal(addr_parse("unix:/a\\,\\\\\\x01,mode=0600", listen, &addr, &error), 0);
	assert_string_equal(addr.name, "/a,\\\1");
	assert_int_equal(strlen(addr.name), 5);
	assert_int_equal(addr.options.mode, 0600);

	assert_int_equal(addr_parse("vsock::8000-8009", find_place("proxy-listen"), &addr, &error),
			 0);
	assert_int_equal(addr.port, 8000);
	assert_int_equal(addr.port_last, 8009);

	assert_int_equal(addr_parse("3", find_place("ping"), &addr, &error), 0);
	assert_false(addr.has_port);
}

static void test_no_options(void **state)
{
	struct addr_context context = { ADDR_CONNECT, ADDR_SHORT | ADDR_NO_OPTIONS, NULL, NULL };
	struct addr addr;
	struct mistake error;

	(void)state;
	assert_int_equal(addr_parse("3:22", &context, &addr, &error), 0);
	assert_int_equal(addr_parse("3:22,window=1M", &context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "no options may follow here");
	assert_int_equal(error.offset, 4);
	assert_int_equal(addr_parse("web:22", &context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "no CID is called 'web'");
}

static const struct {
	const char *place, *where, *port, *joined, *canonical, *why;
} words[] = {
	{ "cat", "3", "22", "3:22", "vsock:3:22", NULL },
	{ "cat", "web", "22", "web:22", "vsock:3:22", NULL },
	{ "cat", "db", "22", "db:22", "vsock-mux:/run/fc/db.vsock:22", NULL },
	{ "cat", "web", "22,window=1M", "web:22,window=1M", "vsock:3:22,window=1M", NULL },
	{ "cat", "web,window=1M", "22", "web:22,window=1M", "vsock:3:22,window=1M", NULL },
	{ "cat", "vsock:3", "22", "vsock:3:22", "vsock:3:22", NULL },
	{ "cat", "vsock/3", "22", "vsock:3:22", "vsock:3:22", NULL },
	{ "cat", "vsock%3", "22", "vsock:3:22", "vsock:3:22", NULL },
	{ "cat", "vsock/web", "22", "vsock:web:22", "vsock:3:22", NULL },
	{ "cat", "unix/run/x", "22", "unix:/run/x", "unix:/run/x", NULL },
	{ "cat", "unix//run/x", "0", "unix:/run/x", "unix:/run/x", NULL },
	{ "cat", "unix/./x", "0", "unix:./x", "unix:./x", NULL },
	{ "cat", "vsock-mux/run/x", "22", "vsock-mux:/run/x:22", "vsock-mux:/run/x:22", NULL },
	{ "cat", "tcp:h", "80", "tcp:h:80", "tcp:h:80", NULL },
	{ "ping", "3", "22", "3:22", "vsock:3:22", NULL },
	{ "cat", "3abc", "22", "3abc:22", NULL, "bad CID: 'a' is not a digit" },
	{ "cat", "localhost", "80", "localhost:80", NULL, "no CID is called 'localhost'" },
	{ "cat", "::1", "80", "::1:80", NULL, "an IP address without its family" },
	{ "cat", "3", "ssh", "3:ssh", NULL, "bad port: 's' is not a digit" },
	{ "cat", "unix:/run/x", "22", "unix:/run/x 22", NULL,
	  "one word too many: 'unix:/run/x' has no port" },
	{ "cat", "./x", "22", "./x 22", NULL, "one word too many: './x' has no port" },
	{ "cat", "-", "22", "- 22", NULL, "one word too many: '-' has no port" },
	{ "cat", "unix/run/x", "ssh", "unix/run/x ssh", NULL, "bad port: 'ssh' is not a number" },
	{ "cat", "3:22", "23", "3:22:23", NULL, "too many colons" },
};

static void test_words(void **state)
{
	static char joined[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX];
	struct addr addr;
	struct mistake error;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int r = addr_parse_words(words[i].where, words[i].port, find_place(words[i].place),
					 &addr, joined, sizeof(joined), &error);

		assert_string_equal(joined, words[i].joined);
		if (r == 0)
			assert_string_equal(addr_format(&addr, text, sizeof(text)),
					    words[i].canonical ? words[i].canonical : "bad");
		else
			assert_string_equal(error.why, words[i].why ? words[i].why : "good");
		assert_true(r == 0 || error.offset <= strlen(joined));
	}
	assert_int_equal(addr_parse_words("web", "22", find_place("cat"), &addr, joined, 4, &error),
			 -EINVAL);
}

static void test_short_buffer(void **state)
{
	struct addr addr;
	struct mistake error;
	char buf[12];

	(void)state;
	assert_int_equal(addr_parse("unix:/run/\xc3\xbc\xc3\xbc", find_place("cat"), &addr, &error),
			 0);
	assert_string_equal(addr_format(&addr, buf, sizeof(buf)), "unix:/ru…");
	assert_string_equal(addr_format(&addr, buf, 1), "");
	assert_int_equal(addr_parse("unix:/1234\xc3\xbc", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format(&addr, buf, sizeof(buf)), "unix:/12…");
	assert_int_equal(addr_parse("3:22,window=1M", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format_short(&addr, buf, sizeof(buf)), "vsock:3:22");
	assert_int_equal(addr_parse("exec:a\x1b", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format_short(&addr, buf, sizeof(buf)), "exec:a\\x1B");
}

static const struct {
	const char *command;
	const char *words[5];
} commands[] = {
	{ "ls", { "ls" } },
	{ "  ls\t-l \n", { "ls", "-l" } },
	{ "sh -c 'ls | wc'", { "sh", "-c", "ls | wc" } },
	{ "a\\ b \"c d\" 'e\\f'", { "a b", "c d", "e\\f" } },
	{ "\"a\\\"b\\c\\\\\" ''", { "a\"b\\c\\", "" } },
	{ "a'b'\"c\"d", { "abcd" } },
	{ "echo $HOME *", { "echo", "$HOME", "*" } },
	{ "a\\\nb", { "ab" } },
	{ "a \\\n  b \\\nc \\\n", { "a", "b", "c" } },
};

static void test_exec_words(void **state)
{
	static const char *const bad[] = { "", "  ", "'", "a \"b", "a\\", "\"a\\\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char **vector;
		size_t n;

		assert_int_equal(addr_exec_words(commands[i].command, &vector), 0);
		for (n = 0; commands[i].words[n]; n++)
			assert_string_equal(vector[n] ? vector[n] : "(end)", commands[i].words[n]);
		assert_null(vector[n]);
		free(vector);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char **vector;

		assert_int_equal(addr_exec_words(bad[i], &vector), -EINVAL);
	}
}

static void test_read_cid(void **state)
{
	uint32_t cid;

	(void)state;
	assert_true(addr_read_cid("3", 1, &cid) && cid == 3);
	assert_true(addr_read_cid("31", 1, &cid) && cid == 3);
	assert_true(addr_read_cid("0x1F", 4, &cid) && cid == 31);
	assert_true(addr_read_cid("any", 3, &cid) && cid == ADDR_CID_ANY);
	assert_true(addr_read_cid("host", 4, &cid) && cid == ADDR_CID_HOST);
	assert_true(addr_read_cid("local", 5, &cid) && cid == ADDR_CID_LOCAL);
	assert_true(addr_read_cid("hypervisor", 10, &cid) && cid == ADDR_CID_HYPERVISOR);
	assert_true(addr_read_cid("4294967295", 10, &cid) && cid == ADDR_CID_ANY);
	assert_false(addr_read_cid("", 0, &cid));
	assert_false(addr_read_cid("0x", 2, &cid));
	assert_false(addr_read_cid("03", 2, &cid));
	assert_false(addr_read_cid("+3", 2, &cid));
	assert_false(addr_read_cid("-1", 2, &cid));
	assert_false(addr_read_cid("web", 3, &cid));
	assert_false(addr_read_cid("4294967296", 10, &cid));
	assert_false(addr_read_cid("99999999999999999999999999", 26, &cid));
}

static void test_families(void **state)
{
	(void)state;
	assert_true(addr_is_family("tcp4", 4));
	assert_true(addr_is_family("VSOCK", 5));
	assert_false(addr_is_family("web", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extremes),   cmocka_unit_test(test_remark_on_cid_0),
		cmocka_unit_test(test_fields),	   cmocka_unit_test(test_no_options),
		cmocka_unit_test(test_words),	   cmocka_unit_test(test_short_buffer),
		cmocka_unit_test(test_exec_words), cmocka_unit_test(test_read_cid),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests_name("addr-parts", tests, read_hosts, free_hosts);
}
