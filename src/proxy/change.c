/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"

#define SETTLE (200 * NSEC_PER_MSEC)
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind change_kind = { .name = "change", .ready = ready };

static bool ends_in_rules(const char *name)
{
	size_t length = strlen(name);

	return length > 6 && name[0] != '.' && strcmp(name + length - 6, ".rules") == 0;
}

static bool concerns(const struct change *change, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!event->len)
		return false;
	for (size_t i = 0; i < change->count; i++) {
		const struct change_place *place = &change->places[i];

		if (place->descriptor == event->wd &&
		    (place->name ? strcmp(place->name, event->name) == 0
				 : ends_in_rules(event->name)))
			return true;
	}
	return false;
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct change *change = container_of(watch, struct change, watch);
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool concerned = false;
	ssize_t size;

	(void)events;
	while ((size = read(change->fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + size;) {
			const struct inotify_event *event = (const struct inotify_event *)(void *)
				at;

			concerned = concerned || concerns(change, event);
			at += sizeof(*event) + event->len;
		}
	}
	if (concerned)
		loop_timer(loop, &change->settle, units_now() + SETTLE);
}

static void settled(struct loop *loop, struct timer *timer)
{
	struct change *change = container_of(timer, struct change, settle);

	(void)loop;
	change->changed(change->context);
}

int change_start(struct change *change, struct loop *loop, void (*changed)(void *context),
		 void *context)
{
	*change = (struct change){ .watch = { .kind = &change_kind, .fd = -1 },
				   .changed = changed,
				   .context = context };
	change->settle.expired = settled;
	change->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (change->fd < 0)
		return -errno;
	return loop_watch(loop, &change->watch, change->fd, EPOLLIN);
}

/* Splits a path into the directory that is watched and the name in it; a directory is watched
 * itself. */
static int split(const char *path, char **directory, char **name)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		*directory = strdup(path);
		*name = NULL;
		return *directory ? 0 : -ENOMEM;
	}
	*directory = !slash ? strdup(".")
			    : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	*name = strdup(slash ? slash + 1 : path);
	if (*directory && *name)
		return 0;
	free(*directory);
	free(*name);
	return -ENOMEM;
}

int change_add(struct change *change, const char *path)
{
	char *directory = NULL, *name = NULL;
	struct change_place *grown;
	int descriptor, error = split(path, &directory, &name);

	if (error)
		return error;
	descriptor = inotify_add_watch(change->fd, directory, EVENTS | IN_MASK_ADD | IN_ONLYDIR);
	error = descriptor < 0 ? -errno : 0;
	free(directory);
	grown = error ? NULL : reallocarray(change->places, change->count + 1, sizeof(*grown));
	if (!grown) {
		free(name);
		return error ? error : -ENOMEM;
	}
	change->places = grown;
	change->places[change->count++] = (struct change_place){ descriptor, name };
	return 0;
}

void change_stop(struct change *change, struct loop *loop)
{
	if (!change->watch.kind)
		return;
	loop_unwatch(loop, &change->watch);
	loop_timer_stop(loop, &change->settle);
	fd_close(&change->fd);
	for (size_t i = 0; i < change->count; i++)
		free(change->places[i].name);
	free(change->places);
	*change = (struct change){ 0 };
}
