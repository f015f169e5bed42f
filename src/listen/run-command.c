/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/run-command.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "cli/run-frame.h"
#include "serve/pty.h"
#include "serve/spawn.h"

#define TYPE_PAUSE (50 * NSEC_PER_MSEC)
#define DRAIN_SIZE (64U * 1024)

/* The child */

/* What both need: their ends of the pipes, or of the terminal. */
struct plan {
	const struct run_server *server;
	const struct session *session;
	const struct run_request *request;
	int end[RUN_STREAMS]; /* the child's; with a terminal the same three times */
	int failure; /* where it tells why it cannot execute the command */
	const struct user *owner; /* the user that the command runs as: the server's, or */
	struct user other; /* the one that was asked for */
};

__attribute__((format(printf, 3, 4))) static _Noreturn void cannot(const struct plan *plan,
								   uint8_t status,
								   const char *format, ...)
{
	struct run_frame frame = { .type = RUN_REFUSE, .status = status };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(frame.text, sizeof(frame.text), format, arguments);
	va_end(arguments);
	(void)!write(plan->failure, &frame, sizeof(frame));
	_exit(status);
}

/* Little is inherited: the server's variables are about the server. */
static void make_environment(const struct plan *plan)
{
	static const char *const kept[] = { "PATH", "LANG", "LC_ALL", "TZ" };
	const struct run_request *request = plan->request;
	char *values[ARRAY_SIZE(kept)];

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		values[i] = getenv(kept[i]);
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (values[i])
			setenv(kept[i], values[i], 1);
	(void)user_describe(plan->owner);
	if (request->terminal)
		setenv("TERM", *request->term ? request->term : "dumb", 1);
	spawn_describe(plan->session->fd, &plan->session->peer, plan->server->count);
	for (size_t i = 0; i < request->variables; i++)
		putenv(request->environment[i]);
}

static void change_directory(const struct plan *plan)
{
	const char *directory = plan->request->directory;

	if (plan->server->directory != AT_FDCWD) {
		if (fchdir(plan->server->directory) < 0)
			cannot(plan, 125, "--chdir of the server: %s", strerror(errno));
	} else if (chdir(plan->owner->home) < 0 && chdir("/") < 0) {
		cannot(plan, 125, "/: %s", strerror(errno));
	}
	if (*directory && chdir(directory) < 0)
		cannot(plan, 125, "--cwd %.300s: %s", directory, strerror(errno));
}

static _Noreturn void execute(struct plan *plan)
{
	char **argv = plan->request->argv, *path, *shell[2] = { NULL, NULL };
	const char *name = argv[0];
	int error;

	/* the server's own are close-on-exec, but not what it inherited */
	if (dup3(plan->failure, STDERR_FILENO + 1, O_CLOEXEC) < 0 && errno != EINVAL)
		cannot(plan, 125, "%s", strerror(errno));
	plan->failure = STDERR_FILENO + 1;
	closefrom(STDERR_FILENO + 2);
	if (!name) {
		name = plan->owner->shell;
		shell[0] = user_login_shell(plan->owner);
		if (!shell[0])
			cannot(plan, 125, "%s", strerror(ENOMEM));
		argv = shell;
	}
	error = spawn_find(name, &path);
	if (error == -ENOENT)
		cannot(plan, 127, "%.300s: no such command", name);
	if (error == -EACCES || error == -EISDIR)
		cannot(plan, 126, "%.300s: %s", name,
		       error == -EISDIR ? "it is a directory" : "the command is not executable");
	if (error)
		cannot(plan, 125, "%.300s: %s", name, strerror(-error));
	error = spawn_exec(path, argv);
	cannot(plan, error == -ENOENT ? 127 : 126, "%.300s: %s", path, strerror(-error));
}

