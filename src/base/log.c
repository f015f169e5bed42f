/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: a line is put together in memory (open_memstream) and leaves in one
 * write(2), so that lines of several processes on one stderr do not mix. A message is escaped as a
 * whole: it is one line whatever its arguments hold. utf8_escape() leaves backslashes alone, so
 * what a caller has already escaped stays as it is.
 */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/names.h"
#include "base/units.h"

#undef LOG_SYSLOG /* syslog.h's facility of that name hides our format */

/* How long a message waits for a stderr that is not read (a full pipe). After that it is lost, and
 * later messages are lost at once. */
#define WRITE_PATIENCE NSEC_PER_SEC

struct level {
	const char *name;
	int priority;
	unsigned quiet; /* how many -q suppress it */
};
static const struct level level_error = { "error", LOG_ERR, 2 };
static const struct level level_place = { "error", LOG_ERR, 2 };
static const struct level level_warning = { "warning", LOG_WARNING, 2 };
static const struct level level_notice = { "notice", LOG_NOTICE, 1 };
static const struct level level_hint = { "hint", LOG_NOTICE, 1 };
static const struct level level_info = { "info", LOG_INFO, 2 };

static const char *program_name;
static struct log_config config = { .format = LOG_TEXT };
static bool progress_shown;

/* Messages lost on stderr (a full disk, a reader that is gone or stalled) since the last successful
 * write. */
static struct {
	uint64_t messages;
	int error; /* of the last attempt, or 0 */
	bool cut; /* one of them was, in its midst: what comes next begins a line */
} lost;

/* Is stderr the journal's stream? The environment has its device and inode; see systemd.exec(5). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat status;
	char rest;

	if (stream == NULL || sscanf(stream, "%ju:%ju%c", &device, &inode, &rest) != 2)
		return false;
	return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

void log_start(const char *program)
{
	program_name = program;
}

const char *log_program(void)
{
	return program_name;
}

void log_configure(const struct log_config *wanted)
{
	log_progress_end();
	config = *wanted;
	if (config.format == LOG_AUTO)
		config.format = is_journal() ? LOG_JOURNAL : LOG_TEXT;
	if (config.format == LOG_SYSLOG)
		openlog(name_installed(program_name), LOG_PID, LOG_DAEMON);
}

void log_disconnect(void)
{
	closelog();
	if (config.format == LOG_SYSLOG) /* what the messages are called was forgotten too */
		openlog(name_installed(program_name), LOG_PID, LOG_DAEMON);
}

bool log_verbose(unsigned level)
{
	return config.quiet < 2 && config.verbose >= level + config.quiet;
}

unsigned log_quiet(void)
{
	return config.quiet;
}

bool log_color_on(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (config.color != LOG_COLOR_AUTO)
		return config.color == LOG_COLOR_ALWAYS;
	if (no_color != NULL && *no_color != '\0')
		return false;
	return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(fd);
}

unsigned log_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct mistake error;
	struct winsize window;
	uint64_t width;

	if (columns != NULL && units_count(columns, 1, 10000, &width, &error) == 0)
		return (unsigned)width;
	if (ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
		return window.ws_col;
	return 80;
}

static void emit(const struct level *level, const char *message);

/* Writes a message or other lines. A failure is ignored, because there is nowhere to report it. */
static void put_out(const char *data, size_t size)
{
	uint64_t deadline = units_now() + (lost.error ? 0 : WRITE_PATIENCE);
	size_t written;
	int error = lost.cut ? fd_write_until(STDERR_FILENO, "\n", 1, deadline, NULL) : 0;

	if (!error) {
		lost.cut = false;
		error = fd_write_until(STDERR_FILENO, data, size, deadline, &written);
		lost.cut = written > 0 && written < size;
	}
	lost.error = -error;
	lost.messages += error != 0;
}

/* True if there is nothing to tell any more. */
static bool tell_lost(void)
{
	uint64_t messages = lost.messages;
	char text[160];

	if (messages == 0)
		return true;
	snprintf(text, sizeof(text),
		 "messages lost here: %" PRIu64 ": standard error could not be written: %s",
		 messages, lost.error == ETIMEDOUT ? "nobody reads it" : strerror(lost.error));
	lost.messages = 0;
	emit(&level_warning, text); /* comes back to write_out() */
	if (lost.messages == 0)
		return true;
	lost.messages = messages; /* this one is none of them */
	return false;
}

