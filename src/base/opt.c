/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: the tables are laid out one after another (struct opt_rows) and
 * getopt_long(3) is made to read them. It is only ever shown options: operands and "--" are taken
 * out here, so that the order of arguments means the same with every libc and with POSIXLY_CORRECT,
 * and what it says of a long option is checked against what was typed, because it takes
 * abbreviations.
 */
#include "config.h"

#include "base/opt.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/names.h"
#include "base/opt-rows.h"

#define LONG_BASE 256 /* getopt_long's value of a long option is this and its row */
#define TYPED_MAX 43 /* of a name, with its dashes */

/* Options of all programs. -h and --help share a row, and only their spelling distinguishes them.
 */
static const struct opt own_options[] = {
	{ .name = "help",
	  .letter = 'h',
	  .group = "common",
	  .text = "print this help; -h: the most used options" },
	{ .name = "version", .letter = 'V', .text = "print the version and optional features" },
	{ .name = "list-options", .text = "for completion", .flags = OPT_HIDDEN },
	{ 0 },
};

/* Which rows the last opt_parse() saw: getopt(3) keeps its state for the whole process, and so do
 * we. */
static bool given[OPT_ROWS_MAX];

struct parse {
	const struct opt_program *program;
	struct opt_rows rows;
	struct option longs[OPT_ROWS_MAX + 1];
	char shorts[2 * OPT_ROWS_MAX + 3];
	int argc;
	char **argv;
	int dashdash; /* index of "--", or argc */
	bool *is_operand;
};

static bool takes_value(const struct opt *opt)
{
	return opt->type != OPT_FLAG && opt->type != OPT_REPEAT;
}

/*
 * Rows
 */

static void add_rows(struct opt_rows *rows, const struct opt *options, void *into)
{
	const char *group = "options";

	for (; options->name != NULL; options++) {
		assert(rows->count < OPT_ROWS_MAX);
		group = options->group != NULL ? options->group : group;
		rows->row[rows->count++] = (struct opt_row){ options, into, group };
	}
}

static void collect_rows(const struct opt_program *program, struct opt_rows *rows)
{
	rows->count = 0;
	for (const struct opt_table *table = program->tables; table->rows != NULL; table++)
		add_rows(rows, table->rows, table->into);
	add_rows(rows, own_options, NULL);
}

/* The row of a long name of length bytes, or of a letter; NULL if there is none. */
static const struct opt_row *find_name(const struct opt_rows *rows, const char *name, size_t length)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strlen(rows->row[i].opt->name) == length &&
		    memcmp(rows->row[i].opt->name, name, length) == 0)
			return &rows->row[i];
	return NULL;
}

static const struct opt_row *find_letter(const struct opt_rows *rows, int letter)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->row[i].opt->letter != 0 && rows->row[i].opt->letter == letter)
			return &rows->row[i];
	return NULL;
}

/* Notes that the option was given, and for an alternative spelling also the main one. */
static void note_given(const struct opt_rows *rows, const struct opt_row *row)
{
	given[row - rows->row] = true;
	if (!(row->opt->flags & OPT_HIDDEN) || row->into == NULL)
		return;
	for (size_t i = 0; i < rows->count; i++) {
		const struct opt_row *other = &rows->row[i];

		if (other->into == row->into && other->opt->offset == row->opt->offset &&
		    other->opt->type == row->opt->type && row->opt->type != OPT_LIST)
			given[i] = true;
	}
}

bool opt_given(const struct opt_program *program, const char *name)
{
	struct opt_rows rows;
	const struct opt_row *row;

	collect_rows(program, &rows);
	row = find_name(&rows, name, strlen(name));
	assert(row != NULL);
	return row != NULL && given[row - rows.row];
}

/*
 * What is wrong with an option
 */

/* What to write instead, if another tool has the option; NULL if we know of none. */
static const char *find_foreign(const struct opt_program *program, const char *typed, size_t length)
{
	const struct opt_foreign *foreign = program->foreign;

	for (; foreign != NULL && foreign->option != NULL; foreign++)
		if (strlen(foreign->option) == length &&
		    memcmp(foreign->option, typed, length) == 0)
			return foreign->hint;
	return NULL;
}

static int fail_foreign(const char *typed, size_t length, const char *hint)
{
	log_error("%.*s is not an option of this program", (int)length, typed);
	log_hint("%s", hint);
	return -EINVAL;
}

