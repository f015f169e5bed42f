/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter engine: what comes from standard input may be changed on its way (settings->filter),
 * and go line by line with a pause between (settings->line_delay); what goes to a seqpacket socket
 * may be cut at each line end (settings->message_lines); and an input may end before its end of
 * file (relay_bound()). What was read is changed at once and made pending; from there it leaves in
 * pieces, when their time has come. To a seqpacket socket a piece is a message, and no longer than
 * settings->message_size.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/allowance.h"
#include "relay/engine.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define CHUNK (64U * 1024)

/* The pause before the next line; 0: none. */
static uint64_t line_delay(const struct transfer *transfer)
{
	/* once nothing more is to be read because of a signal, what was read goes at once */
	return transfer->source->standard && !transfer->hurry ? transfer->settings->line_delay : 0;
}

static bool lines_are_messages(const struct transfer *transfer)
{
	return transfer->settings->message_lines && endpoint_takes_messages(transfer->destination);
}

/* How much of what is pending goes next: up to the end of its first line, a message of it, or all.
 * 0: nothing yet, because the line is not whole. *line: it is the end of one. */
static size_t next_piece(const struct chan *chan, const struct transfer *transfer, bool *line)
{
	const struct relay_settings *settings = transfer->settings;
	bool messages = endpoint_takes_messages(transfer->destination);
	bool each_line = lines_are_messages(transfer);
	uint64_t most = settings->message_size ? settings->message_size : RELAY_MESSAGE_SIZE;
	size_t length;
	const unsigned char *start = chan_rest(chan, &length), *end = NULL;

	if (each_line || line_delay(transfer))
		end = memchr(start, '\n', length);
	if (end)
		length = (size_t)(end - start) + 1;
	else if (each_line && chan->phase == CHAN_OPEN)
		return 0;
	*line = end;
	if (!messages || each_line || length <= most)
		return length;
	*line = false;
	return (size_t)most;
}

static enum move write_piece(struct chan *chan, struct transfer *transfer, size_t length, bool line)
{
	size_t pending;
	const unsigned char *data = chan_rest(chan, &pending);
	ssize_t put = engine_too_long(chan, transfer, length)
			      ? -EMSGSIZE
			      : endpoint_write(transfer->destination, data, length);

	if (put == -EAGAIN)
		return MOVE_FULL;
	if (put < 0)
		return engine_destination_failed(transfer, (int)-put);
	if (lines_are_messages(transfer))
		engine_tap(transfer, data, (size_t)put);
	chan_rest_written(transfer->loop, chan, (size_t)put);
	if (line && (size_t)put == length)
		chan->line_at = loop_now(transfer->loop) + line_delay(transfer);
	return MOVE_ON;
}

static enum move filter_write(struct chan *chan, struct transfer *transfer)
{
	enum move result = MOVE_ON;

	while (result == MOVE_ON && chan->rest) {
		bool line;
		size_t length = next_piece(chan, transfer, &line);

		if (!length)
			return engine_too_long(chan, transfer, chan->rest->length)
				       ? engine_destination_failed(transfer, EMSGSIZE)
				       : MOVE_ON;
		if (line_delay(transfer) && chan->line_at > loop_now(transfer->loop))
			return MOVE_PAUSE;
		result = write_piece(chan, transfer, length, line);
	}
	return result;
}

/* How many of these bytes may be sent: those of the input, and no more than --max-bytes. */
static size_t cut(struct chan *chan, struct transfer *transfer, const unsigned char *data,
		  size_t size, uint64_t room)
{
	struct relay_extent *extent = transfer->extent;
	size_t kept = extent ? extent->take(extent, data, size, false) : size;

	if (kept > room && !allowance_is_size(transfer->settings, transfer->side))
		kept = (size_t)room;
	if (kept < size)
		engine_beyond(chan, transfer, size - kept);
	return kept;
}

