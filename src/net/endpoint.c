/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "net/addr.h"
#include "net/ip.h"
#include "net/sender.h"
#include "net/socket.h"

/* Bytes that wait to be sent on a TCP connection within this machine. What all connections have on
 * their way must fit into the processor's cache (doc/measurements.md). */
#define UNSENT_MAX (256 * 1024)

static uint32_t most_at_once(int fd)
{
	struct sockaddr_vm peer = { 0 };
	socklen_t size = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
			       peer.svm_cid == ADDR_CID_HOST
		       ? ENDPOINT_MOST_TO_HOST
		       : 0;
}

struct endpoint endpoint_socket(int fd, uint8_t family, bool seqpacket)
{
	uint8_t kind = seqpacket ? ENDPOINT_MESSAGES : ENDPOINT_SOCKET;

	if (family == ADDR_MUX)
		family = ADDR_UNIX; /* what it is once the hands are shaken */
	return (struct endpoint){
		.in = fd,
		.out = fd,
		.in_kind = kind,
		.out_kind = kind,
		.family = family,
		.most = family == ADDR_VSOCK && !seqpacket ? most_at_once(fd) : 0,
	};
}

struct endpoint endpoint_datagrams(int fd)
{
	return (struct endpoint){
		.in = fd,
		.out = fd,
		.in_kind = ENDPOINT_DATAGRAMS,
		.out_kind = ENDPOINT_DATAGRAMS,
		.family = ADDR_UDP,
	};
}

static uint8_t family_of(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN);

	return domain == AF_VSOCK ? ADDR_VSOCK : domain == AF_UNIX ? ADDR_UNIX : ADDR_TCP;
}

struct endpoint endpoint_inherited(int fd)
{
	struct endpoint endpoint = endpoint_socket(fd, family_of(fd),
						   socket_option(fd, SO_TYPE) == SOCK_SEQPACKET);

	endpoint.inherited = true;
	return endpoint;
}

/* Is it the side of a pseudoterminal that emulates the terminal? */
static bool is_master(int fd)
{
	unsigned number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}

/* With the same access: a FIFO that is open for reading and writing has no end of file, and never
 * loses its last reader. To open the master of a pseudoterminal makes another pseudoterminal. */
static int reopen(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	char path[32];

	if (flags < 0 || is_master(fd))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* /dev/null, zero, full and urandom: they have no poll(2) in the kernel (drivers/char/mem.c,
 * random.c), and never block. */
static bool never_blocks(const struct stat *st)
{
	bool memory = S_ISCHR(st->st_mode) && major(st->st_rdev) == 1;
	unsigned number = minor(st->st_rdev);

	return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) ||
	       (memory && (number == 3 || number == 5 || number == 7 || number == 9));
}

/* A descriptor of our own for what fd is, and its kind. */
static int adopt(int fd, uint8_t *kind)
{
	struct stat st;
	int own = -1, type;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (never_blocks(&st)) {
		*kind = ENDPOINT_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		type = socket_option(fd, SO_TYPE);
		*kind = type < 0 || type == SOCK_STREAM ? ENDPOINT_SOCKET : ENDPOINT_MESSAGES;
	} else if (S_ISFIFO(st.st_mode)) {
		own = reopen(fd);
		*kind = own < 0 ? ENDPOINT_GUARDED : ENDPOINT_PIPE;
	} else if (isatty(fd)) {
		own = reopen(fd);
		*kind = own < 0 ? ENDPOINT_GUARDED : ENDPOINT_TERMINAL;
	} else {
		*kind = ENDPOINT_GUARDED;
	}
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return own < 0 ? -errno : own;
}

static bool is_connection(int fd)
{
	int type = fd < 0 ? -1 : socket_option(fd, SO_TYPE);

	return type >= 0 && type != SOCK_DGRAM;
}

/* Are both the same connection, as under inetd? */
static bool is_one_connection(int in, int out)
{
	struct stat a, b;

	return fstat(in, &a) == 0 && fstat(out, &b) == 0 && S_ISSOCK(a.st_mode) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino && is_connection(in);
}

static int adopt_connection(int fd, struct endpoint *endpoint)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return -errno;
	*endpoint = endpoint_inherited(own);
	endpoint->standard = true;
	return 0;
}

/* A regular file without a size may be made up by the kernel, and reading it may block, as with
 * /proc/kmsg and the trace_pipe of tracefs. */
