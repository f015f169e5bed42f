/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses that are good, and addresses that are not. */
#include "config.h"

#include "addr-rig.h"

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
	{ "cat", "vsock:db:5432,connect-timeout=1s",
	  "vsock-mux:/run/fc/db.vsock:5432,connect-timeout=1s" },
	{ "listen", "vsock-mux:/r/x:5000,mode=0600", NULL },
	{ "listen", "vsock-mux:/r/x:5000,half-close=pass", NULL },
	{ "cat", "vsock-mux:/r/x:22,half-close=1m30s", "vsock-mux:/r/x:22,half-close=90s" },
	{ "cat", "vsock-mux:/r/x:22,half-close=inf", "vsock-mux:/r/x:22,half-close=inf" },
	{ "cat", "db:22,half-close=pass", "vsock-mux:/run/fc/db.vsock:22,half-close=pass" },
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
	{ "cat", "tcp:h:80,keepalive=60s", "tcp:h:80,keepalive=60s" },
	{ "cat", "tcp:h:80,keepalive=90", "tcp:h:80,keepalive=90s" },
	{ "cat", "3:22,netns=blue,to-host", "vsock:3:22,to-host,netns=blue" },
	{ "cat", "vsock-seqpacket:3:22,netns=4711", NULL },
	{ "cat", "tcp:h:80,netns=/proc/1/ns/net", NULL },
	{ "cat", "unix:@x,netns=cni-0a1b.2", NULL },
	{ "listen", "22,netns=blue", "vsock:any:22,netns=blue" },
	{ "listen", "unix-seqpacket:@x,backlog=2,netns=a@b", NULL },
	{ "cat", "tcp:h:80,bind=10.0.0.1", NULL },
	{ "cat", "tcp:h:80,bind=10.0.0.1:1000", NULL },
	{ "cat", "tcp:h:80,bind=:1000", NULL },
	{ "cat", "tcp:h:80,bind=[::1]:1000", NULL },
	{ "listen", "22,backlog=16,window=1M", "vsock:any:22,window=1M,backlog=16" },
	{ "listen", "/x,group=kvm,owner=1000,mode=660", "unix:/x,mode=0660,owner=1000,group=kvm" },
	{ "listen", "tcp:*:80,backlog=5,nodelay", "tcp:*:80,backlog=5,nodelay=on" },
};
#define GOOD (sizeof(good) / sizeof(good[0]))

static void test_good(void **state)
{
	static char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		const char *canonical = good[i].canonical ? good[i].canonical : good[i].text;
		struct addr addr;
		struct mistake error;

		if (addr_parse(good[i].text, find_place(good[i].place), &addr, &error) < 0)
			fail_msg("%s %s: %s (%s)", good[i].place, good[i].text, error.why,
				 error.hint);
		addr_format(&addr, text, sizeof(text));
		if (strcmp(text, canonical) != 0)
			fail_msg("%s %s: prints as %s, not as %s", good[i].place, good[i].text,
				 text, canonical);
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
		struct mistake error;

		assert_int_equal(addr_parse(good[i].text, context, &addr, &error), 0);
		if (addr_parse(addr_format(&addr, text, sizeof(text)), context, &read, &error) < 0)
			fail_msg("%s %s: %s: %s", good[i].place, good[i].text, text, error.why);
		if (!addr_equal(&addr, &read))
			fail_msg("%s %s: %s is something else", good[i].place, good[i].text, text);
		assert_string_equal(addr_format(&read, again, sizeof(again)), text);
	}
}

/* Each good address equals itself and no other with another canonical text. */
static void test_equal(void **state)
{
	static struct addr all[GOOD];
	static char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	struct mistake error;

	(void)state;
	for (size_t i = 0; i < GOOD; i++)
		assert_int_equal(
			addr_parse(good[i].text, find_place(good[i].place), &all[i], &error), 0);
	for (size_t i = 0; i < GOOD; i++) {
		addr_format(&all[i], a, sizeof(a));
		for (size_t j = 0; j < GOOD; j++)
			assert_int_equal(addr_equal(&all[i], &all[j]),
					 strcmp(a, addr_format(&all[j], b, sizeof(b))) == 0);
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
		case 't':
			*to++ = '\t';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case '\\':
			*to++ = '\\';
			break;
		case 'x':
			memcpy(digits, text + 1, 2);
			*to++ = (char)strtoul(digits, NULL, 16);
			text += 2;
			break;
		default:
			fail_msg("bad escape in bad-addresses.tsv: %s", text);
		}
	}
	*to = '\0';
}

/* A hint that says what to write is right itself as one that the shell reads, unless it has a place
 * for the user to fill in. */
static unsigned bad_hints(const struct addr_context *context, const char *hint)
{
	unsigned bad = 0;
	char text[1024], **words, *word;
	struct addr addr;
	struct mistake error;

	if (strncmp(hint, "write ", 6) != 0)
		return 0;
	snprintf(text, sizeof(text), "%s", hint + 6);
	text[strcspn(text, ";")] = '\0';
	if (addr_exec_words(text, &words) < 0) /* an apostrophe */
		return 0;
	for (size_t i = 0; (word = words[i]) != NULL; i++) {
		size_t length = strlen(word);

		if (length && word[length - 1] == ',')
			word[length - 1] = '\0';
		length = strlen(word);
		if (strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ=$") || !strchr(word, ':') ||
		    word[length - 1] == ':')
			continue;
		if (addr_parse(word, context, &addr, &error) == -EINVAL) {
			print_error("hint '%s': '%s': %s\n", hint, word, error.why);
			bad++;
		}
	}
	free(words);
	return bad;
}

static void test_bad(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], line[1024], text[1024];
	unsigned number = 0, failures = 0, count = 0;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/bad-addresses.tsv", srcdir ? srcdir : SRCDIR);
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char *rest = line, *column[6];
		struct addr addr;
		struct mistake error;
		const char *hint;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		for (size_t i = 0; i < 6; i++)
			if ((column[i] = strsep(&rest, "\t")) == NULL)
				fail_msg("%s:%u: a column is missing", path, number);
		count++;
		snprintf(text, sizeof(text), "%s", column[1]);
		undo_escapes(text);
		if (addr_parse(text, find_place(column[0]), &addr, &error) != -EINVAL) {
			print_error("%s:%u: %s: is good\n", path, number, column[1]);
			failures++;
			continue;
		}
		assert_int_equal(addr.family, ADDR_NONE);
		hint = error.hint[0] ? error.hint : "-";
		if (strcmp(error.why, column[4]) != 0 || strcmp(hint, column[5]) != 0 ||
		    error.offset != strtoul(column[2], NULL, 10) ||
		    error.length != strtoul(column[3], NULL, 10)) {
			print_error("%s:%u: %s:\n  %zu %zu %s (%s)\n", path, number, column[1],
				    error.offset, error.length, error.why, hint);
			failures++;
		}
		failures += bad_hints(find_place(column[0]), hint);
	}
	fclose(file);
	assert_true(count >= 150);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("addr", tests, read_hosts, free_hosts);
}
