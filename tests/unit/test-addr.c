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

#include <cmocka.h>

#include "net/addr.h"

static struct hosts hosts;

/* The names of tests/hosts. */
static int read_hosts(void **state)
{
	static const char text[] = "3 web\n/run/fc/db.vsock db\n";
	struct hosts_error error;

	(void)state;
	return hosts_read(&hosts, "hosts", text, sizeof text - 1, &error);
}

static int free_hosts(void **state)
{
	(void)state;
	hosts_free(&hosts);
	return 0;
}

/* What each program passes to addr_parse(); the names are those of bad-addresses.tsv. */
static const struct {
	const char *name;
	struct addr_context context;
} places[] = {
	{ "cat", { ADDR_CONNECT, ADDR_SHORT, "vsock-cat", &hosts } },
	{ "listen", { ADDR_LISTEN, ADDR_SHORT, "vsock-listen", &hosts } },
	{ "proxy-listen", { ADDR_LISTEN, ADDR_RANGE | ADDR_DATAGRAMS, "vsock-proxy", &hosts } },
	{ "proxy-connect", { ADDR_CONNECT, ADDR_RANGE | ADDR_DATAGRAMS, "vsock-proxy", &hosts } },
	{ "ping", { ADDR_CONNECT, ADDR_SHORT | ADDR_PORT_OPTIONAL, "vsock-ping", &hosts } },
};

static const struct addr_context *find_place(const char *name)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (strcmp(places[i].name, name) == 0)
			return &places[i].context;
	fail_msg("no place is called %s", name);
	return NULL;
}

