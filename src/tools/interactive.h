/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interactive: a conversation line by line on a terminal, edited by readline. What arrives is shown above the line that is
 * being typed. To the relay all this is a socket.
 */
#ifndef TOOLS_INTERACTIVE_H
#define TOOLS_INTERACTIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/endpoint.h"
#include "relay/loop.h"

struct interactive {
	struct watch keys, incoming;
	struct loop *loop; /* NULL: not started */
	int socket;        /* our end; the relay has the other */
	bool editing;      /* readline has the terminal */
	char *prompt;      /* the peer's */
	char *unfinished;  /* a line of the peer's that has not ended: part of the prompt */
	size_t unfinished_length;
	char *history;     /* the file, or NULL */
};

/* Takes over standard input and output. history: a file, "none", or NULL for the default; what can't be read or written there
 * is done without. *end is for the relay. 0 or a negative errno. */
int interactive_start(struct interactive *interactive, struct loop *loop, const char *peer, const char *history,
                      struct endpoint *end);
/* Shows what is left, and gives the terminal back. Harmless where it was not started, or twice. */
void interactive_stop(struct interactive *interactive);
void interactive_resized(struct interactive *interactive);   /* SIGWINCH */
void interactive_suspend(struct interactive *interactive);   /* SIGTSTP */

#endif
