/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/units.h"
#include "serve/notify.h"
#include "serve/supervisor-parts.h"

#define KILL_GRACE (2 * NSEC_PER_SEC)       /* a worker that was told to end at once */
#define DEATHS_WITHIN (60 * NSEC_PER_SEC) /* as many as are remembered, and no other worker is started */

static void channel_ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind channel_kind = { .name = "channel", .ready = channel_ready };

/* The end */

static void finish(struct supervisor *supervisor, int status)
{
	supervisor->status = status;
	supervisor->done = true;
	if (status || supervisor->predecessor < 0)
		loop_stop(supervisor->server.loop);
}

/* It does not listen to us: nothing is to be had from it any more. */
static void give_up_worker(struct supervisor *supervisor, const char *why)
{
	log_error("the worker (process %ld) is ended: %s", (long)supervisor->worker, why);
	kill(supervisor->worker, SIGKILL);
}

static void kill_expired(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)timer - offsetof(struct supervisor, kill));

	(void)loop;
	if (supervisor->worker)
		kill(supervisor->worker, SIGKILL);
}

/* Telling the worker */

static void tell(struct supervisor *supervisor, const struct broker_message *message, const int *fds, size_t count)
{
	int error = supervisor->worker ? broker_send(supervisor->channel, message, fds, count, true) : 0;

	if (error && error != -EPIPE && error != -ECONNRESET) /* it has ended: SIGCHLD is on its way */
		give_up_worker(supervisor, strerror(-error));
}

void supervisor_tell(struct supervisor *supervisor, const struct broker_message *message)
{
	tell(supervisor, message, NULL, 0);
}

static void tell_signal(struct supervisor *supervisor, int signal)
{
	supervisor_tell(supervisor, &(const struct broker_message){ .type = BROKER_SIGNAL, .number = signal });
}

static void pass_listener(struct supervisor *supervisor, struct listener *listener, uint32_t rule, uint32_t port)
{
	struct broker_message message = { .type = BROKER_LISTENER, .rule = rule, .port = port };
	int fds[BROKER_DESCRIPTORS_MAX];
	size_t count = 0;

	if (listener->passed)
		return;
	for (; count < listener->count; count++)
		fds[count] = listener->sockets[count].fd;
	if (listener->connected >= 0) {
		fds[count++] = listener->connected;
		message.flags |= BROKER_CONNECTED;
	}
	if (listener->guarded)
		message.flags |= BROKER_GUARDED;
	tell(supervisor, &message, fds, count);
	listener->passed = true;
	fd_close(&listener->connected); /* a connection is served once */
}

/* What the worker doesn't have yet. */
static void pass_rules(struct supervisor *supervisor)
{
	const struct broker_message message = { .type = BROKER_RULES };
	uint32_t number = 0;
	int texts = bundle_seal(&supervisor->bundle);

	if (texts < 0) {
		give_up_worker(supervisor, strerror(-texts));
		return;
	}
	for (struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next, number++)
		for (size_t i = 0; i < rule->port_count; i++)
			pass_listener(supervisor, &rule->ports[i].listener, number, (uint32_t)i);
	tell(supervisor, &message, &texts, 1);
	fd_close(&texts);
}

/* For a new worker everything is new. */
static void forget_passed(struct supervisor *supervisor)
{
	for (struct listener *listener = supervisor->server.listeners; listener; listener = listener->next)
		listener->passed = false;
	for (size_t i = 0; i < SUPERVISOR_PAGES; i++)
		if (supervisor->pages[i])
			supervisor->pages[i]->listener.passed = false;
}

/* Starting it */

static _Noreturn void be_worker(struct supervisor *supervisor, int channel, int questions)
{
	static const int ours[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

	/* a Ctrl-C, or a service manager that signals all processes, means the supervisor, which tells its worker */
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		signal(ours[i], SIG_IGN);
	loop_child(supervisor->server.loop);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* messages to a file at its limit */
	unsetenv("NOTIFY_SOCKET");
	_exit(supervisor->work(supervisor, channel, questions));
}

static int make_ends(int channel[2], int questions[2])
{
	int error = broker_pair(channel);

	if (!error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions) < 0) {
		error = -errno;
		close(channel[0]);
		close(channel[1]);
	}
	return error;
}