/* The terminal or the pipes become the user's, so that /dev/stderr can be opened. */
static void become(struct plan *plan)
{
	const char *name = plan->request->user;
	struct mistake mistake = { 0 };
	int error;

	plan->owner = plan->server->owner;
	if (!*name)
		return;
	error = user_find(name, &plan->other, &mistake);
	if (error)
		cannot(plan, 125, "--user %.64s: %s", name,
		       error == -EINVAL ? mistake.why : strerror(-error));
	for (int i = 0; i < RUN_STREAMS; i++)
		if (fchown(i, plan->other.uid, (gid_t)-1) < 0)
			cannot(plan, 125, "%s: %s", run_stream_names[i], strerror(errno));
	error = user_become(&plan->other);
	if (error)
		cannot(plan, 125, "--user %.64s: %s", name, strerror(-error));
	plan->owner = &plan->other;
}

static _Noreturn void child(struct plan *plan)
{
	/* A server that a script has started in the background ignores some of them, and the client
	 * forwards them. */
	static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

	setsid();
	if (plan->request->terminal)
		ioctl(plan->end[RUN_INPUT], TIOCSCTTY, 0);
	for (int i = 0; i < RUN_STREAMS; i++)
		if (plan->end[i] < 0 || dup2(plan->end[i], i) < 0)
			cannot(plan, 125, "%s: %s", run_stream_names[i], strerror(errno));
	become(plan);
	make_environment(plan);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		signal(forwarded[i], SIG_DFL);
	spawn_reset(plan->session->group->loop);
	change_directory(plan);
	execute(plan);
}

/* The parent */

static int open_terminal(struct run_command *command, struct plan *plan)
{
	struct winsize size = { .ws_row = plan->request->window.rows,
				.ws_col = plan->request->window.columns };
	int slave, error;

	if (openpty(&command->kept[RUN_INPUT], &slave, NULL, NULL, &size) < 0)
		return -errno;
	for (int i = 0; i < RUN_STREAMS; i++)
		plan->end[i] = i ? fcntl(slave, F_DUPFD_CLOEXEC, 3) : slave;
	error = fd_cloexec(slave, true);
	if (!error)
		error = fd_cloexec(command->kept[RUN_INPUT], true);
	if (!error)
		error = fd_nonblock(command->kept[RUN_INPUT], true);
	for (int i = RUN_INPUT; i <= RUN_OUTPUT; i++)
		command->end[i] = fcntl(command->kept[RUN_INPUT], F_DUPFD_CLOEXEC, 3);
	if (!error && (plan->end[RUN_OUTPUT] < 0 || plan->end[RUN_ERRORS] < 0 ||
		       command->end[RUN_INPUT] < 0 || command->end[RUN_OUTPUT] < 0))
		error = -EMFILE;
	return error;
}

static int open_pipes(struct run_command *command, struct plan *plan)
{
	for (int i = 0; i < RUN_STREAMS; i++) {
		bool in = i == RUN_INPUT;
		int both[2], error;

		if (pipe2(both, O_CLOEXEC) < 0)
			return -errno;
		plan->end[i] = both[in ? 0 : 1];
		command->end[i] = both[in ? 1 : 0];
		command->kept[i] = fcntl(command->end[i], F_DUPFD_CLOEXEC, 3);
		error = command->kept[i] < 0 ? -errno : fd_nonblock(command->end[i], true);
		if (error)
			return error;
	}
	return 0;
}

