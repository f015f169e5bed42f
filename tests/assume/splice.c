/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine-splice relies on this. */
#include "config.h"

#include "assume.h"
#include "../lib/temporary.h"

#define FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

static ssize_t splice_now(int from, int to, size_t size)
{
	ssize_t moved = splice(from, NULL, to, NULL, size, FLAGS);

	return moved < 0 ? -errno : moved;
}

static void messages_fill_slots(void)
{
	int source[2], ends[2], count = 0;
	ssize_t moved;

	stream_pair(source);
	pipe_pair(ends, O_NONBLOCK);
	fcntl(ends[1], F_SETPIPE_SZ, 65536);
	for (int i = 0; i < 40; i++)
		need((int)write(source[0], "x", 1), "write");
	while ((moved = splice_now(source[1], ends[1], 65536)) > 0)
		count += (int)moved;
	assume(moved == -EAGAIN && count < 40, "a pipe of 64 KiB is full with fewer than 40 "
					       "one-byte writes of a socket: it holds slots");
	close(ends[0]);
	close(ends[1]);
	close(source[0]);
	close(source[1]);
}

int main(void)
{
	int source[2], sink[2], ends[2], blocking[2], file;
	char name[TEMPORARY_MAX], data[10];

	signal(SIGPIPE, SIG_IGN);
	stream_pair(source);
	stream_pair(sink);
	pipe_pair(ends, O_NONBLOCK);
	assume(splice_now(source[1], ends[1], 4096) == -EAGAIN,
	       "splice from an empty socket with O_NONBLOCK is EAGAIN");
	need((int)write(source[0], "0123456789", 10), "write");
	assume(splice_now(source[1], ends[1], 4096) == 10, "splice takes what is there");
	assume(splice_now(ends[0], sink[0], 4096) == 10, "and puts it into a socket");
	assume(read(sink[1], data, 10) == 10 && memcmp(data, "0123456789", 10) == 0,
	       "and nothing was changed");
	assume(splice_now(ends[0], sink[0], 4096) == -EAGAIN,
	       "splice from an empty pipe is EAGAIN");
	shutdown(source[0], SHUT_WR);
	assume(splice_now(source[1], ends[1], 4096) == 0, "splice says 0 at the end of a socket");
	need((int)write(ends[1], "x", 1), "write");
	close(sink[1]);
	assume(splice_now(ends[0], sink[0], 1) == -EPIPE,
	       "splice into a socket whose peer has gone is EPIPE");

	/* a pipe of somebody else may be blocking: our own description of it is not */
	pipe_pair(blocking, 0);
	assume(splice_now(blocking[0], ends[1], 1) == -EAGAIN,
	       "SPLICE_F_NONBLOCK covers a blocking pipe");
	snprintf(data, sizeof(data), "%d", blocking[0]);
	{
		char path[64];
		int own;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", data);
		own = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assume(own >= 0 && fcntl(own, F_GETFL) & O_NONBLOCK &&
			       !(fcntl(blocking[0], F_GETFL) & O_NONBLOCK),
		       "a pipe opened anew through /proc has flags of its own");
		close(own);
	}

	file = mkstemp(temporary_name(name));
	need(file, name);
	unlink(name);
	need(fcntl(file, F_SETFL, O_APPEND), "O_APPEND");
	assume(splice_now(ends[0], file, 1) == -EINVAL,
	       "splice into a file with O_APPEND is EINVAL");
	assume(read(ends[0], data, 1) == 1 && *data == 'x',
	       "and what was in the pipe is still there");
	messages_fill_slots();
	return end_of_assumptions();
}
