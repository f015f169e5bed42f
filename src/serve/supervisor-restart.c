/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One process follows another without a gap, on SIGUSR2: nobody is refused, and no connection is cut.
 *
 * Theory of operation: the new program is started as a child, with the listening sockets under the numbers that they have,
 * and $VSOCK_PROXY_HANDOVER, "LIST CHANNEL": a file that says which they are (serve/kept), and a socket between both.
 *
 *   the one that goes (supervisor.successor)      the one that comes (supervisor.predecessor)
 *   two forks, exec                         ->    takes the sockets that its rules name, opens the others
 *                                                 its worker accepts: both do now
 *                                           <-    READY
 *   leaves the pid file, names the new main
 *   process to the service manager, closes
 *   the listeners without removing files,
 *   has its worker drain (BROKER_RETIRE)
 *   GO                                      ->    from now on it owns socket files and the pid file, talks to the service
 *                                                 manager, and closes the sockets that it did not take
 *   has ended                               ->    end of file: from now on it may end too
 *
 * Until GO the new one changes nothing that is there already, so it may fail at any time before: the old one says why and
 * goes on. An old one that dies has said GO by that. The new one does not end before the old one: a service manager that
 * stops it takes its end for that of all, and would kill those who still drain.
 *
 * Between both stands a process that does nothing but wait, and ends as the new one ends: so that its status is ours to
 * hear. It is gone before the service manager is told, whose own child the new one must be then: systemd would not wait for
 * any other when it stops the service, but kill it at once.
 *
 * A service manager that keeps descriptors ($FDSTORE) is given the listening sockets too, and gives them back to the next
 * start: what has no rule any more is dropped before anything is opened, for it might be in the way. SIGINT says that there
 * will be no next start soon: it is to forget them at once, or clients would wait for nobody. Units have KillSignal= and
 * RestartKillSignal= for that.
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

#include "base/fdutil.h"
#include "base/log.h"
#include "base/units.h"
#include "net/activation.h"
#include "serve/notify.h"
#include "serve/supervisor-parts.h"

#define HANDOVER "VSOCK_PROXY_HANDOVER"
#define READY "READY\n"
#define GO "GO\n"
#define PATIENCE (30 * NSEC_PER_SEC)

/* Listeners that outlive us: not those whose sockets we were started with, nor a page that is ours alone. */
static void each_listener(struct supervisor *supervisor, void (*act)(struct listener *listener, void *context), void *context)
{
	for (struct listener *listener = supervisor->server.listeners; listener; listener = listener->next)
		if (listener->addr->family != ADDR_FD)
			act(listener, context);
	for (size_t i = 0; i < SUPERVISOR_PAGES; i++)
		if (supervisor->pages[i] && !supervisor->pages[i]->of_process)
			act(&supervisor->pages[i]->listener, context);
}

static void share(struct listener *listener, void *context)
{
	(void)context;
	listener->shared = true;
}

static void own(struct listener *listener, void *context)
{
	struct failure failure;

	(void)context;
	if (listener_own(listener, &failure) < 0)
		explain_say(listener->addr, &failure); /* no reason to refuse connections now */
}

/* The service manager's store */

static void keep_listener(struct listener *listener, void *context)
{
	size_t *left = context;
	int fds[BROKER_DESCRIPTORS_MAX], error;
	char name[KEPT_NAME_MAX];

	if (listener->count > *left || !listener->count)
		return;
	for (size_t i = 0; i < listener->count; i++)
		fds[i] = listener->sockets[i].fd;
	error = notify_keep(listener_kept_name(listener, name), fds, listener->count);
	if (error) {
		log_warning("the service manager can't be given a listener: %s", strerror(-error));
		return;
	}
	listener->shared = true;
	*left -= listener->count;
}

void restart_store(struct supervisor *supervisor)
{
	size_t left = notify_store_size();

	if (left)
		each_listener(supervisor, keep_listener, &left);
}

void restart_forget(struct server *server, struct listener *listener)
{
	char name[KEPT_NAME_MAX];

	(void)server;
	if (!listener->shared)
		return;
	notify_forget(listener_kept_name(listener, name));
	listener->shared = false;
}

static void withdraw(struct listener *listener, void *context)
{
	restart_forget(context, listener);
}

void restart_withdraw(struct supervisor *supervisor)
{
	if (notify_store_size())
		each_listener(supervisor, withdraw, &supervisor->server);
}

void restart_drop_unwanted(struct supervisor *supervisor, const struct rules *rules)
{
	struct kept *kept = &supervisor->kept;

	supervisor->server.kept = kept;
	if (supervisor->predecessor >= 0 || !kept->count)
		return;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count; i++)
			kept_want(kept, &rule->ports[i].listen);
	if (kept_drop(kept, true, true))
		notify_wait(); /* the manager has them too */
}

