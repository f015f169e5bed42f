/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control connection of vsock-run. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "run/run.h"

/* A guest that was killed resets its connections; one that hangs, or whose VMM does, says nothing.
 */
#define PING_AFTER (10 * NSEC_PER_SEC) /* of silence */
#define DEAD_AFTER (60 * NSEC_PER_SEC)

static void check_alive(struct loop *loop, struct timer *timer)
{
	struct run *run = container_of(timer, struct run, alive);

	/* if we were stopped nobody was asked meanwhile */
	if (units_now() - run->checked > 2 * PING_AFTER)
		run->link.heard = units_now() - PING_AFTER;
	run->checked = units_now();
	if (units_now() - run->link.heard >= DEAD_AFTER) {
		run_restore(run);
		log_error("%s: timed out: no answer for 60 s", run->to);
		run_fail(run, RUN_FAILED);
		return;
	}
	if (units_now() - run->link.heard >= PING_AFTER)
		run_link_send(&run->link, &(const struct run_frame){ .type = RUN_PING });
	loop_timer(loop, timer, units_now() + PING_AFTER);
}

static void refused(struct run *run, const struct run_frame *frame)
{
	run_restore(run);
	log_error("%s: %s", run->to, frame->text);
	if (frame->status == 127 && run->words && run->command[0][0] == '-')
		log_hint("options of vsock-run come before GUEST");
	run_fail(run, frame->status == 126 || frame->status == 127 ? frame->status : RUN_FAILED);
}

static void frame_came(struct run_link *link, uint8_t type, const uint8_t *payload, size_t size)
{
	struct run *run = container_of(link, struct run, link);
	struct run_frame frame;
	bool good = type != RUN_REQUEST && run_read_frame(type, payload, size, &frame) == 0;

	switch (good ? type : RUN_REQUEST) {
	case RUN_ACCEPT:
		good = !run->accepted;
		if (!good)
			break;
		run->accepted = true;
		memcpy(run->token, frame.token, RUN_TOKEN);
		run_open_streams(run);
		break;
	case RUN_REFUSE:
		refused(run, &frame);
		break;
	case RUN_END:
		good = run->accepted && run_stream_told(run, &frame);
		break;
	case RUN_EXIT:
		good = run->accepted && !run->exited;
		if (!good)
			break;
		run->exited = true;
		run->status = frame.signal ? 128 + frame.signal : frame.status;
		run_maybe_over(run);
		break;
	case RUN_PONG:
		break;
	default:
		good = false;
		break;
	}
	if (good || run->ended)
		return;
	run_restore(run);
	log_error("%s: the server does not speak the protocol of vsock-run", run->to);
	run_fail(run, RUN_FAILED);
}

static void link_over(struct run_link *link, int error)
{
	struct run *run = container_of(link, struct run, link);
	struct explanation why;

	run_restore(run);
	if (error == -EPROTO) {
		log_error("%s: the server does not speak the protocol of vsock-run", run->to);
	} else if (!run->accepted) {
		log_error("%s: the connection was closed without an answer", run->to);
		log_hint("does the guest run vsock-listen --run 514, and does that admit this "
			 "machine?");
	} else {
		explain(&run->addr,
			&(const struct failure){ .step = STEP_RELAY,
						 .error = error ? -error : ECONNRESET },
			&why);
		log_error("%s: %s", run->to, why.what);
	}
	run_fail(run, RUN_FAILED);
}

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct run *run = container_of(dial, struct run, dial);
	uint8_t *data = NULL;
	long size;
	int error;

	log_progress_end();
	if (fd < 0) {
		explain_say(&run->addr, failure);
		run_fail(run, RUN_FAILED);
		return;
	}
	run->fd = fd;
	run->link.frame = frame_came;
	run->link.over = link_over;
	error = run_link_start(&run->link, loop, fd, &dial->watch);
	size = error ? 0 : run_write_request(&run->request, &data);
	if (error || size < 0) {
		if (size == -E2BIG)
			log_error("the arguments and variables are longer than 1 MiB");
		else
			log_error("cannot send the request: %s",
				  strerror(error ? -error : (int)-size));
		run_fail(run, RUN_FAILED);
		return;
	}
	run_link_write(&run->link, data, (size_t)size);
	free(data);
	run->alive.expired = check_alive;
	run->checked = units_now();
	loop_timer(loop, &run->alive, units_now() + PING_AFTER);
}

void run_connect(struct run *run)
{
	dial_start(run->dialer, &run->dial, &run->addr, &run->dialling, dial_done);
}
