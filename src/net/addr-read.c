/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: the parser of a family reads the part between its name and its options;
 * addr_parse_options() reads the options. Both work on a struct parser, whose offsets refer to the
 * whole text, so that the caret is always right. A reader reports a mistake with addr_bad(),
 * suggests a correction with addr_hint(), and returns -EINVAL.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"
#include "base/util.h"
#include "net/addr-parts.h"

#define ABSTRACT_MAX 107 /* bytes of an abstract name: sun_path less the NUL before it */
#define HOST_MAX 253 /* bytes of a host name in the DNS */
#define VALUE_MAX 256 /* bytes of an option's value, with its NUL */

/*
 * Messages
 */

/* What is wrong, and where. */
int addr_bad(struct parser *p, size_t at, size_t length, const char *format, ...)
{
	va_list args;

	if (at > p->length)
		at = p->length;
	if (length > p->length - at)
		length = p->length - at;
	va_start(args, format);
	mistake_vat(p->error, at, length > 0 ? length : 1, NULL, format, args);
	va_end(args);
	return -EINVAL;
}

/* What to write instead. */
int addr_hint(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->error->hint, sizeof(p->error->hint), format, args);
	va_end(args);
	return -EINVAL;
}

char *addr_quote(char buf[QUOTED_MAX], const char *format, ...)
{
	char text[QUOTED_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return utf8_quote(text, buf, QUOTED_MAX);
}

/*
 * Pieces of text
 */

/* Is this a typo for that? */
bool text_resembles(const char *word, size_t length, const char *known)
{
	return length >= 3 && mistake_distance(word, length, known) <= (length >= 5 ? 2 : 1);
}

/* Undoes \, \\ and \xHH in [at, at + length) of the text, into to, which has size bytes. */
static int unescape(struct parser *p, size_t at, size_t length, char *to, size_t size)
{
	const char *text = p->text + at;
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (n + 1 >= size)
			return addr_bad(p, at, length, "too long: at most %zu bytes", size - 1);
		if (c == '\\' && i + 1 < length && (text[i + 1] == ',' || text[i + 1] == '\\')) {
			c = text[++i];
		} else if (c == '\\') {
			unsigned byte;
			char digits[3] = { 0 };

			if (i + 3 >= length || text[i + 1] != 'x' ||
			    strspn(memcpy(digits, text + i + 2, 2), "0123456789abcdefABCDEF") !=
				    2) {
				addr_bad(p, at + i,
					 i + 1 < length ? 1 + text_char_length(text + i + 1,
									       length - i - 1)
							: 1,
					 "a backslash can only be followed by a comma, a backslash "
					 "or xHH");
				return addr_hint(p, "for a backslash write \\\\");
			}
			byte = (unsigned)strtoul(digits, NULL, 16);
			if (byte == 0)
				return addr_bad(p, at + i, 4, "a name cannot contain a NUL byte");
			c = (char)byte;
			i += 3;
		}
		to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

/*
 * IP addresses
 */

/* Is this text an IPv4 address, by its looks? */
bool text_looks_ipv4(const char *text, size_t length)
{
	size_t dots = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.')
			dots++;
		else if (!is_digit(text[i]))
			return false;
	}
	return dots == 3;
}

/* Is this text an IPv6 address, with or without %scope? With canonical, how inet_ntop() writes it.
 */
bool text_is_ipv6(const char *text, size_t length, char canonical[64])
{
	struct in6_addr in6;
	char copy[INET6_ADDRSTRLEN];
	const char *scope = memchr(text, '%', length);
	size_t n = scope ? (size_t)(scope - text) : length;

	if (n >= sizeof(copy) || memchr(text, '\0', n))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (inet_pton(AF_INET6, copy, &in6) != 1)
		return false;
	if (length - n == 1 || length - n > 16) /* a lone %, or more than an interface's name has */
		return false;
	for (size_t i = n + 1; i < length; i++)
		if (!is_letter(text[i]) && !is_digit(text[i]) && !strchr("._-", text[i]))
			return false;
	if (canonical) {
		inet_ntop(AF_INET6, &in6, canonical, INET6_ADDRSTRLEN);
		strncat(canonical, text + n, length - n);
	}
	return true;
}

/*
 * Numbers
 */

/* Reads digits, hexadecimal ones after 0x where hex, and returns how many bytes were good. No
 * overflow: stops at 2^60. */
static size_t scan_number(const char *text, size_t length, bool hex, uint64_t *number)
{
	bool is_hex = hex && length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t i = is_hex ? 2 : 0;

	*number = 0;
	for (; i < length; i++) {
		unsigned digit;

		if (is_digit(text[i]))
			digit = (unsigned)(text[i] - '0');
		else if (is_hex && ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'f'))
			digit = (unsigned)((text[i] | 32) - 'a' + 10);
		else
			break;
		if (*number < 1ULL << 56)
			*number = *number * (is_hex ? 16 : 10) + digit;
	}
	return i;
}

static bool is_hex(const char *text, size_t length)
{
	return length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* Reads a whole number up to max; what is "CID" or "port". The caller has checked that the text is
 * not empty. */
static int read_number(struct parser *p, size_t at, size_t length, const char *what, bool hex,
		       uint64_t max, uint64_t *number)
{
	const char *text = p->text + at;
	size_t good = scan_number(text, length, hex, number);

	if (good < length) {
		size_t n = text_char_length(text + good, length - good);

		return addr_bad(p, at + good, n, "bad %s: '%s' is not a %sdigit", what,
				SHOW(text + good, n),
				good >= 2 && is_hex(text, length) && hex ? "hexadecimal " : "");
	}
	if (hex && is_hex(text, length)) {
		if (length == 2)
			return addr_bad(p, at, length, "bad %s: %s has no digits", what,
					SHOW(text, length));
	} else if (text[0] == '0' && length > 1) {
		size_t zeros = strspn(text, "0");

		if (zeros >= length)
			zeros = length - 1;
		addr_bad(p, at, length, "bad %s: %s starts with 0", what, SHOW(text, length));
		return addr_hint(p, "write %s", SHOW(text + zeros, length - zeros));
	}
	if (*number > max)
		return addr_bad(p, at, length, "bad %s: %s is above %llu", what, SHOW(text, length),
				(unsigned long long)max);
	return 0;
}

/*
 * CIDs and ports
 */

const char *addr_check_name(const char *name, size_t length)
{
	if (length == 0)
		return "a name cannot be empty";
	if (!is_letter(name[0]))
		return "a name must start with a letter";
	for (size_t i = 0; i < length; i++)
		if (!is_letter(name[i]) && !is_digit(name[i]) && !memchr("._-", name[i], 3))
			return "a name has letters, digits, '.', '_' and '-' only";
	return length > 63 ? "a name has at most 63 bytes" : NULL;
}

static const struct {
	const char *name;
	uint32_t cid;
} reserved_cids[] = {
	{ "any", ADDR_CID_ANY },
	{ "hypervisor", ADDR_CID_HYPERVISOR },
	{ "local", ADDR_CID_LOCAL },
	{ "host", ADDR_CID_HOST },
};

bool addr_read_cid(const char *text, size_t length, uint32_t *cid)
{
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(reserved_cids); i++) {
		if (is_word(text, length, reserved_cids[i].name)) {
			*cid = reserved_cids[i].cid;
			return true;
		}
	}
	if (length == 0 || scan_number(text, length, true, &number) < length || number > UINT32_MAX)
		return false;
	if (is_hex(text, length) ? length == 2 : text[0] == '0' && length > 1)
		return false;
	*cid = (uint32_t)number;
	return true;
}

