/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tools/proxy-status.h"

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "serve/status.h"
#include "tools/common.h"

#define PATIENCE (5 * NSEC_PER_SEC)
#define COLUMNS_MAX 8
#define ADDRESS_MIN 16 /* columns that an address is shortened to, at least */

/* Where sockets are */

static bool runtime_folder(const char *variable, const char *below, char *buf, size_t size)
{
	const char *folder = secure_getenv(variable);

	return folder && *folder == '/' && (size_t)snprintf(buf, size, "%s%s", folder, below) < size;
}

bool proxy_status_path(char *buf, size_t size)
{
	size_t length;

	if (!runtime_folder("RUNTIME_DIRECTORY", "", buf, size)) {
		if (!runtime_folder("XDG_RUNTIME_DIR", "/vsock-proxy", buf, size))
			return false;
		if (mkdir(buf, 0700) < 0 && errno != EEXIST)
			return false;
	}
	length = strlen(buf);
	return (size_t)snprintf(buf + length, size - length, "/%ld.sock", (long)getpid()) < size - length;
}

/* Asking */

struct asking {
	struct loop *loop;
	struct dial dial;
	int fd;
	struct failure failure;
};

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct asking *asking = (struct asking *)(void *)((char *)dial - offsetof(struct asking, dial));

	asking->fd = fd;
	if (fd < 0)
		asking->failure = *failure;
	loop_unwatch(loop, &dial->watch);
	loop_stop(loop);
}

static int connect_to(const struct addr *addr, int *fd, struct failure *failure)
{
	static const struct dial_settings dialling = { .connect_timeout = PATIENCE };
	struct asking asking = { .fd = -1 };
	struct dialer *dialer = NULL;
	int error = loop_start(&asking.loop);

	if (!error)
		error = dialer_start(asking.loop, &dialer);
	if (!error) {
		dial_start(dialer, &asking.dial, addr, &dialling, dial_done);
		error = loop_run(asking.loop);
		*failure = asking.failure;
		if (!error && asking.fd < 0)
			error = -asking.failure.error;
	} else {
		*failure = (struct failure){ .step = STEP_SOCKET, .error = -error };
	}
	dialer_stop(dialer);
	loop_free(asking.loop);
	*fd = asking.fd;
	return error;
}

/* Copies all that comes until the end, for some seconds at most. */
static int copy_answer(int fd, FILE *out)
{
	uint64_t end = units_now() + PATIENCE;
	char buffer[4096];

	for (;;) {
		struct pollfd entry = { .fd = fd, .events = POLLIN };
		ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n == 0)
			return 0;
		if (n > 0) {
			fwrite(buffer, 1, (size_t)n, out);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (units_now() >= end)
			return -ETIMEDOUT;
		poll(&entry, 1, 100);
	}
}

/* What the process at addr answers, as one text for free(3). 0 or a negative errno with *failure. */
static int ask(const struct addr *addr, const char *request, char **answer, struct failure *failure)
{
	size_t size;
	FILE *out;
	int fd, error = connect_to(addr, &fd, failure);

	*answer = NULL;
	if (error)
		return error;
	out = open_memstream(answer, &size);
	error = out ? fd_write_until(fd, request, strlen(request), units_now() + PATIENCE, NULL) : -ENOMEM;
	if (!error)
		error = copy_answer(fd, out);
	if (out)
		fclose(out);
	close(fd);
	*failure = (struct failure){ .step = STEP_RELAY, .error = -error };
	return error;
}

/* The table */

struct cell_style {
	const char *head;
	bool number;
};

/* Prints rows of count fields each, under their heads: wide addresses are shortened, then columns go from the right. */
static void print_rows(const struct cell_style *styles, size_t count, const char *(*rows)[COLUMNS_MAX], size_t row_count)
{
	size_t width[COLUMNS_MAX] = { 0 }, total = 0, room = log_width(STDOUT_FILENO);

	for (size_t i = 0; i < count; i++) {
		width[i] = strlen(styles[i].head);
		for (size_t j = 0; j < row_count; j++)
			width[i] = strlen(rows[j][i]) > width[i] ? strlen(rows[j][i]) : width[i];
		total += width[i] + (i ? 2 : 0);
	}
	for (size_t i = 0; i < count; i++) {
		while (!styles[i].number && width[i] > ADDRESS_MIN && total > room) {
			width[i]--;
			total--;
		}
	}
	while (count > 3 && total > room)
		total -= width[--count] + 2;
	for (size_t j = 0; j <= row_count; j++) {
		for (size_t i = 0; i < count; i++) {
			const char *text = j ? rows[j - 1][i] : styles[i].head;
			size_t length = strlen(text);
			bool cut = length > width[i];

			printf(i ? "  " : "");
			if (styles[i].number)
				printf("%*s", (int)width[i], text);
			else if (cut)
				printf("%.*s…", (int)width[i] - 1, text);
			else
				printf("%-*s", i + 1 < count ? (int)width[i] : 0, text);
		}
		putchar('\n');
	}
}

