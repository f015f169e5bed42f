/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "net/addr-parts.h"

#define ABSTRACT_MAX 107 /* bytes of an abstract name: sun_path less the NUL before it */
#define HOST_MAX 253    /* bytes of a host name in the DNS */

/*
 * vsock
 */

/* A name whose line in the hosts file has a path: the address becomes a hybrid one. */
static int become_hybrid(struct parser *p, size_t at, size_t length, const struct hosts_entry *entry)
{
	struct addr *addr = p->addr;

	if (listening(p)) {
		addr_bad(p, at, length, "'%s' is a guest behind hybrid vsock, and a name is for connecting", entry->name);
		return addr_hint(p, "to be called by that guest listen on vsock-mux:%s:PORT", SHOW(entry->path, strlen(entry->path)));
	}
	if (addr->seqpacket) {
		addr_bad(p, at, length, "'%s' is a guest behind hybrid vsock, which has no seqpacket", entry->name);
		return addr_hint(p, "write vsock: instead of vsock-seqpacket:");
	}
	p->family = addr_first_family(ADDR_MUX);
	addr->family = ADDR_MUX;
	addr->cid = 0;
	if (strlcpy(addr->name, entry->path, sizeof addr->name) >= sizeof addr->name)
		return addr_bad(p, at, length, "the path of '%s' is too long", entry->name);
	return 0;
}

