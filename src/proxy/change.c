/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"

#define SETTLE (200 * NSEC_PER_MSEC) /* without an event, and between two looks */
#define LIMIT (2 * NSEC_PER_SEC) /* from the first event */
#define AGAIN (3 * NSEC_PER_SEC) /* without any event */
#define EVENTS                                                                              \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
	 IN_DELETE_SELF | IN_MOVE_SELF)

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind change_kind = { .name = "change", .ready = ready };

/* Looking */

static uint64_t mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 32;
}

static uint64_t mix_time(uint64_t sum, struct timespec time)
{
	return mix(mix(sum, (uint64_t)time.tv_sec), (uint64_t)time.tv_nsec);
}

/* The times of what is not a file change without its being replaced: those of a pipe when it is
 * read, those of a directory with files that are not rules. */
static uint64_t sum_up(int directory, const char *name)
{
	uint64_t sum = 1;
	struct stat st;

	for (const char *at = name; *at; at++)
		sum = mix(sum, (unsigned char)*at);
	if (fstatat(directory, name, &st, 0) < 0)
		return mix(sum, (uint64_t)errno);
	sum = mix(mix(sum, st.st_dev), st.st_ino);
	sum = mix(mix(mix(sum, st.st_mode), st.st_uid), st.st_gid);
	if (!S_ISREG(st.st_mode))
		return sum;
	return mix_time(mix_time(mix(sum, (uint64_t)st.st_size), st.st_mtim), st.st_ctim);
}

static bool ends_in_rules(const char *name)
{
	size_t length = strlen(name);

	return length > 6 && name[0] != '.' && strcmp(name + length - 6, ".rules") == 0;
}

static uint64_t sum_up_place(const char *path)
{
	uint64_t sum = sum_up(AT_FDCWD, path), entries = 0;
	DIR *directory = opendir(path);

	if (!directory)
		return mix(sum, (uint64_t)errno);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (ends_in_rules(entry->d_name))
			entries += sum_up(dirfd(directory), entry->d_name); /* in any order */
	closedir(directory);
	return mix(sum, entries);
}

static uint64_t look(const struct change *change)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < change->count; i++)
		sum = mix(sum, sum_up_place(change->places[i].path));
	return sum;
}

/* Watching */

static int watch(const struct change *change, const char *directory)
{
	int descriptor = inotify_add_watch(change->fd, directory, EVENTS | IN_ONLYDIR);

	return descriptor < 0 ? -errno : descriptor;
}

static int watch_parent(const struct change *change, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = !slash ? strdup(".")
			      : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int descriptor = parent ? watch(change, parent) : -ENOMEM;

	free(parent);
	return descriptor;
}

/* Watches a place, which may lead elsewhere now. 0 or a negative errno. */
static int watch_place(const struct change *change, const char *path, int watched[2])
{
	char real[PATH_MAX];
	struct stat st;

	watched[0] = watched[1] = -1;
	if (stat(path, &st) < 0)
		return -errno;
	watched[0] = S_ISDIR(st.st_mode) ? watch(change, path) : watch_parent(change, path);
	/* without it a change there is found later */
	if (!S_ISDIR(st.st_mode) && realpath(path, real))
		watched[1] = watch_parent(change, real);
	return watched[0] < 0 ? watched[0] : 0;
}

static bool is_watched(const struct change *change, int descriptor)
{
	for (size_t i = 0; i < change->count; i++)
		if (change->places[i].watched[0] == descriptor ||
		    change->places[i].watched[1] == descriptor)
			return true;
	return false;
}

/* Watches the directories that the paths lead to now, and no other. What is not there is found when
 * it comes back. */
static void watch_again(struct change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		struct change_place *place = &change->places[i];
		int before[2] = { place->watched[0], place->watched[1] };

		(void)watch_place(change, place->path, place->watched);
		for (int j = 0; j < 2; j++)
			if (before[j] >= 0 && !is_watched(change, before[j]))
				inotify_rm_watch(change->fd, before[j]);
	}
}

/* Deciding */

static void settle_later(struct change *change)
{
	uint64_t at = units_now() + SETTLE, limit = change->began + LIMIT;

	loop_timer(change->loop, &change->settle, at < limit ? at : limit);
}

static void begin(struct change *change, uint64_t seen)
{
	change->began = units_now();
	change->last = seen;
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct change *change = container_of(watch, struct change, watch);
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)loop;
	(void)events;
	while (read(change->fd, buffer, sizeof(buffer)) > 0)
		;
	if (!loop_timer_is_set(&change->settle))
		begin(change, look(change));
	settle_later(change);
}

static void settled(struct loop *loop, struct timer *timer)
{
	struct change *change = container_of(timer, struct change, settle);
	uint64_t seen;

	(void)loop;
	watch_again(change);
	seen = look(change);
	if (seen == change->known)
		return;
	if (seen != change->last && units_now() < change->began + LIMIT) {
		change->last = seen;
		settle_later(change);
		return;
	}
	change->known = seen;
	change->changed(change->context);
}

static void look_again(struct loop *loop, struct timer *timer)
{
	struct change *change = container_of(timer, struct change, again);
	uint64_t seen;

	loop_timer(loop, timer, units_now() + AGAIN);
	if (loop_timer_is_set(&change->settle))
		return;
	watch_again(change);
	seen = look(change);
	if (seen == change->known)
		return;
	begin(change, seen);
	settle_later(change);
}

/* Starting and ending */

int change_add(struct change *change, const char *path)
{
	struct change_place *place = reallocarray(change->places, change->count + 1,
						  sizeof(*place));

	if (!place)
		return -ENOMEM;
	change->places = place;
	place += change->count;
	*place = (struct change_place){ strdup(path), { -1, -1 } };
	if (!place->path)
		return -ENOMEM;
	change->count++;
	change->known = look(change);
	return 0;
}

int change_start(struct change *change, struct loop *loop, void (*changed)(void *context),
		 void *context, const char **path)
{
	int error;

	*path = NULL;
	change->watch = (struct watch){ .kind = &change_kind, .fd = -1 };
	change->loop = loop;
	change->settle.expired = settled;
	change->again.expired = look_again;
	change->changed = changed;
	change->context = context;
	change->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	error = change->fd < 0 ? -errno : 0;
	for (size_t i = 0; i < change->count && !error; i++) {
		error = watch_place(change, change->places[i].path, change->places[i].watched);
		if (error)
			*path = change->places[i].path;
	}
	/* at once: they may have changed while they were read */
	if (!error)
		loop_timer(loop, &change->again, units_now());
	return error ? error : loop_watch(loop, &change->watch, change->fd, EPOLLIN);
}

void change_stop(struct change *change)
{
	if (change->loop) {
		loop_unwatch(change->loop, &change->watch);
		loop_timer_stop(change->loop, &change->settle);
		loop_timer_stop(change->loop, &change->again);
		fd_close(&change->fd);
	}
	for (size_t i = 0; i < change->count; i++)
		free(change->places[i].path);
	free(change->places);
	*change = (struct change){ 0 };
}
