/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/diag.h"

#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>

bool diag_is_quiet(const struct machine *machine)
{
	return !machine->loads_modules || machine_module_ready(machine->diag);
}

const char *diag_state_name(enum diag_state state)
{
	static const char *const names[] = { "listen", "open", "connecting", "closing", "bound" };
	return names[state];
}

const char *diag_type_name(int type)
{
	return type == SOCK_SEQPACKET ? "seqpacket" : type == SOCK_DGRAM ? "dgram" : "stream";
}

static enum diag_state state_of(unsigned state)
{
	switch (state) {
	case TCP_LISTEN:
		return DIAG_LISTEN;
	case TCP_ESTABLISHED:
		return DIAG_OPEN;
	case TCP_SYN_SENT:
		return DIAG_CONNECTING;
	case TCP_CLOSING:
		return DIAG_CLOSING;
	default:
		return DIAG_BOUND;
	}
}

static int list_add(struct diag_list *list, size_t *room, const struct vsock_diag_msg *msg)
{
	if (list->count == *room) {
		size_t more = *room ? *room * 2 : 32;
		struct diag_socket *bigger = reallocarray(list->sockets, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		list->sockets = bigger;
		*room = more;
	}
	list->sockets[list->count++] = (struct diag_socket){
		.state = state_of(msg->vdiag_state),
		.type = msg->vdiag_type,
		.cid = msg->vdiag_src_cid,
		.port = msg->vdiag_src_port,
		.peer_cid = msg->vdiag_dst_cid,
		.peer_port = msg->vdiag_dst_port,
		.inode = msg->vdiag_ino,
	};
	return 0;
}

/* To diag_read()'s callers -EAGAIN is something else than no answer in time. */
static int failed(int error)
{
	return error == EAGAIN ? -ETIMEDOUT : -error;
}

static int diag_ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct vsock_diag_req req;
	} message = {
		.header = {
			.nlmsg_len = sizeof(message),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = { .sdiag_family = AF_VSOCK, .vdiag_states = ~0u },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n = sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	return n < 0 ? failed(errno) : 0;
}

/* One datagram of the answer: 1 at its end, 0 if more follows, or a negative errno. */
static int diag_take(struct diag_list *list, size_t *room, const char *data, size_t length)
{
	while (length >= sizeof(struct nlmsghdr)) {
		const char *body = data + NLMSG_HDRLEN;
		struct nlmsghdr header;
		size_t size, step;

		memcpy(&header, data, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length)
			return -EPROTO;
		size = header.nlmsg_len - sizeof(header);
		if (header.nlmsg_type == NLMSG_DONE)
			return 1;
		if (header.nlmsg_type == NLMSG_ERROR) {
			struct nlmsgerr error = { 0 };
			memcpy(&error, body, size < sizeof(error) ? size : sizeof(error));
			return error.error < 0 ? error.error : -EPROTO;
		}
		if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    size >= sizeof(struct vsock_diag_msg)) {
			struct vsock_diag_msg msg;
			int error;

			memcpy(&msg, body, sizeof(msg));
			error = list_add(list, room, &msg);
			if (error)
				return error;
		}
		step = NLMSG_ALIGN(header.nlmsg_len);
		if (step >= length)
			break;
		data += step;
		length -= step;
	}
	return 0;
}

/*
 * Owners
 */

static int by_inode(const void *a, const void *b)
{
	const struct diag_socket *x = a, *y = b;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void owner_note(struct diag_socket *socket, pid_t pid, int proc)
{
	char path[64];
	ssize_t n;
	int fd;

	if (socket->pid && socket->pid != pid) {
		socket->others++;
		if (socket->pid < pid)
			return;
	}
	socket->pid = pid;
	snprintf(path, sizeof(path), "%d/comm", (int)pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, socket->program, sizeof(socket->program) - 1);
	socket->program[n > 0 ? n : 0] = '\0';
	socket->program[strcspn(socket->program, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Which of the sockets (ordered by inode) has this process open? */
static void owner_look(struct diag_list *list, pid_t pid, int proc)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct diag_socket key = { 0 }, *socket;
		char link[64];
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);

		if (n < 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%u]", &key.inode) != 1 || !key.inode)
			continue;
		socket = bsearch(&key, list->sockets, list->count, sizeof(key), by_inode);
		if (socket && socket->pid != pid)
			owner_note(socket, pid, proc);
	}
	closedir(dir);
}

static void owners_find(struct diag_list *list)
{
	DIR *dir = list->count ? opendir("/proc") : NULL;
	struct dirent *entry;

	if (!dir)
		return;
	qsort(list->sockets, list->count, sizeof(*list->sockets), by_inode);
	while ((entry = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (!*end && pid > 0 && pid <= INT_MAX)
			owner_look(list, (pid_t)pid, dirfd(dir));
	}
	closedir(dir);
}

static int by_place(const void *a, const void *b)
{
	const struct diag_socket *x = a, *y = b;
	const uint32_t left[] = { (uint32_t)x->netns, x->state,	   x->port,
				  x->cid + 1,	      x->peer_cid, x->peer_port };
	const uint32_t right[] = { (uint32_t)y->netns, y->state,    y->port,
				   y->cid + 1,	       y->peer_cid, y->peer_port };
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* Adds those of the namespace that this thread is in. 0 or a negative errno. */
static int read_here(struct diag_list *list, size_t *room)
{
	/* The kernel answers at once; this only keeps us from waiting for ever. */
	const struct timeval limit = { .tv_sec = 5 };
	int fd, state;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	state = diag_ask(fd);
	while (state == 0) {
		char data[32768];
		ssize_t n = recv(fd, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		state = n < 0 ? failed(errno) : diag_take(list, room, data, (size_t)n);
	}
	close(fd);
	return state < 0 ? state : 0;
}

struct reading {
	struct diag_list *list;
	size_t room;
	int error;
};

static void read_there(void *context)
{
	struct reading *reading = context;

	reading->error = read_here(reading->list, &reading->room);
}

/* Those of the other namespaces. What this user may not see, or what ends meanwhile, is left out.
 */
static void read_others(struct reading *reading)
{
	struct diag_list *list = reading->list;

	if (netns_find(&list->namespaces) < 0)
		return;
	for (size_t i = 0; i < list->namespaces.count; i++) {
		size_t before = list->count;
		int error = netns_run(list->namespaces.entries[i].name, read_there, reading);

		if (error == -EPERM)
			return;
		while (before < list->count)
			list->sockets[before++].netns = i + 1;
	}
}

const char *diag_netns(const struct diag_list *list, const struct diag_socket *socket)
{
	return socket->netns ? list->namespaces.entries[socket->netns - 1].name : NULL;
}

int diag_read(struct diag_list *list)
{
	struct reading reading = { .list = list };

	*list = (struct diag_list){ 0 };
	read_there(&reading);
	if (reading.error) {
		diag_free(list);
		return reading.error;
	}
	read_others(&reading);
	owners_find(list);
	if (list->count)
		qsort(list->sockets, list->count, sizeof(*list->sockets), by_place);
	return 0;
}

void diag_free(struct diag_list *list)
{
	free(list->sockets);
	netns_list_free(&list->namespaces);
	*list = (struct diag_list){ 0 };
}
