/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * without-vsock EAFNOSUPPORT|EPERM COMMAND [ARGUMENT...]: run a command that cannot open an
 * AF_VSOCK socket; see deny-vsock.h. The error is what socket() answers then: EAFNOSUPPORT, as
 * under a unit's RestrictAddressFamilies=, or EPERM, as in a container.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deny-vsock.h"

int main(int argc, char **argv)
{
	int error;

	if (argc < 3 || (strcmp(argv[1], "EAFNOSUPPORT") != 0 && strcmp(argv[1], "EPERM") != 0)) {
		fputs("usage: without-vsock EAFNOSUPPORT|EPERM COMMAND [ARGUMENT...]\n", stderr);
		return 125;
	}
	error = deny_vsock(strcmp(argv[1], "EPERM") == 0 ? EPERM : EAFNOSUPPORT);
	if (error < 0) {
		fprintf(stderr, "without-vsock: seccomp: %s\n", strerror(-error));
		return 125;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "without-vsock: %s: %s\n", argv[2], strerror(errno));
	return 127;
}