/* Says that no CID has this name; rest is what follows the name up to the end of the address. */
static int unknown_name(struct parser *p, size_t at, size_t length)
{
	const char *name = p->text + at;
	const char *rest = name + length;
	size_t rest_length = p->end - at - length;
	const char *follow = SHOW(rest, rest_length);
	const struct hosts *hosts = p->context->hosts;

	if (follow[0] == '\0')
		follow = ":PORT";
	addr_bad(p, at, length, "no CID is called '%s'", SHOW(name, length));
	if (is_word(name, length, "localhost") || memchr(name, '.', length))
		return addr_hint(p, "for TCP write tcp:%s%s", SHOW(name, length), follow);
	for (size_t i = 0; i < ARRAY_SIZE(reserved_cids); i++)
		if (text_resembles(name, length, reserved_cids[i].name))
			return addr_hint(p, "did you mean %s%s? For TCP write tcp:%s%s",
					 reserved_cids[i].name, follow, SHOW(name, length), follow);
	for (size_t i = 0; hosts && i < hosts->count; i++)
		if (text_resembles(name, length, hosts->entries[i].name))
			return addr_hint(p, "did you mean %s%s? For TCP write tcp:%s%s",
					 hosts->entries[i].name, follow, SHOW(name, length),
					 follow);
	return addr_hint(p, "/etc/vsock/hosts gives CIDs names; for TCP write tcp:%s%s",
			 SHOW(name, length), follow);
}

/* A CID as a number, a reserved word or a name. *entry is the hosts file's line, if a name was
 * written. */
static int parse_cid(struct parser *p, size_t at, size_t length, uint32_t *cid,
		     const struct hosts_entry **entry)
{
	const char *text = p->text + at;
	uint64_t number;
	int r;

	*entry = NULL;
	if (addr_read_cid(text, length, cid))
		return 0;
	if (is_word(text, length, "*") || (is_word(text, length, "-1") && at > 0)) {
		*cid = ADDR_CID_ANY;
		return 0;
	}
	if (length > 0 && is_letter(text[0])) {
		const char *why;

		*entry = hosts_find(p->context->hosts, text, length);
		if (*entry) {
			*cid = (*entry)->cid;
			return 0;
		}
		why = addr_check_name(text, length);
		for (size_t i = 0; i < ARRAY_SIZE(reserved_cids); i++) {
			if (strlen(reserved_cids[i].name) == length &&
			    strncasecmp(text, reserved_cids[i].name, length) == 0) {
				addr_bad(p, at, length, "bad CID: '%s' must be in lower case",
					 SHOW(text, length));
				if (reserved_cids[i].cid == ADDR_CID_ANY && !listening(p) &&
				    at == p->begin)
					return addr_hint(p, "any is for listening; to connect, "
							    "write host, local, or a guest's CID");
				return addr_hint(p, "write %s%s", reserved_cids[i].name,
						 SHOW(text + length, p->end - at - length));
			}
		}
		if (why)
			return addr_bad(p, at, length, "bad CID: '%s': %s", SHOW(text, length),
					why);
		return unknown_name(p, at, length);
	}
	if (text_looks_ipv4(text, length)) {
		addr_bad(p, at, length, "bad CID: %s is an IP address", SHOW(text, length));
		return addr_hint(p, "for TCP write tcp:%s%s", SHOW(text, length),
				 p->end > at + length ? SHOW(text + length, p->end - at - length)
						      : ":PORT");
	}
	r = read_number(p, at, length, "CID", true, listening(p) ? ADDR_CID_ANY : ADDR_CID_ANY - 1,
			&number);
	if (r < 0 && is_word(text, length, "-1"))
		return addr_hint(p, "write any%s", SHOW(text + length, p->end - at - length));
	if (r < 0 && p->error->hint[0] == '\0' && scan_number(text, length, true, &number) < length)
		return addr_hint(p, "a CID is a number (3, 0x3), host, local, any, or a name that "
				    "starts with a letter");
	return r;
}

/* One number of PORT or FIRST-LAST. */
static int read_port(struct parser *p, size_t at, size_t length, enum port_kind kind,
		     uint32_t *port)
{
	uint64_t number;
	int r;

	r = read_number(p, at, length, "port", kind != PORT_TCP,
			kind == PORT_TCP ? UINT16_MAX : UINT32_MAX, &number);
	if (r < 0 && p->error->hint[0] == '\0') {
		if (p->url && memchr("/?#", p->text[p->error->offset], 3))
			return addr_hint(p, "nothing may follow the port");
		if (kind != PORT_TCP && is_letter(p->text[at]))
			return addr_hint(p, "a vsock port is a number; names of services are for "
					    "tcp: and udp:");
		if (is_word(p->text + at, length, "*") || is_word(p->text + at, length, "-1"))
			return listening(p)
				       ? addr_hint(p, "write any")
				       : addr_hint(p,
						   "write the port that the other side listens on");
	}
	if (r < 0)
		return r;
	*port = (uint32_t)number;
	if (kind != PORT_TCP && *port == 0)
		*port = ADDR_PORT_ANY;
	return 0;
}

