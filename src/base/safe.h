/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * safe: opens the directory of a path without following a link that another user may have put
 * there.
 *
 * A path that is checked and then used may mean something else the second time. So its directory is
 * opened once, and everything that follows happens in that directory. As root, the program follows
 * no link in a directory that other users may write to, because they could redirect it anywhere.
 */
#ifndef BASE_SAFE_H
#define BASE_SAFE_H

#include <stdbool.h>

struct safe_directory {
	int fd; /* O_PATH, the directory that contains the last component of the path */
	const char *name; /* the last component, inside the path that was given */
	bool shared; /* users other than root and ours may write to this directory */
	bool winding; /* or to one of its parents, so that the path may lead elsewhere the next time
		       */
};

/* Opens the directory of a path. 0, and the caller closes fd, or a negative errno; -ELOOP for a
 * link that root must not follow. */
int safe_directory(const char *path, struct safe_directory *directory);

/* open(2) for a file to be written. For root, in a directory that others may write to, the file
 * must not be a link (-ELOOP). Returns a descriptor or a negative errno. */
int safe_open(const char *path, int flags, unsigned mode);

/* Are we root, and could other users redirect this path? False for a path that cannot be examined.
 */
bool safe_refuses(const char *path);

#endif
