/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/supervisor/names.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "net/explain.h"

static void become(void *context)
{
	if (user_become(context) < 0)
		_exit(1);
}

static bool needs_asking(const struct addr *addr)
{
	struct failure failure;
	struct places places;

	return addr_is_ip(addr) &&
	       resolve_now(addr, ADDR_LISTEN, &places, &failure) == -EINPROGRESS;
}

/* 0 or -ENOMEM. */
static int collect(struct names *names, const struct rules *rules)
{
	for (struct rule *rule = rules->first; rule; rule = rule->next) {
		for (size_t i = 0; i < rule->port_count; i++) {
			struct rule_port **grown;

			if (!needs_asking(&rule->ports[i].listen))
				continue;
			grown = reallocarray(names->ports, names->count + 1, sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			names->ports = grown;
			grown[names->count++] = &rule->ports[i];
		}
	}
	return 0;
}

static void fail(struct names *names, const struct addr *addr, int error)
{
	const struct failure failure = { .step = STEP_RESOLVE, .error = error };
	int status = explain_say(addr, &failure);

	if (!names->status)
		names->status = status;
}

/* Asks for as many as the helper's socket takes; the rest when it has answered some. */
static void ask(struct names *names)
{
	int error = 0;

	while (names->asked < names->count) {
		const struct addr *addr = &names->ports[names->asked]->listen;

		error = resolver_ask_for(names->resolver, (uint32_t)names->asked,
					 (uint32_t)names->asked, addr, ADDR_LISTEN);
		if (error == -EAGAIN && names->asked > names->answered)
			return;
		if (error) {
			fail(names, addr, resolver_code(error));
			names->answered++;
		}
		names->asked++;
	}
}

static void take_answer(struct names *names, const struct resolver_answer *answer)
{
	struct rule_port *port = answer->id < names->asked ? names->ports[answer->id] : NULL;

	if (!port)
		return; /* a second answer: see net/resolve.h */
	names->ports[answer->id] = NULL;
	names->answered++;
	port->places = answer->error ? NULL : malloc(sizeof(*port->places));
	if (port->places)
		*port->places = answer->places;
	else
		fail(names, &port->listen, answer->error ? answer->error : EAI_MEMORY);
}

/* Takes what answers there are. True: no more will come. */
static bool take_answers(struct names *names)
{
	struct resolver_answer answer;
	int got;

	while ((got = resolver_answer(names->resolver, &answer)) > 0)
		take_answer(names, &answer);
	if (got < 0) {
		size_t first = 0;

		while (first < names->count && !names->ports[first])
			first++;
		if (first < names->count)
			fail(names, &names->ports[first]->listen, EAI_AGAIN);
		return true;
	}
	ask(names);
	return names->answered >= names->count;
}

static int begin(struct names *names, const struct rules *rules, const struct user *user)
{
	int error = collect(names, rules);

	if (error || !names->count)
		return error;
	error = resolver_start(&names->resolver);
	if (error)
		return error;
	if (user && user->name)
		resolver_prepare(names->resolver, become, (void *)user);
	ask(names);
	return 0;
}

void names_stop(struct names *names)
{
	if (names->loop && names->watch.kind)
		loop_unwatch(names->loop, &names->watch);
	resolver_stop(names->resolver);
	free(names->ports);
	*names = (struct names){ 0 };
}

int names_wait(const struct rules *rules, const struct user *user)
{
	struct names names = { 0 };
	int error = begin(&names, rules, user), status;

	while (!error && names.answered < names.count) {
		struct pollfd polled = { .fd = resolver_fd(names.resolver), .events = POLLIN };

		if (poll(&polled, 1, -1) < 0 && errno != EINTR)
			error = -errno;
		else if (take_answers(&names))
			break;
	}
	status = error ? STATUS_FAILURE : names.status;
	if (error)
		log_error("cannot look up names: %s", strerror(-error));
	names_stop(&names);
	return status;
}

static void finish(struct names *names)
{
	void (*done)(struct names *) = names->done;

	if (names->watch.kind)
		loop_unwatch(names->loop, &names->watch);
	done(names);
}

static void answers_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct names *names = container_of(watch, struct names, watch);

	(void)loop;
	(void)events;
	if (take_answers(names))
		finish(names);
}

void names_start(struct names *names, struct loop *loop, const struct rules *rules,
		 const struct user *user, void (*done)(struct names *names))
{
	static const struct watch_kind kind = { .name = "names", .ready = answers_ready };
	int error;

	*names = (struct names){ .loop = loop, .done = done };
	error = begin(names, rules, user);
	if (!error && names->answered < names->count) {
		names->watch = (struct watch){ .kind = &kind, .fd = -1 };
		error = loop_watch(loop, &names->watch, resolver_fd(names->resolver), EPOLLIN);
		if (!error)
			return;
	}
	if (error) {
		log_error("cannot look up names: %s", strerror(-error));
		names->status = STATUS_FAILURE;
	}
	finish(names);
}
