/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts of others on their way to a terminal, a log and a JSON reader: names of guests, paths,
 * answers. Whatever they hold, a message stays one line of it, a terminal obeys nothing in it, and
 * JSON holds the text itself.
 *
 * The first two bytes are a size and a place; the rest is the text. Linked with
 * --wrap=fd_write_until, which is how base/log writes.
 */
#include "config.h"

#include "logged.h"

#include "base/json-read.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

#define INPUT_MAX 1000

static void took(size_t lines)
{
	fuzz_check(logged_lines() == lines, "there are as many lines as there should be");
}

static void no_line(const char *text)
{
	fuzz_check(shown_lines(text, strlen(text)) == 0, "what is escaped has no end of a line");
}

static void escaped(const char *text, size_t length, size_t room)
{
	char *all = malloc(4 * length + 1), *again = malloc(16 * length + 1);
	char *small = (char *)fuzz_exact("", 0);

	if (!all || !again)
		exit(1);
	utf8_escape(text, length, all, 4 * length + 1);
	no_line(all);
	utf8_escape(all, strlen(all), again, 16 * length + 1);
	fuzz_check(strcmp(all, again) == 0, "escaping twice changes nothing");
	if (room) {
		free(small);
		small = malloc(room);
		if (!small)
			exit(1);
		utf8_escape(text, length, small, room);
		fuzz_check(strlen(small) < room, "what is escaped ends where its room does");
		no_line(small);
		fuzz_check(strlen(all) >= room || strcmp(all, small) == 0, "what fits is not cut");
	}
	free(small);
	free(again);
	free(all);
}

static void columns(const char *text, size_t length, size_t most)
{
	size_t fits = utf8_fit(text, length, most);

	fuzz_check(fits <= length && utf8_width(text, fits) <= most, "what fits is not too wide");
	fuzz_check(fits == length || utf8_width(text, length) > most, "what fits is not cut");
}

/* The text as JSON should have it: what is not UTF-8 is U+FFFD. */
static char *as_json(const char *text)
{
	char *all = NULL;
	size_t size, left = strlen(text);
	FILE *out = open_memstream(&all, &size);

	if (!out)
		exit(1);
	while (left > 0) {
		uint32_t point;
		size_t length = utf8_read(text, left, &point);

		if (length)
			fwrite(text, 1, length, out);
		else
			fputs("\xef\xbf\xbd", out);
		length = length ? length : 1;
		text += length;
		left -= length;
	}
	fclose(out);
	return all;
}

/* The member of the line of JSON that was logged. */
static void has_member(const char *key, const char *text)
{
	struct json_tree tree;
	const struct json_value *value;
	char *expected = as_json(text);

	value = json_tree_read(&tree, logged.data, logged.size);
	fuzz_check(value, "what is logged as JSON is JSON");
	fuzz_check(strcmp(json_member(value, key)->text, expected) == 0,
		   "JSON holds the text itself");
	json_tree_free(&tree);
	free(expected);
}

static void messages(const char *text, size_t at, size_t length)
{
	const struct log_field fields[] = { { "peer", NULL, LOG_F_TEXT, text, 0 },
					    { "bytes", NULL, LOG_F_NUMBER, NULL, at },
					    { "time", NULL, LOG_F_SECONDS, NULL, at },
					    { 0 } };
	struct mistake error = { .offset = at, .length = length };

	log_error("%s: %s", text, text);
	took(1);
	log_error_at(text, "%s", text);
	took(1);
	log_hint("try %s", text);
	took(1);
	log_event(0, 7, "fail", text, text, fields);
	took(1);
	log_caret(text, at, length);
	took(2);
	snprintf(error.why, sizeof(error.why), "%s", text);
	snprintf(error.hint, sizeof(error.hint), "%s", text);
	log_mistake("--option", text, &error);
	took(1 + (length ? 2 : 0) + (*error.hint ? 1 : 0));
}

static void messages_as_json(const char *text, size_t at, size_t length)
{
	const struct log_field fields[] = { { "peer", NULL, LOG_F_TEXT, text, 0 }, { 0 } };
	char *shown = malloc(4 * strlen(text) + 1);

	if (!shown)
		exit(1);
	utf8_escape(text, strlen(text), shown, 4 * strlen(text) + 1);
	log_error("%s", text);
	has_member("message", shown);
	took(1);
	log_event(0, 7, "done", text, text, fields);
	has_member("from", text);
	has_member("to", text);
	has_member("peer", text);
	took(1);
	log_caret(text, at, length);
	has_member("text", text);
	took(1);
	free(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum log_format formats[] = { LOG_TEXT, LOG_JOURNAL };
	char *text;
	size_t at, length;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	text = (char *)fuzz_exact(data + 2, size - 2);
	escaped(text, size - 2, data[0]);
	columns(text, size - 2, data[0]);
	free(text);
	text = fuzz_text(data + 2, size - 2);
	at = strlen(text) ? data[1] % (strlen(text) + 2) : data[1] % 2;
	length = data[1] / 16;
	log_start("vsock-cat");
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		log_configure(&(struct log_config){ .format = formats[i],
						    .color = LOG_COLOR_NEVER,
						    .timestamps = data[0] & 1 });
		messages(text, at, length);
	}
	log_configure(&(struct log_config){ .format = LOG_JSON, .color = LOG_COLOR_NEVER });
	messages_as_json(text, at, length);
	free(text);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("\x1b["),
	PIECE("\x1b]0;x\a"),
	PIECE("\r"),
	PIECE("\n"),
	PIECE("\t"),
	PIECE("\0"),
	PIECE("\x7f"),
	PIECE("\xc2\x9b"),
	PIECE("\xe2\x80\xae"),
	PIECE("\xe2\x80\xa8"),
	PIECE("\xef\xbb\xbf"),
	PIECE("\xff"),
	PIECE("\xf0\x9f\x98\x80"),
	PIECE("\xed\xa0\x80"),
	PIECE("\xf3\xa0\x80\x81"),
	PIECE("\""),
	PIECE("\\"),
	PIECE("\\x1B"),
	PIECE(" -> "),
	PIECE("vsock-cat"),
	PIECE("\xe2\x80\xa6"),
	PIECE("\xe4\xb8\xad"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "texts of others are shown on a line, and control no terminal",
		.corpus = "corpus-escape",
		.input_max = INPUT_MAX,
		.runs = 10000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
