/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opt: the options of a program, as tables.
 *
 * Theory of operation: a program describes itself in one struct opt_program.  Its options are rows
 * of tables of struct opt, some of which are shared between programs (common, relay); each table is
 * bound to the struct that receives the values. The tables provide getopt_long's arguments, -h,
 * --help, the checks of ranges and choices, the list for completion (--list-options) and the test
 * that compares them with the manual.
 *
 * The rules: an option always takes a value or never does; long names are never abbreviated;
 * options may follow operands until "--"; of an option given twice the last value counts, except
 * that lists add up; contradicting options are refused by name.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mistake.h"

enum opt_type {
	OPT_FLAG, /* no value; bool at offset becomes true */
	OPT_REPEAT, /* no value; unsigned at offset counts how often it was given */
	OPT_TIME, /* uint64_t nanoseconds, UNITS_INF for inf */
	OPT_SIZE, /* uint64_t bytes, UNITS_INF for inf */
	OPT_RATE, /* uint64_t bytes a second, UNITS_INF for inf */
	OPT_COUNT, /* uint64_t, UNITS_INF for inf where OPT_INF is set */
	OPT_TEXT, /* const char *, pointing into argv */
	OPT_CHOICE, /* unsigned: index into choices */
	OPT_LIST, /* struct opt_list: texts in the order written; several options may share one list
		   */
};

/* Flags of an option. */
enum {
	OPT_BRIEF = 1, /* also on the short screen, -h */
	OPT_INF = 2, /* accepts the value "inf" */
	OPT_ZERO = 4, /* accepts 0 ("at once"); without this flag 0 is refused even if min is 0 */
	OPT_RULE = 16, /* in vsock-proxy also a key of a rule: idle-timeout=1h */
	OPT_HIDDEN = 8, /* an alternative spelling (of the same type and offset) that --help does
			   not list */
};

struct opt {
	const char *name; /* long name, without dashes */
	int letter; /* or 0 */
	const char *group; /* heading in --help; NULL: that of the row before */
	enum opt_type type;
	const char *value; /* the name of the value in --help (TIME, SIZE, FILE), or NULL */
	const char *fallback; /* the default in --help, or NULL; opt_parse() does not set it */
	const char *text; /* one line for --help, no full stop */
	size_t offset; /* of the value in the struct of its table */
	uint64_t min, max; /* of numbers; max 0: no limit */
	const char *const *choices; /* OPT_CHOICE: NULL-terminated. OPT_TIME: two words that may
				       stand for the time, the first for 0, the second for
				       UNITS_INF; or NULL */
	unsigned flags;
};

struct opt_table {
	const struct opt *rows; /* ends with a row whose name is NULL */
	void *into; /* the struct that the offsets are in; must hold the defaults */
};

/* An option of another tool that this program does not have, or has with another kind of value
 * (ncat's -c COMMAND: the hint then follows the error about the value), and what to write instead.
 */
struct opt_foreign {
	const char *option; /* "-e", "--exec", "-1" (of -1:5000): without a value */
	const char *hint; /* what to write here */
};

struct opt_program {
	const char *name;
	const char *summary; /* "connect stdin and stdout to an address" */
	/* Forms of the command line, without the program's name: "[OPTION]… ADDRESS". Ends with
	 * NULL. */
	const char *const *usage;
	/* Pairs of a command and what it does. --help shows all, -h the first two. Ends with NULL.
	 */
	const char *const *examples;
	const struct opt_table *tables; /* ends with rows NULL */
	const struct opt_foreign *foreign; /* ends with option NULL; may be NULL */
	const char *const *conflicts; /* pairs of long names that contradict, then NULL; or NULL */
	unsigned brief_examples; /* how many examples -h shows; 0: two */
	bool operands_last; /* the words after the first operand are operands too, also if they
			       begin with - */
	const char *const *notes; /* NULL-terminated lines at the end of --help; may be NULL */
	const char *const *statuses; /* NULL-terminated lines "NUMBER meaning" about the exit
					status; NULL: it has all those of enum status */
};

struct opt_entry {
	const struct opt *opt; /* the option that added it: distinguishes --allow from --deny */
	const char *text; /* in argv */
};

struct opt_list {
	struct opt_entry *entries; /* owned by the list */
	size_t count;
};

/*
 * Reads the options of argv, sorting operands to its end.
 *   > 0: the index of the first operand; all values are in their structs
 *     0: -h, --help, --version or --list-options was printed on stdout: flush it, and exit with
 *        status 0
 *   < 0: a negative errno; the error has been reported on stderr: exit with opt_status()
 * Everything after "--" is an operand; *dashdash (may be NULL) becomes the index of the first word
 * after it (argc if there is none), or 0 without "--". -h, --help, -V, --version and --list-options
 * are in no table: every program has them.
 */
int opt_parse(const struct opt_program *program, int argc, char **argv, int *dashdash);

/* The exit status for what opt_parse() returned, 0 or less: 0, 2 for -EINVAL, else 1 (no memory).
 */
int opt_status(int result);

/* True if an option of this long name, or a hidden spelling of it, was given in the last
 * opt_parse(). */
bool opt_given(const struct opt_program *program, const char *name);

/* For a program that was started without arguments: prints its usage and "try -h" to stderr. */
void opt_usage(const struct opt_program *program);

/* Reads value into the struct that the row's offset refers to, for options that come from elsewhere
 * than the command line (rules). On failure the old value stays. 0, -EINVAL with *error, or
 * -ENOMEM. */
int opt_set(const struct opt *opt, void *into, const char *value, struct mistake *error);
/* The row of this long name and its table's struct, or NULL. */
const struct opt *opt_find(const struct opt_table *tables, const char *name, size_t length,
			   void **into);
/* The name that was probably meant, among the rows that have all these flags; NULL: none is
 * similar. */
const char *opt_suggest(const struct opt_table *tables, unsigned flags, const char *name,
			size_t length);

/* Reports a mistake in an option's value that opt_parse() does not check. */
void opt_mistake(const struct opt_entry *written, const struct mistake *mistake);

void opt_list_free(struct opt_list *list);

#endif
