/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/protocols/dest.h"
#include "net/ip.h"
#include "proxy/protocols/special.h"

static void read_ip(const char *text, struct in6_addr *ip)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		ip_map_v4(&v4, ip);
	else
		assert_int_equal(inet_pton(AF_INET6, text, ip), 1);
}

/* The first and the last address of each network, and their neighbours; NULL: public. */
static const struct {
	const char *ip, *kind;
} addresses[] = {
	{ "0.0.0.0", "unspecified" },
	{ "0.255.255.255", "unspecified" },
	{ "1.0.0.0", NULL },
	{ "9.255.255.255", NULL },
	{ "10.0.0.0", "private" },
	{ "10.255.255.255", "private" },
	{ "11.0.0.0", NULL },
	{ "100.63.255.255", NULL },
	{ "100.64.0.0", "a provider's inner network" },
	{ "100.127.255.255", "a provider's inner network" },
	{ "100.128.0.0", NULL },
	{ "126.255.255.255", NULL },
	{ "127.0.0.1", "loopback" },
	{ "127.255.255.255", "loopback" },
	{ "128.0.0.0", NULL },
	{ "168.63.129.16", "the cloud host's own service" },
	{ "168.63.129.17", NULL },
	{ "169.253.255.255", NULL },
	{ "169.254.169.254", "link-local" },
	{ "169.255.0.0", NULL },
	{ "172.15.255.255", NULL },
	{ "172.16.0.0", "private" },
	{ "172.31.255.255", "private" },
	{ "172.32.0.0", NULL },
	{ "192.0.0.192", "reserved" },
	{ "192.0.1.0", NULL },
	{ "192.0.2.1", "for documentation" },
	{ "192.88.99.1", "reserved" },
	{ "192.167.255.255", NULL },
	{ "192.168.0.0", "private" },
	{ "192.168.255.255", "private" },
	{ "192.169.0.0", NULL },
	{ "198.17.255.255", NULL },
	{ "198.18.0.0", "for benchmarks" },
	{ "198.19.255.255", "for benchmarks" },
	{ "198.51.100.7", "for documentation" },
	{ "203.0.113.7", "for documentation" },
	{ "223.255.255.255", NULL },
	{ "224.0.0.1", "multicast" },
	{ "239.255.255.255", "multicast" },
	{ "240.0.0.1", "reserved" },
	{ "255.255.255.255", "broadcast" },
	{ "8.8.8.8", NULL },
	{ "::", "unspecified" },
	{ "::1", "loopback" },
	{ "::2", "v4-compatible" },
	{ "::127.0.0.1", "v4-compatible" },
	{ "::8.8.8.8", "v4-compatible" },
	{ "::ffff:127.0.0.1", "loopback" },
	{ "::ffff:169.254.169.254", "link-local" },
	{ "::ffff:8.8.8.8", NULL },
	{ "::ffff:0:127.0.0.1", "v4-translated" },
	{ "64:ff9b::7f00:1", "NAT64 of a special address" },
	{ "64:ff9b::a9fe:a9fe", "NAT64 of a special address" },
	{ "64:ff9b::808:808", NULL },
	{ "64:ff9b:1::808:808", "NAT64 of an inner network" },
	{ "64:ff9b:2::", "reserved" },
	{ "100::1", "reserved" },
	{ "2001:0:4136:e378:8000:63bf:3fff:fdd2",
	  "Teredo of a special address" }, /* by its client, 192.0.2.45 */
	{ "2001:0:7f00:1:8000:63bf:f7f7:f7f7", "Teredo of a special address" }, /* by its server */
	{ "2001:0:808:808:8000:63bf:80ff:fffe",
	  "Teredo of a special address" }, /* by its client, 127.0.0.1 */
	{ "2001:0:808:808:8000:63bf:f7f7:f7f7", NULL },
	{ "2001:2::1", "for benchmarks" },
	{ "2001:10::1", "reserved" },
	{ "2001:2f::1", "reserved" },
	{ "2001:db8::1", "for documentation" },
	{ "2001:4860:4860::8888", NULL },
	{ "2002:7f00:1::1", "6to4 of a special address" },
	{ "2002:a00:1::1", "6to4 of a special address" },
	{ "2002:808:808::1", NULL },
	{ "3fff:fff::1", "for documentation" },
	{ "3ffe::1", NULL },
	{ "4000::", "reserved" },
	{ "fbff::1", "reserved" },
	{ "fc00::1", "private" },
	{ "fd00:ec2::254", "private" },
	{ "fe80::1", "link-local" },
	{ "febf::1", "link-local" },
	{ "fec0::1", "private" },
	{ "ff02::1", "multicast" },
};