/* 0 or a negative errno. */
static int start_worker(struct supervisor *supervisor)
{
	int channel[2], questions[2], error = make_ends(channel, questions);

	if (error)
		return error;
	supervisor->worker = fork();
	if (supervisor->worker == 0)
		be_worker(supervisor, channel[1], questions[1]);
	error = supervisor->worker < 0 ? -errno : 0;
	if (error)
		supervisor->worker = 0;
	close(channel[1]);
	close(questions[1]);
	supervisor->channel = channel[0];
	supervisor->questions = questions[0];
	supervisor->channel_watch = (struct watch){ .kind = &channel_kind, .fd = -1 };
	if (!error)
		error = fd_nonblock(questions[0], true);
	if (!error)
		error = loop_watch(supervisor->server.loop, &supervisor->channel_watch, channel[0], EPOLLIN);
	if (!error)
		error = errand_start(supervisor);
	if (error)
		return error;
	forget_passed(supervisor);
	for (uint32_t i = 0; i < SUPERVISOR_PAGES; i++)
		if (supervisor->pages[i])
			pass_listener(supervisor, &supervisor->pages[i]->listener, BROKER_PAGE, i);
	pass_rules(supervisor);
	return 0;
}

/* Its end */

static void forget_worker(struct supervisor *supervisor)
{
	supervisor->worker = 0;
	supervisor->pinged = false;
	loop_unwatch(supervisor->server.loop, &supervisor->channel_watch);
	errand_stop(supervisor);
	fd_close(&supervisor->channel);
	fd_close(&supervisor->questions);
	loop_timer_stop(supervisor->server.loop, &supervisor->kill);
}

static bool too_often(struct supervisor *supervisor)
{
	const size_t count = sizeof(supervisor->deaths) / sizeof(*supervisor->deaths);
	uint64_t now = units_now(), *oldest = &supervisor->deaths[supervisor->next_death];
	bool too = *oldest && now - *oldest < DEATHS_WITHIN;

	*oldest = now;
	supervisor->next_death = (supervisor->next_death + 1) % count;
	return too;
}

/* Is there anything that another worker could accept? */
static bool listens(const struct supervisor *supervisor)
{
	for (const struct listener *listener = supervisor->server.listeners; listener; listener = listener->next)
		if (listener->count)
			return true;
	return false;
}

static void replace_worker(struct supervisor *supervisor)
{
	int error;

	if (too_often(supervisor)) {
		log_error("workers died too often: given up");
		finish(supervisor, STATUS_FAILURE);
		return;
	}
	if (!listens(supervisor)) {
		finish(supervisor, STATUS_FAILURE);
		return;
	}
	error = start_worker(supervisor);
	if (error) {
		log_error("no other worker can be started: %s", strerror(-error));
		finish(supervisor, STATUS_FAILURE);
	}
}

static void worker_ended(struct supervisor *supervisor, int how)
{
	int status = WIFEXITED(how) ? WEXITSTATUS(how) : STATUS_FAILURE;
	long pid = (long)supervisor->worker;

	forget_worker(supervisor);
	if (WIFEXITED(how) && (status == 0 || supervisor->state == SUPERVISOR_STARTING)) {
		/* a start that ends with 0 has served nobody, and isn't one */
		finish(supervisor, status || supervisor->state != SUPERVISOR_STARTING ? status : STATUS_FAILURE);
		return;
	}
	if (supervisor->server.signal) { /* it was to end at once */
		finish(supervisor, STATUS_FAILURE);
		return;
	}
	if (WIFEXITED(how))
		log_error("the worker (process %ld) ended with status %d: its connections are lost", pid, status);
	else
		log_error("the worker (process %ld) was ended by signal %d (%s): its connections are lost", pid, WTERMSIG(how),
		          strsignal(WTERMSIG(how)));
	if (supervisor->state == SUPERVISOR_SERVING)
		replace_worker(supervisor);
	else
		finish(supervisor, STATUS_FAILURE);
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
	}
}

/* Rules are read again */

void supervisor_say_reloading(const char *what)
{
	struct timespec now;
	char lines[96];

	/* sd_notify(3): when it begins, by the clock that the manager compares */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=%s",
	         (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, what);
	server_tell_manager(lines);
}

static int replace_rules(struct supervisor *supervisor)
{
	struct bundle bundle = { 0 };
	struct rules rules = { 0 };
	int status = supervisor->load(supervisor, &rules, &bundle);

	if (!status)
		status = router_replace(&supervisor->router, &rules, &supervisor->change);
	if (status) {
		bundle_free(&bundle);
		return status;
	}
	bundle_free(&supervisor->bundle);
	supervisor->bundle = bundle;
	errand_forget(supervisor);
	pass_rules(supervisor);
	return 0;
}

void supervisor_reload(struct supervisor *supervisor)
{
	if (supervisor->state == SUPERVISOR_STOPPING)
		return;
	supervisor->reload_again = supervisor->reloading || supervisor->successor || supervisor->state == SUPERVISOR_STARTING;
	if (supervisor->reload_again)
		return;
	supervisor_say_reloading("reloading");
	if (replace_rules(supervisor) == 0) {
		supervisor->reloading = true;
		return;
	}
	log_error("nothing was reloaded: the rules from before stay in force");
	supervisor_tell(supervisor, &(const struct broker_message){ .type = BROKER_FAILED });
	server_tell_listening(&supervisor->server);
}

