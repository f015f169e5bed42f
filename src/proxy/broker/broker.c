/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "base/wire.h"

#define ERRNO_MAX 4095 /* as in the kernel */
#define EAI_LEAST (-4095)
#define FAMILY_MOST 31 /* a bit for each, see net/explain-causes.c */
#define LENGTH sizeof(uint32_t) /* before each message that goes up */

struct broker_parcel {
	struct broker_parcel *next;
	size_t size, sent; /* sent: of one that goes up */
	int fd;
	uint8_t data[LENGTH + BROKER_SIZE_MAX]; /* one that waits has memory for size bytes */
};

union control {
	struct cmsghdr header;
	char room[FD_RIGHTS(BROKER_DESCRIPTORS_MAX)];
};

/* Fields */

static void wire_ip(struct wire *wire, bool v6, void *v4_bytes, struct in6_addr *v6_bytes)
{
	wire_bytes(wire, v6 ? (void *)v6_bytes : v4_bytes, v6 ? 16 : 4);
}

/* Only these fields of a sockaddr are passed on. */
static void wire_place(struct wire *wire, struct place *place)
{
	struct sockaddr_in *in = (void *)&place->sa;
	struct sockaddr_in6 *in6 = (void *)&place->sa;
	uint8_t family = place->length ? (place->sa.ss_family == AF_INET6 ? 6 : 4) : 0;
	bool known = !place->length || place->sa.ss_family == AF_INET ||
		     place->sa.ss_family == AF_INET6;

	wire->bad = wire->bad || (wire->out && !known);
	wire_u8(wire, &family, 6);
	wire->bad = wire->bad || (family && family != 4 && family != 6);
	if (!wire->out)
		*place = (struct place){ 0 };
	if (!family || wire->bad)
		return;
	place->sa.ss_family = family == 6 ? AF_INET6 : AF_INET;
	place->length = family == 6 ? sizeof(*in6) : sizeof(*in);
	wire_ip(wire, family == 6, &in->sin_addr, &in6->sin6_addr);
	wire_u16(wire, family == 6 ? &in6->sin6_port : &in->sin_port);
	if (family == 6)
		wire_u32(wire, &in6->sin6_scope_id, UINT32_MAX);
}

static void wire_peer(struct wire *wire, struct peer *peer)
{
	wire_u8(wire, &peer->family, FAMILY_MOST);
	switch (wire->bad ? ADDR_NONE : peer->family) {
	case ADDR_VSOCK:
		wire_u32(wire, &peer->u.vsock.cid, UINT32_MAX);
		wire_u32(wire, &peer->u.vsock.port, UINT32_MAX);
		break;
	case ADDR_TCP:
	case ADDR_UDP:
		wire_u8(wire, &peer->u.tcp.v6, 1);
		wire_u16(wire, &peer->u.tcp.port);
		wire_u32(wire, &peer->u.tcp.scope, UINT32_MAX);
		wire_bytes(wire, &peer->u.tcp.ip, sizeof(peer->u.tcp.ip));
		break;
	case ADDR_UNIX:
		wire_i32(wire, &peer->u.local.pid, 0, INT32_MAX);
		wire_u32(wire, &peer->u.local.uid, UINT32_MAX);
		wire_u32(wire, &peer->u.local.gid, UINT32_MAX);
		break;
	default:
		break;
	}
}

static void wire_ends(struct wire *wire, struct ends *ends)
{
	struct one_end *both[] = { &ends->from, &ends->to };

	wire_u8(wire, &ends->version, 2);
	wire_bool(wire, &ends->local);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		wire_peer(wire, &both[i]->peer);
		wire_text(wire, both[i]->path, sizeof(both[i]->path));
	}
}

static void wire_step(struct wire *wire, struct broker_message *message)
{
	wire_u32(wire, &message->step, STEP_RELAY);
	wire_i32(wire, &message->number, EAI_LEAST, ERRNO_MAX);
}

