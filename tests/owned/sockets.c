/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an owned worker tries with sockets; see owned.h. The test says by environment variables what
 * listens: OWNED_PORT of a rule and OWNED_OTHER_PORT of none, OWNED_UNIX, OWNED_ELSEWHERE and
 * OWNED_ABSTRACT, OWNED_VSOCK (a port of CID 1 that no rule names, where a rule connects by vsock),
 * OWNED_UDP (likewise). What is not given is not tried.
 */
#include "config.h"

#include "owned.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/vm_sockets.h>

#include "base/util.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Only if no rule connects by this family is it tried. */
static int other_family(const char *given, int family, int type, int protocol)
{
	return owned_given(given) ? owned_skip() : socket(family, type, protocol);
}

static int try_tcp(void)
{
	return other_family("OWNED_PORT", AF_INET, SOCK_STREAM, 0);
}

static int try_tcp6(void)
{
	return other_family("OWNED_PORT", AF_INET6, SOCK_STREAM, 0);
}

static int try_unix(void)
{
	return other_family("OWNED_UNIX", AF_UNIX, SOCK_STREAM, 0);
}

static int try_unix_datagrams(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int try_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int try_vsock(void)
{
	return other_family("OWNED_VSOCK", AF_VSOCK, SOCK_STREAM, 0);
}

static int try_vsock_datagrams(void)
{
	return socket(AF_VSOCK, SOCK_DGRAM, 0);
}

static int try_udp(void)
{
	return other_family("OWNED_UDP", AF_INET, SOCK_DGRAM, 0);
}

static int try_udp6(void)
{
	return other_family("OWNED_UDP", AF_INET6, SOCK_DGRAM, 0);
}

static int try_mptcp(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static int try_ping(void)
{
	return socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static int try_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static int try_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_crypto(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int try_diag(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

static int any_socket(void)
{
	int family = owned_given("OWNED_PORT")	  ? AF_INET
		     : owned_given("OWNED_UNIX")  ? AF_UNIX
		     : owned_given("OWNED_VSOCK") ? AF_VSOCK
						  : AF_INET;

	return socket(family, owned_given("OWNED_UDP") ? SOCK_DGRAM : SOCK_STREAM, 0);
}

static int try_interfaces(void)
{
	struct ifconf all = { .ifc_len = 0 };

	return ioctl(any_socket(), SIOCGIFCONF, &all);
}

static int try_address(void)
{
	struct ifreq request = { .ifr_name = "lo" };

	return ioctl(any_socket(), SIOCGIFADDR, &request);
}

static int try_bind(void)
{
	const struct sockaddr_in here = { .sin_family = AF_INET };

	return bind(any_socket(), (const struct sockaddr *)&here, sizeof(here));
}

static int try_listen(void)
{
	return listen(any_socket(), 1);
}

/* Connecting. That nothing listens there is an answer that only one who may connect gets. */

static int reached(int result)
{
	return result < 0 && errno == ECONNREFUSED ? 0 : result;
}

static int connect_tcp(const char *given, in_addr_t address, int flags)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	const char *port = owned_given(given);
	int fd;

	if (!port)
		return owned_skip();
	there.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (!flags)
		return reached(connect(fd, (struct sockaddr *)&there, sizeof(there)));
	return reached((int)sendto(fd, "x", 1, flags, (struct sockaddr *)&there, sizeof(there)));
}

static int try_port(void)
{
	return connect_tcp("OWNED_PORT", INADDR_LOOPBACK, 0);
}

static int try_port_elsewhere(void)
{
	return connect_tcp("OWNED_PORT", INADDR_LOOPBACK + 1, 0);
}

static int try_other_port(void)
{
	return connect_tcp("OWNED_OTHER_PORT", INADDR_LOOPBACK, 0);
}

static int try_fast_open(void)
{
	return connect_tcp("OWNED_OTHER_PORT", INADDR_LOOPBACK, MSG_FASTOPEN);
}

static int try_deferred(void)
{
	const int on = 1;
	struct sockaddr_in there = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *port = owned_given("OWNED_OTHER_PORT");
	int fd;

	if (!port)
		return owned_skip();
	there.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	return connect(fd, (struct sockaddr *)&there, sizeof(there));
}

static int try_option(int name)
{
	const int values[4] = { 1, 20 };

	return setsockopt(STDIN_FILENO, SOL_SOCKET, name, values, sizeof(values));
}

static int try_linger(void)
{
	return try_option(SO_LINGER);
}

static int try_filter(void)
{
	return try_option(SO_ATTACH_FILTER);
}

static int try_lock(void)
{
	return try_option(SO_LOCK_FILTER);
}

static int try_timeout(void)
{
	return try_option(SO_SNDTIMEO);
}

static int connect_unix(const char *given, size_t abstract)
{
	struct sockaddr_un there = { .sun_family = AF_UNIX };
	const char *path = owned_given(given);
	socklen_t size = sizeof(there);
	int fd;

	if (!path)
		return owned_skip();
	memcpy(there.sun_path + abstract, path, strnlen(path, sizeof(there.sun_path) - 2));
	if (abstract)
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&there, size) < 0 ? -1 : fd;
}

static int try_unix_target(void)
{
	return connect_unix("OWNED_UNIX", 0);
}

static int try_unix_beside(void)
{
	return connect_unix("OWNED_BESIDE", 0);
}

static int try_unix_elsewhere(void)
{
	return connect_unix("OWNED_ELSEWHERE", 0);
}

static int try_abstract(void)
{
	return connect_unix("OWNED_ABSTRACT", 1);
}

static int try_vsock_elsewhere(void)
{
	struct sockaddr_vm there = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL };
	const char *port = owned_given("OWNED_VSOCK");

	if (!port)
		return owned_skip();
	there.svm_port = (unsigned)strtoul(port, NULL, 10);
	return connect(socket(AF_VSOCK, SOCK_STREAM, 0), (struct sockaddr *)&there, sizeof(there));
}

static int try_udp_elsewhere(void)
{
	struct sockaddr_in there = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *port = owned_given("OWNED_UDP");

	if (!port)
		return owned_skip();
	there.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return (int)sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&there,
			   sizeof(there));
}

static const struct attempt list[] = {
	{ "make a socket of a family that no rule connects by", "TCP", try_tcp },
	{ "make a socket of a family that no rule connects by", "TCP over IPv6", try_tcp6 },
	{ "make a socket of a family that no rule connects by", "UNIX", try_unix },
	{ "make a socket of a family that no rule connects by", "vsock", try_vsock },
	{ "make a socket of a family that no rule connects by", "UDP", try_udp },
	{ "make a socket of a family that no rule connects by", "UDP over IPv6", try_udp6 },
	{ "make any other socket", "UNIX datagrams", try_unix_datagrams },
	{ "make any other socket", "socketpair", try_pair },
	{ "make any other socket", "vsock datagrams", try_vsock_datagrams },
	{ "make any other socket", "MPTCP", try_mptcp },
	{ "make any other socket", "ICMP", try_ping },
	{ "make any other socket", "raw IP", try_raw },
	{ "make any other socket", "packets", try_packets },
	{ "make any other socket", "crypto", try_crypto },
	{ "see the network's configuration", "netlink: routes", try_netlink },
	{ "see the network's configuration", "netlink: sockets", try_diag },
	{ "see the network's configuration", "SIOCGIFCONF", try_interfaces },
	{ "see the network's configuration", "SIOCGIFADDR", try_address },
	{ "set what a socket keeps when the supervisor has it", "SO_LINGER", try_linger },
	{ "set what a socket keeps when the supervisor has it", "SO_ATTACH_FILTER", try_filter },
	{ "set what a socket keeps when the supervisor has it", "SO_LOCK_FILTER", try_lock },
	{ "set what a socket keeps when the supervisor has it", "SO_SNDTIMEO", try_timeout },
	{ "bind or listen", "bind", try_bind },
	{ "bind or listen", "listen", try_listen },
	{ "connect to a TCP port of a rule, at any address", "its own", try_port },
	{ "connect to a TCP port of a rule, at any address", "another", try_port_elsewhere },
	{ "connect to another TCP port", "connect", try_other_port },
	{ "connect to another TCP port", "TCP_FASTOPEN_CONNECT", try_deferred },
	{ "connect to another TCP port by sending", "MSG_FASTOPEN", try_fast_open },
	{ "connect to a UNIX socket in the directory of a rule's", "its own", try_unix_target },
	{ "connect to a UNIX socket in the directory of a rule's", "another", try_unix_beside },
	{ "connect to a UNIX socket in another directory", "connect", try_unix_elsewhere },
	{ "connect to an abstract UNIX socket", "connect", try_abstract },
	{ "connect by vsock to any CID and port, if a rule connects by vsock", "connect",
	  try_vsock_elsewhere },
	{ "send UDP anywhere, if a rule connects by UDP", "sendto", try_udp_elsewhere },
};

const struct attempts owned_sockets = { list, ARRAY_SIZE(list) };
