/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message engine: for every channel with a seqpacket socket at one end or both. A message is read whole and written
 * with one call. A stream is cut into messages of settings->message_size, or at each line end.
 *
 * A message that is too long for the destination is an error that says the limit, found before it is sent: kernels up to
 * 6.1 answer ENOMEM for vsock, which would say nothing.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "net/addr.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define CUT (64U * 1024)              /* a stream's default message */
#define LARGEST (64U * 1024 * 1024)   /* a message longer than this is refused, whatever the kernel would carry */

/* The window of a vsock socket, bytes: a message is at most as long as the receiver's, and both ends' are mostly the same. */
static size_t vsock_window(int fd)
{
	uint64_t window = 0;
	socklen_t size = sizeof(window);

	return getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &window, &size) == 0 ? (size_t)window : 0;
}

/* The longest message that the destination takes; 0: not known. */
static size_t message_limit(const struct endpoint *destination)
{
	socklen_t size = sizeof(int);
	int buffer = 0;

	if (destination->family == ADDR_VSOCK)
		return vsock_window(endpoint_output(destination));
	if (getsockopt(destination->out, SOL_SOCKET, SO_SNDBUF, &buffer, &size) < 0)
		return 0;
	/* unix_dgram and seqpacket: sk_sndbuf - 32 (net/unix/af_unix.c) */
	return buffer > 32 ? (size_t)buffer - 32 : 0;
}

static bool too_long(struct chan *chan, struct flow *flow, size_t size)
{
	if (!endpoint_takes_messages(flow->destination))
		return false;
	if (!chan->message_limit)
		chan->message_limit = (uint32_t)message_limit(flow->destination);
	return chan->message_limit && size > chan->message_limit;
}

static enum move refuse(struct flow *flow)
{
	flow->error = EMSGSIZE;
	return MOVE_DESTINATION_FAILED;
}

/*
 * How long the next message may be. UNIX sockets tell. Of vsock the kernels before 6.6 take a message away when asked to
 * show it, and none shows the length to a buffer of no bytes; but no message is longer than our own window.
 */
