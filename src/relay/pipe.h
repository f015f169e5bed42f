/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pipe: a pool of pipes for splice(2). A pipe costs 5 us to make and kernel memory while it exists, and unprivileged users
 * get few large ones (pipe-user-pages-soft), so pipes are shared and held only while bytes are in flight.
 */
#ifndef RELAY_PIPE_H
#define RELAY_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct pipe {
	int in, out;       /* write end, read end */
	uint32_t capacity; /* bytes, as the kernel says */
	uint32_t bytes;    /* that are in it */
	bool large;
};

/* A pipe that is empty, large or smaller (1 MiB or 256 KiB, where the kernel gives it), or NULL where descriptors or
 * memory are out (then copy). */
struct pipe *pipe_take(struct loop *loop, bool large);
/* Back to the pool; closed if bytes are left in it or the pool is full. */
void pipe_give_back(struct loop *loop, struct pipe *pipe);
/* Closes the pool's pipes. */
void pipe_pool_free(struct loop *loop);

#endif
