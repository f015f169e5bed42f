/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/router/router.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/socket-file.h"
#include "serve/spawn.h"

#define DEAD_TIME (5 * NSEC_PER_SEC) /* how long a target that failed is not tried first */

const uint64_t rule_bucket_limits[RULE_BUCKETS] = {
	100 * NSEC_PER_USEC, NSEC_PER_MSEC, 10 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC,
	500 * NSEC_PER_MSEC, NSEC_PER_SEC,  5 * NSEC_PER_SEC,	10 * NSEC_PER_SEC,
};

static struct rule *rule_of(const struct session *session)
{
	return container_of(session->admission, struct rule, admission);
}

/* Targets */

static bool was_tried(uint64_t tried, size_t i)
{
	return tried >> i & 1;
}

/* Is a better than b, both not tried yet? Who lives; then, of the dead, whose time is up first. */
static bool better(const struct rule_port *port, size_t a, size_t b, uint64_t now)
{
	const struct rule_target *left = &port->targets[a], *right = &port->targets[b];
	bool left_dead = left->dead_until > now, right_dead = right->dead_until > now;

	if (left_dead != right_dead)
		return right_dead;
	if (left_dead)
		return left->dead_until < right->dead_until;
	return port->rule->settings.routing.balance == BALANCE_LEAST && left->open < right->open;
}

/* The target that comes next: NULL when all were tried. */
static struct rule_target *choose(struct rule_port *port, uint64_t tried)
{
	size_t count = port->rule->target_count, first = 0, best = count;
	uint64_t now = units_now();

	if (port->rule->settings.routing.balance != BALANCE_FIRST)
		first = port->turn;
	for (size_t step = 0; step < count; step++) {
		size_t i = (first + step) % count;

		if (!was_tried(tried, i) && (best == count || better(port, i, best, now)))
			best = i;
	}
	if (best == count)
		return NULL;
	port->turn = (best + 1) % count;
	return &port->targets[best];
}

static size_t index_of(const struct rule_target *target)
{
	return (size_t)(target - target->port->targets);
}

static bool is_last(const struct rule_port *port, uint64_t tried)
{
	for (size_t i = 0; i < port->rule->target_count; i++)
		if (!was_tried(tried, i))
			return false;
	return true;
}

/* From now on the session counts for this target. */
static void give_to(struct session *session, struct rule_target *target)
{
	target->open++;
	session->owner = target;
	session->to = target->text;
	session->tried |= UINT64_C(1) << index_of(target);
}

static void dial_to(struct session *session, const struct addr *addr)
{
	struct rule_port *port = ((struct rule_target *)session->owner)->port;
	struct rule *rule = port->rule;

	session_dial(session, rule->router->dialer, addr,
		     is_last(port, session->tried) ? &rule->settings.dialling : &rule->once,
		     &rule->settings.relaying);
}

static void connect_to(struct session *session, struct rule_target *target)
{
	give_to(session, target);
	dial_to(session, &target->addr);
}

static void note_trouble(struct router *router, const struct session *session, const char *what)
{
	struct router_error *error = &router->recent_errors[router->next_error];

	router->next_error = (router->next_error + 1) % ROUTER_RECENT_ERRORS;
	error->at = units_now();
	error->conn = session->number;
	snprintf(error->label, sizeof(error->label), "%s", rule_of(session)->label);
	snprintf(error->what, sizeof(error->what), "%s: %s", session->to, what);
}

/* A dial failed: the target is left in peace for a while, and the next one tried. */
static bool elsewhere(struct session *session, const struct explanation *why)
{
	struct rule_target *target = session->owner, *next = choose(target->port, session->tried);

	note_trouble(rule_of(session)->router, session, why->what);
	target->dead_until = units_now() + DEAD_TIME;
	if (!next)
		return false;
	log_info(1, "#%llu %s: %s; trying %s", (unsigned long long)session->number, target->text,
		 why->what, next->text);
	target->open--;
	connect_to(session, next);
	return true;
}

/* Connections */

