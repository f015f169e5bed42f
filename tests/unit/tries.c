/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tries.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

char tries_directory[TEMPORARY_MAX];

int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static void *do_nothing(void *argument)
{
	return argument;
}

int try_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, do_nothing, NULL);
	return errno || pthread_join(thread, NULL) ? -1 : 0;
}

int try_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

int try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

int try_kill(void)
{
	return kill(getppid(), 0);
}

int try_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

int try_local(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

int try_local_datagrams(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

int try_tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

int try_tcp6(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0);
}

int try_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

int try_open(void)
{
	return open("/dev/null", O_RDONLY);
}

int try_stat(void)
{
	struct stat st;

	return stat("/proc/self", &st);
}

int try_readlink(void)
{
	char buf[16];

	return (int)readlink("/proc/self/exe", buf, sizeof(buf));
}

int try_mptcp(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

int try_listen(void)
{
	return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

int try_bind(void)
{
	const struct sockaddr_in here = { .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return bind(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&here, sizeof(here));
}

int try_write(void)
{
	return open(tries_directory, O_WRONLY | O_TMPFILE, 0600);
}

int try_create(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/new", tries_directory);
	return open(path, O_RDONLY | O_CREAT, 0600);
}

int try_unlink(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/here", tries_directory);
	return unlink(path);
}

int try_chmod(void)
{
	return chmod(tries_directory, 0777);
}

int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

int try_setuid(void)
{
	return setuid(getuid());
}

int try_namespace(void)
{
	return (int)syscall(SYS_unshare, 0);
}

int try_io_uring(void)
{
	return (int)syscall(425, 1, NULL); /* io_uring_setup */
}

int try_memfd(void)
{
	return memfd_create("code", 0);
}
