/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen: declarations shared by the files of vsock-listen: its options and its state. */
#ifndef LISTEN_LISTEN_H
#define LISTEN_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "base/units.h"
#include "listen/check.h"
#include "listen/readiness.h"
#include "listen/run.h"
#include "listen/service.h"
#include "serve/user.h"
#include "cli/tool.h"
#include "cli/traffic.h"

struct listen_only_options {
	bool keep_open, echo, discard, check, run, notify;
	uint64_t generate; /* 0: no */
	const char *send_file, *receive_dir;
	bool hash, json, tty, shell;
	const char *user, *chdir, *umask;
	const char *until; /* a line of --notify, or NULL */
	struct opt_list run_users; /* --run-user */
	uint64_t count; /* UNITS_INF: no limit */
	struct traffic_options traffic;
};
#define LISTEN_ONLY_DEFAULTS       \
	{                          \
		.count = UNITS_INF \
	}

struct listen {
	struct server server;
	struct listen_only_options options;
	struct common_options common;
	struct relay_settings relaying;
	struct loop_settings looping;

	struct hosts hosts;
	struct addr addr;
	struct listener listener;
	struct spawn spawn;
	char *shell[2]; /* argv of --shell */
	struct service service;
	struct check_results checked; /* --check */
	struct run_server running; /* --run */
	struct readiness readiness; /* --notify */
	bool until_seen; /* the line of --until has come */
	struct user user; /* to become */
	struct user own; /* who we are; name NULL: nobody has asked */
	int directory; /* --chdir, or AT_FDCWD */
	bool plain; /* serves one client at a time on standard input and output */
	struct traffic traffic;
	const struct session *current; /* plain: the session being served, or NULL */
	uint64_t served;
	bool served_all; /* only standard output still has to be written */
	int status;
	char to[64];
};

/* How clients are served. */
enum listen_mode {
	LISTEN_PLAIN = 1, /* standard input and output */
	LISTEN_COMMAND = 2,
	LISTEN_SERVICE = 4, /* without files */
	LISTEN_SEND_FILE = 8,
	LISTEN_RECEIVE = 16,
	LISTEN_TERMINAL = 32, /* COMMAND on a terminal */
	LISTEN_CHECK = 64,
	LISTEN_RUN = 128,
	LISTEN_NOTIFY = 256,
};

/* Refuses options that would have no effect. 0, or STATUS_USAGE after reporting the mistake. */
int listen_check(const struct opt_program *program, enum listen_mode mode);

/* Finds everything that cannot work before listening, with the permissions of the user that will
 * serve. command is the arguments after --, or NULL. 0, or an exit status after reporting the
 * error. */
int listen_prepare(struct listen *listen, const struct opt_program *program, char **command);

/* --run: on vsock the host is admitted, and nobody else, unless --allow says otherwise. 0, or an
 * exit status after reporting the error. */
int listen_admit_host(struct listen *listen);
/* --run: can the socket that was passed to us be used? Once it is adopted. 0 or an exit status. */
int listen_check_passed(const struct listen *listen);

extern const struct opt listen_only_opts[];
extern const char *const listen_conflicts[];
extern const struct opt_foreign listen_foreign[];

#endif
