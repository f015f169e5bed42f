/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen: what the files of vsock-listen share: its options, and what it is to do. */
#ifndef TOOLS_LISTEN_H
#define TOOLS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "base/units.h"
#include "serve/service.h"
#include "serve/user.h"
#include "tools/common.h"
#include "tools/progress.h"
#include "tools/traffic.h"

struct listen_only_options {
	bool keep_open, echo, discard;
	uint64_t generate; /* 0: no */
	const char *send_file, *receive_dir;
	bool hash, hub, json, tty, shell;
	const char *user, *chdir, *umask;
	uint64_t count;    /* UNITS_INF: no end */
	struct traffic_options traffic;
	bool progress;
	uint64_t size;     /* what is 100 % of progress; 0: not said */
};
#define LISTEN_ONLY_DEFAULTS { .count = UNITS_INF }

struct listen {
	struct server server;
	struct listen_only_options options;
	struct common_options common;
	struct relay_settings relaying;

	struct hosts hosts;
	struct addr addr;
	struct listener listener;
	struct spawn spawn;
	char *shell[2]; /* argv of --shell */
	struct service service;
	struct user user; /* to become */
	int directory;    /* --chdir, or AT_FDCWD */
	bool plain; /* one after another, to standard input and output */
	struct traffic traffic;
	struct progress progress;
	const struct session *current; /* plain: which is served now, or NULL */
	uint64_t served;
	bool served_all; /* it only waits for standard output */
	int status;
	char to[64];
};

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

/* Finds what can't work before it listens, with the eyes of who will serve. command: the words behind --, or NULL. 0 or the
 * exit status, said. */
int listen_prepare(struct listen *listen, const struct opt_program *program, char **command);

extern const struct opt listen_only_opts[];
extern const struct opt_foreign listen_foreign[];

#endif
