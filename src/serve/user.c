/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"

/* (uid_t)-1 means "leave it" to the kernel. */
static bool number(const char *text, uint32_t *id)
{
	struct mistake error;
	uint64_t value;

	if (units_count(text, 0, UINT32_MAX - 1, &value, &error) < 0)
		return false;
	*id = (uint32_t)value;
	return true;
}

static int find_group(const char *text, gid_t *gid)
{
	const struct group *group = getgrnam(text);
	uint32_t id;

	if (group)
		*gid = group->gr_gid;
	else if (number(text, &id))
		*gid = id;
	else
		return -EINVAL;
	return 0;
}

/* A number that no user has is taken as it is, with the group of the same number: containers have
 * such users. */
static int fill(const char *text, struct user *user)
{
	const struct passwd *entry = getpwnam(text);
	uint32_t id;

	if (!entry && number(text, &id)) {
		entry = getpwuid(id);
		user->uid = user->gid = id;
	} else if (!entry) {
		return -EINVAL;
	}
	if (entry) {
		user->uid = entry->pw_uid;
		user->gid = entry->pw_gid;
	}
	user->name = strdup(entry ? entry->pw_name : text);
	user->home = strdup(entry ? entry->pw_dir : "/");
	user->shell = strdup(entry && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
	return user->name && user->home && user->shell ? 0 : -ENOMEM;
}

int user_find(const char *text, struct user *user, struct mistake *error)
{
	size_t length = strcspn(text, ":");
	char *name = strndup(text, length);
	int result;

	*user = (struct user){ 0 };
	if (!name)
		return -ENOMEM;
	mistake_at(error, 0, length, NULL, "there is no such user");
	result = fill(name, user);
	free(name);
	if (result || !text[length])
		return result;
	mistake_at(error, length + 1, strlen(text + length + 1), NULL, "there is no such group");
	return find_group(text + length + 1, &user->gid);
}

int user_find_own(struct user *user)
{
	char self[16];
	struct mistake error;

	snprintf(self, sizeof(self), "%u", (unsigned)getuid());
	return user_find(self, user, &error);
}

int user_unprivileged(const char *name, struct user *user)
{
	const uint32_t count = USER_UNUSED_LAST - USER_UNUSED_FIRST + 1;
	struct mistake error;
	char number[16];

	if (getpwnam(name) && user_find(name, user, &error) == 0) {
		user->alone = true;
		return user->uid ? 0 : -ENOENT;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = USER_UNUSED_FIRST + ((uint32_t)getpid() + i) % count;
		int result;

		if (getpwuid(id) || getgrgid(id))
			continue;
		snprintf(number, sizeof(number), "%u", id);
		result = user_find(number, user, &error);
		user->alone = true;
		return result;
	}
	return -ENOENT;
}

bool user_permitted(const struct user *user)
{
	return geteuid() == 0 || (geteuid() == user->uid && getegid() == user->gid);
}

static int set_groups(const struct user *user)
{
	if (geteuid() != 0)
		return 0;
	if (user->alone)
		return setgroups(0, NULL) == 0 ? 0 : -errno;
	return initgroups(user->name, user->gid) == 0 ? 0 : -errno;
}

int user_borrow(const struct user *user)
{
	int error = user->name ? set_groups(user) : 0;

	if (error || !user->name)
		return error;
	if (setegid(user->gid) < 0 || seteuid(user->uid) < 0)
		return -errno;
	return 0;
}

int user_return(void)
{
	/* the groups stay: to listen, root needs none */
	return seteuid(getuid()) < 0 || setegid(getgid()) < 0 ? -errno : 0;
}

int user_describe(const struct user *user)
{
	if (setenv("USER", user->name, 1) < 0 || setenv("LOGNAME", user->name, 1) < 0 ||
	    setenv("HOME", user->home, 1) < 0 || setenv("SHELL", user->shell, 1) < 0)
		return -errno;
	return 0;
}

char *user_login_shell(const struct user *user)
{
	const char *slash = strrchr(user->shell, '/');
	char *name;

	if (asprintf(&name, "-%s", slash ? slash + 1 : user->shell) < 0)
		return NULL;
	return name;
}

int user_become(const struct user *user)
{
	int error;

	if (!user->name)
		return 0;
	error = set_groups(user);
	if (error)
		return error;
	if (setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return user_describe(user);
}

int user_try(const struct user *user)
{
	int how = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-user_become(user)); /* no errno of it is above 255 */
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(how) ? -WEXITSTATUS(how) : -EAGAIN;
}

void user_free(struct user *user)
{
	free(user->name);
	free(user->home);
	free(user->shell);
}
