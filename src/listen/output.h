/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * output: writes lines to standard output without ever blocking the loop. What the reader does not
 * take at once is stored and written later.
 */
#ifndef LISTEN_OUTPUT_H
#define LISTEN_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "relay/chan.h"
#include "relay/loop.h"

struct output {
	struct watch watch; /* of end.out, while bytes are pending */
	struct loop *loop; /* NULL: not open */
	struct endpoint end;
	struct chan chan; /* pending bytes */
	/* called after pending bytes were written, with error 0, or could not be written, with a
	 * positive errno; may be NULL */
	void (*moved)(struct output *output, int error);
	void *context;
};

/* Opens standard output, unless it is open already; 0 or a negative errno. */
int output_open(struct output *output, struct loop *loop);
/* Writes the data, or stores it for later. 0 or a negative errno. */
int output_put(struct output *output, const void *data, size_t size);
/* The number of pending bytes. */
uint64_t output_unsent(const struct output *output);
/* Writes pending bytes for at most patience ns, and closes. 0, or a negative errno (-ETIMEDOUT).
 * Does nothing if it is not open. */
int output_close(struct output *output, uint64_t patience);

#endif
