/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/units.h"
#include "net/activation.h"
#include "net/peer.h"
#include "net/socket.h"

enum state { DIAL_OVER, DIAL_LOOKUP, DIAL_CONNECT, DIAL_HANDSHAKE, DIAL_RETRY, DIAL_PAUSE, DIAL_ASKED };

#define PAUSE_FIRST (20 * NSEC_PER_MSEC)
#define PAUSE_LONGEST (1 * NSEC_PER_SEC)
#define BACKLOG_PAUSE (5 * NSEC_PER_MSEC) /* a UNIX listener with a full backlog: epoll never tells when there is room */

struct dialer {
	struct loop *loop;
	struct resolver *resolver;
	struct watch watch;
	struct dial *asking;
	uint32_t questions;
	dial_exec *exec;
	struct dial_broker broker; /* ask NULL: there is none */
};

static void try_next(struct dial *dial);
static void start_attempt(struct dial *dial);

static struct dial *dial_of_watch(struct watch *watch)
{
	return (struct dial *)(void *)((char *)watch - offsetof(struct dial, watch));
}

static struct dial *dial_of_timer(struct timer *timer)
{
	return (struct dial *)(void *)((char *)timer - offsetof(struct dial, timer));
}

/* The end of a dial */

static void forget_question(struct dial *dial)
{
	for (struct dial **link = &dial->dialer->asking; *link; link = &(*link)->next_asking) {
		if (*link == dial) {
			*link = dial->next_asking;
			return;
		}
	}
}

static void forget_places(struct dial *dial)
{
	if (dial->places != &dial->only)
		free(dial->places);
	dial->places = NULL;
	dial->place_count = dial->next = 0;
}

/* Where memory is out only the first is tried. */
static void take_places(struct dial *dial, const struct places *found)
{
	struct place *many = found->count > 1 ? reallocarray(NULL, found->count, sizeof(*many)) : NULL;

	forget_places(dial);
	dial->place_count = many ? found->count : 1;
	dial->places = many ? many : &dial->only;
	memcpy(dial->places, found->place, dial->place_count * sizeof(*dial->places));
}

static void release(struct dial *dial)
{
	loop_timer_stop(dial->dialer->loop, &dial->timer);
	forget_question(dial);
	forget_places(dial);
	fd_close(&dial->keep_fd);
	dial->state = DIAL_OVER;
}

void dial_cancel(struct dial *dial)
{
	if (!dial->dialer)
		return;
	loop_unwatch(dial->dialer->loop, &dial->watch);
	if (dial->state == DIAL_OVER)
		return;
	release(dial);
	fd_close(&dial->fd);
}

static void succeed(struct dial *dial)
{
	int fd = dial->fd;

	dial->fd = -1;
	release(dial);
	dial->done(dial->dialer->loop, dial, fd, NULL);
}

static void give_up(struct dial *dial)
{
	release(dial);
	dial->done(dial->dialer->loop, dial, -1, &dial->failure);
}

static void tell_failure(const struct dial *dial, const struct explanation *why)
{
	char text[256];

	if (log_verbose(2))
		log_info(2, "%s: %s", addr_format_short(dial->addr, text, sizeof(text)), why->what);
}

/* An attempt failed with all its addresses: the verdict, or another attempt later. */
static void attempt_failed(struct dial *dial)
{
	struct loop *loop = dial->dialer->loop;
	uint64_t now = units_now(), elapsed = now - dial->started, left;
	struct explanation why;

	if (!dial->failure.waited)
		dial->failure.waited = now - dial->attempt_started;
	if (!dial->settings->wait || elapsed >= dial->settings->wait) {
		if (dial->settings->wait)
			dial->failure.waited = elapsed;
		give_up(dial);
		return;
	}
	explain(dial->addr, &dial->failure, &why);
	tell_failure(dial, &why);
	if (!why.may_heal) {
		give_up(dial);
		return;
	}
	if (dial->settings->waiting)
		dial->settings->waiting(dial->addr, &why, elapsed, dial->settings->wait);
	dial->state = DIAL_PAUSE;
	left = dial->settings->wait - elapsed; /* no pause outlasts the time that there is */
	loop_timer(loop, &dial->timer, now + (dial->pause < left ? dial->pause : left));
	dial->pause = dial->pause * 2 < PAUSE_LONGEST ? dial->pause * 2 : PAUSE_LONGEST;
}

