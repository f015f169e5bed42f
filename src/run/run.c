/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the other files do to a run: how it ends, and what becomes of signals. */
#include "config.h"

#include <signal.h>
#include <sys/ioctl.h>

#include "base/units.h"
#include "run/run.h"

#define MUTE_AFTER (1 * NSEC_PER_SEC) /* when a second signal ends us */

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

bool run_forward(struct run *run, int number)
{
	uint64_t now = units_now();

	if (number == SIGHUP && run->request.outlives) {
		log_notice("%s: disconnected; the command may still be running", run->to);
		return false;
	}
	if (!run->forwarded || run->link.heard >= run->forwarded) {
		run->forwarded = now;
	} else if (now - run->forwarded >= MUTE_AFTER) {
		run_restore(run);
		log_notice("%s: no answer; the command may still be running", run->to);
		return false;
	}
	run_link_send(&run->link,
		      &(const struct run_frame){ .type = RUN_SIGNAL, .signal = (uint8_t)number });
	run_link_send(&run->link, &(const struct run_frame){ .type = RUN_PING });
	return true;
}

void run_resized(struct run *run)
{
	struct winsize size;

	if (!run->raw || !run->accepted || ioctl(run->terminal.fd, TIOCGWINSZ, &size) < 0)
		return;
	run_link_send(&run->link,
		      &(const struct run_frame){
			      .type = RUN_WINDOW,
			      .window = { .rows = size.ws_row, .columns = size.ws_col } });
}