/* The "end" of an explanation is a constant, so its number is sent. */
static void wire_word(struct wire *wire, const char **word)
{
	static const char *const words[] = { "",      "refused", "io",	   "denied",
					     "reset", "timeout", "vm-gone" };
	uint8_t number = 0;

	while (wire->out && *word && number < ARRAY_SIZE(words) &&
	       strcmp(words[number], *word) != 0)
		number++;
	wire_u8(wire, &number, ARRAY_SIZE(words) - 1);
	*word = words[wire->bad ? 0 : number];
}

static void listener_fields(struct wire *wire, struct broker_message *message)
{
	wire_u64(wire, &message->rule);
	wire_u32(wire, &message->port, UINT32_MAX);
	wire_u32(wire, &message->flags, BROKER_CONNECTED | BROKER_GUARDED);
}

static void signal_fields(struct wire *wire, struct broker_message *message)
{
	wire_i32(wire, &message->number, 1, SIGRTMAX);
}

static void room_fields(struct wire *wire, struct broker_message *message)
{
	wire_i32(wire, &message->number, 0, INT32_MAX);
}

static void id_field(struct wire *wire, struct broker_message *message)
{
	wire_u32(wire, &message->id, UINT32_MAX);
}

static void opened_fields(struct wire *wire, struct broker_message *message)
{
	id_field(wire, message);
	wire_step(wire, message);
	wire_text(wire, message->detail, sizeof(message->detail));
}

static void found_fields(struct wire *wire, struct broker_message *message)
{
	uint32_t count = (uint32_t)message->places.count;

	id_field(wire, message);
	wire_i32(wire, &message->number, EAI_LEAST, ERRNO_MAX);
	wire_u32(wire, &count, RESOLVE_MAX);
	message->places.count = count;
	for (size_t i = 0; i < count; i++)
		wire_place(wire, &message->places.place[i]);
}

static void explained_fields(struct wire *wire, struct broker_message *message)
{
	struct explanation *why = &message->why;
	uint32_t status = why->status;

	id_field(wire, message);
	wire_u32(wire, &status, STATUS_NOT_FOUND);
	why->status = (enum status)status;
	wire_bool(wire, &why->may_heal);
	wire_word(wire, &why->end);
	wire_text(wire, why->what, sizeof(why->what));
	wire_text(wire, why->hint, sizeof(why->hint));
}

static void target_fields(struct wire *wire, struct broker_message *message)
{
	id_field(wire, message);
	wire_u64(wire, &message->rule);
	wire_u32(wire, &message->target, UINT32_MAX);
	wire_text(wire, message->host, sizeof(message->host));
}

static void open_fields(struct wire *wire, struct broker_message *message)
{
	target_fields(wire, message);
	wire_place(wire, &message->place);
	wire_u64(wire, &message->timeout);
	wire_ends(wire, &message->client.real);
	wire_ends(wire, &message->client.told);
	wire_u64(wire, &message->client.connections);
}

static void look_up_fields(struct wire *wire, struct broker_message *message)
{
	target_fields(wire, message);
	wire_u32(wire, &message->port, UINT16_MAX);
	wire_u32(wire, &message->share, UINT32_MAX);
}

static void explain_fields(struct wire *wire, struct broker_message *message)
{
	target_fields(wire, message);
	wire_step(wire, message);
	wire_u64(wire, &message->waited);
}

static const struct kind {
	const char *name;
	void (*fields)(struct wire *wire, struct broker_message *message); /* NULL: it has none */
	uint8_t fds_least, fds_most;
} kinds[BROKER_TYPES] = {
	[BROKER_LISTENER] = { "LISTENER", listener_fields, 0, BROKER_DESCRIPTORS_MAX },
	[BROKER_PLAN] = { "PLAN", NULL, 1, 1 },
	[BROKER_ROOM] = { "ROOM", NULL, 0, 0 },
	[BROKER_FAILED] = { "FAILED", NULL, 0, 0 },
	[BROKER_SIGNAL] = { "SIGNAL", signal_fields, 0, 0 },
	[BROKER_RETIRE] = { "RETIRE", NULL, 0, 0 },
	[BROKER_PING] = { "PING", id_field, 0, 0 },
	[BROKER_LEAVE] = { "LEAVE", NULL, 0, 0 },
	[BROKER_OPENED] = { "OPENED", opened_fields, 0, 1 },
	[BROKER_FOUND] = { "FOUND", found_fields, 0, 0 },
	[BROKER_EXPLAINED] = { "EXPLAINED", explained_fields, 0, 0 },
	[BROKER_DONE] = { "DONE", NULL, 0, 0 },
	[BROKER_PONG] = { "PONG", id_field, 0, 0 },
	[BROKER_HAS_ROOM] = { "HAS_ROOM", room_fields, 0, 0 },
	[BROKER_IDLE] = { "IDLE", NULL, 0, 0 },
	[BROKER_OPEN] = { "OPEN", open_fields, 0, 0 },
	[BROKER_LOOK_UP] = { "LOOK_UP", look_up_fields, 0, 0 },
	[BROKER_EXPLAIN] = { "EXPLAIN", explain_fields, 0, 0 },
};

