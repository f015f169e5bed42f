/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/util.h"
#include "net/ip.h"
#include "proxy/protocols/special.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The offset of an IPv4 address embedded in an IPv6 address; 0: none. */
struct network {
	uint8_t prefix[16];
	unsigned bits;
	const char *kind;
	uint8_t inside, inside_inverted;
};

#define V4(a, b, c, d)                                       \
	{                                                    \
		[10] = 0xff, [11] = 0xff, (a), (b), (c), (d) \
	}

/*
 * The registries of special-purpose addresses (RFC 6890, RFC 4291, RFC 8215 and what followed). The
 * first that fits counts, so narrow ones stand first. One that carries an IPv4 address is special
 * if that one is.
 */
static const struct network networks[] = {
	{ V4(255, 255, 255, 255), IP_V4(32), "broadcast", 0, 0 },
	{ V4(168, 63, 129, 16), IP_V4(32), "the cloud host's own service", 0,
	  0 }, /* Azure's, in public space */
	{ V4(0, 0, 0, 0), IP_V4(8), "unspecified", 0, 0 },
	{ V4(10, 0, 0, 0), IP_V4(8), "private", 0, 0 },
	{ V4(100, 64, 0, 0), IP_V4(10), "a provider's inner network", 0, 0 },
	{ V4(127, 0, 0, 0), IP_V4(8), "loopback", 0, 0 },
	{ V4(169, 254, 0, 0), IP_V4(16), "link-local", 0, 0 },
	{ V4(172, 16, 0, 0), IP_V4(12), "private", 0, 0 },
	{ V4(192, 0, 0, 0), IP_V4(24), "reserved", 0, 0 },
	{ V4(192, 0, 2, 0), IP_V4(24), "for documentation", 0, 0 },
	{ V4(192, 88, 99, 0), IP_V4(24), "reserved", 0, 0 },
	{ V4(192, 168, 0, 0), IP_V4(16), "private", 0, 0 },
	{ V4(198, 18, 0, 0), IP_V4(15), "for benchmarks", 0, 0 },
	{ V4(198, 51, 100, 0), IP_V4(24), "for documentation", 0, 0 },
	{ V4(203, 0, 113, 0), IP_V4(24), "for documentation", 0, 0 },
	{ V4(224, 0, 0, 0), IP_V4(4), "multicast", 0, 0 },
	{ V4(240, 0, 0, 0), IP_V4(4), "reserved", 0, 0 },
	{ { 0 }, 128, "unspecified", 0, 0 },
	{ { [15] = 1 }, 128, "loopback", 0, 0 },
	{ { 0 }, 96, "v4-compatible", 0, 0 }, /* withdrawn: there is no good reason to use it */
	{ { [8] = 0xff, [9] = 0xff }, 96, "v4-translated", 0, 0 },
	{ { 0, 0x64, 0xff, 0x9b }, 96, "NAT64 of a special address", 12, 0 },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, "NAT64 of an inner network", 0, 0 },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "for documentation", 0, 0 },
	{ { 0x20, 0x01, 0, 2 }, 48, "for benchmarks", 0, 0 },
	{ { 0x20, 0x01, 0, 0x10 }, 28, "reserved", 0, 0 },
	{ { 0x20, 0x01, 0, 0x20 }, 28, "reserved", 0, 0 },
	{ { 0x20, 0x01 }, 32, "Teredo of a special address", 4, 12 },
	{ { 0x20, 0x02 }, 16, "6to4 of a special address", 2, 0 },
	{ { 0x3f, 0xff }, 20, "for documentation", 0, 0 },
	{ { 0xfc }, 7, "private", 0, 0 },
	{ { 0xfe, 0x80 }, 10, "link-local", 0, 0 },
	{ { 0xfe, 0xc0 }, 10, "private", 0, 0 },
	{ { 0xff }, 8, "multicast", 0, 0 },
};

static bool carries_special(const struct in6_addr *ip, size_t at, uint8_t invert)
{
	struct in6_addr inner;
	struct in_addr v4;
	uint8_t bytes[4];
	unsigned bits;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(ip->s6_addr[at + i] ^ invert);
	memcpy(&v4, bytes, sizeof(v4));
	ip_map_v4(&v4, &inner);
	return special_kind(&inner, &bits) != NULL;
}

const char *special_kind(const struct in6_addr *ip, unsigned *bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		const struct network *network = &networks[i];
		struct in6_addr prefix;

		memcpy(&prefix, network->prefix, sizeof(prefix));
		if (!ip_same_bits(ip, &prefix, network->bits))
			continue;
		if (network->inside && !carries_special(ip, network->inside, 0) &&
		    !(network->inside_inverted &&
		      carries_special(ip, network->inside_inverted, 0xff)))
			return NULL;
		*bits = network->bits;
		return network->kind;
	}
	if (IN6_IS_ADDR_V4MAPPED(ip) ||
	    (ip->s6_addr[0] & 0xe0) == 0x20) /* what is given out: 2000::/3 */
		return NULL;
	*bits = 3;
	return "reserved";
}

/*
 * Asks the kernel for the route to an address: one of this machine has type RTN_LOCAL. By hand,
 * since getifaddrs(3) binds its socket, which a confined process may not.
 */
struct route_question {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr attribute;
	unsigned char to[16];
};

static struct route_question route_to(const struct in6_addr *ip)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(ip);
	size_t size = v4 ? 4 : 16;
	struct route_question question = {
		.header = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = v4 ? AF_INET : AF_INET6,
			   .rtm_dst_len = (unsigned char)(size * 8) },
		.attribute = { .rta_type = RTA_DST, .rta_len = (unsigned short)RTA_LENGTH(size) },
	};

	memcpy(question.to, ip->s6_addr + (v4 ? 12 : 0), size);
	question.header.nlmsg_len = (uint32_t)(offsetof(struct route_question, to) + size);
	return question;
}

union route_answer {
	struct nlmsghdr header;
	unsigned char bytes[4096];
};

/* 1, 0 or a negative errno. */
static int read_route(const union route_answer *answer, ssize_t size)
{
	const struct nlmsghdr *header = &answer->header;
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const struct rtmsg *route = NLMSG_DATA(header);

	if (size < (ssize_t)NLMSG_LENGTH(sizeof(*route)))
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR)
		/* there is no route to it, so it is not ours */
		return error->error == -ENETUNREACH || error->error == -EHOSTUNREACH ||
				       error->error == -EACCES || error->error == -EINVAL
			       ? 0
			       : error->error;
	return header->nlmsg_type == RTM_NEWROUTE ? route->rtm_type == RTN_LOCAL : -EPROTO;
}

int special_is_ours(const struct in6_addr *ip)
{
	struct route_question question = route_to(ip);
	union route_answer answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ours = 0;
	ssize_t size;

	if (fd < 0)
		return -errno;
	/* the kernel answers within the call of send() */
	size = send(fd, &question, question.header.nlmsg_len, 0);
	if (size >= 0)
		size = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	ours = size < 0 ? -errno : read_route(&answer, size);
	close(fd);
	return ours;
}
