/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change: tells when one of some files or folders has changed, by inotify(7).
 *
 * What is watched is the folder that a file is in, because editors and package managers replace a file by renaming
 * another. Changes are told once nothing more happened for a moment.
 */
#ifndef SERVE_CHANGE_H
#define SERVE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/loop.h"

struct change_place {
	int descriptor; /* inotify's */
	char *name;     /* of the file in its folder; NULL: all *.rules in it */
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

/* Nothing is watched yet. 0 or a negative errno. */
int change_start(struct change *change, struct loop *loop, void (*changed)(void *context), void *context);
/* Watches one more file or folder, which must be there. 0 or a negative errno. */
int change_add(struct change *change, const char *path);
void change_stop(struct change *change, struct loop *loop);

#endif
