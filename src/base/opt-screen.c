/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opt-screen: what -h, --help, --version and --list-options print. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/names.h"
#include "base/opt-rows.h"
#include "base/utf8.h"
#include "base/util.h"

#define BRIEF_WIDTH 80u
#define WIDEST 110u /* longer lines are hard to read */
#define NARROWEST 30u /* below it we let the terminal wrap */
/* In a narrower window each text is on the lines after its option, STACKED_COLUMN to the right. */
#define STACKED 60u
#define STACKED_COLUMN 8u
/* Where the texts begin at most; a longer option has its text on the next line. */
#define COLUMN_MAX 32u
#define LEFT_SIZE 160

static const char *const features[] = {
#ifdef HAVE_LIBREADLINE
	"+readline",
#else
	"-readline",
#endif
#ifdef HAVE_LIBSECCOMP
	"+seccomp",
#else
	"-seccomp",
#endif
};

static unsigned screen_width(unsigned most, FILE *out)
{
	unsigned width = log_width(fileno(out));

	if (width > most)
		return most;
	return width < NARROWEST ? NARROWEST : width;
}

static size_t columns(const char *text)
{
	return utf8_width(text, strlen(text));
}

/* Words of text from column at on, wrapped at width to column indent; ends the line. */
static void put_wrapped(FILE *out, const char *text, size_t at, size_t indent, size_t width)
{
	char *named = names_in(text);
	bool first = true;

	if (named != NULL)
		text = named;
	while (*text != '\0') {
		size_t length = strcspn(text, " "), word = utf8_width(text, length);

		if (!first && at + 1 + word > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, length, out);
		at += word;
		first = false;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
	free(named);
}

static void put_choices(FILE *out, const struct opt *opt, const char *between)
{
	for (size_t i = 0; opt->choices != NULL && opt->choices[i] != NULL; i++)
		fprintf(out, "%s%s", i > 0 ? between : "", opt->choices[i]);
}

/* "  -w, --connect-timeout TIME" */
static const char *left_side(const struct opt *opt, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	*buf = '\0';
	if (out == NULL)
		return buf;
	if (opt->letter != 0)
		fprintf(out, "  -%c, --%s", opt->letter, opt->name);
	else
		fprintf(out, "      --%s", opt->name);
	if (opt->value != NULL)
		fprintf(out, " %s", opt->value);
	else if (opt->type == OPT_CHOICE) {
		fputc(' ', out);
		put_choices(out, opt, "|");
	}
	fclose(out);
	return buf;
}

/* "what it does: this, that [default]" */
static const char *right_side(const struct opt *opt, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	*buf = '\0';
	if (out == NULL)
		return buf;
	fputs(opt->text, out);
	if (opt->type == OPT_CHOICE && opt->value != NULL) {
		fputs(": ", out);
		put_choices(out, opt, ", ");
	}
	if (opt->fallback != NULL)
		fprintf(out, " [%s]", opt->fallback);
	fclose(out);
	return buf;
}

static bool is_shown(const struct opt *opt, bool brief)
{
	return !(opt->flags & OPT_HIDDEN) && (!brief || opt->flags & OPT_BRIEF);
}

/* The column at which the texts begin. */
static size_t text_column(const struct opt_rows *rows, bool brief, size_t width)
{
	size_t column = 0;
	char left[LEFT_SIZE];

	if (width < STACKED)
		return STACKED_COLUMN;
	for (size_t i = 0; i < rows->count; i++) {
		const struct opt *opt = rows->row[i].opt;
		size_t used = columns(left_side(opt, left, sizeof(left))) + 2;

		if (is_shown(opt, brief) && used > column && used <= COLUMN_MAX)
			column = used;
	}
	return column;
}

static void put_option(FILE *out, const struct opt *opt, size_t column, size_t width)
{
	char left[LEFT_SIZE], right[512];
	size_t used = columns(left_side(opt, left, sizeof(left)));

	fputs(left, out);
	if (used + 2 > column) {
		fputc('\n', out);
		used = 0;
	}
	fprintf(out, "%*s", (int)(column - used), "");
	put_wrapped(out, right_side(opt, right, sizeof(right)), column, column, width);
}

void opt_screen_usage(const struct opt_program *program, FILE *out)
{
	const char *name = name_installed(program->name);
	size_t width = screen_width(WIDEST, out);

	for (size_t i = 0; program->usage[i] != NULL; i++) {
		fprintf(out, "%s %s ", i == 0 ? "usage:" : "      ", name);
		put_wrapped(out, program->usage[i], columns(name) + 8, 11, width);
	}
}

static void put_summary(const struct opt_program *program, size_t width, FILE *out)
{
	const char *name = name_installed(program->name);

	fprintf(out, "%s: ", name);
	put_wrapped(out, program->summary, columns(name) + 2, 2, width);
}

static void put_own_statuses(const char *const *statuses, size_t width, FILE *out)
{
	fputs("\nExit status:\n", out);
	for (; *statuses != NULL; statuses++) {
		fputs("  ", out);
		put_wrapped(out, *statuses, 2, 2 + strcspn(*statuses, " ") + 1, width);
	}
}

static void put_statuses(size_t width, FILE *out)
{
	static const char *const meanings[] = {
		"success",
		"other failure",
		"usage, bad address",
		"refused",
		"no such CID, host or device",
		"timed out",
		"permission denied",
		"connection broke",
	};
	size_t rows = ARRAY_SIZE(meanings) / 2;

	fputs("\nExit status:\n", out);
	for (size_t i = 0; width < STACKED && i < ARRAY_SIZE(meanings); i++)
		fprintf(out, "  %zu %s\n", i, meanings[i]);
	for (size_t i = 0; width >= STACKED && i < rows; i++)
		fprintf(out, "  %zu %-24s%zu %s\n", i, meanings[i], rows + i, meanings[rows + i]);
}

/* Our programs' names in an example are those that are installed. Returns how many columns it
 * takes; out NULL: only that. */
static size_t put_command(FILE *out, const char *command)
{
	char *named = names_in(command);
	const char *shown = named != NULL ? named : command;
	size_t width = columns(shown);

	if (out != NULL)
		fprintf(out, "  %s", shown);
	free(named);
	return width;
}

/* Pairs of command and what it does, in two columns as long as every line fits, else one below the
 * other. */
static void put_examples(const struct opt_program *program, size_t most, size_t width, FILE *out)
{
	const char *const *examples = program->examples;
	size_t widest = 0, count = 0;
	bool fits = true;

	for (; examples != NULL && count < most && examples[2 * count] != NULL; count++)
		if (put_command(NULL, examples[2 * count]) > widest)
			widest = put_command(NULL, examples[2 * count]);
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		fits = fits && widest + 4 + columns(examples[2 * i + 1]) <= width;
	fputs("\nExamples:\n", out);
	for (size_t i = 0; i < count; i++) {
		const char *meaning = examples[2 * i + 1];
		size_t used = put_command(out, examples[2 * i]);

		if (fits)
			fprintf(out, "%*s", (int)(2 + widest - used), "");
		else
			fputs("\n      ", out);
		put_wrapped(out, meaning, fits ? widest + 4 : 6, 6, width);
	}
}

void opt_screen_brief(const struct opt_program *program, const struct opt_rows *rows, FILE *out)
{
	size_t width = screen_width(BRIEF_WIDTH, out), column = text_column(rows, true, width);
	char manual[80];

	opt_screen_usage(program, out);
	put_summary(program, width, out);
	fputc('\n', out);
	for (size_t i = 0; i < rows->count; i++)
		if (is_shown(rows->row[i].opt, true))
			put_option(out, rows->row[i].opt, column, width);
	put_examples(program, program->brief_examples > 0 ? program->brief_examples : 2, width,
		     out);
	fputc('\n', out);
	snprintf(manual, sizeof(manual), "--help shows all options; the manual is %s(1)",
		 program->name);
	put_wrapped(out, manual, 0, 0, width);
}

/* Is this the first row of its group that is shown? */
static bool begins_group(const struct opt_rows *rows, size_t row)
{
	if (!is_shown(rows->row[row].opt, false))
		return false;
	for (size_t i = 0; i < row; i++)
		if (is_shown(rows->row[i].opt, false) &&
		    strcasecmp(rows->row[i].group, rows->row[row].group) == 0)
			return false;
	return true;
}

static void put_group(const struct opt_rows *rows, size_t first, size_t column, size_t width,
		      FILE *out)
{
	const char *name = rows->row[first].group;

	fprintf(out, "\n%c%s:\n", toupper((unsigned char)name[0]), name + 1);
	for (size_t i = first; i < rows->count; i++)
		if (is_shown(rows->row[i].opt, false) && strcasecmp(rows->row[i].group, name) == 0)
			put_option(out, rows->row[i].opt, column, width);
}

void opt_screen_full(const struct opt_program *program, const struct opt_rows *rows, FILE *out)
{
	size_t width = screen_width(WIDEST, out), column = text_column(rows, false, width);
	char manual[80];

	opt_screen_usage(program, out);
	put_summary(program, width, out);
	for (size_t i = 0; i < rows->count; i++)
		if (begins_group(rows, i))
			put_group(rows, i, column, width, out);
	put_examples(program, SIZE_MAX, width, out);
	if (program->notes != NULL)
		fputs("\nNotes:\n", out);
	for (size_t i = 0; program->notes != NULL && program->notes[i] != NULL; i++) {
		fputs("  ", out);
		put_wrapped(out, program->notes[i], 2, 4, width);
	}
	if (program->statuses != NULL)
		put_own_statuses(program->statuses, width, out);
	else
		put_statuses(width, out);
	fputc('\n', out);
	snprintf(manual, sizeof(manual), "See %s(1) and, for addresses, vsock-address(7).",
		 program->name);
	put_wrapped(out, manual, 0, 0, width);
}

void opt_screen_version(const struct opt_program *program, FILE *out)
{
	fprintf(out, "%s (%s) %s\n", name_installed(program->name), PACKAGE_NAME, PACKAGE_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		fprintf(out, "%s%s", i > 0 ? " " : "", features[i]);
	fprintf(out,
		"\nCopyright (C) %s the vsock-tools authors\n"
		"Licence GPL-3.0-or-later; there is no warranty.\n"
		"Home page: %s\nBugs: %s\n",
		COPYRIGHT_YEARS, PACKAGE_URL, PACKAGE_BUGREPORT);
}

void opt_screen_list(const struct opt_rows *rows, FILE *out)
{
	static const char *const types[] = {
		[OPT_FLAG] = "flag", [OPT_REPEAT] = "repeat", [OPT_TIME] = "time",
		[OPT_SIZE] = "size", [OPT_RATE] = "rate",     [OPT_COUNT] = "count",
		[OPT_TEXT] = "text", [OPT_CHOICE] = "choice", [OPT_LIST] = "list",
	};

	for (size_t i = 0; i < rows->count; i++) {
		const struct opt *opt = rows->row[i].opt;

		if (!is_shown(opt, false))
			continue;
		fprintf(out, "%c\t%s\t%s\t%s\t", opt->letter != 0 ? opt->letter : '-', opt->name,
			types[opt->type], opt->value != NULL ? opt->value : "-");
		if (opt->choices)
			put_choices(out, opt, ",");
		else
			fputc('-', out);
		fprintf(out, "\t%s\t%s\t%s\n", opt->fallback != NULL ? opt->fallback : "-",
			opt->flags & OPT_RULE ? "key" : "-", opt->text);
	}
}
