/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interactive: line-by-line input on a terminal with readline. Arriving data is shown above the
 * line being typed. The relay sees a socket.
 */
#ifndef CAT_INTERACTIVE_H
#define CAT_INTERACTIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/endpoint.h"
#include "relay/loop.h"

struct interactive {
	struct watch keys, incoming;
	struct loop *loop; /* NULL: not started */
	int socket; /* our end; the relay has the other */
	bool editing; /* readline has the terminal */
	char *prompt; /* the peer's */
	char *unfinished; /* an incomplete line from the peer, which is shown as part of the prompt
			   */
	size_t unfinished_length;
	char *history; /* the file, or NULL */
};

/* Takes over standard input and output. history is a file, "none", or NULL for the default; a
 * history that cannot be read or written is not used. *end is for the relay. 0 or a negative errno.
 */
int interactive_start(struct interactive *interactive, struct loop *loop, const char *peer,
		      const char *history, struct endpoint *end);
/* Shows remaining output and restores the terminal. May be called twice, or if it was not started.
 */
void interactive_stop(struct interactive *interactive);
void interactive_resized(struct interactive *interactive); /* SIGWINCH */
void interactive_suspend(struct interactive *interactive); /* SIGTSTP */

#endif
