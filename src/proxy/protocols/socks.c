/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define SOCKS_VERSION 5
#define NO_AUTHENTICATION 0
#define CONNECT 1

enum { TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };

static enum socks_state bad(struct socks_request *request, uint8_t code, const char *why)
{
	request->code = code;
	request->why = why;
	return SOCKS_BAD;
}

/* Recognises other protocols, to report a client that uses the wrong port. */
static const char *other_protocol(uint8_t first)
{
	if (first == 0x16)
		return "TLS: a SOCKS client is expected here";
	if ((first >= 'A' && first <= 'Z') || first == '\r' || first == '\n')
		return "HTTP or another text: a SOCKS client is expected here; for an HTTP proxy "
		       "the target is http-connect:";
	return "not SOCKS, which begins with byte 5 or 4";
}

enum socks_state socks_read_methods(const uint8_t *data, size_t size, struct socks_request *request,
				    size_t *used)
{
	size_t count;

	if (size && data[0] != SOCKS_VERSION)
		return bad(request, SOCKS_SUCCEEDED, other_protocol(data[0]));
	if (size < 2 || size < 2 + (size_t)data[1])
		return SOCKS_MORE;
	count = data[1];
	*used = 2 + count;
	if (memchr(data + 2, NO_AUTHENTICATION, count))
		return SOCKS_OK;
	return bad(request, SOCKS_NO_METHOD,
		   "the client requires authentication, which is not supported");
}

/* The length of the host with its type; 0: not known yet, or a type that doesn't exist. */
static size_t host_length(const uint8_t *data, size_t size)
{
	switch (data[3]) {
	case TYPE_IPV4:
		return 4;
	case TYPE_IPV6:
		return 16;
	case TYPE_NAME:
		return size > 4 ? 1 + (size_t)data[4] : 0;
	default:
		return 0;
	}
}

static enum socks_state read_host(const uint8_t *data, size_t length, struct socks_request *request)
{
	if (data[3] == TYPE_IPV4) {
		inet_ntop(AF_INET, data + 4, request->host, sizeof(request->host));
		return SOCKS_OK;
	}
	if (data[3] == TYPE_IPV6) {
		inet_ntop(AF_INET6, data + 4, request->host, sizeof(request->host));
		return SOCKS_OK;
	}
	if (length == 1)
		return bad(request, SOCKS_FAILURE, "the name of the host is empty");
	if (memchr(data + 5, '\0', length - 1))
		return bad(request, SOCKS_FAILURE, "there is a NUL in the name of the host");
	memcpy(request->host, data + 5, length - 1);
	request->host[length - 1] = '\0';
	return SOCKS_OK;
}

static const char *unsupported(uint8_t command)
{
	return command == 2   ? "the client asked for BIND; only CONNECT is supported"
	       : command == 3 ? "the client asked for UDP ASSOCIATE; only CONNECT is supported"
			      : "an unknown command; only CONNECT is supported";
}

enum socks_state socks_read_request(const uint8_t *data, size_t size, struct socks_request *request,
				    size_t *used)
{
	size_t length;

	if (size && data[0] != SOCKS_VERSION)
		return bad(request, SOCKS_FAILURE, "a request that does not start with 5");
	if (size < 4)
		return SOCKS_MORE;
	if (data[1] != CONNECT)
		return bad(request, SOCKS_NO_COMMAND, unsupported(data[1]));
	if (data[2] != 0)
		return bad(request, SOCKS_FAILURE, "the reserved byte is not 0");
	if (data[3] != TYPE_IPV4 && data[3] != TYPE_IPV6 && data[3] != TYPE_NAME)
		return bad(request, SOCKS_NO_ADDRESS_TYPE, "an unknown type of address");
	length = host_length(data, size);
	if (!length || size < 4 + length + 2)
		return SOCKS_MORE;
	*used = 4 + length + 2;
	request->port = (uint16_t)(data[4 + length] << 8 | data[5 + length]);
	return read_host(data, length, request);
}

bool socks4_begins(uint8_t first)
{
	return first == 4;
}

/* The length of the text of at most 255 bytes that ends with a NUL; at the most 256: there is none;
 * size: not yet. */
static size_t text_at(const uint8_t *data, size_t size)
{
	return strnlen((const char *)data, size < 256 ? size : 256);
}

enum socks_state socks4_read_request(const uint8_t *data, size_t size,
				     struct socks_request *request, size_t *used)
{
	static const uint8_t named[3] = { 0 };
	size_t at = 8, length;

	if (size >= 2 && data[1] != CONNECT)
		return bad(request, SOCKS_NO_COMMAND, unsupported(data[1]));
	if (size < at)
		return SOCKS_MORE;
	request->port = (uint16_t)(data[2] << 8 | data[3]);
	length = text_at(data + at, size - at);
	if (length > 255)
		return bad(request, SOCKS_FAILURE, "a user of more than 255 bytes");
	at += length + 1;
	if (at > size)
		return SOCKS_MORE;
	if (memcmp(data + 4, named, sizeof(named)) != 0 || !data[7]) {
		inet_ntop(AF_INET, data + 4, request->host, sizeof(request->host));
		*used = at;
		return SOCKS_OK;
	}
	length = text_at(data + at, size - at);
	if (length > 255)
		return bad(request, SOCKS_FAILURE, "a host of more than 255 bytes");
	if (at + length + 1 > size)
		return SOCKS_MORE;
	if (!length)
		return bad(request, SOCKS_FAILURE, "the name of the host is empty");
	memcpy(request->host, data + at, length + 1);
	*used = at + length + 1;
	return SOCKS_OK;
}

void socks_method_answer(uint8_t method, uint8_t answer[SOCKS_METHOD_ANSWER_SIZE])
{
	answer[0] = SOCKS_VERSION;
	answer[1] = method;
}

/* The answer does not contain the address that we are bound to: clients need it for FTP's PORT, and
 * for nothing else. */
void socks_answer(uint8_t code, uint8_t answer[SOCKS_ANSWER_SIZE])
{
	memset(answer, 0, SOCKS_ANSWER_SIZE);
	answer[0] = SOCKS_VERSION;
	answer[1] = code;
	answer[3] = TYPE_IPV4;
}

/* 90: granted; 91: rejected or failed */
void socks4_answer(uint8_t code, uint8_t answer[SOCKS4_ANSWER_SIZE])
{
	memset(answer, 0, SOCKS4_ANSWER_SIZE);
	answer[1] = code == SOCKS_SUCCEEDED ? 90 : 91;
}

uint8_t socks_code_of(const struct failure *failure)
{
	if (failure->step == STEP_PERMIT)
		return SOCKS_NOT_ALLOWED;
	if (failure->step == STEP_RESOLVE)
		return SOCKS_HOST_UNREACHABLE;
	switch (failure->error) {
	case EACCES:
	case EPERM:
		return SOCKS_NOT_ALLOWED;
	case ENETUNREACH:
	case ENETDOWN:
		return SOCKS_NETWORK_UNREACHABLE;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return SOCKS_HOST_UNREACHABLE;
	case ECONNREFUSED:
	case ECONNRESET:
		return SOCKS_REFUSED;
	case ETIMEDOUT:
		return SOCKS_TTL_EXPIRED;
	default:
		return SOCKS_FAILURE;
	}
}
