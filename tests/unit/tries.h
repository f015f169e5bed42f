/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tries: system calls that a confined process tries. Each returns 0 or more, or -1 with errno. */
#ifndef TESTS_TRIES_H
#define TESTS_TRIES_H

#include "../lib/temporary.h"

/* Has the socket "here" in it, and another in its directory "else". */
extern char tries_directory[TEMPORARY_MAX];

int try_fork(void);
int try_thread(void);
int try_exec(void);
int try_ptrace(void);
int try_kill(void);
int try_udp(void);
int try_netlink(void);
int try_local(void);
int try_local_datagrams(void);
int try_tcp(void);
int try_tcp6(void);
int try_packets(void);
int try_open(void);
int try_stat(void);
int try_readlink(void);
int try_mptcp(void);
int try_listen(void);
int try_bind(void);
int try_write(void);
int try_create(void);
int try_unlink(void);
int try_chmod(void);
int try_code(void);
int try_setuid(void);
int try_namespace(void);
int try_io_uring(void);
int try_memfd(void);

#endif
