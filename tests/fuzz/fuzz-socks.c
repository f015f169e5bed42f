/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SOCKS5 and 4: the messages of a client, whose first byte here chooses which of the three it is.
 * What is read can be written again, and is then read as the same. */
#include "config.h"

#include <arpa/inet.h>

#include "proxy/protocols/socks.h"
#include "stream.h"

#define INPUT_MAX 600

static enum verdict methods(const uint8_t *data, size_t size, size_t *used, void *result)
{
	struct socks_request *request = result;

	memset(request, 0, sizeof(*request));
	return (enum verdict)socks_read_methods(data, size, request, used);
}

static enum verdict request(const uint8_t *data, size_t size, size_t *used, void *result)
{
	struct socks_request *request = result;

	memset(request, 0, sizeof(*request));
	return (enum verdict)socks_read_request(data, size, request, used);
}

static enum verdict old_request(const uint8_t *data, size_t size, size_t *used, void *result)
{
	struct socks_request *request = result;

	memset(request, 0, sizeof(*request));
	return (enum verdict)socks4_read_request(data, size, request, used);
}

/* With the host as a name, which every host can be written as. */
static void write_again(const struct socks_request *was)
{
	uint8_t message[SOCKS_REQUEST_MAX] = { 5, 1, 0, 3 };
	struct socks_request again = { .why = NULL };
	size_t length = strlen(was->host), used = 0;

	fuzz_check(length > 0 && length < sizeof(was->host), "a host is not empty");
	message[4] = (uint8_t)length;
	memcpy(message + 5, was->host, length);
	message[5 + length] = (uint8_t)(was->port >> 8);
	message[6 + length] = (uint8_t)was->port;
	fuzz_check(socks_read_request(message, 7 + length, &again, &used) == SOCKS_OK &&
			   used == 7 + length && strcmp(again.host, was->host) == 0 &&
			   again.port == was->port,
		   "a request that is written again is the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks_request result = { .why = NULL };
	bool old = size && (data[0] & 3) == 2;
	size_t used = 0, most = old ? SOCKS4_REQUEST_MAX : SOCKS_REQUEST_MAX;
	enum verdict verdict;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	verdict = stream_check(old	     ? old_request
			       : data[0] & 1 ? request
					     : methods,
			       data + 1, size - 1, &used, &result, sizeof(result));
	fuzz_check(used <= most, "no message is longer than the longest");
	fuzz_check(verdict != MORE || size - 1 < most,
		   "the longest message is enough for a verdict");
	if (verdict == BAD)
		fuzz_check(result.why && *result.why, "what is refused has a reason");
	if (verdict == OK && (old || data[0] & 1))
		write_again(&result);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("\5\1\0"),
	PIECE("\5\2\0\2"),
	PIECE("\5\1\0\3"),
	PIECE("\5\1\0\1"),
	PIECE("\5\1\0\4"),
	PIECE("\0\120"),
	PIECE("\13example.org"),
	PIECE("\12\0\0\1"),
	PIECE("\0"),
	PIECE("\4\1"),
	PIECE("GET / "),
	PIECE("\26\3\1"),
	PIECE("\2\4\1\0\120\0\0\0\1user\0"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "SOCKS messages are read or refused, cut anywhere",
		.corpus = "corpus-socks",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
