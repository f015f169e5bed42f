/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognises texts that are not valid addresses but show what the user meant. This only improves
 * messages; it accepts nothing. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/util.h"
#include "net/addr-parts.h"

static const char *const forms =
	"write CID:PORT, or FAMILY:… with vsock, tcp, unix, vsock-mux, exec or fd";

/* Does this program of ours read the address? */
static bool is_self(const struct parser *p, const char *name)
{
	return p->context->program && strcmp(p->context->program, name) == 0;
}

static size_t count_colons(const struct parser *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->end; i++)
		n += p->text[i] == ':';
	return n;
}

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
	{ "UDP-CONNECT", ADDR_CONNECT, "udp:" },
	{ "UDP-SENDTO", ADDR_CONNECT, "udp:" },
	{ "UDP-LISTEN", ADDR_LISTEN, "udp:*:" },
	{ "UDP-L", ADDR_LISTEN, "udp:*:" },
	{ "UDP-RECVFROM", ADDR_LISTEN, "udp:*:" },
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

/* What follows the family in somebody else's spelling: up to its options, which have other names.
 */
static const char *foreign_rest(const struct parser *p, size_t word, char buf[SHOWN])
{
	size_t at = word < p->length ? word + 1 : word;
	size_t end = text_find_comma(p->text, at, p->length);

	return utf8_escape(p->text + at, end - at, buf, SHOWN);
}

/* What the programs do with stdin and stdout. */
static int hint_stdio(struct parser *p)
{
	if (is_self(p, "vsock-listen"))
		return addr_hint(p, "vsock-listen uses stdin and stdout anyway: vsock-listen PORT");
	if (is_self(p, "vsock-cat"))
		return addr_hint(p, "vsock-cat uses stdin and stdout anyway: name the other side");
	return addr_hint(p, "for stdin and stdout: vsock-cat ADDRESS, or vsock-listen ADDRESS");
}

/* The word before the first colon is socat's. */
static bool explain_socat(struct parser *p, size_t word)
{
	const char *rest = foreign_rest(p, word, (char[SHOWN]){ 0 });
	const char *quoted = *rest ? QUOTE("%s", rest) : "";
	unsigned role = p->context->role;

	if ((word == 6 && strncasecmp(p->text, "SYSTEM", 6) == 0) ||
	    (word == 5 && strncasecmp(p->text, "SHELL", 5) == 0)) {
		addr_bad(p, 0, word, "'%s' is a socat keyword", SHOW(p->text, word));
		addr_hint(p, "write %s",
			  QUOTE("exec:sh -c %s",
				utf8_quote(rest, (char[4 * SHOWN]){ 0 }, 4 * SHOWN)));
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign_words); i++) {
		const char *ours = foreign_words[i].ours;

		if (strlen(foreign_words[i].word) != word ||
		    strncasecmp(p->text, foreign_words[i].word, word) != 0)
			continue;
		addr_bad(p, 0, word, "'%s' is a socat keyword", SHOW(p->text, word));
		if (begins_with(ours, "udp:") && !allows(p, ADDR_DATAGRAMS))
			addr_hint(p, "for datagrams there is vsock-proxy, see DATAGRAMS in "
				     "vsock-proxy.rules(5)");
		else if (ours[0] == '-')
			hint_stdio(p);
		else if (foreign_words[i].role == role)
			addr_hint(p, "write %s%s", ours, quoted);
		else if (is_self(p, "vsock-proxy"))
			addr_hint(p, "%s%s goes %s: LISTEN CONNECT", ours, quoted,
				  role == ADDR_CONNECT ? "first" : "second");
		else if (role == ADDR_CONNECT)
			addr_hint(p,
				  "this address is connected to; to listen: "
				  "vsock-listen %s%s",
				  ours, quoted);
		else
			addr_hint(p, "this address is listened on; to connect: vsock-cat %s%s",
				  ours, quoted);
		return true;
	}
	return false;
}

