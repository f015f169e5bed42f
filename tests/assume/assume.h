/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the relay relies on in the kernel, asserted by small programs: where one of these fails, the
 * relay is wrong on that kernel, and its comment at the code that relies on it too. They print TAP.
 */
#ifndef TESTS_ASSUME_H
#define TESTS_ASSUME_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int assumed, wrong;

static inline void assume(bool holds, const char *what)
{
	printf("%sok %d - %s\n", holds ? "" : "not ", ++assumed, what);
	wrong += !holds;
}

static inline void no_assumption(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
}

static inline int end_of_assumptions(void)
{
	printf("1..%d\n", assumed);
	return wrong ? 1 : 0;
}

static inline void need(int result, const char *what)
{
	if (result >= 0)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What one descriptor has to report now, watched for events; -1 with errno where epoll refuses it.
 */
static inline int epoll_says(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events }, got = { 0 };
	int epoll = epoll_create1(EPOLL_CLOEXEC), count = -1;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		count = epoll_wait(epoll, &got, 1, 0);
	close(epoll);
	return count < 0 ? -1 : (int)got.events;
}

static inline void stream_pair(int pair[2])
{
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
	     "socketpair");
}

static inline void pipe_pair(int ends[2], int flags)
{
	need(pipe2(ends, O_CLOEXEC | flags), "pipe2");
}

#endif
