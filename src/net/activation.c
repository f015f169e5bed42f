/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

static int take(int fd)
{
	struct stat st;
	int own;

	if (fstat(fd, &st) < 0)
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

static int find_named(const char *name, int *fds, size_t room)
{
	size_t found = 0, passed = activation_count();

	for (size_t i = 0; i < passed && found < room; i++) {
		size_t length;
		const char *other = name_at(i, &length);
		int own;

		if (!other || length != strlen(name) || memcmp(other, name, length) != 0)
			continue;
		own = take(ACTIVATION_FIRST + (int)i);
		if (own < 0)
			return own;
		fds[found++] = own;
	}
	return found ? (int)found : -ENOENT;
}

int activation_find(const struct addr *addr, int *fds, size_t room)
{
	int own;

	if (addr->fd < 0)
		return find_named(addr->name, fds, room);
	own = take(addr->fd);
	if (own < 0)
		return own;
	fds[0] = own;
	return 1;
}

int activation_connected(const struct addr *addr)
{
	int fds[2], found = activation_find(addr, fds, 2), error = 0;

	if (found < 0)
		return found;
	if (found > 1)
		error = -ENOTUNIQ;
	else if (socket_is_datagram(fds[0]))
		error = -EPROTOTYPE;
	else if (!socket_is_connected(fds[0]))
		error = -ENOTCONN;
	if (!error)
		return fds[0];
	while (found > 0)
		close(fds[--found]);
	return error;
}

bool activation_is_datagram(const struct addr *addr)
{
	int fd, found = activation_find(addr, &fd, 1);
	bool is = found == 1 && socket_is_datagram(fd);

	if (found == 1)
		close(fd);
	return is;
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
		fd = move(ACTIVATION_FIRST + (int)place);
		if (fd >= 0 || (fd != -ENOTSOCK && fd != -EBADF))
			return fd;
	}
	return -ENOENT;
}
