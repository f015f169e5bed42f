/* SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "base/log.h"
#include "base/units.h"
#include "net/addr.h"

#define SHOWN 72        /* bytes of somebody's text that a message repeats, with its NUL */
#define ABSTRACT_MAX 107 /* bytes of an abstract name: sun_path less the NUL before it */
#define HOST_MAX 253    /* bytes of a host name in the DNS */
#define VALUE_MAX 256   /* bytes of an option's value, with its NUL */

/* Somebody's text, fit to be shown; the buffer lives as long as the block that it is written in. */
#define SHOW(text, length) log_escape((text), (length), (char[SHOWN]){ 0 }, SHOWN)

/* One text that is being read. Offsets are in text, as the caret counts them. */
struct parser {
	const char *text;
	size_t length;
	const struct addr_context *context;
	struct addr *addr;
	struct addr_error *error;
	const struct family *family;
	bool url;          /* FAMILY:// was written */
	size_t begin, end; /* of what stands between the family and the options */
};

/* A text that is being made; what doesn't fit is dropped, and full says so. */
struct writer {
	char *buf;
	size_t size, length;
	bool full;
};

struct family {
	const char *name;
	enum addr_family family;
	bool seqpacket;
	uint8_t ip;
	bool url;                /* may "//" follow? */
	unsigned roles;          /* ADDR_CONNECT | ADDR_LISTEN */
	unsigned connect, listen; /* ADDR_OPT_ bits, by role */
	int (*parse)(struct parser *p);
	void (*format)(struct writer *w, const struct addr *addr);
};

static int parse_vsock(struct parser *p);
static int parse_tcp(struct parser *p);
static int parse_unix(struct parser *p);
static int parse_mux(struct parser *p);
static int parse_exec(struct parser *p);
static int comma_in_path(struct parser *p);
static int parse_fd(struct parser *p);
static int parse_stdio(struct parser *p);
static void format_vsock(struct writer *w, const struct addr *addr);
static void format_tcp(struct writer *w, const struct addr *addr);
static void format_unix(struct writer *w, const struct addr *addr);
static void format_mux(struct writer *w, const struct addr *addr);
static void format_exec(struct writer *w, const struct addr *addr);
static void format_fd(struct writer *w, const struct addr *addr);
static void format_stdio(struct writer *w, const struct addr *addr);

#define BOTH (ADDR_CONNECT | ADDR_LISTEN)
#define VSOCK_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_WINDOW | ADDR_OPT_TO_HOST)
#define VSOCK_LISTEN (ADDR_OPT_WINDOW | ADDR_OPT_BACKLOG)
#define TCP_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define TCP_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define UNIX_CONNECT ADDR_OPT_CONNECT_TIMEOUT
#define UNIX_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP)

/* Of several spellings of a family the first is the one that messages name. */
static const struct family families[] = {
	{ "vsock", ADDR_VSOCK, false, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, parse_vsock, format_vsock },
	{ "vsock-seqpacket", ADDR_VSOCK, true, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, parse_vsock, format_vsock },
	{ "tcp", ADDR_TCP, false, 0, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, format_tcp },
	{ "tcp4", ADDR_TCP, false, 4, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, format_tcp },
	{ "tcp6", ADDR_TCP, false, 6, true, BOTH, TCP_CONNECT, TCP_LISTEN, parse_tcp, format_tcp },
	{ "unix", ADDR_UNIX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_unix, format_unix },
	{ "unix-seqpacket", ADDR_UNIX, true, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_unix, format_unix },
	{ "vsock-mux", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_mux, format_mux },
	{ "hvsock", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, parse_mux, format_mux },
	{ "exec", ADDR_EXEC, false, 0, false, ADDR_CONNECT, 0, 0, parse_exec, format_exec },
	{ "fd", ADDR_FD, false, 0, false, BOTH, 0, 0, parse_fd, format_fd },
	{ "-", ADDR_STDIO, false, 0, false, ADDR_CONNECT, 0, 0, parse_stdio, format_stdio },
};
#define FAMILIES (sizeof families / sizeof families[0])

/*
 * Messages
 */