/* One address */

static void address_failed(struct dial *dial)
{
	loop_unwatch(dial->dialer->loop, &dial->watch);
	fd_close(&dial->fd);
	try_next(dial);
}

/* What came instead of OK, for the message. */
static void not_ok(struct dial *dial, const char *text, size_t length)
{
	log_escape(text, length, dial->detail, sizeof(dial->detail));
	dial->failure = (struct failure){ .step = STEP_HANDSHAKE, .error = EPROTO, .detail = dial->detail };
	address_failed(dial);
}

static void shake_hands(struct dial *dial)
{
	char peeked[MUX_LINE_MAX + 2];
	size_t used = 0;
	ssize_t got = recv(dial->fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		if (dial->mux.length) {
			not_ok(dial, dial->mux.line, dial->mux.length);
			return;
		}
		/* closed without a word, also where that came as a reset */
		dial->failure = (struct failure){ .step = STEP_HANDSHAKE, .error = ECONNRESET };
		address_failed(dial);
		return;
	}
	switch (mux_feed(&dial->mux, peeked, (size_t)got, &used)) {
	case MUX_OK:
		recv(dial->fd, peeked, used, MSG_DONTWAIT);
		succeed(dial);
		break;
	case MUX_MORE:
		recv(dial->fd, peeked, used, MSG_DONTWAIT);
		break;
	case MUX_GARBAGE:
		not_ok(dial, peeked, (size_t)got);
		break;
	}
}

