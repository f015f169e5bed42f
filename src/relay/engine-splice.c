/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The splice engine: from socket to socket through a pipe of the pool; to or from a pipe (standard input or output)
 * straight; from a file to a socket by sendfile(2), which is the same inside. EINVAL (a kernel or a descriptor that can't)
 * turns the channel over to the copy engine in mid-stream: what is in the pipe is read out first, so nothing is lost.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "net/addr.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/pipe.h"
#include "relay/relay.h"

/* A flow that is spliced by its own choice and gives less than this at once, so many times in a row, is copied again: for
 * each small segment splice takes a page and a slot of the pipe. */
#define SMALL (16 * 1024)
#define SMALL_MOST 32

#define VSOCK_MOST (64U * 1024) /* at once from vsock, where pages are allocated for all that is asked for */

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

static ssize_t do_splice(int from, int to, size_t size)
{
	ssize_t moved;

	do
		moved = splice(from, NULL, to, NULL, size, SPLICE_FLAGS);
	while (moved < 0 && errno == EINTR);
	return moved < 0 ? -errno : moved;
}

/* To the copy engine, with what is in the pipe. */
static enum move fall_back(struct chan *chan, struct flow *flow)
{
	while (chan->pipe && chan->pipe->bytes) {
		unsigned char *buffer = loop_buffer(flow->loop, chan->pipe->bytes);
		ssize_t got = buffer ? read(chan->pipe->out, buffer, chan->pipe->bytes) : -1;

		if (got <= 0 || chan_keep(flow->loop, chan, buffer, (size_t)got) < 0) {
			flow->error = ENOMEM;
			return MOVE_DESTINATION_FAILED;
		}
		chan->pipe->bytes -= (uint32_t)got;
	}
	if (chan->pipe)
		pipe_give_back(flow->loop, chan->pipe);
	chan->pipe = NULL;
	chan->engine = &engine_copy;
	return chan->engine->move(chan, flow);
}

/*
 * Straight between a pipe and a socket: EAGAIN may mean either end. Only the destination is asked: where it would take
 * more the source is waited for, and that level-triggered, so bytes that came in the meantime are seen at once. (To ask the
 * source how much it holds would be wrong: it may be more by now, and a destination that never was full gives no edge.)
 */
static enum move which_is_stuck(const struct flow *flow)
{
	struct pollfd entry = { .fd = flow->destination->out, .events = POLLOUT };

	return poll(&entry, 1, 0) == 1 ? MOVE_EMPTY : MOVE_FULL;
}

/* EPIPE is the destination's; of the others a socket that is the source is the more likely cause, and a file can only fail
 * in ways that a socket doesn't. */
static enum move who_failed(const struct flow *flow)
{
	bool lost = flow->error == ECONNRESET || flow->error == ENOTCONN || flow->error == ETIMEDOUT;

	if (flow->source->in_kind == ENDPOINT_FILE)
		return flow->error == EIO || flow->error == ESTALE || flow->error == EISDIR ? MOVE_SOURCE_FAILED
		                                                                            : MOVE_DESTINATION_FAILED;
	return flow->source->in_kind == ENDPOINT_SOCKET && lost ? MOVE_SOURCE_FAILED : MOVE_DESTINATION_FAILED;
}

static ssize_t move_some(const struct flow *flow, size_t size)
{
	ssize_t moved;

	if (flow->source->in_kind != ENDPOINT_FILE)
		return do_splice(flow->source->in, flow->destination->out, size);
	do
		moved = sendfile(flow->destination->out, flow->source->in, NULL, size);
	while (moved < 0 && errno == EINTR);
	return moved < 0 ? -errno : moved;
}

static enum move move_straight(struct chan *chan, struct flow *flow)
{
	for (;;) {
		size_t ask = flow->allowance < 1024 * 1024 ? (size_t)flow->allowance : 1024 * 1024;
		ssize_t moved;

		if (!ask)
			return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
		moved = move_some(flow, ask);
		if (moved == 0)
			return MOVE_END;
		if (moved == -EAGAIN)
			return flow->source->in_kind == ENDPOINT_FILE ? MOVE_FULL : which_is_stuck(flow);
		if (moved == -EINVAL)
			return fall_back(chan, flow);
		if (moved < 0) {
			flow->error = (int)-moved;
			return who_failed(flow);
		}
		chan->bytes += (uint64_t)moved;
		flow->read += (uint64_t)moved;
		flow->allowance -= (uint64_t)moved;
	}
}

/* Empties the pipe into the destination: MOVE_EMPTY when all went. */
static enum move drain_pipe(struct chan *chan, struct flow *flow)
{
	while (chan->pipe && chan->pipe->bytes) {
		ssize_t moved = do_splice(chan->pipe->out, flow->destination->out, chan->pipe->bytes);

		if (moved == -EAGAIN)
			return MOVE_FULL;
		if (moved == -EINVAL) {
			chan->may_splice = false;
			return fall_back(chan, flow);
		}
		if (moved <= 0) {
			flow->error = moved ? (int)-moved : EIO;
			return MOVE_DESTINATION_FAILED;
		}
		chan->pipe->bytes -= (uint32_t)moved;
		chan->bytes += (uint64_t)moved;
	}
	return MOVE_EMPTY;
}

/* Reads into the pipe what has room there. MOVE_ON: something came. */
static enum move fill_pipe(struct chan *chan, struct flow *flow)
{
	size_t ask;
	ssize_t moved;

	if (!chan->pipe)
		chan->pipe = pipe_take(flow->loop, flow->source->family == ADDR_TCP || flow->destination->family != ADDR_UNIX);
	if (!chan->pipe) {
		chan->may_splice = false; /* none is to be had: this flow is copied to its end */
		return fall_back(chan, flow);
	}
	ask = chan->pipe->capacity - chan->pipe->bytes;
	if (flow->source->family == ADDR_VSOCK && ask > VSOCK_MOST)
		ask = VSOCK_MOST;
	ask = flow->allowance < ask ? (size_t)flow->allowance : ask;
	if (!flow->allowance)
		return flow->limited ? MOVE_PAUSE : MOVE_BUDGET;
	moved = do_splice(flow->source->in, chan->pipe->in, ask);
	if (moved == 0)
		return MOVE_END;
	if (moved == -EAGAIN)
		return MOVE_EMPTY;
	if (moved == -EINVAL) {
		chan->may_splice = false;
		return fall_back(chan, flow);
	}
	if (moved < 0) {
		flow->error = (int)-moved;
		return MOVE_SOURCE_FAILED;
	}
	if (!chan->pipe->bytes)
		chan->small_reads = moved >= SMALL ? 0 : (uint8_t)(chan->small_reads + 1);
	chan->pipe->bytes += (uint32_t)moved;
	flow->read += (uint64_t)moved;
	flow->allowance -= (uint64_t)moved;
	return MOVE_ON;
}

/*
 * The destination is full, and some of the pipe may still be free: read on, so that the source does not have to wait for
 * the destination, and need not be woken first when that goes on. How the source ended is told when the pipe is empty.
 */
static enum move read_ahead(struct chan *chan, struct flow *flow)
{
	enum move result;

	if (chan->state != CHAN_OPEN || chan->source_ended || chan->source_error)
		return MOVE_FULL;
	do {
		if (chan->pipe->bytes == chan->pipe->capacity || !flow->allowance)
			return MOVE_FULL;
		result = fill_pipe(chan, flow);
	} while (result == MOVE_ON);
	if (chan->engine != &engine_splice)
		return result; /* it fell back */
	chan->source_ended = result == MOVE_END;
	if (result == MOVE_SOURCE_FAILED)
		chan->source_error = (uint8_t)flow->error;
	return result == MOVE_EMPTY ? MOVE_AHEAD : MOVE_FULL;
}

/* From the source into the (empty) pipe, or how the source ended. */
static enum move refill(struct chan *chan, struct flow *flow)
{
	if (chan->source_error) {
		flow->error = chan->source_error;
		return MOVE_SOURCE_FAILED;
	}
	return chan->state != CHAN_OPEN || chan->source_ended ? MOVE_END : fill_pipe(chan, flow);
}

static enum move move_through_pipe(struct chan *chan, struct flow *flow)
{
	enum move result = drain_pipe(chan, flow);

	while (result == MOVE_EMPTY && chan->engine == &engine_splice) {
		result = refill(chan, flow);
		if (result == MOVE_ON)
			result = drain_pipe(chan, flow);
		else if (result == MOVE_EMPTY)
			break;
	}
	if (result == MOVE_FULL && chan->engine == &engine_splice)
		result = read_ahead(chan, flow);
	if (chan->pipe && !chan->pipe->bytes) {
		pipe_give_back(flow->loop, chan->pipe);
		chan->pipe = NULL;
	}
	if (!chan->pipe && chan->may_splice && (chan->small_reads >= SMALL_MOST || !engine_wants_splice(flow))) {
		chan->engine = &engine_copy;
		chan->small_reads = 0;
	}
	return result;
}

static enum move splice_move(struct chan *chan, struct flow *flow)
{
	bool straight = flow->source->in_kind != ENDPOINT_SOCKET || flow->destination->out_kind == ENDPOINT_PIPE;

	if (chan->rest) { /* the owner's own words */
		enum move result = engine_write_rest(chan, flow);

		if (result != MOVE_EMPTY)
			return result;
	}
	if (!straight)
		return move_through_pipe(chan, flow);
	return chan->state == CHAN_OPEN ? move_straight(chan, flow) : MOVE_END;
}

const struct engine engine_splice = { .name = "splice", .move = splice_move };