/* Writes the progress line, whose loss does no harm. */
static void write_progress(const char *data, size_t size)
{
	(void)fd_write_until(STDERR_FILENO, data, size, units_now() + WRITE_PATIENCE, NULL);
}

static void write_out(const char *data, size_t size)
{
	if (tell_lost())
		put_out(data, size);
	else
		lost.messages++;
}

/*
 * Escaping
 */

/* utf8_escape() to a line; between quotes '"' and '\' get a backslash. */
static void put_escaped(FILE *line, const char *text, size_t length, bool quoted)
{
	char piece[17];

	while (length > 0) {
		size_t taken = utf8_escape_one(text, length, piece);

		for (const char *at = piece; *at != '\0'; at++) {
			if (quoted && (*at == '"' || *at == '\\'))
				fputc('\\', line);
			fputc(*at, line);
		}
		text += taken;
		length -= taken;
	}
}

/*
 * Lines
 */

struct line {
	FILE *out;
	char *data;
	size_t size;
};

static bool line_open(struct line *line)
{
	line->out = open_memstream(&line->data, &line->size);
	return line->out != NULL;
}

/* Ends what line_open() began; the text is the caller's to free, NULL if there was no memory. */
static char *line_close(struct line *line)
{
	bool bad = ferror(line->out);

	if (fclose(line->out) == 0 && !bad)
		return line->data;
	free(line->data);
	return NULL;
}

/* Ends a line and writes it. */
static void line_write(struct line *line)
{
	if (line_close(line) == NULL)
		return;
	write_out(line->data, line->size);
	free(line->data);
}

/* Writes the prefix of a line of text. named: with the program's name, which the journal adds
 * itself.
 */
static void put_prefix(FILE *out, const struct level *level, bool named)
{
	char buf[UNITS_STAMP];

	if (config.format == LOG_JOURNAL)
		fprintf(out, "<%d>", level->priority);
	if (config.timestamps)
		fprintf(out, "%s ", units_stamp(buf, sizeof(buf)));
	if (!named || program_name == NULL || config.format == LOG_JOURNAL)
		return;
	if (level == &level_error && log_color_on(STDERR_FILENO))
		fprintf(out, "\033[1;31m%s:\033[0m ", name_installed(program_name));
	else
		fprintf(out, "%s: ", name_installed(program_name));
}

/* Begins output: whatever it is, the progress goes first. */
static void put_erase(FILE *out)
{
	if (progress_shown)
		fputs("\r\033[K", out);
	progress_shown = false;
}

static void put_json_message(FILE *out, const struct level *level, const char *message)
{
	struct json json;
	char buf[UNITS_STAMP];

	json_line(&json, out);
	json_text(&json, "time", units_stamp(buf, sizeof(buf)));
	json_text(&json, "level", level->name);
	json_text(&json, "message", message);
	json_line_end(&json);
}

/* A message, escaped, in the format that was asked for. */
static void emit(const struct level *level, const char *message)
{
	struct line line;

	if (config.format == LOG_SYSLOG) {
		syslog(level->priority, "%s%s", level == &level_hint ? "hint: " : "", message);
		return;
	}
	if (!line_open(&line))
		return;
	put_erase(line.out);
	if (config.format == LOG_JSON) {
		put_json_message(line.out, level, message);
	} else {
		put_prefix(line.out, level, level != &level_hint && level != &level_place);
		fprintf(line.out, "%s%s\n", level == &level_hint ? "hint: " : "", message);
	}
	line_write(&line);
}

