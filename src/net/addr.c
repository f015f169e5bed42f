/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

#define ABSTRACT_MAX 107 /* bytes of an abstract name: sun_path less the NUL before it */
#define HOST_MAX 253    /* bytes of a host name in the DNS */

static int parse_vsock(struct parser *p);
static int parse_tcp(struct parser *p);
static int parse_unix(struct parser *p);
static int parse_mux(struct parser *p);
static int parse_exec(struct parser *p);
static int parse_fd(struct parser *p);
static int parse_stdio(struct parser *p);
static int parse_open_ended(struct parser *p);

#define BOTH (ADDR_CONNECT | ADDR_LISTEN)
#define VSOCK_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_WINDOW | ADDR_OPT_TO_HOST)
#define VSOCK_LISTEN (ADDR_OPT_WINDOW | ADDR_OPT_BACKLOG)
#define TCP_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define TCP_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define UNIX_CONNECT ADDR_OPT_CONNECT_TIMEOUT
#define UNIX_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP)

/* Of several spellings of a family the first is the one that messages name. */
const struct family addr_families[ADDR_FAMILIES] = {
	{ "vsock", ADDR_VSOCK, false, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, parse_vsock, addr_format_vsock },
	{ "vsock-seqpacket", ADDR_VSOCK, true, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, parse_vsock, addr_format_vsock },
	{ "tcp", ADDR_TCP, false, 0, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, addr_format_tcp },
	{ "tcp4", ADDR_TCP, false, 4, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, addr_format_tcp },
	{ "tcp6", ADDR_TCP, false, 6, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, addr_format_tcp },
	{ "unix", ADDR_UNIX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_unix, addr_format_unix },
	{ "unix-seqpacket", ADDR_UNIX, true, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_unix, addr_format_unix },
	{ "vsock-mux", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_mux, addr_format_mux },
	{ "hvsock", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_mux, addr_format_mux },
	{ "exec", ADDR_EXEC, false, 0, false, ADDR_CONNECT, 0, 0, parse_exec, addr_format_exec },
	{ "fd", ADDR_FD, false, 0, false, BOTH, 0, 0, parse_fd, addr_format_fd },
	{ "-", ADDR_STDIO, false, 0, false, 0 /* the programs use them anyway */, 0, 0, parse_stdio, addr_format_stdio },
	{ "socks5", ADDR_SOCKS5, false, 0, false, ADDR_CONNECT, 0, 0, parse_open_ended, addr_format_open_ended },
	{ "http-connect", ADDR_HTTP_CONNECT, false, 0, false, ADDR_CONNECT, 0, 0, parse_open_ended, addr_format_open_ended },
	{ "proxy-dst", ADDR_PROXY_DST, false, 0, false, ADDR_CONNECT, 0, 0, parse_open_ended, addr_format_open_ended },
	{ "udp", ADDR_UDP, false, 0, true, BOTH, ADDR_OPT_BIND, 0, parse_tcp, addr_format_tcp },
	{ "udp4", ADDR_UDP, false, 4, true, BOTH, ADDR_OPT_BIND, 0, parse_tcp, addr_format_tcp },
	{ "udp6", ADDR_UDP, false, 6, true, BOTH, ADDR_OPT_BIND, 0, parse_tcp, addr_format_tcp },
};

/*
 * The families: what stands between the family and the options
 */

/* The entry that a family which was not written has: vsock:, unix: or vsock-mux:. */
static const struct family *first_family(enum addr_family family)
{
	const struct family *f = addr_families;

	while (f->family != family)
		f++;
	return f;
}

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
	p->family = first_family(ADDR_MUX);
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

static int parse_vsock(struct parser *p)
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

static int parse_tcp(struct parser *p)
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

static int parse_unix(struct parser *p)
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

static int parse_mux(struct parser *p)
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

static int split_words(const char *command, char **words, char *bytes, size_t *count, size_t *error);

