/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/pty.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/units.h"
#include "base/util.h"

#define ESC 0x1b
#define REPORTS_ON "\033[?2048h"
#define REPORTS_OFF "\033[?2048l"
#define REPORT_MAX 48
/* What began like a report and does not go on was typed: the key Escape must not wait for the next
 * one. */
#define REPORT_GRACE (50 * NSEC_PER_MSEC)
#define LEFT_GRACE (100 * NSEC_PER_MSEC) /* for what was written last */
/* Between closing its terminal and ending; to close ours earlier would kill it. */
#define END_GRACE (1 * NSEC_PER_SEC)
#define STOP_GRACE (1 * NSEC_PER_SEC)

struct terminal {
	struct endpoint_hook hook; /* first */
	struct session *session;
	struct timer flush, over;
	int master; /* the relay's */
	unsigned char held[REPORT_MAX];
	size_t held_length; /* what may become a report */
	bool flushing; /* it is not one: passed on unchanged */
	bool at_end; /* no process has the terminal open any more */
	bool switched_off; /* REPORTS_OFF was said */
	unsigned ends; /* end-of-file characters that are to be typed */
	unsigned char last; /* byte that was typed */
};

static struct terminal *terminal_of(struct endpoint_hook *hook)
{
	return container_of(hook, struct terminal, hook);
}

/* Types input; input that nobody reads is not an error. */
static ssize_t type(struct terminal *terminal, const unsigned char *data, size_t size)
{
	ssize_t put = RETRY(write(terminal->master, data, size));

	if (put < 0 && (errno == EIO || (errno == EAGAIN && terminal->at_end)))
		return (ssize_t)size;
	if (put > 0)
		terminal->last = data[put - 1];
	return put < 0 ? -errno : put;
}

int pty_type_end(int master, unsigned *times)
{
	struct termios settings;

	if (tcgetattr(master, &settings) < 0 || settings.c_cc[VEOF] == _POSIX_VDISABLE)
		*times = 0;
	for (; *times; --*times)
		if (write(master, &settings.c_cc[VEOF], 1) < 0 && errno == EAGAIN)
			return -EAGAIN;
	return 0;
}

/* Types what was held back. 0 when all is typed, or a negative errno. */
static int flush(struct terminal *terminal)
{
	terminal->flushing = true;
	while (terminal->held_length) {
		ssize_t put = type(terminal, terminal->held, terminal->held_length);

		if (put < 0)
			return (int)put;
		terminal->held_length -= (size_t)put;
		memmove(terminal->held, terminal->held + put, terminal->held_length);
	}
	terminal->flushing = false;
	return 0;
}

static void grace_over(struct loop *loop, struct timer *timer)
{
	struct terminal *terminal = container_of(timer, struct terminal, flush);

	/* closed, and its descriptor may be another client's by now */
	if (terminal->session->relay.over)
		return;
	if (flush(terminal) == -EAGAIN || pty_type_end(terminal->master, &terminal->ends) < 0)
		loop_timer(loop, timer, units_now() + REPORT_GRACE);
}

/* Reports */

static void apply_report(const struct terminal *terminal)
{
	unsigned rows, columns, height = 0, width = 0;
	struct winsize size;
	char text[REPORT_MAX + 1];

	memcpy(text, terminal->held, terminal->held_length);
	text[terminal->held_length] = '\0';
	if (sscanf(text, "\033[48;%5u;%5u;%5u;%5u", &rows, &columns, &height, &width) < 2 ||
	    !rows || !columns || rows > UINT16_MAX || columns > UINT16_MAX || height > UINT16_MAX ||
	    width > UINT16_MAX)
		return;
	size = (struct winsize){ .ws_row = (unsigned short)rows,
				 .ws_col = (unsigned short)columns,
				 .ws_xpixel = (unsigned short)width,
				 .ws_ypixel = (unsigned short)height };
	ioctl(terminal->master, TIOCSWINSZ, &size);
}

/* Is what is held, with this byte, still the beginning of a report? 't' ends one. */
static bool goes_on(const struct terminal *terminal, unsigned char byte)
{
	static const char begin[] = "\033[48;";
	size_t length = terminal->held_length;

	if (length < sizeof(begin) - 1)
		return byte == (unsigned char)begin[length];
	return length < REPORT_MAX && ((byte >= '0' && byte <= '9') || byte == ';' || byte == 't');
}

/* Takes a byte that may belong to a report: true if it did. */
static bool hold(struct terminal *terminal, unsigned char byte)
{
	if (!goes_on(terminal, byte))
		return false;
	terminal->held[terminal->held_length++] = byte;
	if (byte == 't') {
		apply_report(terminal);
		terminal->held_length = 0;
	}
	return true;
}

/* The hook */