void restart_settle(struct supervisor *supervisor)
{
	each_listener(supervisor, own, NULL);
	restart_store(supervisor);
	kept_drop(&supervisor->kept, false, notify_store_size() > 0);
	kept_free(&supervisor->kept);
	supervisor->server.kept = NULL;
}

/* The one that comes */

static int read_handover(struct supervisor *supervisor, const char *text)
{
	int list, channel, error;

	if (sscanf(text, "%d %d", &list, &channel) != 2 || fd_cloexec(list, true) < 0 || fd_cloexec(channel, true) < 0)
		return -EPROTO;
	error = kept_read(&supervisor->kept, list);
	close(list);
	supervisor->predecessor = channel;
	supervisor->server.settings.ready_fd = UNITS_INF; /* its number may be another's here, and who asked was told */
	return error;
}

int supervisor_inherit(struct supervisor *supervisor)
{
	const char *text = getenv(HANDOVER);
	int error;

	supervisor->predecessor = -1;
	error = text ? read_handover(supervisor, text) : kept_find(&supervisor->kept);
	unsetenv(HANDOVER); /* not for commands */
	if (!error)
		return 0;
	log_error("listening sockets can't be taken over: %s", strerror(-error));
	return STATUS_FAILURE;
}

static void take_over(struct supervisor *supervisor)
{
	(void)server_write_pid_file(&supervisor->server); /* not to have it is no reason to refuse connections */
	supervisor_serve(supervisor);
	/* who waits for this line finds the files of the rules as they are to be */
	log_notice("this process (%ld) has taken over", (long)getpid());
}

static void predecessor_speaks(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)watch - offsetof(struct supervisor, predecessor_watch));
	char text[16];
	ssize_t size = recv(supervisor->predecessor, text, sizeof(text), MSG_DONTWAIT);

	(void)events;
	if (size < 0 && errno == EAGAIN)
		return;
	if (supervisor->state == SUPERVISOR_STARTING)
		take_over(supervisor);
	if (size > 0)
		return;
	loop_unwatch(loop, watch);
	fd_close(&supervisor->predecessor);
	if (supervisor->done)
		loop_stop(loop);
}

int restart_say_ready(struct supervisor *supervisor)
{
	static const struct watch_kind kind = { .name = "predecessor", .ready = predecessor_speaks };

	(void)fd_write_all(supervisor->predecessor, READY, strlen(READY)); /* if it is gone its end of file tells us */
	supervisor->predecessor_watch = (struct watch){ .kind = &kind, .fd = -1 };
	return loop_watch(supervisor->server.loop, &supervisor->predecessor_watch, supervisor->predecessor, EPOLLIN);
}

/* The one that goes: starting the other */

static void list_listener(struct listener *listener, void *context)
{
	FILE *out = context;
	char name[KEPT_NAME_MAX];

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
	each_listener(supervisor, list_listener, out);
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
	if (addr->family == ADDR_FD && addr->fd > STDERR_FILENO)
		fd_cloexec(addr->fd, false);
}

/* What we were started with ourselves is there for the next one, under the same numbers. */
static void leave_inherited(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < activation_count(); i++)
		fd_cloexec(ACTIVATION_FIRST + (int)i, false);
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
	each_listener(supervisor, leave_open, NULL);
	fd_cloexec(list, false);
	fd_cloexec(channel, false);
	snprintf(text, sizeof(text), "%d %d", list, channel);
	setenv(HANDOVER, text, 1);
	fd_limit_restore();
	loop_child(supervisor->server.loop);
	execv(path, supervisor->program->argv);
	error = errno;
	log_error("%s: %s", path, strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* The process between both. */
static _Noreturn void attend(struct supervisor *supervisor, int list, int channel, int report)
{
	pid_t successor = fork();
	int how = 0;

	if (successor == 0)
		become_successor(supervisor, list, channel);
	(void)fd_write_all(report, &successor, sizeof(successor));
	closefrom(STDERR_FILENO + 1); /* it is not to hear of us, and nobody is to wait in a backlog that we hold */
	while (waitpid(successor, &how, 0) < 0 && errno == EINTR)
		;
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
	if (!error && read(report[0], &supervisor->successor, sizeof(supervisor->successor)) != (ssize_t)sizeof(supervisor->successor))
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
	server_tell_listening(&supervisor->server);
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

void restart_child_ended(struct supervisor *supervisor, int how)
{
	long pid = (long)supervisor->successor;

	forget_successor(supervisor);
	if (WIFEXITED(how))
		log_error("not restarted: process %ld ended with status %d before it was ready: this one goes on", pid, WEXITSTATUS(how));
	else
		log_error("not restarted: process %ld was ended by signal %d (%s) before it was ready: this one goes on", pid, WTERMSIG(how),
		          strsignal(WTERMSIG(how)));
	go_on(supervisor);
}

static void is_late(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)timer - offsetof(struct supervisor, restart_late));
	char limit[32];

	(void)loop;
	log_error("process %ld is not ready after %s: it is ended", (long)supervisor->successor,
	          units_show_duration(PATIENCE, limit, sizeof(limit)));
	kill(supervisor->successor, SIGKILL); /* SIGCHLD says the rest */
}