/* The family that a word was probably meant to be, or NULL. */
static const struct family *nearest_family(const struct parser *p, size_t word, bool number)
{
	const struct family *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < p->family_count; i++) {
		const struct family *family = &p->families[i];
		size_t distance = mistake_distance(p->text, word, family->name);

		/* NAME:NUMBER is a vsock address, unless it is a slip for tcp:PORT or, for ping,
		 * vsock:CID. */
		if (family->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS))
			continue;
		if (number && family->family != ADDR_TCP &&
		    (family->family != ADDR_VSOCK || !allows(p, ADDR_PORT_OPTIONAL)))
			continue;
		if (!text_resembles(p->text, word, family->name) || (number && distance > 1) ||
		    distance >= least)
			continue;
		nearest = family;
		least = distance;
	}
	return nearest;
}

/* A URL of HTTP or WebSocket, whose scheme is word bytes long. */
static bool explain_url(struct parser *p, size_t word)
{
	const char *text = p->text, *host = text + word + 3, *user, *port;
	size_t length = strcspn(host, "/,?#");

	if (!is_word(text, word, "http") && !is_word(text, word, "ws") &&
	    !is_word(text, word, "https") && !is_word(text, word, "wss"))
		return false;
	user = memrchr(host, '@', length);
	if (user) { /* USER:PASSWORD@ */
		length -= (size_t)(user + 1 - host);
		host = user + 1;
	}
	port = memrchr(host, ':', length);
	addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
	if (port && !memchr(port, ']', length - (size_t)(port - host)))
		addr_hint(p, "for TCP write tcp:%s", SHOW(host, length));
	else
		addr_hint(p, "for TCP write tcp:%s:%s", SHOW(host, length),
			  text[word - 1] == 's' && word != 2 ? "443" : "80");
	return true;
}

/* Spellings of a family that are nearly right, words of other tools and other URLs. True if it was
 * one. */
static bool explain_family(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	bool url = begins_with(text + word, "://");
	const char *rest = SHOW(text + word, p->length - word);
	bool number = text[word] == ':' &&
		      text_all_digits(text + word + 1, p->end > word ? p->end - word - 1 : 0);
	const struct family *family;
	bool slip;

	if (word == 0 || !is_letter(text[0]))
		return false;
	if (explain_socat(p, word))
		return true;
	if (text[word] != ':')
		return false;
	family = find_family(p, text, word, true);
	slip = !family;
	if (slip)
		family = nearest_family(p, word, number);
	if (family) {
		p->family = family;
		p->begin = word + 1;
		if (addr_check_role(p) < 0) /* the hint would lead to that */
			return true;
		if (slip)
			addr_bad(p, 0, word, "unknown family '%s'; did you mean '%s'?",
				 SHOW(text, word), family->name);
		else
			addr_bad(p, 0, word, "families are written in lower case");
		if (addr_family_open_ended(family->family)) /* nothing may follow it */
			rest = ":";
		addr_hint(p, "write %s", QUOTE("%s%s", family->name, rest));
		return true;
	}
	if (url && explain_url(p, word))
		return true;
	if (text[word + 1] && strchr("/.@", text[word + 1]) && !url && count_colons(p) == 1) {
		addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
		addr_hint(p, "for a UNIX socket write %s", QUOTE("unix%s", rest));
		return true;
	}
	if (!url && (number || (p->end > word && count_colons(p) < 2)))
		return false;
	if (!url && (hosts_find(p->context->hosts, text, word) ||
		     addr_read_cid(text, word, &(uint32_t){ 0 }))) {
		addr_bad(p, 0, p->end, "too many colons");
		addr_hint(p, "write vsock:%s:PORT", SHOW(text, word));
		return true;
	}
	addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
	addr_hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	return true;
}