static int parse_exec(struct parser *p)
{
	const char *command = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t count, at = 0;

	if (length >= sizeof p->addr->name)
		return addr_bad(p, p->begin, length, "too long: at most %zu bytes", sizeof p->addr->name - 1);
	if (split_words(command, NULL, NULL, &count, &at) < 0) {
		if (command[at] == '\\')
			return addr_bad(p, p->begin + at, 1, "nothing follows the backslash");
		return addr_bad(p, p->begin + at, 1, "the %s quote does not end", command[at] == '"' ? "double" : "single");
	}
	if (count == 0) {
		addr_bad(p, p->begin, 1, "the command is missing");
		return addr_hint(p, "write exec:COMMAND, as exec:'cat /etc/motd'");
	}
	memcpy(p->addr->name, command, length);
	return 0;
}

static int parse_fd(struct parser *p)
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

static int parse_stdio(struct parser *p)
{
	if (p->end < p->length) {
		addr_bad(p, p->end, p->length - p->end, "- takes no options");
		return addr_hint(p, "write - alone");
	}
	return 0;
}

static int parse_open_ended(struct parser *p)
{
	if (p->end == p->begin)
		return 0;
	addr_bad(p, p->begin, p->end - p->begin, "nothing follows %s: the client says where to", p->family->name);
	return addr_hint(p, "write %s: alone, and --allow-dest for where clients may go", p->family->name);
}

/*
 * exec: words as sh splits them
 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Copies one word without its quotes to bytes (or nowhere); returns what follows, or NULL with *error at a bad quote. */
static const char *copy_word(const char *start, const char *at, char **bytes, size_t *error)
{
	const char *open = NULL; /* the quote that we are in */
	char *to = bytes ? *bytes : NULL;

	for (; *at && (open || !is_blank(*at)); at++) {
		const char *c = at;

		if (open && *c == *open) {
			open = NULL;
			continue;
		}
		if (!open && (*c == '\'' || *c == '"')) {
			open = c;
			continue;
		}
		if (*c == '\\' && (!open || (*open == '"' && at[1] && strchr("\"\\$`\n", at[1])))) {
			if (at[1] == '\0') {
				open = at;
				break;
			}
			c = ++at;
			if (*c == '\n') /* as in sh, the line goes on */
				continue;
		}
		if (to)
			*to++ = *c;
	}
	if (open) {
		*error = (size_t)(open - start);
		return NULL;
	}
	if (to) {
		*to++ = '\0';
		*bytes = to;
	}
	return at;
}

/* Counts the words of a command and, where words is given, stores them. -EINVAL: *error is where the bad quote is. */
static int split_words(const char *command, char **words, char *bytes, size_t *count, size_t *error)
{
	const char *at = command;

	for (*count = 0;; ++*count) {
		while (is_blank(*at))
			at++;
		if (*at == '\0')
			return 0;
		if (words)
			words[*count] = bytes;
		at = copy_word(command, at, words ? &bytes : NULL, error);
		if (at == NULL)
			return -EINVAL;
	}
}

int addr_exec_words(const char *command, char ***words)
{
	size_t count, error;
	char **vector;

	if (split_words(command, NULL, NULL, &count, &error) < 0 || count == 0)
		return -EINVAL;
	vector = malloc((count + 1) * sizeof *vector + strlen(command) + 1);
	if (vector == NULL)
		return -ENOMEM;
	split_words(command, vector, (char *)(vector + count + 1), &count, &error);
	vector[count] = NULL;
	*words = vector;
	return 0;
}

/*
 * Which family is it?
 */

const struct family *addr_find_family(const char *word, size_t length, bool any_case)
{
	for (size_t i = 0; i < ADDR_FAMILIES; i++)
		if (strlen(addr_families[i].name) == length &&
		    (any_case ? strncasecmp : strncmp)(word, addr_families[i].name, length) == 0)
			return &addr_families[i];
	return NULL;
}

bool addr_is_family(const char *word, size_t length)
{
	return addr_find_family(word, length, true) != NULL;
}

