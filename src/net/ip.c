/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/ip.h"

#include <stdint.h>
#include <string.h>

void ip_map_v4(const struct in_addr *v4, struct in6_addr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ip, mapped, sizeof(mapped));
	memcpy((uint8_t *)ip + sizeof(mapped), v4, sizeof(*v4));
}

bool ip_from_sockaddr(const struct sockaddr *sa, struct in6_addr *ip)
{
	if (sa->sa_family == AF_INET)
		ip_map_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, ip);
	else if (sa->sa_family == AF_INET6)
		*ip = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	else
		return false;
	return true;
}

bool ip_is_loopback(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LOOPBACK(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
}

bool ip_same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
	const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;

	if (memcmp(left, right, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (left[bits / 8] ^ right[bits / 8]) >> (8 - bits % 8) == 0;
}
