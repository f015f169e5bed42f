/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INSTALLED_VSOCK_CAT /* the unit test has installed names of its own */
#include "config.h"
#endif

#include "base/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *program, *installed;
} names[] = {
	{ "vsock-cat", INSTALLED_VSOCK_CAT },	    { "vsock-info", INSTALLED_VSOCK_INFO },
	{ "vsock-listen", INSTALLED_VSOCK_LISTEN }, { "vsock-ping", INSTALLED_VSOCK_PING },
	{ "vsock-proxy", INSTALLED_VSOCK_PROXY },   { "vsock-run", INSTALLED_VSOCK_RUN },
};

const char *name_installed(const char *program)
{
	for (size_t i = 0; program != NULL && i < ARRAY_SIZE(names); i++)
		if (strcmp(program, names[i].program) == 0)
			return names[i].installed;
	return program;
}

/* Can this character belong to a word or path that a name is a part of? */
static bool joins(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("/._-@", c) != NULL);
}

/* Does a name begin at text + at? A full stop after it may end the sentence. Returns its row, or
 * ARRAY_SIZE(names). */
static size_t name_at(const char *text, size_t at)
{
	size_t i;

	if (at > 0 && joins(text[at - 1]))
		return ARRAY_SIZE(names);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(names[i].program);

		if (strncmp(text + at, names[i].program, length) != 0)
			continue;
		if (!joins(text[at + length]) ||
		    (text[at + length] == '.' && !joins(text[at + length + 1])))
			break;
	}
	return i;
}

char *names_in(const char *text)
{
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	if (out == NULL)
		return NULL;
	for (size_t at = 0; text[at] != '\0';) {
		size_t row = name_at(text, at);

		if (row < ARRAY_SIZE(names)) {
			fputs(names[row].installed, out);
			at += strlen(names[row].program);
		} else {
			fputc(text[at++], out);
		}
	}
	if (fclose(out) == 0)
		return copy;
	free(copy);
	return NULL;
}
