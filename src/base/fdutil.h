/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fdutil: small things about descriptors. Every descriptor here is close-on-exec. */
#ifndef BASE_FDUTIL_H
#define BASE_FDUTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Raises the soft limit of descriptors to the hard one; returns the limit now in force. */
size_t fd_limit_raise(void);
/* Restores the soft limit that was in force before fd_limit_raise(): for a child that may use select(2). */
void fd_limit_restore(void);
/* Closes *fd unless negative, and makes it -1; errno is kept. */
void fd_close(int *fd);
/* Sees to it that descriptors 0, 1 and 2 are open (to /dev/null where they were not), so that no socket lands there. */
void fd_standard(void);
/* Closes all but 0, 1, 2 and these, which get the numbers from 3 on; 0 and 1 become /dev/null. 0 or a negative errno. */
int fd_keep(int *fds, size_t count);
int fd_cloexec(int fd, bool on);  /* 0 or negative errno */
int fd_nonblock(int fd, bool on); /* 0 or negative errno; only for descriptors that are ours alone */
/* Reads to the end. 0: *data is owned by the caller, for free(3), with a NUL behind its *size bytes. Else *data is NULL: -EFBIG
 * (more than most bytes), -ENOMEM, or another negative errno. */
int fd_read_all(int fd, size_t most, char **data, size_t *size);
/* Writes all of it to a descriptor that may block or not, and waits (poll(2)) for room, however long: 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t size);
/* The same, but gives up with -ETIMEDOUT once units_now() has reached deadline (ns; in the past: what goes at once is written).
 * It looks before each piece whether there is room, so a descriptor that blocks exceeds it only where somebody else fills it
 * in between. *written is how many bytes went, also before an error; or NULL. */
int fd_write_until(int fd, const void *data, size_t size, uint64_t deadline, size_t *written);
/* Sends a descriptor through a connected UNIX socket (SCM_RIGHTS, with one byte 0, as OpenBSD's nc -F does); ours stays
 * open. 0 or negative errno. */
int fd_pass(int through, int fd);

/* Room for the control data of a message with so many descriptors. */
#define FD_RIGHTS(count) CMSG_SPACE(sizeof(int) * (count))
/* Makes descriptors a message's control data, in room, of at least FD_RIGHTS(count) bytes and aligned as struct cmsghdr. */
void fd_attach(struct msghdr *message, void *room, const int *fds, size_t count);

#endif
