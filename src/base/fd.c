/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"

#define READER_PATIENCE (2 * NSEC_PER_SEC)

/* The soft limit before fd_limit_raise(); 0: not raised. A property of the process, as the limit
 * itself is. */
static rlim_t soft_before;

static size_t limit_size(rlim_t limit)
{
	return limit == RLIM_INFINITY || limit > SIZE_MAX ? SIZE_MAX : (size_t)limit;
}

size_t fd_limit_raise(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024; /* what POSIX systems give at least in practice; getrlimit(2) can't
				fail here */
	before = limit.rlim_cur;
	if (before == limit.rlim_max)
		return limit_size(before);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return limit_size(before);
	if (soft_before == 0)
		soft_before = before;
	return limit_size(limit.rlim_cur);
}

void fd_limit_restore(void)
{
	struct rlimit limit;

	if (soft_before == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = soft_before;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	soft_before = 0;
}

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	errno = saved;
}

bool fd_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static bool no_standard_error;

bool fd_no_standard_error(void)
{
	return no_standard_error;
}

int fd_finish(int *fd)
{
	int error;

	if (*fd < 0)
		return 0;
	error = close(*fd) < 0 ? -errno : 0;
	*fd = -1;
	return error;
}

void fd_standard(void)
{
	no_standard_error = fcntl(STDERR_FILENO, F_GETFD) < 0;
	/* open(2) takes the lowest free number, which is that of the descriptor that is closed */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			/* cppcheck-suppress leakReturnValNotUsed ; it stays open */
			open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

static int to_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), error = 0;

	if (null < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		error = -errno;
	fd_close(&null);
	return error;
}

int fd_keep(int *fds, size_t count)
{
	const int first = STDERR_FILENO + 1;
	int error = to_null();

	/* out of the way first: one may have the number that another is to get */
	for (size_t i = 0; i < count && !error; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, first + (int)count);
		if (fds[i] < 0)
			error = -errno;
	}
	for (size_t i = 0; i < count && !error; i++) {
		fds[i] = dup3(fds[i], first + (int)i, O_CLOEXEC);
		if (fds[i] < 0)
			error = -errno;
	}
	if (!error)
		closefrom(first + (int)count);
	return error;
}

int fd_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -errno;
	flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

int fd_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* Like fd_read_all(), but also returns what was read before an error. It does not ask for the size,
 * because files in /proc have none. */
static int read_to_end(int fd, size_t most, char **data, size_t *size)
{
	size_t room = 0;

	for (;;) {
		ssize_t count;

		if (*size + 1 >= room) {
			char *more;

			room = room ? room * 2 : 4096;
			more = realloc(*data, room);
			if (!more)
				return -ENOMEM;
			*data = more;
		}
		count = read(fd, *data + *size, room - *size - 1);
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return 0;
		if (count > 0)
			*size += (size_t)count;
		if (*size > most)
			return -EFBIG;
	}
}

int fd_read_all(int fd, size_t most, char **data, size_t *size)
{
	int error;

	*data = NULL;
	*size = 0;
	error = read_to_end(fd, most, data, size);
	if (!error) {
		(*data)[*size] = '\0';
		return 0;
	}
	free(*data);
	*data = NULL;
	return error;
}

/* For poll(2), which takes milliseconds: until the time (units_now(); UNITS_INF: never) has come.
 */
static int time_left(uint64_t deadline)
{
	uint64_t now = units_now(), left = now < deadline ? deadline - now : 0;

	if (deadline == UNITS_INF)
		return -1;
	left = (left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Waits until fd can be written to: 0; -ETIMEDOUT: the time has come, and it can't; or another
 * negative errno. */
static int wait_writable(int fd, uint64_t deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int count;

	if (fd < 0)
		return -EBADF; /* poll(2) would wait for nothing */
	do
		count = poll(&ready, 1, time_left(deadline));
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return count ? 0 : -ETIMEDOUT;
}

int fd_write_until(int fd, const void *data, size_t size, uint64_t deadline, size_t *written)
{
	/* what has room for anything has room for PIPE_BUF bytes, so a pipe that blocks does not */
	const size_t most = deadline == UNITS_INF ? size : PIPE_BUF;
	size_t done = 0;
	int error = 0;

	while (done < size && !error) {
		size_t piece = size - done < most ? size - done : most;
		ssize_t count;

		error = wait_writable(fd, deadline);
		count = error ? 0 : write(fd, (const char *)data + done, piece);
		if (count >= 0)
			done += (size_t)count;
		else if (errno != EINTR && errno != EAGAIN)
			error = -errno;
		else if (units_now() >= deadline) /* poll(2) saw room that there is not */
			error = -ETIMEDOUT;
	}
	if (written)
		*written = done;
	return error;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	return fd_write_until(fd, data, size, UNITS_INF, NULL);
}

int fd_write_for_reader(int fd, const void *data, size_t size)
{
	size_t done = 0, more = 0;
	int error;

	do {
		error = fd_write_until(fd, (const char *)data + done, size - done,
				       units_now() + READER_PATIENCE, &more);
		done += more;
	} while (error == -ETIMEDOUT && more);
	return error;
}

void fd_attach(struct msghdr *message, void *room, const int *fds, size_t count)
{
	struct cmsghdr *rights = room;

	memset(room, 0, FD_RIGHTS(count));
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
	message->msg_control = room;
	message->msg_controllen = FD_RIGHTS(count);
}

int fd_pass(int through, int fd)
{
	union {
		struct cmsghdr header;
		char room[FD_RIGHTS(1)];
	} control;
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = sizeof(byte) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	fd_attach(&message, &control, &fd, 1);
	while (sendmsg(through, &message, MSG_NOSIGNAL) < 0) {
		int error = errno == EINTR ? 0 : -errno;

		if (error == -EAGAIN)
			error = wait_writable(through, UNITS_INF);
		if (error)
			return error;
	}
	return 0;
}
