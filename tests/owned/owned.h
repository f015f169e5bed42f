/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owned: a vsock-proxy whose worker is in the hands of an attacker. It is the real program, but in
 * its worker, once that serves, each attempt of the lists below is made and its outcome printed:
 * "owned: ROW: CALL: OUTCOME", where OUTCOME is "yes" or the name of an errno. ROW is a row of the
 * table in doc/processes.md, which says what the outcome must be. tests/owned.bats compares them.
 * At last the worker sends nonsense, for which it must be killed.
 *
 * An attempt must do no harm where nothing stops it: --no-sandbox, as root.
 */
#ifndef TESTS_OWNED_H
#define TESTS_OWNED_H

#include <stddef.h>

struct attempt {
	const char *row;
	const char *call;
	int (*make)(void); /* -1 and errno, or what worked */
};

struct attempts {
	const struct attempt *list;
	size_t count;
};

extern const struct attempts owned_files, owned_processes, owned_sockets, owned_channel;

/* Sends the supervisor what is no message, for which it kills this process. */
int owned_nonsense(void);

/* What the test has prepared: the environment variable NAME, or NULL. */
const char *owned_given(const char *name);
/* For attempts that do not apply here: their line is left out. */
int owned_skip(void);

#endif
