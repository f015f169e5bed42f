/* SPDX-License-Identifier: GPL-3.0-or-later */
/* signals: the set of signals that a program handles. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>
#include <stddef.h>

/* Adds a signal, unless it was ignored when the program started: a signal that nohup(1) or a shell
 * with background jobs has set to be ignored stays ignored. */
static inline void signals_add(sigset_t *signals, int number)
{
	struct sigaction now;

	if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaddset(signals, number);
}

#endif