/* The name of a service of TCP or UDP, which is looked up later. */
static int parse_service(struct parser *p, size_t at, size_t length)
{
	const char *text = p->text + at;

	for (size_t i = 0; i < length; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && !memchr("-_+.", text[i], 4)) {
			size_t n = text_char_length(text + i, length - i);

			return addr_bad(p, at + i, n,
					"bad port: '%s' cannot be part of a service name",
					SHOW(text + i, n));
		}
	}
	if (length >= sizeof(p->addr->service))
		return addr_bad(p, at, length, "bad port: a service's name has at most %zu bytes",
				sizeof(p->addr->service) - 1);
	memcpy(p->addr->service, text, length);
	return 0;
}

/* What follows first bytes of a range, which is FIRST-LAST; FIRST is read. */
static int parse_range(struct parser *p, size_t at, size_t length, size_t first,
		       enum port_kind kind)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at, *last = text + first + 1;
	size_t last_length = length - first - 1;
	uint32_t any = kind == PORT_TCP ? 0 : ADDR_PORT_ANY;
	int r;

	if (!allows(p, ADDR_RANGE)) {
		addr_bad(p, at, length, "bad port: %s is a range", SHOW(text, length));
		return addr_hint(p, "only the rules of vsock-proxy take ranges of ports");
	}
	if (!last_length)
		return addr_bad(p, at, length, "bad port: the range has no end");
	r = read_port(p, at + first + 1, last_length, kind, &addr->port_last);
	if (r < 0)
		return r;
	if (addr->port == any || addr->port_last == any)
		return addr_bad(p, at, length,
				"bad port: a range cannot include %s, which means any port",
				addr->port == any ? SHOW(text, first) : SHOW(last, last_length));
	if (addr->port > addr->port_last) {
		addr_bad(p, at, length, "bad port: the range runs backwards");
		return addr_hint(p, "write %u-%u", (unsigned)addr->port_last, (unsigned)addr->port);
	}
	return 0;
}

/* PORT, a service's name, or FIRST-LAST where ranges are allowed. */
int addr_parse_port(struct parser *p, size_t at, size_t length, enum port_kind kind)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;
	const char *dash = length > 0 && is_digit(text[0]) ? memchr(text, '-', length) : NULL;
	size_t first = dash ? (size_t)(dash - text) : length;
	uint32_t any = kind == PORT_TCP ? 0 : ADDR_PORT_ANY;
	int r;

	addr->has_port = true;
	if (length == 0)
		return addr_bad(p, at, 1, "the port is missing");
	if (kind == PORT_TCP && is_letter(text[0]) && !is_word(text, length, "any"))
		return parse_service(p, at, length);
	if (is_word(text, length, "any")) {
		addr->port = any;
	} else {
		r = read_port(p, at, first, kind, &addr->port);
		if (r < 0)
			return r;
	}
	addr->port_last = addr->port;
	if (dash)
		return parse_range(p, at, length, first, kind);
	if (addr->port == any && (kind == PORT_MUX || !listening(p))) {
		const char *means = is_word(text, length, "any") ? "" : " means any port and";

		if (kind == PORT_MUX && listening(p)) {
			addr_bad(p, at, length,
				 "bad port: %s%s cannot be chosen automatically for hybrid vsock",
				 SHOW(text, length), means);
			return addr_hint(p, "write the port that the guest connects to");
		}
		addr_bad(p, at, length, "bad port: %s%s is for listening", SHOW(text, length),
			 means);
		return addr_hint(p, "write the port that the other side listens on");
	}
	return 0;
}

/*
 * Options
 */

/* The vsock and TCP readers of bind= share nothing but the key. */
static int read_bind_vsock(struct parser *p, size_t at, size_t length)
{
	struct addr_options *o = &p->addr->options;
	size_t end = at + length, colon = text_last_colon(p->text, at, end), saved = p->end;
	const struct hosts_entry *entry = NULL;
	int r = 0;

	o->bind_cid = ADDR_CID_ANY;
	o->bind_port = ADDR_PORT_ANY;
	p->end = end; /* what hints show as the rest */
	if (colon > at)
		r = parse_cid(p, at, colon - at, &o->bind_cid, &entry);
	p->end = saved;
	if (r < 0)
		return addr_hint(p, "write bind=CID:PORT, bind=CID or bind=:PORT");
	if (entry && entry->path)
		return addr_bad(p, at, colon - at, "bad CID: '%s' is a guest behind hybrid vsock",
				entry->name);
	if (o->bind_cid == ADDR_CID_HYPERVISOR)
		return addr_bad(p, at, colon - at, "bad CID: 0 is the hypervisor's");
	if (colon == end)
		return 0;
	if (colon + 1 == end) {
		addr_bad(p, end, 1, "the port is missing");
		return addr_hint(p, "write bind=CID:PORT, bind=CID or bind=:PORT");
	}
	if (is_word(p->text + colon + 1, end - colon - 1, "any"))
		return 0;
	return read_port(p, colon + 1, end - colon - 1, PORT_VSOCK, &o->bind_port);
}

static int read_bind_tcp(struct parser *p, size_t at, const char *value, size_t length)
{
	struct addr_options *o = &p->addr->options;
	size_t end = at + length, host = at, host_length, colon;
	const char *bracket = value[0] == '[' ? strchr(value, ']') : NULL;
	struct in_addr in;
	uint32_t port = 0;
	int version = 0, target, r;

	o->bind_host[0] = '\0';
	o->bind_tcp_port = 0;
	if (bracket) {
		colon = at + (size_t)(bracket - value) + 1;
		if (colon < end && p->text[colon] != ':')
			return addr_bad(p, colon, 1, "a colon is missing after ']'");
		host++;
		host_length = colon - host - 1;
		if (text_is_ipv6(p->text + host, host_length, o->bind_host))
			version = 6;
	} else {
		colon = text_last_colon(p->text, at, end);
		host_length = colon - host;
		if (host_length > 0 && host_length < sizeof(o->bind_host)) {
			memcpy(o->bind_host, p->text + host, host_length);
			o->bind_host[host_length] = '\0';
			if (inet_pton(AF_INET, o->bind_host, &in) == 1)
				version = 4;
		}
	}
	if (memchr(p->text + host, '%', host_length)) {
		addr_bad(p, host, host_length, "bad address to bind: it has a scope");
		return addr_hint(p, "leave bind= out: the target's scope selects the source");
	}
	if (version == 0 && (bracket || host_length > 0)) {
		addr_bad(p, host, host_length, "bad address to bind: '%s' is not an IP address",
			 SHOW(p->text + host, host_length));
		return addr_hint(p, "write bind=10.0.0.1, bind=[::1]:PORT or bind=:PORT");
	}
	if (version && p->addr->ip && version != p->addr->ip)
		return addr_bad(p, host, host_length,
				"bad address to bind: %s is not for %s:", o->bind_host,
				p->family->name);
	target = strchr(p->addr->name, ':')		       ? 6
		 : inet_pton(AF_INET, p->addr->name, &in) == 1 ? 4
							       : 0;
	if (version && target && version != target)
		return addr_bad(p, host, host_length,
				"bad address to bind: %s is IPv%d, and the target is IPv%d",
				o->bind_host, version, target);
	if (colon == end)
		return 0;
	if (colon + 1 == end)
		return addr_bad(p, end, 1, "the port is missing");
	r = read_port(p, colon + 1, end - colon - 1, PORT_TCP, &port);
	o->bind_tcp_port = (uint16_t)port;
	return r;
}

