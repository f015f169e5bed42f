/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.so, for LD_PRELOAD: counts the calls that one of our programs makes into the C library,
 * and lets one of them fail. tests/faults/inject decides which, and judges what happens then.
 *
 * Only calls from the program's own code count, told by their return address: what the C library
 * and other libraries call for themselves is theirs. A call is named by its process, its function,
 * where it returns to in the program, and a number, which counts the calls from there in that
 * process. A process is named by its ancestry: 1 is the program, 8 to 15 are the children of 1 in
 * the order of their fork, 64 to 71 those of 8, and so on. So a call has the same name in each run
 * of the same scenario, even if the program did a bit more or less elsewhere.
 *
 * What to do and what was done is in a file of struct map, which is mapped before main(). From then
 * on this library makes no system call, because the worker of vsock-proxy may make none that its
 * seccomp filter does not know.
 *
 * The wrappers pass on six registers, whatever the real function takes; the calling conventions of
 * Linux on x86-64, aarch64 and riscv64 allow that, also for functions with an ellipsis. They are
 * not declared under their own names, so no header is contradicted.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORDS 65536
#define CHILDREN 8

/* inject knows this layout. */
struct record {
	uint32_t process, function, site; /* site: where the call returns to, as an offset in the
					     program's file */
};

struct map {
	/* which call fails: all 0 for none */
	uint32_t process, function, site, number;
	uint32_t repeat; /* not 0: all later ones from there in that process fail too */
	int32_t error;
	/* what happened */
	uint32_t failed; /* how many calls were made to fail */
	uint32_t count; /* how many records there are, or would be if there was room */
	struct record records[RECORDS];
};

/* How a function reports its failure. */
enum {
	MINUS, /* -1 and errno */
	NIL, /* NULL and errno */
	CODE, /* it returns the error */
	NEGATIVE, /* it returns the error, negative */
};

/* Functions that fail after they have done what they should. */
#define DONE 16
/* Functions whose first argument may be a socket: if the error says that its connection is broken,
 * it is. */
#define SOCKET 32

/* clang-format off */
#define FUNCTIONS(ONE) \
	ONE(malloc, NIL) ONE(calloc, NIL) ONE(realloc, NIL) ONE(reallocarray, NIL) \
	ONE(strdup, NIL) ONE(strndup, NIL) ONE(__vasprintf_chk, MINUS) \
	ONE(vasprintf, MINUS) ONE(open_memstream, NIL) ONE(fmemopen, NIL) ONE(fdopen, NIL) \
	ONE(fopen, NIL) ONE(getline, MINUS) ONE(__getdelim, MINUS) ONE(getcwd, NIL) \
	ONE(__realpath_chk, NIL) ONE(realpath, NIL) ONE(setenv, MINUS) ONE(fflush, MINUS) \
	ONE(fclose, MINUS | DONE) ONE(open, MINUS) ONE(__open_2, MINUS) ONE(openat, MINUS) \
	ONE(__openat_2, MINUS) ONE(close, MINUS | DONE) ONE(dup, MINUS) ONE(dup2, MINUS) \
	ONE(dup3, MINUS) ONE(fcntl, MINUS) ONE(pipe2, MINUS) ONE(eventfd, MINUS) \
	ONE(signalfd, MINUS) ONE(memfd_create, MINUS) ONE(ftruncate, MINUS) \
	ONE(inotify_init1, MINUS) ONE(inotify_add_watch, MINUS) ONE(opendir, NIL) \
	ONE(fdopendir, NIL) ONE(scandir, MINUS) ONE(stat, MINUS) ONE(lstat, MINUS) \
	ONE(fstat, MINUS) ONE(fstatat, MINUS) ONE(readlink, MINUS) ONE(readlinkat, MINUS) \
	ONE(mkdir, MINUS) ONE(linkat, MINUS) ONE(unlinkat, MINUS) ONE(chmod, MINUS) \
	ONE(fchmod, MINUS) ONE(fchownat, MINUS) ONE(fchdir, MINUS) ONE(socket, MINUS) \
	ONE(socketpair, MINUS) ONE(bind, MINUS) ONE(listen, MINUS) ONE(accept4, MINUS) \
	ONE(connect, MINUS) ONE(shutdown, MINUS | DONE) ONE(getsockname, MINUS) \
	ONE(getpeername, MINUS) ONE(getsockopt, MINUS) ONE(setsockopt, MINUS) \
	ONE(read, MINUS | SOCKET) ONE(__read_chk, MINUS) ONE(pread, MINUS) \
	ONE(recv, MINUS | SOCKET) ONE(__recv_chk, MINUS | SOCKET) \
	ONE(recvmsg, MINUS | SOCKET) ONE(recvmmsg, MINUS) \
	ONE(write, MINUS | SOCKET) ONE(writev, MINUS | SOCKET) ONE(send, MINUS | SOCKET) \
	ONE(sendto, MINUS | SOCKET) ONE(sendmsg, MINUS | SOCKET) \
	ONE(sendmmsg, MINUS) ONE(splice, MINUS | SOCKET) \
	ONE(sendfile, MINUS | SOCKET) ONE(poll, MINUS) ONE(epoll_create1, MINUS) \
	ONE(epoll_ctl, MINUS) ONE(epoll_wait, MINUS) ONE(execv, MINUS) ONE(waitpid, MINUS) \
	ONE(pthread_create, CODE) ONE(getaddrinfo, CODE) ONE(glob, CODE) \
	ONE(getpwnam, NIL) ONE(getpwuid, NIL) ONE(getgrnam, NIL) ONE(getgrgid, NIL) \
	ONE(setgroups, MINUS) ONE(initgroups, MINUS) ONE(setresgid, MINUS) \
	ONE(setresuid, MINUS) ONE(seccomp_init, NIL) ONE(seccomp_rule_add_array, NEGATIVE) \
	ONE(seccomp_load, NEGATIVE) ONE(syscall, MINUS) ONE(getrandom, MINUS) \
	ONE(pidfile_open, NIL) ONE(pidfile_write, MINUS)