static int bad(struct parser *p, size_t at, size_t length, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static int hint(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is wrong, and where. */
static int bad(struct parser *p, size_t at, size_t length, const char *format, ...)
{
	struct addr_error *error = p->error;
	va_list args;

	if (at > p->length)
		at = p->length;
	if (length > p->length - at)
		length = p->length - at;
	error->offset = at;
	error->length = length > 0 ? length : 1;
	error->hint[0] = '\0';
	va_start(args, format);
	vsnprintf(error->why, sizeof error->why, format, args);
	va_end(args);
	return -EINVAL;
}

/* What to write instead. */
static int hint(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->error->hint, sizeof p->error->hint, format, args);
	va_end(args);
	return -EINVAL;
}

static bool listening(const struct parser *p)
{
	return p->context->role == ADDR_LISTEN;
}

static bool allows(const struct parser *p, unsigned flag)
{
	return (p->context->flags & flag) != 0;
}

/*
 * Pieces of text
 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool all_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return length > 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* How many bytes the character at text has: what a caret underlines and a message shows. */
static size_t char_length(const char *text, size_t length)
{
	size_t n = 1;

	if ((unsigned char)text[0] >= 0xc0)
		while (n < length && n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* The first comma without a backslash before it, or the end. */
static size_t find_comma(const char *text, size_t at, size_t length)
{
	for (; at < length && text[at] != ','; at++)
		if (text[at] == '\\' && at + 1 < length)
			at++;
	return at;
}

/* The last colon in [at, end), or end. */
static size_t last_colon(const char *text, size_t at, size_t end)
{
	const char *colon = memrchr(text + at, ':', end - at);

	return colon ? (size_t)(colon - text) : end;
}

static size_t count_colons(const char *text, size_t at, size_t end)
{
	size_t n = 0;

	for (; at < end; at++)
		n += text[at] == ':';
	return n;
}

/* Edits between two words, swaps counted as one, case ignored; long words are infinitely far away. */
static unsigned distance(const char *a, size_t m, const char *b)
{
	unsigned d[3][20];
	size_t n = strlen(b);

	if (m > 18 || n > 18)
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *row = d[i % 3], *above = d[(i + 2) % 3], *before = d[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			bool same = strncasecmp(&a[i - 1], &b[j - 1], 1) == 0;
			unsigned best = above[j - 1] + !same;

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[m % 3][n];
}

/* Is this a slip of the fingers for that? */
static bool resembles(const char *word, size_t length, const char *known)
{
	return length >= 3 && distance(word, length, known) <= (length >= 5 ? 2 : 1);
}

/* Undoes \, \\ and \xHH in [at, at + length) of the text, into to, which has size bytes. */
static int unescape(struct parser *p, size_t at, size_t length, char *to, size_t size)
{
	const char *text = p->text + at;
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (n + 1 >= size)
			return bad(p, at, length, "too long: at most %zu bytes", size - 1);
		if (c == '\\' && i + 1 < length && (text[i + 1] == ',' || text[i + 1] == '\\')) {
			c = text[++i];
		} else if (c == '\\') {
			unsigned byte;
			char digits[3] = { 0 };

			if (i + 3 >= length || text[i + 1] != 'x' ||
			    strspn(memcpy(digits, text + i + 2, 2), "0123456789abcdefABCDEF") != 2) {
				bad(p, at + i, i + 1 < length ? 1 + char_length(text + i + 1, length - i - 1) : 1,
				    "a backslash begins \\, or \\\\ or \\xHH only");
				return hint(p, "for a backslash write \\\\");
			}
			byte = (unsigned)strtoul(digits, NULL, 16);
			if (byte == 0)
				return bad(p, at + i, 4, "a name can't hold a NUL byte");
			c = (char)byte;
			i += 3;
		}
		to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

/*
 * Numbers
 */

/* Reads digits, hexadecimal ones after 0x where hex, and returns how many bytes were good. No overflow: stops at 2^60. */
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

/* A whole number up to max; what is "CID" or "port". The caller has looked whether there is anything at all. */
static int read_number(struct parser *p, size_t at, size_t length, const char *what, bool hex, uint64_t max,
                       uint64_t *number)
{
	const char *text = p->text + at;
	size_t good = scan_number(text, length, hex, number);

	if (good < length) {
		size_t n = char_length(text + good, length - good);

		return bad(p, at + good, n, "bad %s: '%s' is not a %sdigit", what, SHOW(text + good, n),
		           good >= 2 && is_hex(text, length) && hex ? "hexadecimal " : "");
	}
	if (hex && is_hex(text, length)) {
		if (length == 2)
			return bad(p, at, length, "bad %s: %s has no digits", what, SHOW(text, length));
	} else if (text[0] == '0' && length > 1) {
		size_t zeros = strspn(text, "0");

		if (zeros >= length)
			zeros = length - 1;
		bad(p, at, length, "bad %s: %s begins with 0", what, SHOW(text, length));
		return hint(p, "write %s", SHOW(text + zeros, length - zeros));
	}
	if (*number > max)
		return bad(p, at, length, "bad %s: %s is above %llu", what, SHOW(text, length), (unsigned long long)max);
	return 0;
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
#define RESERVED_CIDS (sizeof reserved_cids / sizeof reserved_cids[0])

bool addr_read_cid(const char *text, size_t length, uint32_t *cid)
{
	uint64_t number;

	for (size_t i = 0; i < RESERVED_CIDS; i++) {
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

/*
 * CIDs and ports
 */

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
	bad(p, at, length, "no CID is called '%s'", SHOW(name, length));
	if (is_word(name, length, "localhost") || memchr(name, '.', length))
		return hint(p, "for TCP write tcp:%s%s", SHOW(name, length), follow);
	for (size_t i = 0; i < RESERVED_CIDS; i++)
		if (resembles(name, length, reserved_cids[i].name))
			return hint(p, "did you mean %s%s? For TCP write tcp:%s%s", reserved_cids[i].name, follow,
			            SHOW(name, length), follow);
	for (size_t i = 0; hosts && i < hosts->count; i++)
		if (resembles(name, length, hosts->entries[i].name))
			return hint(p, "did you mean %s%s? For TCP write tcp:%s%s", hosts->entries[i].name, follow,
			            SHOW(name, length), follow);
	return hint(p, "/etc/vsock/hosts gives CIDs names; for TCP write tcp:%s%s", SHOW(name, length), follow);
}

/* Is this text an IPv4 address, by its looks? */
static bool looks_ipv4(const char *text, size_t length)
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

/* Is this text an IPv6 address, with or without %scope? With canonical, how inet_ntop() writes it. */
static bool is_ipv6(const char *text, size_t length, char canonical[64])
{
	struct in6_addr in6;
	char copy[INET6_ADDRSTRLEN];
	const char *scope = memchr(text, '%', length);
	size_t n = scope ? (size_t)(scope - text) : length;

	if (n >= sizeof copy || memchr(text, '\0', n))
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

/* A CID as a number, a reserved word or a name. *entry is the hosts file's line, if a name was written. */
static int parse_cid(struct parser *p, size_t at, size_t length, uint32_t *cid, const struct hosts_entry **entry)
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
		why = addr_is_family(text, length) ? NULL : hosts_check_name(text, length);
		for (size_t i = 0; i < RESERVED_CIDS; i++) {
			if (strlen(reserved_cids[i].name) == length &&
			    strncasecmp(text, reserved_cids[i].name, length) == 0) {
				bad(p, at, length, "bad CID: '%s' must be in lower case", SHOW(text, length));
				return hint(p, "write %s%s", reserved_cids[i].name,
				            SHOW(text + length, p->end - at - length));
			}
		}
		if (why)
			return bad(p, at, length, "bad CID: '%s': %s", SHOW(text, length), why);
		return unknown_name(p, at, length);
	}
	if (looks_ipv4(text, length)) {
		bad(p, at, length, "bad CID: %s is an IP address", SHOW(text, length));
		return hint(p, "for TCP write tcp:%s%s", SHOW(text, length),
		            p->end > at + length ? SHOW(text + length, p->end - at - length) : ":PORT");
	}
	r = read_number(p, at, length, "CID", true, UINT32_MAX, &number);
	if (r < 0 && is_word(text, length, "-1"))
		return hint(p, "write any%s", SHOW(text + length, p->end - at - length));
	if (r < 0 && p->error->hint[0] == '\0' && scan_number(text, length, true, &number) < length)
		return hint(p, "a CID is a number (3, 0x3), host, local, any, or a name that begins with a letter");
	return r;
}

enum port_kind { PORT_VSOCK, PORT_MUX, PORT_TCP };

/* One number of PORT or FIRST-LAST. */
static int read_port(struct parser *p, size_t at, size_t length, enum port_kind kind, uint32_t *port)
{
	uint64_t number;
	int r;

	r = read_number(p, at, length, "port", kind != PORT_TCP, kind == PORT_TCP ? UINT16_MAX : UINT32_MAX, &number);
	if (r < 0 && p->error->hint[0] == '\0') {
		if (p->url && memchr("/?#", p->text[p->error->offset], 3))
			return hint(p, "nothing may follow the port");
		if (kind != PORT_TCP && is_letter(p->text[at]))
			return hint(p, "a vsock port is a number; names of services are for tcp: only");
		if (is_word(p->text + at, length, "*") || is_word(p->text + at, length, "-1"))
			return listening(p) ? hint(p, "write any") : hint(p, "write the port that the other side listens on");
	}
	if (r < 0)
		return r;
	*port = (uint32_t)number;
	if (kind != PORT_TCP && *port == 0)
		*port = ADDR_PORT_ANY;
	return 0;
}

/* PORT, a service's name, or FIRST-LAST where ranges are allowed. */
static int parse_port(struct parser *p, size_t at, size_t length, enum port_kind kind)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;
	const char *dash = length > 0 && is_digit(text[0]) ? memchr(text, '-', length) : NULL;
	size_t first = dash ? (size_t)(dash - text) : length;
	uint32_t any = kind == PORT_TCP ? 0 : ADDR_PORT_ANY;
	int r;

	addr->has_port = true;
	if (length == 0)
		return bad(p, at, 1, "the port is missing");
	if (kind == PORT_TCP && is_letter(text[0]) && !is_word(text, length, "any")) {
		for (size_t i = 0; i < length; i++) {
			if (!is_letter(text[i]) && !is_digit(text[i]) && !memchr("-_+.", text[i], 4)) {
				size_t n = char_length(text + i, length - i);

				return bad(p, at + i, n, "bad port: '%s' is no part of a service's name", SHOW(text + i, n));
			}
		}
		if (length >= sizeof addr->service)
			return bad(p, at, length, "bad port: a service's name has at most %zu bytes",
			           sizeof addr->service - 1);
		memcpy(addr->service, text, length);
		return 0;
	}
	if (is_word(text, length, "any")) {
		addr->port = any;
	} else {
		r = read_port(p, at, first, kind, &addr->port);
		if (r < 0)
			return r;
	}
	addr->port_last = addr->port;
	if (dash && !allows(p, ADDR_RANGE)) {
		bad(p, at, length, "bad port: %s is a range", SHOW(text, length));
		return hint(p, "only the rules of vsock-proxy take ranges of ports");
	}
	if (dash) {
		if (first + 1 == length)
			return bad(p, at, length, "bad port: the range has no end");
		r = read_port(p, at + first + 1, length - first - 1, kind, &addr->port_last);
		if (r < 0)
			return r;
		if (addr->port == any || addr->port_last == any)
			return bad(p, at, length, "bad port: a range can't hold %s, which means any port",
			           addr->port == any ? SHOW(text, first) : SHOW(dash + 1, length - first - 1));
		if (addr->port > addr->port_last) {
			bad(p, at, length, "bad port: the range runs backwards");
			return hint(p, "write %u-%u", (unsigned)addr->port_last, (unsigned)addr->port);
		}
		return 0;
	}
	if (addr->port == any && (kind == PORT_MUX || !listening(p))) {
		const char *means = is_word(text, length, "any") ? "" : " means any port and";

		if (kind == PORT_MUX && listening(p)) {
			bad(p, at, length, "bad port: %s%s can't be picked for hybrid vsock", SHOW(text, length), means);
			return hint(p, "write the port that the guest connects to");
		}
		bad(p, at, length, "bad port: %s%s is for listening", SHOW(text, length), means);
		return hint(p, "write the port that the other side listens on");
	}
	return 0;
}

/*
 * The families: what stands between the family and the options
 */

/* A name whose line in the hosts file has a path: the address becomes a hybrid one. */
static int become_hybrid(struct parser *p, size_t at, size_t length, const struct hosts_entry *entry)
{
	struct addr *addr = p->addr;

	if (listening(p)) {
		bad(p, at, length, "'%s' is a guest behind hybrid vsock, and a name is for connecting", entry->name);
		return hint(p, "to be called by that guest listen on vsock-mux:%s:PORT", SHOW(entry->path, strlen(entry->path)));
	}
	if (addr->seqpacket) {
		bad(p, at, length, "'%s' is a guest behind hybrid vsock, which has no seqpacket", entry->name);
		return hint(p, "write vsock: instead of vsock-seqpacket:");
	}
	for (p->family = families; p->family->family != ADDR_MUX; p->family++)
		;
	addr->family = ADDR_MUX;
	addr->cid = 0;
	if (strlcpy(addr->name, entry->path, sizeof addr->name) >= sizeof addr->name)
		return bad(p, at, length, "the path of '%s' is too long", entry->name);
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
		strlcpy(addr->alias, entry->name, sizeof addr->alias);
		if (entry->path)
			return become_hybrid(p, at, length, entry);
	}
	if (addr->cid == ADDR_CID_ANY && !listening(p)) {
		bad(p, at, length, "bad CID: '%s' is for listening", SHOW(text, length));
		return hint(p, "name the machine: host%s, local%s, or a guest's CID", follow, follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR && listening(p)) {
		bad(p, at, length, "bad CID: nothing can listen on CID 0, the hypervisor");
		return hint(p, "for any CID write vsock:%s", follow);
	}
	if (addr->cid == ADDR_CID_HYPERVISOR)
		hint(p, "CID 0 is the hypervisor itself, and VMCI only carries that; the host is CID 2");
	return 0;
}

static int parse_vsock(struct parser *p)
{
	size_t colon = last_colon(p->text, p->begin, p->end);
	const char *cid = p->text + p->begin;
	size_t cid_length = colon - p->begin;
	const char *family = p->begin > 0 ? p->family->name : "vsock";
	int r;

	p->addr->cid = ADDR_CID_ANY;
	if (colon == p->end && !allows(p, ADDR_PORT_OPTIONAL)) {
		if (cid_length == 0) {
			bad(p, p->begin, 1, "CID and port are missing");
			return listening(p) ? hint(p, "write %s::PORT", family) : hint(p, "write %s:CID:PORT", family);
		}
		if (p->url && listening(p) && all_digits(cid, cid_length))
			return parse_port(p, p->begin, cid_length, PORT_VSOCK);
		if (listening(p)) {
			bad(p, p->begin, cid_length, "the CID or the port is missing");
			return all_digits(cid, cid_length)
			               ? hint(p, "write %s::%s", family, SHOW(cid, cid_length))
			               : hint(p, "write %s:%s:PORT", family, SHOW(cid, cid_length));
		}
		if (p->url && all_digits(cid, cid_length)) {
			bad(p, p->begin, cid_length, "the CID or the port is missing");
			return hint(p, "write %s:CID:%s or %s:%s:PORT", family, SHOW(cid, cid_length), family,
			            SHOW(cid, cid_length));
		}
		r = parse_vsock_cid(p, p->begin, cid_length);
		if (r < 0)
			return r;
		bad(p, colon, 1, "the port is missing");
		return hint(p, "write %s:%s:PORT", family, SHOW(cid, cid_length));
	}
	if (is_ipv6(cid, cid_length, NULL) || cid[0] == '[') {
		bad(p, p->begin, cid_length, "bad CID: %s is an IP address", SHOW(cid, cid_length));
		return cid[0] == '[' ? hint(p, "for TCP write tcp:%s", SHOW(cid, p->end - p->begin))
		                     : hint(p, "for TCP write tcp:[%s]%s", SHOW(cid, cid_length),
		                            SHOW(p->text + colon, p->end - colon));
	}
	if (memchr(cid, ':', cid_length)) {
		bad(p, p->begin, p->end - p->begin, "too many colons");
		return cid[0] == ':' && listening(p) ? hint(p, "write %s:%s", family, SHOW(p->text + colon, p->end - colon))
		                                     : hint(p, "write %s:CID:PORT", family);
	}
	if (cid_length == 0 && !listening(p)) {
		bad(p, p->begin, 1, "which CID?");
		return hint(p, "write %s:CID%s, where CID may be host or local", family,
		            colon + 1 < p->end ? SHOW(p->text + colon, p->end - colon) : ":PORT");
	}
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
		bad(p, colon + 1, 1, "the port is missing");
		return hint(p, "write %s:%s:PORT", family, SHOW(cid, cid_length));
	}
	return parse_port(p, colon + 1, p->end - colon - 1, p->addr->family == ADDR_MUX ? PORT_MUX : PORT_VSOCK);
}

/* HOST of tcp: without brackets. */
static int parse_host_name(struct parser *p, size_t at, size_t length, const char *follow)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;
	struct in_addr in;

	for (size_t i = 0; i < length; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && !memchr(".-_", text[i], 3)) {
			size_t n = char_length(text + i, length - i);

			bad(p, at + i, n, "bad host: '%s' can't be in a host's name", SHOW(text + i, n));
			if ((unsigned char)text[i] >= 0x80)
				hint(p, "write the name as the DNS has it: xn--…");
			return -EINVAL;
		}
	}
	if (length > HOST_MAX)
		return bad(p, at, length, "bad host: a host's name has at most %d bytes", HOST_MAX);
	if (text[0] == '-')
		return bad(p, at, 1, "bad host: a host's name can't begin with '-'");
	memcpy(addr->name, text, length);
	addr->name[length] = '\0';
	if (strspn(addr->name, "0123456789.") == length && inet_pton(AF_INET, addr->name, &in) != 1) {
		bad(p, at, length, "bad host: %s is not an IPv4 address", addr->name);
		if (all_digits(text, length))
			return hint(p, "for CID %s write vsock:%s%s", addr->name, addr->name, follow);
		return hint(p, "an IPv4 address is four numbers from 0 to 255, without leading zeros");
	}
	if (addr->ip == 6 && inet_pton(AF_INET, addr->name, &in) == 1) {
		bad(p, at, length, "bad host: %s is an IPv4 address", addr->name);
		return hint(p, "write tcp4:%s%s", addr->name, follow);
	}
	return 0;
}

/* HOST of tcp:, brackets included. */
static int parse_host(struct parser *p, size_t at, size_t length, const char *follow)
{
	struct addr *addr = p->addr;
	const char *text = p->text + at;

	if (length == 0 || is_word(text, length, "*")) {
		addr->wildcard = true;
		if (listening(p))
			return 0;
		bad(p, at, length, "which host?");
		return hint(p, "write %s:localhost%s", p->family->name, follow);
	}
	if (text[0] == '[' && text[length - 1] == ']') {
		if (!is_ipv6(text + 1, length - 2, addr->name)) {
			addr->name[0] = '\0';
			return bad(p, at + 1, length - 2, "bad host: '%s' is not an IPv6 address", SHOW(text + 1, length - 2));
		}
		if (addr->ip == 4) {
			bad(p, at, length, "bad host: %s is an IPv6 address", addr->name);
			return hint(p, "write tcp6:%s%s", SHOW(text, length), follow);
		}
		return 0;
	}
	return parse_host_name(p, at, length, follow);
}

static int parse_tcp(struct parser *p)
{
	const char *rest = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t colon = last_colon(p->text, p->begin, p->end);
	size_t host_length = colon - p->begin;
	const char *family = p->family->name;
	int r;

	if (length == 0) {
		bad(p, p->begin, 1, "host and port are missing");
		return hint(p, "write %s:HOST:PORT", family);
	}
	if (rest[0] == '[') { /* colons inside brackets don't count */
		const char *bracket = memchr(rest, ']', length);

		if (bracket == NULL) {
			bad(p, p->begin, length, "bad host: ']' is missing");
			return hint(p, "write %s:[ADDRESS]:PORT", family);
		}
		if (bracket + 1 == rest + length)
			colon = p->end;
		else if (bracket[1] != ':')
			return bad(p, p->begin + (size_t)(bracket - rest) + 1, 1, "a colon is missing after ']'");
		else
			colon = p->begin + (size_t)(bracket - rest) + 1;
		host_length = colon - p->begin;
	} else if (memchr(rest, ':', host_length)) {
		bad(p, p->begin, host_length, "bad host: an IPv6 address stands in brackets");
		if (is_ipv6(rest, host_length, NULL))
			return hint(p, "write %s:[%s]%s", family, SHOW(rest, host_length),
			            SHOW(p->text + colon, p->end - colon));
		if (is_ipv6(rest, length, NULL)) {
			bad(p, p->begin, length, "bad host: an IPv6 address stands in brackets");
			return hint(p, "write %s:[%s]:PORT", family, SHOW(rest, length));
		}
		bad(p, p->begin, length, "too many colons");
		return hint(p, "write %s:HOST:PORT", family);
	}
	if (colon == p->end) {
		const char *dash = memchr(rest, '-', length);

		if (all_digits(rest, length) || (dash && all_digits(rest, (size_t)(dash - rest)))) {
			strlcpy(p->addr->name, "localhost", sizeof p->addr->name);
			return parse_port(p, p->begin, length, PORT_TCP);
		}
		bad(p, colon, 1, "the port is missing");
		return hint(p, "write %s:%s:PORT", family, SHOW(rest, length));
	}
	r = parse_host(p, p->begin, host_length, SHOW(p->text + colon, p->end - colon));
	if (r < 0)
		return r;
	if (colon + 1 == p->end) {
		bad(p, colon + 1, 1, "the port is missing");
		return hint(p, "write %s:%s:PORT", family, SHOW(rest, host_length));
	}
	return parse_port(p, colon + 1, p->end - colon - 1, PORT_TCP);
}

/* What a path may not begin with, whatever the family; family is written before the hint's path. */
static int check_path(struct parser *p, size_t at, size_t length, const char *family)
{
	const char *path = p->text + at;

	if (length == 0)
		return bad(p, at, 1, "the path is missing");
	if (p->url && path[0] != '/') {
		bad(p, at - 2, 2, "a path follows three slashes");
		return hint(p, "write %s:/%s, or %s:///%s", family, SHOW(path, p->end - at), family, SHOW(path, p->end - at));
	}
	if (path[0] == '~' && (length == 1 || path[1] == '/')) {
		bad(p, at, 1, "'~' is not expanded here");
		return hint(p, "the shell expands ~ only where a word begins; write %s:$HOME%s", family, SHOW(path + 1, p->end - at - 1));
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
		return unescape(p, p->begin, length, addr->name, sizeof addr->name);
	if (length == 1) {
		bad(p, p->begin, 1, "a name is missing after '@'");
		return hint(p, "for a file that is called @ write %s:./@", p->family->name);
	}
	r = unescape(p, p->begin + 1, length - 1, addr->name, sizeof addr->name);
	if (r == 0 && strlen(addr->name) > ABSTRACT_MAX)
		return bad(p, p->begin, length, "too long: an abstract name has at most %d bytes", ABSTRACT_MAX);
	return r;
}

static int parse_mux(struct parser *p)
{
	size_t colon = last_colon(p->text, p->begin, p->end);
	const char *family = "vsock-mux";
	int r;

	if (p->family->name[0] == 'h' && !p->url) { /* hvsock is an URL's word */
		bad(p, 0, p->begin - 1, "unknown family 'hvsock'");
		return hint(p, "write %s:%s", family, SHOW(p->text + p->begin, p->end - p->begin));
	}
	r = check_path(p, p->begin, colon - p->begin, family);
	if (r < 0)
		return r;
	r = unescape(p, p->begin, colon - p->begin, p->addr->name, sizeof p->addr->name);
	if (r < 0)
		return r;
	if (colon == p->end && allows(p, ADDR_PORT_OPTIONAL)) {
		p->addr->has_port = false;
		return 0;
	}
	if (colon == p->end && p->end < p->length && memchr(p->text + p->end, ':', p->length - p->end))
		return comma_in_path(p);
	if (colon == p->end || colon + 1 == p->end) {
		bad(p, p->end, 1, "the port is missing");
		return hint(p, "write %s:%s:PORT", family, SHOW(p->text + p->begin, colon - p->begin));
	}
	if (!is_digit(p->text[colon + 1]) && !is_word(p->text + colon + 1, p->end - colon - 1, "any")) {
		bad(p, colon + 1, p->end - colon - 1, "bad port: '%s' is not a port",
		    SHOW(p->text + colon + 1, p->end - colon - 1));
		return hint(p, "the port follows the last colon: %s:PATH:PORT", family);
	}
	return parse_port(p, colon + 1, p->end - colon - 1, PORT_MUX);
}

static int split_words(const char *command, char **words, char *bytes, size_t *count, size_t *error);

static int parse_exec(struct parser *p)
{
	const char *command = p->text + p->begin;
	size_t length = p->end - p->begin;
	size_t count, at = 0;

	if (length >= sizeof p->addr->name)
		return bad(p, p->begin, length, "too long: at most %zu bytes", sizeof p->addr->name - 1);
	if (split_words(command, NULL, NULL, &count, &at) < 0) {
		if (command[at] == '\\')
			return bad(p, p->begin + at, 1, "nothing follows the backslash");
		return bad(p, p->begin + at, 1, "the %s quote does not end", command[at] == '"' ? "double" : "single");
	}
	if (count == 0) {
		bad(p, p->begin, 1, "the command is missing");
		return hint(p, "write exec:COMMAND, as exec:'cat /etc/motd'");
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
		bad(p, p->begin, 1, "the descriptor is missing");
		return hint(p, "write fd:3, or fd:NAME under systemd");
	}
	if (length > 2 && begins_with(text, "//")) {
		bad(p, p->begin, 2, "fd: has no slashes");
		return hint(p, "write fd:%s", SHOW(text + 2, length - 2));
	}
	if (all_digits(text, length) || text[0] == '-' || text[0] == '+') {
		r = read_number(p, p->begin, length, "descriptor", false, INT_MAX, &number);
		if (r == 0)
			addr->fd = (int)number;
		return r;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] == ':' || text[i] < ' ' || text[i] == 127) {
			size_t n = char_length(text + i, length - i);

			return bad(p, p->begin + i, n, "bad descriptor: '%s' can't be in a name", SHOW(text + i, n));
		}
	}
	r = unescape(p, p->begin, length, addr->name, sizeof addr->name);
	if (r == 0 && strlen(addr->name) > 255)
		return bad(p, p->begin, length, "too long: a descriptor's name has at most 255 bytes");
	return r;
}

static int parse_stdio(struct parser *p)
{
	if (p->end < p->length) {
		bad(p, p->end, p->length - p->end, "- takes no options");
		return hint(p, "write - alone");
	}
	return 0;
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
 * Options
 */

struct option {
	const char *name;
	unsigned bit;
	const char *example; /* NULL: a value may be left out or is none */
	int (*read)(struct parser *p, size_t at, const char *value, size_t length); /* NULL: it takes no value */
	void (*format)(struct writer *w, const struct addr *addr);
};

static int read_bind(struct parser *p, size_t at, const char *value, size_t length);
static int read_connect_timeout(struct parser *p, size_t at, const char *value, size_t length);
static int read_window(struct parser *p, size_t at, const char *value, size_t length);
static int read_backlog(struct parser *p, size_t at, const char *value, size_t length);
static int read_mode(struct parser *p, size_t at, const char *value, size_t length);
static int read_owner(struct parser *p, size_t at, const char *value, size_t length);
static int read_group(struct parser *p, size_t at, const char *value, size_t length);
static int read_nodelay(struct parser *p, size_t at, const char *value, size_t length);
static int read_keepalive(struct parser *p, size_t at, const char *value, size_t length);
static void format_bind(struct writer *w, const struct addr *addr);
static void format_connect_timeout(struct writer *w, const struct addr *addr);
static void format_window(struct writer *w, const struct addr *addr);
static void format_backlog(struct writer *w, const struct addr *addr);
static void format_mode(struct writer *w, const struct addr *addr);
static void format_owner(struct writer *w, const struct addr *addr);
static void format_group(struct writer *w, const struct addr *addr);
static void format_nodelay(struct writer *w, const struct addr *addr);
static void format_keepalive(struct writer *w, const struct addr *addr);
static void format_to_host(struct writer *w, const struct addr *addr);

/* In the order in which they are printed. */
static const struct option options[] = {
	{ "bind", ADDR_OPT_BIND, "bind=:1000", read_bind, format_bind },
	{ "connect-timeout", ADDR_OPT_CONNECT_TIMEOUT, "connect-timeout=30s", read_connect_timeout, format_connect_timeout },
	{ "window", ADDR_OPT_WINDOW, "window=1M", read_window, format_window },
	{ "backlog", ADDR_OPT_BACKLOG, "backlog=128", read_backlog, format_backlog },
	{ "mode", ADDR_OPT_MODE, "mode=0600", read_mode, format_mode },
	{ "owner", ADDR_OPT_OWNER, "owner=root", read_owner, format_owner },
	{ "group", ADDR_OPT_GROUP, "group=kvm", read_group, format_group },
	{ "nodelay", ADDR_OPT_NODELAY, NULL, read_nodelay, format_nodelay },
	{ "keepalive", ADDR_OPT_KEEPALIVE, NULL, read_keepalive, format_keepalive },
	{ "to-host", ADDR_OPT_TO_HOST, NULL, NULL, format_to_host },
};
#define OPTIONS (sizeof options / sizeof options[0])

/* The vsock and TCP readers of bind= share nothing but the key. */
static int read_bind_vsock(struct parser *p, size_t at, size_t length)
{
	struct addr_options *o = &p->addr->options;
	size_t end = at + length, colon = last_colon(p->text, at, end), saved = p->end;
	const struct hosts_entry *entry = NULL;
	int r = 0;

	o->bind_cid = ADDR_CID_ANY;
	o->bind_port = ADDR_PORT_ANY;
	p->end = end; /* what hints show as the rest */
	if (colon > at)
		r = parse_cid(p, at, colon - at, &o->bind_cid, &entry);
	p->end = saved;
	if (r < 0)
		return hint(p, "write bind=CID:PORT, bind=CID or bind=:PORT");
	if (entry && entry->path)
		return bad(p, at, colon - at, "bad CID: '%s' is a guest behind hybrid vsock", entry->name);
	if (o->bind_cid == ADDR_CID_HYPERVISOR)
		return bad(p, at, colon - at, "bad CID: 0 is the hypervisor's");
	if (colon == end)
		return 0;
	if (colon + 1 == end) {
		bad(p, end, 1, "the port is missing");
		return hint(p, "write bind=CID:PORT, bind=CID or bind=:PORT");
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
	int version = 0, r;

	o->bind_host[0] = '\0';
	o->bind_tcp_port = 0;
	if (bracket) {
		colon = at + (size_t)(bracket - value) + 1;
		if (colon < end && p->text[colon] != ':')
			return bad(p, colon, 1, "a colon is missing after ']'");
		host++;
		host_length = colon - host - 1;
		if (is_ipv6(p->text + host, host_length, o->bind_host))
			version = 6;
	} else {
		colon = last_colon(p->text, at, end);
		host_length = colon - host;
		if (host_length > 0 && host_length < sizeof o->bind_host) {
			memcpy(o->bind_host, p->text + host, host_length);
			o->bind_host[host_length] = '\0';
			if (inet_pton(AF_INET, o->bind_host, &in) == 1)
				version = 4;
		}
	}
	if (version == 0 && (bracket || host_length > 0)) {
		bad(p, host, host_length, "bad address to bind: '%s' is not an IP address", SHOW(p->text + host, host_length));
		return hint(p, "write bind=10.0.0.1, bind=[::1]:PORT or bind=:PORT");
	}
	if (version && p->addr->ip && version != p->addr->ip)
		return bad(p, host, host_length, "bad address to bind: %s is not for tcp%d:", o->bind_host, p->addr->ip);
	if (colon == end)
		return 0;
	if (colon + 1 == end)
		return bad(p, end, 1, "the port is missing");
	r = read_port(p, colon + 1, end - colon - 1, PORT_TCP, &port);
	o->bind_tcp_port = (uint16_t)port;
	return r;
}

static int read_bind(struct parser *p, size_t at, const char *value, size_t length)
{
	return p->addr->family == ADDR_VSOCK ? read_bind_vsock(p, at, length) : read_bind_tcp(p, at, value, length);
}

/* Passes on what a reader of units found. */
static int bad_value(struct parser *p, const char *name, size_t at, const struct units_error *error)
{
	return bad(p, at + error->offset, error->length, "bad %s: %s", name, error->why);
}

static int read_connect_timeout(struct parser *p, size_t at, const char *value, size_t length)
{
	struct units_error error = { 0 };

	if (units_time(value, &p->addr->options.connect_timeout, &error) < 0)
		return bad_value(p, "connect-timeout", at, &error);
	if (p->addr->options.connect_timeout == 0) {
		bad(p, at, length, "bad connect-timeout: 0 leaves no time to connect");
		return hint(p, "for no limit write connect-timeout=inf");
	}
	return 0;
}

static int read_window(struct parser *p, size_t at, const char *value, size_t length)
{
	struct units_error error = { 0 };
	uint64_t *window = &p->addr->options.window;

	if (units_size(value, window, &error) < 0)
		return bad_value(p, "window", at, &error);
	if (*window == 0 || *window == UNITS_INF) {
		bad(p, at, length, "bad window: %s is no size", SHOW(value, length));
		return hint(p, "write a size, as window=1M");
	}
	return 0;
}

static int read_backlog(struct parser *p, size_t at, const char *value, size_t length)
{
	struct units_error error = { 0 };
	uint64_t backlog;

	(void)length;
	if (units_count(value, 1, INT_MAX, &backlog, &error) < 0)
		return bad_value(p, "backlog", at, &error);
	p->addr->options.backlog = (uint32_t)backlog;
	return 0;
}

static int read_mode(struct parser *p, size_t at, const char *value, size_t length)
{
	uint32_t mode = 0;

	for (size_t i = 0; i < length; i++) {
		size_t n = char_length(value + i, length - i);

		if (value[i] < '0' || value[i] > '7')
			return bad(p, at + i, n, "bad mode: '%s' is not an octal digit", SHOW(value + i, n));
		if (mode <= 0777)
			mode = mode * 8 + (uint32_t)(value[i] - '0');
	}
	if (mode > 0777 || length > 4) {
		bad(p, at, length, "bad mode: %s is above 0777", SHOW(value, length));
		return hint(p, "write mode=0600 or the like");
	}
	p->addr->options.mode = mode;
	return 0;
}

/* A user or a group, as a name or a number; whether it is known is not looked up here. */
static int read_who(struct parser *p, const char *what, size_t at, const char *value, size_t length, char *to, size_t size)
{
	for (size_t i = 0; i < length; i++) {
		size_t n = char_length(value + i, length - i);

		if (is_letter(value[i]) || is_digit(value[i]) || memchr("_.@+", value[i], 4) ||
		    (i > 0 && memchr("-$", value[i], 2)))
			continue;
		bad(p, at + i, n, "bad %s: '%s' can't be in a name", what, SHOW(value + i, n));
		if (value[i] == ':' && i > 0 && strcmp(what, "owner") == 0)
			return hint(p, "write owner=%s,group=%s", SHOW(value, i), SHOW(value + i + 1, length - i - 1));
		return -EINVAL;
	}
	if (length >= size)
		return bad(p, at, length, "bad %s: a name has at most %zu bytes", what, size - 1);
	memcpy(to, value, length + 1);
	return 0;
}

static int read_owner(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_who(p, "owner", at, value, length, p->addr->options.owner, sizeof p->addr->options.owner);
}

static int read_group(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_who(p, "group", at, value, length, p->addr->options.group, sizeof p->addr->options.group);
}

/* A switch; value is NULL where none was written. */
static int read_switch(struct parser *p, const char *name, size_t at, const char *value, size_t length, bool *on)
{
	static const char *const words[2][4] = { { "off", "no", "0", "false" }, { "on", "yes", "1", "true" } };

	*on = true;
	for (size_t i = 0; value && i < 8; i++) {
		if (strcmp(value, words[i / 4][i % 4]) == 0) {
			*on = i / 4 == 1;
			return 0;
		}
	}
	if (value == NULL)
		return 0;
	bad(p, at, length, "bad %s: '%s' is neither on nor off", name, SHOW(value, length));
	return hint(p, "write %s or %s=off", name, name);
}

static int read_nodelay(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_switch(p, "nodelay", at, value, length, &p->addr->options.nodelay);
}

static int read_keepalive(struct parser *p, size_t at, const char *value, size_t length)
{
	return read_switch(p, "keepalive", at, value, length, &p->addr->options.keepalive);
}

/* Names the families that have an option in one role or in any: "unix: and vsock-mux:". */
static void name_families(unsigned bit, unsigned role, char *buf, size_t size)
{
	enum addr_family last = ADDR_NONE;
	size_t found = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];
		unsigned has = ((role & ADDR_CONNECT) ? f->connect : 0) | ((role & ADDR_LISTEN) ? f->listen : 0);

		if (!(has & bit) || f->family == last)
			continue;
		last = f->family;
		if (found++ > 0)
			strlcat(buf, " and ", size);
		strlcat(buf, f->name, size);
		strlcat(buf, ":", size);
	}
}

/* An option that exists, but not here: says where it belongs. */
static int misplaced_option(struct parser *p, const struct option *option, size_t at)
{
	const struct family *f = p->family;
	size_t length = strlen(option->name);
	unsigned role = listening(p) ? ADDR_LISTEN : ADDR_CONNECT;
	char here[80], anywhere[80];

	if ((listening(p) ? f->connect : f->listen) & option->bit) {
		bad(p, at, length, "option '%s' is for %s", option->name, listening(p) ? "connecting" : "listening");
		return hint(p, "this address is %s", listening(p) ? "listened on" : "connected to");
	}
	name_families(option->bit, role, here, sizeof here);
	name_families(option->bit, BOTH, anywhere, sizeof anywhere);
	bad(p, at, length, "option '%s' is not for %s:", option->name, p->addr->seqpacket ? f->name : addr_family_name(p->addr));
	if (here[0])
		return hint(p, "it is for %s", here);
	return hint(p, "it is for %s %s", listening(p) ? "connecting to" : "listening on", anywhere);
}

static int unknown_option(struct parser *p, size_t at, size_t length)
{
	const char *key = p->text + at;
	bool has_path = p->addr->family == ADDR_UNIX || p->addr->family == ADDR_MUX;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (resembles(key, length, options[i].name)) {
			bad(p, at, length, "unknown option '%s'; did you mean '%s'?", SHOW(key, length), options[i].name);
			goto comma;
		}
	}
	bad(p, at, length, "unknown option '%s'", SHOW(key, length));
	if (!has_path)
		return hint(p, "options are bind connect-timeout window backlog mode owner group nodelay keepalive to-host");
comma:
	if (has_path && p->addr->alias[0] == '\0')
		return hint(p, "a comma in a path is written \\, as in %s:%s\\,%s", addr_family_name(p->addr),
		            SHOW(p->text + p->begin, at - 1 - p->begin), SHOW(key, p->length - at));
	return -EINVAL;
}