const char *broker_name(unsigned type)
{
	return type && type < BROKER_TYPES ? kinds[type].name : "unknown";
}

static void fields(struct wire *wire, struct broker_message *message, uint8_t first, uint8_t last)
{
	wire_u8(wire, &message->type, last);
	wire->bad = wire->bad || message->type < first;
	if (!wire->bad && kinds[message->type].fields)
		kinds[message->type].fields(wire, message);
}

int broker_encode(const struct broker_message *message, void *data)
{
	struct wire wire = wire_writer(data, BROKER_SIZE_MAX);
	struct broker_message copy = *message; /* the fields are described for both directions */

	fields(&wire, &copy, 1, BROKER_TYPES - 1);
	return wire_end(&wire);
}

int broker_decode(struct broker_message *message, const void *data, size_t size, bool up)
{
	struct wire wire = wire_reader(data, size);

	memset(message, 0, sizeof(*message));
	fields(&wire, message, up ? BROKER_FIRST_UP : 1,
	       (uint8_t)(up ? BROKER_TYPES - 1 : BROKER_FIRST_UP - 1));
	return wire_end(&wire);
}

/* Sending */

static int send_down(int channel, const void *bytes, size_t size, const int *fds, size_t count)
{
	union control control;
	struct iovec data = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

	if (count)
		fd_attach(&header, &control, fds, count);
	while (sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int broker_send(int channel, const struct broker_message *message, const int *fds, size_t count)
{
	uint8_t data[BROKER_SIZE_MAX];
	int size = count > BROKER_DESCRIPTORS_MAX ? -E2BIG : broker_encode(message, data);

	return size < 0 ? size : send_down(channel, data, (size_t)size, fds, count);
}

/* A piece of it may go: the pipe is for all bytes of it, and then for those of the next. */
static int send_up(struct broker_parcel *parcel, int channel)
{
	while (parcel->sent < parcel->size) {
		ssize_t sent = write(channel, parcel->data + parcel->sent,
				     parcel->size - parcel->sent);

		if (sent > 0)
			parcel->sent += (size_t)sent;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int send_parcel(struct broker_parcel *parcel, int channel)
{
	if (parcel->data[LENGTH] >= BROKER_FIRST_UP)
		return send_up(parcel, channel);
	return send_down(channel, parcel->data + LENGTH, parcel->size - LENGTH, &parcel->fd,
			 parcel->fd >= 0);
}

static void free_parcel(struct broker_parcel *parcel)
{
	fd_close(&parcel->fd);
	free(parcel);
}

int broker_flush(struct broker_queue *queue, int channel)
{
	while (queue->first) {
		struct broker_parcel *parcel = queue->first;
		int error = send_parcel(parcel, channel);

		if (error)
			return error;
		queue->first = parcel->next;
		queue->count--;
		free_parcel(parcel);
	}
	return 0;
}

void broker_forget(struct broker_queue *queue)
{
	while (queue->first) {
		struct broker_parcel *parcel = queue->first;

		queue->first = parcel->next;
		free_parcel(parcel);
	}
	queue->count = 0;
}

/* Puts one at the end of the queue: 0 or -ENOMEM. */
static int keep_parcel(struct broker_queue *queue, const struct broker_parcel *parcel)
{
	size_t size = offsetof(struct broker_parcel, data) + parcel->size;
	struct broker_parcel **last = &queue->first;

	while (*last)
		last = &(*last)->next;
	*last = malloc(size);
	if (!*last)
		return -ENOMEM;
	memcpy(*last, parcel, size);
	queue->count++;
	return 0;
}

int broker_post(struct broker_queue *queue, int channel, const struct broker_message *message,
		int fd)
{
	struct broker_parcel parcel = { .fd = fd };
	int size = broker_encode(message, parcel.data + LENGTH), error;
	uint32_t length = (uint32_t)size;
	struct wire head = wire_writer(parcel.data, LENGTH);

	error = size < 0 ? size : broker_flush(queue, channel);
	if (!error || error == -EAGAIN) {
		wire_u32(&head, &length, UINT32_MAX);
		parcel.size = LENGTH + (size_t)size;
		if (!error)
			error = send_parcel(&parcel, channel);
		if (error == -EAGAIN) {
			error = keep_parcel(queue, &parcel);
			fd = error ? fd : -1;
		}
	}
	fd_close(&fd);
	return error;
}

/* Receiving */

/* All descriptors that arrived, even unexpected ones. */
static size_t take_descriptors(struct msghdr *header, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		size_t here = part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS
				      ? (part->cmsg_len - CMSG_LEN(0)) / sizeof(int)
				      : 0;

		memcpy(fds + count, CMSG_DATA(part), here * sizeof(int));
		count += here;
	}
	return count;
}

/* There was no room for all of its descriptors, which are closed. 1 or a negative errno. */
static int without_room(struct broker_message *message, int *fds, size_t *count)
{
	while (*count > 0)
		close(fds[--*count]);
	if (message->type != BROKER_OPENED)
		return -EMFILE;
	message->step = STEP_SOCKET;
	message->number = EMFILE;
	return 1;
}

int broker_receive(int channel, struct broker_message *message, int *fds, size_t *count, bool wait)
{
	uint8_t bytes[BROKER_SIZE_MAX];
	union control control;
	struct iovec data = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr header = { .msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got;

	*count = 0;
	if (wait)
		poll(&(struct pollfd){ .fd = channel, .events = POLLIN }, 1, -1);
	got = RETRY(recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	*count = take_descriptors(&header, fds);
	if (got > 0 && !(header.msg_flags & MSG_TRUNC) &&
	    broker_decode(message, bytes, (size_t)got, false) >= 0) {
		if (header.msg_flags & MSG_CTRUNC)
			return without_room(message, fds, count);
		if (*count >= kinds[message->type].fds_least &&
		    *count <= kinds[message->type].fds_most)
			return 1;
	}
	while (*count > 0)
		close(fds[--*count]);
	return -EPIPE;
}

/* Reads until it has this many bytes: 1; 0: there are no more now; -EPIPE. */
static int fill(struct broker_input *input, int channel, size_t size)
{
	while (input->size < size) {
		ssize_t got = read(channel, input->data + input->size, size - input->size);

		if (got > 0)
			input->size += (size_t)got;
		else if (got == 0 || errno != EINTR)
			return got < 0 && errno == EAGAIN ? 0 : -EPIPE;
	}
	return 1;
}

int broker_read(struct broker_input *input, int channel, struct broker_message *message)
{
	int got = fill(input, channel, LENGTH);
	struct wire head = wire_reader(input->data, LENGTH);
	uint32_t length;

	if (got <= 0)
		return got;
	wire_u32(&head, &length, BROKER_SIZE_MAX);
	if (head.bad)
		return -EPROTO;
	got = fill(input, channel, LENGTH + length);
	if (got <= 0)
		return got;
	input->size = 0;
	return broker_decode(message, input->data + LENGTH, length, true) < 0 ? -EPROTO : 1;
}

/* Making the ends */

int broker_ends(int supervisor[2], int worker[2])
{
	int down[2], up[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, down) < 0)
		return -errno;
	/* nothing comes up here: a descriptor could come with it */
	if (shutdown(down[1], SHUT_WR) < 0 || pipe2(up, O_CLOEXEC | O_NONBLOCK) < 0) {
		int error = -errno;

		close(down[0]);
		close(down[1]);
		return error;
	}
	supervisor[0] = down[0];
	supervisor[1] = up[0];
	worker[0] = down[1];
	worker[1] = up[1];
	return 0;
}
