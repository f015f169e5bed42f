/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a plan: sets the two ends up, starts the relay, and lets the world go on until its end. */
#include "config.h"

#include "sim.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/units.h"
#include "net/addr.h"
#include "relay/crlf.h"
#include "relay/loop.h"

struct helpers {
	struct timer stop, insert;
	struct relay_tap tap;
	struct crlf crlf;
	struct share share;
};
static struct helpers helpers;

/* Setting up */

static uint8_t family_of(const struct side_plan *side)
{
	switch (side->kind) {
	case KIND_TCP:
		return ADDR_TCP;
	case KIND_VSOCK:
	case KIND_VSOCK_MESSAGES:
		return ADDR_VSOCK;
	default:
		return ADDR_UNIX;
	}
}

static void set_up_socket(int side, struct endpoint *end)
{
	const struct side_plan *plan = &world.plan->side[side];
	bool messages = plan->kind == KIND_UNIX_MESSAGES || plan->kind == KIND_VSOCK_MESSAGES;
	uint8_t family = family_of(plan);
	struct file *file = file_make(messages ? FILE_MESSAGES : FILE_STREAM);
	int fd;

	file->side = side;
	file->sock = sock_pair(family, messages, plan->receive_room, plan->send_room);
	file->sock->file = file;
	file->flags = plan->standard || plan->inherited ? 0 : O_NONBLOCK;
	world.peer[side].sock = file->sock->peer;
	fd = fd_open(file);
	if (plan->standard || plan->inherited)
		*end = endpoint_inherited(fd);
	else
		*end = endpoint_socket(fd, plan->kind == KIND_HYBRID ? ADDR_MUX : family, messages);
	end->standard = plan->standard;
}

static struct file *stdio_file(int side, uint8_t kind, bool reads)
{
	static const uint8_t types[][2] = {
		[STDIO_PIPE] = { FILE_PIPE_WRITE, FILE_PIPE_READ },
		[STDIO_FILE] = { FILE_REGULAR, FILE_REGULAR },
		[STDIO_TERMINAL] = { FILE_TERMINAL, FILE_TERMINAL },
	};
	struct tube *tube = tube_make(kind == STDIO_FILE);
	struct file *file = file_make((enum file_type)types[kind][reads]);

	file->side = side;
	file->tube = tube;
	file->flags = reads ? O_RDONLY : O_WRONLY;
	tube->readers = tube->writers = 1;
	if (reads)
		tube->reader = file;
	else
		tube->writer = file;
	tube->peer_writes = reads;
	tube->peer_reads = !reads;
	if (reads)
		world.peer[side].to = tube;
	else
		world.peer[side].from = tube;
	return file;
}

/* A file holds all that is "written" from the start. */
static void fill_file(int side)
{
	struct peer *peer = &world.peer[side];
	const struct script *script = &world.plan->side[side].writes;

	for (unsigned i = 0; i < script->count; i++) {
		size_t left = script->step[i].operation == OP_WRITE ? script->step[i].n : 0;

		while (left) {
			size_t piece = left;
			const unsigned char *data = pattern(side, peer->written, &piece);

			queue_put(&peer->to->bytes, data, piece);
			peer->written += piece;
			left -= piece;
		}
	}
	peer->ended = peer->writes.over = true;
	peer->to->peer_writes = false;
	peer->to->writers--;
}

static int set_up_stdio(int side, struct endpoint *end)
{
	const struct side_plan *plan = &world.plan->side[side];
	struct peer *peer = &world.peer[side];
	int in = -1, out = -1, error;

	if (plan->in != STDIO_NONE)
		in = fd_open(stdio_file(side, plan->in, true));
	if (plan->out != STDIO_NONE)
		out = fd_open(stdio_file(side, plan->out, false));
	if (plan->in == STDIO_FILE)
		fill_file(side);
	if (plan->in == STDIO_NONE)
		peer->writes.over = peer->ended = true;
	if (plan->out == STDIO_NONE || plan->out == STDIO_FILE)
		peer->reads.over = true;
	error = endpoint_stdio(in, out, end);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return error;
}

static void tap_data(struct relay_tap *tap, int side, const void *data, size_t size)
{
	(void)tap;
	oracle_tapped(side, data, size);
}

