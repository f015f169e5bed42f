/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/greeting.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "base/units.h"
#include "net/ip.h"
#include "proxy/protocols/dest.h"
#include "proxy/protocols/http-connect.h"
#include "proxy/protocols/proxy-header.h"
#include "proxy/protocols/socks.h"
#include "relay/loop.h"
#include "serve/session.h"

#define BUFFER (PROXY_V2_MAX + HTTP_HEADER_MAX + 1024)
#define LINGER_TIME NSEC_PER_SEC
#define LINGER_BYTES (256U * 1024)

enum state { PROXY, METHODS, REQUEST, CONNECTING, LINGERING };

/* What is only needed until the relay runs. */
struct work {
	struct addr addr; /* where the client wants to go */
	size_t start, end; /* of what was read and is not understood yet, in data */
	size_t header; /* bytes of the PROXY header, which data begins with */
	bool forward; /* the request is for the target, too, and gets its answer from there */
	size_t beyond; /* bytes after the body of such a request */
	bool socks4;
	uint8_t data[BUFFER + HTTP_FORWARD_MORE];
};

struct greeting {
	struct watch watch; /* of the client's socket; first */
	struct prologue prologue;
	struct timer timer;
	struct session *session;
	const struct greeting_plan *plan;
	struct work *work; /* owned */
	char *to; /* where the client wants to go, as text; owned */
	struct ends header;
	struct http_body body; /* of a request that is passed on */
	struct relay_extent extent; /* which ends there */
	uint32_t discarded; /* bytes, while it lingers */
	uint8_t state; /* enum state */
};

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind greeting_kind = { .name = "greeting",
						 .ready = ready,
						 .patient = true };
static const struct prologue_kind greeting_prologue;

static struct loop *loop_of(const struct greeting *greeting)
{
	return greeting->session->group->loop;
}

static struct greeting *greeting_of(const struct session *session)
{
	return session->prologue ? container_of(session->prologue, struct greeting, prologue)
				 : NULL;
}

static void leave(struct greeting *greeting)
{
	loop_unwatch(loop_of(greeting), &greeting->watch);
	loop_timer_stop(loop_of(greeting), &greeting->timer);
}

static void greeting_free(struct session *session)
{
	struct greeting *greeting = greeting_of(session);

	if (!greeting)
		return;
	leave(greeting);
	free(greeting->prologue.client);
	free(greeting->prologue.dest);
	/* the caller may still read these */
	if (greeting->work)
		loop_free_later(session->group->loop, greeting->work);
	if (greeting->to)
		loop_free_later(session->group->loop, greeting->to);
	loop_free_later(session->group->loop, greeting);
	session->prologue = NULL;
}

/* Answers */

/* A few bytes into a buffer that holds no more than that: they fit, or the peer is gone. */
static int say(int fd, const void *data, size_t size)
{
	ssize_t put = size ? send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (put == (ssize_t)size)
		return 0;
	return put < 0 ? -errno : -EPIPE;
}

static int say_socks(const struct greeting *greeting, uint8_t code)
{
	uint8_t answer[SOCKS_ANSWER_SIZE];

	if (greeting->work->socks4) {
		socks4_answer(code, answer);
		return say(greeting->session->fd, answer, SOCKS4_ANSWER_SIZE);
	}
	socks_answer(code, answer);
	return say(greeting->session->fd, answer, sizeof(answer));
}

static int say_http(const struct greeting *greeting, unsigned status)
{
	char answer[HTTP_ANSWER_MAX];
	size_t size = http_answer(status, answer);

	return say(greeting->session->fd, answer, size);
}

/* The destination is not possible. A client that named it in a PROXY header made no request and
 * gets no answer. */
static void say_no(const struct greeting *greeting, uint8_t socks_code, unsigned http_status)
{
	if (greeting->plan->asks == ADDR_SOCKS5)
		say_socks(greeting, socks_code);
	else if (greeting->plan->asks == ADDR_HTTP_CONNECT)
		say_http(greeting, http_status);
}

/* The end without a relay */

