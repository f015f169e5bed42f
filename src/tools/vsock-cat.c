/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-cat: connects standard input and output to an address. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "net/peer.h"
#include "serve/spawn.h"
#include "tools/common.h"

#define STOP_GRACE (1 * NSEC_PER_SEC) /* what was read may still be written for so long after a signal */

struct cat_options {
	bool zero_io;
};

/* One run of the program. end[0] of the relay is standard input and output, end[1] the peer: "up" is chan[0]. */
struct cat {
	struct cat_options options;
	struct common_options common;
	struct dial_settings dialling;
	struct relay_settings relaying;

	struct hosts hosts;
	struct addr addr;
	struct loop *loop;
	struct dialer *dialer;
	struct dial dial;
	struct relay relay;
	bool connected, relayed;
	int signal; /* that ended us, or 0 */
	int status;
};

static const struct opt cat_opts[] = {
	{ .name = "zero-io", .letter = 'z', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "connect, close, end: the status is the answer", .offset = offsetof(struct cat_options, zero_io) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... ADDRESS", "[OPTION]... CID PORT", NULL };
static const char *const examples[] = {
	"vsock-cat 3 22", "talk to port 22 of the guest with CID 3",
	"tar c docs | vsock-cat 3:5000", "send; end of input is passed on, the answer is awaited",
	"vsock-cat --wait 60s -z 3:22", "wait until the guest listens there",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-l", "to listen write: vsock-listen PORT" },
	{ "-N", "end of input is always passed on" },
	{ "-T", "the idle time-out is -i TIME" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ NULL, NULL },
};

/* Where the name of the peer comes from: of all records, the moment of connecting. */
static void address_text(const struct cat *cat, char *buf, size_t size)
{
	addr_format_short(&cat->addr, buf, size);
}

/* The record of the end, for -v. */
static void log_done(const struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	char to[256];

	address_text(cat, to, sizeof(to));
	log_event(1, 1, "done", "-", to,
	          (const struct log_field[]){
	              { .key = "up", .type = LOG_F_NUMBER, .number = relay->chan[0].bytes },
	              { .key = "down", .type = LOG_F_NUMBER, .number = relay->chan[1].bytes },
	              { .key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = loop_now(cat->loop) - relay->started },
	              { .key = "end", .type = LOG_F_TEXT, .text = relay_end_word(relay) },
	              { 0 },
	          });
}

/* Does standard input hold bytes that were never read? Then it was not delivered whole. */
static bool input_left(const struct endpoint *end)
{
	struct stat st;
	int waiting = 0;

	if (end->in < 0 || fstat(end->in, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode))
		return lseek(end->in, 0, SEEK_CUR) < st.st_size;
	return !isatty(end->in) && ioctl(end->in, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* Says how a relay ended that did not end well; the exit status. */
static int judge(struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	char to[256], up[32], down[32], limit[32];

	address_text(cat, to, sizeof(to));
	units_show_size(relay->chan[0].bytes, up, sizeof(up));
	units_show_size(relay->chan[1].bytes, down, sizeof(down));
	switch ((enum relay_end)relay->result) {
	case END_EOF:
		if (relay->chan[0].eof_passed || cat->relaying.no_shutdown || !input_left(&relay->end[0]))
			return STATUS_DONE;
		/* fall through */
	case END_LOST:
		log_error("%s: the peer closed the connection before standard input was delivered whole (%s sent)", to, up);
		return STATUS_BROKEN;
	case END_RESET:
		return common_failed(&cat->addr, &(struct failure){ .step = STEP_RELAY, .error = relay->error }) == STATUS_DONE
		           ? STATUS_DONE
		           : (log_hint("%s were sent and %s received before it", up, down), STATUS_BROKEN);
	case END_IDLE:
		log_error("%s: timed out: nothing moved for %s", to,
		          units_show_duration(cat->relaying.idle_timeout, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_TIME:
		log_error("%s: timed out: ended after %s (--max-time)", to,
		          units_show_duration(cat->relaying.max_time, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_BYTES:
		log_error("%s: ended after %s (--max-bytes)", to, units_show_size(cat->relaying.max_bytes, limit, sizeof(limit)));
		return STATUS_FAILURE;
	case END_IO:
		if (relay->error == EMSGSIZE) {
			log_error("%s: a message is longer than the %u bytes that one may have there; %s sent, %s received", to,
			          relay->chan[!relay->error_side].message_limit, up, down);
			return STATUS_FAILURE;
		}
		log_error("%s: %s; %s sent, %s received",
		          relay->error_side == 1 ? to : relay->chan[1].state ? "standard output" : "standard input",
		          strerror(relay->error), up, down);
		return STATUS_FAILURE;
	case END_HALF_CLOSE:
		log_info(1, "%s: ended %s after the first direction", to,
		         units_show_duration(cat->relaying.half_close_timeout, limit, sizeof(limit)));
		return STATUS_DONE;
	case END_OUTPUT:
		cat->signal = SIGPIPE;
		return STATUS_DONE;
	case END_STOP:
		return STATUS_DONE;
	}
	return STATUS_FAILURE;
}

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct cat *cat = (struct cat *)(void *)((char *)relay - offsetof(struct cat, relay));

	log_done(cat);
	cat->status = judge(cat);
	relay_close(loop, relay);
	loop_stop(loop);
}

static void log_open(const struct cat *cat)
{
	char to[256];

	address_text(cat, to, sizeof(to));
	log_event(1, 1, "open", "-", to,
	          (const struct log_field[]){
	              { .key = "connect", .type = LOG_F_SECONDS, .number = units_now() - cat->dial.started },
	              { 0 },
	          });
}

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct cat *cat = (struct cat *)(void *)((char *)dial - offsetof(struct cat, dial));
	struct endpoint end[2];
	int error;

	log_progress_end();
	if (fd < 0) {
		cat->status = common_failed(&cat->addr, failure);
		loop_stop(loop);
		return;
	}
	log_open(cat);
	if (cat->options.zero_io) {
		close(fd);
		loop_stop(loop);
		return;
	}
	end[1] = dial_endpoint(&cat->addr, fd);
	error = endpoint_stdio(STDIN_FILENO, STDOUT_FILENO, &end[0]);
	if (!error) {
		/* the relay has descriptors of its own; what is behind 0 and 1 must see it when these are closed */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		error = relay_start(loop, &cat->relay, end, &cat->relaying, &cat->dial.watch, relay_done);
	}
	if (error) {
		log_error("standard input and output: %s", strerror(-error));
		cat->status = STATUS_FAILURE;
		loop_stop(loop);
		return;
	}
	cat->relayed = true;
}

static void show_counters(const struct cat *cat)
{
	char to[256];

	address_text(cat, to, sizeof(to));
	log_error("%s: %llu bytes up, %llu bytes down", to, (unsigned long long)cat->relay.chan[0].bytes,
	          (unsigned long long)cat->relay.chan[1].bytes);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct cat *cat = context;

	if (info->ssi_signo == SIGUSR1) {
		show_counters(cat);
		return;
	}
	if (cat->signal) { /* the second one */
		loop_stop(loop);
		return;
	}
	cat->signal = (int)info->ssi_signo;
	if (cat->relayed) {
		relay_stop(loop, &cat->relay, STOP_GRACE);
		return;
	}
	dial_cancel(&cat->dial);
	loop_stop(loop);
}

static int watch_signals(struct cat *cat)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct sigaction now;

		/* nohup(1) and background jobs of a shell: what was ignored stays ignored */
		if (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&signals, wanted[i]);
	}
	return loop_signals(cat->loop, &signals, on_signal, cat);
}

static int run(struct cat *cat)
{
	int error = loop_start(&cat->loop);

	if (!error)
		error = dialer_start(cat->loop, &cat->dialer);
	if (!error)
		error = watch_signals(cat);
	if (!error)
		dialer_exec(cat->dialer, spawn_connected);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	dial_start(cat->dialer, &cat->dial, &cat->addr, &cat->dialling, dial_done);
	error = loop_run(cat->loop);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return cat->status;
}

static int read_address(struct cat *cat, int count, char **words)
{
	struct addr_context context = {
		.role = ADDR_CONNECT,
		.flags = ADDR_SHORT,
		.program = log_program(),
		.hosts = &cat->hosts,
	};
	int status = common_hosts(&cat->hosts);

	if (status)
		return status;
	status = count == 2 ? common_addr_words(words[0], words[1], &context, &cat->addr)
	                    : common_addr(words[0], &context, &cat->addr);
	if (!status && cat->common.numeric)
		*cat->addr.alias = '\0';
	return status;
}

int main(int argc, char **argv)
{
	static struct cat cat = {
		.dialling = DIAL_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ cat_opts, &cat.options }, { dial_opts, &cat.dialling }, { relay_opts, &cat.relaying }, { common_opts, &cat.common },
		{ NULL, NULL },
	};
	const struct opt_program program = {
		.name = "vsock-cat",
		.summary = "connect standard input and output to an address",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.foreign = foreign,
	};
	int first, status;

	common_start(program.name);
	cat.relaying = relay_defaults;
	cat.dialling.waiting = common_waiting;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&cat.common.log);
	if (argc - first < 1 || argc - first > 2) {
		log_error(argc == first ? "no address given" : "too many words: one ADDRESS, or CID and PORT");
		opt_usage(&program);
		return STATUS_USAGE;
	}
	status = common_message_size(&cat.relaying);
	if (!status)
		status = read_address(&cat, argc - first, argv + first);
	if (!status)
		status = run(&cat);
	dialer_stop(cat.dialer);
	loop_free(cat.loop);
	hosts_free(&cat.hosts);
	if (cat.signal) {
		signal(cat.signal, SIG_DFL);
		raise(cat.signal);
	}
	return status;
}
