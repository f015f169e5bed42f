/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands of exec: that the supervisor runs for its worker. No more run at a time than the limits
 * of connections of the rule (max-conns) and in total (--max-conns). A command that continues after
 * its connection has ended still counts. So a lying worker cannot start more processes than clients
 * could.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "serve/spawn.h"
#include "proxy/supervisor/parts.h"

struct supervisor_command {
	struct supervisor_command *next;
	pid_t pid; /* 0: it waits */
	uint32_t id; /* the request's */
	uint64_t rule; /* that it counts for; rules may have changed when it may run */
	uint32_t target;
	struct spawn_client client;
};

/* Is there room for one more? */
static bool may_run(const struct supervisor *supervisor, const struct rule *rule)
{
	uint64_t count = 0;

	if (supervisor->command_running >= supervisor->server.limit)
		return false;
	if (rule->admission.limit >= supervisor->server.limit)
		return true;
	for (const struct supervisor_command *command = supervisor->commands; command;
	     command = command->next)
		count += command->pid && command->rule == rule->id;
	return count < rule->admission.limit;
}

static void refuse(struct supervisor *supervisor, uint32_t id, int error)
{
	link_tell(supervisor,
		  &(const struct broker_message){
			  .type = BROKER_OPENED, .id = id, .step = STEP_CONNECT, .number = error });
}

static void unlink_command(struct supervisor *supervisor, struct supervisor_command *command)
{
	for (struct supervisor_command **link = &supervisor->commands; *link;
	     link = &(*link)->next) {
		if (*link == command) {
			*link = command->next;
			return;
		}
	}
}

/* Runs it; one that cannot be run is refused and freed. */
static void run(struct supervisor *supervisor, struct supervisor_command *command,
		const char *words)
{
	int fd = spawn_connected(supervisor->server.loop, words, &command->client, supervisor->user,
				 &command->pid);

	if (fd < 0) {
		refuse(supervisor, command->id, -fd);
		free(command);
		return;
	}
	command->next = supervisor->commands;
	supervisor->commands = command;
	supervisor->command_running++;
	link_send(supervisor,
		  &(const struct broker_message){ .type = BROKER_OPENED, .id = command->id }, fd);
}

void command_open(struct supervisor *supervisor, const struct rule_target *target,
		  const struct broker_message *request)
{
	struct supervisor_command *command = calloc(1, sizeof(*command));

	if (!command) {
		refuse(supervisor, request->id, ENOMEM);
		return;
	}
	command->id = request->id;
	command->client = request->client;
	command->rule = request->rule;
	command->target = request->target;
	if (may_run(supervisor, target->port->rule)) {
		run(supervisor, command, target->addr.name);
		return;
	}
	command->next = supervisor->commands;
	supervisor->commands = command;
	supervisor->command_waiting++;
}

/* The one that waits longest, of those that may run: the list begins with the newest. */
static struct supervisor_command *find_next(struct supervisor *supervisor,
					    const struct rule_target **target)
{
	struct supervisor_command *found = NULL;

	for (struct supervisor_command *command = supervisor->commands; command;
	     command = command->next) {
		const struct rule_target *its = router_target(&supervisor->router, command->rule,
							      command->target);

		if (command->pid || (its && !may_run(supervisor, its->port->rule)))
			continue;
		found = command;
		*target = its;
	}
	return found;
}

/* Runs or refuses one that waits. False: none of them may run. */
static bool run_next(struct supervisor *supervisor)
{
	const struct rule_target *target = NULL;
	struct supervisor_command *command = find_next(supervisor, &target);

	if (!command)
		return false;
	unlink_command(supervisor, command);
	supervisor->command_waiting--;
	if (target) {
		run(supervisor, command, target->addr.name);
		return true;
	}
	refuse(supervisor, command->id, EPERM); /* the rules are others now */
	free(command);
	return true;
}

bool command_ended(struct supervisor *supervisor, pid_t pid)
{
	struct supervisor_command *command = supervisor->commands;

	while (command && command->pid != pid)
		command = command->next;
	if (!command)
		return false;
	unlink_command(supervisor, command);
	free(command);
	supervisor->command_running--;
	/* one that cannot be run leaves its room to the next */
	while (supervisor->command_waiting && run_next(supervisor))
		continue;
	return true;
}

void command_forget(struct supervisor *supervisor)
{
	struct supervisor_command *next;

	for (struct supervisor_command *command = supervisor->commands; command; command = next) {
		next = command->next;
		if (command->pid)
			continue;
		unlink_command(supervisor, command);
		free(command);
	}
	supervisor->command_waiting = 0;
}

void command_free(struct supervisor *supervisor)
{
	struct supervisor_command *next;

	for (struct supervisor_command *command = supervisor->commands; command; command = next) {
		next = command->next;
		free(command);
	}
	supervisor->commands = NULL;
}
