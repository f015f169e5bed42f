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
#include "relay/relay.h"

struct interactive {
	struct watch keys, incoming;
	struct timer failed; /* stops the relay */
	struct loop *loop; /* NULL: not started */
	struct relay *relay;
	int error; /* what has failed, a negative errno, or 0 */
	int socket; /* our end; the relay has the other */
	bool editing; /* readline has the terminal */
	char *prompt; /* the peer's */
	char *unfinished; /* an incomplete line from the peer, which is shown as part of the prompt
			   */
	size_t unfinished_length;
	char *history; /* the file, or NULL */
};

/* Takes over standard input and output. history is a file, "none", or NULL for the default; a
 * history that cannot be read or written is not used. *end is for the relay, which is stopped if
 * input or output would be lost. 0 or a negative errno. */
int interactive_start(struct interactive *interactive, struct loop *loop, struct relay *relay,
		      const char *peer, const char *history, struct endpoint *end);
/* Shows remaining output and restores the terminal. May be called twice, or if it was not started.
 * 0, or the negative errno with which the relay was stopped. */
int interactive_stop(struct interactive *interactive);
void interactive_resized(struct interactive *interactive); /* SIGWINCH */
void interactive_suspend(struct interactive *interactive); /* SIGTSTP */

#endif