static void connected(struct dial *dial)
{
	char request[MUX_LINE_MAX];
	size_t length;

	if (dial->addr->family != ADDR_MUX) {
		succeed(dial);
		return;
	}
	length = mux_request(dial->addr->port, request, sizeof(request));
	/* a dozen bytes into the empty buffer of a new socket: they fit, or the peer is gone */
	if (send(dial->fd, request, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length) {
		dial->failure = (struct failure){ .step = STEP_HANDSHAKE, .error = ECONNRESET };
		address_failed(dial);
		return;
	}
	memset(&dial->mux, 0, sizeof(dial->mux));
	dial->state = DIAL_HANDSHAKE;
	loop_watch(dial->dialer->loop, &dial->watch, dial->fd, EPOLLIN);
}

static void dial_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct dial *dial = dial_of_watch(watch);

	(void)loop;
	if (dial->state == DIAL_HANDSHAKE) {
		shake_hands(dial);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	/* EPOLLOUT alone is not success */
	if (socket_connected(dial->fd, &dial->failure) < 0)
		address_failed(dial);
	else
		connected(dial);
}

static const struct watch_kind dial_kind = { .name = "dial", .ready = dial_ready };

/* The time of an attempt is shared by the addresses that are left, so that a silent one does not use it all up. */
static uint64_t address_ends(const struct dial *dial, uint64_t now)
{
	size_t left = dial->place_count - dial->next + 1;

	if (dial->attempt_ends == UINT64_MAX)
		return UINT64_MAX;
	return dial->attempt_ends > now ? now + (dial->attempt_ends - now) / left : now;
}

/* For -vv: which address of a name is tried. */
static void tell_attempt(const struct dial *dial, const struct place *place)
{
	char text[256], where[PEER_TEXT_MAX];
	struct peer peer;

	if (!log_verbose(2))
		return;
	peer_from_sockaddr((const struct sockaddr *)&place->sa, place->length, &peer);
	if (dial->addr->family == ADDR_UDP)
		peer.family = ADDR_UDP;
	addr_format_short(dial->addr, text, sizeof(text));
	if (peer.family == ADDR_UNIX)
		log_info(2, "%s: connecting", text);
	else
		log_info(2, "%s: connecting to %s (%zu of %zu)", text, peer_format(&peer, where, sizeof(where)), dial->next,
		         dial->place_count);
}

static bool permitted(struct dial *dial, const struct place *place)
{
	const struct dest_list *dests = dial->settings->dests;

	if (!dests || dest_permits(dests, dial->addr->name, (const struct sockaddr *)&place->sa, dial->detail))
		return true;
	dial->failure = (struct failure){ .step = STEP_PERMIT, .error = EACCES, .detail = dial->detail };
	return false;
}

static void await_answer(struct dial *dial, enum state state)
{
	struct dialer *dialer = dial->dialer;

	dial->state = (uint8_t)state;
	dial->next_asking = dialer->asking;
	dialer->asking = dial;
	if (dial->attempt_ends != UINT64_MAX)
		loop_timer(dialer->loop, &dial->timer, dial->attempt_ends);
}

/* Has another process open it: 0, or a negative errno where there is none, or it can't be asked. */
static int ask_broker(struct dial *dial, const struct place *place, uint64_t timeout)
{
	struct dialer *dialer = dial->dialer;
	int error;

	if (!dialer->broker.ask)
		return -ENOTSUP;
	dial->question = ++dialer->questions;
	error = dialer->broker.ask(dialer->broker.context, dial, place, timeout);
	if (!error)
		await_answer(dial, DIAL_ASKED);
	return error;
}

static bool not_permitted(int error)
{
	return error == -EACCES || error == -EPERM;
}

static void try_next(struct dial *dial)
{
	struct loop *loop = dial->dialer->loop;
	struct socket_defaults defaults = { .connect_timeout = UNITS_INF, .began = &dial->connect_began };
	uint64_t now = units_now(), ends;
	const struct place *place;
	bool pending;

	if (dial->next >= dial->place_count || now >= dial->attempt_ends) {
		attempt_failed(dial);
		return;
	}
	place = &dial->places[dial->next++];
	if (!permitted(dial, place)) {
		try_next(dial);
		return;
	}
	ends = address_ends(dial, now);
	tell_attempt(dial, place);
	if (ends != UINT64_MAX)
		defaults.connect_timeout = ends - now;
	dial->fd = socket_connect(dial->addr, place, &defaults, &pending, &dial->failure);
	if (dial->fd == -EAGAIN && place->sa.ss_family == AF_UNIX) {
		dial->next--;
		dial->state = DIAL_RETRY;
		loop_timer(loop, &dial->timer, now + BACKLOG_PAUSE);
		return;
	}
	if (dial->fd < 0) {
		bool asked = not_permitted(dial->fd) && ask_broker(dial, place, defaults.connect_timeout) == 0;

		dial->fd = -1;
		if (!asked)
			try_next(dial);
		return;
	}
	dial->state = DIAL_CONNECT;
	dial->watch.kind = &dial_kind;
	if (ends != UINT64_MAX)
		loop_timer(loop, &dial->timer, ends);
	if (!pending)
		connected(dial);
	else if (loop_watch(loop, &dial->watch, dial->fd, EPOLLOUT) < 0)
		address_failed(dial);
}

static void dial_expired(struct loop *loop, struct timer *timer)
{
	struct dial *dial = dial_of_timer(timer);

	(void)loop;
	switch (dial->state) {
	case DIAL_PAUSE:
		start_attempt(dial);
		break;
	case DIAL_RETRY:
		try_next(dial);
		break;
	case DIAL_LOOKUP:
		forget_question(dial);
		dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = EAI_AGAIN };
		attempt_failed(dial);
		break;
	case DIAL_ASKED:
		forget_question(dial);
		dial->failure = (struct failure){ .step = STEP_CONNECT, .error = ETIMEDOUT, .waited = units_now() - dial->attempt_started };
		attempt_failed(dial);
		break;
	default:
		dial->failure = (struct failure){
			.step = dial->state == DIAL_HANDSHAKE ? STEP_HANDSHAKE : STEP_CONNECT,
			.error = ETIMEDOUT,
			.waited = units_now() - dial->attempt_started,
		};
		address_failed(dial);
		break;
	}
}

