/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sender: sends messages on a vsock seqpacket socket, whole, from a thread of its own.
 *
 * Why a thread: a send() that may not block hands the receiver as much of a message as its window has room for, and then
 * answers EAGAIN (Linux 5.14 to 7.3, af_vsock.c, vsock_connectible_sendmsg: written bytes are told for streams only). How
 * much went is not told, so to send again would repeat it, and the receiver gets one message of both. A send() that may
 * block gets it right.
 *
 * One message is on its way at a time. sender_write() answers -EAGAIN until it has gone, and is then called again with the
 * same message, as with any descriptor that is full: nothing counts as written that was not.
 */
#ifndef NET_SENDER_H
#define NET_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sender;

/* fd must not be O_NONBLOCK, and is the sender's to close where it owns it. 0 or a negative errno (then it is the caller's). */
int sender_start(int fd, bool owns, struct sender **out);
/* The descriptor to poll: writable when sender_write() should be called. It stays the sender's. */
int sender_event(const struct sender *sender);
/* The socket. */
int sender_fd(const struct sender *sender);
/* size when the message has gone, -EAGAIN, or another negative errno. */
ssize_t sender_write(struct sender *sender, const void *data, size_t size);
/* Gives up a message that is on its way, closes the socket if it owns it, and frees. */
void sender_stop(struct sender *sender);
/* Frees a sender that has sent nothing yet; returns the socket, which is the caller's. */
int sender_release(struct sender *sender);

#endif
