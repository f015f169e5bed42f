/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/readiness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/units.h"
#include "base/utf8.h"
#include "base/util.h"
#include "serve/server.h"

#define QUIET (250 * NSEC_PER_MSEC) /* after which a message is complete */
#define PATIENCE (5 * NSEC_PER_SEC) /* for its first byte */

struct teller {
	struct prologue prologue;
	struct watch watch;
	struct timer timer;
	struct session *session;
	struct readiness *readiness;
	size_t size;
	char message[READINESS_MAX + 1]; /* one more than permitted */
};

/* Messages */

const char *readiness_line(const char *message, size_t size, size_t *at, size_t *length)
{
	while (*at < size) {
		const char *line = message + *at, *end = memchr(line, '\n', size - *at);

		*length = end ? (size_t)(end - line) : size - *at;
		*at += *length + (end != NULL);
		if (*length)
			return line;
	}
	return NULL;
}

bool readiness_has(const char *message, size_t size, const char *line)
{
	const char *found;
	size_t at = 0, length;

	while ((found = readiness_line(message, size, &at, &length)))
		if (length == strlen(line) && memcmp(found, line, length) == 0)
			return true;
	return false;
}

static void print_object(FILE *out, const char *from, const char *line, size_t length)
{
	const char *equals = memchr(line, '=', length);
	size_t name = equals ? (size_t)(equals - line) : length;
	char text[READINESS_MAX + 1];
	struct json json;

	memcpy(text, line, length);
	text[length] = text[name] = '\0';
	json_start(&json, out);
	json_object(&json, NULL);
	json_text(&json, "from", from);
	json_text(&json, "name", text);
	json_text(&json, "value", equals ? text + name + 1 : NULL);
	json_end_object(&json);
	json_finish(&json);
}

void readiness_print(FILE *out, bool json, const struct peer *from, const char *message,
		     size_t size)
{
	char peer[PEER_TEXT_MAX], text[4 * READINESS_MAX + 1];
	const char *line;
	size_t at = 0, length;

	peer_format(from, peer, sizeof(peer));
	while ((line = readiness_line(message, size, &at, &length)))
		if (json)
			print_object(out, peer, line, length);
		else
			fprintf(out, "%s\n", utf8_escape(line, length, text, sizeof(text)));
}

void readiness_forward(const char *message, size_t size)
{
	static const char status[] = "STATUS=";
	char lines[4 * READINESS_MAX + sizeof("READY=1\n")] = "", text[4 * READINESS_MAX + 1];
	const char *line;
	size_t at = 0, length;

	if (readiness_has(message, size, "READY=1"))
		strcpy(lines, "READY=1\n");
	while ((line = readiness_line(message, size, &at, &length))) {
		if (length < strlen(status) || memcmp(line, status, strlen(status)) != 0)
			continue;
		strcat(lines, utf8_escape(line, length, text, sizeof(text)));
		break;
	}
	if (*lines)
		server_tell_manager(lines);
}

/* Connections */

static void stop(struct teller *teller)
{
	struct loop *loop = teller->session->group->loop;

	loop_unwatch(loop, &teller->watch);
	loop_timer_stop(loop, &teller->timer);
}

static void give_up(struct teller *teller, const char *why)
{
	struct session *session = teller->session;
	struct explanation explanation = { .status = STATUS_FAILURE, .end = "handshake" };

	snprintf(explanation.what, sizeof(explanation.what), "%s", why);
	stop(teller);
	session_failed(session, &explanation);
	session_close(session);
}

/* The connection is closed before anything is done about the message. */
static void complete(struct teller *teller)
{
	struct session *session = teller->session;
	struct readiness *readiness = teller->readiness;
	struct peer from = session->peer;
	size_t size = teller->size;
	char message[READINESS_MAX];

	memcpy(message, teller->message, size);
	stop(teller);
	session->relay.chan[0].bytes = size;
	session->relay.result = END_EOF;
	session_served(session); /* which frees the teller, later */
	if (size) /* a probe that only connects is no mistake */
		readiness->told(readiness, &from, message, size);
}

/* Packets are lines of the message, or several. */
static void end_packet(struct teller *teller)
{
	if (teller->size <= READINESS_MAX && teller->message[teller->size - 1] != '\n')
		teller->message[teller->size++] = '\n';
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct teller *teller = container_of(watch, struct teller, watch);
	bool packets = teller->session->seqpacket;
	size_t room = sizeof(teller->message) - teller->size;
	ssize_t got = recv(teller->session->fd, teller->message + teller->size, room,
			   MSG_DONTWAIT | (packets ? MSG_TRUNC : 0));

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 0) {
		complete(teller);
		return;
	}
	if (got < 0) {
		give_up(teller, strerror(errno));
		return;
	}
	teller->size += (size_t)got < room ? (size_t)got : room;
	if (packets)
		end_packet(teller);
	if (teller->size > READINESS_MAX)
		give_up(teller, "a message has more than 4096 bytes");
	else
		loop_timer(loop, &teller->timer, units_now() + QUIET);
}

static const struct watch_kind teller_kind = { .name = "readiness", .ready = ready };

static void quiet(struct loop *loop, struct timer *timer)
{
	struct teller *teller = container_of(timer, struct teller, timer);

	(void)loop;
	if (teller->size)
		complete(teller);
	else
		give_up(teller, "no message came in 5 s");
}

static bool stop_session(struct session *session)
{
	struct teller *teller = container_of(session->prologue, struct teller, prologue);

	stop(teller);
	session->relay.result = END_STOP;
	session_served(session);
	return true;
}

static void release(struct session *session)
{
	struct teller *teller = container_of(session->prologue, struct teller, prologue);

	stop(teller);
	loop_free_later(session->group->loop, teller);
	session->prologue = NULL;
}

static const struct prologue_kind readiness_prologue = { .stop = stop_session, .free = release };

void readiness_serve(struct session *session, struct readiness *readiness)
{
	struct loop *loop = session->group->loop;
	struct teller *teller = calloc(1, sizeof(*teller));
	int error;

	if (!teller) {
		session_deny(session, "out of memory");
		return;
	}
	teller->session = session;
	teller->readiness = readiness;
	teller->prologue.kind = &readiness_prologue;
	teller->watch = (struct watch){ .kind = &teller_kind, .fd = -1 };
	teller->timer.expired = quiet;
	session->prologue = &teller->prologue;
	error = loop_watch(loop, &teller->watch, session->fd, EPOLLIN);
	if (error)
		give_up(teller, strerror(-error));
	else
		loop_timer(loop, &teller->timer, units_now() + PATIENCE);
}
