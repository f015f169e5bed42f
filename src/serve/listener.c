/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "serve/inherited.h"

#define READY_PATIENCE (5 * NSEC_PER_SEC) /* with a full pipe */
#define BATCH 64 /* accepted in one turn */
#define PAUSE (100 * NSEC_PER_MSEC)
#define DROPS_TOLD_EVERY (10 * NSEC_PER_SEC)

static void socket_ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind listener_kind = { .name = "listener",
						 .ready = socket_ready,
						 .patient = true };

static void pause_accepting(struct listener *listener, int error);

/* Polls what should be polled now. */
static void apply(struct listener *listener)
{
	int error = 0;

	for (size_t i = 0; i < listener->count && !error; i++) {
		struct listener_socket *socket = &listener->sockets[i];

		/* a limit is for newcomers: see may_come() */
		if (socket->flows)
			error = listener->paused ? 0 : flows_serve(socket->flows);
		else if (listener->resting || listener->paused)
			loop_unwatch(listener->loop, &socket->watch);
		else
			error = loop_watch(listener->loop, &socket->watch, socket->fd, EPOLLIN);
	}
	if (error)
		pause_accepting(listener, -error);
}

void listener_pause(struct listener *listener, bool rest)
{
	if (listener->resting == rest)
		return;
	listener->resting = rest;
	apply(listener);
}

static void pause_over(struct loop *loop, struct timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, pause);

	(void)loop;
	listener->paused = false;
	apply(listener);
}

/* Out of descriptors or memory: trying again at once would spin, ending would drop everybody. */
static void pause_accepting(struct listener *listener, int error)
{
	if (!listener->pause_said) {
		struct explanation why;
		char text[256];

		log_warning("%s: not accepting connections for a moment: %s",
			    addr_format_short(listener->addr, text, sizeof(text)), strerror(error));
		explain(listener->addr,
			&(const struct failure){ .step = STEP_ACCEPT, .error = error }, &why);
		if (*why.hint)
			log_hint("%s", why.hint);
		listener->pause_said = true;
	}
	listener->paused = true;
	loop_timer(listener->loop, &listener->pause, units_now() + PAUSE);
	apply(listener);
}

static bool is_limited(const struct listener *listener)
{
	return listener->accept_rate && listener->accept_rate != UNITS_INF;
}

/* As many as the rate says for a second may come at once; from then on at an even pace. When one
 * more may; 0: now. */
static uint64_t next_may_come(struct listener *listener)
{
	uint64_t now = units_now(), interval;

	if (!is_limited(listener))
		return 0;
	interval = NSEC_PER_SEC / listener->accept_rate;
	if (listener->accept_at < now)
		listener->accept_at = now;
	return listener->accept_at - now <= NSEC_PER_SEC - interval
		       ? 0
		       : listener->accept_at - (NSEC_PER_SEC - interval);
}

static void count_one(struct listener *listener)
{
	if (is_limited(listener))
		listener->accept_at += NSEC_PER_SEC / listener->accept_rate;
}

static bool too_many(struct listener *listener)
{
	uint64_t at = next_may_come(listener);

	if (!at)
		return false;
	listener->paused = true;
	loop_timer(listener->loop, &listener->pause, at);
	apply(listener);
	return true;
}

static bool somebody_waits(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, 0) == 1;
}

bool listener_awaited(const struct listener *listener)
{
	for (size_t i = 0; i < listener->count; i++)
		if (somebody_waits(listener->sockets[i].fd))
			return true;
	return false;
}

static void socket_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct listener_socket *socket = container_of(watch, struct listener_socket, watch);
	struct listener *listener = socket->listener;
	struct failure failure;
	struct place place;
	struct peer peer;

	(void)events;
	for (int i = 0; i < BATCH && !listener->resting && !too_many(listener); i++) {
		int fd = listener->guarded && !somebody_waits(socket->fd)
				 ? -EAGAIN
				 : socket_accept(socket->fd, &place, &failure);

		/* without a free descriptor accept4(2) fails even if nobody waits, because it
		 * reserves one first */
		if (fd == -EAGAIN || (fd < 0 && !somebody_waits(socket->fd))) {
			listener->pause_said = false;
			return;
		}
		if (fd < 0) {
			pause_accepting(listener, -fd);
			return;
		}
		count_one(listener);
		if (listener->guarded)
			socket_tune_family(fd, place.sa.ss_family);
		peer_of_socket(fd, (const struct sockaddr *)&place.sa, place.length, &peer);
		listener->accepted(listener, fd, NULL, &peer);
		if (!listener->count)
			return; /* it was closed, and socket with it */
		if (loop_hurries(loop))
			return; /* continues in the next turn */
	}
}