/* vsock-mux:/a,b:22, where the comma was not meant to begin an option. */
static int comma_in_path(struct parser *p)
{
	size_t at = p->end + 1;

	return unknown_option(p, at, find_comma(p->text, at, p->length) - at);
}

/* One KEY or KEY=VALUE, from at to end; where says at which offset each option was written before, 0 if not. */
static int parse_option(struct parser *p, size_t at, size_t end, size_t where[OPTIONS])
{
	const char *text = p->text + at;
	const char *equals = memchr(text, '=', end - at);
	size_t key = equals ? (size_t)(equals - text) : end - at;
	size_t value_at = equals ? at + key + 1 : end;
	size_t value_length = end - value_at;
	char value[VALUE_MAX];
	size_t i;

	if (key == 0)
		return bad(p, at, 1, "an option is missing after the comma");
	for (i = 0; i < OPTIONS && !is_word(text, key, options[i].name); i++)
		;
	if (i == OPTIONS)
		return unknown_option(p, at, key);
	if (!((listening(p) ? p->family->listen : p->family->connect) & options[i].bit))
		return misplaced_option(p, &options[i], at);
	if (where[i]) {
		const char *before = p->text + where[i];

		return bad(p, at, end - at, "option '%s' is given twice: '%s' and '%s'", options[i].name,
		           SHOW(before, find_comma(before, 0, strlen(before))), SHOW(text, end - at));
	}
	where[i] = at;
	p->addr->options.given |= options[i].bit;
	if (options[i].read == NULL) {
		if (equals)
			return bad(p, at + key, end - at - key, "option '%s' takes no value", options[i].name);
		return 0;
	}
	if (value_length == 0 && (equals || options[i].example)) {
		bad(p, at, end - at, "option '%s' needs a value", options[i].name);
		return options[i].example ? hint(p, "write %s", options[i].example) : hint(p, "write %s", options[i].name);
	}
	if (value_length >= sizeof value)
		return bad(p, value_at, value_length, "bad %s: the value is too long", options[i].name);
	memcpy(value, p->text + value_at, value_length);
	value[value_length] = '\0';
	return options[i].read(p, value_at, equals ? value : NULL, value_length);
}

