/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message engine: for every channel with a seqpacket socket at one end or both. A message is
 * read whole and written with one call. A stream is cut into messages of settings->message_size; if
 * it is cut at each line end, relay/engine-filter does that.
 *
 * A message that is too long for the destination is an error that says the limit, found before it
 * is sent: kernels up to 6.1 answer ENOMEM for vsock, which would say nothing.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "net/addr.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

/* A message longer than this is refused, whatever the kernel would carry. */
#define LARGEST (64U * 1024 * 1024)

/*
 * A read of 0 bytes is an empty message or end of file. On a UNIX socket only a message comes with
 * control data, a timestamp, for which we leave no room (MSG_CTRUNC); this distinguishes them.
 * Returns the size of the message, which by now may be another one, or -ENODATA at the end, or why
 * asking failed: a reset that came meanwhile is told only once.
 */
static ssize_t size_of_message(int fd)
{
	struct msghdr message = { 0 };
	const int on = 1, off = 0;
	ssize_t size;
	int error;

	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	size = RETRY(recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT));
	error = size < 0 ? errno : 0;
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &off, sizeof(off));
	if (error)
		return -error;
	return message.msg_flags & MSG_CTRUNC ? size : -ENODATA;
}

/*
 * How long the next message may be, or -ENODATA at the end. UNIX sockets tell. Of vsock the kernels
 * before 6.6 take a message away when asked to show it, and none shows the length to a buffer of no
 * bytes; but no message is longer than our own window.
 */
static ssize_t next_size(const struct endpoint *source)
{
	char nothing;
	ssize_t size;

	if (source->family == ADDR_VSOCK)
		return (ssize_t)engine_vsock_window(source->in);
	size = RETRY(recv(source->in, &nothing, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT));
	if (size < 0)
		return -errno;
	return size ? size : size_of_message(source->in);
}

/* The end of a vsock connection, whose messages are never empty where Linux sent them. */
static bool vsock_ended(const struct endpoint *source)
{
	struct pollfd entry = { .fd = source->in, .events = POLLRDHUP };

	return source->family == ADDR_VSOCK && poll(&entry, 1, 0) == 1 &&
	       entry.revents & (POLLRDHUP | POLLHUP);
}

ssize_t engine_read_message(const struct transfer *transfer, void **data, int *flags)
{
	ssize_t room = next_size(transfer->source), size;
	struct iovec part;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (room < 0)
		return room;
	if (room < (ssize_t)RELAY_MESSAGE_SIZE)
		room = RELAY_MESSAGE_SIZE;
	if (room > (ssize_t)LARGEST)
		room = LARGEST;
	*data = loop_buffer(transfer->loop, (size_t)room);
	if (!*data)
		return -ENOMEM;
	part = (struct iovec){ .iov_base = *data, .iov_len = (size_t)room };
	size = RETRY(recvmsg(transfer->source->in, &message, MSG_DONTWAIT | MSG_TRUNC));
	if (size < 0)
		return -errno;
	if (size > room)
		return -EMSGSIZE;
	*flags = message.msg_flags & MSG_EOR;
	return size == 0 && vsock_ended(transfer->source) ? -ENODATA : size;
}

/* Of a stream so much as becomes one message. */
static ssize_t read_cut(const struct transfer *transfer, void **data)
{
	uint64_t cut = transfer->settings->message_size ? transfer->settings->message_size
							: RELAY_MESSAGE_SIZE;
	ssize_t got;

	/* the rate may be exceeded by a message, the limit of bytes may not */
	if (cut > transfer->left)
		cut = transfer->left;
	*data = loop_buffer(transfer->loop, (size_t)cut);
	if (!*data)
		return -ENOMEM;
	got = endpoint_read(transfer->source, *data, (size_t)cut);
	return got == 0 ? -ENODATA : got;
}

/* The memory for pending bytes is used up: a message is only read for a destination that seems to
 * take one. */
static bool must_not_be_kept(const struct transfer *transfer)
{
	const struct loop_budget *budget = loop_budget(transfer->loop);
	struct pollfd entry = { .fd = endpoint_poll_fd(transfer->destination, EPOLLOUT),
				.events = POLLOUT };

	return budget->used >= budget->limit && poll(&entry, 1, 0) == 0;
}

/* Sends one message, or makes it pending. */
static enum move send_message(struct chan *chan, struct transfer *transfer, const void *data,
			      size_t size, int flags)
{
	ssize_t put;

	if (!endpoint_takes_messages(transfer->destination))
		return engine_write(chan, transfer, data, size);
	/* vsock carries no message of no bytes (af_vsock.c, vsock_connectible_sendmsg) */
	if (!size && transfer->destination->family == ADDR_VSOCK)
		return MOVE_ON;
	if (size)
		engine_tap(transfer, data, size);
	put = engine_too_long(chan, transfer, size)
		      ? -EMSGSIZE
		      : endpoint_write_message(transfer->destination, data, size, flags);
	if (put >= 0) {
		chan->bytes += (uint64_t)put;
		return MOVE_ON;
	}
	/* also when the destination failed: so the owner knows how much was lost */
	if (chan_keep(transfer->loop, chan, data, size) < 0)
		return engine_destination_failed(transfer, ENOMEM);
	chan->message_kept = true;
	chan->message_ends_record = flags & MSG_EOR;
	return put == -EAGAIN ? MOVE_FULL : engine_destination_failed(transfer, (int)-put);
}

static enum move message_write(struct chan *chan, struct transfer *transfer)
{
	size_t size;
	const unsigned char *data = chan_rest(chan, &size);
	ssize_t put;

	if (!chan->message_kept)
		return engine_write_pending(chan, transfer);
	put = endpoint_write_message(transfer->destination, data ? data : (const void *)"", size,
				     chan->message_ends_record ? MSG_EOR : 0);
	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0)
		return engine_destination_failed(transfer, (int)-put);
	chan->message_kept = false;
	transfer->message = true;
	if (data)
		chan_rest_written(transfer->loop, chan, size);
	return MOVE_ON;
}

static enum move message_read(struct chan *chan, struct transfer *transfer)
{
	void *data = NULL;
	int flags = 0;
	ssize_t got;

	if (must_not_be_kept(transfer))
		return MOVE_FULL;
	got = transfer->source->in_kind == ENDPOINT_MESSAGES
		      ? engine_read_message(transfer, &data, &flags)
		      : read_cut(transfer, &data);
	if (got == -ENODATA)
		return MOVE_END;
	if (got < 0)
		return engine_got(transfer, got);
	if ((uint64_t)got > transfer->left)
		return engine_beyond(chan, transfer, (uint64_t)got);
	transfer->message = true;
	engine_count(transfer, (uint64_t)got);
	return send_message(chan, transfer, data, (size_t)got, flags);
}

const struct engine engine_message = { .read = message_read, .write = message_write };
