/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the worker has done by its supervisor. Its word is not taken for anything: it names a target
 * by the id of its rule and its number there, and a place to connect to must be what the target's
 * name was found to mean. Where clients of an open-ended target want to be connected to only the
 * worker knows: there it is the rule's --allow-dest that must let a name be looked up, and a place
 * be connected to, which must be one that the name was found to mean, too.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "net/ip.h"
#include "proxy/supervisor/parts.h"

#define FOUND_MAX 1024
#define REFUSALS_TOLD_EVERY (10 * NSEC_PER_SEC)

/* A question that was passed on, under a number of our own: what the worker says of two questions
 * must not make one the answer of the other. */
struct supervisor_look_up {
	struct supervisor_look_up *next;
	uint32_t number, asked; /* ours, and the worker's */
	uint64_t rule; /* whose target's name it is; 0: a client's destination */
	uint32_t target;
	char host[256]; /* of a client */
};

static const struct rule_target *target_of(const struct supervisor *supervisor,
					   const struct broker_message *request)
{
	return router_target(&supervisor->router, request->rule, request->target);
}

/* Where a client of an open-ended target wants to go. */
static void destination(const struct broker_message *request, uint32_t port, struct addr *addr)
{
	*addr = (struct addr){ .family = ADDR_TCP, .port = port, .port_last = port };
	addr->has_port = true;
	strcpy(addr->name, request->host);
}

/* Names */

static void answer(struct supervisor *supervisor, uint32_t id, int error,
		   const struct places *places)
{
	struct broker_message message = { .type = BROKER_FOUND, .id = id, .number = error };

	if (!error && places)
		message.places = *places;
	link_tell(supervisor, &message);
}

void request_refuse_look_up(struct supervisor *supervisor, const struct broker_message *request,
			    int error)
{
	answer(supervisor, request->id, error == EPERM ? EAI_NONAME : resolver_code(-error), NULL);
}

/* Passes a question on: 0 or a negative errno. */
static int ask(struct supervisor *supervisor, const struct broker_message *request,
	       const struct addr *addr, bool is_target)
{
	struct supervisor_look_up *look_up = calloc(1, sizeof(*look_up));
	int error;

	if (!look_up)
		return -ENOMEM;
	*look_up = (struct supervisor_look_up){ .next = supervisor->look_ups,
						.number = ++supervisor->look_up_last,
						.asked = request->id,
						.rule = is_target ? request->rule : 0,
						.target = request->target };
	if (!is_target)
		snprintf(look_up->host, sizeof(look_up->host), "%s", request->host);
	error = resolver_ask_for(supervisor->resolver, request->share, look_up->number, addr,
				 ADDR_CONNECT);
	if (!error)
		error = loop_watch(supervisor->server.loop, &supervisor->answers_watch,
				   resolver_fd(supervisor->resolver), EPOLLIN);
	if (error) {
		free(look_up);
		return error;
	}
	supervisor->look_ups = look_up;
	supervisor->look_up_count++;
	return 0;
}

void request_look_up(struct supervisor *supervisor, const struct broker_message *request)
{
	const struct rule_target *target = target_of(supervisor, request);
	bool open_ended = target && addr_is_open_ended(&target->addr);
	char why[DEST_WHY_MAX];
	struct addr addr;
	int error = -EPERM;
	bool may;

	if (open_ended) {
		destination(request, request->port, &addr);
		may = dest_may(&target->port->rule->dests, addr.name, (uint16_t)addr.port, why);
	} else {
		may = target && addr_is_ip(&target->addr);
	}
	if (may)
		error = ask(supervisor, request, open_ended ? &addr : &target->addr, !open_ended);
	if (error)
		request_refuse_look_up(supervisor, request, -error);
}

/* Where a host is; false: not on IP. */
static bool find_ip(const struct place *place, struct supervisor_found *found)
{
	const struct sockaddr_in6 *in6 = (const void *)&place->sa;

	found->scope = in6->sin6_family == AF_INET6 ? in6->sin6_scope_id : 0;
	return ip_from_sockaddr((const struct sockaddr *)&place->sa, &found->ip);
}

static bool is_found(const struct supervisor_found *found, const char *host,
		     const struct supervisor_found *at)
{
	return memcmp(&found->ip, &at->ip, sizeof(at->ip)) == 0 && found->scope == at->scope &&
	       strcasecmp(found->host, host) == 0;
}

/* Where this name and address are remembered, or in place of the oldest. */
static struct supervisor_found *slot_of(struct supervisor *supervisor, const char *host,
					const struct supervisor_found *at)
{
	struct supervisor_found *oldest = supervisor->found;

	for (size_t i = 0; i < FOUND_MAX; i++) {
		struct supervisor_found *found = &supervisor->found[i];

		if (is_found(found, host, at))
			return found;
		if (found->number < oldest->number)
			oldest = found;
	}
	return oldest;
}

