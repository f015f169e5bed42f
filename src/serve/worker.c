/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"

/* Sockets that came, for a port of the rules that come next. */
struct worker_listener {
	uint32_t rule, port, flags;
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

static int add_folder(struct confine_plan *plan, const char *path)
{
	const char *slash = strrchr(path, '/');
	char **grown = reallocarray(plan->folders, plan->folder_count + 1, sizeof(*grown));
	char *folder = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));

	if (grown)
		plan->folders = grown;
	if (!grown || !folder) {
		free(folder);
		return -ENOMEM;
	}
	grown[plan->folder_count++] = folder;
	return 0;
}

static int add_target(struct confine_plan *plan, const struct addr *addr)
{
	plan->bind = plan->bind || addr->options.given & ADDR_OPT_BIND;
	plan->any_port = plan->any_port || addr_is_open_ended(addr);
	switch (addr->family) {
	case ADDR_UDP:
		plan->datagrams = true;
		return 0;
	case ADDR_TCP:
		plan->any_port = plan->any_port || *addr->service;
		return add_port(plan, addr);
	case ADDR_UNIX:
		plan->abstract = plan->abstract || addr->abstract;
		return addr->abstract ? 0 : add_folder(plan, addr->name);
	case ADDR_MUX:
		return add_folder(plan, addr->name);
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
	for (size_t i = 0; i < plan->folder_count; i++)
		free(plan->folders[i]);
	free(plan->folders);
	free(plan->ports);
	plan->folders = NULL;
	plan->ports = NULL;
	plan->folder_count = plan->port_count = 0;
}

/* Asking the supervisor */

static int ask(void *context, const struct dial *dial, const struct place *place, uint64_t timeout)
{
	const struct worker *worker = context;
	struct broker_message message = { .type = BROKER_OPEN, .question = dial->question, .timeout = timeout };

	if (place)
		message.place = *place;
	if (dial->addr->family == ADDR_EXEC)
		session_client(dial, &message.client);
	addr_format(dial->addr, message.text, sizeof(message.text));
	return broker_send(worker->channel, &message, NULL, 0, false);
}

static void opened(struct worker *worker, const struct broker_message *message, int fd)
{
	const struct failure failure = { .step = (enum step)message->step, .error = message->number };

	dialer_given(worker->router.dialer, message->question, fd, &failure);
}

/* Rules */

static int keep_listener(struct worker *worker, const struct broker_message *message, const int *fds, size_t count)
{
	struct worker_listener *grown = reallocarray(worker->given, worker->given_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	worker->given = grown;
	grown += worker->given_count++;
	*grown = (struct worker_listener){ .rule = message->rule, .port = message->port, .flags = message->flags, .count = count };
	memcpy(grown->fds, fds, count * sizeof(*fds));
	return 0;
}

static int take_listener(struct listener *listener, uint32_t flags, const int *fds, size_t count)
{
	return listener_adopt(listener, fds, count, flags & BROKER_CONNECTED, flags & BROKER_GUARDED);
}

/* Gives the rules their listeners: both stand in the order of the rules. */
static int hand_out(struct worker *worker, struct rules *rules)
{
	struct rule *rule = rules->first;
	uint32_t number = 0;
	int error = 0;

	for (size_t i = 0; i < worker->given_count && !error; i++) {
		const struct worker_listener *given = &worker->given[i];

		for (; rule && number < given->rule; number++)
			rule = rule->next;
		if (!rule || number != given->rule || given->port >= rule->port_count)
			return -EPROTO;
		error = take_listener(&rule->ports[given->port].listener, given->flags, given->fds, given->count);
	}
	free(worker->given);
	worker->given = NULL;
	worker->given_count = 0;
	return error;
}

static int put_in_force(struct worker *worker, struct rules *rules)
{
	struct router_change change;
	int error = hand_out(worker, rules);

	if (error) {
		log_error("the worker can't take its listeners over: %s", strerror(-error));
		rules_free(rules);
		return STATUS_FAILURE;
	}
	if (worker->serving)
		return router_replace(&worker->router, rules, &change);
	return router_start(&worker->router, &worker->server, rules);
}

static int read_rules(struct worker *worker, int fd)
{
	struct rules rules = { 0 };
	struct bundle bundle;
	int error = bundle_open(&bundle, fd), status;

	if (error) {
		log_error("the worker can't read the rules: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	status = worker->read(worker, &bundle, &rules);
	bundle_free(&bundle);
	if (!status)
		status = put_in_force(worker, &rules);
	worker->serving = !status;
	return status;
}

/* Messages */

/* What another process has taken over is no longer accepted here; what is open goes on. */
static void retire(struct worker *worker)
{
	for (struct listener *listener = worker->server.listeners; listener; listener = listener->next)
		listener->shared = true;
	for (size_t i = 0; i < worker->page_count; i++)
		if (worker->pages[i] && !worker->pages[i]->of_process)
			page_leave(worker->pages[i]);
	if (!worker->server.signalled)
		server_signal(&worker->server, SIGTERM);
}

static void send_back(const struct worker *worker, enum broker_type type)
{
	(void)broker_send(worker->channel, &(const struct broker_message){ .type = type }, NULL, 0, true);
}

/* A message with one descriptor, or none, which is closed. */
static int handle(struct worker *worker, const struct broker_message *message, int fd)
{
	int status = 0;

	switch ((enum broker_type)message->type) {
	case BROKER_RULES:
		status = read_rules(worker, fd);
		if (!status)
			send_back(worker, BROKER_DONE);
		break;
	case BROKER_OPENED:
		opened(worker, message, fd);
		return 0;
	case BROKER_FAILED:
		worker->router.failed_replacements++;
		break;
	case BROKER_SIGNAL:
		server_signal(&worker->server, message->number);
		break;
	case BROKER_RETIRE:
		retire(worker);
		break;
	case BROKER_PING:
		send_back(worker, BROKER_PONG);
		break;
	default:
		break;
	}
	fd_close(&fd);
	return status;
}

/* Handles one message: 1; 0: there is none; or a negative number: the exit status, or that the supervisor is gone. */
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
		error = message.port < worker->page_count && worker->pages[message.port]
		        ? take_listener(&worker->pages[message.port]->listener, message.flags, fds, count) : -EPROTO;
	if (error) {
		log_error("the worker can't take a listener over: %s", strerror(-error));
		*status = STATUS_FAILURE;
	}
	return 1;
}

static void channel_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct worker *worker = (struct worker *)(void *)((char *)watch - offsetof(struct worker, watch));
	int status = 0, got;

	(void)events;
	do
		got = handle_next(worker, false, &status);
	while (got > 0 && !status);
	if (status)
		_exit(status); /* we have other rules than the supervisor now: it starts another worker */
	if (got == 0)
		return;
	loop_unwatch(loop, watch);
	log_error("the supervisor is gone: no more connections are accepted");
	if (!worker->server.signalled)
		server_signal(&worker->server, SIGTERM);
}

static int prepare(struct worker *worker, int questions)
{
	int status = server_start(&worker->server), error;

	if (status)
		return status;
	loop_budget(worker->server.loop)->limit = worker->max_memory;
	error = dialer_start(worker->server.loop, &worker->router.dialer);
	if (error) {
		log_error("the worker can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	dialer_broker(worker->router.dialer,
	              &(const struct dial_broker){ .ask = ask, .context = worker, .resolver = questions });
	return 0;
}

int worker_run(struct worker *worker, int questions)
{
	static const struct watch_kind kind = { .name = "supervisor", .ready = channel_ready };
	int status = prepare(worker, questions), got = 1, error;

	while (!status && !worker->serving && got > 0)
		got = handle_next(worker, true, &status);
	if (status || got <= 0)
		return status ? status : STATUS_FAILURE;
	for (size_t i = 0; i < worker->page_count; i++)
		if (worker->pages[i])
			page_serve(worker->pages[i], worker->server.loop);
	worker->watch = (struct watch){ .kind = &kind, .fd = -1 };
	error = loop_watch(worker->server.loop, &worker->watch, worker->channel, EPOLLIN);
	if (!error)
		return server_run(&worker->server);
	log_error("the worker can't start: %s", strerror(-error));
	return STATUS_FAILURE;
}
