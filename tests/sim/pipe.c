/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pipes, terminals and regular files of the made-up kernel (fs/pipe.c, fs/splice.c). */
#include "config.h"

#include "sim.h"

#define PAGE 4096
#define PIPE_PAGES 16

struct tube *tube_make(bool regular)
{
	struct tube *tube = world_memory(sizeof(*tube));

	tube->regular = regular;
	tube->slots_most = PIPE_PAGES;
	return tube;
}

bool tube_full(const struct tube *tube)
{
	return !tube->regular && tube->slots_used >= tube->slots_most;
}

static void add_slot(struct tube *tube, size_t size)
{
	static const size_t most = 1024;

	if (!tube->slots)
		tube->slots = world_memory(most * sizeof(*tube->slots));
	tube->slots[tube->slots_used++] = (uint32_t)size;
}

void tube_put_slot(struct tube *tube, const void *data, size_t size)
{
	queue_put(&tube->bytes, data, size);
	add_slot(tube, size);
	tube->last_may_grow = false;
	changed();
	wake(tube->reader, EPOLLIN | EPOLLRDNORM);
}

ssize_t tube_write(struct tube *tube, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	size_t done = 0;

	if (tube->regular) {
		queue_put(&tube->bytes, data, size);
		changed();
		return (ssize_t)size;
	}
	if (tube->hung_up)
		return -EIO;
	if (!tube->readers)
		return -EPIPE;
	while (done < size) {
		size_t piece = size - done < PAGE ? size - done : PAGE, room;

		if (done == 0 && tube->slots_used && tube->last_may_grow) {
			uint32_t *last = &tube->slots[tube->slots_used - 1];

			room = PAGE - *last;
			if (piece <= room) {
				*last += (uint32_t)piece;
				queue_put(&tube->bytes, bytes, piece);
				done += piece;
				continue;
			}
		}
		if (tube_full(tube))
			break;
		add_slot(tube, piece);
		queue_put(&tube->bytes, bytes + done, piece);
		done += piece;
	}
	if (!done && size)
		return -EAGAIN;
	tube->last_may_grow = true;
	changed();
	wake(tube->reader, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)done;
}

void tube_drop(struct tube *tube, size_t size)
{
	unsigned gone = 0;
	bool was_full = tube_full(tube);

	queue_drop(&tube->bytes, size);
	changed();
	if (tube->regular)
		return;
	while (gone < tube->slots_used && tube->slots[gone] <= size)
		size -= tube->slots[gone++];
	if (size)
		tube->slots[gone] -= (uint32_t)size;
	tube->slots_used -= gone;
	memmove(tube->slots, tube->slots + gone, tube->slots_used * sizeof(*tube->slots));
	if (gone && was_full)
		wake(tube->writer, EPOLLOUT | EPOLLWRNORM);
}

ssize_t tube_read(struct tube *tube, void *data, size_t size)
{
	if (!tube->bytes.length) {
		if (tube->hung_up)
			return -EIO;
		return tube->regular || !tube->writers ? 0 : -EAGAIN;
	}
	if (size > tube->bytes.length)
		size = tube->bytes.length;
	memcpy(data, queue_head(&tube->bytes), size);
	tube_drop(tube, size);
	return (ssize_t)size;
}

void tube_close(struct tube *tube, bool read_end)
{
	if (read_end)
		tube->readers--;
	else
		tube->writers--;
	changed();
	if (read_end && !tube->readers)
		wake(tube->writer, 0);
	if (!read_end && !tube->writers)
		wake(tube->reader, 0);
}

uint32_t tube_poll(const struct tube *tube, bool read_end)
{
	uint32_t events = 0;

	if (read_end && tube->bytes.length)
		events |= EPOLLIN | EPOLLRDNORM;
	if (read_end && !tube->writers)
		events |= EPOLLHUP;
	if (!read_end && !tube_full(tube))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (!read_end && !tube->readers)
		events |= EPOLLERR;
	if (tube->hung_up)
		events |= EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR | EPOLLRDNORM | EPOLLWRNORM;
	return events;
}
