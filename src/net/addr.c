/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

#define BOTH (ADDR_CONNECT | ADDR_LISTEN)
#define VSOCK_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_WINDOW | ADDR_OPT_TO_HOST)
#define VSOCK_LISTEN (ADDR_OPT_WINDOW | ADDR_OPT_BACKLOG)
#define TCP_CONNECT (ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define TCP_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE)
#define UNIX_CONNECT ADDR_OPT_CONNECT_TIMEOUT
#define UNIX_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP)

/* Of several spellings of a family the first is the one that messages name. */
const struct family addr_families[ADDR_FAMILIES] = {
	{ "vsock", ADDR_VSOCK, false, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, addr_parse_vsock, addr_format_vsock },
	{ "vsock-seqpacket", ADDR_VSOCK, true, 0, true, BOTH, VSOCK_CONNECT, VSOCK_LISTEN, addr_parse_vsock, addr_format_vsock },
	{ "tcp", ADDR_TCP, false, 0, true, BOTH, TCP_CONNECT, TCP_LISTEN, addr_parse_tcp, addr_format_tcp },
	{ "tcp4", ADDR_TCP, false, 4, true, BOTH, TCP_CONNECT, TCP_LISTEN, addr_parse_tcp, addr_format_tcp },
	{ "tcp6", ADDR_TCP, false, 6, true, BOTH, TCP_CONNECT, TCP_LISTEN, addr_parse_tcp, addr_format_tcp },
	{ "unix", ADDR_UNIX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, addr_parse_unix, addr_format_unix },
	{ "unix-seqpacket", ADDR_UNIX, true, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, addr_parse_unix, addr_format_unix },
	{ "vsock-mux", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, addr_parse_mux, addr_format_mux },
	{ "hvsock", ADDR_MUX, false, 0, true, BOTH, UNIX_CONNECT, UNIX_LISTEN, addr_parse_mux, addr_format_mux },
	{ "exec", ADDR_EXEC, false, 0, false, ADDR_CONNECT, 0, 0, addr_parse_exec, addr_format_exec },
	{ "fd", ADDR_FD, false, 0, false, BOTH, 0, 0, addr_parse_fd, addr_format_fd },
	{ "-", ADDR_STDIO, false, 0, false, 0 /* the programs use them anyway */, 0, 0, addr_parse_stdio, addr_format_stdio },
	{ "socks5", ADDR_SOCKS5, false, 0, false, ADDR_CONNECT, 0, 0, addr_parse_open_ended, addr_format_open_ended },
	{ "http-connect", ADDR_HTTP_CONNECT, false, 0, false, ADDR_CONNECT, 0, 0, addr_parse_open_ended, addr_format_open_ended },
	{ "proxy-dst", ADDR_PROXY_DST, false, 0, false, ADDR_CONNECT, 0, 0, addr_parse_open_ended, addr_format_open_ended },
	{ "udp", ADDR_UDP, false, 0, true, BOTH, ADDR_OPT_BIND, 0, addr_parse_tcp, addr_format_tcp },
	{ "udp4", ADDR_UDP, false, 4, true, BOTH, ADDR_OPT_BIND, 0, addr_parse_tcp, addr_format_tcp },
	{ "udp6", ADDR_UDP, false, 6, true, BOTH, ADDR_OPT_BIND, 0, addr_parse_tcp, addr_format_tcp },
};

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

const struct family *addr_family_of(enum addr_family family, bool seqpacket, uint8_t ip)
{
	for (size_t i = 0; i < ADDR_FAMILIES; i++)
		if (addr_families[i].family == family && addr_families[i].seqpacket == seqpacket && addr_families[i].ip == ip)
			return &addr_families[i];
	return NULL;
}

const struct family *addr_first_family(enum addr_family family)
{
	const struct family *f = addr_families;

	while (f->family != family)
		f++;
	return f;
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
		return addr_parse_vsock(p);
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
		start_family(p, addr_first_family(ADDR_UNIX));
		return p->family->parse(p);
	}
	start_family(p, addr_first_family(ADDR_VSOCK));
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
