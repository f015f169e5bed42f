/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/http-connect.h"

#include "base/util.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
	if (!port || port > UINT16_MAX || memchr(text, '\0', colon) || memchr(text, '/', colon))
		return false;
	memcpy(request->host, text, colon - 1);
	request->host[colon - 1] = '\0';
	request->port = (uint16_t)port;
	return true;
}

#define SCHEME "http://"
#define SCHEME_LENGTH (sizeof(SCHEME) - 1)

static bool is_http(const char *target, size_t length)
{
	return length > SCHEME_LENGTH && strncasecmp(target, SCHEME, SCHEME_LENGTH) == 0;
}

/* The length of HOST[:PORT] in an http: address, behind its scheme. */
static size_t authority_of(const char *text, size_t length)
{
	size_t end = 0;

	while (end < length && !strchr(" /?#", text[end]))
		end++;
	return end;
}

/* "http://host/path", whose port is 80 where it says none. */
static bool read_http(const char *target, size_t length, struct http_connect *request)
{
	const char *host = target + SCHEME_LENGTH;
	size_t size = authority_of(host, length - SCHEME_LENGTH);
	char text[sizeof(request->host) + 8];
	const char *bracket = memchr(host, ']', size);
	const char *behind = bracket ? bracket : host;

	request->forward = true;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)target[i] < ' ' || target[i] == 127)
			return false;
	/* a user and a password, which must not be sent (RFC 9110, 4.2.4) */
	if (memchr(host, '@', size))
		return false;
	if (memchr(behind, ':', size - (size_t)(behind - host)) && host[size - 1] != ':')
		return read_authority(host, size, request);
	size -= size && host[size - 1] == ':';
	if (size >= sizeof(request->host))
		return false;
	snprintf(text, sizeof(text), "%.*s:80", (int)size, host);
	return read_authority(text, strlen(text), request);
}

/* "CONNECT host:port HTTP/1.1", or "GET http://host/path HTTP/1.1" */
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
	rest = (size_t)(version - target);
	request->forward = false;
	if (method != 7 || memcmp(line, "CONNECT", 7) != 0) {
		if (!is_http(target, rest))
			return bad(request, 405,
				   "neither CONNECT nor an http: address: this is a proxy, and not "
				   "a web server");
		return read_http(target, rest, request)
			       ? HTTP_OK
			       : bad(request, 400, "an http: address without a valid HOST[:PORT]");
	}
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

static bool is_named(const char *line, size_t length, const char *name)
{
	size_t size = strlen(name);

	return length > size && line[size] == ':' && strncasecmp(line, name, size) == 0;
}

/* What a header says about the body. */
struct framing {
	bool old; /* HTTP/1.0, which has no chunks */
	bool sized, chunked;
	uint64_t size;
};

/* A number of bytes. */
static bool read_size(const char *text, size_t length, uint64_t *size)
{
	if (!length || length > 18)
		return false;
	*size = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*size = *size * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

/* What is wrong with a line that is about the length of the body, or NULL. Servers read such lines
 * differently, so that one of them could take a part of the body for another request. */
static const char *read_framing(const char *line, size_t length, struct framing *framing)
{
	bool sized = is_named(line, length, "Content-Length");
	const char *value = (const char *)memchr(line, ':', length) + 1;
	size_t rest = length - (size_t)(value - line);

	if (!sized && !is_named(line, length, "Transfer-Encoding"))
		return NULL;
	for (; rest && (*value == ' ' || *value == '\t'); rest--)
		value++;
	while (rest && (value[rest - 1] == ' ' || value[rest - 1] == '\t'))
		rest--;
	if (sized ? framing->chunked : framing->sized)
		return "Content-Length and Transfer-Encoding in one header";
	if (sized && (framing->sized || !read_size(value, rest, &framing->size)))
		return "a malformed or second Content-Length";
	if (!sized && (framing->chunked || rest != 7 || strncasecmp(value, "chunked", 7) != 0))
		return "a Transfer-Encoding that is not 'chunked'";
	if (!sized && framing->old)
		return "a Transfer-Encoding in HTTP/1.0";
	framing->sized = framing->sized || sized;
	framing->chunked = framing->chunked || !sized;
	return NULL;
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
	struct framing framing = { .size = 0 };
	size_t at = 0, next, length;
	bool requested = false, bare = false;
	const char *why;

	if (size && other_protocol(data[0]))
		return bad(request, 0, other_protocol(data[0]));
	for (;; at += next) {
		length = line_at(data + at, size - at, &next);
		if (at + next > HTTP_HEADER_MAX || (!next && size > HTTP_HEADER_MAX))
			return bad(request, 431, "a header of more than 8 KiB");
		if (!next)
			return HTTP_MORE;
		bare = bare || next == length + 1;
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
			framing.old = data[at + length - 1] == '0';
		} else if (!good_field(data + at, length)) {
			return bad(request, 400, "a malformed line in the header");
		} else if (request->forward &&
			   (why = read_framing(data + at, length, &framing)) != NULL) {
			return bad(request, 400, why);
		}
	}
	/* which a server may take for a part of the line */
	if (bare)
		return bad(request, 400, "a line in the header that does not end with CR LF");
	http_body_start(&request->body, framing.chunked, framing.size);
	*used = at + next;
	return HTTP_OK;
}

