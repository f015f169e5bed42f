/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data connections of vsock-run. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "cli/outcome.h"
#include "run/run.h"

static enum run_stream stream_of(const struct run_way *way)
{
	return (enum run_stream)(way - way->run->ways);
}

/* Reports that a stream cannot go on, and ends. */
static void broke(struct run_way *way, const char *why)
{
	struct run *run = way->run;

	run_restore(run);
	log_error("%s: %s: %s", run->to, run_stream_names[stream_of(way)], why);
	run_fail(run, RUN_FAILED);
}

/* Standard input */

static void send_end(struct run_way *way)
{
	struct run *run = way->run;

	way->told = true;
	run_link_send(&run->link, &(const struct run_frame){ .type = RUN_END,
							     .stream = RUN_INPUT,
							     .bytes = way->relay.chan[0].bytes });
}

static void half_over(struct loop *loop, struct relay *relay)
{
	struct run_way *way = container_of(relay, struct run_way, relay);

	(void)loop;
	/* not where it could not be read: that is no end */
	if (chan_ended(&relay->chan[0]) && relay->chan[0].complete && !way->told)
		send_end(way);
}

static void input_over(struct run_way *way)
{
	const struct relay *relay = &way->relay;
	struct run *run = way->run;

	way->settled = true;
	if (run->terminal.ends) {
		run_restore(run);
		log_notice("%s: disconnected", run->to);
		run_fail(run, RUN_FAILED);
		return;
	}
	if (relay->error && relay->error_side == 0) {
		broke(way, relay_why(relay));
		return;
	}
	/* the server closed it, because the command has ended or reads no more; or it was cut off,
	 * and the server finds out by the size */
	if (!way->told)
		send_end(way);
}

/* Standard output and standard error */

/* Has it arrived as a whole? */
static void check_output(struct run_way *way)
{
	const struct chan *chan = &way->relay.chan[1];
	char why[96];

	if (way->settled || !way->over || !way->told)
		return;
	way->settled = true;
	if (chan->bytes != way->size) {
		snprintf(why, sizeof(why), "cut off: %llu of %llu bytes arrived",
			 (unsigned long long)chan->bytes, (unsigned long long)way->size);
		broke(way, why);
		return;
	}
	run_maybe_over(way->run);
}

static void output_over(struct run_way *way)
{
	const struct relay *relay = &way->relay;

	way->over = true;
	if (relay->result == END_OUTPUT) {
		/* nobody reads it: the command learns it as it would here, from SIGPIPE */
		way->settled = true;
		run_maybe_over(way->run);
		return;
	}
	if (relay->error && relay->error_side == 0) {
		broke(way, relay_why(relay));
		return;
	}
	check_output(way);
}

/* It is known how much the relay, if there is one already, has to read. */
static void take_size(struct run_way *way)
{
	if (!way->told || !way->relay.settings)
		return;
	way->relaying.source_bytes = way->size;
	relay_wake(way->run->loop, &way->relay, 1);
}

bool run_stream_told(struct run *run, const struct run_frame *frame)
{
	struct run_way *way = &run->ways[frame->stream];

	if (frame->stream == RUN_INPUT || !way->wanted || way->told)
		return false;
	way->told = true;
	way->size = frame->bytes;
	take_size(way);
	check_output(way);
	return true;
}

/* Connecting */

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct run_way *way = container_of(relay, struct run_way, relay);

	relay_close(loop, relay);
	if (way->run->ended)
		return;
	if (stream_of(way) == RUN_INPUT)
		input_over(way);
	else
		output_over(way);
}

/* Our end, with descriptors of its own: those that were inherited are closed, so that their readers
 * and writers notice when the relay has ended. Standard error stays, for messages. */
static int open_standard(struct run_way *way, struct endpoint *end)
{
	enum run_stream stream = stream_of(way);
	int error = endpoint_stdio(stream == RUN_INPUT ? STDIN_FILENO : -1,
				   stream == RUN_INPUT ? -1 : (int)stream, end);

	if (error)
		return error;
	if (stream == RUN_ERRORS && fd_no_standard_error()) {
		/* writing fails, as it does where standard output is closed */
		close(end->out);
		end->out = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (end->out < 0) {
			error = -errno;
			endpoint_close(end);
		}
	} else if (stream == RUN_INPUT) {
		/* what comes on this connection says only that the server has closed it */
		end->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		end->out_kind = ENDPOINT_FILE;
		if (end->out < 0) {
			error = -errno;
			endpoint_close(end);
		}
	}
	return error;
}

static void close_inherited(enum run_stream stream)
{
	int null = stream == RUN_ERRORS ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

	/* not just closed: the next descriptor would get its number */
	if (null >= 0) {
		dup2(null, (int)stream);
		close(null);
	}
}

static int start_relay(struct run_way *way, int fd)
{
	struct run *run = way->run;
	struct endpoint end[2];
	int error = open_standard(way, &end[0]);

	if (error)
		return error;
	end[1] = dial_endpoint(&run->addr, fd);
	end[1].half_close = 0; /* no end of file is passed on */
	way->relaying = relay_defaults;
	if (stream_of(way) == RUN_INPUT) {
		way->relaying.no_shutdown = true;
		way->relaying.half_over = half_over;
	}
	if (stream_of(way) == RUN_INPUT && run->raw) {
		terminal_init(&run->terminal, '~', NULL);
		error = terminal_start(&run->terminal, STDIN_FILENO, run->loop, &way->relay);
		way->relaying.filter = &run->terminal.filter;
	}
	if (!error)
		error = relay_start(run->loop, &way->relay, end, &way->relaying, &way->dial.watch,
				    relay_done);
	if (error) {
		endpoint_close(&end[0]);
		return error;
	}
	/* it may have been resized since the request was made */
	if (stream_of(way) == RUN_INPUT)
		run_resized(run);
	close_inherited(stream_of(way));
	if (stream_of(way) != RUN_INPUT)
		take_size(way);
	return 0;
}

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct run_way *way = container_of(dial, struct run_way, dial);
	struct run *run = way->run;
	struct run_frame frame = { .type = RUN_STREAM, .stream = (uint8_t)stream_of(way) };
	uint8_t data[RUN_HEADER + RUN_PAYLOAD_MAX];
	int size, error = 0;

	if (run->ended) {
		fd_close(&fd);
		return;
	}
	if (fd < 0) {
		run_restore(run);
		explain_say(&run->addr, failure);
		run_fail(run, RUN_FAILED);
		return;
	}
	memcpy(frame.token, run->token, RUN_TOKEN);
	size = run_write_frame(&frame, data);
	/* the first bytes of a new connection always fit */
	if (size < 0 || send(fd, data, (size_t)size, MSG_NOSIGNAL) != size)
		error = size < 0 ? size : -errno;
	if (!error)
		error = start_relay(way, fd);
	if (!error)
		return;
	loop_unwatch(loop, &dial->watch);
	close(fd);
	broke(way, strerror(-error));
}

void run_open_streams(struct run *run)
{
	for (int i = 0; i < RUN_STREAMS && !run->ended; i++) {
		struct run_way *way = &run->ways[i];

		way->run = run;
		way->wanted = i != RUN_ERRORS || !run->request.terminal;
		if (way->wanted)
			dial_start(run->dialer, &way->dial, &run->addr, &run->dialling, dial_done);
	}
}
