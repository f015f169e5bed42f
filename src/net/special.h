/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * special: IP addresses that lead somewhere else than to the public internet: this machine, its networks, what hands out
 * credentials by link-local address, and the IPv6 addresses that carry such an IPv4 address inside.
 *
 * Addresses are 128 bits here, IPv4 as v4-mapped, so one table and one comparison serve both.
 */
#ifndef NET_SPECIAL_H
#define NET_SPECIAL_H

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Prefix length of an IPv4 network of so many bits. */
#define SPECIAL_V4(bits) ((bits) + 96U)

/* The address of a sockaddr, IPv4 as v4-mapped; false for other families. */
bool special_from_sockaddr(const struct sockaddr *sa, struct in6_addr *ip);
/* IPv4 as v4-mapped. */
void special_map_v4(const struct in_addr *v4, struct in6_addr *ip);
/* Do both have the same first bits? */
bool special_same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits);

/* What kind of special address it is ("loopback", "private", a constant), with the prefix length of the network that is
 * special; NULL: a public one. */
const char *special_kind(const struct in6_addr *ip, unsigned *bits);
/* Is it this machine's own address, as its table of routes says? 1, 0 or a negative errno. */
int special_is_ours(const struct in6_addr *ip);

#endif
