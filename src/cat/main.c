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
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/signals.h"
#include "base/units.h"
#include "base/util.h"
#include "serve/spawn.h"
#include "cat/cat.h"
#include "cli/outcome.h"

/* How long pending bytes may still be written after a signal. */
#define STOP_GRACE (1 * NSEC_PER_SEC)

static const char *const usage[] = { "[OPTION]... ADDRESS", "[OPTION]... CID PORT", NULL };
static const char *const examples[] = {
	"vsock-cat 3 22",
	"connect to port 22 of the guest with CID 3",
	"tar c docs | vsock-cat 3:5000",
	"send a directory to a guest",
	"ssh -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F %h 22' root@3",
	"log in with ssh over vsock",
	"vsock-cat --wait 60s -z 3:22",
	"wait until ssh answers in the guest",
	NULL,
};

/*
 * The command of an exec: address. Its exit status becomes ours, so vsock-cat waits for its end
 * after that of the connection: it may have closed its standard streams before.
 */

static pid_t command_pid; /* 0: none. A dial_exec gets no context. */

static int start_command(const struct loop *loop, const char *command)
{
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored, the status would be lost */
	return spawn_connected(loop, command, NULL, NULL, &command_pid);
}

static void command_ended(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct cat *cat = container_of(watch, struct cat, command);
	int status;

	(void)events;
	loop_unwatch(loop, watch);
	fd_close(&watch->fd);
	if (waitpid(command_pid, &status, 0) == command_pid && status)
		cat->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	loop_stop(loop);
}

/* True if loop_stop() must wait for the command, which then does it. A signal that ends us leaves
 * its status no place. */
static bool await_command(struct cat *cat)
{
	static const struct watch_kind kind = { "command", command_ended };
	int error;

	if (!command_pid || cat->signal ||
	    (cat->status != STATUS_DONE && cat->status != STATUS_BROKEN))
		return false;
	cat->command.kind = &kind;
	cat->command.fd = (int)syscall(SYS_pidfd_open, command_pid, 0);
	cat->relayed = false; /* a signal ends the wait */
	error = cat->command.fd < 0
			? -errno
			: loop_watch(cat->loop, &cat->command, cat->command.fd, EPOLLIN);
	if (!error)
		return true;
	log_error("the status of the command is not known: %s", strerror(-error));
	cat->status = STATUS_FAILURE;
	return false;
}

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct cat *cat = container_of(relay, struct cat, relay);
	char to[256];
	int error;

	loop_timer_stop(loop, &cat->patience);
	terminal_stop(&cat->terminal);
	error = interactive_stop(&cat->interactive);
	traffic_end(&cat->traffic, relay);
	cat_log_done(cat);
	if (cat->options.stats)
		cat_log_stats(cat);
	cat->status = outcome_say(relay, cat->traffic.us, &cat->addr,
				  addr_format_short(&cat->addr, to, sizeof(to)), &outcome_standard);
	if (relay->result == END_OUTPUT)
		cat->signal = SIGPIPE;
	if (error) {
		log_error("standard input and output: %s", strerror(-error));
		cat->status = STATUS_FAILURE;
	}
	if (traffic_close(&cat->traffic) && cat->status == STATUS_DONE)
		cat->status = STATUS_FAILURE;
	relay_close(loop, relay);
	if (!await_command(cat))
		loop_stop(loop);
}

/* Makes standard input and output one end of the relay, and closes the originals, so that their
 * readers and writers notice when the relay closes its copies. 0 or a negative errno. */
static int open_standard(struct cat *cat, struct endpoint *end)
{
	int error = traffic_standard(&cat->traffic, end);

	if (error)
		return error;
	endpoint_own(end);
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
	log_error("standard output: cannot pass the socket: %s", strerror(-error));
	cat->status = STATUS_FAILURE;
}

