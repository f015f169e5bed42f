/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint: one end of a relay: what is read from and written to, and what it can do.
 *
 * Nothing here blocks and nothing changes the file status flags of a descriptor that we inherited: sockets are used with
 * MSG_DONTWAIT; pipes and terminals are opened anew through /proc/self/fd (a file description of our own, which may be
 * non-blocking); where that is not permitted they are guarded: poll(2) first, then one read or write of at most PIPE_BUF.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum endpoint_kind {
	ENDPOINT_NONE,
	ENDPOINT_SOCKET,  /* stream */
	ENDPOINT_MESSAGES, /* seqpacket: boundaries count */
	ENDPOINT_SENDER,  /* the same, written by a thread: the descriptor is the sender's event */
	ENDPOINT_PIPE,    /* our own non-blocking description of a pipe */
	ENDPOINT_TERMINAL,
	ENDPOINT_FILE,    /* regular file, block device, /dev/null and its like: never blocks */
	ENDPOINT_GUARDED, /* may block: poll first, little at a time */
	ENDPOINT_HOOKED,  /* a function of the owner's reads or writes; the descriptor is only watched */
	ENDPOINT_DATAGRAMS, /* a connected UDP socket: reading 0 bytes is an empty datagram, and there is no end */
	ENDPOINT_FLOW,    /* the same of one source of a UDP socket that has many: its hook reads and writes, its descriptor is shared */
};

/* Bytes, 0 for end of file, or a negative errno, as endpoint_read() and endpoint_write(). */
struct endpoint_hook {
	ssize_t (*read)(struct endpoint_hook *hook, void *data, size_t size);
	ssize_t (*write)(struct endpoint_hook *hook, const void *data, size_t size);
	int (*write_datagrams)(struct endpoint_hook *hook, const struct iovec *parts, size_t count); /* of ENDPOINT_FLOW, instead */
	void (*finish)(struct endpoint_hook *hook); /* no more will come; may be NULL */
};

struct endpoint {
	int in, out;               /* equal for a socket; -1: that way is closed */
	uint8_t in_kind, out_kind; /* enum endpoint_kind */
	uint8_t family;            /* enum addr_family of a socket, ADDR_STDIO else */
	bool inherited;            /* in and out may be blocking and belong to others too: no splice */
	union {
		struct endpoint_hook *hook; /* ENDPOINT_HOOKED, ENDPOINT_FLOW: the owner's, must outlive the endpoint */
		struct sender *sender;      /* ENDPOINT_SENDER: the endpoint's */
	};
};

/* A connected or accepted socket of ours. */
struct endpoint endpoint_socket(int fd, uint8_t family, bool seqpacket);

/* A connected UDP socket of ours. */
struct endpoint endpoint_datagrams(int fd);

/* A socket that was inherited (fd:N): family and type as the kernel says; it stays as it is, blocking or not. */
struct endpoint endpoint_inherited(int fd);

/* Standard input and output; in and out are new descriptors, close-on-exec. The originals stay as they are.
 * send and receive: which directions are wanted; the other gets -1. 0 or a negative errno. */
int endpoint_stdio(int in, int out, struct endpoint *endpoint);

/* To be called once before anything is written: what is sent on vsock seqpacket goes through a sender from now on (see
 * net/sender.h for why). Nothing for all others. 0 or a negative errno. */
int endpoint_prepare(struct endpoint *endpoint);
/* Takes that back, before anything was written. */
void endpoint_unprepare(struct endpoint *endpoint);
/* Is what is written to it messages? */
bool endpoint_takes_messages(const struct endpoint *endpoint);
/* Is what is read and written datagrams? They get lost, and have no end. */
static inline bool endpoint_is_datagrams(uint8_t kind)
{
	return kind == ENDPOINT_DATAGRAMS || kind == ENDPOINT_FLOW;
}
/* The socket that is written to, for getsockopt(2); else the descriptor. */
int endpoint_output(const struct endpoint *endpoint);

/* As read(2) and write(2), never blocking: bytes, 0 for end of file, or a negative errno (-EAGAIN: later). */
ssize_t endpoint_read(const struct endpoint *endpoint, void *data, size_t size);
ssize_t endpoint_write(const struct endpoint *endpoint, const void *data, size_t size);

/* Datagrams, several by one system call, at most ENDPOINT_AT_ONCE of them. */
#define ENDPOINT_AT_ONCE 16
/* The first is read to data, each further one stride bytes behind; of each at most size bytes, and sizes has how many. How
 * many were read, at least 1, and all that are there now if less than count; or a negative errno. */
int endpoint_read_datagrams(const struct endpoint *endpoint, unsigned char *data, size_t stride, size_t size, size_t *sizes, size_t count);
/* How many were sent, at least 1; or a negative errno, which is about the first. */
int endpoint_write_datagrams(const struct endpoint *endpoint, const struct iovec *parts, size_t count);
/* The same on a UDP socket; each has what they have in common: where to, and control data. For who writes a flow. */
int endpoint_send_datagrams(int fd, const struct msghdr *each, const struct iovec *parts, size_t count);

/* As endpoint_read(), without taking it from the source; -EOPNOTSUPP: only a stream socket can do that, and not on all
 * transports. */
ssize_t endpoint_peek(const struct endpoint *endpoint, void *data, size_t size);

/* Much is being read from it: a pipe gets room for so many bytes, so that who writes and who reads need not take turns.
 * Nothing for other endpoints. */
void endpoint_ask_much(const struct endpoint *endpoint, int room);
/* Much is being sent to it. A pipe gets room for so many bytes, a UNIX socket too (the kernel doubles that, and takes no
 * more than net.core.wmem_max for it); TCP within this machine, where there is no network to be careful of, is not paced
 * (HACKING.md, engines). Nothing for other endpoints, nor for a socket that was inherited. */
void endpoint_expect_much(const struct endpoint *endpoint, int room);

/* Tells the other side that no more will come: shutdown(SHUT_WR), or for a pipe or file close. */
void endpoint_finish(struct endpoint *endpoint);
/* Tells the source that nobody will read more. */
void endpoint_ignore(struct endpoint *endpoint);
/* Closes what is open. */
void endpoint_close(struct endpoint *endpoint);

/* After end of file: has the peer closed for good (1), or may it still read (0, also where that can't be told)? events are
 * what epoll said. A negative errno: neither, the connection broke; nobody else will be told that error. */
int endpoint_gone(const struct endpoint *endpoint, uint32_t events);

/* Pending error of a socket (SO_ERROR), a positive errno or 0. */
int endpoint_error(const struct endpoint *endpoint);

#endif