/* Datagrams */

static struct listener_socket *socket_of(struct flows_owner *owner)
{
	return container_of(owner, struct listener_socket, owner);
}

/* Reports continuing drops from time to time. */
static void tell_drops(struct listener *listener, const char *why)
{
	char text[256];

	if (listener->drops_said_at &&
	    loop_now(listener->loop) - listener->drops_said_at < DROPS_TOLD_EVERY)
		return;
	listener->drops_said_at = loop_now(listener->loop);
	log_warning("%s: datagrams of new sources are dropped: %s (dropped so far: %llu)",
		    listener_text(listener, text, sizeof(text)), why,
		    (unsigned long long)listener_dropped(listener) + 1);
}

static bool may_come(struct flows_owner *owner)
{
	struct listener *listener = socket_of(owner)->listener;

	if (!listener->resting && !next_may_come(listener))
		return true;
	tell_drops(listener, listener->resting
				     ? "the maximum number of UDP flows is open (--max-conns)"
				     : "new clients exceed --accept-rate");
	return false;
}

static void came(struct flows_owner *owner, struct flow *flow, const struct peer *peer)
{
	struct listener *listener = socket_of(owner)->listener;

	count_one(listener);
	listener->accepted(listener, -1, flow, peer);
}

static int start_flows(struct listener *listener, struct failure *failure)
{
	for (size_t i = 0; i < listener->count && listener->datagrams; i++) {
		struct listener_socket *socket = &listener->sockets[i];

		socket->owner = (struct flows_owner){ .may_come = may_come, .came = came };
		socket->flows = flows_start(listener->loop, socket->fd, &socket->owner);
		if (!socket->flows) {
			*failure = (struct failure){ .step = STEP_SOCKET, .error = ENOMEM };
			return -ENOMEM;
		}
	}
	return 0;
}

uint64_t listener_dropped(const struct listener *listener)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < listener->count && listener->datagrams; i++)
		dropped += listener->sockets[i].owner.dropped +
			   socket_overflowed(listener->sockets[i].fd);
	return dropped;
}

/* Remembers which file is ours, to remove no other. */
static void remember_file(struct listener_socket *socket, const struct addr *addr)
{
	char path[SOCKET_FILE_MAX];

	if (!socket_file(addr, path, sizeof(path)))
		return;
	if (!socket->inode.number) /* another process has made it */
		socket_file_find(path, &socket->inode);
	socket->path = strdup(path);
}

/* "tcp:*:0": the first place gets a port from the kernel, and the others the same. */
static void share_port(struct listener *listener, struct place *place)
{
	struct peer first;

	if (!listener->count || !addr_is_ip(listener->addr) || listener->addr->port ||
	    *listener->addr->service)
		return;
	peer_of_local(listener->sockets[0].fd, &first);
	if (place->sa.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&place->sa)->sin_port = htons(first.u.tcp.port);
	else
		((struct sockaddr_in6 *)(void *)&place->sa)->sin6_port = htons(first.u.tcp.port);
}

static int find_places(const struct listener *listener, struct places *places, int *keep_fd,
		       struct failure *failure)
{
	const struct addr *addr = listener->addr;

	memset(places, 0, sizeof(*places));
	*keep_fd = -1;
	if (listener->places) {
		*places = *listener->places;
		return 0;
	}
	if (addr_is_ip(addr))
		return resolve_wait(addr, ADDR_LISTEN, places, failure);
	places->count = 1;
	return socket_place(addr, ADDR_LISTEN, &places->place[0], keep_fd, failure);
}

/* Would binding to this place collide with a socket of ours? */
static bool is_taken_by(int fd, const struct place *place)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t size = sizeof(bound);
	struct peer ours, wanted;

	if (getsockname(fd, (struct sockaddr *)&bound, &size) < 0 ||
	    bound.ss_family != place->sa.ss_family)
		return false;
	if (bound.ss_family == AF_UNIX)
		return size == place->length && memcmp(&bound, &place->sa, size) == 0;
	peer_from_sockaddr((const struct sockaddr *)&bound, size, &ours);
	peer_from_sockaddr((const struct sockaddr *)&place->sa, place->length, &wanted);
	if (ours.family == ADDR_VSOCK)
		return ours.u.vsock.port == wanted.u.vsock.port &&
		       (ours.u.vsock.cid == wanted.u.vsock.cid ||
			ours.u.vsock.cid == ADDR_CID_ANY || wanted.u.vsock.cid == ADDR_CID_ANY);
	return ours.u.tcp.port == wanted.u.tcp.port &&
	       (IN6_IS_ADDR_UNSPECIFIED(&ours.u.tcp.ip) ||
		IN6_IS_ADDR_UNSPECIFIED(&wanted.u.tcp.ip) ||
		memcmp(&ours.u.tcp.ip, &wanted.u.tcp.ip, sizeof(ours.u.tcp.ip)) == 0);
}

