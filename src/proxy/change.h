/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change: reports when a watched file or directory has changed, with inotify(7).
 *
 * It watches the directory of a file, because editors and package managers replace a file by
 * renaming another. A change is reported once nothing more has happened for a moment.
 */
#ifndef PROXY_CHANGE_H
#define PROXY_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/loop.h"

struct change_place {
	int descriptor; /* inotify's */
	char *name; /* the file's name in its directory; NULL: all *.rules in it */
};

struct change {
	struct watch watch;
	struct timer settle;
	int fd;
	struct change_place *places; /* owned */
	size_t count;
	void (*changed)(void *context);
	void *context;
};

/* Prepares it, without watching anything yet. 0 or a negative errno. */
int change_start(struct change *change, struct loop *loop, void (*changed)(void *context),
		 void *context);
/* Watches one more file or directory, which must exist. 0 or a negative errno. */
int change_add(struct change *change, const char *path);
void change_stop(struct change *change, struct loop *loop);

#endif
