/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * receive: what each connection sends becomes a new file in one directory.
 *
 * The name is made of time, number and peer, by us alone: TIME-NUMBER-PEER, as 20261122T101112Z-1-vsock-3-1026. While it
 * arrives, and for good if it does not arrive whole, the file is called NAME.part. Nothing that is there is ever opened
 * or replaced, and no link is followed: openat(2) with O_EXCL on the directory's descriptor, renameat2(2) with
 * RENAME_NOREPLACE.
 */
#ifndef SERVE_RECEIVE_H
#define SERVE_RECEIVE_H

#include "net/endpoint.h"
#include "serve/session.h"

/* Opens the directory, and looks whether files may be made in it. A descriptor or a negative errno. */
int receive_directory(int base, const char *path);
/* A new file for the session: *here. 0 or a negative errno. */
int receive_start(int directory, const char *path, struct session *session, struct endpoint *here);
/* The session has ended: the name if it came whole, else says so. The session's status, or what is worse. */
int receive_finish(int directory, const struct session *session);

#endif
