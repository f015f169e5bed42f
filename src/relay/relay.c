/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/busy.h"
#include "relay/relay.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/util.h"
#include "net/addr.h"
#include "relay/allowance.h"
#include "relay/choose.h"
#include "relay/transfer.h"

/* How long closing waits for an answer that is on its way, how often it looks, and how much is
 * thrown away at once. */
#define LINGER_TIME (2 * NSEC_PER_SEC)
#define LINGER_STEP (20 * NSEC_PER_MSEC)
#define LINGER_READ (64U * 1024)
/* How long the peer may take to end once the reader of standard output is gone. */
#define READER_GRACE (1 * NSEC_PER_SEC)

const struct relay_settings relay_defaults = {
	.idle_timeout = UNITS_INF,
	.half_close_timeout = UNITS_INF,
	.max_time = UNITS_INF,
	.max_bytes = UNITS_INF,
	.rate_limit = UNITS_INF,
	.source_bytes = UNITS_INF,
};

static void relay_ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind relay_kind = { .name = "relay", .ready = relay_ready };

/* The four watches of a relay: which end, and whether it is the separate one of the output. */
enum { SIDE_MASK = 1, SIDE_OUT = 2 };

/* What an end has that is standard output, or whose output is another descriptor than its input. */
struct relay_outputs {
	struct out_watch {
		struct watch watch; /* kind NULL: this end has no separate output */
		struct relay *relay;
		uint64_t gone_until; /* ns: its reader is gone, and the peer may take until then to
					end; 0: it is there */
	} side[2];
};

static struct watch *output_of(const struct relay *relay, int side)
{
	return relay->outputs && relay->outputs->side[side].watch.kind
		       ? &relay->outputs->side[side].watch
		       : NULL;
}

static struct relay *relay_of(struct watch *watch)
{
	if (watch->side & SIDE_OUT)
		return container_of(watch, struct out_watch, watch)->relay;
	return container_of(watch - (watch->side & SIDE_MASK), struct relay, watch);
}

/* The reader of standard output is gone, with nothing to be written: the time by which the peer
 * must have ended; else UINT64_MAX. */
static uint64_t reader_gone_until(const struct relay *relay, int side)
{
	const struct relay_outputs *outputs = relay->outputs;

	return outputs && outputs->side[side].gone_until && !chan_ended(&relay->chan[!side])
		       ? outputs->side[side].gone_until
		       : UINT64_MAX;
}

/* Events */

static bool waits_for_source(const struct chan *chan)
{
	return chan->waits == CHAN_WAITS_SOURCE || chan->waits == CHAN_WAITS_BOTH;
}

static bool waits_for_destination(const struct chan *chan)
{
	return chan->waits == CHAN_WAITS_DESTINATION || chan->waits == CHAN_WAITS_BOTH;
}

/* Is one descriptor watched for both directions? */
static bool one_watch(const struct endpoint *end)
{
	return end->in == end->out && end->out_kind != ENDPOINT_SENDER;
}

/* Does the watch of its input, or the separate one of its output, show that the peer has gone? The
 * one whose descriptor is really written to. */
static bool shows_gone(const struct endpoint *end, bool output)
{
	return (end->in == end->out) != output;
}

uint32_t relay_events(const struct relay *relay, int side, bool in, bool out)
{
	const struct chan *from = &relay->chan[side], *to = &relay->chan[!side];
	uint32_t events = 0;

	if (in && from->phase == CHAN_OPEN && from->waits == CHAN_WAITS_SOURCE)
		events |= EPOLLIN;
	if (out && !chan_ended(to) && waits_for_destination(to))
		events |= EPOLLOUT;
	/* edge-triggered: an edge that finds the pipe out of slots must not come again and again */
	if (in && from->phase == CHAN_OPEN && from->waits == CHAN_WAITS_BOTH)
		events |= EPOLLIN | EPOLLET;
	/* End of file was read: has the peer closed for good? */
	if (shows_gone(&relay->end[side], !in) && chan_ended(from) && !chan_ended(to))
		events |= EPOLLRDHUP;
	/* HUP and ERR cannot be masked; level-triggered, they would make the loop spin while
	 * nothing is to be read
	 */
	if (!(events & EPOLLIN))
		events |= EPOLLET;
	return events;
}

