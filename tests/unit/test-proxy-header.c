/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PROXY protocol: what is made is read as the same; and what a peer may get wrong. */
#include "config.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/protocols/proxy-header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Reads from memory of exactly that size, also cut at every place; size bytes must be used,
 * whatever stands behind. */
static enum proxy_header_state read_header(const uint8_t *data, size_t size, struct ends *header,
					   const char **why)
{
	uint8_t *exact = malloc(size + 8);
	size_t used = 0;
	enum proxy_header_state state;

	assert_non_null(exact);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *begin = malloc(cut ? cut : 1);

		assert_non_null(begin);
		memcpy(begin, data, cut);
		assert_int_not_equal(proxy_header_read(begin, cut, header, &used, why),
				     PROXY_HEADER_OK);
		free(begin);
	}
	memcpy(exact, data, size);
	memset(exact + size, 'x', 8);
	state = proxy_header_read(exact, size + 8, header, &used, why);
	if (state == PROXY_HEADER_OK)
		assert_int_equal(used, size);
	free(exact);
	return state;
}

static void is(const struct one_end *end, const char *text)
{
	char buf[ENDS_TEXT_MAX];

	assert_string_equal(ends_format(end, buf, sizeof(buf)), text);
}

static void good(const uint8_t *data, size_t size, const char *from, const char *to)
{
	struct ends header;
	const char *why = "";

	if (read_header(data, size, &header, &why) != PROXY_HEADER_OK)
		fail_msg("refused: %s", why);
	is(&header.from, from);
	is(&header.to, to);
}

static void bad(const uint8_t *data, size_t size, const char *what)
{
	struct ends header;
	const char *why = "";

	assert_int_equal(read_header(data, size, &header, &why), PROXY_HEADER_BAD);
	if (!strstr(why, what))
		fail_msg("said '%s', expected '%s'", why, what);
}

