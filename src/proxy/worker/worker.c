/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "proxy/broker/plan.h"

/* Sockets that came, for a port of the rules that come next. */
struct worker_listener {
	uint64_t rule;
	uint32_t port, flags;
	int fds[BROKER_DESCRIPTORS_MAX];
	size_t count;
};

/* What will be needed */

static int add_port(struct confine_plan *plan, const struct addr *addr)
{
	uint16_t *grown = reallocarray(plan->ports, plan->port_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[plan->port_count++] = (uint16_t)addr->port;
	plan->ports = grown;
	return 0;
}

static int add_directory(struct confine_plan *plan, const char *path)
{
	const char *slash = strrchr(path, '/');
	char **grown = reallocarray(plan->directories, plan->directory_count + 1, sizeof(*grown));
	char *directory = !slash ? strdup(".")
				 : strndup(path, slash == path ? 1 : (size_t)(slash - path));

	if (grown)
		plan->directories = grown;
	if (!grown || !directory) {
		free(directory);
		return -ENOMEM;
	}
	grown[plan->directory_count++] = directory;
	return 0;
}

static int add_target(struct confine_plan *plan, const struct addr *addr)
{
	if (*addr->options.netns) /* the supervisor connects */
		return 0;
	plan->bind = plan->bind || addr->options.given & ADDR_OPT_BIND;
	switch (addr->family) {
	case ADDR_VSOCK:
		plan->vsock = true;
		return 0;
	case ADDR_UDP:
		plan->datagrams = true;
		return 0;
	case ADDR_TCP:
		plan->ip = true;
		plan->any_port = plan->any_port || *addr->service;
		return add_port(plan, addr);
	case ADDR_UNIX:
		plan->local = true;
		plan->abstract = plan->abstract || addr->abstract;
		return addr->abstract ? 0 : add_directory(plan, addr->name);
	case ADDR_MUX:
		plan->local = true;
		return add_directory(plan, addr->name);
	default:
		return 0;
	}
}

int worker_plan(const struct rules *rules, struct confine_plan *plan)
{
	int error = 0;

	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count; i++)
			for (size_t j = 0; j < rule->target_count && !error; j++)
				error = add_target(plan, &rule->ports[i].targets[j].addr);
	return error;
}

void worker_plan_free(struct confine_plan *plan)
{
	for (size_t i = 0; i < plan->directory_count; i++)
		free(plan->directories[i]);
	free(plan->directories);
	free(plan->ports);
	plan->directories = NULL;
	plan->ports = NULL;
	plan->directory_count = plan->port_count = 0;
}

/* Asking the supervisor */

#define PUMP_PAUSE (NSEC_PER_SEC / 10)

/* Sends all that waits, or has it sent when there is room. */
static void pump(struct worker *worker)
{
	int error = broker_flush(&worker->queue, worker->requests);

	if (error != -EAGAIN)
		loop_unwatch(worker->server.loop, &worker->requests_watch);
	else if (loop_watch(worker->server.loop, &worker->requests_watch, worker->requests,
			    EPOLLOUT) < 0)
		loop_timer(worker->server.loop, &worker->pump, units_now() + PUMP_PAUSE);
}

static void requests_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)loop;
	(void)events;
	pump(container_of(watch, struct worker, requests_watch));
}

/* 0 or a negative errno. */
static int tell(struct worker *worker, const struct broker_message *message)
{
	int error = broker_post(&worker->queue, worker->requests, message, -1);

	if (!error && worker->queue.count)
		pump(worker);
	return error;
}

static void pump_again(struct loop *loop, struct timer *timer)
{
	(void)loop;
	pump(container_of(timer, struct worker, pump));
}

/* The target of a dial, by the numbers that the supervisor knows: of a removed rule it is that of
 * another rule, in force, which permits the same. */
static void name_target(const struct worker *worker, const struct dial *dial,
			struct broker_message *message)
{
	const struct rule_target *target = session_of(dial)->owner;

	target = router_same_target(&worker->router, target);
	message->rule = target->port->rule->id;
	message->target = router_index(target);
	if (target->port->rule->plan.asks)
		snprintf(message->host, sizeof(message->host), "%s", dial->addr->name);
}

static int ask_open(void *context, const struct dial *dial, const struct place *place,
		    uint64_t timeout)
{
	struct broker_message message = { .type = BROKER_OPEN,
					  .id = dial->question,
					  .timeout = timeout };

	name_target(context, dial, &message);
	/* of the others the supervisor knows where they are */
	if (place && addr_is_ip(dial->addr))
		message.place = *place;
	if (dial->addr->family == ADDR_EXEC)
		session_client(session_of(dial), &message.client);
	return tell(context, &message);
}

static int ask_look_up(void *context, const struct dial *dial)
{
	struct broker_message message = { .type = BROKER_LOOK_UP,
					  .id = dial->question,
					  .port = *dial->addr->service ? 0 : dial->addr->port,
					  .share = dial->share };

	name_target(context, dial, &message);
	return tell(context, &message);
}

