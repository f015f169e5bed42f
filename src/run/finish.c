/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How vsock-run ends. */
#include "config.h"

#include "run/run.h"

void run_restore(struct run *run)
{
	if (run->raw)
		terminal_stop(&run->terminal);
}

void run_fail(struct run *run, int status)
{
	if (run->ended)
		return;
	run->ended = true;
	run->status = status;
	loop_stop(run->loop);
}

void run_maybe_over(struct run *run)
{
	if (run->ended || !run->exited)
		return;
	for (int i = RUN_OUTPUT; i < RUN_STREAMS; i++)
		if (run->ways[i].wanted && !run->ways[i].settled)
			return;
	run->ended = true;
	run_restore(run);
	log_info(1, "%s: the command has ended with status %d", run->to, run->status);
	loop_stop(run->loop);
}
