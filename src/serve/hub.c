/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/hub.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "relay/loop.h"

#define CHUNK (256 * 1024) /* a message on a UNIX socket is no longer */
#define PATIENCE (5 * NSEC_PER_SEC)

struct member {
	struct watch watch; /* first; of fd */
	struct hub *hub;
	struct session *session;
	struct member *next, **link;
	int fd;
	size_t taken; /* of the chunk */
	bool behind;  /* it has not taken all of the chunk */
	bool ended;   /* it sends no more */
	bool messages;
};

struct hub {
	struct timer timer; /* first */
	struct member *first;
	bool draining; /* what was sent is still passed on, then it is over */
	size_t length; /* of the chunk that somebody has not taken yet; 0: none */
	unsigned char chunk[CHUNK];
};

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static void close_all(struct loop *loop, struct hub *hub);
static const struct watch_kind member_kind = { .name = "hub member", .ready = ready };

/* What is to be watched now: who is behind must take; and if nobody is, who can may send. */
static void apply(struct loop *loop, struct hub *hub)
{
	if (hub->draining && !hub->length)
		close_all(loop, hub);
	for (struct member *member = hub->first; member; member = member->next) {
		uint32_t events = 0;

		if (member->behind)
			events = EPOLLOUT;
		else if (!hub->length && !member->ended)
			events = EPOLLIN | EPOLLRDHUP;
		/* what nobody waits for must not spin: HUP can't be masked */
		if (member->fd >= 0)
			loop_watch(loop, &member->watch, member->fd, events ? events : EPOLLET);
	}
}

/* Gives a member what it takes of the chunk. */
static void give(struct hub *hub, struct member *member)
{
	while (member->taken < hub->length) {
		ssize_t put = send(member->fd, hub->chunk + member->taken, hub->length - member->taken, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (put < 0 && errno == EAGAIN) {
			member->behind = true;
			return;
		}
		if (put < 0)
			break; /* it hears no more; its relay knows */
		member->taken += (size_t)put;
	}
	member->behind = false;
}

/* Has everyone taken the chunk? */
static void settle(struct loop *loop, struct hub *hub)
{
	for (const struct member *member = hub->first; member; member = member->next)
		if (member->behind)
			return;
	hub->length = 0;
	loop_timer_stop(loop, &hub->timer);
}

static void distribute(struct loop *loop, struct hub *hub, const struct member *from)
{
	for (struct member *member = hub->first; member; member = member->next) {
		member->taken = 0;
		if (member != from)
			give(hub, member);
	}
	loop_timer(loop, &hub->timer, units_now() + PATIENCE);
	settle(loop, hub);
}

/* True if something was heard. */
static bool hear(struct loop *loop, struct member *member, uint32_t events)
{
	struct hub *hub = member->hub;
	ssize_t got;

	if (hub->length)
		return false; /* in this same batch somebody else has sent */
	got = recv(member->fd, hub->chunk, sizeof(hub->chunk), MSG_DONTWAIT);
	if (got > 0) {
		hub->length = (size_t)got;
		distribute(loop, hub, member);
		return true;
	}
	if (got == 0) {
		/* an empty message is nothing to pass on */
		member->ended = !member->messages || events & (EPOLLRDHUP | EPOLLHUP);
	} else if (errno != EAGAIN && errno != EINTR) {
		member->ended = true;
	}
	return false;
}

/* Nobody is behind: what members have sent meanwhile is passed on, and when there is no more, all are closed. */
static void close_all(struct loop *loop, struct hub *hub)
{
	bool heard;

	do {
		heard = false;
		for (struct member *member = hub->first; member; member = member->next)
			heard = (member->fd >= 0 && !member->ended && hear(loop, member, 0)) || heard;
	} while (heard && !hub->length);
	for (struct member *member = hub->first; member && !hub->length; member = member->next) {
		loop_unwatch(loop, &member->watch);
		fd_close(&member->fd);
	}
}

void hub_drain(struct loop *loop, struct hub *hub)
{
	hub->draining = true;
	apply(loop, hub);
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct member *member = (struct member *)(void *)watch;
	struct hub *hub = member->hub;

	if (member->behind) {
		give(hub, member);
		settle(loop, hub);
	} else if (!member->ended) {
		hear(loop, member, events);
	}
	apply(loop, hub);
}

static void leave(struct session *session)
{
	struct member *member = session->owner;
	struct loop *loop = session->group->loop;
	struct hub *hub = member->hub;

	loop_unwatch(loop, &member->watch);
	fd_close(&member->fd);
	*member->link = member->next;
	if (member->next)
		member->next->link = member->link;
	loop_free_later(loop, member);
	if (hub->length)
		settle(loop, hub);
	apply(loop, hub);
}

/* Who is behind has had its time. */
static void out_of_patience(struct loop *loop, struct timer *timer)
{
	struct hub *hub = (struct hub *)(void *)timer;

	(void)loop;
	for (struct member *member = hub->first, *next; member; member = next) {
		next = member->next;
		if (member->behind)
			session_drop(member->session, "slow", "did not take what others sent");
	}
}

struct hub *hub_new(void)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (hub)
		hub->timer.expired = out_of_patience;
	return hub;
}

int hub_join(struct hub *hub, struct session *session, struct endpoint *here)
{
	struct member *member = calloc(1, sizeof(*member));
	int pair[2];

	if (!member)
		return -ENOMEM;
	if (socketpair(AF_UNIX, (session->seqpacket ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		free(member);
		return -errno;
	}
	*member = (struct member){ .watch = { .kind = &member_kind, .fd = -1 }, .hub = hub, .session = session, .fd = pair[1],
		                   .messages = session->seqpacket, .next = hub->first, .link = &hub->first };
	if (member->next)
		member->next->link = &member->next;
	hub->first = member;
	*here = endpoint_socket(pair[0], ADDR_UNIX, session->seqpacket);
	session->owner = member;
	session->group->release = leave;
	apply(session->group->loop, hub);
	return 0;
}

void hub_free(struct hub *hub)
{
	free(hub);
}
