/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ascii: digits, letters and numbers of ASCII, whatever the locale. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <string.h>

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Is the text digits alone, and at least one? */
static inline bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

#endif
