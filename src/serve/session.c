/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/session.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "net/socket.h"
#include "serve/flows.h"
#include "serve/peers.h"
#include "serve/pty.h"

#define KILL_GRACE (5 * NSEC_PER_SEC) /* between SIGTERM and SIGKILL of --max-time */

struct session *session_new(struct session_group *group, int fd, const struct peer *peer)
{
	/* calloc() of glibc 2.36 takes nothing from what the thread has just freed, and costs more
	 */
	struct session *session = malloc(sizeof(*session));

	if (!session) {
		log_error("out of memory: a connection was closed");
		fd_close(&fd);
		return NULL;
	}
	memset(session, 0, sizeof(*session));
	session->group = group;
	session->number = ++group->numbered;
	session->started = loop_now(group->loop);
	session->peer = *peer;
	session->fd = fd;
	session->next = group->first;
	session->link = &group->first;
	if (session->next)
		session->next->link = &session->next;
	group->first = session;
	group->open++;
	group->totals.accepted++;
	return session;
}

static void release_dial(struct session *session)
{
	if (!session->dial)
		return;
	dial_cancel(session->dial);
	loop_free_later(session->group->loop, session->dial);
	session->dial = NULL;
}

/* Takes it out of the group and frees it when the loop's batch is over. */
void session_close(struct session *session)
{
	struct session_group *group = session->group;

	*session->link = session->next;
	if (session->next)
		session->next->link = session->link;
	group->open--;
	if (group->ended)
		group->ended(group, session);
	release_dial(session);
	if (session->prologue)
		session->prologue->kind->free(session);
	if (group->release && session->owner)
		group->release(session);
	if (session->flow)
		flow_end(session->flow);
	/* it was not served: reset it, unless the client got an answer */
	if (session->fd >= 0 && !session->answered)
		socket_abort(session->fd);
	fd_close(&session->fd);
	loop_free_later(group->loop, session);
}

/* Records */

#define RECORD_FIELDS 12

/* A record of a session: its rule, if it has one, what its prologue knows, and these fields. */
static void record(const struct session *session, unsigned level, const char *event,
		   const struct log_field *fields)
{
	const struct prologue *prologue = session->prologue;
	struct log_field all[RECORD_FIELDS + 1] = {
		LOG_TEXT_FIELD("rule", session->rule),
		LOG_TEXT_FIELD("client", prologue ? prologue->client : NULL),
		LOG_TEXT_FIELD("dest", prologue ? prologue->dest : NULL),
	};
	char from[PEER_TEXT_MAX];

	if (level && !log_verbose(level))
		return;
	for (size_t i = 3; fields->key && i < RECORD_FIELDS; i++)
		all[i] = *fields++;
	log_event(level, session->number, event, peer_format(&session->peer, from, sizeof(from)),
		  session->to, all);
}

static void record_open(const struct session *session, uint64_t connect)
{
	record(session, 1, "open",
	       (const struct log_field[]){
		       LOG_SECONDS_FIELD(connect ? "connect" : NULL, connect),
		       { 0 },
	       });
}

static void record_fail(struct session *session, const struct explanation *why)
{
	session->end = why->end;
	record(session, 0, "fail",
	       (const struct log_field[]){
		       LOG_TIME_FIELD(units_now() - session->started),
		       LOG_TEXT_FIELD("end", why->end),
		       LOG_TEXT_FIELD("why", why->what),
		       { 0 },
	       });
}

/* Nothing is bound to the port that datagrams were sent to, and nothing ever came back. */
static bool was_refused(const struct relay *relay)
{
	return relay_dropped(relay) && relay->result == END_IDLE && !relay->chan[1].bytes &&
	       (relay->chan[0].drop_error == ECONNREFUSED ||
		relay->chan[1].drop_error == ECONNREFUSED);
}

/* Bytes to the accepted peer. */
static uint64_t bytes_down(const struct session *session)
{
	return session->relay.chan[session->mirrored ? 0 : 1].bytes;
}

/* What went wrong, or NULL. */
static const char *why_ended(const struct session *session)
{
	const struct relay *relay = &session->relay;
	int error = relay->error;

	/* the cause of an EBADMSG, or why the input ended */
	if (relay->extent && relay->extent->why && (!error || error == EBADMSG))
		return relay->extent->why;
	if (error == EBADMSG && relay->settings->datagrams)
		return "the stream ended within a datagram";
	if (error)
		return relay_why(relay);
	for (int side = 0; side < 2 && !error && relay_dropped(relay); side++)
		error = relay->chan[side].drop_error;
	return error ? strerror(error) : NULL;
}

