/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outcome: tells how the only connection of a program ended, if not well: that of vsock-cat, or of
 * a vsock-listen without COMMAND. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <stdbool.h>

#include "net/addr.h"
#include "relay/relay.h"

/* What is at our end of the connection, as messages name it. */
struct outcome_here {
	const char *input, *output; /* what is sent, and where to what is received goes */
	bool mirrored; /* what is received is sent back */
};

extern const struct outcome_here outcome_standard; /* standard input and output */

/* Reports a relay that did not end well, and returns the exit status. us is the side of our end;
 * addr says what the peer is, and to is the peer as messages name it. A reader of standard output
 * that is gone (END_OUTPUT), and a signal, are the caller's to deal with. */
int outcome_say(const struct relay *relay, int us, const struct addr *addr, const char *to,
		const struct outcome_here *here);
/* Reports only that a limit of settings has ended a connection. False: none has. */
bool outcome_say_limit(const struct relay *relay, const struct relay_settings *settings,
		       const char *to);

#endif
