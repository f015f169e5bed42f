/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/status-client.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json-read.h"
#include "base/log.h"
#include "base/units.h"
#include "base/utf8.h"
#include "base/util.h"
#include "proxy/router/status.h"
#include "cli/tool.h"

#define PATIENCE (5 * NSEC_PER_SEC)
#define FOUND_PATIENCE NSEC_PER_SEC /* for a process that was not named by its address */
#define ANSWER_MAX (16U << 20)
#define COLUMNS_MAX 8
#define ADDRESS_MIN 18 /* columns that an address is shortened to, at least */
#define SUFFIX ".status"

/* Where sockets are */

static bool runtime_directory(const char *variable, const char *below, char *buf, size_t size)
{
	const char *directory = secure_getenv(variable);

	return directory && *directory == '/' &&
	       (size_t)snprintf(buf, size, "%s%s", directory, below) < size;
}

bool proxy_status_path(char *buf, size_t size)
{
	size_t length;

	if (!runtime_directory("RUNTIME_DIRECTORY", "", buf, size)) {
		if (!runtime_directory("XDG_RUNTIME_DIR", "/vsock-proxy", buf, size))
			return false;
		if (mkdir(buf, 0700) < 0 && errno != EEXIST)
			return false;
	}
	length = strlen(buf);
	return (size_t)snprintf(buf + length, size - length, "/%ld" SUFFIX, (long)getpid()) <
	       size - length;
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
	struct asking *asking = container_of(dial, struct asking, dial);

	asking->fd = fd;
	if (fd < 0)
		asking->failure = *failure;
	loop_unwatch(loop, &dial->watch);
	loop_stop(loop);
}