static void special_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct in6_addr ip;
		unsigned bits;
		const char *kind;

		read_ip(addresses[i].ip, &ip);
		kind = special_kind(&ip, &bits);
		if (!kind != !addresses[i].kind || (kind && strcmp(kind, addresses[i].kind) != 0))
			fail_msg("%s: %s, expected %s", addresses[i].ip, kind ? kind : "public",
				 addresses[i].kind ? addresses[i].kind : "public");
	}
}

/* A permission must be at least as narrow as the network that makes an address special. */
static void the_network_of_a_special_address_has_its_length(void **state)
{
	static const struct {
		const char *ip;
		unsigned bits;
	} rows[] = {
		{ "255.255.255.255", 128 },
		{ "10.1.2.3", 104 },
		{ "192.168.1.1", 112 },
		{ "198.18.0.1", 111 },
		{ "240.0.0.1", 100 },
		{ "::1", 128 },
		{ "64:ff9b::7f00:1", 96 },
		{ "fe80::1", 10 },
		{ "4000::", 3 },
		{ "100::1", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct in6_addr ip;
		unsigned bits = 1000;

		read_ip(rows[i].ip, &ip);
		assert_non_null(special_kind(&ip, &bits));
		assert_int_equal(bits, rows[i].bits);
	}
}

static void own_addresses(void **state)
{
	struct in6_addr ip;

	(void)state;
	read_ip("127.0.0.1", &ip);
	assert_int_equal(special_is_ours(&ip), 1);
	read_ip("192.0.2.77", &ip);
	assert_int_equal(special_is_ours(&ip), 0);
}

static void same_bits(void **state)
{
	struct in6_addr a, b;

	(void)state;
	read_ip("2001:db8::", &a);
	read_ip("2001:dbf::", &b);
	assert_true(ip_same_bits(&a, &b, 0));
	assert_true(ip_same_bits(&a, &b, 29));
	assert_false(ip_same_bits(&a, &b, 30));
	assert_false(ip_same_bits(&a, &b, 128));
	assert_true(ip_same_bits(&a, &a, 128));
}

static void loopback(void **state)
{
	static const char *const within[] = { "127.0.0.1", "127.255.255.254", "::1" },
				 *const beyond[] = { "128.0.0.1", "10.0.0.1", "::2", "::" };
	struct in6_addr ip;

	(void)state;
	for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++) {
		read_ip(within[i], &ip);
		assert_true(ip_is_loopback(&ip));
	}
	for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
		read_ip(beyond[i], &ip);
		assert_false(ip_is_loopback(&ip));
	}
}

/* What is refused, and where the caret stands. */
static const struct {
	const char *text;
	size_t offset;
} bad[] = {
	{ "", 0 },
	{ "host", 4 },
	{ "host:", 5 },
	{ ":80", 0 },
	{ "host:http", 5 },
	{ "host:0", 5 },
	{ "host:65536", 5 },
	{ "host:80,", 8 },
	{ "host:90-80", 5 },
	{ "ho st:80", 2 },
	{ "h\xc3\xb6st:80", 1 },
	{ "a..b:80", 1 },
	{ ".:80", 0 },
	{ "..a:80", 0 },
	{ ".a:80", 0 },
	{ "*.:80", 0 },
	{ "*..a:80", 1 },
	{ "1.2.3:80", 0 },
	{ "1.2.3.4.5:80", 0 },
	{ "010.0.0.1:80", 0 },
	{ "10.0.0.0/33:80", 9 },
	{ "10.0.0.0/x:80", 9 },
	{ "10.0.0.0/:80", 9 },
	{ "10.0.0.0/8x:80", 10 },
	{ "host/8:80", 0 },
	{ "a.*:80", 2 },
	{ "a.b*.c:80", 3 },
	{ "a.*b.c:80", 2 },
	{ "a*.b:80", 1 },
	{ "a.**.b:80", 2 },
	{ "8.*.8.8:80", 0 },
	{ "::1:80", 0 },
	{ "::1", 0 },
	{ "[::1:80", 0 },
	{ "[::1]", 5 },
	{ "[::1]80", 7 },
	{ "[::1]x:80", 5 },
	{ "[::g]:80", 1 },
	{ "[::]/129:80", 5 },
	{ "[::/129]:80", 4 },
	{ "[::1]/64/64:80", 8 },
	{ "[::ffff:10.0.0.1]:80", 1 },
};

static void bad_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dest_list list = { 0 };
		struct mistake error = { 0 };

		if (dest_add(&list, bad[i].text, true, &error) != -EINVAL)
			fail_msg("'%s' was not refused", bad[i].text);
		assert_true(error.offset <= strlen(bad[i].text) && error.length && *error.why);
		if (error.offset != bad[i].offset)
			fail_msg("'%s': caret at %zu, expected %zu: %s", bad[i].text, error.offset,
				 bad[i].offset, error.why);
		assert_int_equal(list.count, 0);
		dest_free(&list);
	}
}

