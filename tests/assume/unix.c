/* SPDX-License-Identifier: GPL-3.0-or-later */
/* socket, dial and peer rely on this. */
#include "config.h"

#include "assume.h"
#include "../lib/temporary.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct sockaddr_un place;

static int open_unix(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	need(fd, "socket");
	return fd;
}

static int try_connect(int type)
{
	int fd = open_unix(type),
	    error = connect(fd, (struct sockaddr *)&place, sizeof(place)) < 0 ? errno : 0;

	close(fd);
	return error;
}

static void reset_tcp(void)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	char byte;

	need(bind(listener, (struct sockaddr *)&in, sizeof(in)), "bind");
	need(listen(listener, 1), "listen");
	getsockname(listener, (struct sockaddr *)&in, &size);
	need(connect(client, (struct sockaddr *)&in, size), "connect");
	server = accept(listener, NULL, NULL);
	need(server, "accept");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(client);
	assume(read(server, &byte, 1) < 0 && errno == ECONNRESET,
	       "a TCP peer that closes hard is ECONNRESET");
	size = sizeof(in);
	assume(getpeername(server, (struct sockaddr *)&in, &size) < 0 && errno == ENOTCONN,
	       "and who it was is known no more: record the peer when the connection is made");
	close(server);
	close(listener);
}

int main(void)
{
	char directory[TEMPORARY_MAX];
	struct stat st;
	int listener, held[4], i;
	mode_t before;

	if (!mkdtemp(temporary_name(directory)))
		need(-1, directory);
	place.sun_family = AF_UNIX;
	snprintf(place.sun_path, sizeof(place.sun_path), "%s/socket", directory);
	assume(try_connect(SOCK_STREAM) == ENOENT, "no socket file: ENOENT");
	listener = open_unix(SOCK_STREAM);
	before = umask(0177);
	need(bind(listener, (struct sockaddr *)&place, sizeof(place)), "bind");
	umask(before);
	need(stat(place.sun_path, &st), "stat");
	assume((st.st_mode & 07777) == 0600,
	       "a socket file is made with the umask: 0600 from its first moment");
	need(listen(listener, 0), "listen");
	assume(try_connect(SOCK_DGRAM) == EPROTOTYPE,
	       "a datagram socket is told of a listener by EPROTOTYPE, and wakes nobody");
	assume(!(epoll_says(listener, EPOLLIN) & EPOLLIN), "nobody was woken");
	for (i = 0; i < 4; i++) {
		held[i] = open_unix(SOCK_STREAM);
		if (connect(held[i], (struct sockaddr *)&place, sizeof(place)) < 0)
			break;
	}
	assume(i > 0 && i < 4 && errno == EAGAIN, "a full backlog is EAGAIN");
	assume(!(epoll_says(held[i < 4 ? i : 3], EPOLLIN) & EPOLLIN),
	       "and epoll has nothing to tell of it but HUP");
	close(listener);
	assume(try_connect(SOCK_STREAM) == ECONNREFUSED && try_connect(SOCK_DGRAM) == ECONNREFUSED,
	       "a socket file that nobody has open: ECONNREFUSED");
	unlink(place.sun_path);
	rmdir(directory);
	reset_tcp();
	return end_of_assumptions();
}
