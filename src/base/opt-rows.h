/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opt-rows: what opt.c and opt-screen.c share: the rows of all tables of a program, one after
 * another. */
#ifndef BASE_OPT_ROWS_H
#define BASE_OPT_ROWS_H

#include <stdio.h>

#include "base/opt.h"

#define OPT_ROWS_MAX 192

struct opt_row {
	const struct opt *opt;
	void *into; /* NULL: --help and the like, which every program has */
	const char *group;
};

struct opt_rows {
	struct opt_row row[OPT_ROWS_MAX];
	size_t count;
};

/* Print the screens on out. */
void opt_screen_usage(const struct opt_program *program, FILE *out);
void opt_screen_brief(const struct opt_program *program, const struct opt_rows *rows, FILE *out);
void opt_screen_full(const struct opt_program *program, const struct opt_rows *rows, FILE *out);
void opt_screen_version(const struct opt_program *program, FILE *out);
void opt_screen_list(const struct opt_rows *rows, FILE *out);

#endif
