/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which options have no effect with what is served: they are refused with the reason, not ignored. */
#include "config.h"

#include "base/log.h"
#include "net/explain.h"
#include "tools/listen.h"

#define NOT_RELAYED "COMMAND has the socket itself, nothing is relayed"
#define NOT_STDIO "it is for standard input and output"
#define SERVES (LISTEN_SERVICE | LISTEN_SEND_FILE | LISTEN_RECEIVE | LISTEN_TERMINAL)
#define NO_FILES "it is for a COMMAND and for files"

static const struct {
	const char *option;
	unsigned unfit; /* enum listen_mode */
	const char *why;
} unfits[] = {
	{ "idle-timeout", LISTEN_COMMAND, NOT_RELAYED },
	{ "half-close-timeout", LISTEN_COMMAND, NOT_RELAYED },
	{ "no-shutdown", LISTEN_COMMAND, NOT_RELAYED },
	{ "max-bytes", LISTEN_COMMAND, NOT_RELAYED },
	{ "rate-limit", LISTEN_COMMAND, NOT_RELAYED },
	{ "buffer", LISTEN_COMMAND, NOT_RELAYED },
	{ "message-size", LISTEN_COMMAND, NOT_RELAYED },
	{ "engine", LISTEN_COMMAND, NOT_RELAYED },
	{ "progress", LISTEN_COMMAND, NOT_RELAYED },
	{ "progress", SERVES, NOT_STDIO },
	{ "size", LISTEN_COMMAND, NOT_RELAYED },
	{ "size", SERVES, NOT_STDIO },
	{ "dump", LISTEN_COMMAND, NOT_RELAYED },
	{ "dump", SERVES, NOT_STDIO },
	{ "record", LISTEN_COMMAND, NOT_RELAYED },
	{ "record", SERVES, NOT_STDIO },
	{ "crlf", LISTEN_COMMAND, NOT_RELAYED },
	{ "crlf", SERVES, NOT_STDIO },
	{ "max-conns", LISTEN_PLAIN, "on standard input and output there is one connection at a time" },
	{ "chdir", LISTEN_PLAIN | LISTEN_SERVICE, NO_FILES },
	{ "umask", LISTEN_PLAIN | LISTEN_SERVICE | LISTEN_SEND_FILE, NO_FILES },
};

int listen_check(const struct opt_program *program, enum listen_mode mode)
{
	for (size_t i = 0; i < sizeof(unfits) / sizeof(*unfits); i++) {
		if (!(unfits[i].unfit & mode) || !opt_given(program, unfits[i].option))
			continue;
		log_error("--%s has no effect here: %s", unfits[i].option, unfits[i].why);
		return STATUS_USAGE;
	}
	return 0;
}
