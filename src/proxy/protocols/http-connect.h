/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http-connect: reads an HTTP CONNECT request (RFC 9110, 9.3.6), or one for an http: address (RFC
 * 9112, 3.2.2), and writes the answers. It does no I/O: the reader gets everything received so far,
 * and takes the header and nothing after it.
 *
 * A request for an http: address is passed on with a header of our own, and its answer comes from
 * the server. It is the only one of its connection, because the next one may be for another server:
 * the server gets "Connection: close", and nothing that the client sends after the body. A header
 * that leaves room for doubt about where the body ends is refused.
 */
#ifndef PROXY_PROTOCOLS_HTTP_CONNECT_H
#define PROXY_PROTOCOLS_HTTP_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/explain.h"
#include "proxy/protocols/http-body.h"

#define HTTP_HEADER_MAX 8192 /* bytes of the whole header */
#define HTTP_ANSWER_MAX 320
#define HTTP_FORWARD_MORE 64 /* the most bytes by which passing a header on makes it longer */

enum http_state {
	HTTP_MORE, /* the header is not complete yet */
	HTTP_OK,
	HTTP_BAD, /* answer with status, or close if it is 0, because the client does not speak
		     HTTP; why has the reason */
};

struct http_connect {
	char host[256]; /* as written, IPv6 in brackets */
	uint16_t port;
	bool forward; /* not CONNECT: the header must be passed on by http_forward() */
	struct http_body body; /* if it is passed on: what follows the header */
	unsigned status;
	const char *why; /* a constant */
};

/* *used is the length of the header, if it returns HTTP_OK. */
enum http_state http_connect_read(const char *data, size_t size, struct http_connect *request,
				  size_t *used);

/* Writes the header of a request that http_connect_read() has taken as the server is to get it, and
 * returns its length: at most size + HTTP_FORWARD_MORE, for which out must have room. */
size_t http_forward(const char *header, size_t size, char *out);

/* Writes the answer with this status; returns its length. */
size_t http_answer(unsigned status, char answer[HTTP_ANSWER_MAX]);
/* The status for a failed connect. */
unsigned http_status_of(const struct failure *failure);

#endif