static ssize_t next_size(const struct endpoint *source)
{
	char nothing;
	ssize_t size;

	if (source->family == ADDR_VSOCK)
		size = (ssize_t)vsock_window(source->in);
	else
		size = recv(source->in, &nothing, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	return size < 0 ? -errno : size > (ssize_t)CUT ? size : (ssize_t)CUT;
}

/* One message of a seqpacket source: its length, -EAGAIN, another negative errno, or -ENODATA at the end. */
static ssize_t read_message(struct flow *flow, void **data)
{
	struct pollfd entry = { .fd = flow->source->in, .events = POLLRDHUP };
	ssize_t room = next_size(flow->source), size;

	if (room < 0)
		return room;
	if (room > (ssize_t)LARGEST)
		room = (ssize_t)LARGEST;
	*data = loop_buffer(flow->loop, (size_t)room);
	if (!*data)
		return -ENOMEM;
	size = recv(flow->source->in, *data, (size_t)room, MSG_DONTWAIT | MSG_TRUNC);
	if (size < 0)
		return -errno;
	if (size > room)
		return -EMSGSIZE;
	/* nothing: the end, or an empty message; only the first comes with the peer's shutdown */
	if (size == 0 && (poll(&entry, 1, 0) == 1 && entry.revents & (POLLRDHUP | POLLHUP)))
		return -ENODATA;
	return size;
}

static ssize_t read_cut(const struct flow *flow, void **data)
{
	size_t cut = flow->settings->message_size ? (size_t)flow->settings->message_size : CUT;
	ssize_t got;

	*data = loop_buffer(flow->loop, cut);
	if (!*data)
		return -ENOMEM;
	got = endpoint_read(flow->source, *data, cut);
	return got == 0 ? -ENODATA : got;
}

/* Memory for what is not sent yet is used up: a message is only read for a destination that seems to take one. */
static bool must_not_be_kept(const struct flow *flow)
{
	const struct loop_budget *budget = loop_budget(flow->loop);
	struct pollfd entry = { .fd = flow->destination->out, .events = POLLOUT };

	return budget->used >= budget->limit && poll(&entry, 1, 0) == 0;
}

static enum move move_messages(struct chan *chan, struct flow *flow)
{
	bool cut = flow->source->in_kind != ENDPOINT_MESSAGES;
	enum move result = engine_write_rest(chan, flow);

	while (result == MOVE_EMPTY) {
		void *data = NULL;
		ssize_t got;

		if (chan->state != CHAN_OPEN)
			return MOVE_END;
		if (!flow->allowance)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
		if (must_not_be_kept(flow))
			return MOVE_FULL;
		got = cut ? read_cut(flow, &data) : read_message(flow, &data);
		if (got == -EAGAIN)
			return MOVE_EMPTY;
		if (got == -ENODATA)
			return MOVE_END;
		if (got < 0) {
			flow->error = (int)-got;
			return MOVE_SOURCE_FAILED;
		}
		flow->read += (uint64_t)got;
		flow->allowance -= (uint64_t)got < flow->allowance ? (uint64_t)got : flow->allowance;
		if (too_long(chan, flow, (size_t)got))
			return refuse(flow);
		result = got ? engine_write(chan, flow, data, (size_t)got) : engine_write_empty(flow);
	}
	return result;
}

/* Sends the first length bytes of what is kept as one message. */
static enum move send_line(struct chan *chan, struct flow *flow, size_t length)
{
	size_t kept;
	const unsigned char *line = chan_rest(chan, &kept);
	ssize_t put;

	if (too_long(chan, flow, length))
		return refuse(flow);
	put = endpoint_write(flow->destination, line, length);
	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0) {
		flow->error = (int)-put;
		return MOVE_DESTINATION_FAILED;
	}
	relay_tap_data(flow->settings->tap, flow->side, line, length);
	chan_rest_written(flow->loop, chan, length);
	return MOVE_EMPTY;
}

static enum move send_lines(struct chan *chan, struct flow *flow, bool last)
{
	enum move result = MOVE_EMPTY;
	const unsigned char *begin;
	size_t length;

	while (result == MOVE_EMPTY && (begin = chan_rest(chan, &length))) {
		const unsigned char *end = memchr(begin, '\n', length);

		if (!end && !last)
			return too_long(chan, flow, length) ? refuse(flow) : MOVE_EMPTY;
		result = send_line(chan, flow, end ? (size_t)(end - begin) + 1 : length);
	}
	return result;
}

static enum move move_lines(struct chan *chan, struct flow *flow)
{
	enum move result = send_lines(chan, flow, chan->state != CHAN_OPEN || chan->source_ended);

	while (result == MOVE_EMPTY) {
		void *data = NULL;
		ssize_t got;

		if (chan->state != CHAN_OPEN || chan->source_ended)
			return MOVE_END;
		if (!flow->allowance)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
		got = read_cut(flow, &data);
		if (got == -EAGAIN)
			return MOVE_EMPTY;
		if (got < 0 && got != -ENODATA) {
			flow->error = (int)-got;
			return MOVE_SOURCE_FAILED;
		}
		chan->source_ended = got == -ENODATA; /* what is left is the last line */
		if (got > 0 && chan_keep(flow->loop, chan, data, (size_t)got) < 0) {
			flow->error = ENOMEM;
			return MOVE_SOURCE_FAILED;
		}
		if (got > 0) {
			flow->read += (uint64_t)got;
			flow->allowance -= (uint64_t)got < flow->allowance ? (uint64_t)got : flow->allowance;
		}
		result = send_lines(chan, flow, chan->source_ended);
	}
	return result;
}

static enum move message_move(struct chan *chan, struct flow *flow)
{
	if (flow->settings->message_lines && flow->source->in_kind != ENDPOINT_MESSAGES)
		return move_lines(chan, flow);
	return move_messages(chan, flow);
}

const struct engine engine_message = { .name = "message", .move = message_move };
