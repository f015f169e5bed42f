/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text is read or refused, and what is read survives being printed. driver.h tells how it is
 * run; what it makes up are mutations of corpus-addr. */
#include "config.h"

#include "driver.h"

#include <dirent.h>

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
	struct hosts other = { 0 };
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
	if (hosts_read(&other, "hosts", (const char *)data, size, &hosts_error) < 0)
		check(hosts_error.offset <= strlen(other.bad.text), "the caret stands outside",
		      other.bad.text);
	hosts_free(&other);
	return 0;
}

#ifndef FUZZER
static const char *const pieces[] = {
	"vsock:",
	"vsock-seqpacket:",
	"tcp:",
	"tcp4:",
	"tcp6:",
	"unix:",
	"unix-seqpacket:",
	"vsock-mux:",
	"hvsock://",
	"exec:",
	"fd:",
	"-",
	"//",
	":",
	"::",
	"/",
	"./",
	"@",
	"~/",
	",",
	"\\,",
	"\\\\",
	"\\x2f",
	"\\x",
	"any",
	"host",
	"local",
	"web",
	"db",
	"*",
	"-1",
	"0x",
	"0",
	"22",
	"4294967295",
	"4294967296",
	"65536",
	"8000-8009",
	"[::1]",
	"[",
	"]",
	"%",
	"10.0.0.1",
	",bind=",
	",connect-timeout=",
	",window=",
	",backlog=",
	",mode=0600",
	",owner=",
	",group=",
	",nodelay",
	",keepalive=off",
	",to-host",
	"inf",
	"1m30s",
	"64K",
	"=",
	"'",
	"\"",
	" ",
	"\xc3\xbc",
	"\xe2\x80\xae",
	"\xff",
	"\x1b[",
	"VSOCK-LISTEN:",
};

static size_t mutate(uint8_t *data, size_t size)
{
	for (uint32_t edits = 1 + fuzz_number(4); edits > 0; edits--) {
		uint32_t at = fuzz_number((uint32_t)size + 1);
		const char *piece = pieces[fuzz_number(sizeof(pieces) / sizeof(pieces[0]))];
		size_t length = strlen(piece);

		switch (fuzz_number(4)) {
		case 0: /* insert a piece */
			if (size + length > INPUT_MAX)
				break;
			memmove(data + at + length, data + at, size - at);
			memcpy(data + at, piece, length);
			size += length;
			break;
		case 1: /* change a byte */
			if (at < size)
				data[at] = (uint8_t)fuzz_number(256);
			break;
		case 2: /* cut something out */
			length = fuzz_number((uint32_t)(size - at) + 1);
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		case 3: /* cut the end off */
			if (fuzz_number(4) == 0)
				size = at;
			break;
		}
	}
	return size;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static struct {
	uint8_t data[INPUT_MAX];
	size_t size;
} corpus[256];
static uint32_t corpus_count;

/* Reads and tries the corpus. */
static void read_corpus(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char path[4096 + 256];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' &&
		    corpus_count < sizeof(corpus) / sizeof(corpus[0])) {
			corpus[corpus_count].size = fuzz_read_file(path, corpus[corpus_count].data,
								   INPUT_MAX);
			fuzz_try(corpus[corpus_count].data, corpus[corpus_count].size);
			corpus_count++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static size_t make(uint8_t *data)
{
	uint32_t which = fuzz_number(corpus_count);
	size_t size = corpus[which].size;

	memcpy(data, corpus[which].data, size);
	size = mutate(data, size);
	if (size > 0)
		data[0] = (uint8_t)fuzz_number(32);
	return size;
}

int main(int argc, char **argv)
{
	const struct fuzz fuzz = {
		.what = "any text is read or refused, and what is read survives being printed",
		.input_max = INPUT_MAX,
		.runs = 300000,
		.make = make
	};
	const char *srcdir = getenv("srcdir");
	char directory[4096];

	snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus-addr",
		 srcdir ? srcdir : SRCDIR);
	if (argc == 1)
		read_corpus(directory);
	if (argc == 1 && !corpus_count) {
		fprintf(stderr, "%s: nothing to begin with\n", directory);
		return 1;
	}
	return fuzz_main(&fuzz, argc, argv);
}
#endif
