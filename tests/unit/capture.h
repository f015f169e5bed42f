/* SPDX-License-Identifier: GPL-3.0-or-later */
/* capture: what a piece of code writes to stdout or stderr, for unit tests. */
#ifndef TESTS_UNIT_CAPTURE_H
#define TESTS_UNIT_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct capture {
	FILE *file;
	int fd, saved;
	char text[16384];
};

/* From here on what goes to fd is kept. */
static inline void capture_begin(struct capture *capture, int fd)
{
	fflush(NULL);
	capture->fd = fd;
	capture->saved = dup(fd);
	capture->file = tmpfile();
	if (capture->saved < 0 || capture->file == NULL || dup2(fileno(capture->file), fd) < 0)
		abort();
}

/* Until here; returns it as text. */
static inline const char *capture_end(struct capture *capture)
{
	size_t length;

	fflush(NULL);
	if (dup2(capture->saved, capture->fd) < 0)
		abort();
	close(capture->saved);
	rewind(capture->file);
	length = fread(capture->text, 1, sizeof(capture->text) - 1, capture->file);
	capture->text[length] = '\0';
	fclose(capture->file);
	return capture->text;
}

#endif
