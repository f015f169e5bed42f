/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "serve/notify.h"
#include "proxy/supervisor/parts.h"

#define KILL_GRACE (2 * NSEC_PER_SEC) /* a worker that was ordered to end at once */
/* As many as are remembered, and no other worker is started. */
#define DEATHS_WITHIN (60 * NSEC_PER_SEC)

static void tell_signal(struct supervisor *supervisor, int signal)
{
	link_tell(supervisor,
		  &(const struct broker_message){ .type = BROKER_SIGNAL, .number = signal });
}

/* For a new worker everything is new. */
static void forget_passed(struct supervisor *supervisor)
{
	for (struct listener *listener = supervisor->server.listeners; listener;
	     listener = listener->next)
		listener->passed = false;
	for (size_t i = 0; i < SUPERVISOR_TEXT_SERVERS; i++)
		if (supervisor->text_servers[i])
			supervisor->text_servers[i]->listener.passed = false;
	for (struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next)
		rule->passed = false;
}

/* Starting it */

static _Noreturn void be_worker(struct supervisor *supervisor, const int ends[2])
{
	static const int ours[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

	/* Ctrl-C, or a service manager that signals all processes, is meant for the supervisor,
	 * which informs its worker */
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		signal(ours[i], SIG_IGN);
	loop_child(supervisor->server.loop);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* messages to a file at its limit */
	unsetenv("NOTIFY_SOCKET");
	_exit(supervisor->work(supervisor, ends));
}

/* 0 or a negative errno. */
static int start_worker(struct supervisor *supervisor)
{
	int ours[2] = { -1, -1 }, theirs[2] = { -1, -1 }, error = broker_ends(ours, theirs);

	if (error)
		return error;
	supervisor->worker = fork();
	if (supervisor->worker == 0)
		be_worker(supervisor, theirs);
	error = supervisor->worker < 0 ? -errno : 0;
	if (error)
		supervisor->worker = 0;
	close(theirs[0]);
	close(theirs[1]);
	if (error) {
		close(ours[0]);
		close(ours[1]);
		return error;
	}
	supervisor->may_leave = false;
	error = receive_start(supervisor, ours);
	if (error)
		return error;
	forget_passed(supervisor);
	link_pass(supervisor);
	return 0;
}

/* Its end */

static void forget_worker(struct supervisor *supervisor)
{
	supervisor->worker = 0;
	receive_stop(supervisor);
}

static bool too_often(struct supervisor *supervisor)
{
	const size_t count = ARRAY_SIZE(supervisor->deaths);
	uint64_t now = units_now(), *oldest = &supervisor->deaths[supervisor->next_death];
	bool too = *oldest && now - *oldest < DEATHS_WITHIN;

	*oldest = now;
	supervisor->next_death = (supervisor->next_death + 1) % count;
	return too;
}

/* Is there anything that another worker could accept? */
static bool listens(const struct supervisor *supervisor)
{
	for (const struct listener *listener = supervisor->server.listeners; listener;
	     listener = listener->next)
		if (listener->count)
			return true;
	return false;
}

/* A worker that an attacker controlled may have spoilt what its successor gets. */
static void revive(struct supervisor *supervisor, struct listener *listener)
{
	char kept_name[INHERITED_NAME_MAX]; /* of the socket file that is there now */

	listener_kept_name(listener, kept_name);
	if (!listener_revive(listener) || !listener->shared)
		return;
	manager_drop(&supervisor->server.manager, kept_name);
	listener->shared = false;
}

static void replace_worker(struct supervisor *supervisor)
{
	int error;

	if (too_often(supervisor)) {
		log_error("workers have died too often: giving up");
		state_finish(supervisor, STATUS_FAILURE);
		return;
	}
	if (!listens(supervisor)) {
		state_finish(supervisor, STATUS_FAILURE);
		return;
	}
	for (struct listener *listener = supervisor->server.listeners; listener;
	     listener = listener->next)
		revive(supervisor, listener);
	for (size_t i = 0; i < SUPERVISOR_TEXT_SERVERS; i++)
		if (supervisor->text_servers[i])
			revive(supervisor, &supervisor->text_servers[i]->listener);
	store_keep(supervisor);
	error = start_worker(supervisor);
	if (error) {
		log_error("cannot start another worker: %s", strerror(-error));
		state_finish(supervisor, STATUS_FAILURE);
	}
	if (supervisor->asking) { /* the one that ended */
		reload_stop(supervisor);
		supervisor->reload_again = true;
	}
}

static void worker_ended(struct supervisor *supervisor, int how)
{
	int status = WIFEXITED(how) ? WEXITSTATUS(how) : STATUS_FAILURE;
	long pid = (long)supervisor->worker;
	bool served = supervisor->worker_state == WORKER_SERVING;

	forget_worker(supervisor);
	if (supervisor->state == SUPERVISOR_STOPPING && !served) {
		/* there is nothing to drain */
		state_finish(supervisor, WIFEXITED(how) ? status : 0);
		return;
	}
	if (WIFEXITED(how) && status == 0 && supervisor->state == SUPERVISOR_SERVING &&
	    (supervisor->may_leave || !listens(supervisor))) {
		/* it was idle, or had a single connection: what came meanwhile is given up */
		supervisor->state = SUPERVISOR_STOPPING;
		reload_stop(supervisor);
		restart_stop(supervisor);
		manager_tell(&supervisor->server.manager, "STOPPING=1\nSTATUS=no longer listening");
		state_finish(supervisor, 0);
		return;
	}
	if (WIFEXITED(how) && supervisor->state == SUPERVISOR_STARTING) {
		/* a worker that ends with 0 while starting has served nobody, which is a failure */
		state_finish(supervisor, status ? status : STATUS_FAILURE);
		return;
	}
	if (WIFEXITED(how) && status == 0 && supervisor->state == SUPERVISOR_STOPPING) {
		state_finish(supervisor, 0);
		return;
	}
	if (supervisor->server.signal) { /* it was to end at once */
		state_finish(supervisor, STATUS_FAILURE);
		return;
	}
	if (WIFEXITED(how))
		log_error(
			"the worker (process %ld) exited with status %d: its connections are lost",
			pid, status);
	else
		log_error("the worker (process %ld) was killed by signal %d (%s): its connections "
			  "are lost",
			  pid, WTERMSIG(how), strsignal(WTERMSIG(how)));
	if (supervisor->state == SUPERVISOR_SERVING)
		replace_worker(supervisor);
	else
		state_finish(supervisor, STATUS_FAILURE);
}

static void look_up_ended(struct supervisor *supervisor, pid_t pid)
{
	resolver_reaped(supervisor->resolver, pid);
	resolver_reaped(supervisor->names.resolver, pid);
}

static void reap(struct supervisor *supervisor)
{
	int how;
	pid_t pid;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		if (pid == supervisor->worker)
			worker_ended(supervisor, how);
		else if (pid == supervisor->attendant)
			restart_child_ended(supervisor, how);
		else if (!command_ended(supervisor, pid) && !explainer_ended(supervisor, pid) &&
			 !reload_reader_ended(supervisor, pid, how))
			look_up_ended(supervisor, pid);
	}
}

