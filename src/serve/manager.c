/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "serve/notify.h"

#define AGAIN (50 * NSEC_PER_MSEC)

struct manager_message {
	struct manager_message *next;
	char lines[];
};

static void complain(struct manager *manager, int error)
{
	if (!manager->complained)
		log_warning("cannot notify the service manager (NOTIFY_SOCKET): %s",
			    strerror(-error));
	manager->complained = true;
}

static void drop_first(struct manager *manager)
{
	struct manager_message *message = manager->first;

	manager->first = message->next;
	manager->waiting--;
	free(message);
}

/* True if the message is done with. */
static bool sent(struct manager *manager, const char *lines, uint64_t patience)
{
	int error = notify_send(lines, patience);
	bool later = error == -EAGAIN || fd_is_shortage(-error);

	if (!error)
		manager->complained = false;
	else if (!later)
		complain(manager, error);
	return !later;
}

static void try_again(struct loop *loop, struct timer *timer)
{
	struct manager *manager = container_of(timer, struct manager, again);

	while (manager->first && sent(manager, manager->first->lines, 0))
		drop_first(manager);
	if (!manager->first && manager->refused) {
		manager->refused = false;
		manager->roomy(manager);
	}
	if (!manager->first && !manager->refused)
		return;
	if (units_now() - manager->since >= NOTIFY_PATIENCE)
		complain(manager, -EAGAIN);
	loop_timer(loop, timer, units_now() + AGAIN);
}

static void wait_for_room(struct manager *manager)
{
	if (loop_timer_is_set(&manager->again))
		return;
	manager->again.expired = try_again;
	manager->since = units_now();
	loop_timer(manager->loop, &manager->again, manager->since + AGAIN);
}

void manager_tell(struct manager *manager, const char *lines)
{
	struct manager_message *message;
	size_t size = strlen(lines) + 1;

	if (manager->left || (!manager->first && sent(manager, lines, 0)))
		return;
	message = malloc(sizeof(*message) + size);
	if (!message) {
		complain(manager, -ENOMEM);
		return;
	}
	message->next = NULL;
	memcpy(message->lines, lines, size);
	if (manager->first)
		manager->last->next = message;
	else
		manager->first = message;
	manager->last = message;
	if (++manager->waiting > MANAGER_WAITING_MAX)
		drop_first(manager);
	wait_for_room(manager);
}

void manager_alive(struct manager *manager)
{
	if (!manager->left)
		sent(manager, "WATCHDOG=1", 0);
}

int manager_keep(struct manager *manager, const char *name, const int *fds, size_t count)
{
	int error = manager->first ? -EAGAIN : notify_keep(name, fds, count);

	if (error == -EAGAIN) {
		manager->refused = true;
		wait_for_room(manager);
	}
	return error;
}

void manager_drop(struct manager *manager, const char *name)
{
	char lines[512];

	snprintf(lines, sizeof(lines), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	manager_tell(manager, lines);
}

void manager_leave(struct manager *manager)
{
	manager->left = true;
	manager->refused = false;
}

void manager_finish(struct manager *manager)
{
	uint64_t end = units_now() + NOTIFY_PATIENCE, now;

	while (manager->first) {
		now = units_now();
		if (!sent(manager, manager->first->lines, now < end ? end - now : 0))
			break;
		drop_first(manager);
	}
	if (manager->first)
		complain(manager, -EAGAIN);
	while (manager->first)
		drop_first(manager);
	manager->refused = false;
	if (manager->loop)
		loop_timer_stop(manager->loop, &manager->again);
}