struct table {
	const char *(*rows)[COLUMNS_MAX]; /* owned; cells point into the answer, or are in texts */
	size_t count;
	char (*texts)[3][32];             /* sizes and seconds as shown; owned */
};

static uint64_t number_of(const char *text)
{
	return strtoull(text, NULL, 10);
}

/* The fields of all lines of a kind. sizes: the first of two columns that are bytes; seconds: which is a time, or 0. */
static void collect(char *const *lines, size_t line_count, const char *kind, size_t columns, size_t sizes, size_t seconds,
                    struct table *table)
{
	*table = (struct table){ .rows = calloc(line_count + 1, sizeof(*table->rows)), .texts = calloc(line_count + 1, sizeof(*table->texts)) };
	for (size_t i = 0; i < line_count && table->rows && table->texts; i++) {
		const char **row = table->rows[table->count];
		char *rest = lines[i];
		char (*text)[32] = table->texts[table->count];

		if (strncmp(rest, kind, strlen(kind)) != 0 || rest[strlen(kind)] != '\t')
			continue;
		(void)strsep(&rest, "\t");
		for (size_t j = 0; j < columns; j++) {
			row[j] = rest ? strsep(&rest, "\t") : "";
		}
		for (size_t j = 0; j < 2; j++)
			row[sizes + j] = units_show_size(number_of(row[sizes + j]), text[j], sizeof(text[j]));
		if (seconds) {
			snprintf(text[2], sizeof(text[2]), "%llu", (unsigned long long)(number_of(row[seconds]) / NSEC_PER_SEC));
			row[seconds] = text[2];
		}
		table->count++;
	}
}

static void table_free(struct table *table)
{
	free(table->rows);
	free(table->texts);
}

static void print_process(char *line)
{
	const char *fields[8] = { NULL };
	char age[32];

	for (size_t i = 0; i < 8; i++)
		fields[i] = line ? strsep(&line, "\t") : "";
	printf("vsock-proxy %s, pid %s, up %s", fields[1], fields[2], units_show_age(number_of(fields[3]), age, sizeof(age)));
	if (*fields[7])
		printf(", %s", fields[7]);
	if (*fields[4])
		printf(", reloaded %s ago", units_show_age(number_of(fields[4]), age, sizeof(age)));
	putchar('\n');
}

static void print_trouble(char *line)
{
	const char *fields[5] = { NULL };
	char age[32];

	for (size_t i = 0; i < 5; i++)
		fields[i] = line ? strsep(&line, "\t") : "";
	printf("%s ago  %s  #%s %s\n", units_show_age(number_of(fields[1]), age, sizeof(age)), fields[2], fields[3], fields[4]);
}

/* "14 connections of 1024" */
static void print_sum(const char *process, bool conns)
{
	const char *limit = "", *open = "";

	for (size_t i = 0; i < 6 && process; i++) {
		process = strchr(process, '\t');
		if (process)
			process++;
		if (i == 4)
			limit = process ? process : "";
		if (i == 5)
			open = process ? process : "";
	}
	printf("%llu connection%s of %llu%s\n", (unsigned long long)number_of(open), number_of(open) == 1 ? "" : "s",
	       (unsigned long long)number_of(limit), conns || !number_of(open) ? "" : "; -v lists them");
}

static size_t split_lines(char *answer, char ***lines)
{
	size_t count = 0;

	*lines = NULL;
	for (char *line; (line = strsep(&answer, "\n")) && *line;) {
		char **grown = reallocarray(*lines, count + 1, sizeof(*grown));

		if (!grown)
			break;
		*lines = grown;
		grown[count++] = line;
	}
	return count;
}