/* A message about place, a file and line, unless that is NULL. */
__attribute__((format(printf, 3, 0))) static void report(const struct level *level,
							 const char *place, const char *format,
							 va_list arguments)
{
	int saved = errno; /* for the caller; and %m is read at once, in vasprintf() */
	struct line line;
	char *raw, *named = NULL;

	if (config.quiet >= level->quiet)
		return;
	if (vasprintf(&raw, format, arguments) < 0)
		goto out;
	if (level == &level_hint || level == &level_notice)
		named = names_in(raw);
	if (line_open(&line)) {
		const char *message = named != NULL ? named : raw;

		if (place != NULL) {
			put_escaped(line.out, place, strlen(place), false);
			fputs(": ", line.out);
		}
		put_escaped(line.out, message, strlen(message), false);
		if (line_close(&line) != NULL) {
			emit(level, line.data);
			free(line.data);
		}
	}
	free(named);
	free(raw);
out:
	errno = saved;
}

void log_error_at(const char *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_place, place, format, arguments);
	va_end(arguments);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_error, NULL, format, arguments);
	va_end(arguments);
}

int log_failure(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_error, NULL, format, arguments);
	va_end(arguments);
	return status;
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_warning, NULL, format, arguments);
	va_end(arguments);
}

void log_notice(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_notice, NULL, format, arguments);
	va_end(arguments);
}

void log_hint(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(&level_hint, NULL, format, arguments);
	va_end(arguments);
}

void log_info(unsigned level, const char *format, ...)
{
	va_list arguments;

	if (!log_verbose(level))
		return;
	va_start(arguments, format);
	report(&level_info, NULL, format, arguments);
	va_end(arguments);
}

/*
 * The caret
 */

static void put_json_caret(FILE *out, const char *text, size_t offset, size_t length)
{
	struct json json;
	char buf[UNITS_STAMP];

	json_line(&json, out);
	json_text(&json, "time", units_stamp(buf, sizeof(buf)));
	json_text(&json, "level", level_error.name);
	json_text(&json, "text", text);
	json_number(&json, "offset", offset);
	json_number(&json, "length", length);
	json_line_end(&json);
}

/* How many columns the bytes from first to last take once they are escaped. */
static size_t escaped_width(const char *text, size_t first, size_t last)
{
	size_t width = 0;
	char piece[17];

	while (first < last) {
		first += utf8_escape_one(text + first, last - first, piece);
		width += utf8_width(piece, strlen(piece));
	}
	return width;
}

/* The line of text, and below it the line with the caret. */
static void put_caret(FILE *out, const char *text, size_t offset, size_t length)
{
	size_t size = strlen(text), before, under;

	if (offset > size)
		offset = size;
	if (length > size - offset)
		length = size - offset;
	before = escaped_width(text, 0, offset);
	under = escaped_width(text, offset, offset + length);
	put_prefix(out, &level_error, false);
	fputs("  ", out);
	put_escaped(out, text, size, false);
	fputc('\n', out);
	put_prefix(out, &level_error, false);
	fprintf(out, "  %*s^", (int)before, "");
	while (under-- > 1)
		fputc('~', out);
	fputc('\n', out);
}

void log_caret(const char *text, size_t offset, size_t length)
{
	int saved = errno;
	struct line line;

	/* with syslog no line is below another */
	if (config.quiet >= 2 || config.format == LOG_SYSLOG || !line_open(&line))
		return;
	put_erase(line.out);
	if (config.format == LOG_JSON)
		put_json_caret(line.out, text, offset, length);
	else
		put_caret(line.out, text, offset, length);
	line_write(&line);
	errno = saved;
}

void log_mistake(const char *name, const char *text, const struct mistake *mistake)
{
	log_error("%s%s%s: %s", name ? name : "", name ? " " : "", text, mistake->why);
	if (mistake->length)
		log_caret(text, mistake->offset, mistake->length);
	if (*mistake->hint)
		log_hint("%s", mistake->hint);
}

/*
 * Records of connections
 */

