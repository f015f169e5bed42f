/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is relied on of AF_VSOCK. In the lab's VM only, where vsock_loopback is loaded: elsewhere
 * CID 1 may be another machine. */
#include "config.h"

#include "assume.h"

#include <linux/vm_sockets.h>

static struct sockaddr_vm place = { .svm_family = AF_VSOCK,
				    .svm_cid = VMADDR_CID_ANY,
				    .svm_port = VMADDR_PORT_ANY };

static int listener;

static void pair_of_vsock(int pair[2])
{
	struct sockaddr_vm peer = { 0 };
	socklen_t size = sizeof(peer);

	pair[0] = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(pair[0], "socket");
	need(connect(pair[0], (struct sockaddr *)&place, sizeof(place)), "connect");
	pair[1] = accept(listener, (struct sockaddr *)&peer, &size);
	need(pair[1], "accept");
}

static int try_connect(unsigned cid, unsigned port)
{
	struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	error = connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static bool in_the_lab(void)
{
	char kind[16] = "";
	FILE *file = fopen("/run/vsock-lab", "r");

	if (!file)
		return false;
	if (!fgets(kind, sizeof(kind), file))
		*kind = '\0';
	fclose(file);
	return strncmp(kind, "loopback", 8) == 0;
}

static void half_close(void)
{
	struct sockaddr_vm peer;
	socklen_t size = sizeof(peer);
	int pair[2];
	char byte;

	pair_of_vsock(pair);
	need((int)write(pair[0], "x", 1), "write");
	need(shutdown(pair[0], SHUT_WR), "shutdown");
	assume(read(pair[1], &byte, 1) == 1 && read(pair[1], &byte, 1) == 0,
	       "a half-close: the rest, then the end");
	assume(send(pair[1], "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0,
	       "to send nothing to a peer that half-closed succeeds");
	assume(write(pair[1], "y", 1) == 1 && read(pair[0], &byte, 1) == 1,
	       "and the other direction goes on");
	assume(getpeername(pair[0], (struct sockaddr *)&peer, &size) < 0 && errno == ENOTCONN,
	       "after a shutdown getpeername() fails");
	close(pair[0]);
	/* it may take a moment, and HUP does not tell of it */
	for (int i = 0; i < 1000 && send(pair[1], "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0; i++)
		poll(NULL, 0, 10);
	assume(send(pair[1], "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE,
	       "to send nothing to one that closed is EPIPE");
	close(pair[1]);
}

static void no_time_wait(void)
{
	int pair[2], again = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	pair_of_vsock(pair);
	close(listener);
	close(pair[0]);
	close(pair[1]);
	place.svm_cid = VMADDR_CID_ANY;
	assume(bind(again, (struct sockaddr *)&place, sizeof(place)) == 0, "there is no TIME_WAIT");
	close(again);
}

int main(void)
{
	socklen_t size = sizeof(place);
	int other;

	if (!in_the_lab()) {
		no_assumption("needs vsock loopback: tests/lab/vm runs it");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(listener, "socket");
	need(bind(listener, (struct sockaddr *)&place, sizeof(place)), "bind");
	need(listen(listener, 10), "listen");
	getsockname(listener, (struct sockaddr *)&place, &size);
	place.svm_cid = VMADDR_CID_LOCAL;
	other = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assume(bind(other, (struct sockaddr *)&place, sizeof(place)) < 0 && errno == EADDRINUSE,
	       "any and one CID on the same port collide");
	close(other);
	assume(try_connect(77, 5000) == ENODEV, "no VM has the CID: ENODEV");
	assume(try_connect(VMADDR_CID_LOCAL, 9) == ECONNRESET, "nothing listens: ECONNRESET");
	half_close();
	no_time_wait();
	return end_of_assumptions();
}
