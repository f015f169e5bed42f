/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http-body: finds the end of the body of an HTTP/1.x request, which is passed on as it is: after a
 * number of bytes (Content-Length), or after the last chunk and its trailers (RFC 9112, 7.1). It
 * does no I/O, and keeps nothing of what it is shown.
 *
 * It is stricter than the RFC where servers differ: lines end with CR and LF, nothing stands
 * between the size of a chunk and what follows it, and a chunk is shorter than 2^60 bytes.
 */
#ifndef PROXY_PROTOCOLS_HTTP_BODY_H
#define PROXY_PROTOCOLS_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_body {
	uint64_t left; /* bytes that are still to come, of the body or of the chunk */
	uint8_t state;
};

/* size is not used if it is chunked. */
void http_body_start(struct http_body *body, bool chunked, uint64_t size);
/* Returns how many of the bytes that come next belong to the body; fewer than size if it ends
 * there, or if it is malformed. */
size_t http_body_take(struct http_body *body, const char *data, size_t size);
bool http_body_is_bad(const struct http_body *body);

#endif
