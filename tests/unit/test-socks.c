/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The readers of SOCKS5 and HTTP CONNECT: whole, cut at every place, and nothing behind is taken.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/protocols/http-connect.h"
#include "proxy/protocols/socks.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

typedef enum socks_state reader(const uint8_t *data, size_t size, struct socks_request *request,
				size_t *used);

/* Each shorter begin asks for more, or is refused as the whole is; with more behind it the same is
 * used. */
static enum socks_state read_all_cuts(reader *read, const uint8_t *data, size_t size,
				      struct socks_request *request)
{
	uint8_t *exact = malloc(size + 8);
	size_t used = 0, behind = 0;
	enum socks_state state;

	assert_non_null(exact);
	memcpy(exact, data, size);
	memset(exact + size, 0xaa, 8);
	state = read(exact, size, request, &used);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *begin = malloc(cut ? cut : 1);
		size_t unused = 0;
		enum socks_state first;

		assert_non_null(begin);
		memcpy(begin, data, cut);
		first = read(begin, cut, request, &unused);
		assert_true(first == SOCKS_MORE || (first == SOCKS_BAD && state == SOCKS_BAD));
		free(begin);
	}
	if (state == SOCKS_OK) {
		assert_int_equal(used, size);
		assert_int_equal(read(exact, size + 8, request, &behind), SOCKS_OK);
		assert_int_equal(behind, size);
	}
	state = read(exact, size, request, &used);
	free(exact);
	return state;
}

static void methods(void **state)
{
	struct socks_request request;

	(void)state;
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\5\1\0"), &request), SOCKS_OK);
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\5\3\2\1\0"), &request),
			 SOCKS_OK);
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\5\1\2"), &request), SOCKS_BAD);
	assert_int_equal(request.code, SOCKS_NO_METHOD);
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\5\0"), &request), SOCKS_BAD);
	assert_int_equal(request.code, SOCKS_NO_METHOD);
	assert_true(socks4_begins(4));
	assert_false(socks4_begins(5));
	assert_int_equal(
		read_all_cuts(socks_read_methods, BYTES("CONNECT a:1 HTTP/1.1\r\n"), &request),
		SOCKS_BAD);
	assert_non_null(strstr(request.why, "HTTP"));
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\x16\3\1"), &request), SOCKS_BAD);
	assert_non_null(strstr(request.why, "TLS"));
	assert_int_equal(read_all_cuts(socks_read_methods, BYTES("\377"), &request), SOCKS_BAD);
}

static void good_request(reader *read, const uint8_t *data, size_t size, const char *host,
			 uint16_t port)
{
	struct socks_request request;

	assert_int_equal(read_all_cuts(read, data, size, &request), SOCKS_OK);
	assert_string_equal(request.host, host);
	assert_int_equal(request.port, port);
}

static void bad_request(reader *read, const uint8_t *data, size_t size, uint8_t code)
{
	struct socks_request request;

	assert_int_equal(read_all_cuts(read, data, size, &request), SOCKS_BAD);
	assert_int_equal(request.code, code);
	assert_true(*request.why);
}

static void requests(void **state)
{
	uint8_t longest[SOCKS_REQUEST_MAX] = { 5, 1, 0, 3, 255 };
	char name[256];

	(void)state;
	good_request(socks_read_request, BYTES("\5\1\0\1\300\0\2\1\0\120"), "192.0.2.1", 80);
	good_request(socks_read_request, BYTES("\5\1\0\3\13example.org\1\273"), "example.org", 443);
	good_request(socks_read_request, BYTES("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\37\220"),
		     "::1", 8080);
	good_request(socks_read_request, BYTES("\5\1\0\3\1a\0\0"), "a",
		     0); /* who makes an address of it says what is wrong with port 0 */
	memset(longest + 5, 'a', 255);
	memset(name, 'a', 255);
	name[255] = '\0';
	good_request(socks_read_request, longest, sizeof(longest), name, 0);
	bad_request(socks_read_request, BYTES("\5\2\0\1\300\0\2\1\0\120"), SOCKS_NO_COMMAND);
	bad_request(socks_read_request, BYTES("\5\3\0\1\300\0\2\1\0\120"), SOCKS_NO_COMMAND);
	bad_request(socks_read_request, BYTES("\5\11\0\1\300\0\2\1\0\120"), SOCKS_NO_COMMAND);
	bad_request(socks_read_request, BYTES("\5\1\0\2\300\0\2\1\0\120"), SOCKS_NO_ADDRESS_TYPE);
	bad_request(socks_read_request, BYTES("\5\1\1\1\300\0\2\1\0\120"), SOCKS_FAILURE);
	bad_request(socks_read_request, BYTES("\4\1\0\1\300\0\2\1\0\120"), SOCKS_FAILURE);
	bad_request(socks_read_request, BYTES("\5\1\0\3\0\0\120"), SOCKS_FAILURE);
	bad_request(socks_read_request, BYTES("\5\1\0\3\3a\0b\0\120"), SOCKS_FAILURE);
}