static int parse_options(struct parser *p)
{
	size_t where[OPTIONS] = { 0 };
	size_t at = p->end;
	int r = 0;

	if (at < p->length && allows(p, ADDR_NO_OPTIONS)) {
		bad(p, at, p->length - at, "no options may follow here");
		return p->addr->family == ADDR_UNIX || p->addr->family == ADDR_MUX ? hint(p, "a comma in a path is written \\,")
		                                                                   : -EINVAL;
	}
	while (r == 0 && at < p->length) {
		size_t end = find_comma(p->text, at + 1, p->length);

		r = parse_option(p, at + 1, end, where);
		at = end;
	}
	return r;
}

/*
 * Which family is it?
 */

/* What other tools call things: socat's words, in any case. */
static const struct {
	const char *word;
	unsigned role; /* 0: either */
	const char *ours;
} foreign_words[] = {
	{ "VSOCK-CONNECT", ADDR_CONNECT, "vsock:" },
	{ "VSOCK-LISTEN", ADDR_LISTEN, "vsock::" },
	{ "VSOCK-L", ADDR_LISTEN, "vsock::" },
	{ "TCP-CONNECT", ADDR_CONNECT, "tcp:" },
	{ "TCP4-CONNECT", ADDR_CONNECT, "tcp4:" },
	{ "TCP6-CONNECT", ADDR_CONNECT, "tcp6:" },
	{ "TCP-LISTEN", ADDR_LISTEN, "tcp:*:" },
	{ "TCP-L", ADDR_LISTEN, "tcp:*:" },
	{ "TCP4-LISTEN", ADDR_LISTEN, "tcp4:*:" },
	{ "TCP4-L", ADDR_LISTEN, "tcp4:*:" },
	{ "TCP6-LISTEN", ADDR_LISTEN, "tcp6:*:" },
	{ "TCP6-L", ADDR_LISTEN, "tcp6:*:" },
	{ "UNIX-CONNECT", ADDR_CONNECT, "unix:" },
	{ "UNIX-CLIENT", ADDR_CONNECT, "unix:" },
	{ "UNIX-LISTEN", ADDR_LISTEN, "unix:" },
	{ "UNIX-L", ADDR_LISTEN, "unix:" },
	{ "ABSTRACT-CONNECT", ADDR_CONNECT, "unix:@" },
	{ "ABSTRACT-CLIENT", ADDR_CONNECT, "unix:@" },
	{ "ABSTRACT-LISTEN", ADDR_LISTEN, "unix:@" },
	{ "ABSTRACT-L", ADDR_LISTEN, "unix:@" },
	{ "STDIO", 0, "-" },
	{ "STDIN", 0, "-" },
	{ "STDOUT", 0, "-" },
};

