/* SPDX-License-Identifier: GPL-3.0-or-later */
/* user: who a program that was started by root becomes once it listens: user, group and all groups
 * of the user. */
#ifndef SERVE_USER_H
#define SERVE_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/mistake.h"

struct user {
	char *name, *home, *shell; /* owned; NULL: no user was given */
	uid_t uid;
	gid_t gid;
	bool alone; /* without the user's supplementary groups */
};

/* Reads NAME[:GROUP]; each may be a name or a number. 0, -EINVAL with *error, or -ENOMEM. */
int user_find(const char *text, struct user *user, struct mistake *error);
/* Finds the user that this process is. 0 or -ENOMEM. */
int user_find_own(struct user *user);
/* Finds an unprivileged user for a process of ours: the user of that name, or else an id from
 * USER_UNUSED_FIRST on that belongs to no user and no group. The choice depends on our process id,
 * so that two programs rarely share an id. 0, -ENOENT if there is none, or -ENOMEM. */
#define USER_UNUSED_FIRST 61184 /* to USER_UNUSED_LAST: systemd's range for DynamicUser= */
#define USER_UNUSED_LAST 65519
int user_unprivileged(const char *name, struct user *user);
/* May this process switch to that user? */
bool user_permitted(const struct user *user);
/* Switches to the user for file access only, to check its permissions, and back. 0 or a negative
 * errno. */
int user_borrow(const struct user *user);
int user_return(void);
/* Sets HOME, USER, LOGNAME and SHELL. 0 or -ENOMEM. */
int user_describe(const struct user *user);
/* What a login shell of the user is called, by which it knows that it is one ("-bash"); to be
 * freed. NULL: out of memory. */
char *user_login_shell(const struct user *user);
/* Switches to the user for good, and describes it. 0 or a negative errno. */
int user_become(const struct user *user);
/* What user_become() would return. A child process tries it; -EAGAIN also if it was killed. */
int user_try(const struct user *user);
void user_free(struct user *user);

#endif
