/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fd: helpers for file descriptors. Every descriptor made here is close-on-exec. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Raises the soft limit of descriptors to the hard limit, and returns it. */
size_t fd_limit_raise(void);
/* Restores the soft limit that was in force before fd_limit_raise(): for a child that may use
 * select(2). */
void fd_limit_restore(void);
/* Is this errno a lack of descriptors or memory here? It may be over when something is closed. */
bool fd_is_shortage(int error);
/* Closes *fd unless it is negative, and sets it to -1. Preserves errno. */
void fd_close(int *fd);
/* The same for what was written to: 0, or the negative errno with which close(2) says that it was
 * not stored, as a full disk behind NFS or FUSE. */
int fd_finish(int *fd);
/* Opens those of the descriptors 0, 1 and 2 that are closed on /dev/null, so that no socket gets
 * their number. Standard output is opened for reading only, so that writing to it fails with EBADF
 * and nothing is lost silently. */
void fd_standard(void);
/* Did fd_standard() find standard error closed? What is written there since then is lost. */
bool fd_no_standard_error(void);
/* Closes all descriptors except 0, 1, 2 and these, which are renumbered from 3; 0 and 1 become
 * /dev/null. 0 or a negative errno. */
int fd_keep(int *fds, size_t count);
int fd_cloexec(int fd, bool on); /* 0 or negative errno */
int fd_nonblock(int fd,
		bool on); /* 0 or negative errno; only for descriptors that are ours alone */
/* Reads to end of file. 0: *data, which the caller frees with free(3), holds *size bytes and a NUL.
 * Otherwise *data is NULL: -EFBIG (more than most bytes), -ENOMEM, or another negative errno. */
int fd_read_all(int fd, size_t most, char **data, size_t *size);
/* Writes all of it to a blocking or non-blocking descriptor, and waits for room with poll(2)
 * without a time limit. 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t size);
/* The same, but gives up with -ETIMEDOUT once units_now() has reached deadline in ns. With a
 * deadline in the past it writes what fits at once. It checks for room before each piece, so on a
 * blocking descriptor it can only overrun if another process fills it in between. *written, unless
 * NULL, is the number of bytes written, also after an error. */
int fd_write_until(int fd, const void *data, size_t size, uint64_t deadline, size_t *written);
/* The same for what is written beside the main job, as to a FIFO: -ETIMEDOUT where its reader has
 * made no room for 2 s. */
int fd_write_for_reader(int fd, const void *data, size_t size);
/* Sends a descriptor through a connected UNIX socket (SCM_RIGHTS, with one byte 0, as OpenBSD's nc
 * -F does); ours stays open. 0 or negative errno. */
int fd_pass(int through, int fd);

/* Room for the control data of a message with so many descriptors. */
#define FD_RIGHTS(count) CMSG_SPACE(sizeof(int) * (count))
/* Attaches descriptors to a message as control data, stored in room, which has at least
 * FD_RIGHTS(count) bytes and the alignment of struct cmsghdr. */
void fd_attach(struct msghdr *message, void *room, const int *fds, size_t count);

#endif
