/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an owned worker tries with the descriptors that it has; see owned.h. */
#include "config.h"

#include "owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

#define DESCRIPTORS 64

static bool is_socket(int fd, int option, int value)
{
	int has;
	socklen_t size = sizeof(has);

	return getsockopt(fd, SOL_SOCKET, option, &has, &size) == 0 && has == value;
}

/* The first descriptor that is such a socket, or -1 and EBADF. */
static int find_socket(int option, int value)
{
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		if (is_socket(fd, option, value))
			return fd;
	errno = EBADF;
	return -1;
}

static int try_accept(void)
{
	int got;

	if (owned_given("OWNED_UDP"))
		return owned_skip(); /* its rule accepts nothing */
	got = accept4(find_socket(SO_ACCEPTCONN, 1), NULL, NULL, SOCK_CLOEXEC);

	return got < 0 && errno == EAGAIN ? 0 : got;
}

static int try_keep(void)
{
	return owned_given("OWNED_UDP") ? owned_skip()
					: fcntl(find_socket(SO_ACCEPTCONN, 1), F_DUPFD_CLOEXEC, 3);
}

/* A byte with a descriptor beside it. */
static int send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char text[] = "x";
	struct iovec byte = { .iov_base = text, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return (int)sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int try_send_supervisor(void)
{
	return send_descriptor(find_socket(SO_TYPE, SOCK_SEQPACKET), 0);
}

static int try_send_target(void)
{
	struct sockaddr_un there = { .sun_family = AF_UNIX };
	const char *path = owned_given("OWNED_UNIX");
	int fd;

	if (!path)
		return owned_skip();
	memcpy(there.sun_path, path, strnlen(path, sizeof(there.sun_path) - 1));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)) < 0)
		return -1;
	return send_descriptor(fd, find_socket(SO_ACCEPTCONN, 1));
}

static int try_log(void)
{
	static const char line[] = "owned: this line is not vsock-proxy's\n";

	return (int)write(2, line, sizeof(line) - 1);
}

/* The pipe for requests, which is the oldest that it may write to. Its reader ends a worker that
 * does this. */
int owned_nonsense(void)
{
	static const char nonsense[] = "\x01\0\0\0\xff";

	for (int fd = 3; fd < DESCRIPTORS; fd++)
		if (fcntl(fd, F_GETPIPE_SZ) > 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
			return (int)write(fd, nonsense, sizeof(nonsense) - 1);
	errno = EBADF;
	return -1;
}

static const struct attempt list[] = {
	{ "accept on a rule's listener, and keep it", "accept4", try_accept },
	{ "accept on a rule's listener, and keep it", "F_DUPFD_CLOEXEC", try_keep },
	{ "send a descriptor to the target of a unix: rule", "SCM_RIGHTS", try_send_target },
	{ "send a descriptor to the supervisor", "SCM_RIGHTS", try_send_supervisor },
	{ "write to the log", "write", try_log },
};

const struct attempts owned_channel = { list, ARRAY_SIZE(list) };
