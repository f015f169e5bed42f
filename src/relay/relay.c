/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/relay.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "net/addr.h"
#include "relay/engine.h"

/* What one channel may move in one turn, so that none starves another. */
#define TURN_BYTES (1024ULL * 1024)
/* The rate limit lets this much time's worth of bytes through at once. */
#define RATE_BURST (50 * NSEC_PER_MSEC)

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

struct relay_outputs {
	struct out_watch {
		struct watch watch; /* kind NULL: this end has no separate output */
		struct relay *relay;
	} side[2];
};

static struct watch *output_of(const struct relay *relay, int side)
{
	return relay->outputs && relay->outputs->side[side].watch.kind ? &relay->outputs->side[side].watch : NULL;
}

static struct relay *relay_of(struct watch *watch)
{
	if (watch->side & SIDE_OUT)
		return ((struct out_watch *)(void *)watch)->relay;
	return (struct relay *)(void *)((char *)(watch - (watch->side & SIDE_MASK)) - offsetof(struct relay, watch));
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

uint32_t relay_events(const struct relay *relay, int side, bool in, bool out)
{
	const struct chan *from = &relay->chan[side], *to = &relay->chan[!side];
	uint32_t events = 0;

	if (in && from->state == CHAN_OPEN && from->waits == CHAN_WAITS_SOURCE)
		events |= EPOLLIN;
	if (out && to->state != CHAN_ENDED && waits_for_destination(to))
		events |= EPOLLOUT;
	/* edge-triggered: an edge that finds the pipe out of slots must not come again and again */
	if (in && from->state == CHAN_OPEN && from->waits == CHAN_WAITS_BOTH)
		events |= EPOLLIN | EPOLLET;
	/* End of file was read: has the peer closed for good? */
	if (out && from->state == CHAN_ENDED && to->state != CHAN_ENDED)
		events |= EPOLLRDHUP;
	/* HUP and ERR can't be masked; level-triggered they would spin while nobody wants to read */
	if (!(events & EPOLLIN))
		events |= EPOLLET;
	return events;
}

static int watch_side(struct loop *loop, struct relay *relay, int side)
{
	const struct endpoint *end = &relay->end[side];
	struct watch *main = &relay->watch[side], *output = output_of(relay, side);
	bool same = end->in == end->out;
	int error = 0;

	if (end->in_kind == ENDPOINT_FLOW)
		return 0; /* who has its socket calls relay_wake() */
	if (end->in < 0 || (!same && relay->chan[side].state == CHAN_ENDED))
		loop_unwatch(loop, main);
	else
		error = loop_watch(loop, main, end->in, relay_events(relay, side, true, same));
	if (!output || error)
		return error;
	if (end->out < 0 || relay->chan[!side].state == CHAN_ENDED)
		loop_unwatch(loop, output);
	else
		error = loop_watch(loop, output, end->out, relay_events(relay, side, false, true));
	return error;
}

/* The end */

static void note(struct relay *relay, enum relay_end result, int error, int side)
{
	if (relay->result != END_EOF)
		return; /* the first cause counts */
	relay->result = (uint8_t)result;
	relay->error = error;
	relay->error_side = (uint8_t)side;
}

/* The rate that it shares with others, or NULL. */
static struct share *share_of(const struct relay *relay)
{
	struct share *share = relay->settings->share;

	return share && share->rate && share->rate != UNITS_INF ? share : NULL;
}

/* Its turn is over. */
static void end_turn(const struct relay *relay, struct chan *chan, uint64_t bytes)
{
	if (chan->has_turn)
		share_used(share_of(relay), chan == &relay->chan[1], bytes);
	chan->has_turn = false;
}

static void end_channel(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];

	if (chan->state == CHAN_ENDED)
		return;
	relay->lost += chan_drop(loop, chan);
	end_turn(relay, chan, 0);
	chan->state = CHAN_ENDED;
	if (!relay->half_closed)
		relay->half_closed = loop_now(loop);
}

/* The channel from side is at its end, and all of it is written: tell the destination. */
static void pass_end(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];

	end_channel(loop, relay, side);
	if (chan->eof_passed || relay->settings->no_shutdown)
		return;
	chan->eof_passed = true;
	/* both have ended: closing, which comes next, says it too */
	if (relay->chan[!side].state == CHAN_ENDED && !relay->end[!side].inherited)
		return;
	if (output_of(relay, !side))
		loop_unwatch(loop, output_of(relay, !side)); /* before the descriptor is closed */
	endpoint_finish(&relay->end[!side]);
}