static void requests_of_socks4(void **state)
{
	uint8_t longest[SOCKS4_REQUEST_MAX] = { 4, 1, 0, 80, 0, 0, 0, 1 };
	uint8_t answer[SOCKS4_ANSWER_SIZE];
	char name[256];

	(void)state;
	good_request(socks4_read_request, BYTES("\4\1\0\120\300\0\2\1\0"), "192.0.2.1", 80);
	good_request(socks4_read_request, BYTES("\4\1\0\120\300\0\2\1user\0"), "192.0.2.1", 80);
	good_request(socks4_read_request, BYTES("\4\1\1\273\0\0\0\1user\0example.org\0"),
		     "example.org", 443);
	good_request(socks4_read_request, BYTES("\4\1\0\120\0\0\0\0\0"), "0.0.0.0", 80);
	memset(longest + 8, 'u', 255);
	memset(longest + 8 + 256, 'a', 255);
	memset(name, 'a', 255);
	name[255] = '\0';
	good_request(socks4_read_request, longest, sizeof(longest), name, 80);
	longest[8 + 255] = 'u';
	bad_request(socks4_read_request, longest, sizeof(longest), SOCKS_FAILURE);
	longest[8 + 255] = '\0';
	longest[sizeof(longest) - 1] = 'a';
	bad_request(socks4_read_request, longest, sizeof(longest), SOCKS_FAILURE);
	bad_request(socks4_read_request, BYTES("\4\2\0\120\300\0\2\1\0"), SOCKS_NO_COMMAND);
	/* nothing after the command is waited for */
	bad_request(socks4_read_request, BYTES("\4\2"), SOCKS_NO_COMMAND);
	bad_request(socks4_read_request, BYTES("\4\1\0\120\0\0\0\1\0\0"), SOCKS_FAILURE);
	socks4_answer(SOCKS_SUCCEEDED, answer);
	assert_memory_equal(answer, "\0\132\0\0\0\0\0", sizeof(answer));
	socks4_answer(SOCKS_REFUSED, answer);
	assert_memory_equal(answer, "\0\133\0\0\0\0\0", sizeof(answer));
}

static void answers(void **state)
{
	static const struct {
		struct failure failure;
		uint8_t code;
		unsigned status;
	} causes[] = {
		{ { .step = STEP_PERMIT, .error = EACCES }, SOCKS_NOT_ALLOWED, 403 },
		{ { .step = STEP_CONNECT, .error = EPERM }, SOCKS_NOT_ALLOWED, 403 },
		{ { .step = STEP_CONNECT, .error = ENETUNREACH }, SOCKS_NETWORK_UNREACHABLE, 502 },
		{ { .step = STEP_CONNECT, .error = EHOSTUNREACH }, SOCKS_HOST_UNREACHABLE, 502 },
		{ { .step = STEP_RESOLVE, .error = EAI_NONAME }, SOCKS_HOST_UNREACHABLE, 502 },
		{ { .step = STEP_CONNECT, .error = ECONNREFUSED }, SOCKS_REFUSED, 502 },
		{ { .step = STEP_CONNECT, .error = ETIMEDOUT }, SOCKS_TTL_EXPIRED, 504 },
		{ { .step = STEP_SOCKET, .error = EMFILE }, SOCKS_FAILURE, 502 },
	};
	uint8_t answer[SOCKS_ANSWER_SIZE], method[SOCKS_METHOD_ANSWER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		assert_int_equal(socks_code_of(&causes[i].failure), causes[i].code);
		assert_int_equal(http_status_of(&causes[i].failure), causes[i].status);
	}
	socks_answer(SOCKS_REFUSED, answer);
	assert_memory_equal(answer, "\5\5\0\1\0\0\0\0\0\0", 10);
	socks_method_answer(SOCKS_NO_METHOD, method);
	assert_memory_equal(method, "\5\377", 2);
}

