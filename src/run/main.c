/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-run: runs a command in a guest. */
#include "config.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/signals.h"
#include "base/units.h"
#include "base/util.h"
#include "run/run.h"

static const char *const usage[] = { "[OPTION]... GUEST [COMMAND [ARG]...]", NULL };
static const char *const examples[] = {
	"vsock-run 3 uname -a",
	"run a command in the guest with CID 3",
	"vsock-run 3",
	"a login shell there, on a terminal",
	"rsync -a -e 'vsock-run --shell' docs 3:/tmp",
	"copy a directory to a guest",
	NULL,
};
static const char *const notes[] = {
	"The guest runs: vsock-listen --run 514",
	NULL,
};
static const char *const statuses[] = {
	"0-255 that of the command; 128+N if signal N killed it",
	"125 vsock-run failed: the guest cannot be reached, the connection broke, or wrong usage",
	"126 the command cannot be executed",
	"127 there is no such command",
	NULL,
};

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct run *run = context;

	switch (info->ssi_signo) {
	case SIGCONT:
		terminal_continued(&run->terminal);
		/* fall through */
	case SIGWINCH:
		run_resized(run);
		return;
	default:
		break;
	}
	/* once the command has ended nobody else is there to end what holds its outputs */
	if (run->accepted && !run->exited && run_forward(run, (int)info->ssi_signo))
		return;
	run->ended = true;
	run->signal = (int)info->ssi_signo;
	loop_stop(loop);
}

static int watch_signals(struct run *run)
{
	/* the last three only with a terminal of which we changed the settings */
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i] == SIGQUIT && !run->raw)
			break;
		signals_add(&signals, wanted[i]);
	}
	return loop_signals(run->loop, &signals, on_signal, run);
}

static int run_it(void *context, const struct opt_program *program, int count, char **words,
		  char **command)
{
	struct run *run = context;
	int error, status = run_prepare(run, count, words);

	(void)program;
	(void)command;
	if (status)
		return status;
	error = loop_start(&run->loop);
	if (!error)
		error = dialer_start(run->loop, &run->dialer);
	if (!error)
		error = watch_signals(run);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot start: %s", strerror(-error));
	run_connect(run);
	error = loop_run(run->loop);
	if (error) {
		run_restore(run);
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return run->status;
}

static void clean_up(void *context)
{
	struct run *run = context;

	run_restore(run);
	if (run->loop) {
		loop_timer_stop(run->loop, &run->alive);
		run_link_stop(&run->link);
		dial_cancel(&run->dial);
		for (int i = 0; i < RUN_STREAMS; i++) {
			dial_cancel(&run->ways[i].dial);
			if (run->ways[i].relay.settings)
				relay_close(run->loop, &run->ways[i].relay);
		}
	}
	fd_close(&run->fd);
	dialer_stop(run->dialer);
	loop_free(run->loop);
	run_free_prepared(run);
}

int main(int argc, char **argv)
{
	static struct run run = { .dialling = DIAL_DEFAULTS, .fd = -1, .link.fd = -1 };
	const struct opt_table tables[] = {
		{ run_opts, &run.options },
		{ dial_opts, &run.dialling },
		{ common_opts, &run.common },
		{ NULL, NULL },
	};
	const struct tool tool = {
		.program = {
			.name = "vsock-run",
			.summary = "run a command in a guest",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.foreign = run_foreign,
			.operands_last = true,
			.notes = notes,
			.statuses = statuses,
		},
		.common = &run.common,
		.operands = true,
		.run = run_it,
		.clean_up = clean_up,
		.context = &run,
		.signal = &run.signal,
	};
	int status;

	run.dialling.waiting = common_waiting;
	status = tool_main(&tool, argc, argv);
	/* any status may be the command's, so our own failures have one that is seldom */
	if (run.exited || run.ended)
		return status;
	return status ? RUN_FAILED : 0;
}
