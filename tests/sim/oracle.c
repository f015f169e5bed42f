/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold. Bytes are compared as the relay writes them: what it has read from one end, as
 * the filter changes it and with what was inserted, is what the other end must get.
 */
#include "config.h"

#include "sim.h"

#include "base/units.h"
#include "net/addr.h"

static bool is_messages(int side)
{
	return world.peer[side].sock && world.peer[side].sock->messages;
}

static void check_rates(int side)
{
	const struct plan *plan = world.plan;
	uint64_t rate = plan->rate < plan->total_rate ? plan->rate : plan->total_rate, most;

	/* what is thrown away while it waits for an answer to arrive has no rate */
	if (rate == UNITS_INF || world.relay.linger_until)
		return;
	/* 50 ms of it at once, at the start and after a pause, and a message that is longer */
	most = (uint64_t)((double)(world.now - world.started) / (double)SECOND * (double)rate) +
	       rate / 8 + 4096;
	if (world.flow[side].read > most)
		fail("rate", "%llu bytes from side %d after %.3f s, at %llu a second",
		     (unsigned long long)world.flow[side].read, side,
		     (double)(world.now - world.started) / (double)SECOND,
		     (unsigned long long)rate);
}

static void expect(int side, const unsigned char *data, size_t size)
{
	struct flow_facts *flow = &world.flow[side];

	if (!world.plan->filter || world.plan->side[side].kind != KIND_STDIO) {
		queue_put(&flow->expected, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n' && !flow->cr)
			queue_put(&flow->expected, "\r", 1);
		queue_put(&flow->expected, &data[i], 1);
		flow->cr = data[i] == '\r';
	}
}

static void compare(const unsigned char *data, size_t size, int side, uint64_t at,
		    const char *oracle)
{
	for (size_t done = 0, piece; done < size; done += piece) {
		const unsigned char *right;

		piece = size - done;
		right = pattern(side, at + done, &piece);
		if (memcmp(data + done, right, piece) != 0)
			fail(oracle, "bytes from side %d are wrong near %llu", side,
			     (unsigned long long)(at + done));
	}
}

/* A pause of the relay that has not ended yet is no idle time. */
static void moved(void)
{
	if (world.now > world.moved)
		world.moved = world.now;
}

void oracle_read(int side, const void *data, size_t size, const struct message *message)
{
	struct flow_facts *flow = &world.flow[side];
	size_t ahead = flow->ahead < size ? (size_t)flow->ahead : size;

	changed();
	compare(data, size, side, flow->read, "kernel");
	if (message && message->size != size)
		fail("truncated", "a message of %u bytes was read as %zu", message->size, size);
	flow->read += size;
	flow->ahead -= ahead;
	if (size || message)
		moved();
	if (message)
		flow->messages++;
	/* vsock carries no empty messages */
	if (message && is_messages(!side) && (size || world.peer[!side].sock->family == ADDR_UNIX))
		messages_put(&flow->expected_messages, *message);
	expect(side, (const unsigned char *)data + ahead, size - ahead);
	check_rates(side);
}

/* What is typed ends when the peer has ended, maybe within a line. */
static bool typed_for_nobody(int side)
{
	const struct plan *plan = world.plan;

	return plan->side[side].kind == KIND_STDIO && plan->side[side].in == STDIO_TERMINAL &&
	       world.peer[!side].ended;
}

static void check_message(int side, const unsigned char *data, const struct message *message)
{
	struct flow_facts *flow = &world.flow[side];
	struct message *right = messages_first(&flow->expected_messages);
	const struct plan *plan = world.plan;
	bool typed_ended;

	if (!is_messages(side)) {
		typed_ended = typed_for_nobody(side);
		if (plan->message_lines && message->size && data[message->size - 1] != '\n' &&
		    !flow->end_read && !typed_ended && !world.stopped &&
		    plan->max_bytes == UNITS_INF && plan->source_bytes == UNITS_INF)
			fail("boundary", "a message is no line");
		if (!plan->message_lines && message->size > plan->message_size)
			fail("boundary", "a message of %u bytes is too long", message->size);
		return;
	}
	if (!right)
		fail("boundary", "a message of %u bytes was never sent", message->size);
	if (right->size != message->size)
		fail("boundary", "a message of %u bytes became one of %u", right->size,
		     message->size);
	if (right->end_of_record != message->end_of_record &&
	    world.peer[!side].sock->family == ADDR_VSOCK)
		fail("record", "MSG_EOR is %d, and was %d", message->end_of_record,
		     right->end_of_record);
	messages_drop(&flow->expected_messages);
}

void oracle_written(int to, const void *data, size_t size, const struct message *message)
{
	int side = !to;
	struct flow_facts *flow = &world.flow[side];
	size_t known = flow->expected.length < size ? flow->expected.length : size;

	changed();
	if (memcmp(queue_head(&flow->expected), data, known) != 0)
		fail("prefix", "what is written to side %d after %llu bytes is not what was read",
		     to, (unsigned long long)flow->written);
	queue_drop(&flow->expected, known);
	if (known < size) {
		/* it was only looked at, and is taken after this */
		compare((const unsigned char *)data + known, size - known, side,
			flow->read + flow->ahead, "prefix");
		flow->ahead += size - known;
		if (flow->read + flow->ahead > world.peer[side].written)
			fail("prefix", "more was written to side %d than there is", to);
	}
	flow->written += size;
	moved();
	if (message)
		check_message(side, data, message);
}

void oracle_inserted(int side, const void *data, size_t size)
{
	queue_put(&world.flow[side].expected, data, size);
	world.flow[side].inserted += size;
}

void oracle_tapped(int side, const void *data, size_t size)
{
	struct flow_facts *flow = &world.flow[side];

	if (!world.plan->filter)
		compare(data, size, side, flow->tapped, "tap");
	flow->tapped += size;
}

/* Before time goes on */

/* The relay's descriptor of an end; NULL: it is closed. */
static struct file *file_of(int side, bool reads)
{
	const struct endpoint *end = &world.relay.end[side];
	int fd = reads ? end->in : end->out;

	if (world.peer[side].sock)
		return fd < 0 ? NULL : world.peer[side].sock->peer->file;
	return fd < 0 ? NULL : fd_file(fd);
}

static struct file *source_of(int side)
{
	return file_of(side, true);
}

/* What is written to, while it takes anything. */
static struct file *destination_of(int side)
{
	struct file *file = file_of(!side, false);

	if (!file || (file->sock && (file->sock->stopped & SENDS || file->sock->error ||
				     file->sock->peer_stopped & RECEIVES)))
		return NULL;
	return file;
}

static bool has_data(const struct file *file)
{
	const struct message *message;

	if (!file->sock)
		return file->tube && file->tube->bytes.length > 0;
	if (file->sock->stopped & RECEIVES && file->sock->family == ADDR_VSOCK)
		return false;
	message = messages_first(&file->sock->received_messages);
	if (file->sock->messages)
		return message && message->whole;
	return file->sock->received.length > (file->sock->urgent == file->sock->position ? 1U : 0U);
}

static bool has_line(const struct queue *queue)
{
	return queue->length && memchr(queue_head(queue), '\n', queue->length);
}

static bool is_limited(int side)
{
	const struct plan *plan = world.plan;
	bool delayed = plan->line_delay && plan->side[side].kind == KIND_STDIO;

	return plan->rate != UNITS_INF || plan->total_rate != UNITS_INF ||
	       (delayed && !world.stopped);
}

static void calm_flow(int side)
{
	struct flow_facts *flow = &world.flow[side];
	struct file *from = source_of(side), *to = destination_of(side);
	bool lines = is_messages(!side) && !is_messages(side) && world.plan->message_lines;
	bool pending = flow->expected.length > 0;

	if (!to || is_limited(side))
		return;
	/* a device may take a half-close for a close, so that is kept back there */
	if (flow->end_read && !pending && !world.plan->no_shutdown &&
	    world.plan->side[!side].kind != KIND_HYBRID)
		fail("waits", "the end of side %d is not passed on", side);
	if (!(file_poll(to) & EPOLLOUT) || chan_ended(&world.relay.chan[side]))
		return;
	if (lines && !world.stopped && !flow->end_read && !has_line(&flow->expected))
		pending = false;
	if (pending)
		fail("waits", "%zu bytes from side %d wait, and their destination has room",
		     flow->expected.length, side);
	if (!world.stopped && from && has_data(from))
		fail("waits", "side %d has data, and its destination has room", side);
}

/* Is the relay waiting before it reads from this side again, because of a rate limit or --delay? */
static bool is_pausing(int side)
{
	if (world.relay.chan[side].waits != CHAN_WAITS_TIME)
		return false;
	if (!is_limited(side))
		fail("waits", "side %d pauses, and nothing limits it", side);
	return true;
}

static void calm_times(void)
{
	const struct plan *plan = world.plan;
	uint64_t slack = 2 * MSEC;

	if (plan->max_time != UNITS_INF && world.now > world.started + plan->max_time + slack)
		fail("late", "the relay outlived its time");
	if (plan->idle_timeout != UNITS_INF && world.now > world.moved + plan->idle_timeout + slack)
		fail("late", "the relay outlived its idle time");
	if (world.stopped && world.now > world.stop_time + plan->grace + slack)
		fail("late", "the relay outlived its grace");
}

void oracle_calm(void)
{
	if (!world.relay_started || world.relay.over)
		return;
	calm_flow(0);
	calm_flow(1);
	for (int side = 0; side < 2; side++)
		if (is_pausing(side) && chan_ready_at(&world.relay.chan[side]) > world.moved)
			world.moved = chan_ready_at(&world.relay.chan[side]);
	calm_times();
}

/* Whoever is gone for good, and whose family tells: nothing is sent there any more. While the last
 * of what it sent still waits to be written, the relay need not have noticed. */
void oracle_stuck(void)
{
	if (!world.relay_started || world.relay.over)
		return;
	for (int side = 0; side < 2; side++) {
		const struct peer *peer = &world.peer[side];
		const struct flow_facts *flow = &world.flow[side];
		bool tells = peer->sock && peer->sock->family != ADDR_TCP;

		if (tells && peer->closed && flow->end_read && !flow->expected.length &&
		    !chan_ended(&world.relay.chan[!side]))
			fail("gone", "peer %d is gone, and the relay keeps it", side);
	}
}

/* The end */

static bool exists(int side)
{
	const struct side_plan *from = &world.plan->side[side], *to = &world.plan->side[!side];

	return !(from->kind == KIND_STDIO && from->in == STDIO_NONE) &&
	       !(to->kind == KIND_STDIO && to->out == STDIO_NONE);
}

/* What the peer on a side has written; of a message only when it was whole: a vsock peer that
 * closes in the middle of one leaves a part that its receiver never sees (recv() answers 0). */
static uint64_t written_by(int side)
{
	const struct peer *peer = &world.peer[side];

	return peer->written - (is_messages(side) ? peer->writes.done : 0);
}

static void check_complete(int side)
{
	const struct flow_facts *flow = &world.flow[side];
	const struct peer *from = &world.peer[side], *to = &world.peer[!side];
	bool limited = side == 1 && (world.plan->filter ? flow->written : flow->read) >=
					    world.plan->source_bytes;

	if (!exists(side))
		return;
	if (flow->expected.length)
		fail("complete", "%zu bytes from side %d were not written, and the relay says eof",
		     flow->expected.length, side);
	if (to->deaf || to->broke || to->closed)
		return;
	/* the end of a hybrid socket is the end of both directions */
	if (world.plan->side[!side].kind == KIND_HYBRID && to->ended)
		return;
	/* nobody types for a peer that has ended */
	if (world.plan->side[side].kind == KIND_STDIO &&
	    world.plan->side[side].in == STDIO_TERMINAL && to->ended)
		return;
	if (from->broke && !limited)
		fail("aborted", "peer %d broke, and the relay says eof", side);
	if (!limited && !from->ended)
		fail("complete", "peer %d has not ended, and the relay says eof", side);
	if (!limited && (flow->read != written_by(side) || (from->sock && from->sock->messages &&
							    flow->messages != from->messages_sent)))
		fail("complete",
		     "of %llu bytes from side %d %llu were read, and the relay says eof",
		     (unsigned long long)written_by(side), side, (unsigned long long)flow->read);
	if (messages_first(&flow->expected_messages))
		fail("complete", "a message from side %d was not written, and the relay says eof",
		     side);
	if (world.plan->tap && flow->tapped < flow->read)
		fail("tap", "the tap saw %llu of %llu bytes", (unsigned long long)flow->tapped,
		     (unsigned long long)flow->read);
}

static bool all_well(void)
{
	const struct plan *plan = world.plan;

	for (int side = 0; side < 2; side++)
		if (world.peer[side].deaf || world.peer[side].broke ||
		    plan->side[side].closes_at_end)
			return false;
	return !world.any_fault && !plan->faults && !world.stopped;
}

/* Nothing is written beyond the limit, and what is no more than the limit is not ended by it. */
static void check_limits(const struct relay *relay)
{
	const struct plan *plan = world.plan;
	bool exceeded = false;
	/* the size of a source (--generate) counts before the filter, and no program has both */
	bool exact = !plan->filter || plan->source_bytes > plan->max_bytes;

	if (plan->max_bytes == UNITS_INF)
		return;
	for (int side = 0; side < 2; side++) {
		uint64_t written = world.flow[side].written - world.flow[side].inserted;
		uint64_t sent = world.peer[side].written * (plan->filter ? 2 : 1);

		exceeded = exceeded || sent > plan->max_bytes;
		if (exact && written > plan->max_bytes)
			fail("limit", "%llu bytes were written, of at most %llu",
			     (unsigned long long)written, (unsigned long long)plan->max_bytes);
	}
	if (relay->result == END_MAX_BYTES && !exceeded)
		fail("limit", "max-bytes is reported, and the peers sent %llu and %llu of %llu",
		     (unsigned long long)world.peer[0].written,
		     (unsigned long long)world.peer[1].written,
		     (unsigned long long)plan->max_bytes);
}

static void check_result(const struct relay *relay)
{
	const struct plan *plan = world.plan;
	const char *word = relay_end_word(relay);

	switch ((enum relay_end)relay->result) {
	case END_EOF:
		break;
	case END_IDLE:
		if (world.now < world.moved + plan->idle_timeout)
			fail("result", "idle too early");
		break;
	case END_MAX_TIME:
		if (world.now < world.started + plan->max_time)
			fail("result", "max-time too early");
		break;
	case END_HALF_CLOSE:
		if (plan->half_close_timeout == UNITS_INF)
			fail("result", "half-close without a timeout");
		if (relay->lost && !world.any_fault)
			fail("result", "half-close, and %llu bytes are lost",
			     (unsigned long long)relay->lost);
		break;
	case END_STOP:
		if (!world.stopped)
			fail("result", "signal, and there was none");
		break;
	case END_MAX_BYTES:
		break;
	case END_LOST:
		if (!relay->error && plan->half_close_timeout == UNITS_INF)
			fail("result", "lost by a timeout that there is not");
		if (relay->error && all_well())
			fail("result", "lost, and nothing was wrong");
		break;
	case END_IO:
		if (relay->error == ENOMEM)
			fail("blame", "a shortage of memory is blamed on side %d",
			     relay->error_side);
		/* fallthrough */
	default:
		if (all_well())
			fail("result", "%s (%s), and nothing was wrong", word,
			     strerror(relay->error));
	}
}

void oracle_over(void)
{
	const struct relay *relay = &world.relay;
	bool in_thread = world.plan->side[0].kind == KIND_VSOCK_MESSAGES ||
			 world.plan->side[1].kind == KIND_VSOCK_MESSAGES;
	uint64_t left = 0;

	world.over = world.now;
	for (int side = 0; side < 2; side++)
		world.peer[side].unread = world.peer[side].sock && !world.peer[side].closed &&
					  world.peer[side].sock->peer->received.length > 0;
	trace("* the relay is over: %s, side %d, %s; %llu and %llu bytes, %llu lost",
	      relay_end_word(relay), relay->error_side, relay->error ? strerror(relay->error) : "-",
	      (unsigned long long)relay->chan[0].bytes, (unsigned long long)relay->chan[1].bytes,
	      (unsigned long long)relay->lost);
	for (int side = 0; side < 2; side++) {
		const struct flow_facts *flow = &world.flow[side];

		left += flow->expected.length;
		/* a message that is in the hands of a thread when the relay ends may go or not */
		if (relay->chan[side].bytes < flow->written && relay->result != END_EOF &&
		    world.plan->side[!side].kind == KIND_VSOCK_MESSAGES)
			continue;
		if (relay->chan[side].bytes != flow->written)
			fail("counter", "%llu bytes from side %d are counted, and %llu written",
			     (unsigned long long)relay->chan[side].bytes, side,
			     (unsigned long long)flow->written);
	}
	if (relay->lost != left && !world.any_fault && !in_thread)
		fail("lost", "%llu bytes are reported as lost, and %llu are",
		     (unsigned long long)relay->lost, (unsigned long long)left);
	check_result(relay);
	check_limits(relay);
	if (relay->result == END_EOF) {
		check_complete(0);
		check_complete(1);
	}
}

/* A TCP peer that gets all of an answer, and whose own bytes were all taken, sees no reset: where
 * the relay says eof, and after relay_stop(), which lets what had ended before go to its end. */
static void check_no_reset(int side)
{
	const struct peer *peer = &world.peer[side], *from = &world.peer[!side];
	const struct flow_facts *flow = &world.flow[!side];
	const struct sock *sock = peer->sock;
	bool taken = world.relay.result == END_EOF
			     ? !world.relay.lost
			     : world.relay.result == END_STOP && !world.relay.chan[side].cut;
	uint64_t left;

	if (!taken || sock->family != ADDR_TCP || world.any_fault || !flow->end_read ||
	    flow->expected.length || !from->ended || from->broke)
		return;
	/* splice() says that the end has come where an urgent byte and more are before it */
	if (flow->read != written_by(!side))
		return;
	left = sock->sent - sock->peer->position;
	/* an urgent byte before the end goes with it */
	if (world.flow[side].end_read && sock->peer->urgent == sock->peer->position)
		left--;
	if (!left && !peer->broke && peer->saw_error)
		fail("abort", "all from side %d was written, and peer %d saw a reset", !side, side);
}

/* What the peer on a side saw. */
static void check_peer(int side)
{
	const struct peer *peer = &world.peer[side], *from = &world.peer[!side];
	const struct flow_facts *flow = &world.flow[!side];
	uint8_t result = world.relay.result;
	bool limit = result == END_IDLE || result == END_HALF_CLOSE || result == END_MAX_TIME ||
		     result == END_MAX_BYTES || result == END_STOP ||
		     (result == END_LOST && !world.relay.error);

	/* input that comes when the other side has gone, and the relay is over, is a reset; what is
	 * unread behind the end can only be an urgent byte */
	bool late_input = world.relay.chan[side].complete && exists(side);
	/* it waits for a peer that is slow, but not for ever */
	bool patience_over = world.relay.linger_until && world.over >= world.relay.linger_until;

	if (!exists(!side) || !peer->sock || !world.relay_started)
		return;
	check_no_reset(side);
	if (peer->got > flow->written)
		fail("kernel", "peer %d got more than was written", side);
	if (peer->sock->family == ADDR_TCP && world.relay.chan[!side].complete && !limit &&
	    !peer->broke && !peer->gave_up && !late_input && !patience_over &&
	    peer->got != flow->written)
		fail("answer", "peer %d got %llu of %llu bytes of a whole answer", side,
		     (unsigned long long)peer->got, (unsigned long long)flow->written);
	if (!peer->saw_end || peer->saw_error || peer->broke)
		return;
	/* a UNIX seqpacket socket tells a reset before the messages that came earlier */
	if (result == END_EOF && peer->got != flow->written)
		fail("delivery", "peer %d got %llu of %llu bytes and the end", side,
		     (unsigned long long)peer->got, (unsigned long long)flow->written);
	if (peer->sock->family != ADDR_TCP || limit || peer->deaf)
		return;
	if (from->broke || flow->failed_read)
		fail("abort", "side %d broke, and peer %d saw an orderly end", !side, side);
}

void oracle_end(void)
{
	for (int fd = 0; fd < FDS; fd++)
		if (world.fds[fd])
			fail("leak", "descriptor %d was never closed", fd);
	check_peer(0);
	check_peer(1);
}