/* The CID of vsock:, with what only addresses (not bind=) must hold. */
static int parse_vsock_cid(struct parser *p, size_t at, size_t length)
{
	struct addr *addr = p->addr;
	const struct hosts_entry *entry;
	const char *text = p->text + at;
	const char *follow = SHOW(text + length, p->end - at - length);
	int r;

	r = addr_parse_cid(p, at, length, &addr->cid, &entry);
	if (r < 0)
		return r;
	if (entry) {
		strlcpy(addr->alias, entry->name, sizeof addr->alias);
		if (entry->path)
			return become_hybrid(p, at, length, entry);
	}
	if (addr->cid == ADDR_CID_ANY && !listening(p)) {
		addr_bad(p, at, length, "bad CID: '%s' is for listening", SHOW(text, length));
		return addr_hint(p, "name the machine: host%s, local%s, or a guest's CID", follow, follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR && listening(p)) {
		addr_bad(p, at, length, "bad CID: nothing can listen on CID 0, the hypervisor");
		return addr_hint(p, "for any CID write vsock:%s", follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR)
		addr_hint(p, "CID 0 is the hypervisor itself, and VMCI only carries that; the host is CID 2");
	return 0;
}

/* Only one word where CID and PORT should be. */
static int parse_vsock_word(struct parser *p, const char *family)
{
	const char *word = p->text + p->begin;
	size_t length = p->end - p->begin;
	int r;

	if (length == 0) {
		addr_bad(p, p->begin, 1, "CID and port are missing");
		return listening(p) ? addr_hint(p, "write %s::PORT", family) : addr_hint(p, "write %s:CID:PORT", family);
	}
	if (p->url && listening(p) && text_all_digits(word, length))
		return addr_parse_port(p, p->begin, length, PORT_VSOCK);
	if (listening(p)) {
		addr_bad(p, p->begin, length, "the CID or the port is missing");
		return text_all_digits(word, length) ? addr_hint(p, "write %s::%s", family, SHOW(word, length))
		                                     : addr_hint(p, "write %s:%s:PORT", family, SHOW(word, length));
	}
	if (p->url && text_all_digits(word, length)) {
		addr_bad(p, p->begin, length, "the CID or the port is missing");
		return addr_hint(p, "write %s:CID:%s or %s:%s:PORT", family, SHOW(word, length), family, SHOW(word, length));
	}
	r = parse_vsock_cid(p, p->begin, length);
	if (r < 0)
		return r;
	addr_bad(p, p->end, 1, "the port is missing");
	return addr_hint(p, "write %s:%s:PORT", family, SHOW(word, length));
}

/* What can stand in place of a CID by mistake; colon: where the port begins. 0 if it is none of these. */
static int refuse_vsock_cid(struct parser *p, size_t colon, const char *family)
{
	const char *cid = p->text + p->begin;
	size_t cid_length = colon - p->begin;

	if (text_is_ipv6(cid, cid_length, NULL) || cid[0] == '[') {
		addr_bad(p, p->begin, cid_length, "bad CID: %s is an IP address", SHOW(cid, cid_length));
		return cid[0] == '[' ? addr_hint(p, "for TCP write tcp:%s", SHOW(cid, p->end - p->begin))
		                     : addr_hint(p, "for TCP write tcp:[%s]%s", SHOW(cid, cid_length),
		                            SHOW(p->text + colon, p->end - colon));
	}
	if (memchr(cid, ':', cid_length)) {
		addr_bad(p, p->begin, p->end - p->begin, "too many colons");
		return cid[0] == ':' && listening(p) ? addr_hint(p, "write %s:%s", family, SHOW(p->text + colon, p->end - colon))
		                                     : addr_hint(p, "write %s:CID:PORT", family);
	}
	if (cid_length == 0 && !listening(p)) {
		addr_bad(p, p->begin, 1, "which CID?");
		return addr_hint(p, "write %s:CID%s, where CID may be host or local", family,
		            colon + 1 < p->end ? SHOW(p->text + colon, p->end - colon) : ":PORT");
	}
	return 0;
}

int addr_parse_vsock(struct parser *p)
{
	size_t colon = text_last_colon(p->text, p->begin, p->end);
	size_t cid_length = colon - p->begin;
	const char *family = p->begin > 0 ? p->family->name : "vsock";
	int r;

	p->addr->cid = ADDR_CID_ANY;
	if (colon == p->end && !allows(p, ADDR_PORT_OPTIONAL))
		return parse_vsock_word(p, family);
	r = refuse_vsock_cid(p, colon, family);
	if (r < 0)
		return r;
	if (cid_length > 0) {
		r = parse_vsock_cid(p, p->begin, cid_length);
		if (r < 0)
			return r;
	}
	if (colon == p->end) { /* ADDR_PORT_OPTIONAL */
		p->addr->has_port = false;
		return 0;
	}
	if (colon + 1 == p->end) {
		addr_bad(p, colon + 1, 1, "the port is missing");
		return addr_hint(p, "write %s:%s:PORT", family, SHOW(p->text + p->begin, cid_length));
	}
	return addr_parse_port(p, colon + 1, p->end - colon - 1, p->addr->family == ADDR_MUX ? PORT_MUX : PORT_VSOCK);
}

/*
 * tcp and udp
 */

/* HOST of tcp: and udp: without brackets. */
static int parse_host_name(struct parser *p, size_t at, size_t length, const char *follow)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;
	struct in_addr in;

	for (size_t i = 0; i < length; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && !memchr(".-_", text[i], 3)) {
			size_t n = text_char_length(text + i, length - i);

			addr_bad(p, at + i, n, "bad host: '%s' can't be in a host's name", SHOW(text + i, n));
			if ((unsigned char)text[i] >= 0x80)
				addr_hint(p, "write the name as the DNS has it: xn--…");
			return -EINVAL;
		}
	}
	if (length > HOST_MAX)
		return addr_bad(p, at, length, "bad host: a host's name has at most %d bytes", HOST_MAX);
	if (text[0] == '-')
		return addr_bad(p, at, 1, "bad host: a host's name can't begin with '-'");
	memcpy(addr->name, text, length);
	addr->name[length] = '\0';
	if (strspn(addr->name, "0123456789.") == length && inet_pton(AF_INET, addr->name, &in) != 1) {
		addr_bad(p, at, length, "bad host: %s is not an IPv4 address", addr->name);
		if (text_all_digits(text, length))
			return addr_hint(p, "for CID %s write vsock:%s%s", addr->name, addr->name, follow);
		return addr_hint(p, "an IPv4 address is four numbers from 0 to 255, without leading zeros");
	}
	if (addr->ip == 6 && inet_pton(AF_INET, addr->name, &in) == 1) {
		addr_bad(p, at, length, "bad host: %s is an IPv4 address", addr->name);
		return addr_hint(p, "write %s4:%s%s", addr_family_name(addr), addr->name, follow);
	}
	return 0;
}