static int read_bind(struct parser *p, size_t at, const char *value, size_t length)
{
	return p->addr->family == ADDR_VSOCK ? read_bind_vsock(p, at, length)
					     : read_bind_tcp(p, at, value, length);
}

static int read_connect_timeout(struct parser *p, size_t at, const char *value, size_t length)
{
	if (units_time(value, &p->addr->options.connect_timeout, p->error) < 0)
		return mistake_in(p->error, at, "connect-timeout", NULL);
	if (p->addr->options.connect_timeout == 0) {
		addr_bad(p, at, length, "bad connect-timeout: 0 leaves no time to connect");
		return addr_hint(p, "for no limit write connect-timeout=inf");
	}
	return 0;
}

static int read_half_close(struct parser *p, size_t at, const char *value, size_t length)
{
	uint64_t *half_close = &p->addr->options.half_close;

	*half_close = 0;
	if (is_word(value, length, "pass"))
		return 0;
	if (units_time(value, half_close, p->error) < 0)
		return mistake_in(p->error, at, "half-close",
				  "write half-close=pass, or a time, as half-close=10s");
	if (*half_close == 0) {
		addr_bad(p, at, length, "bad half-close: 0 leaves no time to answer");
		return addr_hint(p,
				 "to pass on the end of the input at once write half-close=pass");
	}
	return 0;
}

/* VIRTIO_VSOCK_MAX_BUF_SIZE; the kernel would cut it to that in silence when the socket gets its
 * transport. */
#define WINDOW_MAX UINT32_MAX

static int read_window(struct parser *p, size_t at, const char *value, size_t length)
{
	uint64_t *window = &p->addr->options.window;

	if (units_size(value, window, p->error) < 0) {
		units_no_inf(p->error);
		return mistake_in(p->error, at, "window", NULL);
	}
	if (*window > WINDOW_MAX && *window != UNITS_INF) {
		addr_bad(p, at, length, "bad window: %s is more than vsock has, 4294967295 bytes",
			 SHOW(value, length));
		return addr_hint(p, "write a smaller size, as window=1M");
	}
	if (*window == 0 || *window == UNITS_INF) {
		addr_bad(p, at, length, "bad window: %s is not a size", SHOW(value, length));
		return addr_hint(p, "write a size, as window=1M");
	}
	return 0;
}

static int read_backlog(struct parser *p, size_t at, const char *value, size_t length)
{
	uint64_t backlog;

	(void)length;
	if (units_count(value, 1, INT_MAX, &backlog, p->error) < 0)
		return mistake_in(p->error, at, "backlog", NULL);
	p->addr->options.backlog = (uint32_t)backlog;
	return 0;
}

static int read_mode(struct parser *p, size_t at, const char *value, size_t length)
{
	uint32_t mode = 0;

	for (size_t i = 0; i < length; i++) {
		size_t n = text_char_length(value + i, length - i);

		if (value[i] < '0' || value[i] > '7')
			return addr_bad(p, at + i, n, "bad mode: '%s' is not an octal digit",
					SHOW(value + i, n));
		if (mode <= 0777)
			mode = mode * 8 + (uint32_t)(value[i] - '0');
	}
	if (mode > 0777 || length > 4) {
		addr_bad(p, at, length,
			 mode > 0777 ? "bad mode: %s is above 0777"
				     : "bad mode: %s has more than four digits",
			 SHOW(value, length));
		return addr_hint(p, "write mode=0600 or the like");
	}
	p->addr->options.mode = mode;
	return 0;
}

/* A user or a group, as a name or a number; whether it is known is not looked up here. */
static int read_who(struct parser *p, const char *what, size_t at, const char *value, size_t length,
		    char *to, size_t size)
{
	for (size_t i = 0; i < length; i++) {
		size_t n = text_char_length(value + i, length - i);

		if (is_letter(value[i]) || is_digit(value[i]) || memchr("_.@+", value[i], 4) ||
		    (i > 0 && memchr("-$", value[i], 2)))
			continue;
		addr_bad(p, at + i, n, "bad %s: '%s' is not allowed in a name", what,
			 SHOW(value + i, n));
		if (value[i] == ':' && i > 0 && strcmp(what, "owner") == 0)
			return addr_hint(p, "write owner=%s,group=%s", SHOW(value, i),
					 SHOW(value + i + 1, length - i - 1));
		return -EINVAL;
	}
	if (length >= size)
		return addr_bad(p, at, length, "bad %s: a name has at most %zu bytes", what,
				size - 1);
	if (strspn(value, "0123456789") == length &&
	    (length > 10 || strtoull(value, NULL, 10) >= UINT32_MAX)) {
		addr_bad(p, at, length, "bad %s: %s is above 4294967294", what,
			 SHOW(value, length));
		return addr_hint(p, "write a name, or a number up to 4294967294");
	}
	memcpy(to, value, length + 1);
	return 0;
}

static int read_owner(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_who(p, "owner", at, value, length, p->addr->options.owner,
			sizeof(p->addr->options.owner));
}

static int read_group(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_who(p, "group", at, value, length, p->addr->options.group,
			sizeof(p->addr->options.group));
}