#ifdef HAVE_LIBREADLINE
/* The terminal, edited by readline, as one end of a relay. */
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	return interactive_start(&cat->interactive, cat->loop, &cat->relay, cat->to,
				 cat->options.history, end);
}
#else
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	(void)cat;
	(void)end;
	return -ENOSYS;
}
int interactive_stop(struct interactive *interactive)
{
	(void)interactive;
	return 0;
}
void interactive_resized(struct interactive *interactive)
{
	(void)interactive;
}
void interactive_suspend(struct interactive *interactive)
{
	(void)interactive;
}
#endif

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct cat *cat = container_of(dial, struct cat, dial);
	const char *what = "standard input and output";
	struct endpoint end[2];
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
	if (cat->options.traffic.send_only)
		end[1].half_close = 0; /* no answer can be lost */
	traffic_begin(&cat->traffic, fd);
	error = cat->options.tty ? terminal_start(&cat->terminal, STDIN_FILENO, loop, &cat->relay)
				 : 0;
	if (!error)
		error = cat->options.interactive ? open_interactive(cat, &end[0])
						 : open_standard(cat, &end[0]);
	if (!error) {
		what = "cannot relay";
		error = relay_start(loop, &cat->relay, end, &cat->relaying, &cat->dial.watch,
				    relay_done);
	}
	if (error) {
		terminal_stop(&cat->terminal);
		log_error("%s: %s", what, strerror(-error));
		cat->status = STATUS_FAILURE;
		loop_stop(loop);
		return;
	}
	cat->relayed = true;
	cat_watch_end(cat);
	traffic_show(&cat->traffic, loop, &cat->relay, cat->to, &cat->common.log);
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
	static const int wanted[] = { SIGINT,  SIGTERM,	 SIGHUP,  SIGUSR1,
				      SIGQUIT, SIGWINCH, SIGCONT, SIGTSTP };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i] == SIGQUIT && !cat->options.tty && !cat->options.interactive)
			break;
		if (wanted[i] == SIGTSTP && !cat->options.interactive)
			break;
		signals_add(&signals, wanted[i]);
	}
	return loop_signals(cat->loop, &signals, on_signal, cat);
}

static int connect_and_relay(struct cat *cat)
{
	int error = loop_start(&cat->loop);

	if (!error)
		error = dialer_start(cat->loop, &cat->dialer);
	if (!error)
		error = watch_signals(cat);
	if (!error)
		dialer_exec(cat->dialer, start_command);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot start: %s", strerror(-error));
	loop_busy_poll(cat->loop, &cat->looping);
	dial_start(cat->dialer, &cat->dial, &cat->addr, &cat->dialling, dial_done);
	error = loop_run(cat->loop);
	if (error)
		return log_failure(STATUS_FAILURE, "epoll: %s", strerror(-error));
	return cat->status;
}

static int run(void *context, const struct opt_program *program, int count, char **words,
	       char **command)
{
	struct cat *cat = context;
	int status = cat_prepare(cat, program, count, words);

	(void)command;
	return status ? status : connect_and_relay(cat);
}

static void clean_up(void *context)
{
	struct cat *cat = context;

	terminal_stop(&cat->terminal);
	interactive_stop(&cat->interactive);
	dialer_stop(cat->dialer);
	loop_free(cat->loop);
	hosts_free(&cat->hosts);
}

int main(int argc, char **argv)
{
	static struct cat cat = {
		.dialling = DIAL_DEFAULTS,
		.looping = LOOP_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ cat_opts, &cat.options },
		{ traffic_opts, &cat.options.traffic },
		{ dial_opts, &cat.dialling },
		{ relay_opts, &cat.relaying },
		{ loop_opts, &cat.looping },
		{ common_opts, &cat.common },
		{ NULL, NULL },
	};
	const struct tool tool = {
		.program = {
			.name = "vsock-cat",
			.summary = "connect standard input and output to an address",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.foreign = cat_foreign,
			.conflicts = cat_conflicts,
		},
		.common = &cat.common,
		.operands = true,
		.run = run,
		.clean_up = clean_up,
		.context = &cat,
		.signal = &cat.signal,
	};

	cat.relaying = relay_defaults;
	cat.dialling.waiting = common_waiting;
	return tool_main(&tool, argc, argv);
}
