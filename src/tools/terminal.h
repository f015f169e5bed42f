/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * terminal: a raw terminal for a shell at the far end: every key is sent, but for the escape (~. at the beginning of a
 * line ends), and the far end is told the window's size where it asks for it with CSI ? 2048 h (in-band resize).
 */
#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "relay/loop.h"
#include "relay/relay.h"

#define TERMINAL_NO_ESCAPE (-1)

struct terminal {
	struct relay_filter filter; /* for relay_settings.filter: looks for the escape */
	struct relay_tap tap;       /* for relay_settings.tap: looks for CSI ? 2048 h */
	struct loop *loop;
	struct relay *relay;
	struct timer timer; /* what filter and tap saw is done outside of the engines */
	struct termios saved;
	int fd;      /* of our own, or -1 */
	int escape;  /* a character, or TERMINAL_NO_ESCAPE */
	uint8_t typed, heard; /* states of filter and tap */
	unsigned mode;  /* the number that tap is reading */
	bool resizing;  /* tap: 2048 was among the numbers */
	bool tells;     /* the far end wants to be told the size */
	bool ends, told; /* what the timer is to do: end, tell the size */
};

/* Reads "~", "^X" or "none". 0, or -EINVAL. */
int terminal_escape(const char *text, int *escape);
/* Prepares filter and tap; next is the tap behind ours, or NULL. */
void terminal_init(struct terminal *terminal, int escape, struct relay_tap *next);
/* Makes the terminal that fd is raw, for this relay. 0 or a negative errno. */
int terminal_start(struct terminal *terminal, int fd, struct loop *loop, struct relay *relay);
/* As it was before. Harmless where it was not started, or twice. */
void terminal_stop(struct terminal *terminal);
/* After SIGCONT: raw again. After SIGWINCH: tells the size. */
void terminal_continued(struct terminal *terminal);
void terminal_resized(struct terminal *terminal);

#endif
