/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/units.h"
#include "net/peer.h"
#include "net/socket-file.h"

#ifndef SO_VM_SOCKETS_CONNECT_TIMEOUT
#define SO_VM_SOCKETS_CONNECT_TIMEOUT 6
#endif
#ifndef VMADDR_FLAG_TO_HOST
#define VMADDR_FLAG_TO_HOST 1
#endif

/* The kernel's jiffies bound the connect timeout (net/vmw_vsock/af_vsock.c); three weeks are below
 * it everywhere. */
#define KERNEL_LONGEST_TIMEOUT (21ULL * 86400 * NSEC_PER_SEC)

static int failed(struct failure *failure, enum step step)
{
	int error = errno;

	*failure = (struct failure){ .step = step, .error = error };
	return -error;
}

/* Places */

static void place_vsock(const struct addr *addr, enum addr_role role, struct place *place)
{
	struct sockaddr_vm *vm = (void *)&place->sa;

	vm->svm_family = AF_VSOCK;
	vm->svm_cid = addr->cid;
	vm->svm_port = addr->port;
	/* struct sockaddr_vm has svm_flags since Linux 5.11; in older headers the same byte is the
	 * first of svm_zero */
	if (role == ADDR_CONNECT && (addr->options.given & ADDR_OPT_TO_HOST))
		((unsigned char *)vm)[offsetof(struct sockaddr_vm, svm_cid) + sizeof(vm->svm_cid)] =
			VMADDR_FLAG_TO_HOST;
	place->length = sizeof(*vm);
}

static int place_abstract(const char *name, struct place *place)
{
	struct sockaddr_un *un = (void *)&place->sa;
	size_t length = strlen(name);

	if (length + 1 > sizeof(un->sun_path))
		return -ENAMETOOLONG;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + 1, name, length);
	place->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	return 0;
}

/* A path that is too long for sun_path is reached through its directory: /proc/self/fd/N/BASE. */
static int place_path(const char *path, struct place *place, int *keep_fd)
{
	struct sockaddr_un *un = (void *)&place->sa;
	struct safe_directory directory;
	int length, error;

	un->sun_family = AF_UNIX;
	place->length = sizeof(*un);
	if (strlen(path) < sizeof(un->sun_path)) {
		strcpy(un->sun_path, path);
		return 0;
	}
	error = safe_directory(path, &directory);
	if (error)
		return error;
	*keep_fd = directory.fd;
	length = snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s", *keep_fd,
			  directory.name);
	if (length < (int)sizeof(un->sun_path))
		return 0;
	fd_close(keep_fd);
	return -ENAMETOOLONG;
}

bool socket_file(const struct addr *addr, char *path, size_t size)
{
	/* guest to host: the VMM connects to the socket PATH_PORT */
	if (addr->family == ADDR_MUX)
		snprintf(path, size, "%s_%u", addr->name, addr->port);
	else if (addr->family == ADDR_UNIX && !addr->abstract)
		snprintf(path, size, "%s", addr->name);
	else
		return false;
	return true;
}

int socket_place(const struct addr *addr, enum addr_role role, struct place *place, int *keep_fd,
		 struct failure *failure)
{
	char path[SOCKET_FILE_MAX];
	int error = -EAFNOSUPPORT;

	memset(place, 0, sizeof(*place));
	*keep_fd = -1;
	switch (addr->family) {
	case ADDR_VSOCK:
		place_vsock(addr, role, place);
		return 0;
	case ADDR_UNIX:
		error = addr->abstract ? place_abstract(addr->name, place)
				       : place_path(addr->name, place, keep_fd);
		break;
	case ADDR_MUX:
		error = place_path(role == ADDR_LISTEN && socket_file(addr, path, sizeof(path))
					   ? path
					   : addr->name,
				   place, keep_fd);
		break;
	default:
		break;
	}
	if (error)
		*failure = (struct failure){ .step = role == ADDR_LISTEN ? STEP_BIND : STEP_CONNECT,
					     .error = -error };
	return error;
}

/* Options */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

