/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * receive: stores what each connection sends as a new file in one directory.
 *
 * The name is TIME-NUMBER-PEER, such as 20261122T101112Z-1-vsock-3-1026; the client has no
 * influence on it. During the transfer, and for good if the transfer is incomplete, the file is
 * called NAME.part. No existing file is ever opened or replaced, and no link is followed: the file
 * is made with openat(2) and O_EXCL in the open directory, and renamed with renameat2(2) and
 * RENAME_NOREPLACE.
 */
#ifndef LISTEN_RECEIVE_H
#define LISTEN_RECEIVE_H

#include "net/endpoint.h"
#include "serve/session.h"

/* Opens the directory, and checks that files can be created in it. Returns a descriptor or a
 * negative errno.
 */
int receive_directory(int base, const char *path);
/* Makes a new file for the session: *here. 0 or a negative errno. */
int receive_start(int directory, const char *path, struct session *session, struct endpoint *here);
/* The session has ended: gives a complete file its name, and reports an incomplete one. Returns the
 * session's status, or a worse one. */
int receive_finish(int directory, const struct session *session);

#endif
