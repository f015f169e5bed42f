/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tools/common.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "relay/message.h"

static const char *const formats[] = { "auto", "text", "json", "journal", "syslog", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const engines[] = { "auto", "copy", "splice", NULL };

const struct opt common_opts[] = {
	{ .name = "verbose", .letter = 'v', .group = "Common", .type = OPT_REPEAT, .flags = OPT_BRIEF,
	  .text = "a line for each connection; twice: attempts",
	  .offset = offsetof(struct common_options, log.verbose) },
	{ .name = "quiet", .letter = 'q', .group = "Common", .type = OPT_REPEAT,
	  .text = "no notices, hints or progress; twice: nothing at all, the status tells",
	  .offset = offsetof(struct common_options, log.quiet) },
	{ .name = "numeric", .letter = 'n', .group = "Common", .type = OPT_FLAG,
	  .text = "print no names", .offset = offsetof(struct common_options, numeric) },
	{ .name = "timestamps", .letter = 'D', .group = "Common", .type = OPT_FLAG,
	  .text = "the time before each line", .offset = offsetof(struct common_options, log.timestamps) },
	{ .name = "log-format", .group = "Common", .type = OPT_CHOICE, .value = "FORMAT", .fallback = "auto",
	  .text = "what goes to stderr", .choices = formats,
	  .offset = offsetof(struct common_options, log.format) },
	{ .name = "color", .group = "Common", .type = OPT_CHOICE, .value = "WHEN", .fallback = "auto",
	  .text = "colour; auto: on a terminal, with NO_COLOR unset", .choices = colors,
	  .offset = offsetof(struct common_options, log.color) },
	{ 0 },
};

const struct opt dial_opts[] = {
	{ .name = "connect-timeout", .letter = 'w', .group = "Connecting", .type = OPT_TIME, .value = "TIME", .fallback = "10s",
	  .text = "time for one attempt, names and handshake included", .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct dial_settings, connect_timeout) },
	{ .name = "wait", .group = "Connecting", .type = OPT_TIME, .value = "TIME", .fallback = "off",
	  .text = "try for so long, while the cause may heal", .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct dial_settings, wait) },
	{ 0 },
};

const struct opt relay_opts[] = {
	{ .name = "idle-timeout", .letter = 'i', .group = "Relaying", .type = OPT_TIME, .value = "TIME", .fallback = "inf",
	  .text = "end when nothing moved for so long", .flags = OPT_RULE | OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct relay_settings, idle_timeout) },
	{ .name = "half-close-timeout", .group = "Relaying", .type = OPT_TIME, .value = "TIME", .fallback = "inf",
	  .text = "end so long after the first direction ended", .flags = OPT_RULE | OPT_INF | OPT_ZERO,
	  .offset = offsetof(struct relay_settings, half_close_timeout) },
	{ .name = "no-shutdown", .flags = OPT_RULE, .group = "Relaying", .type = OPT_FLAG,
	  .text = "don't tell one side that the other's input ended", .offset = offsetof(struct relay_settings, no_shutdown) },
	{ .name = "max-time", .group = "Relaying", .type = OPT_TIME, .value = "TIME", .fallback = "inf",
	  .text = "end a connection after so long", .flags = OPT_RULE | OPT_INF, .offset = offsetof(struct relay_settings, max_time) },
	{ .name = "max-bytes", .group = "Relaying", .type = OPT_SIZE, .value = "SIZE", .fallback = "inf",
	  .text = "end a connection after so many bytes in either direction", .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, max_bytes) },
	{ .name = "rate-limit", .letter = 'L', .group = "Relaying", .type = OPT_RATE, .value = "RATE", .fallback = "inf",
	  .text = "bytes a second, each direction of a connection", .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct relay_settings, rate_limit) },
	{ .name = "buffer", .letter = 'b', .flags = OPT_RULE, .group = "Relaying", .type = OPT_SIZE, .value = "SIZE", .fallback = "auto",
	  .text = "most that is read at once; auto: 64K, growing to 1M", .min = 1, .max = 64 << 20,
	  .offset = offsetof(struct relay_settings, buffer) },
	{ .name = "message-size", .flags = OPT_RULE, .group = "Relaying", .type = OPT_TEXT, .value = "SIZE", .fallback = "64K",
	  .text = "seqpacket: how a stream is cut into messages; a size, or line",
	  .offset = offsetof(struct relay_settings, message_text) },
	{ .name = "engine", .flags = OPT_RULE, .group = "Relaying", .type = OPT_CHOICE, .value = "ENGINE", .fallback = "auto",
	  .text = "how bytes are moved, for measuring", .choices = engines, .offset = offsetof(struct relay_settings, engine) },
	{ 0 },
};

