/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ip: addresses of 128 bits, IPv4 as v4-mapped, so that one comparison serves both. */
#ifndef NET_IP_H
#define NET_IP_H

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Prefix length of an IPv4 network of so many bits. */
#define IP_V4(bits) ((bits) + 96U)

/* IPv4 as v4-mapped. */
void ip_map_v4(const struct in_addr *v4, struct in6_addr *ip);
/* The address of a sockaddr, IPv4 as v4-mapped; false for other families. */
bool ip_from_sockaddr(const struct sockaddr *sa, struct in6_addr *ip);
/* 127.0.0.0/8 or ::1. */
bool ip_is_loopback(const struct in6_addr *ip);
/* Do both have the same first bits? */
bool ip_same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits);

#endif
