/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

/*
 * Messages
 */

/* What is wrong, and where. */
int addr_bad(struct parser *p, size_t at, size_t length, const char *format, ...)
{
	struct addr_error *error = p->error;
	va_list args;

	if (at > p->length)
		at = p->length;
	if (length > p->length - at)
		length = p->length - at;
	error->offset = at;
	error->length = length > 0 ? length : 1;
	error->hint[0] = '\0';
	va_start(args, format);
	vsnprintf(error->why, sizeof error->why, format, args);
	va_end(args);
	return -EINVAL;
}

/* What to write instead. */
int addr_hint(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->error->hint, sizeof p->error->hint, format, args);
	va_end(args);
	return -EINVAL;
}

/*
 * Pieces of text
 */

bool text_all_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return length > 0;
}

/* How many bytes the character at text has: what a caret underlines and a message shows. */
size_t text_char_length(const char *text, size_t length)
{
	size_t n = 1;

	if ((unsigned char)text[0] >= 0xc0)
		while (n < length && n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* The first comma without a backslash before it, or the end. */
size_t text_find_comma(const char *text, size_t at, size_t length)
{
	for (; at < length && text[at] != ','; at++)
		if (text[at] == '\\' && at + 1 < length)
			at++;
	return at;
}

/* The last colon in [at, end), or end. */
size_t text_last_colon(const char *text, size_t at, size_t end)
{
	const char *colon = memrchr(text + at, ':', end - at);

	return colon ? (size_t)(colon - text) : end;
}

size_t text_count_colons(const char *text, size_t at, size_t end)
{
	size_t n = 0;

	for (; at < end; at++)
		n += text[at] == ':';
	return n;
}

/* Edits between two words, swaps counted as one, case ignored; long words are infinitely far away. */
unsigned text_distance(const char *a, size_t m, const char *b)
{
	unsigned d[3][20];
	size_t n = strlen(b);

	if (m > 18 || n > 18)
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *row = d[i % 3], *above = d[(i + 2) % 3], *before = d[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			bool same = strncasecmp(&a[i - 1], &b[j - 1], 1) == 0;
			unsigned best = above[j - 1] + !same;

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[m % 3][n];
}

/* Is this a slip of the fingers for that? */
bool text_resembles(const char *word, size_t length, const char *known)
{
	return length >= 3 && text_distance(word, length, known) <= (length >= 5 ? 2 : 1);
}

/* Undoes \, \\ and \xHH in [at, at + length) of the text, into to, which has size bytes. */
int addr_unescape(struct parser *p, size_t at, size_t length, char *to, size_t size)
{
	const char *text = p->text + at;
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (n + 1 >= size)
			return addr_bad(p, at, length, "too long: at most %zu bytes", size - 1);
		if (c == '\\' && i + 1 < length && (text[i + 1] == ',' || text[i + 1] == '\\')) {
			c = text[++i];
		} else if (c == '\\') {
			unsigned byte;
			char digits[3] = { 0 };

			if (i + 3 >= length || text[i + 1] != 'x' ||
			    strspn(memcpy(digits, text + i + 2, 2), "0123456789abcdefABCDEF") != 2) {
				addr_bad(p, at + i, i + 1 < length ? 1 + text_char_length(text + i + 1, length - i - 1) : 1,
				    "a backslash begins \\, or \\\\ or \\xHH only");
				return addr_hint(p, "for a backslash write \\\\");
			}
			byte = (unsigned)strtoul(digits, NULL, 16);
			if (byte == 0)
				return addr_bad(p, at + i, 4, "a name can't hold a NUL byte");
			c = (char)byte;
			i += 3;
		}
		to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

/*
 * IP addresses
 */

/* Is this text an IPv4 address, by its looks? */
bool text_looks_ipv4(const char *text, size_t length)
{
	size_t dots = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.')
			dots++;
		else if (!is_digit(text[i]))
			return false;
	}
	return dots == 3;
}

/* Is this text an IPv6 address, with or without %scope? With canonical, how inet_ntop() writes it. */
bool text_is_ipv6(const char *text, size_t length, char canonical[64])
{
	struct in6_addr in6;
	char copy[INET6_ADDRSTRLEN];
	const char *scope = memchr(text, '%', length);
	size_t n = scope ? (size_t)(scope - text) : length;

	if (n >= sizeof copy || memchr(text, '\0', n))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (inet_pton(AF_INET6, copy, &in6) != 1)
		return false;
	if (length - n == 1 || length - n > 16) /* a lone %, or more than an interface's name has */
		return false;
	for (size_t i = n + 1; i < length; i++)
		if (!is_letter(text[i]) && !is_digit(text[i]) && !strchr("._-", text[i]))
			return false;
	if (canonical) {
		inet_ntop(AF_INET6, &in6, canonical, INET6_ADDRSTRLEN);
		strncat(canonical, text + n, length - n);
	}
	return true;
}

/*
 * Numbers
 */

/* Reads digits, hexadecimal ones after 0x where hex, and returns how many bytes were good. No overflow: stops at 2^60. */
size_t text_scan_number(const char *text, size_t length, bool hex, uint64_t *number)
{
	bool is_hex = hex && length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t i = is_hex ? 2 : 0;

	*number = 0;
	for (; i < length; i++) {
		unsigned digit;

		if (is_digit(text[i]))
			digit = (unsigned)(text[i] - '0');
		else if (is_hex && ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'f'))
			digit = (unsigned)((text[i] | 32) - 'a' + 10);
		else
			break;
		if (*number < 1ULL << 56)
			*number = *number * (is_hex ? 16 : 10) + digit;
	}
	return i;
}

bool text_is_hex(const char *text, size_t length)
{
	return length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* A whole number up to max; what is "CID" or "port". The caller has looked whether there is anything at all. */
int addr_read_number(struct parser *p, size_t at, size_t length, const char *what, bool hex, uint64_t max,
                       uint64_t *number)
{
	const char *text = p->text + at;
	size_t good = text_scan_number(text, length, hex, number);

	if (good < length) {
		size_t n = text_char_length(text + good, length - good);

		return addr_bad(p, at + good, n, "bad %s: '%s' is not a %sdigit", what, SHOW(text + good, n),
		           good >= 2 && text_is_hex(text, length) && hex ? "hexadecimal " : "");
	}
	if (hex && text_is_hex(text, length)) {
		if (length == 2)
			return addr_bad(p, at, length, "bad %s: %s has no digits", what, SHOW(text, length));
	} else if (text[0] == '0' && length > 1) {
		size_t zeros = strspn(text, "0");

		if (zeros >= length)
			zeros = length - 1;
		addr_bad(p, at, length, "bad %s: %s begins with 0", what, SHOW(text, length));
		return addr_hint(p, "write %s", SHOW(text + zeros, length - zeros));
	}
	if (*number > max)
		return addr_bad(p, at, length, "bad %s: %s is above %llu", what, SHOW(text, length), (unsigned long long)max);
	return 0;
}

/*
 * Printing
 */

void addr_put(struct writer *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->full)
		return;
	va_start(args, format);
	n = vsnprintf(w->buf + w->length, w->size - w->length, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= w->size - w->length) {
		w->full = true;
		w->length = strlen(w->buf);
	} else {
		w->length += (size_t)n;
	}
}
