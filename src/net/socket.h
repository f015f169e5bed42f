/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket: opens sockets for addresses. Nothing here blocks: every socket is non-blocking and close-on-exec, a connect is
 * started and finished by who waits for it. On failure the step that failed stands in *failure, so that explain() can
 * tell why; the return value is the negative errno.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "net/explain.h"

/* A resolved place: what connect() and bind() take. */
struct place {
	struct sockaddr_storage sa;
	socklen_t length;
};

/* What a socket gets unless its address says otherwise; zero is the kernel's default. */
struct socket_defaults {
	uint64_t connect_timeout; /* ns; told to the kernel for vsock, whose own is 2 s; 0: not told; UNITS_INF: as long as may be */
	uint64_t *began; /* gets units_now() just before connect(2): who measures wants nothing else in it; may be NULL */
};

/*
 * The place of a vsock, UNIX or hybrid address (TCP's come from resolve). For a UNIX path longer than sun_path an open
 * directory is needed while it is used: *keep_fd gets it, or -1; the caller closes it after connect or bind.
 */
int socket_place(const struct addr *addr, enum addr_role role, struct place *place, int *keep_fd, struct failure *failure);

/* Opens a socket and starts to connect: the descriptor; *pending tells whether EPOLLOUT is to be waited for. -EAGAIN from
 * a UNIX socket is a full backlog: try again later, with a new call. */
int socket_connect(const struct addr *addr, const struct place *place, const struct socket_defaults *defaults, bool *pending,
                   struct failure *failure);
/* After EPOLLOUT: 0 or the negative errno of the attempt. */
int socket_connected(int fd, struct failure *failure);

#define SOCKET_FILE_MAX (ADDR_NAME_MAX + 16)
/* The file that listening on an address makes; false: it makes none. */
bool socket_file(const struct addr *addr, char *path, size_t size);

/* Opens a listening socket; of UDP one that is only bound, and on every interface tells where to a datagram was sent.
 * UNIX: a stale socket file is replaced, a live one is not (-EADDRINUSE); the file has addr's mode (0600 by default) from
 * its first moment. */
int socket_listen(const struct addr *addr, const struct place *place, const struct socket_defaults *defaults,
                  struct failure *failure);

/* Gives one that another process has opened addr's options, which may have changed; a UNIX socket's file its mode and owner.
 * 0 or a negative errno with *failure. */
int socket_renew(int fd, const struct addr *addr, const struct place *place, struct failure *failure);
bool socket_is_listening(int fd);
/* Of datagrams: it needs no listen(2). */
bool socket_is_datagram(int fd);
bool socket_is_udp(int fd);
/* Has a UDP socket tell of each datagram which of our addresses it was sent to: an answer must come from there. */
void socket_tell_destination(int fd);

/* Accepts one: the descriptor, with the peer's name in *place; -EAGAIN when there is none. */
int socket_accept(int listener, struct place *place, struct failure *failure);

/* The address that a listener really has: vsock's and TCP's port filled in. As text like addr_format_short(). */
char *socket_local_text(int fd, const struct addr *addr, char *buf, size_t size);

/* Datagrams that the kernel dropped because a UDP socket was not read in time; 0 where it does not tell (before Linux 4.12). */
uint32_t socket_overflowed(int fd);

/* TCP_NODELAY and keepalive, on a connection or a listener (what it accepts inherits them). Best effort. */
void socket_tune(int fd, const struct addr *addr);
/* The same with the defaults, for a socket whose listener was inherited; family is AF_INET, AF_INET6 or any other. */
void socket_tune_family(int fd, int family);

#endif