static void print_rules(char *const *lines, size_t count)
{
	static const struct cell_style styles[] = { { "RULE", false }, { "LISTEN", false }, { "CONNECT", false }, { "OPEN", true },
		                                        { "TOTAL", true }, { "FAIL", true }, { "UP", true }, { "DOWN", true } };
	struct table table;

	collect(lines, count, "rule", 8, 6, 0, &table);
	print_rows(styles, 8, table.rows, table.count);
	table_free(&table);
}

static void print_conns(char *const *lines, size_t count)
{
	static const struct cell_style styles[] = { { "CONN", true }, { "FROM", false }, { "TO", false }, { "RULE", false },
		                                        { "SECONDS", true }, { "UP", true }, { "DOWN", true } };
	struct table table;

	collect(lines, count, "conn", 7, 5, 4, &table);
	print_rows(styles, 7, table.rows, table.count);
	table_free(&table);
}

static void print_table(char *answer, bool conns)
{
	char **lines, *process = NULL;
	size_t count = split_lines(answer, &lines);

	if (count) {
		process = strdup(lines[0]); /* which is cut into fields */
		print_process(lines[0]);
	}
	print_rules(lines, count);
	for (size_t i = 0; i < count; i++)
		if (strncmp(lines[i], "trouble\t", 8) == 0)
			print_trouble(lines[i]);
	if (conns)
		print_conns(lines, count);
	print_sum(process, conns);
	free(process);
	free(lines);
}

/* All of it */

static const char *request_of(const struct proxy_status *wanted)
{
	if (wanted->json)
		return wanted->conns ? STATUS_ASK_JSON_CONNS : STATUS_ASK_JSON;
	return wanted->conns ? STATUS_ASK_TABLE_CONNS : STATUS_ASK_TABLE;
}

/* One process. Where silent is set, one that is not there any more is passed over. */
static int print_one(const struct proxy_status *wanted, const char *address, bool silent)
{
	struct addr_context context = { .role = ADDR_CONNECT, .flags = ADDR_SHORT, .program = log_program() };
	struct failure failure;
	struct addr addr;
	char *answer;
	int error, status = common_addr(address, &context, &addr);

	if (status)
		return status;
	error = ask(&addr, request_of(wanted), &answer, &failure);
	if (error) {
		free(answer);
		return silent && (error == -ECONNREFUSED || error == -ENOENT) ? STATUS_ABSENT : explain_say(&addr, &failure);
	}
	if (wanted->json)
		fputs(answer, stdout);
	else
		print_table(answer, wanted->conns);
	free(answer);
	return 0;
}

static int print_found(const struct proxy_status *wanted)
{
	char pattern[512];
	glob_t found = { 0 };
	bool any = false;
	int flags = 0, status = 0;

	if (runtime_folder("RUNTIME_DIRECTORY", "/*.sock", pattern, sizeof(pattern)) && glob(pattern, flags, NULL, &found) == 0)
		flags = GLOB_APPEND;
	if (runtime_folder("XDG_RUNTIME_DIR", "/vsock-proxy/*.sock", pattern, sizeof(pattern)) && glob(pattern, flags, NULL, &found) == 0)
		flags = GLOB_APPEND;
	glob("/run/vsock-proxy/*/*.sock", flags, NULL, &found); /* of the units: RuntimeDirectory=vsock-proxy/NAME */
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (any && !wanted->json)
			putchar('\n');
		status = print_one(wanted, found.gl_pathv[i], true);
		any = any || status != STATUS_ABSENT;
	}
	globfree(&found);
	if (any)
		return status == STATUS_ABSENT ? 0 : status;
	log_error("no vsock-proxy is running here that tells its status");
	log_hint("one that runs as another user, or without $XDG_RUNTIME_DIR, needs --status-socket ADDRESS");
	return STATUS_ABSENT;
}

static int print_now(const struct proxy_status *wanted)
{
	int status = wanted->address ? print_one(wanted, wanted->address, false) : print_found(wanted);

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("standard output: %s", strerror(errno));
	return STATUS_FAILURE;
}

int proxy_status(const struct proxy_status *wanted)
{
	bool screen = isatty(STDOUT_FILENO) && !wanted->json;
	struct timespec pause = { .tv_sec = (time_t)(wanted->interval / NSEC_PER_SEC), .tv_nsec = (long)(wanted->interval % NSEC_PER_SEC) };
	int status = print_now(wanted);

	while (wanted->watch && !status) {
		nanosleep(&pause, NULL);
		if (screen)
			fputs("\033[H\033[J", stdout);
		status = print_now(wanted);
	}
	return status;
}
