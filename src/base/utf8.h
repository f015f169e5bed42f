/* SPDX-License-Identifier: GPL-3.0-or-later */
/* utf8: reads UTF-8 one character at a time, independently of the locale. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the number of bytes of the character at text (1 to 4), with its code point in *point; 0
 * if length is 0 or the bytes are not valid UTF-8 (cut short, overlong, a surrogate, above
 * U+10FFFF). */
size_t utf8_read(const char *text, size_t length, uint32_t *point);

/* Must this character be shown as an escape, on a terminal and in a log? These are C0, C1, DEL,
 * line and paragraph separators, everything that changes the direction of writing, and everything
 * invisible: zero-width characters, fillers, variation selectors, tags and noncharacters. */
bool utf8_unsafe(uint32_t point);

/* The number of terminal columns of the text; a byte that is not UTF-8 counts as one. */
size_t utf8_width(const char *text, size_t length);

/* The number of bytes of text that fit into this many columns. */
size_t utf8_fit(const char *text, size_t length, size_t columns);

/*
 * Escapes text from outside for a terminal or a log: copies length bytes of text to buf, with
 * utf8_unsafe() characters and invalid UTF-8 as \xHH. A backslash stays unchanged, so escaping
 * twice does no harm. The result is NUL-terminated, and cut with … if it does not fit. Returns buf.
 */
char *utf8_escape(const char *text, size_t length, char *buf, size_t size);
/* Writes text as one word of the shell, with quotes if it needs them. Cut if it does not fit: four
 * times its length and 3 always suffice. Returns buf. */
char *utf8_quote(const char *text, char *buf, size_t size);
/* Escapes only the first character, to piece, and returns the number of bytes of text it had. */
size_t utf8_escape_one(const char *text, size_t length, char piece[17]);

#endif
