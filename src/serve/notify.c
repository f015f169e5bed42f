/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"

#define NOTIFY_DESCRIPTORS_MAX 128 /* of one message; the kernel takes 253 */

/* Finds the socket of the service manager. 1; 0: there is none; or a negative errno. */
static int find_socket(struct sockaddr_un *to, socklen_t *size)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!length)
		return 0;
	if ((*path != '/' && *path != '@') || length >= sizeof(to->sun_path))
		return -EAFNOSUPPORT;
	memcpy(to->sun_path, path, length);
	if (*path == '@')
		to->sun_path[0] = '\0'; /* an abstract name */
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 1;
}

/* The socket that all is sent from, which stays open: a lack of descriptors must not silence a
 * program that is well. */
static int own_socket(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd;
}

static int send_with(const char *lines, const int *fds, size_t count, uint64_t patience)
{
	const struct timeval time = {
		.tv_sec = (time_t)(patience / NSEC_PER_SEC),
		.tv_usec = (suseconds_t)(patience % NSEC_PER_SEC / NSEC_PER_USEC) + 1,
	};
	union {
		struct cmsghdr header;
		char room[FD_RIGHTS(NOTIFY_DESCRIPTORS_MAX)];
	} control;
	struct sockaddr_un to;
	struct iovec data = { .iov_base = (void *)lines, .iov_len = strlen(lines) };
	struct msghdr message = { .msg_name = &to, .msg_iov = &data, .msg_iovlen = 1 };
	int fd, error = find_socket(&to, &message.msg_namelen);

	if (error <= 0)
		return error;
	if (count)
		fd_attach(&message, &control, fds, count);
	fd = own_socket();
	if (fd < 0)
		return -errno;
	/* its queue is short, and it may be busy */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
	return sendmsg(fd, &message, MSG_NOSIGNAL | (patience ? 0 : MSG_DONTWAIT)) < 0 ? -errno : 0;
}

int notify_send(const char *lines, uint64_t patience)
{
	return send_with(lines, NULL, 0, patience);
}

uint64_t notify_watchdog(void)
{
	const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	unsigned long long usec;

	if (!text || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	usec = strtoull(text, &end, 10);
	return *end || usec > UINT64_MAX / NSEC_PER_USEC ? 0 : usec * NSEC_PER_USEC;
}

size_t notify_store_size(void)
{
	const char *text = getenv("FDSTORE"), *path = getenv("NOTIFY_SOCKET");
	char *end;
	unsigned long size;

	if (!text || !path || !*path)
		return 0;
	size = strtoul(text, &end, 10);
	return *end || *text == '-' ? 0 : size;
}

int notify_keep(const char *name, const int *fds, size_t count)
{
	char lines[512];

	if (count > NOTIFY_DESCRIPTORS_MAX)
		return -E2BIG;
	snprintf(lines, sizeof(lines), "FDSTORE=1\nFDNAME=%s", name);
	return send_with(lines, fds, count, 0);
}

void notify_wait(void)
{
	struct pollfd end;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	/* it closes the writing end when it comes to this message (sd_notify_barrier(3), systemd
	 * 246) */
	if (send_with("BARRIER=1", &pipes[1], 1, NOTIFY_PATIENCE) == 0) {
		close(pipes[1]);
		pipes[1] = -1;
		end = (struct pollfd){ .fd = pipes[0] };
		while (poll(&end, 1, NOTIFY_PATIENCE / NSEC_PER_MSEC) < 0 && errno == EINTR)
			;
	}
	fd_close(&pipes[1]);
	close(pipes[0]);
}
