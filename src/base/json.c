/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTHS (sizeof(((struct json *)NULL)->comma) / sizeof(((struct json *)NULL)->comma[0]))

/* Above U+FFFF it takes a pair of surrogates. */
static void write_escape(FILE *out, uint32_t point)
{
	if (point > 0xffff) {
		point -= 0x10000;
		fprintf(out, "\\u%04" PRIx32, 0xd800 + (point >> 10));
		point = 0xdc00 + (point & 0x3ff);
	}
	fprintf(out, "\\u%04" PRIx32, point);
}

static void write_string(FILE *out, const char *text)
{
	size_t left = strlen(text);

	fputc('"', out);
	while (left > 0) {
		uint32_t point = 0;
		size_t size = utf8_read(text, left, &point);

		if (size == 0) {
			fputs("\xef\xbf\xbd", out); /* U+FFFD */
			size = 1;
		} else if (point == '"' || point == '\\') {
			fprintf(out, "\\%c", (char)point);
		} else if (point == '\n') {
			fputs("\\n", out);
		} else if (point == '\r') {
			fputs("\\r", out);
		} else if (point == '\t') {
			fputs("\\t", out);
		} else if (utf8_unsafe(point)) { /* JSON itself asks only for C0 */
			write_escape(out, point);
		} else {
			fwrite(text, 1, size, out);
		}
		text += size;
		left -= size;
	}
	fputc('"', out);
}

/* What comes before every value: the comma and the key. */
static void begin(struct json *json, const char *key)
{
	if (json->comma[json->depth])
		fputc(',', json->out);
	json->comma[json->depth] = true;
	if (key != NULL) {
		write_string(json->out, key);
		fputc(':', json->out);
	}
}

static void open_level(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	fputc(bracket, json->out);
	json->depth++;
	assert(json->depth < DEPTHS);
	json->comma[json->depth] = false;
}

static void close_level(struct json *json, char bracket)
{
	assert(json->depth > 0);
	json->depth--;
	fputc(bracket, json->out);
}

void json_start(struct json *json, FILE *out)
{
	*json = (struct json){ .out = out };
}

void json_object(struct json *json, const char *key)
{
	open_level(json, key, '{');
}

void json_array(struct json *json, const char *key)
{
	open_level(json, key, '[');
}

void json_end_object(struct json *json)
{
	close_level(json, '}');
}

void json_end_array(struct json *json)
{
	close_level(json, ']');
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	if (text != NULL)
		write_string(json->out, text);
	else
		fputs("null", json->out);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	begin(json, key);
	fprintf(json->out, "%" PRIu64, number);
}

void json_signed(struct json *json, const char *key, int64_t number)
{
	begin(json, key);
	fprintf(json->out, "%" PRId64, number);
}

void json_real(struct json *json, const char *key, double number, int decimals)
{
	begin(json, key);
	if (isfinite(number))
		fprintf(json->out, "%.*f", decimals, number);
	else
		fputs("null", json->out); /* JSON has no infinity */
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_finish(struct json *json)
{
	fputc('\n', json->out);
	fflush(json->out);
	json->comma[0] = false;
	json->depth = 0;
}

void json_line(struct json *json, FILE *out)
{
	json_start(json, out);
	json_object(json, NULL);
}

void json_line_end(struct json *json)
{
	json_end_object(json);
	json_finish(json);
}
