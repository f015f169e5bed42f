/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/readiness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "base/utf8.h"
#include "base/util.h"
#include "serve/notify.h"

#define QUIET (250 * NSEC_PER_MSEC) /* after which a message is complete */
#define TELL_PAUSE (200 * NSEC_PER_MSEC) /* between two messages to our service manager */
#define PATIENCE (5 * NSEC_PER_SEC) /* for all of it */

struct teller {
	struct prologue prologue;
	struct watch watch;
	struct timer timer;
	struct session *session;
	struct readiness *readiness;
	size_t size;
	uint64_t came, ends; /* ns: when the last of it came; when it must have come */
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

/* Passing on */

static void tell_manager(struct readiness *readiness, uint64_t patience)
{
	char lines[sizeof("READY=1\n") + READINESS_STATUS_MAX];
	int error;

	if (!readiness->ready && !*readiness->status)
		return;
	snprintf(lines, sizeof(lines), "%s%s", readiness->ready ? "READY=1\n" : "",
		 readiness->status);
	error = notify_send(lines, patience);
	if (error == -EAGAIN)
		return;
	readiness->ready = false;
	*readiness->status = '\0';
	if (error && !readiness->warned)
		log_warning("cannot notify the service manager (NOTIFY_SOCKET): %s",
			    strerror(-error));
	readiness->warned |= error != 0;
}

static void tell_again(struct loop *loop, struct timer *timer)
{
	struct readiness *readiness = container_of(timer, struct readiness, again);

	tell_manager(readiness, 0);
	if (readiness->ready || *readiness->status)
		loop_timer(loop, timer, units_now() + TELL_PAUSE);
}

void readiness_forward(struct readiness *readiness, const char *message, size_t size)
{
	static const char status[] = "STATUS=";
	const char *line;
	size_t at = 0, length;

	if (!getenv("NOTIFY_SOCKET"))
		return;
	readiness->ready |= readiness_has(message, size, "READY=1");
	while ((line = readiness_line(message, size, &at, &length)))
		if (length >= strlen(status) && memcmp(line, status, strlen(status)) == 0)
			utf8_escape(line, length, readiness->status, sizeof(readiness->status));
	readiness->again.expired = tell_again;
	if ((readiness->ready || *readiness->status) && !readiness->again.back)
		loop_timer(readiness->loop, &readiness->again, units_now() + TELL_PAUSE);
}

void readiness_finish(struct readiness *readiness)
{
	tell_manager(readiness, NOTIFY_PATIENCE);
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

/* Closes the connection, and only then hands over the first size bytes of the message. */
static void close_and_tell(struct teller *teller, size_t size, enum relay_end end, const char *why)
{
	struct session *session = teller->session;
	struct readiness *readiness = teller->readiness;
	struct peer from = session->peer;
	char message[READINESS_MAX];

	memcpy(message, teller->message, size);
	session->relay.chan[0].bytes = size;
	session->relay.result = (uint8_t)end;
	if (why) {
		give_up(teller, why); /* which frees the teller, later */
	} else {
		stop(teller);
		session_served(session); /* which frees it, too */
	}
	if (size) /* a probe that only connects is no mistake */
		readiness->told(readiness, &from, message, size);
}

static void complete(struct teller *teller, enum relay_end end)
{
	close_and_tell(teller, teller->size, end, NULL);
}

/* How much of a message that did not end is complete: whole lines, or whole packets. */
static size_t whole_lines(const struct teller *teller)
{
	const char *end = memrchr(teller->message, '\n', teller->size);

	if (teller->session->seqpacket)
		return teller->size;
	return end ? (size_t)(end - teller->message) + 1 : 0;
}

static void cut_off(struct teller *teller, int error)
{
	size_t whole = whole_lines(teller);

	if (whole || teller->session->seqpacket)
		close_and_tell(teller, whole, END_RESET, NULL);
	else
		give_up(teller, strerror(error));
}

static ssize_t receive(struct teller *teller)
{
	bool packets = teller->session->seqpacket;
	size_t size = teller->size;
	ssize_t got;

	/* each packet begins a line */
	if (packets && size && size < sizeof(teller->message) && teller->message[size - 1] != '\n')
		teller->message[size++] = '\n';
	got = recv(teller->session->fd, teller->message + size, sizeof(teller->message) - size,
		   MSG_DONTWAIT | (packets ? MSG_TRUNC : 0));
	if (got > 0)
		teller->size = size + (size_t)got < sizeof(teller->message)
				       ? size + (size_t)got
				       : sizeof(teller->message);
	return got;
}

static void wait_for_more(struct loop *loop, struct teller *teller)
{
	uint64_t due;

	teller->came = units_now();
	due = teller->came + QUIET;
	loop_timer(loop, &teller->timer, due < teller->ends ? due : teller->ends);
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct teller *teller = container_of(watch, struct teller, watch);
	ssize_t got = receive(teller);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		cut_off(teller, errno);
	else if (got == 0)
		complete(teller, END_EOF);
	else if (teller->size > READINESS_MAX)
		give_up(teller, "a message has more than 4096 bytes");
	else if (memchr(teller->message, '\0', teller->size))
		give_up(teller, "a message has a NUL byte");
	else
		wait_for_more(loop, teller);
}

static const struct watch_kind teller_kind = { .name = "readiness", .ready = ready };

static void quiet(struct loop *loop, struct timer *timer)
{
	struct teller *teller = container_of(timer, struct teller, timer);

	(void)loop;
	if (!teller->size)
		give_up(teller, "no message came in 5 s");
	else if (units_now() >= teller->came + QUIET)
		complete(teller, END_EOF);
	else
		close_and_tell(teller, whole_lines(teller), END_NONE,
			       "a message did not end in 5 s");
}

static bool stop_session(struct session *session)
{
	struct teller *teller = container_of(session->prologue, struct teller, prologue);

	complete(teller, END_STOP);
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
	teller->ends = units_now() + PATIENCE;
	if (!error)
		loop_timer(loop, &teller->timer, teller->ends);
}