/* HTTP */

static enum http_state read_http(const char *text, size_t size, struct http_connect *request)
{
	char *exact = malloc(size + 8);
	size_t used = 0, behind = 0;
	enum http_state state;

	assert_non_null(exact);
	memcpy(exact, text, size);
	memset(exact + size, 'x', 8);
	state = http_connect_read(exact, size, request, &used);
	for (size_t cut = 0; cut < size && size < 1000; cut++) {
		char *begin = malloc(cut ? cut : 1);
		size_t unused = 0;
		enum http_state first;

		assert_non_null(begin);
		memcpy(begin, text, cut);
		first = http_connect_read(begin, cut, request, &unused);
		assert_true(first == HTTP_MORE || (first == HTTP_BAD && state == HTTP_BAD));
		free(begin);
	}
	if (state == HTTP_OK) {
		assert_int_equal(used, size);
		assert_int_equal(http_connect_read(exact, size + 8, request, &behind), HTTP_OK);
		assert_int_equal(behind, size);
	}
	state = http_connect_read(exact, size, request, &used);
	free(exact);
	return state;
}

static void good_http(const char *text, const char *host, uint16_t port)
{
	struct http_connect request;

	assert_int_equal(read_http(text, strlen(text), &request), HTTP_OK);
	assert_string_equal(request.host, host);
	assert_int_equal(request.port, port);
}

static void bad_http(const char *text, size_t size, unsigned status)
{
	struct http_connect request;

	assert_int_equal(read_http(text, size, &request), HTTP_BAD);
	assert_int_equal(request.status, status);
	assert_true(*request.why);
}

static void http_requests(void **state)
{
	(void)state;
	good_http("CONNECT example.org:443 HTTP/1.1\r\n\r\n", "example.org", 443);
	good_http("CONNECT example.org:443 HTTP/1.0\r\n\r\n", "example.org", 443);
	good_http("\r\nCONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: "
		  "Basic\tabc\r\n\r\n",
		  "[2001:db8::1]", 80);
}

/* RFC 9110, 5.6.2: which characters a name may consist of. */
static void names_of_http_fields_are_tokens(void **state)
{
	static const char tokens[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char text[64];

		snprintf(text, sizeof(text), "CONNECT a:80 HTTP/1.1\r\nX%cX: y\r\n\r\n", byte);
		if (strchr(tokens, byte) || byte == ':') /* "X:X: y" has a name, too */
			good_http(text, "a", 80);
		else if (byte != '\n')
			bad_http(text, strlen(text), 400);
	}
}

