/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One process follows another without a gap, on SIGUSR2: no connection is refused or cut.
 *
 * Theory of operation: the new program is started as a child, with the listening sockets under the
 * numbers that they have, and $VSOCK_PROXY_HANDOVER, "LIST CHANNEL": a file that says which they
 * are (serve/inherited), and a socket between both.
 *
 *   the one that goes (successor)               the one that comes (predecessor)
 *   two forks, exec                         ->  takes the sockets that its rules name, opens the
 *                                               others
 *                                               its worker accepts: both do now
 *                                           <-  READY
 *   leaves the pid file, names the new main
 *   process to the service manager, closes
 *   the listeners without removing files,
 *   has its worker drain (BROKER_RETIRE)
 *   GO                                      ->  from now on it owns socket files and the pid file,
 *                                               talks to the service manager, and closes the
 *                                               sockets that it did not take
 *   has ended                               ->  end of file: from now on it may end too
 *
 * This file is the side of the one that goes; proxy/supervisor/state.c has the other.
 *
 * Until GO the new process changes nothing that exists, so it may fail at any time before that: the
 * old one reports why and continues. If the old one dies, that counts as GO. The new process does
 * not exit before the old one, because a service manager that stops the service takes the exit of
 * the main process for the end of all and would kill the processes that still drain.
 *
 * The new process is started by one in between, which only waits for it and exits with its status;
 * from that, the old process learns why a start failed. The one in between exits before the service
 * manager is told of the new main process, which thereby becomes the manager's own child: when
 * systemd stops a service, it waits only for its own children and kills other processes at once.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "proxy/supervisor/parts.h"

#define PATIENCE (30 * NSEC_PER_SEC)

static void share(struct listener *listener, void *context)
{
	(void)context;
	listener->shared = true;
}

/* Starting the successor */

static void list_listener(struct listener *listener, void *context)
{
	FILE *out = context;
	char name[INHERITED_NAME_MAX];

	listener_kept_name(listener, name);
	for (size_t i = 0; i < listener->count; i++)
		fprintf(out, "%d %s\n", listener->sockets[i].fd, name);
}

/* A descriptor of the list, or a negative errno. */
static int write_list(struct supervisor *supervisor)
{
	int fd = memfd_create("vsock-listeners", MFD_CLOEXEC), own = fd < 0 ? -1 : dup(fd), error;
	FILE *out = own < 0 ? NULL : fdopen(own, "w");

	if (!out) {
		error = -errno;
		fd_close(&own);
		fd_close(&fd);
		return error;
	}
	store_each(supervisor, list_listener, out);
	error = fclose(out) == 0 ? 0 : -errno;
	if (error)
		fd_close(&fd);
	return error ? error : fd;
}

static void leave_open(struct listener *listener, void *context)
{
	(void)context;
	for (size_t i = 0; i < listener->count; i++)
		fd_cloexec(listener->sockets[i].fd, false);
}

static void leave_number(const struct addr *addr)
{
	if (addr->family == ADDR_FD)
		activation_leave(addr->fd);
}

/* What we were started with ourselves is there for the next one, under the same numbers. */
static void leave_inherited(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < activation_count(); i++)
		activation_leave(ACTIVATION_FIRST + (int)i);
	for (size_t i = 0; i < SUPERVISOR_TEXT_SERVERS; i++)
		if (supervisor->text_servers[i])
			leave_number(&supervisor->text_servers[i]->addr);
	for (const struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next) {
		for (size_t i = 0; i < rule->port_count; i++) {
			leave_number(&rule->ports[i].listen);
			for (size_t j = 0; j < rule->target_count; j++)
				leave_number(&rule->ports[i].targets[j].addr);
		}
	}
}

/* A variable that named us names the new one. */
static void name_process(const struct supervisor *supervisor, const char *variable)
{
	const char *text = getenv(variable);
	char number[24];

	if (!text || strtol(text, NULL, 10) != (long)supervisor->router.pid)
		return;
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	setenv(variable, number, 1);
}