static int watch_side(struct loop *loop, struct relay *relay, int side)
{
	const struct endpoint *end = &relay->end[side];
	struct watch *main = &relay->watch[side], *output = output_of(relay, side);
	bool same = one_watch(end);
	int error = 0;

	if (end->in_kind == ENDPOINT_FLOW)
		return 0; /* the owner of its socket calls relay_wake() */
	if (end->in < 0 || (end->in != end->out && chan_ended(&relay->chan[side])))
		loop_unwatch(loop, main);
	else
		error = loop_watch(loop, main, end->in, relay_events(relay, side, true, same));
	if (!output || error)
		return error;
	if (end->out < 0 || chan_ended(&relay->chan[!side]))
		loop_unwatch(loop, output);
	else
		error = loop_watch(loop, output, endpoint_poll_fd(end, EPOLLOUT),
				   relay_events(relay, side, false, true));
	return error;
}

static void unwatch_side(struct loop *loop, struct relay *relay, int side)
{
	loop_unwatch(loop, &relay->watch[side]);
	if (output_of(relay, side))
		loop_unwatch(loop, output_of(relay, side));
}

/* The end */

static void note(struct relay *relay, enum relay_end result, int error, int side)
{
	if (relay->result != END_NONE)
		return; /* the first cause counts */
	relay->result = (uint8_t)result;
	relay->error = error;
	relay->error_side = (uint8_t)side;
}

/* Nothing more moves in the channel from side: CHAN_OVER, or CHAN_HOLD. */
static void finish_channel(struct loop *loop, struct relay *relay, int side, enum chan_event event)
{
	struct chan *chan = &relay->chan[side];

	chan->cut |= chan_pending(chan);
	relay->lost += chan_drop(loop, chan);
	allowance_end(chan, relay->settings, side);
	chan_event(chan, event);
	if (!relay->half_closed)
		relay->half_closed = loop_now(loop);
}

static void end_channel(struct loop *loop, struct relay *relay, int side)
{
	if (!chan_ended(&relay->chan[side]))
		finish_channel(loop, relay, side, CHAN_OVER);
}

/* Passes end of file on to end[side]. What was written may turn out not to be stored only now. */
static void finish_end(struct loop *loop, struct relay *relay, int side)
{
	int error;

	if (output_of(relay, side))
		loop_unwatch(loop, output_of(relay, side)); /* before the descriptor is closed */
	error = endpoint_finish(&relay->end[side]);
	if (!error)
		return;
	relay->chan[!side].cut = true;
	if (relay->result == END_HALF_CLOSE)
		relay->result = END_NONE; /* that is no failure, and this is */
	note(relay, END_IO, -error, side);
}

/* Both channels have ended: the outputs that are files are closed before the owner learns how it
 * ended. */
static void close_files(struct loop *loop, struct relay *relay)
{
	for (int side = 0; side < 2; side++) {
		const struct endpoint *end = &relay->end[side];

		if (end->out_kind == ENDPOINT_FILE && end->out != end->in)
			finish_end(loop, relay, side);
	}
}

/* Tells the destination of the channel from side that no more will come. */
static void tell_end(struct loop *loop, struct relay *relay, int side)
{
	relay->chan[side].eof_passed = true;
	/* both have ended: closing, which comes next, says it too */
	if (chan_ended(&relay->chan[!side]) && !relay->end[!side].inherited)
		return;
	finish_end(loop, relay, !side);
}

/* The channel from side is at its end, and all of it is written: tell the destination, at once or
 * when it has been silent. */
static void pass_end(struct loop *loop, struct relay *relay, int side)
{
	bool tell = !relay->settings->no_shutdown;
	bool hold = tell && relay->end[!side].half_close && !chan_ended(&relay->chan[!side]) &&
		    reader_gone_until(relay, side) == UINT64_MAX;

	finish_channel(loop, relay, side, hold ? CHAN_HOLD : CHAN_OVER);
	if (hold)
		relay->held_since = loop_now(loop);
	else if (tell)
		tell_end(loop, relay, side);
}

/* The connection to a target, or that of standard input and output, is over. End of file was passed
 * on to it, and it has sent nothing since the last byte it received: its answer may be lost. */
static bool is_unanswered(const struct relay *relay, int side)
{
	const struct chan *to = &relay->chan[!side];
	bool matters = side == 1 || relay->end[!side].standard;

	return matters && to->held_out && to->bytes && !to->answered;
}

/* An established connection that is there no more. ENODEV: vhost, where its guest was killed
 * between two sends (vhost/vsock.c, vhost_transport_send_pkt). ENOBUFS: vsock, where the kernel
 * could not keep what came (virtio_transport_recv_enqueue); elsewhere only this machine is short of
 * memory, and the peer knows nothing of it. */
static bool connection_broke(const struct endpoint *endpoint, int error)
{
	return error == ECONNRESET || error == ETIMEDOUT || error == ENODEV ||
	       error == EHOSTUNREACH || error == ENETUNREACH ||
	       (error == ENOBUFS && endpoint->family == ADDR_VSOCK);
}

