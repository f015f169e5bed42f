/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * access: which peers may connect. An access list holds allow and deny entries in the order
 * written; the first one that matches the peer decides. If none matches, the peer is admitted,
 * unless the list contains an allow entry: one --allow denies everyone else.
 *
 * The decision uses what the kernel reports about the peer: the CID, which the hypervisor enforces,
 * the IP address, or the credentials of a UNIX socket's peer. A source port proves nothing.
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

enum access_kind { ACCESS_ANY, ACCESS_CID, ACCESS_IP, ACCESS_UID, ACCESS_GID };

struct access_entry {
	enum access_kind kind;
	bool allow;
	uint32_t number; /* CID, uid or gid */
	struct in6_addr ip; /* IPv4 as v4-mapped */
	unsigned prefix; /* bits, of the 128 */
	char text[64]; /* as written, for records */
};

struct access {
	struct access_entry *entries; /* owned */
	size_t count;
};

/* Adds the WHO list in text ("3,host", "10.0.0.0/8", "uid:0,user:NAME", "any"). 0, -EINVAL with
 * *error, or -ENOMEM. */
int access_add(struct access *access, const char *text, bool allow, const struct hosts *hosts,
	       struct mistake *error);
/* Can this entry match a peer of this family at all? */
bool access_suits(const struct access_entry *entry, enum addr_family family);
/* Is the peer admitted? If not, *by is the deny entry that matched, or NULL if no allow entry did.
 */
bool access_check(const struct access *access, const struct peer *peer,
		  const struct access_entry **by);
/* Do both lists admit the same peers? */
bool access_same(const struct access *a, const struct access *b);
void access_free(struct access *access);

#endif
