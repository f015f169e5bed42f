/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of guests for --notify: each line is printed once, clean, and the service manager hears
 * only READY=1 and a STATUS. Linked with --wrap=notify_try. */
#include "config.h"

#include "logged.h"

#include "listen/readiness.h"

#define INPUT_MAX READINESS_MAX

static size_t lines_of(const char *message, size_t size)
{
	const char *line, *before = message;
	size_t at = 0, length, count = 0, bytes = 0, ends = 0;

	while ((line = readiness_line(message, size, &at, &length))) {
		fuzz_check(line >= before && line + length <= message + size, "lines are in order");
		fuzz_check(length > 0 && !memchr(line, '\n', length), "a line is one line");
		before = line + length;
		bytes += length;
		count++;
	}
	for (size_t i = 0; i < size; i++)
		ends += message[i] == '\n';
	fuzz_check(bytes + ends == size, "no byte is in no line");
	return count;
}

static void printed(const char *message, size_t size, bool json, size_t lines)
{
	const struct peer from = { .family = ADDR_VSOCK, .u.vsock = { .cid = 3, .port = 1 } };
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		exit(1);
	readiness_print(out, json, &from, message, size);
	if (fclose(out) != 0)
		exit(1);
	fuzz_check(shown_lines(text, length) == lines, "each line is printed once");
	free(text);
}

int __wrap_notify_try(const char *lines);

int __wrap_notify_try(const char *lines)
{
	(void)lines;
	return 0;
}

/* What would be passed on. */
static void passed_on(const char *message, size_t size)
{
	static struct readiness readiness;

	readiness = (struct readiness){ .again.back = &readiness.again };
	readiness_forward(&readiness, message, size);
	fuzz_check(readiness.ready == readiness_has(message, size, "READY=1"),
		   "READY=1 is READY=1");
	fuzz_check(!*readiness.status || strncmp(readiness.status, "STATUS=", 7) == 0,
		   "nothing but a STATUS is passed on");
	fuzz_check(shown_lines(readiness.status, strlen(readiness.status)) == 0,
		   "a STATUS is one line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *message;
	size_t lines;

	/* a message with a NUL is refused before */
	if (size > INPUT_MAX || memchr(data, 0, size))
		return 0;
	setenv("NOTIFY_SOCKET", "/none", 1);
	message = (char *)fuzz_exact((const char *)data, size);
	lines = lines_of(message, size);
	printed(message, size, false, lines);
	printed(message, size, true, lines);
	passed_on(message, size);
	free(message);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("READY=1\n"),
	PIECE("\nSTATUS="),
	PIECE("STATUS=up\n"),
	PIECE("MAINPID=1\n"),
	PIECE("X_SYSTEMD_UNIT_ACTIVE=multi-user.target"),
	PIECE("\n\n"),
	PIECE("="),
	PIECE("\033[2J"),
	PIECE("\xe2\x80\xae"),
	{ "\0", 1 },
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "messages of guests are printed, and passed on as far as is permitted",
		.corpus = "corpus-readiness",
		.input_max = INPUT_MAX,
		.runs = 4000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
