/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json-read.h"

static char buf[1024];

/* One text as JSON writes it, quotes included. */
static const char *written(const char *text)
{
	struct json json;
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	assert_non_null(out);
	json_start(&json, out);
	json_text(&json, NULL, text);
	fclose(out);
	return buf;
}

static void values_and_nesting(void **state)
{
	struct json json;
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_non_null(out);
	json_start(&json, out);
	json_object(&json, NULL);
	json_text(&json, "name", "web");
	json_text(&json, "none", NULL);
	json_number(&json, "most", UINT64_MAX);
	json_signed(&json, "least", INT64_MIN);
	json_real(&json, "seconds", 0.2134, 3);
	json_real(&json, "nothing", (double)NAN, 3);
	json_bool(&json, "yes", true);
	json_bool(&json, "no", false);
	json_array(&json, "list");
	json_number(&json, NULL, 1);
	json_object(&json, NULL);
	json_end_object(&json);
	json_object(&json, NULL);
	json_text(&json, "a", "b");
	json_end_object(&json);
	json_array(&json, NULL);
	json_end_array(&json);
	json_end_array(&json);
	json_number(&json, "after", 2);
	json_end_object(&json);
	json_finish(&json);
	json_object(&json, NULL);
	json_end_object(&json);
	json_finish(&json);
	fclose(out);
	assert_string_equal(
		buf,
		"{\"name\":\"web\",\"none\":null,\"most\":18446744073709551615,"
		"\"least\":-9223372036854775808,\"seconds\":0.213,\"nothing\":null,"
		"\"yes\":true,\"no\":false,\"list\":[1,{},{\"a\":\"b\"},[]],\"after\":2}\n{}\n");
}

static void texts_are_escaped(void **state)
{
	static const char *const rows[][2] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
		{ "\n\r\t\b", "\"\\n\\r\\t\\u0008\"" },
		{ "\x01\x1b[0m\x7f", "\"\\u0001\\u001b[0m\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80",
		  "\"gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		{ "\xc2\x85", "\"\\u0085\"" }, /* C1 */
		{ "a\xe2\x80\xae"
		  "b",
		  "\"a\\u202eb\"" }, /* turns the direction */
		{ "\xe2\x80\xa8", "\"\\u2028\"" }, /* ends a line in JavaScript */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(written(rows[i][0]), rows[i][1]);
}

static void bad_bytes_become_replacements(void **state)
{
#define BAD "\xef\xbf\xbd"
	static const char *const rows[][2] = {
		{ "a\xff"
		  "b",
		  "\"a" BAD "b\"" },
		{ "\x80", "\"" BAD "\"" },
		{ "\xc3", "\"" BAD "\"" }, /* cut short */
		{ "\xc3(", "\"" BAD "(\"" }, /* the next byte is its own */
		{ "\xe2\x82", "\"" BAD BAD "\"" },
		{ "\xc0\xaf", "\"" BAD BAD "\"" }, /* overlong */
		{ "\xe0\x80\xaf", "\"" BAD BAD BAD "\"" },
		{ "\xed\xa0\x80", "\"" BAD BAD BAD "\"" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"" }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", "\"" BAD BAD BAD BAD "\"" },
		{ "\xf4\x8f\xbf\xbd", "\"\xf4\x8f\xbf\xbd\"" }, /* U+10FFFD is one */
		{ "\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"" }, /* U+10FFFF is no character */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(written(rows[i][0]), rows[i][1]);
}

static void keys_are_escaped(void **state)
{
	struct json json;
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_non_null(out);
	json_start(&json, out);
	json_object(&json, NULL);
	json_bool(&json, "a\"\n", true);
	json_end_object(&json);
	fclose(out);
	assert_string_equal(buf, "{\"a\\\"\\n\":true}");
}

static void reads_what_it_writes(void **state)
{
	static const char text[] =
		" {\"a\":[1,-2.5e1,true,null],\"b\":{\"c\":\"\\u009b\\ud83d\\ude00\\n\"},\"n\":42} \n";
	const struct json_value *root, *list;
	struct json_tree tree;

	(void)state;
	root = json_tree_read(&tree, text, strlen(text));
	assert_non_null(root);
	assert_int_equal(json_whole(json_member(root, "n")), 42);
	list = json_member(root, "a");
	assert_int_equal(list->type, JSON_ARRAY);
	assert_true(list->first->next->number == -25);
	assert_string_equal(json_member(json_member(root, "b"), "c")->text,
			    "\xc2\x9b\xf0\x9f\x98\x80\n");
	assert_int_equal(json_member(root, "none")->type, JSON_NULL);
	json_tree_free(&tree);
}

static void reads_the_first_and_the_last_of_the_surrogates(void **state)
{
	static const char text[] = "[\"\\ud800\\udc00\",\"\\udbff\\udfff\",\"\\ue000\"]";
	const struct json_value *list;
	struct json_tree tree;

	(void)state;
	list = json_tree_read(&tree, text, strlen(text));
	assert_non_null(list);
	assert_string_equal(list->first->text, "\xf0\x90\x80\x80");
	assert_string_equal(list->first->next->text, "\xf4\x8f\xbf\xbf");
	assert_string_equal(list->first->next->next->text, "\xee\x80\x80");
	json_tree_free(&tree);
}

static void refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = { "",
					   "{",
					   "[1,]",
					   "{\"a\"}",
					   "\"\\u0000\"",
					   "\"\xff\"",
					   "\"\\ud800\"",
					   "\"\\udc00\"",
					   "\"\\ud800\\udbff\"",
					   "\"\\ud800\\ue000\"",
					   "\"\n\"",
					   "1 2",
					   "nul",
					   "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
					   "{\"a\":1" };
	struct json_tree tree;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(json_tree_read(&tree, bad[i], strlen(bad[i])));
		json_tree_free(&tree);
	}
}

static void what_cannot_be_seen_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(
		written("\xc2\xad\xe2\x80\x8b\xe2\x80\xa8\xef\xbb\xbf\xf3\xa0\x81\xa1\xc2\x9b"),
		"\"\\u00ad\\u200b\\u2028\\ufeff\\udb40\\udc61\\u009b\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(reads_the_first_and_the_last_of_the_surrogates),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(what_cannot_be_seen_is_escaped),
		cmocka_unit_test(values_and_nesting),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(bad_bytes_become_replacements),
		cmocka_unit_test(keys_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