static const struct {
	const char *place;
	const char *text;
	const char *canonical; /* NULL: text is canonical */
} good[] = {
	/* vsock, short and long */
	{ "cat", "vsock:3:22", NULL },
	{ "cat", "3:22", "vsock:3:22" },
	{ "cat", "1:2", "vsock:1:2" },
	{ "cat", "host:22", "vsock:2:22" },
	{ "cat", "local:22", "vsock:1:22" },
	{ "cat", "hypervisor:22", "vsock:0:22" },
	{ "cat", "0:22", "vsock:0:22" },
	{ "cat", "0x3:22", "vsock:3:22" },
	{ "cat", "0X1f:0x16", "vsock:31:22" },
	{ "cat", "0x00000003:22", "vsock:3:22" },
	{ "cat", "web:22", "vsock:3:22" },
	{ "cat", "WEB:22", "vsock:3:22" },
	{ "cat", "vsock:web:22", "vsock:3:22" },
	{ "cat", "4294967294:4294967294", "vsock:4294967294:4294967294" },
	{ "cat", "vsock-seqpacket:3:22", NULL },
	{ "cat", "vsock-seqpacket:web:22", "vsock-seqpacket:3:22" },
	{ "cat", "vsock://3:22", "vsock:3:22" },
	{ "cat", "vsock-seqpacket://host:22", "vsock-seqpacket:2:22" },
	{ "listen", "22", "vsock:any:22" },
	{ "listen", "0", "vsock:any:any" },
	{ "listen", "4294967295", "vsock:any:any" },
	{ "listen", "any:22", "vsock:any:22" },
	{ "listen", "*:22", "vsock:any:22" },
	{ "listen", "2:22", "vsock:2:22" },
	{ "listen", "web:22", "vsock:3:22" },
	{ "listen", "vsock::22", "vsock:any:22" },
	{ "listen", "vsock:-1:22", "vsock:any:22" },
	{ "listen", "vsock:*:22", "vsock:any:22" },
	{ "listen", "vsock:4294967295:22", "vsock:any:22" },
	{ "listen", "vsock:0xffffffff:22", "vsock:any:22" },
	{ "listen", "vsock::0", "vsock:any:any" },
	{ "listen", "vsock::any", "vsock:any:any" },
	{ "listen", "vsock:any:4294967295", "vsock:any:any" },
	{ "listen", "vsock:local:any", "vsock:1:any" },
	{ "listen", "vsock://80", "vsock:any:80" },
	{ "listen", "vsock://:80", "vsock:any:80" },
	{ "listen", "vsock://-1:1024", "vsock:any:1024" },
	{ "proxy-listen", "vsock::8080", "vsock:any:8080" },
	{ "proxy-listen", "vsock:3:8000-8009", NULL },
	{ "proxy-listen", "vsock:3:80-80", "vsock:3:80" },
	{ "proxy-connect", "vsock:3:8000-8009", NULL },
	{ "proxy-connect", "vsock:web:80", "vsock:3:80" },
	{ "ping", "3", "vsock:3" },
	{ "ping", "vsock:3", NULL },
	{ "ping", "web", "vsock:3" },
	{ "ping", "host", "vsock:2" },
	{ "ping", "vsock://3", "vsock:3" },
	{ "ping", "3:22", "vsock:3:22" },
	{ "ping", "db", "vsock-mux:/run/fc/db.vsock" },
	/* tcp */
	{ "cat", "tcp:80", "tcp:localhost:80" },
	{ "cat", "tcp4:80", "tcp4:localhost:80" },
	{ "cat", "tcp:localhost:80", NULL },
	{ "cat", "tcp:h:http", NULL },
	{ "cat", "tcp:h:x11-ssh-offset", NULL },
	{ "cat", "tcp:10.0.0.1:80", NULL },
	{ "cat", "tcp:example.com.:80", NULL },
	{ "cat", "tcp:my_host:80", NULL },
	{ "cat", "tcp:3com:80", NULL },
	{ "cat", "tcp://h:80", "tcp:h:80" },
	{ "cat", "tcp://[::1]:80", "tcp:[::1]:80" },
	{ "cat", "tcp:[::1]:80", NULL },
	{ "cat", "tcp6:[0:0::0001]:80", "tcp6:[::1]:80" },
	{ "cat", "tcp:[FE80::1%eth0]:80", "tcp:[fe80::1%eth0]:80" },
	{ "cat", "tcp:[::ffff:10.0.0.1]:65535", NULL },
	{ "listen", "tcp:80", "tcp:localhost:80" },
	{ "listen", "tcp:*:80", NULL },
	{ "listen", "tcp::80", "tcp:*:80" },
	{ "listen", "tcp4::80", "tcp4:*:80" },
	{ "listen", "tcp://:80", "tcp:*:80" },
	{ "listen", "tcp:*:0", NULL },
	{ "listen", "tcp:*:any", "tcp:*:0" },
	{ "listen", "tcp:0", "tcp:localhost:0" },
	{ "listen", "tcp:[::]:http", NULL },
	{ "proxy-listen", "tcp:8000-8009", "tcp:localhost:8000-8009" },
	{ "proxy-connect", "tcp:10.0.0.1:8000-8009", NULL },
	{ "proxy-connect", "socks5:", NULL },
	{ "proxy-connect", "http-connect:", NULL },
	{ "proxy-connect", "proxy-dst:", NULL },
	{ "proxy-listen", "udp:53", "udp:localhost:53" },
	{ "proxy-listen", "udp::53", "udp:*:53" },
	{ "proxy-listen", "udp6:[::1]:5000-5009", NULL },
	{ "proxy-listen", "udp:127.0.0.1:0", NULL },
	{ "proxy-listen", "udp4:53", "udp4:localhost:53" },
	{ "proxy-listen", "udp6::53", "udp6:*:53" },
	{ "proxy-listen", "udp:*:any", "udp:*:0" },
	{ "proxy-listen", "udp://:53", "udp:*:53" },
	{ "proxy-listen", "udp:127.0.0.1:domain", NULL },
	{ "proxy-listen", "udp:53-54", "udp:localhost:53-54" },
	{ "proxy-connect", "udp://[::1]:53", "udp:[::1]:53" },
	{ "proxy-connect", "udp:h:domain-s", NULL },
	{ "proxy-connect", "udp:10.0.0.1:5000-5009", NULL },
	{ "proxy-connect", "udp:53", "udp:localhost:53" },
	{ "proxy-connect", "udp://ns.example.com:53", "udp:ns.example.com:53" },
	{ "proxy-connect", "udp4:10.0.0.1:53,bind=10.0.0.2:5353", NULL },
	{ "proxy-connect", "udp:[fe80::1%eth0]:53", NULL },
	/* unix */
	{ "cat", "unix:/run/x", NULL },
	{ "cat", "/run/x", "unix:/run/x" },
	{ "cat", "./x", "unix:./x" },
	{ "cat", "../x", "unix:../x" },
	{ "cat", "@x", "unix:@x" },
	{ "cat", "unix:x", NULL },
	{ "cat", "unix:@x", NULL },
	{ "cat", "unix:@@", NULL },
	{ "cat", "unix:./@x", NULL },
	{ "cat", "unix:\\x40x", NULL },
	{ "cat", "unix:\\x7E/x", NULL },
	{ "cat", "unix:~x", "unix:\\x7Ex" },
	{ "cat", "unix:/a\\,b", NULL },
	{ "cat", "unix:/a\\\\b", NULL },
	{ "cat", "unix:/a:b", NULL },
	{ "cat", "unix:/a b", "unix:/a\\x20b" },
	{ "cat", "unix:/a\tb\n", "unix:/a\\x09b\\x0A" },
	{ "cat", "unix:/\xc3\xbc", NULL },
	{ "cat", "unix:/\xc3", "unix:/\\xC3" },
	{ "cat", "unix:/\xe2\x80\xae", "unix:/\\xE2\\x80\\xAE" },
	{ "cat", "unix:/\\x61\\x2c", "unix:/a\\," },
	{ "cat", "unix:///run/x", "unix:/run/x" },
	{ "cat", "unix:///run/a%20b?x", "unix:/run/a%20b?x" },
	{ "cat", "unix:////x", "unix:/\\x2Fx" },
	{ "cat", "unix-seqpacket:/run/x", NULL },
	{ "listen", "unix-seqpacket:@x", NULL },
	{ "listen", "/run/x", "unix:/run/x" },
	{ "proxy-listen", "unix:/run/x", NULL },
	/* hybrid vsock */
	{ "cat", "vsock-mux:/r/x:22", NULL },
	{ "cat", "vsock-mux:/r/a:b:22", NULL },
	{ "cat", "vsock-mux:./x:0x16", "vsock-mux:./x:22" },
	{ "cat", "vsock-mux:/a\\,b:22", NULL },
	{ "cat", "hvsock:///run/x:22", "vsock-mux:/run/x:22" },
	{ "cat", "vsock-mux:///run/x:22", "vsock-mux:/run/x:22" },
	{ "cat", "db:5432", "vsock-mux:/run/fc/db.vsock:5432" },
	{ "cat", "vsock:db:5432,connect-timeout=1s", "vsock-mux:/run/fc/db.vsock:5432,connect-timeout=1s" },
	{ "listen", "vsock-mux:/r/x:5000,mode=0600", NULL },
	{ "ping", "vsock-mux:/r/x", NULL },
	{ "ping", "vsock-mux:/r/a\\x3ab", "vsock-mux:/r/a\\x3Ab" },
	{ "proxy-connect", "vsock-mux:/r/x:80-90", NULL },
	/* exec, fd, - */
	{ "cat", "exec:ls", NULL },
	{ "cat", "exec:cat /etc/motd, \\\\ 'a b'", NULL },
	{ "cat", "exec://bin/ls", NULL },
	{ "cat", "exec:sh -c 'ls | wc'", NULL },
	{ "proxy-connect", "exec:ls", NULL },
	{ "cat", "fd:3", NULL },
	{ "cat", "fd:0", NULL },
	{ "cat", "fd:2147483647", NULL },
	{ "cat", "fd:web", NULL },
	{ "cat", "fd:9p", NULL },
	{ "cat", "fd:vsock.socket", NULL },
	{ "cat", "fd:\\x33", NULL },
	{ "listen", "fd:web", NULL },
	{ "listen", "fd:3", NULL },
	/* options */
	{ "cat", "3:22,connect-timeout=30s", "vsock:3:22,connect-timeout=30s" },
	{ "cat", "3:22,connect-timeout=1m30s", "vsock:3:22,connect-timeout=90s" },
	{ "cat", "3:22,connect-timeout=0.2", "vsock:3:22,connect-timeout=200ms" },
	{ "cat", "3:22,connect-timeout=1ns", "vsock:3:22,connect-timeout=1ns" },
	{ "cat", "3:22,connect-timeout=inf", "vsock:3:22,connect-timeout=inf" },
	{ "cat", "3:22,window=64K", "vsock:3:22,window=64K" },
	{ "cat", "3:22,window=1.5M", "vsock:3:22,window=1536K" },
	{ "cat", "3:22,window=10MB", "vsock:3:22,window=10000000" },
	{ "cat", "3:22,to-host,bind=:1000", "vsock:3:22,bind=:1000,to-host" },
	{ "cat", "3:22,bind=1", "vsock:3:22,bind=1" },
	{ "cat", "3:22,bind=any", "vsock:3:22,bind=any" },
	{ "cat", "3:22,bind=local:any", "vsock:3:22,bind=1" },
	{ "cat", "3:22,bind=2:1000", "vsock:3:22,bind=2:1000" },
	{ "cat", "tcp:h:80,keepalive,nodelay=no", "tcp:h:80,nodelay=off,keepalive=on" },
	{ "cat", "tcp:h:80,bind=10.0.0.1", NULL },
	{ "cat", "tcp:h:80,bind=10.0.0.1:1000", NULL },
	{ "cat", "tcp:h:80,bind=:1000", NULL },
	{ "cat", "tcp:h:80,bind=[::1]:1000", NULL },
	{ "cat", "tcp:h:80,bind=[fe80::1%eth0]", NULL },
	{ "listen", "22,backlog=16,window=1M", "vsock:any:22,window=1M,backlog=16" },
	{ "listen", "/x,group=kvm,owner=1000,mode=660", "unix:/x,mode=0660,owner=1000,group=kvm" },
	{ "listen", "tcp:*:80,backlog=5,nodelay", "tcp:*:80,backlog=5,nodelay=on" },
};
#define GOOD (sizeof good / sizeof good[0])