static _Noreturn void become_successor(struct supervisor *supervisor, int list, int channel)
{
	const char *path = supervisor->program->path;
	char text[32];
	int error;

	name_process(supervisor, "LISTEN_PID");
	name_process(supervisor, "WATCHDOG_PID");
	leave_inherited(supervisor);
	store_each(supervisor, leave_open, NULL);
	fd_cloexec(list, false);
	fd_cloexec(channel, false);
	snprintf(text, sizeof(text), "%d %d", list, channel);
	setenv(RESTART_VARIABLE, text, 1);
	fd_limit_restore();
	loop_child(supervisor->server.loop);
	execv(path, supervisor->program->argv);
	error = errno;
	log_error("%s: %s", path, strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* Waits for the successor, whose pid cannot be reused before that. Meanwhile a blocked SIGTERM or
 * SIGUSR1 for us ends it, gently or at once. */
static int wait_for(pid_t successor, const sigset_t *signals)
{
	int how = 0;

	while (waitpid(successor, &how, WNOHANG) == 0) {
		int signal = sigwaitinfo(signals, NULL);

		if (signal == SIGTERM || signal == SIGUSR1)
			kill(successor, signal == SIGTERM ? SIGTERM : SIGKILL);
	}
	return how;
}

/* The process between both. */
static _Noreturn void attend(struct supervisor *supervisor, int list, int channel, int report)
{
	sigset_t signals;
	pid_t successor;
	int how;

	/* before anybody knows which process to signal */
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	successor = fork();
	if (successor == 0)
		become_successor(supervisor, list, channel);
	(void)fd_write_all(report, &successor, sizeof(successor));
	closefrom(
		STDERR_FILENO +
		1); /* it must not depend on us, and no client may wait in a backlog that we hold */
	how = wait_for(successor, &signals);
	if (!WIFSIGNALED(how))
		_exit(WEXITSTATUS(how));
	prctl(PR_SET_DUMPABLE, 0); /* one core file is enough */
	loop_child(supervisor->server.loop);
	signal(WTERMSIG(how), SIG_DFL);
	raise(WTERMSIG(how));
	_exit(STATUS_FAILURE);
}

/* Starts both. 0 or a negative errno. */
static int start_both(struct supervisor *supervisor, int list, int channel)
{
	int report[2], error = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	supervisor->attendant = fork();
	if (supervisor->attendant == 0)
		attend(supervisor, list, channel, report[1]);
	if (supervisor->attendant < 0)
		error = -errno;
	close(report[1]);
	if (!error && read(report[0], &supervisor->successor, sizeof(supervisor->successor)) !=
			      (ssize_t)sizeof(supervisor->successor))
		error = -ECHILD;
	if (!error && supervisor->successor < 0)
		error = -EAGAIN; /* what fork(2) fails with */
	close(report[0]);
	return error;
}

/* Its end */

/* Its end of the channel stays. */
static void let_go(struct supervisor *supervisor)
{
	supervisor->successor = supervisor->attendant = 0;
	loop_timer_stop(supervisor->server.loop, &supervisor->restart_late);
	loop_unwatch(supervisor->server.loop, &supervisor->successor_watch);
}

static void forget_successor(struct supervisor *supervisor)
{
	let_go(supervisor);
	fd_close(&supervisor->successor_channel);
}

static void go_on(struct supervisor *supervisor)
{
	if (supervisor->loading || supervisor->reloading)
		return; /* the end of that reload says the same */
	server_tell_listening(&supervisor->server);
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

void restart_child_ended(struct supervisor *supervisor, int how)
{
	long pid = (long)supervisor->successor;

	forget_successor(supervisor);
	if (WIFEXITED(how))
		log_error("not restarted: process %ld exited with status %d before it was ready; "
			  "this process continues",
			  pid, WEXITSTATUS(how));
	else
		log_error("not restarted: process %ld was killed by signal %d (%s) before it was "
			  "ready; this process continues",
			  pid, WTERMSIG(how), strsignal(WTERMSIG(how)));
	go_on(supervisor);
}

static void is_late(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, restart_late);
	char limit[32];

	(void)loop;
	log_error("process %ld is not ready after %s: killing it", (long)supervisor->successor,
		  units_show_duration(PATIENCE, limit, sizeof(limit)));
	kill(supervisor->attendant, SIGUSR1); /* which ends it; SIGCHLD says the rest */
}

/* It serves: everything is its own from now on, but our connections. */
static void hand_over(struct supervisor *supervisor)
{
	pid_t successor = supervisor->successor;
	const char *go;
	char line[32];
	int how;

	if (waitpid(supervisor->attendant, &how, WNOHANG) >
	    0) { /* it died of something else at the last moment */
		restart_child_ended(supervisor, how);
		return;
	}
	kill(supervisor->attendant, SIGKILL);
	waitpid(supervisor->attendant, NULL, 0);
	supervisor->state = SUPERVISOR_STOPPING;
	/* a reload that came meanwhile: it may have read the rules before */
	go = supervisor->reload_again || supervisor->loading ? RESTART_GO_RELOAD : RESTART_GO;
	reload_stop(supervisor);
	log_notice("process %ld takes over; this process exits when its connections have ended",
		   (long)successor);
	server_leave_pid_file(&supervisor->server);
	snprintf(line, sizeof(line), "MAINPID=%ld", (long)successor);
	manager_tell(&supervisor->server.manager, line);
	/* the manager has to know it before READY=1 of the successor, from which alone it takes
	 * that then */
	manager_finish(&supervisor->server.manager);
	manager_leave(&supervisor->server.manager);
	loop_timer_stop(supervisor->server.loop, &supervisor->watchdog);
	store_each(supervisor, share, NULL);
	server_close_all(&supervisor->server);
	for (size_t i = 0; i < SUPERVISOR_TEXT_SERVERS; i++)
		if (supervisor->text_servers[i] && !supervisor->text_servers[i]->of_process)
			text_server_leave(supervisor->text_servers[i]);
	link_drain(supervisor, &(const struct broker_message){ .type = BROKER_RETIRE });
	let_go(supervisor);
	(void)fd_write_all(supervisor->successor_channel, go, strlen(go)); /* closed when we end */
}

static void successor_speaks(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, successor_watch);
	char text[16];
	ssize_t size = recv(supervisor->successor_channel, text, sizeof(text), MSG_DONTWAIT);

	(void)events;
	if (size == (ssize_t)strlen(RESTART_READY) &&
	    memcmp(text, RESTART_READY, strlen(RESTART_READY)) == 0)
		hand_over(supervisor);
	else if (size >= 0 || errno != EAGAIN)
		loop_unwatch(loop, watch); /* it ends: SIGCHLD is on its way; or it is late */
}

static int start_successor(struct supervisor *supervisor, int list)
{
	static const struct watch_kind kind = { .name = "successor", .ready = successor_speaks };
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	error = start_both(supervisor, list, ends[1]);
	close(ends[1]);
	supervisor->successor_channel = ends[0];
	supervisor->successor_watch = (struct watch){ .kind = &kind, .fd = -1 };
	supervisor->restart_late.expired = is_late;
	if (!error)
		error = loop_watch(supervisor->server.loop, &supervisor->successor_watch, ends[0],
				   EPOLLIN);
	loop_timer(supervisor->server.loop, &supervisor->restart_late, units_now() + PATIENCE);
	if (error) {
		if (supervisor->attendant > 0)
			kill(supervisor->attendant, SIGUSR1);
		forget_successor(supervisor);
	}
	return error;
}

/* Why it cannot be done, or NULL. */
static const char *obstacle(const struct supervisor *supervisor)
{
	if (supervisor->state == SUPERVISOR_STARTING)
		return "it is still starting";
	if (supervisor->state == SUPERVISOR_STOPPING)
		return "it is ending";
	if (supervisor->successor)
		return "a restart is already in progress";
	if (getpid() == 1)
		return "process 1 cannot exit before its successor";
	if (!supervisor->program->path)
		return "the path of the program was not found when it started";
	for (const struct listener *listener = supervisor->server.listeners; listener;
	     listener = listener->next)
		if (!listener->count)
			return "it serves a connection that it was started with";
	return NULL;
}

void restart_start(struct supervisor *supervisor)
{
	const char *why = obstacle(supervisor);
	int list, error;

	if (why) {
		log_warning("not restarted: %s", why);
		return;
	}
	supervisor_say_reloading(supervisor, "restarting");
	list = write_list(supervisor);
	error = list < 0 ? list : start_successor(supervisor, list);
	fd_close(&list);
	if (!error) {
		log_notice("restarting: process %ld has been started", (long)supervisor->successor);
		return;
	}
	log_error("not restarted: %s", strerror(-error));
	go_on(supervisor);
}

void restart_stop(struct supervisor *supervisor)
{
	if (!supervisor->successor)
		return;
	kill(supervisor->attendant, SIGTERM); /* which tells it */
	let_go(supervisor); /* if the channel ended now, that would mean GO */
}

void restart_free(struct supervisor *supervisor)
{
	if (supervisor->successor) { /* we could not go on: it can */
		store_each(supervisor, share, NULL);
		forget_successor(supervisor);
	}
	if (supervisor->predecessor_watch.kind)
		loop_unwatch(supervisor->server.loop, &supervisor->predecessor_watch);
	inherited_free(&supervisor->inherited);
}
