/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts that go from one process to another: whole, sealed, and never read beyond their end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/bundle.h"

static void fill(struct bundle *bundle)
{
	struct accounts accounts = { 0 };
	struct hosts hosts = { 0 };
	struct hosts_error error;
	const char text[] = "3 web www\n/run/fc/db.vsock db\n";

	*bundle = (struct bundle){ 0 };
	assert_int_equal(hosts_read(&hosts, "hosts", text, strlen(text), &error), 0);
	assert_int_equal(accounts_add(&accounts, false, "alice", 1000), 0);
	assert_int_equal(accounts_add(&accounts, true, "wheel", 10), 0);
	assert_int_equal(bundle_add(bundle, BUNDLE_RULES, "a.rules", "one\n\0two", 8), 0);
	assert_int_equal(bundle_add(bundle, BUNDLE_RULES, "", "", 0), 0);
	assert_int_equal(bundle_add_hosts(bundle, &hosts), 0);
	assert_int_equal(bundle_add_accounts(bundle, &accounts), 0);
	hosts_free(&hosts);
	accounts_free(&accounts);
}

static void check(const struct bundle *bundle)
{
	struct accounts accounts = { .closed = true };
	struct hosts hosts = { 0 };
	struct bundle_part part;
	size_t at = 0;
	uint32_t id = 0;

	assert_int_equal(bundle_next(bundle, &at, &part), 1);
	assert_int_equal(part.kind, BUNDLE_RULES);
	assert_string_equal(part.name, "a.rules");
	assert_int_equal(part.size, 8);
	assert_memory_equal(part.data, "one\n\0two", 8);
	assert_int_equal(bundle_next(bundle, &at, &part), 1);
	assert_string_equal(part.name, "");
	assert_int_equal(part.size, 0);
	assert_int_equal(bundle_next(bundle, &at, &part), 1);
	assert_int_equal(part.kind, BUNDLE_HOSTS);
	assert_int_equal(bundle_read_hosts(&part, &hosts), 0);
	assert_int_equal(hosts_find(&hosts, "www", 3)->cid, 3);
	assert_string_equal(hosts_find(&hosts, "db", 2)->path, "/run/fc/db.vsock");
	while (bundle_next(bundle, &at, &part) > 0)
		assert_int_equal(bundle_read_account(&part, &accounts), 0);
	assert_true(accounts_find(&accounts, false, "alice", &id));
	assert_int_equal(id, 1000);
	assert_true(accounts_find(&accounts, true, "wheel", &id));
	assert_int_equal(id, 10);
	/* closed: who isn't in it isn't there, though the system knows root */
	assert_false(accounts_find(&accounts, false, "root", &id));
	assert_false(accounts_find(&accounts, true, "alice", &id));
	hosts_free(&hosts);
	accounts_free(&accounts);
}

static void test_travels(void **state)
{
	struct bundle bundle, other;
	int fd;

	(void)state;
	fill(&bundle);
	check(&bundle);
	fd = bundle_seal(&bundle);
	assert_true(fd >= 0);
	/* nobody can change it any more, and where the descriptor stands doesn't matter */
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bundle_open(&other, fd), 0);
		check(&other);
		bundle_free(&other);
	}
	close(fd);
	bundle_free(&bundle);
}

static void test_cut(void **state)
{
	struct bundle bundle;

	(void)state;
	fill(&bundle);
	for (size_t size = 0; size < bundle.size; size++) {
		/* memory that ends where the bundle does, for the sanitizer */
		struct bundle cut = { .data = malloc(size ? size : 1), .size = size };
		struct bundle_part part;
		size_t at = 0;
		int got;

		memcpy(cut.data, bundle.data, size);
		while ((got = bundle_next(&cut, &at, &part)) > 0)
			assert_true(part.data + part.size <= cut.data + cut.size);
		assert_true(got == -EPROTO || at == size);
		bundle_free(&cut);
	}
	bundle_free(&bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_travels),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
