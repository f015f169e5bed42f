/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dialing.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "net/peer.h"
#include "net/socket.h"

#define PAUSE_FIRST (20 * NSEC_PER_MSEC)
#define PAUSE_LONGEST (1 * NSEC_PER_SEC)
/* A UNIX listener with a full backlog: epoll never tells when there is room. */
#define BACKLOG_PAUSE (5 * NSEC_PER_MSEC)

#define NEXT_AFTER (250 * NSEC_PER_MSEC) /* RFC 8305: Connection Attempt Delay */

static void try_next(struct dial *dial);
static void retry(struct dial *dial);
static void start_attempt(struct dial *dial);

static struct dial *dial_of_watch(struct watch *watch)
{
	return container_of(watch, struct dial, watch);
}

static struct dial *dial_of_timer(struct timer *timer)
{
	return container_of(timer, struct dial, timer);
}

/* The end of a dial */

static void release(struct dial *dial)
{
	loop_timer_stop(dial->dialer->loop, &dial->timer);
	dial_forget_question(dial);
	dial_drop_rivals(dial);
	dial_forget_places(dial);
	fd_close(&dial->keep_fd);
	dial->state = DIAL_OVER;
}

static void forget_why(struct dial *dial)
{
	free(dial->why);
	dial->why = NULL;
}

