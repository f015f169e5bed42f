/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
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

#include "base/log.h"
#include "base/units.h"
#include "net/peer.h"

#ifndef SO_VM_SOCKETS_CONNECT_TIMEOUT
#define SO_VM_SOCKETS_CONNECT_TIMEOUT 6
#endif
#ifndef VMADDR_FLAG_TO_HOST
#define VMADDR_FLAG_TO_HOST 1
#endif

/* The kernel's jiffies bound the connect time-out (net/vmw_vsock/af_vsock.c); three weeks are below it everywhere. */
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
	/* struct sockaddr_vm has svm_flags since Linux 5.11; in older headers the same byte is the first of svm_zero */
	if (role == ADDR_CONNECT && (addr->options.given & ADDR_OPT_TO_HOST))
		((unsigned char *)vm)[offsetof(struct sockaddr_vm, svm_cid) + sizeof(vm->svm_cid)] = VMADDR_FLAG_TO_HOST;
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
	const char *base = strrchr(path, '/');
	char directory[ADDR_NAME_MAX];
	int length;

	un->sun_family = AF_UNIX;
	place->length = sizeof(*un);
	if (strlen(path) < sizeof(un->sun_path)) {
		strcpy(un->sun_path, path);
		return 0;
	}
	base = base ? base + 1 : path;
	snprintf(directory, sizeof(directory), "%.*s", (int)(base - path), path);
	*keep_fd = open(*directory ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*keep_fd < 0)
		return -errno;
	length = snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s", *keep_fd, base);
	if (length < (int)sizeof(un->sun_path))
		return 0;
	close(*keep_fd);
	*keep_fd = -1;
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

int socket_place(const struct addr *addr, enum addr_role role, struct place *place, int *keep_fd, struct failure *failure)
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
		error = addr->abstract ? place_abstract(addr->name, place) : place_path(addr->name, place, keep_fd);
		break;
	case ADDR_MUX:
		error = place_path(role == ADDR_LISTEN && socket_file(addr, path, sizeof(path)) ? path : addr->name, place, keep_fd);
		break;
	default:
		break;
	}
	if (error)
		*failure = (struct failure){ .step = role == ADDR_LISTEN ? STEP_BIND : STEP_CONNECT, .error = -error };
	return error;
}

/* Options */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
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
		log_notice("%s: the kernel made the window %s, not %s", addr_format_short(addr, text, sizeof(text)),
		           units_show_size(got, have, sizeof(have)), units_show_size(window, wanted, sizeof(wanted)));
	return 0;
}

static int set_vsock(int fd, const struct addr *addr, const struct socket_defaults *defaults)
{
	uint64_t limit = addr->options.given & ADDR_OPT_CONNECT_TIMEOUT ? addr->options.connect_timeout
	                                                                : defaults->connect_timeout;

	set_timeout(fd, limit);
	if (addr->options.given & ADDR_OPT_WINDOW)
		return set_window(fd, addr);
	return 0;
}

void socket_tune(int fd, const struct addr *addr)
{
	unsigned given = addr->options.given;

	if (addr->family != ADDR_TCP)
		return;
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, given & ADDR_OPT_NODELAY ? addr->options.nodelay : 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, given & ADDR_OPT_KEEPALIVE ? addr->options.keepalive : 1);
}

void socket_tune_family(int fd, int family)
{
	static const struct addr tcp = { .family = ADDR_TCP };

	if (family == AF_INET || family == AF_INET6)
		socket_tune(fd, &tcp);
}

static int open_socket(const struct addr *addr, const struct place *place)
{
	int type = addr->family == ADDR_UDP ? SOCK_DGRAM : addr->seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;

	return socket(place->sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(options->bind_tcp_port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(options->bind_tcp_port) };

	if (addr->family == ADDR_TCP)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (family == AF_INET && (!*options->bind_host || inet_pton(AF_INET, options->bind_host, &in.sin_addr) == 1))
		return bind(fd, (const struct sockaddr *)&in, sizeof(in));
	if (family == AF_INET6 && (!*options->bind_host || inet_pton(AF_INET6, options->bind_host, &in6.sin6_addr) == 1))
		return bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	errno = EAFNOSUPPORT; /* source and destination of different IP versions */
	return -1;
}

int socket_connect(const struct addr *addr, const struct place *place, const struct socket_defaults *defaults, bool *pending,
                   struct failure *failure)
{
	enum step step = STEP_SOCKET;
	int error, fd;

	*pending = false;
	fd = open_socket(addr, place);
	if (fd < 0)
		return failed(failure, step);
	step = STEP_OPTION;
	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, defaults) < 0)
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
	/* EINTR of a non-blocking connect: it goes on (connect(2)) */
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
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error)
		*failure = (struct failure){ .step = STEP_CONNECT, .error = error };
	return -error;
}

/* Listening */

/*
 * Is somebody bound to this socket file? A datagram socket asks: the kernel looks the file up before it compares types, so
 * the answer is EPROTOTYPE where a stream socket lives and ECONNREFUSED where none does, and nobody is woken by it.
 */
static bool path_alive(const struct place *place)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool alive;

	if (fd < 0)
		return true;
	alive = connect(fd, (const struct sockaddr *)&place->sa, place->length) == 0 || errno != ECONNREFUSED;
	close(fd);
	return alive;
}

