/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check: the service of --check: performs what a client of vsock-ping --check asks for. */
#ifndef LISTEN_CHECK_H
#define LISTEN_CHECK_H

#include <stdint.h>

#include "cli/check.h"
#include "serve/session.h"

#define CHECK_RESULTS 1024 /* the newest ones; older ones are forgotten */

/* How the checks of earlier connections went, which clients ask for later. */
struct check_results {
	struct {
		uint32_t seed;
		struct check_result result;
	} entries[CHECK_RESULTS];
	unsigned next;
};

/* Serves the session, and ends it. results must outlive it. */
void check_serve(struct session *session, struct check_results *results);

#endif
