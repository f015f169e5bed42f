/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket: opens sockets for addresses. Nothing here blocks: every socket is non-blocking and
 * close-on-exec, and the caller waits for a connect that was started. Functions return a negative
 * errno on failure, with the failed step in *failure for explain().
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/explain.h"

/* A resolved address for connect() and bind(). */
struct place {
	struct sockaddr_storage sa;
	socklen_t length;
};

/* Defaults of socket_connect() for what an address does not set; zero is the kernel's default. */
struct socket_defaults {
	uint64_t connect_timeout; /* ns; passed to the kernel for vsock, whose own default is 2 s;
				     0: not passed; UNITS_INF: the kernel's maximum */
	uint64_t *began; /* receives units_now() just before connect(2), for exact measurements; may
			    be NULL */
};

/*
 * Fills in the place of a vsock, UNIX or hybrid vsock address (places of TCP come from resolve). A
 * UNIX path longer than sun_path needs an open directory: *keep_fd receives it, or -1, and the
 * caller closes it after connect or bind.
 */
int socket_place(const struct addr *addr, enum addr_role role, struct place *place, int *keep_fd,
		 struct failure *failure);

/* Opens a socket and starts to connect. Returns the descriptor; if *pending is true, wait for
 * EPOLLOUT. -EAGAIN from a UNIX socket means a full backlog: call again later. */
int socket_connect(const struct addr *addr, const struct place *place,
		   const struct socket_defaults *defaults, bool *pending, struct failure *failure);
/* To be called after EPOLLOUT: 0, or the negative errno of the attempt. */
int socket_connected(int fd, struct failure *failure);

#define SOCKET_FILE_MAX (ADDR_NAME_MAX + 16)
/* Writes the path of the file that listening on an address creates; false: it creates none. */
bool socket_file(const struct addr *addr, char *path, size_t size);

/* The identity of a socket file, because its path may later lead to another file. number 0: none.
 */
struct socket_inode {
	dev_t device;
	ino_t number;
};
/* Finds the identity of the socket file at a path, or none. */
void socket_file_find(const char *path, struct socket_inode *inode);
/* Removes the file at a path if it is still this one. */
void socket_file_remove(const char *path, const struct socket_inode *inode);

/* Opens a listening socket. For UDP it is only bound; on a wildcard address it reports the
 * destination of each datagram. For UNIX sockets a stale file is replaced but a live one is not
 * (-EADDRINUSE); the file has addr's mode (0600 by default) from its creation, and *inode
 * identifies it. */
int socket_listen(const struct addr *addr, const struct place *place, struct socket_inode *inode,
		  struct failure *failure);

/* Applies addr's options, which may have changed, to a socket that listens already. The file of a
 * UNIX socket gets its mode and owner if it is still this one. 0, or a negative errno with
 * *failure. */
int socket_renew(int fd, const struct addr *addr, const struct socket_inode *inode,
		 struct failure *failure);
/* Writes the mode, owner and group that the socket's file has now, if it has one, to addr's
 * options. */
void socket_state(const struct socket_inode *inode, struct addr *addr);
/* The value of an option of SOL_SOCKET that is an int, such as SO_TYPE or SO_ERROR; or a negative
 * errno. */
int socket_option(int fd, int name);
bool socket_is_listening(int fd);
/* Can a listener be connected to, or has somebody who has it, too, shut it down? */
bool socket_is_shut(int fd);
/* Is it connected, or was it until it broke? */
bool socket_is_connected(int fd);
/* Makes closing a TCP connection reset it, so that the peer cannot mistake that for a clean end.
 * Does nothing for other sockets. */
void socket_abort(int fd);
/* Resets a TCP connection at once, or ends the listening of a TCP socket, which stays bound if its
 * port was given. */
void socket_abort_now(int fd);
/* From now on socket_abort() is socket_abort_now(), also for others who have the socket: a confined
 * process may not use SO_LINGER. */
void socket_abort_without_linger(void);
bool socket_is_datagram(int fd);
bool socket_is_udp(int fd);
/* Makes a UDP socket report the destination address of each datagram, which the answer must come
 * from. */
void socket_tell_destination(int fd);

/* Accepts a connection. Returns the descriptor, with the peer's address in *place, or -EAGAIN if
 * there is none. */
int socket_accept(int listener, struct place *place, struct failure *failure);

/* Writes the listener's actual address, with the port that the kernel picked, like
 * addr_format_short(). */
char *socket_local_text(int fd, const struct addr *addr, char *buf, size_t size);

/* The number of datagrams that the kernel dropped because a UDP socket was not read in time; 0
 * before Linux 4.12, which does not report it. */
uint32_t socket_overflowed(int fd);

/* Sets TCP_NODELAY and keepalive on a connection, or on a listener, whose connections inherit them.
 * Best effort. */
void socket_tune(int fd, const struct addr *addr);
/* The same with default settings, for a connection that an inherited listener accepted. family is
 * the socket's address family; any other than AF_INET and AF_INET6 needs nothing. */
void socket_tune_family(int fd, int family);

#endif
