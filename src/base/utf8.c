/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/utf8.h"

size_t utf8_read(const char *text, size_t length, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length; below it is overlong */
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

bool utf8_unsafe(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x061c || point == 0x200e ||
	       point == 0x200f || (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* wcwidth(3) knows nothing above ASCII in the C locale, which services run in; these ranges suffice to place a caret. */
static size_t point_width(uint32_t point)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
		{0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200d, 0},   {0x2e80, 0x303e, 2},
		{0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
		{0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
		{0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
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