/* Names */

static void ask(struct dial *dial)
{
	struct dialer *dialer = dial->dialer;
	int error;

	dial->question = ++dialer->questions;
	error = resolver_ask(dialer->resolver, dial->question, dial->addr, ADDR_CONNECT);
	if (!error)
		error = loop_watch(dialer->loop, &dialer->watch, resolver_fd(dialer->resolver), EPOLLIN);
	if (error) {
		dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = error == -EAGAIN ? EAI_AGAIN : EAI_SYSTEM };
		attempt_failed(dial);
		return;
	}
	await_answer(dial, DIAL_LOOKUP);
}

static void answered(struct dial *dial, const struct resolver_answer *answer)
{
	forget_question(dial);
	loop_timer_stop(dial->dialer->loop, &dial->timer);
	if (answer->error) {
		dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = answer->error };
		attempt_failed(dial);
		return;
	}
	take_places(dial, &answer->places);
	try_next(dial);
}

static struct dial *who_asked(const struct dialer *dialer, uint32_t question)
{
	struct dial *dial = dialer->asking;

	while (dial && dial->question != question)
		dial = dial->next_asking;
	return dial; /* NULL: it was cancelled, or gave up */
}

static void dialer_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct dialer *dialer = (struct dialer *)(void *)((char *)watch - offsetof(struct dialer, watch));
	struct resolver_answer answer;
	int got;

	(void)events;
	/* the helper's descriptor is closed by resolver_answer() when it is gone: take it out of epoll first */
	while ((got = resolver_answer(dialer->resolver, &answer)) > 0) {
		struct dial *dial = who_asked(dialer, answer.id);

		if (dial && dial->state == DIAL_LOOKUP)
			answered(dial, &answer);
	}
	if (got == 0)
		return;
	loop_unwatch(loop, watch);
	answer = (struct resolver_answer){ .error = EAI_AGAIN };
	for (struct dial *dial = dialer->asking, *next; dial; dial = next) {
		next = dial->next_asking;
		if (dial->state == DIAL_LOOKUP)
			answered(dial, &answer);
	}
}

/* What another process has opened, or could not. */
void dialer_given(struct dialer *dialer, uint32_t question, int fd, const struct failure *failure)
{
	struct dial *dial = who_asked(dialer, question);

	if (!dial || dial->state != DIAL_ASKED) {
		fd_close(&fd);
		return;
	}
	forget_question(dial);
	dial->fd = fd;
	if (dial->addr->family == ADDR_EXEC || dial->addr->family == ADDR_FD) {
		loop_timer_stop(dialer->loop, &dial->timer);
		if (fd >= 0) {
			succeed(dial);
			return;
		}
		dial->failure = *failure;
		attempt_failed(dial);
	} else if (fd < 0) {
		dial->failure = *failure;
		if (failure->error == EAGAIN && dial->next) { /* a full backlog, as in try_next() */
			dial->next--;
			dial->state = DIAL_RETRY;
			loop_timer(dialer->loop, &dial->timer, units_now() + BACKLOG_PAUSE);
		} else {
			try_next(dial);
		}
	} else {
		dial->state = DIAL_CONNECT;
		dial->watch.kind = &dial_kind;
		if (loop_watch(dialer->loop, &dial->watch, fd, EPOLLOUT) < 0)
			address_failed(dial);
	}
}

static const struct watch_kind dialer_kind = { .name = "dialer", .ready = dialer_ready };

/* Attempts */

/* 0, -EINPROGRESS: the resolver is to be asked, or another negative errno with the dial's failure. */
static int find_places(struct dial *dial)
{
	const struct addr *addr = dial->addr;
	struct places places;
	int error;

	forget_places(dial);
	if (addr_is_ip(addr)) {
		error = resolve_now(addr, ADDR_CONNECT, &places, &dial->failure);
		if (!error)
			take_places(dial, &places);
		return error;
	}
	dial->places = &dial->only;
	dial->place_count = 1;
	return socket_place(addr, ADDR_CONNECT, &dial->only, &dial->keep_fd, &dial->failure);
}