static const struct family *find_family(const char *word, size_t length, bool any_case)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (strlen(families[i].name) == length &&
		    (any_case ? strncasecmp : strncmp)(word, families[i].name, length) == 0)
			return &families[i];
	return NULL;
}

bool addr_is_family(const char *word, size_t length)
{
	return find_family(word, length, true) != NULL;
}

/* What follows the family in somebody else's spelling: up to its options, which have other names. */
static const char *foreign_rest(const struct parser *p, size_t word, char buf[SHOWN])
{
	size_t at = word < p->length ? word + 1 : word;
	size_t end = find_comma(p->text, at, p->length);

	return log_escape(p->text + at, end - at, buf, SHOWN);
}

/* The word before the first colon is socat's. */
static bool explain_socat(struct parser *p, size_t word)
{
	const char *rest = foreign_rest(p, word, (char[SHOWN]){ 0 });
	unsigned role = p->context->role;

	if ((word == 6 && strncasecmp(p->text, "SYSTEM", 6) == 0) || (word == 5 && strncasecmp(p->text, "SHELL", 5) == 0)) {
		bad(p, 0, word, "'%s' is a word of socat's", SHOW(p->text, word));
		hint(p, "write exec:sh -c '%s'", rest);
		return true;
	}
	for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++) {
		const char *ours = foreign_words[i].ours;

		if (strlen(foreign_words[i].word) != word || strncasecmp(p->text, foreign_words[i].word, word) != 0)
			continue;
		bad(p, 0, word, "'%s' is a word of socat's", SHOW(p->text, word));
		if (ours[0] == '-')
			hint(p, "write -");
		else if (foreign_words[i].role == role)
			hint(p, "write %s%s", ours, rest);
		else if (p->context->program && strcmp(p->context->program, "vsock-proxy") == 0)
			hint(p, "%s%s goes %s: LISTEN CONNECT", ours, rest, role == ADDR_CONNECT ? "first" : "second");
		else if (role == ADDR_CONNECT)
			hint(p, "this address is connected to; to listen: vsock-listen %s%s", ours, rest);
		else
			hint(p, "this address is listened on; to connect: vsock-cat %s%s", ours, rest);
		return true;
	}
	return false;
}

