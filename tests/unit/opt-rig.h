/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A program with options of every type, for the tests of them. */

#ifndef TESTS_UNIT_OPT_RIG_H
#define TESTS_UNIT_OPT_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"
#include "base/utf8.h"
#include "capture.h"

struct values {
	bool keep, send, receive;
	unsigned verbose, color;
	uint64_t wait, idle, delay, size, rate, count, port, least;
	const char *text;
	struct opt_list access;
};

extern struct values values;
extern const struct opt_program program;
extern struct capture capture;
extern char *words[32];
extern int count, dashdash;

/* For each test's setup and teardown. */
int begin(void **state);
int end(void **state);

/* opt_parse() of a line of words, split at blanks. */
int parse(const char *line);

/* The words from first on, as one text. */
const char *joined(int first);

/* What a line prints on stdout. */
const char *printed(const char *line);

#endif
