/* SPDX-License-Identifier: GPL-3.0-or-later */
/* signals: which ones a program listens to. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>

/* Adds a signal, unless it was ignored when the program was started: what nohup(1), or a shell for its background jobs, has it
 * ignore stays ignored. */
void signals_add(sigset_t *signals, int number);

#endif
