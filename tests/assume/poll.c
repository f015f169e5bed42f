/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop, relay and endpoint rely on this. */
#include "config.h"

#include "assume.h"
#include "../lib/temporary.h"

static void what_epoll_refuses(void)
{
	char name[TEMPORARY_MAX];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), file = mkstemp(temporary_name(name));

	unlink(name);
	assume(epoll_says(null, EPOLLIN) < 0 && errno == EPERM,
	       "epoll refuses /dev/null with EPERM");
	assume(epoll_says(file, EPOLLIN) < 0 && errno == EPERM,
	       "epoll refuses a regular file with EPERM");
	close(null);
	close(file);
}

static void half_close_and_close(void)
{
	int pair[2];
	char byte;

	stream_pair(pair);
	need((int)write(pair[0], "x", 1), "write");
	shutdown(pair[0], SHUT_WR);
	assume(epoll_says(pair[1], EPOLLIN | EPOLLRDHUP) == (EPOLLIN | EPOLLRDHUP),
	       "RDHUP may come while data is still queued");
	assume(read(pair[1], &byte, 1) == 1 && read(pair[1], &byte, 1) == 0,
	       "the data is read, then the end");
	assume(epoll_says(pair[1], EPOLLIN) == EPOLLIN, "EPOLLIN stays set at the end");
	assume(!(epoll_says(pair[1], 0) & EPOLLHUP), "a half-closed UNIX peer is no HUP");
	assume(send(pair[1], "x", 1, MSG_NOSIGNAL) == 1, "and can be written to");
	need((int)read(pair[0], &byte, 1), "read");
	close(pair[0]);
	assume(epoll_says(pair[1], 0) & EPOLLHUP,
	       "a UNIX peer that has closed is HUP, though nothing is watched");
	assume(send(pair[1], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "and writing is EPIPE");
	close(pair[1]);
}

static void closed_unread(void)
{
	int pair[2], error = 0;
	socklen_t size = sizeof(error);

	stream_pair(pair);
	need((int)write(pair[1], "x", 1), "write");
	close(pair[0]);
	getsockopt(pair[1], SOL_SOCKET, SO_ERROR, &error, &size);
	assume(error == ECONNRESET, "a UNIX peer that closes with unread data leaves ECONNRESET");
	close(pair[1]);
}

static void a_pipe_without_readers(void)
{
	int ends[2];

	pipe_pair(ends, O_NONBLOCK);
	close(ends[0]);
	assume(epoll_says(ends[1], 0) & EPOLLERR,
	       "a pipe that nobody reads is ERR, though nothing is watched");
	close(ends[1]);
	pipe_pair(ends, O_NONBLOCK);
	close(ends[1]);
	assume(epoll_says(ends[0], 0) & EPOLLHUP,
	       "a pipe that nobody writes is HUP, though nothing is watched");
	close(ends[0]);
}

static void edges(void)
{
	struct epoll_event event = { .events = EPOLLET }, got;
	int pair[2], epoll = epoll_create1(EPOLL_CLOEXEC);

	stream_pair(pair);
	need(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event), "epoll_ctl");
	close(pair[0]);
	assume(epoll_wait(epoll, &got, 1, 0) == 1 && epoll_wait(epoll, &got, 1, 0) == 0,
	       "with EPOLLET a HUP is told once");
	event.events = EPOLLIN | EPOLLET;
	need(epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &event), "epoll_ctl");
	assume(epoll_wait(epoll, &got, 1, 0) == 1, "and again when what is watched changes");
	close(pair[1]);
	close(epoll);
}

static void a_blocking_socket(void)
{
	int pair[2];
	char byte, data[65536];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	memset(data, 0, sizeof(data));
	assume(recv(pair[0], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN,
	       "MSG_DONTWAIT reads a blocking socket without waiting");
	while (send(pair[0], data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	assume(errno == EAGAIN && !(fcntl(pair[0], F_GETFL) & O_NONBLOCK),
	       "and writes it, and leaves its flags");
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	what_epoll_refuses();
	half_close_and_close();
	closed_unread();
	a_pipe_without_readers();
	edges();
	a_blocking_socket();
	return end_of_assumptions();
}
