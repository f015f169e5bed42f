/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/rules/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A word that grows. */
struct growing {
	struct text_word word;
	size_t length, room;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int put(struct growing *growing, char c, size_t at)
{
	if (growing->length + 2 > growing->room) {
		size_t room = growing->room ? growing->room * 2 : 64;
		char *text = realloc(growing->word.text, room);
		uint32_t *places;

		if (!text)
			return -ENOMEM;
		growing->word.text = text;
		places = reallocarray(growing->word.at, room, sizeof(*places));
		if (!places)
			return -ENOMEM;
		growing->word.at = places;
		growing->room = room;
	}
	growing->word.text[growing->length] = c;
	growing->word.at[growing->length++] = (uint32_t)at;
	return 0;
}

/* Ends the word and gives it to the line. */
static int finish_word(struct text_line *line, struct growing *growing, size_t end)
{
	struct text_word *words = reallocarray(line->words, line->count + 1, sizeof(*words));

	if (!words)
		return -ENOMEM;
	line->words = words;
	if (put(growing, '\0', end) < 0)
		return -ENOMEM;
	line->words[line->count++] = growing->word;
	*growing = (struct growing){ 0 };
	return 0;
}

/* Reports a mistake in the line, and continues after the line. */
static int bad_line(struct text *text, size_t at, const char *why)
{
	uint32_t places[2] = { (uint32_t)at, (uint32_t)at + 1 };
	struct text_word word = { .text = (char[]){ "" }, .at = places };
	const char *newline = memchr(text->data + at, '\n', text->size - at);

	text_complain(text, &word, 0, 1, why, "");
	text->next = newline ? (size_t)(newline - text->data) + 1 : text->size;
	return -EINVAL;
}

/* Is there a backslash at at that continues the line? How many bytes that is. */
static size_t continuation(const struct text *text, size_t at)
{
	if (text->data[at] != '\\' || at + 1 >= text->size)
		return 0;
	if (text->data[at + 1] == '\n')
		return 2;
	return at + 2 < text->size && text->data[at + 1] == '\r' && text->data[at + 2] == '\n' ? 3
											       : 0;
}

/* Reads a quoted string; *at moves from the first quote to after the second. */
static int read_quoted(struct text *text, struct growing *growing, size_t *at)
{
	size_t first = *at, i = first + 1;
	char quote = text->data[first];

	for (; i < text->size && text->data[i] != quote; i++) {
		if (text->data[i] == '\n')
			return bad_line(text, first, "this quote does not end on its line");
		if (text->data[i] == '\0')
			return bad_line(text, i, "a NUL byte is not allowed here");
		if (quote == '"' && text->data[i] == '\\' && i + 1 < text->size &&
		    strchr("\"\\", text->data[i + 1]))
			i++;
		if (put(growing, text->data[i], i) < 0)
			return -ENOMEM;
	}
	if (i == text->size)
		return bad_line(text, first, "this quote does not end");
	*at = i + 1;
	return 0;
}

/* Reads a word; *at moves from its first byte to after its last. */
static int read_word(struct text *text, struct text_line *line, size_t *at)
{
	struct growing growing = { 0 };
	size_t i = *at, skip;
	int status = 0;

	while (!status && i < text->size && !is_blank(text->data[i]) && text->data[i] != '\n') {
		if ((skip = continuation(text, i)) > 0) {
			i += skip;
		} else if (text->data[i] == '\'' || text->data[i] == '"') {
			status = read_quoted(text, &growing, &i);
		} else if (text->data[i] == '\0') {
			status = bad_line(text, i, "a NUL byte is not allowed here");
		} else {
			if (text->data[i] == '\\' && i + 1 < text->size)
				i++;
			status = put(&growing, text->data[i], i);
			i++;
		}
	}
	if (!status)
		status = finish_word(line, &growing, i);
	free(growing.word.text);
	free(growing.word.at);
	*at = i;
	return status;
}

static int read_line(struct text *text, struct text_line *line)
{
	size_t at = text->next, skip;
	int status = 0;

	while (!status && at < text->size && text->data[at] != '\n') {
		if (is_blank(text->data[at])) {
			at++;
		} else if ((skip = continuation(text, at)) > 0) {
			at += skip;
		} else if (text->data[at] == '#') {
			while (at < text->size && text->data[at] != '\n')
				at++;
		} else {
			status = read_word(text, line, &at);
		}
	}
	if (!status)
		text->next = at + 1;
	return status;
}

static unsigned count_lines(const struct text *text, size_t from, size_t to)
{
	unsigned count = 0;

	for (size_t i = from; i < to && i < text->size; i++)
		count += text->data[i] == '\n';
	return count;
}

int text_next(struct text *text, struct text_line *line)
{
	*line = (struct text_line){ 0 };
	while (text->next < text->size) {
		size_t begin = text->next;
		int status = read_line(text, line);

		if (line->count)
			line->number = 1 + text->lines +
				       count_lines(text, begin, line->words[0].at[0]);
		text->lines += count_lines(text, begin, text->next);
		if (!status && !line->count)
			continue;
		if (status)
			text_line_free(line);
		return status ? status : 1;
	}
	return 0;
}

void text_line_free(struct text_line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		free(line->words[i].text);
		free(line->words[i].at);
	}
	free(line->words);
	*line = (struct text_line){ 0 };
}

/* The number of the line that holds the byte at at, and where that line begins. */
static unsigned find_line(const struct text *text, size_t at, size_t *begin)
{
	unsigned number = 1;

	*begin = 0;
	for (size_t i = 0; i < at && i < text->size; i++) {
		if (text->data[i] == '\n') {
			number++;
			*begin = i + 1;
		}
	}
	return number;
}

static void complain_in_file(const struct text *text, const struct text_word *word, size_t first,
			     size_t last, const char *why)
{
	size_t at = word->at[first], behind = last > first ? word->at[last - 1] + 1 : at + 1, begin,
	       end;
	unsigned number = find_line(text, at, &begin);
	char place[512], *shown;

	while (begin < at && is_blank(text->data[begin]))
		begin++;
	for (end = begin; end < text->size && text->data[end] != '\n' && text->data[end] != '\r';)
		end++;
	snprintf(place, sizeof(place), "%s:%u", text->file, number);
	log_error_at(place, "%s", why);
	shown = strndup(text->data + begin, end - begin);
	if (shown)
		log_caret(shown, at - begin,
			  (behind < end ? behind : end) > at ? (behind < end ? behind : end) - at
							     : 1);
	free(shown);
}

/* Tells who hears. */
static void tell(const struct text *text, const struct text_word *word, size_t first, size_t length,
		 const char *why, const char *hint)
{
	struct text_place place = { .file = text->file, .word = *word->text ? word->text : NULL };
	struct mistake mistake;
	size_t begin = 0;

	if (!text->hearer)
		return;
	if (word->at) {
		place.line = find_line(text, word->at[first], &begin);
		first = word->at[first] - begin;
	}
	mistake_at(&mistake, first, length, hint, "%s", why);
	text->hearer->hear(text->hearer, &place, &mistake);
}

void text_complain(const struct text *text, const struct text_word *word, size_t offset,
		   size_t length, const char *why, const char *hint)
{
	size_t whole = strlen(word->text), first = offset < whole ? offset : whole;
	size_t last = first + length < whole ? first + length : whole;

	if (word->at) {
		complain_in_file(text, word, first, last, why);
	} else {
		log_error("%s: %s", word->text, why);
		log_caret(word->text, offset, length);
	}
	if (*hint)
		log_hint("%s", hint);
	tell(text, word, first, last - first, why, hint);
}
