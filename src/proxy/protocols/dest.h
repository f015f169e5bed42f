/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dest: the destinations that clients of an open-ended target may reach: --allow-dest and
 * --deny-dest.
 *
 *   HOST:PORTS  *.SUFFIX:PORTS  *:PORTS     by the name that the client asked for; within a name
 *                                           a label * is any one label
 *   IP:PORTS    IP/BITS:PORTS               by the address (IPv6 in brackets)
 *
 * The entries are tried in the order written, and the first match decides; without a match the
 * destination is denied. A decision is about one address, and the connection then goes to that
 * address: the name is not looked up again in between.
 *
 * An entry with a name never permits a special address (proxy/protocols/special) or an address of
 * this machine, because others decide what the name resolves to. Only an entry with an address
 * does, and only if its network is not wider than the special network: 0.0.0.0/0 does not include
 * 127.0.0.1.
 */
#ifndef PROXY_PROTOCOLS_DEST_H
#define PROXY_PROTOCOLS_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mistake.h"
#include "base/units.h"
#include "relay/dial.h"

enum dest_kind { DEST_ANY, DEST_NAME, DEST_SUFFIX, DEST_NET };

struct dest {
	enum dest_kind kind;
	bool allow;
	char *text; /* as written, for records; owned */
	char *name; /* the host, or the suffix with its dot; owned */
	struct in6_addr ip; /* IPv4 as v4-mapped */
	unsigned prefix; /* bits, of the 128 */
	struct units_set ports;
};

struct dest_list {
	struct dest *entries; /* owned */
	size_t count;
};

#define DEST_WHY_MAX DIAL_DETAIL_MAX

/* Adds one entry. 0, -EINVAL with *error, or -ENOMEM. */
int dest_add(struct dest_list *list, const char *text, bool allow, struct mistake *error);
/* Before the look-up of a name: could any address of this host be permitted? If not, why has the
 * reason. */
bool dest_may(const struct dest_list *list, const char *host, uint16_t port,
	      char why[DEST_WHY_MAX]);
/* May a client that asked for host be connected to this address? If not, why has the reason. */
bool dest_permits(const struct dest_list *list, const char *host, const struct sockaddr *sa,
		  char why[DEST_WHY_MAX]);
/* Do both have the same entries? */
bool dest_same(const struct dest_list *a, const struct dest_list *b);
void dest_free(struct dest_list *list);

#endif
