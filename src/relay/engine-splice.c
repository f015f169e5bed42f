/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The splice engine goes from socket to socket through a pipe of the pool. The straight engine goes
 * to or from a pipe (standard input or output), and by sendfile(2), which is the same inside, from
 * a file to a socket. EINVAL (a kernel or a descriptor that can't) turns the channel over to the
 * copy engine in mid-stream: what is in the pipe is read out first, so nothing is lost.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/util.h"
#include "net/addr.h"
#include "relay/choose.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/pipe.h"
#include "relay/relay.h"

/* A transfer that chose splice by itself and reads less than this several times in a row is copied
 * again, because splice needs a page and a slot of the pipe for each small segment. */
#define SMALL (16 * 1024)
#define SMALL_MOST 32

/* At once from vsock, where pages are allocated for all that is asked for. */
#define VSOCK_MOST (64U * 1024)

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

static ssize_t do_splice(int from, int to, size_t size)
{
	ssize_t moved = RETRY(splice(from, NULL, to, NULL, size, SPLICE_FLAGS));

	return moved < 0 ? -errno : moved;
}

/* To the copy engine, with what is in the pipe. */
static enum move fall_back(struct chan *chan, struct transfer *transfer)
{
	chan->engine = CHAN_COPY;
	chan->reads_in_row = 0;
	chan->may_splice = false;
	return chan_empty_pipe(transfer->loop, chan) < 0
		       ? engine_destination_failed(transfer, ENOMEM)
		       : MOVE_ON;
}

/*
 * splice(2) does not get past an urgent byte (MSG_OOB) of TCP: it answers EAGAIN there for ever,
 * or, once the peer has closed or failed, that, with bytes still to come. recv(2) skips the byte.
 * So when splice has nothing, although the source was reported readable, recv is asked before that
 * is believed; if it sees something, the channel is copied from now on. said is what splice means.
 * At the end the byte is taken away even if nothing follows: unread, it would make closing a reset.
 */
static enum move ask_recv(struct chan *chan, struct transfer *transfer, enum move said)
{
	char byte;
	ssize_t seen;

	if (transfer->source->in_kind != ENDPOINT_SOCKET ||
	    (said == MOVE_EMPTY && (transfer->read || chan->waits != CHAN_WAITS_SOURCE)))
		return said;
	if (said == MOVE_END && !chan_pending(chan))
		return fall_back(chan, transfer);
	seen = endpoint_peek(transfer->source, &byte, 1);
	if (seen > 0 || (seen == 0 && endpoint_at_mark(transfer->source))) {
		/* reported once all of it was read */
		chan->source_error = said == MOVE_SOURCE_FAILED ? (uint8_t)transfer->error : 0;
		return fall_back(chan, transfer);
	}
	if (said != MOVE_SOURCE_FAILED && seen < 0 && seen != -EAGAIN && seen != -EOPNOTSUPP)
		return engine_source_failed(transfer, (int)-seen);
	return said == MOVE_EMPTY && seen == 0 ? MOVE_END : said;
}

/*
 * Straight between a pipe and a socket: EAGAIN may mean either end. Only the destination is asked:
 * where it would take more the source is waited for, and that level-triggered, so bytes that came
 * in the meantime are seen at once. (To ask the source how much it holds would be wrong: it may be
 * more by now, and a destination that never was full gives no edge.)
 */
static enum move which_is_stuck(const struct transfer *transfer)
{
	struct pollfd entry = { .fd = transfer->destination->out, .events = POLLOUT };

	return poll(&entry, 1, 0) == 1 ? MOVE_EMPTY : MOVE_FULL;
}

/* EPIPE is the destination's; of the others a socket that is the source is the more likely cause,
 * and a file can only fail in ways that a socket doesn't. */
static enum move who_failed(const struct transfer *transfer)
{
	bool lost = transfer->error == ECONNRESET || transfer->error == ENOTCONN ||
		    transfer->error == ETIMEDOUT;

	if (transfer->source->in_kind == ENDPOINT_FILE)
		return transfer->error == EIO || transfer->error == ESTALE ||
				       transfer->error == EISDIR || transfer->error == EBADF
			       ? MOVE_SOURCE_FAILED
			       : MOVE_DESTINATION_FAILED;
	return transfer->source->in_kind == ENDPOINT_SOCKET && lost ? MOVE_SOURCE_FAILED
								    : MOVE_DESTINATION_FAILED;
}

static ssize_t move_some(const struct transfer *transfer, size_t size)
{
	ssize_t moved;

	if (transfer->source->in_kind != ENDPOINT_FILE)
		return do_splice(transfer->source->in, transfer->destination->out, size);
	moved = RETRY(sendfile(transfer->destination->out, transfer->source->in, NULL, size));
	return moved < 0 ? -errno : moved;
}

static enum move straight_stopped(struct chan *chan, struct transfer *transfer, ssize_t moved)
{
	enum move result = MOVE_END;

	if (moved == -EAGAIN) {
		result = transfer->source->in_kind == ENDPOINT_FILE ? MOVE_FULL
								    : which_is_stuck(transfer);
	} else if (moved == -EPIPE && transfer->destination->out_kind == ENDPOINT_PIPE) {
		/* a pipe without a reader, also if the source has nothing (wait_for_space) */
		return fall_back(chan, transfer);
	} else if (moved < 0) {
		transfer->error = (int)-moved;
		result = who_failed(transfer);
	}
	return result == MOVE_FULL || result == MOVE_DESTINATION_FAILED
		       ? result
		       : ask_recv(chan, transfer, result);
}

static enum move straight_read(struct chan *chan, struct transfer *transfer)
{
	uint64_t most = transfer->allowance < 1024 * 1024 ? transfer->allowance : 1024 * 1024;
	ssize_t moved = move_some(transfer, engine_at_once(transfer, most));

	if (moved == -EINVAL)
		return fall_back(chan, transfer);
	if (moved <= 0)
		return straight_stopped(chan, transfer, moved);
	chan->bytes += (uint64_t)moved;
	engine_count(transfer, (uint64_t)moved);
	return MOVE_ON;
}

/* Empties the pipe into the destination; what relay_insert() put before it goes first. */
static enum move splice_write(struct chan *chan, struct transfer *transfer)
{
	enum move result = engine_write_pending(chan, transfer);

	while (result == MOVE_ON && chan->pipe && chan->pipe->bytes) {
		ssize_t moved = do_splice(chan->pipe->out, transfer->destination->out,
					  engine_at_once(transfer, chan->pipe->bytes));

		if (moved == -EAGAIN)
			return MOVE_FULL;
		if (moved == -EINVAL)
			return fall_back(chan, transfer) == MOVE_ON
				       ? engine_write_pending(chan, transfer)
				       : MOVE_DESTINATION_FAILED;
		if (moved <= 0)
			return engine_destination_failed(transfer, moved ? (int)-moved : EIO);
		chan->pipe->bytes -= (uint32_t)moved;
		chan->bytes += (uint64_t)moved;
	}
	return result;
}

/* Reads ahead while the destination is full, so that the source need not wait, and need not be
 * woken first afterwards. */
static bool splice_room(const struct chan *chan, const struct transfer *transfer)
{
	(void)transfer;
	return !chan->rest && chan->pipe && chan->pipe->bytes < chan->pipe->capacity;
}

/* How much of the source goes into the pipe at once. */
static size_t to_fill(const struct chan *chan, const struct transfer *transfer)
{
	uint64_t ask = chan->pipe->capacity - chan->pipe->bytes,
		 buffer = transfer->settings->buffer;

	if (transfer->source->family == ADDR_VSOCK && ask > VSOCK_MOST)
		ask = VSOCK_MOST;
	if (buffer && ask > buffer)
		ask = buffer;
	return (size_t)(transfer->allowance < ask ? transfer->allowance : ask);
}

/* From the source into the pipe. */
static enum move splice_read(struct chan *chan, struct transfer *transfer)
{
	enum move result;
	ssize_t moved;

	if (!chan->pipe)
		chan->pipe = pipe_take(transfer->loop,
				       transfer->source->family == ADDR_TCP ||
					       transfer->destination->family != ADDR_UNIX);
	/* where none is to be had this flow is copied to its end */
	moved = chan->pipe
			? do_splice(transfer->source->in, chan->pipe->in, to_fill(chan, transfer))
			: -EINVAL;
	if (moved == -EINVAL)
		return fall_back(chan, transfer);
	result = engine_got(transfer, moved);
	if (result != MOVE_ON)
		return ask_recv(chan, transfer, result);
	if (!chan->pipe->bytes)
		chan->reads_in_row = moved >= SMALL ? 0 : (uint8_t)(chan->reads_in_row + 1);
	chan->pipe->bytes += (uint32_t)moved;
	return MOVE_ON;
}

static void splice_rest(struct chan *chan, const struct transfer *transfer)
{
	if (chan->pipe && !chan->pipe->bytes) {
		pipe_give_back(transfer->loop, chan->pipe);
		chan->pipe = NULL;
	}
	if (!chan->pipe && chan->may_splice &&
	    (chan->reads_in_row >= SMALL_MOST || !choose_splice(transfer))) {
		chan->engine = CHAN_COPY;
		chan->reads_in_row = 0;
	}
}

const struct engine engine_splice = {
	.read = splice_read, .write = splice_write, .room = splice_room, .rest = splice_rest
};
const struct engine engine_straight = { .read = straight_read, .write = engine_write_pending };