/* The exchange is complete: the client named a destination, or sent only a PROXY header. */
static void greeted(struct session *session, const struct addr *to)
{
	const struct rule_target *target = session->owner;

	dial_to(session, to ? to : &target->addr);
}

static void refused(struct session *session, const char *why)
{
	note_trouble(rule_of(session)->router, session, why);
}

static void serve(struct server *server, struct listener *listener, struct session *session)
{
	struct rule_target *target = choose(container_of(listener, struct rule_port, listener), 0);

	(void)server;
	if (!target) {
		session_deny(session,
			     "the rule has no target"); /* rules see to it that there is one */
		return;
	}
	session->group->elsewhere = elsewhere;
	give_to(session, target);
	if (greeting_needed(&target->port->rule->plan))
		greeting_start(session, &target->port->rule->plan);
	else
		dial_to(session, &target->addr);
}

static void count_end(struct rule_counts *counts, const char *cause)
{
	if (!cause)
		return; /* no record was written: the whole program ends */
	for (size_t i = 0; i < RULE_CAUSES_MAX; i++) {
		if (!*counts->ends[i].cause)
			snprintf(counts->ends[i].cause, sizeof(counts->ends[i].cause), "%s", cause);
		if (strcmp(counts->ends[i].cause, cause) == 0) {
			counts->ends[i].count++;
			return;
		}
	}
}

static void count(struct rule_counts *counts, const struct session *session)
{
	counts->connections++;
	counts->failed += session->status != 0;
	counts->up += session->relay.chan[0].bytes;
	counts->down += session->relay.chan[1].bytes;
	counts->dropped += session_dropped(session);
	count_end(counts, session->end);
}

static void connected(struct session_group *group, const struct session *session)
{
	struct rule_counts *counts = &rule_of(session)->counts;

	(void)group;
	counts->connected++;
	counts->connect_ns += session->connect;
	for (size_t i = 0; i < RULE_BUCKETS; i++)
		counts->connect_below[i] += session->connect <= rule_bucket_limits[i];
}

static void sweep(struct loop *loop, struct timer *timer)
{
	struct router *router = container_of(timer, struct router, sweep);

	for (struct rule **link = &router->removed; *link;) {
		struct rule *rule = *link;

		if (rule->admission.open || router->keeps) {
			link = &rule->next;
			continue;
		}
		*link = rule->next;
		loop_timer_stop(loop, &rule->drain);
		rule_free(rule);
	}
}

/* Frees removed rules without connections, while no code is using them. */
static void sweep_later(struct router *router)
{
	router->sweep.expired = sweep;
	loop_timer(router->server->loop, &router->sweep, units_now());
}

static void ended(struct server *server, const struct session *session)
{
	struct rule_target *target = session->owner;
	struct rule *rule = rule_of(session);

	(void)server;
	if (target)
		target->open--;
	else
		note_trouble(rule->router, session, session->end);
	count(&rule->counts, session);
	if (rule->removed && !rule->admission.open)
		sweep_later(rule->router);
}

/* Rules */

static void say_targets(const struct rule *rule, char *buf, size_t size)
{
	static const char *const ways[] = { "first", "round-robin", "least" };
	size_t length = 0;

	*buf = '\0';
	for (size_t i = 0; i < rule->target_count && length < size; i++)
		length += (size_t)snprintf(buf + length, size - length, "%s%s", i ? ", " : "",
					   rule->ports[0].targets[i].text);
	if (rule->target_count > 1 && length < size)
		snprintf(buf + length, size - length, " (%s)",
			 ways[rule->settings.routing.balance]);
}

static void announce(const struct rule *rule)
{
	const struct listener *listener = &rule->ports[0].listener;
	char text[256], places[128], to[512], last[32] = "";

	if (rule->router->server->passed)
		return; /* the process that opened it has reported it */
	listener_text(listener, text, sizeof(text));
	listener_places(listener, places, sizeof(places));
	say_targets(rule, to, sizeof(to));
	if (rule->port_count > 1)
		snprintf(last, sizeof(last), "-%u", (unsigned)rule->listen.port_last);
	log_notice("listening on %s%s%s, to %s", text, last,
		   rule->listen.wildcard ? " (every interface)" : places, to);
}

