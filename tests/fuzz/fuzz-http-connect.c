/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP requests to a proxy. What is read can be written again, and is then read as the same; what
 * is passed on to a server is a request to a server, with a body that ends in the same place
 * however it is cut. */
#include "config.h"

#include "proxy/protocols/http-connect.h"
#include "stream.h"

#define INPUT_MAX 9000

static enum verdict reader(const uint8_t *data, size_t size, size_t *used, void *result)
{
	struct http_connect *request = result;

	memset(request, 0, sizeof(*request));
	return (enum verdict)http_connect_read((const char *)data, size, request, used);
}

static void write_again(const struct http_connect *was)
{
	struct http_connect again = { .why = NULL };
	char message[sizeof(was->host) + 64];
	size_t length, used = 0;

	fuzz_check(*was->host && was->port, "a request has a host and a port");
	length = (size_t)snprintf(message, sizeof(message), "CONNECT %s:%u HTTP/1.1\r\n\r\n",
				  was->host, was->port);
	fuzz_check(http_connect_read(message, length, &again, &used) == HTTP_OK && used == length &&
			   strcmp(again.host, was->host) == 0 && again.port == was->port,
		   "a request that is written again is the same");
}

static void pass_on(const uint8_t *data, size_t size)
{
	char *header = (char *)fuzz_exact(data, size);
	char *out = malloc(size + HTTP_FORWARD_MORE), *exact;
	struct http_connect again = { .why = NULL };
	size_t length, used;

	if (!out)
		abort();
	length = http_forward(header, size, out);
	fuzz_check(length <= size + HTTP_FORWARD_MORE, "what is passed on has room");
	exact = (char *)fuzz_exact((const uint8_t *)out, length);
	fuzz_check(http_connect_read(exact, length, &again, &used) == HTTP_BAD &&
			   (again.status == 405 || length > HTTP_HEADER_MAX),
		   "what is passed on is a request to a server, and no other");
	free(exact);
	free(out);
	free(header);
}

static void take_body(const struct http_body *start, const uint8_t *data, size_t size)
{
	char *exact = (char *)fuzz_exact(data, size);
	struct http_body whole = *start, parts = *start;
	size_t taken = http_body_take(&whole, exact, size), again = 0;

	fuzz_check(taken <= size, "a body has no more than has come");
	for (size_t at = 0, step = 1; at < size; at += step, step = at % 7 + 1) {
		if (step > size - at)
			step = size - at;
		again += http_body_take(&parts, exact + at, step);
	}
	fuzz_check(again == taken && parts.left == whole.left && parts.state == whole.state,
		   "a body ends in the same place, however it is cut");
	fuzz_check(taken == size || http_body_take(&whole, "0\r\n\r\n", 5) == 0,
		   "after the end of a body nothing belongs to it");
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_connect result = { .why = NULL };
	char answer[HTTP_ANSWER_MAX];
	enum verdict verdict;
	size_t used = 0;

	if (size > INPUT_MAX)
		return 0;
	verdict = stream_check(reader, data, size, &used, &result, sizeof(result));
	fuzz_check(used <= HTTP_HEADER_MAX, "no header is longer than the longest");
	fuzz_check(verdict != MORE || size <= HTTP_HEADER_MAX, "a header does not grow for ever");
	if (verdict == BAD) {
		fuzz_check(result.why && *result.why, "what is refused has a reason");
		if (result.status)
			fuzz_check(http_answer(result.status, answer) < sizeof(answer),
				   "an answer has room");
	}
	if (verdict == OK)
		write_again(&result);
	if (verdict == OK && result.forward)
		pass_on(data, used);
	if (verdict == OK && result.forward)
		take_body(&result.body, data + used, size - used);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("CONNECT "),
	PIECE("example.org:443"),
	PIECE(" HTTP/1.1\r\n"),
	PIECE("Host: x\r\n"),
	PIECE("\r\n"),
	PIECE("\n"),
	PIECE("[::1]:80"),
	PIECE("\t"),
	PIECE("\r"),
	PIECE(":"),
	PIECE(" "),
	PIECE("\0"),
	PIECE("65536"),
	PIECE("\26\3\1"),
	PIECE("GET / "),
	PIECE("GET http://"),
	PIECE("http://a"),
	PIECE("/?#"),
	PIECE("Connection: x,"),
	PIECE("OPTIONS"),
	PIECE("Content-Length: 1"),
	PIECE("Transfer-Encoding: chunked\r\n"),
	PIECE("1;x\r\ny\r\n"),
	PIECE("0\r\n"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "HTTP requests are read or refused, cut anywhere, and passed on",
		.corpus = "corpus-http-connect",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
