/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify: tells the service manager how things are, as sd_notify(3) does: a datagram to the socket in $NOTIFY_SOCKET. */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

/* Sends the lines ("READY=1\nSTATUS=listening"). Nothing happens where nobody asked for it; 0 or a negative errno. */
int notify_send(const char *lines);

/* How often "WATCHDOG=1" is expected, at the latest ($WATCHDOG_USEC, $WATCHDOG_PID): ns; 0: not at all. */
uint64_t notify_watchdog(void);

/* How many descriptors the manager keeps for us ($FDSTORE, FileDescriptorStoreMax=); 0: none. */
size_t notify_store_size(void);
/* Has it keep these, ours stay open, under one name for all of them. It keeps no descriptor twice. 0 or a negative errno. */
int notify_keep(const char *name, const int *fds, size_t count);
/* Has it close those of that name. */
int notify_forget(const char *name);
/* Waits until it has done all that it was told, for some seconds at most. Harmless where it doesn't know how to tell. */
void notify_wait(void);

#endif