/* Spellings of a family that are nearly right, words of other tools and other URLs. True if it was one. */
static bool explain_family(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	bool url = begins_with(text + word, "://");
	const char *rest = SHOW(text + word, p->length - word);
	bool number = text[word] == ':' && all_digits(text + word + 1, p->end > word ? p->end - word - 1 : 0);
	const struct family *family;

	if (word == 0 || !is_letter(text[0]))
		return false;
	if (explain_socat(p, word))
		return true;
	if (text[word] != ':')
		return false;
	family = find_family(text, word, true);
	if (family) {
		bad(p, 0, word, "families are written in lower case");
		hint(p, "write %s%s", family->name, rest);
		return true;
	}
	for (size_t i = 0; i < FAMILIES; i++) {
		/* NAME:NUMBER is a vsock address, unless it is a slip for tcp:PORT or, for ping, vsock:CID. */
		if (number && families[i].family != ADDR_TCP &&
		    (families[i].family != ADDR_VSOCK || !allows(p, ADDR_PORT_OPTIONAL)))
			continue;
		if (!resembles(text, word, families[i].name) || (number && distance(text, word, families[i].name) > 1))
			continue;
		bad(p, 0, word, "unknown family '%s'; did you mean '%s'?", SHOW(text, word), families[i].name);
		hint(p, "write %s%s", families[i].name, rest);
		return true;
	}
	if (url && (is_word(text, word, "http") || is_word(text, word, "ws") || is_word(text, word, "https") ||
	            is_word(text, word, "wss"))) {
		size_t host = strcspn(text + word + 3, "/,");

		bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
		if (memchr(text + word + 3, ':', host))
			hint(p, "for TCP write tcp:%s", SHOW(text + word + 3, host));
		else
			hint(p, "for TCP write tcp:%s:%s", SHOW(text + word + 3, host),
			     text[word - 1] == 's' && word != 2 ? "443" : "80");
		return true;
	}
	if (text[word + 1] && strchr("/.@", text[word + 1]) && !url && count_colons(text, 0, p->end) == 1) {
		bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
		hint(p, "for a UNIX socket write unix%s", rest);
		return true;
	}
	if (!url && (number || (p->end > word && count_colons(text, 0, p->end) < 2)))
		return false;
	if (!url && (hosts_find(p->context->hosts, text, word) || addr_read_cid(text, word, &(uint32_t){ 0 }))) {
		bad(p, 0, p->end, "too many colons");
		hint(p, "write vsock:%s:PORT", SHOW(text, word));
		return true;
	}
	bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
	hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	return true;
}

/* An IPv6 address without tcp: before it. */
static bool explain_ipv6(struct parser *p)
{
	size_t colon = last_colon(p->text, 0, p->end);
	const char *text = p->text;

	if (text[0] == '[') {
		bad(p, 0, p->end, "an IP address without its family");
		if (text[p->end - 1] == ']')
			hint(p, "write tcp:%s:PORT", SHOW(text, p->end));
		else
			hint(p, "write tcp:%s", SHOW(text, p->end));
		return true;
	}
	if (colon < p->end && memchr(text, ':', colon) && is_ipv6(text, colon, NULL)) {
		bad(p, 0, p->end, "an IP address without its family");
		hint(p, "write tcp:[%s]%s", SHOW(text, colon), SHOW(text + colon, p->end - colon));
		return true;
	}
	if (count_colons(text, 0, p->end) > 1 && is_ipv6(text, p->end, NULL)) {
		bad(p, 0, p->end, "an IP address without its family");
		hint(p, "write tcp:[%s]:PORT", SHOW(text, p->end));
		return true;
	}
	return false;
}

