/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/engine.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "net/addr.h"
#include "net/socket.h"
#include "relay/loop.h"
#include "relay/relay.h"

void engine_tap(const struct transfer *transfer, const void *data, size_t size)
{
	for (struct relay_tap *tap = transfer->settings->tap; tap; tap = tap->next)
		tap->data(tap, transfer->side, data, size);
}

enum move engine_write_pending(struct chan *chan, struct transfer *transfer)
{
	const unsigned char *data;
	size_t length;

	while ((data = chan_rest(chan, &length))) {
		ssize_t put = endpoint_write(transfer->destination, data, length);

		if (put == -EAGAIN)
			return MOVE_FULL;
		if (put < 0)
			return engine_destination_failed(transfer, (int)-put);
		chan_rest_written(transfer->loop, chan, (size_t)put);
	}
	return MOVE_ON;
}

enum move engine_write(struct chan *chan, struct transfer *transfer, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	size_t done = 0;

	engine_tap(transfer, data, size);
	while (done < size) {
		ssize_t put = endpoint_write(transfer->destination, bytes + done, size - done);

		if (put < 0) {
			/* also when the destination failed: so the owner knows how much was lost */
			int error = chan_keep(transfer->loop, chan, bytes + done, size - done);

			if (put == -EAGAIN && !error)
				return MOVE_FULL;
			return engine_destination_failed(transfer,
							 (int)(put == -EAGAIN ? -error : -put));
		}
		done += (size_t)put;
		chan->bytes += (uint64_t)put;
	}
	return MOVE_ON;
}

enum move engine_write_seen(struct chan *chan, struct transfer *transfer, unsigned char *buffer,
			    size_t asked, size_t seen)
{
	ssize_t put = endpoint_write(transfer->destination, buffer, seen);

	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0)
		return engine_destination_failed(transfer, (int)-put);
	engine_tap(transfer, buffer, (size_t)put);
	chan->bytes += (uint64_t)put;
	/* it is still there */
	if (endpoint_read(transfer->source, buffer, (size_t)put) != put)
		return engine_source_failed(transfer, EIO);
	engine_count(transfer, (uint64_t)put);
	/* A socket took what it has room for; for a guarded descriptor this is unknown. */
	if ((size_t)put < seen)
		return transfer->destination->out_kind == ENDPOINT_GUARDED ? MOVE_ON : MOVE_FULL;
	return seen < asked ? MOVE_EMPTY : MOVE_ON;
}

size_t engine_at_once(const struct transfer *transfer, uint64_t size)
{
	uint64_t buffer = transfer->settings->buffer, most = transfer->destination->most;

	if (buffer && buffer < size)
		size = buffer;
	return (size_t)(most && most < size ? most : size);
}

size_t engine_vsock_window(int fd)
{
	uint64_t window = 0;
	socklen_t size = sizeof(window);

	return getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &window, &size) == 0
		       ? (size_t)window
		       : 0;
}

/* The longest message that the destination takes; 0: not known. */
static size_t message_limit(const struct endpoint *destination)
{
	int buffer;

	if (destination->family == ADDR_VSOCK)
		return engine_vsock_window(destination->out);
	buffer = socket_option(destination->out, SO_SNDBUF);
	/* unix_dgram and seqpacket: sk_sndbuf - 32 (net/unix/af_unix.c) */
	return buffer > 32 ? (size_t)buffer - 32 : 0;
}

bool engine_too_long(struct chan *chan, const struct transfer *transfer, size_t size)
{
	if (!endpoint_takes_messages(transfer->destination))
		return false;
	if (!chan->message_limit)
		chan->message_limit = (uint32_t)message_limit(transfer->destination);
	/* the peer's window may be smaller than ours: that is another error */
	chan->too_long = chan->message_limit && size > chan->message_limit;
	return chan->too_long;
}