/* Is the error a shortage of this machine, and says nothing of the end that it came from? */
static bool is_shortage(const struct endpoint *endpoint, int error)
{
	return error == ENOMEM || (error == ENOBUFS && endpoint->family != ADDR_VSOCK);
}

static void source_ended(struct loop *loop, struct relay *relay, int side);

/* The source on side counts as ended, though it is still open: at once, or when what was read of it
 * is written. */
static void end_source(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];

	if (chan->phase != CHAN_OPEN)
		return;
	if (!chan_pending(chan)) {
		source_ended(loop, relay, side);
		return;
	}
	chan_event(chan, CHAN_END);
	/* also what waited for more of the source, as the rest of a line */
	chan->waits = CHAN_WAITS_DESTINATION;
}

/* The peer has sent everything. Nobody types end of file at a terminal that only started a transfer
 * (vsock-listen 5000 > file), so its input ends now, too, once what was typed has been sent. */
static void end_typed_input(struct loop *loop, struct relay *relay, int side)
{
	if (relay->end[!side].typed)
		end_source(loop, relay, !side);
}

/* The source on side failed. This is not passed on as end of file; relay_close() aborts the other
 * side. */
static void broke(struct loop *loop, struct relay *relay, int side, enum relay_end result,
		  int error)
{
	relay->error_read = relay->result == END_NONE;
	note(relay, result, error, side);
	end_channel(loop, relay, side);
	end_channel(loop, relay, !side);
}

static void source_ended(struct loop *loop, struct relay *relay, int side)
{
	struct chan *back = &relay->chan[!side];
	bool vsock = relay->end[side].family == ADDR_VSOCK;
	/* recv() may answer 0 where the connection broke (af_vsock.c: SOCK_DONE is looked at before
	 * the error) */
	int gone = vsock ? -endpoint_error(&relay->end[side]) : 0;

	chan_event(&relay->chan[side], CHAN_END);
	/* was this a half-close, or has the peer closed both directions? (vsock shows it at once;
	 * for the others epoll will) */
	if (!gone && vsock && !chan_ended(back))
		gone = endpoint_gone(&relay->end[side], 0);
	/* a reset that was reported to sending: the kernel reports it once, and then end of file */
	if (relay->result == END_RESET && relay->error_side == side &&
	    connection_broke(&relay->end[side], relay->error))
		gone = -relay->error;
	if (gone < 0) {
		broke(loop, relay, side, END_RESET, -gone);
		return;
	}
	for (struct relay_tap *tap = relay->settings->tap; tap; tap = tap->next)
		if (tap->end)
			tap->end(tap, side);
	relay->chan[side].complete = !is_unanswered(relay, side);
	if (!relay->chan[side].complete)
		note(relay, END_UNANSWERED, 0, side);
	pass_end(loop, relay, side);
	if (relay->end[!side].in_kind == ENDPOINT_FLOW)
		end_channel(loop, relay, !side);
	if (!gone) {
		end_typed_input(loop, relay, side);
		return;
	}
	if (chan_pending(back) || endpoint_input_left(&relay->end[!side]))
		note(relay, END_LOST, EPIPE, side);
	end_channel(loop, relay, !side);
}

static void source_failed(struct loop *loop, struct relay *relay, int side, int error)
{
	const struct endpoint *source = &relay->end[side];
	bool reset = error == EPIPE || connection_broke(source, error);

	broke(loop, relay, side,
	      reset			   ? END_RESET
	      : is_shortage(source, error) ? END_SHORT
					   : END_IO,
	      error);
}

/* Nothing of it is read any more. */
static void ignore(struct loop *loop, struct relay *relay, int side)
{
	/* before the descriptor is closed, where the output has another one */
	if (relay->end[side].in != relay->end[side].out)
		loop_unwatch(loop, &relay->watch[side]);
	endpoint_ignore(&relay->end[side]);
}

static void destination_failed(struct loop *loop, struct relay *relay, int side, int error)
{
	struct endpoint *destination = &relay->end[!side];
	bool standard = destination->standard;

	if (error == EPIPE && standard) {
		note(relay, END_OUTPUT, error, !side);
	} else if (error == EPIPE || error == ENOTCONN || connection_broke(destination, error)) {
		int cause = endpoint_error(destination);

		/* ECONNRESET in SO_ERROR is a VM that went away; 0 a peer that closed, which loses
		 * what was still to be sent */
		note(relay, cause || connection_broke(destination, error) ? END_RESET : END_LOST,
		     cause ? cause : error, !side);
	} else {
		note(relay, is_shortage(destination, error) ? END_SHORT : END_IO, error, !side);
	}
	relay->chan[side].cut = true;
	end_channel(loop, relay, side);
	if (relay->result == END_OUTPUT || relay->result == END_IO || relay->result == END_SHORT)
		end_channel(loop, relay, !side);
	else
		ignore(loop, relay, side);
}

