/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets of the made-up kernel. Each is one end of a connected pair, and follows the rules of its
 * family as Linux 6.12 has them: net/ipv4/tcp.c and tcp_input.c, net/unix/af_unix.c,
 * net/vmw_vsock/af_vsock.c and virtio_transport_common.c.
 *
 * TCP and vsock have a wire: what was sent waits in sending until sock_wire() carries it on.
 * Between UNIX sockets it is in the other one's received at once, and counts against the sender's
 * buffer.
 */
#include "config.h"

#include "sim.h"

#include "net/addr.h"

struct sock *sock_pair(uint8_t family, bool messages, size_t receive_room, size_t send_room)
{
	struct sock *near = world_memory(sizeof(*near)), *far = world_memory(sizeof(*far));

	*near = (struct sock){ .family = family,
			       .messages = messages,
			       .peer = far,
			       .receive_room = receive_room,
			       .send_room = send_room,
			       .urgent = NEVER,
			       .urgent_sending = NEVER };
	*far = *near;
	far->peer = near;
	/* room of one end is room for the other end's data as well */
	if (family == ADDR_UNIX) {
		far->send_room = receive_room;
	} else {
		far->receive_room = send_room;
		far->send_room = receive_room;
	}
	return near;
}

/* Room */

size_t sock_space(const struct sock *sock)
{
	size_t used = sock->sending.length, room = sock->send_room;

	if (sock->family == ADDR_UNIX)
		used = sock->peer->received.length + 64 * sock->peer->received_messages.count;
	if (sock->family == ADDR_VSOCK) {
		used += sock->peer->received.length;
		room = sock->peer->receive_room;
	}
	return used < room ? room - used : 0;
}

static bool writable(const struct sock *sock)
{
	size_t space = sock_space(sock), used = sock->send_room - space;

	if (sock->family == ADDR_UNIX)
		return used * 4 <= sock->send_room; /* unix_writable() */
	if (sock->family == ADDR_VSOCK)
		return space > 0;
	return space >= used / 2 && space; /* sk_stream_is_writable() */
}

static void space_came(struct sock *sock)
{
	if (!sock->file || !writable(sock))
		return;
	if (sock->family == ADDR_TCP && !sock->no_space)
		return;
	sock->no_space = false;
	wake(sock->file, EPOLLOUT | EPOLLWRNORM);
}

static void data_came(struct sock *sock)
{
	changed();
	wake(sock->file, EPOLLIN | EPOLLRDNORM);
}

static void state_changed(struct sock *sock)
{
	changed();
	wake(sock->file, 0);
}

/* Death */

static void forget_sent(struct sock *sock)
{
	queue_drop(&sock->sending, sock->sending.length);
	while (sock->sending_messages.count)
		messages_drop(&sock->sending_messages);
	sock->urgent_sending = NEVER;
}

/* A TCP reset came, or the connection timed out. */
static void tcp_dies(struct sock *sock, int error)
{
	if (sock->state == SOCK_CLOSED)
		return;
	if (sock->file && !sock->done)
		world.peer[sock->file->side].broke = true;
	sock->error = sock->done && error == ECONNRESET ? EPIPE : error;
	sock->stopped = BOTH_WAYS;
	sock->state = SOCK_CLOSED;
	forget_sent(sock);
	state_changed(sock);
}

static void vsock_closes(struct sock *sock)
{
	sock->done = true;
	sock->peer_stopped = BOTH_WAYS;
	if (!sock->received.length)
		sock->state = SOCK_CLOSING;
}

void sock_break(struct sock *sock, int error)
{
	if (sock->dead)
		return;
	trace("* the connection breaks: %s", strerror(error));
	if (sock->family == ADDR_TCP) {
		tcp_dies(sock, error);
		return;
	}
	/* vhost_vsock_reset_orphans() */
	forget_sent(sock->peer);
	if (!(sock->peer_stopped & SENDS))
		world.peer[sock->file->side].broke = true;
	sock->peer_stopped = BOTH_WAYS;
	sock->error = error;
	state_changed(sock);
}

static void vsock_stops(struct sock *sock, uint8_t how)
{
	sock->peer_stopped |= how;
	if (sock->peer_stopped == BOTH_WAYS && !sock->received.length && !sock->done)
		vsock_closes(sock);
	state_changed(sock);
}