static void set_timeout(int fd, uint64_t ns)
{
	struct timeval limit;

	if (!ns)
		return;
	if (ns > KERNEL_LONGEST_TIMEOUT)
		ns = KERNEL_LONGEST_TIMEOUT;
	limit.tv_sec = (time_t)(ns / NSEC_PER_SEC);
	limit.tv_usec = (suseconds_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	if (!limit.tv_sec && !limit.tv_usec)
		limit.tv_usec = 1;
	setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof(limit));
}

/* The receiver's window. The limit first, for the kernel clamps the size to it. */
static int set_window(int fd, const struct addr *addr)
{
	uint64_t window = addr->options.window, got = 0;
	socklen_t size = sizeof(got);
	char text[128], wanted[32], have[32];

	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &window, sizeof(window)) < 0 ||
	    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &window, sizeof(window)) < 0 ||
	    getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &got, &size) < 0)
		return -1;
	if (got != window)
		log_notice("%s: the kernel set the window to %s instead of %s",
			   addr_format_short(addr, text, sizeof(text)),
			   units_show_size(got, have, sizeof(have)),
			   units_show_size(window, wanted, sizeof(wanted)));
	return 0;
}

static int set_vsock(int fd, const struct addr *addr, uint64_t connect_timeout)
{
	set_timeout(fd, addr->options.given & ADDR_OPT_CONNECT_TIMEOUT
				? addr->options.connect_timeout
				: connect_timeout);
	return addr->options.given & ADDR_OPT_WINDOW ? set_window(fd, addr) : 0;
}

/* How many in a row stay without an answer before a connection with keepalive=TIME ends. */
#define KEEPALIVE_PROBES 3

void socket_tune(int fd, const struct addr *addr)
{
	unsigned given = addr->options.given;

	if (addr->family != ADDR_TCP)
		return;
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, given & ADDR_OPT_NODELAY ? addr->options.nodelay : 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE,
		given & ADDR_OPT_KEEPALIVE ? addr->options.keepalive : 1);
	if (!addr->options.keepalive_time)
		return;
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, addr->options.keepalive_time);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, addr->options.keepalive_time);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

void socket_tune_family(int fd, int family)
{
	static const struct addr tcp = { .family = ADDR_TCP };

	if (family == AF_INET || family == AF_INET6)
		socket_tune(fd, &tcp);
}

/* The descriptor, or a negative errno. */
static int open_socket(const struct addr *addr, const struct place *place, struct failure *failure)
{
	int type = addr->family == ADDR_UDP ? SOCK_DGRAM
		   : addr->seqpacket	    ? SOCK_SEQPACKET
					    : SOCK_STREAM;
	bool entered = true;
	int fd;

	type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
	if (*addr->options.netns) {
		fd = netns_socket(addr->options.netns, place->sa.ss_family, type, &entered);
	} else {
		fd = socket(place->sa.ss_family, type, 0);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		*failure = (struct failure){ .step = entered ? STEP_SOCKET : STEP_NETNS,
					     .error = -fd };
	return fd;
}

/* Connecting */

static int bind_vsock_source(int fd, const struct addr_options *options)
{
	struct sockaddr_vm vm = {
		.svm_family = AF_VSOCK,
		.svm_cid = options->bind_cid,
		.svm_port = options->bind_port,
	};

	return bind(fd, (const struct sockaddr *)&vm, sizeof(vm));
}

static int bind_ip_source(int fd, const struct addr *addr, int family)
{
	const struct addr_options *options = &addr->options;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(options->bind_tcp_port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(options->bind_tcp_port) };

	if (addr->family == ADDR_TCP)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (family == AF_INET &&
	    (!*options->bind_host || inet_pton(AF_INET, options->bind_host, &in.sin_addr) == 1))
		return bind(fd, (const struct sockaddr *)&in, sizeof(in));
	if (family == AF_INET6 &&
	    (!*options->bind_host || inet_pton(AF_INET6, options->bind_host, &in6.sin6_addr) == 1))
		return bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	errno = EAFNOSUPPORT; /* source and destination of different IP versions */
	return -1;
}

int socket_connect(const struct addr *addr, const struct place *place,
		   const struct socket_defaults *defaults, bool *pending, struct failure *failure)
{
	enum step step = STEP_OPTION;
	int error, fd;

	*pending = false;
	fd = open_socket(addr, place, failure);
	if (fd < 0)
		return fd;
	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, defaults->connect_timeout) < 0)
		goto fail;
	step = STEP_BIND;
	if (addr->options.given & ADDR_OPT_BIND &&
	    (addr->family == ADDR_VSOCK ? bind_vsock_source(fd, &addr->options)
					: bind_ip_source(fd, addr, place->sa.ss_family)) < 0)
		goto fail;
	socket_tune(fd, addr);
	step = STEP_CONNECT;
	if (defaults->began)
		*defaults->began = units_now();
	if (connect(fd, (const struct sockaddr *)&place->sa, place->length) == 0)
		return fd;
	/* EINTR of a non-blocking connect: it continues (connect(2)) */
	if (errno != EINPROGRESS && errno != EINTR)
		goto fail;
	*pending = true;
	return fd;
