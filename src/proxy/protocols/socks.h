/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socks: reads the messages of a SOCKS5 client (RFC 1928), or of one of SOCKS4 or 4a, and writes
 * the answers. It does no I/O: each reader gets all unused bytes received so far, and says how many
 * it used; it takes nothing after its message.
 *
 *   client   05 N METHOD…                          socks_read_methods()
 *   we       05 METHOD                             socks_method_answer()
 *   client   05 COMMAND 00 TYPE HOST PORT          socks_read_request()
 *   we       05 CODE 00 01 0 0 0 0 0 0             socks_answer()
 *
 *   client   04 COMMAND PORT IP USER 00            socks4_read_request(); in 4a the IP is 0.0.0.x,
 *            04 COMMAND PORT IP USER 00 HOST 00    x not 0, and a name follows
 *   we       00 CODE 0 0 0 0 0 0                   socks4_answer()
 */
#ifndef PROXY_PROTOCOLS_SOCKS_H
#define PROXY_PROTOCOLS_SOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/explain.h"

#define SOCKS_REQUEST_MAX 262 /* the longest message of a client */
#define SOCKS4_REQUEST_MAX 520 /* likewise; of USER, which says nothing here, 255 bytes */
#define SOCKS_ANSWER_SIZE 10
#define SOCKS4_ANSWER_SIZE 8
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

/* Is this the first byte of a client of SOCKS4? */
bool socks4_begins(uint8_t first);
enum socks_state socks4_read_request(const uint8_t *data, size_t size,
				     struct socks_request *request, size_t *used);

void socks_method_answer(uint8_t method, uint8_t answer[SOCKS_METHOD_ANSWER_SIZE]);
void socks_answer(uint8_t code, uint8_t answer[SOCKS_ANSWER_SIZE]);
/* With the code of SOCKS5. */
void socks4_answer(uint8_t code, uint8_t answer[SOCKS4_ANSWER_SIZE]);
/* The code for a failed connect. */
uint8_t socks_code_of(const struct failure *failure);

#endif