/* The same for a name that a client asked for. */
static bool remember_host(struct supervisor *supervisor, const char *host,
			  const struct places *places)
{
	struct supervisor_found at;

	if (!supervisor->found)
		supervisor->found = calloc(FOUND_MAX, sizeof(*supervisor->found));
	for (size_t i = 0; i < places->count && supervisor->found; i++) {
		struct supervisor_found *found;

		if (!find_ip(&places->place[i], &at))
			continue;
		found = slot_of(supervisor, host, &at);
		strcpy(found->host, host);
		found->ip = at.ip;
		found->scope = at.scope;
		found->number = ++supervisor->found_last;
	}
	return supervisor->found;
}

/* The worker may be connected to where the name of a target is now. False: out of memory. */
static bool remember(struct supervisor *supervisor, const struct supervisor_look_up *look_up,
		     const struct places *places)
{
	struct rule_target *target = router_target(&supervisor->router, look_up->rule,
						   look_up->target);

	if (!look_up->rule)
		return remember_host(supervisor, look_up->host, places);
	if (target && !target->found)
		target->found = malloc(sizeof(*places));
	if (target && target->found)
		*target->found = *places;
	return !target || target->found;
}

/* The question of this number is answered: takes it out of the list. */
static void answered(struct supervisor *supervisor, const struct resolver_answer *got)
{
	struct supervisor_look_up **link = &supervisor->look_ups, *look_up;
	int error = got->error;

	while (*link && (*link)->number != got->id)
		link = &(*link)->next;
	look_up = *link;
	if (!look_up)
		return;
	*link = look_up->next;
	supervisor->look_up_count--;
	if (!error && !remember(supervisor, look_up, &got->places))
		error = EAI_MEMORY;
	answer(supervisor, look_up->asked, error, &got->places);
	free(look_up);
}

static void answers_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, answers_watch);
	struct resolver_answer got;
	int more;

	(void)events;
	while ((more = resolver_answer(supervisor->resolver, &got)) > 0)
		answered(supervisor, &got);
	if (more == 0)
		return;
	loop_unwatch(loop, watch); /* the next question starts another helper */
	while (supervisor->look_ups)
		answered(supervisor,
			 &(const struct resolver_answer){ .id = supervisor->look_ups->number,
							  .error = EAI_AGAIN });
}

static void become(void *context)
{
	const struct user *user = context;

	if (user_become(user) < 0)
		_exit(1);
}

int request_start(struct supervisor *supervisor)
{
	static const struct watch_kind answers_kind = { .name = "answers", .ready = answers_ready };
	int error = resolver_start(&supervisor->resolver);

	if (error)
		return error;
	if (supervisor->look_up_user && supervisor->look_up_user->name)
		resolver_prepare(supervisor->resolver, become, (void *)supervisor->look_up_user);
	supervisor->answers_watch = (struct watch){ .kind = &answers_kind, .fd = -1 };
	return 0;
}

void request_stop(struct supervisor *supervisor)
{
	if (!supervisor->resolver)
		return;
	loop_unwatch(supervisor->server.loop, &supervisor->answers_watch);
	resolver_stop(supervisor->resolver);
	supervisor->resolver = NULL;
	while (supervisor->look_ups) {
		struct supervisor_look_up *look_up = supervisor->look_ups;

		supervisor->look_ups = look_up->next;
		free(look_up);
	}
	supervisor->look_up_count = 0;
	free(supervisor->found);
	supervisor->found = NULL;
}

/* Opening */

static bool same_place(const struct place *place, const struct place *asked)
{
	const struct sockaddr_in *in = (const void *)&place->sa,
				 *asked_in = (const void *)&asked->sa;
	const struct sockaddr_in6 *in6 = (const void *)&place->sa,
				  *asked_in6 = (const void *)&asked->sa;

	if (place->length != asked->length || place->sa.ss_family != asked->sa.ss_family)
		return false;
	if (place->sa.ss_family == AF_INET)
		return in->sin_port == asked_in->sin_port &&
		       in->sin_addr.s_addr == asked_in->sin_addr.s_addr;
	return place->sa.ss_family == AF_INET6 && in6->sin6_port == asked_in6->sin6_port &&
	       memcmp(&in6->sin6_addr, &asked_in6->sin6_addr, sizeof(in6->sin6_addr)) == 0 &&
	       in6->sin6_scope_id == asked_in6->sin6_scope_id;
}

static bool has_place(const struct places *places, const struct place *place)
{
	for (size_t i = 0; i < places->count; i++)
		if (same_place(&places->place[i], place))
			return true;
	return false;
}

/* Is this place one of those that the target's host has? */
static bool belongs(const struct rule_target *target, const struct place *place)
{
	struct failure failure;
	struct places places;

	if (resolve_now(&target->addr, ADDR_CONNECT, &places, &failure) == 0)
		return has_place(&places, place);
	return target->found && has_place(target->found, place);
}