fail:
	error = failed(failure, step);
	close(fd);
	return error;
}

int socket_connected(int fd, struct failure *failure)
{
	int error = abs(socket_option(fd, SO_ERROR));

	if (error)
		*failure = (struct failure){ .step = STEP_CONNECT, .error = error };
	return -error;
}

/* Listening */

static int bind_listener(int fd, const struct addr *addr, const struct place *place,
			 struct socket_inode *inode, enum step *step)
{
	if (place->sa.ss_family == AF_UNIX && ((const struct sockaddr_un *)&place->sa)->sun_path[0])
		return socket_file_bind(fd, place, &addr->options, inode, step);
	return bind(fd, (const struct sockaddr *)&place->sa, place->length);
}

static int backlog_of(const struct addr *addr)
{
	return addr->options.given & ADDR_OPT_BACKLOG ? (int)addr->options.backlog : SOMAXCONN;
}

void socket_tell_destination(int fd)
{
	if (socket_option(fd, SO_DOMAIN) == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

int socket_listen(const struct addr *addr, const struct place *place, struct socket_inode *inode,
		  struct failure *failure)
{
	enum step step = STEP_OPTION;
	int error, fd;

	*inode = (struct socket_inode){ 0 };
	fd = open_socket(addr, place, failure);
	if (fd < 0)
		return fd;
	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, 0) < 0)
		goto fail;
	if (addr->family == ADDR_TCP)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* "tcp:*" is two listeners, so that the IPv4 one is a real one and its peers are not
	 * v4-mapped */
	if (place->sa.ss_family == AF_INET6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		goto fail;
	if (addr->family == ADDR_UDP && addr->wildcard)
		socket_tell_destination(fd);
	socket_tune(fd, addr); /* what is accepted inherits it */
	step = STEP_BIND;
	if (bind_listener(fd, addr, place, inode, &step) < 0)
		goto fail;
	step = STEP_LISTEN;
	if (addr->family != ADDR_UDP && listen(fd, backlog_of(addr)) < 0)
		goto fail;
	return fd;
fail:
	error = failed(failure, step);
	close(fd);
	return error;
}

/* Gives one socket the value that another has. */
static void copy_option(int to, int from, int level, int name)
{
	char value[sizeof(uint64_t)];
	socklen_t size = sizeof(value);

	if (getsockopt(from, level, name, value, &size) == 0)
		setsockopt(to, level, name, value, size);
}

/* Options that the address no longer has get the values of a new socket. Best effort. */
static void set_defaults(int fd, const struct addr *addr)
{
	bool window = addr->family == ADDR_VSOCK && !(addr->options.given & ADDR_OPT_WINDOW),
	     keepalive = addr->family == ADDR_TCP && !addr->options.keepalive_time;
	struct place place = { 0 };
	struct failure failure;
	int family = socket_option(fd, SO_DOMAIN), fresh;

	if ((!window && !keepalive) || family < 0)
		return;
	place.sa.ss_family = (sa_family_t)family;
	fresh = open_socket(addr, &place, &failure);
	if (fresh < 0)
		return;
	if (window) { /* the limit first, as above */
		copy_option(fd, fresh, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE);
		copy_option(fd, fresh, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE);
	} else {
		copy_option(fd, fresh, IPPROTO_TCP, TCP_KEEPIDLE);
		copy_option(fd, fresh, IPPROTO_TCP, TCP_KEEPINTVL);
		copy_option(fd, fresh, IPPROTO_TCP, TCP_KEEPCNT);
	}
	close(fresh);
}

int socket_renew(int fd, const struct addr *addr, const struct socket_inode *inode,
		 struct failure *failure)
{
	char path[SOCKET_FILE_MAX];

	set_defaults(fd, addr);
	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, 0) < 0)
		return failed(failure, STEP_OPTION);
	socket_tune(fd, addr);
	if (socket_file(addr, path, sizeof(path)) &&
	    socket_file_renew(path, &addr->options, inode) < 0)
		return failed(failure, STEP_OWN);
	return addr->family != ADDR_UDP && listen(fd, backlog_of(addr)) < 0
		       ? failed(failure, STEP_LISTEN)
		       : 0;
}