void dial_cancel(struct dial *dial)
{
	if (!dial->dialer)
		return;
	loop_unwatch(dial->dialer->loop, &dial->watch);
	forget_why(dial);
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

void dial_explain(const struct dial *dial, const struct failure *failure,
		  struct explanation *explanation)
{
	if (dial->why)
		*explanation = *dial->why;
	else if (dial->dialer->broker.explain)
		explain_briefly(dial->addr, failure, explanation);
	else
		explain(dial->addr, failure, explanation);
}

/* The verdict, or another attempt later. */
static void judge(struct dial *dial)
{
	struct loop *loop = dial->dialer->loop;
	uint64_t now = units_now(), elapsed = now - dial->started, left;
	struct explanation why;

	if (!dial->settings->wait || elapsed >= dial->settings->wait) {
		give_up(dial);
		return;
	}
	dial_explain(dial, &dial->failure, &why);
	tell_failure(dial, &why);
	if (!why.may_heal) {
		give_up(dial);
		return;
	}
	if (dial->settings->waiting)
		dial->settings->waiting(dial->addr, &why, elapsed, dial->settings->wait);
	forget_why(dial);
	dial->state = DIAL_PAUSE;
	left = dial->settings->wait - elapsed; /* no pause outlasts the time that there is */
	loop_timer(loop, &dial->timer, now + (dial->pause < left ? dial->pause : left));
	dial->pause = dial->pause * 2 < PAUSE_LONGEST ? dial->pause * 2 : PAUSE_LONGEST;
}

/* An attempt failed with all its addresses. */
static void attempt_failed(struct dial *dial)
{
	uint64_t now = units_now(), elapsed = now - dial->started;

	dial_drop_rivals(dial);
	if (!dial->failure.waited)
		dial->failure.waited = now - dial->attempt_started;
	if (dial->settings->wait && elapsed >= dial->settings->wait)
		dial->failure.waited = elapsed;
	if (dial_ask_why(dial) < 0)
		judge(dial);
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
	utf8_escape(text, length, dial->detail, sizeof(dial->detail));
	dial->failure = (struct failure){ .step = STEP_HANDSHAKE,
					  .error = EPROTO,
					  .detail = dial->detail };
	address_failed(dial);
}

/* A call failed that has nothing to do with the peer. */
static void io_failed(struct dial *dial, int error)
{
	dial->failure = (struct failure){ .step = STEP_SOCKET, .error = error };
	address_failed(dial);
}

/* Takes what was peeked at. Otherwise it would be seen again, and as payload. */
static bool consume(struct dial *dial, char *peeked, size_t size)
{
	ssize_t got = RETRY(recv(dial->fd, peeked, size, MSG_DONTWAIT));

	if (got == (ssize_t)size)
		return true;
	io_failed(dial, got < 0 ? errno : EIO);
	return false;
}

static void shake_hands(struct dial *dial)
{
	/* what came before, and what has come now: a failure shows both */
	char answer[2 * MUX_LINE_MAX + 2];
	size_t before = dial->mux.length, used = 0;
	char *peeked = answer + before;
	ssize_t got = recv(dial->fd, peeked, sizeof(answer) - MUX_LINE_MAX,
			   MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		if (got < 0 && errno != ECONNRESET) {
			io_failed(dial, errno);
			return;
		}
		if (before) {
			not_ok(dial, dial->mux.line, before);
			return;
		}
		/* closed without a word, also where that came as a reset */
		dial->failure = (struct failure){ .step = STEP_HANDSHAKE, .error = ECONNRESET };
		address_failed(dial);
		return;
	}
	memcpy(answer, dial->mux.line, before);
	switch (mux_feed(&dial->mux, peeked, (size_t)got, &used)) {
	case MUX_OK:
		if (consume(dial, peeked, used))
			succeed(dial);
		break;
	case MUX_MORE:
		consume(dial, peeked, used);
		break;
	case MUX_GARBAGE:
		not_ok(dial, answer, before + (size_t)got);
		break;
	}
}

static void connected(struct dial *dial)
{
	char request[MUX_LINE_MAX];
	size_t length;
	ssize_t sent;
	int error;

	if (dial->addr->family != ADDR_MUX) {
		succeed(dial);
		return;
	}
	length = mux_request(dial->addr->port, request, sizeof(request));
	/* a dozen bytes into the empty buffer of a new socket: they fit, or the peer is gone */
	sent = send(dial->fd, request, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EPIPE && errno != ECONNRESET) {
		io_failed(dial, errno);
		return;
	}
	if (sent != (ssize_t)length) {
		dial->failure = (struct failure){ .step = STEP_HANDSHAKE, .error = ECONNRESET };
		address_failed(dial);
		return;
	}
	memset(&dial->mux, 0, sizeof(dial->mux));
	dial->state = DIAL_HANDSHAKE;
	error = loop_watch(dial->dialer->loop, &dial->watch, dial->fd, EPOLLIN);
	if (error)
		io_failed(dial, -error);
}

static void dial_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct dial *dial = dial_of_watch(watch);
	struct failure failure;

	(void)loop;
	if (dial->state == DIAL_HANDSHAKE) {
		shake_hands(dial);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	/* EPOLLOUT alone is not success */
	if (socket_connected(dial->fd, &failure) < 0) {
		dial_note_failure(dial, &failure);
		address_failed(dial);
	} else {
		connected(dial);
	}
}

static const struct watch_kind dial_kind = { .name = "dial", .ready = dial_ready, .patient = true };

/* dial->fd is connecting. */
static void await_connection(struct dial *dial)
{
	int error = loop_watch(dial->dialer->loop, &dial->watch, dial->fd, EPOLLOUT);

	if (!error)
		return;
	dial_note_failure(dial, &(const struct failure){ .step = STEP_SOCKET, .error = -error });
	address_failed(dial);
}

/* Several addresses at once */

/* Nothing is tried now but the rivals. */
static bool waits_for_rivals(const struct dial *dial)
{
	return dial->state == DIAL_CONNECT && dial->fd < 0;
}

static void rival_won(struct dial *dial, struct dial_rival *rival)
{
	loop_unwatch(dial->dialer->loop, &dial->watch);
	fd_close(&dial->fd);
	dial->fd = rival->fd;
	dial->connect_began = rival->connect_began;
	rival->fd = -1;
	dial_drop_rivals(dial);
	connected(dial);
}

static void rival_lost(struct dial *dial, const struct failure *failure)
{
	dial_note_failure(dial, failure);
	if (waits_for_rivals(dial) && !dial->rivals)
		try_next(dial); /* there is none: the attempt has failed */
}

static const struct dial_race race = { .won = rival_won, .lost = rival_lost };

/* When the next address is due, or else the attempt is over. */
static void set_timer(struct dial *dial, uint64_t now)
{
	uint64_t at = dial->attempt_ends;

	if (dial->fd >= 0 && dial->next < dial->place_count && now + NEXT_AFTER < at)
		at = now + NEXT_AFTER;
	if (at == UINT64_MAX)
		loop_timer_stop(dial->dialer->loop, &dial->timer);
	else
		loop_timer(dial->dialer->loop, &dial->timer, at);
}

static bool not_permitted(int error)
{
	return error == -EACCES || error == -EPERM;
}

/* Another process is to open it. False: there is none. */
static bool hand_over(struct dial *dial, const struct place *place, uint64_t timeout)
{
	int error = dial_ask_broker(dial, place, timeout);

	if (error == -ENOMEM) {
		dial->failure = (struct failure){ .step = STEP_CONNECT, .error = ENOMEM };
		attempt_failed(dial);
		return true;
	}
	return error == 0;
}

/* connect(2) has failed at once: it is the broker's turn, or the next address's. */
static void cannot_connect(struct dial *dial, const struct place *place, uint64_t timeout,
			   const struct failure *failure)
{
	int error = dial->fd;

	dial->fd = -1;
	if (not_permitted(error) && hand_over(dial, place, timeout))
		return;
	dial_note_failure(dial, failure);
	try_next(dial);
}

static void try_next(struct dial *dial)
{
	struct socket_defaults defaults = { .connect_timeout = UNITS_INF,
					    .began = &dial->connect_began };
	uint64_t now = units_now();
	const struct place *place;
	struct failure failure;
	bool pending;

	if (now < dial->attempt_ends && dial->next >= dial->place_count && dial->rivals) {
		dial->state = DIAL_CONNECT;
		set_timer(dial, now);
		return;
	}
	if (dial->next >= dial->place_count || now >= dial->attempt_ends) {
		if (!dial->failure.error) /* the time was over before anything was tried */
			dial->failure = (struct failure){ .step = STEP_SOCKET, .error = ETIMEDOUT };
		attempt_failed(dial);
		return;
	}
	place = &dial->places[dial->next++];
	if (dial->attempt_ends != UINT64_MAX)
		defaults.connect_timeout = dial->attempt_ends - now;
	/* another process judges by what it knows, and connects */
	if ((dial->settings->permits || *dial->addr->options.netns) &&
	    hand_over(dial, place, defaults.connect_timeout))
		return;
	if (!dial_permitted(dial, place)) {
		try_next(dial);
		return;
	}
	dial_tell_attempt(dial, place);
	dial->fd = socket_connect(dial->addr, place, &defaults, &pending, &failure);
	if (dial->fd == -EAGAIN && place->sa.ss_family == AF_UNIX) {
		dial->failure = failure;
		retry(dial);
		return;
	}
	if (dial->fd < 0) {
		cannot_connect(dial, place, defaults.connect_timeout, &failure);
		return;
	}
	dial->state = DIAL_CONNECT;
	dial->watch.kind = &dial_kind;
	set_timer(dial, now);
	if (pending)
		await_connection(dial);
	else
		connected(dial);
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
		dial_forget_question(dial);
		dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = EAI_AGAIN };
		attempt_failed(dial);
		break;
	case DIAL_ASKED:
		dial_forget_question(dial);
		dial->failure = (struct failure){ .step = STEP_CONNECT,
						  .error = ETIMEDOUT,
						  .waited = units_now() - dial->attempt_started };
		attempt_failed(dial);
		break;
	case DIAL_EXPLAIN:
		dial_forget_question(dial);
		judge(dial);
		break;
	default:
		if (dial->state == DIAL_CONNECT && dial->next < dial->place_count &&
		    units_now() < dial->attempt_ends) {
			dial_set_aside(dial, &race);
			try_next(dial);
			break;
		}
		dial_drop_rivals(dial);
		dial_note_failure(dial,
				  &(const struct failure){
					  .step = dial->state == DIAL_HANDSHAKE ? STEP_HANDSHAKE
										: STEP_CONNECT,
					  .error = ETIMEDOUT,
					  .waited = units_now() - dial->attempt_started,
				  });
		address_failed(dial);
		break;
	}
}