static void test_good(void **state)
{
	static char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		const char *canonical = good[i].canonical ? good[i].canonical : good[i].text;
		struct addr addr;
		struct addr_error error;

		if (addr_parse(good[i].text, find_place(good[i].place), &addr, &error) < 0)
			fail_msg("%s %s: %s (%s)", good[i].place, good[i].text, error.why, error.hint);
		addr_format(&addr, text, sizeof text);
		if (strcmp(text, canonical) != 0)
			fail_msg("%s %s: prints as %s, not as %s", good[i].place, good[i].text, text, canonical);
	}
}

/* What is printed reads as the same address, and prints as the same text. */
static void test_round_trip(void **state)
{
	static char text[ADDR_TEXT_MAX], again[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		const struct addr_context *context = find_place(good[i].place);
		struct addr addr, read;
		struct addr_error error;

		assert_int_equal(addr_parse(good[i].text, context, &addr, &error), 0);
		if (addr_parse(addr_format(&addr, text, sizeof text), context, &read, &error) < 0)
			fail_msg("%s %s: %s: %s", good[i].place, good[i].text, text, error.why);
		if (!addr_equal(&addr, &read))
			fail_msg("%s %s: %s is something else", good[i].place, good[i].text, text);
		assert_string_equal(addr_format(&read, again, sizeof again), text);
	}
}

