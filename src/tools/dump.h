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
	uint64_t moved[2];    /* by side */
};

/* Opens a file (emptied), or stderr where name is "-". 0 or a negative errno. */
int dump_open(struct dump *dump, const char *name);
/* 0, or a negative errno if not all could be written. Harmless where it is not open. */
int dump_close(struct dump *dump);

#endif
