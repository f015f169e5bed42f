/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logged: what base/log writes, kept instead of written. For targets that are linked with
 * --wrap=fd_write_until; only one file of a program may include this. */
#ifndef FUZZ_LOGGED_H
#define FUZZ_LOGGED_H

#include "driver.h"

#include "base/fd.h"
#include "base/utf8.h"

/* What has been written since the last logged_lines(). */
static struct {
	char data[256 * 1024];
	size_t size;
} logged;

int __wrap_fd_write_until(int fd, const void *data, size_t size, uint64_t deadline,
			  size_t *written);

int __wrap_fd_write_until(int fd, const void *data, size_t size, uint64_t deadline, size_t *written)
{
	(void)fd;
	(void)deadline;
	fuzz_check(size < sizeof(logged.data) - logged.size, "messages are not endless");
	memcpy(logged.data + logged.size, data, size);
	logged.size += size;
	logged.data[logged.size] = '\0';
	if (written)
		*written = size;
	return 0;
}

/* Nothing that a terminal obeys, except for the end of each line. Returns how many lines. */
static inline size_t shown_lines(const char *text, size_t size)
{
	size_t lines = 0;

	for (size_t at = 0, length; at < size; at += length) {
		uint32_t point = 0;

		length = utf8_read(text + at, size - at, &point);
		fuzz_check(length > 0, "what is shown is UTF-8");
		lines += point == '\n';
		fuzz_check(point == '\n' || !utf8_unsafe(point), "nothing that a terminal obeys");
	}
	fuzz_check(size == 0 || text[size - 1] == '\n' || lines == 0, "the last line ends too");
	return lines;
}

/* The number of lines that were logged, which are forgotten. */
static inline size_t logged_lines(void)
{
	size_t lines = shown_lines(logged.data, logged.size);

	fuzz_check(logged.size == 0 || lines > 0, "what is logged ends");
	logged.size = 0;
	return lines;
}
#endif