/* Is it the value of a switch? NULL, where none was written, is on. */
static bool is_switch(const char *value, bool *on)
{
	static const char *const words[2][4] = { { "off", "no", "0", "false" },
						 { "on", "yes", "1", "true" } };

	*on = true;
	for (size_t i = 0; value && i < 8; i++) {
		if (strcmp(value, words[i / 4][i % 4]) == 0) {
			*on = i / 4 == 1;
			return true;
		}
	}
	return value == NULL;
}

static int read_nodelay(struct parser *p, size_t at, const char *value, size_t length)
{
	if (is_switch(value, &p->addr->options.nodelay))
		return 0;
	addr_bad(p, at, length, "bad nodelay: '%s' is neither on nor off", SHOW(value, length));
	return addr_hint(p, "write nodelay or nodelay=off");
}

/* MAX_TCP_KEEPIDLE of Linux (include/net/tcp.h) */
#define KEEPALIVE_MAX 32767

static int read_keepalive(struct parser *p, size_t at, const char *value, size_t length)
{
	struct addr_options *options = &p->addr->options;
	uint64_t ns;

	options->keepalive_time = 0;
	if (is_switch(value, &options->keepalive))
		return 0;
	if (units_time(value, &ns, p->error) < 0) {
		units_no_inf(p->error);
		return mistake_in(p->error, at, "keepalive",
				  "write keepalive, keepalive=off or a time, as keepalive=60s");
	}
	if (ns < NSEC_PER_SEC || ns / NSEC_PER_SEC > KEEPALIVE_MAX || ns % NSEC_PER_SEC) {
		addr_bad(p, at, length,
			 "bad keepalive: %s is not a number of seconds from 1 to 32767",
			 SHOW(value, length));
		return addr_hint(p, "for none write keepalive=off");
	}
	options->keepalive = true;
	options->keepalive_time = (uint16_t)(ns / NSEC_PER_SEC);
	return 0;
}

/* A name of ip-netns(8), the number of a process, or a path. */
static int read_netns(struct parser *p, size_t at, const char *value, size_t length)
{
	bool path = *value == '/';

	for (size_t i = 0; i < length; i++) {
		size_t n = text_char_length(value + i, length - i);

		if (netns_may_have(value[i]) || (path && value[i] == '/'))
			continue;
		addr_bad(p, at + i, n, "bad netns: '%s' is not allowed in %s", SHOW(value + i, n),
			 path ? "its path" : "a name");
		return value[i] == '/'
			       ? addr_hint(p, "write an absolute path, as netns=/run/netns/blue")
			       : -EINVAL;
	}
	if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return addr_bad(p, at, length, "bad netns: %s is no name", value);
	if (length >= sizeof(p->addr->options.netns))
		return addr_bad(p, at, length, "bad netns: it has at most %zu bytes",
				sizeof(p->addr->options.netns) - 1);
	if (p->addr->family == ADDR_UNIX && !p->addr->abstract) {
		addr_bad(p, at - strlen("netns="), strlen("netns=") + length,
			 "option 'netns' is not for a socket file, which is the same in every "
			 "network namespace");
		return addr_hint(p, "leave it out; it is for unix:@NAME");
	}
	memcpy(p->addr->options.netns, value, length + 1);
	return 0;
}

struct option {
	const char *name;
	unsigned bit;
	const char *example; /* NULL: a value may be left out or is none */
	/* NULL: it takes no value */
	int (*read)(struct parser *p, size_t at, const char *value, size_t length);
};

static const struct option options[] = {
	{ "bind", ADDR_OPT_BIND, "bind=:1000", read_bind },
	{ "connect-timeout", ADDR_OPT_CONNECT_TIMEOUT, "connect-timeout=30s",
	  read_connect_timeout },
	{ "half-close", ADDR_OPT_HALF_CLOSE, "half-close=10s", read_half_close },
	{ "window", ADDR_OPT_WINDOW, "window=1M", read_window },
	{ "backlog", ADDR_OPT_BACKLOG, "backlog=128", read_backlog },
	{ "mode", ADDR_OPT_MODE, "mode=0600", read_mode },
	{ "owner", ADDR_OPT_OWNER, "owner=root", read_owner },
	{ "group", ADDR_OPT_GROUP, "group=kvm", read_group },
	{ "nodelay", ADDR_OPT_NODELAY, NULL, read_nodelay },
	{ "keepalive", ADDR_OPT_KEEPALIVE, NULL, read_keepalive },
	{ "to-host", ADDR_OPT_TO_HOST, NULL, NULL },
	{ "netns", ADDR_OPT_NETNS, "netns=NAME", read_netns },
};

/* Names the families that have an option in one role or in any: "unix: and vsock-mux:". */
static void name_families(const struct parser *p, unsigned bit, unsigned role, char *buf,
			  size_t size)
{
	enum addr_family last = ADDR_NONE;
	size_t found = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->family_count; i++) {
		const struct family *f = &p->families[i];
		unsigned has = ((role & ADDR_CONNECT) ? f->connect : 0) |
			       ((role & ADDR_LISTEN) ? f->listen : 0);

		if (!(has & bit) || f->family == last ||
		    (f->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS)))
			continue;
		last = f->family;
		if (found++ > 0)
			strlcat(buf, " and ", size);
		strlcat(buf, f->name, size);
		strlcat(buf, ":", size);
	}
}

/* Refuses an option that exists but not here, and says where it belongs. */
static int misplaced_option(struct parser *p, const struct option *option, size_t at)
{
	const struct family *f = p->family;
	size_t length = strlen(option->name);
	unsigned role = listening(p) ? ADDR_LISTEN : ADDR_CONNECT;
	char here[80], anywhere[80];

	if ((listening(p) ? f->connect : f->listen) & option->bit) {
		addr_bad(p, at, length, "option '%s' is for %s", option->name,
			 listening(p) ? "connecting" : "listening");
		return addr_hint(p, "this address is %s",
				 listening(p) ? "listened on" : "connected to");
	}
	name_families(p, option->bit, role, here, sizeof(here));
	name_families(p, option->bit, ADDR_CONNECT | ADDR_LISTEN, anywhere, sizeof(anywhere));
	addr_bad(p, at, length, "option '%s' is not for %s:", option->name,
		 p->addr->seqpacket ? f->name : first_family(p, p->addr->family)->name);
	if (here[0])
		return addr_hint(p, "it is for %s", here);
	return addr_hint(p, "it is for %s %s", listening(p) ? "connecting to" : "listening on",
			 anywhere);
}

static size_t find_option(const char *key, size_t length)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(options) && !is_word(key, length, options[i].name))
		i++;
	return i;
}

