/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the worker has done by its supervisor. Its word is not taken for anything: what it wants opened must be a target of
 * the rules in force, which the supervisor has read itself, and a place to connect to must be what the target's name was
 * found to mean. Where clients of an open-ended rule want to be connected to only the worker knows: there it is
 * --allow-dest that must let a name be looked up, and a place be connected to.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "net/activation.h"
#include "serve/spawn.h"
#include "serve/supervisor-parts.h"

struct supervisor_known {
	struct supervisor_known *next;
	struct resolver_question question;
	struct places places;
};

/* Rules */

/* The first target whose name is asked for, or NULL. */
static const struct rule_target *find_name(const struct supervisor *supervisor, const struct resolver_question *question)
{
	for (const struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next) {
		for (size_t i = 0; i < rule->port_count * rule->target_count; i++) {
			const struct rule_target *target = &rule->ports[i / rule->target_count].targets[i % rule->target_count];

			if (addr_is_ip(&target->addr) && resolver_is_for(question, &target->addr))
				return target;
		}
	}
	return NULL;
}

/* A target by its text. */
static const struct rule_target *find_text(const struct supervisor *supervisor, const char *wanted)
{
	char text[ADDR_TEXT_MAX];

	for (const struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next) {
		for (size_t i = 0; i < rule->port_count * rule->target_count; i++) {
			const struct rule_target *target = &rule->ports[i / rule->target_count].targets[i % rule->target_count];

			/* the text without options is at hand: the rest is written only where that agrees */
			if (strncmp(wanted, target->text, strlen(target->text)) == 0 &&
			    strcmp(wanted, addr_format(&target->addr, text, sizeof(text))) == 0)
				return target;
		}
	}
	return NULL;
}

/* Does an open-ended rule let anybody go to this host, or with a place just there? */
static bool is_destination(const struct supervisor *supervisor, const char *host, uint16_t port, const struct place *place)
{
	char why[DEST_WHY_MAX];

	for (const struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next) {
		const struct dest_list *dests = &rule->dests;

		if (!dests->count)
			continue;
		if (place ? dest_permits(dests, host, (const struct sockaddr *)&place->sa, why) : dest_may(dests, host, port, why))
			return true;
	}
	return false;
}

/* Names */

static void answer_none(const struct supervisor *supervisor, uint32_t id, int error)
{
	resolver_reply(supervisor->questions, &(const struct resolver_answer){ .id = id, .error = error });
}

/* Makes a place where the answer to this question will be kept. Without memory the worker is not connected there, that is all. */
static void expect(struct supervisor *supervisor, const struct resolver_question *question)
{
	struct supervisor_known *known = supervisor->known;

	while (known && !resolver_same(&known->question, question))
		known = known->next;
	if (known) {
		known->question.id = question->id; /* the last one asked counts */
		return;
	}
	known = calloc(1, sizeof(*known));
	if (!known)
		return;
	known->question = *question;
	known->next = supervisor->known;
	supervisor->known = known;
}

static void look_up(struct supervisor *supervisor, const struct resolver_question *question)
{
	const struct rule_target *target = find_name(supervisor, question);
	struct addr *asked = NULL;
	int error;

	if (target)
		expect(supervisor, question);
	else
		asked = resolver_addr(question);
	if (!target && (!asked || !is_destination(supervisor, asked->name, (uint16_t)asked->port, NULL))) {
		free(asked);
		answer_none(supervisor, question->id, EAI_NONAME);
		return;
	}
	error = resolver_ask(supervisor->resolver, question->id, target ? &target->addr : asked, ADDR_CONNECT);
	free(asked);
	if (!error)
		error = loop_watch(supervisor->server.loop, &supervisor->answers_watch, resolver_fd(supervisor->resolver), EPOLLIN);
	if (error)
		answer_none(supervisor, question->id, EAI_AGAIN);
}

static void questions_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)watch - offsetof(struct supervisor, questions_watch));
	struct resolver_question question;
	int got;

	(void)events;
	while ((got = resolver_read(supervisor->questions, &question)) > 0)
		look_up(supervisor, &question);
	if (got < 0)
		loop_unwatch(loop, watch); /* the worker is gone */
}

static void answers_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = (struct supervisor *)(void *)((char *)watch - offsetof(struct supervisor, answers_watch));
	struct resolver_answer answer;
	int got;

	(void)events;
	while ((got = resolver_answer(supervisor->resolver, &answer)) > 0) {
		for (struct supervisor_known *known = supervisor->known; known; known = known->next)
			if (known->question.id == answer.id && !answer.error)
				known->places = answer.places;
		if (supervisor->questions >= 0)
			resolver_reply(supervisor->questions, &answer);
	}
	if (got < 0)
		loop_unwatch(loop, watch); /* the next question starts another helper */
}

void errand_forget(struct supervisor *supervisor)
{
	while (supervisor->known) {
		struct supervisor_known *known = supervisor->known;

		supervisor->known = known->next;
		free(known);
	}
}

static void become(void *context)
{
	const struct user *user = context;

	if (user_become(user) < 0)
		_exit(1);
}

int errand_start(struct supervisor *supervisor)
{
	static const struct watch_kind questions_kind = { .name = "questions", .ready = questions_ready };
	static const struct watch_kind answers_kind = { .name = "answers", .ready = answers_ready };
	int error = resolver_start(&supervisor->resolver);

	if (error)
		return error;
	if (supervisor->user && supervisor->user->name)
		resolver_prepare(supervisor->resolver, become, (void *)supervisor->user);
	supervisor->questions_watch = (struct watch){ .kind = &questions_kind, .fd = -1 };
	supervisor->answers_watch = (struct watch){ .kind = &answers_kind, .fd = -1 };
	return loop_watch(supervisor->server.loop, &supervisor->questions_watch, supervisor->questions, EPOLLIN);
}

