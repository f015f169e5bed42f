/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json: writes JSON to a FILE, one object per line. It takes care of commas and escaping; the
 * caller takes care of nesting. Bytes that are not UTF-8 become U+FFFD; utf8_unsafe() characters
 * are written as \uXXXX, so that the text can be shown on a terminal. Nothing is allocated.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;
	bool comma[16]; /* by depth: does the next value need a comma? */
};

void json_start(struct json *json, FILE *out);
void json_object(struct json *json, const char *key); /* key NULL: in an array, or the outermost */
void json_array(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_end_array(struct json *json);
void json_text(struct json *json, const char *key, const char *text); /* text NULL: null */
void json_number(struct json *json, const char *key, uint64_t number);
void json_signed(struct json *json, const char *key, int64_t number);
void json_real(struct json *json, const char *key, double number, int decimals);
void json_bool(struct json *json, const char *key, bool value);
/* Ends the line and flushes. */
void json_finish(struct json *json);

/* A line that is an object: json_start() and json_object(), json_end_object() and json_finish(). */
void json_line(struct json *json, FILE *out);
void json_line_end(struct json *json);

#endif
