/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor's link to its worker: rules, answers and orders are passed to it without ever
 * waiting for it.
 *
 * Theory of operation: what the worker has no room for waits. Meanwhile nothing of it is read
 * (requests_watch is off), so that it cannot make more wait than it has asked for before. A worker
 * that reads nothing for PATIENCE is ended, and so is one that does not say DONE in time, or does
 * not end after its drain timeout: the next one gets the same listeners. If memory or descriptors
 * are short, new rules are passed a little later, and the worker serves with those that it has.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "proxy/broker/plan.h"
#include "proxy/supervisor/parts.h"

#define PATIENCE (5 * NSEC_PER_SEC)
#define DRAIN_GRACE (5 * NSEC_PER_SEC) /* after the drain timeout has expired */
#define TIME_FOR_PLAN (30 * NSEC_PER_SEC)
#define SHORTAGE_PAUSE (NSEC_PER_SEC / 10)
#define SHORTAGE_TRIES 10
#define UNSENT_MAX 8192 /* messages: signals are not answers and are not counted */

static void pump(struct supervisor *supervisor);

void link_give_up(struct supervisor *supervisor, const char *why)
{
	if (!supervisor->worker)
		return;
	log_error("killing the worker (process %ld): %s", (long)supervisor->worker, why);
	kill(supervisor->worker, SIGKILL);
	loop_unwatch(supervisor->server.loop, &supervisor->requests_watch);
	loop_unwatch(supervisor->server.loop, &supervisor->channel_watch);
	loop_timer_stop(supervisor->server.loop, &supervisor->stuck);
	loop_timer_stop(supervisor->server.loop, &supervisor->late);
	loop_timer_stop(supervisor->server.loop, &supervisor->again);
	fd_close(&supervisor->channel);
}

static void cannot_send(struct supervisor *supervisor, int error)
{
	char why[128];

	snprintf(why, sizeof(why), "cannot send to it: %s", strerror(-error));
	link_give_up(supervisor, why);
}

/* Draining */

static void kill_expired(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, kill);

	(void)loop;
	if (supervisor->server.signal && supervisor->worker)
		kill(supervisor->worker, SIGKILL);
	else
		link_give_up(supervisor, "it does not end after the drain timeout");
}

void link_drain(struct supervisor *supervisor, const struct broker_message *message)
{
	uint64_t timeout = supervisor->server.settings.drain_timeout;

	supervisor->passing = false; /* the listeners are closed */
	if (timeout != UNITS_INF)
		loop_timer(supervisor->server.loop, &supervisor->kill,
			   units_now() + timeout + DRAIN_GRACE);
	if (supervisor->worker_state == WORKER_SERVING || supervisor->awaited)
		link_tell(supervisor, message);
	else if (supervisor->worker) /* it has only a part of its listeners: it serves nobody */
		kill(supervisor->worker, SIGKILL);
}

/* Sending */

/* The worker has ended, and SIGCHLD is on its way. If not, it has shut its end. */
static bool is_gone(int error)
{
	return error == -EPIPE || error == -ECONNRESET;
}

static void await_its_end(struct supervisor *supervisor)
{
	if (!loop_timer_is_set(&supervisor->stuck))
		loop_timer(supervisor->server.loop, &supervisor->stuck, units_now() + PATIENCE);
}

void link_send(struct supervisor *supervisor, const struct broker_message *message, int fd)
{
	int error = -EPIPE;

	if (!supervisor->worker || supervisor->channel < 0)
		fd_close(&fd);
	else
		error = broker_post(&supervisor->queue, supervisor->channel, message, fd);
	if (error && !is_gone(error))
		cannot_send(supervisor, error);
	else if (error && supervisor->worker && supervisor->channel >= 0)
		await_its_end(supervisor);
	else if (supervisor->queue.count > UNSENT_MAX)
		link_give_up(supervisor, "it does not read its answers");
	else if (supervisor->queue.count)
		pump(supervisor);
}

void link_tell(struct supervisor *supervisor, const struct broker_message *message)
{
	link_send(supervisor, message, -1);
}

/* 0 or a negative errno. */
static int pass_listener(struct supervisor *supervisor, struct listener *listener, uint64_t rule,
			 uint32_t port)
{
	struct broker_message message = { .type = BROKER_LISTENER, .rule = rule, .port = port };
	int fds[BROKER_DESCRIPTORS_MAX], error;
	size_t count = 0;

	if (listener->passed)
		return 0;
	for (; count < listener->count; count++)
		fds[count] = listener->sockets[count].fd;
	if (listener->connected >= 0) {
		fds[count++] = listener->connected;
		message.flags |= BROKER_CONNECTED;
	}
	if (listener->guarded)
		message.flags |= BROKER_GUARDED;
	error = broker_send(supervisor->channel, &message, fds, count);
	if (error)
		return error;
	listener->passed = true;
	fd_close(&listener->connected); /* a connection is served once */
	return 0;
}

static int pass_listeners(struct supervisor *supervisor)
{
	int error = 0;

	for (uint32_t i = 0; i < SUPERVISOR_TEXT_SERVERS && !error; i++)
		if (supervisor->text_servers[i])
			error = pass_listener(supervisor, &supervisor->text_servers[i]->listener,
					      BROKER_PAGE, i);
	for (struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count && !error; i++)
			error = pass_listener(supervisor, &rule->ports[i].listener, rule->id,
					      (uint32_t)i);
	return error;
}

