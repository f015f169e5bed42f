/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log: everything that goes to stderr.
 *
 * Text: "PROGRAM: MESSAGE", hints on a line of their own ("hint: …"), connection records in the fixed grammar
 * "#N EVENT FROM -> TO KEY=VALUE…".  The same as JSON lines, with journal priorities ("<6>…", where the journal adds
 * the program's name), or to syslog. Every message is escaped as a whole by log_escape(), whatever its arguments hold.
 * One erasable line of progress on a terminal; every other output clears it first.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON, LOG_JOURNAL, LOG_SYSLOG };
enum log_color { LOG_COLOR_AUTO, LOG_COLOR_ALWAYS, LOG_COLOR_NEVER };

struct log_config {
	unsigned verbose; /* -v, repeated */
	unsigned quiet;   /* -q: 1 no notices, hints, progress; 2 nothing */
	bool timestamps;  /* -D: RFC 3339, UTC, microseconds */
	unsigned format;  /* enum log_format */
	unsigned color;   /* enum log_color */
};

/* Sets the program's name; before this messages have none. The text must outlive the log. */
void log_start(const char *program);
const char *log_program(void);
/* Takes effect for all later output; decides what LOG_AUTO is. */
void log_configure(const struct log_config *config);

/* Before all descriptors are closed, in a child: the C library's connection to syslogd is closed, and made anew when needed. */
void log_disconnect(void);

bool log_verbose(unsigned level); /* -v given at least level times, each -q taking one back; -qq: never */
unsigned log_quiet(void);

/* "PROGRAM: " and the message, one line. Errors are suppressed only by -qq. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is wrong at a place in a file ("rules:3"): "PLACE: MESSAGE", so that editors find it. */
void log_error_at(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));            /* unless -q */
void log_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));              /* "hint: …", unless -q */
void log_info(unsigned level, const char *format, ...) __attribute__((format(printf, 2, 3))); /* with -v */

/* The line that was typed, and a caret under the bad spot:
 *   "  3abc:22\n   ^~~\n" — two blanks before each; offset and length in bytes of text, shown by display width. */
void log_caret(const char *text, size_t offset, size_t length);

enum log_type { LOG_F_TEXT, LOG_F_NUMBER, LOG_F_SECONDS }; /* seconds are given in ns */
struct log_field {
	const char *key;      /* in text; NULL ends the list */
	const char *json_key; /* NULL: as key */
	enum log_type type;
	const char *text; /* LOG_F_TEXT; NULL: the field is left out. Quoted in text where it holds blanks */
	uint64_t number;  /* LOG_F_NUMBER and LOG_F_SECONDS */
};
/* A record of a connection: event is open, done, fail or deny. level as log_info(); 0 means always (unless -q).
 * conn 0: of all connections together. */
void log_event(unsigned level, uint64_t conn, const char *event, const char *from, const char *to,
               const struct log_field *fields);

/* One erasable line on a terminal (nothing elsewhere); log_progress_end() erases it. */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_progress_end(void);
bool log_progress_on(void);   /* would log_progress() show anything? */
void log_progress_keep(void); /* the line that is shown stays, and what follows begins below it */

/* May what goes to this descriptor be coloured? By --color, NO_COLOR, TERM and whether it is a terminal. */
bool log_color_on(int fd);

/* How many columns a screen on this descriptor has: $COLUMNS, else the terminal's, else 80. */
unsigned log_width(int fd);

/*
 * The one escaper for text from outside (terminal, log): copies from length bytes of text to buf, writing C0, C1, DEL,
 * bidirectional marks and invalid UTF-8 as \xHH. A backslash stays as it is, so escaping twice does no harm. Always
 * NUL-terminated, cut with … if it does not fit. Returns buf.
 */
char *log_escape(const char *text, size_t length, char *buf, size_t size);

#endif
