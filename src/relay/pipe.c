/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/pipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/loop.h"

/* Idle pipes kept of each size; each costs two descriptors and, empty, little memory. */
#define POOL_MAX 16

/*
 * A pipe consists of slots, and small segments soon fill the 16 slots of a default pipe. TCP
 * benefits from 1 MiB; 256 KiB is enough for UNIX sockets (doc/measurements.md). The bytes of a
 * stalled connection stay in its pipe, so the total is limited, to 16 MiB and 60 MiB; further
 * connections copy, with 64 KiB each.
 */
#define LARGE (1024 * 1024)
#define LARGE_MOST 16
#define SMALLER (256 * 1024)
/* Past pipe-user-pages-soft an unprivileged user's pipe has one page. */
#define WORTH_IT (64 * 1024)

struct pipe_pool {
	struct pipe *idle[2][POOL_MAX]; /* smaller, large */
	unsigned count[2]; /* of idle */
	unsigned made[2]; /* that exist, idle or not */
};

static void pipe_free(struct pipe_pool *pool, struct pipe *pipe)
{
	pool->made[pipe->large]--;
	close(pipe->in);
	close(pipe->out);
	free(pipe);
}

static void free_idle(struct pipe_pool *pool)
{
	for (unsigned large = 0; large < 2; large++)
		while (pool->count[large])
			pipe_free(pool, pool->idle[large][--pool->count[large]]);
}

static void pool_free(struct pipe_pool *pool)
{
	free_idle(pool);
	free(pool);
}

static struct pipe_pool *pool_of(struct loop *loop)
{
	struct pipe_pool **pool = loop_pipes(loop, pool_free);

	if (!*pool)
		*pool = calloc(1, sizeof(**pool));
	return *pool;
}

static struct pipe *pipe_make(struct pipe_pool *pool, bool large, unsigned most)
{
	struct pipe *pipe;
	int ends[2], size;

	if (pool->made[0] + pool->made[1] >= most)
		return NULL;
	pipe = malloc(sizeof(*pipe));
	if (!pipe)
		return NULL;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	pool->made[large]++;
	/* the kernel may refuse; what counts is what it says then */
	(void)fcntl(ends[1], F_SETPIPE_SZ, large ? LARGE : SMALLER);
	size = fcntl(ends[1], F_GETPIPE_SZ);
	*pipe = (struct pipe){ .in = ends[1],
			       .out = ends[0],
			       .capacity = size > 0 ? (uint32_t)size : 0,
			       .large = large };
	if (size >= WORTH_IT)
		return pipe;
	pipe_free(pool, pipe);
	return NULL;
}

struct pipe *pipe_take(struct loop *loop, bool large)
{
	struct pipe_pool *pool = pool_of(loop);
	struct loop_budget *budget = loop_budget(loop);
	struct pipe *pipe;

	if (!pool)
		return NULL;
	if (large && !pool->count[1] && pool->made[1] == LARGE_MOST)
		large = false;
	/* what the next one holds is known when it is there */
	if (budget->used > budget->limit ||
	    budget->limit - budget->used < (large ? LARGE : SMALLER))
		return NULL;
	pipe = pool->count[large]
		       ? pool->idle[large][--pool->count[large]]
		       : pipe_make(pool, large, budget->pipes ? budget->pipes : PIPES_MOST);
	if (pipe)
		budget->used += pipe->capacity;
	return pipe;
}

void pipe_give_back(struct loop *loop, struct pipe *pipe)
{
	struct pipe_pool *pool = pool_of(loop);

	if (!pool)
		return; /* impossible: the pipe came from it */
	loop_budget(loop)->used -= pipe->capacity;
	if (pipe->bytes || pool->count[pipe->large] == POOL_MAX)
		pipe_free(pool, pipe);
	else
		pool->idle[pipe->large][pool->count[pipe->large]++] = pipe;
}

size_t pipe_shrink(struct loop *loop)
{
	struct pipe_pool *pool = pool_of(loop);
	unsigned made;

	if (pool)
		free_idle(pool);
	made = pool ? pool->made[0] + pool->made[1] : 0;
	loop_budget(loop)->pipes = made ? made : 1; /* 0: no limit of its own */
	return 2 * (size_t)loop_budget(loop)->pipes;
}
