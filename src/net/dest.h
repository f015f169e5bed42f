/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dest: where clients of an open-ended target may be connected to: --allow-dest and --deny-dest.
 *
 *   HOST:PORTS  *.SUFFIX:PORTS  *:PORTS     by the name that the client asked for
 *   IP:PORTS    IP/BITS:PORTS               by the address, however it was asked for; IPv6 in brackets
 *
 * Of the entries in the order written the first that matches counts; where none does nobody is let through. A judgement is
 * of one address, and who asked for it connects to that address: a name is not looked up again in between.
 *
 * A name never leads to a special address (net/special), nor to one of this machine: what the name means is for others to
 * say. Only an entry with an address does, and only if its network is no wider than the one that is special:
 * 0.0.0.0/0 is not meant to be 127.0.0.1.
 */
#ifndef NET_DEST_H
#define NET_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mistake.h"
#include "base/units.h"

enum dest_kind { DEST_ANY, DEST_NAME, DEST_SUFFIX, DEST_NET };

struct dest {
	enum dest_kind kind;
	bool allow;
	char *text;         /* as written, for records; owned */
	char *name;         /* of a host, or the suffix with its dot; owned */
	struct in6_addr ip; /* IPv4 as v4-mapped */
	unsigned prefix;    /* bits, of the 128 */
	struct units_set ports;
};

struct dest_list {
	struct dest *entries; /* owned */
	size_t count;
};

#define DEST_WHY_MAX 192

/* Adds one entry. 0, -EINVAL with *error, or -ENOMEM. */
int dest_add(struct dest_list *list, const char *text, bool allow, struct mistake *error);
/* Before a name is looked up: may any address of this host be let through? If not, why tells. */
bool dest_may(const struct dest_list *list, const char *host, uint16_t port, char why[DEST_WHY_MAX]);
/* May who asked for host be connected to this address? If not, why tells. */
bool dest_permits(const struct dest_list *list, const char *host, const struct sockaddr *sa, char why[DEST_WHY_MAX]);
void dest_free(struct dest_list *list);

#endif
