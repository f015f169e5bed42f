/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint: one end of a relay: what is read from and written to, and what it can do.
 *
 * Nothing here blocks (but see the end), and nothing changes the file status flags of an inherited
 * descriptor. Sockets are used with MSG_DONTWAIT. Pipes and terminals are reopened through
 * /proc/self/fd, which gives us a file description of our own that may be non-blocking. Where that
 * is not permitted, or makes something else (the master of a pseudoterminal), they are guarded:
 * poll(2) first, then one read or write of at most PIPE_BUF. Writing to such a terminal blocks all
 * the same if it stalls with less room than that: poll(2) tells of a terminal only that there is
 * some.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * A guest with Linux 6.17 or a late stable kernel (6.12.117) sends more than 32 KiB at once in
 * packets that vhost-device-vsock, Firecracker before 1.14 and Cloud Hypervisor before v51 drop
 * silently. So this is the most that one write passes to a stream to CID 2. Except over loopback
 * only a guest has the host as its peer.
 */
#define ENDPOINT_MOST_TO_HOST (32U * 1024)

enum endpoint_kind {
	ENDPOINT_NONE,
	ENDPOINT_SOCKET, /* stream */
	ENDPOINT_MESSAGES, /* seqpacket, with message boundaries */
	ENDPOINT_SENDER, /* seqpacket, written by a thread */
	ENDPOINT_PIPE, /* our own non-blocking description of a pipe */
	ENDPOINT_TERMINAL,
	ENDPOINT_FILE, /* regular file (to be read only with a size), block device, /dev/null and
			  the like: never blocks */
	ENDPOINT_GUARDED, /* may block: poll first, small pieces */
	ENDPOINT_HOOKED, /* a function of the owner reads or writes; the descriptor is only watched
			  */
	ENDPOINT_DATAGRAMS, /* a connected UDP socket: reading 0 bytes is an empty datagram, and
			       there is no end of file */
	ENDPOINT_FLOW, /* one source of a UDP socket with many: its hook reads and writes, and its
			  descriptor is shared */
};

/* Each returns what endpoint_read() and endpoint_write() return. */
struct endpoint_hook {
	ssize_t (*read)(struct endpoint_hook *hook, void *data, size_t size);
	ssize_t (*write)(struct endpoint_hook *hook, const void *data, size_t size);
	int (*write_datagrams)(struct endpoint_hook *hook, const struct iovec *parts,
			       size_t count); /* for ENDPOINT_FLOW, instead of write */
	/* end of file: nothing more will be written; may be NULL */
	void (*finish)(struct endpoint_hook *hook);
};

struct endpoint {
	int in, out; /* always its real descriptors; equal for a socket; -1: that direction is
			closed */
	uint8_t in_kind, out_kind; /* enum endpoint_kind */
	uint8_t family; /* enum addr_family of a socket, else ADDR_STDIO */
	bool inherited : 1; /* in and out may be blocking and are shared with other processes: no
			       splice */
	bool standard : 1; /* standard input and output, or one of them */
	bool typed : 1; /* standard input is a terminal, where the user need not type an end of file
			 */
	uint32_t most; /* the most bytes of one write; 0: no limit */
	uint64_t half_close; /* ns of silence before endpoint_finish(), see addr_half_close() */
	union {
		struct endpoint_hook *hook; /* ENDPOINT_HOOKED, ENDPOINT_FLOW: the owner's, must
					       outlive the endpoint */
		struct sender *sender; /* ENDPOINT_SENDER: the endpoint's */
	};
};

/* An endpoint for a connected or accepted socket of ours. */
struct endpoint endpoint_socket(int fd, uint8_t family, bool seqpacket);

/* An endpoint for a connected UDP socket of ours. */
struct endpoint endpoint_datagrams(int fd);

/* An endpoint for an inherited socket (fd:N). Family and type come from the kernel; its settings,
 * blocking or not, stay unchanged. */
struct endpoint endpoint_inherited(int fd);

/* Makes an endpoint of standard input and output, or of one of them, with -1 for the other. One
 * connection for both, as under inetd, is what endpoint_inherited() makes of it. Its
 * descriptors are new and close-on-exec; the originals stay unchanged. 0 or a negative errno. */
int endpoint_stdio(int in, int out, struct endpoint *endpoint);
/* No one else in this process uses these standard streams: if only one of them is a connection, it
 * is one of its family, too, and may be aborted. */
void endpoint_own(struct endpoint *endpoint);

/* To be called once before anything is written: vsock seqpacket sockets get a sender (see
 * net/sender.h for why). Does nothing for other endpoints. 0 or a negative errno. */
int endpoint_prepare(struct endpoint *endpoint);
/* Undoes endpoint_prepare() before anything was written. */
void endpoint_unprepare(struct endpoint *endpoint);
/* Are messages written to it? */
bool endpoint_takes_messages(const struct endpoint *endpoint);
/* Are datagrams read and written? They may get lost, and have no end of file. */
static inline bool endpoint_is_datagrams(uint8_t kind)
{
	return kind == ENDPOINT_DATAGRAMS || kind == ENDPOINT_FLOW;
}
/* The descriptor to watch for EPOLLIN or EPOLLOUT; with a sender, EPOLLOUT is on its event. */
int endpoint_poll_fd(const struct endpoint *endpoint, uint32_t events);