static void linger(struct greeting *greeting)
{
	struct loop *loop = loop_of(greeting);
	int fd = greeting->session->fd;

	/* the client speaks neither SOCKS nor HTTP, so there is no answer: session_close() resets
	 */
	if (!greeting->plan->asks || greeting->plan->asks == ADDR_PROXY_DST) {
		session_close(greeting->session);
		return;
	}
	greeting->session->answered = true;
	greeting->state = LINGERING;
	shutdown(fd, SHUT_WR);
	loop_timer(loop, &greeting->timer, units_now() + LINGER_TIME);
	if (loop_watch(loop, &greeting->watch, fd, EPOLLIN) < 0)
		session_close(greeting->session);
}

static void discard(struct greeting *greeting)
{
	uint8_t data[4096];
	ssize_t got;

	/* one that sends as fast as this reads must not keep the loop to itself */
	do {
		got = recv(greeting->session->fd, data, sizeof(data), MSG_DONTWAIT);
		greeting->discarded += got > 0 ? (uint32_t)got : 0;
	} while (got > 0 && greeting->discarded <= LINGER_BYTES);
	if ((got < 0 && errno != EAGAIN && errno != EINTR) || got == 0 ||
	    greeting->discarded > LINGER_BYTES)
		session_close(greeting->session);
}

/* The client sent something malformed, or nothing; it may have got an answer. */
static void fail(struct greeting *greeting, const char *end, const char *why)
{
	struct explanation explanation = { .status = STATUS_FAILURE, .end = end };

	leave(greeting);
	snprintf(explanation.what, sizeof(explanation.what), "%s", why);
	session_failed(greeting->session, &explanation);
	if (greeting->plan->refused)
		greeting->plan->refused(greeting->session, why);
	linger(greeting);
}

static void deny(struct greeting *greeting, const char *why)
{
	leave(greeting);
	session_denied(greeting->session, why);
	if (greeting->plan->refused)
		greeting->plan->refused(greeting->session, why);
	linger(greeting);
}

static bool greeting_refuse(struct session *session, const struct failure *failure)
{
	struct greeting *greeting = greeting_of(session);

	if (!greeting || !greeting->plan->asks || greeting->plan->asks == ADDR_PROXY_DST)
		return false;
	say_no(greeting, socks_code_of(failure), http_status_of(failure));
	linger(greeting);
	return true;
}

static bool greeting_stop(struct session *session)
{
	struct greeting *greeting = greeting_of(session);

	if (!greeting || !greeting->work || greeting->state == CONNECTING)
		return false;
	if (greeting->state != LINGERING)
		session_failed(session, &(const struct explanation){ .end = "signal",
								     .what = "ended before the "
									     "request of the "
									     "client was "
									     "complete" });
	session_close(session);
	return true;
}

/* Where to */

static void go(struct greeting *greeting, const struct addr *to)
{
	leave(greeting);
	greeting->state = CONNECTING;
	greeting->plan->go(greeting->session, to);
}

static bool make_addr(struct greeting *greeting, const char *host, uint16_t port)
{
	const struct addr_context context = { .role = ADDR_CONNECT, .flags = ADDR_NO_OPTIONS };
	bool bare = strchr(host, ':') && host[0] != '['; /* an IPv6 address, as SOCKS has it */
	struct mistake error;
	char text[320], why[400];

	snprintf(text, sizeof(text), "tcp:%s%s%s:%u", bare ? "[" : "", host, bare ? "]" : "", port);
	if (port && addr_parse(text, &context, &greeting->work->addr, &error) == 0) {
		greeting->to = strdup(addr_format_short(&greeting->work->addr, text, sizeof(text)));
		if (greeting->to)
			greeting->session->to = greeting->to;
		return true;
	}
	snprintf(why, sizeof(why),
		 "the client asked for '%.120s:%u', which is not an address: %.160s", host, port,
		 port ? error.why : "the port is 0");
	say_no(greeting, SOCKS_FAILURE, 400);
	fail(greeting, "handshake", why);
	return false;
}

static void ask_for(struct greeting *greeting, const char *host, uint16_t port)
{
	const struct addr *addr = &greeting->work->addr;
	char why[DEST_WHY_MAX];

	if (!make_addr(greeting, host, port))
		return;
	if (dest_may(greeting->plan->dests, addr->name, port, why)) {
		go(greeting, addr);
		return;
	}
	say_no(greeting, SOCKS_NOT_ALLOWED, 403);
	deny(greeting, why);
}

