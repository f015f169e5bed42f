/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/dest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "net/ip.h"
#include "proxy/protocols/special.h"

#define NAME_MAX_BYTES 253 /* of a host in the DNS */

static const char *const forms = "HOST:PORTS, *.SUFFIX:PORTS, a.*.SUFFIX:PORTS, "
				 "192.0.2.0/24:PORTS or [2001:db8::1]:PORTS; ports as "
				 "80,443,8000-8099 or *";

/* Reading */

static int read_ports(const char *text, size_t at, struct dest *dest, struct mistake *error)
{
	const char *ports = strcmp(text + at, "*") == 0 ? "1-65535" : text + at;
	int status = units_set(ports, 1, UINT16_MAX, NULL, NULL, &dest->ports, error);

	if (status == 0 || status == -ENOMEM)
		return status;
	return mistake_in(error, at, "port", forms);
}

/* An address of length bytes: 4, 6, or 0 if it is none. */
static int read_ip(const char *text, size_t length, struct in6_addr *ip)
{
	char word[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (length >= sizeof(word))
		return 0;
	memcpy(word, text, length);
	word[length] = '\0';
	if (inet_pton(AF_INET, word, &v4) == 1) {
		ip_map_v4(&v4, ip);
		return 4;
	}
	return inet_pton(AF_INET6, word, ip) == 1 ? 6 : 0;
}

static int read_prefix(const char *text, size_t at, size_t end, int version, struct dest *dest,
		       struct mistake *error)
{
	uint64_t bits, most = version == 4 ? 32 : 128;
	char word[16];

	if (end - at >= sizeof(word))
		return mistake_at(error, at, end - at, NULL, "bad prefix length: too long");
	memcpy(word, text + at, end - at);
	word[end - at] = '\0';
	if (units_count(word, 0, most, &bits, error) < 0)
		return mistake_in(error, at, "prefix length", NULL);
	dest->prefix = version == 4 ? IP_V4((unsigned)bits) : (unsigned)bits;
	return 0;
}

/* "10.0.0.0/8", "[2001:db8::]/32", "[2001:db8::/32]", or the address alone. */
static int read_net(const char *text, size_t end, struct dest *dest, struct mistake *error)
{
	size_t from = text[0] == '[', stop = from + strcspn(text + from, "]/"),
	       ip_end = stop < end ? stop : end, at = ip_end;
	int version = read_ip(text + from, ip_end - from, &dest->ip);

	if (!version)
		return mistake_at(error, from, ip_end > from ? ip_end - from : 1, forms,
				  "bad address");
	dest->kind = DEST_NET;
	dest->prefix = 128;
	if (from && text[at] == ']')
		at++;
	if (at < end && text[at] == '/') {
		size_t last = at + 1 + strcspn(text + at + 1, "]:");
		int status = read_prefix(text, at + 1, last, version, dest, error);

		if (status)
			return status;
		at = last;
		if (from && text[ip_end] != ']' && text[at] == ']')
			at++;
	}
	if (at != end)
		return mistake_at(error, at, end - at, forms,
				  "bad address: unexpected text after it");
	if (version == 6 && IN6_IS_ADDR_V4MAPPED(&dest->ip))
		return mistake_at(error, from, ip_end - from, "write the IPv4 address itself",
				  "bad address: IPv4 inside IPv6");
	return 0;
}

static int read_name(const char *text, size_t end, struct dest *dest, struct mistake *error)
{
	size_t at = strncmp(text, "*.", 2) == 0 ? 1 : 0, length = end;

	if (text[end - 1] == '.')
		length--; /* of a name that is written to its root */
	if (length <= 2 * at || length > NAME_MAX_BYTES)
		return mistake_at(error, 0, end, forms, "bad host: 1 to %d bytes", NAME_MAX_BYTES);
	for (size_t i = at; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9') || c == '-' || c == '_';
		bool dot = c == '.' && (i > 0 && i + 1 < length && text[i + 1] != '.');
		/* a label of its own in the middle */
		bool star = c == '*' && i > 0 && text[i - 1] == '.' && text[i + 1] == '.';

		if (!letter && !dot && !star)
			return mistake_at(error, i, 1,
					  c >= 0x80 ? "write the name as the DNS has it: xn--…"
						    : forms,
					  "bad host: this is not allowed in a host name");
	}
	if (!at && strspn(text, "0123456789.*") >= length)
		return mistake_at(
			error, 0, length,
			"an IPv4 address is four numbers from 0 to 255, without leading zeros",
			"bad address");
	dest->kind = at ? DEST_SUFFIX : DEST_NAME;
	dest->name = strndup(text + at, length - at);
	return dest->name ? 0 : -ENOMEM;
}

static int read_dest(const char *text, struct dest *dest, struct mistake *error)
{
	const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = strrchr(bracket ? bracket : text, ':');
	struct in6_addr unused;
	size_t end;
	int status;

	if (text[0] == '[' && !bracket)
		return mistake_at(error, 0, strlen(text), forms, "bad address: ']' is missing");
	if (text[0] != '[' && read_ip(text, strcspn(text, "/"), &unused) == 6)
		return mistake_at(error, 0, strlen(text), forms,
				  "an IPv6 address must be in brackets, followed by the ports");
	if (!colon || !colon[1])
		return mistake_at(error, strlen(text), 1, forms, "the ports are missing");
	end = (size_t)(colon - text);
	if (!end)
		return mistake_at(error, 0, 1, forms, "the host is missing");
	if (end == 1 && text[0] == '*')
		status = 0; /* DEST_ANY */
	else if (text[0] == '[' || memchr(text, '/', end) || read_ip(text, end, &unused))
		status = read_net(text, end, dest, error);
	else
		status = read_name(text, end, dest, error);
	return status ? status : read_ports(text, end + 1, dest, error);
}

static void free_entry(struct dest *dest)
{
	free(dest->text);
	free(dest->name);
	units_set_free(&dest->ports);
}

int dest_add(struct dest_list *list, const char *text, bool allow, struct mistake *error)
{
	struct dest dest = { .allow = allow, .text = strdup(text) }, *grown;
	int status = dest.text ? read_dest(text, &dest, error) : -ENOMEM;

	if (!status) {
		grown = reallocarray(list->entries, list->count + 1, sizeof(*grown));
		if (grown) {
			list->entries = grown;
			list->entries[list->count++] = dest;
			return 0;
		}
		status = -ENOMEM;
	}
	free_entry(&dest);
	return status;
}

bool dest_same(const struct dest_list *a, const struct dest_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->entries[i].allow != b->entries[i].allow ||
		    strcmp(a->entries[i].text, b->entries[i].text) != 0)
			return false;
	return true;
}

