/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/special.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An IPv4 address inside an IPv6 one: where it begins; 0: none. */
struct network {
	uint8_t prefix[16];
	unsigned bits;
	const char *kind;
	uint8_t inside, inside_inverted;
};

#define V4(a, b, c, d) { [10] = 0xff, [11] = 0xff, (a), (b), (c), (d) }

/*
 * The registries of special-purpose addresses (RFC 6890, RFC 4291, RFC 8215 and what followed). The first that fits counts, so
 * narrow ones stand first. One that carries an IPv4 address is special if that one is.
 */
static const struct network networks[] = {
	{ V4(255, 255, 255, 255), SPECIAL_V4(32), "broadcast", 0, 0 },
	{ V4(168, 63, 129, 16), SPECIAL_V4(32), "the cloud host's own service", 0, 0 }, /* Azure's, in public space */
	{ V4(0, 0, 0, 0), SPECIAL_V4(8), "unspecified", 0, 0 },
	{ V4(10, 0, 0, 0), SPECIAL_V4(8), "private", 0, 0 },
	{ V4(100, 64, 0, 0), SPECIAL_V4(10), "a provider's inner network", 0, 0 },
	{ V4(127, 0, 0, 0), SPECIAL_V4(8), "loopback", 0, 0 },
	{ V4(169, 254, 0, 0), SPECIAL_V4(16), "link-local", 0, 0 },
	{ V4(172, 16, 0, 0), SPECIAL_V4(12), "private", 0, 0 },
	{ V4(192, 0, 0, 0), SPECIAL_V4(24), "reserved", 0, 0 },
	{ V4(192, 0, 2, 0), SPECIAL_V4(24), "for documentation", 0, 0 },
	{ V4(192, 88, 99, 0), SPECIAL_V4(24), "reserved", 0, 0 },
	{ V4(192, 168, 0, 0), SPECIAL_V4(16), "private", 0, 0 },
	{ V4(198, 18, 0, 0), SPECIAL_V4(15), "for benchmarks", 0, 0 },
	{ V4(198, 51, 100, 0), SPECIAL_V4(24), "for documentation", 0, 0 },
	{ V4(203, 0, 113, 0), SPECIAL_V4(24), "for documentation", 0, 0 },
	{ V4(224, 0, 0, 0), SPECIAL_V4(4), "multicast", 0, 0 },
	{ V4(240, 0, 0, 0), SPECIAL_V4(4), "reserved", 0, 0 },
	{ { 0 }, 128, "unspecified", 0, 0 },
	{ { [15] = 1 }, 128, "loopback", 0, 0 },
	{ { 0 }, 96, "v4-compatible", 0, 0 }, /* withdrawn: nobody has a good reason */
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

void special_map_v4(const struct in_addr *v4, struct in6_addr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ip, mapped, sizeof(mapped));
	memcpy((uint8_t *)ip + sizeof(mapped), v4, sizeof(*v4));
}

bool special_from_sockaddr(const struct sockaddr *sa, struct in6_addr *ip)
{
	if (sa->sa_family == AF_INET)
		special_map_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, ip);
	else if (sa->sa_family == AF_INET6)
		*ip = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	else
		return false;
	return true;
}

bool special_same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
	const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;

	if (memcmp(left, right, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (left[bits / 8] ^ right[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool carries_special(const struct in6_addr *ip, size_t at, uint8_t invert)
{
	struct in6_addr inner;
	struct in_addr v4;
	uint8_t bytes[4];
	unsigned bits;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(ip->s6_addr[at + i] ^ invert);
	memcpy(&v4, bytes, sizeof(v4));
	special_map_v4(&v4, &inner);
	return special_kind(&inner, &bits) != NULL;
}

const char *special_kind(const struct in6_addr *ip, unsigned *bits)
{
	for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++) {
		const struct network *network = &networks[i];
		struct in6_addr prefix;

		memcpy(&prefix, network->prefix, sizeof(prefix));
		if (!special_same_bits(ip, &prefix, network->bits))
			continue;
		if (network->inside && !carries_special(ip, network->inside, 0) &&
		    !(network->inside_inverted && carries_special(ip, network->inside_inverted, 0xff)))
			return NULL;
		*bits = network->bits;
		return network->kind;
	}
	if (IN6_IS_ADDR_V4MAPPED(ip) || (ip->s6_addr[0] & 0xe0) == 0x20) /* what is given out: 2000::/3 */
		return NULL;
	*bits = 3;
	return "reserved";
}

int special_is_ours(const struct in6_addr *ip)
{
	struct ifaddrs *interfaces;
	int ours = 0;

	if (getifaddrs(&interfaces) < 0)
		return -errno;
	for (const struct ifaddrs *i = interfaces; i && !ours; i = i->ifa_next) {
		struct in6_addr own;

		ours = i->ifa_addr && special_from_sockaddr(i->ifa_addr, &own) && memcmp(&own, ip, sizeof(own)) == 0;
	}
	freeifaddrs(interfaces);
	return ours;
}
