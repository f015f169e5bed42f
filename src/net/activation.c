/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"

#define FIRST_PASSED 3 /* SD_LISTEN_FDS_START */

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
	own = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PASSED);
	if (own < 0)
		return -errno;
	/* the original must not leak into a COMMAND */
	if (fd > STDERR_FILENO)
		fd_cloexec(fd, true);
	return own;
}

static int find_named(const char *name, int *fds, size_t room)
{
	const char *names = getenv("LISTEN_FDNAMES");
	long passed = number_of("LISTEN_FDS");
	size_t found = 0, length = strlen(name);

	if (number_of("LISTEN_PID") != (long)getpid() || passed <= 0 || !names)
		return -ENOENT;
	for (long i = 0; i < passed && found < room; i++) {
		size_t part = strcspn(names, ":");

		if (part == length && memcmp(names, name, length) == 0) {
			int own = take(FIRST_PASSED + (int)i);

			if (own < 0)
				return own;
			fds[found++] = own;
		}
		names += part + (names[part] == ':');
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
