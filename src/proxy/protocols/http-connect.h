/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http-connect: reads an HTTP CONNECT request (RFC 9110, 9.3.6) and writes the answers. It does no
 * I/O: the reader gets everything received so far, and takes the header and nothing after it.
 */
#ifndef PROXY_PROTOCOLS_HTTP_CONNECT_H
#define PROXY_PROTOCOLS_HTTP_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "net/explain.h"

#define HTTP_HEADER_MAX 8192 /* bytes of the whole header */
#define HTTP_ANSWER_MAX 320

enum http_state {
	HTTP_MORE, /* the header is not complete yet */
	HTTP_OK,
	HTTP_BAD, /* answer with status, or close if it is 0, because the client does not speak
		     HTTP; why has the reason */
};

struct http_connect {
	char host[256]; /* as written, IPv6 in brackets */
	uint16_t port;
	unsigned status;
	const char *why; /* a constant */
};

/* *used is the length of the header, if it returns HTTP_OK. */
enum http_state http_connect_read(const char *data, size_t size, struct http_connect *request,
				  size_t *used);

/* Writes the answer with this status; returns its length. */
size_t http_answer(unsigned status, char answer[HTTP_ANSWER_MAX]);
/* The status for a failed connect. */
unsigned http_status_of(const struct failure *failure);

#endif
