/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/tool.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/units.h"
#include "net/activation.h"

static const char *const formats[] = { "auto", "text", "json", "journal", "syslog", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };
#define MESSAGE_MAX (64ULL * 1024 * 1024)

static const char *const engines[] = { "auto", "copy", "splice", NULL };

const struct opt common_opts[] = {
	{ .name = "verbose",
	  .letter = 'v',
	  .group = "Common",
	  .type = OPT_REPEAT,
	  .flags = OPT_BRIEF,
	  .text = "report what happens; twice: in more detail",
	  .offset = offsetof(struct common_options, log.verbose) },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPT_REPEAT,
	  .text = "print errors only; twice: print nothing",
	  .offset = offsetof(struct common_options, log.quiet) },
	{ .name = "numeric",
	  .letter = 'n',
	  .type = OPT_FLAG,
	  .text = "do not show names from the hosts file",
	  .offset = offsetof(struct common_options, numeric) },
	{ .name = "timestamps",
	  .letter = 'D',
	  .type = OPT_FLAG,
	  .text = "begin each message with the time",
	  .offset = offsetof(struct common_options, log.timestamps) },
	{ .name = "log-format",
	  .type = OPT_CHOICE,
	  .value = "FORMAT",
	  .fallback = "auto",
	  .text = "format of messages on standard error",
	  .choices = formats,
	  .offset = offsetof(struct common_options, log.format) },
	{ .name = "color",
	  .type = OPT_CHOICE,
	  .value = "WHEN",
	  .fallback = "auto",
	  .text = "colour messages",
	  .choices = colors,
	  .offset = offsetof(struct common_options, log.color) },
	{ 0 },
};

const struct opt dial_opts[] = {
	{ .name = "connect-timeout",
	  .letter = 'w',
	  .group = "Connecting",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "10s",
	  .text = "time limit of one attempt to connect",
	  .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct dial_settings, connect_timeout) },
	{ .name = "wait",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "off",
	  .text = "keep retrying for TIME while the failure may be temporary",
	  .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct dial_settings, wait) },
	{ 0 },
};

const struct opt relay_opts[] = {
	{ .name = "idle-timeout",
	  .letter = 'i',
	  .group = "Relaying",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "close after TIME without traffic",
	  .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct relay_settings, idle_timeout) },
	{ .name = "half-close-timeout",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "close TIME after the first direction has ended",
	  .flags = OPT_RULE | OPT_INF | OPT_ZERO,
	  .offset = offsetof(struct relay_settings, half_close_timeout) },
	{ .name = "no-shutdown",
	  .flags = OPT_RULE,
	  .type = OPT_FLAG,
	  .text = "do not pass the end of file on",
	  .offset = offsetof(struct relay_settings, no_shutdown) },
	{ .name = "max-time",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "close after TIME",
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, max_time) },
	{ .name = "max-bytes",
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .fallback = "inf",
	  .text = "pass at most SIZE bytes in each direction",
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, max_bytes) },
	{ .name = "rate-limit",
	  .letter = 'L',
	  .type = OPT_RATE,
	  .value = "RATE",
	  .fallback = "inf",
	  .text = "limit each direction of a connection to RATE",
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, rate_limit) },
	{ .name = "buffer",
	  .letter = 'b',
	  .flags = OPT_RULE,
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .fallback = "auto",
	  .text = "most to read at once; auto grows from 64K to 1M",
	  .min = 1,
	  .max = 64 << 20,
	  .offset = offsetof(struct relay_settings, buffer) },
	{ .name = "message-size",
	  .flags = OPT_RULE,
	  .type = OPT_TEXT,
	  .value = "SIZE",
	  .fallback = "64K",
	  .text = "cut a stream into messages of SIZE, or by line, for seqpacket",
	  .offset = offsetof(struct relay_settings, message_text) },
	{ .name = "engine",
	  .flags = OPT_RULE,
	  .type = OPT_CHOICE,
	  .value = "ENGINE",
	  .fallback = "auto",
	  .text = "how bytes are moved, for measuring",
	  .choices = engines,
	  .offset = offsetof(struct relay_settings, engine) },
	{ 0 },
};