void relay_tap_data(struct relay_tap *tap, int side, const void *data, size_t size)
{
	for (; tap; tap = tap->next)
		tap->data(tap, side, data, size);
}

static void source_ended(struct loop *loop, struct relay *relay, int side)
{
	struct chan *back = &relay->chan[!side];
	bool vsock = relay->end[side].family == ADDR_VSOCK;
	/* recv() may answer 0 where the connection broke (af_vsock.c: SOCK_DONE is looked at before the error) */
	int gone = vsock ? -endpoint_error(&relay->end[side]) : 0;

	for (struct relay_tap *tap = relay->settings->tap; tap; tap = tap->next)
		if (tap->end)
			tap->end(tap, side);
	pass_end(loop, relay, side);
	if (relay->end[!side].in_kind == ENDPOINT_FLOW)
		end_channel(loop, relay, !side);
	/* was that a half-close, or is the peer gone altogether? (vsock tells at once; for the others epoll will) */
	if (!gone && vsock && back->state != CHAN_ENDED)
		gone = endpoint_gone(&relay->end[side], 0);
	if (!gone)
		return;
	if (gone < 0)
		note(relay, END_RESET, -gone, side);
	else if (chan_unsent(back))
		note(relay, END_LOST, EPIPE, side);
	end_channel(loop, relay, !side);
}

/* An established connection that is there no more. ENODEV: vhost, where its guest was killed between two sends (vhost/vsock.c,
 * vhost_transport_send_pkt). ENOBUFS: vsock, where the kernel could not keep what came (virtio_transport_recv_enqueue). */
static bool connection_broke(int error)
{
	return error == ECONNRESET || error == ETIMEDOUT || error == ENODEV || error == EHOSTUNREACH || error == ENETUNREACH ||
	       error == ENOBUFS;
}

static void source_failed(struct loop *loop, struct relay *relay, int side, int error)
{
	/* On an established socket ENOTCONN is end of file (af_vsock.c: our own shutdown() after the peer's), unless the VM
	 * went away: then SO_ERROR tells. */
	if (error == ENOTCONN) {
		error = endpoint_error(&relay->end[side]);
		if (!error) {
			source_ended(loop, relay, side);
			return;
		}
	}
	note(relay, connection_broke(error) || error == EPIPE ? END_RESET : END_IO, error, side);
	pass_end(loop, relay, side);
	end_channel(loop, relay, !side);
}

static void destination_failed(struct loop *loop, struct relay *relay, int side, int error)
{
	struct endpoint *destination = &relay->end[!side];
	bool standard = destination->family == ADDR_STDIO;

	if (error == EPIPE && standard) {
		note(relay, END_OUTPUT, error, !side);
	} else if (error == EPIPE || error == ENOTCONN || connection_broke(error)) {
		int cause = endpoint_error(destination);

		/* ECONNRESET in SO_ERROR is a VM that went away; 0 a peer that closed, which loses what was still to be sent */
		note(relay, cause || connection_broke(error) ? END_RESET : END_LOST, cause ? cause : error, !side);
	} else {
		note(relay, END_IO, error, !side);
	}
	end_channel(loop, relay, side);
	if (relay->result == END_OUTPUT || relay->result == END_IO)
		end_channel(loop, relay, !side);
	else
		endpoint_ignore(&relay->end[side]);
}

/* Moving */

/* After how many bytes this channel ends or is ended. */
static uint64_t bytes_limit(const struct relay *relay, const struct chan *chan)
{
	const struct relay_settings *settings = relay->settings;

	return chan == &relay->chan[1] && settings->source_bytes < settings->max_bytes ? settings->source_bytes
	                                                                               : settings->max_bytes;
}

static uint64_t bytes_left(const struct relay *relay, const struct chan *chan)
{
	uint64_t limit = bytes_limit(relay, chan), gone = chan->bytes + chan_unsent(chan);

	return limit == UNITS_INF ? UNITS_INF : limit > gone ? limit - gone : 0;
}

