/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket-file: creates the files of listening UNIX sockets with their mode and owner, and removes
 * them.
 *
 * Theory of operation: a user who may write to the directory can replace the socket with another
 * file or a link at any moment, and root must not change that file instead. So the socket gets its
 * mode before bind(2) creates the file, the owner is changed through an O_PATH descriptor that is
 * known to be the socket, and the directory is opened once (base/safe).
 */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

#include <sys/types.h>

#include "net/addr.h"
#include "net/explain.h"
#include "net/socket.h"

/* Looks the owner and the group up, which may take long; whoever opens the socket later does not
 * have to. */
void socket_file_accounts(struct addr_options *options);
/* Binds a socket to a path, with the mode, owner and group of the options. Replaces a stale socket
 * file, but not a live one (EADDRINUSE). 0 with *inode, or -1 with errno and the failed *step. */
int socket_file_bind(int fd, const struct place *place, const struct addr_options *options,
		     struct socket_inode *inode, enum step *step);
/* Applies the mode, owner and group of the options to the file of a socket that is already
 * listening. What the mode takes away is taken away first, even if the rest then fails. 0, or -1
 * with errno; ESTALE: the file has been replaced; EIDRM: it has been removed. */
int socket_file_renew(const char *path, const struct addr_options *options,
		      const struct socket_inode *inode);
/* Writes the mode, owner and group that the file has now to the options. False: it has been removed
 * or replaced. */
bool socket_file_state(const char *path, const struct socket_inode *inode,
		       struct addr_options *options);

#endif