void socket_state(const struct socket_inode *inode, struct addr *addr)
{
	char path[SOCKET_FILE_MAX];

	if (socket_file(addr, path, sizeof(path)))
		(void)socket_file_state(path, inode, &addr->options);
}

bool socket_is_listening(int fd)
{
	return socket_option(fd, SO_ACCEPTCONN) > 0;
}

bool socket_is_shut(int fd)
{
	struct pollfd shut = { .fd = fd };

	return !socket_is_listening(fd) ||
	       (poll(&shut, 1, 0) == 1 && shut.revents & (POLLHUP | POLLERR));
}

static bool no_linger;

void socket_abort_without_linger(void)
{
	no_linger = true;
}

void socket_abort_now(int fd)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	(void)!connect(fd, &nowhere, sizeof(nowhere));
}

void socket_abort(int fd)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	/* vsock would wait for unsent bytes: SO_LINGER means something there since Linux 6.16 */
	if (socket_option(fd, SO_PROTOCOL) != IPPROTO_TCP)
		return;
	/* the same (tcp_disconnect(), net/ipv4/tcp.c), at once and not with the last close(2) */
	if (no_linger)
		socket_abort_now(fd);
	else
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

bool socket_is_connected(int fd)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	struct pollfd broken = { .fd = fd };

	return getpeername(fd, (struct sockaddr *)&sa, &size) == 0 || errno != ENOTCONN ||
	       (poll(&broken, 1, 0) == 1 && broken.revents & POLLERR);
}

bool socket_is_datagram(int fd)
{
	return socket_option(fd, SO_TYPE) == SOCK_DGRAM;
}

bool socket_is_udp(int fd)
{
	return socket_option(fd, SO_PROTOCOL) == IPPROTO_UDP;
}

uint32_t socket_overflowed(int fd)
{
	uint32_t told[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(told);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, told, &size) == 0
		       ? told[SK_MEMINFO_DROPS]
		       : 0;
}

int socket_accept(int listener, struct place *place, struct failure *failure)
{
	int fd;

	memset(place, 0, sizeof(*place));
	place->length = sizeof(place->sa);
	do
		fd = accept4(listener, (struct sockaddr *)&place->sa, &place->length,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? failed(failure, STEP_ACCEPT) : fd;
}

char *socket_local_text(int fd, const struct addr *addr, char *buf, size_t size)
{
	struct addr local = *addr;
	struct peer peer;

	peer_of_local(fd, &peer);
	if (peer.family == ADDR_VSOCK)
		local.port = local.port_last = peer.u.vsock.port;
	else if (peer.family == ADDR_TCP && !*local.service)
		local.port = local.port_last = peer.u.tcp.port;
	return addr_format_short(&local, buf, size);
}