/* The rest of a path, where each comma that begins no option has a backslash. */
static const char *path_rest(const char *text, char rest[2 * SHOWN])
{
	char *to = rest;

	for (; *text; *to++ = *text++)
		if (*text == ',' &&
		    find_option(text + 1, strcspn(text + 1, "=,")) == ARRAY_SIZE(options))
			*to++ = '\\';
	*to = '\0';
	return rest;
}

static int unknown_option(struct parser *p, size_t at, size_t length)
{
	const char *key = p->text + at;
	bool has_path = p->addr->family == ADDR_UNIX || p->addr->family == ADDR_MUX;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (text_resembles(key, length, options[i].name)) {
			addr_bad(p, at, length, "unknown option '%s'; did you mean '%s'?",
				 SHOW(key, length), options[i].name);
			goto comma;
		}
	}
	addr_bad(p, at, length, "unknown option '%s'", SHOW(key, length));
	if (!has_path)
		return addr_hint(p, "options are bind connect-timeout half-close window backlog "
				    "mode owner group nodelay keepalive to-host netns");
comma:
	if (has_path && p->addr->alias[0] == '\0')
		return addr_hint(
			p, "a comma in a path is written \\, as in %s",
			QUOTE("%s:%s\\,%s", first_family(p, p->addr->family)->name,
			      SHOW(p->text + p->begin, at - 1 - p->begin),
			      path_rest(SHOW(key, p->length - at), (char[2 * SHOWN]){ 0 })));
	return -EINVAL;
}

/* vsock-mux:/a,b:22, where the comma was not meant to begin an option. */
static int comma_in_path(struct parser *p)
{
	size_t at = p->end + 1;

	return unknown_option(p, at, text_find_comma(p->text, at, p->length) - at);
}

/* mode=, owner= and group= are those of a socket file, which an abstract name does not have. */
static int check_file_option(struct parser *p, const struct option *option, size_t at)
{
	if (!p->addr->abstract ||
	    !(option->bit & (ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP)))
		return 0;
	addr_bad(p, at, strlen(option->name),
		 "option '%s' is not for an abstract name, which has no permissions", option->name);
	return addr_hint(p, "write the path of a socket file, or choose clients with --allow");
}

/* One KEY or KEY=VALUE, from at to end; where says at which offset each option was written before,
 * 0 if not. */
static int parse_option(struct parser *p, size_t at, size_t end, size_t where[ARRAY_SIZE(options)])
{
	const char *text = p->text + at;
	const char *equals = memchr(text, '=', end - at);
	size_t key = equals ? (size_t)(equals - text) : end - at;
	size_t value_at = equals ? at + key + 1 : end;
	size_t value_length = end - value_at;
	char value[VALUE_MAX];
	size_t i;

	if (key == 0)
		return addr_bad(p, at, 1, "an option is missing after the comma");
	i = find_option(text, key);
	if (i == ARRAY_SIZE(options))
		return unknown_option(p, at, key);
	if (!((listening(p) ? p->family->listen : p->family->connect) & options[i].bit))
		return misplaced_option(p, &options[i], at);
	if (check_file_option(p, &options[i], at) < 0)
		return -EINVAL;
	if (where[i]) {
		const char *before = p->text + where[i];

		return addr_bad(p, at, end - at, "option '%s' is given twice: '%s' and '%s'",
				options[i].name,
				SHOW(before, text_find_comma(before, 0, strlen(before))),
				SHOW(text, end - at));
	}
	where[i] = at;
	p->addr->options.given |= options[i].bit;
	if (options[i].read == NULL) {
		if (equals)
			return addr_bad(p, at + key, end - at - key, "option '%s' takes no value",
					options[i].name);
		return 0;
	}
	if (value_length == 0 && (equals || options[i].example)) {
		addr_bad(p, at, end - at, "option '%s' needs a value", options[i].name);
		return options[i].example ? addr_hint(p, "write %s", options[i].example)
					  : addr_hint(p, "write %s", options[i].name);
	}
	if (value_length >= sizeof(value))
		return addr_bad(p, value_at, value_length, "bad %s: the value is too long",
				options[i].name);
	memcpy(value, p->text + value_at, value_length);
	value[value_length] = '\0';
	return options[i].read(p, value_at, equals ? value : NULL, value_length);
}

int addr_parse_options(struct parser *p)
{
	size_t where[ARRAY_SIZE(options)] = { 0 };
	size_t at = p->end;
	int r = 0;

	if (at < p->length && allows(p, ADDR_NO_OPTIONS)) {
		addr_bad(p, at, p->length - at, "no options may follow here");
		return p->addr->family == ADDR_MUX
			       ? addr_hint(p, "a comma in a path is written \\,")
			       : -EINVAL;
	}
	while (r == 0 && at < p->length) {
		size_t end = text_find_comma(p->text, at + 1, p->length);

		r = parse_option(p, at + 1, end, where);
		at = end;
	}
	return r;
}

/*
 * vsock
 */

