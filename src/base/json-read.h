/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json-read: reads one JSON value from an untrusted process. Any input is either read or refused.
 * It may have at most 16 levels of nesting. Strings must be UTF-8 without NUL.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_type type;
	const char *key; /* in an object */
	const char *text; /* JSON_TEXT; else "" */
	double number; /* JSON_NUMBER, and 1 for true; else 0 */
	/* its first member or element, and its next sibling */
	const struct json_value *first, *next;
};

struct json_tree {
	struct json_value *values;
	char *texts;
};

/* Reads a JSON value, which may be surrounded by white space. The result points into the tree,
 * which json_tree_free() frees. NULL: not JSON, or out of memory. */
const struct json_value *json_tree_read(struct json_tree *tree, const char *text, size_t length);
void json_tree_free(struct json_tree *tree);

/* The member of an object with that key. If there is none, an empty JSON_NULL value, never NULL. */
const struct json_value *json_member(const struct json_value *object, const char *key);
/* The value as an integer from 0 to 2^64-1; 0 if it is not one. */
uint64_t json_whole(const struct json_value *value);

#endif