static void close_opened(struct router *router, struct rule *first)
{
	for (struct rule *rule = first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count && !rule->same; i++)
			if (rule->ports[i].listener.addr)
				server_close(router->server, &rule->ports[i].listener);
}

/* Opens what gets no sockets from another rule. */
static int open_rule(struct router *router, struct rule *rule)
{
	rule->router = router;
	if (!rule->id)
		rule->id = ++router->last_id;
	rule->plan.go = greeted;
	rule->plan.refused = refused;
	for (size_t i = 0; i < rule->port_count; i++) {
		struct rule_port *port = &rule->ports[i];
		int status;

		port->listener.places = port->places;
		status = port->from ? 0
				    : server_open(router->server, &port->listener, &port->listen,
						  &rule->admission);
		port->listener.like = NULL;
		if (status)
			return status;
	}
	return 0;
}

/* The rules are in force from now on, and so is what --allow and --deny mean. */
static void take_rules(struct router *router, struct rules *rules)
{
	access_free(&router->server->access);
	router->server->access = rules->access;
	router->rules = *rules;
	router->rules.access = (struct access){ 0 };
	*rules = (struct rules){ 0 };
}

int router_start(struct router *router, struct server *server, struct rules *rules)
{
	router->server = server;
	router->started = units_now();
	clock_gettime(CLOCK_REALTIME, &router->started_at);
	if (!router->pid)
		router->pid = getpid();
	take_rules(router, rules);
	server->serve = serve;
	server->ended = ended;
	server->sessions.connected = connected;
	for (struct rule *rule = router->rules.first; rule; rule = rule->next) {
		int status = open_rule(router, rule);

		if (status)
			return status;
	}
	server_recount(server);
	for (struct rule *rule = router->rules.first; rule; rule = rule->next)
		announce(rule);
	return 0;
}

static bool has_place(const struct places *places, const struct place *place)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].length == place->length &&
		    memcmp(&places->place[i].sa, &place->sa, place->length) == 0)
			return true;
	return false;
}

/* Does the name that both listen on mean what it meant? In a worker, which does not look names up,
 * it does unless sockets came for it. */
static bool same_places(const struct rule_port *port, const struct rule_port *old)
{
	const struct places *now = port->places, *before = old->places;

	if (!now || !before)
		return !port->listener.passed;
	for (size_t i = 0; i < now->count; i++)
		if (!has_place(before, &now->place[i]))
			return false;
	return now->count == before->count;
}

/* In a worker they have the same id: the supervisor has compared them. */
static bool is_twin(const struct rule *rule, const struct rule *old)
{
	if (rule->id)
		return rule->id == old->id && !old->same;
	if (old->same || !rule_same(rule, old))
		return false;
	for (size_t i = 0; i < rule->port_count; i++)
		if (!same_places(&rule->ports[i], &old->ports[i]))
			return false;
	return true;
}

/* Finds the rules that are in both sets. Those in force are sorted into chains by what they listen
 * on, or by their ids, so that a reload costs what it changes. 0, -ENOMEM, or -EPROTO: a rule that
 * is only named is not there. */
static int pair(struct router *router, struct rules *rules)
{
	size_t count = 2 * router->rules.count + 1;
	struct rule **chains = calloc(count, sizeof(struct rule *)), *old;
	bool by_id = rules->first && rules->first->id, all = true;

	if (!chains)
		return -ENOMEM;
	for (old = router->rules.first; old; old = old->next) {
		struct rule **chain = &chains[(by_id ? old->id : rule_hash(old)) % count];

		old->chain = *chain;
		*chain = old;
	}
	for (struct rule *rule = rules->first; rule; rule = rule->next) {
		old = chains[(by_id ? rule->id : rule_hash(rule)) % count];
		while (old && !is_twin(rule, old))
			old = old->chain;
		rule->same = old;
		if (old)
			old->same = rule;
		all = all && (old || !rule->passed);
	}
	free(chains);
	return all ? 0 : -EPROTO;
}

