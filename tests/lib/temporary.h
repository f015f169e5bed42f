/* SPDX-License-Identifier: GPL-3.0-or-later */
/* temporary: where tests put files, so that leaves-nothing sees what stays: in TMPDIR. */
#ifndef TESTS_LIB_TEMPORARY_H
#define TESTS_LIB_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>

#define TEMPORARY_MAX 96 /* leaves room for a name in the path of a socket */

/* Write a template for mkstemp() or mkdtemp(), and return it. */
static inline char *temporary_name(char name[TEMPORARY_MAX])
{
	const char *directory = getenv("TMPDIR");

	if (!directory || !*directory)
		directory = "/tmp";
	if (snprintf(name, TEMPORARY_MAX, "%s/test.XXXXXX", directory) >= TEMPORARY_MAX) {
		fprintf(stderr, "TMPDIR is too long for a socket: %s\n", directory);
		exit(1);
	}
	return name;
}

#endif
