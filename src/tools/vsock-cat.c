/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-cat: connects standard input and output to an address. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/signals.h"
#include "base/units.h"
#include "serve/spawn.h"
#include "tools/cat.h"

#define STOP_GRACE (1 * NSEC_PER_SEC) /* what was read may still be written for so long after a signal */

static const char *const usage[] = { "[OPTION]... ADDRESS", "[OPTION]... CID PORT", NULL };
static const char *const examples[] = {
	"vsock-cat 3 22", "talk to port 22 of the guest with CID 3",
	"tar c docs | vsock-cat 3:5000", "send; end of input is passed on, the answer is awaited",
	"ssh -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F %h 22' root@3", "log in over vsock",
	"vsock-cat --wait 60s -z 3:22", "wait until the guest listens there",
	NULL,
};

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct cat *cat = (struct cat *)(void *)((char *)relay - offsetof(struct cat, relay));

	terminal_stop(&cat->terminal);
	interactive_stop(&cat->interactive);
	progress_end(&cat->progress);
	cat_log_done(cat);
	if (cat->options.stats)
		cat_log_stats(cat);
	cat->status = cat_judge(cat);
	traffic_end(&cat->traffic, relay);
	if (traffic_close(&cat->traffic) && cat->status == STATUS_DONE)
		cat->status = STATUS_FAILURE;
	relay_close(loop, relay);
	loop_stop(loop);
}

/* Standard input and output as one end of a relay. The originals are closed: what is behind them must see it when the
 * relay closes its own descriptors of them. 0 or a negative errno. */
static int open_standard(const struct cat_options *options, struct endpoint *end)
{
	int error = endpoint_stdio(options->receive_only ? -1 : STDIN_FILENO, options->send_only ? -1 : STDOUT_FILENO, end);

	if (!error && options->send_only) {
		end->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		end->out_kind = ENDPOINT_FILE;
		if (end->out < 0) {
			error = -errno;
			endpoint_close(end);
		}
	}
	if (error)
		return error;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	return 0;
}

/* Hands the socket over, blocking, as a program expects what it did not open itself. */
static void pass_fd(struct cat *cat, int fd)
{
	int error = cat->addr.family == ADDR_FD ? 0 : fd_nonblock(fd, false);

	if (!error)
		error = fd_pass(STDOUT_FILENO, fd);
	close(fd);
	if (!error)
		return;
	log_error("standard output: the socket can't be passed: %s", strerror(-error));
	cat->status = STATUS_FAILURE;
}

#ifdef HAVE_LIBREADLINE
/* The terminal, edited by readline, as one end of a relay. */
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	addr_format_short(&cat->addr, cat->to, sizeof(cat->to));
	return interactive_start(&cat->interactive, cat->loop, cat->to, cat->options.history, end);
}
#else
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	(void)cat;
	(void)end;
	return -ENOSYS;
}
void interactive_stop(struct interactive *interactive) { (void)interactive; }
void interactive_resized(struct interactive *interactive) { (void)interactive; }
void interactive_suspend(struct interactive *interactive) { (void)interactive; }
#endif

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct cat *cat = (struct cat *)(void *)((char *)dial - offsetof(struct cat, dial));
	struct endpoint end[2];
	uint64_t size = cat->options.size ? cat->options.size : progress_input_size(STDIN_FILENO);
	int error;

	log_progress_end();
	if (fd < 0) {
		cat->status = explain_say(&cat->addr, failure);
		loop_stop(loop);
		return;
	}
	cat_log_open(cat);
	if (cat->options.zero_io || cat->options.pass_fd) {
		if (cat->options.pass_fd)
			pass_fd(cat, fd);
		else
			close(fd);
		loop_stop(loop);
		return;
	}
	end[1] = dial_endpoint(&cat->addr, fd);
	traffic_begin(&cat->traffic, fd);
	error = cat->options.tty ? terminal_start(&cat->terminal, STDIN_FILENO, loop, &cat->relay) : 0;
	if (!error)
		error = cat->options.interactive ? open_interactive(cat, &end[0]) : open_standard(&cat->options, &end[0]);
	if (!error)
		error = relay_start(loop, &cat->relay, end, &cat->relaying, &cat->dial.watch, relay_done);
	if (error) {
		terminal_stop(&cat->terminal);
		log_error("standard input and output: %s", strerror(-error));
		cat->status = STATUS_FAILURE;
		loop_stop(loop);
		return;
	}
	cat->relayed = true;
	if (cat->options.progress && !cat->common.log.quiet)
		progress_start(&cat->progress, loop, &cat->relay, addr_format_short(&cat->addr, cat->to, sizeof(cat->to)), size,
		               cat->common.log.format == LOG_JSON);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct cat *cat = context;

	if (info->ssi_signo == SIGUSR1) {
		cat_show_counters(cat);
		return;
	}
	if (info->ssi_signo == SIGWINCH || info->ssi_signo == SIGCONT) {
		if (info->ssi_signo == SIGCONT)
			terminal_continued(&cat->terminal);
		terminal_resized(&cat->terminal);
		interactive_resized(&cat->interactive);
		return;
	}
	if (info->ssi_signo == SIGTSTP) {
		interactive_suspend(&cat->interactive);
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
	/* those from SIGQUIT on only with a terminal of which we changed the settings */
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGQUIT, SIGWINCH, SIGCONT, SIGTSTP };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (wanted[i] == SIGQUIT && !cat->options.tty && !cat->options.interactive)
			break;
		if (wanted[i] == SIGTSTP && !cat->options.interactive)
			break;
		signals_add(&signals, wanted[i]);
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
		.foreign = cat_foreign,
		.conflicts = cat_conflicts,
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
	status = cat_prepare(&cat, &program, argc - first, argv + first);
	if (!status)
		status = run(&cat);
	terminal_stop(&cat.terminal);
	interactive_stop(&cat.interactive);
	dialer_stop(cat.dialer);
	loop_free(cat.loop);
	hosts_free(&cat.hosts);
	if (cat.signal) {
		signal(cat.signal, SIG_DFL);
		raise(cat.signal);
	}
	return status;
}
