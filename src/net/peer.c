/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/peer.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "base/log.h"
#include "net/ip.h"

void peer_from_sockaddr(const struct sockaddr *sa, socklen_t length, struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	if (length < (socklen_t)sizeof(sa->sa_family))
		return;
	switch (sa->sa_family) {
	case AF_VSOCK: {
		const struct sockaddr_vm *vm = (const void *)sa;

		peer->family = ADDR_VSOCK;
		peer->u.vsock.cid = vm->svm_cid;
		peer->u.vsock.port = vm->svm_port;
		break;
	}
	case AF_INET: {
		const struct sockaddr_in *in = (const void *)sa;

		peer->family = ADDR_TCP;
		peer->u.tcp.port = ntohs(in->sin_port);
		memcpy(&peer->u.tcp.ip, &in->sin_addr, sizeof(in->sin_addr));
		break;
	}
	case AF_INET6: {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		peer->family = ADDR_TCP;
		peer->u.tcp.v6 = 1;
		peer->u.tcp.port = ntohs(in6->sin6_port);
		peer->u.tcp.ip = in6->sin6_addr;
		peer->u.tcp.scope = in6->sin6_scope_id;
		break;
	}
	case AF_UNIX:
		peer->family = ADDR_UNIX;
		break;
	default:
		break;
	}
}

void peer_of_socket(int fd, const struct sockaddr *accepted, socklen_t length, struct peer *peer)
{
	struct sockaddr_storage sa;
	struct ucred cred;
	socklen_t size = sizeof(sa);

	if (!accepted && getpeername(fd, (struct sockaddr *)&sa, &size) == 0) {
		accepted = (const struct sockaddr *)&sa;
		length = size;
	}
	if (!accepted) {
		memset(peer, 0, sizeof(*peer));
		return;
	}
	peer_from_sockaddr(accepted, length, peer);
	if (peer->family != ADDR_UNIX)
		return;
	size = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0) {
		peer->u.local.pid = cred.pid;
		peer->u.local.uid = cred.uid;
		peer->u.local.gid = cred.gid;
	}
}

void peer_of_local(int fd, struct peer *peer)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);

	memset(peer, 0, sizeof(*peer));
	if (getsockname(fd, (struct sockaddr *)&sa, &size) == 0)
		peer_from_sockaddr((const struct sockaddr *)&sa, size, peer);
}

/* Connection tracking stores the original destination. SO_ORIGINAL_DST of both families is in
 * kernel headers that cannot be included together with the C library's. ENOENT: not tracked;
 * ENOPROTOOPT: no connection tracking in this kernel. */
#define ORIGINAL_DST 80

bool peer_of_original(int fd, struct peer *local)
{
	bool v4 = local->family == ADDR_TCP &&
		  (!local->u.tcp.v6 || IN6_IS_ADDR_V4MAPPED(&local->u.tcp.ip));
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} place;
	socklen_t size = v4 ? sizeof(place.in) : sizeof(place.in6);
	struct peer before;

	if (local->family != ADDR_TCP ||
	    getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DST, &place, &size) < 0)
		return false;
	before = *local;
	peer_from_sockaddr(&place.sa, size, local);
	return local->u.tcp.port != before.u.tcp.port ||
	       memcmp(&local->u.tcp.ip, &before.u.tcp.ip, sizeof(before.u.tcp.ip)) != 0;
}

static void format_ip(const struct peer *peer, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN], scope[4 * IF_NAMESIZE + 1] = "";

	inet_ntop(peer->u.tcp.v6 ? AF_INET6 : AF_INET, &peer->u.tcp.ip, ip, sizeof(ip));
	if (peer->u.tcp.scope) {
		char name[IF_NAMESIZE], escaped[4 * IF_NAMESIZE];

		if (if_indextoname(peer->u.tcp.scope, name)) /* the kernel permits any bytes */
			snprintf(scope, sizeof(scope), "%%%s",
				 utf8_escape(name, strlen(name), escaped, sizeof(escaped)));
		else
			snprintf(scope, sizeof(scope), "%%%u", peer->u.tcp.scope);
	}
	snprintf(buf, size, peer->u.tcp.v6 ? "%s:[%s%s]:%u" : "%s:%s%s:%u",
		 peer->family == ADDR_UDP ? "udp" : "tcp", ip, scope, peer->u.tcp.port);
}

void peer_ip(const struct peer *peer, struct in6_addr *ip)
{
	*ip = peer->u.tcp.ip;
	if (!peer->u.tcp.v6)
		ip_map_v4((const struct in_addr *)&peer->u.tcp.ip, ip);
}

char *peer_format(const struct peer *peer, char *buf, size_t size)
{
	switch (peer->family) {
	case ADDR_VSOCK:
		snprintf(buf, size, "vsock:%u:%u", peer->u.vsock.cid, peer->u.vsock.port);
		break;
	case ADDR_TCP:
	case ADDR_UDP:
		format_ip(peer, buf, size);
		break;
	case ADDR_UNIX:
		if (peer->u.local.pid)
			snprintf(buf, size, "unix (pid %d, uid %u)", peer->u.local.pid,
				 peer->u.local.uid);
		else
			snprintf(buf, size, "unix (uid %u)", peer->u.local.uid);
		break;
	case ADDR_STDIO:
		snprintf(buf, size, "-");
		break;
	default:
		snprintf(buf, size, "unknown");
		break;
	}
	return buf;
}
