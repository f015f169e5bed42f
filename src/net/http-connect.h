/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http-connect: the request of an HTTP client that wants a tunnel (RFC 9110, 9.3.6), and the answers. Pure: the reader is
 * given all that has come so far; it takes the header and nothing that stands behind.
 */
#ifndef NET_HTTP_CONNECT_H
#define NET_HTTP_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "net/explain.h"

#define HTTP_HEADER_MAX 8192 /* bytes of the whole header */
#define HTTP_ANSWER_MAX 320

enum http_state {
	HTTP_MORE, /* the header isn't whole yet */
	HTTP_OK,
	HTTP_BAD,  /* status is to be answered, 0: nothing that such a client would understand; why tells */
};

struct http_connect {
	char host[256]; /* as written, IPv6 in brackets */
	uint16_t port;
	unsigned status;
	const char *why; /* a constant */
};

enum http_state http_connect_read(const char *data, size_t size, struct http_connect *request, size_t *used);

/* The answer of this status; returns its length. */
size_t http_answer(unsigned status, char answer[HTTP_ANSWER_MAX]);
/* The status that tells why connecting failed. */
unsigned http_status_of(const struct failure *failure);

#endif