/* vsock-proxy has no short forms. */
static int missing_family(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	size_t colon = text_last_colon(p->text, 0, p->end);
	uint32_t cid;

	addr_bad(p, 0, p->end, "the family is missing");
	if (p->text[0] == '/' || p->text[0] == '.' || p->text[0] == '@')
		return addr_hint(p, "write unix:%s", text);
	if (text_all_digits(p->text, p->end))
		return listening(p) ? addr_hint(p, "write vsock::%s or tcp:%s", text, text)
		                    : addr_hint(p, "write vsock:CID:%s or tcp:%s", text, text);
	if (colon == p->end)
		return is_letter(p->text[0]) ? addr_hint(p, "write vsock:%s:PORT or tcp:%s:PORT", text, text)
		                             : addr_hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	if (colon == 0)
		return listening(p) ? addr_hint(p, "write vsock:%s or tcp%s", text, text)
		                    : addr_hint(p, "write vsock:CID%s or tcp%s", text, text);
	if (addr_read_cid(p->text, colon, &cid) || hosts_find(p->context->hosts, p->text, colon))
		return addr_hint(p, "write vsock:%s", text);
	if (is_digit(p->text[0]) && !text_looks_ipv4(p->text, colon))
		return addr_hint(p, "write vsock:CID:PORT");
	return addr_hint(p, "write tcp:%s", text);
}

/* One word without a colon, and it is no port. */
static int parse_word(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	const char *c = p->text;
	const char *why;

	if (c[0] == '~') {
		addr_bad(p, 0, 1, "'~' is not expanded here");
		return addr_hint(p, "the shell expands ~ only where no quotes are; write unix:$HOME%s", SHOW(c + 1, p->end - 1));
	}
	if (memchr(c, '/', p->end) || (memchr(c, '.', p->end) && !text_looks_ipv4(c, p->end) && is_letter(c[0]))) {
		addr_bad(p, 0, p->end, "'%s' is not an address", text);
		return addr_hint(p, "for a UNIX socket write ./%s", text);
	}
	if (text_looks_ipv4(c, p->end)) {
		addr_bad(p, 0, p->end, "an IP address without family and port");
		return addr_hint(p, "write tcp:%s:PORT", text);
	}
	if (listening(p)) {
		addr_bad(p, 0, p->end, "'%s' is not a port", text);
		return addr_hint(p, "write a number, as 5000, or ./%s for a UNIX socket", text);
	}
	if (!is_letter(c[0]))
		return parse_vsock(p);
	why = hosts_check_name(c, p->end);
	if (why && !addr_read_cid(c, p->end, &(uint32_t){ 0 })) {
		addr_bad(p, 0, p->end, "'%s' is not an address", text);
		return addr_hint(p, "write CID:PORT, or FAMILY:… with vsock, tcp, unix, vsock-mux, exec or fd");
	}
	addr_bad(p, p->end, 1, "the port is missing");
	return addr_hint(p, "write %s:PORT, or ./%s for a UNIX socket", text, text);
}

/* Digits alone. */
static int parse_bare_number(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	const char *program = p->context->program;

	if (listening(p)) {
		p->addr->cid = ADDR_CID_ANY;
		return addr_parse_port(p, 0, p->end, PORT_VSOCK);
	}
	addr_bad(p, 0, p->end, "which CID?");
	if (program && strcmp(program, "vsock-cat") == 0)
		return addr_hint(p, "write host:%s or CID:%s; to listen: vsock-listen %s", text, text, text);
	return addr_hint(p, "write host:%s or CID:%s", text, text);
}

const struct family *addr_family_of(enum addr_family family, bool seqpacket, uint8_t ip)
{
	for (size_t i = 0; i < ADDR_FAMILIES; i++)
		if (addr_families[i].family == family && addr_families[i].seqpacket == seqpacket && addr_families[i].ip == ip)
			return &addr_families[i];
	return NULL;
}

static void start_family(struct parser *p, const struct family *family)
{
	p->family = family;
	p->addr->family = family->family;
	p->addr->seqpacket = family->seqpacket;
	p->addr->ip = family->ip;
}