/* vsock-proxy has no short forms. */
static int missing_family(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	size_t colon = last_colon(p->text, 0, p->end);
	uint32_t cid;

	bad(p, 0, p->end, "the family is missing");
	if (p->text[0] == '/' || p->text[0] == '.' || p->text[0] == '@')
		return hint(p, "write unix:%s", text);
	if (all_digits(p->text, p->end))
		return listening(p) ? hint(p, "write vsock::%s or tcp:%s", text, text)
		                    : hint(p, "write vsock:CID:%s or tcp:%s", text, text);
	if (colon == p->end)
		return is_letter(p->text[0]) ? hint(p, "write vsock:%s:PORT or tcp:%s:PORT", text, text)
		                             : hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	if (colon == 0)
		return listening(p) ? hint(p, "write vsock:%s or tcp%s", text, text)
		                    : hint(p, "write vsock:CID%s or tcp%s", text, text);
	if (addr_read_cid(p->text, colon, &cid) || hosts_find(p->context->hosts, p->text, colon))
		return hint(p, "write vsock:%s", text);
	if (is_digit(p->text[0]) && !looks_ipv4(p->text, colon))
		return hint(p, "write vsock:CID:PORT");
	return hint(p, "write tcp:%s", text);
}

/* One word without a colon, and it is no port. */
static int parse_word(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	const char *c = p->text;
	const char *why;

	if (c[0] == '~') {
		bad(p, 0, 1, "'~' is not expanded here");
		return hint(p, "the shell expands ~ only where no quotes are; write unix:$HOME%s", SHOW(c + 1, p->end - 1));
	}
	if (memchr(c, '/', p->end) || (memchr(c, '.', p->end) && !looks_ipv4(c, p->end) && is_letter(c[0]))) {
		bad(p, 0, p->end, "'%s' is not an address", text);
		return hint(p, "for a UNIX socket write ./%s", text);
	}
	if (looks_ipv4(c, p->end)) {
		bad(p, 0, p->end, "an IP address without family and port");
		return hint(p, "write tcp:%s:PORT", text);
	}
	if (listening(p)) {
		bad(p, 0, p->end, "'%s' is not a port", text);
		return hint(p, "write a number, as 5000, or ./%s for a UNIX socket", text);
	}
	if (!is_letter(c[0]))
		return parse_vsock(p);
	why = hosts_check_name(c, p->end);
	if (why && !addr_read_cid(c, p->end, &(uint32_t){ 0 })) {
		bad(p, 0, p->end, "'%s' is not an address", text);
		return hint(p, "write CID:PORT, or FAMILY:… with vsock, tcp, unix, vsock-mux, exec or fd");
	}
	bad(p, p->end, 1, "the port is missing");
	return hint(p, "write %s:PORT, or ./%s for a UNIX socket", text, text);
}

/* Digits alone. */
static int parse_bare_number(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	const char *program = p->context->program;

	if (listening(p)) {
		p->addr->cid = ADDR_CID_ANY;
		return parse_port(p, 0, p->end, PORT_VSOCK);
	}
	bad(p, 0, p->end, "which CID?");
	if (program && strcmp(program, "vsock-cat") == 0)
		return hint(p, "write host:%s or CID:%s; to listen: vsock-listen %s", text, text, text);
	return hint(p, "write host:%s or CID:%s", text, text);
}

static const struct family *family_of(enum addr_family family, bool seqpacket, uint8_t ip)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].family == family && families[i].seqpacket == seqpacket && families[i].ip == ip)
			return &families[i];
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

	p->end = find_comma(text, 0, p->length);
	if (p->end == 0)
		return bad(p, 0, 1, "the address is missing before the comma");
	colons = count_colons(text, 0, p->end);
	if (path) {
		if (!allows(p, ADDR_SHORT))
			return missing_family(p);
		start_family(p, family_of(ADDR_UNIX, false, 0));
		return p->family->parse(p);
	}
	start_family(p, family_of(ADDR_VSOCK, false, 0));
	if (text[0] == ':' && (all_digits(text + 1, p->end - 1) || (text[1] == ':' && all_digits(text + 2, p->end - 2)))) {
		size_t digits = colons;

		if (!listening(p)) {
			bad(p, 0, colons, "which CID?");
			if (colons == 2)
				return hint(p, "write vsock:CID:%s, or for TCP tcp:[%s]:PORT", SHOW(text + digits, p->end - digits),
				            SHOW(text, p->end));
			return hint(p, "write vsock:CID:%s, where CID may be host or local", SHOW(text + digits, p->end - digits));
		}
		bad(p, 0, colons, "the family is missing");
		return hint(p, "write vsock::%s", SHOW(text + digits, p->end - digits));
	}
	if (explain_ipv6(p))
		return -EINVAL;
	if (colons > 0 || !allows(p, ADDR_PORT_OPTIONAL)) {
		bool known = colons == 1 && hosts_find(p->context->hosts, text, strcspn(text, ":"));

		if (!known && explain_family(p))
			return -EINVAL;
	}
	if (colons > 1) {
		bad(p, 0, p->end, "too many colons");
		return hint(p, "write CID:PORT, or FAMILY:… with vsock, tcp, unix, vsock-mux, exec or fd");
	}
	if (!allows(p, ADDR_SHORT))
		return missing_family(p);
	if (begins_with(text, "-1:")) {
		bad(p, 0, 1, "bad CID: '-' is not a digit");
		if (!listening(p))
			return hint(p, "name the machine: host%s, local%s, or a guest's CID", SHOW(text + 2, p->end - 2),
			            SHOW(text + 2, p->end - 2));
		return hint(p, "write any%s", SHOW(text + 2, p->end - 2));
	}
	if (colons == 0 && all_digits(text, p->end) && !allows(p, ADDR_PORT_OPTIONAL))
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
	unsigned role = listening(p) ? ADDR_LISTEN : ADDR_CONNECT;

	if (f->roles & role)
		return 0;
	bad(p, 0, p->begin, "%s%s can't be listened on", f->name, f->family == ADDR_STDIO ? "" : ":");
	if (f->family == ADDR_STDIO)
		return listens ? hint(p, "vsock-listen uses stdin and stdout anyway: vsock-listen PORT")
		               : hint(p, "- goes second: LISTEN -");
	return listens ? hint(p, "write vsock-listen PORT -- COMMAND")
	               : hint(p, "exec: goes second: LISTEN exec:COMMAND");
}

/* Finds the family and reads what stands between it and the options. */
static int parse_address(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	const struct family *family;
	int r;

	if (p->length == 0)
		return bad(p, 0, 1, "the address is empty");
	if (text[0] == '-' && (text[1] == '\0' || text[1] == ',')) {
		family = find_family("-", 1, false);
		word = 0;
	} else if (text[word] == ':') {
		family = find_family(text, word, false);
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
	p->end = family->family == ADDR_EXEC ? p->length : find_comma(text, p->begin, p->length);
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
		r = parse_options(&p);
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
	const struct family *family = where[word] == ':' ? find_family(where, word, false) : NULL;

	if (family)
		return family->family == ADDR_UNIX || family->family == ADDR_EXEC || family->family == ADDR_FD;
	return where[0] == '/' || where[0] == '@' || strcmp(where, "-") == 0 || begins_with(where, "./") ||
	       begins_with(where, "../");
}

int addr_parse_words(const char *where, const char *port, const struct addr_context *context, struct addr *addr,
                     char *joined, size_t size, struct addr_error *error)
{
	struct parser p = { .text = joined, .context = context, .addr = addr, .error = error };
	size_t word = strcspn(where, "/%:");
	const struct family *family = word && strchr("/%", where[word]) ? find_family(where, word, false) : NULL;
	const char *rest = family ? where + word + 1 : "";
	bool slash = false;
	int n;

	memset(addr, 0, sizeof *addr);
	memset(error, 0, sizeof *error);
	if (family && (family->family == ADDR_UNIX || family->family == ADDR_MUX)) /* absolute, as systemd-ssh-proxy has it */
		slash = rest[0] != '/' && rest[0] != '.' && rest[0] != '@' && rest[0] != '\0';
	else if (family && family->family != ADDR_VSOCK)
		family = NULL;
	if (family && family->family == ADDR_UNIX && all_digits(port, strlen(port)))
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
		return bad(&p, 0, p.length, "too long");
	}
	p.length = (size_t)n;
	if (family && family->family == ADDR_UNIX && !all_digits(port, strlen(port)))
		return bad(&p, strlen(where) + 1, strlen(port), "bad port: '%s' is not a number", SHOW(port, strlen(port)));
	if (!family && has_no_port(where)) {
		bad(&p, strlen(where) + 1, strlen(port), "one word too many: '%s' has no port", SHOW(where, strlen(where)));
		return hint(&p, "write %s alone", SHOW(where, strlen(where)));
	}
	return addr_parse(joined, context, addr, error);
}

/*
 * Formatting
 */

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->full)
		return;
	va_start(args, format);
	n = vsnprintf(w->buf + w->length, w->size - w->length, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= w->size - w->length) {
		w->full = true;
		w->length = strlen(w->buf);
	} else {
		w->length += (size_t)n;
	}
}

/* A name with what unescape() undoes. Blanks too, so that an address is one word; colons where also is ":". */
static void put_escaped(struct writer *w, const char *text, const char *also)
{
	size_t length = strlen(text);

	for (size_t i = 0, n; i < length && !w->full; i += n) {
		n = char_length(text + i, length - i);
		if (text[i] == ',' || text[i] == '\\')
			put(w, "\\%c", text[i]);
		else if (text[i] == ' ' || strchr(also, text[i]))
			put(w, "\\x%02X", (unsigned)(unsigned char)text[i]);
		else
			put(w, "%s", log_escape(text + i, n, (char[32]){ 0 }, 32));
	}
}