static void limit_to(struct flow *flow, uint64_t bytes)
{
	if (bytes >= flow->allowance)
		return;
	flow->allowance = bytes;
	flow->limited = true;
}

/* How much the rate that it shares with others lets it read now. */
static uint64_t turn(const struct loop *loop, const struct relay *relay, struct chan *chan)
{
	struct share *share = share_of(relay);

	if (!chan->has_turn)
		chan->ready_at = share_ask(share, chan == &relay->chan[1], loop_now(loop));
	chan->has_turn = true;
	return chan->ready_at > loop_now(loop) ? 0 : share_turn(share);
}

/* How much this channel may read now: the turn's budget, the limits of bytes and rate. */
static void set_allowance(const struct loop *loop, const struct relay *relay, struct chan *chan, struct flow *flow)
{
	uint64_t rate = relay->settings->rate_limit;

	flow->allowance = TURN_BYTES;
	limit_to(flow, bytes_left(relay, chan));
	if (rate != UNITS_INF)
		limit_to(flow, chan->ready_at > loop_now(loop) ? 0 : rate / (NSEC_PER_SEC / RATE_BURST) + 1);
	if (flow->allowance && share_of(relay) && chan->state == CHAN_OPEN)
		limit_to(flow, turn(loop, relay, chan));
}

/* Each byte pushes the time when the next may go. */
static void charge(const struct loop *loop, const struct relay *relay, struct chan *chan, uint64_t bytes)
{
	uint64_t now = loop_now(loop);
	double cost;

	if (relay->settings->rate_limit == UNITS_INF)
		return;
	cost = (double)bytes * (double)NSEC_PER_SEC / (double)relay->settings->rate_limit;
	/* what a pause of the source left unused is not saved up */
	if (chan->ready_at + RATE_BURST < now)
		chan->ready_at = now;
	chan->ready_at += (uint64_t)cost;
}

/* The engine was held back by a limit: of bytes (then this is the end), or of rate. */
static void hold_back(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];

	chan->waits = CHAN_WAITS_TIME;
	if (bytes_left(relay, chan))
		return;
	if (bytes_limit(relay, chan) != relay->settings->max_bytes) {
		source_ended(loop, relay, side);
		return;
	}
	note(relay, END_MAX_BYTES, 0, side);
	end_channel(loop, relay, side);
	end_channel(loop, relay, !side);
}

static void pump(struct loop *loop, struct relay *relay, int side)
{
	struct chan *chan = &relay->chan[side];
	struct flow flow = {
		.loop = loop,
		.source = &relay->end[side],
		.destination = &relay->end[!side],
		.settings = relay->settings,
		.side = side,
	};
	uint64_t before = chan->bytes;
	enum move result;
	bool in_turn;

	set_allowance(loop, relay, chan, &flow);
	in_turn = chan->has_turn && flow.allowance;
	result = engine_move(chan, &flow);
	if (in_turn)
		end_turn(relay, chan, flow.read);
	if (flow.read)
		charge(loop, relay, chan, flow.read);
	if (flow.read || chan->bytes != before)
		relay->moved = loop_now(loop);
	if (chan->bytes >= ENGINE_LARGE_FLOW && !chan->is_large && chan->state == CHAN_OPEN)
		engine_enlarge(chan, &flow);
	chan->waits = CHAN_WAITS_SOURCE;
	switch (result) {
	case MOVE_ON:
	case MOVE_EMPTY:
	case MOVE_BUDGET:
		break;
	case MOVE_FULL:
		chan->waits = CHAN_WAITS_DESTINATION;
		break;
	case MOVE_AHEAD:
		chan->waits = CHAN_WAITS_BOTH;
		break;
	case MOVE_PAUSE:
		hold_back(loop, relay, side);
		break;
	case MOVE_END:
		source_ended(loop, relay, side);
		break;
	case MOVE_SOURCE_FAILED:
		source_failed(loop, relay, side, flow.error);
		break;
	case MOVE_DESTINATION_FAILED:
		destination_failed(loop, relay, side, flow.error);
		break;
	}
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
	for (int side = 0; side < 2; side++)
		if (relay->chan[side].state == CHAN_OPEN && relay->chan[side].waits == CHAN_WAITS_TIME)
			at = earliest(at, relay->chan[side].ready_at);
	return at;
}

