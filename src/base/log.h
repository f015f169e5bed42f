/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log: everything that goes to stderr.
 *
 * Text: "PROGRAM: MESSAGE", hints on a line of their own ("hint: …"), connection records in the
 * fixed grammar "#N EVENT FROM -> TO KEY=VALUE…". The same can be written as JSON lines, with
 * journal priorities
 * ("<6>…", where the journal adds the program's name), or to syslog. Every message is escaped as a
 * whole by utf8_escape(), whatever its arguments hold. On a terminal there can be one erasable line
 * of progress, which all other output clears first.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

#include "base/mistake.h"
#include "base/utf8.h"

enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON, LOG_JOURNAL, LOG_SYSLOG };
enum log_color { LOG_COLOR_AUTO, LOG_COLOR_ALWAYS, LOG_COLOR_NEVER };

struct log_config {
	unsigned verbose; /* -v, repeated */
	unsigned quiet; /* -q, repeated: 1 no notices, hints or progress; 2 nothing */
	bool timestamps; /* -D: RFC 3339, UTC, microseconds */
	unsigned format; /* enum log_format */
	unsigned color; /* enum log_color */
};

/* Sets the program's name, which messages begin with. The text must outlive the log. */
void log_start(const char *program);
const char *log_program(void);
/* Applies to all later output; resolves LOG_AUTO. */
void log_configure(const struct log_config *config);

/* To be called in a child before it closes all descriptors: closes the C library's connection to
 * syslogd, which is reopened when needed. */
void log_disconnect(void);

/* Was -v given at least level times, each -q taking one back? With -qq never. */
bool log_verbose(unsigned level);
unsigned log_quiet(void);

/* "PROGRAM: " and the message, one line. Errors are suppressed only by -qq. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same. Returns status, for `return log_failure(...)`. */
int log_failure(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports an error at a place in a file ("rules:3") as "PLACE: MESSAGE", so that editors can jump
 * to it. */
void log_error_at(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Unless -q; a hint is "hint: …". */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* If log_verbose(level). */
void log_info(unsigned level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line the user typed, with carets under the mistake:
 *   "  3abc:22\n   ^~~\n" — both indented by two spaces. offset and length are bytes of text;
 * columns are counted by display width. */
void log_caret(const char *text, size_t offset, size_t length);
/* "NAME TEXT: WHY", the text with its caret (unless all of it is wrong), and the hint. name is the
 * option, key or file that the text belongs to, or NULL. */
void log_mistake(const char *name, const char *text, const struct mistake *mistake);

enum log_type { LOG_F_TEXT, LOG_F_NUMBER, LOG_F_SECONDS }; /* seconds are given in ns */
struct log_field {
	const char *key; /* in text; NULL ends the list */
	const char *json_key; /* NULL: as key */
	enum log_type type;
	const char *text; /* LOG_F_TEXT; NULL: the field is omitted. Quoted in text if it contains
			     spaces */
	uint64_t number; /* LOG_F_NUMBER and LOG_F_SECONDS */
};
#define LOG_TEXT_FIELD(name, value) ((struct log_field){ .key = (name), .text = (value) })
#define LOG_NUMBER_FIELD(name, value) \
	((struct log_field){ .key = (name), .type = LOG_F_NUMBER, .number = (value) })
#define LOG_SECONDS_FIELD(name, ns) \
	((struct log_field){ .key = (name), .type = LOG_F_SECONDS, .number = (ns) })
/* Most records have this one. */
#define LOG_TIME_FIELD(ns)   \
	((struct log_field){ \
		.key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = (ns) })
/* A record of a connection: event is open, done, fail or deny. level is that of log_info(); 0 means
 * always (unless -q). conn 0 stands for all connections together. */
void log_event(unsigned level, uint64_t conn, const char *event, const char *from, const char *to,
	       const struct log_field *fields);

/* One erasable line on a terminal (nothing elsewhere); log_progress_end() erases it. */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_progress_end(void);
bool log_progress_on(void); /* would log_progress() show anything? */
void log_progress_keep(void); /* keep the line that is shown, and continue below it */

/* May output to this descriptor be coloured? Depends on --color, NO_COLOR, TERM and whether it is a
 * terminal. */
bool log_color_on(int fd);

/* The number of columns of this descriptor's screen: $COLUMNS, else the terminal's width, else 80.
 */
unsigned log_width(int fd);

#endif