/* Makes pending what may be sent of size bytes; --max-bytes counts what is sent. */
static enum move keep(struct chan *chan, struct transfer *transfer, const unsigned char *data,
		      size_t size, uint64_t room)
{
	size = cut(chan, transfer, data, size, room);
	if (transfer->extent && transfer->extent->bad)
		return engine_source_failed(transfer, EBADMSG);
	transfer->left = room - (size < room ? size : room);
	if (transfer->allowance > transfer->left)
		transfer->allowance = transfer->left;
	if (!size)
		return MOVE_ON;
	/* lines are shown one by one, when they are sent */
	if (!lines_are_messages(transfer))
		engine_tap(transfer, data, size);
	return chan_keep(transfer->loop, chan, data, size) < 0
		       ? engine_source_failed(transfer, ENOMEM)
		       : MOVE_ON;
}

static bool is_filtered(const struct transfer *transfer)
{
	return transfer->settings->filter && transfer->source->standard;
}

/* A message is read whole: the kernel throws away what is left of one. */
static enum move filter_read_message(struct chan *chan, struct transfer *transfer)
{
	struct relay_filter *filter = transfer->settings->filter;
	uint64_t room = transfer->left;
	unsigned char *out = NULL;
	void *data;
	size_t size;
	enum move result;
	ssize_t got;
	int flags;

	got = engine_read_message(transfer, &data, &flags);
	if (got == -ENODATA)
		return MOVE_END;
	if (got < 0)
		return engine_got(transfer, got);
	size = (size_t)got;
	transfer->message = true;
	engine_count(transfer, size);
	if (is_filtered(transfer)) {
		out = malloc(2 * size + 1);
		if (!out)
			return engine_source_failed(transfer, ENOMEM);
		size = filter->pass(filter, data, size, out);
	}
	result = keep(chan, transfer, out ? out : data, size, room);
	free(out);
	return result;
}

/* Passes on what the destination takes now, and leaves the rest in the source, because no more may
 * be pending. MOVE_ON without having read anything: this source cannot be looked at, or what comes
 * next is not passed on. */
static enum move pass_seen(struct chan *chan, struct transfer *transfer, unsigned char *buffer,
			   size_t asked)
{
	struct relay_extent *extent = transfer->extent;
	ssize_t seen = endpoint_peek(transfer->source, buffer, asked);
	uint64_t before = transfer->read;
	size_t size;
	enum move result;

	if (seen == -EOPNOTSUPP || (seen > 0 && endpoint_at_mark(transfer->source)))
		return MOVE_ON;
	if (seen <= 0)
		return engine_got(transfer, seen);
	size = extent->take(extent, buffer, (size_t)seen, true);
	if (!size)
		return MOVE_ON;
	result = engine_write_seen(chan, transfer, buffer, asked, size);
	extent->take(extent, buffer, (size_t)(transfer->read - before), false);
	return result;
}

/* Reads, changes and makes it pending. */
static enum move filter_read(struct chan *chan, struct transfer *transfer)
{
	struct relay_filter *filter = transfer->settings->filter;
	unsigned char *buffer, *out;
	size_t asked = engine_at_once(transfer, CHUNK), size;
	uint64_t room = transfer->left;
	enum move result;
	ssize_t got;

	if (transfer->extent && transfer->extent->why)
		return engine_beyond(chan, transfer, 0);
	if (transfer->source->in_kind == ENDPOINT_MESSAGES)
		return filter_read_message(chan, transfer);
	buffer = out = loop_buffer(transfer->loop, (size_t)CHUNK * 3);
	if (!buffer)
		return engine_source_failed(transfer, ENOMEM);
	if (asked > transfer->allowance)
		asked = (size_t)transfer->allowance;
	if (transfer->extent && !engine_may_keep(transfer, asked)) {
		result = pass_seen(chan, transfer, buffer, asked);
		if (result != MOVE_ON || transfer->read)
			return result;
	}
	got = endpoint_read(transfer->source, buffer, asked);
	result = engine_got(transfer, got);
	if (result != MOVE_ON)
		return result;
	size = (size_t)got;
	if (is_filtered(transfer)) {
		out = buffer + CHUNK;
		size = filter->pass(filter, buffer, size, out);
	}
	return keep(chan, transfer, out, size, room);
}

const struct engine engine_filter = { .read = filter_read,
				      .write = filter_write,
				      .keeps_parts = true };