/* Each good address equals itself and no other with another canonical text. */
static void test_equal(void **state)
{
	static struct addr all[GOOD];
	static char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	struct addr_error error;

	(void)state;
	for (size_t i = 0; i < GOOD; i++)
		assert_int_equal(addr_parse(good[i].text, find_place(good[i].place), &all[i], &error), 0);
	for (size_t i = 0; i < GOOD; i++) {
		addr_format(&all[i], a, sizeof a);
		for (size_t j = 0; j < GOOD; j++)
			assert_int_equal(addr_equal(&all[i], &all[j]), strcmp(a, addr_format(&all[j], b, sizeof b)) == 0);
	}
}

/* Undoes the escapes of the column TEXT in place. */
static void undo_escapes(char *text)
{
	char *to = text;

	for (; *text; text++) {
		char digits[3] = { 0 };

		if (*text != '\\') {
			*to++ = *text;
			continue;
		}
		switch (*++text) {
		case 't': *to++ = '\t'; break;
		case 'n': *to++ = '\n'; break;
		case '\\': *to++ = '\\'; break;
		case 'x':
			memcpy(digits, text + 1, 2);
			*to++ = (char)strtoul(digits, NULL, 16);
			text += 2;
			break;
		default: fail_msg("bad escape in bad-addresses.tsv: %s", text);
		}
	}
	*to = '\0';
}

