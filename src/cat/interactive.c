/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: readline's callback interface is called when there is a key; a whole line
 * goes into our end of a socket pair, and the relay sends it. What arrives at our end is shown: the
 * line being typed is wiped, whole lines are printed, and the rest of an unfinished one ("login: ")
 * becomes a part of the prompt, which readline then draws again. Control characters from the peer
 * are shown as \xHH: moving the cursor would garble the line.
 */
#include "config.h"

#include "cat/interactive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/readline.h>
#include <readline/history.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/util.h"
#include "net/addr.h"

#define HISTORY_MOST 1000 /* lines kept */
#define UNFINISHED_MOST 1000 /* a longer unfinished line is ended here */

static struct interactive
	*current; /* readline's callback has no argument, and its state is global anyway */

/* History */

static void make_directories(const char *path)
{
	char *copy = strdup(path);

	for (char *at = copy ? strchr(copy + 1, '/') : NULL; at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(copy, 0700);
		*at = '/';
	}
	free(copy);
}

/* The file's name, or NULL. */
static char *history_file(const char *wanted)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length = 0;

	if (wanted)
		return strcmp(wanted, "none") == 0 ? NULL : strdup(wanted);
	if (state && *state == '/')
		length = asprintf(&path, "%s/vsock/history", state);
	else if (home && *home == '/')
		length = asprintf(&path, "%s/.local/state/vsock/history", home);
	if (length < 0 || !path)
		return NULL;
	make_directories(path);
	return path;
}

static void history_open(struct interactive *interactive, const char *wanted)
{
	int fd;

	using_history();
	interactive->history = history_file(wanted);
	if (!interactive->history)
		return;
	fd = open(interactive->history, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_warning("--history %s: %s", interactive->history, strerror(errno));
		free(interactive->history);
		interactive->history = NULL;
		return;
	}
	close(fd);
	read_history(interactive->history);
	stifle_history(HISTORY_MOST);
}

static void remember(const struct interactive *interactive, const char *line)
{
	const HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1)
						: NULL;

	if (!*line || (last && strcmp(last->line, line) == 0))
		return;
	add_history(line);
	if (interactive->history)
		append_history(1, interactive->history);
}

/* Ending */

static void stop_editing(struct interactive *interactive)
{
	if (!interactive->editing)
		return;
	loop_unwatch(interactive->loop, &interactive->keys);
	rl_callback_handler_remove();
	interactive->editing = false;
}

/* Something would be lost. The relay is stopped later: this may be called by readline. */
static void fail(struct interactive *interactive, int error)
{
	if (interactive->error)
		return;
	interactive->error = error;
	loop_timer(interactive->loop, &interactive->failed, 0);
}

static void failed(struct loop *loop, struct timer *timer)
{
	relay_stop(loop, container_of(timer, struct interactive, failed)->relay, 0);
}

/* Showing */

static void set_prompt(const struct interactive *interactive)
{
	char escaped[4 * UNFINISHED_MOST + 1], *prompt;

	utf8_escape(interactive->unfinished ? interactive->unfinished : "",
		    interactive->unfinished_length, escaped, sizeof(escaped));
	if (asprintf(&prompt, "%s%s> ", escaped, interactive->prompt) < 0)
		return;
	rl_set_prompt(prompt);
	free(prompt);
}

static void print_line(struct interactive *interactive, const char *line, size_t length)
{
	size_t room = 4 * length + 1;
	char *escaped = malloc(room);

	if (length && line[length - 1] == '\r')
		length--;
	if (escaped)
		fprintf(rl_outstream, "%s\n", utf8_escape(line, length, escaped, room));
	else
		fail(interactive, -ENOMEM);
	free(escaped);
}

/* Adds to the unfinished line, and prints what is whole. */
static void take(struct interactive *interactive, const char *data, size_t size)
{
	size_t length = interactive->unfinished_length + size;
	char *text = realloc(interactive->unfinished, length + 1), *begin = text, *end;

	if (!text) {
		fail(interactive, -ENOMEM);
		return;
	}
	memcpy(text + interactive->unfinished_length, data, size);
	interactive->unfinished = text;
	while ((end = memchr(begin, '\n', length)) != NULL || length > UNFINISHED_MOST) {
		size_t line = end ? (size_t)(end - begin) : length;

		print_line(interactive, begin, line);
		length -= end ? line + 1 : line;
		begin += end ? line + 1 : line;
	}
	memmove(text, begin, length);
	interactive->unfinished_length = length;
}

static void show(struct interactive *interactive, const char *data, size_t size)
{
	if (interactive->editing)
		rl_clear_visible_line();
	take(interactive, data, size);
	if (fflush(rl_outstream) != 0)
		fail(interactive, -errno);
	if (!interactive->editing)
		return;
	set_prompt(interactive);
	rl_on_new_line();
	rl_redisplay();
}

/* True if there was something; *end: there will be no more. */
static bool show_incoming(struct interactive *interactive, bool *end)
{
	char data[4096];
	ssize_t got = RETRY(read(interactive->socket, data, sizeof(data)));

	if (got > 0)
		show(interactive, data, (size_t)got);
	else if (got < 0 && errno != EAGAIN)
		fail(interactive, -errno);
	*end = !got || interactive->error;
	return got > 0;
}