/* A path, whose first bytes must not be taken for something else. */
static void put_path(struct writer *w, const char *path, const char *also)
{
	if (path[0] == '/' && path[1] == '/') { /* would be a URL */
		put(w, "/\\x2F");
		path += 2;
	} else if (path[0] == '@' || path[0] == '~') {
		put(w, "\\x%02X", (unsigned)path[0]);
		path++;
	}
	put_escaped(w, path, also);
}

static void put_port(struct writer *w, const struct addr *addr, uint32_t any)
{
	if (!addr->has_port)
		return;
	if (addr->service[0])
		put(w, ":%s", addr->service);
	else if (addr->port == any && addr->family != ADDR_TCP)
		put(w, ":any");
	else if (addr->port_last != addr->port)
		put(w, ":%u-%u", (unsigned)addr->port, (unsigned)addr->port_last);
	else
		put(w, ":%u", (unsigned)addr->port);
}

static void put_family(struct writer *w, const struct addr *addr)
{
	const struct family *family = family_of(addr->family, addr->seqpacket, addr->ip);

	put(w, "%s:", family ? family->name : addr_family_name(addr));
}

static void format_vsock(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->cid == ADDR_CID_ANY)
		put(w, "any");
	else
		put(w, "%u", (unsigned)addr->cid);
	put_port(w, addr, ADDR_PORT_ANY);
}

static void format_tcp(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->wildcard)
		put(w, "*");
	else
		put(w, strchr(addr->name, ':') ? "[%s]" : "%s", addr->name);
	put_port(w, addr, 0);
}

static void format_unix(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->abstract) {
		put(w, "@");
		put_escaped(w, addr->name, "");
	} else {
		put_path(w, addr->name, "");
	}
}

static void format_mux(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	put_path(w, addr->name, addr->has_port ? "" : ":");
	put_port(w, addr, ADDR_PORT_ANY);
}

/* exec: knows no escapes, so a command is printed as it is. */
static void format_exec(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	put(w, "%s", addr->name);
}

static void format_fd(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->fd >= 0) {
		put(w, "%d", addr->fd);
	} else if (all_digits(addr->name, strlen(addr->name)) || (addr->name[0] && strchr("+-/", addr->name[0]))) {
		put(w, "\\x%02X", (unsigned)(unsigned char)addr->name[0]); /* a name that looks like a number */
		put_escaped(w, addr->name + 1, ":");
	} else {
		put_escaped(w, addr->name, ":");
	}
}

static void format_stdio(struct writer *w, const struct addr *addr)
{
	(void)addr;
	put(w, "-");
}

static void format_bind(struct writer *w, const struct addr *addr)
{
	const struct addr_options *o = &addr->options;

	if (addr->family == ADDR_TCP) {
		put(w, strchr(o->bind_host, ':') ? "[%s]" : "%s", o->bind_host);
		if (o->bind_tcp_port || !o->bind_host[0])
			put(w, ":%u", (unsigned)o->bind_tcp_port);
		return;
	}
	if (o->bind_cid != ADDR_CID_ANY)
		put(w, "%u", (unsigned)o->bind_cid);
	else if (o->bind_port == ADDR_PORT_ANY)
		put(w, "any");
	if (o->bind_port != ADDR_PORT_ANY)
		put(w, ":%u", (unsigned)o->bind_port);
}

/* A number with the largest unit that divides it. */
static void put_with_unit(struct writer *w, uint64_t number, const uint64_t *sizes, const char *const *units, size_t count)
{
	size_t i = 0;

	if (number == UNITS_INF) {
		put(w, "inf");
		return;
	}
	while (i + 1 < count && number % sizes[i] != 0)
		i++;
	put(w, "%llu%s", (unsigned long long)(number / sizes[i]), units[i]);
}

static void format_connect_timeout(struct writer *w, const struct addr *addr)
{
	static const uint64_t sizes[] = { NSEC_PER_SEC, NSEC_PER_MSEC, NSEC_PER_USEC, 1 };
	static const char *const units[] = { "s", "ms", "us", "ns" };

	put_with_unit(w, addr->options.connect_timeout, sizes, units, 4);
}

static void format_window(struct writer *w, const struct addr *addr)
{
	static const uint64_t sizes[] = { 1 << 30, 1 << 20, 1 << 10, 1 };
	static const char *const units[] = { "G", "M", "K", "" };

	put_with_unit(w, addr->options.window, sizes, units, 4);
}

static void format_backlog(struct writer *w, const struct addr *addr)
{
	put(w, "%u", (unsigned)addr->options.backlog);
}

static void format_mode(struct writer *w, const struct addr *addr)
{
	put(w, "%04o", (unsigned)addr->options.mode);
}

static void format_owner(struct writer *w, const struct addr *addr)
{
	put(w, "%s", addr->options.owner);
}

static void format_group(struct writer *w, const struct addr *addr)
{
	put(w, "%s", addr->options.group);
}

static void format_nodelay(struct writer *w, const struct addr *addr)
{
	put(w, "%s", addr->options.nodelay ? "on" : "off");
}

static void format_keepalive(struct writer *w, const struct addr *addr)
{
	put(w, "%s", addr->options.keepalive ? "on" : "off");
}

static void format_to_host(struct writer *w, const struct addr *addr)
{
	(void)w;
	(void)addr;
}

/* Ends a text that did not fit. */
static char *finish(struct writer *w)
{
	static const char ellipsis[] = "…";
	size_t at = w->length;

	if (!w->full || w->size < sizeof ellipsis)
		return w->buf;
	if (at > w->size - sizeof ellipsis)
		at = w->size - sizeof ellipsis;
	while (at > 0 && ((unsigned char)w->buf[at] & 0xc0) == 0x80) /* don't cut a character in two */
		at--;
	memcpy(w->buf + at, ellipsis, sizeof ellipsis);
	return w->buf;
}

static void format_address(struct writer *w, const struct addr *addr)
{
	const struct family *family = family_of(addr->family, addr->seqpacket, addr->ip);

	if (family)
		family->format(w, addr);
	else
		put(w, "none");
}

char *addr_format(const struct addr *addr, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };

	if (size == 0)
		return buf;
	buf[0] = '\0';
	format_address(&w, addr);
	for (size_t i = 0; i < OPTIONS; i++) {
		if (!(addr->options.given & options[i].bit))
			continue;
		put(&w, ",%s%s", options[i].name, options[i].read ? "=" : "");
		options[i].format(&w, addr);
	}
	return finish(&w);
}

char *addr_format_short(const struct addr *addr, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (addr->family == ADDR_EXEC) { /* a message may not hold what a terminal obeys */
		put_family(&w, addr);
		log_escape(addr->name, strlen(addr->name), buf + w.length, size - w.length);
		return buf;
	}
	format_address(&w, addr);
	return finish(&w);
}

const char *addr_family_name(const struct addr *addr)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].family == addr->family)
			return families[i].name;
	return "none";
}

void addr_each_family(enum addr_role role, void (*each)(const char *prefix, void *context), void *context)
{
	char prefix[32];

	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];

		if (!(f->roles & (unsigned)role) || strcmp(f->name, "hvsock") == 0)
			continue;
		snprintf(prefix, sizeof prefix, "%s%s", f->name, f->family == ADDR_STDIO ? "" : ":");
		each(prefix, context);
	}
}

/*
 * Comparing
 */

static bool options_equal(const struct addr *x, const struct addr *y)
{
	const struct addr_options *a = &x->options, *b = &y->options;
	unsigned given = a->given;

	if (given != b->given)
		return false;
	if ((given & ADDR_OPT_BIND) && x->family == ADDR_TCP &&
	    (strcmp(a->bind_host, b->bind_host) != 0 || a->bind_tcp_port != b->bind_tcp_port))
		return false;
	if ((given & ADDR_OPT_BIND) && x->family != ADDR_TCP &&
	    (a->bind_cid != b->bind_cid || a->bind_port != b->bind_port))
		return false;
	return (!(given & ADDR_OPT_CONNECT_TIMEOUT) || a->connect_timeout == b->connect_timeout) &&
	       (!(given & ADDR_OPT_WINDOW) || a->window == b->window) &&
	       (!(given & ADDR_OPT_BACKLOG) || a->backlog == b->backlog) &&
	       (!(given & ADDR_OPT_MODE) || a->mode == b->mode) &&
	       (!(given & ADDR_OPT_OWNER) || strcmp(a->owner, b->owner) == 0) &&
	       (!(given & ADDR_OPT_GROUP) || strcmp(a->group, b->group) == 0) &&
	       (!(given & ADDR_OPT_NODELAY) || a->nodelay == b->nodelay) &&
	       (!(given & ADDR_OPT_KEEPALIVE) || a->keepalive == b->keepalive);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	int (*compare)(const char *, const char *) = a->family == ADDR_TCP ? strcasecmp : strcmp;

	return a->family == b->family && a->seqpacket == b->seqpacket && a->ip == b->ip && a->cid == b->cid &&
	       a->has_port == b->has_port && a->port == b->port && a->port_last == b->port_last && a->fd == b->fd &&
	       a->wildcard == b->wildcard && a->abstract == b->abstract && strcmp(a->service, b->service) == 0 &&
	       compare(a->name, b->name) == 0 && options_equal(a, b);
}
