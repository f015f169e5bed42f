/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Command lines: a word a line. base/opt is compared with a plain description of the rules, which
 * knows neither getopt(3) nor abbreviations: what is accepted, the values, the operands and their
 * order. Options sorted to the front are read again as the same. Linked with
 * --wrap=fd_write_until.
 */
#include "config.h"

#include "captured.h"
#include "logged.h"

#include <stddef.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"

#define INPUT_MAX 600
#define WORDS_MAX 32

struct values {
	bool keep, send, receive;
	unsigned verbose, color;
	uint64_t wait, busy, size, rate, count, port;
	const char *text;
	struct opt_list access;
};

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const busy_words[] = { "off", "auto", NULL };

#define AT(member) .group = "test", .text = "a test", .offset = offsetof(struct values, member)
static const struct opt main_rows[] = {
	{ .name = "connect-timeout", .letter = 'w', .type = OPT_TIME, .flags = OPT_INF, AT(wait) },
	{ .name = "busy-poll",
	  .type = OPT_TIME,
	  .choices = busy_words,
	  .max = NSEC_PER_SEC,
	  AT(busy) },
	{ .name = "buffer",
	  .letter = 'b',
	  .type = OPT_SIZE,
	  .min = 4096,
	  .max = 1 << 20,
	  AT(size) },
	{ .name = "rate-limit", .letter = 'L', .type = OPT_RATE, .flags = OPT_INF, AT(rate) },
	{ .name = "count", .letter = 'c', .type = OPT_COUNT, .flags = OPT_INF, AT(count) },
	{ .name = "ready-fd", .type = OPT_COUNT, .max = 1023, .flags = OPT_ZERO, AT(port) },
	{ .name = "keep-open", .letter = 'k', AT(keep) },
	{ .name = "send-only", .letter = 's', AT(send) },
	{ .name = "receive-only", AT(receive) },
	{ .name = "recv-only", .letter = 'r', .flags = OPT_HIDDEN, AT(receive) },
	{ .name = "allow", .type = OPT_LIST, AT(access) },
	{ .name = "deny", .letter = 'd', .type = OPT_LIST, AT(access) },
	{ .name = "history", .type = OPT_TEXT, AT(text) },
	{ 0 },
};
static const struct opt common_rows[] = {
	{ .name = "verbose", .letter = 'v', .type = OPT_REPEAT, AT(verbose) },
	{ .name = "color", .type = OPT_CHOICE, .choices = colors, AT(color) },
	{ 0 },
};
static struct values values;
static const struct opt_table tables[] = { { main_rows, &values },
					   { common_rows, &values },
					   { 0 } };
static const struct opt_foreign foreign[] = { { "-e", "write vsock-listen ADDRESS -- COMMAND" },
					      { "--exec", "write vsock-listen -- COMMAND" },
					      { "-c", "COMMAND stands behind --" },
					      { 0 } };
static const char *const usage[] = { "[OPTION]… ADDRESS", NULL };
static const char *const examples[] = { "t 3:22", "one", "t web 22", "two", NULL };
static const char *const conflicts[] = { "send-only", "receive-only", "keep-open", "count", NULL };
static const struct opt_program program = {
	.name = "t",
	.summary = "test options",
	.usage = usage,
	.examples = examples,
	.tables = tables,
	.foreign = foreign,
	.conflicts = conflicts,
};

/* What a line means. */
struct meaning {
	enum { REFUSED, ANSWERED, RUNS } what;
	struct values values;
	char *operands[WORDS_MAX];
	int count, behind; /* how many operands; how many of them stand after "--" */
	bool dashdash;
};

static const struct opt *row_of(const char *name, size_t length, char letter)
{
	for (const struct opt_table *table = tables; table->rows; table++)
		for (const struct opt *row = table->rows; row->name; row++)
			if (name ? strlen(row->name) == length && !memcmp(row->name, name, length)
				 : row->letter && row->letter == letter)
				return row;
	return NULL;
}

static bool has_value(const struct opt *row)
{
	return row->type != OPT_FLAG && row->type != OPT_REPEAT;
}

static bool set(struct meaning *meaning, const struct opt *row, const char *value)
{
	struct mistake error;

	return opt_set(row, &meaning->values, value, &error) == 0;
}

/* "--name", "--name=VALUE" or "--name" "VALUE"; the index of the next word, or -1. */
static int long_option(struct meaning *meaning, int count, char **words, int at)
{
	const char *name = words[at] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt *row = row_of(name, length, 0);
	static const char *const own[] = { "help", "version", "list-options" };

	for (size_t i = 0; !equals && i < 3; i++)
		if (strcmp(name, own[i]) == 0)
			meaning->what = ANSWERED;
	if (meaning->what == ANSWERED || !row || (equals && !has_value(row)))
		return -1;
	if (!has_value(row))
		return set(meaning, row, NULL) ? at + 1 : -1;
	if (equals)
		return set(meaning, row, equals + 1) ? at + 1 : -1;
	return at + 1 < count && set(meaning, row, words[at + 1]) ? at + 2 : -1;
}

