/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/http-connect.h"

#include "base/util.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum http_state bad(struct http_connect *request, unsigned status, const char *why)
{
	request->status = status;
	request->why = why;
	return HTTP_BAD;
}

/* The length of the line at data, without its end; *next is where the next one begins, 0: the line
 * isn't whole. */
static size_t line_at(const char *data, size_t size, size_t *next)
{
	const char *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : 0;

	*next = end ? length + 1 : 0;
	return length && data[length - 1] == '\r' ? length - 1 : length;
}

static bool is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", text[i]))
			return false;
	return length > 0;
}

/* HOST:PORT; the host is checked when an address is made from it. */
static bool read_authority(const char *text, size_t length, struct http_connect *request)
{
	size_t colon = length, digits;
	unsigned port = 0;

	while (colon && text[colon - 1] != ':')
		colon--;
	digits = length - colon;
	if (colon < 2 || !digits || digits > 5 || colon - 1 >= sizeof(request->host))
		return false;
	for (size_t i = colon; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (!port || port > UINT16_MAX || memchr(text, '\0', colon))
		return false;
	memcpy(request->host, text, colon - 1);
	request->host[colon - 1] = '\0';
	request->port = (uint16_t)port;
	return true;
}

/* "CONNECT host:port HTTP/1.1" */
static enum http_state read_request_line(const char *line, size_t length,
					 struct http_connect *request)
{
	const char *target = memchr(line, ' ', length), *version;
	size_t method = target ? (size_t)(target - line) : length, rest;

	if (!target || !is_token(line, method))
		return bad(request, 400, "not an HTTP request");
	rest = length - method - 1;
	version = memchr(++target, ' ', rest);
	if (!version || length - (size_t)(version - line) != 9 ||
	    memcmp(version, " HTTP/1.", 8) != 0 || version[8] < '0' || version[8] > '9')
		return bad(request, 400, "not an HTTP/1.x request");
	if (method != 7 || memcmp(line, "CONNECT", 7) != 0)
		return bad(request, 405,
			   "a method other than CONNECT: this is not a web server, nor a proxy for "
			   "http: addresses");
	if (!read_authority(target, (size_t)(version - target), request))
		return bad(request, 400, "CONNECT without HOST:PORT");
	return HTTP_OK;
}

/* "Name: value". What it says does not matter here, but a header that others would read in another
 * way is refused. */
static bool good_field(const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);

	if (!colon || !is_token(line, (size_t)(colon - line)))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' ? line[i] != '\t' : line[i] == 127)
			return false;
	return true;
}

static const char *other_protocol(char first)
{
	if (first == 5 || first == 4)
		return "a client of SOCKS: HTTP CONNECT is expected here; for SOCKS5 the target is "
		       "socks5:";
	if (first == 0x16)
		return "TLS: HTTP CONNECT without it is expected here";
	return NULL;
}

enum http_state http_connect_read(const char *data, size_t size, struct http_connect *request,
				  size_t *used)
{
	size_t at = 0, next, length;
	bool requested = false;

	if (size && other_protocol(data[0]))
		return bad(request, 0, other_protocol(data[0]));
	for (;; at += next) {
		length = line_at(data + at, size - at, &next);
		if (at + next > HTTP_HEADER_MAX || (!next && size > HTTP_HEADER_MAX))
			return bad(request, 431, "a header of more than 8 KiB");
		if (!next)
			return HTTP_MORE;
		if (!length && !requested) {
			if (at)
				return bad(request, 400, "not an HTTP request");
			continue; /* one empty line may stand before it (RFC 9112, 2.2) */
		}
		if (!length)
			break;
		if (!requested) {
			enum http_state state = read_request_line(data + at, length, request);

			if (state != HTTP_OK)
				return state;
			requested = true;
		} else if (!good_field(data + at, length)) {
			return bad(request, 400, "a malformed line in the header");
		}
	}
	*used = at + next;
	return HTTP_OK;
}

static const struct answer {
	unsigned status;
	const char *reason, *body, *more;
} answers[] = {
	{ 400, "Bad Request", "the request must be CONNECT HOST:PORT", "" },
	{ 403, "Forbidden", "connecting there is not allowed", "" },
	{ 405, "Method Not Allowed", "only CONNECT is supported here", "Allow: CONNECT\r\n" },
	{ 408, "Request Timeout", "no request came in time", "" },
	{ 431, "Request Header Fields Too Large", "the header is longer than 8 KiB", "" },
	{ 502, "Bad Gateway", "the destination cannot be reached", "" },
	{ 504, "Gateway Timeout", "the destination did not answer in time", "" },
};

size_t http_answer(unsigned status, char answer[HTTP_ANSWER_MAX])
{
	const struct answer *is = answers, *last = answers + ARRAY_SIZE(answers) - 1;

	if (status == 200)
		return (size_t)snprintf(answer, HTTP_ANSWER_MAX,
					"HTTP/1.1 200 Connection established\r\n\r\n");
	while (is->status != status && is != last)
		is++;
	return (size_t)snprintf(answer, HTTP_ANSWER_MAX,
				"HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: "
				"%zu\r\n%sConnection: close\r\n\r\n%s\n",
				is->status, is->reason, strlen(is->body) + 1, is->more, is->body);
}

unsigned http_status_of(const struct failure *failure)
{
	if (failure->step == STEP_PERMIT || (failure->step != STEP_RESOLVE &&
					     (failure->error == EACCES || failure->error == EPERM)))
		return 403;
	return failure->step != STEP_RESOLVE && failure->error == ETIMEDOUT ? 504 : 502;
}
