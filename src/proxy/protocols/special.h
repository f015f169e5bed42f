/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * special: IP addresses that are not on the public internet: this machine, private networks,
 * link-local addresses (where clouds serve credentials), and IPv6 addresses that embed such an IPv4
 * address. Addresses have the form of net/ip.
 */
#ifndef PROXY_PROTOCOLS_SPECIAL_H
#define PROXY_PROTOCOLS_SPECIAL_H

#include <netinet/in.h>

/* The kind of a special address ("loopback", "private", a constant), with the prefix length of the
 * special network; NULL: a public address. */
const char *special_kind(const struct in6_addr *ip, unsigned *bits);
/* Is it an address of this machine, according to the kernel's routing table? 1, 0 or a negative
 * errno. Asked each time, because addresses change. */
int special_is_ours(const struct in6_addr *ip);

#endif
