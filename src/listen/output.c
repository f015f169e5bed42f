/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/output.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"

static void ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind output_kind = { .name = "output", .ready = ready };

/* As much as goes now. 0 or a negative errno. */
static int write_some(struct output *output)
{
	const unsigned char *rest;
	size_t length;

	while ((rest = chan_rest(&output->chan, &length))) {
		ssize_t put = endpoint_write(&output->end, rest, length);

		if (put == -EAGAIN)
			return loop_watch(output->loop, &output->watch, output->end.out, EPOLLOUT);
		if (put < 0)
			return (int)put;
		chan_rest_written(output->loop, &output->chan, (size_t)put);
	}
	loop_unwatch(output->loop, &output->watch);
	return 0;
}

/* The same. If it fails nothing is kept, because nobody could be told again. */
static int write_kept(struct output *output)
{
	int error = write_some(output);

	if (error) {
		loop_unwatch(output->loop, &output->watch);
		chan_drop(output->loop, &output->chan);
	}
	return error;
}

static void ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct output *output = container_of(watch, struct output, watch);
	int error = write_kept(output);

	(void)loop;
	(void)events;
	if (output->moved)
		output->moved(output, -error);
}

int output_open(struct output *output, struct loop *loop)
{
	int error = output->loop ? 0 : endpoint_stdio(-1, STDOUT_FILENO, &output->end);

	if (error || output->loop)
		return error;
	output->watch = (struct watch){ .kind = &output_kind, .fd = -1 };
	output->loop = loop;
	return 0;
}

int output_put(struct output *output, const void *data, size_t size)
{
	int error = chan_keep(output->loop, &output->chan, data, size);

	return error ? error : write_kept(output);
}

uint64_t output_unsent(const struct output *output)
{
	return chan_unsent(&output->chan);
}

int output_close(struct output *output, uint64_t patience)
{
	const unsigned char *rest;
	size_t length;
	int error = 0, closed;

	if (!output->loop)
		return 0;
	rest = chan_rest(&output->chan, &length);
	if (rest)
		error = fd_write_until(output->end.out, rest, length, units_now() + patience, NULL);
	loop_unwatch(output->loop, &output->watch);
	chan_drop(output->loop, &output->chan);
	closed = endpoint_finish(&output->end);
	endpoint_close(&output->end);
	output->loop = NULL;
	return error ? error : closed;
}