/* A name whose line in the hosts file has a path: the address becomes a hybrid one. */
static int become_hybrid(struct parser *p, size_t at, size_t length,
			 const struct hosts_entry *entry)
{
	struct addr *addr = p->addr;

	if (listening(p)) {
		addr_bad(p, at, length,
			 "'%s' is a guest behind hybrid vsock, whose name is only for connecting",
			 entry->name);
		return addr_hint(
			p, "to accept connections from that guest, listen on %s",
			QUOTE("vsock-mux:%s:PORT", SHOW(entry->path, strlen(entry->path))));
	}
	if (addr->seqpacket) {
		addr_bad(p, at, length,
			 "'%s' is a guest behind hybrid vsock, which has no seqpacket",
			 entry->name);
		return addr_hint(p, "write vsock: instead of vsock-seqpacket:");
	}
	p->family = first_family(p, ADDR_MUX);
	addr->family = ADDR_MUX;
	addr->cid = 0;
	if (strlcpy(addr->name, entry->path, sizeof(addr->name)) >= sizeof(addr->name))
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

	r = parse_cid(p, at, length, &addr->cid, &entry);
	if (r < 0)
		return r;
	if (entry) {
		strlcpy(addr->alias, entry->name, sizeof(addr->alias));
		if (entry->path)
			return become_hybrid(p, at, length, entry);
	}
	if (addr->cid == ADDR_CID_ANY && !listening(p)) {
		addr_bad(p, at, length, "bad CID: '%s' is for listening", SHOW(text, length));
		return addr_hint(p, "name the machine: host%s, local%s, or a guest's CID", follow,
				 follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR && listening(p)) {
		addr_bad(p, at, length, "bad CID: nothing can listen on CID 0, the hypervisor");
		return addr_hint(p, "for any CID write vsock:%s", follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR)
		addr_hint(p, "CID 0 is the hypervisor itself, and VMCI only carries that; the host "
			     "is CID 2");
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
		return listening(p) ? addr_hint(p, "write %s::PORT", family)
				    : addr_hint(p, "write %s:CID:PORT", family);
	}
	if (p->url && listening(p) && text_all_digits(word, length))
		return addr_parse_port(p, p->begin, length, PORT_VSOCK);
	if (listening(p)) {
		addr_bad(p, p->begin, length, "the CID or the port is missing");
		return text_all_digits(word, length)
			       ? addr_hint(p, "write %s::%s", family, SHOW(word, length))
			       : addr_hint(p, "write %s:%s:PORT", family, SHOW(word, length));
	}
	if (p->url && text_all_digits(word, length)) {
		addr_bad(p, p->begin, length, "the CID or the port is missing");
		return addr_hint(p, "write %s:CID:%s or %s:%s:PORT", family, SHOW(word, length),
				 family, SHOW(word, length));
	}
	r = parse_vsock_cid(p, p->begin, length);
	if (r < 0)
		return r;
	addr_bad(p, p->end, 1, "the port is missing");
	return addr_hint(p, "write %s:%s:PORT", family, SHOW(word, length));
}

/* Recognises what users write in place of a CID by mistake. colon is the offset of the colon before
 * the port. -EINVAL with the mistake, or 0 if it is none of these. */
static int refuse_vsock_cid(struct parser *p, size_t colon, const char *family)
{
	const char *cid = p->text + p->begin;
	size_t cid_length = colon - p->begin;

	if (text_is_ipv6(cid, cid_length, NULL) || cid[0] == '[') {
		addr_bad(p, p->begin, cid_length, "bad CID: %s is an IP address",
			 SHOW(cid, cid_length));
		return cid[0] == '['
			       ? addr_hint(p, "for TCP write tcp:%s", SHOW(cid, p->end - p->begin))
			       : addr_hint(p, "for TCP write tcp:[%s]%s", SHOW(cid, cid_length),
					   SHOW(p->text + colon, p->end - colon));
	}
	if (memchr(cid, ':', cid_length)) {
		addr_bad(p, p->begin, p->end - p->begin, "too many colons");
		return cid[0] == ':' && listening(p)
			       ? addr_hint(p, "write %s:%s", family,
					   SHOW(p->text + colon, p->end - colon))
			       : addr_hint(p, "write %s:CID:PORT", family);
	}
	if (cid_length == 0 && !listening(p)) {
		addr_bad(p, p->begin, 1, "the CID is missing");
		return addr_hint(p, "write %s:CID%s, where CID may be host or local", family,
				 colon + 1 < p->end ? SHOW(p->text + colon, p->end - colon)
						    : ":PORT");
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
		return addr_hint(p, "write %s:%s:PORT", family,
				 SHOW(p->text + p->begin, cid_length));
	}
	return addr_parse_port(p, colon + 1, p->end - colon - 1,
			       p->addr->family == ADDR_MUX ? PORT_MUX : PORT_VSOCK);
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

			addr_bad(p, at + i, n, "bad host: '%s' is not allowed in a host name",
				 SHOW(text + i, n));
			if ((unsigned char)text[i] >= 0x80)
				addr_hint(p, "write the name as the DNS has it: xn--…");
			return -EINVAL;
		}
	}
	if (length > HOST_MAX)
		return addr_bad(p, at, length, "bad host: a host's name has at most %d bytes",
				HOST_MAX);
	if (text[0] == '-')
		return addr_bad(p, at, 1, "bad host: a host name cannot start with '-'");
	memcpy(addr->name, text, length);
	addr->name[length] = '\0';
	/* libc also reads 127.1 and 0x7f.1 */
	if ((strspn(addr->name, "0123456789.") == length || inet_aton(addr->name, &in)) &&
	    inet_pton(AF_INET, addr->name, &in) != 1) {
		addr_bad(p, at, length, "bad host: %s is not an IPv4 address", addr->name);
		if (text_all_digits(text, length))
			return addr_hint(p, "for CID %s write vsock:%s%s", addr->name, addr->name,
					 follow);
		return addr_hint(
			p, "an IPv4 address is four numbers from 0 to 255, without leading zeros");
	}
	if (addr->ip == 6 && inet_pton(AF_INET, addr->name, &in) == 1) {
		addr_bad(p, at, length, "bad host: %s is an IPv4 address", addr->name);
		return addr_hint(p, "write %s4:%s%s", first_family(p, addr->family)->name,
				 addr->name, follow);
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
			return addr_bad(p, at + 1, length - 2,
					"bad host: '%s' is not an IPv6 address",
					SHOW(text + 1, length - 2));
		}
		if (addr->ip == 4) {
			addr_bad(p, at, length, "bad host: %s is an IPv6 address", addr->name);
			return addr_hint(p, "write %s6:%s%s", first_family(p, addr->family)->name,
					 SHOW(text, length), follow);
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
			return addr_bad(p, p->begin + (size_t)(bracket - rest) + 1, 1,
					"a colon is missing after ']'");
		else
			colon = p->begin + (size_t)(bracket - rest) + 1;
		host_length = colon - p->begin;
	} else if (memchr(rest, ':', host_length)) {
		addr_bad(p, p->begin, host_length, "bad host: an IPv6 address must be in brackets");
		if (text_is_ipv6(rest, host_length, NULL))
			return addr_hint(p, "write %s:[%s]%s", family, SHOW(rest, host_length),
					 SHOW(p->text + colon, p->end - colon));
		if (text_is_ipv6(rest, length, NULL)) {
			addr_bad(p, p->begin, length,
				 "bad host: an IPv6 address must be in brackets");
			return addr_hint(p, "write %s:[%s]:PORT", family, SHOW(rest, length));
		}
		addr_bad(p, p->begin, length, "too many colons");
		return addr_hint(p, "write %s:HOST:PORT", family);
	}
	if (colon == p->end) {
		const char *dash = memchr(rest, '-', length);

		if (text_all_digits(rest, length) ||
		    (dash && text_all_digits(rest, (size_t)(dash - rest)))) {
			strlcpy(p->addr->name, "localhost", sizeof(p->addr->name));
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
	if (p->url && path[0] == '@') {
		addr_bad(p, at - 2, 2, "an abstract name has no slashes before it");
		return addr_hint(p, "write %s", QUOTE("%s:%s", family, SHOW(path, p->end - at)));
	}
	if (p->url && path[0] != '/') {
		addr_bad(p, at - 2, 2, "a path follows three slashes");
		return addr_hint(p, "write %s, or %s",
				 QUOTE("%s:/%s", family, SHOW(path, p->end - at)),
				 QUOTE("%s:///%s", family, SHOW(path, p->end - at)));
	}
	if (path[0] == '~' && (length == 1 || path[1] == '/')) {
		addr_bad(p, at, 1, "'~' is not expanded here");
		return addr_hint(
			p, "the shell expands ~ only at the start of a word; write %s:$HOME%s",
			family, SHOW(path + 1, p->end - at - 1));
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
		return unescape(p, p->begin, length, addr->name, sizeof(addr->name));
	if (length == 1) {
		addr_bad(p, p->begin, 1, "a name is missing after '@'");
		return addr_hint(p, "for a file that is called @ write %s:./@", p->family->name);
	}
	r = unescape(p, p->begin + 1, length - 1, addr->name, sizeof(addr->name));
	if (r == 0 && strlen(addr->name) > ABSTRACT_MAX)
		return addr_bad(p, p->begin, length,
				"too long: an abstract name has at most %d bytes", ABSTRACT_MAX);
	return r;
}

int addr_parse_mux(struct parser *p)
{
	size_t colon = text_last_colon(p->text, p->begin, p->end);
	const char *family = "vsock-mux";
	int r;

	if (p->family->name[0] == 'h' && !p->url) { /* hvsock is an URL's word */
		addr_bad(p, 0, p->begin - 1, "unknown family 'hvsock'");
		return addr_hint(
			p, "write %s",
			QUOTE("%s:%s", family, SHOW(p->text + p->begin, p->end - p->begin)));
	}
	r = check_path(p, p->begin, colon - p->begin, family);
	if (r < 0)
		return r;
	r = unescape(p, p->begin, colon - p->begin, p->addr->name, sizeof(p->addr->name));
	if (r < 0)
		return r;
	if (colon == p->end && allows(p, ADDR_PORT_OPTIONAL)) {
		p->addr->has_port = false;
		return 0;
	}
	if (colon == p->end && p->end < p->length &&
	    memchr(p->text + p->end, ':', p->length - p->end))
		return comma_in_path(p);
	if (colon == p->end || colon + 1 == p->end) {
		addr_bad(p, p->end, 1, "the port is missing");
		return addr_hint(
			p, "write %s",
			QUOTE("%s:%s:PORT", family, SHOW(p->text + p->begin, colon - p->begin)));
	}
	if (!is_digit(p->text[colon + 1]) &&
	    !is_word(p->text + colon + 1, p->end - colon - 1, "any")) {
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
		r = read_number(p, p->begin, length, "descriptor", false, INT_MAX, &number);
		if (r == 0)
			addr->fd = (int)number;
		return r;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] == ':' || text[i] < ' ' || text[i] == 127) {
			size_t n = text_char_length(text + i, length - i);

			return addr_bad(p, p->begin + i, n,
					"bad descriptor: '%s' is not allowed in a name",
					SHOW(text + i, n));
		}
	}
	r = unescape(p, p->begin, length, addr->name, sizeof(addr->name));
	if (r == 0 && strlen(addr->name) > 255)
		return addr_bad(p, p->begin, length,
				"too long: a descriptor's name has at most 255 bytes");
	return r;
}