/* Milliseconds are enough for what took long; what didn't gets the digits that tell something. */
static int seconds_decimals(uint64_t ns)
{
	if (ns >= 10 * NSEC_PER_MSEC || ns == 0)
		return 3;
	return ns >= 100 * NSEC_PER_USEC ? 4 : 6;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void put_json_event(FILE *out, uint64_t conn, const char *event, const char *from,
			   const char *to, const struct log_field *fields)
{
	struct json json;
	char buf[UNITS_STAMP];

	json_line(&json, out);
	json_text(&json, "time", units_stamp(buf, sizeof(buf)));
	json_text(&json, "event", event);
	if (conn)
		json_number(&json, "conn", conn);
	if (from != NULL)
		json_text(&json, "from", from);
	if (to != NULL)
		json_text(&json, "to", to);
	for (; fields != NULL && fields->key != NULL; fields++) {
		const char *key = fields->json_key != NULL ? fields->json_key : fields->key;

		if (fields->type == LOG_F_NUMBER)
			json_number(&json, key, fields->number);
		else if (fields->type == LOG_F_SECONDS)
			json_real(&json, key, seconds(fields->number),
				  seconds_decimals(fields->number));
		else if (fields->text != NULL)
			json_text(&json, key, fields->text);
	}
	json_line_end(&json);
}

static void put_field(FILE *out, const struct log_field *field)
{
	if (field->type == LOG_F_TEXT && field->text == NULL)
		return;
	fprintf(out, " %s=", field->key);
	if (field->type == LOG_F_NUMBER) {
		fprintf(out, "%" PRIu64, field->number);
	} else if (field->type == LOG_F_SECONDS) {
		fprintf(out, "%.*f", seconds_decimals(field->number), seconds(field->number));
	} else {
		bool quoted = *field->text == '\0' || strpbrk(field->text, " \t\"") != NULL;

		fputs(quoted ? "\"" : "", out);
		put_escaped(out, field->text, strlen(field->text), quoted);
		fputs(quoted ? "\"" : "", out);
	}
}

static void put_event(FILE *out, uint64_t conn, const char *event, const char *from, const char *to,
		      const struct log_field *fields)
{
	if (conn)
		fprintf(out, "#%" PRIu64 " ", conn);
	fputs(event, out);
	if (from != NULL) {
		fputc(' ', out);
		put_escaped(out, from, strlen(from), false);
	}
	if (to != NULL) {
		fputs(" -> ", out);
		put_escaped(out, to, strlen(to), false);
	}
	for (; fields != NULL && fields->key != NULL; fields++)
		put_field(out, fields);
}

void log_event(unsigned level, uint64_t conn, const char *event, const char *from, const char *to,
	       const struct log_field *fields)
{
	bool failed = strcmp(event, "fail") == 0 || strcmp(event, "deny") == 0;
	int saved = errno;
	struct line line;

	if (!log_verbose(level) || !line_open(&line))
		return;
	if (config.format == LOG_JSON) {
		put_erase(line.out);
		put_json_event(line.out, conn, event, from, to, fields);
		line_write(&line);
	} else {
		put_event(line.out, conn, event, from, to, fields);
		if (line_close(&line) != NULL) {
			emit(failed ? &level_warning : &level_info, line.data);
			free(line.data);
		}
	}
	errno = saved;
}

/*
 * Progress
 */

bool log_progress_on(void)
{
	const char *terminal = getenv("TERM");

	return config.quiet < 1 && config.format == LOG_TEXT && terminal != NULL &&
	       strcmp(terminal, "dumb") != 0 && isatty(STDERR_FILENO);
}

void log_progress(const char *format, ...)
{
	int saved = errno;
	struct line line;
	va_list arguments;
	char raw[1024], text[1024];

	if (!log_progress_on())
		return;
	errno = saved;
	va_start(arguments, format);
	vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	utf8_escape(raw, strlen(raw), text, sizeof(text));
	if (line_open(&line)) {
		/* A line that wraps could not be erased */
		size_t fit = utf8_fit(text, strlen(text), log_width(STDERR_FILENO) - 1);

		fprintf(line.out, "\r%.*s\033[K", (int)fit, text);
		if (line_close(&line) != NULL) {
			write_progress(line.data, line.size);
			free(line.data);
			progress_shown = true;
		}
	}
	errno = saved;
}

void log_progress_end(void)
{
	int saved = errno;

	if (progress_shown)
		write_progress("\r\033[K", strlen("\r\033[K"));
	progress_shown = false;
	errno = saved;
}

void log_progress_keep(void)
{
	if (progress_shown)
		write_progress("\n", 1);
	progress_shown = false;
}
