/* SPDX-License-Identifier: GPL-3.0-or-later */
/* captured: what is printed on standard output, kept away from what a target itself prints there.
 */
#ifndef FUZZ_CAPTURED_H
#define FUZZ_CAPTURED_H

#include <sys/mman.h>
#include <unistd.h>

#include "driver.h"

static struct {
	char text[256 * 1024];
	size_t size;
	int file, own; /* descriptors, once there is a file */
	bool begun;
} captured;

static inline void capture_begin(void)
{
	if (!captured.begun) {
		captured.file = memfd_create("stdout", MFD_CLOEXEC);
		captured.own = dup(STDOUT_FILENO);
		captured.begun = true;
	}
	fflush(stdout);
	fuzz_check(captured.file >= 0 && captured.own >= 0 && ftruncate(captured.file, 0) == 0 &&
			   lseek(captured.file, 0, SEEK_SET) == 0 &&
			   dup2(captured.file, STDOUT_FILENO) >= 0,
		   "there is a file");
}

/* What has been printed since, with a NUL. */
static inline const char *capture_end(void)
{
	ssize_t size;

	fflush(stdout);
	size = pread(captured.file, captured.text, sizeof(captured.text) - 1, 0);
	dup2(captured.own, STDOUT_FILENO);
	captured.size = size > 0 ? (size_t)size : 0;
	captured.text[captured.size] = '\0';
	fuzz_check(strlen(captured.text) == captured.size, "no NUL is printed");
	return captured.text;
}
#endif