static uint64_t attempt_limit(const struct dial *dial)
{
	const struct addr_options *options = &dial->addr->options;
	uint64_t limit = options->given & ADDR_OPT_CONNECT_TIMEOUT ? options->connect_timeout
	                                                           : dial->settings->connect_timeout;
	uint64_t now = dial->attempt_started;

	if (dial->settings->wait && dial->settings->wait != UNITS_INF) {
		uint64_t gone = now - dial->started, left = gone < dial->settings->wait ? dial->settings->wait - gone : 0;

		limit = left < limit ? left : limit;
	}
	return limit == UNITS_INF ? UINT64_MAX : now + limit;
}

/* fd: and exec: are there at once, or not at all. */
static int open_here(const struct dial *dial)
{
	int fds[2], found;

	if (dial->addr->family == ADDR_EXEC)
		return dial->dialer->exec ? dial->dialer->exec(dial->dialer->loop, dial->addr->name) : -EAFNOSUPPORT;
	found = activation_find(dial->addr, fds, 2);
	if (found == 2) {
		close(fds[0]);
		close(fds[1]);
		return -ENOTUNIQ;
	}
	return found < 0 ? found : fds[0];
}

static void start_here(struct dial *dial)
{
	if (ask_broker(dial, NULL, 0) == 0)
		return;
	dial->fd = open_here(dial);
	if (dial->fd >= 0) {
		succeed(dial);
		return;
	}
	dial->failure = (struct failure){ .step = STEP_CONNECT, .error = -dial->fd };
	dial->fd = -1;
	attempt_failed(dial);
}

struct endpoint dial_endpoint(const struct addr *addr, int fd)
{
	if (addr->family == ADDR_FD)
		return endpoint_inherited(fd);
	if (addr->family == ADDR_UDP)
		return endpoint_datagrams(fd);
	return endpoint_socket(fd, (uint8_t)(addr->family == ADDR_EXEC ? ADDR_UNIX : addr->family), addr->seqpacket);
}

void dialer_exec(struct dialer *dialer, dial_exec *exec)
{
	dialer->exec = exec;
}

static void start_attempt(struct dial *dial)
{
	int error;

	fd_close(&dial->keep_fd);
	dial->attempt_started = units_now();
	dial->attempt_ends = attempt_limit(dial);
	if (dial->addr->family == ADDR_FD || dial->addr->family == ADDR_EXEC) {
		start_here(dial);
		return;
	}
	error = find_places(dial);
	if (error == -EINPROGRESS) {
		ask(dial);
		return;
	}
	if (error)
		attempt_failed(dial);
	else
		try_next(dial);
}

void dial_start(struct dialer *dialer, struct dial *dial, const struct addr *addr, const struct dial_settings *settings,
                void (*done)(struct loop *loop, struct dial *dial, int fd, const struct failure *failure))
{
	memset(dial, 0, sizeof(*dial));
	dial->dialer = dialer;
	dial->addr = addr;
	dial->settings = settings;
	dial->done = done;
	dial->fd = dial->keep_fd = -1;
	dial->watch.fd = -1;
	dial->timer.expired = dial_expired;
	dial->pause = PAUSE_FIRST;
	dial->started = units_now();
	start_attempt(dial);
}

int dialer_start(struct loop *loop, struct dialer **out)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));
	int error;

	if (!dialer)
		return -ENOMEM;
	dialer->loop = loop;
	dialer->watch = (struct watch){ .kind = &dialer_kind, .fd = -1 };
	error = resolver_start(&dialer->resolver);
	if (error) {
		free(dialer);
		return error;
	}
	*out = dialer;
	return 0;
}

void dialer_broker(struct dialer *dialer, const struct dial_broker *broker)
{
	dialer->broker = *broker;
	if (broker->resolver >= 0)
		resolver_through(dialer->resolver, broker->resolver);
}

void dialer_stop(struct dialer *dialer)
{
	if (!dialer)
		return;
	loop_unwatch(dialer->loop, &dialer->watch);
	resolver_stop(dialer->resolver);
	free(dialer);
}