/* Stages: each takes what it understands, and is true if the next may go on at once */

static bool understand_proxy(struct greeting *greeting)
{
	struct work *work = greeting->work;
	char text[ENDS_TEXT_MAX];
	const char *why;
	size_t used;

	switch (proxy_header_read(work->data, work->end, &greeting->header, &used, &why)) {
	case PROXY_HEADER_MORE:
		return false;
	case PROXY_HEADER_BAD:
		fail(greeting, "handshake", why);
		return false;
	case PROXY_HEADER_OK:
		break;
	}
	work->start = work->header = used;
	if (greeting->header.local)
		greeting->prologue.client = strdup("local");
	else if (greeting->header.from.peer.family)
		greeting->prologue.client = strdup(
			ends_format(&greeting->header.from, text, sizeof(text)));
	else
		greeting->prologue.client = strdup("unknown");
	if (greeting->prologue.client)
		greeting->prologue.told = &greeting->header;
	greeting->state = greeting->plan->asks == ADDR_SOCKS5 ? METHODS : REQUEST;
	return true;
}

static bool understand_methods(struct greeting *greeting)
{
	struct work *work = greeting->work;
	uint8_t answer[SOCKS_METHOD_ANSWER_SIZE];
	struct socks_request request;
	enum socks_state state;
	size_t used;
	int error = 0;

	if (work->start < work->end && socks4_begins(work->data[work->start])) {
		work->socks4 = true;
		greeting->state = REQUEST;
		return true;
	}
	state = socks_read_methods(work->data + work->start, work->end - work->start, &request,
				   &used);
	if (state == SOCKS_MORE)
		return false;
	socks_method_answer(state == SOCKS_OK ? 0 : SOCKS_NO_METHOD, answer);
	if (state == SOCKS_OK || request.code)
		error = say(greeting->session->fd, answer, sizeof(answer));
	if (state == SOCKS_BAD) {
		fail(greeting, "handshake", request.why);
		return false;
	}
	if (error) {
		/* the client would wait for it, and we for the client */
		fail(greeting, "io", strerror(-error));
		return false;
	}
	work->start += used;
	greeting->state = REQUEST;
	return true;
}

static void understand_socks(struct greeting *greeting)
{
	struct work *work = greeting->work;
	const uint8_t *data = work->data + work->start;
	size_t size = work->end - work->start, used;
	struct socks_request request;
	enum socks_state state = work->socks4 ? socks4_read_request(data, size, &request, &used)
					      : socks_read_request(data, size, &request, &used);

	switch (state) {
	case SOCKS_MORE:
		break;
	case SOCKS_BAD:
		say_socks(greeting, request.code);
		fail(greeting, "handshake", request.why);
		break;
	case SOCKS_OK:
		work->start += used;
		ask_for(greeting, request.host, request.port);
		break;
	}
}

static size_t take_body(struct relay_extent *extent, const void *data, size_t size, bool look)
{
	struct greeting *greeting = container_of(extent, struct greeting, extent);
	struct http_body body = greeting->body;
	size_t taken = http_body_take(&body, data, size);

	if (look)
		return taken;
	greeting->body = body;
	extent->bad = http_body_is_bad(&greeting->body);
	if (extent->bad)
		extent->why = "the client sent a malformed chunk";
	else if (taken < size)
		extent->why = "the client sent more than one request";
	return taken;
}

/* Gives up what the client has sent after its request. False: what it has sent is malformed. */
static bool end_request(struct greeting *greeting, const struct http_connect *request,
			size_t header)
{
	struct work *work = greeting->work;
	size_t start = work->start + header, size = work->end - start, taken;

	greeting->body = request->body;
	greeting->extent.take = take_body;
	taken = take_body(&greeting->extent, work->data + start, size, false);
	work->beyond = size - taken;
	work->end -= work->beyond;
	return !greeting->extent.bad;
}

/* Puts what the target is to get in the place of the header with these many bytes. */
static void pass_on(struct work *work, size_t size)
{
	char out[HTTP_HEADER_MAX + HTTP_FORWARD_MORE];
	uint8_t *header = work->data + work->start;
	size_t now = http_forward((const char *)header, size, out);

	memmove(header + now, header + size, work->end - work->start - size);
	memcpy(header, out, now);
	work->end = work->end - size + now;
	work->forward = true;
}