/* Did this machine fail to move bytes, and not a peer? */
static bool failed_here(const struct relay *relay)
{
	return relay->result == END_IO || relay->result == END_SHORT;
}

/* Is the record of its end printed without -v too? Peers that break off are common, and bytes that
 * this machine could not move are not. */
static bool matters(const struct session *session)
{
	const struct relay *relay = &session->relay;

	if (was_refused(relay))
		return true;
	return session->status && !session->group->reported && failed_here(relay) &&
	       relay->error != EBADMSG;
}

static void record_done(struct session *session)
{
	const struct relay *relay = &session->relay;
	uint64_t dropped = session_dropped(session);
	const char *why = why_ended(session);
	/* the start of a datagram that EBADMSG is about is not missed */
	bool lost = relay->lost && relay->error != EBADMSG;

	session->end = was_refused(relay) ? "refused" : relay_end_word(relay);
	record(session, matters(session) ? 0 : 1, was_refused(relay) ? "fail" : "done",
	       (const struct log_field[]){
		       LOG_NUMBER_FIELD("up", relay->chan[0].bytes),
		       LOG_NUMBER_FIELD("down", bytes_down(session)),
		       LOG_TIME_FIELD(units_now() - session->started),
		       LOG_TEXT_FIELD("end", session->end),
		       { .key = "dropped",
			 .type = dropped ? LOG_F_NUMBER : LOG_F_TEXT,
			 .number = dropped },
		       { .key = "lost",
			 .type = lost ? LOG_F_NUMBER : LOG_F_TEXT,
			 .number = relay->lost },
		       LOG_TEXT_FIELD("why", why),
		       { 0 },
	       });
}

/* Relays */

/* The exit status for the way a relay has ended. */
static int status_of(const struct relay *relay)
{
	if (was_refused(relay))
		return STATUS_REFUSED;
	switch ((enum relay_end)relay->result) {
	case END_EOF:
	case END_HALF_CLOSE:
	case END_STOP:
	case END_OUTPUT:
		return STATUS_DONE;
	case END_IDLE:
		/* datagrams have no other end */
		return relay->settings->datagrams ? STATUS_DONE : STATUS_TIMEOUT;
	case END_MAX_TIME:
		return STATUS_TIMEOUT;
	case END_RESET:
	case END_LOST:
	case END_UNANSWERED:
		return STATUS_BROKEN;
	case END_NONE:
	case END_MAX_BYTES:
	case END_IO:
	case END_SHORT:
		break;
	}
	return STATUS_FAILURE;
}

uint64_t session_dropped(const struct session *session)
{
	return relay_dropped(&session->relay) + (session->flow ? flow_dropped(session->flow) : 0);
}

static void count_bytes(const struct session *session)
{
	session->group->totals.up += session->relay.chan[0].bytes;
	session->group->totals.down += bytes_down(session);
}

/* The connection is over, or the terminal: it is closed, and a command that still runs gets SIGHUP
 * by that. */
static void terminal_done(struct loop *loop, struct session *session)
{
	count_bytes(session);
	if (session->ended >= 0)
		session_exited(session, session->ended);
	else if (!pty_at_end(session))
		relay_close(loop, &session->relay);
}

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct session *session = container_of(relay, struct session, relay);

	if (session->terminal) {
		terminal_done(loop, session);
		return;
	}
	for (int side = 0; side < 2; side++)
		if (relay->end[side].in_kind == ENDPOINT_DATAGRAMS)
			relay->chan[side].dropped += socket_overflowed(relay->end[side].in);
	count_bytes(session);
	session->status = status_of(relay);
	if (session->status)
		session->group->totals.failed++;
	record_done(session);
	relay_close(loop, relay);
	session_close(session);
}

void session_cannot_serve(struct session *session, int error)
{
	struct explanation why = { .status = STATUS_FAILURE, .end = "io" };

	strncpy(why.what, strerror(error), sizeof(why.what) - 1);
	session_failed(session, &why);
	session_close(session);
}