/* The port of a removed rule, listening in the same place, that no other rule has taken; with a
 * label, of the rule that has it. The kernel has picked the port numbers of some places, which
 * several rules may listen on. */
static struct rule_port *find_port(const struct router *router, const struct addr *listen,
				   const char *label)
{
	for (struct rule *old = router->rules.first; old; old = old->next)
		for (size_t i = 0; i < old->port_count && !old->same; i++)
			if (old->ports[i].listener.count && !old->ports[i].taken &&
			    addr_same_place(&old->ports[i].listen, listen) &&
			    (!label || strcmp(old->label, label) == 0))
				return &old->ports[i];
	return NULL;
}

/* Where the name means other addresses than before, only some of the sockets can stay. */
static void take_port(const struct router *router, struct rule_port *port, const char *label)
{
	struct rule_port *old = port->from || port->listener.like
					? NULL
					: find_port(router, &port->listen, label);

	if (!old)
		return;
	old->taken = true;
	if (same_places(port, old))
		port->from = old;
	else
		port->listener.like = &old->listener;
}

/* A rule prefers the sockets that a rule of the same name had. */
static void take_ports(const struct router *router, struct rules *rules)
{
	for (struct rule *old = router->rules.first; old; old = old->next)
		for (size_t i = 0; i < old->port_count; i++)
			old->ports[i].taken = false;
	for (int lap = 0; lap < 2; lap++)
		for (struct rule *rule = rules->first; rule; rule = rule->next)
			for (size_t i = 0; i < rule->port_count && !rule->same; i++)
				take_port(router, &rule->ports[i], lap ? NULL : rule->label);
}

static int open_new(struct router *router, struct rules *rules)
{
	int status = 0;

	take_ports(router, rules);
	for (struct rule *rule = rules->first; rule && !status; rule = rule->next)
		if (!rule->same)
			status = open_rule(router, rule);
	return status;
}

/* The worker must be able to take what was opened. 0, or the exit status, reported. */
static int check_room(const struct rules *rules, size_t room)
{
	size_t count = 0;

	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count && !rule->same; i++)
			count += rule->ports[i].listener.count;
	if (count <= room)
		return 0;
	log_error("too few descriptors: %zu listening sockets are new, and beside the open "
		  "connections there is room for %zu",
		  count, room);
	log_hint("raise the limit with ulimit -n, or LimitNOFILE= in a unit");
	return STATUS_FAILURE;
}

/* Sockets that stay, and their options */

/* A listener that has got other options, and those that it had. */
struct renewal {
	struct renewal *next;
	struct listener *listener;
	struct addr before;
	bool due;
};

/* What was left out of the address is as it would be in a new one. */
static void make_complete(struct addr *addr, const struct addr *before)
{
	unsigned gone = before->options.given & ~addr->options.given;

	if (!(gone & (ADDR_OPT_OWNER | ADDR_OPT_GROUP)))
		return;
	if (!addr->options.accounts_known)
		socket_file_accounts(&addr->options);
	if (gone & ADDR_OPT_OWNER)
		addr->options.uid = geteuid();
	if (gone & ADDR_OPT_GROUP)
		addr->options.gid = getegid();
	addr->options.given |= gone & (ADDR_OPT_OWNER | ADDR_OPT_GROUP);
}

