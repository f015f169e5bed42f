/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Access lists: who is meant, who is admitted, and what is refused as an entry. */
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

#include "serve/access.h"

static const struct hosts *names;

static void add(struct access *access, const char *text, bool allow)
{
	struct mistake error = { 0 };

	if (access_add(access, text, allow, names, &error) != 0)
		fail_msg("%s: %s", text, error.why);
}

/* Refused, for this reason, with the place that the caret marks. */
static void refuses(const char *text, size_t offset, size_t length, const char *why)
{
	struct access access = { 0 };
	struct mistake error = { 0 };

	assert_int_equal(access_add(&access, text, true, names, &error), -EINVAL);
	if (!strstr(error.why, why))
		fail_msg("%s: said '%s', expected '%s'", text, error.why, why);
	if (error.offset != offset || error.length != length)
		fail_msg("%s: marks %zu+%zu, expected %zu+%zu", text, error.offset, error.length,
			 offset, length);
	access_free(&access);
}

static struct peer vsock(uint32_t cid)
{
	return (struct peer){ .family = ADDR_VSOCK, .u.vsock = { .cid = cid, .port = 1024 } };
}

static struct peer local(uint32_t uid, uint32_t gid)
{
	return (struct peer){ .family = ADDR_UNIX,
			      .u.local = { .pid = 7, .uid = uid, .gid = gid } };
}

static struct peer ip(const char *text, uint8_t family)
{
	struct peer peer = { .family = family };

	peer.u.tcp.v6 = strchr(text, ':') != NULL;
	assert_int_equal(inet_pton(peer.u.tcp.v6 ? AF_INET6 : AF_INET, text, &peer.u.tcp.ip), 1);
	return peer;
}

/* Does a list of this one entry admit the peer, and does one that denies it refuse the peer? */
static bool means(const char *who, struct peer peer)
{
	const struct access_entry *by;
	bool meant[2];

	for (int allow = 0; allow < 2; allow++) {
		struct access access = { 0 };

		add(&access, who, allow);
		meant[allow] = access_check(&access, &peer, &by) == (allow == 1);
		/* who decided: the entry that matched, or none */
		assert_ptr_equal(by, meant[allow] ? access.entries : NULL);
		access_free(&access);
	}
	assert_int_equal(meant[0], meant[1]);
	return meant[0];
}

static void a_cid_is_that_of_a_vsock_peer(void **state)
{
	(void)state;
	assert_true(means("3", vsock(3)));
	assert_false(means("3", vsock(4)));
	assert_true(means("0x10", vsock(16)));
	assert_true(means("host", vsock(2)));
	assert_false(means("3", local(3, 3)));
	assert_false(means("3", ip("0.0.0.3", ADDR_TCP)));
}

static void uid_and_gid_are_those_of_a_unix_peer(void **state)
{
	(void)state;
	assert_true(means("uid:7", local(7, 8)));
	assert_false(means("uid:8", local(7, 8)));
	assert_true(means("gid:8", local(7, 8)));
	assert_false(means("gid:7", local(7, 8)));
	assert_true(means("uid:4294967294", local(4294967294, 0)));
	assert_true(means("user:root", local(0, 1)));
	assert_false(means("user:root", local(1, 0)));
	assert_true(means("group:root", local(1, 0)));
	assert_false(means("group:root", local(0, 1)));
	assert_false(means("uid:7", vsock(7)));
	assert_false(means("gid:7", vsock(7)));
	assert_false(means("uid:0", ip("0.0.0.0", ADDR_TCP)));
}

