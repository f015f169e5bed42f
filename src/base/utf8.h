/* SPDX-License-Identifier: GPL-3.0-or-later */
/* utf8: reads UTF-8 a character at a time, whatever the locale is. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at text has (1 to 4), its code point in *point; 0 if it isn't valid UTF-8 within length
 * bytes (cut short, overlong, a surrogate, above U+10FFFF) or length is 0. */
size_t utf8_read(const char *text, size_t length, uint32_t *point);

/* Can this character do harm on a terminal or in a log? C0, C1, DEL and what turns the direction of writing. */
bool utf8_unsafe(uint32_t point);

/* How many columns of a terminal the text takes; a byte that isn't UTF-8 takes one. */
size_t utf8_width(const char *text, size_t length);

/* How many bytes of text fit into this many columns. */
size_t utf8_fit(const char *text, size_t length, size_t columns);

#endif
