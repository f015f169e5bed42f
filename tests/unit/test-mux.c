/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/mux.h"

static void the_request(void **state)
{
	char request[MUX_LINE_MAX];

	(void)state;
	assert_int_equal(mux_request(52, request, sizeof(request)), 11);
	assert_string_equal(request, "CONNECT 52\n");
	mux_request(UINT32_MAX - 1, request, sizeof(request));
	assert_string_equal(request, "CONNECT 4294967294\n");
}

/* Whole, and in two parts cut at every place, and byte by byte: the same verdict, and nothing
 * behind the line is taken. */
static void answers(const char *text, size_t line, enum mux_state expected)
{
	size_t length = strlen(text), used;
	struct mux mux = { .length = 0 };

	assert_int_equal(mux_feed(&mux, text, length, &used), expected);
	if (expected == MUX_OK)
		assert_int_equal(used, line);
	for (size_t cut = 0; cut <= length; cut++) {
		enum mux_state first;

		mux = (struct mux){ .length = 0 };
		first = mux_feed(&mux, text, cut, &used);
		if (first != MUX_MORE) {
			assert_int_equal(first, expected);
			assert_true(used <= cut);
			continue;
		}
		assert_int_equal(used, cut);
		assert_int_equal(mux_feed(&mux, text + cut, length - cut, &used), expected);
		if (expected == MUX_OK)
			assert_int_equal(cut + used, line);
	}
	mux = (struct mux){ .length = 0 };
	for (size_t i = 0; i < length; i++) {
		enum mux_state now = mux_feed(&mux, text + i, 1, &used);

		if (now == MUX_MORE)
			continue;
		assert_int_equal(now, expected);
		if (expected == MUX_OK)
			assert_int_equal(i + 1, line);
		return;
	}
	assert_int_equal(expected, MUX_MORE);
}

static void a_line_that_is_ok(void **state)
{
	(void)state;
	answers("OK 1073741824\n", 14, MUX_OK);
	answers("OK 5\n", 5, MUX_OK);
	answers("OK 4294967295\n", 14, MUX_OK);
	answers("OK 5\r\n", 6, MUX_OK);
}

static void the_payload_behind_it_is_not_taken(void **state)
{
	(void)state;
	answers("OK 5\nOK 6\nSSH-2.0-x\r\n", 5, MUX_OK);
	answers("OK 5\n\n", 5, MUX_OK);
}

static void a_line_that_is_not_whole_yet(void **state)
{
	(void)state;
	answers("", 0, MUX_MORE);
	answers("O", 0, MUX_MORE);
	answers("OK 107", 0, MUX_MORE);
	answers("OK 1073741824\r", 0, MUX_MORE);
}

static void garbage(void **state)
{
	(void)state;
	answers("\n", 0, MUX_GARBAGE);
	answers("OK\n", 0, MUX_GARBAGE);
	answers("OK \n", 0, MUX_GARBAGE);
	answers("OK \r\n", 0, MUX_GARBAGE);
	answers("OKAY 5\n", 0, MUX_GARBAGE);
	answers("ok 5\n", 0, MUX_GARBAGE);
	answers("OK -5\n", 0, MUX_GARBAGE);
	answers("OK 5 \n", 0, MUX_GARBAGE);
	answers("OK  5\n", 0, MUX_GARBAGE);
	answers("OK 5x\n", 0, MUX_GARBAGE);
	answers("OK 12345678901\n", 0, MUX_GARBAGE);
	answers("SSH-2.0-OpenSSH\r\n", 0, MUX_GARBAGE);
	answers("HTTP/1.1 400 Bad Request\r\n", 0, MUX_GARBAGE);
	/* no end of the line ever: told when the line is full, and what can't be OK at once */
	answers("OK 1111111111111111111111111111111111111111111111111111111111111111", 0,
		MUX_GARBAGE);
	answers("S", 0, MUX_GARBAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request),
		cmocka_unit_test(a_line_that_is_ok),
		cmocka_unit_test(the_payload_behind_it_is_not_taken),
		cmocka_unit_test(a_line_that_is_not_whole_yet),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