const char *const loop_busy_words[] = { "off", "auto", NULL };
const struct opt loop_opts[] = {
	BUSY_POLL_ROW("Relaying", offsetof(struct loop_settings, busy_poll)),
	{ 0 },
};

const struct opt listen_opts[] = {
	{ .name = "max-conns",
	  .letter = 'm',
	  .flags = OPT_RULE,
	  .group = "Listening",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "auto",
	  .text = "maximum simultaneous connections",
	  .min = 1,
	  .max = 1000000,
	  .offset = offsetof(struct server_settings, max_conns) },
	{ .name = "max-conns-per-peer",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "inf",
	  .text = "maximum for each CID, IP address or user",
	  .min = 1,
	  .max = 1000000,
	  .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct server_settings, max_conns_per_peer) },
	{ .name = "allow",
	  .type = OPT_LIST,
	  .value = "WHO",
	  .flags = OPT_RULE | OPT_BRIEF,
	  .text = "admit only these peers: 3,host 10.0.0.0/8 uid:0 gid:27 user:NAME any",
	  .offset = offsetof(struct server_settings, who) },
	{ .name = "deny",
	  .flags = OPT_RULE,
	  .type = OPT_LIST,
	  .value = "WHO",
	  .text = "deny these peers; of both lists, the first match wins",
	  .offset = offsetof(struct server_settings, who) },
	{ .name = "drain-timeout",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "30s",
	  .text = "let connections finish for TIME after a signal",
	  .flags = OPT_INF | OPT_ZERO,
	  .offset = offsetof(struct server_settings, drain_timeout) },
	{ .name = "exit-idle",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "exit after TIME without a connection; systemd keeps listening",
	  .flags = OPT_INF,
	  .offset = offsetof(struct server_settings, exit_idle) },
	{ .name = "ready-fd",
	  .type = OPT_COUNT,
	  .value = "N",
	  .text = "write READY ADDRESS to descriptor N once listening",
	  .min = 0,
	  .max = 1 << 20,
	  .flags = OPT_ZERO,
	  .offset = offsetof(struct server_settings, ready_fd) },
	{ .name = "pid-file",
	  .type = OPT_TEXT,
	  .value = "PATH",
	  .text = "write the process id to PATH, and lock it",
	  .offset = offsetof(struct server_settings, pid_file) },
	{ .name = "stats",
	  .type = OPT_FLAG,
	  .text = "print totals on exit: connections, failures, bytes, seconds",
	  .offset = offsetof(struct server_settings, stats) },
	{ 0 },
};

/* Whoever starts us with SIGPIPE ignored or blocked, as systemd does by default, wants an error
 * instead. */
static bool pipe_is_error;

static bool no_pipe_signal(void)
{
	sigset_t blocked;

	return signal(SIGPIPE, SIG_IGN) == SIG_IGN ||
	       (sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGPIPE));
}

/* Dies of a signal. If it cannot, because process 1 of a container never does, or as SIGPIPE must
 * not be used, that is a status. */
static int die_from(int number)
{
	sigset_t only;

	if (number == SIGPIPE && pipe_is_error)
		return log_failure(STATUS_FAILURE, "standard output: %s", strerror(EPIPE));
	sigemptyset(&only);
	sigaddset(&only, number);
	signal(number, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &only, NULL); /* it may have been blocked when we started */
	raise(number);
	return 128 + number;
}

int tool_flush(int status)
{
	bool failed = ferror(stdout);
	int why = errno;

	if (fflush(stdout) == 0) {
		if (!failed)
			return status;
		errno = why; /* of the write that failed before */
	}
	if (errno == EPIPE && !pipe_is_error)
		die_from(SIGPIPE);
	log_error("standard output: %s", strerror(errno));
	clearerr(stdout);
	return STATUS_FAILURE;
}

