/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/run-link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/units.h"
#include "base/util.h"

#define PENDING_MAX (64U * 1024) /* a peer that leaves more answers unread is given up */
#define STEP (64U * 1024) /* the most that memory for a payload is ahead of what has come */

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind link_kind = { .name = "run", .ready = ready };

void run_link_stop(struct run_link *link)
{
	if (link->fd < 0)
		return;
	loop_unwatch(link->loop, &link->watch);
	link->fd = -1;
	free(link->payload);
	free(link->pending);
	link->payload = link->pending = NULL;
	link->room = link->got = link->pending_length = 0;
}

static void end(struct run_link *link, int error)
{
	run_link_stop(link);
	link->over(link, error);
}

static int watch(struct run_link *link)
{
	return loop_watch(link->loop, &link->watch, link->fd,
			  EPOLLIN | (link->pending_length ? EPOLLOUT : 0U));
}

int run_link_start(struct run_link *link, struct loop *loop, int fd, struct watch *connected)
{
	link->loop = loop;
	link->fd = fd;
	link->heard = units_now();
	link->watch.kind = &link_kind;
	if (connected && connected->slot)
		loop_move(loop, connected, &link->watch);
	return watch(link);
}

static size_t payload_size(const struct run_link *link)
{
	size_t size = 0;

	for (int i = 1; i < RUN_HEADER; i++)
		size = size << 8 | link->header[i];
	return size;
}

/* recv() of bytes that belong to this frame. More than 0, or a negative errno; -EPIPE at the end.
 */
static ssize_t receive(struct run_link *link, uint8_t *data, size_t size)
{
	ssize_t got = RETRY(recv(link->fd, data, size, MSG_DONTWAIT));

	if (got > 0)
		link->got += (size_t)got;
	return got > 0 ? got : got < 0 ? -errno : -EPIPE;
}

static int make_room(struct run_link *link, size_t size)
{
	size_t at = link->got - RUN_HEADER, wanted = at + STEP < size ? at + STEP : size;
	uint8_t *grown;

	if (link->room >= size || link->room > at)
		return 0;
	wanted = wanted < 2 * link->room && 2 * link->room < size ? 2 * link->room : wanted;
	grown = realloc(link->payload, wanted);
	if (!grown)
		return -ENOMEM;
	link->payload = grown;
	link->room = wanted;
	return 0;
}

/* Reads what is there of the next frame. 1: it is whole. */
static int read_frame(struct run_link *link)
{
	size_t size;
	ssize_t got = 1;

	while (got > 0 && link->got < RUN_HEADER)
		got = receive(link, link->header + link->got, RUN_HEADER - link->got);
	if (got < 0)
		return (int)got;
	size = payload_size(link);
	if ((long)size > run_payload_limit(link->header[0]))
		return -EPROTO;
	while (link->got < RUN_HEADER + size) {
		size_t at = link->got - RUN_HEADER;
		int error = make_room(link, size);

		if (error)
			return error;
		got = receive(link, link->payload + at, link->room - at);
		if (got < 0)
			return (int)got;
	}
	return 1;
}

/* -EAGAIN: not everything. */
static int flush(struct run_link *link)
{
	size_t sent = 0;
	int error = 0;

	while (!error && sent < link->pending_length) {
		ssize_t put = send(link->fd, link->pending + sent, link->pending_length - sent,
				   MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put >= 0)
			sent += (size_t)put;
		else if (errno != EINTR)
			error = -errno;
	}
	link->pending_length -= sent;
	memmove(link->pending, link->pending + sent, link->pending_length);
	return error;
}

static void ready(struct loop *loop, struct watch *watched, uint32_t events)
{
	struct run_link *link = container_of(watched, struct run_link, watch);
	uint8_t *payload;
	size_t size;
	int result = 0;

	(void)loop;
	/* what came before an error of sending is still read */
	if (events & EPOLLOUT && link->pending_length)
		(void)flush(link);
	if (events & ~(uint32_t)EPOLLOUT)
		result = read_frame(link);
	if (result == 1) {
		link->heard = units_now();
		size = link->got - RUN_HEADER;
		payload = link->payload;
		link->payload = NULL;
		link->room = link->got = 0;
		link->frame(link, link->header[0], payload, size);
		free(payload);
		result = 0;
	}
	if (link->fd < 0)
		return;
	if (!result || result == -EAGAIN)
		result = watch(link);
	if (result)
		end(link, result == -EPIPE ? 0 : result);
}

void run_link_write(struct run_link *link, const uint8_t *data, size_t size)
{
	uint8_t *grown;

	if (link->fd < 0)
		return;
	grown = link->pending_length > PENDING_MAX
			? NULL
			: realloc(link->pending, link->pending_length + size);
	if (!grown) {
		/* the peer learns it from the end of the connection, and we do too */
		shutdown(link->fd, SHUT_RDWR);
		return;
	}
	memcpy(grown + link->pending_length, data, size);
	link->pending = grown;
	link->pending_length += size;
	/* an error shows when it is read */
	(void)flush(link);
	if (watch(link))
		shutdown(link->fd, SHUT_RDWR);
}

void run_link_send(struct run_link *link, const struct run_frame *frame)
{
	uint8_t data[RUN_HEADER + RUN_PAYLOAD_MAX];
	int size = run_write_frame(frame, data);

	if (size > 0)
		run_link_write(link, data, (size_t)size);
}
