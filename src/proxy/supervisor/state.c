/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a supervisor changes its state: from STARTING to SERVING, and to its end.
 *
 * Theory of operation: once the worker has its rules (DONE), a supervisor serves. One that follows
 * another process first says READY, and serves when that process says GO, or has died. It does not
 * end before that process. proxy/supervisor/restart.c describes both sides of this.
 */
#include "config.h"

#include <errno.h>
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
#include "proxy/supervisor/parts.h"

void state_finish(struct supervisor *supervisor, int status)
{
	bool taking_over = supervisor->predecessor_watch.kind; /* it has said READY */

	supervisor->status = status;
	supervisor->done = true;
	if (status || supervisor->predecessor < 0 || !taking_over)
		loop_stop(supervisor->server.loop);
}

static void serve(struct supervisor *supervisor)
{
	int status;

	supervisor->state = SUPERVISOR_SERVING;
	status = server_ready(&supervisor->server);
	if (status) {
		state_finish(supervisor, status);
		return;
	}
	store_settle(supervisor);
	if (supervisor->watchdog_interval)
		loop_timer(supervisor->server.loop, &supervisor->watchdog, units_now());
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

/* Following another process */

static int read_handover(struct supervisor *supervisor, const char *text)
{
	int list, channel, error;

	if (sscanf(text, "%d %d", &list, &channel) != 2 || fd_cloexec(list, true) < 0 ||
	    fd_cloexec(channel, true) < 0)
		return -EPROTO;
	activation_forget(list);
	activation_forget(channel);
	error = inherited_read(&supervisor->inherited, list);
	close(list);
	supervisor->predecessor = channel;
	supervisor->server.settings.ready_fd = UNITS_INF; /* its pid may belong to another process
							     here, and the request was answered */
	return error;
}

bool supervisor_follows(void)
{
	return getenv(RESTART_VARIABLE) != NULL;
}

int supervisor_inherit(struct supervisor *supervisor)
{
	const char *text = getenv(RESTART_VARIABLE);
	int error;

	supervisor->predecessor = -1;
	error = text ? read_handover(supervisor, text) : inherited_find(&supervisor->inherited);
	unsetenv(RESTART_VARIABLE); /* not for commands */
	if (!error)
		return 0;
	log_error("cannot take over the listening sockets: %s", strerror(-error));
	return STATUS_FAILURE;
}

static void take_over(struct supervisor *supervisor)
{
	(void)server_write_pid_file(
		&supervisor->server); /* its absence is no reason to refuse connections */
	serve(supervisor);
	/* whoever waits for this line finds the rules' files in their final state */
	log_notice("this process (%ld) has taken over", (long)getpid());
}

static void predecessor_speaks(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, predecessor_watch);
	char text[16];
	ssize_t size = recv(supervisor->predecessor, text, sizeof(text), MSG_DONTWAIT);

	(void)events;
	if (size < 0 && errno == EAGAIN)
		return;
	if (size == (ssize_t)strlen(RESTART_GO_RELOAD) && supervisor->reloads)
		supervisor->reload_again = true;
	if (supervisor->state == SUPERVISOR_STARTING)
		take_over(supervisor);
	if (size > 0)
		return;
	loop_unwatch(loop, watch);
	fd_close(&supervisor->predecessor);
	if (supervisor->done)
		loop_stop(loop);
}

static int say_ready(struct supervisor *supervisor)
{
	static const struct watch_kind kind = { .name = "predecessor",
						.ready = predecessor_speaks };

	(void)fd_write_all(supervisor->predecessor, RESTART_READY,
			   strlen(RESTART_READY)); /* if it is gone, end of file shows it */
	supervisor->predecessor_watch = (struct watch){ .kind = &kind, .fd = -1 };
	return loop_watch(supervisor->server.loop, &supervisor->predecessor_watch,
			  supervisor->predecessor, EPOLLIN);
}

/* Its rules */

/* As soon as the addresses are ours alone. */
static void started(struct supervisor *supervisor)
{
	int error;

	if (supervisor->predecessor < 0) {
		serve(supervisor);
		return;
	}
	error = say_ready(supervisor);
	if (!error)
		return;
	log_error("epoll: %s", strerror(-error));
	state_finish(supervisor, STATUS_FAILURE);
}

/* The worker has what it was given last: it serves. */
void state_worker_done(struct supervisor *supervisor)
{
	const struct router_change *change = &supervisor->change;

	if (supervisor->state == SUPERVISOR_STARTING) {
		started(supervisor);
		return;
	}
	if (supervisor->reloading) {
		log_notice("reloaded; rules unchanged: %zu, adjusted: %zu, new: %zu, removed: %zu",
			   change->stay - change->adjusted, change->adjusted, change->come,
			   change->go);
		server_tell_listening(&supervisor->server);
		store_keep(supervisor);
	} else if (supervisor->state == SUPERVISOR_SERVING) {
		log_notice("another worker (process %ld) is serving", (long)supervisor->worker);
	}
	supervisor->reloading = false;
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}