static void test_bad(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], line[1024], text[1024];
	unsigned number = 0, failures = 0, count = 0;
	FILE *file;

	(void)state;
	snprintf(path, sizeof path, "%s/tests/bad-addresses.tsv", srcdir ? srcdir : SRCDIR);
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, file)) {
		char *rest = line, *column[6];
		struct addr addr;
		struct addr_error error;
		const char *hint;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		for (size_t i = 0; i < 6; i++)
			if ((column[i] = strsep(&rest, "\t")) == NULL)
				fail_msg("%s:%u: a column is missing", path, number);
		count++;
		snprintf(text, sizeof text, "%s", column[1]);
		undo_escapes(text);
		if (addr_parse(text, find_place(column[0]), &addr, &error) != -EINVAL) {
			print_error("%s:%u: %s: is good\n", path, number, column[1]);
			failures++;
			continue;
		}
		assert_int_equal(addr.family, ADDR_NONE);
		hint = error.hint[0] ? error.hint : "-";
		if (strcmp(error.why, column[4]) != 0 || strcmp(hint, column[5]) != 0 ||
		    error.offset != strtoul(column[2], NULL, 10) || error.length != strtoul(column[3], NULL, 10)) {
			print_error("%s:%u: %s:\n  %zu %zu %s (%s)\n", path, number, column[1], error.offset, error.length,
			            error.why, hint);
			failures++;
		}
	}
	fclose(file);
	assert_true(count >= 150);
	assert_int_equal(failures, 0);
}

/* What can't stand in a table of lines. */
static void test_extremes(void **state)
{
	static char text[ADDR_NAME_MAX + 100], formatted[ADDR_TEXT_MAX];
	const struct addr_context *context = find_place("cat");
	struct addr addr;
	struct addr_error error;

	(void)state;
	assert_int_equal(addr_parse("", context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "the address is empty");
	assert_int_equal(error.offset, 0);
	assert_int_equal(error.length, 1);

	/* The longest path, each byte escaped, all options. */
	snprintf(text, sizeof text, "unix:");
	memset(text + 5, 1, ADDR_NAME_MAX - 1);
	strcpy(text + 5 + ADDR_NAME_MAX - 1, ",backlog=5,mode=0600,owner=a,group=b");
	assert_int_equal(addr_parse(text, find_place("listen"), &addr, &error), 0);
	assert_int_equal(addr.name_length, ADDR_NAME_MAX - 1);
	addr_format(&addr, formatted, sizeof formatted);
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
	assert_in_range(strlen(error.why), 1, sizeof error.why - 1);
	text[4 + 253] = ':', text[4 + 254] = '8', text[4 + 255] = '\0';
	assert_int_equal(addr_parse(text, context, &addr, &error), 0);
	text[4 + 253] = 'a', text[4 + 254] = ':', text[4 + 255] = '8', text[4 + 256] = '\0';
	assert_int_equal(addr_parse(text, context, &addr, &error), -EINVAL);
	assert_string_equal(error.why, "bad host: a host's name has at most 253 bytes");

	/* 107 bytes of an abstract name are right. */
	snprintf(text, sizeof text, "unix:@%0107d", 0);
	assert_int_equal(addr_parse(text, context, &addr, &error), 0);
	assert_true(addr.abstract);
	assert_int_equal(addr.name_length, 107);
}

static void test_remark_on_cid_0(void **state)
{
	struct addr addr;
	struct addr_error error;

	(void)state;
	assert_int_equal(addr_parse("0:22", find_place("cat"), &addr, &error), 0);
	assert_non_null(strstr(error.hint, "VMCI only"));
	assert_int_equal(addr_parse("3:22", find_place("cat"), &addr, &error), 0);
	assert_string_equal(error.hint, "");
}

static void test_fields(void **state)
{
	const struct addr_context *cat = find_place("cat"), *listen = find_place("listen");
	struct addr addr;
	struct addr_error error;

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
	assert_int_equal(addr.name_length, 5);
	assert_int_equal(addr.options.mode, 0600);

	assert_int_equal(addr_parse("vsock::8000-8009", find_place("proxy-listen"), &addr, &error), 0);
	assert_int_equal(addr.port, 8000);
	assert_int_equal(addr.port_last, 8009);

	assert_int_equal(addr_parse("3", find_place("ping"), &addr, &error), 0);
	assert_false(addr.has_port);
}

static void test_no_options(void **state)
{
	struct addr_context context = { ADDR_CONNECT, ADDR_SHORT | ADDR_NO_OPTIONS, NULL, NULL };
	struct addr addr;
	struct addr_error error;

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
	{ "cat", "unix:/run/x", "22", "unix:/run/x 22", NULL, "one word too many: 'unix:/run/x' has no port" },
	{ "cat", "./x", "22", "./x 22", NULL, "one word too many: './x' has no port" },
	{ "cat", "-", "22", "- 22", NULL, "one word too many: '-' has no port" },
	{ "cat", "unix/run/x", "ssh", "unix/run/x ssh", NULL, "bad port: 'ssh' is not a number" },
	{ "cat", "3:22", "23", "3:22:23", NULL, "too many colons" },
};

static void test_words(void **state)
{
	static char joined[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX];
	struct addr addr;
	struct addr_error error;

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		int r = addr_parse_words(words[i].where, words[i].port, find_place(words[i].place), &addr, joined,
		                         sizeof joined, &error);

		assert_string_equal(joined, words[i].joined);
		if (r == 0)
			assert_string_equal(addr_format(&addr, text, sizeof text), words[i].canonical ? words[i].canonical : "bad");
		else
			assert_string_equal(error.why, words[i].why ? words[i].why : "good");
		assert_true(r == 0 || error.offset <= strlen(joined));
	}
	assert_int_equal(addr_parse_words("web", "22", find_place("cat"), &addr, joined, 4, &error), -EINVAL);
}

