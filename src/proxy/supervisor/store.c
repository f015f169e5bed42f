/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listening sockets that outlive this process, and the store of a service manager that keeps
 * descriptors ($FDSTORE).
 *
 * Theory of operation: the service manager is given the listening sockets, and passes them to the
 * next process. That process first closes those that no rule listens on any more, because they
 * could keep it from listening elsewhere. SIGINT means that no process will follow soon: the
 * manager is told to forget the sockets, or clients would wait for nobody. Units have KillSignal=
 * and RestartKillSignal= for that.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "serve/notify.h"
#include "proxy/supervisor/parts.h"

void store_each(struct supervisor *supervisor,
		void (*act)(struct listener *listener, void *context), void *context)
{
	for (struct listener *listener = supervisor->server.listeners; listener;
	     listener = listener->next)
		if (listener->addr->family != ADDR_FD)
			act(listener, context);
	for (size_t i = 0; i < SUPERVISOR_TEXT_SERVERS; i++)
		if (supervisor->text_servers[i] && !supervisor->text_servers[i]->of_process &&
		    supervisor->text_servers[i]->addr.family != ADDR_FD)
			act(&supervisor->text_servers[i]->listener, context);
}

static void own(struct listener *listener, void *context)
{
	struct failure failure;

	(void)context;
	if (listener_own(listener, &failure) < 0)
		explain_say(listener->addr, &failure); /* no reason to refuse connections now */
}

struct keeping {
	struct manager *manager;
	size_t left; /* descriptors that it still takes */
	bool full; /* it takes no message now */
};

static void keep_listener(struct listener *listener, void *context)
{
	struct keeping *keeping = context;
	int fds[BROKER_DESCRIPTORS_MAX], error;
	char name[INHERITED_NAME_MAX];

	if (listener->count > keeping->left || !listener->count || keeping->full)
		return;
	if (listener->shared) { /* it has them */
		keeping->left -= listener->count;
		return;
	}
	for (size_t i = 0; i < listener->count; i++)
		fds[i] = listener->sockets[i].fd;
	error = manager_keep(keeping->manager, listener_kept_name(listener, name), fds,
			     listener->count);
	keeping->full = error == -EAGAIN;
	if (keeping->full)
		return;
	if (error) {
		log_warning("cannot give a listener to the service manager: %s", strerror(-error));
		return;
	}
	listener->shared = true;
	keeping->left -= listener->count;
}

static void keep_more(struct manager *manager)
{
	store_keep(container_of(manager, struct supervisor, server.manager));
}

void store_keep(struct supervisor *supervisor)
{
	struct keeping keeping = {
		.manager = &supervisor->server.manager,
		.left = notify_store_size(),
	};

	supervisor->server.manager.roomy = keep_more;
	if (keeping.left)
		store_each(supervisor, keep_listener, &keeping);
}

void store_forget(struct server *server, struct listener *listener)
{
	char name[INHERITED_NAME_MAX];

	if (!listener->shared)
		return;
	manager_drop(&server->manager, listener_kept_name(listener, name));
	listener->shared = false;
}

static void withdraw(struct listener *listener, void *context)
{
	store_forget(context, listener);
}

void store_withdraw(struct supervisor *supervisor)
{
	if (notify_store_size())
		store_each(supervisor, withdraw, &supervisor->server);
}

void store_drop_unwanted(struct supervisor *supervisor, const struct rules *rules)
{
	struct inherited *inherited = &supervisor->inherited;

	supervisor->server.inherited = inherited;
	if (supervisor->predecessor >= 0 || !inherited->count)
		return;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count; i++)
			inherited_want(inherited, &rule->ports[i].listen);
	if (!inherited_drop(inherited, true, &supervisor->server.manager))
		return;
	manager_finish(&supervisor->server.manager); /* nobody is being served yet */
	notify_wait(); /* the manager has them too */
}

void store_settle(struct supervisor *supervisor)
{
	store_each(supervisor, own, NULL);
	store_keep(supervisor);
	inherited_drop(&supervisor->inherited, false,
		       notify_store_size() > 0 ? &supervisor->server.manager : NULL);
	inherited_free(&supervisor->inherited);
	supervisor->server.inherited = NULL;
}
