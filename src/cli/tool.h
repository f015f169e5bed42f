/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tool: the parts that all programs share: main(), option tables, and reading addresses and hosts
 * files with error messages.
 */
#ifndef CLI_TOOL_H
#define CLI_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/opt.h"
#include "net/addr.h"
#include "net/explain.h"
#include "net/hosts.h"
#include "relay/dial.h"
#include "relay/relay.h"
#include "serve/server.h"
#include "serve/user.h"

/* Options of all programs: -v -q -n -D --log-format --color. */
struct common_options {
	struct log_config log;
	bool numeric;
};
extern const struct opt common_opts[];

/* Options of the programs that connect: -w --wait. Into a struct dial_settings. */
extern const struct opt dial_opts[];
#define DIAL_DEFAULTS                                \
	{                                            \
		.connect_timeout = 10 * NSEC_PER_SEC \
	}

/* Options of the programs that relay: -i --half-close-timeout … Into a struct relay_settings. */
extern const struct opt relay_opts[];

/* The option of the programs that answer: --busy-poll. Into a struct loop_settings. */
extern const struct opt loop_opts[];
extern const char *const loop_busy_words[]; /* that it accepts besides times */
/* The row of --busy-poll in the table of a program that has it in another group or struct. */
#define BUSY_POLL_ROW(its_group, its_offset)                                                \
	{                                                                                   \
		.name = "busy-poll", .group = its_group, .type = OPT_TIME, .value = "TIME", \
		.fallback = "auto", .choices = loop_busy_words,                             \
		.text = "poll for TIME before sleeping; off, or auto: while it helps",      \
		.max = NSEC_PER_SEC, .offset = its_offset,                                  \
	}

/* Options of the programs that listen and stay: -m --allow --drain-timeout … Into a struct
 * server_settings. */
extern const struct opt listen_opts[];

/* A program, for tool_main(). */
struct tool {
	struct opt_program program;
	struct common_options *common;
	bool operands; /* it cannot run without arguments */
	bool command; /* the arguments after "--" are a command, not operands */
	/* Does the work. words are the operands; command is NULL without "--". Returns the exit
	 * status, after reporting any error. */
	int (*run)(void *context, const struct opt_program *program, int count, char **words,
		   char **command);
	void (*clean_up)(void *context); /* after run(); may be NULL */
	void *context;
	int *signal; /* after run(): the signal to die from, or 0; NULL: none */
};

/* Implements main(): prepares descriptors, limits and signals, reads the options, runs and cleans
 * up. Returns the exit status, which is STATUS_FAILURE if standard output could not be written, or
 * dies of the signal that ended the run; where that is not possible the status is that of a shell,
 * 128 and its number. */
int tool_main(const struct tool *tool, int argc, char **argv);
/* Reports a write error on standard output and returns STATUS_FAILURE, else status. If the reader
 * is gone, the program dies of SIGPIPE, unless that was ignored or blocked when it started. */
int tool_flush(int status);

/* Reads settings->message_text, "64K" or "line", if there is one: how a stream is cut into messages
 * for a seqpacket socket. 0, or -EINVAL with *error. */
int common_read_message_size(struct relay_settings *settings, struct mistake *error);
/* The same for the option. 0, or STATUS_USAGE after reporting the mistake. */
int common_message_size(struct relay_settings *settings);

/* Warns of descriptors that systemd passed and that no address means: see activation_use(). */
void common_warn_unused(void);
/* Finds the user of --user TEXT, or none if NULL. 0, or an exit status after reporting the error.
 */
int common_user(const char *text, struct user *user);

/* Reads the hosts files. 0, or STATUS_USAGE after reporting the mistake. */
int common_hosts(struct hosts *hosts);

/* Reads an address. 0, or STATUS_USAGE after reporting the mistake with caret and hint. */
int common_addr(const char *text, const struct addr_context *context, struct addr *addr);
/* The same from the two arguments CID PORT. */
int common_addr_words(const char *where, const char *port, const struct addr_context *context,
		      struct addr *addr);

/* For dial_settings.waiting: shows the erasable line of --wait. */
void common_waiting(const struct addr *addr, const struct explanation *why, uint64_t elapsed,
		    uint64_t wait);

#endif
