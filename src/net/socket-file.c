/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/socket-file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/safe.h"

#define PROC_PATH_MAX 32

static const char *path_of(const struct place *place)
{
	return ((const struct sockaddr_un *)&place->sa)->sun_path;
}

static char *proc_path(int fd, char *buf)
{
	snprintf(buf, PROC_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

/* Opens a socket's file itself, not what a link leads to. A descriptor or -1 with errno. */
static int open_file(const struct safe_directory *directory, struct stat *st)
{
	int fd = openat(directory->fd, directory->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISSOCK(st->st_mode))) {
		fd_close(&fd);
		errno = ESTALE;
	}
	return fd;
}

/* Stale files */

/*
 * Is a socket bound to this file? It tries to connect a datagram socket. The kernel looks up the
 * file before it compares types, so the result is EPROTOTYPE for a live stream socket and
 * ECONNREFUSED for a stale file, and no listener is woken.
 */
static bool is_alive(int file)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool alive;

	if (fd < 0)
		return true;
	proc_path(file, un.sun_path);
	alive = connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0 || errno != ECONNREFUSED;
	close(fd);
	return alive;
}

static bool still_has(const struct safe_directory *directory, const struct socket_inode *inode)
{
	struct stat st;

	return fstatat(directory->fd, directory->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISSOCK(st.st_mode) && st.st_dev == inode->device && st.st_ino == inode->number;
}

static void remove_stale(const struct safe_directory *directory)
{
	struct stat st;
	int file = open_file(directory, &st);

	if (file < 0)
		return;
	if (!is_alive(file) &&
	    still_has(directory, &(const struct socket_inode){ st.st_dev, st.st_ino }))
		unlinkat(directory->fd, directory->name, 0);
	close(file);
}

/* Mode and owner */

/* A number, or a name of passwd or group; UINT32_MAX where it is unknown. */
static uint32_t find_id(const char *text, bool group)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	const struct passwd *pw;
	const struct group *gr;

	if (*text && !*end)
		return (uint32_t)number;
	if (group)
		return (gr = getgrnam(text)) ? gr->gr_gid : UINT32_MAX;
	return (pw = getpwnam(text)) ? pw->pw_uid : UINT32_MAX;
}

void socket_file_accounts(struct addr_options *options)
{
	if (options->given & ADDR_OPT_OWNER)
		options->uid = find_id(options->owner, false);
	if (options->given & ADDR_OPT_GROUP)
		options->gid = find_id(options->group, true);
	options->accounts_known = true;
}

/* Looks them up unless they are known. 0, or -1 with errno: ENOENT no such user, ESRCH no such
 * group. */