/* The same for a place that may be a file, which has several names. */
static bool has_taken(const struct listener *listener, const struct addr *addr,
		      const struct place *place)
{
	struct socket_inode inode = { 0 };
	char path[SOCKET_FILE_MAX];

	if (socket_file(addr, path, sizeof(path)))
		socket_file_find(path, &inode);
	for (size_t i = 0; i < listener->count; i++) {
		const struct listener_socket *socket = &listener->sockets[i];

		if (inode.number ? socket->inode.number == inode.number &&
					   socket->inode.device == inode.device
				 : is_taken_by(socket->fd, place))
			return true;
	}
	return false;
}

bool listener_collides(const struct listener *listener, const struct listener *other)
{
	const struct addr *addr = listener->addr;
	struct failure failure;
	struct places places;
	bool collides = false;
	int keep_fd;

	if (other == listener || other->datagrams != listener->datagrams ||
	    strcmp(other->addr->options.netns, addr->options.netns) != 0 ||
	    find_places(listener, &places, &keep_fd, &failure) < 0)
		return false;
	for (size_t i = 0; i < places.count && !collides; i++)
		collides = has_taken(other, addr, &places.place[i]);
	fd_close(&keep_fd);
	return collides;
}

/* A machine without IPv6 still listens on "localhost" and "*". */
static bool may_lack(const struct places *places, size_t i, const struct failure *failure)
{
	return places->count > 1 && places->place[i].sa.ss_family == AF_INET6 &&
	       (failure->error == EADDRNOTAVAIL || failure->error == EAFNOSUPPORT);
}

/* Another descriptor of the socket that a listener has bound to this place; or -1. */
static int share_socket(const struct listener *like, const struct place *place)
{
	for (size_t i = 0; like && i < like->count; i++)
		if (inherited_is_bound_to(like->sockets[i].fd, place))
			return fcntl(like->sockets[i].fd, F_DUPFD_CLOEXEC, 0);
	return -1;
}

static int open_place(struct listener *listener, struct place *place, struct failure *failure)
{
	struct listener_socket *socket = &listener->sockets[listener->count];

	share_port(listener, place);
	socket->fd = inherited_take(listener->inherited, listener->addr, place);
	if (socket->fd >= 0)
		listener->shared = true; /* until listener_own() */
	else
		socket->fd = share_socket(listener->like, place);
	if (socket->fd < 0)
		socket->fd = socket_listen(listener->addr, place, &socket->inode, failure);
	if (socket->fd < 0)
		return socket->fd;
	socket->listener = listener;
	socket->watch = (struct watch){ .kind = &listener_kind, .fd = -1 };
	remember_file(socket, listener->addr);
	socket->place.length = sizeof(socket->place.sa);
	(void)!getsockname(socket->fd, (struct sockaddr *)&socket->place.sa, &socket->place.length);
	listener->count++;
	return 0;
}

static void add_socket(struct listener *listener, int fd)
{
	listener->sockets[listener->count++] = (struct listener_socket){
		.listener = listener, .fd = fd, .watch = { .kind = &listener_kind, .fd = -1 }
	};
}

static void forget_sockets(struct listener *listener)
{
	for (size_t i = 0; i < listener->count; i++)
		free(listener->sockets[i].path);
	free(listener->sockets);
	listener->sockets = NULL;
	listener->count = 0;
}

int listener_adopt(struct listener *listener, const int *fds, size_t count, bool connected,
		   bool guarded)
{
	forget_sockets(listener); /* in a worker those of the supervisor, of whose descriptors it
				     has none */
	listener->connected = connected && count == 1 ? fds[0] : -1;
	listener->sockets = calloc(count, sizeof(*listener->sockets));
	if (!listener->sockets) {
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count && listener->connected < 0; i++)
		add_socket(listener, fds[i]);
	listener->guarded = guarded;
	listener->passed = true;
	return 0;
}

/* All that were passed under one name must be what the listener takes: 0, or a negative errno with
 * the step, which explain() knows. */
