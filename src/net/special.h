/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * special: IP addresses that lead somewhere else than to the public internet: this machine, its networks, what hands out
 * credentials by link-local address, and the IPv6 addresses that carry such an IPv4 address inside.
 * Addresses are as in net/ip.
 */
#ifndef NET_SPECIAL_H
#define NET_SPECIAL_H

#include <netinet/in.h>

/* What kind of special address it is ("loopback", "private", a constant), with the prefix length of the network that is
 * special; NULL: a public one. */
const char *special_kind(const struct in6_addr *ip, unsigned *bits);
/* Is it this machine's own address, as its table of routes says? 1, 0 or a negative errno. */
int special_is_ours(const struct in6_addr *ip);

#endif
