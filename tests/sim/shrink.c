/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes a plan that fails as small as it can, while the same oracle fails. */
#include "config.h"

#include "sim.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"

/* What run() says, from a child: a crash is a failure too. */
const char *run_apart(const struct plan *plan)
{
	static char word[64];
	FILE *to, *from;
	int ends[2], status;
	bool failed;
	pid_t child;

	fflush(stdout);
	if (pipe(ends) < 0 || (child = fork()) < 0)
		abort();
	from = fdopen(ends[0], "r");
	to = fdopen(ends[1], "w");
	if (child == 0) {
		const char *oracle;

		alarm(20);
		oracle = run(plan, false);
		if (oracle)
			fputs(oracle, to);
		fflush(to);
		_exit(0);
	}
	fclose(to); /* close() is the simulation's */
	failed = fgets(word, sizeof(word), from) != NULL;
	fclose(from);
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return "crash";
	return failed ? word : NULL;
}

static bool still_fails(const struct plan *plan, const char *oracle)
{
	const char *now = run_apart(plan);

	return now && strcmp(now, oracle) == 0;
}

static void keep_if(struct plan *plan, const struct plan *smaller, const char *oracle, bool *any)
{
	if (memcmp(plan, smaller, sizeof(*plan)) == 0 || !still_fails(smaller, oracle))
		return;
	*plan = *smaller;
	*any = true;
}

static void shrink_script(struct plan *plan, const char *oracle, bool *any, int side, bool writes)
{
	for (unsigned i = STEPS; i-- > 0;) {
		struct plan smaller = *plan;
		struct script *script = writes ? &smaller.side[side].writes
					       : &smaller.side[side].reads;

		if (i >= script->count)
			continue;
		memmove(&script->step[i], &script->step[i + 1],
			(script->count - i - 1) * sizeof(script->step[0]));
		script->count--;
		keep_if(plan, &smaller, oracle, any);
		smaller = *plan;
		script = writes ? &smaller.side[side].writes : &smaller.side[side].reads;
		if (i >= script->count)
			continue;
		script->step[i].n /= 2;
		keep_if(plan, &smaller, oracle, any);
	}
}

#define DROP(field, value)                             \
	do {                                           \
		struct plan smaller = *plan;           \
		smaller.field = value;                 \
		keep_if(plan, &smaller, oracle, &any); \
	} while (0)

void shrink(struct plan *plan, const char *oracle)
{
	bool any;

	do {
		any = false;
		DROP(meddle, 0);
		DROP(shorten, 0);
		DROP(again, 0);
		DROP(interrupt, 0);
		DROP(splice_bad, 0);
		DROP(faults, plan->faults ? plan->faults - 1 : 0);
		DROP(idle_timeout, UNITS_INF);
		DROP(half_close_timeout, UNITS_INF);
		DROP(max_time, UNITS_INF);
		DROP(max_bytes, UNITS_INF);
		DROP(rate, UNITS_INF);
		DROP(total_rate, UNITS_INF);
		DROP(source_bytes, UNITS_INF);
		DROP(buffer, 0);
		DROP(line_delay, 0);
		DROP(budget, UINT64_MAX);
		DROP(message_lines, false);
		DROP(no_shutdown, false);
		DROP(tap, false);
		DROP(filter, false);
		DROP(stop_at, NEVER);
		DROP(insert_at, NEVER);
		DROP(engine, 0);
		DROP(memory_pipes, false);
		for (int side = 0; side < 2; side++) {
			shrink_script(plan, oracle, &any, side, true);
			shrink_script(plan, oracle, &any, side, false);
			DROP(side[side].inherited, false);
			DROP(side[side].standard, false);
			DROP(side[side].guarded, false);
			DROP(side[side].closes_at_end, false);
			DROP(side[side].receive_room, 65536);
			DROP(side[side].send_room, 65536);
		}
	} while (any);
}
