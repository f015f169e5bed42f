/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PROXY protocol, both versions. What is read is made again in both, and is then read as the
 * same ends. */
#include "config.h"

#include "base/utf8.h"
#include "proxy/protocols/proxy-header.h"
#include "stream.h"

#define INPUT_MAX (PROXY_V2_MAX + 64)

static enum verdict reader(const uint8_t *data, size_t size, size_t *used, void *result)
{
	const char *why = NULL;
	struct ends *ends = result;
	enum verdict verdict;

	memset(ends, 0, sizeof(*ends));
	verdict = (enum verdict)proxy_header_read(data, size, ends, used, &why);
	fuzz_check(verdict != BAD || (why && *why), "what is refused has a reason");
	return verdict;
}

/* IPv4 that is mapped into IPv6 is the same as IPv4. */
static void same_end(const struct one_end *a, const struct one_end *b)
{
	char text_a[ENDS_TEXT_MAX], text_b[ENDS_TEXT_MAX];

	fuzz_check(a->peer.family == b->peer.family, "an end keeps its family");
	if (a->peer.family == ADDR_TCP && a->peer.u.tcp.v6 != b->peer.u.tcp.v6) {
		fuzz_check(a->peer.u.tcp.port == b->peer.u.tcp.port, "an end keeps its port");
		return;
	}
	ends_format(a, text_a, sizeof(text_a));
	ends_format(b, text_b, sizeof(text_b));
	fuzz_check(strcmp(text_a, text_b) == 0 && strcmp(a->path, b->path) == 0,
		   "an end is read as it was written");
}

static bool can_be_told(const struct ends *ends)
{
	enum addr_family family = ends->from.peer.family;

	return !ends->local && family == ends->to.peer.family &&
	       (family == ADDR_TCP ||
		(ends->version == 2 && (family == ADDR_UNIX || family == ADDR_VSOCK)));
}

static void write_again(const struct ends *was)
{
	uint8_t made[PROXY_HEADER_MAX], again[PROXY_HEADER_MAX];
	struct ends header = *was, read;
	const char *why;
	size_t size, used;

	for (header.version = 1; header.version <= 2; header.version++) {
		size = proxy_header_make(&header, made);
		fuzz_check(size <= sizeof(made) &&
				   proxy_header_read(made, size, &read, &used, &why) ==
					   PROXY_HEADER_OK &&
				   used == size,
			   "a header of ours is read");
		fuzz_check(proxy_header_make(&read, again) == size &&
				   memcmp(made, again, size) == 0,
			   "a header of ours is made again as it was");
		if (!can_be_told(&header))
			continue;
		same_end(&header.from, &read.from);
		same_end(&header.to, &read.to);
	}
}

static void no_control_characters(const struct one_end *end)
{
	char text[ENDS_TEXT_MAX];

	fuzz_check(strlen(end->path) <= ENDS_PATH_MAX, "a path fits");
	ends_format(end, text, sizeof(text));
	for (size_t at = 0, size; text[at]; at += size) {
		uint32_t point;

		size = utf8_read(text + at, strlen(text + at), &point);
		fuzz_check(size > 0 && !utf8_unsafe(point), "nothing that a terminal obeys");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum verdict verdict;
	struct ends result;
	size_t used = 0;

	if (size > INPUT_MAX)
		return 0;
	verdict = stream_check(reader, data, size, &used, &result, sizeof(result));
	fuzz_check(used <= PROXY_V2_MAX, "no header is longer than the longest");
	fuzz_check(verdict != MORE || size < PROXY_V2_MAX,
		   "the longest header is enough for a verdict");
	if (verdict != OK)
		return 0;
	fuzz_check(result.version == 1 || result.version == 2, "a header has a version");
	no_control_characters(&result.from);
	no_control_characters(&result.to);
	write_again(&result);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("PROXY "),
	PIECE("TCP4 192.0.2.1 192.0.2.2 "),
	PIECE("TCP6 ::1 ::ffff:10.0.0.1 "),
	PIECE("51034 80\r\n"),
	PIECE("UNKNOWN"),
	PIECE("\r\n\r\n\0\r\nQUIT\n"),
	PIECE("\x21\x11\0\x0c"),
	PIECE("\x21\x21\0\x24"),
	PIECE("\x21\x31\0\xd8"),
	PIECE("\x20\0\0\x1c"),
	PIECE("\x21\0\0\x0e"),
	PIECE("\xe4\0\4/a/b"),
	PIECE("\xe5\0\0"),
	PIECE("\xe0\0\4\0\0\0\3"),
	PIECE("\xe1\0\4\0\0\4\0"),
	PIECE("\3\0\4"),
	PIECE("\0\0\0\0\0\0\0\0\0\0\0\0"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "PROXY headers are read or refused, cut anywhere",
		.corpus = "corpus-proxy-header",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