/* Signals */

static void stop(struct supervisor *supervisor, int signal)
{
	if (supervisor->state == SUPERVISOR_STOPPING) { /* the second one */
		supervisor->server.signal = signal;
		tell_signal(supervisor, signal);
		if (supervisor->done) {
			state_finish(supervisor, STATUS_FAILURE);
			return;
		}
		loop_timer(supervisor->server.loop, &supervisor->kill, units_now() + KILL_GRACE);
		return;
	}
	if (supervisor->state == SUPERVISOR_SERVING && signal == SIGINT)
		store_withdraw(supervisor);
	supervisor->state = SUPERVISOR_STOPPING;
	reload_stop(supervisor);
	restart_stop(supervisor);
	manager_tell(&supervisor->server.manager, "STOPPING=1\nSTATUS=no longer listening");
	server_close_all(&supervisor->server);
	link_drain(supervisor,
		   &(const struct broker_message){ .type = BROKER_SIGNAL, .number = signal });
}

static void signalled(struct server *server, int signal)
{
	struct supervisor *supervisor = container_of(server, struct supervisor, server);

	if (signal == SIGCHLD)
		reap(supervisor);
	else if (signal == SIGUSR1)
		tell_signal(supervisor, signal);
	else if (signal == SIGUSR2)
		restart_start(supervisor);
	else if (signal == SIGHUP && supervisor->reloads)
		supervisor_reload(supervisor);
	else
		stop(supervisor, signal);
}

/* The service manager wants to hear, now and then, that we are alive: that is, that the worker is.
 */
static void watchdog_expired(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, watchdog);

	if (!supervisor->pinged) {
		supervisor->pinged = true;
		link_tell(supervisor, &(const struct broker_message){ .type = BROKER_PING,
								      .id = ++supervisor->ping });
	}
	loop_timer(loop, timer, units_now() + supervisor->watchdog_interval);
}

int supervisor_open(struct supervisor *supervisor, struct rules *rules)
{
	supervisor->server.dropped = store_forget;
	store_drop_unwanted(supervisor, rules);
	return router_start(&supervisor->router, &supervisor->server, rules);
}

int supervisor_run(struct supervisor *supervisor)
{
	struct loop *loop = supervisor->server.loop;
	int error;

	supervisor->server.signalled_by = signalled;
	supervisor->server.busy = true;
	supervisor->channel = supervisor->requests = supervisor->successor_channel = -1;
	supervisor->explainer_fd = -1;
	supervisor->watchdog.expired = watchdog_expired;
	supervisor->watchdog_interval = notify_watchdog() / 2;
	error = start_worker(supervisor);
	if (error) {
		log_error("cannot start the worker: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	error = loop_run(loop);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return supervisor->status;
}

void supervisor_free(struct supervisor *supervisor)
{
	if (supervisor->worker) { /* we could not go on */
		kill(supervisor->worker, SIGKILL);
		waitpid(supervisor->worker, NULL, 0);
	}
	if (supervisor->channel_watch.kind)
		forget_worker(supervisor);
	command_free(supervisor);
	if (supervisor->server.loop)
		explanation_stop(supervisor);
	if (supervisor->server.loop) {
		loop_timer_stop(supervisor->server.loop, &supervisor->watchdog);
		restart_free(supervisor);
		server_close_all(&supervisor->server); /* before the rules that hold them */
	}
	reload_stop(supervisor);
	router_free(&supervisor->router);
	server_free(&supervisor->server);
}
