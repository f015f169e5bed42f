/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients say before anything is relayed: SOCKS5, HTTP CONNECT, the PROXY protocol; and where
 * they may go. Each reader takes any bytes, uses no more than there are, and says of the first half
 * nothing that it does not say of the whole. See driver.h for how it is run.
 */
#include "config.h"

#include "driver.h"

#include <stdbool.h>

#include "base/json-read.h"
#include "proxy/protocols/dest.h"
#include "proxy/protocols/http-connect.h"
#include "proxy/protocols/proxy-header.h"
#include "proxy/protocols/socks.h"

#define INPUT_MAX 9000

enum verdict { MORE, OK, BAD };

static enum verdict methods(const uint8_t *data, size_t size, size_t *used)
{
	struct socks_request request = { .why = "" };

	return (enum verdict)socks_read_methods(data, size, &request, used);
}

static enum verdict socks(const uint8_t *data, size_t size, size_t *used)
{
	struct socks_request request = { .why = "" };
	enum verdict verdict = (enum verdict)socks_read_request(data, size, &request, used);

	if (verdict == OK && (!*request.host || strlen(request.host) >= sizeof(request.host)))
		abort();
	return verdict;
}

static enum verdict http(const uint8_t *data, size_t size, size_t *used)
{
	struct http_connect request = { .why = "" };
	enum verdict verdict = (enum verdict)http_connect_read((const char *)data, size, &request,
							       used);

	if (verdict == OK && (!*request.host || !request.port))
		abort();
	return verdict;
}

/* What was read is made again, and then read as the same. */
static void remake(struct ends *header)
{
	uint8_t made[PROXY_HEADER_MAX], again[PROXY_HEADER_MAX];
	struct ends read;
	size_t size, used;
	const char *why;

	for (header->version = 1; header->version <= 2; header->version++) {
		size = proxy_header_make(header, made);
		if (size > sizeof(made) ||
		    proxy_header_read(made, size, &read, &used, &why) != PROXY_HEADER_OK ||
		    used != size || proxy_header_make(&read, again) != size ||
		    memcmp(made, again, size) != 0)
			abort();
	}
}

static enum verdict proxy(const uint8_t *data, size_t size, size_t *used)
{
	struct ends header;
	const char *why = "";
	enum verdict verdict = (enum verdict)proxy_header_read(data, size, &header, used, &why);

	if (verdict == OK)
		remake(&header);
	return verdict;
}

static void dests(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[DEST_WHY_MAX];
	struct dest_list list = { 0 };
	struct mistake error;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (dest_add(&list, text, true, &error) < 0 ? error.offset > strlen(text) : list.count != 1)
		abort();
	(void)dest_may(&list, "www.example.org", 443, why);
	dest_free(&list);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static enum verdict (*const readers[])(const uint8_t *, size_t,
					       size_t *) = { methods, socks, http, proxy };
	struct json_tree tree;

	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		size_t used = 0, used_half = 0;
		enum verdict whole = readers[i](data, size, &used),
			     half = readers[i](data, size / 2, &used_half);

		if ((whole == OK && (!used || used > size)) || (half == OK && used_half > size / 2))
			abort();
		if (half != MORE && (half != whole || used != used_half))
			abort();
	}
	dests(data, size);
	(void)json_tree_read(&tree, (const char *)data, size);
	json_tree_free(&tree);
	return 0;
}

#ifndef FUZZER
static const struct piece {
	const char *data;
	size_t size;
} pieces[] = {
#define PIECE(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
	PIECE("\5\1\0"),
	PIECE("\5\1\0\3"),
	PIECE("\5\1\0\1"),
	PIECE("\5\1\0\4"),
	PIECE("\13example.org\1\273"),
	PIECE("\0\120"),
	PIECE("CONNECT "),
	PIECE("example.org:443"),
	PIECE(" HTTP/1.1\r\n"),
	PIECE("Host: x\r\n"),
	PIECE("\r\n"),
	PIECE("\n"),
	PIECE("PROXY "),
	PIECE("TCP4 192.0.2.1 192.0.2.2 "),
	PIECE("TCP6 ::1 ::ffff:10.0.0.1 "),
	PIECE("51034 80\r\n"),
	PIECE("UNKNOWN"),
	PIECE("\r\n\r\n\0\r\nQUIT\n"),
	PIECE("\x21\x11\0\x0c"),
	PIECE("\x21\x21\0\x24"),
	PIECE("\x21\x31\0\xd8"),
	PIECE("\x21\0\0\x0e"),
	PIECE("\x20\0\0\0"),
	PIECE("\x20\0\0\x1c"),
	PIECE("\x21\x12\0\x0c"),
	PIECE("\x21\x11\0\x0e"),
	PIECE("\xe4\0\4/a/b"),
	PIECE("\xe5\0\0"),
	PIECE("{\"a\":["),
	PIECE("\"\\ud83d\\ude00\","),
	PIECE("-1.5e3]}"),
	PIECE("\xe0\0\4\0\0\0\3"),
	PIECE("\xe1\0\4\0\0\4\0"),
	PIECE("\3\0\4"),
	PIECE("\0\0\0\0\0\0\0\0\0\0\0\0"),
	PIECE("*."),
	PIECE("*"),
	PIECE("[2001:db8::/32]"),
	PIECE("[::1]"),
	PIECE("10.0.0.0/8"),
	PIECE(":80,443-500"),
	PIECE(":*"),
	PIECE(":"),
};

static size_t make(uint8_t *data)
{
	size_t size = 0;

	for (uint32_t left = fuzz_number(12); left; left--) {
		const struct piece *piece = &pieces[fuzz_number(sizeof(pieces) / sizeof(*pieces))];
		uint32_t more = fuzz_number(16);

		memcpy(data + size, piece->data, piece->size);
		size += piece->size;
		if (more == 0)
			data[size++] = (uint8_t)fuzz_number(256);
		if (more == 1 && size < 300) {
			memset(data + size, 'x', 216);
			size += 216;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	const struct fuzz fuzz = { .what = "requests are read or refused",
				   .input_max = INPUT_MAX,
				   .runs = 20000,
				   .make = make };

	return fuzz_main(&fuzz, argc, argv);
}
#endif
