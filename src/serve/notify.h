/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify: tells the service manager how things are, as sd_notify(3) does: a datagram to the socket in $NOTIFY_SOCKET. */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include <stdint.h>

/* Sends the lines ("READY=1\nSTATUS=listening"). Nothing happens where nobody asked for it; 0 or a negative errno. */
int notify_send(const char *lines);

/* How often "WATCHDOG=1" is expected, at the latest ($WATCHDOG_USEC, $WATCHDOG_PID): ns; 0: not at all. */
uint64_t notify_watchdog(void);

#endif