static void understand_http(struct greeting *greeting)
{
	struct work *work = greeting->work;
	struct http_connect request;
	size_t used;

	switch (http_connect_read((const char *)work->data + work->start, work->end - work->start,
				  &request, &used)) {
	case HTTP_MORE:
		break;
	case HTTP_BAD:
		if (request.status)
			say_http(greeting, request.status);
		fail(greeting, "handshake", request.why);
		break;
	case HTTP_OK:
		if (request.forward && !end_request(greeting, &request, used)) {
			say_http(greeting, 400);
			fail(greeting, "handshake", greeting->extent.why);
			break;
		}
		if (request.forward)
			pass_on(work, used);
		else
			work->start += used;
		ask_for(greeting, request.host, request.port);
		break;
	}
}

/* Does a header that is passed on name the very address that the client is connected to? It would
 * come back here, again and again; through other rules, too, because its destination stays. */
static bool comes_back(int fd, const struct peer *to)
{
	struct in6_addr ours, theirs;
	struct peer local;

	peer_of_local(fd, &local);
	if (local.family != ADDR_TCP || local.u.tcp.port != to->u.tcp.port)
		return false;
	peer_ip(&local, &ours);
	peer_ip(to, &theirs);
	return ip_same_bits(&ours, &theirs, 128);
}

static void go_as_told(struct greeting *greeting)
{
	const struct peer *to = &greeting->header.to.peer;
	char host[INET6_ADDRSTRLEN];

	if (greeting->header.local || to->family != ADDR_TCP) {
		fail(greeting, "handshake", "the PROXY header names no TCP destination");
		return;
	}
	if (greeting->plan->send_proxy && comes_back(greeting->session->fd, to)) {
		fail(greeting, "handshake",
		     "the destination in the PROXY header is this rule itself");
		return;
	}
	inet_ntop(to->u.tcp.v6 ? AF_INET6 : AF_INET, &to->u.tcp.ip, host, sizeof(host));
	ask_for(greeting, host, to->u.tcp.port);
}

static void understand(struct greeting *greeting)
{
	if (greeting->state == PROXY && !understand_proxy(greeting))
		return;
	if (greeting->state == METHODS && !understand_methods(greeting))
		return;
	if (greeting->plan->asks == ADDR_SOCKS5)
		understand_socks(greeting);
	else if (greeting->plan->asks == ADDR_HTTP_CONNECT)
		understand_http(greeting);
	else if (greeting->plan->asks == ADDR_PROXY_DST)
		go_as_told(greeting);
	else
		go(greeting, NULL);
}

/* Reading */

static const char *said_too_little(const struct greeting *greeting)
{
	return greeting->state == PROXY ? "the PROXY header is incomplete"
					: "the client named no destination";
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct greeting *greeting = container_of(watch, struct greeting, watch);
	struct work *work = greeting->work;
	ssize_t got;

	(void)loop;
	(void)events;
	if (greeting->state == LINGERING) {
		discard(greeting);
		return;
	}
	/* there is room: each stage refuses what is longer than it may be */
	got = recv(greeting->session->fd, work->data + work->end, BUFFER - work->end, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		fail(greeting, got < 0 ? "reset" : "eof", said_too_little(greeting));
		return;
	}
	work->end += (size_t)got;
	understand(greeting);
}

static void expired(struct loop *loop, struct timer *timer)
{
	struct greeting *greeting = container_of(timer, struct greeting, timer);
	char limit[32], why[128];

	(void)loop;
	if (greeting->state == LINGERING) {
		session_close(greeting->session);
		return;
	}
	if (greeting->state == REQUEST && greeting->plan->asks == ADDR_HTTP_CONNECT)
		say_http(greeting, 408);
	snprintf(why, sizeof(why), "%s within %s",
		 greeting->state == PROXY ? "no complete PROXY header" : "no destination named",
		 units_show_duration(greeting->plan->timeout, limit, sizeof(limit)));
	fail(greeting, "timeout", why);
}

static uint8_t first_state(const struct greeting_plan *plan)
{
	if (plan->accept_proxy)
		return PROXY;
	return plan->asks == ADDR_SOCKS5 ? METHODS : REQUEST;
}

