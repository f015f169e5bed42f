/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify: tells the service manager how things are, as sd_notify(3) does: a datagram to the socket
 * in $NOTIFY_SOCKET. */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

#define NOTIFY_PATIENCE (5 * NSEC_PER_SEC)

/* Sends the lines ("READY=1\nSTATUS=listening"), and waits up to patience (ns) until the service
 * manager takes them; 0: not at all. Without $NOTIFY_SOCKET it does nothing. 0 or a negative errno
 * (-EAGAIN: it takes nothing). */
int notify_send(const char *lines, uint64_t patience);

/* The longest time in ns between two "WATCHDOG=1" ($WATCHDOG_USEC, $WATCHDOG_PID); 0: no watchdog.
 */
uint64_t notify_watchdog(void);

/* How many descriptors the service manager stores for us ($FDSTORE, FileDescriptorStoreMax=); 0:
 * none. */
size_t notify_store_size(void);
/* Has the service manager store copies of these descriptors, all under one name. It stores no
 * descriptor twice. It does not wait: 0 or a negative errno (-EAGAIN). */
int notify_keep(const char *name, const int *fds, size_t count);
/* Waits a few seconds at most until the service manager has processed all messages. Does nothing
 * with a manager that cannot confirm this. */
void notify_wait(void);

#endif
