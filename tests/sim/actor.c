/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who acts beside the relay: each peer with two hands, one that writes and one that reads; the
 * wires; the program's own threads. actors_step() lets one of them do one thing.
 */
#include "config.h"

#include "sim.h"

#include "net/addr.h"

#define PIECE 65536

static const struct action *step_of(const struct hand *hand)
{
	return hand->at < hand->script->count ? &hand->script->step[hand->at] : NULL;
}

static void next_step(struct hand *hand)
{
	hand->at++;
	hand->done = 0;
	hand->until = 0;
	hand->stalled = false;
	changed();
}

/* Closing */

static void close_tubes(struct peer *peer, bool to, bool from)
{
	if (to && peer->to && peer->to->peer_writes) {
		peer->to->peer_writes = false;
		tube_close(peer->to, false);
	}
	if (from && peer->from && peer->from->peer_reads) {
		peer->from->peer_reads = false;
		tube_close(peer->from, true);
	}
}

static void close_peer(struct peer *peer, bool abort)
{
	int side = (int)(peer - world.peer);

	if (peer->closed)
		return;
	trace("* peer %d %s", side, abort ? "resets" : "closes");
	peer->closed = peer->writes.over = peer->reads.over = true;
	if (!peer->saw_end)
		peer->deaf = true;
	if (!peer->sock) {
		close_tubes(peer, true, true);
	} else {
		peer->sock->aborts = abort;
		sock_close(peer->sock);
	}
	peer->ended = true; /* unless that broke it: world.peer[].broke */
}

static void break_peer(struct peer *peer)
{
	if (!peer->sock || peer->sock->family == ADDR_UNIX) {
		close_peer(peer, false);
		return;
	}
	peer->closed = peer->writes.over = peer->reads.over = peer->deaf = true;
	peer->gave_up = true;
	sock_break(peer->sock->peer, peer->sock->family == ADDR_TCP ? ETIMEDOUT : ECONNRESET);
	peer->sock->end_sent = true; /* it is not heard of again */
	sock_close(peer->sock);
}

static void maybe_close(struct peer *peer)
{
	if (peer->writes.over && peer->reads.over)
		close_peer(peer, false);
}

/* Waiting */

/* A pause or a stall: true where that is what the hand does. */
static bool waits(struct hand *hand, const struct action *step, bool *acted)
{
	*acted = false;
	if (hand->until > world.now || hand->stalled)
		return true;
	if (step->operation == OP_STALL) {
		hand->stalled = true;
		return true;
	}
	if (step->operation != OP_PAUSE)
		return false;
	if (hand->until) {
		next_step(hand);
	} else {
		hand->until = world.now + step->n * MSEC;
		changed();
	}
	*acted = true;
	return true;
}

/* Ends of all kinds, by either hand: true where it was one. */
static bool ends(struct peer *peer, const struct action *step)
{
	switch (step->operation) {
	case OP_CLOSE:
		peer->gave_up = !peer->saw_end;
		close_peer(peer, false);
		return true;
	case OP_RESET:
		peer->gave_up = !peer->saw_end;
		close_peer(peer, peer->sock && peer->sock->family == ADDR_TCP);
		return true;
	case OP_BREAK:
		break_peer(peer);
		return true;
	default:
		return false;
	}
}

/* Writing */

static ssize_t put_some(struct peer *peer, int side, const struct action *step, size_t size)
{
	const unsigned char *data = pattern(side, peer->written, &size);

	if (!peer->sock)
		return tube_write(peer->to, data, size);
	return sock_send(peer->sock, data, size, step->end_of_record ? SEND_RECORD : 0);
}

