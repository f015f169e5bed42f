/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

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
	if (length == 0 || text_scan_number(text, length, true, &number) < length || number > UINT32_MAX)
		return false;
	if (text_is_hex(text, length) ? length == 2 : text[0] == '0' && length > 1)
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
	for (size_t i = 0; i < RESERVED_CIDS; i++)
		if (text_resembles(name, length, reserved_cids[i].name))
			return addr_hint(p, "did you mean %s%s? For TCP write tcp:%s%s", reserved_cids[i].name, follow,
			            SHOW(name, length), follow);
	for (size_t i = 0; hosts && i < hosts->count; i++)
		if (text_resembles(name, length, hosts->entries[i].name))
			return addr_hint(p, "did you mean %s%s? For TCP write tcp:%s%s", hosts->entries[i].name, follow,
			            SHOW(name, length), follow);
	return addr_hint(p, "/etc/vsock/hosts gives CIDs names; for TCP write tcp:%s%s", SHOW(name, length), follow);
}

/* A CID as a number, a reserved word or a name. *entry is the hosts file's line, if a name was written. */
int addr_parse_cid(struct parser *p, size_t at, size_t length, uint32_t *cid, const struct hosts_entry **entry)
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
				addr_bad(p, at, length, "bad CID: '%s' must be in lower case", SHOW(text, length));
				return addr_hint(p, "write %s%s", reserved_cids[i].name,
				            SHOW(text + length, p->end - at - length));
			}
		}
		if (why)
			return addr_bad(p, at, length, "bad CID: '%s': %s", SHOW(text, length), why);
		return unknown_name(p, at, length);
	}
	if (text_looks_ipv4(text, length)) {
		addr_bad(p, at, length, "bad CID: %s is an IP address", SHOW(text, length));
		return addr_hint(p, "for TCP write tcp:%s%s", SHOW(text, length),
		            p->end > at + length ? SHOW(text + length, p->end - at - length) : ":PORT");
	}
	r = addr_read_number(p, at, length, "CID", true, UINT32_MAX, &number);
	if (r < 0 && is_word(text, length, "-1"))
		return addr_hint(p, "write any%s", SHOW(text + length, p->end - at - length));
	if (r < 0 && p->error->hint[0] == '\0' && text_scan_number(text, length, true, &number) < length)
		return addr_hint(p, "a CID is a number (3, 0x3), host, local, any, or a name that begins with a letter");
	return r;
}

/* One number of PORT or FIRST-LAST. */
int addr_read_port(struct parser *p, size_t at, size_t length, enum port_kind kind, uint32_t *port)
{
	uint64_t number;
	int r;

	r = addr_read_number(p, at, length, "port", kind != PORT_TCP, kind == PORT_TCP ? UINT16_MAX : UINT32_MAX, &number);
	if (r < 0 && p->error->hint[0] == '\0') {
		if (p->url && memchr("/?#", p->text[p->error->offset], 3))
			return addr_hint(p, "nothing may follow the port");
		if (kind != PORT_TCP && is_letter(p->text[at]))
			return addr_hint(p, "a vsock port is a number; names of services are for tcp: and udp:");
		if (is_word(p->text + at, length, "*") || is_word(p->text + at, length, "-1"))
			return listening(p) ? addr_hint(p, "write any") : addr_hint(p, "write the port that the other side listens on");
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

			return addr_bad(p, at + i, n, "bad port: '%s' is no part of a service's name", SHOW(text + i, n));
		}
	}
	if (length >= sizeof p->addr->service)
		return addr_bad(p, at, length, "bad port: a service's name has at most %zu bytes", sizeof p->addr->service - 1);
	memcpy(p->addr->service, text, length);
	return 0;
}

/* What follows first bytes of a range, which is FIRST-LAST; FIRST is read. */
static int parse_range(struct parser *p, size_t at, size_t length, size_t first, enum port_kind kind)
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
	r = addr_read_port(p, at + first + 1, last_length, kind, &addr->port_last);
	if (r < 0)
		return r;
	if (addr->port == any || addr->port_last == any)
		return addr_bad(p, at, length, "bad port: a range can't hold %s, which means any port",
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
		r = addr_read_port(p, at, first, kind, &addr->port);
		if (r < 0)
			return r;
	}
	addr->port_last = addr->port;
	if (dash)
		return parse_range(p, at, length, first, kind);
	if (addr->port == any && (kind == PORT_MUX || !listening(p))) {
		const char *means = is_word(text, length, "any") ? "" : " means any port and";

		if (kind == PORT_MUX && listening(p)) {
			addr_bad(p, at, length, "bad port: %s%s can't be picked for hybrid vsock", SHOW(text, length), means);
			return addr_hint(p, "write the port that the guest connects to");
		}
		addr_bad(p, at, length, "bad port: %s%s is for listening", SHOW(text, length), means);
		return addr_hint(p, "write the port that the other side listens on");
	}
	return 0;
}
