/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ip: IP addresses as 128 bits, with IPv4 mapped into IPv6, so that one comparison serves both. */
#ifndef NET_IP_H
#define NET_IP_H

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* The prefix length, of 128 bits, of an IPv4 prefix length. */
#define IP_V4(bits) ((bits) + 96U)

/* IPv4 as v4-mapped. */
void ip_map_v4(const struct in_addr *v4, struct in6_addr *ip);
/* The address of a sockaddr, IPv4 as v4-mapped; false for other families. */
bool ip_from_sockaddr(const struct sockaddr *sa, struct in6_addr *ip);
/* 127.0.0.0/8 or ::1. */
bool ip_is_loopback(const struct in6_addr *ip);
/* Do both have the same first "bits" bits? */
bool ip_same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits);

#endif
