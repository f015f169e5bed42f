/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/pipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/loop.h"

#define POOL_MAX 16 /* idle pipes kept; each costs two descriptors and, empty, little memory */

/* More than the default 64 KiB: a pipe holds slots, and small segments fill 16 of them early. 256 KiB is where the gain
 * flattens out (HACKING.md, engines); the kernel may give less, and says what it gave. */
#define PIPE_SIZE (256 * 1024)

struct pipe_pool {
	struct pipe *idle[POOL_MAX];
	unsigned count;
};

static struct pipe_pool *pool_of(struct loop *loop)
{
	struct pipe_pool **pool = loop_pipes(loop);

	if (!*pool)
		*pool = calloc(1, sizeof(**pool));
	return *pool;
}

static struct pipe *pipe_make(void)
{
	struct pipe *pipe = malloc(sizeof(*pipe));
	int ends[2], size;

	if (!pipe)
		return NULL;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	if (fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) < 0) { /* past pipe-user-pages-soft: as it comes */ }
	size = fcntl(ends[1], F_GETPIPE_SZ);
	*pipe = (struct pipe){ .in = ends[1], .out = ends[0], .capacity = size > 0 ? (uint32_t)size : 4096 };
	return pipe;
}

static void pipe_free(struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
}

struct pipe *pipe_take(struct loop *loop)
{
	struct pipe_pool *pool = pool_of(loop);

	if (pool && pool->count)
		return pool->idle[--pool->count];
	return pipe_make();
}

void pipe_give_back(struct loop *loop, struct pipe *pipe)
{
	struct pipe_pool *pool = pool_of(loop);

	if (!pool || pipe->bytes || pool->count == POOL_MAX)
		pipe_free(pipe);
	else
		pool->idle[pool->count++] = pipe;
}

void pipe_pool_free(struct loop *loop)
{
	struct pipe_pool **pool = loop_pipes(loop);

	if (!*pool)
		return;
	while ((*pool)->count)
		pipe_free((*pool)->idle[--(*pool)->count]);
	free(*pool);
	*pool = NULL;
}
