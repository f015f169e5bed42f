/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: a value takes at least one byte of the text, and a string is never longer
 * unescaped, so that two arrays as long as the text hold everything, and nothing grows.
 */
#include "config.h"

#include "base/json-read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 16

struct reader {
	const char *at, *end;
	struct json_value *next_value;
	char *next_text;
};

static void skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) && *reader->at)
		reader->at++;
}

static bool take(struct reader *reader, char c)
{
	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool read_hex(struct reader *reader, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++, reader->at++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = reader->at < reader->end && *reader->at
					    ? strchr(digits, *reader->at)
					    : NULL;
		uint32_t index = digit ? (uint32_t)(digit - digits) : 0;

		if (!digit)
			return false;
		*value = *value << 4 | (index > 15 ? index - 6 : index);
	}
	return true;
}

static void put_point(struct reader *reader, uint32_t point)
{
	char *to = reader->next_text;

	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		if (point < 0x10000) {
			*to++ = (char)(0xe0 | point >> 12);
		} else {
			*to++ = (char)(0xf0 | point >> 18);
			*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	reader->next_text = to;
}

/* The point of \uXXXX, or of two of them that are a pair of surrogates. */
static bool read_unicode(struct reader *reader)
{
	uint32_t point, low;

	if (!read_hex(reader, &point) || !point)
		return false;
	if (point >= 0xd800 && point <= 0xdbff) {
		if (reader->end - reader->at < 6 || reader->at[0] != '\\' || reader->at[1] != 'u')
			return false;
		reader->at += 2;
		if (!read_hex(reader, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
	} else if (point >= 0xdc00 && point <= 0xdfff) {
		return false;
	}
	put_point(reader, point);
	return true;
}

static bool read_escape(struct reader *reader)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (reader->at == reader->end || !*reader->at)
		return false;
	if (*reader->at == 'u') {
		reader->at++;
		return read_unicode(reader);
	}
	name = strchr(names, *reader->at++);
	if (!name)
		return false;
	*reader->next_text++ = means[name - names];
	return true;
}

static bool read_text(struct reader *reader, const char **text)
{
	*text = reader->next_text;
	if (!take(reader, '"'))
		return false;
	while (reader->at < reader->end && *reader->at != '"') {
		uint32_t point = 0;
		size_t size = utf8_read(reader->at, (size_t)(reader->end - reader->at), &point);

		if (!size || point < ' ')
			return false;
		reader->at += size;
		if (point != '\\')
			put_point(reader, point);
		else if (!read_escape(reader))
			return false;
	}
	*reader->next_text++ = '\0';
	return take(reader, '"');
}

static bool read_number(struct reader *reader, double *number)
{
	char digits[32], *end;
	size_t length = 0;

	while (reader->at + length < reader->end && reader->at[length] &&
	       strchr("+-.0123456789eE", reader->at[length]))
		length++;
	if (!length || length >= sizeof(digits))
		return false;
	memcpy(digits, reader->at, length);
	digits[length] = '\0';
	*number = strtod(digits, &end);
	reader->at += length;
	return !*end && strchr("-0123456789", digits[0]);
}

static bool read_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static struct json_value *read_value(struct reader *reader, unsigned depth);

static bool read_members(struct reader *reader, struct json_value *value, unsigned depth)
{
	bool object = value->type == JSON_OBJECT;
	const struct json_value **link = &value->first;
	char close = object ? '}' : ']';

	if (take(reader, close))
		return true;
	do {
		const char *key = NULL;
		struct json_value *member;

		if (object && (!read_text(reader, &key) || !take(reader, ':')))
			return false;
		member = read_value(reader, depth + 1);
		if (!member)
			return false;
		member->key = key;
		*link = member;
		link = &member->next;
	} while (take(reader, ','));
	return take(reader, close);
}

static bool read_plain(struct reader *reader, struct json_value *value)
{
	if (read_word(reader, "null"))
		return true;
	if (read_word(reader, "true") || read_word(reader, "false")) {
		value->type = JSON_BOOL;
		value->number = reader->at[-2] == 'u'; /* true */
		return true;
	}
	value->type = JSON_NUMBER;
	return read_number(reader, &value->number);
}

static struct json_value *read_value(struct reader *reader, unsigned depth)
{
	struct json_value *value = reader->next_value++;

	*value = (struct json_value){ .text = "" };
	skip_blanks(reader);
	if (depth >= DEPTH_MAX || reader->at == reader->end)
		return NULL;
	switch (*reader->at) {
	case '"':
		value->type = JSON_TEXT;
		return read_text(reader, &value->text) ? value : NULL;
	case '{':
	case '[':
		value->type = *reader->at++ == '{' ? JSON_OBJECT : JSON_ARRAY;
		return read_members(reader, value, depth) ? value : NULL;
	default:
		return read_plain(reader, value) ? value : NULL;
	}
}

const struct json_value *json_tree_read(struct json_tree *tree, const char *text, size_t length)
{
	struct reader reader = { .at = text, .end = text + length };
	const struct json_value *value;

	/* one more value than bytes: the one that is missing at the end */
	*tree = (struct json_tree){ .values = calloc(length + 1, sizeof(*tree->values)),
				    .texts = malloc(length + 1) };
	reader.next_value = tree->values;
	reader.next_text = tree->texts;
	if (!tree->values || !tree->texts)
		return NULL;
	value = read_value(&reader, 0);
	skip_blanks(&reader);
	return value && reader.at == reader.end ? value : NULL;
}

void json_tree_free(struct json_tree *tree)
{
	free(tree->values);
	free(tree->texts);
	*tree = (struct json_tree){ 0 };
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
	static const struct json_value none = { .text = "" };
	const struct json_value *member = object->type == JSON_OBJECT ? object->first : NULL;

	while (member && strcmp(member->key, key) != 0)
		member = member->next;
	return member ? member : &none;
}

uint64_t json_whole(const struct json_value *value)
{
	return value->number >= 0 && value->number < 0x1p64 ? (uint64_t)value->number : 0;
}