/* Entries, with - before those that deny; the name and the address that are asked for; what comes
 * of it before a look-up and of the address. */
static const struct {
	const char *entries[4], *host, *ip;
	uint16_t port;
	bool may, permits;
} cases[] = {
	{ { NULL }, "example.org", "8.8.8.8", 80, false, false },
	{ { "example.org:443" }, "example.org", "8.8.8.8", 443, true, true },
	{ { "example.org:443" }, "EXAMPLE.ORG.", "8.8.8.8", 443, true, true },
	{ { "Example.Org.:443" }, "example.org", "8.8.8.8", 443, true, true },
	{ { "example.org:443" }, "example.org", "8.8.8.8", 80, false, false },
	{ { "example.org:80,443,8000-8099" }, "example.org", "8.8.8.8", 8050, true, true },
	{ { "example.org:80,443,8000-8099" }, "example.org", "8.8.8.8", 8100, false, false },
	{ { "example.org:*" }, "example.org", "8.8.8.8", 1, true, true },
	{ { "example.org:443" }, "www.example.org", "8.8.8.8", 443, false, false },
	{ { "*.example.org:443" }, "www.example.org", "8.8.8.8", 443, true, true },
	{ { "*.example.org:443" }, "a.b.EXAMPLE.org.", "8.8.8.8", 443, true, true },
	{ { "*.example.org:443" }, "example.org", "8.8.8.8", 443, false, false },
	{ { "*.example.org:443" }, ".example.org", "8.8.8.8", 443, false, false },
	{ { "*.example.org:443" }, "badexample.org", "8.8.8.8", 443, false, false },
	{ { "*.example.org:443" }, "www.example.org.evil.net", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "KMS.eu-1.example.org.", "8.8.8.8", 443, true, true },
	{ { "kms.*.example.org:443" }, "kms.example.org", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "kms..example.org", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "kms.a.b.example.org", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "a.kms.b.example.org", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "xkms.a.example.org", "8.8.8.8", 443, false, false },
	{ { "kms.*.example.org:443" }, "a.example.org", "8.8.8.8", 443, false, false },
	{ { "a.*.*.d:443" }, "a.b.c.d", "8.8.8.8", 443, true, true },
	{ { "a.*.*.d:443" }, "a.b.d", "8.8.8.8", 443, false, false },
	{ { "*.a.*.d:443" }, "x.y.a.b.d", "8.8.8.8", 443, true, true },
	{ { "*.a.*.d:443" }, "a.b.d", "8.8.8.8", 443, false, false },
	{ { "-kms.*.example.org:443", "*.example.org:443" },
	  "kms.a.example.org",
	  "8.8.8.8",
	  443,
	  false,
	  false },
	{ { "*:443" }, "anything.net", "8.8.8.8", 443, true, true },
	{ { "*:443" }, "8.8.8.8", "8.8.8.8", 443, true, true },
	/* a name never leads to a special address: DNS rebinding */
	{ { "example.org:443" }, "example.org", "127.0.0.1", 443, true, false },
	{ { "*.example.org:443" }, "www.example.org", "169.254.169.254", 443, true, false },
	{ { "*:443" }, "10.0.0.1", "10.0.0.1", 443, true, false },
	{ { "*:443" }, "example.org", "::ffff:10.0.0.1", 443, true, false },
	{ { "*:443" }, "example.org", "64:ff9b::7f00:1", 443, true, false },
	{ { "localhost:80" }, "localhost", "::1", 80, true, false },
	{ { "*:443", "10.0.0.0/8:443" }, "example.org", "10.1.2.3", 443, true, true },
	{ { "*:443", "10.0.0.0/8:80" }, "example.org", "10.1.2.3", 443, true, false },
	/* addresses */
	{ { "127.0.0.1:80" }, "127.0.0.1", "127.0.0.1", 80, true, true },
	{ { "127.0.0.1:80" }, "localhost", "127.0.0.1", 80, true, true },
	{ { "127.0.0.1:80" }, "127.0.0.1", "::ffff:127.0.0.1", 80, true, true },
	{ { "127.0.0.1:80" }, "127.0.0.2", "127.0.0.2", 80, true, false },
	{ { "10.0.0.0/8:80" }, "10.255.0.1", "10.255.0.1", 80, true, true },
	{ { "10.0.0.0/8:80" }, "11.0.0.1", "11.0.0.1", 80, true, false },
	{ { "[::1]:80" }, "::1", "::1", 80, true, true },
	{ { "[fc00::]/7:80" }, "fd00::1", "fd00::1", 80, true, true },
	{ { "[fc00::/7]:80" }, "fd00::1", "fd00::1", 80, true, true },
	{ { "[2001:4860::/32]:80" }, "dns.example", "2001:4860::8888", 80, true, true },
	/* a network that is wider than the special one does not mean it */
	{ { "0.0.0.0/0:80" }, "8.8.8.8", "8.8.8.8", 80, true, true },
	{ { "0.0.0.0/0:80" }, "10.0.0.1", "10.0.0.1", 80, true, false },
	{ { "10.0.0.0/7:80" }, "10.0.0.1", "10.0.0.1", 80, true, false },
	{ { "[::]/0:80" }, "127.0.0.1", "127.0.0.1", 80, true, false },
	{ { "[::]/0:80" }, "fe80::1", "fe80::1", 80, true, false },
	{ { "[64:ff9b::]/96:80" }, "64:ff9b::a00:1", "64:ff9b::a00:1", 80, true, true },
	/* the first that matches counts */
	{ { "-www.example.org:*", "*.example.org:443" },
	  "www.example.org",
	  "8.8.8.8",
	  443,
	  false,
	  false },
	{ { "*.example.org:443", "-www.example.org:*" },
	  "www.example.org",
	  "8.8.8.8",
	  443,
	  true,
	  true },
	{ { "-8.8.0.0/16:*", "*:443" }, "example.org", "8.8.8.8", 443, true, false },
	{ { "-8.8.0.0/16:*", "*:443" }, "example.org", "9.9.9.9", 443, true, true },
	{ { "8.8.8.8:443", "-*:*" }, "example.org", "8.8.8.8", 443, true, true },
	{ { "8.8.8.8:443", "-*:*" }, "example.org", "9.9.9.9", 443, true, false },
	{ { "-*:*" }, "example.org", "8.8.8.8", 443, false, false },
	{ { "-example.org:80", "*:*" }, "example.org", "8.8.8.8", 443, true, true },
};