/* Tells the other side what was stopped, behind what was sent. */
static void end_arrives(struct sock *sock)
{
	struct sock *peer = sock->peer;

	if (peer->dead || peer->state == SOCK_CLOSED)
		return;
	if (sock->family == ADDR_VSOCK) {
		vsock_stops(peer, sock->dead ? BOTH_WAYS : SENDS);
		return;
	}
	peer->done = true;
	peer->stopped |= RECEIVES;
	if (peer->end_sent && sock->end_sent)
		peer->state = sock->state = SOCK_CLOSED;
	state_changed(peer);
}

int sock_shutdown(struct sock *sock, int how)
{
	struct sock *peer = sock->peer;

	if (sock->family == ADDR_TCP && sock->state == SOCK_CLOSED)
		return -ENOTCONN;
	sock->stopped |= (uint8_t)how;
	if (sock->family == ADDR_UNIX) {
		peer->stopped |= (uint8_t)((how & RECEIVES ? SENDS : 0) |
					   (how & SENDS ? RECEIVES : 0));
		state_changed(peer);
	}
	if (sock->family == ADDR_VSOCK) {
		sock->done = false;
		if (how & RECEIVES && !peer->dead)
			vsock_stops(peer, RECEIVES);
	}
	state_changed(sock);
	return 0;
}

void sock_close(struct sock *sock)
{
	struct sock *peer = sock->peer;
	bool unread = sock->received.length > 0 || sock->received_messages.count > 0;

	sock->dead = true;
	sock->file = NULL;
	sock->stopped = BOTH_WAYS;
	changed();
	if (sock->family == ADDR_UNIX) {
		peer->stopped = BOTH_WAYS;
		if (unread && !peer->dead)
			peer->error = ECONNRESET;
		state_changed(peer);
	} else if (sock->family == ADDR_TCP && (unread || sock->aborts)) {
		forget_sent(sock);
		sock->end_sent = true;
		if (sock->state != SOCK_CLOSED)
			tcp_dies(peer, ECONNRESET);
		sock->state = SOCK_CLOSED;
	} else if (sock->family == ADDR_VSOCK) {
		sock->end_full = true;
	}
	queue_drop(&sock->received, sock->received.length);
	while (sock->received_messages.count)
		messages_drop(&sock->received_messages);
	space_came(peer);
}

/* The wire */

static void carry_messages(struct sock *sock, size_t size)
{
	struct messages *to = &sock->peer->received_messages;

	for (;;) {
		struct message *message = messages_first(&sock->sending_messages);
		struct message *last = messages_last(to), piece;

		if (!message || (!size && message->size))
			return;
		piece = *message;
		if (piece.size > size) {
			piece.size = (uint32_t)size;
			piece.whole = false;
		}
		message->size -= piece.size;
		size -= piece.size;
		if (last && !last->whole) {
			last->size += piece.size;
			last->whole = piece.whole;
			last->end_of_record = piece.end_of_record;
		} else {
			messages_put(to, piece);
		}
		if (!message->size && (piece.whole || !message->whole))
			messages_drop(&sock->sending_messages);
	}
}

static void tcp_refuses(struct sock *sock)
{
	struct sock *peer = sock->peer;

	forget_sent(peer);
	if (!peer->dead)
		tcp_dies(peer, ECONNRESET);
	peer->state = SOCK_CLOSED;
	tcp_dies(sock, ECONNRESET);
}

static bool carry(struct sock *sock, size_t most)
{
	struct sock *peer = sock->peer;
	size_t size = sock->sending.length, room;

	if (peer->dead || peer->state == SOCK_CLOSED ||
	    (sock->family == ADDR_TCP && peer->stopped == BOTH_WAYS && !peer->done)) {
		if (sock->family == ADDR_TCP)
			tcp_refuses(sock);
		forget_sent(sock);
		changed();
		return true;
	}
	room = peer->receive_room > peer->received.length
		       ? peer->receive_room - peer->received.length
		       : 0;
	if (sock->family == ADDR_VSOCK)
		room = size;
	if (sock->family == ADDR_TCP && peer->urgent == peer->position)
		room++; /* an urgent byte that is not read must not fill the smallest of windows */
	size = size < room ? size : room;
	size = size < most ? size : most;
	if (!size)
		return false;
	if (sock->urgent_sending != NEVER && sock->urgent_sending < peer->arrived + size) {
		peer->urgent = sock->urgent_sending;
		sock->urgent_sending = NEVER;
	}
	queue_put(&peer->received, queue_head(&sock->sending), size);
	peer->arrived += size;
	queue_drop(&sock->sending, size);
	if (sock->messages)
		carry_messages(sock, size);
	data_came(peer);
	space_came(sock);
	return true;
}