/* A message goes whole, or in as many pieces as the wire takes (a thread would block). */
static bool write_message(struct peer *peer, int side, const struct action *step)
{
	struct sock *sock = peer->sock;
	unsigned char data[4096];
	uint64_t before = sock->sent;
	ssize_t put;

	for (size_t at = 0, size; at < step->n; at += size) {
		const unsigned char *from;

		size = step->n - at;
		from = pattern(side, peer->written - peer->writes.done + at, &size);
		memcpy(data + at, from, size);
	}
	if (sock->family == ADDR_UNIX && sock_space(sock) < step->n)
		return false;
	put = sock_send(sock, data + peer->writes.done, step->n - peer->writes.done,
			step->end_of_record ? SEND_RECORD : 0);
	peer->written += sock->sent - before;
	peer->writes.done += (uint32_t)(sock->sent - before);
	if (put == -EAGAIN)
		return sock->sent > before;
	if (put < 0) {
		peer->writes.over = true;
		changed();
		return true;
	}
	trace("* peer %d sends a message of %u%s", side, step->n,
	      step->end_of_record ? ", end of record" : "");
	peer->messages_sent++;
	next_step(&peer->writes);
	return true;
}

static bool write_some(struct peer *peer, int side, const struct action *step)
{
	struct hand *hand = &peer->writes;
	size_t size = step->n - hand->done;
	ssize_t put;

	if (size > PIECE)
		size = PIECE;
	put = put_some(peer, side, step, random_size(&world.random, size));
	if (put == -EAGAIN)
		return false;
	if (put < 0) {
		peer->saw_error |= put == -ECONNRESET; /* which reading does not tell again */
		trace("* peer %d cannot write: %s", side, strerror((int)-put));
		hand->over = true;
		changed();
		return true;
	}
	trace("* peer %d writes %zd", side, put);
	hand->done += (uint32_t)put;
	peer->written += (uint64_t)put;
	if (hand->done >= step->n)
		next_step(hand);
	return true;
}

static bool write_urgent(struct peer *peer)
{
	struct sock *sock = peer->sock;

	if (sock && sock->urgent_sending == NEVER && sock->peer->urgent == NEVER) {
		ssize_t put = sock_send(sock, "!", 1, SEND_URGENT);

		if (put == -EAGAIN)
			return false;
		peer->saw_error |= put == -ECONNRESET;
		trace("* peer %d sends an urgent byte", (int)(peer - world.peer));
	}
	next_step(&peer->writes);
	return true;
}

static void end_writes(struct peer *peer)
{
	trace("* peer %d ends", (int)(peer - world.peer));
	if (peer->sock)
		sock_shutdown(peer->sock, SENDS);
	else
		close_tubes(peer, true, false);
	peer->ended = true;
	peer->writes.over = true;
}

static bool writer(int side)
{
	struct peer *peer = &world.peer[side];
	struct hand *hand = &peer->writes;
	const struct action *step = step_of(hand);
	bool acted;

	if (hand->over)
		return false;
	if (!step) { /* the script was cut short by shrinking */
		end_writes(peer);
		maybe_close(peer);
		return true;
	}
	if (waits(hand, step, &acted))
		return acted;
	if (ends(peer, step))
		return true;
	if (step->operation == OP_WRITE) {
		bool messages = peer->sock && peer->sock->messages;

		acted = messages ? write_message(peer, side, step) : write_some(peer, side, step);
	} else if (step->operation == OP_URGENT) {
		acted = write_urgent(peer);
	} else {
		end_writes(peer);
		acted = true;
	}
	maybe_close(peer);
	return acted;
}

/* Reading */

static void reads_no_more(struct peer *peer)
{
	peer->reads.over = true;
	changed();
	if (peer->sock && world.plan->side[peer - world.peer].closes_at_end)
		close_peer(peer, false);
}

static ssize_t take_some(struct peer *peer, size_t size)
{
	static unsigned char data[PIECE];
	bool record;

	if (!peer->sock)
		return tube_read(peer->from, data, size);
	return sock_receive(peer->sock, data, peer->sock->messages ? sizeof(data) : size, 0,
			    &record);
}

/* Is the next thing to be read a message? Then 0 bytes are an empty one, and else they are the end.
 */
static bool has_message(const struct peer *peer)
{
	const struct message *first = peer->sock ? messages_first(&peer->sock->received_messages)
						 : NULL;

	return first && first->whole;
}