/* A descriptor of the plan, which nobody can change; or a negative errno. */
static int seal_plan(const struct supervisor *supervisor)
{
	int fd = memfd_create("vsock-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd < 0)
		return -errno;
	error = plan_write(&supervisor->router.rules, &supervisor->server.access, PLAN_FOR_WORKER,
			   fd);
	if (!error &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		error = -errno;
	if (error)
		fd_close(&fd);
	return error ? error : fd;
}

/* Sends what the worker does not have yet. 0; -EAGAIN: no room; or another negative errno. */
static int pass_rules(struct supervisor *supervisor)
{
	const struct broker_message message = { .type = BROKER_PLAN };
	int error = pass_listeners(supervisor), plan;

	if (error)
		return error;
	plan = seal_plan(supervisor);
	error = plan < 0 ? plan : broker_send(supervisor->channel, &message, &plan, 1);
	fd_close(&plan);
	if (error)
		return error;
	for (struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next)
		rule->passed = true;
	supervisor->passing = false;
	supervisor->awaited++;
	loop_timer(supervisor->server.loop, &supervisor->late, units_now() + TIME_FOR_PLAN);
	return 0;
}

/* Sends all that waits, and hears the worker again; or waits for room. */
static void pump(struct supervisor *supervisor)
{
	struct loop *loop = supervisor->server.loop;
	int error;

	if (!supervisor->worker || supervisor->channel < 0)
		return;
	error = broker_flush(&supervisor->queue, supervisor->channel);
	if (!error && supervisor->passing)
		error = pass_rules(supervisor);
	if (fd_is_shortage(-error) && supervisor->passing &&
	    supervisor->shortages < SHORTAGE_TRIES) {
		loop_unwatch(loop, &supervisor->channel_watch);
		error = 0;
		if (!loop_timer_is_set(&supervisor->again))
			loop_timer(loop, &supervisor->again, units_now() + SHORTAGE_PAUSE);
	} else if (error == -EAGAIN) {
		loop_unwatch(loop, &supervisor->requests_watch);
		loop_timer(loop, &supervisor->stuck, units_now() + PATIENCE);
		error = loop_watch(loop, &supervisor->channel_watch, supervisor->channel, EPOLLOUT);
	} else if (!error) {
		loop_timer_stop(loop, &supervisor->stuck);
		loop_unwatch(loop, &supervisor->channel_watch);
		error = loop_watch(loop, &supervisor->requests_watch, supervisor->requests,
				   EPOLLIN);
	}
	if (error && !is_gone(error))
		cannot_send(supervisor, error);
	else if (error)
		await_its_end(supervisor);
	if (error)
		loop_unwatch(loop, &supervisor->channel_watch);
}

void link_pass(struct supervisor *supervisor)
{
	supervisor->passing = true;
	supervisor->shortages = 0;
	pump(supervisor);
}

static void pump_again(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, again);

	(void)loop;
	supervisor->shortages++;
	pump(supervisor);
}

static void channel_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)loop;
	(void)events;
	pump(container_of(watch, struct supervisor, channel_watch));
}

static void late_expired(struct loop *loop, struct timer *timer)
{
	(void)loop;
	link_give_up(container_of(timer, struct supervisor, late),
		     "it did not confirm its rules in time");
}

static void stuck_expired(struct loop *loop, struct timer *timer)
{
	(void)loop;
	link_give_up(container_of(timer, struct supervisor, stuck), "it reads nothing");
}

/* Start and end */

void link_start(struct supervisor *supervisor, const int ends[2], const struct watch_kind *requests)
{
	static const struct watch_kind channel_kind = { .name = "channel", .ready = channel_ready };

	supervisor->channel = ends[0];
	supervisor->requests = ends[1];
	supervisor->channel_watch = (struct watch){ .kind = &channel_kind, .fd = -1 };
	supervisor->requests_watch = (struct watch){ .kind = requests, .fd = -1 };
	supervisor->stuck.expired = stuck_expired;
	supervisor->late.expired = late_expired;
	supervisor->again.expired = pump_again;
	supervisor->kill.expired = kill_expired;
	supervisor->worker_state = WORKER_STARTING;
	supervisor->input.size = 0;
	supervisor->awaited = 0;
	supervisor->pinged = supervisor->room_awaited = false;
}

void link_stop(struct supervisor *supervisor)
{
	if (!supervisor->channel_watch.kind)
		return;
	loop_unwatch(supervisor->server.loop, &supervisor->channel_watch);
	loop_unwatch(supervisor->server.loop, &supervisor->requests_watch);
	loop_timer_stop(supervisor->server.loop, &supervisor->stuck);
	loop_timer_stop(supervisor->server.loop, &supervisor->late);
	loop_timer_stop(supervisor->server.loop, &supervisor->again);
	loop_timer_stop(supervisor->server.loop, &supervisor->kill);
	broker_forget(&supervisor->queue);
	fd_close(&supervisor->channel);
	fd_close(&supervisor->requests);
	supervisor->channel_watch.kind = NULL;
	supervisor->passing = supervisor->pinged = false;
}
