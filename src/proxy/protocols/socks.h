/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socks: reads the messages of a SOCKS5 client (RFC 1928) and writes the answers. It does no I/O:
 * each reader gets all unused bytes received so far, and says how many it used; it takes nothing
 * after its message.
 *
 *   client   05 N METHOD…                          socks_read_methods()
 *   we       05 METHOD                             socks_method_answer()
 *   client   05 COMMAND 00 TYPE HOST PORT          socks_read_request()
 *   we       05 CODE 00 01 0 0 0 0 0 0             socks_answer()
 */
#ifndef PROXY_PROTOCOLS_SOCKS_H
#define PROXY_PROTOCOLS_SOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "net/explain.h"

#define SOCKS_REQUEST_MAX 262 /* the longest message of a client */
#define SOCKS_ANSWER_SIZE 10
#define SOCKS_METHOD_ANSWER_SIZE 2
#define SOCKS_NO_METHOD 0xff

/* Reply codes of RFC 1928. */
enum socks_code {
	SOCKS_SUCCEEDED = 0,
	SOCKS_FAILURE = 1,
	SOCKS_NOT_ALLOWED = 2,
	SOCKS_NETWORK_UNREACHABLE = 3,
	SOCKS_HOST_UNREACHABLE = 4,
	SOCKS_REFUSED = 5,
	SOCKS_TTL_EXPIRED = 6, /* also for timeouts */
	SOCKS_NO_COMMAND = 7,
	SOCKS_NO_ADDRESS_TYPE = 8,
};

enum socks_state {
	SOCKS_MORE, /* the message is not complete yet */
	SOCKS_OK,
	SOCKS_BAD, /* why has the reason; answer with code, or close if it is SOCKS_SUCCEEDED,
		      because the client does not speak SOCKS5 */
};

struct socks_request {
	char host[256]; /* a name or an address as text, IPv6 without brackets */
	uint16_t port;
	const char *why; /* SOCKS_BAD; a constant */
	uint8_t code; /* SOCKS_BAD: enum socks_code, or SOCKS_NO_METHOD as the answer to the methods
		       */
};

/* *used is the length of the message, if they return SOCKS_OK. */
enum socks_state socks_read_methods(const uint8_t *data, size_t size, struct socks_request *request,
				    size_t *used);
enum socks_state socks_read_request(const uint8_t *data, size_t size, struct socks_request *request,
				    size_t *used);

void socks_method_answer(uint8_t method, uint8_t answer[SOCKS_METHOD_ANSWER_SIZE]);
void socks_answer(uint8_t code, uint8_t answer[SOCKS_ANSWER_SIZE]);
/* The code for a failed connect. */
uint8_t socks_code_of(const struct failure *failure);

#endif
