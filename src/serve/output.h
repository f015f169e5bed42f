/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * output: lines to standard output that never hold the loop up: what its reader does not take now is kept, and written when
 * it does.
 */
#ifndef SERVE_OUTPUT_H
#define SERVE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "relay/chan.h"
#include "relay/loop.h"

struct output {
	struct watch watch; /* of end.out, while something is kept */
	struct loop *loop;  /* NULL: not open */
	struct endpoint end;
	struct chan chan;   /* what is kept */
	/* called after something that was kept was written later, or could not be: error is a positive errno, or 0; may be
	 * NULL */
	void (*moved)(struct output *output, int error);
	void *context;
};

/* Opens standard output; 0 or a negative errno. */
int output_open(struct output *output, struct loop *loop);
/* Writes, or keeps. 0 or a negative errno. */
int output_put(struct output *output, const void *data, size_t size);
/* Bytes that are kept. */
uint64_t output_unsent(const struct output *output);
/* Writes what is kept, for at most so many ns: 0, or a negative errno (-ETIMEDOUT). Closes; harmless where it is not open. */
int output_close(struct output *output, uint64_t patience);

#endif
