/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/signals.h"

#include <stddef.h>

void signals_add(sigset_t *signals, int number)
{
	struct sigaction now;

	if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaddset(signals, number);
}
