/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replacing the rules, on SIGHUP.
 *
 * Theory of operation: reading them may take long, or for ever: files may be on another machine,
 * and users and groups in a directory server. So a process of its own reads and checks them, as at
 * the start, and leaves a plan of them (proxy/broker/plan). It is killed if that takes too long.
 * Then the names that they listen on are looked up (proxy/supervisor/names), and the worker says
 * how many more listeners its connections leave descriptors for. Only when all is known are the
 * rules replaced, at once, and the worker is given what is new. A failure on the way changes
 * nothing.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "proxy/broker/plan.h"
#include "proxy/supervisor/parts.h"

#define TIME_TO_READ (30 * NSEC_PER_SEC)
#define TIME_TO_COUNT (30 * NSEC_PER_SEC)

void supervisor_say_reloading(struct supervisor *supervisor, const char *what)
{
	struct timespec now;
	char lines[96];

	/* sd_notify(3): when it begins, by the clock that the manager compares */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=%s",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, what);
	manager_tell(&supervisor->server.manager, lines);
}

void reload_stop(struct supervisor *supervisor)
{
	if (supervisor->reader) {
		kill(supervisor->reader, SIGKILL); /* it may end later: nobody waits for it */
		fd_close(&supervisor->reader_fd);
	}
	if (supervisor->reader || supervisor->asking)
		loop_timer_stop(supervisor->server.loop, &supervisor->reload_late);
	supervisor->reader = 0;
	supervisor->loading = supervisor->reloading = supervisor->asking = false;
	names_stop(&supervisor->names);
	rules_free(&supervisor->next);
}

/* The rules, what their names mean, and the room for new listening sockets are known: 0 or the exit
 * status, reported. */
static int replace_rules(struct supervisor *supervisor, size_t room)
{
	int status;

	supervisor->router.keeps = true;
	status = router_replace(&supervisor->router, &supervisor->next, room, &supervisor->change);
	if (status)
		router_forget(&supervisor->router);
	else
		link_pass(supervisor);
	return status;
}

static void finish(struct supervisor *supervisor, int status)
{
	reload_stop(supervisor);
	supervisor->reloading = !status;
	if (!status)
		return;
	log_error("nothing was reloaded: the previous rules stay in force");
	link_tell(supervisor, &(const struct broker_message){ .type = BROKER_FAILED });
	server_tell_listening(&supervisor->server);
	if (supervisor->reload_again)
		supervisor_reload(supervisor);
}

/* Room */

static void count_late(struct loop *loop, struct timer *timer)
{
	(void)loop;
	link_give_up(container_of(timer, struct supervisor, reload_late),
		     "it did not say how many listeners it has room for");
}

void reload_room(struct supervisor *supervisor, size_t room)
{
	finish(supervisor, replace_rules(supervisor, room));
}

static void named(struct names *names)
{
	struct supervisor *supervisor = container_of(names, struct supervisor, names);

	if (names->status) {
		finish(supervisor, names->status);
		return;
	}
	supervisor->asking = supervisor->room_awaited = true;
	supervisor->reload_late.expired = count_late;
	loop_timer(supervisor->server.loop, &supervisor->reload_late, units_now() + TIME_TO_COUNT);
	link_tell(supervisor, &(const struct broker_message){ .type = BROKER_ROOM });
}

/* Reading */

static bool is_listened_on(const struct supervisor *supervisor, const struct addr *listen)
{
	for (const struct rule *rule = supervisor->router.rules.first; rule; rule = rule->next)
		if (addr_equal(&rule->listen, listen))
			return true;
	return false;
}

/* Of what is new: the supervisor does not look at the machine. */
static void warn_if_deaf(const struct supervisor *supervisor, const struct rules *rules)
{
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		if (rule->listen.family == ADDR_VSOCK && !is_listened_on(supervisor, &rule->listen))
			server_warn_if_deaf(&rule->listen);
}

static _Noreturn void read_rules(struct supervisor *supervisor)
{
	struct rules rules = { 0 };
	int status, error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vsock-rules");
	loop_child(supervisor->server.loop);
	signal(SIGINT, SIG_IGN); /* a Ctrl-C is for the program */
	status = supervisor->load(supervisor, &rules);
	if (status)
		_exit(status);
	warn_if_deaf(supervisor, &rules);
	error = plan_write(&rules, &rules.access, PLAN_FOR_SUPERVISOR, supervisor->reader_fd);
	if (!error)
		_exit(0);
	log_error("cannot pass the rules on: %s", strerror(-error));
	_exit(STATUS_FAILURE);
}

/* A file on a server that does not answer, for example. */
static void is_late(struct loop *loop, struct timer *timer)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, reload_late);
	char limit[32];

	(void)loop;
	log_error("cannot read the rules, the hosts file, or the users and groups in them within "
		  "%s",
		  units_show_duration(TIME_TO_READ, limit, sizeof(limit)));
	finish(supervisor, STATUS_FAILURE);
}

/* 0 or a negative errno. */
static int start_reader(struct supervisor *supervisor)
{
	int error = 0;

	supervisor->reader_fd = memfd_create("vsock-rules", MFD_CLOEXEC);
	if (supervisor->reader_fd < 0)
		return -errno;
	supervisor->reader = fork();
	if (supervisor->reader == 0)
		read_rules(supervisor);
	if (supervisor->reader < 0) {
		error = -errno;
		supervisor->reader = 0;
		fd_close(&supervisor->reader_fd);
	}
	supervisor->reload_late.expired = is_late;
	if (!error)
		loop_timer(supervisor->server.loop, &supervisor->reload_late,
			   units_now() + TIME_TO_READ);
	return error;
}

static int take_rules(struct supervisor *supervisor, int how)
{
	int error;

	if (!WIFEXITED(how))
		log_error("the process that reads the rules was killed by signal %d (%s)",
			  WTERMSIG(how), strsignal(WTERMSIG(how)));
	if (!WIFEXITED(how) || WEXITSTATUS(how))
		return STATUS_FAILURE;
	error = plan_read(&supervisor->next, supervisor->reader_fd);
	if (!error)
		return 0;
	log_error("cannot take the rules over: %s", strerror(-error));
	return STATUS_FAILURE;
}

bool reload_reader_ended(struct supervisor *supervisor, pid_t pid, int how)
{
	int status;

	if (!supervisor->reader || pid != supervisor->reader)
		return false;
	status = take_rules(supervisor, how);
	loop_timer_stop(supervisor->server.loop, &supervisor->reload_late);
	supervisor->reader = 0;
	fd_close(&supervisor->reader_fd);
	if (status)
		finish(supervisor, status);
	else
		names_start(&supervisor->names, supervisor->server.loop, &supervisor->next,
			    supervisor->look_up_user, named);
	return true;
}

void supervisor_reload(struct supervisor *supervisor)
{
	int error;

	if (supervisor->state == SUPERVISOR_STOPPING)
		return;
	supervisor->reload_again = supervisor->reloading || supervisor->loading ||
				   supervisor->successor ||
				   supervisor->state == SUPERVISOR_STARTING ||
				   supervisor->passing || supervisor->awaited;
	if (supervisor->reload_again)
		return;
	supervisor_say_reloading(supervisor, "reloading");
	supervisor->loading = true;
	error = start_reader(supervisor);
	if (!error)
		return;
	log_error("cannot read the rules: %s", strerror(-error));
	finish(supervisor, STATUS_FAILURE);
}