/* An IPv6 address without tcp: before it. */
static bool explain_ipv6(struct parser *p)
{
	size_t colon = text_last_colon(p->text, 0, p->end);
	const char *text = p->text;

	if (text[0] == '[') {
		addr_bad(p, 0, p->end, "an IP address without its family");
		if (text[p->end - 1] == ']')
			addr_hint(p, "write tcp:%s:PORT", SHOW(text, p->end));
		else
			addr_hint(p, "write tcp:%s", SHOW(text, p->end));
		return true;
	}
	if (colon < p->end && memchr(text, ':', colon) && text_is_ipv6(text, colon, NULL)) {
		addr_bad(p, 0, p->end, "an IP address without its family");
		addr_hint(p, "write tcp:[%s]%s", SHOW(text, colon),
			  SHOW(text + colon, p->end - colon));
		return true;
	}
	if (count_colons(p) > 1 && text_is_ipv6(text, p->end, NULL)) {
		addr_bad(p, 0, p->end, "an IP address without its family");
		addr_hint(p, "write tcp:[%s]:PORT", SHOW(text, p->end));
		return true;
	}
	return false;
}

/* Rules have no short forms. */
int addr_missing_family(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	size_t colon = text_last_colon(p->text, 0, p->end);
	uint32_t cid;

	addr_bad(p, 0, p->end, "the family is missing");
	if (p->text[0] == '/' || p->text[0] == '.' || p->text[0] == '@')
		return addr_hint(p, "write %s", QUOTE("unix:%s", text));
	if (text_all_digits(p->text, p->end))
		return listening(p) ? addr_hint(p, "write vsock::%s or tcp:%s", text, text)
				    : addr_hint(p, "write vsock:CID:%s or tcp:%s", text, text);
	if (colon + 1 == p->end && is_letter(p->text[0])) {
		addr_bad(p, 0, p->end, "unknown family '%s'", SHOW(p->text, colon));
		return addr_hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	}
	if (colon == p->end)
		return is_letter(p->text[0])
			       ? addr_hint(p, "write vsock:%s:PORT or tcp:%s:PORT", text, text)
			       : addr_hint(p,
					   "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	if (colon == 0)
		return listening(p) ? addr_hint(p, "write vsock:%s or tcp%s", text, text)
				    : addr_hint(p, "write vsock:CID%s or tcp%s", text, text);
	if (addr_read_cid(p->text, colon, &cid) || hosts_find(p->context->hosts, p->text, colon))
		return addr_hint(p, "write vsock:%s", text);
	if (is_digit(p->text[0]) && !text_looks_ipv4(p->text, colon))
		return addr_hint(p, "write vsock:CID:PORT");
	return addr_hint(p, "write tcp:%s", text);
}

/* A word without a colon that is not a port. */
static int advise_word(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);
	const char *c = p->text;

	if (c[0] == '~') {
		addr_bad(p, 0, 1, "'~' is not expanded here");
		return addr_hint(p, "the shell expands ~ only outside quotes; write unix:$HOME%s",
				 SHOW(c + 1, p->end - 1));
	}
	if (memchr(c, '/', p->end) ||
	    (memchr(c, '.', p->end) && !text_looks_ipv4(c, p->end) && is_letter(c[0]))) {
		addr_bad(p, 0, p->end, "'%s' is not an address", text);
		return addr_hint(p, "for a UNIX socket write %s", QUOTE("./%s", text));
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
		return 0;
	if ((addr_check_name(c, p->end) || find_family(p, c, p->end, true)) &&
	    !addr_read_cid(c, p->end, &(uint32_t){ 0 })) {
		addr_bad(p, 0, p->end, "'%s' is not an address", text);
		return addr_hint(p, "%s", forms);
	}
	addr_bad(p, p->end, 1, "the port is missing");
	return addr_hint(p, "write %s:PORT, or ./%s for a UNIX socket", text, text);
}

/* Colons and digits only: a port, or the end of an IPv6 address. */
static int advise_digits(struct parser *p, size_t colons)
{
	const char *digits = SHOW(p->text + colons, p->end - colons);

	if (listening(p)) {
		addr_bad(p, 0, colons, "the family is missing");
		return addr_hint(p, "write vsock::%s", digits);
	}
	addr_bad(p, 0, colons, "the CID is missing");
	if (colons == 2)
		return addr_hint(p, "write vsock:CID:%s, or for TCP tcp:[%s]:PORT", digits,
				 SHOW(p->text, p->end));
	return addr_hint(p, "write vsock:CID:%s, where CID may be host or local", digits);
}

/* Only a port, where an address to connect to is needed. */
static int advise_port(struct parser *p)
{
	const char *text = SHOW(p->text, p->end);

	addr_bad(p, 0, p->end, "the CID is missing");
	if (is_self(p, "vsock-cat"))
		return addr_hint(p, "write host:%s or CID:%s; to listen: vsock-listen %s", text,
				 text, text);
	return addr_hint(p, "write host:%s or CID:%s", text, text);
}

/* -1:PORT, where -1 stands for any CID. */
static int advise_minus(struct parser *p)
{
	const char *rest = SHOW(p->text + 2, p->end - 2);

	addr_bad(p, 0, 1, "bad CID: '-' is not a digit");
	if (listening(p))
		return addr_hint(p, "write any%s", rest);
	return addr_hint(p, "name the machine: host%s, local%s, or a guest's CID", rest, rest);
}

int addr_advise_short(struct parser *p)
{
	const char *text = p->text;
	size_t colons = count_colons(p);
	bool port_optional = allows(p, ADDR_PORT_OPTIONAL);
	size_t lead = strspn(text, ":");

	if ((lead == 1 || lead == 2) && text_all_digits(text + lead, p->end - lead))
		return advise_digits(p, lead);
	if (explain_ipv6(p))
		return -EINVAL;
	if ((colons > 0 || !port_optional) &&
	    !(colons == 1 && hosts_find(p->context->hosts, text, strcspn(text, ":"))) &&
	    explain_family(p))
		return -EINVAL;
	if (colons > 1) {
		addr_bad(p, 0, p->end, "too many colons");
		return addr_hint(p, "%s", forms);
	}
	if (!allows(p, ADDR_SHORT))
		return addr_missing_family(p);
	if (begins_with(text, "-1:"))
		return advise_minus(p);
	if (colons > 0)
		return 0;
	if (text_all_digits(text, p->end) && !port_optional)
		return listening(p) ? 0 : advise_port(p);
	if (!port_optional || text[0] == '~' || memchr(text, '/', p->end))
		return advise_word(p);
	return 0;
}

int addr_check_role(struct parser *p)
{
	const struct family *f = p->family;
	bool open_ended = addr_family_open_ended(f->family);

	if (open_ended && p->context->program && !is_self(p, "vsock-proxy")) {
		addr_bad(p, 0, p->begin, "%s: is a target of %s", f->name,
			 name_installed("vsock-proxy"));
		return addr_hint(p, "write vsock-proxy LISTEN %s: --allow-dest HOST:PORT", f->name);
	}
	if (f->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS)) {
		addr_bad(p, 0, p->begin, "%s: is an address of %s's rules", f->name,
			 name_installed("vsock-proxy"));
		return addr_hint(p, "write vsock-proxy %s",
				 listening(p) ? "udp:HOST:PORT CONNECT" : "LISTEN udp:HOST:PORT");
	}
	if (f->roles & (unsigned)p->context->role)
		return 0;
	addr_bad(p, 0, p->begin, "%s%s cannot be %s", f->name, f->family == ADDR_STDIO ? "" : ":",
		 listening(p) ? "listened on" : "connected to");
	if (f->family == ADDR_STDIO)
		return hint_stdio(p);
	if (open_ended)
		return addr_hint(p, "%s: goes second: LISTEN %s:", f->name, f->name);
	return is_self(p, "vsock-listen") ? addr_hint(p, "write vsock-listen PORT -- COMMAND")
					  : addr_hint(p, "exec: goes second: LISTEN exec:COMMAND");
}