int addr_parse_open_ended(struct parser *p)
{
	if (p->end == p->begin)
		return 0;
	addr_bad(p, p->begin, p->end - p->begin,
		 "nothing may follow %s: because the client names the destination",
		 p->family->name);
	return addr_hint(p, "write %s: alone, and --allow-dest for where clients may go",
			 p->family->name);
}

/*
 * exec: a command, in words as sh splits them
 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Copies one word without its quotes to bytes (or nowhere); returns what follows, or NULL with
 * *error at a bad quote. */
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
			if (*c == '\n') /* a continued line, as in sh */
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

/* Counts the words of a command and, where words is given, stores them. -EINVAL: *error is where
 * the bad quote is. */
static int split_words(const char *command, char **words, char *bytes, size_t *count, size_t *error)
{
	const char *at = command;

	for (*count = 0;; ++*count) {
		while (is_blank(*at) || (at[0] == '\\' && at[1] == '\n'))
			at += *at == '\\' ? 2 : 1; /* a continued line, as in sh */
		if (*at == '\0')
			return 0;
		if (words)
			words[*count] = bytes;
		at = copy_word(command, at, words ? &bytes : NULL, error);
		if (at == NULL)
			return -EINVAL;
	}
}

int addr_parse_exec(struct parser *p)
{
	const char *command = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t count, at = 0;

	if (length >= sizeof(p->addr->name))
		return addr_bad(p, p->begin, length, "too long: at most %zu bytes",
				sizeof(p->addr->name) - 1);
	if (split_words(command, NULL, NULL, &count, &at) < 0) {
		if (command[at] == '\\')
			return addr_bad(p, p->begin + at, 1, "nothing follows the backslash");
		return addr_bad(p, p->begin + at, 1, "the %s quote does not end",
				command[at] == '"' ? "double" : "single");
	}
	if (count == 0) {
		addr_bad(p, p->begin, 1, "the command is missing");
		return addr_hint(p, "write exec:COMMAND, as exec:'cat /etc/motd'");
	}
	memcpy(p->addr->name, command, length);
	return 0;
}

int addr_exec_words(const char *command, char ***words)
{
	size_t count, error;
	char **vector;

	if (split_words(command, NULL, NULL, &count, &error) < 0 || count == 0)
		return -EINVAL;
	vector = malloc((count + 1) * sizeof(*vector) + strlen(command) + 1);
	if (vector == NULL)
		return -ENOMEM;
	split_words(command, vector, (char *)(vector + count + 1), &count, &error);
	vector[count] = NULL;
	*words = vector;
	return 0;
}
