/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/broker.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fdutil.h"

#define PATIENCE_SECONDS 5 /* a worker that reads nothing for so long is taken for dead */

#define LENGTH_MIN (offsetof(struct broker_message, text) + 1) /* the text is sent as long as it is, with its NUL */

union control {
	struct cmsghdr header;
	char room[FD_RIGHTS(BROKER_DESCRIPTORS_MAX)];
};

int broker_pair(int ends[2])
{
	const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	if (setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0)
		return 0;
	close(ends[0]);
	close(ends[1]);
	return -errno;
}

int broker_send(int channel, const struct broker_message *message, const int *fds, size_t count, bool wait)
{
	union control control;
	struct iovec data = { .iov_base = (void *)message, .iov_len = LENGTH_MIN + strlen(message->text) };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

	if (count > BROKER_DESCRIPTORS_MAX)
		return -E2BIG;
	if (count)
		fd_attach(&header, &control, fds, count);
	while (sendmsg(channel, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* All descriptors that came, also those that nobody asked for. */
static size_t take_descriptors(struct msghdr *header, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		size_t here = part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS ? (part->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		memcpy(fds + count, CMSG_DATA(part), here * sizeof(int));
		count += here;
	}
	return count;
}

int broker_receive(int channel, struct broker_message *message, int *fds, size_t *count, bool wait)
{
	union control control;
	struct iovec data = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t got;

	*count = 0;
	do
		got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -EPIPE;
	*count = take_descriptors(&header, fds);
	if (got >= (ssize_t)LENGTH_MIN && !((char *)message)[got - 1] && !(header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		return 1;
	while (*count > 0)
		close(fds[--*count]);
	return -EPIPE;
}