static int fail_long(const struct parse *parse, const char *typed)
{
	size_t length = strcspn(typed, "=");
	const char *hint = find_foreign(parse->program, typed, length), *meant;

	if (hint != NULL)
		return fail_foreign(typed, length, hint);
	meant = opt_suggest(parse->program->tables, 0, typed + 2, length - 2);
	if (meant != NULL) {
		log_error("unknown option %.*s; did you mean --%s?", (int)length, typed, meant);
	} else {
		log_error("unknown option %.*s", (int)length, typed);
		log_hint("try '%s --help'", parse->program->name);
	}
	return -EINVAL;
}

static int fail_letter(const struct parse *parse, const char *typed, int letter)
{
	char option[3] = { '-', (char)letter, '\0' };
	const char *hint = find_foreign(parse->program, typed, strlen(typed));

	if (hint != NULL)
		return fail_foreign(typed, strlen(typed), hint);
	hint = find_foreign(parse->program, option, strlen(option));
	if (hint != NULL)
		return fail_foreign(option, strlen(option), hint);
	/* half a character is no help */
	log_error("unknown option %s", letter > ' ' && letter < 0x7f ? option : typed);
	log_hint("try '%s -h'", parse->program->name);
	return -EINVAL;
}

/* An option as it was given: its row, how it was typed ("-w", "--wait") and its value. */
struct use {
	const struct opt_row *row;
	char typed[TYPED_MAX];
	const char *value;
};

static const char *value_name(const struct opt *opt)
{
	return opt->value != NULL ? opt->value : "VALUE";
}

static int fail_missing(const struct use *use)
{
	log_error("%s needs a value: %s %s", use->typed, use->typed, value_name(use->row->opt));
	return -EINVAL;
}

/* Reads the value, or says what is wrong with it. */
static int store(const struct use *use)
{
	struct mistake error;
	int status = opt_set(use->row->opt, use->row->into, use->value, &error);

	if (status == 0)
		return 0;
	if (status == -ENOMEM) {
		log_error("%s: %s", use->typed, strerror(ENOMEM));
		return status;
	}
	log_mistake(use->typed, use->value, &error);
	return status;
}

void opt_mistake(const struct opt_entry *written, const struct mistake *mistake)
{
	char name[48];

	snprintf(name, sizeof(name), "--%s", written->opt->name);
	log_mistake(name, written->text, mistake);
}

/*
 * The line
 */

/* Turns the rows into arguments of getopt_long(3): "+" stops at operands, which it never sees; ":"
 * distinguishes missing values from unknown options. */
