/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump: writes the data of a relay as hex and text, with direction and time. */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "relay/relay.h"

struct dump {
	struct relay_tap tap; /* for relay_settings.tap */
	FILE *text; /* in memory, from where it is written to fd; NULL: not open */
	char *buffer; /* of text */
	size_t size;
	const char *name;
	int fd;
	int us; /* the side that sends ">" */
	uint64_t moved[2]; /* by side */
	int error; /* negative errno of the write that ended the dump, or 0 */
};

/* Opens and empties a file, or uses stderr if name is "-". us is the side whose data is shown with
 * ">". 0 or a negative errno. */
int dump_open(struct dump *dump, const char *name, int us);
/* Starts another connection: offsets count from 0 again. Does nothing if it is not open. */
void dump_begin(struct dump *dump);
/* Closes the file. 0, or the negative errno of an error that has been reported. Does nothing if it
 * is not open. */
int dump_close(struct dump *dump);

#endif
