/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pipe: a pool of pipes for splice(2). Making a pipe takes 5 us, it uses kernel memory while it
 * exists, and unprivileged users get few large ones (pipe-user-pages-soft). So pipes are shared,
 * and a channel holds one only while bytes are in it.
 */
#ifndef RELAY_PIPE_H
#define RELAY_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIPES_MOST 256

struct loop;

struct pipe {
	int in, out; /* write end, read end */
	uint32_t capacity; /* bytes, as the kernel says */
	uint32_t bytes; /* that are in it */
	bool large;
};

/* Takes an empty pipe, large or smaller (1 MiB or 256 KiB, if the kernel permits). NULL: out of
 * descriptors or memory, so copy instead. */
struct pipe *pipe_take(struct loop *loop, bool large);
/* Returns a pipe to the pool, or closes it if bytes are left in it or the pool is full. */
void pipe_give_back(struct loop *loop, struct pipe *pipe);
/* Closes idle pipes, and no more than those that are left may exist until loop_budget() says
 * otherwise. How many descriptors they have. */
size_t pipe_shrink(struct loop *loop);

#endif