bool sock_wire(struct sock *sock, size_t most)
{
	if (sock->family == ADDR_UNIX)
		return false;
	if (sock->sending.length)
		return carry(sock, most);
	if (sock->family == ADDR_VSOCK && sock->end_full && sock->end_sent) {
		/* a close that follows a half-close */
		sock->end_full = false;
		if (!sock->peer->dead)
			vsock_stops(sock->peer, BOTH_WAYS);
		changed();
		return true;
	}
	if (sock->end_sent || !(sock->stopped & SENDS) || sock->state == SOCK_CLOSED)
		return false;
	sock->end_sent = true;
	sock->end_full = false;
	end_arrives(sock);
	changed();
	return true;
}

/* Sending */

static void sent(struct sock *sock, const void *data, size_t size, int how, bool whole)
{
	struct queue *to = sock->family == ADDR_UNIX ? &sock->peer->received : &sock->sending;
	struct messages *list = sock->family == ADDR_UNIX ? &sock->peer->received_messages
							  : &sock->sending_messages;

	queue_put(to, data, size);
	if (sock->messages)
		messages_put(list, (struct message){ .size = (uint32_t)size,
						     .end_of_record = sock->family == ADDR_VSOCK &&
								      how & SEND_RECORD,
						     .whole = whole });
	if (how & SEND_URGENT)
		sock->urgent_sending = sock->sent;
	sock->sent += size;
	changed();
	if (sock->family == ADDR_UNIX)
		data_came(sock->peer);
}

static int cannot_send(struct sock *sock)
{
	int error = sock->error;

	if (sock->family == ADDR_VSOCK) {
		if (sock->stopped & SENDS || sock->peer_stopped & RECEIVES)
			return -EPIPE;
		return sock->state == SOCK_CONNECTED ? -error : -ENOTCONN;
	}
	if (sock->family == ADDR_UNIX && !sock->messages)
		return sock->stopped & SENDS || sock->peer->dead || sock->peer->stopped & RECEIVES
			       ? -EPIPE
			       : 0;
	if (error) {
		sock->error = 0;
		return -error;
	}
	return sock->stopped & SENDS ? -EPIPE : 0;
}

ssize_t sock_send(struct sock *sock, const void *data, size_t size, int how)
{
	int error = cannot_send(sock);
	size_t space = sock_space(sock);
	bool whole = true;

	if (error)
		return error;
	if (!size && !(sock->messages && sock->family == ADDR_UNIX))
		return 0;
	if (sock->messages && sock->family == ADDR_UNIX && size > sock->send_room - 32)
		return -EMSGSIZE;
	if (sock->messages && sock->family == ADDR_VSOCK && size > sock->peer->receive_room)
		return -EMSGSIZE;
	if (!space) {
		sock->no_space = true;
		return -EAGAIN;
	}
	if (size > space && !(sock->messages && sock->family == ADDR_UNIX)) {
		whole = false;
		size = space;
		sock->no_space = true;
	}
	sent(sock, data, size, how, whole);
	/* a piece of a message: how much went is not told (see net/sender.h) */
	return !whole && sock->messages ? -EAGAIN : (ssize_t)size;
}

/* Receiving */

static void taken(struct sock *sock, size_t size)
{
	queue_drop(&sock->received, size);
	sock->position += size;
	if (sock->urgent != NEVER && sock->position > sock->urgent)
		sock->urgent = NEVER;
	changed();
	space_came(sock->peer);
}

/* What there is besides data. */
static ssize_t nothing_to_receive(struct sock *sock, int how)
{
	int error = sock->error;

	if (sock->family == ADDR_TCP && sock->done && !(how & RECV_SPLICE && error))
		return 0;
	if (error && sock->family != ADDR_VSOCK)
		sock->error = 0;
	if (error)
		return -error;
	if (sock->stopped & RECEIVES || (sock->family == ADDR_VSOCK && sock->peer_stopped & SENDS))
		return 0;
	return sock->family == ADDR_TCP && sock->state == SOCK_CLOSED ? -ENOTCONN : -EAGAIN;
}

