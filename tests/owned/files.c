/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an owned worker tries with files; see owned.h. Paths are those that anybody may open. */
#include "config.h"

#include "owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

static const char file[] = "/etc/passwd";

/* Raw calls, since a C library may use another one. */

static int try_open(void)
{
#ifdef SYS_open
	return (int)syscall(SYS_open, file, O_RDONLY, 0);
#else
	return owned_skip();
#endif
}

static int try_openat(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY, 0);
}

static int try_openat2(void)
{
	const uint64_t how[3] = { O_RDONLY, 0, 0 };

	return (int)syscall(437, AT_FDCWD, file, how, sizeof(how));
}

static int try_handle(void)
{
	return (int)syscall(SYS_name_to_handle_at, AT_FDCWD, file, NULL, NULL, 0);
}

static int try_open_handle(void)
{
	return (int)syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0);
}

static int try_own_status(void)
{
	return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static int try_supervisor_memory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/mem", (long)getppid());
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int try_environment(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)getppid());
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int try_network_files(void)
{
	return open("/proc/net/tcp", O_RDONLY | O_CLOEXEC);
}

static int try_sys(void)
{
	return open("/sys/class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int try_device(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* In the directory that the test has made for it, which everybody may write to. */
static int in_directory(const char **path, const char *name)
{
	static char text[4096];
	const char *directory = owned_given("OWNED_DIRECTORY");

	snprintf(text, sizeof(text), "%s/%s", directory ? directory : "/nowhere", name);
	*path = text;
	return AT_FDCWD;
}

static int try_create(void)
{
	const char *path;
	int at = in_directory(&path, "created");

	return openat(at, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int try_temporary(void)
{
	const char *path;
	int at = in_directory(&path, ".");

	return openat(at, path, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
}

static int try_mkdir(void)
{
	const char *path;
	int at = in_directory(&path, "directory");

	return mkdirat(at, path, 0700);
}

static int try_symlink(void)
{
	const char *path;
	int at = in_directory(&path, "link");

	return symlinkat(file, at, path);
}

static int try_fifo(void)
{
	const char *path;
	int at = in_directory(&path, "fifo");

	return (int)syscall(SYS_mknodat, at, path, S_IFIFO | 0600, 0);
}

static int try_unlink(void)
{
	const char *path;
	int at = in_directory(&path, "victim");

	return unlinkat(at, path, 0);
}

static int try_rename(void)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, "/nowhere/a", AT_FDCWD, "/nowhere/b", 0);
}

static int try_link(void)
{
	return linkat(AT_FDCWD, "/nowhere/a", AT_FDCWD, "/nowhere/b", 0);
}

static int try_chmod(void)
{
	return (int)syscall(SYS_fchmodat, AT_FDCWD, "/nowhere/a", 0600);
}

static int try_chown(void)
{
	return fchownat(AT_FDCWD, "/nowhere/a", getuid(), getgid(), 0);
}

static int try_truncate(void)
{
	return truncate("/nowhere/a", 0);
}

static int try_memfd(void)
{
	return (int)syscall(SYS_memfd_create, "owned", 0);
}

static int try_stat(void)
{
	struct stat st;

	return fstatat(AT_FDCWD, file, &st, 0);
}

static int try_statx(void)
{
	static uint64_t buf[32];

	return (int)syscall(SYS_statx, AT_FDCWD, file, 0, 0xfff, buf);
}

static int try_readlink(void)
{
	char buf[16];

	return (int)readlinkat(AT_FDCWD, "/proc/self/exe", buf, sizeof(buf));
}

static int try_access(void)
{
	return (int)syscall(SYS_faccessat, AT_FDCWD, file, R_OK);
}

static int try_list(void)
{
	char buf[64];

	return (int)syscall(SYS_getdents64, 0, buf, sizeof(buf));
}

static int try_cwd(void)
{
	char buf[4096];

	return (int)syscall(SYS_getcwd, buf, sizeof(buf));
}

static int try_chdir(void)
{
	return chdir("/");
}

static int try_watch(void)
{
	return (int)syscall(SYS_inotify_init1, O_CLOEXEC);
}

static int try_chroot(void)
{
	return chroot("/nowhere");
}

static int try_mount(void)
{
	return (int)syscall(SYS_mount, NULL, "/nowhere", NULL, 0, NULL);
}

static int try_umount(void)
{
	return (int)syscall(SYS_umount2, "/nowhere", 0);
}

static int try_fsopen(void)
{
	return (int)syscall(430, NULL, 0);
}

static int try_open_tree(void)
{
	return (int)syscall(428, AT_FDCWD, "/nowhere", 0);
}

static const struct attempt list[] = {
	{ "open a file", "open", try_open },
	{ "open a file", "openat", try_openat },
	{ "open a file", "openat2", try_openat2 },
	{ "open a file", "name_to_handle_at", try_handle },
	{ "open a file", "open_by_handle_at", try_open_handle },
	{ "open a file in /proc or /sys, or a device", "/proc/self/status", try_own_status },
	{ "open a file in /proc or /sys, or a device", "supervisor's mem", try_supervisor_memory },
	{ "open a file in /proc or /sys, or a device", "supervisor's environ", try_environment },
	{ "open a file in /proc or /sys, or a device", "/proc/net/tcp", try_network_files },
	{ "open a file in /proc or /sys, or a device", "/sys/class/net", try_sys },
	{ "open a file in /proc or /sys, or a device", "/dev/null", try_device },
	{ "create, change or remove a file", "O_CREAT", try_create },
	{ "create, change or remove a file", "O_TMPFILE", try_temporary },
	{ "create, change or remove a file", "mkdirat", try_mkdir },
	{ "create, change or remove a file", "symlinkat", try_symlink },
	{ "create, change or remove a file", "mknodat", try_fifo },
	{ "create, change or remove a file", "unlinkat", try_unlink },
	{ "create, change or remove a file", "renameat2", try_rename },
	{ "create, change or remove a file", "linkat", try_link },
	{ "create, change or remove a file", "fchmodat", try_chmod },
	{ "create, change or remove a file", "fchownat", try_chown },
	{ "create, change or remove a file", "truncate", try_truncate },
	{ "create, change or remove a file", "memfd_create", try_memfd },
	{ "see whether a path exists, list a directory", "fstatat", try_stat },
	{ "see whether a path exists, list a directory", "statx", try_statx },
	{ "see whether a path exists, list a directory", "readlinkat", try_readlink },
	{ "see whether a path exists, list a directory", "faccessat", try_access },
	{ "see whether a path exists, list a directory", "getdents64", try_list },
	{ "see whether a path exists, list a directory", "getcwd", try_cwd },
	{ "see whether a path exists, list a directory", "chdir", try_chdir },
	{ "see whether a path exists, list a directory", "inotify_init1", try_watch },
	{ "mount, or change its root", "chroot", try_chroot },
	{ "mount, or change its root", "mount", try_mount },
	{ "mount, or change its root", "umount2", try_umount },
	{ "mount, or change its root", "fsopen", try_fsopen },
	{ "mount, or change its root", "open_tree", try_open_tree },
};

const struct attempts owned_files = { list, ARRAY_SIZE(list) };