static void finish(struct loop *loop, struct relay *relay)
{
	loop_timer_stop(loop, &relay->timer);
	for (int side = 0; side < 2; side++) {
		/* our own descriptors are closed by relay_close(), which the owner of a relay that is over calls next */
		void (*remove)(struct loop *, struct watch *) = relay->end[side].inherited ? loop_unwatch : loop_forget;

		remove(loop, &relay->watch[side]);
		if (output_of(relay, side))
			remove(loop, output_of(relay, side));
	}
	if (relay->over)
		return;
	relay->over = true;
	relay->done(loop, relay);
}

static void end_both(struct loop *loop, struct relay *relay, enum relay_end result, int error)
{
	note(relay, result, error, 0);
	end_channel(loop, relay, 0);
	end_channel(loop, relay, 1);
}

/* After anything happened: what to watch now, when to wake, or that it is over. */
static void settle(struct loop *loop, struct relay *relay)
{
	int error = 0;

	if (relay->chan[0].state != CHAN_ENDED || relay->chan[1].state != CHAN_ENDED) {
		uint64_t at = next_time(relay);

		for (int side = 0; side < 2 && !error; side++)
			error = watch_side(loop, relay, side);
		/* the idle time moves with every byte: the timer is only set anew when it is due earlier, or was never set */
		if (!error && at != UINT64_MAX && (!relay->timer.index || at < relay->timer.at))
			error = loop_timer(loop, &relay->timer, at);
		if (!error)
			return;
		end_both(loop, relay, END_IO, -error);
	}
	finish(loop, relay);
}

static void time_out(struct loop *loop, struct timer *timer)
{
	struct relay *relay = (struct relay *)(void *)((char *)timer - offsetof(struct relay, timer));
	const struct relay_settings *settings = relay->settings;
	uint64_t now = loop_now(loop);

	if (relay->stop_at && now >= relay->stop_at)
		end_both(loop, relay, END_STOP, 0);
	else if (now >= later(relay->started, settings->max_time))
		end_both(loop, relay, END_MAX_TIME, 0);
	else if (now >= later(relay->moved, settings->idle_timeout))
		end_both(loop, relay, END_IDLE, 0);
	else if (relay->half_closed && now >= later(relay->half_closed, settings->half_close_timeout))
		end_both(loop, relay, END_HALF_CLOSE, 0);
	for (int side = 0; side < 2; side++)
		if (relay->chan[side].state == CHAN_OPEN && relay->chan[side].waits == CHAN_WAITS_TIME)
			pump(loop, relay, side);
	settle(loop, relay);
}

/* Has the peer on side, whose end of file was read, gone for good? Then nothing can be written to it. */
static void check_gone(struct loop *loop, struct relay *relay, int side, uint32_t events)
{
	struct chan *to = &relay->chan[!side];
	int gone, error;

	if (to->state == CHAN_ENDED)
		return;
	gone = endpoint_gone(&relay->end[side], events);
	if (!gone)
		return;
	if (relay->end[side].out != relay->end[side].in) {
		destination_failed(loop, relay, !side, gone < 0 ? -gone : EPIPE);
		return;
	}
	/* an error is pending where the peer did not take all that it was sent (a reset); a peer that just closed leaves none */
	error = gone < 0 ? -gone : endpoint_error(&relay->end[side]);
	if (error)
		note(relay, END_RESET, error, side);
	else if (chan_unsent(to))
		note(relay, END_LOST, EPIPE, side);
	end_channel(loop, relay, !side);
	endpoint_ignore(&relay->end[!side]);
}

static void relay_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct relay *relay = relay_of(watch);
	int side = watch->side & SIDE_MASK;
	bool out = watch->side & SIDE_OUT || relay->end[side].in == relay->end[side].out;
	struct chan *from = &relay->chan[side], *to = &relay->chan[!side];
	const uint32_t trouble = EPOLLHUP | EPOLLERR | EPOLLRDHUP;

	if (!(watch->side & SIDE_OUT) && events & (EPOLLIN | trouble) && from->state == CHAN_OPEN &&
	    waits_for_source(from))
		pump(loop, relay, side);
	if (out && events & (EPOLLOUT | EPOLLHUP | EPOLLERR) && to->state != CHAN_ENDED &&
	    waits_for_destination(to))
		pump(loop, relay, !side);
	if (out && events & trouble && (from->state == CHAN_ENDED || watch->side & SIDE_OUT))
		check_gone(loop, relay, side, events);
	settle(loop, relay);
}

