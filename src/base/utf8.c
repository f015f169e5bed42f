/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/utf8.h"

#include "base/util.h"

#include <stdio.h>
#include <string.h>

size_t utf8_read(const char *text, size_t length, uint32_t *point)
{
	/* by length; below it is overlong */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)text;
	size_t size;
	uint32_t value;

	if (length == 0)
		return 0;
	if (byte[0] < 0x80) {
		*point = byte[0];
		return 1;
	}
	if (byte[0] >= 0xc2 && byte[0] <= 0xdf) {
		size = 2;
		value = byte[0] & 0x1f;
	} else if ((byte[0] & 0xf0) == 0xe0) {
		size = 3;
		value = byte[0] & 0x0f;
	} else if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
		size = 4;
		value = byte[0] & 0x07;
	} else {
		return 0;
	}
	if (length < size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (byte[i] & 0x3f);
	}
	if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return size;
}

/* The Unicode property Default_Ignorable_Code_Point, and what ends a line or annotates one. A
 * variation selector is among them: two names that differ only there look the same. */
bool utf8_unsafe(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	      { 0x7f, 0x9f },	    { 0xad, 0xad },
		{ 0x34f, 0x34f },     { 0x61c, 0x61c },	    { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f },
		{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return (point & 0xfffe) == 0xfffe;
}

/* wcwidth(3) knows nothing above ASCII in the C locale, which services run in; these ranges suffice
 * to place a caret. */
static size_t point_width(uint32_t point)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
		{ 0x0300, 0x036f, 0 },	 { 0x1100, 0x115f, 2 },	  { 0x200b, 0x200f, 0 },
		{ 0x2028, 0x202e, 0 },	 { 0x2060, 0x206f, 0 },	  { 0x2e80, 0x303e, 2 },
		{ 0x3041, 0xa4cf, 2 },	 { 0xac00, 0xd7a3, 2 },	  { 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 },	 { 0xfeff, 0xfeff, 0 },	  { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },	 { 0xffe0, 0xffe6, 2 },	  { 0x1f300, 0x1f64f, 2 },
		{ 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

size_t utf8_fit(const char *text, size_t length, size_t columns)
{
	size_t at = 0, used = 0;

	while (at < length) {
		uint32_t point = 0;
		size_t size = utf8_read(text + at, length - at, &point);
		size_t width = size > 0 ? point_width(point) : 1;

		if (used + width > columns)
			break;
		used += width;
		at += size > 0 ? size : 1;
	}
	return at;
}

size_t utf8_width(const char *text, size_t length)
{
	size_t at = 0, width = 0;

	while (at < length) {
		uint32_t point = 0;
		size_t size = utf8_read(text + at, length - at, &point);

		width += size > 0 ? point_width(point) : 1;
		at += size > 0 ? size : 1;
	}
	return width;
}

size_t utf8_escape_one(const char *text, size_t length, char piece[17])
{
	uint32_t point = 0;
	size_t size = utf8_read(text, length, &point);
	bool ascii = point >= ' ' && point <= '~'; /* most of a log is */
	bool safe = size > 0 && (ascii || !utf8_unsafe(point));

	if (size == 0)
		size = 1;
	if (safe) {
		memcpy(piece, text, size);
		piece[size] = '\0';
	} else {
		for (size_t i = 0; i < size; i++)
			snprintf(piece + 4 * i, 5, "\\x%02X", (unsigned)(unsigned char)text[i]);
	}
	return size;
}

char *utf8_escape(const char *text, size_t length, char *buf, size_t size)
{
	/* cut: the end of the last character after which there is room for … */
	size_t used = 0, cut = 0;
	char piece[17];

	if (size == 0)
		return buf;
	while (length > 0) {
		size_t taken = utf8_escape_one(text, length, piece), more = strlen(piece);

		if (used + more >= size) {
			used = cut;
			if (size >= sizeof("…")) {
				memcpy(buf + used, "…", strlen("…"));
				used += strlen("…");
			}
			break;
		}
		memcpy(buf + used, piece, more);
		used += more;
		if (used + sizeof("…") <= size)
			cut = used;
		text += taken;
		length -= taken;
	}
	buf[used] = '\0';
	return buf;
}

/* In double quotes these mean something. */
#define IN_DOUBLE "$`\"\\!"

char *utf8_quote(const char *text, char *buf, size_t size)
{
	/* brackets are left alone: an address in them is no pattern that matches a file's name */
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "@%+=:,./_-[]";
	const char *quote = "'";
	size_t used = 0;

	if (*text && text[strspn(text, plain)] == '\0') {
		snprintf(buf, size, "%s", text);
		return buf;
	}
	if (strchr(text, '\'') && !strpbrk(text, IN_DOUBLE))
		quote = "\"";
	used = (size_t)snprintf(buf, size, "%s", quote);
	for (; *text && used < size; text++)
		used += (size_t)snprintf(buf + used, size - used,
					 *text == '\'' && *quote == '\'' ? "'\\''" : "%c", *text);
	if (used < size)
		snprintf(buf + used, size - used, "%s", quote);
	return buf;
}