static int connect_to(const struct addr *addr, uint64_t patience, int *fd, struct failure *failure)
{
	const struct dial_settings dialling = { .connect_timeout = patience };
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

/* Copies all that comes until the end. */
static int copy_answer(int fd, uint64_t end, FILE *out)
{
	char buffer[4096];

	for (;;) {
		struct pollfd entry = { .fd = fd, .events = POLLIN };
		ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n == 0)
			return 0;
		if (n > 0) {
			if (ftell(out) > (long)ANSWER_MAX)
				return -EFBIG;
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

struct answer {
	char *text; /* owned */
	size_t size;
	struct json_tree tree;
	const struct json_value *root;
};

static void answer_free(struct answer *answer)
{
	json_tree_free(&answer->tree);
	free(answer->text);
}

/* It is JSON whose first member says so, and holds nothing that a terminal obeys. */
static bool is_answer(struct answer *answer)
{
	for (size_t at = 0; at < answer->size;) {
		uint32_t point = 0;
		size_t size = utf8_read(answer->text + at, answer->size - at, &point);

		at += size;
		if (!size || (utf8_unsafe(point) && !(point == '\n' && at == answer->size)))
			return false;
	}
	answer->root = json_tree_read(&answer->tree, answer->text, answer->size);
	return answer->root && json_member(answer->root, STATUS_MAGIC)->type == JSON_TEXT;
}

/* Gets the answer of the process at addr. 0, or a negative errno with *failure; -EPROTO: it is not
 * vsock-proxy. */
static int ask(const struct addr *addr, uint64_t patience, bool conns, struct answer *answer,
	       struct failure *failure)
{
	const char *request = conns ? STATUS_ASK_CONNS : STATUS_ASK;
	FILE *out;
	int fd, error = connect_to(addr, patience, &fd, failure);

	*answer = (struct answer){ 0 };
	if (error)
		return error;
	out = open_memstream(&answer->text, &answer->size);
	error = out ? fd_write_until(fd, request, strlen(request), units_now() + patience, NULL)
		    : -ENOMEM;
	if (!error)
		error = copy_answer(fd, units_now() + patience, out);
	if (out && fclose(out) != 0)
		error = error ? error : -ENOMEM;
	close(fd);
	if (!error && !is_answer(answer))
		error = -EPROTO;
	*failure = (struct failure){ .step = STEP_RELAY, .error = -error };
	return error;
}

/* The table */

struct column {
	const char *head, *key;
	enum { ADDRESS, NUMBER, SIZE } kind;
};

/* Where the part of an address begins that is never cut off: its port, or the end of a path. */
static size_t tail_of(const char *text, size_t length, size_t columns)
{
	const char *colon = strrchr(text, ':');
	size_t tail = length - (columns - 1) / 2;

	if (colon && !strchr(colon, '/') && length - (size_t)(colon - text) < columns - 4)
		return (size_t)(colon - text);
	while (tail < length && ((unsigned char)text[tail] & 0xc0) == 0x80)
		tail++;
	return tail;
}

/* An address, escaped, with its middle cut out if it is wider than that. */
static void put_address(FILE *out, const char *text, size_t columns)
{
	char escaped[ADDR_TEXT_MAX * 4];
	size_t length = strlen(utf8_escape(text, strlen(text), escaped, sizeof(escaped))), tail;

	if (utf8_width(escaped, length) <= columns) {
		fputs(escaped, out);
		return;
	}
	tail = tail_of(escaped, length, columns);
	fprintf(out, "%.*s…%s",
		(int)utf8_fit(escaped, length,
			      columns - 1 - utf8_width(escaped + tail, length - tail)),
		escaped, escaped + tail);
}

/* A cell's text for free(3); NULL where memory is out. columns: of each address in it. */
static char *cell_text(const struct column *column, const struct json_value *row, size_t columns)
{
	const struct json_value *value = json_member(row, column->key);
	char size[32], *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	if (column->kind == SIZE) {
		fputs(units_show_size(json_whole(value), size, sizeof(size)), out);
	} else if (column->kind == NUMBER) {
		fprintf(out, "%llu", (unsigned long long)json_whole(value));
	} else if (value->type == JSON_ARRAY) {
		for (const struct json_value *one = value->first; one; one = one->next) {
			fputs(one == value->first ? "" : ",", out);
			put_address(out, one->text, columns);
		}
	} else {
		put_address(out, *value->text ? value->text : "-", columns);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The widths that the columns need; their sum, with two blanks between them. */
static size_t measure(const struct column *columns, size_t count, const struct json_value *rows,
		      size_t limit, size_t width[COLUMNS_MAX])
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		width[i] = strlen(columns[i].head);
		for (const struct json_value *row = rows->first; row; row = row->next) {
			char *text = cell_text(&columns[i], row, limit);
			size_t wide = text ? utf8_width(text, strlen(text)) : 0;

			width[i] = wide > width[i] ? wide : width[i];
			free(text);
		}
		total += width[i] + (i ? 2 : 0);
	}
	return total;
}

static void print_cell(const struct column *column, const char *text, size_t width, bool last)
{
	int pad = (int)(width - utf8_width(text, strlen(text)));

	if (column->kind == ADDRESS)
		printf("%s%*s", text, last ? 0 : pad, "");
	else
		printf("%*s%s", pad, "", text);
}

/* On a terminal that is too narrow addresses are shortened, and then columns go from the right.
 * Into a file or a pipe nothing is cut. */
static void print_rows(const struct column *columns, size_t count, const struct json_value *rows)
{
	bool screen = isatty(STDOUT_FILENO);
	size_t room = log_width(STDOUT_FILENO), limit = 256, width[COLUMNS_MAX];
	size_t total = measure(columns, count, rows, SIZE_MAX, width), least = ADDRESS_MIN;

	while (screen && total > room && limit > least) { /* the widest that fits */
		size_t middle = (least + limit + 1) / 2;
		bool fits = measure(columns, count, rows, middle, width) <= room;

		least = fits ? middle : least;
		limit = fits ? limit : middle - 1;
	}
	if (screen && total > room)
		total = measure(columns, count, rows, limit, width);
	else
		limit = SIZE_MAX;
	while (screen && count > 3 && total > room)
		total -= width[--count] + 2;
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "  " : "", stdout);
		print_cell(&columns[i], columns[i].head, width[i], i + 1 == count);
	}
	putchar('\n');
	for (const struct json_value *row = rows->first; row; row = row->next) {
		for (size_t i = 0; i < count; i++) {
			char *text = cell_text(&columns[i], row, limit);

			fputs(i ? "  " : "", stdout);
			print_cell(&columns[i], text ? text : "?", width[i], i + 1 == count);
			free(text);
		}
		putchar('\n');
	}
}

static const char *age_of(const struct json_value *object, const char *key, char buf[32])
{
	const struct json_value *value = json_member(object, key);
	double ns = value->number * (double)NSEC_PER_SEC;

	return units_show_age(ns >= 0 && ns < 0x1p63 ? (uint64_t)ns : 0, buf, 32);
}

/* A text of the answer; buf is used for it. */
static const char *text_of(const struct json_value *object, const char *key, char buf[1024])
{
	const char *text = json_member(object, key)->text;

	return utf8_escape(text, strlen(text), buf, 1024);
}

static void print_process(const struct json_value *root)
{
	char text[1024], age[32];

	printf("vsock-proxy %s, pid %llu", text_of(root, STATUS_MAGIC, text),
	       (unsigned long long)json_whole(json_member(root, "pid")));
	printf(", up %s", age_of(root, "uptime", age));
	if (*text_of(root, "files", text))
		printf(", %s", text);
	if (json_member(root, "reloaded")->type == JSON_NUMBER)
		printf(", reloaded %s ago", age_of(root, "reloaded", age));
	putchar('\n');
}

static void print_errors(const struct json_value *errors)
{
	char age[32], rule[1024], what[1024];

	for (const struct json_value *error = errors->first; error; error = error->next)
		printf("%s ago  %s  #%llu %s\n", age_of(error, "ago", age),
		       text_of(error, "rule", rule),
		       (unsigned long long)json_whole(json_member(error, "conn")),
		       text_of(error, "what", what));
}

static void print_table(const struct json_value *root, bool conns)
{
	static const struct column rules[] = {
		{ "RULE", "rule", ADDRESS },
		{ "LISTEN", "listen", ADDRESS },
		{ "CONNECT", "connect", ADDRESS },
		{ "OPEN", "open", NUMBER },
		{ "TOTAL", "total", NUMBER },
		{ "FAIL", "failed", NUMBER },
		{ "UP", "up", SIZE },
		{ "DOWN", "down", SIZE },
	};
	static const struct column connections[] = {
		{ "CONN", "conn", NUMBER },	  { "FROM", "from", ADDRESS },
		{ "TO", "to", ADDRESS },	  { "RULE", "rule", ADDRESS },
		{ "SECONDS", "seconds", NUMBER }, { "UP", "up", SIZE },
		{ "DOWN", "down", SIZE },	  { "WAITS FOR", "waits_for", ADDRESS },
	};
	unsigned long long open = json_whole(json_member(root, "open")),
			   limit = json_whole(json_member(root, "limit"));

	print_process(root);
	print_rows(rules, 8, json_member(root, "rules"));
	print_errors(json_member(root, "errors"));
	if (conns)
		print_rows(connections, 8, json_member(root, "connections"));
	printf("%llu connection%s of %llu%s\n", open, open == 1 ? "" : "s", limit,
	       conns || !open ? "" : "; -v lists them");
}

/* All of it */

/* Shows one process. If found is set, it skips one that is gone or is not vsock-proxy. */
static int print_one(const struct proxy_status *wanted, const struct addr *addr, bool found)
{
	char text[256];
	struct failure failure;
	struct answer answer;
	int status = 0,
	    error = ask(addr, found ? FOUND_PATIENCE : PATIENCE, wanted->conns, &answer, &failure);

	if (error && found &&
	    (error == -ECONNREFUSED || error == -ENOENT || error == -EPROTO ||
	     error == -ECONNRESET || error == -EPIPE)) {
		status = STATUS_ABSENT;
	} else if (error == -EPROTO || error == -EFBIG) {
		log_error("%s: the answer does not come from a vsock-proxy of this version",
			  addr_format_short(addr, text, sizeof(text)));
		status = STATUS_FAILURE;
	} else if (error) {
		status = explain_say(addr, &failure);
	} else if (wanted->json) {
		fwrite(answer.text, 1, answer.size, stdout);
	} else {
		print_table(answer.root, wanted->conns);
	}
	answer_free(&answer);
	return status;
}

static int print_at(const struct proxy_status *wanted)
{
	struct addr_context context = { .role = ADDR_CONNECT,
					.flags = ADDR_SHORT,
					.program = log_program() };
	struct addr addr;
	int status = common_addr(wanted->address, &context, &addr);

	return status ? status : print_one(wanted, &addr, false);
}

/* All processes that are found. */
struct round {
	const struct proxy_status *wanted;
	bool any;
	int status; /* the first that is not 0 */
};

/* Has a process named it so? What else is in the directory may be a rule's socket, or anybody's. */
static int is_ours(const struct dirent *entry)
{
	size_t digits = strspn(entry->d_name, "0123456789");

	return digits && strcmp(entry->d_name + digits, SUFFIX) == 0;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void print_socket(struct round *round, const char *path)
{
	struct addr addr = { .family = ADDR_UNIX };
	struct stat st;
	int status;

	if ((size_t)snprintf(addr.name, sizeof(addr.name), "%s", path) >= sizeof(addr.name) ||
	    lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (round->any && !round->wanted->json)
		putchar('\n');
	status = print_one(round->wanted, &addr, true);
	if (status == STATUS_ABSENT)
		return;
	round->any = true;
	if (!round->status)
		round->status = status;
}

/* Calls each() for the entries of a directory that filter() selects, in their order. */
static void for_each(struct round *round, const char *directory,
		     int (*filter)(const struct dirent *entry),
		     void (*each)(struct round *round, const char *path))
{
	struct dirent **entries;
	int count = scandir(directory, &entries, filter, alphasort);
	char path[PATH_MAX];

	for (int i = 0; i < count; i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name) <
		    sizeof(path))
			each(round, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void print_directory(struct round *round, const char *directory)
{
	for_each(round, directory, is_ours, print_socket);
}

static int print_found(const struct proxy_status *wanted)
{
	struct round round = { .wanted = wanted };
	char directory[PATH_MAX];

	if (runtime_directory("RUNTIME_DIRECTORY", "", directory, sizeof(directory)))
		print_directory(&round, directory);
	if (runtime_directory("XDG_RUNTIME_DIR", "/vsock-proxy", directory, sizeof(directory)))
		print_directory(&round, directory);
	/* of the units: RuntimeDirectory=vsock-proxy/NAME */
	for_each(&round, "/run/vsock-proxy", is_visible, print_directory);
	if (round.any)
		return round.status;
	log_error("no running vsock-proxy reports its status here");
	log_hint("if it runs as another user or without $XDG_RUNTIME_DIR, it needs --status-socket "
		 "ADDRESS");
	return STATUS_ABSENT;
}

static int print_now(const struct proxy_status *wanted)
{
	int status = wanted->address ? print_at(wanted) : print_found(wanted);

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("standard output: %s", strerror(errno));
	return STATUS_FAILURE;
}

int proxy_status(const struct proxy_status *wanted)
{
	bool screen = isatty(STDOUT_FILENO) && !wanted->json;
	struct timespec pause = { .tv_sec = (time_t)(wanted->interval / NSEC_PER_SEC),
				  .tv_nsec = (long)(wanted->interval % NSEC_PER_SEC) };
	int status = print_now(wanted);

	while (wanted->watch && !status) {
		nanosleep(&pause, NULL);
		if (screen)
			fputs("\033[H\033[J", stdout);
		status = print_now(wanted);
	}
	return status;
}