/* Moving */

/* Has end[side] sent more than its input, which is not passed on? */
static bool sent_more(const struct relay *relay, int side)
{
	return side == 0 && relay->extent && relay->extent->why && !relay->extent->bad;
}

/* The source has given its size, or more than --max-bytes, and as much as may be is written. */
static void limit_reached(struct loop *loop, struct relay *relay, int side)
{
	if (sent_more(relay, side) || allowance_is_size(relay->settings, side)) {
		/* the rest is not read, which must not destroy the answer */
		relay->chan[side].cut |= sent_more(relay, side);
		source_ended(loop, relay, side);
		return;
	}
	note(relay, END_MAX_BYTES, 0, side);
	end_channel(loop, relay, side);
	end_channel(loop, relay, !side);
}

/* Nothing more is read, and nothing is pending. */
static void all_written(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];

	switch ((enum chan_phase)chan->phase) {
	case CHAN_DRAINING:
		source_ended(loop, relay, side);
		break;
	case CHAN_FAILING:
		source_failed(loop, relay, side, chan->source_error);
		break;
	case CHAN_LIMITED:
		limit_reached(loop, relay, side);
		break;
	default:
		end_channel(loop, relay, side); /* by relay_stop(), not by its source */
		break;
	}
}

/* What the channel waits for when its turn has ended so. */
static enum chan_wait waits_after(enum move result)
{
	switch (result) {
	case MOVE_FULL:
		return CHAN_WAITS_DESTINATION;
	case MOVE_AHEAD:
		return CHAN_WAITS_BOTH;
	case MOVE_PAUSE:
		return CHAN_WAITS_TIME;
	default:
		return CHAN_WAITS_SOURCE;
	}
}

static void note_moved(struct relay *relay, uint64_t at)
{
	if (at > relay->moved)
		relay->moved = at;
}

static void count_turn(struct relay *relay, struct chan *chan, struct transfer *transfer,
		       uint64_t written)
{
	allowance_used(chan, transfer);
	relay->lost += transfer->beyond;
	if (transfer->read || written || transfer->message) {
		note_moved(relay, loop_now(transfer->loop));
		busy_moved(loop_busy(transfer->loop),
			   transfer->read > written ? transfer->read : written);
	}
	if (transfer->read)
		relay->chan[!transfer->side].answered = true;
	if (written)
		chan->answered = false;
	if (chan->bytes >= CHOOSE_LARGE_FLOW && !chan->is_large && chan->phase == CHAN_OPEN)
		choose_large(chan, transfer);
}

static void pump(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];
	struct transfer transfer = {
		.loop = loop,
		.source = &relay->end[side],
		.destination = &relay->end[!side],
		.settings = relay->settings,
		.extent = side == 0 ? relay->extent : NULL,
		.side = side,
		.hurry = relay->stop_at != 0,
	};
	uint64_t before = chan->bytes;
	enum move result;

	allowance_set(chan, &transfer);
	result = transfer_run(chan, &transfer);
	count_turn(relay, chan, &transfer, chan->bytes - before);
	chan->waits = (uint8_t)waits_after(result);
	if (result == MOVE_PAUSE)
		note_moved(relay, chan_ready_at(chan));
	else if (result == MOVE_END)
		all_written(loop, relay, side);
	else if (result == MOVE_SOURCE_FAILED)
		source_failed(loop, relay, side, transfer.error);
	else if (result == MOVE_DESTINATION_FAILED)
		destination_failed(loop, relay, side, transfer.error);
}

/* Times */

