/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calls: what the files with wrapped calls share. */
#ifndef TESTS_SIM_CALLS_H
#define TESTS_SIM_CALLS_H

#include "sim.h"

/* Each call begins with this: others may do something, and an error may be injected, which is
 * returned. */
int call_begin(enum call call, const char *name);
/* What is only counted and traced. */
void call_other(const char *name);
/* Makes a call shorter, or answers EAGAIN or EINTR: a negative errno, or 0. */
int call_soften(struct file *file, size_t *size);
/* What a call answers: sets errno. */
ssize_t call_end(ssize_t result);

/* Waits, in a thread of the program, until the socket may take more. */
void thread_wait(struct sock *sock);

#endif