/* Does a list of names, separated by commas, have this one? */
static bool is_listed(const char *list, size_t size, const char *name, size_t length)
{
	size_t at = 0, end;

	for (; at < size; at = end + 1) {
		at += strspn(list + at, " \t");
		end = at + strcspn(list + at, " \t,");
		if (end - at == length && strncasecmp(list + at, name, length) == 0)
			return true;
	}
	return false;
}

/* Is the line of a header one that a proxy says itself, or does not pass on (RFC 9110, 7.6.1)?
 * connection is the list of Connection, which names more of those. */
static bool is_ours(const char *line, size_t length, const char *connection)
{
	static const char *const ours[] = { "Host",    "Connection", "Proxy-Connection",   "TE",
					    "Upgrade", "Keep-Alive", "Proxy-Authorization" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (is_named(line, length, ours[i]))
			return true;
	/* without these the server would find another end of the body than we do */
	if (is_named(line, length, "Content-Length") || is_named(line, length, "Transfer-Encoding"))
		return false;
	return is_listed(connection, strlen(connection), line, strcspn(line, ":"));
}

/* Joins the values of all lines Connection, which are one list (RFC 9110, 5.3). It is shorter than
 * the header. */
static void find_connection(const char *header, size_t size, char list[HTTP_HEADER_MAX])
{
	const size_t name = sizeof("Connection:") - 1;
	size_t next, length, used = 0;

	for (size_t at = 0; at < size; at += next) {
		length = line_at(header + at, size - at, &next);
		if (!is_named(header + at, length, "Connection"))
			continue;
		memcpy(list + used, header + at + name, length - name);
		used += length - name;
		list[used++] = ',';
	}
	list[used] = '\0';
}

#define VERSION_LENGTH (sizeof(" HTTP/1.1") - 1)

/* "GET /path HTTP/1.1", without a fragment, and "Host: host". Returns their length. */
static size_t forward_request_line(const char *line, size_t length, char *out)
{
	const char *host = (const char *)memchr(line, ' ', length) + 1 + SCHEME_LENGTH;
	size_t left = length - (size_t)(host - line), size = authority_of(host, left);
	size_t method = (size_t)(host - line) - SCHEME_LENGTH;
	const char *path = host + size, *version = line + length - VERSION_LENGTH;
	size_t shown = strcspn(path, "# ");
	const char *root = *path == '/' ? "" : "/";

	/* of the server as a whole (RFC 9112, 3.2.4) */
	if (!shown && method == 8 && memcmp(line, "OPTIONS", 7) == 0)
		root = "*";
	return (size_t)sprintf(out, "%.*s%s%.*s%.*s\r\nHost: %.*s\r\n", (int)method, line, root,
			       (int)shown, path, (int)VERSION_LENGTH, version, (int)size, host);
}

size_t http_forward(const char *header, size_t size, char *out)
{
	char connection[HTTP_HEADER_MAX];
	size_t used = 0, next, length;
	char version = 0;

	find_connection(header, size, connection);
	for (size_t at = 0; at < size; at += next) {
		length = line_at(header + at, size - at, &next);
		if (!length)
			continue;
		if (!version) {
			used += forward_request_line(header + at, length, out + used);
			version = header[at + length - 1];
		} else if (!is_ours(header + at, length, connection)) {
			memcpy(out + used, header + at, next);
			used += next;
		}
	}
	return used + (size_t)sprintf(out + used,
				      "Via: 1.%c vsock-proxy\r\nConnection: close\r\n\r\n",
				      version);
}

static const struct answer {
	unsigned status;
	const char *reason, *body, *more;
} answers[] = {
	{ 400, "Bad Request", "malformed, or neither CONNECT HOST:PORT nor METHOD http://HOST/",
	  "" },
	{ 403, "Forbidden", "connecting there is not allowed", "" },
	{ 405, "Method Not Allowed", "this is a proxy: only CONNECT and http: addresses are served",
	  "Allow: CONNECT\r\n" },
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