static void a_prefix_counts_bits_of_either_kind_of_address(void **state)
{
	static const uint8_t families[] = { ADDR_TCP, ADDR_UDP };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t family = families[i];

		assert_true(means("10.1.2.3", ip("10.1.2.3", family)));
		assert_false(means("10.1.2.3", ip("10.1.2.2", family)));
		assert_true(means("10.1.2.3", ip("::ffff:10.1.2.3", family)));
		assert_true(means("10.1.2.3/31", ip("10.1.2.2", family)));
		assert_false(means("10.1.2.3/31", ip("10.1.2.1", family)));
		assert_true(means("10.0.0.0/8", ip("10.255.0.1", family)));
		assert_false(means("10.0.0.0/8", ip("11.0.0.0", family)));
		assert_true(means("0.0.0.0/0", ip("192.0.2.1", family)));
		assert_false(means("0.0.0.0/0", ip("2001:db8::1", family)));
		assert_true(means("::/0", ip("192.0.2.1", family)));
		assert_true(means("2001:db8::/32", ip("2001:db8:1::1", family)));
		assert_false(means("2001:db8::/32", ip("2001:db9::1", family)));
		assert_true(means("2001:db8::1", ip("2001:db8::1", family)));
		assert_false(means("2001:db8::1", ip("2001:db8::2", family)));
		/* as long as an address can be */
		assert_true(means("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
				  ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", family)));
	}
	assert_false(means("0.0.0.0/0", local(0, 0)));
	assert_false(means("::/0", vsock(3)));
}

static void a_name_means_its_cid(void **state)
{
	static const char text[] = "3 web\n/run/fc/db.vsock db\n";
	struct hosts hosts = { 0 };
	struct mistake error;

	(void)state;
	assert_int_equal(hosts_read(&hosts, "hosts", text, strlen(text), &error), 0);
	names = &hosts;
	assert_true(means("web", vsock(3)));
	assert_false(means("web", vsock(4)));
	refuses("web,db", 4, 2, "'db' uses hybrid vsock, which has no CIDs");
	refuses("we", 0, 2, "'we' is not a known peer");
	names = NULL;
	refuses("web", 0, 3, "'web' is not a known peer");
	hosts_free(&hosts);
}

static void the_first_entry_that_matches_decides(void **state)
{
	struct access access = { 0 };
	const struct access_entry *by = NULL;
	struct peer guest = vsock(3), other = vsock(4), root = local(0, 0);

	(void)state;
	assert_true(access_check(&access, &guest, &by)); /* no list: everyone */
	assert_null(by);
	add(&access, "5,4", false);
	assert_true(
		access_check(&access, &guest, &by)); /* nobody is allowed by name: the rest is */
	assert_null(by);
	assert_false(access_check(&access, &other, &by));
	assert_ptr_equal(by, &access.entries[1]);
	assert_string_equal(by->text, "4");
	add(&access, "3,4", true);
	assert_true(access_check(&access, &guest, &by));
	assert_false(access_check(&access, &other, &by));
	assert_false(access_check(&access, &root, &by)); /* one who is allowed denies the others */
	assert_null(by);
	add(&access, "any", true);
	assert_true(access_check(&access, &root, &by));
	assert_false(access_check(&access, &other, &by));
	access_free(&access);
	assert_int_equal(access.count, 0);
}

static void what_is_no_entry_is_refused_where_it_stands(void **state)
{
	char text[80] = "3,";

	(void)state;
	refuses("", 0, 1, "this entry is empty");
	refuses("3,,4", 2, 1, "this entry is empty");
	refuses("3,", 2, 1, "this entry is empty");
	refuses("3,nobody", 2, 6, "'nobody' is not a known peer");
	refuses("3,4294967295", 2, 10, "never the CID of a peer");
	refuses("3,10.0.0.0/33", 11, 2, "bad prefix length");
	refuses("3,::/129", 5, 3, "bad prefix length");
	refuses("3,uid:4294967295", 6, 10, "bad number");
	refuses("3,gid:x", 6, 1, "bad number");
	refuses("3,user:no such", 7, 7, "there is no user 'no such'");
	refuses("3,group:no such", 8, 7, "there is no group 'no such'");
	memset(text + 2, 'x', 64);
	refuses(text, 2, 64, "too long");
	text[2 + 63] = '\0';
	refuses(text, 2, 63, "is not a known peer");
}

/* Whether an entry can ever match at a listener. */
static void an_entry_suits_the_families_that_know_such_peers(void **state)
{
	static const struct {
		const char *who;
		bool families[ADDR_UDP + 1];
	} rows[] = {
		{ "3", { [ADDR_VSOCK] = true, [ADDR_FD] = true } },
		{ "10.0.0.0/8", { [ADDR_TCP] = true, [ADDR_UDP] = true, [ADDR_FD] = true } },
		{ "uid:0", { [ADDR_UNIX] = true, [ADDR_MUX] = true, [ADDR_FD] = true } },
		{ "gid:0", { [ADDR_UNIX] = true, [ADDR_MUX] = true, [ADDR_FD] = true } },
	};
	struct access access = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		add(&access, rows[i].who, true);
		for (unsigned family = ADDR_NONE; family <= ADDR_UDP; family++)
			assert_int_equal(access_suits(&access.entries[i], family),
					 rows[i].families[family]);
	}
	add(&access, "any", true);
	for (unsigned family = ADDR_NONE; family <= ADDR_UDP; family++)
		assert_true(access_suits(&access.entries[access.count - 1], family));
	access_free(&access);
}

/* A reload keeps the connections of a rule whose access list is the same. */
static bool same(const char *one, bool one_allows, const char *two, bool two_allows)
{
	struct access a = { 0 }, b = { 0 };
	bool result;

	add(&a, one, one_allows);
	add(&b, two, two_allows);
	result = access_same(&a, &b);
	assert_int_equal(access_same(&b, &a), result);
	access_free(&a);
	access_free(&b);
	return result;
}

static void lists_are_the_same_if_they_admit_the_same(void **state)
{
	(void)state;
	assert_true(same("3,uid:7,10.0.0.0/8", true, "3,uid:7,10.0.0.0/8", true));
	assert_true(same("2", true, "host", true));
	assert_true(same("10.0.0.1", true, "::ffff:10.0.0.1/128", true));
	assert_false(same("3", true, "3", false));
	assert_false(same("3", true, "4", true));
	assert_false(same("3", true, "uid:3", true));
	assert_false(same("uid:3", true, "gid:3", true));
	assert_false(same("3,4", true, "4,3", true));
	assert_false(same("3", true, "3,4", true));
	assert_false(same("10.0.0.0/8", true, "10.0.0.0/9", true));
	assert_false(same("10.0.0.0/8", true, "11.0.0.0/8", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cid_is_that_of_a_vsock_peer),
		cmocka_unit_test(uid_and_gid_are_those_of_a_unix_peer),
		cmocka_unit_test(a_prefix_counts_bits_of_either_kind_of_address),
		cmocka_unit_test(a_name_means_its_cid),
		cmocka_unit_test(the_first_entry_that_matches_decides),
		cmocka_unit_test(what_is_no_entry_is_refused_where_it_stands),
		cmocka_unit_test(an_entry_suits_the_families_that_know_such_peers),
		cmocka_unit_test(lists_are_the_same_if_they_admit_the_same),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
