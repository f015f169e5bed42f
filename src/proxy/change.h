/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change: reports when files, or the *.rules of directories, are no longer what they were when they
 * were read.
 *
 * Theory of operation: what a path leads to is summed up in one number, of its device, inode, mode,
 * owner, size and times. An event of inotify(7) in a directory that matters, whatever it is about,
 * is only a reason to look; the number decides. So it does not matter how a file is replaced: by
 * renaming, by writing to it, or through a symbolic link anywhere on the way. What no event tells
 * is found by looking every few seconds.
 *
 * A change is reported when two looks in a row have seen the same, or after a limit.
 */
#ifndef PROXY_CHANGE_H
#define PROXY_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/loop.h"

struct change_place {
	char *path; /* owned */
	/* inotify's descriptors, or -1: of the directory that the path is in, or that it is; and of
	 * the one that a symbolic link leads to */
	int watched[2];
};

struct change {
	struct watch watch;
	struct loop *loop;
	struct timer settle, again;
	int fd;
	struct change_place *places; /* owned */
	size_t count;
	uint64_t known, last; /* the numbers of what was reported or read, and of the last look */
	uint64_t began; /* ns: when the events began that settle waits for to end */
	void (*changed)(void *context);
	void *context;
};

/* Adds a file or directory, before it is read: what it is now is known. 0 or -ENOMEM. */
int change_add(struct change *change, const char *path);
/* Starts to watch what was added. 0, or a negative errno with the path that cannot be watched, or
 * NULL. */
int change_start(struct change *change, struct loop *loop, void (*changed)(void *context),
		 void *context, const char **path);
/* Frees it, whether it was started or not. */
void change_stop(struct change *change);

#endif
