/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts files. What is read can be written as a file, and is then read as the same; a file in two
 * parts names what the whole one names; and every name is one of an address. */
#include "config.h"

#include "driver.h"

#include "base/utf8.h"
#include "net/addr.h"
#include "net/hosts.h"

#define INPUT_MAX 4096

static void clean(const char *text)
{
	for (size_t at = 0, size; text[at]; at += size) {
		uint32_t point;

		size = utf8_read(text + at, strlen(text + at), &point);
		fuzz_check(size > 0 && !utf8_unsafe(point), "nothing that a terminal obeys");
	}
}

static void refused(const struct hosts *hosts, const uint8_t *data, size_t size,
		    const struct mistake *error)
{
	const char *colon = strrchr(hosts->bad.place, ':');
	unsigned line = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0, lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	fuzz_check(line >= 1 && line <= lines, "the bad line is one of the file");
	fuzz_check(*error->why, "what is refused has a reason");
	fuzz_check(error->offset <= strlen(hosts->bad.text) && error->length >= 1 &&
			   (error->length == 1 ||
			    error->offset + error->length <= strlen(hosts->bad.text)),
		   "the caret is in the line");
	clean(hosts->bad.text);
	clean(hosts->bad.place);
}

static bool same_entry(const struct hosts_entry *a, const struct hosts_entry *b)
{
	return strcmp(a->name, b->name) == 0 && (a->path != NULL) == (b->path != NULL) &&
	       (a->path ? strcmp(a->path, b->path) == 0 : a->cid == b->cid);
}

static void same_entries(const struct hosts *a, const struct hosts *b)
{
	fuzz_check(a->count == b->count, "there are as many names");
	for (size_t i = 0; i < a->count; i++)
		fuzz_check(same_entry(&a->entries[i], &b->entries[i]),
			   "a name means the same again");
}

static void write_again(const struct hosts *hosts)
{
	struct hosts again = { 0 };
	struct mistake error;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(1);
	for (size_t i = 0; i < hosts->count; i++) {
		const struct hosts_entry *entry = &hosts->entries[i];

		if (entry->path)
			fprintf(out, "%s %s\n", entry->path, entry->name);
		else
			fprintf(out, "%u %s\n", entry->cid, entry->name);
	}
	fclose(out);
	fuzz_check(hosts_read(&again, "again", text, size, &error) == 0,
		   "what was read can be written");
	same_entries(hosts, &again);
	hosts_free(&again);
	free(text);
}

/* Cut after a line. */
static void in_two_parts(const struct hosts *whole, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data + size / 2, '\n', size - size / 2);
	size_t first = end ? (size_t)(end - data) + 1 : 0;
	struct hosts parts = { 0 };
	struct mistake error;

	fuzz_check(hosts_read(&parts, "1", (const char *)data, first, &error) == 0 &&
			   hosts_read(&parts, "2", (const char *)data + first, size - first,
				      &error) == 0,
		   "each part of a good file is good");
	same_entries(whole, &parts);
	hosts_free(&parts);
}

/* A name can be looked up, and is what an address is read as. */
static void names(const struct hosts *hosts)
{
	const struct addr_context context = { .role = ADDR_CONNECT,
					      .flags = ADDR_SHORT,
					      .hosts = hosts };
	static struct addr addr;
	struct mistake error;
	char text[80];

	for (size_t i = 0; i < hosts->count && i < 8; i++) {
		const char *name = hosts->entries[i].name, *of;
		const struct hosts_entry *found = hosts_find(hosts, name, strlen(name));

		fuzz_check(found && found <= &hosts->entries[i], "a name is found");
		fuzz_check(!hosts_check_name(name, strlen(name)), "a name may be one");
		snprintf(text, sizeof(text), "%s:22", name);
		fuzz_check(addr_parse(text, &context, &addr, &error) == 0 && addr.port == 22,
			   "a name stands in an address");
		if (found->path)
			fuzz_check(addr.family == ADDR_MUX && strcmp(addr.name, found->path) == 0,
				   "a path is one of hybrid vsock");
		else
			fuzz_check(addr.family == ADDR_VSOCK && addr.cid == found->cid,
				   "a CID is one of vsock");
		of = found->path ? NULL : hosts_name_of(hosts, found->cid);
		if (of)
			fuzz_check(hosts_find(hosts, of, strlen(of))->cid == found->cid,
				   "the name of a CID means it");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hosts hosts = { 0 };
	struct mistake error;

	if (size > INPUT_MAX)
		return 0;
	if (hosts_read(&hosts, "hosts", (const char *)data, size, &error) < 0) {
		refused(&hosts, data, size, &error);
	} else {
		write_again(&hosts);
		in_two_parts(&hosts, data, size);
		names(&hosts);
	}
	hosts_free(&hosts);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("3 web"),	     PIECE("/run/fc/db.sock db"),
	PIECE("\n"),	     PIECE(" "),
	PIECE("\t"),	     PIECE("\r\n"),
	PIECE("#"),	     PIECE("0"),
	PIECE("2"),	     PIECE("any"),
	PIECE("4294967295"), PIECE("host"),
	PIECE("/"),	     PIECE("\xff"),
	PIECE("\0"),	     PIECE("\x1b["),
	PIECE("vsock"),	     PIECE(","),
	PIECE("\\"),	     { NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "hosts files are read or refused, and name what they say",
		.corpus = "corpus-hosts",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