/* HOST of tcp: and udp:, brackets included. */
static int parse_host(struct parser *p, size_t at, size_t length, const char *follow)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;

	if (length == 0 || is_word(text, length, "*")) {
		addr->wildcard = true;
		if (listening(p))
			return 0;
		addr_bad(p, at, length, "which host?");
		return addr_hint(p, "write %s:localhost%s", p->family->name, follow);
	}
	if (text[0] == '[' && text[length - 1] == ']') {
		if (!text_is_ipv6(text + 1, length - 2, addr->name)) {
			addr->name[0] = '\0';
			return addr_bad(p, at + 1, length - 2, "bad host: '%s' is not an IPv6 address", SHOW(text + 1, length - 2));
		}
		if (addr->ip == 4) {
			addr_bad(p, at, length, "bad host: %s is an IPv6 address", addr->name);
			return addr_hint(p, "write %s6:%s%s", addr_family_name(addr), SHOW(text, length), follow);
		}
		return 0;
	}
	return parse_host_name(p, at, length, follow);
}

int addr_parse_tcp(struct parser *p)
{
	const char *rest = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t colon = text_last_colon(p->text, p->begin, p->end);
	size_t host_length = colon - p->begin;
	const char *family = p->family->name;
	int r;

	if (length == 0) {
		addr_bad(p, p->begin, 1, "host and port are missing");
		return addr_hint(p, "write %s:HOST:PORT", family);
	}
	if (rest[0] == '[') { /* colons inside brackets don't count */
		const char *bracket = memchr(rest, ']', length);

		if (bracket == NULL) {
			addr_bad(p, p->begin, length, "bad host: ']' is missing");
			return addr_hint(p, "write %s:[ADDRESS]:PORT", family);
		}
		if (bracket + 1 == rest + length)
			colon = p->end;
		else if (bracket[1] != ':')
			return addr_bad(p, p->begin + (size_t)(bracket - rest) + 1, 1, "a colon is missing after ']'");
		else
			colon = p->begin + (size_t)(bracket - rest) + 1;
		host_length = colon - p->begin;
	} else if (memchr(rest, ':', host_length)) {
		addr_bad(p, p->begin, host_length, "bad host: an IPv6 address stands in brackets");
		if (text_is_ipv6(rest, host_length, NULL))
			return addr_hint(p, "write %s:[%s]%s", family, SHOW(rest, host_length),
			            SHOW(p->text + colon, p->end - colon));
		if (text_is_ipv6(rest, length, NULL)) {
			addr_bad(p, p->begin, length, "bad host: an IPv6 address stands in brackets");
			return addr_hint(p, "write %s:[%s]:PORT", family, SHOW(rest, length));
		}
		addr_bad(p, p->begin, length, "too many colons");
		return addr_hint(p, "write %s:HOST:PORT", family);
	}
	if (colon == p->end) {
		const char *dash = memchr(rest, '-', length);

		if (text_all_digits(rest, length) || (dash && text_all_digits(rest, (size_t)(dash - rest)))) {
			strlcpy(p->addr->name, "localhost", sizeof p->addr->name);
			return addr_parse_port(p, p->begin, length, PORT_TCP);
		}
		addr_bad(p, colon, 1, "the port is missing");
		return addr_hint(p, "write %s:%s:PORT", family, SHOW(rest, length));
	}
	r = parse_host(p, p->begin, host_length, SHOW(p->text + colon, p->end - colon));
	if (r < 0)
		return r;
	if (colon + 1 == p->end) {
		addr_bad(p, colon + 1, 1, "the port is missing");
		return addr_hint(p, "write %s:%s:PORT", family, SHOW(rest, host_length));
	}
	return addr_parse_port(p, colon + 1, p->end - colon - 1, PORT_TCP);
}

/*
 * unix and vsock-mux
 */

/* What a path may not begin with, whatever the family; family is written before the hint's path. */
static int check_path(struct parser *p, size_t at, size_t length, const char *family)
{
	const char *path = p->text + at;

	if (length == 0)
		return addr_bad(p, at, 1, "the path is missing");
	if (p->url && path[0] != '/') {
		addr_bad(p, at - 2, 2, "a path follows three slashes");
		return addr_hint(p, "write %s:/%s, or %s:///%s", family, SHOW(path, p->end - at), family, SHOW(path, p->end - at));
	}
	if (path[0] == '~' && (length == 1 || path[1] == '/')) {
		addr_bad(p, at, 1, "'~' is not expanded here");
		return addr_hint(p, "the shell expands ~ only where a word begins; write %s:$HOME%s", family, SHOW(path + 1, p->end - at - 1));
	}
	return 0;
}

