/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump: writes what goes through a relay as hex and text, with direction and time. */
#ifndef TOOLS_DUMP_H
#define TOOLS_DUMP_H

#include <stdint.h>
#include <stdio.h>

#include "relay/relay.h"

struct dump {
	struct relay_tap tap; /* for relay_settings.tap */
	FILE *file;           /* NULL: not open */
	const char *name;
	int us;               /* the side that sends ">" */
	uint64_t moved[2];    /* by side */
};

/* Opens a file (emptied), or stderr where name is "-". us: the side from which data is sent, and shown with ">". 0 or a negative
 * errno. */
int dump_open(struct dump *dump, const char *name, int us);
/* Another connection: places are counted from 0. Harmless where it is not open. */
void dump_begin(struct dump *dump);
/* 0, or a negative errno if not all could be written. Harmless where it is not open. */
int dump_close(struct dump *dump);

#endif