static void set_settings(struct relay_settings *settings)
{
	const struct plan *plan = world.plan;

	*settings = relay_defaults;
	settings->idle_timeout = plan->idle_timeout;
	settings->half_close_timeout = plan->half_close_timeout;
	settings->max_time = plan->max_time;
	settings->max_bytes = plan->max_bytes;
	settings->rate_limit = plan->rate;
	settings->source_bytes = plan->source_bytes;
	settings->buffer = plan->buffer;
	settings->message_size = plan->message_size;
	settings->message_lines = plan->message_lines;
	settings->engine = plan->engine;
	settings->no_shutdown = plan->no_shutdown;
	settings->line_delay = plan->line_delay;
	helpers.tap.data = tap_data;
	settings->tap = plan->tap ? &helpers.tap : NULL;
	crlf_start(&helpers.crlf);
	settings->filter = plan->filter ? &helpers.crlf.filter : NULL;
	helpers.share.rate = plan->total_rate;
	settings->share = plan->total_rate == UNITS_INF ? NULL : &helpers.share;
	loop_budget(world.loop)->limit = plan->budget;
}

/* Running */

static void relay_done(struct loop *loop, struct relay *relay)
{
	oracle_over();
	world.done = true;
	relay_close(loop, relay);
	loop_stop(loop);
}

static void stop(struct loop *loop, struct timer *timer)
{
	(void)timer;
	if (world.done)
		return;
	trace("* relay_stop()");
	world.stopped = true;
	world.stop_time = world.now;
	changed();
	relay_stop(loop, &world.relay, world.plan->grace);
}

static void insert(struct loop *loop, struct timer *timer)
{
	static const unsigned char words[512] = "inserted";
	int side = world.plan->insert_side;
	struct queue before = world.flow[side].expected;
	int error;

	(void)timer;
	if (world.done || world.relay.chan[side].phase != CHAN_OPEN)
		return;
	trace("* relay_insert() of %u bytes behind side %d", world.plan->insert_size, side);
	(void)before;
	oracle_inserted(side, words, world.plan->insert_size);
	error = relay_insert(loop, &world.relay, side, words, world.plan->insert_size);
	if (error)
		fail("insert", "relay_insert(): %s", strerror(-error));
	changed();
}

static void set_timers(void)
{
	const struct plan *plan = world.plan;

	helpers.stop.expired = stop;
	helpers.insert.expired = insert;
	if (plan->stop_at != NEVER)
		loop_timer(world.loop, &helpers.stop, world.started + plan->stop_at);
	if (plan->insert_at != NEVER)
		loop_timer(world.loop, &helpers.insert, world.started + plan->insert_at);
}

/* What is left to do when the relay is gone. */
static void settle(void)
{
	world.running = false;
	for (;;) {
		uint64_t next;

		if (actors_step())
			continue;
		next = actors_next();
		if (next != NEVER)
			world.now = next;
		else if (!actors_unstall())
			return;
	}
}

static void start_world(const struct plan *plan, bool tracing)
{
	memset(&world, 0, sizeof(world));
	memset(&helpers, 0, sizeof(helpers));
	threads_begin();
	world.plan = plan;
	world.trace = tracing;
	world.random.state = plan->seed ^ 0x5851f42d4c957f2dULL;
	world.now = world.started = world.moved = 1000 * SECOND;
	for (int side = 0; side < 2; side++) {
		world.peer[side].writes.script = &plan->side[side].writes;
		world.peer[side].reads.script = &plan->side[side].reads;
	}
}

static void run_relay(void)
{
	struct endpoint end[2];
	int error;

	if (loop_start(&world.loop) < 0)
		fail("start", "loop_start()");
	loop_busy_poll(world.loop, &(struct loop_settings){ world.plan->busy_poll });
	for (int side = 0; side < 2; side++) {
		if (world.plan->side[side].kind == KIND_STDIO) {
			error = set_up_stdio(side, &end[side]);
			if (error)
				fail("start", "endpoint_stdio(): %s", strerror(-error));
		} else {
			set_up_socket(side, &end[side]);
		}
	}
	set_settings(&world.settings);
	world.running = true;
	error = relay_start(world.loop, &world.relay, end, &world.settings, NULL, relay_done);
	if (error) {
		trace("* relay_start(): %s", strerror(-error));
		if (world.relay.result == END_EOF)
			fail("started", "a relay that could not start says eof");
		endpoint_close(&end[0]);
		endpoint_close(&end[1]);
		return;
	}
	world.relay_started = true;
	set_timers();
	error = loop_run(world.loop);
	if (error)
		fail("loop", "loop_run(): %s", strerror(-error));
}

const char *run(const struct plan *plan, bool tracing)
{
	start_world(plan, tracing);
	if (setjmp(world.escape) == 0) {
		run_relay();
		loop_timer_stop(world.loop, &helpers.stop);
		loop_timer_stop(world.loop, &helpers.insert);
		loop_free(world.loop);
		settle();
		threads_end();
		oracle_end();
	}
	world_free();
	return world.oracle;
}
