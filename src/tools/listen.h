/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen: the options that only vsock-listen has. */
#ifndef TOOLS_LISTEN_H
#define TOOLS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "base/units.h"

struct listen_only_options {
	bool keep_open, echo, discard;
	uint64_t generate; /* 0: no */
	const char *send_file, *receive_dir;
	bool hash, hub, json, tty, shell;
	const char *user, *chdir, *umask;
	uint64_t count;    /* UNITS_INF: no end */
};
#define LISTEN_ONLY_DEFAULTS { .count = UNITS_INF }

/* What is done with who connects. */
enum listen_mode {
	LISTEN_PLAIN = 1, /* standard input and output */
	LISTEN_COMMAND = 2,
	LISTEN_SERVICE = 4, /* without files */
	LISTEN_SEND_FILE = 8,
	LISTEN_RECEIVE = 16,
	LISTEN_TERMINAL = 32, /* COMMAND on one */
};

/* Refuses what would have no effect. 0 or STATUS_USAGE, said. */
int listen_check(const struct opt_program *program, enum listen_mode mode);

extern const struct opt listen_only_opts[];
extern const struct opt_foreign listen_foreign[];

#endif
