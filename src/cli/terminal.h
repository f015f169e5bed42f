/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * terminal: a raw terminal for a shell at the far end. Every key is sent except the escape sequence
 * (~. at the start of a line quits). If the far end asks with CSI ? 2048 h (in-band resize), it is
 * sent the window size.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "relay/loop.h"
#include "relay/relay.h"

#define TERMINAL_NO_ESCAPE (-1)

struct terminal {
	struct relay_filter filter; /* for relay_settings.filter: looks for the escape */
	struct relay_tap tap; /* for relay_settings.tap: looks for CSI ? 2048 h */
	struct loop *loop;
	struct relay *relay;
	struct timer timer; /* acts on what filter and tap saw, outside the engines */
	struct termios saved;
	int fd; /* of our own, or -1 */
	int escape; /* a character, or TERMINAL_NO_ESCAPE */
	uint8_t typed, heard; /* states of filter and tap */
	unsigned mode; /* the number that the tap is reading */
	bool resizing; /* tap: 2048 was among the numbers */
	bool tells; /* the far end has asked for the size */
	bool ends, told; /* tasks for the timer: quit, send the size */
};

/* Reads "~", "^X" or "none". 0, or -EINVAL. */
int terminal_escape(const char *text, int *escape);
/* Prepares filter and tap; next is the tap after ours, or NULL. */
void terminal_init(struct terminal *terminal, int escape, struct relay_tap *next);
/* Switches the terminal fd to raw mode for this relay. 0 or a negative errno. */
int terminal_start(struct terminal *terminal, int fd, struct loop *loop, struct relay *relay);
/* Restores the terminal. May be called twice, or if it was not started. */
void terminal_stop(struct terminal *terminal);
/* After SIGCONT: raw mode again. After SIGWINCH: sends the size. */
void terminal_continued(struct terminal *terminal);
void terminal_resized(struct terminal *terminal);

#endif