static int connect_to(const struct rule_target *target, const struct broker_message *request,
		      struct failure *failure)
{
	const struct addr *addr = &target->addr;
	const struct socket_defaults defaults = { .connect_timeout = request->timeout };
	struct place place = request->place;
	int keep_fd = -1, fd = 0;
	bool pending;

	*failure = (struct failure){ .step = STEP_CONNECT, .error = EPERM };
	if (addr_is_ip(addr) && !belongs(target, &place))
		return -EPERM;
	if (!addr_is_ip(addr))
		fd = socket_place(addr, ADDR_CONNECT, &place, &keep_fd, failure);
	if (fd == 0)
		fd = socket_connect(addr, &place, &defaults, &pending, failure);
	fd_close(&keep_fd);
	return fd;
}

static int open_target(const struct rule_target *target, const struct broker_message *request,
		       struct failure *failure)
{
	int fd;

	if (target->addr.family != ADDR_FD)
		return connect_to(target, request, failure);
	fd = activation_connected(&target->addr);
	if (fd < 0)
		*failure = (struct failure){ .step = STEP_CONNECT, .error = -fd };
	return fd;
}

/* Is this place one of those that the host which a client named has? */
static bool belongs_to_host(const struct supervisor *supervisor,
			    const struct broker_message *request)
{
	struct failure failure;
	struct places places;
	struct supervisor_found at;
	struct addr addr;
	uint16_t port;

	if (!find_ip(&request->place, &at))
		return false;
	port = ntohs(((const struct sockaddr_in *)(const void *)&request->place.sa)->sin_port);
	destination(request, port, &addr);
	if (resolve_now(&addr, ADDR_CONNECT, &places, &failure) == 0)
		return has_place(&places, &request->place);
	for (size_t i = 0; i < FOUND_MAX && supervisor->found; i++)
		if (is_found(&supervisor->found[i], request->host, &at))
			return true;
	return false;
}

/* For a client of an open-ended target. failure->detail is why it is not permitted, in why. */
static int connect_for_client(const struct supervisor *supervisor, const struct rule_target *target,
			      const struct broker_message *request, struct failure *failure,
			      char why[DEST_WHY_MAX])
{
	const struct socket_defaults defaults = { .connect_timeout = request->timeout };
	const struct sockaddr *sa = (const struct sockaddr *)&request->place.sa;
	struct addr addr;
	bool pending;

	if (!request->place.length || !belongs_to_host(supervisor, request))
		return -EPERM;
	if (!dest_permits(&target->port->rule->dests, request->host, sa, why)) {
		*failure = (struct failure){ .step = STEP_PERMIT, .error = EACCES, .detail = why };
		return -EACCES;
	}
	destination(request, 0, &addr);
	return socket_connect(&addr, &request->place, &defaults, &pending, failure);
}

static void tell_opened(struct supervisor *supervisor, const struct broker_message *request, int fd,
			const struct failure *failure)
{
	struct broker_message message = { .type = BROKER_OPENED, .id = request->id };

	if (fd < 0) {
		message.step = failure->step;
		message.number = failure->error;
		if (failure->detail)
			snprintf(message.detail, sizeof(message.detail), "%s", failure->detail);
	}
	link_send(supervisor, &message, fd < 0 ? -1 : fd);
}

void request_refuse_open(struct supervisor *supervisor, const struct broker_message *request,
			 int error)
{
	tell_opened(supervisor, request, -1,
		    &(const struct failure){ .step = STEP_CONNECT, .error = error });
}

/* Reports continuing refusals from time to time: a worker could send such requests without end. */
static void tell_refusals(struct supervisor *supervisor)
{
	uint64_t now = units_now();

	supervisor->refusals++;
	if (supervisor->refusal_said && now - supervisor->refusal_said < REFUSALS_TOLD_EVERY)
		return;
	supervisor->refusal_said = now;
	log_warning("refused a request of the worker that no rule permits (refused so far: %llu)",
		    (unsigned long long)supervisor->refusals);
}

void request_open(struct supervisor *supervisor, const struct broker_message *request)
{
	const struct rule_target *target = target_of(supervisor, request);
	struct failure failure = { .step = STEP_CONNECT, .error = EPERM };
	char why[DEST_WHY_MAX];
	int fd = -EPERM;

	if (target && target->addr.family == ADDR_EXEC) {
		command_open(supervisor, target, request);
		return;
	}
	if (target)
		fd = addr_is_open_ended(&target->addr)
			     ? connect_for_client(supervisor, target, request, &failure, why)
			     : open_target(target, request, &failure);
	else
		tell_refusals(supervisor);
	tell_opened(supervisor, request, fd, &failure);
}
