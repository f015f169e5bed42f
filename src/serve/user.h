/* SPDX-License-Identifier: GPL-3.0-or-later */
/* user: who a program that was started by root becomes once it listens: user, group and all groups of the user. */
#ifndef SERVE_USER_H
#define SERVE_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct user {
	char *name, *home, *shell; /* owned; NULL: nobody was asked for */
	uid_t uid;
	gid_t gid;
};

struct user_error {
	size_t offset, length; /* what of the text is meant */
	const char *why;
};

/* Reads NAME[:GROUP], by name or number. 0, -EINVAL with *error, -ENOMEM. */
int user_find(const char *text, struct user *user, struct user_error *error);
/* May this process become that user? */
bool user_permitted(const struct user *user);
/* Becomes the user for file access only, to look what it may; and back. 0 or a negative errno. */
int user_borrow(const struct user *user);
int user_return(void);
/* Becomes the user for good, and says so in HOME, USER, LOGNAME and SHELL. 0 or a negative errno. */
int user_become(const struct user *user);
void user_free(struct user *user);

#endif
