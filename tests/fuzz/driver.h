/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * driver: what the fuzzers share. Two ways to run one of them:
 *   clang -fsanitize=fuzzer,address,undefined -DFUZZER … ; ./fuzz-NAME CORPUS
 *   with any compiler: fuzz-NAME [FILE…] tries the files; without any it tries made-up inputs,
 * always the same ones, $VSOCK_FUZZ_RUNS in all, and prints TAP.
 */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <dirent.h>
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

#ifndef FUZZER
struct fuzz {
	const char *what; /* is shown: "any text is read or refused" */
	size_t input_max; /* bytes */
	unsigned long runs; /* unless $VSOCK_FUZZ_RUNS says otherwise */
	size_t (*make)(uint8_t *data); /* an input of at most input_max bytes */
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

/* In memory of just this size, so that one byte too far is seen. */
static inline void fuzz_try(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		exit(1);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* Tries each file of the directory, and returns how many there are. */
static inline unsigned fuzz_corpus(const char *path, uint8_t *data, size_t room)
{
	DIR *directory = opendir(path);
	unsigned count = 0;
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char name[4096 + 256];

		if (*entry->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		fuzz_try(data, fuzz_read_file(name, data, room));
		count++;
	}
	if (directory)
		closedir(directory);
	return count;
}

static inline int fuzz_main(const struct fuzz *fuzz, int argc, char **argv)
{
	const char *wanted = getenv("VSOCK_FUZZ_RUNS");
	unsigned long runs = argc > 1 ? 0 : wanted ? strtoul(wanted, NULL, 10) : fuzz->runs;
	uint8_t *data = malloc(fuzz->input_max);

	if (!data)
		return 1;
	for (int i = 1; i < argc; i++)
		fuzz_try(data, fuzz_read_file(argv[i], data, fuzz->input_max));
	for (unsigned long i = 0; i < runs; i++)
		fuzz_try(data, fuzz->make(data));
	free(data);
	if (argc == 1)
		printf("1..1\nok 1 - %s (%lu made-up inputs)\n", fuzz->what, runs);
	return 0;
}
#endif
#endif
