/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the worker may send its supervisor, and when: the table requests[].
 *
 * Theory of operation: a worker that sends what is not permitted is killed. Until DONE, rules that
 * a reload has removed are still known: the worker may ask for what they permit. One turn of the
 * loop handles TURN messages at most, so that signals and the watchdog are never late.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "proxy/supervisor/parts.h"

#define TURN 32 /* messages */
#define OUTSTANDING_MAX 1024 /* requests of a kind, whatever --max-conns says */

static bool awaits_done(const struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	return supervisor->awaited > 0;
}

static void handle_done(struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	supervisor->awaited--;
	supervisor->worker_state = WORKER_SERVING;
	loop_timer_stop(supervisor->server.loop, &supervisor->late);
	router_forget(&supervisor->router);
	state_worker_done(supervisor);
}

static bool awaits_pong(const struct supervisor *supervisor, const struct broker_message *message)
{
	return supervisor->pinged && message->id == supervisor->ping;
}

static void handle_pong(struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	supervisor->pinged = false;
	manager_alive(&supervisor->server.manager);
}

static bool awaits_room(const struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	return supervisor->room_awaited;
}

static void handle_room(struct supervisor *supervisor, const struct broker_message *message)
{
	supervisor->room_awaited = false;
	if (supervisor->asking)
		reload_room(supervisor, (size_t)message->number);
}

static bool may_be_idle(const struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	return server_leaves(&supervisor->server);
}

/* It may leave, unless somebody waits for what we are doing, or a command goes on without its
 * connection: systemd would end it with us. While a process that we follow still has connections we
 * could not end either, and nobody would accept. */
static void handle_idle(struct supervisor *supervisor, const struct broker_message *message)
{
	(void)message;
	if (supervisor->state == SUPERVISOR_SERVING && supervisor->predecessor < 0 &&
	    !supervisor->successor && !supervisor->command_running && !supervisor->loading &&
	    !supervisor->reloading && !supervisor->reload_again) {
		supervisor->may_leave = true;
		link_tell(supervisor, &(const struct broker_message){ .type = BROKER_LEAVE });
	}
}

static size_t openings(const struct supervisor *supervisor)
{
	return supervisor->command_waiting;
}

static size_t look_ups(const struct supervisor *supervisor)
{
	return supervisor->look_up_count;
}

static size_t explanations(const struct supervisor *supervisor)
{
	return supervisor->explainer_waiting;
}

/*
 * What a worker may send. Answers are permitted only as often as they were asked for. As many
 * requests may be outstanding as connections may be open. One more is refused, and the worker
 * continues, because a connection that ended does not cancel its requests. Look-ups are not limited
 * by --max-conns: those of connections that have ended would keep others from having any, and the
 * resolver gives each client its share.
 */
static const struct request {
	unsigned states; /* of the worker */
	bool (*awaited)(const struct supervisor *supervisor, const struct broker_message *message);
	size_t (*outstanding)(const struct supervisor *supervisor);
	bool by_conns; /* no more of them than connections, either */
	void (*refuse)(struct supervisor *supervisor, const struct broker_message *message,
		       int error);
	void (*handle)(struct supervisor *supervisor, const struct broker_message *message);
} requests[BROKER_TYPES] = {
	[BROKER_DONE] = { WORKER_STARTING | WORKER_SERVING, awaits_done, .handle = handle_done },
	[BROKER_PONG] = { WORKER_STARTING | WORKER_SERVING, awaits_pong, .handle = handle_pong },
	[BROKER_HAS_ROOM] = { WORKER_STARTING | WORKER_SERVING, awaits_room,
			      .handle = handle_room },
	[BROKER_IDLE] = { WORKER_SERVING, may_be_idle, .handle = handle_idle },
	[BROKER_OPEN] = { WORKER_SERVING, NULL, openings, true, request_refuse_open, request_open },
	[BROKER_LOOK_UP] = { WORKER_SERVING, NULL, look_ups, false, request_refuse_look_up,
			     request_look_up },
	[BROKER_EXPLAIN] = { WORKER_SERVING, NULL, explanations, true, explanation_refuse,
			     explanation_request },
};

static void handle(struct supervisor *supervisor, const struct broker_message *message)
{
	const struct request *request = &requests[message->type];
	size_t most = request->by_conns && supervisor->server.limit < OUTSTANDING_MAX
			      ? supervisor->server.limit
			      : OUTSTANDING_MAX;
	char why[64];

	if (!(request->states & supervisor->worker_state) ||
	    (request->awaited && !request->awaited(supervisor, message))) {
		snprintf(why, sizeof(why), "it sent %s, which is not allowed now",
			 broker_name(message->type));
		link_give_up(supervisor, why);
	} else if (request->outstanding && request->outstanding(supervisor) >= most) {
		request->refuse(supervisor, message, EAGAIN);
	} else {
		request->handle(supervisor, message);
	}
}

static void requests_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, requests_watch);
	struct broker_message message;
	int got = 1;

	(void)events;
	/* what is sent in answer may have to wait: then nothing more is read */
	for (int i = 0; i < TURN && watch->slot; i++) {
		got = broker_read(&supervisor->input, supervisor->requests, &message);
		if (got <= 0)
			break;
		handle(supervisor, &message);
	}
	if (got == -EPROTO)
		link_give_up(supervisor, "it sent an invalid message");
	else if (got < 0)
		loop_unwatch(loop, watch); /* it has ended: SIGCHLD is on its way */
}

int receive_start(struct supervisor *supervisor, const int ends[2])
{
	static const struct watch_kind kind = { .name = "requests", .ready = requests_ready };

	link_start(supervisor, ends, &kind);
	return request_start(supervisor);
}

void receive_stop(struct supervisor *supervisor)
{
	command_forget(supervisor);
	explanation_stop(supervisor);
	request_stop(supervisor);
	link_stop(supervisor);
}