/* It serves: everything is its own from now on, but our connections. */
static void hand_over(struct supervisor *supervisor)
{
	pid_t successor = supervisor->successor;
	char line[32];
	int how;

	if (waitpid(supervisor->attendant, &how, WNOHANG) > 0) { /* it died of something else at the last moment */
		restart_child_ended(supervisor, how);
		return;
	}
	kill(supervisor->attendant, SIGKILL);
	waitpid(supervisor->attendant, NULL, 0);
	supervisor->state = SUPERVISOR_STOPPING;
	log_notice("process %ld takes over; this one ends with its connections", (long)successor);
	server_leave_pid_file(&supervisor->server);
	snprintf(line, sizeof(line), "MAINPID=%ld", (long)successor);
	server_tell_manager(line);
	unsetenv("NOTIFY_SOCKET"); /* it would not be heard any more */
	loop_timer_stop(supervisor->server.loop, &supervisor->watchdog);
	each_listener(supervisor, share, NULL);
	server_close_all(&supervisor->server);
	for (size_t i = 0; i < SUPERVISOR_PAGES; i++)
		if (supervisor->pages[i] && !supervisor->pages[i]->of_process)
			page_leave(supervisor->pages[i]);
	supervisor_tell(supervisor, &(const struct broker_message){ .type = BROKER_RETIRE });
	if (supervisor->reload_again)
		kill(successor, SIGHUP); /* that came meanwhile: it may have read the rules before */
	let_go(supervisor);
	(void)fd_write_all(supervisor->successor_channel, GO, strlen(GO)); /* closed when we end */
}

static void successor_speaks(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)watch - offsetof(struct supervisor, successor_watch));
	char text[16];
	ssize_t size = recv(supervisor->successor_channel, text, sizeof(text), MSG_DONTWAIT);

	(void)events;
	if (size == (ssize_t)strlen(READY) && memcmp(text, READY, strlen(READY)) == 0)
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
		error = loop_watch(supervisor->server.loop, &supervisor->successor_watch, ends[0], EPOLLIN);
	if (!error)
		error = loop_timer(supervisor->server.loop, &supervisor->restart_late, units_now() + PATIENCE);
	if (error) {
		if (supervisor->successor > 0)
			kill(supervisor->successor, SIGKILL);
		forget_successor(supervisor);
	}
	return error;
}

/* Why it can't be done, or NULL. */
static const char *obstacle(const struct supervisor *supervisor)
{
	if (supervisor->state == SUPERVISOR_STARTING)
		return "it is still starting";
	if (supervisor->state == SUPERVISOR_STOPPING)
		return "it is ending";
	if (supervisor->successor)
		return "that is under way";
	if (getpid() == 1)
		return "as process 1 it can't end before the one that follows";
	if (!supervisor->program->path)
		return "where the program is was not found when it started";
	for (const struct listener *listener = supervisor->server.listeners; listener; listener = listener->next)
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
	supervisor_say_reloading("restarting");
	list = write_list(supervisor);
	error = list < 0 ? list : start_successor(supervisor, list);
	fd_close(&list);
	if (!error) {
		log_notice("restarting: process %ld is started", (long)supervisor->successor);
		return;
	}
	log_error("not restarted: %s", strerror(-error));
	go_on(supervisor);
}

void restart_stop(struct supervisor *supervisor)
{
	if (!supervisor->successor)
		return;
	kill(supervisor->successor, SIGTERM);
	forget_successor(supervisor);
}

void restart_free(struct supervisor *supervisor)
{
	if (supervisor->successor) { /* we could not go on: it can */
		each_listener(supervisor, share, NULL);
		forget_successor(supervisor);
	}
	if (supervisor->predecessor_watch.kind)
		loop_unwatch(supervisor->server.loop, &supervisor->predecessor_watch);
	kept_free(&supervisor->kept);
}
