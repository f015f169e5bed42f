/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exec: its command, in words as sh splits them. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr-parts.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Copies one word without its quotes to bytes (or nowhere); returns what follows, or NULL with *error at a bad quote. */
static const char *copy_word(const char *start, const char *at, char **bytes, size_t *error)
{
	const char *open = NULL; /* the quote that we are in */
	char *to = bytes ? *bytes : NULL;

	for (; *at && (open || !is_blank(*at)); at++) {
		const char *c = at;

		if (open && *c == *open) {
			open = NULL;
			continue;
		}
		if (!open && (*c == '\'' || *c == '"')) {
			open = c;
			continue;
		}
		if (*c == '\\' && (!open || (*open == '"' && at[1] && strchr("\"\\$`\n", at[1])))) {
			if (at[1] == '\0') {
				open = at;
				break;
			}
			c = ++at;
			if (*c == '\n') /* as in sh, the line goes on */
				continue;
		}
		if (to)
			*to++ = *c;
	}
	if (open) {
		*error = (size_t)(open - start);
		return NULL;
	}
	if (to) {
		*to++ = '\0';
		*bytes = to;
	}
	return at;
}

/* Counts the words of a command and, where words is given, stores them. -EINVAL: *error is where the bad quote is. */
static int split_words(const char *command, char **words, char *bytes, size_t *count, size_t *error)
{
	const char *at = command;

	for (*count = 0;; ++*count) {
		while (is_blank(*at))
			at++;
		if (*at == '\0')
			return 0;
		if (words)
			words[*count] = bytes;
		at = copy_word(command, at, words ? &bytes : NULL, error);
		if (at == NULL)
			return -EINVAL;
	}
}

int addr_parse_exec(struct parser *p)
{
	const char *command = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t count, at = 0;

	if (length >= sizeof p->addr->name)
		return addr_bad(p, p->begin, length, "too long: at most %zu bytes", sizeof p->addr->name - 1);
	if (split_words(command, NULL, NULL, &count, &at) < 0) {
		if (command[at] == '\\')
			return addr_bad(p, p->begin + at, 1, "nothing follows the backslash");
		return addr_bad(p, p->begin + at, 1, "the %s quote does not end", command[at] == '"' ? "double" : "single");
	}
	if (count == 0) {
		addr_bad(p, p->begin, 1, "the command is missing");
		return addr_hint(p, "write exec:COMMAND, as exec:'cat /etc/motd'");
	}
	memcpy(p->addr->name, command, length);
	return 0;
}

int addr_exec_words(const char *command, char ***words)
{
	size_t count, error;
	char **vector;

	if (split_words(command, NULL, NULL, &count, &error) < 0 || count == 0)
		return -EINVAL;
	vector = malloc((count + 1) * sizeof *vector + strlen(command) + 1);
	if (vector == NULL)
		return -ENOMEM;
	split_words(command, vector, (char *)(vector + count + 1), &count, &error);
	vector[count] = NULL;
	*words = vector;
	return 0;
}