/* A text that begins with no family. */
static int parse_short(struct parser *p)
{
	const char *text = p->text;
	size_t colons;
	bool path = text[0] == '/' || text[0] == '@' || begins_with(text, "./") || begins_with(text, "../");

	p->end = text_find_comma(text, 0, p->length);
	if (p->end == 0)
		return addr_bad(p, 0, 1, "the address is missing before the comma");
	colons = text_count_colons(text, 0, p->end);
	if (path) {
		if (!allows(p, ADDR_SHORT))
			return missing_family(p);
		start_family(p, first_family(ADDR_UNIX));
		return p->family->parse(p);
	}
	start_family(p, first_family(ADDR_VSOCK));
	if (text[0] == ':' && (text_all_digits(text + 1, p->end - 1) || (text[1] == ':' && text_all_digits(text + 2, p->end - 2)))) {
		size_t digits = colons;

		if (!listening(p)) {
			addr_bad(p, 0, colons, "which CID?");
			if (colons == 2)
				return addr_hint(p, "write vsock:CID:%s, or for TCP tcp:[%s]:PORT", SHOW(text + digits, p->end - digits),
				            SHOW(text, p->end));
			return addr_hint(p, "write vsock:CID:%s, where CID may be host or local", SHOW(text + digits, p->end - digits));
		}
		addr_bad(p, 0, colons, "the family is missing");
		return addr_hint(p, "write vsock::%s", SHOW(text + digits, p->end - digits));
	}
	if (addr_explain_ipv6(p))
		return -EINVAL;
	if (colons > 0 || !allows(p, ADDR_PORT_OPTIONAL)) {
		bool known = colons == 1 && hosts_find(p->context->hosts, text, strcspn(text, ":"));

		if (!known && addr_explain_family(p))
			return -EINVAL;
	}
	if (colons > 1) {
		addr_bad(p, 0, p->end, "too many colons");
		return addr_hint(p, "write CID:PORT, or FAMILY:… with vsock, tcp, unix, vsock-mux, exec or fd");
	}
	if (!allows(p, ADDR_SHORT))
		return missing_family(p);
	if (begins_with(text, "-1:")) {
		addr_bad(p, 0, 1, "bad CID: '-' is not a digit");
		if (!listening(p))
			return addr_hint(p, "name the machine: host%s, local%s, or a guest's CID", SHOW(text + 2, p->end - 2),
			            SHOW(text + 2, p->end - 2));
		return addr_hint(p, "write any%s", SHOW(text + 2, p->end - 2));
	}
	if (colons == 0 && text_all_digits(text, p->end) && !allows(p, ADDR_PORT_OPTIONAL))
		return parse_bare_number(p);
	if (colons == 0 && (!allows(p, ADDR_PORT_OPTIONAL) || text[0] == '~' || memchr(text, '/', p->end)))
		return parse_word(p);
	return p->family->parse(p);
}

static int check_role(struct parser *p)
{
	const struct family *f = p->family;
	const char *program = p->context->program;
	bool listens = program && strcmp(program, "vsock-listen") == 0;
	bool cat = program && strcmp(program, "vsock-cat") == 0;
	bool open_ended = addr_family_open_ended(f->family);
	unsigned role = listening(p) ? ADDR_LISTEN : ADDR_CONNECT;

	if (open_ended && program && strcmp(program, "vsock-proxy") != 0) {
		addr_bad(p, 0, p->begin, "%s: is a target of vsock-proxy", f->name);
		return addr_hint(p, "write vsock-proxy LISTEN %s: --allow-dest HOST:PORT", f->name);
	}
	if (f->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS)) {
		addr_bad(p, 0, p->begin, "%s: is an address of vsock-proxy's rules", f->name);
		return addr_hint(p, "write vsock-proxy %s", listening(p) ? "udp:HOST:PORT CONNECT" : "LISTEN udp:HOST:PORT");
	}
	if (f->roles & role)
		return 0;
	addr_bad(p, 0, p->begin, "%s%s can't be %s", f->name, f->family == ADDR_STDIO ? "" : ":",
	         listening(p) ? "listened on" : "connected to");
	if (f->family == ADDR_STDIO)
		return listens ? addr_hint(p, "vsock-listen uses stdin and stdout anyway: vsock-listen PORT")
		       : cat   ? addr_hint(p, "vsock-cat uses stdin and stdout anyway: name the other side")
		               : addr_hint(p, "for stdin and stdout: vsock-cat ADDRESS, or vsock-listen ADDRESS");
	if (open_ended)
		return addr_hint(p, "%s: goes second: LISTEN %s:", f->name, f->name);
	return listens ? addr_hint(p, "write vsock-listen PORT -- COMMAND")
	               : addr_hint(p, "exec: goes second: LISTEN exec:COMMAND");
}

