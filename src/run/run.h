/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run: declarations shared by the files of vsock-run. doc/run-protocol.md has the protocol.
 *
 * Theory of operation: the control connection is dialled first. When the server has accepted the
 * request, each standard stream gets a connection of its own, with a relay that moves bytes in one
 * direction. The run is over when the command has exited and both its outputs have arrived as a
 * whole, or are not wanted any more; or at the first failure.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>

#include "base/opt.h"
#include "cli/run-link.h"
#include "cli/terminal.h"
#include "cli/tool.h"
#include "relay/dial.h"
#include "relay/relay.h"

struct run_options {
	bool tty, shell, detach;
	struct opt_list environment; /* --env, as written */
	const char *directory; /* NULL: the home directory */
	const char *user; /* NULL: whom the server runs as */
};

/* One of the standard streams. */
struct run_way {
	struct run *run;
	struct dial dial;
	struct relay relay;
	struct relay_settings relaying;
	bool wanted; /* it has a connection */
	bool over; /* its relay has ended */
	bool settled; /* nothing is left to be done about it */
	bool told; /* RUN_END was sent, or has come */
	uint64_t size; /* bytes, from RUN_END of the server */
};

/* One run of the program. end[0] of each relay is ours, end[1] the server's. */
struct run {
	struct run_options options;
	struct common_options common;
	struct dial_settings dialling;

	struct hosts hosts;
	struct addr addr;
	char to[256]; /* the server, as messages name it */
	char **command; /* its arguments, in argv; empty: a login shell */
	int words;
	struct run_request request;
	uint8_t token[RUN_TOKEN];

	struct loop *loop;
	struct dialer *dialer;
	struct dial dial; /* of the control connection */
	struct run_link link;
	int fd; /* the control connection, or -1 */
	struct timer alive;
	uint64_t checked; /* ns: when it last expired */
	uint64_t forwarded; /* ns: the first signal that the server has not answered; 0: none */
	struct run_way ways[RUN_STREAMS];
	struct terminal terminal;
	bool raw; /* standard input is a terminal, and a raw one */
	bool accepted, exited, ended;
	int status; /* exited: the exit status; ended without: 125, 126 or 127 */
	int signal; /* that ended us before there was a command, or 0 */
};

#define RUN_FAILED 125 /* exit status of failures of our own */

extern const struct opt run_opts[];
extern const struct opt_foreign run_foreign[];

/* Makes the request of the options and words. 0, or an exit status after reporting the error. */
int run_prepare(struct run *run, int count, char **words);
void run_free_prepared(struct run *run);

/* Dials the control connection and sends the request. */
void run_connect(struct run *run);
/* Forwards a signal to the command. False: it ends us, because the server has not answered since
 * the last one, or because the command may outlive us. */
bool run_forward(struct run *run, int number);
/* Tells the server the size of the terminal. */
void run_resized(struct run *run);

/* The server has accepted: connects the streams. */
void run_open_streams(struct run *run);
/* The server says how many bytes a stream has. False: it must not. */
bool run_stream_told(struct run *run, const struct run_frame *frame);

/* Ends with this status after the caller has reported why. */
void run_fail(struct run *run, int status);
/* Has everything ended? Then the loop stops. */
void run_maybe_over(struct run *run);
/* Restores the terminal, so that a message can be written. */
void run_restore(struct run *run);

#endif