static ssize_t receive_message(struct sock *sock, void *data, size_t size, int how, bool *record)
{
	struct message *message = messages_first(&sock->received_messages);
	size_t length;

	if (sock->error && sock->family == ADDR_UNIX)
		return nothing_to_receive(sock, how);
	if (!message || !message->whole)
		return nothing_to_receive(sock, how);
	length = message->size;
	if (record)
		*record = message->end_of_record;
	if (data) /* only the length may be wanted: MSG_TRUNC */
		memcpy(data, queue_head(&sock->received), size < length ? size : length);
	if (!(how & RECV_PEEK)) {
		messages_drop(&sock->received_messages);
		taken(sock, length);
	}
	return (ssize_t)(how & RECV_LENGTH || length < size ? length : size);
}

/* Up to the urgent byte, or behind it. How many bytes are to be skipped. */
static size_t heed_urgent(struct sock *sock, size_t *size, int how)
{
	uint64_t ahead = sock->urgent - sock->position;

	if (sock->urgent == NEVER || sock->urgent < sock->position)
		return 0;
	if (ahead && ahead < *size)
		*size = (size_t)ahead;
	if (ahead)
		return 0;
	if (how & RECV_SPLICE)
		*size = 0;
	return 1;
}

ssize_t sock_receive(struct sock *sock, void *data, size_t size, int how, bool *end_of_record)
{
	size_t skip, there;

	if (sock->family == ADDR_VSOCK) {
		if (sock->state != SOCK_CONNECTED)
			return sock->done ? 0 : -ENOTCONN;
		if (sock->stopped & RECEIVES)
			return 0;
	}
	if (sock->messages)
		return receive_message(sock, data, size, how, end_of_record);
	skip = heed_urgent(sock, &size, how);
	if (skip && how & RECV_SPLICE)
		return nothing_to_receive(sock, how);
	if (skip && !(how & RECV_PEEK) && sock->received.length) {
		taken(sock, 1);
		skip = 0;
	}
	there = sock->received.length > skip ? sock->received.length - skip : 0;
	if (!there)
		return nothing_to_receive(sock, how);
	size = size < there ? size : there;
	memcpy(data, queue_head(&sock->received) + skip, size);
	if (!(how & RECV_PEEK))
		taken(sock, size);
	return (ssize_t)size;
}

/* Polling */

static bool readable(const struct sock *sock)
{
	const struct message *message = messages_first(&sock->received_messages);

	if (sock->messages)
		return message && message->whole;
	/* tcp_poll(): the urgent byte itself does not count */
	return sock->received.length > (sock->urgent == sock->position ? 1U : 0U);
}

static uint32_t poll_vsock(struct sock *sock)
{
	uint32_t events = 0;

	if (sock->stopped == BOTH_WAYS || (sock->stopped & SENDS && sock->peer_stopped & SENDS))
		events |= EPOLLHUP;
	if (sock->stopped & RECEIVES || sock->peer_stopped & SENDS)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!(sock->stopped & RECEIVES) && readable(sock))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!(sock->stopped & SENDS) && (sock->state != SOCK_CONNECTED || writable(sock)))
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return events;
}

uint32_t sock_poll(struct sock *sock)
{
	uint32_t events = sock->error ? EPOLLERR : 0;

	if (sock->family == ADDR_VSOCK)
		return events | poll_vsock(sock);
	if (sock->stopped == BOTH_WAYS || (sock->family == ADDR_TCP && sock->state == SOCK_CLOSED))
		events |= EPOLLHUP;
	if (sock->stopped & RECEIVES)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (readable(sock))
		events |= EPOLLIN | EPOLLRDNORM;
	if (sock->family == ADDR_TCP && sock->urgent != NEVER)
		events |= EPOLLPRI;
	if (writable(sock) || (sock->family == ADDR_TCP && sock->stopped & SENDS))
		events |= EPOLLOUT | EPOLLWRNORM;
	else
		sock->no_space = true;
	return events;
}