static void remove_stale(const struct place *place)
{
	const char *path = ((const struct sockaddr_un *)&place->sa)->sun_path;
	struct stat st;

	if (*path && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !path_alive(place))
		unlink(path);
}

/* A number, or a name of passwd or group; -1 where it is unknown. */
static long find_id(const char *text, bool group)
{
	char *end;
	long number = strtol(text, &end, 10);
	const struct passwd *pw;
	const struct group *gr;

	if (*text && !*end)
		return number;
	if (group)
		return (gr = getgrnam(text)) ? (long)gr->gr_gid : -1;
	return (pw = getpwnam(text)) ? (long)pw->pw_uid : -1;
}

static int own_path(const char *path, const struct addr_options *options)
{
	long uid = -1, gid = -1;

	if (options->given & ADDR_OPT_OWNER && (uid = find_id(options->owner, false)) < 0) {
		errno = ENOENT;
		return -1;
	}
	if (options->given & ADDR_OPT_GROUP && (gid = find_id(options->group, true)) < 0) {
		errno = ESRCH;
		return -1;
	}
	if ((uid >= 0 || gid >= 0) && chown(path, (uid_t)uid, (gid_t)gid) < 0)
		return -1;
	return options->given & ADDR_OPT_MODE ? chmod(path, options->mode) : 0;
}

/* 0600 from the first moment; owner and group before a wider mode. */
static int bind_path(int fd, const struct addr *addr, const struct place *place, enum step *step)
{
	const char *path = ((const struct sockaddr_un *)&place->sa)->sun_path;
	mode_t before;
	int result;

	remove_stale(place);
	before = umask(0177);
	result = bind(fd, (const struct sockaddr *)&place->sa, place->length);
	umask(before);
	if (result == 0 && own_path(path, &addr->options) < 0) {
		int error = errno;

		*step = STEP_OWN;
		unlink(path);
		errno = error;
		result = -1;
	}
	return result;
}

static int bind_listener(int fd, const struct addr *addr, const struct place *place, enum step *step)
{
	if (place->sa.ss_family == AF_UNIX && ((const struct sockaddr_un *)&place->sa)->sun_path[0])
		return bind_path(fd, addr, place, step);
	return bind(fd, (const struct sockaddr *)&place->sa, place->length);
}

static int backlog_of(const struct addr *addr)
{
	return addr->options.given & ADDR_OPT_BACKLOG ? (int)addr->options.backlog : SOMAXCONN;
}

void socket_tell_destination(int fd)
{
	int family = AF_INET;
	socklen_t size = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
	if (family == AF_INET)
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	else
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

int socket_listen(const struct addr *addr, const struct place *place, const struct socket_defaults *defaults,
                  struct failure *failure)
{
	enum step step = STEP_SOCKET;
	int error, fd;

	fd = open_socket(addr, place);
	if (fd < 0)
		return failed(failure, step);
	step = STEP_OPTION;
	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, defaults) < 0)
		goto fail;
	if (addr->family == ADDR_TCP)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* "tcp:*" is two listeners, so that the IPv4 one is a real one and its peers are not v4-mapped */
	if (place->sa.ss_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (addr->family == ADDR_UDP && addr->wildcard)
		socket_tell_destination(fd);
	socket_tune(fd, addr); /* what is accepted inherits it */
	step = STEP_BIND;
	if (bind_listener(fd, addr, place, &step) < 0)
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

int socket_renew(int fd, const struct addr *addr, const struct place *place, struct failure *failure)
{
	const char *path = place->sa.ss_family == AF_UNIX ? ((const struct sockaddr_un *)&place->sa)->sun_path : "";

	if (addr->family == ADDR_VSOCK && set_vsock(fd, addr, &(const struct socket_defaults){ 0 }) < 0)
		return failed(failure, STEP_OPTION);
	socket_tune(fd, addr);
	/* the mode that bind_path() makes */
	if (*path && !(addr->options.given & ADDR_OPT_MODE) && chmod(path, 0600) < 0)
		return failed(failure, STEP_OWN);
	if (*path && own_path(path, &addr->options) < 0)
		return failed(failure, STEP_OWN);
	return addr->family != ADDR_UDP && listen(fd, backlog_of(addr)) < 0 ? failed(failure, STEP_LISTEN) : 0;
}

bool socket_is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

bool socket_is_datagram(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

bool socket_is_udp(int fd)
{
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_UDP;
}

uint32_t socket_overflowed(int fd)
{
	uint32_t told[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(told);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, told, &size) == 0 ? told[SK_MEMINFO_DROPS] : 0;
}

int socket_accept(int listener, struct place *place, struct failure *failure)
{
	int fd;

	memset(place, 0, sizeof(*place));
	place->length = sizeof(place->sa);
	do
		fd = accept4(listener, (struct sockaddr *)&place->sa, &place->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? failed(failure, STEP_ACCEPT) : fd;
}

char *socket_local_text(int fd, const struct addr *addr, char *buf, size_t size)
{
	struct addr *local;
	struct peer peer;

	peer_of_local(fd, &peer);
	local = malloc(sizeof(*local));
	if (!local)
		return addr_format_short(addr, buf, size);
	*local = *addr;
	if (peer.family == ADDR_VSOCK)
		local->port = local->port_last = peer.u.vsock.port;
	else if (peer.family == ADDR_TCP && !*local->service)
		local->port = local->port_last = peer.u.tcp.port;
	addr_format_short(local, buf, size);
	free(local);
	return buf;
}
