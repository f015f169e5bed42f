/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outcome: tells how a connection to standard input and output ended, if not well: vsock-cat's, and
 * those of a vsock-listen without COMMAND. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "net/addr.h"
#include "relay/relay.h"

/* Reports a relay that did not end well, and returns the exit status. us is the side of standard
 * input and output; addr says what the peer is, and to is the peer as messages name it. A reader of
 * standard output that is gone (END_OUTPUT), and a signal, are the caller's to deal with. */
int outcome_say(const struct relay *relay, int us, const struct addr *addr, const char *to);

#endif
