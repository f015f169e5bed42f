/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confine: takes from this process what it will not need to move bytes, for good: it becomes the user who was asked for,
 * has no capability, gains no privilege by running a program, makes no process, opens no file but those that explain why
 * a vsock connection failed, and no socket of another family. What the kernel can't hold is left out, and told.
 *
 *   what is taken                                          by               where
 *   user and groups, capabilities, no_new_privs            the kernel       Linux 5.10 and later
 *   processes, programs, ptrace, listening, all calls but  seccomp          where we are built with libseccomp
 *     those that moving bytes needs; files for writing
 *   files for reading, but /proc, /sys, /dev/vsock         Landlock ABI 1   Linux 5.13
 *   TCP ports that no rule names (of UDP it knows nothing) ABI 4            Linux 6.7
 *   abstract UNIX sockets, if no rule names one; signals   ABI 6            Linux 6.12
 *   UNIX sockets elsewhere than where rules name them      ABI 9            Linux 7.1
 */
#ifndef SERVE_CONFINE_H
#define SERVE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/user.h"

/* What is still to be done. */
struct confine_plan {
	const struct user *user;  /* whom to become; name NULL: who we are */
	bool off;                 /* become the user, and nothing else */
	uint16_t *ports;          /* TCP, to connect to */
	size_t port_count;
	char **folders;           /* where UNIX sockets are, to connect to */
	size_t folder_count;
	bool any_port;            /* what ports are connected to isn't known */
	bool bind;                /* sockets are bound before they connect */
	bool abstract;            /* connects to abstract UNIX sockets */
	bool datagrams;           /* makes UDP sockets */
	bool syslog;              /* messages go to syslog(3) */
};

struct confined {
	bool user;         /* became another */
	bool capabilities; /* has none, and gets none */
	bool no_new_privs;
	bool calls;        /* seccomp */
	int landlock;      /* its ABI; 0: none */
	bool ports;        /* TCP ports are limited */
	char missing[160]; /* what is not held, and why, or "" */
};

/* 0; or a negative errno where it could not become the user: then the process must not go on. */
int confine(const struct confine_plan *plan, struct confined *done);
/* In words, for -v: "no privileges, seccomp, Landlock ABI 7 (files, ports)". Returns buf. */
char *confine_describe(const struct confined *done, char *buf, size_t size);

#endif