/* Like read(2) and write(2), but never blocking. They return bytes, 0 for end of file, or a
 * negative errno (-EAGAIN: later). */
ssize_t endpoint_read(const struct endpoint *endpoint, void *data, size_t size);
ssize_t endpoint_write(const struct endpoint *endpoint, const void *data, size_t size);
/* The same for one message; flags are MSG_EOR or 0. After -EAGAIN call it again with the same
 * message. */
ssize_t endpoint_write_message(const struct endpoint *endpoint, const void *data, size_t size,
			       int flags);

/* Datagrams, at most ENDPOINT_AT_ONCE with one system call. */
#define ENDPOINT_AT_ONCE 16
/* Reads the first datagram to data and each further one stride bytes later, at most size bytes of
 * each, with the lengths in sizes. Returns how many were read, at least 1, or a negative errno.
 * Fewer than count means that no more are there now. */
int endpoint_read_datagrams(const struct endpoint *endpoint, unsigned char *data, size_t stride,
			    size_t size, size_t *sizes, size_t count);
/* Returns how many were sent, at least 1, or a negative errno for the first. */
int endpoint_write_datagrams(const struct endpoint *endpoint, const struct iovec *parts,
			     size_t count);
/* Sends the datagrams of a UDP flow on its listener's socket. *each has the destination and the
 * control data, which are the same for all of them. Returns what endpoint_write_datagrams() does.
 */
int endpoint_send_datagrams(int fd, const struct msghdr *each, const struct iovec *parts,
			    size_t count);

/* Like endpoint_read(), but leaves the data in the source. -EOPNOTSUPP: only stream sockets can do
 * this, and not on all transports. */
ssize_t endpoint_peek(const struct endpoint *endpoint, void *data, size_t size);
/* Is there more to read, be it one byte? 1; 0 at end of file; or a negative errno (-EAGAIN: that is
 * not known yet). The byte stays in the source, unless the source cannot tell without giving it
 * away: then *taken is set, and the byte is lost. Not for messages and datagrams. */
int endpoint_more(const struct endpoint *endpoint, bool *taken);
/* Is the next byte of a stream socket an urgent one (MSG_OOB)? Reading skips it; peeking does not
 * on the UNIX sockets of some kernels. */
bool endpoint_at_mark(const struct endpoint *endpoint);

/* Prepares for reading much: enlarges a pipe to room bytes, so that writer and reader need not take
 * turns. Does nothing for other endpoints. */
void endpoint_ask_much(const struct endpoint *endpoint, int room);
/* Prepares for writing much: enlarges a pipe or the send buffer of a UNIX socket to room bytes (the
 * kernel doubles that, up to net.core.wmem_max). TCP within this machine, where there is no network
 * to protect, is not paced, and little of it waits to be sent (doc/measurements.md). Does nothing
 * for other endpoints or an inherited socket. */
void endpoint_expect_much(const struct endpoint *endpoint, int room);

/* Passes on end of file: shutdown(SHUT_WR), or close for a pipe or file. 0, or the negative errno
 * with which closing says that what was written was not stored. */
int endpoint_finish(struct endpoint *endpoint);
/* Tells the source that nothing more will be read. */
void endpoint_ignore(struct endpoint *endpoint);
/* Closes its descriptors. */
void endpoint_close(struct endpoint *endpoint);
/* The same, but aborts the connection if the transport can carry that: TCP sends a reset instead of
 * an end. vsock has no reset between two processes, and a UNIX socket reports one only to a peer
 * whose data was not fully read. */
void endpoint_abort(struct endpoint *endpoint);
/* The number of bytes that a TCP peer has not acknowledged; 0 for other endpoints. */
int endpoint_unacknowledged(const struct endpoint *endpoint);
/* What the kernel holds of a socket, for whoever looks: what was received and is not read yet
 * (SIOCINQ), and what was sent and the peer has not acknowledged (TCP), has not taken from the
 * device (vsock) or has not read (UNIX: the memory that it takes) (SIOCOUTQ). -1 where the kernel
 * does not tell (vsock: SIOCOUTQ since 6.12, SIOCINQ since 6.17), and for all but streams. */
int endpoint_received(const struct endpoint *endpoint);
int endpoint_sent(const struct endpoint *endpoint);

/* After end of file: has the peer closed both directions (1), or may it still read (0, also if that
 * is unknown)? events come from epoll. A negative errno: neither, because the connection broke;
 * this call consumes the error. */
int endpoint_gone(const struct endpoint *endpoint, uint32_t events);

/* Does standard input hold bytes that were never read? Then it was not delivered whole. False for a
 * terminal, and once the descriptor is closed. */
bool endpoint_input_left(const struct endpoint *endpoint);
/* The same for a file, whoever named it. */
bool endpoint_file_left(const struct endpoint *endpoint);
/* The number of bytes that the peer of a UNIX socket has not read yet; 0 for other endpoints. */
int endpoint_unread(const struct endpoint *endpoint);

/* The pending error of a socket (SO_ERROR), a positive errno or 0. */
int endpoint_error(const struct endpoint *endpoint);

#endif
