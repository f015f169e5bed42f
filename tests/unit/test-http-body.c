/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the body of an HTTP request ends, cut anywhere. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/protocols/http-body.h"

/* Takes some of text, from a place with nothing behind it. */
static size_t take(struct http_body *body, const char *text, size_t size)
{
	char *exact = malloc(size ? size : 1);
	size_t taken;

	assert_non_null(exact);
	memcpy(exact, text, size);
	taken = http_body_take(body, exact, size);
	assert_true(taken <= size);
	free(exact);
	return taken;
}

/* These bytes come, and the first `length` of them are the body, however they are cut. */
static void ends_after(bool chunked, uint64_t given, const char *text, size_t size, size_t length,
		       bool bad)
{
	struct http_body body;
	size_t taken = 0;

	for (size_t cut = 0; cut <= size; cut++) {
		size_t first;

		http_body_start(&body, chunked, given);
		first = take(&body, text, cut);
		assert_int_equal(first, cut < length ? cut : length);
		assert_int_equal(first + take(&body, text + cut, size - cut), length);
		assert_int_equal(http_body_is_bad(&body), bad);
		assert_int_equal(take(&body, "\r\n", 2), 0);
	}
	http_body_start(&body, chunked, given);
	for (size_t i = 0; i < size; i++)
		taken += take(&body, text + i, 1);
	assert_int_equal(taken, length);
}

static void bodies_of_a_known_size(void **state)
{
	struct http_body body;

	(void)state;
	ends_after(false, 0, "GET", 3, 0, false);
	ends_after(false, 5, "helloGET", 8, 5, false);
	http_body_start(&body, false, UINT64_C(999999999999999999));
	assert_int_equal(take(&body, "x", 1), 1);
	assert_int_equal(body.left, UINT64_C(999999999999999998));
}

static void chunks(void **state)
{
	static const char *const bodies[] = {
		"0\r\n\r\n",
		"000\r\n\r\n",
		"5\r\nhello\r\n0\r\n\r\n",
		"1;name=value; other=\"\t\"\r\nx\r\nA\r\n0\r\n\r\n0123\n\r\n0;last\r\n\r\n",
		"a\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		char text[128];
		size_t size = strlen(bodies[i]);

		memcpy(text, bodies[i], size);
		memcpy(text + size, "0\r\n\r\n", 5);
		ends_after(true, 7, text, size + 5, size, false);
	}
}

static void malformed_chunks(void **state)
{
	static const struct {
		const char *text;
		size_t good;
	} bad[] = {
		{ "\r\n", 0 },
		{ "x\r\n", 0 },
		{ "-1\r\n", 0 },
		{ " 1\r\n", 0 },
		{ "0x1\r\n", 1 },
		{ "1 \r\n", 1 },
		{ "1\n", 1 },
		{ "1\r1", 2 },
		{ "1;x\ny\r\n", 3 },
		{ "1;x\ry", 4 },
		{ "1\r\nxy\r\n", 4 },
		{ "1\r\nx\n0", 4 },
		{ "1\r\nx\r0", 5 },
		{ "0\r\n\n", 3 },
		{ "0\r\n\rx", 4 },
		{ "0\r\nA: b\n\r\n", 7 },
		{ "0\r\nA: b\rx", 8 },
		{ "0\r\nA: \177", 6 },
		{ "0000000fffffffffffffff1\r\n", 22 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ends_after(true, 0, bad[i].text, strlen(bad[i].text), bad[i].good, true);
	ends_after(true, 0, "1;\0\r\n", 5, 2, true);
}

/* The longest chunk. */
static void long_chunks(void **state)
{
	struct http_body body;

	(void)state;
	http_body_start(&body, true, 0);
	assert_int_equal(take(&body, "fffffffffffffff\r\nx", 18), 18);
	assert_int_equal(body.left, UINT64_C(0xffffffffffffffe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_of_a_known_size),
		cmocka_unit_test(chunks),
		cmocka_unit_test(malformed_chunks),
		cmocka_unit_test(long_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
