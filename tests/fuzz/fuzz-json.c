/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON from an untrusted process. What is read can be written by base/json, holds nothing that a
 * terminal obeys, and is then read as the same. */
#include "config.h"

#include "driver.h"

#include <math.h>

#include "base/json-read.h"
#include "base/json.h"
#include "base/utf8.h"

#define INPUT_MAX 4096

static void write_value(struct json *json, const struct json_value *value)
{
	switch (value->type) {
	case JSON_NULL:
		json_text(json, value->key, NULL);
		break;
	case JSON_BOOL:
		json_bool(json, value->key, value->number != 0);
		break;
	case JSON_NUMBER:
		json_real(json, value->key, value->number, 0);
		break;
	case JSON_TEXT:
		json_text(json, value->key, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		if (value->type == JSON_ARRAY)
			json_array(json, value->key);
		else
			json_object(json, value->key);
		for (const struct json_value *one = value->first; one; one = one->next)
			write_value(json, one);
		if (value->type == JSON_ARRAY)
			json_end_array(json);
		else
			json_end_object(json);
		break;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Numbers were rounded, and one of 300 digits is longer than the reader takes. */
static bool same_value(const struct json_value *a, const struct json_value *b)
{
	const struct json_value *one = a->first, *other = b->first;

	if (a->type != b->type || !same_text(a->key, b->key) || !same_text(a->text, b->text) ||
	    (a->type == JSON_BOOL && a->number != b->number) ||
	    (a->type == JSON_NUMBER && fabs(a->number - b->number) > 0.5))
		return false;
	for (; one && other; one = one->next, other = other->next)
		if (!same_value(one, other))
			return false;
	return !one && !other;
}

static bool has_huge_number(const struct json_value *value)
{
	if (value->type == JSON_NUMBER && !(fabs(value->number) < 1e15))
		return true;
	for (const struct json_value *one = value->first; one; one = one->next)
		if (has_huge_number(one))
			return true;
	return false;
}

/* The depth of base/json is the reader's, so that a deeper value than one can't occur. */
static void write_again(const struct json_value *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const struct json_value *again;
	struct json_tree tree;
	struct json json;

	if (!out)
		exit(1);
	json_start(&json, out);
	write_value(&json, value);
	fclose(out);
	for (size_t at = 0, length; at < size; at += length) {
		uint32_t point;

		length = utf8_read(text + at, size - at, &point);
		fuzz_check(length > 0 && !utf8_unsafe(point), "nothing that a terminal obeys");
	}
	again = json_tree_read(&tree, text, size);
	fuzz_check(again && same_value(value, again), "what is written is read as the same");
	json_tree_free(&tree);
	free(text);
}

static unsigned depth_of(const struct json_value *value)
{
	unsigned most = 0;

	for (const struct json_value *one = value->first; one; one = one->next) {
		unsigned depth = depth_of(one);

		most = depth > most ? depth : most;
	}
	return most + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json_value *value;
	struct json_tree tree;

	if (size > INPUT_MAX)
		return 0;
	value = json_tree_read(&tree, (const char *)data, size);
	if (value) {
		fuzz_check(depth_of(value) <= 16, "no value is deeper than 16 levels");
		if (!has_huge_number(value) && depth_of(value) < 16)
			write_again(value);
	}
	json_tree_free(&tree);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("{\"a\":["), PIECE("\"\\ud83d\\ude00\","),
	PIECE("-1.5e3]}"), PIECE("{\"k\":"),
	PIECE("null"),	   PIECE("true"),
	PIECE("false"),	   PIECE("\"\\u001b\""),
	PIECE("[[[["),	   PIECE("]]"),
	PIECE(","),	   PIECE(" \t\r\n"),
	PIECE("\\u"),	   PIECE("\xff"),
	PIECE("1e999"),	   { NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "JSON is read or refused, and what is read survives being written",
		.corpus = "corpus-json",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
