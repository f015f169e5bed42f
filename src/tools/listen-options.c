/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stddef.h>

#include "tools/listen.h"

const struct opt listen_only_opts[] = {
	{ .name = "keep-open", .letter = 'k', .group = "Serving", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "again and again, one after another", .offset = offsetof(struct listen_only_options, keep_open) },
	{ .name = "count", .letter = 'c', .group = "Serving", .type = OPT_COUNT, .value = "COUNT", .fallback = "inf",
	  .text = "end after so many connections; implies -k", .min = 1, .max = UNITS_INF - 1, .flags = OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, count) },
	{ .name = "echo", .group = "Serving", .type = OPT_FLAG, .text = "send back what arrives (RFC 862)", .flags = OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, echo) },
	{ .name = "discard", .group = "Serving", .type = OPT_FLAG, .text = "throw away what arrives (RFC 863)", .flags = OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, discard) },
	{ .name = "generate", .group = "Serving", .type = OPT_SIZE, .value = "SIZE", .text = "send so many zeros, or inf",
	  .min = 1, .flags = OPT_INF | OPT_BRIEF, .offset = offsetof(struct listen_only_options, generate) },
	{ .name = "send-file", .group = "Serving", .type = OPT_TEXT, .value = "PATH", .text = "send this file to each",
	  .flags = OPT_BRIEF, .offset = offsetof(struct listen_only_options, send_file) },
	{ .name = "receive-dir", .group = "Serving", .type = OPT_TEXT, .value = "DIR", .text = "what each sends becomes a new file there",
	  .flags = OPT_BRIEF, .offset = offsetof(struct listen_only_options, receive_dir) },
	{ .name = "hash", .group = "Serving", .type = OPT_FLAG, .text = "print a line for each: SHA-256, bytes, peer",
	  .offset = offsetof(struct listen_only_options, hash) },
	{ .name = "hub", .group = "Serving", .type = OPT_FLAG, .text = "everyone hears everyone", .flags = OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, hub) },
	{ .name = "json", .letter = 'j', .group = "Serving", .type = OPT_FLAG, .text = "--hash: an object a line",
	  .offset = offsetof(struct listen_only_options, json) },
	{ .name = "tty", .letter = 't', .group = "Serving", .type = OPT_FLAG, .text = "COMMAND gets a terminal",
	  .flags = OPT_BRIEF, .offset = offsetof(struct listen_only_options, tty) },
	{ .name = "shell", .group = "Serving", .type = OPT_FLAG, .text = "a login shell on a terminal; only with --allow",
	  .offset = offsetof(struct listen_only_options, shell) },
	{ .name = "user", .group = "Serving", .type = OPT_TEXT, .value = "NAME[:GROUP]", .text = "who to become once listening; for root",
	  .offset = offsetof(struct listen_only_options, user) },
	{ .name = "chdir", .group = "Serving", .type = OPT_TEXT, .value = "DIR", .text = "where COMMAND runs and paths of files begin",
	  .offset = offsetof(struct listen_only_options, chdir) },
	{ .name = "umask", .group = "Serving", .type = OPT_TEXT, .value = "MODE", .text = "what is taken from the mode of new files, octal",
	  .offset = offsetof(struct listen_only_options, umask) },
	{ 0 },
};

const struct opt_foreign listen_foreign[] = {
	{ "-e", "write: vsock-listen ADDRESS -- COMMAND" },
	{ "-c", "write: vsock-listen ADDRESS -- COMMAND" },
	{ "-d", "write: vsock-listen ADDRESS < /dev/null" },
	{ "--exec", "write: vsock-listen ADDRESS -- COMMAND" },
	{ "--sh-exec", "write: vsock-listen ADDRESS -- sh -c 'COMMAND'" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-l", "vsock-listen always listens" },
	{ "--broker", "write --hub" },
	{ NULL, NULL },
};
