/* SPDX-License-Identifier: GPL-3.0-or-later */
/* common: what the programs share: option tables, reading an address, and saying why something failed. */
#ifndef TOOLS_COMMON_H
#define TOOLS_COMMON_H

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
#define DIAL_DEFAULTS { .connect_timeout = 10 * NSEC_PER_SEC }

/* Options of the programs that relay: -i --half-close-timeout … Into a struct relay_settings. */
extern const struct opt relay_opts[];

/* Options of the programs that listen and stay: -m --allow --drain-timeout … Into a struct server_settings. */
extern const struct opt listen_opts[];

/* What every program does first: standard descriptors, limits, SIGPIPE and SIGXFSZ, the name. */
void common_start(const char *program);

/* Reads --message-size. 0 or STATUS_USAGE, said. */
int common_message_size(struct relay_settings *settings);

/* --user TEXT, or NULL: whom to become. 0 or the exit status, said. */
int common_user(const char *text, struct user *user);

/* Reads the hosts files. On error says so; returns 0 or STATUS_USAGE. */
int common_hosts(struct hosts *hosts);

/* Reads an address, or says what is wrong with it, with caret and hint. 0 or STATUS_USAGE. */
int common_addr(const char *text, const struct addr_context *context, struct addr *addr);
/* The same from two words, CID PORT. */
int common_addr_words(const char *where, const char *port, const struct addr_context *context, struct addr *addr);
/* Says what is wrong with text: the error, the caret, the hint. */
void common_bad_text(const char *text, size_t offset, size_t length, const char *why, const char *hint);

/* For dial_settings.waiting: the erasable line of --wait. */
void common_waiting(const struct addr *addr, const struct explanation *why, uint64_t elapsed, uint64_t wait);

#endif
