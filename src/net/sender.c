/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/sender.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

/* The counter of an eventfd to which nothing can be added: not writable. */
#define FULL (UINT64_MAX - 1)
#define STACK (64 * 1024) /* bytes; the thread only calls send() */

enum state { IDLE, BUSY, DONE };

struct sender {
	int fd, event;
	bool running;
	atomic_bool stop;
	pthread_t thread;
	sem_t work;
	atomic_int state;
	ssize_t result;
	unsigned char *message; /* a copy, so that the caller may move its own */
	size_t size, room;
	int flags;
};

static void *send_messages(void *argument)
{
	struct sender *sender = argument;
	uint64_t counter;

	for (;;) {
		while (sem_wait(&sender->work) < 0)
			;
		if (sender->stop)
			return NULL;
		sender->result = RETRY(send(sender->fd, sender->message, sender->size,
					    MSG_NOSIGNAL | sender->flags));
		if (sender->result < 0)
			sender->result = -errno;
		sender->state = DONE;
		(void)!read(sender->event, &counter, sizeof(counter)); /* to 0: writable */
	}
}

static int start_thread(struct sender *sender)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes,
				  STACK > PTHREAD_STACK_MIN ? STACK : (size_t)PTHREAD_STACK_MIN);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&sender->thread, &attributes, send_messages, sender);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	sender->running = !error;
	return -error;
}

int sender_start(int fd, struct sender **out)
{
	struct sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return -ENOMEM;
	sender->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (sender->event < 0) {
		free(sender);
		return -errno;
	}
	sem_init(&sender->work, 0, 0);
	sender->fd = fd;
	*out = sender;
	return 0;
}

int sender_event(const struct sender *sender)
{
	return sender->event;
}

static int copy_message(struct sender *sender, const void *data, size_t size)
{
	if (size > sender->room) {
		unsigned char *larger = realloc(sender->message, size);

		if (!larger)
			return -ENOMEM;
		sender->message = larger;
		sender->room = size;
	}
	memcpy(sender->message, data, size);
	sender->size = size;
	return 0;
}

ssize_t sender_write(struct sender *sender, const void *data, size_t size, int flags)
{
	const uint64_t full = FULL;
	int error;

	if (sender->state == BUSY)
		return -EAGAIN;
	if (sender->state == DONE) {
		sender->state = IDLE;
		return sender->result;
	}
	error = copy_message(sender, data, size);
	if (!error && !sender->running)
		error = start_thread(sender);
	if (!error && write(sender->event, &full, sizeof(full)) < 0)
		error = -errno;
	if (error)
		return error == -EAGAIN ? -ENOMEM : error; /* EAGAIN: no thread can be had */
	sender->flags = flags;
	sender->state = BUSY;
	sem_post(&sender->work);
	return -EAGAIN;
}

void sender_stop(struct sender *sender)
{
	if (sender->running) {
		sender->stop = true;
		if (sender->state == BUSY)
			shutdown(sender->fd, SHUT_RDWR); /* ends a send() that waits */
		sem_post(&sender->work);
		pthread_join(sender->thread, NULL);
	}
	sem_destroy(&sender->work);
	fd_close(&sender->event);
	free(sender->message);
	free(sender);
}