void dest_free(struct dest_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_entry(&list->entries[i]);
	free(list->entries);
	*list = (struct dest_list){ 0 };
}

/* Judging */

static bool has_port(const struct dest *dest, uint16_t port)
{
	for (size_t i = 0; i < dest->ports.count; i++)
		if (port >= dest->ports.ranges[i].first && port <= dest->ports.ranges[i].last)
			return true;
	return false;
}

/* Does the host end with the name, in which * is any one label? *before: how many bytes of the host
 * are before that. */
static bool ends_with(const char *host, size_t length, const char *name, size_t *before)
{
	size_t left = strlen(name), end;

	for (*before = length; left && *before; left--) {
		if (name[left - 1] != '*') {
			(*before)--;
			if (strncasecmp(&host[*before], &name[left - 1], 1) != 0)
				return false;
			continue;
		}
		for (end = *before; *before && host[*before - 1] != '.';)
			(*before)--;
		if (*before == end)
			return false;
	}
	return !left;
}

/* By the name that was asked for; false for entries with an address. */
static bool has_name(const struct dest *dest, const char *host)
{
	size_t length = strlen(host), before;

	if (length && host[length - 1] == '.')
		length--;
	switch (dest->kind) {
	case DEST_ANY:
		return true;
	case DEST_NAME:
		return ends_with(host, length, dest->name, &before) && !before;
	case DEST_SUFFIX: /* it starts with a dot, so whole labels are compared */
		return ends_with(host, length, dest->name, &before) && before;
	case DEST_NET:
		break;
	}
	return false;
}

static bool denied(const struct dest *by, char why[DEST_WHY_MAX])
{
	if (by)
		snprintf(why, DEST_WHY_MAX, "deny-dest=%s", by->text);
	else
		snprintf(why, DEST_WHY_MAX, "no allow-dest names it");
	return false;
}

bool dest_may(const struct dest_list *list, const char *host, uint16_t port, char why[DEST_WHY_MAX])
{
	bool maybe = false; /* an address may yet be let through */

	for (size_t i = 0; i < list->count; i++) {
		const struct dest *dest = &list->entries[i];

		if (!has_port(dest, port))
			continue;
		if (dest->kind == DEST_NET)
			maybe = maybe || dest->allow;
		else if (has_name(dest, host) && dest->allow)
			return true;
		else if (has_name(dest, host))
			return maybe || denied(dest, why);
	}
	return maybe || denied(NULL, why);
}

/* Why this address needs an entry with an address, and how wide that may be; NULL: it needs none.
 */
static const char *peculiarity(const struct in6_addr *ip, unsigned *bits)
{
	const char *kind = special_kind(ip, bits);
	int ours;

	if (kind)
		return kind;
	*bits = IN6_IS_ADDR_V4MAPPED(ip) ? IP_V4(1) : 1;
	ours = special_is_ours(ip);
	if (ours < 0)
		return "perhaps this machine's own";
	return ours ? "this machine's own" : NULL;
}

static bool matches(const struct dest *dest, const char *host, const struct in6_addr *ip)
{
	return dest->kind == DEST_NET ? ip_same_bits(ip, &dest->ip, dest->prefix)
				      : has_name(dest, host);
}

bool dest_permits(const struct dest_list *list, const char *host, const struct sockaddr *sa,
		  char why[DEST_WHY_MAX])
{
	const struct dest *passed = NULL; /* would have let it through, were it not special */
	char text[INET6_ADDRSTRLEN];
	const char *kind;
	struct in6_addr ip;
	uint16_t port;
	unsigned bits;

	if (!ip_from_sockaddr(sa, &ip))
		return denied(NULL, why);
	port = ntohs(sa->sa_family == AF_INET
			     ? ((const struct sockaddr_in *)(const void *)sa)->sin_port
			     : ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	kind = peculiarity(&ip, &bits);
	for (size_t i = 0; i < list->count; i++) {
		const struct dest *dest = &list->entries[i];

		if (!has_port(dest, port) || !matches(dest, host, &ip))
			continue;
		if (!dest->allow)
			return denied(dest, why);
		if (!kind || (dest->kind == DEST_NET && dest->prefix >= bits))
			return true;
		passed = passed ? passed : dest;
	}
	if (!passed)
		return denied(NULL, why);
	if (IN6_IS_ADDR_V4MAPPED(&ip))
		inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &ip, text, sizeof(text));
	snprintf(why, DEST_WHY_MAX, "%s is %s: only an allow-dest with that address permits it",
		 text, kind);
	return false;
}