/* Start and stop */

static const struct engine *engine_for(struct relay *relay, int side)
{
	const struct relay_settings *settings = relay->settings;
	const struct endpoint *source = &relay->end[side];

	if (source->family == ADDR_STDIO && (settings->filter || settings->line_delay))
		return &engine_filter;
	return engine_choose(source, &relay->end[!side], settings->tap ? ENGINE_COPY : settings->engine,
	                     &relay->chan[side].may_splice);
}

static int prepare_side(struct relay *relay, int side)
{
	struct endpoint *end = &relay->end[side];
	struct chan *chan = &relay->chan[side];
	struct out_watch *output;
	int error = endpoint_prepare(end);

	if (error)
		return error;
	relay->watch[side] = (struct watch){ .kind = &relay_kind, .fd = -1, .side = (uint16_t)side };
	chan->engine = engine_for(relay, side);
	if (end->in < 0)
		chan->state = CHAN_ENDED;
	if (end->out < 0)
		relay->chan[!side].state = CHAN_ENDED;
	if (end->out == end->in || end->out < 0)
		return 0;
	if (!relay->outputs)
		relay->outputs = calloc(1, sizeof(*relay->outputs));
	if (!relay->outputs)
		return -ENOMEM;
	output = &relay->outputs->side[side];
	output->relay = relay;
	output->watch = (struct watch){ .kind = &relay_kind, .fd = -1, .side = (uint16_t)(side | SIDE_OUT) };
	return 0;
}

int relay_start(struct loop *loop, struct relay *relay, const struct endpoint end[2], const struct relay_settings *settings,
                struct watch *connected, void (*done)(struct loop *loop, struct relay *relay))
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
		error = loop_timer(loop, &relay->timer, next_time(relay));
	if (error) {
		for (int side = 0; side < 2; side++)
			endpoint_unprepare(&relay->end[side]);
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

		if (chan->state == CHAN_ENDED)
			continue;
		chan->state = CHAN_ENDING;
		if (chan->waits == CHAN_WAITS_TIME)
			chan->waits = CHAN_WAITS_DESTINATION;
		if (!chan_unsent(chan))
			end_channel(loop, relay, side);
	}
	relay->stop_at = later(loop_now(loop), grace);
	settle(loop, relay);
}

int relay_insert(struct loop *loop, struct relay *relay, int side, const void *data, size_t size)
{
	struct chan *chan = &relay->chan[side];
	int error;

	if (relay->over || chan->state != CHAN_OPEN)
		return -EPIPE;
	error = chan_keep(loop, chan, data, size);
	if (error)
		return error;
	chan->waits = CHAN_WAITS_DESTINATION;
	settle(loop, relay);
	return 0;
}

void relay_wake(struct loop *loop, struct relay *relay, int side)
{
	if (relay->over || relay->chan[side].state != CHAN_OPEN || !waits_for_source(&relay->chan[side]))
		return;
	pump(loop, relay, side);
	settle(loop, relay);
}

uint64_t relay_dropped(const struct relay *relay)
{
	bool any = relay->settings && relay->settings->datagrams;

	return any ? (uint64_t)relay->chan[0].dropped + relay->chan[1].dropped : 0;
}

void relay_close(struct loop *loop, struct relay *relay)
{
	relay->over = true;
	for (int side = 0; side < 2; side++) {
		loop_unwatch(loop, &relay->watch[side]);
		if (output_of(relay, side))
			loop_unwatch(loop, output_of(relay, side));
		chan_drop(loop, &relay->chan[side]);
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
		[END_EOF] = "eof",
		[END_IDLE] = "idle",
		[END_HALF_CLOSE] = "half-close",
		[END_MAX_TIME] = "max-time",
		[END_MAX_BYTES] = "max-bytes",
		[END_RESET] = "reset",
		[END_LOST] = "lost",
		[END_OUTPUT] = "output",
		[END_IO] = "io",
		[END_STOP] = "signal",
	};

	return words[relay->result];
}