void errand_stop(struct supervisor *supervisor)
{
	if (!supervisor->resolver)
		return;
	loop_unwatch(supervisor->server.loop, &supervisor->questions_watch);
	loop_unwatch(supervisor->server.loop, &supervisor->answers_watch);
	resolver_stop(supervisor->resolver);
	supervisor->resolver = NULL;
	errand_forget(supervisor);
}

/* Opening */

static bool same_place(const struct place *place, const struct place *asked)
{
	const struct sockaddr_in *in = (const void *)&place->sa, *asked_in = (const void *)&asked->sa;
	const struct sockaddr_in6 *in6 = (const void *)&place->sa, *asked_in6 = (const void *)&asked->sa;

	if (place->length != asked->length || place->sa.ss_family != asked->sa.ss_family)
		return false;
	if (place->sa.ss_family == AF_INET)
		return in->sin_port == asked_in->sin_port && in->sin_addr.s_addr == asked_in->sin_addr.s_addr;
	return place->sa.ss_family == AF_INET6 && in6->sin6_port == asked_in6->sin6_port &&
	       memcmp(&in6->sin6_addr, &asked_in6->sin6_addr, sizeof(in6->sin6_addr)) == 0 && in6->sin6_scope_id == asked_in6->sin6_scope_id;
}

static bool has_place(const struct places *places, const struct place *place)
{
	for (size_t i = 0; i < places->count; i++)
		if (same_place(&places->place[i], place))
			return true;
	return false;
}

/* Is this place one of those that the target's host has? */
static bool belongs(const struct supervisor *supervisor, const struct addr *addr, const struct place *place)
{
	struct failure failure;
	struct places places;

	if (resolve_now(addr, ADDR_CONNECT, &places, &failure) == 0)
		return has_place(&places, place);
	for (const struct supervisor_known *known = supervisor->known; known; known = known->next)
		if (resolver_is_for(&known->question, addr))
			return has_place(&known->places, place);
	return false;
}

static int connect_to(const struct supervisor *supervisor, const struct addr *addr, const struct broker_message *request,
                      struct failure *failure)
{
	const struct socket_defaults defaults = { .connect_timeout = request->timeout };
	struct place place = request->place;
	int keep_fd = -1, fd = 0;
	bool pending;

	*failure = (struct failure){ .step = STEP_CONNECT, .error = EPERM };
	if (addr_is_ip(addr) && !belongs(supervisor, addr, &place))
		return -EPERM;
	if (!addr_is_ip(addr))
		fd = socket_place(addr, ADDR_CONNECT, &place, &keep_fd, failure);
	if (fd == 0)
		fd = socket_connect(addr, &place, &defaults, &pending, failure);
	fd_close(&keep_fd);
	return fd;
}

/* An inherited descriptor, the only one of its name. */
static int find_inherited(const struct addr *addr)
{
	int fds[2], found = activation_find(addr, fds, 2);

	if (found != 2)
		return found < 0 ? found : fds[0];
	close(fds[0]);
	close(fds[1]);
	return -ENOTUNIQ;
}

static int run_command(const struct supervisor *supervisor, const struct addr *addr, const struct broker_message *request)
{
	struct spawn_client client = request->client;

	/* whatever bytes came: flags are flags, and paths end */
	client.told.local = *(const unsigned char *)&request->client.told.local != 0;
	client.real.to.path[PROXY_PATH_MAX] = '\0';
	client.told.from.path[PROXY_PATH_MAX] = client.told.to.path[PROXY_PATH_MAX] = '\0';
	return spawn_connected_for(supervisor->server.loop, addr->name, &client, supervisor->user);
}

static int open_target(const struct supervisor *supervisor, const struct addr *addr, const struct broker_message *request,
                       struct failure *failure)
{
	int fd;

	switch (addr->family) {
	case ADDR_EXEC:
		fd = run_command(supervisor, addr, request);
		break;
	case ADDR_FD:
		fd = find_inherited(addr);
		break;
	default:
		return connect_to(supervisor, addr, request, failure);
	}
	if (fd < 0)
		*failure = (struct failure){ .step = STEP_CONNECT, .error = -fd };
	return fd;
}

/* For a client of an open-ended rule. */
static int connect_for_client(const struct supervisor *supervisor, const struct broker_message *request, struct failure *failure)
{
	const struct socket_defaults defaults = { .connect_timeout = request->timeout };
	struct addr_context context = { .role = ADDR_CONNECT };
	struct addr_error error;
	struct addr addr;
	bool pending;

	if (addr_parse(request->text, &context, &addr, &error) < 0 || addr.family != ADDR_TCP || addr.options.given)
		return -EPERM;
	if (!is_destination(supervisor, addr.name, (uint16_t)addr.port, &request->place))
		return -EPERM;
	return socket_connect(&addr, &request->place, &defaults, &pending, failure);
}

int errand_open(struct supervisor *supervisor, const struct broker_message *request)
{
	const struct rule_target *target = find_text(supervisor, request->text);
	struct broker_message answer = { .type = BROKER_OPENED, .question = request->question };
	struct failure failure = { .step = STEP_CONNECT, .error = EPERM };
	int fd, error;

	fd = target ? open_target(supervisor, &target->addr, request, &failure) : connect_for_client(supervisor, request, &failure);
	if (fd == -EPERM && !target)
		log_warning("the worker asked for what no rule names: refused");
	if (fd < 0) {
		answer.step = failure.step;
		answer.number = failure.error;
	}
	error = broker_send(supervisor->channel, &answer, &fd, fd >= 0, true);
	fd_close(&fd);
	return error;
}