static void place(const char *text, uint16_t port, struct sockaddr_storage *sa)
{
	struct sockaddr_in *in = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return;
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
}

static void judgements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char why[DEST_WHY_MAX] = "";
		struct dest_list list = { 0 };
		struct sockaddr_storage sa;
		struct mistake error;
		bool may, permits;

		for (size_t j = 0; j < 4 && cases[i].entries[j]; j++) {
			const char *text = cases[i].entries[j];

			if (dest_add(&list, text + (*text == '-'), *text != '-', &error) < 0)
				fail_msg("%s: %s", text, error.why);
		}
		place(cases[i].ip, cases[i].port, &sa);
		may = dest_may(&list, cases[i].host, cases[i].port, why);
		permits = dest_permits(&list, cases[i].host, (const struct sockaddr *)&sa, why);
		if (may != cases[i].may || permits != cases[i].permits)
			fail_msg("case %zu, %s %s %s: may %d, permits %d: %s", i,
				 cases[i].entries[0], cases[i].host, cases[i].ip, may, permits,
				 why);
		assert_true(permits || *why);
		dest_free(&list);
	}
}

static void reasons(void **state)
{
	char why[DEST_WHY_MAX];
	struct dest_list list = { 0 };
	struct sockaddr_storage sa;
	struct mistake error;

	(void)state;
	assert_int_equal(dest_add(&list, "evil.net:*", false, &error), 0);
	assert_int_equal(dest_add(&list, "*:443", true, &error), 0);
	assert_false(dest_may(&list, "evil.net", 443, why));
	assert_string_equal(why, "deny-dest=evil.net:*");
	assert_false(dest_may(&list, "good.net", 80, why));
	assert_string_equal(why, "no allow-dest names it");
	place("192.168.1.1", 443, &sa);
	assert_false(dest_permits(&list, "good.net", (const struct sockaddr *)&sa, why));
	assert_string_equal(
		why, "192.168.1.1 is private: only an allow-dest with that address permits it");
	place("fd00::1", 443, &sa);
	assert_false(dest_permits(&list, "good.net", (const struct sockaddr *)&sa, why));
	assert_string_equal(why,
			    "fd00::1 is private: only an allow-dest with that address permits it");
	sa.ss_family = AF_UNIX;
	assert_false(dest_permits(&list, "good.net", (const struct sockaddr *)&sa, why));
	dest_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(special_addresses),
		cmocka_unit_test(the_network_of_a_special_address_has_its_length),
		cmocka_unit_test(own_addresses),
		cmocka_unit_test(same_bits),
		cmocka_unit_test(loopback),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(judgements),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
