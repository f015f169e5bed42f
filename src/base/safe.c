/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/safe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static bool is_shared(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) || st->st_mode & (S_IWGRP | S_IWOTH);
}

/* Looks at the directory that was entered. 0 or a negative errno. */
static int look(struct safe_directory *directory)
{
	struct stat st;

	if (fstat(directory->fd, &st) < 0)
		return -errno;
	directory->winding = directory->winding || directory->shared;
	directory->shared = is_shared(&st);
	return 0;
}

static bool is_link(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Goes into a directory of the one that is open. 0 or a negative errno. */
static int enter(struct safe_directory *directory, const char *name)
{
	bool distrusts = directory->shared && geteuid() == 0;
	int next = openat(directory->fd, name,
			  O_PATH | O_DIRECTORY | O_CLOEXEC | (distrusts ? O_NOFOLLOW : 0)),
	    error;

	if (next < 0) {
		error = -errno;
		return distrusts && is_link(directory->fd, name) ? -ELOOP : error;
	}
	fd_close(&directory->fd);
	directory->fd = next;
	return look(directory);
}

/* Goes into all directories before the last part of the path. */
static int walk(struct safe_directory *directory, const char *path)
{
	char part[NAME_MAX + 1];
	size_t length;
	int error = 0;

	for (; !error; path += length + strspn(path + length, "/")) {
		length = strcspn(path, "/");
		if (!path[length])
			break;
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(part, path, length);
		part[length] = '\0';
		error = enter(directory, part);
	}
	directory->name = path;
	return error;
}

int safe_directory(const char *path, struct safe_directory *directory)
{
	size_t root = strspn(path, "/");
	int error;

	*directory = (struct safe_directory){ .fd = open(root ? "/" : ".",
							 O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (directory->fd < 0)
		return -errno;
	error = look(directory);
	if (!error)
		error = walk(directory, path + root);
	if (error)
		fd_close(&directory->fd);
	return error;
}

int safe_open(const char *path, int flags, unsigned mode)
{
	struct safe_directory directory;
	int error = safe_directory(path, &directory), fd;

	if (error)
		return error;
	if (geteuid() == 0 && directory.shared)
		flags |= O_NOFOLLOW;
	fd = openat(directory.fd, directory.name && *directory.name ? directory.name : ".",
		    flags | O_CLOEXEC, mode);
	if (fd < 0)
		fd = -errno;
	fd_close(&directory.fd);
	return fd;
}

bool safe_refuses(const char *path)
{
	struct safe_directory directory;
	bool refuses;

	if (geteuid() != 0 || safe_directory(path, &directory) < 0)
		return false;
	refuses = directory.shared || directory.winding;
	fd_close(&directory.fd);
	return refuses;
}
