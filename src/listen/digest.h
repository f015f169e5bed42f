/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest: hashes what each connection sends, and prints a line with SHA-256, size and peer.
 */
#ifndef LISTEN_DIGEST_H
#define LISTEN_DIGEST_H

#include <stdbool.h>

#include "net/endpoint.h"
#include "listen/output.h"
#include "serve/session.h"

/* Makes the endpoint whose input is hashed. 0 or a negative errno. */
int digest_start(struct session *session, struct endpoint *here);
/* Prints the line, or a JSON object. 0, or a negative errno from output. */
int digest_finish(const struct session *session, bool json, struct output *output);

#endif
