/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confine: permanently takes from this process everything that it does not need to move bytes. It
 * switches to the requested user, has no capability, cannot gain privileges by running a program,
 * creates no process, opens no file, and makes no socket of a family that no rule connects to. What
 * the kernel cannot enforce is left out and reported.
 *
 * Enforced by the kernel itself (Linux 5.10 and later):
 *   user and groups, capabilities, no_new_privs
 * By seccomp, if built with libseccomp:
 *   no processes, programs, ptrace or listening; only the calls that moving bytes needs; no files
 *   for writing
 * By Landlock:
 *   ABI 1 (Linux 5.13): no files at all
 *   ABI 4 (Linux 6.7): only TCP ports that rules name (it does not cover UDP)
 *   ABI 6 (Linux 6.12): no abstract UNIX sockets unless a rule names one; no signals
 *   ABI 9 (Linux 7.1): UNIX sockets only where rules name them
 */
#ifndef PROXY_WORKER_CONFINE_H
#define PROXY_WORKER_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/user.h"

/* What the process still has to do. */
struct confine_plan {
	const struct user *user; /* the user to switch to; name NULL: stay */
	bool off; /* only switch to the user */
	uint16_t *ports; /* TCP, to connect to */
	size_t port_count;
	char **directories; /* where UNIX sockets are, to connect to */
	size_t directory_count;
	bool any_port; /* the ports to connect to are not known */
	bool bind; /* binds sockets before connecting */
	bool abstract; /* connects to abstract UNIX sockets */
	bool local, vsock, ip; /* makes sockets of AF_UNIX, AF_VSOCK, AF_INET and AF_INET6 */
	bool datagrams; /* makes UDP sockets */
	bool syslog; /* messages go to syslog(3) */
};

struct confined {
	bool user; /* switched to the user */
	bool capabilities; /* has none and gains none */
	bool no_new_privs;
	bool calls; /* seccomp */
	int landlock; /* its ABI; 0: none */
	bool ports; /* TCP ports are limited */
	char missing[160]; /* what is not enforced, and why, or "" */
};

/* 0, or a negative errno if it could not switch to the user: then the process must not continue. */
int confine(const struct confine_plan *plan, struct confined *done);
/* Describes it for -v: "no privileges, seccomp, Landlock ABI 7 (files, ports)". Returns buf. */
char *confine_describe(const struct confined *done, char *buf, size_t size);

/* Its mechanisms, one in each file. */

/* Landlock: 0 with done->landlock and done->ports, or a negative errno: -ENOSYS and -EOPNOTSUPP
 * if the kernel has no Landlock. */
int confine_files(const struct confine_plan *plan, struct confined *done);
/* seccomp: 0 or a negative errno; -ENOSYS: built without libseccomp. */
int confine_calls(const struct confine_plan *plan, const struct confined *done);

#endif
