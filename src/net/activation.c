/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/activation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/socket.h"

/* A number in the environment, or -1. */
static long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long number;

	if (!text || !*text)
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end || number < 0 ? -1 : number;
}

/* What the process was started with, which is a property of the process. */

#define WITHOUT_PROC 4096 /* how many numbers are tried without /proc */

static struct {
	bool known; /* by activation_start() */
	struct inherited_fd {
		int fd;
		bool used; /* of those that systemd passed */
	} * fds; /* but not 0, 1 and 2; NULL: none */
	size_t count;
} started;

static struct inherited_fd *find_inherited(int fd)
{
	for (size_t i = 0; i < started.count; i++)
		if (started.fds[i].fd == fd)
			return &started.fds[i];
	return NULL;
}

bool activation_inherited(int fd)
{
	return fd <= STDERR_FILENO || !started.known || find_inherited(fd);
}

static int note(int fd)
{
	struct inherited_fd *grown = reallocarray(started.fds, started.count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	started.fds = grown;
	grown[started.count++] = (struct inherited_fd){ .fd = fd };
	return 0;
}

static int note_all(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	int error = 0;

	for (int fd = STDERR_FILENO + 1; !directory && fd < WITHOUT_PROC && !error; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			error = note(fd);
	while (directory && !error && (entry = readdir(directory))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (!*end && fd > STDERR_FILENO && fd != dirfd(directory))
			error = note((int)fd);
	}
	if (directory)
		closedir(directory);
	return error;
}

/* Is it one of those that systemd passed? */
static bool is_passed(int fd)
{
	return fd >= ACTIVATION_FIRST && (size_t)(fd - ACTIVATION_FIRST) < activation_count();
}

int activation_start(void)
{
	struct rlimit limit;
	int error = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && activation_count() > limit.rlim_cur)
		return -E2BIG;
	error = note_all();
	started.known = !error;
	for (size_t i = 0; i < started.count && !error; i++)
		if (is_passed(started.fds[i].fd))
			error = fd_cloexec(started.fds[i].fd, true); /* none is for a COMMAND */
	return error;
}

void activation_forget(int fd)
{
	struct inherited_fd *found = find_inherited(fd);

	if (found)
		*found = started.fds[--started.count];
}

void activation_leave(int fd)
{
	if (fd > STDERR_FILENO && activation_inherited(fd))
		(void)fd_cloexec(fd, false);
}

static void use(int fd)
{
	struct inherited_fd *found = find_inherited(fd);

	if (found)
		found->used = true;
}

static int take(int fd)
{
	struct stat st;
	int own;

	if (!activation_inherited(fd) || fstat(fd, &st) < 0)
		return -EBADF;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	own = fcntl(fd, F_DUPFD_CLOEXEC, ACTIVATION_FIRST);
	if (own < 0)
		return -errno;
	/* the original must not leak into a COMMAND */
	if (fd > STDERR_FILENO)
		fd_cloexec(fd, true);
	return own;
}

size_t activation_count(void)
{
	long passed = number_of("LISTEN_FDS");

	return number_of("LISTEN_PID") == (long)getpid() && passed > 0 ? (size_t)passed : 0;
}

/* The name of the descriptor at this place, or NULL. */
static const char *name_at(size_t place, size_t *length)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (; names && place > 0; place--) {
		names = strchr(names, ':');
		names = names ? names + 1 : NULL;
	}
	*length = names ? strcspn(names, ":") : 0;
	return names;
}

/* Is this the name of the descriptor at this place? */
static bool is_named(const char *name, size_t place)
{
	size_t length;
	const char *other = name_at(place, &length);

	return other && length == strlen(name) && memcmp(other, name, length) == 0;
}

static void close_all(int *fds, int count)
{
	while (count > 0)
		close(fds[--count]);
}

/* Duplicates of the first ones with a name, as many as there is room for. *more: there are others.
 */
static int find_named(const char *name, int *fds, size_t room, bool *more)
{
	size_t found = 0, passed = activation_count();

	for (size_t i = 0; i < passed && !*more; i++) {
		int own;

		if (!is_named(name, i))
			continue;
		*more = found == room;
		own = *more ? 0 : take(ACTIVATION_FIRST + (int)i);
		if (own < 0) {
			close_all(fds, (int)found);
			return own;
		}
		if (!*more)
			fds[found++] = own;
	}
	return found ? (int)found : -ENOENT;
}

static int find(const struct addr *addr, int *fds, size_t room, bool *more)
{
	*more = false;
	if (addr->fd < 0)
		return find_named(addr->name, fds, room, more);
	fds[0] = take(addr->fd);
	return fds[0] < 0 ? fds[0] : 1;
}

int activation_find(const struct addr *addr, int *fds, size_t room)
{
	bool more;
	int found = find(addr, fds, room, &more);

	if (!more)
		return found;
	close_all(fds, found);
	return -E2BIG;
}

int activation_connected(const struct addr *addr)
{
	bool more;
	int fd, found = find(addr, &fd, 1, &more), error = 0;

	if (found < 0)
		return found;
	if (more)
		error = -ENOTUNIQ;
	else if (socket_is_datagram(fd))
		error = -EPROTOTYPE;
	else if (!socket_is_connected(fd))
		error = -ENOTCONN;
	if (!error)
		return fd;
	close(fd);
	return error;
}

bool activation_is_datagram(const struct addr *addr)
{
	bool more, is;
	int fd, found = find(addr, &fd, 1, &more);

	is = found == 1 && socket_is_datagram(fd);
	if (found == 1)
		close(fd);
	return is;
}

void activation_use(const struct addr *addr)
{
	if (addr->family != ADDR_FD)
		return;
	if (addr->fd >= 0)
		use(addr->fd);
	for (size_t i = 0; i < activation_count() && addr->fd < 0; i++)
		if (is_named(addr->name, i))
			use(ACTIVATION_FIRST + (int)i);
}

bool activation_unused(size_t *at, char *text, size_t size)
{
	while (*at < started.count) {
		const struct inherited_fd *passed = &started.fds[(*at)++];
		const char *name;
		size_t length;

		if (passed->used || !is_passed(passed->fd))
			continue;
		name = name_at((size_t)(passed->fd - ACTIVATION_FIRST), &length);
		if (name)
			snprintf(text, size, "fd:%d (%.*s)", passed->fd, (int)length, name);
		else
			snprintf(text, size, "fd:%d", passed->fd);
		return true;
	}
	return false;
}

/* Another descriptor for it; the number stays taken, so that nothing else is ever found there under
 * its name. */
static int move(int fd)
{
	int own = take(fd), null = own < 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC), error = 0;

	if (own < 0)
		return own;
	if (null < 0 || dup3(null, fd, O_CLOEXEC) < 0)
		error = -errno;
	fd_close(&null);
	if (error)
		fd_close(&own);
	return error ? error : own;
}

int activation_take(const char *prefix, size_t *at, char *name, size_t size)
{
	while (*at < activation_count()) {
		size_t place = (*at)++, length;
		const char *found = name_at(place, &length);
		int fd;

		if (!found || length >= size || length < strlen(prefix) ||
		    memcmp(found, prefix, strlen(prefix)) != 0)
			continue;
		memcpy(name, found, length);
		name[length] = '\0';
		use(ACTIVATION_FIRST + (int)place);
		fd = move(ACTIVATION_FIRST + (int)place);
		if (fd >= 0 || (fd != -ENOTSOCK && fd != -EBADF))
			return fd;
	}
	return -ENOENT;
}