/* clang-format on */

#define NUMBER(name, how) FUNCTION_##name,
enum {
	FUNCTION_none,
	FUNCTIONS(NUMBER) FUNCTION___asprintf_chk,
	FUNCTION_fork,
	FUNCTION_forkpty,
	FUNCTION_count
};

/* inject reads the names from here. */
#define NAME(name, how) #name "\n"
extern const char faults_names[];
const char faults_names[] = FUNCTIONS(NAME) "__asprintf_chk\nfork\nforkpty\n";

static struct map *map;
static uintptr_t base, first, behind; /* of the program: its file is mapped at base, its code ends
					 before behind */
static uint32_t process = 1, children;
static uint32_t calls; /* from the place whose call is to fail */

/* Of the first object, which is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
			first = base + header->p_vaddr;
			behind = first + header->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("FAULTS_MAP");
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* What the program runs is not meant. */
	unsetenv("FAULTS_MAP");
	unsetenv("LD_PRELOAD");
	if (fd < 0)
		abort();
	dl_iterate_phdr(find_program, NULL);
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
}

/* Does this call fail? Then errno is set. */
static int fails(uint32_t function, const void *from)
{
	uint32_t site = (uint32_t)((uintptr_t)from - base), number, place;

	if (!map || (uintptr_t)from < first || (uintptr_t)from >= behind)
		return 0;
	place = __atomic_fetch_add(&map->count, 1, __ATOMIC_RELAXED);
	if (place < RECORDS)
		map->records[place] = (struct record){ process, function, site };
	if (map->process != process || map->function != function || map->site != site)
		return 0;
	number = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (number < map->number || (number > map->number && !map->repeat))
		return 0;
	__atomic_fetch_add(&map->failed, 1, __ATOMIC_RELAXED);
	errno = map->error;
	return 1;
}

/* Functions of which only some calls can fail in a way that matters: not those that look, nor those
 * that undo. */
static int cannot_fail(uint32_t function, long second)
{
	switch (function) {
	case FUNCTION_fcntl:
		return second == F_GETFL || second == F_SETFL || second == F_GETFD ||
		       second == F_SETFD || second == F_GETPIPE_SZ || second == F_GET_SEALS;
	case FUNCTION_epoll_ctl:
		return second != EPOLL_CTL_ADD;
	}
	return 0;
}

/* What the kernel has done where it answers so: otherwise the peer would wait for more, and we for
 * the peer. Of splice(2) the third argument may be a socket too. */
static void break_connection(int error, long fd, long other)
{
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ETIMEDOUT)
		if (error == EPIPE || shutdown((int)fd, SHUT_RDWR) < 0)
			shutdown((int)other, SHUT_RDWR);
}

static long failure(int how)
{
	switch (how & ~(DONE | SOCKET)) {
	case NIL:
		return 0;
	case CODE:
		return errno;
	case NEGATIVE:
		return -errno;
	}
	return -1;
}

typedef long function(long a, long b, long c, long d, long e, long f);

/* Not in the constructor: malloc() is called before it. */
static function *real(const char *name, function **found)
{
	if (!*found) {
		void *symbol = dlsym(RTLD_NEXT, name);

		memcpy(found, &symbol, sizeof(symbol));
	}
	return *found;
}

#define WRAPPER(name, how)                                                                    \
	function faults_##name __asm__(#name);                                                \
	long faults_##name(long a, long b, long c, long d, long e, long f)                    \
	{                                                                                     \
		static function *found;                                                       \
                                                                                              \
		if (!cannot_fail(FUNCTION_##name, b) &&                                       \
		    fails(FUNCTION_##name, __builtin_return_address(0))) {                    \
			int error = errno;                                                    \
                                                                                              \
			if ((how)&DONE)                                                       \
				real(#name, &found)(a, b, c, d, e, f);                        \
			if ((how)&SOCKET)                                                     \
				break_connection(error, a,                                    \
						 FUNCTION_##name == FUNCTION_splice ? c : a); \
			errno = error;                                                        \
			return failure(how);                                                  \
		}                                                                             \
		return real(#name, &found)(a, b, c, d, e, f);                                 \
	}
FUNCTIONS(WRAPPER)

/* It has any number of arguments. */
int faults_asprintf(char **text, int flag, const char *format, ...) __asm__("__asprintf_chk");
int faults_asprintf(char **text, int flag, const char *format, ...)
{
	va_list arguments;
	int length;

	(void)flag;
	if (fails(FUNCTION___asprintf_chk, __builtin_return_address(0)))
		return -1;
	va_start(arguments, format);
	length = vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}

/* In the child: it has a name of its own, and counts from the start. */
static void become_child(void)
{
	process = process * CHILDREN + children;
	children = 0;
	calls = 0;
}

static long forked(long pid)
{
	if (pid == 0)
		become_child();
	else if (pid > 0)
		children = (children + 1) % CHILDREN;
	return pid;
}

long faults_fork(void) __asm__("fork");
long faults_fork(void)
{
	static function *found;

	if (fails(FUNCTION_fork, __builtin_return_address(0)))
		return -1;
	return forked((int)real("fork", &found)(0, 0, 0, 0, 0, 0));
}

function faults_forkpty __asm__("forkpty");
long faults_forkpty(long a, long b, long c, long d, long e, long f)
{
	static function *found;

	if (fails(FUNCTION_forkpty, __builtin_return_address(0)))
		return -1;
	return forked((int)real("forkpty", &found)(a, b, c, d, e, f));
}