static uint64_t later(uint64_t from, uint64_t ns)
{
	return ns == UNITS_INF || from > UINT64_MAX - ns ? UINT64_MAX : from + ns;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The time to pass on the held end of file of the channel from side: when the destination has been
 * silent long enough, but not while we do not read from it. An empty standard input, as of a
 * service or a background job, has no end of file worth passing on. */
static uint64_t held_until(const struct relay *relay, int side)
{
	const struct chan *chan = &relay->chan[side], *back = &relay->chan[!side];
	uint64_t since = relay->moved > relay->held_since ? relay->moved : relay->held_since;

	if (chan->phase != CHAN_HELD || back->phase != CHAN_OPEN ||
	    back->waits != CHAN_WAITS_SOURCE || (relay->end[side].standard && !chan->bytes))
		return UINT64_MAX;
	return later(since, relay->end[!side].half_close);
}

/* The destination has been silent, but it may not have read all yet. */
static void end_hold(struct loop *loop, struct relay *relay, int side)
{
	if (endpoint_unread(&relay->end[!side])) {
		relay->held_since = loop_now(loop);
		return;
	}
	chan_event(&relay->chan[side], CHAN_OVER);
	tell_end(loop, relay, side);
	relay->chan[side].held_out = true;
}

/* When the relay's timer must wake it next; UINT64_MAX: never. */
static uint64_t next_time(const struct relay *relay)
{
	const struct relay_settings *settings = relay->settings;
	uint64_t at = later(relay->started, settings->max_time);

	at = earliest(at, later(relay->moved, settings->idle_timeout));
	if (relay->half_closed)
		at = earliest(at, later(relay->half_closed, settings->half_close_timeout));
	if (relay->stop_at)
		at = earliest(at, relay->stop_at);
	at = earliest(at, earliest(held_until(relay, 0), held_until(relay, 1)));
	for (int side = 0; side < 2; side++)
		if (relay->chan[side].waits == CHAN_WAITS_TIME)
			at = earliest(at, chan_ready_at(&relay->chan[side]));
	if (relay->outputs)
		at = earliest(at,
			      earliest(reader_gone_until(relay, 0), reader_gone_until(relay, 1)));
	return at;
}

static void finish(struct loop *loop, struct relay *relay)
{
	loop_timer_stop(loop, &relay->timer);
	for (int side = 0; side < 2; side++) {
		/* our own descriptors are closed by relay_close(), which the owner of a relay that
		 * is over calls next */
		void (*remove)(struct loop *, struct watch *) = relay->end[side].inherited
									? loop_unwatch
									: loop_forget;

		remove(loop, &relay->watch[side]);
		if (output_of(relay, side))
			remove(loop, output_of(relay, side));
	}
	if (relay->over)
		return;
	relay->over = true;
	relay->done(loop, relay);
}

/*
 * Is an answer that is whole still on its way to end[side]? TCP resets a connection that is closed
 * while input of it was not read, or comes later, and that destroys what the kernel still had to
 * send. So closing waits unless the input has been read to its end, even if none has come so far.
 */
static bool is_answering(const struct relay *relay, int side)
{
	const struct endpoint *end = &relay->end[side];
	const struct chan *from = &relay->chan[side];

	if (end->family != ADDR_TCP || end->in != end->out || !relay->chan[!side].complete)
		return false;
	if (!from->cut && from->complete && relay->end[!side].out >= 0)
		return false;
	return endpoint_unacknowledged(end) > 0;
}

/* Both channels have ended. True: the end waits for an answer, for LINGER_TIME at most; what the
 * peer sends meanwhile is thrown away, because it may read nothing before it has sent all. */
static bool linger(struct loop *loop, struct relay *relay)
{
	uint64_t now = loop_now(loop);
	int side = is_answering(relay, 0) ? 0 : is_answering(relay, 1) ? 1 : -1;

	if (side < 0)
		return false;
	if (!relay->linger_until) {
		relay->linger_until = earliest(now + LINGER_TIME, next_time(relay));
		unwatch_side(loop, relay, !side);
		if (relay->chan[!side].eof_passed)
			(void)endpoint_finish(&relay->end[side]);
	}
	if (now >= relay->linger_until)
		return false;
	loop_timer(loop, &relay->timer, earliest(now + LINGER_STEP, relay->linger_until));
	/* without memory for it the next step tries again, and the answer goes on meanwhile */
	(void)!loop_watch(loop, &relay->watch[side], relay->end[side].in, EPOLLIN);
	return true;
}

static void throw_away(struct loop *loop, struct relay *relay, int side)
{
	void *buffer = loop_buffer(loop, LINGER_READ);
	ssize_t got = buffer ? endpoint_read(&relay->end[side], buffer, LINGER_READ) : -ENOMEM;

	if (got > 0) {
		relay->lost += (uint64_t)got;
		relay->chan[side].cut = true;
		if (relay->result == END_EOF && !relay->chan[side].complete) {
			relay->result = END_NONE; /* as it was before these bytes came */
			note(relay, END_LOST, EPIPE, !side);
		}
	}
	/* after the end of its input nothing is left that would make closing a reset */
	if (got <= 0 && got != -EAGAIN)
		relay->linger_until = loop_now(loop);
}

static void end_both(struct loop *loop, struct relay *relay, enum relay_end result, int error)
{
	note(relay, result, error, 0);
	end_channel(loop, relay, 0);
	end_channel(loop, relay, 1);
}

#ifdef RELAY_CHECK
static void check_phases(const struct relay *relay)
{
	for (int side = 0; side < 2; side++) {
		const struct chan *chan = &relay->chan[side];

		if (chan_is_legal(chan, transfer_keeps_parts(chan)))
			continue;
		fprintf(stderr, "relay: channel %d: phase %u, waits for %u, %spending, engine %u\n",
			side, chan->phase, chan->waits, chan_pending(chan) ? "" : "nothing ",
			chan->engine);
		abort();
	}
}
#else
static void check_phases(const struct relay *relay)
{
	(void)relay;
}
#endif

static void tell_half_over(struct loop *loop, struct relay *relay)
{
	if (!relay->half_closed || relay->half_told || !relay->settings->half_over)
		return;
	relay->half_told = true;
	relay->settings->half_over(loop, relay);
}

/* After anything happened: what to watch now, when to wake, or that it is over. */
static void settle(struct loop *loop, struct relay *relay)
{
	int error = 0;

	check_phases(relay);
	if (!chan_ended(&relay->chan[0]) || !chan_ended(&relay->chan[1])) {
		uint64_t at = next_time(relay);

		for (int side = 0; side < 2 && !error; side++)
			error = watch_side(loop, relay, side);
		/* the idle timeout moves with every byte, so the timer is only set again if it is
		 * due earlier, or was never set */
		if (at != UINT64_MAX && (!loop_timer_is_set(&relay->timer) || at < relay->timer.at))
			loop_timer(loop, &relay->timer, at);
		if (!error) {
			tell_half_over(loop, relay);
			return;
		}
		end_both(loop, relay, END_SHORT, -error);
	}
	close_files(loop, relay);
	note(relay, END_EOF, 0, 0);
	if (!linger(loop, relay))
		finish(loop, relay);
}

/* Does the channel from side still have bytes to deliver? Those that have come after closing at
 * once was asked for were not wanted. */
static bool has_more(const struct relay *relay, int side)
{
	const struct chan *chan = &relay->chan[side];
	const struct endpoint *source = &relay->end[side];

	if (chan_ended(chan))
		return false;
	return chan_pending(chan) ||
	       (chan->phase == CHAN_OPEN &&
		(endpoint_input_left(source) || endpoint_file_left(source) ||
		 (relay->settings->half_close_timeout && endpoint_received(source) > 0)));
}

/* It ends some time after its first direction, and loses what the other one still had. */
static void half_close_over(struct loop *loop, struct relay *relay)
{
	for (int side = 0; side < 2; side++)
		if (has_more(relay, side))
			note(relay, END_LOST, 0, !side);
	end_both(loop, relay, END_HALF_CLOSE, 0);
}

static void time_out(struct loop *loop, struct timer *timer)
{
	struct relay *relay = container_of(timer, struct relay, timer);
	const struct relay_settings *settings = relay->settings;
	uint64_t now = loop_now(loop);

	if (relay->linger_until) {
		settle(loop, relay);
		return;
	}
	if (relay->stop_at && now >= relay->stop_at)
		end_both(loop, relay, relay->side_over ? END_LOST : END_STOP, 0);
	else if (now >= later(relay->started, settings->max_time))
		end_both(loop, relay, END_MAX_TIME, 0);
	else if (now >= later(relay->moved, settings->idle_timeout))
		end_both(loop, relay, END_IDLE, 0);
	else if (relay->half_closed &&
		 now >= later(relay->half_closed, settings->half_close_timeout))
		half_close_over(loop, relay);
	for (int side = 0; side < 2; side++)
		if (now >= held_until(relay, side))
			end_hold(loop, relay, side);
	for (int side = 0; side < 2; side++)
		if (now >= reader_gone_until(relay, side))
			destination_failed(loop, relay, !side, EPIPE);
	for (int side = 0; side < 2; side++)
		if (relay->chan[side].waits == CHAN_WAITS_TIME)
			pump(loop, relay, side);
	settle(loop, relay);
}

/*
 * The reader of an output is gone. Of standard output other programs notice that only when they
 * write, and nothing is missing if the peer ends without sending more: git closes its proxy command
 * as soon as it has what it wants, and takes a bad status for a failure. So the peer gets the time
 * to end. There is no reader who could miss an answer, so end of file need not be held.
 */
static void reader_left(struct loop *loop, struct relay *relay, int side, int error)
{
	struct chan *from = &relay->chan[side];

	if (!relay->end[side].standard || chan_pending(&relay->chan[!side])) {
		destination_failed(loop, relay, !side, error);
		return;
	}
	if (reader_gone_until(relay, side) != UINT64_MAX)
		return;
	relay->outputs->side[side].gone_until = later(loop_now(loop), READER_GRACE);
	if (from->phase == CHAN_HELD) {
		chan_event(from, CHAN_OVER);
		tell_end(loop, relay, side);
	}
}

/* Has the peer on side, whose end of file was read, gone for good? Then nothing can be written to
 * it. */
static void check_gone(struct loop *loop, struct relay *relay, int side, uint32_t events)
{
	struct chan *to = &relay->chan[!side];
	int gone, error;

	if (chan_ended(to))
		return;
	gone = endpoint_gone(&relay->end[side], events);
	if (!gone)
		return;
	/* the output of an echo is the socket of its peer again */
	if (relay->end[side].standard ||
	    (relay->end[side].out != relay->end[side].in && relay->end[side].in >= 0)) {
		reader_left(loop, relay, side, gone < 0 ? -gone : EPIPE);
		return;
	}
	/* an error is pending where the peer did not take all that it was sent (a reset); a peer
	 * that just closed leaves none */
	error = gone < 0 ? -gone : endpoint_error(&relay->end[side]);
	if (error)
		note(relay, END_RESET, error, side);
	else if (chan_unsent(to) || endpoint_input_left(&relay->end[!side]))
		note(relay, END_LOST, EPIPE, side);
	end_channel(loop, relay, !side);
	ignore(loop, relay, !side);
}

static void relay_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct relay *relay = relay_of(watch);
	int side = watch->side & SIDE_MASK;
	bool output = watch->side & SIDE_OUT, out = output || one_watch(&relay->end[side]);
	struct chan *from = &relay->chan[side], *to = &relay->chan[!side];
	const uint32_t trouble = EPOLLHUP | EPOLLERR | EPOLLRDHUP;

	if (relay->linger_until) {
		throw_away(loop, relay, side);
		settle(loop, relay);
		return;
	}
	if (!output && events & (EPOLLIN | trouble) && from->phase == CHAN_OPEN &&
	    waits_for_source(from))
		pump(loop, relay, side);
	if (out && events & (EPOLLOUT | EPOLLHUP | EPOLLERR) && !chan_ended(to) &&
	    waits_for_destination(to))
		pump(loop, relay, !side);
	if (shows_gone(&relay->end[side], output) && events & trouble &&
	    (chan_ended(from) || output || relay->end[side].standard))
		check_gone(loop, relay, side, events);
	settle(loop, relay);
}

