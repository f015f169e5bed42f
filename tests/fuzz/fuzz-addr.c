/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text is read or refused, and what is read survives being printed. driver.h tells how it is
 * run; what it makes up are mutations of corpus-addr. */
#include "config.h"

#include "driver.h"

#include "net/addr.h"

#define INPUT_MAX 8192

static void check(bool good, const char *what, const char *text)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

/* The first byte chooses role and flags, the rest is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char names[] = "3 web\n/run/fc/d,b\\.vsock: db\n";
	static char text[INPUT_MAX + 1], printed[ADDR_TEXT_MAX], again[ADDR_TEXT_MAX],
		joined[ADDR_TEXT_MAX];
	static struct hosts hosts;
	static struct addr addr, read;
	struct mistake hosts_error;
	struct mistake error;
	struct addr_context context = { .program = "vsock-cat", .hosts = &hosts };
	char **words, *blank;

	if (hosts.count == 0)
		hosts_read(&hosts, "hosts", names, sizeof(names) - 1, &hosts_error);
	if (size == 0 || size > INPUT_MAX)
		return 0;
	context.role = (data[0] & 1) ? ADDR_LISTEN : ADDR_CONNECT;
	context.flags = (data[0] >> 1) & 31;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';

	if (addr_parse(text, &context, &addr, &error) < 0) {
		check(addr.family == ADDR_NONE, "refused, but not cleared", text);
		check(error.why[0], "refused without a reason", text);
		check(error.offset <= strlen(text), "the caret stands outside", text);
		check(error.length >= 1 &&
			      (error.length == 1 || error.offset + error.length <= strlen(text)),
		      "the caret is too long", text);
	} else {
		addr_format(&addr, printed, sizeof(printed));
		check(addr_parse(printed, &context, &read, &error) == 0,
		      "what was printed is refused", printed);
		check(addr_equal(&addr, &read), "what was printed is something else", printed);
		check(strcmp(addr_format(&read, again, sizeof(again)), printed) == 0,
		      "printed in two ways", printed);
		addr_format_short(&addr, again, 20);
		check(strlen(again) < 20, "printed too much", printed);
		if (addr.family == ADDR_EXEC && addr_exec_words(addr.name, &words) == 0)
			free(words);
	}
	blank = strchr(text, ' ');
	if (blank) {
		*blank = '\0';
		if (addr_parse_words(text, blank + 1, &context, &addr, joined, sizeof(joined),
				     &error) < 0)
			check(error.offset <= strlen(joined), "the caret stands outside", joined);
	}
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("vsock:"),
	PIECE("vsock-seqpacket:"),
	PIECE("tcp:"),
	PIECE("tcp4:"),
	PIECE("tcp6:"),
	PIECE("unix:"),
	PIECE("unix-seqpacket:"),
	PIECE("vsock-mux:"),
	PIECE("hvsock://"),
	PIECE("exec:"),
	PIECE("fd:"),
	PIECE("-"),
	PIECE("//"),
	PIECE(":"),
	PIECE("::"),
	PIECE("/"),
	PIECE("./"),
	PIECE("@"),
	PIECE("~/"),
	PIECE(","),
	PIECE("\\,"),
	PIECE("\\\\"),
	PIECE("\\x2f"),
	PIECE("\\x"),
	PIECE("any"),
	PIECE("host"),
	PIECE("local"),
	PIECE("web"),
	PIECE("db"),
	PIECE("*"),
	PIECE("-1"),
	PIECE("0x"),
	PIECE("0"),
	PIECE("22"),
	PIECE("4294967295"),
	PIECE("4294967296"),
	PIECE("65536"),
	PIECE("8000-8009"),
	PIECE("[::1]"),
	PIECE("["),
	PIECE("]"),
	PIECE("%"),
	PIECE("10.0.0.1"),
	PIECE(",bind="),
	PIECE(",connect-timeout="),
	PIECE(",window="),
	PIECE(",backlog="),
	PIECE(",mode=0600"),
	PIECE(",owner="),
	PIECE(",group="),
	PIECE(",nodelay"),
	PIECE(",keepalive=off"),
	PIECE(",keepalive=60s"),
	PIECE(",to-host"),
	PIECE("inf"),
	PIECE("1m30s"),
	PIECE("64K"),
	PIECE("="),
	PIECE("'"),
	PIECE("\""),
	PIECE(" "),
	PIECE("\xc3\xbc"),
	PIECE("\xe2\x80\xae"),
	PIECE("\xff"),
	PIECE("\x1b["),
	PIECE("VSOCK-LISTEN:"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "any text is read or refused, and what is read survives being printed",
		.corpus = "corpus-addr",
		.input_max = INPUT_MAX,
		.runs = 300000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