static int ask_explain(void *context, const struct dial *dial)
{
	struct broker_message message = { .type = BROKER_EXPLAIN,
					  .id = dial->question,
					  .step = dial->failure.step,
					  .number = dial->failure.error,
					  .waited = dial->failure.waited };

	name_target(context, dial, &message);
	return tell(context, &message);
}

static void opened(struct worker *worker, const struct broker_message *message, int fd)
{
	const struct failure failure = { .step = (enum step)message->step,
					 .error = message->number,
					 .detail = *message->detail ? message->detail : NULL };

	dialer_given(worker->router.dialer, message->id, fd, &failure);
}

static void found(struct worker *worker, const struct broker_message *message)
{
	dialer_found(worker->router.dialer,
		     &(const struct resolver_answer){ .id = message->id,
						      .error = message->number,
						      .places = message->places });
}

/* Rules */

static int keep_listener(struct worker *worker, const struct broker_message *message,
			 const int *fds, size_t count)
{
	struct worker_listener *grown = reallocarray(worker->given, worker->given_count + 1,
						     sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	worker->given = grown;
	grown += worker->given_count++;
	*grown = (struct worker_listener){ .rule = message->rule,
					   .port = message->port,
					   .flags = message->flags,
					   .count = count };
	memcpy(grown->fds, fds, count * sizeof(*fds));
	return 0;
}

static int take_listener(struct listener *listener, uint32_t flags, const int *fds, size_t count)
{
	return listener_adopt(listener, fds, count, flags & BROKER_CONNECTED,
			      flags & BROKER_GUARDED);
}

/* Gives the rules their listeners, which came in the order of the rules. */
static int hand_out(struct worker *worker, struct rules *rules)
{
	struct rule *rule = rules->first;
	int error = 0;

	for (size_t i = 0; i < worker->given_count && !error; i++) {
		const struct worker_listener *given = &worker->given[i];

		while (rule && rule->id != given->rule)
			rule = rule->next;
		if (!rule || given->port >= rule->port_count)
			return -EPROTO;
		error = take_listener(&rule->ports[given->port].listener, given->flags, given->fds,
				      given->count);
	}
	free(worker->given);
	worker->given = NULL;
	worker->given_count = 0;
	return error;
}

/* The supervisor waits for it. 0 or the exit status. */
static int tell_done(struct worker *worker)
{
	int error = tell(worker, &(const struct broker_message){ .type = BROKER_DONE });

	/* if it is gone, the end of its channel says so */
	if (!error || error == -EPIPE)
		return 0;
	log_error("the worker cannot answer the supervisor: %s", strerror(-error));
	return STATUS_FAILURE;
}

static int put_in_force(struct worker *worker, struct rules *rules)
{
	struct router_change change;
	int error = hand_out(worker, rules);

	if (error) {
		log_error("the worker cannot take over its listeners: %s", strerror(-error));
		rules_free(rules);
		return STATUS_FAILURE;
	}
	if (worker->serving)
		return router_replace(&worker->router, rules, SIZE_MAX, &change);
	return router_start(&worker->router, &worker->server, rules);
}

static int read_plan(struct worker *worker, int fd)
{
	struct rules rules = { 0 };
	int error = plan_read(&rules, fd), status;

	if (error) {
		log_error("the worker cannot read the rules: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	status = put_in_force(worker, &rules);
	worker->serving = !status;
	server_pause(&worker->server, false);
	return status;
}

/* Messages */

/* No connection takes it until the rules have come, or it is clear that none come. New UDP flows
 * may take some, and are few in that time. */
static void tell_room(struct worker *worker)
{
	size_t room = server_make_room(&worker->server);

	server_pause(&worker->server, true);
	(void)tell(worker, &(const struct broker_message){
				   .type = BROKER_HAS_ROOM,
				   .number = room < INT32_MAX ? (int32_t)room : INT32_MAX });
}

/* Drains or ends. Listeners whose rules do not come any more are closed with the others: nobody
 * would accept. */
static void obey(struct worker *worker, int signal)
{
	server_signal(&worker->server, signal);
	while (worker->server.draining && worker->given_count) {
		struct worker_listener *given = &worker->given[--worker->given_count];

		while (given->count)
			close(given->fds[--given->count]);
	}
}

/* Another process has taken over: accepts nothing more, while open connections continue. */
static void retire(struct worker *worker)
{
	for (struct listener *listener = worker->server.listeners; listener;
	     listener = listener->next)
		listener->shared = true;
	for (size_t i = 0; i < worker->text_server_count; i++)
		if (worker->text_servers[i] && !worker->text_servers[i]->of_process)
			text_server_leave(worker->text_servers[i]);
	if (!worker->server.signalled)
		obey(worker, SIGTERM);
}

/* A message with one descriptor, or none, which is closed. */
static int handle(struct worker *worker, const struct broker_message *message, int fd)
{
	int status = 0;

	switch ((enum broker_type)message->type) {
	case BROKER_PLAN:
		status = read_plan(worker, fd);
		if (!status)
			status = tell_done(worker);
		break;
	case BROKER_OPENED:
		opened(worker, message, fd);
		return 0;
	case BROKER_FOUND:
		found(worker, message);
		break;
	case BROKER_EXPLAINED:
		dialer_explained(worker->router.dialer, message->id, &message->why);
		break;
	case BROKER_ROOM:
		tell_room(worker);
		break;
	case BROKER_FAILED:
		worker->router.failed_replacements++;
		server_recount(&worker->server);
		server_pause(&worker->server, false);
		break;
	case BROKER_SIGNAL:
		obey(worker, message->number);
		break;
	case BROKER_RETIRE:
		retire(worker);
		break;
	case BROKER_LEAVE:
		server_leave(&worker->server);
		break;
	case BROKER_PING:
		(void)tell(worker, &(const struct broker_message){ .type = BROKER_PONG,
								   .id = message->id });
		break;
	default:
		break;
	}
	fd_close(&fd);
	return status;
}

/* Handles one message: 1; 0: there is none; or a negative number: the exit status, or that the
 * supervisor is gone. */
static int handle_next(struct worker *worker, bool wait, int *status)
{
	int fds[BROKER_DESCRIPTORS_MAX];
	struct broker_message message;
	size_t count;
	int got = broker_receive(worker->channel, &message, fds, &count, wait), error;

	*status = 0;
	if (got <= 0)
		return got;
	if (message.type != BROKER_LISTENER) {
		*status = handle(worker, &message, count ? fds[0] : -1);
		return 1;
	}
	if (message.rule != BROKER_PAGE)
		error = keep_listener(worker, &message, fds, count);
	else
		error = message.port < worker->text_server_count &&
					worker->text_servers[message.port]
				? take_listener(&worker->text_servers[message.port]->listener,
						message.flags, fds, count)
				: -EPROTO;
	if (error) {
		log_error("the worker cannot take over a listener: %s", strerror(-error));
		*status = STATUS_FAILURE;
	}
	return 1;
}

static void channel_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct worker *worker = container_of(watch, struct worker, watch);
	int status = 0, got;

	(void)events;
	do
		got = handle_next(worker, false, &status);
	while (got > 0 && !status);
	if (got < 0 && got != -EPIPE) {
		log_error("the worker cannot read from the supervisor: %s", strerror(-got));
		status = STATUS_FAILURE;
	}
	if (status)
		_exit(status); /* we have other rules than the supervisor now: it starts another
				  worker */
	if (got == 0)
		return;
	loop_unwatch(loop, watch);
	log_error("the supervisor is gone: no more connections are accepted");
	if (!worker->server.signalled)
		obey(worker, SIGTERM);
}

/* The supervisor may be busy with a reload or a restart: then it is asked again later. */
static void idled(struct server *server)
{
	(void)tell(container_of(server, struct worker, server),
		   &(const struct broker_message){ .type = BROKER_IDLE });
}

static int prepare(struct worker *worker)
{
	static const struct watch_kind kind = { .name = "requests", .ready = requests_ready };
	int status = server_start(&worker->server), error;

	if (status)
		return status;
	worker->server.idled = idled;
	loop_busy_poll(worker->server.loop, &worker->looping);
	loop_budget(worker->server.loop)->limit = worker->max_memory;
	error = dialer_start(worker->server.loop, &worker->router.dialer);
	if (error) {
		log_error("the worker cannot start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	worker->requests_watch = (struct watch){ .kind = &kind, .fd = -1 };
	worker->pump.expired = pump_again;
	dialer_broker(worker->router.dialer, &(const struct dial_broker){ .open = ask_open,
									  .look_up = ask_look_up,
									  .explain = ask_explain,
									  .context = worker });
	return 0;
}

int worker_run(struct worker *worker)
{
	static const struct watch_kind kind = { .name = "supervisor", .ready = channel_ready };
	int status = prepare(worker), got = 1, error;

	while (!status && !worker->serving && got > 0)
		got = handle_next(worker, true, &status);
	if (got < 0 && got != -EPIPE)
		log_error("the worker cannot read from the supervisor: %s", strerror(-got));
	if (status || got <= 0)
		return status ? status : STATUS_FAILURE;
	for (size_t i = 0; i < worker->text_server_count; i++)
		if (worker->text_servers[i])
			text_server_serve(worker->text_servers[i], worker->server.loop);
	worker->watch = (struct watch){ .kind = &kind, .fd = -1 };
	error = loop_watch(worker->server.loop, &worker->watch, worker->channel, EPOLLIN);
	if (!error)
		return server_run(&worker->server);
	log_error("the worker cannot start: %s", strerror(-error));
	return STATUS_FAILURE;
}