static bool is_made_up(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

int endpoint_stdio(int in, int out, struct endpoint *endpoint)
{
	*endpoint = (struct endpoint){
		.in = -1, .out = -1, .family = ADDR_STDIO, .standard = true, .inherited = true
	};
	if (in >= 0 && out >= 0 && is_one_connection(in, out))
		return adopt_connection(in, endpoint);
	if (in >= 0) {
		endpoint->in = adopt(in, &endpoint->in_kind);
		if (endpoint->in < 0)
			return endpoint->in;
		if (is_made_up(in))
			endpoint->in_kind = ENDPOINT_GUARDED;
		endpoint->typed = isatty(endpoint->in) && !is_master(endpoint->in);
	}
	if (out >= 0) {
		endpoint->out = adopt(out, &endpoint->out_kind);
		if (endpoint->out < 0) {
			int error = endpoint->out;

			fd_close(&endpoint->in);
			return error;
		}
	}
	return 0;
}

void endpoint_own(struct endpoint *endpoint)
{
	int fd = is_connection(endpoint->out) ? endpoint->out : endpoint->in;

	if (endpoint->family != ADDR_STDIO || !is_connection(fd))
		return;
	endpoint->family = family_of(fd);
	if (endpoint->family == ADDR_VSOCK && endpoint->out_kind == ENDPOINT_SOCKET)
		endpoint->most = most_at_once(fd);
}

int endpoint_prepare(struct endpoint *endpoint)
{
	int fd = endpoint->out, error;

	if (fd < 0 || endpoint->out_kind != ENDPOINT_MESSAGES || endpoint->family != ADDR_VSOCK)
		return 0;
	/* An inherited socket stays unchanged; if it is non-blocking a thread would not help.
	 * Reading uses MSG_DONTWAIT. */
	if (endpoint->inherited ? fcntl(fd, F_GETFL) & O_NONBLOCK : fcntl(fd, F_SETFL, 0) < 0)
		return 0;
	error = sender_start(fd, &endpoint->sender);
	if (error)
		return error;
	endpoint->out_kind = ENDPOINT_SENDER;
	return 0;
}

void endpoint_unprepare(struct endpoint *endpoint)
{
	if (endpoint->out < 0 || endpoint->out_kind != ENDPOINT_SENDER)
		return;
	sender_stop(endpoint->sender);
	endpoint->out_kind = ENDPOINT_MESSAGES;
}

bool endpoint_takes_messages(const struct endpoint *endpoint)
{
	return endpoint->out_kind == ENDPOINT_MESSAGES || endpoint->out_kind == ENDPOINT_SENDER;
}

int endpoint_poll_fd(const struct endpoint *endpoint, uint32_t events)
{
	if (!(events & EPOLLOUT))
		return endpoint->in;
	return endpoint->out >= 0 && endpoint->out_kind == ENDPOINT_SENDER
		       ? sender_event(endpoint->sender)
		       : endpoint->out;
}

static bool ready(int fd, short events)
{
	struct pollfd entry = { .fd = fd, .events = events };

	return poll(&entry, 1, 0) == 1;
}

/* After EIO: the terminal of a session that is gone, or the master of one that nobody has open. */
static bool is_hung_up(const struct endpoint *endpoint)
{
	return endpoint->in_kind == ENDPOINT_TERMINAL ||
	       (endpoint->in_kind == ENDPOINT_GUARDED && is_master(endpoint->in));
}

ssize_t endpoint_read(const struct endpoint *endpoint, void *data, size_t size)
{
	ssize_t got;

	switch (endpoint->in_kind) {
	case ENDPOINT_HOOKED:
		return endpoint->hook->read(endpoint->hook, data, size);
	case ENDPOINT_FLOW: /* endpoint_read_datagrams() */
	case ENDPOINT_DATAGRAMS:
		return -EOPNOTSUPP;
	case ENDPOINT_SOCKET:
	case ENDPOINT_MESSAGES:
		got = RETRY(recv(endpoint->in, data, size, MSG_DONTWAIT));
		break;
	case ENDPOINT_GUARDED:
		if (!ready(endpoint->in, POLLIN))
			return -EAGAIN;
		if (size > PIPE_BUF)
			size = PIPE_BUF;
		/* fall through */
	default:
		got = RETRY(read(endpoint->in, data, size));
		break;
	}
	if (got >= 0)
		return got;
	return errno == EIO && is_hung_up(endpoint) ? 0 : -errno;
}

ssize_t endpoint_peek(const struct endpoint *endpoint, void *data, size_t size)
{
	ssize_t got;

	if (endpoint->in_kind != ENDPOINT_SOCKET)
		return -EOPNOTSUPP;
	got = RETRY(recv(endpoint->in, data, size, MSG_DONTWAIT | MSG_PEEK));
	return got < 0 ? -errno : got;
}

int endpoint_more(const struct endpoint *endpoint, bool *taken)
{
	int waiting = 0;
	ssize_t got;
	char byte;

	*taken = false;
	/* not by FIONREAD: a UNIX socket counts an urgent byte even after it was passed over */
	if (endpoint->in_kind == ENDPOINT_SOCKET) {
		got = endpoint_at_mark(endpoint) ? -EOPNOTSUPP : endpoint_peek(endpoint, &byte, 1);
		if (got != -EOPNOTSUPP)
			return (int)got;
	} else if (endpoint->in_kind != ENDPOINT_HOOKED &&
		   ioctl(endpoint->in, FIONREAD, &waiting) == 0 && waiting > 0) {
		return 1;
	}
	/* Nothing there, the end, or a source that cannot tell: devices, a hook, an urgent byte. */
	got = endpoint_read(endpoint, &byte, 1);
	*taken = got > 0;
	return (int)got;
}

/* Several writes of at most the limit of one write. */
static ssize_t write_pieces(const struct endpoint *endpoint, const void *data, size_t size)
{
	size_t written = 0;

	while (written < size) {
		size_t left = size - written;
		ssize_t put = endpoint_write(endpoint, (const char *)data + written,
					     left < endpoint->most ? left : endpoint->most);

		if (put < 0)
			return written ? (ssize_t)written : put;
		written += (size_t)put;
	}
	return (ssize_t)written;
}

static ssize_t write_socket(int fd, const void *data, size_t size, int flags)
{
	ssize_t put = RETRY(send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags));

	return put < 0 ? -errno : put;
}