static void bad_http_requests(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} bad[] = {
		{ "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 405 },
		{ "GET https://example.org/ HTTP/1.1\r\n\r\n", 405 },
		{ "GET http:// HTTP/1.1\r\n\r\n", 405 },
		{ "GET http:/// HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://:80/ HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://a:0/ HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://a:x/ HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://user:word@a/ HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://a/b\rX: c HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://a/ b HTTP/1.1\r\n\r\n", 400 },
		{ "connect a:1 HTTP/1.1\r\n\r\n", 405 },
		{ "CONNECT a HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a: HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT :80 HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a:0 HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT http://a:80 HTTP/1.1\r\n\r\n", 400 },
		/* where one server would see another header than another */
		{ "GET http://a/ HTTP/1.1\nX: y\r\n\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\nX: y\nZ: a\r\n\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\nX: y\r\n\n", 400 },
		{ "\nCONNECT a:80 HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a:65536 HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a:000080 HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a:8x HTTP/1.1\r\n\r\n", 400 },
		{ "CONNECT a:80\r\n\r\n", 400 },
		{ "CONNECT a:80 HTTP/2.0\r\n\r\n", 400 },
		{ "CONNECT a:80 HTTP/1.1 x\r\n\r\n", 400 },
		{ "CONNECT  a:80 HTTP/1.1\r\n\r\n", 400 },
		{ "\r\n\r\nCONNECT a:80 HTTP/1.1\r\n\r\n", 400 },
		{ "hello\r\n", 400 },
		{ "CONNECT a:80 HTTP/1.1\r\nno field\r\n\r\n", 400 },
		{ "CONNECT a:80 HTTP/1.1\r\n folded: x\r\n\r\n", 400 },
		{ "CONNECT a:80 HTTP/1.1\r\nX: a\rb\r\n\r\n", 400 },
		{ "CONNECT a:80 HTTP/1.1\r\nX-\xc3: y\r\n\r\n", 400 },
		/* where one server would find another end of the body than another */
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  400 },
		{ "POST http://a/ HTTP/1.1\r\ntransfer-encoding: chunked\r\n"
		  "content-length: 1\r\n\r\n",
		  400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		  400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: \r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length: 1000000000000000000\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 400 },
		{ "POST http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  400 },
		{ "POST http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "\5\1\0", 0 },
		{ "\x16\3\1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		bad_http(bad[i].text, strlen(bad[i].text), bad[i].status);
	bad_http("CONNECT a\0b:80 HTTP/1.1\r\n\r\n", 28, 400);
	bad_http("CONNECT a:80 HTTP/1.1\r\nX: \0\r\n\r\n", 30, 400);
}

/* 8 KiB are taken; a byte more is not, whether the header would end or not. */
static void forwarded_as(const char *text, const char *host, uint16_t port, const char *expected)
{
	char more[] = "Via: 1.1 vsock-proxy\r\nConnection: close\r\n\r\n";
	struct http_connect request;
	char out[1024];
	size_t length;

	assert_int_equal(read_http(text, strlen(text), &request), HTTP_OK);
	assert_true(request.forward);
	assert_string_equal(request.host, host);
	assert_int_equal(request.port, port);
	length = http_forward(text, strlen(text), out);
	assert_in_range(length, 1, strlen(text) + HTTP_FORWARD_MORE);
	out[length] = '\0';
	more[7] = strstr(text, "HTTP/1.")[7]; /* the version that was received */
	assert_string_equal(out + length - strlen(more), more);
	out[length - strlen(more)] = '\0';
	assert_string_equal(out, expected);
}

static void http_requests_that_are_passed_on(void **state)
{
	char text[1000];

	(void)state;
	forwarded_as("GET http://example.org/a?b HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n\r\n",
		     "example.org", 80,
		     "GET /a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n");
	forwarded_as("POST HTTP://[::1]:8080 HTTP/1.0\r\n\r\n", "[::1]", 8080,
		     "POST / HTTP/1.0\r\nHost: [::1]:8080\r\n");
	forwarded_as("GET http://[::1]?q HTTP/1.1\r\n\r\n", "[::1]", 80,
		     "GET /?q HTTP/1.1\r\nHost: [::1]\r\n");
	forwarded_as("GET http://a: HTTP/1.1\r\n\r\n", "a", 80, "GET / HTTP/1.1\r\nHost: a:\r\n");
	forwarded_as("GET http://a#f HTTP/1.1\r\n\r\n", "a", 80, "GET / HTTP/1.1\r\nHost: a\r\n");
	forwarded_as("GET http://a/b?c#d?e HTTP/1.1\r\n\r\n", "a", 80,
		     "GET /b?c HTTP/1.1\r\nHost: a\r\n");
	forwarded_as("OPTIONS http://a#f HTTP/1.1\r\n\r\n", "a", 80,
		     "OPTIONS * HTTP/1.1\r\nHost: a\r\n");
	forwarded_as("OPTIONS http://a:81 HTTP/1.1\r\n\r\n", "a", 81,
		     "OPTIONS * HTTP/1.1\r\nHost: a:81\r\n");
	/* what is meant for this connection alone */
	forwarded_as("\r\nGET http://a/ HTTP/1.1\r\nX-One: 1\r\nconnection: keep-alive ,X-One,\r\n"
		     "Proxy-Connection: keep-alive\r\nKeep-Alive: 1\r\nProxy-Authorization: x\r\n"
		     "Upgrade: h2c\r\nTE: trailers\r\nX-One-More: 2\r\n\r\n",
		     "a", 80, "GET / HTTP/1.1\r\nHost: a\r\nX-One-More: 2\r\n");
	/* however many lines and names there are */
	snprintf(text, sizeof(text),
		 "GET http://a/ HTTP/1.1\r\nConnection: close, X-A\r\nX-B: 1\r\nConnection:X-B\r\n"
		 "X-A: 2\r\nconnection: %0500d,X-C\r\nX-C: 3\r\nX-D: 4\r\n\r\n",
		 0);
	forwarded_as(text, "a", 80, "GET / HTTP/1.1\r\nHost: a\r\nX-D: 4\r\n");
	/* what the server must know is passed on whatever the client says */
	forwarded_as("POST http://a/ HTTP/1.1\r\nConnection: Content-Length\r\n"
		     "Content-Length: 1\r\n\r\n",
		     "a", 80, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n");
}

/* What the header says about the body: how many of the bytes "1\r\nx\r\n0\r\n\r\nGET" are it. */
static void http_bodies(void **state)
{
	static const struct {
		const char *field;
		size_t size;
	} bodies[] = {
		{ "", 0 },
		{ "Content-Length:\t0003 \r\n", 3 },
		{ "Content-Length: 999999999999999999\r\n", 14 },
		{ "content-length:0\r\n", 0 },
		{ "TRANSFER-ENCODING: \tChunked \r\n", 11 },
		{ "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct http_connect request;
		char text[128];

		snprintf(text, sizeof(text), "POST http://a/ HTTP/1.1\r\n%s\r\n", bodies[i].field);
		assert_int_equal(read_http(text, strlen(text), &request), HTTP_OK);
		assert_int_equal(http_body_take(&request.body, "1\r\nx\r\n0\r\n\r\nGET", 14),
				 bodies[i].size);
		assert_false(http_body_is_bad(&request.body));
	}
	/* of a tunnel nothing is read */
	good_http("CONNECT a:80 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n", "a",
		  80);
}

static void http_limit(void **state)
{
	static const char start[] = "CONNECT a:80 HTTP/1.1\r\nX: ";
	struct http_connect request;
	char *text = malloc(HTTP_HEADER_MAX + 64);
	size_t used;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', HTTP_HEADER_MAX + 64);
	memcpy(text, start, sizeof(start) - 1);
	assert_int_equal(http_connect_read(text, HTTP_HEADER_MAX, &request, &used), HTTP_MORE);
	assert_int_equal(http_connect_read(text, HTTP_HEADER_MAX + 1, &request, &used), HTTP_BAD);
	assert_int_equal(request.status, 431);
	memcpy(text + HTTP_HEADER_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(http_connect_read(text, HTTP_HEADER_MAX + 64, &request, &used), HTTP_OK);
	assert_int_equal(used, HTTP_HEADER_MAX);
	memcpy(text + HTTP_HEADER_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(http_connect_read(text, HTTP_HEADER_MAX + 64, &request, &used), HTTP_BAD);
	assert_int_equal(request.status, 431);
	free(text);
}

static void http_answers(void **state)
{
	static const unsigned statuses[] = { 400, 403, 405, 408, 431, 502, 504 };
	char answer[HTTP_ANSWER_MAX];

	(void)state;
	assert_int_equal(http_answer(200, answer),
			 strlen("HTTP/1.1 200 Connection established\r\n\r\n"));
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		size_t length = http_answer(statuses[i], answer);
		const char *body = strstr(answer, "\r\n\r\n"),
			   *said = strstr(answer, "Content-Length: ");

		assert_true(length < HTTP_ANSWER_MAX && length == strlen(answer));
		assert_int_equal(atoi(answer + 9), statuses[i]);
		assert_true(body && said);
		assert_int_equal(strlen(body + 4), atoi(said + 16));
	}
	http_answer(405, answer);
	assert_non_null(strstr(answer, "\r\nAllow: CONNECT\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods),
		cmocka_unit_test(requests),
		cmocka_unit_test(answers),
		cmocka_unit_test(http_requests),
		cmocka_unit_test(bad_http_requests),
		cmocka_unit_test(names_of_http_fields_are_tokens),
		cmocka_unit_test(http_bodies),
		cmocka_unit_test(http_limit),
		cmocka_unit_test(http_answers),
		cmocka_unit_test(http_requests_that_are_passed_on),
		cmocka_unit_test(requests_of_socks4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
