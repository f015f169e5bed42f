/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sender: sends whole messages on a vsock seqpacket socket from a thread of its own.
 *
 * Why a thread: a non-blocking send() passes on as much of a message as the receiver's window has
 * room for, and then fails with EAGAIN (Linux 5.14 to 7.3, af_vsock.c, vsock_connectible_sendmsg:
 * written bytes are returned for streams only). The caller cannot know how much was sent, so
 * sending again would repeat a part, and the receiver would get both as one message. A blocking
 * send() does it right.
 *
 * One message is in transit at a time. sender_write() returns -EAGAIN until the message is sent,
 * and is then called again with the same message, as for any full descriptor. So nothing counts as
 * written that was not.
 */
#ifndef NET_SENDER_H
#define NET_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sender;

/* Starts the thread. fd must be blocking; the caller closes it, but only after sender_stop(). 0 or
 * a negative errno. */
int sender_start(int fd, struct sender **out);
/* The descriptor to poll: writable when sender_write() should be called. The sender owns it. */
int sender_event(const struct sender *sender);
/* Returns size once the message is sent, -EAGAIN, or another negative errno. flags: MSG_EOR or 0.
 */
ssize_t sender_write(struct sender *sender, const void *data, size_t size, int flags);
/* Stops the thread and frees the sender. A message in transit is abandoned, and the socket is shut
 * down. */
void sender_stop(struct sender *sender);

#endif
