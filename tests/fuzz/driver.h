/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * driver: what the fuzz targets share. Each target is one function, LLVMFuzzerTestOneInput(), which
 * aborts if its parser breaks a promise. There are two ways to run it:
 *   configured with --enable-fuzzer it is a program of clang's libFuzzer; see tests/fuzz/run.
 *   else `fuzz-NAME FILE...` tries these files, and `fuzz-NAME` tries the files of corpus-NAME and
 *   then $VSOCK_FUZZ_RUNS inputs made from them, the same ones each time, and prints TAP.
 */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/deny-vsock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is made up: vsock cannot be reached. */
__attribute__((constructor)) static void fuzz_without_vsock(void)
{
	if (deny_vsock(EAFNOSUPPORT) < 0)
		abort();
}

/* The promise that a parser has broken, and the input as far as it is text. */
static inline void fuzz_check(bool kept, const char *promise)
{
	if (kept)
		return;
	fprintf(stderr, "broken: %s\n", promise);
	abort();
}

/* A copy of the input that ends with a NUL, up to its first NUL, for free(3). */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = strndup(size ? (const char *)data : "", size);

	if (!text)
		exit(1);
	return text;
}

/* Exactly these bytes, so that a sanitizer sees one byte too far; for free(3). */
static inline uint8_t *fuzz_exact(const void *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		exit(1);
	if (size)
		memcpy(exact, data, size);
	return exact;
}

#ifndef FUZZER
/* What inputs are made of, beside the corpus. */
struct fuzz_piece {
	const char *data;
	size_t size;
};
#define PIECE(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

struct fuzz_corpus {
	struct fuzz_input {
		uint8_t *data;
		size_t size;
	} inputs[512];
	uint32_t count;
};

struct fuzz {
	const char *what; /* is shown: "any text is read or refused" */
	const char *corpus; /* the directory in tests/fuzz; NULL: none */
	size_t input_max; /* bytes */
	unsigned long runs; /* unless $VSOCK_FUZZ_RUNS says otherwise */
	const struct fuzz_piece *pieces; /* for changed copies of the corpus; ends with NULL */
	/* Makes an input of at most input_max bytes; NULL: a changed copy of one of the corpus. */
	size_t (*make)(const struct fuzz_corpus *corpus, uint8_t *data);
};

/* The same numbers in each run. */
static inline uint32_t fuzz_number(uint32_t below)
{
	static uint32_t seed = 1;

	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static inline size_t fuzz_read_file(const char *path, uint8_t *data, size_t room)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, room, file);
	fclose(file);
	return size;
}

static inline void fuzz_try(const uint8_t *data, size_t size)
{
	uint8_t *exact = fuzz_exact(data, size);

	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static inline int fuzz_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Reads and tries each file of the corpus, which must not be empty. */
static inline void fuzz_read_corpus(const struct fuzz *fuzz, struct fuzz_corpus *corpus,
				    uint8_t *data)
{
	const char *srcdir = getenv("srcdir");
	struct dirent **entries;
	char path[4096 + 256];
	int n;

	snprintf(path, sizeof(path), "%s/tests/fuzz/%s", srcdir ? srcdir : SRCDIR, fuzz->corpus);
	n = scandir(path, &entries, NULL, fuzz_by_name);
	for (int i = 0; i < n; i++) {
		struct fuzz_input *input = &corpus->inputs[corpus->count];

		if (entries[i]->d_name[0] != '.' && corpus->count < 512) {
			snprintf(path, sizeof(path), "%s/tests/fuzz/%s/%s",
				 srcdir ? srcdir : SRCDIR, fuzz->corpus, entries[i]->d_name);
			input->size = fuzz_read_file(path, data, fuzz->input_max);
			input->data = fuzz_exact(data, input->size);
			fuzz_try(data, input->size);
			corpus->count++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (corpus->count == 0) {
		printf("1..1\nnot ok 1 - %s: there is nothing in %s\n", fuzz->what, path);
		exit(1);
	}
}

/* Makes room for length bytes at a place, if there is. */
static inline bool fuzz_insert(uint8_t *data, size_t *size, size_t at, const void *what,
			       size_t length, size_t room)
{
	if (*size + length > room)
		return false;
	memmove(data + at + length, data + at, *size - at);
	memcpy(data + at, what, length);
	*size += length;
	return true;
}

/* A copy of one of the corpus in which something was inserted, changed, cut out, or cut off. */
static inline size_t fuzz_change(const struct fuzz *fuzz, const struct fuzz_corpus *corpus,
				 uint8_t *data)
{
	const struct fuzz_input *input = &corpus->inputs[fuzz_number(corpus->count)];
	const struct fuzz_input *other = &corpus->inputs[fuzz_number(corpus->count)];
	size_t size = input->size;
	uint32_t pieces = 0;

	memcpy(data, input->data, size);
	while (fuzz->pieces && fuzz->pieces[pieces].data)
		pieces++;
	for (uint32_t edits = 1 + fuzz_number(4); edits > 0; edits--) {
		uint32_t at = fuzz_number((uint32_t)size + 1), length;
		const struct fuzz_piece *piece = pieces ? &fuzz->pieces[fuzz_number(pieces)] : NULL;

		switch (fuzz_number(5)) {
		case 0:
			if (piece)
				fuzz_insert(data, &size, at, piece->data, piece->size,
					    fuzz->input_max);
			break;
		case 1:
			if (at < size)
				data[at] = (uint8_t)fuzz_number(256);
			break;
		case 2:
			length = fuzz_number((uint32_t)(size - at) + 1);
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		case 3: /* the end of another one */
			length = fuzz_number((uint32_t)other->size + 1);
			fuzz_insert(data, &size, at, other->data + other->size - length, length,
				    fuzz->input_max);
			break;
		case 4:
			if (fuzz_number(4) == 0)
				size = at;
			break;
		}
	}
	return size;
}

static inline int fuzz_main(const struct fuzz *fuzz, int argc, char **argv)
{
	static struct fuzz_corpus corpus;
	const char *wanted = getenv("VSOCK_FUZZ_RUNS");
	unsigned long runs = argc > 1 ? 0 : wanted ? strtoul(wanted, NULL, 10) : fuzz->runs;
	uint8_t *data = malloc(fuzz->input_max);

	if (!data)
		return 1;
	for (int i = 1; i < argc; i++)
		fuzz_try(data, fuzz_read_file(argv[i], data, fuzz->input_max));
	if (argc == 1 && fuzz->corpus)
		fuzz_read_corpus(fuzz, &corpus, data);
	for (unsigned long i = 0; i < runs; i++)
		fuzz_try(data,
			 fuzz->make ? fuzz->make(&corpus, data) : fuzz_change(fuzz, &corpus, data));
	for (uint32_t i = 0; i < corpus.count; i++)
		free(corpus.inputs[i].data);
	free(data);
	if (argc == 1)
		printf("1..1\nok 1 - %s (%u of the corpus, %lu made-up inputs)\n", fuzz->what,
		       (unsigned)corpus.count, runs);
	return 0;
}
#endif
#endif