static int check_passed(const struct listener *listener, const int *fds, int count, enum step *step)
{
	for (int i = 0; i < count; i++) {
		bool datagram = socket_is_datagram(fds[i]);

		*step = i > 0 && datagram ? STEP_LISTEN : STEP_SOCKET; /* the first one is not */
		if (datagram != listener->datagrams)
			return datagram ? -EPROTOTYPE : -ESOCKTNOSUPPORT;
		if (datagram && !socket_is_udp(fds[i]))
			return -EPROTONOSUPPORT;
		*step = STEP_LISTEN;
		if (datagram || socket_is_listening(fds[i]))
			continue;
		if (count > 1)
			return -ENOTCONN;
		if (!socket_is_connected(fds[i]))
			return -EINVAL;
	}
	return 0;
}

static int refuse_passed(int *fds, int count, enum step step, int error, struct failure *failure)
{
	*failure = (struct failure){ .step = step, .error = -error };
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return error;
}

/* fd: what was passed to us is adopted: listening sockets, or one that is connected already. */
static int adopt(struct listener *listener, struct failure *failure)
{
	int fds[ACTIVATION_MAX], found = activation_find(listener->addr, fds, ACTIVATION_MAX),
				 error;
	enum step step = STEP_SOCKET;

	*failure = (struct failure){ .step = STEP_SOCKET, .error = -found };
	if (found < 0)
		return found;
	error = check_passed(listener, fds, found, &step);
	listener->sockets = error ? NULL : calloc((size_t)found, sizeof(*listener->sockets));
	if (!listener->sockets)
		return refuse_passed(fds, found, step, error ? error : -ENOMEM, failure);
	listener->guarded = !listener->datagrams;
	for (int i = 0; i < found; i++) {
		if (listener->datagrams)
			socket_tell_destination(fds[i]);
		if (!listener->datagrams && !socket_is_listening(fds[i]) &&
		    listener->connected < 0 && found == 1)
			listener->connected = fds[i];
		else
			add_socket(listener, fds[i]);
	}
	return 0;
}

bool listener_hand_over(struct listener *listener)
{
	int fd = listener->connected;
	struct peer peer;

	if (fd < 0)
		return false;
	listener->connected = -1;
	peer_of_socket(fd, NULL, 0, &peer);
	listener->accepted(listener, fd, NULL, &peer);
	return true;
}

int listener_open(struct loop *loop, struct listener *listener, const struct addr *addr,
		  struct failure *failure)
{
	struct places places;
	int keep_fd, error;

	listener->loop = loop;
	listener->addr = addr;
	listener->resting = true;
	listener->pause.expired = pause_over;
	listener->shared = false;
	if (listener->passed)
		return start_flows(listener, failure);
	listener->count = 0;
	listener->connected = -1;
	if (addr->family == ADDR_FD) {
		error = adopt(listener, failure);
		return error ? error : start_flows(listener, failure);
	}
	error = find_places(listener, &places, &keep_fd, failure);
	if (error)
		return error;
	listener->sockets = calloc(places.count, sizeof(*listener->sockets));
	if (!listener->sockets) {
		*failure = (struct failure){ .step = STEP_SOCKET, .error = ENOMEM };
		error = -ENOMEM;
	}
	for (size_t i = 0; i < places.count && !error; i++) {
		error = open_place(listener, &places.place[i], failure);
		if (error && may_lack(&places, i, failure))
			error = 0;
	}
	if (!error && !listener->count)
		error = -failure->error;
	if (!error)
		error = start_flows(listener, failure);
	if (error)
		listener_close(listener);
	fd_close(&keep_fd);
	return error;
}

int listener_renew(struct listener *listener, const struct addr *addr, struct failure *failure)
{
	int error = 0;

	for (size_t i = 0; i < listener->count && !error; i++)
		error = socket_renew(listener->sockets[i].fd, addr, &listener->sockets[i].inode,
				     failure);
	return error;
}

void listener_state(const struct listener *listener, struct addr *addr)
{
	*addr = *listener->addr;
	if (listener->count)
		socket_state(&listener->sockets[0].inode, addr);
}

int listener_own(struct listener *listener, struct failure *failure)
{
	int error;

	if (!listener->shared)
		return 0;
	listener->shared = false;
	error = listener_renew(listener, listener->addr, failure);
	listener->due = error != 0;
	return error;
}

/* A socket that was shut down may have lost its port, and one of UNIX stays so: another takes its
 * place, except for one that was passed to us. */
static int listen_again(struct listener *listener, struct listener_socket *socket,
			struct failure *failure)
{
	const struct addr *addr = listener->addr;
	struct place place = socket->place;
	int keep_fd = -1, error = 0;

