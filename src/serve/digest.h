/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest: what each connection sends is hashed, and a line is printed for it: SHA-256, bytes, peer. */
#ifndef SERVE_DIGEST_H
#define SERVE_DIGEST_H

#include <stdbool.h>

#include "net/endpoint.h"
#include "serve/output.h"
#include "serve/session.h"

/* The end of a relay that takes what is hashed. 0 or a negative errno. */
int digest_start(struct session *session, struct endpoint *here);
/* Puts the line, or the object. 0, or a negative errno of output. */
int digest_finish(const struct session *session, bool json, struct output *output);

#endif
