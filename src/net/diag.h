/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag: lists the vsock sockets of this machine and their processes, from sock_diag(7) and /proc.
 * The kernel lists those of one network namespace at a time; the others are entered for that
 * (net/netns), as far as this user may.
 *
 * Asking makes the kernel load the vsock_diag module if it is not loaded yet: see diag_is_quiet().
 */
#ifndef NET_DIAG_H
#define NET_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/machine.h"
#include "net/netns.h"

enum diag_state { DIAG_LISTEN, DIAG_OPEN, DIAG_CONNECTING, DIAG_CLOSING, DIAG_BOUND };

struct diag_socket {
	enum diag_state state;
	int type; /* SOCK_STREAM … */
	uint32_t cid, port; /* ADDR_CID_ANY: any */
	uint32_t peer_cid, peer_port; /* of DIAG_OPEN, DIAG_CONNECTING and DIAG_CLOSING */
	uint32_t inode;
	pid_t pid; /* the lowest pid that has it open; 0: none, or not visible to us */
	char program[32];
	unsigned others; /* how many more processes have it open */
	size_t netns; /* 0: our network namespace; else that of namespaces.entries[netns - 1] */
};

struct diag_list {
	struct diag_socket *sockets; /* owned; listening ones first, then by address */
	size_t count;
	struct netns_list namespaces; /* owned */
};

/* What names the namespace of a socket, for netns=; NULL: it is ours. */
const char *diag_netns(const struct diag_list *list, const struct diag_socket *socket);

/* Would diag_read() load no module? */
bool diag_is_quiet(const struct machine *machine);
/* Reads the list. 0, or a negative errno; -ENOENT: the kernel has no vsock_diag. */
int diag_read(struct diag_list *list);
void diag_free(struct diag_list *list);

const char *diag_state_name(enum diag_state state); /* listen open connecting closing bound */
const char *diag_type_name(int type); /* stream seqpacket dgram */

#endif
