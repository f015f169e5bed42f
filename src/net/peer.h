/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer: the address or credentials of a socket's peer, recorded when the connection was made,
 * because the kernel no longer reports them after a shutdown(). It is a small value stored with
 * every connection, and only formatted when it is printed.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/addr.h"

struct peer {
	uint8_t family; /* enum addr_family */
	union {
		struct {
			uint32_t cid, port;
		} vsock;
		struct {
			uint8_t v6;
			uint16_t port; /* host order */
			uint32_t scope;
			struct in6_addr ip; /* v4 in its first four bytes */
		} tcp; /* and UDP */
		struct {
			int32_t pid; /* 0: not known */
			uint32_t uid, gid;
		} local;
	} u;
};

/* Records the peer of a connected or accepted socket. accepted is the address from accept4(), or
 * NULL to ask the kernel. */
void peer_of_socket(int fd, const struct sockaddr *accepted, socklen_t length, struct peer *peer);
/* Records the local end, from getsockname(). */
void peer_of_local(int fd, struct peer *peer);
/* Replaces *local, the local end of an accepted TCP socket, with the original destination if
 * netfilter redirected the connection (REDIRECT, DNAT). False: it did not, and *local is unchanged.
 */
bool peer_of_original(int fd, struct peer *local);
/* From a sockaddr alone. */
void peer_from_sockaddr(const struct sockaddr *sa, socklen_t length, struct peer *peer);

#define PEER_TEXT_MAX 128
/* Does it have an IP address, in u.tcp? */
static inline bool peer_is_ip(const struct peer *peer)
{
	return peer->family == ADDR_TCP || peer->family == ADDR_UDP;
}

/* That address, IPv4 as v4-mapped: a socket for both has IPv4 peers in that form anyway. */
void peer_ip(const struct peer *peer, struct in6_addr *ip);

/* "vsock:3:5000", "tcp:127.0.0.1:51034", "tcp:[::1]:22", "unix (pid 7, uid 1000)". Returns buf. */
char *peer_format(const struct peer *peer, char *buf, size_t size);

#endif