const struct opt listen_opts[] = {
	{ .name = "max-conns", .letter = 'm', .flags = OPT_RULE, .group = "Listening", .type = OPT_COUNT, .value = "COUNT", .fallback = "auto",
	  .text = "connections at once; at the limit the listener rests", .min = 1, .max = 1000000,
	  .offset = offsetof(struct server_settings, max_conns) },
	{ .name = "max-conns-per-peer", .group = "Listening", .type = OPT_COUNT, .value = "COUNT", .fallback = "inf",
	  .text = "of one CID, IP address or user at once; more are closed", .min = 1, .max = 1000000, .flags = OPT_RULE | OPT_INF,
	  .offset = offsetof(struct server_settings, max_conns_per_peer) },
	{ .name = "allow", .group = "Listening", .type = OPT_LIST, .value = "WHO", .flags = OPT_RULE | OPT_BRIEF,
	  .text = "who may connect: 3,host 10.0.0.0/8 uid:0 gid:27 user:NAME any; the others may not",
	  .offset = offsetof(struct server_settings, who) },
	{ .name = "deny", .flags = OPT_RULE, .group = "Listening", .type = OPT_LIST, .value = "WHO",
	  .text = "who may not; of all --allow and --deny the first that matches counts",
	  .offset = offsetof(struct server_settings, who) },
	{ .name = "drain-timeout", .group = "Listening", .type = OPT_TIME, .value = "TIME", .fallback = "30s",
	  .text = "how long open connections may go on after a signal", .flags = OPT_INF | OPT_ZERO,
	  .offset = offsetof(struct server_settings, drain_timeout) },
	{ .name = "ready-fd", .group = "Listening", .type = OPT_COUNT, .value = "N", .text = "write READY ADDRESS there once listening",
	  .min = 0, .max = 1 << 20, .flags = OPT_ZERO, .offset = offsetof(struct server_settings, ready_fd) },
	{ .name = "pid-file", .group = "Listening", .type = OPT_TEXT, .value = "PATH", .text = "write the process id there",
	  .offset = offsetof(struct server_settings, pid_file) },
	{ .name = "stats", .group = "Listening", .type = OPT_FLAG, .text = "totals at the end: connections, failures, bytes, seconds",
	  .offset = offsetof(struct server_settings, stats) },
	{ 0 },
};

void common_start(const char *program)
{
	fd_standard();
	log_start(program);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit (ulimit -f) is EFBIG, and said */
	fd_limit_raise();
}

void common_bad_text(const char *text, size_t offset, size_t length, const char *why, const char *hint)
{
	log_error("%s: %s", text, why);
	log_caret(text, offset, length);
	if (*hint)
		log_hint("%s", hint);
}

int common_message_size(struct relay_settings *settings)
{
	struct opt_error error;

	if (message_read_size(settings, &error) == 0)
		return 0;
	log_error("--message-size %s: %s", settings->message_text, error.why);
	if (error.length)
		log_caret(settings->message_text, error.offset, error.length);
	if (*error.hint)
		log_hint("%s", error.hint);
	return STATUS_USAGE;
}

int common_user(const char *text, struct user *user)
{
	struct user_error error;

	if (!text)
		return 0;
	if (user_find(text, user, &error)) {
		log_error("--user %s: %s", text, error.why);
		log_caret(text, error.offset, error.length);
		return STATUS_USAGE;
	}
	if (user_permitted(user))
		return 0;
	log_error("--user %s: only root can become another user", text);
	return STATUS_DENIED;
}

int common_hosts(struct hosts *hosts)
{
	struct hosts_error error;

	if (hosts_load(hosts, &error) == 0)
		return 0;
	if (!error.line) {
		log_error("%s: %s", error.file, error.why);
		return STATUS_USAGE;
	}
	log_error("%s:%u: %s", error.file, error.line, error.why);
	log_caret(error.text, error.offset, error.length);
	return STATUS_USAGE;
}

int common_addr(const char *text, const struct addr_context *context, struct addr *addr)
{
	struct addr_error error;

	if (addr_parse(text, context, addr, &error) < 0) {
		common_bad_text(text, error.offset, error.length, error.why, error.hint);
		return STATUS_USAGE;
	}
	return 0;
}

int common_addr_words(const char *where, const char *port, const struct addr_context *context, struct addr *addr)
{
	struct addr_error error;
	char joined[ADDR_NAME_MAX + 64];

	if (addr_parse_words(where, port, context, addr, joined, sizeof(joined), &error) == 0)
		return 0;
	common_bad_text(joined, error.offset, error.length, error.why, error.hint);
	return STATUS_USAGE;
}

void common_waiting(const struct addr *addr, const struct explanation *why, uint64_t elapsed, uint64_t wait)
{
	char text[256], limit[32];

	addr_format_short(addr, text, sizeof(text));
	if (wait == UNITS_INF)
		log_progress("%s: waiting: %s, %llu s", text, why->what, (unsigned long long)(elapsed / NSEC_PER_SEC));
	else
		log_progress("%s: waiting: %s, %llu s of %s", text, why->what, (unsigned long long)(elapsed / NSEC_PER_SEC),
		             units_show_duration(wait, limit, sizeof(limit)));
}