void supervisor_serve(struct supervisor *supervisor)
{
	int status;

	supervisor->state = SUPERVISOR_SERVING;
	status = server_ready(&supervisor->server);
	if (status) {
		finish(supervisor, status);
		return;
	}
	restart_settle(supervisor);
	if (supervisor->watchdog_interval)
		loop_timer(supervisor->server.loop, &supervisor->watchdog, units_now());
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

/* As soon as the addresses are ours alone. */
static void started(struct supervisor *supervisor)
{
	int error;

	if (supervisor->predecessor < 0) {
		supervisor_serve(supervisor);
		return;
	}
	error = restart_say_ready(supervisor);
	if (!error)
		return;
	log_error("epoll: %s", strerror(-error));
	finish(supervisor, STATUS_FAILURE);
}

/* The worker has what it was given last: it serves. */
static void worker_done(struct supervisor *supervisor)
{
	const struct router_change *change = &supervisor->change;

	if (supervisor->state == SUPERVISOR_STARTING) {
		started(supervisor);
		return;
	}
	if (supervisor->reloading) {
		log_notice("reloaded; rules that stay: %zu, new: %zu, gone: %zu", change->stay, change->come, change->go);
		server_tell_listening(&supervisor->server);
		restart_store(supervisor);
	} else if (supervisor->state == SUPERVISOR_SERVING) {
		log_notice("another worker (process %ld) serves", (long)supervisor->worker);
	}
	supervisor->reloading = false;
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

static void channel_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)watch - offsetof(struct supervisor, channel_watch));
	int fds[BROKER_DESCRIPTORS_MAX], got = 0, error = 0;
	struct broker_message message;
	size_t count;

	(void)events;
	while (!error && supervisor->worker && (got = broker_receive(supervisor->channel, &message, fds, &count, false)) > 0) {
		while (count > 0)
			close(fds[--count]); /* nothing of the worker's is wanted here */
		if (message.type == BROKER_DONE && !message.number) {
			worker_done(supervisor);
		} else if (message.type == BROKER_PONG) {
			supervisor->pinged = false;
			server_tell_manager("WATCHDOG=1");
		} else if (message.type == BROKER_OPEN) {
			error = errand_open(supervisor, &message);
		}
	}
	if (got < 0)
		loop_unwatch(loop, watch); /* it has ended: SIGCHLD is on its way */
	if (error && error != -EPIPE && error != -ECONNRESET)
		give_up_worker(supervisor, strerror(-error));
}

/* Signals */

static void stop(struct supervisor *supervisor, int signal)
{
	if (supervisor->state == SUPERVISOR_STOPPING) { /* the second one */
		supervisor->server.signal = signal;
		tell_signal(supervisor, signal);
		if (supervisor->done) {
			finish(supervisor, STATUS_FAILURE);
			return;
		}
		loop_timer(supervisor->server.loop, &supervisor->kill, units_now() + KILL_GRACE);
		return;
	}
	if (supervisor->state == SUPERVISOR_SERVING && signal == SIGINT)
		restart_withdraw(supervisor);
	supervisor->state = SUPERVISOR_STOPPING;
	restart_stop(supervisor);
	server_tell_manager("STOPPING=1\nSTATUS=no longer listening");
	server_close_all(&supervisor->server);
	tell_signal(supervisor, signal);
}

static void signalled(struct server *server, int signal)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)server;

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

/* The service manager wants to hear, now and then, that we are alive: that is, that the worker is. */
static void watchdog_expired(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)timer - offsetof(struct supervisor, watchdog));

	if (!supervisor->pinged) {
		supervisor->pinged = true;
		supervisor_tell(supervisor, &(const struct broker_message){ .type = BROKER_PING });
	}
	loop_timer(loop, timer, units_now() + supervisor->watchdog_interval);
}

int supervisor_open(struct supervisor *supervisor, struct rules *rules)
{
	supervisor->server.goes = restart_forget;
	restart_drop_unwanted(supervisor, rules);
	return router_start(&supervisor->router, &supervisor->server, rules);
}

int supervisor_run(struct supervisor *supervisor)
{
	struct loop *loop = supervisor->server.loop;
	int error;

	supervisor->server.signalled_by = signalled;
	supervisor->channel = supervisor->questions = supervisor->successor_channel = -1;
	supervisor->kill.expired = kill_expired;
	supervisor->watchdog.expired = watchdog_expired;
	supervisor->watchdog_interval = notify_watchdog() / 2;
	error = start_worker(supervisor);
	if (error) {
		log_error("the worker can't be started: %s", strerror(-error));
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
	if (supervisor->server.loop) {
		loop_timer_stop(supervisor->server.loop, &supervisor->watchdog);
		restart_free(supervisor);
		server_close_all(&supervisor->server); /* before the rules that hold them */
	}
	router_free(&supervisor->router);
	bundle_free(&supervisor->bundle);
	server_free(&supervisor->server);
}
