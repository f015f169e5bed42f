/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/endpoint.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/util.h"

static int read_flow(const struct endpoint *endpoint, unsigned char *data, size_t stride,
		     size_t size, size_t *sizes, size_t count)
{
	size_t got = 0;
	ssize_t n = 0;

	for (; got < count &&
	       (n = endpoint->hook->read(endpoint->hook, data + got * stride, size)) >= 0;
	     got++)
		sizes[got] = (size_t)n;
	return got ? (int)got : (int)n;
}

int endpoint_read_datagrams(const struct endpoint *endpoint, unsigned char *data, size_t stride,
			    size_t size, size_t *sizes, size_t count)
{
	struct mmsghdr messages[ENDPOINT_AT_ONCE];
	struct iovec parts[ENDPOINT_AT_ONCE];
	int got;

	if (count > ENDPOINT_AT_ONCE)
		count = ENDPOINT_AT_ONCE;
	if (endpoint->in_kind == ENDPOINT_FLOW)
		return read_flow(endpoint, data, stride, size, sizes, count);
	for (size_t i = 0; i < count; i++) {
		parts[i] = (struct iovec){ .iov_base = data + i * stride, .iov_len = size };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[i],
							     .msg_iovlen = 1 } };
	}
	do
		got = recvmmsg(endpoint->in, messages, (unsigned)count, MSG_DONTWAIT, NULL);
	while (got < 0 && errno == EINTR);
	for (int i = 0; i < got; i++)
		sizes[i] = messages[i].msg_len;
	return got < 0 ? -errno : got;
}

int endpoint_send_datagrams(int fd, const struct msghdr *each, const struct iovec *parts,
			    size_t count)
{
	struct mmsghdr messages[ENDPOINT_AT_ONCE];
	int put;

	if (count > ENDPOINT_AT_ONCE)
		count = ENDPOINT_AT_ONCE;
	for (size_t i = 0; i < count; i++) {
		messages[i] = (struct mmsghdr){ .msg_hdr = *each };
		messages[i].msg_hdr.msg_iov = (struct iovec *)&parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	put = RETRY(sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL));
	return put < 0 ? -errno : put;
}

int endpoint_write_datagrams(const struct endpoint *endpoint, const struct iovec *parts,
			     size_t count)
{
	if (endpoint->out_kind == ENDPOINT_FLOW)
		return endpoint->hook->write_datagrams(endpoint->hook, parts, count);
	return endpoint_send_datagrams(endpoint->out, &(struct msghdr){ 0 }, parts, count);
}