static int parse_and_run(const struct tool *tool, int argc, char **argv)
{
	const struct opt_program *program = &tool->program;
	int first, dashdash = 0, status;

	if (tool->operands && argc < 2) {
		opt_usage(program);
		return STATUS_USAGE;
	}
	first = opt_parse(program, argc, argv, tool->command ? &dashdash : NULL);
	if (first <= 0)
		return tool_flush(opt_status(first));
	log_configure(&tool->common->log);
	status = tool->run(tool->context, program, (dashdash ? dashdash : argc) - first,
			   argv + first, dashdash ? argv + dashdash : NULL);
	return tool_flush(status);
}

static void cannot_inherit(int error)
{
	if (error == -E2BIG)
		log_error("LISTEN_FDS=%s: this process may not have so many descriptors",
			  getenv("LISTEN_FDS"));
	else
		log_error("cannot tell which descriptors were passed: %s", strerror(-error));
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	int status, error;

	fd_standard();
	error = activation_start();
	log_start(tool->program.name);
	if (error) {
		cannot_inherit(error);
		return STATUS_USAGE;
	}
	pipe_is_error = no_pipe_signal();
	signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then EFBIG, which is reported */
	fd_limit_raise();
	status = parse_and_run(tool, argc, argv);
	if (tool->clean_up)
		tool->clean_up(tool->context);
	return tool->signal && *tool->signal ? die_from(*tool->signal) : status;
}

int common_read_message_size(struct relay_settings *settings, struct mistake *error)
{
	uint64_t size;

	if (!settings->message_text)
		return 0;
	settings->message_lines = strcmp(settings->message_text, "line") == 0;
	if (settings->message_lines)
		return 0;
	if (units_size(settings->message_text, &size, error) < 0)
		return mistake_in(error, 0, "size", "a size (64K), or line");
	if (size < 1 || size > MESSAGE_MAX) {
		*error = (struct mistake){ .why = "not from 1 to 64M" };
		return -EINVAL;
	}
	settings->message_size = size;
	return 0;
}

int common_message_size(struct relay_settings *settings)
{
	struct mistake error;

	if (common_read_message_size(settings, &error) == 0)
		return 0;
	log_mistake("--message-size", settings->message_text, &error);
	return STATUS_USAGE;
}

void common_warn_unused(void)
{
	char text[128];
	size_t at = 0;

	while (activation_unused(&at, text, sizeof(text)))
		log_warning("nothing uses %s, which the service manager passed", text);
}

int common_user(const char *text, struct user *user)
{
	struct mistake error;

	if (!text)
		return 0;
	if (user_find(text, user, &error)) {
		log_mistake("--user", text, &error);
		return STATUS_USAGE;
	}
	if (user_permitted(user))
		return 0;
	log_error("--user %s: only root can become another user", text);
	return STATUS_DENIED;
}

int common_hosts(struct hosts *hosts)
{
	struct mistake error;

	if (hosts_load(hosts, &error) == 0)
		return 0;
	log_error("%s: %s", hosts->bad.place, error.why);
	if (error.length)
		log_caret(hosts->bad.text, error.offset, error.length);
	return STATUS_USAGE;
}

int common_addr(const char *text, const struct addr_context *context, struct addr *addr)
{
	struct mistake error;

	if (addr_parse(text, context, addr, &error) < 0) {
		log_mistake(NULL, text, &error);
		return STATUS_USAGE;
	}
	return 0;
}

int common_addr_words(const char *where, const char *port, const struct addr_context *context,
		      struct addr *addr)
{
	struct mistake error;
	char joined[ADDR_NAME_MAX + 64];

	if (addr_parse_words(where, port, context, addr, joined, sizeof(joined), &error) == 0)
		return 0;
	log_mistake(NULL, joined, &error);
	return STATUS_USAGE;
}

void common_waiting(const struct addr *addr, const struct explanation *why, uint64_t elapsed,
		    uint64_t wait)
{
	char text[256], limit[32];

	addr_format_short(addr, text, sizeof(text));
	if (wait == UNITS_INF)
		log_progress("%s: waiting: %s, %llu s", text, why->what,
			     (unsigned long long)(elapsed / NSEC_PER_SEC));
	else
		log_progress("%s: waiting: %s, %llu s of %s", text, why->what,
			     (unsigned long long)(elapsed / NSEC_PER_SEC),
			     units_show_duration(wait, limit, sizeof(limit)));
}