int run_command_start(struct run_command *command, const struct run_server *server,
		      const struct session *session, const struct run_request *request)
{
	struct plan plan = {
		.server = server, .session = session, .request = request, .end = { -1, -1, -1 }
	};
	int told[2], error;

	command->terminal = request->terminal;
	command->loop = session->group->loop;
	if (pipe2(told, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	command->failure = told[0];
	plan.failure = told[1];
	error = request->terminal ? open_terminal(command, &plan) : open_pipes(command, &plan);
	if (!error) {
		command->pid = fork();
		if (command->pid == 0)
			child(&plan);
		if (command->pid < 0) {
			error = -errno;
			command->pid = 0;
		}
	}
	for (int i = 0; i < RUN_STREAMS; i++)
		fd_close(&plan.end[i]);
	fd_close(&plan.failure);
	if (error)
		run_command_close(command);
	return error;
}

int run_command_endpoint(struct run_command *command, enum run_stream stream, struct endpoint *here)
{
	uint8_t kind = command->terminal ? ENDPOINT_TERMINAL : ENDPOINT_PIPE;
	int fd = command->end[stream], null = -1;

	if (stream != RUN_INPUT) {
		/* the client's side of this connection says only that it has ended */
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0)
			return -errno;
	}
	command->end[stream] = -1;
	*here = (struct endpoint){ .in = stream == RUN_INPUT ? -1 : fd,
				   .out = stream == RUN_INPUT ? fd : null,
				   .in_kind = kind,
				   .out_kind = stream == RUN_INPUT ? kind : ENDPOINT_FILE };
	return 0;
}

bool run_command_failed(const struct run_command *command, struct run_frame *frame)
{
	return read(command->failure, frame, sizeof(*frame)) == (ssize_t)sizeof(*frame);
}

static void type_end(struct loop *loop, struct timer *timer)
{
	struct run_command *command = container_of(timer, struct run_command, type);

	if (pty_type_end(command->kept[RUN_INPUT], &command->ends) < 0)
		loop_timer(loop, timer, units_now() + TYPE_PAUSE);
}

void run_command_end_input(struct run_command *command)
{
	if (!command->terminal) {
		run_command_drop(command, RUN_INPUT);
		return;
	}
	/* in the middle of a line, it takes the first to end that */
	command->ends = 2;
	command->type.expired = type_end;
	type_end(command->loop, &command->type);
}

void run_command_resize(const struct run_command *command, const struct run_window *window)
{
	struct winsize size = { .ws_row = window->rows, .ws_col = window->columns };

	if (command->terminal && command->kept[RUN_INPUT] >= 0)
		ioctl(command->kept[RUN_INPUT], TIOCSWINSZ, &size);
}

void run_command_signal(const struct run_command *command, int number)
{
	if (!command->pid)
		return;
	/* between fork() and setsid() there is no group yet */
	if (kill(-command->pid, number) < 0 && errno == ESRCH)
		kill(command->pid, number);
	/* a command that is stopped gets the signal only when it continues */
	kill(-command->pid, SIGCONT);
}

static void drain(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct run_command *command = container_of(watch - watch->side, struct run_command, drains);
	void *buffer = loop_buffer(loop, DRAIN_SIZE);
	ssize_t got = buffer ? read(watch->fd, buffer, DRAIN_SIZE) : -1;

	(void)events;
	if (got > 0 || (got < 0 && (!buffer || errno == EAGAIN || errno == EINTR)))
		return;
	run_command_drop(command, (enum run_stream)watch->side);
}

static const struct watch_kind drain_kind = { .name = "drain", .ready = drain };

int run_command_drain(struct run_command *command)
{
	int error = 0;

	for (int i = RUN_OUTPUT; i < RUN_STREAMS && !error; i++) {
		struct watch *watch = &command->drains[i];

		if (command->kept[i] < 0)
			continue;
		*watch = (struct watch){ .kind = &drain_kind, .fd = -1, .side = (uint16_t)i };
		error = loop_watch(command->loop, watch, command->kept[i], EPOLLIN);
	}
	return error;
}

void run_command_drop(struct run_command *command, enum run_stream stream)
{
	if (command->loop)
		loop_unwatch(command->loop, &command->drains[stream]);
	if (stream == RUN_INPUT && command->loop)
		loop_timer_stop(command->loop, &command->type);
	fd_close(&command->kept[stream]);
}

void run_command_close(struct run_command *command)
{
	fd_close(&command->failure);
	for (int i = 0; i < RUN_STREAMS; i++) {
		fd_close(&command->end[i]);
		run_command_drop(command, (enum run_stream)i);
	}
}
