/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump: writes the data of a relay as hex and text, with direction and time. */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include <stdint.h>
#include <stdio.h>

#include "relay/relay.h"

struct dump {
	struct relay_tap tap; /* for relay_settings.tap */
	FILE *file; /* NULL: not open */
	const char *name;
	int us; /* the side that sends ">" */
	uint64_t moved[2]; /* by side */
	int error; /* negative errno of the first write that failed, or 0 */
};

/* Opens and empties a file, or uses stderr if name is "-". us is the side whose data is shown with
 * ">". 0 or a negative errno. */
int dump_open(struct dump *dump, const char *name, int us);
/* Starts another connection: offsets count from 0 again. Does nothing if it is not open. */
void dump_begin(struct dump *dump);
/* Closes the file. 0, or a negative errno if not everything was written. Does nothing if it is not
 * open. */
int dump_close(struct dump *dump);

#endif