static void test_short_buffer(void **state)
{
	struct addr addr;
	struct addr_error error;
	char buf[12];

	(void)state;
	assert_int_equal(addr_parse("unix:/run/\xc3\xbc\xc3\xbc", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format(&addr, buf, sizeof buf), "unix:/ru…");
	assert_string_equal(addr_format(&addr, buf, 1), "");
	assert_int_equal(addr_parse("unix:/1234\xc3\xbc", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format(&addr, buf, sizeof buf), "unix:/12…");
	assert_int_equal(addr_parse("3:22,window=1M", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format_short(&addr, buf, sizeof buf), "vsock:3:22");
	assert_int_equal(addr_parse("exec:a\x1b", find_place("cat"), &addr, &error), 0);
	assert_string_equal(addr_format_short(&addr, buf, sizeof buf), "exec:a\\x1B");
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
};

static void test_exec_words(void **state)
{
	static const char *const bad[] = { "", "  ", "'", "a \"b", "a\\", "\"a\\\"" };

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		char **vector;
		size_t n;

		assert_int_equal(addr_exec_words(commands[i].command, &vector), 0);
		for (n = 0; commands[i].words[n]; n++)
			assert_string_equal(vector[n] ? vector[n] : "(end)", commands[i].words[n]);
		assert_null(vector[n]);
		free(vector);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
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

static void collect(const char *prefix, void *context)
{
	strcat(context, prefix);
	strcat(context, " ");
}

static void test_families(void **state)
{
	char text[256] = "";

	(void)state;
	addr_each_family(ADDR_LISTEN, collect, text);
	assert_string_equal(text, "vsock: vsock-seqpacket: tcp: tcp4: tcp6: unix: unix-seqpacket: vsock-mux: fd: udp: udp4: udp6: ");
	text[0] = '\0';
	addr_each_family(ADDR_CONNECT, collect, text);
	assert_string_equal(text, "vsock: vsock-seqpacket: tcp: tcp4: tcp6: unix: unix-seqpacket: vsock-mux: exec: fd: socks5: http-connect: proxy-dst: udp: udp4: udp6: ");
	assert_true(addr_is_family("tcp4", 4));
	assert_true(addr_is_family("VSOCK", 5));
	assert_false(addr_is_family("web", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_remark_on_cid_0),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_no_options),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_short_buffer),
		cmocka_unit_test(test_exec_words),
		cmocka_unit_test(test_read_cid),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests_name("addr", tests, read_hosts, free_hosts);
}