void session_relay(struct session *session, const struct endpoint *accepted,
		   const struct endpoint *here, const struct relay_settings *relaying)
{
	struct endpoint end[2] = { *accepted, *here };
	int error;

	session->connect = session->dial ? units_now() - session->dial->started : 0;
	record_open(session, session->connect);
	if (session->dial && session->group->connected)
		session->group->connected(session->group, session);
	error = relay_start(session->group->loop, &session->relay, end, relaying,
			    session->dial ? &session->dial->watch : NULL, relay_done);
	if (error) {
		endpoint_close(&end[1]);
		session_cannot_serve(session, -error);
		return;
	}
	session->fd = -1;
	release_dial(session);
	if (session->prologue)
		session->prologue->kind->relaying(session);
	if (session->flow)
		flow_relaying(session->flow, &session->relay);
}

struct endpoint session_endpoint(const struct session *session)
{
	struct endpoint endpoint;

	if (session->inherited)
		return endpoint_inherited(session->fd);
	if (session->flow)
		return flow_endpoint(session->flow);
	endpoint = endpoint_socket(session->fd, session->peer.family, session->seqpacket);
	endpoint.half_close = session->half_close;
	return endpoint;
}

/* Dialling */

/* Kept beside the dial, which is freed when it is over: an idle relay needs none of it. */
struct session_dial {
	struct dial dial;
	struct session *session;
	const struct relay_settings *relaying;
};

/* Not wanted any more: its watch first, which may still be registered. */
static void close_dialled(struct loop *loop, struct dial *dial, int fd)
{
	loop_unwatch(loop, &dial->watch);
	close(fd);
}

const struct session *session_of(const struct dial *dial)
{
	return container_of_const(dial, struct session_dial, dial)->session;
}

void session_client(const struct session *session, struct spawn_client *client)
{
	const struct ends *told = session->prologue ? session->prologue->told : NULL;

	*client = (struct spawn_client){ .connections = session->group->open };
	ends_of_socket(session->fd, &session->peer, &client->real);
	if (told)
		client->told = *told;
}

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct session_dial *dialled = container_of(dial, struct session_dial, dial);
	struct session *session = dialled->session;
	struct endpoint accepted, target;

	if (fd < 0) {
		struct explanation why;

		dial_explain(dial, failure, &why);
		if (session->group->elsewhere) {
			session->dial = NULL;
			if (session->group->elsewhere(session, &why)) {
				dial_cancel(dial);
				loop_free_later(loop, dialled);
				return;
			}
			session->dial = dial;
		}
		if (failure->step == STEP_PERMIT)
			session_denied(session, failure->detail);
		else
			session_failed(session, &why);
		/* ours is the fault, not the target's */
		if (failure->error == EMFILE || failure->error == ENFILE)
			log_hint("%s", why.hint);
		if (!session->prologue || !session->prologue->kind->refuse(session, failure))
			session_close(session);
		return;
	}
	if (session->prologue) {
		int error = session->prologue->kind->connected(session, fd);

		if (error) {
			close_dialled(loop, dial, fd);
			session_cannot_serve(session, -error);
			return;
		}
	}
	accepted = session_endpoint(session);
	target = dial_endpoint(dial->addr, fd);
	session_relay(session, &accepted, &target, dialled->relaying);
}

void session_dial(struct session *session, struct dialer *dialer, const struct addr *addr,
		  const struct dial_settings *dialling, const struct relay_settings *relaying)
{
	struct session_dial *dialled = malloc(sizeof(*dialled)); /* as session_new() */

	if (!dialled) {
		session_cannot_serve(session, ENOMEM);
		return;
	}
	memset(dialled, 0, sizeof(*dialled));
	dialled->session = session;
	dialled->relaying = relaying;
	session->dial = &dialled->dial;
	dialled->dial.share = (uint32_t)peers_hash(session->admission, &session->peer);
	dial_start(dialer, &dialled->dial, addr, dialling, dial_done);
}

/* Commands */

/* A command that is stopped gets the signal only when it continues. */
static void signal_command(const struct session *session, int number)
{
	if (session->reaped)
		return;
	kill(session->child, number);
	kill(session->child, SIGCONT);
}

/* --max-time is over: it is asked to end, and then made to. */
static void command_time_up(struct loop *loop, struct timer *timer)
{
	struct session *session = container_of(timer, struct session, relay.timer);

	signal_command(session, session->relay.result == END_MAX_TIME ? SIGKILL : SIGTERM);
	if (session->relay.result == END_MAX_TIME)
		return;
	session->relay.result = END_MAX_TIME;
	loop_timer(loop, timer, units_now() + KILL_GRACE);
}