	if (addr->family == ADDR_FD) {
		socket_abort_now(socket->fd);
		return socket_renew(socket->fd, addr, &socket->inode, failure);
	}
	if (!addr_is_ip(addr) && addr->family != ADDR_VSOCK)
		error = socket_place(addr, ADDR_LISTEN, &place, &keep_fd, failure);
	if (socket->path)
		socket_file_remove(socket->path, &socket->inode);
	fd_close(&socket->fd);
	if (!error)
		socket->fd = socket_listen(addr, &place, &socket->inode, failure);
	fd_close(&keep_fd);
	return error ? error : socket->fd < 0 ? socket->fd : 0;
}

bool listener_revive(struct listener *listener)
{
	struct failure failure;
	char text[256];
	bool any = false;

	for (size_t i = 0; i < listener->count && !listener->datagrams; i++) {
		struct listener_socket *socket = &listener->sockets[i];

		if (!socket_is_shut(socket->fd))
			continue;
		any = true;
		log_warning("%s: the worker had shut a socket down: listening again",
			    addr_format_short(listener->addr, text, sizeof(text)));
		if (listen_again(listener, socket, &failure) < 0)
			explain_say_briefly(listener->addr, &failure);
		if (socket->fd >= 0)
			continue;
		free(socket->path);
		*socket = listener->sockets[--listener->count];
		i--;
	}
	return any;
}

void listener_close(struct listener *listener)
{
	for (size_t i = 0; i < listener->count; i++) {
		struct listener_socket *socket = &listener->sockets[i];

		loop_unwatch(listener->loop, &socket->watch);
		if (socket->path && !listener->shared)
			socket_file_remove(socket->path, &socket->inode);
		if (socket->flows)
			/* the process that passed it continues with it */
			flows_release(socket->flows,
				      listener->shared || listener->addr->family == ADDR_FD);
		else
			fd_close(&socket->fd);
	}
	if (listener->loop)
		loop_timer_stop(listener->loop, &listener->pause);
	if (listener->addr)
		fd_close(&listener->connected);
	forget_sockets(listener);
	listener->passed = false;
}

void listener_move(struct listener *to, struct listener *from, const struct addr *addr)
{
	to->loop = from->loop;
	to->addr = addr;
	to->accepted = from->accepted;
	to->context = from->context;
	to->sockets = from->sockets;
	to->count = from->count;
	to->connected = from->connected;
	to->accept_at = from->accept_at;
	to->guarded = from->guarded;
	to->passed = from->passed;
	to->shared = from->shared;
	to->due = from->due;
	to->resting = true;
	to->pause.expired = pause_over;
	for (size_t i = 0; i < to->count; i++) {
		loop_unwatch(to->loop, &to->sockets[i].watch);
		to->sockets[i].listener = to;
	}
	loop_timer_stop(from->loop, &from->pause);
	from->sockets = NULL;
	from->count = 0;
	from->connected = -1;
}

char *listener_kept_name(const struct listener *listener, char *buf)
{
	const struct listener_socket *socket = listener->sockets;
	bool file = listener->count && socket->path;

	return inherited_name(listener->addr, file ? socket->inode.device : 0,
			      file ? socket->inode.number : 0, buf);
}

char *listener_text(const struct listener *listener, char *buf, size_t size)
{
	if (!listener->count)
		return addr_format_short(listener->addr, buf, size);
	return socket_local_text(listener->sockets[0].fd, listener->addr, buf, size);
}

char *listener_places(const struct listener *listener, char *buf, size_t size)
{
	size_t length = 0;

	*buf = '\0';
	if (!addr_is_ip(listener->addr))
		return buf;
	for (size_t i = 0; i < listener->count && length < size; i++) {
		char ip[INET6_ADDRSTRLEN];
		struct peer local;

		peer_of_local(listener->sockets[i].fd, &local);
		inet_ntop(local.u.tcp.v6 ? AF_INET6 : AF_INET, &local.u.tcp.ip, ip, sizeof(ip));
		length += (size_t)snprintf(buf + length, size - length, "%s%s%s", i ? ", " : " (",
					   ip, i + 1 == listener->count ? ")" : "");
	}
	return buf;
}

int listener_ready(const struct listener *listener, int fd)
{
	char text[ADDR_TEXT_MAX], line[ADDR_TEXT_MAX + 8];
	int length = snprintf(line, sizeof(line), "READY %s\n",
			      listener_text(listener, text, sizeof(text)));

	return fd_write_until(fd, line, (size_t)length, units_now() + READY_PATIENCE, NULL);
}
