/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as they are installed with `configure --program-prefix=vt-`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define INSTALLED_VSOCK_CAT "vt-vsock-cat"
#define INSTALLED_VSOCK_INFO "vt-vsock-info"
#define INSTALLED_VSOCK_LISTEN "vt-vsock-listen"
#define INSTALLED_VSOCK_PING "vt-vsock-ping"
#define INSTALLED_VSOCK_PROXY "forward"
#define INSTALLED_VSOCK_RUN "vt-vsock-run"
#include "base/names.c"

static void test_program(void **state)
{
	(void)state;
	assert_string_equal(name_installed("vsock-cat"), "vt-vsock-cat");
	assert_string_equal(name_installed("vsock-proxy"), "forward");
	assert_string_equal(name_installed("vsock-catalogue"), "vsock-catalogue");
	assert_null(name_installed(NULL));
}

static void check(const char *text, const char *right)
{
	char *copy = names_in(text);

	assert_non_null(copy);
	assert_string_equal(copy, right);
	free(copy);
}

static void test_text(void **state)
{
	(void)state;
	check("", "");
	check("vsock-cat", "vt-vsock-cat");
	check("run vsock-cat 3:22 | vsock-proxy", "run vt-vsock-cat 3:22 | forward");
	check("vsock-cat vsock-cat", "vt-vsock-cat vt-vsock-cat");
	check("'vsock-cat -F', vsock-cat(1): see vsock-proxy.",
	      "'vt-vsock-cat -F', vt-vsock-cat(1): see forward.");
	/* paths, units and longer words are something else */
	check("/run/vsock-proxy/x vsock-proxy/x my-vsock-cat vsock-catalogue vsock-proxy.rules",
	      "/run/vsock-proxy/x vsock-proxy/x my-vsock-cat vsock-catalogue vsock-proxy.rules");
	check("vsock-ca", "vsock-ca");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