static void version_1(void **state)
{
	(void)state;
	good(BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n"), "tcp:192.0.2.1:51034",
	     "tcp:192.0.2.2:80");
	good(BYTES("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), "tcp:[2001:db8::1]:0",
	     "tcp:[::1]:65535");
	good(BYTES("PROXY UNKNOWN\r\n"), "", "");
	good(BYTES("PROXY UNKNOWN ffff::1 whatever \r\n"), "", "");
	good(BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	     "tcp:[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	     "tcp:[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void bad_version_1(void **state)
{
	static const char *const lines[] = {
		"PROXY TCP4 192.0.2.1 192.0.2.2 51034\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80 1\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.2 51034 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 51034 65536\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 051034 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n",
		"PROXY TCP4 ::1 ::1 1 1\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 1\r\n",
		"PROXY TCP5 192.0.2.1 192.0.2.2 1 1\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\n",
		"PROXY \r\n",
		"PROXY \n",
		"PROXY  UNKNOWN\r\n",
		"PROXY unknown\r\n",
	};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		bad((const uint8_t *)lines[i], strlen(lines[i]), "malformed PROXY header");
	bad(BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 51034 8\0\r\n"), "malformed PROXY header");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PROXY UNKNOWN ", 14);
	bad((const uint8_t *)longest, sizeof(longest), "more than 107 bytes");
	memcpy(longest + PROXY_V1_MAX - 1, "\r\n", 2); /* 108 */
	bad((const uint8_t *)longest, PROXY_V1_MAX + 1, "more than 107 bytes");
	memcpy(longest + PROXY_V1_MAX - 2, "\r\n", 2);
	good((const uint8_t *)longest, PROXY_V1_MAX, "", "");
	bad(BYTES("GET / HTTP/1.1\r\n\r\n"), "a PROXY header was expected");
	bad(BYTES("PROXX"), "a PROXY header was expected");
	bad(BYTES("\r\n\r\n\0\r\nQUIX\n"), "a PROXY header was expected");
}

static void version_2(void **state)
{
	struct ends header;
	const char *why;

	(void)state;
	good(BYTES(SIGNATURE "\x21\x11\0\x0c"
			     "\300\0\2\1"
			     "\300\0\2\2"
			     "\307\132"
			     "\0\120"),
	     "tcp:192.0.2.1:51034", "tcp:192.0.2.2:80");
	/* TLVs behind the addresses, of a kind that we don't know */
	good(BYTES(SIGNATURE "\x21\x11\0\x11"
			     "\300\0\2\1"
			     "\300\0\2\2"
			     "\307\132"
			     "\0\120"
			     "\2\0\2ab"),
	     "tcp:192.0.2.1:51034", "tcp:192.0.2.2:80");
	/* vsock: CIDs 3 and 2, ports 1024 and 80 */
	good(BYTES(SIGNATURE "\x21\0\0\x1c"
			     "\xe0\0\4\0\0\0\3"
			     "\xe1\0\4\0\0\4\0"
			     "\xe2\0\4\0\0\0\2"
			     "\xe3\0\4\0\0\0\120"),
	     "vsock:3:1024", "vsock:2:80");
	good(BYTES(SIGNATURE "\x21\0\0\0"), "", "");
	assert_int_equal(read_header(BYTES(SIGNATURE "\x20\0\0\3abc"), &header, &why),
			 PROXY_HEADER_OK);
	assert_true(header.local);
	assert_int_equal(header.from.peer.family, ADDR_NONE);
	assert_int_equal(read_header(BYTES(SIGNATURE "\x20\x11\0\3abc"), &header, &why),
			 PROXY_HEADER_OK);
	assert_int_equal(read_header(BYTES(SIGNATURE "\x20\0\0\7"
						     "\3\0\4\xa9\xb8\x7e\x8f"),
				     &header, &why),
			 PROXY_HEADER_OK);
	/* the checksum of RFC 3720's polynomial, over the header with its own bytes as zero */
	good(BYTES(SIGNATURE "\x21\0\0\7"
			     "\3\0\4\x3e\xc9\x89\x4e"),
	     "", "");
}

static void bad_version_2(void **state)
{
	(void)state;
	bad(BYTES(SIGNATURE "\x11\x11\0\x0c............"), "unknown version or command");
	bad(BYTES(SIGNATURE "\x22\x11\0\x0c............"), "unknown version or command");
	bad(BYTES(SIGNATURE "\x21\x41\0\x0c............"), "unknown family");
	bad(BYTES(SIGNATURE "\x21\x13\0\x0c............"), "unknown family");
	bad(BYTES(SIGNATURE "\x21\x11\0\x0b..........."), "too short");
	bad(BYTES(SIGNATURE "\x21\x21\0\x23..................................."), "too short");
	bad(BYTES(SIGNATURE "\x21\x31\0\x0c............"), "too short");
	bad(BYTES(SIGNATURE "\x21\x11\x0f\xf1............"), "more than 4096");
	bad(BYTES(SIGNATURE "\x21\0\0\1\2"), "TLVs");
	bad(BYTES(SIGNATURE "\x21\0\0\4\2\0\2a"), "TLVs");
	bad(BYTES(SIGNATURE "\x21\0\0\7\3\0\4\0\0\0\0"), "checksum");
	bad(BYTES(SIGNATURE "\x21\0\0\6\3\0\3\0\0\0"), "checksum");
	/* also of LOCAL, of which nothing else can be wrong */
	bad(BYTES(SIGNATURE "\x20\0\0\7\3\0\4\0\0\0\0"), "checksum");
	bad(BYTES(SIGNATURE "\x20\x11\0\x13............\3\0\4\0\0\0\0"), "checksum");
}

/* Making */

static struct one_end tcp(const char *ip, uint16_t port)
{
	struct one_end end = { .peer = { .family = ADDR_TCP } };

	end.peer.u.tcp.v6 = strchr(ip, ':') != NULL;
	end.peer.u.tcp.port = port;
	assert_int_equal(inet_pton(end.peer.u.tcp.v6 ? AF_INET6 : AF_INET, ip, &end.peer.u.tcp.ip),
			 1);
	return end;
}

static struct one_end vsock(uint32_t cid, uint32_t port)
{
	return (struct one_end){ .peer = { .family = ADDR_VSOCK, .u.vsock = { cid, port } } };
}

static struct one_end local(const char *path)
{
	struct one_end end = { .peer = { .family = ADDR_UNIX } };

	memcpy(end.path, path, strlen(path));
	return end;
}

static void round_trip(uint8_t version, bool is_local, struct one_end from, struct one_end to,
		       const char *from_text, const char *to_text)
{
	struct ends made = { .version = version, .local = is_local, .from = from, .to = to }, read;
	uint8_t data[PROXY_HEADER_MAX];
	size_t size = proxy_header_make(&made, data);
	const char *why;

	assert_true(size <= sizeof(data));
	assert_int_equal(read_header(data, size, &read, &why), PROXY_HEADER_OK);
	assert_int_equal(read.version, version);
	assert_int_equal(read.local, version == 2 && !*from_text);
	is(&read.from, from_text);
	is(&read.to, to_text);
}

static void stray_bytes(void **state)
{
	static const char addresses[] = "\300\0\2\1\300\0\2\2\0\1\0\2";
	uint8_t data[64];
	struct ends header;
	const char *why;

	(void)state;
	for (size_t stray = 1; stray <= 2; stray++) {
		memset(data, 0xff, sizeof(data));
		memcpy(data, SIGNATURE "\x21\x11\0", 15);
		data[15] = (uint8_t)(12 + stray);
		memcpy(data + 16, addresses, 12);
		assert_int_equal(read_header(data, 28 + stray, &header, &why), PROXY_HEADER_BAD);
		assert_non_null(strstr(why, "TLVs"));
	}
}

/* What was said of datagrams is not believed of a connection. */
static void udp_is_not_tcp(void **state)
{
	static const uint8_t udp[] = SIGNATURE "\x21\x12\0\x0c\300\0\2\1\300\0\2\2\0\1\0\2",
			     none[] = SIGNATURE "\x21\x10\0\x0c\300\0\2\1\300\0\2\2\0\1\0\2";
	struct ends header;
	const char *why;

	(void)state;
	assert_int_equal(read_header(udp, sizeof(udp) - 1, &header, &why), PROXY_HEADER_OK);
	assert_int_equal(header.from.peer.family, ADDR_UDP);
	is(&header.to, "udp:192.0.2.2:2");
	assert_int_equal(read_header(none, sizeof(none) - 1, &header, &why), PROXY_HEADER_OK);
	is(&header.from, "");
}

/* As haproxy writes it: two fields of 108 bytes. We write TLVs instead. */
static void paths_of_unix_sockets_from_others(void **state)
{
	uint8_t data[16 + 2 * ENDS_PATH_MAX] = SIGNATURE "\x21\x31\0\xd8";
	char whole[ENDS_PATH_MAX + sizeof("unix:")] = "unix:";

	(void)state;
	memcpy(data + 16, "/run/client", 11);
	memcpy(data + 16 + ENDS_PATH_MAX, "\0abstract", 9);
	good(data, sizeof(data), "unix:/run/client", "unix:@abstract");
	/* a client that was not bound */
	memset(data + 16, 0, ENDS_PATH_MAX);
	good(data, sizeof(data), "unix:", "unix:@abstract");
	/* a path that fills its field has no NUL */
	memset(data + 16, 'p', ENDS_PATH_MAX);
	memset(whole + 5, 'p', ENDS_PATH_MAX);
	good(data, sizeof(data), whole, "unix:@abstract");
	/* datagrams are no connection */
	data[13] = 0x32;
	good(data, sizeof(data), "", "");
}

/* Those of the TLVs that are ours name the client only in a header that has no other addresses. */
static void a_header_with_addresses_says_it_there(void **state)
{
	static const uint8_t both[] = SIGNATURE "\x21\x11\0\x13"
						"\300\0\2\1"
						"\300\0\2\2"
						"\307\132"
						"\0\120"
						"\xe0\0\4\0\0\0\3",
			     local_tcp[] = SIGNATURE "\x20\x11\0\x07"
						     "\xe0\0\4\0\0\0\3",
			     short_cid[] = SIGNATURE "\x21\0\0\x06"
						     "\xe0\0\3\0\0\3";

	(void)state;
	good(both, sizeof(both) - 1, "tcp:192.0.2.1:51034", "tcp:192.0.2.2:80");
	good(local_tcp, sizeof(local_tcp) - 1, "", "");
	good(short_cid, sizeof(short_cid) - 1, "", "");
}

static void made_and_read(void **state)
{
	char path[ENDS_PATH_MAX + 1], text[ENDS_PATH_MAX + 8];

	(void)state;
	for (uint8_t version = 1; version <= 2; version++) {
		round_trip(version, false, tcp("192.0.2.1", 51034), tcp("192.0.2.2", 80),
			   "tcp:192.0.2.1:51034", "tcp:192.0.2.2:80");
		round_trip(version, false, tcp("2001:db8::1", 1), tcp("::1", 65535),
			   "tcp:[2001:db8::1]:1", "tcp:[::1]:65535");
		/* a socket that takes both sees IPv4 as mapped */
		round_trip(version, false, tcp("::ffff:192.0.2.1", 1), tcp("::ffff:192.0.2.2", 2),
			   "tcp:192.0.2.1:1", "tcp:192.0.2.2:2");
		round_trip(version, false, tcp("192.0.2.1", 1), tcp("::1", 2),
			   "tcp:[::ffff:192.0.2.1]:1", "tcp:[::1]:2");
		round_trip(version, true, tcp("192.0.2.1", 1), tcp("192.0.2.2", 2), "", "");
		round_trip(version, false, vsock(3, 1), local("/x"), "", "");
	}
	round_trip(1, false, vsock(3, 1024), vsock(2, 80), "", "");
	round_trip(2, false, vsock(3, 1024), vsock(UINT32_MAX - 1, 0), "vsock:3:1024",
		   "vsock:4294967294:0");
	round_trip(1, false, local(""), local("/run/x"), "", "");
	round_trip(2, false, local(""), local("/run/x"), "unix:", "unix:/run/x");
	round_trip(2, false, local("@abstract"), local("/run/\x1b"), "unix:@abstract",
		   "unix:/run/\\x1B");
	memset(path, 'a', ENDS_PATH_MAX);
	path[ENDS_PATH_MAX] = '\0';
	snprintf(text, sizeof(text), "unix:%s", path);
	round_trip(2, false, local(path), local("/x"), text, "unix:/x");
}

static void as_written(void **state)
{
	struct ends header = { .version = 1,
			       .from = tcp("192.0.2.1", 51034),
			       .to = tcp("192.0.2.2", 80) };
	uint8_t data[PROXY_HEADER_MAX];

	(void)state;
	assert_int_equal(proxy_header_make(&header, data), 41);
	assert_memory_equal(data, "PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n", 41);
	header.version = 2;
	assert_int_equal(proxy_header_make(&header, data), 28);
	assert_memory_equal(data,
			    SIGNATURE "\x21\x11\0\x0c"
				      "\300\0\2\1"
				      "\300\0\2\2"
				      "\307\132"
				      "\0\120",
			    28);
	header = (struct ends){ .version = 2, .from = vsock(3, 1024), .to = vsock(2, 80) };
	assert_int_equal(proxy_header_make(&header, data), 44);
	assert_memory_equal(data,
			    SIGNATURE "\x20\0\0\x1c"
				      "\xe0\0\4\0\0\0\3"
				      "\xe1\0\4\0\0\4\0"
				      "\xe2\0\4\0\0\0\2"
				      "\xe3\0\4\0\0\0\120",
			    44);
	header = (struct ends){ .version = 1 };
	assert_int_equal(proxy_header_make(&header, data), 15);
	assert_memory_equal(data, "PROXY UNKNOWN\r\n", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stray_bytes),
		cmocka_unit_test(udp_is_not_tcp),
		cmocka_unit_test(version_1),
		cmocka_unit_test(bad_version_1),
		cmocka_unit_test(version_2),
		cmocka_unit_test(bad_version_2),
		cmocka_unit_test(made_and_read),
		cmocka_unit_test(as_written),
		cmocka_unit_test(paths_of_unix_sockets_from_others),
		cmocka_unit_test(a_header_with_addresses_says_it_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