static struct greeting *make(struct session *session, const struct greeting_plan *plan)
{
	struct greeting *greeting = calloc(1, sizeof(*greeting));

	if (!greeting)
		return NULL;
	*greeting = (struct greeting){ .watch = { .kind = &greeting_kind, .fd = -1 },
				       .timer.expired = expired,
				       .session = session,
				       .plan = plan,
				       .state = first_state(plan),
				       .work = malloc(sizeof(*greeting->work)) };
	greeting->prologue.kind = &greeting_prologue;
	session->prologue = &greeting->prologue;
	if (greeting->work) {
		greeting->work->start = greeting->work->end = greeting->work->header = 0;
		greeting->work->forward = greeting->work->socks4 = false;
		greeting->work->beyond = 0;
	}
	return greeting->work ? greeting : NULL;
}

/* The ends for the target's header, if no header came from the client. */
static void find_ends(struct greeting *greeting)
{
	struct ends *header = &greeting->header;
	char text[ENDS_TEXT_MAX];

	ends_of_socket(greeting->session->fd, &greeting->session->peer, header);
	if (greeting->plan->original_dst &&
	    peer_of_original(greeting->session->fd, &header->to.peer))
		greeting->prologue.dest = strdup(ends_format(&header->to, text, sizeof(text)));
}

void greeting_start(struct session *session, const struct greeting_plan *plan)
{
	struct loop *loop = session->group->loop;
	struct greeting *greeting = make(session, plan);
	int error = greeting ? 0 : -ENOMEM;

	if (greeting && plan->send_proxy && !plan->accept_proxy)
		find_ends(greeting);
	if (greeting && !plan->asks && !plan->accept_proxy) {
		go(greeting, NULL);
		return;
	}
	if (greeting && plan->timeout != UNITS_INF)
		loop_timer(loop, &greeting->timer, units_now() + plan->timeout);
	if (!error)
		error = loop_watch(loop, &greeting->watch, session->fd, EPOLLIN);
	if (error) {
		struct explanation why = { .status = STATUS_FAILURE, .end = "io" };

		snprintf(why.what, sizeof(why.what), "%s", strerror(-error));
		session_failed(session, &why);
		session_close(session);
	}
}

/* Towards the relay */

/* Makes the header for the target. A header of the same version is passed on unchanged, with all
 * its TLVs. */
static int say_proxy(struct greeting *greeting, int target)
{
	const struct greeting_plan *plan = greeting->plan;
	uint8_t data[PROXY_HEADER_MAX];
	size_t size;

	if (plan->accept_proxy && greeting->header.version == plan->send_proxy)
		return say(target, greeting->work->data, greeting->work->header);
	greeting->header.version = plan->send_proxy;
	size = proxy_header_make(&greeting->header, data);
	return say(target, data, size);
}

static int greeting_connected(struct session *session, int target)
{
	struct greeting *greeting = container_of(session->prologue, struct greeting, prologue);
	int error = greeting->plan->send_proxy ? say_proxy(greeting, target) : 0;

	if (!error && greeting->plan->asks == ADDR_SOCKS5)
		error = say_socks(greeting, SOCKS_SUCCEEDED);
	else if (!error && greeting->plan->asks == ADDR_HTTP_CONNECT && !greeting->work->forward)
		error = say_http(greeting, 200);
	return error;
}

static void greeting_relaying(struct session *session)
{
	struct loop *loop = session->group->loop;
	struct greeting *greeting = container_of(session->prologue, struct greeting, prologue);
	struct work *work = greeting->work;

	greeting->work = NULL;
	loop_free_later(loop, work); /* the end of this batch: until then it can be read */
	if (work->forward)
		relay_bound(&session->relay, &greeting->extent);
	session->relay.lost += work->beyond;
	if (work->end > work->start &&
	    relay_insert(loop, &session->relay, 0, work->data + work->start,
			 work->end - work->start) < 0)
		session_drop(session, "io",
			     "out of memory: data that the client had already sent is lost");
}

static const struct prologue_kind greeting_prologue = {
	.connected = greeting_connected,
	.relaying = greeting_relaying,
	.refuse = greeting_refuse,
	.stop = greeting_stop,
	.free = greeting_free,
};