/* Names */

static void ask(struct dial *dial)
{
	int error = dial_ask_resolver(dial);

	if (!error)
		return;
	dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = resolver_code(error) };
	attempt_failed(dial);
}

void dial_found(struct dial *dial, const struct resolver_answer *answer)
{
	loop_timer_stop(dial->dialer->loop, &dial->timer);
	if (answer->error) {
		dial->failure = (struct failure){ .step = STEP_RESOLVE, .error = answer->error };
		attempt_failed(dial);
		return;
	}
	dial_take_places(dial, &answer->places);
	try_next(dial);
}

void dial_explained(struct dial *dial, const struct explanation *why)
{
	loop_timer_stop(dial->dialer->loop, &dial->timer);
	dial_know_why(dial, why);
	dial_take_why(dial, why);
	judge(dial);
}

/* The UNIX listener's backlog is full: the same address again, soon. */
static void retry(struct dial *dial)
{
	dial->next--;
	dial->state = DIAL_RETRY;
	loop_timer(dial->dialer->loop, &dial->timer, units_now() + BACKLOG_PAUSE);
}

/* fd: and exec: have no places to try: they succeed or fail at once. */
static bool opens_here(const struct dial *dial)
{
	return dial->addr->family == ADDR_FD || dial->addr->family == ADDR_EXEC;
}