void session_command(struct session *session, const struct spawn *spawn, uint64_t max_time)
{
	struct session_group *group = session->group;
	pid_t pid = spawn_on_socket(group->loop, spawn, session->fd, &session->peer, group->open);

	if (pid < 0) {
		session_cannot_serve(session, (int)-pid);
		return;
	}
	session->child = pid;
	fd_close(&session->fd);
	session->relay.timer.expired = command_time_up;
	if (max_time != UNITS_INF)
		loop_timer(group->loop, &session->relay.timer, session->started + max_time);
	record_open(session, 0);
}

void session_terminal(struct session *session, const struct spawn *spawn,
		      const struct relay_settings *relaying)
{
	struct endpoint accepted = session_endpoint(session), here;
	pid_t pid = pty_start(session, spawn, &accepted, &here);

	if (pid < 0) {
		session_cannot_serve(session, (int)-pid);
		return;
	}
	session->child = pid;
	session->ended = -1;
	session->terminal = true;
	session_relay(session, &accepted, &here, relaying);
}

void session_exited(struct session *session, int status)
{
	bool broke = session->terminal && failed_here(&session->relay);
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	if (session->terminal)
		relay_close(session->group->loop, &session->relay);
	else
		loop_timer_stop(session->group->loop, &session->relay.timer);
	session->status = code;
	if (code)
		session->group->totals.failed++;
	record(session, broke ? 0 : 1, "done",
	       (const struct log_field[]){
		       LOG_NUMBER_FIELD("pid", (uint64_t)session->child),
		       LOG_NUMBER_FIELD("status", (uint64_t)code),
		       LOG_TIME_FIELD(units_now() - session->started),
		       LOG_TEXT_FIELD("end", session->relay.result ? relay_end_word(&session->relay)
								   : NULL),
		       LOG_TEXT_FIELD("why", broke ? relay_why(&session->relay) : NULL),
		       { 0 },
	       });
	session_close(session);
}

static void command_exited(struct session *session, int status)
{
	if (session->prologue && session->prologue->kind->exited)
		session->prologue->kind->exited(session, status);
	else
		session_exited(session, status);
}

void session_reap(struct session_group *group)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (struct session *session = group->first; session; session = session->next) {
			if (session->child != pid || session->reaped)
				continue;
			session->reaped = true;
			if (session->terminal && !session->relay.over) {
				session->ended = status;
				pty_command_ended(session);
			} else {
				command_exited(session, status);
			}
			break;
		}
	}
}

/* Ends */

void session_failed(struct session *session, const struct explanation *why)
{
	session->group->totals.failed++;
	session->status = (int)why->status;
	record_fail(session, why);
}

void session_served(struct session *session)
{
	count_bytes(session);
	session->answered = session->relay.result != END_RESET;
	record_done(session);
	session_close(session);
}

void session_denied(struct session *session, const char *why)
{
	session->group->totals.failed++;
	session->status = STATUS_DENIED;
	session->end = "denied";
	record(session, 0, "deny",
	       (const struct log_field[]){
		       LOG_TEXT_FIELD("why", why),
		       { 0 },
	       });
}

void session_deny(struct session *session, const char *why)
{
	session_denied(session, why);
	session_close(session);
}

void session_drop(struct session *session, const char *end, const char *why)
{
	struct explanation explanation = { .status = STATUS_BROKEN, .end = end };

	snprintf(explanation.what, sizeof(explanation.what), "%s", why);
	count_bytes(session);
	session->group->totals.failed++;
	session->status = STATUS_BROKEN;
	record_fail(session, &explanation);
	relay_close(session->group->loop, &session->relay);
	session_close(session);
}

void session_stop(struct session *session, uint64_t grace)
{
	if (session->prologue && session->prologue->kind->stop(session))
		return;
	if (session->terminal && !session->relay.over) {
		relay_stop(session->group->loop, &session->relay, grace);
	} else if (session->child) {
		signal_command(session, SIGTERM);
	} else if (session->dial) {
		record_fail(session, &(const struct explanation){
					     .end = "signal", .what = "ended while connecting" });
		session_close(session);
	} else {
		relay_stop(session->group->loop, &session->relay, grace);
	}
}

void session_stop_all(struct session_group *group, uint64_t grace)
{
	for (struct session *session = group->first, *next; session; session = next) {
		next = session->next;
		session_stop(session, grace);
	}
}

void session_free_all(struct session_group *group)
{
	group->ended = NULL;
	while (group->first) {
		struct session *session = group->first;

		/* a relay that was started, and no command's timer */
		if ((!session->child || session->terminal) && session->relay.settings)
			relay_close(group->loop, &session->relay);
		session_close(session);
	}
}
