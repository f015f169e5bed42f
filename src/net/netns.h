/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netns: other network namespaces, in which sockets can be opened (the address option netns=).
 *
 * Theory of operation: a socket belongs for ever to the network namespace of the thread that called
 * socket(2), whoever uses it later. So a thread of its own enters the namespace (setns(2)), opens
 * what is wanted, and ends: the rest of the process stays where it is, and there is no way back
 * that could fail.
 */
#ifndef NET_NETNS_H
#define NET_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETNS_MAX 256 /* bytes of what names a namespace, with the NUL */
#define NETNS_DIRECTORY "/run/netns" /* where ip-netns(8) keeps those that have a name */

/* What names a namespace: the number of a process that is in it, the absolute path of a file
 * (/proc/PID/ns/net, or what is mounted somewhere), or a name of ip-netns(8). Writes the file's
 * path, which has room in NETNS_MAX + 16 bytes, to buf, and returns buf. */
char *netns_path(const char *netns, char *buf, size_t size);

/* May this character be in what names a namespace, besides the slashes of a path? */
bool netns_may_have(char c);

/* Calls call(context) in a network namespace. 0, or a negative errno of entering it: -ENOENT there
 * is none, -EINVAL it is something else, -EPERM and -EACCES it takes CAP_SYS_ADMIN. */
int netns_run(const char *netns, void (*call)(void *context), void *context);
/* socket(2) in a network namespace. The descriptor; or a negative errno, where *entered tells
 * whether the namespace could be entered. */
int netns_socket(const char *netns, int family, int type, bool *entered);

/* The number of a namespace (its inode); "" is the one that this thread is in. 0: not known. */
uint64_t netns_id(const char *netns);
/* That of a socket; 0: not known (it takes CAP_NET_ADMIN). */
uint64_t netns_of_socket(int fd);
/* Writes what names the namespace of a process: its name of ip-netns(8), or else the number of the
 * process. Returns buf. */
char *netns_name(uint64_t id, long pid, char *buf, size_t size);

struct netns_list {
	struct netns_entry {
		uint64_t id;
		char name[64]; /* for netns= */
	} * entries; /* owned */
	size_t count;
};

/* All namespaces that processes are in or that have a name, as far as this user may see them, but
 * not this thread's own. 0, or -ENOMEM with those found so far. */
int netns_find(struct netns_list *list);
void netns_list_free(struct netns_list *list);

#endif