/* Start and stop */

/* A direction that there never is has nothing that could be missing. */
static void never_was(struct chan *chan)
{
	chan_event(chan, CHAN_OVER);
	chan->complete = true;
}

static int prepare_side(struct relay *relay, int side)
{
	struct endpoint *end = &relay->end[side];
	struct chan *chan = &relay->chan[side];
	struct out_watch *output;
	bool may_splice;
	int error = endpoint_prepare(end);

	if (error)
		return error;
	relay->watch[side] = (struct watch){ .kind = &relay_kind,
					     .fd = -1,
					     .side = (uint16_t)side };
	chan->engine = (uint8_t)choose_engine(end, &relay->end[!side], relay->settings,
					      &may_splice);
	chan->may_splice = may_splice;
	if (end->in < 0)
		never_was(chan);
	if (end->out < 0)
		never_was(&relay->chan[!side]);
	if (end->out < 0 || (one_watch(end) && !end->standard))
		return 0;
	if (!relay->outputs)
		relay->outputs = calloc(1, sizeof(*relay->outputs));
	if (!relay->outputs)
		return -ENOMEM;
	if (one_watch(end)) /* only to know how long its reader has been gone */
		return 0;
	output = &relay->outputs->side[side];
	output->relay = relay;
	output->watch = (struct watch){ .kind = &relay_kind,
					.fd = -1,
					.side = (uint16_t)(side | SIDE_OUT) };
	return 0;
}