/* 0, or the exit status, reported. */
static int renew(struct renewal **done, struct listener *listener, const struct addr *addr)
{
	struct renewal *renewal;
	struct failure failure;
	struct addr wanted = *addr;

	if (!listener->count || (!listener->due && addr_equal(listener->addr, addr)))
		return 0;
	renewal = malloc(sizeof(*renewal));
	if (!renewal) {
		log_error("%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	renewal->next = *done;
	renewal->listener = listener;
	renewal->due = listener->due;
	listener_state(listener, &renewal->before);
	*done = renewal;
	make_complete(&wanted, listener->addr);
	if (listener_renew(listener, &wanted, &failure) < 0)
		return explain_say_briefly(addr, &failure);
	listener->due = false;
	return 0;
}

/* Gives the sockets of old rules the options that the new ones have for them. In a worker they have
 * them already. 0, or the exit status, reported. */
static int renew_sockets(struct router *router, const struct rules *rules, struct renewal **done)
{
	int status = 0;

	for (struct rule *rule = rules->first; rule && !router->server->passed; rule = rule->next)
		for (size_t i = 0; i < rule->port_count && !status; i++) {
			struct rule_port *port = &rule->ports[i],
					 *from = rule->same ? &rule->same->ports[i] : port->from;

			if (from)
				status = renew(done, &from->listener, &port->listen);
		}
	return status;
}

/* Ends it; if it was for nothing, the sockets get back what they had. */
static void end_renewal(struct renewal *done, bool undo)
{
	while (done) {
		struct renewal *renewal = done;
		struct failure failure;

		done = renewal->next;
		if (undo) {
			(void)listener_renew(renewal->listener, &renewal->before, &failure);
			renewal->listener->due = renewal->due;
		}
		free(renewal);
	}
}

static void accept_new(struct router *router, struct rule *rule)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		struct rule_port *port = &rule->ports[i];

		if (port->from)
			server_move(router->server, &port->listener, &port->from->listener,
				    &port->listen, &rule->admission);
		port->from = NULL;
		server_admit(router->server, &port->listener);
	}
	announce(rule);
}

/* The time of a rule's drain is up. */
static void drain_over(struct loop *loop, struct timer *timer)
{
	struct rule *rule = container_of(timer, struct rule, drain);
	struct session_group *sessions = &rule->router->server->sessions;

	(void)loop;
	log_notice("%s: connections that were still open have been closed: %zu", rule->label,
		   rule->admission.open);
	for (struct session *session = sessions->first, *next; session; session = next) {
		next = session->next;
		if (session->admission == &rule->admission)
			server_stop_session(session);
	}
}

static void let_go(struct router *router, struct rule *rule)
{
	struct server *server = router->server;

	rule->removed = true;
	rule->next = router->removed;
	router->removed = rule;
	for (size_t i = 0; i < rule->port_count; i++)
		server_close(server, &rule->ports[i].listener);
	rule->drain.expired = drain_over;
	if (!rule->admission.open)
		sweep_later(router);
	else if (server->settings.drain_timeout != UNITS_INF)
		loop_timer(server->loop, &rule->drain,
			   units_now() + server->settings.drain_timeout);
}

/* The rule stays, with what its twin says of access and limits. */
static void adjust(struct router *router, struct rule *rule, struct rule *twin,
		   struct router_change *change)
{
	bool options = !addr_equal(&rule->listen, &twin->listen);

	change->stay++;
	if (twin->passed || !rule_adjust(rule, twin))
		return;
	change->adjusted++;
	rule->passed = false;
	server_admission_changed(router->server, &rule->admission);
	if (!router->server->passed)
		log_notice("%s: new %s; open connections continue", rule->label,
			   options ? "address options, access list or limits"
				   : "access list or limits");
}

/* Rules that stay take the place of their twins; the new ones accept. */
static void put_in_force(struct router *router, struct rules *rules, struct router_change *change)
{
	for (struct rule **link = &rules->first; *link; link = &(*link)->next) {
		struct rule *rule = *link, *old = rule->same;

		if (old) {
			old->next = rule->next;
			*link = old;
			old->same = NULL;
			adjust(router, old, rule, change);
			rule_free(rule);
		} else {
			accept_new(router, rule);
			change->come++;
		}
	}
}

/* Names in --allow and --deny may have a new meaning. */
static void say_access(const struct router *router, const struct rules *rules)
{
	if (!router->server->passed && !access_same(&router->server->access, &rules->access))
		log_notice("--allow and --deny: names have changed; "
			   "the next connection is checked with the new ones");
}