ssize_t endpoint_write_message(const struct endpoint *endpoint, const void *data, size_t size,
			       int flags)
{
	if (endpoint->out_kind == ENDPOINT_SENDER)
		return sender_write(endpoint->sender, data, size, flags);
	return endpoint->out_kind == ENDPOINT_MESSAGES
		       ? write_socket(endpoint->out, data, size, flags)
		       : endpoint_write(endpoint, data, size);
}

ssize_t endpoint_write(const struct endpoint *endpoint, const void *data, size_t size)
{
	ssize_t put;

	switch (endpoint->out_kind) {
	case ENDPOINT_HOOKED:
		return endpoint->hook->write(endpoint->hook, data, size);
	case ENDPOINT_FLOW: /* endpoint_write_datagrams() */
	case ENDPOINT_DATAGRAMS:
		return -EOPNOTSUPP;
	case ENDPOINT_SENDER:
		return sender_write(endpoint->sender, data, size, 0);
	case ENDPOINT_SOCKET:
		if (endpoint->most && size > endpoint->most)
			return write_pieces(endpoint, data, size);
		/* fall through */
	case ENDPOINT_MESSAGES:
		return write_socket(endpoint->out, data, size, 0);
	case ENDPOINT_GUARDED:
		if (!ready(endpoint->out, POLLOUT))
			return -EAGAIN;
		if (size > PIPE_BUF)
			size = PIPE_BUF;
		/* fall through */
	default:
		put = RETRY(write(endpoint->out, data, size));
		break;
	}
	return put < 0 ? -errno : put;
}

bool endpoint_at_mark(const struct endpoint *endpoint)
{
	int mark = 0;

	return endpoint->in_kind == ENDPOINT_SOCKET && endpoint->family != ADDR_VSOCK &&
	       ioctl(endpoint->in, SIOCATMARK, &mark) == 0 && mark;
}

static bool is_socket(uint8_t kind)
{
	return kind == ENDPOINT_SOCKET || kind == ENDPOINT_MESSAGES || kind == ENDPOINT_SENDER;
}

/* The sender first: it must not hold the number of a descriptor that is closed. */
static int close_output(struct endpoint *endpoint)
{
	if (endpoint->out < 0 || endpoint->out == endpoint->in)
		return 0;
	endpoint_unprepare(endpoint);
	return fd_finish(&endpoint->out);
}

static bool within_this_machine(int fd)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	struct in6_addr ip;

	return getpeername(fd, (struct sockaddr *)&sa, &size) == 0 &&
	       ip_from_sockaddr((struct sockaddr *)&sa, &ip) && ip_is_loopback(&ip);
}

/* Never smaller; what the kernel refuses is as it was. */
static void enlarge_pipe(int fd, int room)
{
	if (fcntl(fd, F_GETPIPE_SZ) < room)
		(void)fcntl(fd, F_SETPIPE_SZ, room);
}

void endpoint_ask_much(const struct endpoint *endpoint, int room)
{
	if (endpoint->in_kind == ENDPOINT_PIPE)
		enlarge_pipe(endpoint->in, room);
}