int addr_parse_unix(struct parser *p)
{
	struct addr *addr = p->addr;
	size_t length = p->end - p->begin;
	int r;

	r = check_path(p, p->begin, length, p->family->name);
	if (r < 0)
		return r;
	addr->abstract = p->text[p->begin] == '@';
	if (!addr->abstract)
		return addr_unescape(p, p->begin, length, addr->name, sizeof addr->name);
	if (length == 1) {
		addr_bad(p, p->begin, 1, "a name is missing after '@'");
		return addr_hint(p, "for a file that is called @ write %s:./@", p->family->name);
	}
	r = addr_unescape(p, p->begin + 1, length - 1, addr->name, sizeof addr->name);
	if (r == 0 && strlen(addr->name) > ABSTRACT_MAX)
		return addr_bad(p, p->begin, length, "too long: an abstract name has at most %d bytes", ABSTRACT_MAX);
	return r;
}

int addr_parse_mux(struct parser *p)
{
	size_t colon = text_last_colon(p->text, p->begin, p->end);
	const char *family = "vsock-mux";
	int r;

	if (p->family->name[0] == 'h' && !p->url) { /* hvsock is an URL's word */
		addr_bad(p, 0, p->begin - 1, "unknown family 'hvsock'");
		return addr_hint(p, "write %s:%s", family, SHOW(p->text + p->begin, p->end - p->begin));
	}
	r = check_path(p, p->begin, colon - p->begin, family);
	if (r < 0)
		return r;
	r = addr_unescape(p, p->begin, colon - p->begin, p->addr->name, sizeof p->addr->name);
	if (r < 0)
		return r;
	if (colon == p->end && allows(p, ADDR_PORT_OPTIONAL)) {
		p->addr->has_port = false;
		return 0;
	}
	if (colon == p->end && p->end < p->length && memchr(p->text + p->end, ':', p->length - p->end))
		return addr_comma_in_path(p);
	if (colon == p->end || colon + 1 == p->end) {
		addr_bad(p, p->end, 1, "the port is missing");
		return addr_hint(p, "write %s:%s:PORT", family, SHOW(p->text + p->begin, colon - p->begin));
	}
	if (!is_digit(p->text[colon + 1]) && !is_word(p->text + colon + 1, p->end - colon - 1, "any")) {
		addr_bad(p, colon + 1, p->end - colon - 1, "bad port: '%s' is not a port",
		    SHOW(p->text + colon + 1, p->end - colon - 1));
		return addr_hint(p, "the port follows the last colon: %s:PATH:PORT", family);
	}
	return addr_parse_port(p, colon + 1, p->end - colon - 1, PORT_MUX);
}

/*
 * fd, - and what the client says
 */

int addr_parse_fd(struct parser *p)
{
	struct addr *addr = p->addr;
	const char *text = p->text + p->begin;
	size_t length = p->end - p->begin;
	uint64_t number;
	int r;

	addr->fd = -1;
	if (length == 0) {
		addr_bad(p, p->begin, 1, "the descriptor is missing");
		return addr_hint(p, "write fd:3, or fd:NAME under systemd");
	}
	if (length > 2 && begins_with(text, "//")) {
		addr_bad(p, p->begin, 2, "fd: has no slashes");
		return addr_hint(p, "write fd:%s", SHOW(text + 2, length - 2));
	}
	if (text_all_digits(text, length) || text[0] == '-' || text[0] == '+') {
		r = addr_read_number(p, p->begin, length, "descriptor", false, INT_MAX, &number);
		if (r == 0)
			addr->fd = (int)number;
		return r;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] == ':' || text[i] < ' ' || text[i] == 127) {
			size_t n = text_char_length(text + i, length - i);

			return addr_bad(p, p->begin + i, n, "bad descriptor: '%s' can't be in a name", SHOW(text + i, n));
		}
	}
	r = addr_unescape(p, p->begin, length, addr->name, sizeof addr->name);
	if (r == 0 && strlen(addr->name) > 255)
		return addr_bad(p, p->begin, length, "too long: a descriptor's name has at most 255 bytes");
	return r;
}

int addr_parse_stdio(struct parser *p)
{
	if (p->end < p->length) {
		addr_bad(p, p->end, p->length - p->end, "- takes no options");
		return addr_hint(p, "write - alone");
	}
	return 0;
}

int addr_parse_open_ended(struct parser *p)
{
	if (p->end == p->begin)
		return 0;
	addr_bad(p, p->begin, p->end - p->begin, "nothing follows %s: the client says where to", p->family->name);
	return addr_hint(p, "write %s: alone, and --allow-dest for where clients may go", p->family->name);
}