/* "-kvw5", "-w" "5" */
static int letters(struct meaning *meaning, int count, char **words, int at)
{
	for (const char *letter = words[at] + 1; *letter; letter++) {
		const struct opt *row = row_of(NULL, 0, *letter);

		if (*letter == 'h' || *letter == 'V') {
			meaning->what = ANSWERED;
			return -1;
		}
		if (!row)
			return -1;
		if (!has_value(row)) {
			if (!set(meaning, row, NULL))
				return -1;
			continue;
		}
		if (letter[1])
			return set(meaning, row, letter + 1) ? at + 1 : -1;
		return at + 1 < count && set(meaning, row, words[at + 1]) ? at + 2 : -1;
	}
	return at + 1;
}

static void read_plainly(struct meaning *meaning, int count, char **words)
{
	bool counted = false;
	int at = 1;

	while (at > 0 && at < count && !meaning->dashdash) {
		const char *word = words[at];

		if (strcmp(word, "--") == 0) {
			meaning->dashdash = true;
			at++;
		} else if (word[0] != '-' || !word[1]) {
			meaning->operands[meaning->count++] = words[at++];
		} else {
			at = word[1] == '-' ? long_option(meaning, count, words, at)
					    : letters(meaning, count, words, at);
		}
	}
	if (at < 0)
		return;
	for (; at < count; at++, meaning->behind++)
		meaning->operands[meaning->count++] = words[at];
	counted = meaning->values.count != 0;
	if (!(meaning->values.send && meaning->values.receive) &&
	    !(meaning->values.keep && counted))
		meaning->what = RUNS;
}

static void same_values(const struct values *a, const struct values *b)
{
	fuzz_check(a->keep == b->keep && a->send == b->send && a->receive == b->receive &&
			   a->verbose == b->verbose && a->color == b->color && a->wait == b->wait &&
			   a->busy == b->busy && a->size == b->size && a->rate == b->rate &&
			   a->count == b->count && a->port == b->port && a->text == b->text &&
			   a->access.count == b->access.count,
		   "an option has the value that was given last");
	for (size_t i = 0; i < a->access.count; i++)
		fuzz_check(a->access.entries[i].opt == b->access.entries[i].opt &&
				   a->access.entries[i].text == b->access.entries[i].text,
			   "a list has what was given, in order");
}

static int parse(int count, char **words, int *dashdash)
{
	opt_list_free(&values.access);
	values = (struct values){ .wait = 0 };
	*dashdash = -1;
	return opt_parse(&program, count, words, dashdash);
}

static void runs(const struct meaning *meaning, int count, char **words)
{
	int dashdash, first = parse(count, words, &dashdash);

	fuzz_check(first > 0 && logged_lines() == 0, "a good line is read without a word");
	fuzz_check(count - first == meaning->count, "there are as many operands");
	for (int i = 0; i < meaning->count; i++)
		fuzz_check(words[first + i] == meaning->operands[i], "operands stay in order");
	fuzz_check(dashdash == (meaning->dashdash ? count - meaning->behind : 0),
		   "what stands after -- is known");
	same_values(&values, &meaning->values);
}

static void answers(int count, char **words)
{
	int dashdash, status;

	capture_begin();
	status = parse(count, words, &dashdash);
	capture_end();
	fuzz_check(status == 0 && logged_lines() == 0, "a question has an answer only");
	for (size_t i = 0; i < captured.size; i++)
		if (captured.text[i] == '\t') /* --list-options has columns */
			captured.text[i] = ' ';
	fuzz_check(shown_lines(captured.text, captured.size) > 0, "an answer is lines of text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "t";
	char *text = fuzz_text(data, size), *rest = text, *words[WORDS_MAX + 1] = { name };
	struct meaning meaning = { .what = REFUSED };
	int count = 1, dashdash;

	while (count < WORDS_MAX && rest && *text)
		words[count++] = strsep(&rest, "\n");
	if (size <= INPUT_MAX && !rest) {
		log_start("t");
		log_configure(&(struct log_config){ .format = LOG_TEXT, .color = LOG_COLOR_NEVER });
		read_plainly(&meaning, count, words);
		if (meaning.what == RUNS) {
			runs(&meaning, count, words);
			/* as they were sorted, with all operands behind -- */
			meaning.behind = meaning.dashdash ? meaning.count : 0;
			runs(&meaning, count, words);
		} else if (meaning.what == ANSWERED) {
			answers(count, words);
		} else {
			fuzz_check(parse(count, words, &dashdash) < 0, "a bad line is refused");
			fuzz_check(logged_lines() > 0, "what is refused has a reason");
		}
		opt_list_free(&meaning.values.access);
	}
	opt_list_free(&values.access);
	free(text);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("\n"),
	PIECE("--"),
	PIECE("-"),
	PIECE("--connect-timeout"),
	PIECE("=5s"),
	PIECE("-w5"),
	PIECE("-kv"),
	PIECE("--busy-poll=auto"),
	PIECE("-b8K"),
	PIECE("--count"),
	PIECE("inf"),
	PIECE("--ready-fd=0"),
	PIECE("-s"),
	PIECE("-r"),
	PIECE("--receive-only"),
	PIECE("--allow"),
	PIECE("-d"),
	PIECE("--color"),
	PIECE("always"),
	PIECE("--help"),
	PIECE("-h"),
	PIECE("--recv"),
	PIECE("="),
	PIECE("--e"),
	PIECE("3:22"),
	PIECE("-e"),
	PIECE("\xff"),
	PIECE("-\xc3\xbc"),
	PIECE("\x1b["),
	PIECE("-W"),
	PIECE("-:"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "command lines mean what the rules of options say",
		.corpus = "corpus-options",
		.input_max = INPUT_MAX,
		.runs = 30000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
