/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * access: who may connect. A list of allow and deny entries in the order written; the first that matches the peer wins.
 * Where none matches, the peer is let in, unless there is any allow entry: an --allow denies the rest.
 *
 * What is judged is what the kernel says of the peer: the CID that the hypervisor enforces, the IP address, the
 * credentials of a UNIX socket's peer. A source port proves nothing.
 */
#ifndef SERVE_ACCESS_H
#define SERVE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "base/mistake.h"
#include "net/addr.h"
#include "net/hosts.h"
#include "net/peer.h"
#include "serve/accounts.h"

enum access_kind { ACCESS_ANY, ACCESS_CID, ACCESS_IP, ACCESS_UID, ACCESS_GID };

struct access_entry {
	enum access_kind kind;
	bool allow;
	uint32_t number;    /* CID, uid or gid */
	struct in6_addr ip; /* IPv4 as v4-mapped */
	unsigned prefix;    /* bits, of the 128 */
	char text[64];      /* as written, for records */
};

struct access {
	struct access_entry *entries; /* owned */
	size_t count;
	struct accounts *accounts; /* where access_add() finds users and groups; NULL: it asks the system */
};

/* Adds the WHO list in text ("3,host", "10.0.0.0/8", "uid:0,user:NAME", "any"). 0, -EINVAL with *error, or -ENOMEM. */
int access_add(struct access *access, const char *text, bool allow, const struct hosts *hosts, struct mistake *error);
/* May an entry ever match a peer of this family? */
bool access_suits(const struct access_entry *entry, enum addr_family family);
/* Is the peer let in? If not, *by is the deny entry, or NULL: no allow entry matched. */
bool access_check(const struct access *access, const struct peer *peer, const struct access_entry **by);
void access_free(struct access *access);

#endif
