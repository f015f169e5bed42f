/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stddef.h>

#include "tools/cat.h"

const struct opt cat_opts[] = {
#ifdef HAVE_LIBREADLINE
	{ .name = "interactive", .letter = 'I', .group = "Terminal", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "line by line, with editing and history", .offset = offsetof(struct cat_options, interactive) },
	{ .name = "history", .group = "Terminal", .type = OPT_TEXT, .value = "FILE",
	  .fallback = "~/.local/state/vsock/history", .text = "where --interactive keeps what was typed, or none",
	  .offset = offsetof(struct cat_options, history) },
#endif
	{ .name = "tty", .letter = 't', .group = "Terminal", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "raw terminal, for a shell at the far end; ~. ends", .offset = offsetof(struct cat_options, tty) },
	{ .name = "escape", .letter = 'e', .group = "Terminal", .type = OPT_TEXT, .value = "CHAR", .fallback = "~",
	  .text = "what stands for ~ in ~., or none", .offset = offsetof(struct cat_options, escape) },
	{ .name = "zero-io", .letter = 'z', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "connect, close, end: the status is the answer", .offset = offsetof(struct cat_options, zero_io) },
	{ .name = "pass-fd", .letter = 'F', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "send the connected socket through standard output and end, for ssh's ProxyUseFdpass",
	  .offset = offsetof(struct cat_options, pass_fd) },
	{ .name = "progress", .letter = 'p', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "show bytes, time, rate and what is left: a bar on a terminal, else a line every 5 s",
	  .offset = offsetof(struct cat_options, progress) },
	{ .name = "size", .letter = 's', .group = "Transfer", .type = OPT_SIZE, .value = "SIZE", .fallback = "that of a file on stdin",
	  .text = "what is 100 % for --progress", .offset = offsetof(struct cat_options, size) },
	{ .name = "stats", .group = "Transfer", .type = OPT_FLAG, .text = "bytes, time and rates at the end",
	  .offset = offsetof(struct cat_options, stats) },
	{ .name = "dump", .letter = 'x', .group = "Transfer", .type = OPT_TEXT, .value = "FILE",
	  .text = "write what goes through as hex and text, with direction and time; - is stderr",
	  .offset = offsetof(struct cat_options, traffic.dump) },
	{ .name = "record", .group = "Transfer", .type = OPT_TEXT, .value = "FILE",
	  .text = "write what goes through as pcapng, for Wireshark", .offset = offsetof(struct cat_options, traffic.record) },
	{ .name = "crlf", .letter = 'C', .group = "Transfer", .type = OPT_FLAG,
	  .text = "send LF as CR LF", .offset = offsetof(struct cat_options, traffic.crlf) },
	{ .name = "delay", .group = "Transfer", .type = OPT_TIME, .value = "TIME", .fallback = "0",
	  .text = "pause between lines sent", .flags = OPT_ZERO, .offset = offsetof(struct cat_options, delay) },
	{ .name = "send-only", .group = "Transfer", .type = OPT_FLAG,
	  .text = "write nothing to standard output: what arrives is thrown away", .offset = offsetof(struct cat_options, send_only) },
	{ .name = "receive-only", .group = "Transfer", .type = OPT_FLAG,
	  .text = "don't read standard input", .offset = offsetof(struct cat_options, receive_only) },
	{ .name = "recv-only", .group = "Transfer", .type = OPT_FLAG, .flags = OPT_HIDDEN,
	  .text = "receive-only, as ncat spells it", .offset = offsetof(struct cat_options, receive_only) },
	{ 0 },
};

const char *const cat_conflicts[] = {
#ifdef HAVE_LIBREADLINE
	"interactive", "tty",
	"interactive", "zero-io",
	"interactive", "pass-fd",
	"interactive", "send-only",
	"interactive", "receive-only",
	"interactive", "progress",
#endif
	"send-only", "receive-only",
	"zero-io", "send-only",
	"zero-io", "receive-only",
	"pass-fd", "zero-io",
	"pass-fd", "send-only",
	"pass-fd", "receive-only",
	"pass-fd", "progress",
	"pass-fd", "stats",
	"pass-fd", "dump",
	"pass-fd", "record",
	"zero-io", "dump",
	"zero-io", "record",
	"tty", "progress",
	"tty", "zero-io",
	"tty", "pass-fd",
	"tty", "send-only",
	"tty", "receive-only",
	"tty", "delay",
	"tty", "crlf",
	"receive-only", "delay",
	"receive-only", "crlf",
	"pass-fd", "delay",
	"pass-fd", "crlf",
	NULL,
};

const struct opt_foreign cat_foreign[] = {
	{ "-l", "to listen write: vsock-listen PORT" },
	{ "-c", "LF is sent as CR LF with -C" },
	{ "-N", "end of input is always passed on" },
	{ "-T", "the idle time-out is -i TIME" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-d", "not to read standard input: --receive-only; to pause between lines: --delay TIME" },
	{ "-s", "to connect from an address write it behind the other: ADDRESS,bind=FROM" },
	{ "-j", "standard output is data here; messages as JSON: --log-format json" },
	{ "--json", "standard output is data here; messages as JSON: --log-format json" },
	{ "--vsock", "vsock is what CID PORT means anyway" },
	{ NULL, NULL },
};