int router_replace(struct router *router, struct rules *rules, size_t room,
		   struct router_change *change)
{
	struct rule *old = router->rules.first, *leaving = NULL, *next;
	struct renewal *renewed = NULL;
	int status;

	*change = (struct router_change){ 0 };
	status = pair(router, rules);
	if (status)
		log_error("%s", strerror(-status));
	status = status ? STATUS_FAILURE : open_new(router, rules);
	if (!status)
		status = check_room(rules, room);
	if (!status)
		status = renew_sockets(router, rules, &renewed);
	end_renewal(renewed, status != 0);
	if (status) {
		close_opened(router, rules->first);
		for (; old; old = old->next)
			old->same = NULL;
		rules_free(rules);
		return status;
	}
	for (; old; old = next) { /* out of the list before it is relinked; their sockets may still
				     be wanted */
		next = old->next;
		if (old->same)
			continue;
		old->next = leaving;
		leaving = old;
	}
	put_in_force(router, rules, change);
	for (; leaving; leaving = next) {
		next = leaving->next;
		let_go(router, leaving);
		change->go++;
	}
	say_access(router, rules);
	take_rules(router, rules);
	router->replaced = units_now();
	server_recount(router->server);
	return 0;
}

static struct rule *find_rule(struct rule *first, uint64_t id)
{
	while (first && first->id != id)
		first = first->next;
	return first;
}

struct rule_target *router_target(const struct router *router, uint64_t id, uint32_t index)
{
	struct rule *rule = find_rule(router->rules.first, id);

	if (!rule)
		rule = find_rule(router->removed, id);
	if (!rule || index >= rule->port_count * rule->target_count)
		return NULL;
	return &rule->ports[index / rule->target_count].targets[index % rule->target_count];
}

uint32_t router_index(const struct rule_target *target)
{
	const struct rule_port *port = target->port;

	return (uint32_t)((size_t)(port - port->rule->ports) * port->rule->target_count +
			  index_of(target));
}

const struct rule_target *router_same_target(const struct router *router,
					     const struct rule_target *target)
{
	const struct rule *gone = target->port->rule;

	for (const struct rule *rule = router->rules.first; gone->removed && rule;
	     rule = rule->next) {
		if (!dest_same(&rule->dests, &gone->dests))
			continue;
		for (size_t i = 0; i < rule->port_count * rule->target_count; i++) {
			const struct rule_port *port = &rule->ports[i / rule->target_count];

			if (addr_equal(&port->targets[i % rule->target_count].addr, &target->addr))
				return &port->targets[i % rule->target_count];
		}
	}
	return target;
}

void router_forget(struct router *router)
{
	router->keeps = false;
	sweep(router->server->loop, &router->sweep);
}

/* What is open begins with what was not let in. */
static void sum_newcomers(struct rule *rule)
{
	rule->live.up = rule->live.down = rule->live.dropped = 0;
	for (size_t i = 0; i < rule->port_count; i++)
		rule->live.dropped += listener_dropped(&rule->ports[i].listener);
}

void router_sum_live(struct router *router)
{
	for (struct rule *rule = router->rules.first; rule; rule = rule->next)
		sum_newcomers(rule);
	for (const struct session *session = router->server->sessions.first; session;
	     session = session->next) {
		struct rule *rule = rule_of(session);

		rule->live.up += session->relay.chan[0].bytes;
		rule->live.down += session->relay.chan[1].bytes;
		rule->live.dropped += session_dropped(session);
	}
}

void router_free(struct router *router)
{
	struct loop *loop = router->server ? router->server->loop : NULL;

	rules_free(&router->rules);
	if (loop)
		loop_timer_stop(loop, &router->sweep);
	while (router->removed) {
		struct rule *rule = router->removed;

		router->removed = rule->next;
		if (loop)
			loop_timer_stop(loop, &rule->drain);
		rule_free(rule);
	}
}