static void make_getopt_tables(struct parse *parse)
{
	char *at = parse->shorts;
	size_t i;

	*at++ = '+';
	*at++ = ':';
	for (i = 0; i < parse->rows.count; i++) {
		const struct opt *opt = parse->rows.row[i].opt;

		parse->longs[i] = (struct option){
			.name = opt->name,
			.has_arg = takes_value(opt) ? required_argument : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (opt->letter == 0)
			continue;
		*at++ = (char)opt->letter;
		if (takes_value(opt))
			*at++ = ':';
	}
	parse->longs[i] = (struct option){ 0 };
	*at = '\0';
}

static const char *const *find_conflict(const struct opt_program *program)
{
	const char *const *pair = program->conflicts;

	for (; pair != NULL && pair[0] != NULL; pair += 2)
		if (opt_given(program, pair[0]) && opt_given(program, pair[1]))
			return pair;
	return NULL;
}

enum { ANSWERED = 1 };

/* Our own options. What is printed is the caller's to flush. */
static int answer(const struct parse *parse, const struct use *use)
{
	const struct opt_program *program = parse->program;

	if (strcmp(use->typed, "-h") == 0)
		opt_screen_brief(program, &parse->rows, stdout);
	else if (strcmp(use->row->opt->name, "help") == 0)
		opt_screen_full(program, &parse->rows, stdout);
	else if (strcmp(use->row->opt->name, "version") == 0)
		opt_screen_version(program, stdout);
	else
		opt_screen_list(&parse->rows, stdout);
	return ANSWERED;
}

/* Finds the option, and whether it may or must have a value. code is the result of getopt_long().
 */
static int identify(const struct parse *parse, const char *typed, int code, struct use *use)
{
	bool is_long = typed[0] == '-' && typed[1] == '-';
	size_t length = strcspn(typed, "=");

	if (is_long) {
		use->row = find_name(&parse->rows, typed + 2, length - 2);
		if (use->row == NULL)
			return fail_long(parse, typed);
		snprintf(use->typed, sizeof(use->typed), "--%s", use->row->opt->name);
	} else {
		int letter = code == '?' || code == ':' ? optopt : code;

		use->row = code == '?' ? NULL : find_letter(&parse->rows, letter);
		if (use->row == NULL)
			return fail_letter(parse, typed, letter);
		snprintf(use->typed, sizeof(use->typed), "-%c", letter);
	}
	if (code == ':')
		return fail_missing(use);
	if (code == '?') {
		log_error("%s takes no value: %s", use->typed, typed);
		return -EINVAL;
	}
	use->value = optarg;
	return 0;
}

/* Reads the next option of the word at optind, which moves on only after the last letter of a
 * cluster. */
static int read_option(struct parse *parse)
{
	const char *typed = parse->argv[optind];
	int code = getopt_long(parse->argc, parse->argv, parse->shorts, parse->longs, NULL);
	struct use use = { 0 };
	int status = identify(parse, typed, code, &use);

	if (status < 0)
		return status;
	note_given(&parse->rows, use.row);
	if (use.row->into == NULL)
		return answer(parse, &use);
	status = store(&use);
	if (status == -EINVAL) {
		const char *hint = find_foreign(parse->program, use.typed, strlen(use.typed));

		if (hint != NULL)
			log_hint("%s", hint);
	}
	return status;
}

/* Makes getopt(3) start again, even after other uses: 0 does this in both glibc and musl. */
static void reset_getopt(struct parse *parse)
{
	opterr = 0;
	optind = 0;
	(void)getopt_long(1, parse->argv, parse->shorts, parse->longs, NULL);
	optind = 1;
}

/* All words before "--": options are read, operands marked. */
static int read_words(struct parse *parse)
{
	reset_getopt(parse);
	while (optind < parse->argc) {
		const char *word = parse->argv[optind];
		int status;

		if (strcmp(word, "--") == 0) {
			parse->dashdash = optind;
			break;
		}
		if (word[0] != '-' || word[1] == '\0') {
			parse->is_operand[optind++] = true;
			while (parse->program->operands_last && optind < parse->argc)
				parse->is_operand[optind++] = true;
			continue;
		}
		status = read_option(parse);
		if (status != 0)
			return status;
	}
	return 0;
}

/* Sorts argv: options with their values, "--" if present, operands, what followed "--". Returns the
 * first operand. */
static int sort_operands(struct parse *parse)
{
	char **argv = parse->argv;
	int last = parse->dashdash < parse->argc ? parse->dashdash + 1 : parse->argc, at = 1;
	size_t held = 0;
	char **operands = calloc((size_t)parse->argc + 1, sizeof(*operands));

	if (operands == NULL) {
		log_error("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (int i = 1; i < last; i++) {
		if (parse->is_operand[i])
			operands[held++] = argv[i];
		else
			argv[at++] = argv[i];
	}
	if (held > 0)
		memcpy(argv + at, operands, held * sizeof(*operands));
	free(operands);
	return at;
}

int opt_parse(const struct opt_program *program, int argc, char **argv, int *dashdash)
{
	struct parse parse = { .program = program, .argc = argc, .argv = argv, .dashdash = argc };
	const char *const *conflict;
	int status;

	if (log_program() == NULL)
		log_start(program->name);
	if (argc < 1) { /* Linux before 5.18 starts programs without even a name */
		log_error("argv is empty");
		return -EINVAL;
	}
	memset(given, 0, sizeof(given));
	collect_rows(program, &parse.rows);
	make_getopt_tables(&parse);
	parse.is_operand = calloc((size_t)argc + 1, sizeof(*parse.is_operand));
	if (parse.is_operand == NULL) {
		log_error("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	status = read_words(&parse);
	if (status == 0 && (conflict = find_conflict(program)) != NULL) {
		log_error("--%s and --%s cannot be used together", conflict[0], conflict[1]);
		status = -EINVAL;
	}
	if (status == 0)
		status = sort_operands(&parse);
	else if (status == ANSWERED)
		status = 0;
	if (dashdash != NULL)
		*dashdash = status > 0 && parse.dashdash < argc ? parse.dashdash + 1 : 0;
	free(parse.is_operand);
	return status;
}

int opt_status(int result)
{
	if (result >= 0)
		return 0;
	return result == -EINVAL ? 2 : 1;
}

void opt_usage(const struct opt_program *program)
{
	opt_screen_usage(program, stderr);
	fprintf(stderr, "try '%s -h'\n", name_installed(program->name));
}