/* Another process could not open it. */
static void not_given(struct dial *dial, const struct failure *failure)
{
	struct failure told = *failure;

	if (failure->detail) {
		snprintf(dial->detail, sizeof(dial->detail), "%s", failure->detail);
		told.detail = dial->detail;
	}
	if (opens_here(dial)) {
		loop_timer_stop(dial->dialer->loop, &dial->timer);
		dial->failure = told;
		attempt_failed(dial);
		return;
	}
	dial_note_failure(dial, &told);
	if (failure->error == EAGAIN && dial->next)
		retry(dial);
	else
		try_next(dial);
}

void dial_given(struct dial *dial, int fd, const struct failure *failure)
{
	dial->fd = fd;
	if (fd < 0) {
		not_given(dial, failure);
	} else if (opens_here(dial)) {
		loop_timer_stop(dial->dialer->loop, &dial->timer);
		succeed(dial);
	} else {
		dial->state = DIAL_CONNECT;
		dial->watch.kind = &dial_kind;
		set_timer(dial, units_now());
		/* connect(2) of a UNIX socket is over when it returns */
		if (dial->addr->family == ADDR_UNIX || dial->addr->family == ADDR_MUX)
			connected(dial);
		else
			await_connection(dial);
	}
}

/* Attempts */

static int open_here(const struct dial *dial)
{
	if (dial->addr->family == ADDR_EXEC)
		return dial->dialer->exec ? dial->dialer->exec(dial->dialer->loop, dial->addr->name)
					  : -EAFNOSUPPORT;
	return activation_connected(dial->addr);
}

static void start_here(struct dial *dial)
{
	if (hand_over(dial, NULL, 0))
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
	struct endpoint endpoint;

	if (addr->family == ADDR_FD)
		return endpoint_inherited(fd);
	if (addr->family == ADDR_UDP)
		return endpoint_datagrams(fd);
	endpoint = endpoint_socket(fd,
				   (uint8_t)(addr->family == ADDR_EXEC ? ADDR_UNIX : addr->family),
				   addr->seqpacket);
	endpoint.half_close = addr_half_close(addr, ADDR_HALF_CLOSE);
	return endpoint;
}

static void start_attempt(struct dial *dial)
{
	int error;

	fd_close(&dial->keep_fd);
	dial->failure_is_old = true;
	dial->attempt_started = units_now();
	dial->attempt_ends = dial_attempt_limit(dial);
	if (opens_here(dial)) {
		start_here(dial);
		return;
	}
	error = dial_find_places(dial);
	if (error == -EINPROGRESS) {
		ask(dial);
		return;
	}
	if (error && not_permitted(error) && hand_over(dial, NULL, UNITS_INF))
		return; /* the directory of a long path cannot be opened here */
	if (error)
		attempt_failed(dial);
	else
		try_next(dial);
}

void dial_start(struct dialer *dialer, struct dial *dial, const struct addr *addr,
		const struct dial_settings *settings,
		void (*done)(struct loop *loop, struct dial *dial, int fd,
			     const struct failure *failure))
{
	*dial = (struct dial){ .share = dial->share };
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
