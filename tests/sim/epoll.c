/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * epoll of the made-up kernel, as fs/eventpoll.c has it: a wake-up puts an item that waits for it
 * on the ready list; what is told is what polling says when the list is read; level-triggered items
 * go back to its end, edge-triggered ones don't; HUP and ERR are never masked; EPOLL_CTL_MOD looks
 * anew.
 */
#include "config.h"

#include "sim.h"

#include <fcntl.h>

struct item {
	struct file *epoll, *file;
	int fd;
	struct epoll_event event;
	bool is_ready;
	struct item *next_of_file, *next_of_epoll, *next_ready;
};

static void make_ready(struct item *item)
{
	struct file *epoll = item->epoll;

	if (item->is_ready)
		return;
	item->is_ready = true;
	item->next_ready = NULL;
	*epoll->ready_last = item;
	epoll->ready_last = &item->next_ready;
}

static void take_off(struct item *item)
{
	struct file *epoll = item->epoll;

	if (!item->is_ready)
		return;
	item->is_ready = false;
	for (struct item **link = &epoll->ready; *link; link = &(*link)->next_ready) {
		if (*link != item)
			continue;
		*link = item->next_ready;
		if (!*link)
			epoll->ready_last = link;
		return;
	}
}

void wake(struct file *file, uint32_t events)
{
	if (!file)
		return;
	for (struct item *item = file->items; item; item = item->next_of_file)
		if (!events || item->event.events & events)
			make_ready(item);
}

static uint32_t wanted(const struct item *item)
{
	return (item->event.events | EPOLLERR | EPOLLHUP) & ~(uint32_t)EPOLLET;
}

static struct item *find(struct file *epoll, int fd, const struct file *file)
{
	struct item *item = epoll->watched;

	while (item && (item->fd != fd || item->file != file))
		item = item->next_of_epoll;
	return item;
}

static void item_remove(struct item *item)
{
	struct item **link = &item->epoll->watched;

	take_off(item);
	while (*link != item)
		link = &(*link)->next_of_epoll;
	*link = item->next_of_epoll;
	link = &item->file->items;
	while (*link != item)
		link = &(*link)->next_of_file;
	*link = item->next_of_file;
}

int epoll_control(struct file *epoll, int operation, int fd, struct file *file,
		  const struct epoll_event *event)
{
	struct item *item = find(epoll, fd, file);

	if (file->type == FILE_REGULAR)
		return -EPERM;
	if (operation == EPOLL_CTL_ADD ? item != NULL : item == NULL)
		return operation == EPOLL_CTL_ADD ? -EEXIST : -ENOENT;
	if (operation == EPOLL_CTL_DEL) {
		item_remove(item);
		return 0;
	}
	if (!item) {
		item = world_memory(sizeof(*item));
		*item = (struct item){ .epoll = epoll,
				       .file = file,
				       .fd = fd,
				       .next_of_file = file->items,
				       .next_of_epoll = epoll->watched };
		file->items = epoll->watched = item;
	}
	item->event = *event;
	if (file_poll(file) & wanted(item))
		make_ready(item);
	return 0;
}

void epoll_closed(struct file *file)
{
	while (file->items)
		item_remove(file->items);
	while (file->watched)
		item_remove(file->watched);
}

bool epoll_pending(struct file *epoll)
{
	for (struct item *item = epoll->ready; item; item = item->next_ready)
		if (file_poll(item->file) & wanted(item))
			return true;
	return false;
}

int epoll_collect(struct file *epoll, struct epoll_event *events, int count)
{
	struct item *list = epoll->ready, *item;
	int found = 0;

	/* what is made ready meanwhile comes behind */
	epoll->ready = NULL;
	epoll->ready_last = &epoll->ready;
	for (; (item = list) && found < count;) {
		uint32_t there = file_poll(item->file) & wanted(item);

		list = item->next_ready;
		item->is_ready = false;
		if (!there)
			continue;
		events[found].events = there;
		events[found++].data = item->event.data;
		if (!(item->event.events & EPOLLET))
			make_ready(item);
	}
	for (; (item = list);) {
		list = item->next_ready;
		item->is_ready = false;
		make_ready(item);
	}
	return found;
}

uint32_t file_poll(struct file *file)
{
	uint32_t events;

	switch (file->type) {
	case FILE_STREAM:
	case FILE_MESSAGES:
		return sock_poll(file->sock);
	case FILE_PIPE_READ:
	case FILE_PIPE_WRITE:
		return tube_poll(file->tube, file->type == FILE_PIPE_READ);
	case FILE_TERMINAL:
		/* its end is read, there is no other sign of it */
		events = tube_poll(file->tube, (file->flags & O_ACCMODE) != O_WRONLY);
		return events & EPOLLHUP && !file->tube->hung_up
			       ? (events & ~(uint32_t)EPOLLHUP) | EPOLLIN
			       : events;
	case FILE_EVENT:
		return (file->counter ? EPOLLIN : 0U) |
		       (file->counter < UINT64_MAX - 1 ? EPOLLOUT : 0U);
	case FILE_REGULAR:
		return EPOLLIN | EPOLLOUT;
	case FILE_EPOLL:
		break;
	}
	return 0;
}