/* Typing */

static void end_input(struct interactive *interactive)
{
	stop_editing(interactive);
	fputc('\n', rl_outstream);
	fflush(rl_outstream);
	shutdown(interactive->socket, SHUT_WR);
}

/* Passes a whole line on. A relay that is behind gets one only if it takes_lines(), so the line
 * does not fit if it is very long. */
static void pass_line(struct interactive *interactive, const char *line, size_t length)
{
	ssize_t sent = RETRY(send(interactive->socket, line, length, MSG_NOSIGNAL));

	if (sent < 0 && errno == EPIPE)
		end_input(interactive); /* the relay reads no more */
	else if (sent != (ssize_t)length)
		fail(interactive, sent < 0 ? -errno : -EMSGSIZE);
}

static void line_typed(char *line)
{
	struct interactive *interactive = current;
	size_t length;

	if (!line) { /* ^D */
		end_input(interactive);
		return;
	}
	interactive->unfinished_length = 0;
	set_prompt(interactive);
	remember(interactive, line);
	length = strlen(line);
	line[length] = '\n';
	pass_line(interactive, line, length + 1);
	free(line);
}

static bool takes_lines(const struct interactive *interactive)
{
	struct pollfd entry = { .fd = interactive->socket, .events = POLLOUT };

	return poll(&entry, 1, 0) == 1;
}

static void keys_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct interactive *interactive = current;
	int error;

	(void)events;
	rl_callback_read_char();
	if (!interactive->editing || takes_lines(interactive))
		return;
	/* the relay is behind (--delay): no keys until it has caught up */
	loop_unwatch(loop, watch);
	error = loop_watch(loop, &interactive->incoming, interactive->socket, EPOLLIN | EPOLLOUT);
	if (error)
		fail(interactive, error);
}

static void incoming_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct interactive *interactive = current;
	bool end = false;
	int error = 0;

	if (events & EPOLLOUT) {
		error = loop_watch(loop, watch, interactive->socket, EPOLLIN);
		if (!error && interactive->editing)
			error = loop_watch(loop, &interactive->keys, STDIN_FILENO, EPOLLIN);
	}
	if (error)
		fail(interactive, error);
	if (events & (EPOLLIN | EPOLLHUP))
		show_incoming(interactive, &end);
	if (end)
		loop_unwatch(loop, watch);
}

static const struct watch_kind keys_kind = { .name = "keys", .ready = keys_ready };
static const struct watch_kind incoming_kind = { .name = "incoming", .ready = incoming_ready };

/* Start and stop */

static void start_editing(struct interactive *interactive)
{
	rl_readline_name = "vsock-cat";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_instream = stdin;
	rl_outstream = stdout;
	rl_bind_key('\t', rl_insert);
	interactive->editing = true;
	rl_callback_handler_install("", line_typed);
	set_prompt(interactive);
	rl_forced_update_display();
}

int interactive_start(struct interactive *interactive, struct loop *loop, struct relay *relay,
		      const char *peer, const char *history, struct endpoint *end)
{
	int pair[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*interactive = (struct interactive){
		.keys = { .kind = &keys_kind, .fd = -1 },
		.incoming = { .kind = &incoming_kind, .fd = -1 },
		.failed = { .expired = failed },
		.loop = loop,
		.relay = relay,
		.socket = pair[0],
		.prompt = strdup(peer),
	};
	current = interactive;
	error = interactive->prompt ? loop_watch(loop, &interactive->keys, STDIN_FILENO, EPOLLIN)
				    : -ENOMEM;
	if (!error)
		error = loop_watch(loop, &interactive->incoming, interactive->socket, EPOLLIN);
	if (error) {
		close(pair[1]);
		interactive_stop(interactive);
		return error;
	}
	*end = endpoint_socket(pair[1], ADDR_STDIO, false);
	end->standard = true;
	history_open(interactive, history);
	start_editing(interactive);
	return 0;
}

int interactive_stop(struct interactive *interactive)
{
	bool typing = interactive->editing, end;
	int error;

	if (!interactive->loop)
		return 0;
	while (show_incoming(interactive, &end)) {
	}
	if (!typing && interactive->unfinished_length)
		show(interactive, "\n", 1);
	loop_unwatch(interactive->loop, &interactive->keys);
	loop_unwatch(interactive->loop, &interactive->incoming);
	loop_timer_stop(interactive->loop, &interactive->failed);
	stop_editing(interactive);
	if (typing)
		fputc('\n', stdout);
	fflush(stdout);
	if (interactive->history)
		history_truncate_file(interactive->history, HISTORY_MOST);
	clear_history();
	fd_close(&interactive->socket);
	free(interactive->prompt);
	free(interactive->unfinished);
	free(interactive->history);
	error = interactive->error;
	*interactive = (struct interactive){ .socket = -1 };
	return error;
}

void interactive_resized(struct interactive *interactive)
{
	if (interactive->editing)
		rl_resize_terminal();
}

void interactive_suspend(struct interactive *interactive)
{
	bool editing = interactive->editing; /* not before the connection, or after ^D */

	if (editing)
		rl_deprep_terminal();
	raise(SIGSTOP);
	if (!editing)
		return;
	rl_prep_terminal(1);
	rl_forced_update_display();
}