/* step NULL: to the end. */
static bool read_some(struct peer *peer, int side, const struct action *step)
{
	struct hand *hand = &peer->reads;
	size_t most = step ? step->n - hand->done : PIECE;
	bool slowly = step && step->operation == OP_READ_SLOWLY, empty;
	ssize_t got;

	if (most > (slowly ? 64 : PIECE))
		most = slowly ? 64 : PIECE;
	empty = has_message(peer);
	got = take_some(peer, random_size(&world.random, most));
	if (got == -EAGAIN)
		return false;
	if (got < 0 || (got == 0 && !empty)) {
		trace("* peer %d reads: %s", side, got ? strerror((int)-got) : "end");
		peer->saw_error |= got < 0;
		peer->saw_end = got == 0;
		reads_no_more(peer);
		return true;
	}
	trace("* peer %d reads %zd", side, got);
	peer->got += (uint64_t)got;
	hand->done += (uint32_t)got;
	if (step && hand->done >= step->n)
		next_step(hand);
	else if (slowly)
		hand->until = world.now + (1 + random_below(&world.random, 20)) * MSEC;
	changed();
	return true;
}

static void shut_read(struct peer *peer)
{
	trace("* peer %d shuts reading", (int)(peer - world.peer));
	peer->deaf = peer->gave_up = true;
	peer->reads.over = true;
	if (peer->sock)
		sock_shutdown(peer->sock, RECEIVES);
	else
		close_tubes(peer, false, true);
	changed();
}

static bool reader(int side)
{
	struct peer *peer = &world.peer[side];
	struct hand *hand = &peer->reads;
	const struct action *step = step_of(hand);
	bool acted;

	if (hand->over)
		return false;
	if (step) {
		if (waits(hand, step, &acted))
			return acted;
		if (ends(peer, step))
			return true;
	} else if (hand->until > world.now) {
		return false;
	}
	if (step && step->operation == OP_SHUT_READ) {
		shut_read(peer);
		acted = true;
	} else {
		acted = read_some(peer, side, step);
	}
	maybe_close(peer);
	return acted;
}

/* Choosing */

static bool wire(int side, bool from_relay)
{
	struct sock *sock = world.peer[side].sock;

	if (!sock)
		return false;
	return sock_wire(from_relay ? sock->peer : sock, random_size(&world.random, PIECE));
}

#define ACTORS 9

static bool act(unsigned actor)
{
	int side = (int)(actor & 1);

	switch (actor >> 1) {
	case 0:
		return writer(side);
	case 1:
		return reader(side);
	case 2:
		return wire(side, false);
	case 3:
		return wire(side, true);
	default:
		return thread_step();
	}
}

bool actors_step(void)
{
	unsigned first = (unsigned)random_below(&world.random, ACTORS);

	if (thread_current())
		return false;
	for (unsigned i = 0; i < ACTORS; i++)
		if (act((first + i) % ACTORS))
			return true;
	return false;
}

uint64_t actors_next(void)
{
	uint64_t next = NEVER;

	for (int i = 0; i < 4; i++) {
		struct peer *peer = &world.peer[i & 1];
		const struct hand *hand = i & 2 ? &peer->reads : &peer->writes;

		if (!hand->over && !hand->stalled && hand->until > world.now && hand->until < next)
			next = hand->until;
	}
	return next;
}

bool actors_unstall(void)
{
	bool any = false;

	for (int i = 0; i < 4; i++) {
		struct peer *peer = &world.peer[i & 1];
		struct hand *hand = i & 2 ? &peer->reads : &peer->writes;

		if (hand->over || !hand->stalled)
			continue;
		next_step(hand);
		any = true;
	}
	/* A peer that reads no more and can't write either, because the other one does the same,
	 * gives up: a destination that is full and deaf tells the relay nothing. */
	for (int side = 0; side < 2 && !any; side++) {
		if (!world.peer[side].deaf || world.peer[side].closed)
			continue;
		close_peer(&world.peer[side], false);
		any = true;
	}
	return any;
}