static int find_accounts(struct addr_options *options)
{
	if (!options->accounts_known)
		socket_file_accounts(options);
	if (options->given & ADDR_OPT_OWNER && options->uid == UINT32_MAX) {
		errno = ENOENT;
		return -1;
	}
	if (options->given & ADDR_OPT_GROUP && options->gid == UINT32_MAX) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

static mode_t mode_of(const struct addr_options *options)
{
	return options->given & ADDR_OPT_MODE ? options->mode : 0600;
}

/* Gives the file its owner, group and mode. A new socket already has its mode. */
static int own_file(int file, const struct stat *st, const struct addr_options *options)
{
	struct addr_options known = *options;
	bool owner = options->given & ADDR_OPT_OWNER, group = options->given & ADDR_OPT_GROUP;
	mode_t narrow = st->st_mode & mode_of(options);
	char path[PROC_PATH_MAX];

	/* Meanwhile, and if a step fails, nobody has access who does not have it before and after.
	 */
	if (narrow != (st->st_mode & 07777) && chmod(proc_path(file, path), narrow) < 0)
		return -1;
	if (find_accounts(&known) < 0)
		return -1;
	/* -1 leaves it as it is */
	if ((owner || group) && fchownat(file, "", owner ? known.uid : (uid_t)-1,
					 group ? known.gid : (gid_t)-1, AT_EMPTY_PATH) < 0)
		return -1;
	return narrow == mode_of(options) ? 0 : chmod(proc_path(file, path), mode_of(options));
}

/* Binding */

/* The name that others see is the path, unless that may mean another directory by now. */
static int bind_in(int fd, const struct safe_directory *directory, const struct place *place)
{
	struct place through = { .length = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (void *)&through.sa;
	char path[PROC_PATH_MAX];

	if (!directory->winding)
		return bind(fd, (const struct sockaddr *)&place->sa, place->length);
	un->sun_family = AF_UNIX;
	if ((size_t)snprintf(un->sun_path, sizeof(un->sun_path), "%s/%s",
			     proc_path(directory->fd, path),
			     directory->name) >= sizeof(un->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return bind(fd, (const struct sockaddr *)&through.sa, through.length);
}

static int bind_with_mode(int fd, const struct safe_directory *directory, const struct place *place,
			  mode_t mode)
{
	mode_t before;
	int result;

	/* The file gets the mode that the socket has, less the umask. Nobody can connect before
	 * listen(2). */
	if (fchmod(fd, mode) < 0)
		return -1;
	before = umask(0);
	result = bind_in(fd, directory, place);
	umask(before);
	return result;
}

/* The file that was just made. Ours has been in no hands but ours. */
static int own_new(const struct safe_directory *directory, const struct addr_options *options,
		   struct socket_inode *inode)
{
	struct stat st;
	int file = open_file(directory, &st), result, error;

	if (file < 0) {
		errno = errno == ENOENT ? EIDRM : errno; /* ENOENT would be the user's */
		return -1;
	}
	*inode = (struct socket_inode){ st.st_dev, st.st_ino };
	errno = ESTALE;
	result = st.st_uid == geteuid() && st.st_nlink == 1 ? own_file(file, &st, options) : -1;
	error = errno;
	close(file);
	if (result < 0 && still_has(directory, inode))
		unlinkat(directory->fd, directory->name, 0);
	errno = error;
	return result;
}

int socket_file_bind(int fd, const struct place *place, const struct addr_options *options,
		     struct socket_inode *inode, enum step *step)
{
	struct safe_directory directory;
	int error = safe_directory(path_of(place), &directory), result;

	if (error) {
		errno = -error;
		return -1;
	}
	remove_stale(&directory);
	result = bind_with_mode(fd, &directory, place, mode_of(options));
	if (result == 0) {
		*step = STEP_OWN;
		result = own_new(&directory, options, inode);
	}
	fd_close(&directory.fd);
	return result;
}

/* Files of sockets that listen */

/* Opens the file of a socket, if it still is this one: a descriptor, or -1 with errno. EIDRM: there
 * is none any more. */
static int open_same(const char *path, const struct socket_inode *inode, struct stat *st)
{
	struct safe_directory directory;
	int error = safe_directory(path, &directory), file;

	if (error) {
		errno = error == -ENOENT ? EIDRM : -error;
		return -1;
	}
	file = open_file(&directory, st);
	error = file < 0 ? errno : 0;
	fd_close(&directory.fd);
	if (file >= 0 && (st->st_dev != inode->device || st->st_ino != inode->number)) {
		fd_close(&file);
		error = ESTALE;
	}
	if (file < 0)
		errno = error == ENOENT ? EIDRM : error;
	return file;
}

int socket_file_renew(const char *path, const struct addr_options *options,
		      const struct socket_inode *inode)
{
	struct stat st;
	int file = open_same(path, inode, &st), result;

	if (file < 0)
		return -1;
	result = own_file(file, &st, options);
	fd_close(&file);
	return result;
}

bool socket_file_state(const char *path, const struct socket_inode *inode,
		       struct addr_options *options)
{
	struct stat st;
	int file = open_same(path, inode, &st);

	if (file < 0)
		return false;
	fd_close(&file);
	options->given |= ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP;
	options->mode = st.st_mode & 07777;
	options->uid = st.st_uid;
	options->gid = st.st_gid;
	options->accounts_known = true;
	return true;
}

/* Files that are there */

void socket_file_find(const char *path, struct socket_inode *inode)
{
	struct safe_directory directory;
	struct stat st;

	*inode = (struct socket_inode){ 0 };
	if (safe_directory(path, &directory) < 0)
		return;
	if (fstatat(directory.fd, directory.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISSOCK(st.st_mode))
		*inode = (struct socket_inode){ st.st_dev, st.st_ino };
	fd_close(&directory.fd);
}

void socket_file_remove(const char *path, const struct socket_inode *inode)
{
	struct safe_directory directory;

	if (safe_directory(path, &directory) < 0)
		return;
	if (still_has(&directory, inode))
		unlinkat(directory.fd, directory.name, 0);
	fd_close(&directory.fd);
}