int relay_start(struct loop *loop, struct relay *relay, const struct endpoint end[2],
		const struct relay_settings *settings, struct watch *connected,
		void (*done)(struct loop *loop, struct relay *relay))
{
	int error = 0;

	memset(relay, 0, sizeof(*relay));
	relay->settings = settings;
	relay->done = done;
	relay->end[0] = end[0];
	relay->end[1] = end[1];
	relay->started = relay->moved = loop_now(loop);
	relay->timer.expired = time_out;
	for (int side = 0; side < 2 && !error; side++)
		error = prepare_side(relay, side);
	if (!error && connected && connected->slot)
		loop_move(loop, connected, &relay->watch[1]);
	for (int side = 0; side < 2 && !error; side++)
		error = watch_side(loop, relay, side);
	if (!error && next_time(relay) != UINT64_MAX)
		loop_timer(loop, &relay->timer, next_time(relay));
	if (error) {
		for (int side = 0; side < 2; side++) {
			unwatch_side(loop, relay, side); /* before descriptors are closed */
			endpoint_unprepare(&relay->end[side]);
		}
		relay->end[0] = relay->end[1] = (struct endpoint){ .in = -1, .out = -1 };
		relay_close(loop, relay);
	}
	return error;
}

void relay_stop(struct loop *loop, struct relay *relay, uint64_t grace)
{
	if (relay->over)
		return;
	note(relay, END_STOP, 0, 0);
	for (int side = 0; side < 2; side++) {
		struct chan *chan = &relay->chan[side];

		if (chan_ended(chan))
			continue;
		chan_event(chan, CHAN_STOP);
		/* also what waited for more of the source, as the rest of a line */
		chan->waits = CHAN_WAITS_DESTINATION;
		if (!chan_pending(chan))
			end_channel(loop, relay, side);
	}
	relay->stop_at = later(loop_now(loop), grace);
	if (relay->linger_until)
		relay->linger_until = earliest(relay->linger_until, relay->stop_at);
	settle(loop, relay);
}