static void expect_much_nearby(int fd)
{
	int unsent = UNSENT_MAX;

	/* always there, never paced */
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

void endpoint_expect_much(const struct endpoint *endpoint, int room)
{
	if (endpoint->out_kind == ENDPOINT_PIPE)
		enlarge_pipe(endpoint->out, room);
	if (endpoint->out_kind != ENDPOINT_SOCKET || endpoint->inherited)
		return;
	/* what the kernel refuses is as it was */
	if (endpoint->family == ADDR_UNIX)
		setsockopt(endpoint->out, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	else if (endpoint->family == ADDR_TCP && within_this_machine(endpoint->out))
		expect_much_nearby(endpoint->out);
}

int endpoint_finish(struct endpoint *endpoint)
{
	if (endpoint->out < 0)
		return 0;
	/* ENOTCONN: the peer has already closed */
	if (is_socket(endpoint->out_kind))
		shutdown(endpoint->out, SHUT_WR);
	else if (endpoint->out_kind == ENDPOINT_HOOKED && endpoint->hook->finish)
		endpoint->hook->finish(endpoint->hook);
	return close_output(endpoint);
}

void endpoint_ignore(struct endpoint *endpoint)
{
	if (endpoint->in < 0)
		return;
	/* A TCP peer is not told by it, and Linux resets the connection, with what it still had to
	 * send, if anything comes after the end was sent too (tcp_rcv_state_process). */
	if (is_socket(endpoint->in_kind) && endpoint->family != ADDR_TCP)
		shutdown(endpoint->in, SHUT_RD);
	if (endpoint->out != endpoint->in)
		fd_close(&endpoint->in);
}

void endpoint_close(struct endpoint *endpoint)
{
	(void)close_output(endpoint);
	endpoint_unprepare(endpoint);
	if (endpoint->in_kind == ENDPOINT_FLOW)
		endpoint->in = -1;
	fd_close(&endpoint->in);
	endpoint->out = -1;
}

static bool has_left(const struct endpoint *endpoint)
{
	struct stat st;
	int waiting = 0;

	if (endpoint->in < 0 || fstat(endpoint->in, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode))
		return lseek(endpoint->in, 0, SEEK_CUR) < st.st_size;
	return !isatty(endpoint->in) && ioctl(endpoint->in, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool endpoint_input_left(const struct endpoint *endpoint)
{
	return endpoint->standard && has_left(endpoint);
}

bool endpoint_file_left(const struct endpoint *endpoint)
{
	return endpoint->in_kind == ENDPOINT_FILE && has_left(endpoint);
}

int endpoint_unread(const struct endpoint *endpoint)
{
	int unread = 0;

	if (endpoint->out_kind != ENDPOINT_SOCKET || endpoint->family != ADDR_UNIX ||
	    ioctl(endpoint->out, SIOCOUTQ, &unread) < 0)
		return 0;
	return unread;
}

void endpoint_abort(struct endpoint *endpoint)
{
	if (endpoint->family == ADDR_TCP) {
		socket_abort(endpoint->in);
		if (endpoint->out != endpoint->in)
			socket_abort(endpoint->out);
	}
	endpoint_close(endpoint);
}

int endpoint_unacknowledged(const struct endpoint *endpoint)
{
	int bytes = 0;

	if (endpoint->family != ADDR_TCP || endpoint->out_kind != ENDPOINT_SOCKET)
		return 0;
	return ioctl(endpoint->out, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

static int queue_of(uint8_t kind, int fd, unsigned long request)
{
	int bytes = 0;

	if (fd < 0 || kind != ENDPOINT_SOCKET)
		return -1;
	return ioctl(fd, request, &bytes) == 0 ? bytes : -1;
}

int endpoint_received(const struct endpoint *endpoint)
{
	return queue_of(endpoint->in_kind, endpoint->in, SIOCINQ);
}

int endpoint_sent(const struct endpoint *endpoint)
{
	return queue_of(endpoint->out_kind, endpoint->out, SIOCOUTQ);
}

int endpoint_error(const struct endpoint *endpoint)
{
	int error = socket_option(endpoint->in >= 0 ? endpoint->in : endpoint->out, SO_ERROR);

	return error < 0 ? 0 : error;
}

int endpoint_gone(const struct endpoint *endpoint, uint32_t events)
{
	if (!is_socket(endpoint->out_kind))
		return (events & EPOLLERR) != 0; /* a pipe without a reader */
	if (endpoint->family != ADDR_VSOCK)
		return (events & (EPOLLHUP | EPOLLERR)) != 0;
	/* On vsock EPOLLHUP proves nothing, but sending zero bytes does: EPIPE once the peer has
	 * closed both directions (af_vsock.c, vsock_connectible_sendmsg). A pending error comes
	 * first. */
	if (send(endpoint->out, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN ||
	    errno == ENOTCONN)
		return 0;
	return errno == EPIPE ? 1 : -errno;
}