static ssize_t terminal_write(struct endpoint_hook *hook, const void *bytes, size_t size)
{
	struct terminal *terminal = terminal_of(hook);
	struct loop *loop = terminal->session->group->loop;
	const unsigned char *data = bytes;
	size_t done = 0;
	ssize_t put = 0;

	while (done < size && put >= 0) {
		const unsigned char *next = memchr(data + done, ESC, size - done);
		size_t run = next ? (size_t)(next - data) - done : size - done;

		if (!terminal->flushing && (terminal->held_length || !run) &&
		    hold(terminal, data[done])) {
			done++;
		} else if (terminal->held_length) {
			put = flush(terminal);
		} else {
			put = type(terminal, data + done, run);
			if (put > 0)
				done += (size_t)put;
		}
	}
	if (terminal->held_length)
		loop_timer(loop, &terminal->flush, units_now() + REPORT_GRACE);
	else
		loop_timer_stop(loop, &terminal->flush);
	return done ? (ssize_t)done : put;
}

/* Is there nothing more to be read, and nothing to be sent? */
static bool all_sent(const struct terminal *terminal, const struct chan *down)
{
	struct pollfd entry = { .fd = terminal->master, .events = POLLIN };

	return down->waits == CHAN_WAITS_SOURCE && !chan_unsent(down) && poll(&entry, 1, 0) == 0;
}

/* The command has ended and its output is sent, so nobody reads input. Its background processes may
 * keep the terminal open, which does not matter. */
static void command_over(struct loop *loop, struct timer *timer)
{
	struct terminal *terminal = container_of(timer, struct terminal, over);
	struct relay *relay = &terminal->session->relay;

	if (relay->over) {
		relay_close(loop, relay); /* it continues without its terminal: hang up */
		return;
	}
	if (!chan_ended(&relay->chan[1])) {
		if (!all_sent(terminal, &relay->chan[1])) {
			loop_timer(loop, timer, units_now() + LEFT_GRACE);
			return;
		}
		if (!terminal->switched_off)
			endpoint_write(&relay->end[0], REPORTS_OFF, strlen(REPORTS_OFF));
	}
	relay_side_over(loop, relay, 1, STOP_GRACE);
}

bool pty_at_end(const struct session *session)
{
	return ((const struct terminal *)session->owner)->at_end;
}

void pty_command_ended(struct session *session)
{
	struct terminal *terminal = session->owner;

	loop_timer(session->group->loop, &terminal->over,
		   units_now() + (terminal->at_end ? 0 : LEFT_GRACE));
}

static ssize_t terminal_read(struct endpoint_hook *hook, void *data, size_t size)
{
	struct terminal *terminal = terminal_of(hook);
	ssize_t got = RETRY(read(terminal->master, data, size));

	if (got > 0)
		return got;
	if (got < 0 && errno != EIO)
		return -errno;
	if (!terminal->switched_off && size >= strlen(REPORTS_OFF)) {
		terminal->switched_off = true;
		memcpy(data, REPORTS_OFF, strlen(REPORTS_OFF));
		return (ssize_t)strlen(REPORTS_OFF);
	}
	terminal->at_end = true;
	loop_timer(terminal->session->group->loop, &terminal->over,
		   units_now() + (terminal->session->ended < 0 ? END_GRACE : 0));
	return 0;
}

/* The far end sends no more: end of file, as it would be typed. In the middle of a line that takes
 * two. */
static void terminal_finish(struct endpoint_hook *hook)
{
	struct terminal *terminal = terminal_of(hook);
	unsigned char last = terminal->held_length ? ESC : terminal->last;

	terminal->ends = last && last != '\n' && last != '\r' ? 2 : 1;
	grace_over(terminal->session->group->loop, &terminal->flush);
}

static void release(struct session *session)
{
	struct terminal *terminal = session->owner;

	loop_timer_stop(session->group->loop, &terminal->flush);
	loop_timer_stop(session->group->loop, &terminal->over);
	loop_free_later(session->group->loop, terminal);
}

pid_t pty_start(struct session *session, const struct spawn *spawn, struct endpoint *accepted,
		struct endpoint *here)
{
	static const struct winsize plain = { .ws_row = 24, .ws_col = 80 };
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	pid_t pid;

	if (!terminal)
		return -ENOMEM;
	pid = spawn_on_terminal(session->group->loop, spawn, session->fd, &session->peer,
				session->group->open, &plain, &terminal->master);
	if (pid < 0) {
		free(terminal);
		return pid;
	}
	terminal->session = session;
	terminal->hook = (struct endpoint_hook){ .read = terminal_read,
						 .write = terminal_write,
						 .finish = terminal_finish };
	terminal->flush.expired = grace_over;
	terminal->over.expired = command_over;
	*here = (struct endpoint){ .in = terminal->master,
				   .out = terminal->master,
				   .in_kind = ENDPOINT_HOOKED,
				   .out_kind = ENDPOINT_HOOKED,
				   .hook = &terminal->hook };
	session->owner = terminal;
	session->group->release = release;
	/* the first bytes of a new connection always fit; the relay notices a peer that is gone */
	endpoint_write(accepted, REPORTS_ON, strlen(REPORTS_ON));
	return pid;
}
