/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: filter and tap are called by the engines, in the middle of a relay's turn;
 * they only note what they saw, and a timer that is due at once does it when the turn is over.
 *
 *   typed   BEGIN -escape-> ESCAPED -.-> end; -escape-> one of them is sent; else both are sent
 *   heard   TEXT -ESC-> ESC -[-> CSI -?-> MODES -digits and ;-> MODES -h or l-> TEXT
 */
#include "config.h"

#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

#define MODE_RESIZE 2048

enum typed { TYPED_BEGIN, TYPED_MIDDLE, TYPED_ESCAPED };
enum heard { HEARD_TEXT, HEARD_ESC, HEARD_CSI, HEARD_MODES };

int terminal_escape(const char *text, int *escape)
{
	size_t length = strlen(text);

	if (strcmp(text, "none") == 0)
		*escape = TERMINAL_NO_ESCAPE;
	else if (length == 1 && (unsigned char)*text < 0x80)
		*escape = (unsigned char)*text;
	else if (length == 2 && *text == '^' && text[1] >= '?' && (unsigned char)text[1] < 0x80)
		*escape = text[1] == '?' ? 0x7f : text[1] & 0x1f;
	else
		return -EINVAL;
	return 0;
}

static void soon(struct terminal *terminal)
{
	if (terminal->loop)
		loop_timer(terminal->loop, &terminal->timer, loop_now(terminal->loop));
}

static size_t pass(struct relay_filter *filter, const unsigned char *in, size_t size,
		   unsigned char *out)
{
	struct terminal *terminal = container_of(filter, struct terminal, filter);
	size_t used = 0;

	for (size_t i = 0; i < size && !terminal->ends; i++) {
		bool escape = in[i] == terminal->escape;

		if (terminal->typed == TYPED_BEGIN && escape) {
			terminal->typed = TYPED_ESCAPED;
			continue;
		}
		if (terminal->typed == TYPED_ESCAPED && in[i] == '.') {
			terminal->ends = true;
			soon(terminal);
			break;
		}
		if (terminal->typed == TYPED_ESCAPED && !escape)
			out[used++] = (unsigned char)terminal->escape;
		out[used++] = in[i];
		terminal->typed = in[i] == '\r' || in[i] == '\n' ? TYPED_BEGIN : TYPED_MIDDLE;
	}
	return used;
}

/* Reads one character after CSI ?. */
static enum heard hear_mode(struct terminal *terminal, unsigned char c)
{
	if (c >= '0' && c <= '9' && terminal->mode < 100000) {
		terminal->mode = terminal->mode * 10 + (c - '0');
		return HEARD_MODES;
	}
	terminal->resizing |= terminal->mode == MODE_RESIZE;
	terminal->mode = 0;
	if (c == ';')
		return HEARD_MODES;
	if ((c == 'h' || c == 'l') && terminal->resizing) {
		terminal->tells = c == 'h';
		terminal->told |= terminal->tells;
		soon(terminal);
	}
	return HEARD_TEXT;
}

static enum heard hear(struct terminal *terminal, unsigned char c)
{
	if (c == '\033')
		return HEARD_ESC;
	if (terminal->heard == HEARD_ESC)
		return c == '[' ? HEARD_CSI : HEARD_TEXT;
	if (terminal->heard == HEARD_CSI && c == '?') {
		terminal->mode = 0;
		terminal->resizing = false;
		return HEARD_MODES;
	}
	return terminal->heard == HEARD_MODES ? hear_mode(terminal, c) : HEARD_TEXT;
}

static void listen_in(struct relay_tap *tap, int side, const void *data, size_t size)
{
	struct terminal *terminal = container_of(tap, struct terminal, tap);
	const unsigned char *bytes = data;

	for (size_t i = 0; side == 1 && i < size; i++)
		terminal->heard = (uint8_t)hear(terminal, bytes[i]);
}

static void tell_size(struct terminal *terminal)
{
	struct winsize window;
	char text[64];
	int length;

	if (ioctl(terminal->fd, TIOCGWINSZ, &window) < 0)
		return;
	length = snprintf(text, sizeof(text), "\033[48;%u;%u;%u;%ut", window.ws_row, window.ws_col,
			  window.ws_ypixel, window.ws_xpixel);
	/* without memory the far end keeps the size that it knows */
	(void)relay_insert(terminal->loop, terminal->relay, 0, text, (size_t)length);
}

static void due(struct loop *loop, struct timer *timer)
{
	struct terminal *terminal = container_of(timer, struct terminal, timer);

	if (terminal->ends) {
		relay_stop(loop, terminal->relay, 0);
		return;
	}
	if (terminal->told)
		tell_size(terminal);
	terminal->told = false;
}

void terminal_init(struct terminal *terminal, int escape, struct relay_tap *next)
{
	*terminal = (struct terminal){
		.filter.pass = pass,
		.tap.data = listen_in,
		.tap.next = next,
		.timer.expired = due,
		.fd = -1,
		.escape = escape,
	};
}

static void woken(int number)
{
	(void)number;
}

static bool must_end(void)
{
	sigset_t waiting;

	return sigpending(&waiting) == 0 &&
	       (sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGHUP) ||
		sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGQUIT));
}

/* In the background this stops us (SIGTTOU), and again when we are continued there. The signals
 * that end us are blocked, so each SIGCONT interrupts it to look for them: -EINTR if one waits. */
static int make_raw(const struct terminal *terminal)
{
	const struct sigaction wake = { .sa_handler = woken };
	struct termios raw = terminal->saved;
	struct sigaction action;
	sigset_t continued, mask;
	int error;

	cfmakeraw(&raw);
	sigemptyset(&continued);
	sigaddset(&continued, SIGCONT);
	sigaction(SIGCONT, &wake, &action);
	sigprocmask(SIG_UNBLOCK, &continued, &mask);
	do {
		error = tcsetattr(terminal->fd, TCSADRAIN, &raw) < 0 ? -errno : 0;
	} while (error == -EINTR && !must_end());
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGCONT, &action, NULL);
	return error;
}

int terminal_start(struct terminal *terminal, int fd, struct loop *loop, struct relay *relay)
{
	int error;

	terminal->loop = loop;
	terminal->relay = relay;
	if (tcgetattr(fd, &terminal->saved) < 0)
		return -errno;
	terminal->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	error = terminal->fd < 0 ? -errno : make_raw(terminal);
	if (error)
		fd_close(&terminal->fd);
	return error == -EINTR ? 0 : error; /* the signal that waits is the next event */
}

/* Without -t it stays zeroed, and descriptor 0 is not its own. */
static bool is_started(const struct terminal *terminal)
{
	return terminal->loop && terminal->fd >= 0;
}

void terminal_stop(struct terminal *terminal)
{
	if (!is_started(terminal))
		return;
	loop_timer_stop(terminal->loop, &terminal->timer);
	/* in the background we would be stopped, and the settings are those of the shell */
	if (tcgetpgrp(terminal->fd) > 0 && tcgetpgrp(terminal->fd) != getpgrp()) {
		fd_close(&terminal->fd);
		return;
	}
	if (terminal->ends) /* the shell's prompt starts on a new line */
		(void)!write(terminal->fd, "\r\n", 2);
	tcsetattr(terminal->fd, TCSADRAIN, &terminal->saved);
	fd_close(&terminal->fd);
}

void terminal_continued(struct terminal *terminal)
{
	if (is_started(terminal))
		make_raw(terminal);
}

void terminal_resized(struct terminal *terminal)
{
	if (!is_started(terminal) || !terminal->tells)
		return;
	terminal->told = true;
	soon(terminal);
}
