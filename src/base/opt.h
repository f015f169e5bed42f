/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opt: the options of a program, as tables.
 *
 * Theory of operation: a program describes itself in one struct opt_program.  Its options stand in tables of
 * struct opt, some of them shared between programs (common, relay); each table is bound to the struct that its
 * values go into.  From these tables come getopt_long's arguments, -h, --help, the checks of ranges and choices,
 * what completion offers (--list-options) and the test that the manual agrees.
 *
 * The rules: an option always takes a value or never does; long names are never abbreviated; options may follow
 * operands until "--"; given twice the last counts, lists add up; two that contradict are refused by name.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
	OPT_FLAG,   /* no value; bool at offset becomes true */
	OPT_REPEAT, /* no value; unsigned at offset counts how often it was given */
	OPT_TIME,   /* uint64_t nanoseconds, UNITS_INF for inf */
	OPT_SIZE,   /* uint64_t bytes, UNITS_INF for inf */
	OPT_RATE,   /* uint64_t bytes a second, UNITS_INF for inf */
	OPT_COUNT,  /* uint64_t, UNITS_INF for inf where OPT_INF is set */
	OPT_TEXT,   /* const char *, pointing into argv */
	OPT_CHOICE, /* unsigned: index into choices */
	OPT_LIST,   /* struct opt_list: texts in the order written; several options may share one list */
};

/* What an option is beyond its type. */
enum {
	OPT_BRIEF = 1, /* also on the short screen, -h */
	OPT_INF = 2,   /* the word "inf" is a value */
	OPT_ZERO = 4,  /* 0 is a value ("at once"); without it 0 is refused where min is 0 */
	OPT_RULE = 16, /* in vsock-proxy also a key of a rule: idle-timeout=1h */
	OPT_HIDDEN = 8, /* another spelling (of the same type and offset): works, is not listed by --help */
};

struct opt {
	const char *name;  /* long name, without dashes */
	int letter;        /* or 0 */
	const char *group; /* heading in --help */
	enum opt_type type;
	const char *value;    /* what --help calls the value (TIME, SIZE, FILE); NULL where there is none */
	const char *fallback; /* the default as --help shows it, or NULL; opt_parse() does not set it */
	const char *text;     /* one line for --help, no full stop */
	size_t offset;        /* of the value in the struct of its table */
	uint64_t min, max;    /* of numbers; max 0: no limit */
	const char *const *choices; /* OPT_CHOICE: NULL-terminated */
	unsigned flags;
};

struct opt_table {
	const struct opt *rows; /* ends with a row whose name is NULL */
	void *into;             /* the struct that the offsets are in; must hold the defaults */
};

/* A habit from another tool: an option that this program does not have, or has with another kind of value (ncat's
 * -c COMMAND: the hint then follows the error about the value), and what to write instead. */
struct opt_foreign {
	const char *option; /* "-e", "--exec", "-1" (of -1:5000): without a value */
	const char *hint;   /* what to write here */
};

struct opt_program {
	const char *name;
	const char *summary;             /* "connect stdin and stdout to an address" */
	const char *const *usage;        /* NULL-terminated: "[OPTION]… ADDRESS" */
	const char *const *examples;     /* NULL-terminated pairs: command, what it does; for -h (two) and --help */
	const struct opt_table *tables;  /* ends with rows NULL */
	const struct opt_foreign *foreign; /* ends with option NULL; may be NULL */
	const char *const *conflicts;    /* NULL-terminated pairs of long names that contradict; may be NULL */
	unsigned brief_examples;         /* how many examples -h shows; 0: two */
	const char *const *notes;        /* NULL-terminated lines at the end of --help; may be NULL */
};

struct opt_entry {
	const struct opt *opt; /* which option brought it: tells --allow from --deny */
	const char *text;      /* in argv */
};

struct opt_list {
	struct opt_entry *entries; /* owned by the list */
	size_t count;
};

/*
 * Reads the options of argv, sorting operands to its end.
 *   > 0: the index of the first operand; all values are in their structs
 *     0: -h, --help, --version or --list-options was answered on stdout: end with status 0
 *   < 0: a negative errno; the error has been said on stderr: end with status opt_status()
 * Everything after "--" is operands; *dashdash (may be NULL) becomes the index of the first word after it (argc if there
 * is none), or 0 without "--". -h, --help, -V, --version and --list-options are in no table: every program has them.
 */
int opt_parse(const struct opt_program *program, int argc, char **argv, int *dashdash);

/* The exit status for what opt_parse() returned, 0 or less: 0, 2 for -EINVAL, else 1 (stdout is full, no memory). */
int opt_status(int result);

/* True if an option of this long name, or a hidden spelling of it, was given in the last opt_parse(). */
bool opt_given(const struct opt_program *program, const char *name);

/* The two usage lines and "try -h" on stderr: what a program does without arguments. */
void opt_usage(const struct opt_program *program);

/* What is wrong with a value. */
struct opt_error {
	size_t offset, length; /* of the bad spot in the value; length 0: all of it, no caret is needed under an option */
	char why[256];         /* "bad time: 'x' is not a unit of time" */
	char hint[64];         /* or "" */
};
/* Reads value into the struct that the row's offset is in, for who has rows but no command line (rules). On failure what
 * was there stays. 0, -EINVAL with *error, or -ENOMEM. */
int opt_set(const struct opt *opt, void *into, const char *value, struct opt_error *error);
/* The row of this long name and its table's struct, or NULL. */
const struct opt *opt_find(const struct opt_table *tables, const char *name, size_t length, void **into);
/* The name that was probably meant, of the rows that have all these flags; NULL: none is near. */
const char *opt_suggest(const struct opt_table *tables, unsigned flags, const char *name, size_t length);

void opt_list_free(struct opt_list *list);

#endif