/* Finds the family and reads what stands between it and the options. */
static int parse_address(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	const struct family *family;
	int r;

	if (p->length == 0)
		return addr_bad(p, 0, 1, "the address is empty");
	if (text[0] == '-' && (text[1] == '\0' || text[1] == ',')) {
		family = addr_find_family("-", 1, false);
		word = 0;
	} else if (text[word] == ':') {
		family = addr_find_family(text, word, false);
	} else {
		family = NULL;
	}
	if (family == NULL)
		return parse_short(p);
	p->begin = word + 1;
	start_family(p, family);
	r = check_role(p);
	if (r < 0)
		return r;
	p->url = family->url && begins_with(text + p->begin, "//");
	if (p->url)
		p->begin += 2;
	p->end = family->family == ADDR_EXEC ? p->length : text_find_comma(text, p->begin, p->length);
	return family->parse(p);
}

int addr_parse(const char *text, const struct addr_context *context, struct addr *addr, struct addr_error *error)
{
	struct parser p = { .text = text, .length = strlen(text), .context = context, .addr = addr, .error = error };
	int r;

	memset(addr, 0, sizeof *addr);
	memset(error, 0, sizeof *error);
	r = parse_address(&p);
	if (r == 0)
		r = addr_parse_options(&p);
	if (r < 0) {
		memset(addr, 0, sizeof *addr);
		return r;
	}
	addr->name_length = strlen(addr->name);
	if (addr->port_last == 0)
		addr->port_last = addr->port;
	return 0;
}

/* Does the text begin with one of the families whose addresses have no port? */
static bool has_no_port(const char *where)
{
	size_t word = strcspn(where, ":");
	const struct family *family = where[word] == ':' ? addr_find_family(where, word, false) : NULL;

	if (family)
		return family->family == ADDR_UNIX || family->family == ADDR_EXEC || family->family == ADDR_FD ||
		       addr_family_open_ended(family->family);
	return where[0] == '/' || where[0] == '@' || strcmp(where, "-") == 0 || begins_with(where, "./") ||
	       begins_with(where, "../");
}

int addr_parse_words(const char *where, const char *port, const struct addr_context *context, struct addr *addr,
                     char *joined, size_t size, struct addr_error *error)
{
	struct parser p = { .text = joined, .context = context, .addr = addr, .error = error };
	size_t word = strcspn(where, "/%:");
	const struct family *family = word && strchr("/%", where[word]) ? addr_find_family(where, word, false) : NULL;
	const char *rest = family ? where + word + 1 : "";
	bool slash = false;
	int n;

	memset(addr, 0, sizeof *addr);
	memset(error, 0, sizeof *error);
	if (family && (family->family == ADDR_UNIX || family->family == ADDR_MUX)) /* absolute, as systemd-ssh-proxy has it */
		slash = rest[0] != '/' && rest[0] != '.' && rest[0] != '@' && rest[0] != '\0';
	else if (family && family->family != ADDR_VSOCK)
		family = NULL;
	if (family && family->family == ADDR_UNIX && text_all_digits(port, strlen(port)))
		n = snprintf(joined, size, "%s:%s%s", family->name, slash ? "/" : "", rest);
	else if (family && family->family != ADDR_UNIX)
		n = snprintf(joined, size, "%s:%s%s:%s", family->family == ADDR_MUX ? "vsock-mux" : family->name,
		             slash ? "/" : "", rest, port);
	else if (family || has_no_port(where))
		n = snprintf(joined, size, "%s %s", where, port);
	else
		n = snprintf(joined, size, "%s:%s", where, port);
	if (n < 0 || (size_t)n >= size) {
		p.length = strlen(joined);
		return addr_bad(&p, 0, p.length, "too long");
	}
	p.length = (size_t)n;
	if (family && family->family == ADDR_UNIX && !text_all_digits(port, strlen(port)))
		return addr_bad(&p, strlen(where) + 1, strlen(port), "bad port: '%s' is not a number", SHOW(port, strlen(port)));
	if (!family && has_no_port(where)) {
		addr_bad(&p, strlen(where) + 1, strlen(port), "one word too many: '%s' has no port", SHOW(where, strlen(where)));
		return addr_hint(&p, "write %s alone", SHOW(where, strlen(where)));
	}
	return addr_parse(joined, context, addr, error);
}
