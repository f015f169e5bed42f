/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/http-body.h"

enum state {
	WHOLE, /* the body is as long as its header says */
	SIZE_FIRST, /* of a chunk: its first digit, its other digits, extensions, the line end */
	SIZE,
	EXTENSION,
	SIZE_LF,
	CHUNK,
	CHUNK_CR, /* the line end after a chunk */
	CHUNK_LF,
	TRAILER_FIRST, /* the first character of a line after the last chunk, the others */
	TRAILER,
	TRAILER_LF,
	LAST_LF, /* of the empty line, which is the last */
	DONE,
	BAD,
};

void http_body_start(struct http_body *body, bool chunked, uint64_t size)
{
	body->left = chunked ? 0 : size;
	body->state = chunked ? SIZE_FIRST : size ? WHOLE : DONE;
}

bool http_body_is_bad(const struct http_body *body)
{
	return body->state == BAD;
}

static int digit_of(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 'a' ^ 'A';
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static enum state after_size(struct http_body *body, char byte)
{
	int digit = digit_of(byte);

	if (digit >= 0) {
		if (body->left >> 56)
			return BAD;
		body->left = body->left * 16 + (unsigned)digit;
		return SIZE;
	}
	if (body->state == SIZE_FIRST)
		return BAD;
	return byte == ';' ? EXTENSION : byte == '\r' ? SIZE_LF : BAD;
}

/* A character of a line that ends with CR. */
static enum state in_line(char byte, enum state more, enum state end)
{
	if (byte == '\r')
		return end;
	return ((unsigned char)byte < ' ' && byte != '\t') || byte == 127 ? BAD : more;
}

/* The state after one byte that is not payload. */
static enum state after(struct http_body *body, char byte)
{
	switch ((enum state)body->state) {
	case SIZE_FIRST:
	case SIZE:
		return after_size(body, byte);
	case EXTENSION:
		return in_line(byte, EXTENSION, SIZE_LF);
	case SIZE_LF:
		return byte != '\n' ? BAD : body->left ? CHUNK : TRAILER_FIRST;
	case CHUNK_CR:
		return byte == '\r' ? CHUNK_LF : BAD;
	case CHUNK_LF:
		return byte == '\n' ? SIZE_FIRST : BAD;
	case TRAILER_FIRST:
		return in_line(byte, TRAILER, LAST_LF);
	case TRAILER:
		return in_line(byte, TRAILER, TRAILER_LF);
	case TRAILER_LF:
		return byte == '\n' ? TRAILER_FIRST : BAD;
	case LAST_LF:
		return byte == '\n' ? DONE : BAD;
	default:
		return BAD;
	}
}

static size_t take_payload(struct http_body *body, size_t size)
{
	if (size < body->left) {
		body->left -= size;
		return size;
	}
	size = (size_t)body->left;
	body->left = 0;
	body->state = body->state == WHOLE ? DONE : CHUNK_CR;
	return size;
}

size_t http_body_take(struct http_body *body, const char *data, size_t size)
{
	size_t at = 0;

	while (at < size && body->state != DONE && body->state != BAD) {
		if (body->state == WHOLE || body->state == CHUNK) {
			at += take_payload(body, size - at);
			continue;
		}
		body->state = (uint8_t)after(body, data[at]);
		at += body->state != BAD;
	}
	return at;
}
