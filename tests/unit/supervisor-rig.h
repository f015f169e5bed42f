/* SPDX-License-Identifier: GPL-3.0-or-later */
/* supervisor-rig: a supervisor that has rules and a link to a worker, whose ends are in the hands
 * of the test. */
#ifndef TESTS_UNIT_SUPERVISOR_RIG_H
#define TESTS_UNIT_SUPERVISOR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/supervisor/parts.h"

/* A child that can be killed in place of a worker. */
static inline pid_t supervisor_rig_victim(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* The rules are numbered from 1. worker: the process that is ended in its place. */
static inline void supervisor_rig_start(struct supervisor *supervisor, size_t word_count,
					char *const *words, pid_t worker, int theirs[2])
{
	static const struct rule_settings defaults = { .serving = SERVER_DEFAULTS };
	const struct opt_table none[] = { { NULL, NULL } };
	const struct rules_context context = { .defaults = &defaults, .keys = none };
	struct rules *rules = &supervisor->router.rules;
	int ours[2];

	memset(supervisor, 0, sizeof(*supervisor));
	assert_int_equal(rules_read_words(rules, &context, word_count, words), 0);
	assert_int_equal(rules->errors, 0);
	for (struct rule *rule = rules->first; rule; rule = rule->next)
		rule->id = ++supervisor->router.last_id;
	supervisor->router.server = &supervisor->server;
	assert_int_equal(broker_ends(ours, theirs), 0);
	assert_int_equal(loop_start(&supervisor->server.loop), 0);
	supervisor->worker = worker;
	assert_int_equal(receive_start(supervisor, ours), 0);
}

static inline void supervisor_rig_stop(struct supervisor *supervisor, int theirs[2])
{
	receive_stop(supervisor);
	command_free(supervisor);
	rules_free(&supervisor->router.rules);
	loop_free(supervisor->server.loop);
	close(theirs[0]);
	close(theirs[1]);
}

#endif