void relay_side_over(struct loop *loop, struct relay *relay, int side, uint64_t grace)
{
	if (relay->over)
		return;
	relay->side_over = true;
	/* first: while this direction is open, half-close= delays the end of file of the other */
	end_channel(loop, relay, !side);
	end_source(loop, relay, side);
	if (!relay->stop_at)
		relay->stop_at = later(loop_now(loop), grace);
	settle(loop, relay);
}

int relay_insert(struct loop *loop, struct relay *relay, int side, const void *data, size_t size)
{
	struct chan *chan = &relay->chan[side];
	int error;

	if (relay->over || chan->phase != CHAN_OPEN)
		return -EPIPE;
	/* what is in a pipe came before it */
	error = chan_empty_pipe(loop, chan);
	if (!error)
		error = chan_keep(loop, chan, data, size);
	if (error)
		return error;
	chan->waits = CHAN_WAITS_DESTINATION;
	settle(loop, relay);
	return 0;
}

void relay_bound(struct relay *relay, struct relay_extent *extent)
{
	relay->extent = extent;
	relay->chan[0].engine = CHAN_FILTER;
	relay->chan[0].may_splice = false;
}

void relay_wake(struct loop *loop, struct relay *relay, int side)
{
	if (relay->over || relay->chan[side].phase != CHAN_OPEN ||
	    !waits_for_source(&relay->chan[side]))
		return;
	pump(loop, relay, side);
	settle(loop, relay);
}

uint64_t relay_dropped(const struct relay *relay)
{
	bool any = relay->settings && relay->settings->datagrams;

	return any ? (uint64_t)relay->chan[0].dropped + relay->chan[1].dropped : 0;
}

/*
 * Must end[side] be aborted instead of closed cleanly? Yes if it did not get everything from the
 * other side, which failed or was cut off by a limit or by us. Also if its own data was not
 * delivered, unless the abort could destroy the last bytes of a complete answer, that data did not
 * belong to its input, or what would read it is over (relay_side_over). Datagrams have no end of
 * file, so they are never cut off.
 */
static bool must_abort(const struct relay *relay, int side)
{
	const struct chan *from = &relay->chan[side], *to = &relay->chan[!side];

	if (relay->settings->datagrams && relay->result != END_RESET && relay->result != END_LOST)
		return false;
	if (!to->complete)
		return true;
	if (relay->side_over || sent_more(relay, side))
		return false;
	return from->cut && endpoint_unacknowledged(&relay->end[side]) == 0;
}

void relay_close(struct loop *loop, struct relay *relay)
{
	relay->over = true;
	for (int side = 0; side < 2; side++) {
		unwatch_side(loop, relay, side);
		relay->chan[side].cut |= chan_pending(&relay->chan[side]);
		chan_drop(loop, &relay->chan[side]);
	}
	for (int side = 0; side < 2; side++) {
		if (relay->settings && must_abort(relay, side))
			endpoint_abort(&relay->end[side]);
		else
			endpoint_close(&relay->end[side]);
	}
	if (relay->outputs)
		loop_free_later(loop, relay->outputs);
	relay->outputs = NULL;
	loop_timer_stop(loop, &relay->timer);
}

const char *relay_end_word(const struct relay *relay)
{
	static const char *const words[] = {
		[END_NONE] = "none",
		[END_EOF] = "eof",
		[END_IDLE] = "idle",
		[END_HALF_CLOSE] = "half-close",
		[END_MAX_TIME] = "max-time",
		[END_MAX_BYTES] = "max-bytes",
		[END_RESET] = "reset",
		[END_LOST] = "lost",
		[END_UNANSWERED] = "unanswered",
		[END_OUTPUT] = "output",
		[END_IO] = "io",
		[END_SHORT] = "io",
		[END_STOP] = "signal",
	};

	return words[relay->result];
}

const char *relay_why(const struct relay *relay)
{
	return relay->result == END_SHORT ? "this machine is out of memory"
					  : strerror(relay->error);
}
