/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts that are no address of ours, but tell what was meant. */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

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

/* What follows the family in somebody else's spelling: up to its options, which have other names. */
static const char *foreign_rest(const struct parser *p, size_t word, char buf[SHOWN])
{
	size_t at = word < p->length ? word + 1 : word;
	size_t end = text_find_comma(p->text, at, p->length);

	return log_escape(p->text + at, end - at, buf, SHOWN);
}

/* The word before the first colon is socat's. */
static bool explain_socat(struct parser *p, size_t word)
{
	const char *rest = foreign_rest(p, word, (char[SHOWN]){ 0 });
	unsigned role = p->context->role;

	if ((word == 6 && strncasecmp(p->text, "SYSTEM", 6) == 0) || (word == 5 && strncasecmp(p->text, "SHELL", 5) == 0)) {
		addr_bad(p, 0, word, "'%s' is a word of socat's", SHOW(p->text, word));
		addr_hint(p, "write exec:sh -c '%s'", rest);
		return true;
	}
	for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++) {
		const char *ours = foreign_words[i].ours;

		if (strlen(foreign_words[i].word) != word || strncasecmp(p->text, foreign_words[i].word, word) != 0)
			continue;
		addr_bad(p, 0, word, "'%s' is a word of socat's", SHOW(p->text, word));
		if (begins_with(ours, "udp:") && !allows(p, ADDR_DATAGRAMS))
			addr_hint(p, "for datagrams there is vsock-proxy, see DATAGRAMS in its manual");
		else if (ours[0] == '-')
			addr_hint(p, "write -");
		else if (foreign_words[i].role == role)
			addr_hint(p, "write %s%s", ours, rest);
		else if (p->context->program && strcmp(p->context->program, "vsock-proxy") == 0)
			addr_hint(p, "%s%s goes %s: LISTEN CONNECT", ours, rest, role == ADDR_CONNECT ? "first" : "second");
		else if (role == ADDR_CONNECT)
			addr_hint(p, "this address is connected to; to listen: vsock-listen %s%s", ours, rest);
		else
			addr_hint(p, "this address is listened on; to connect: vsock-cat %s%s", ours, rest);
		return true;
	}
	return false;
}

/* The family that a word was probably meant to be, or NULL. */
static const struct family *nearest_family(const struct parser *p, size_t word, bool number)
{
	const struct family *nearest = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		const struct family *family = &addr_families[i];
		unsigned distance = text_distance(p->text, word, family->name);

		/* NAME:NUMBER is a vsock address, unless it is a slip for tcp:PORT or, for ping, vsock:CID. */
		if (family->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS))
			continue;
		if (number && family->family != ADDR_TCP && (family->family != ADDR_VSOCK || !allows(p, ADDR_PORT_OPTIONAL)))
			continue;
		if (!text_resembles(p->text, word, family->name) || (number && distance > 1) || distance >= least)
			continue;
		nearest = family;
		least = distance;
	}
	return nearest;
}

/* Spellings of a family that are nearly right, words of other tools and other URLs. True if it was one. */
bool addr_explain_family(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	bool url = begins_with(text + word, "://");
	const char *rest = SHOW(text + word, p->length - word);
	bool number = text[word] == ':' && text_all_digits(text + word + 1, p->end > word ? p->end - word - 1 : 0);
	const struct family *family;

	if (word == 0 || !is_letter(text[0]))
		return false;
	if (explain_socat(p, word))
		return true;
	if (text[word] != ':')
		return false;
	family = addr_find_family(text, word, true);
	if (family) {
		addr_bad(p, 0, word, "families are written in lower case");
		addr_hint(p, "write %s%s", family->name, rest);
		return true;
	}
	family = nearest_family(p, word, number);
	if (family) {
		addr_bad(p, 0, word, "unknown family '%s'; did you mean '%s'?", SHOW(text, word), family->name);
		addr_hint(p, "write %s%s", family->name, rest);
		return true;
	}
	if (url && (is_word(text, word, "http") || is_word(text, word, "ws") || is_word(text, word, "https") ||
	            is_word(text, word, "wss"))) {
		size_t host = strcspn(text + word + 3, "/,");

		addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
		if (memchr(text + word + 3, ':', host))
			addr_hint(p, "for TCP write tcp:%s", SHOW(text + word + 3, host));
		else
			addr_hint(p, "for TCP write tcp:%s:%s", SHOW(text + word + 3, host),
			     text[word - 1] == 's' && word != 2 ? "443" : "80");
		return true;
	}
	if (text[word + 1] && strchr("/.@", text[word + 1]) && !url && text_count_colons(text, 0, p->end) == 1) {
		addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
		addr_hint(p, "for a UNIX socket write unix%s", rest);
		return true;
	}
	if (!url && (number || (p->end > word && text_count_colons(text, 0, p->end) < 2)))
		return false;
	if (!url && (hosts_find(p->context->hosts, text, word) || addr_read_cid(text, word, &(uint32_t){ 0 }))) {
		addr_bad(p, 0, p->end, "too many colons");
		addr_hint(p, "write vsock:%s:PORT", SHOW(text, word));
		return true;
	}
	addr_bad(p, 0, word, "unknown family '%s'", SHOW(text, word));
	addr_hint(p, "families are vsock: tcp: unix: vsock-mux: exec: fd:");
	return true;
}

/* An IPv6 address without tcp: before it. */
bool addr_explain_ipv6(struct parser *p)
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
		addr_hint(p, "write tcp:[%s]%s", SHOW(text, colon), SHOW(text + colon, p->end - colon));
		return true;
	}
	if (text_count_colons(text, 0, p->end) > 1 && text_is_ipv6(text, p->end, NULL)) {
		addr_bad(p, 0, p->end, "an IP address without its family");
		addr_hint(p, "write tcp:[%s]:PORT", SHOW(text, p->end));
		return true;
	}
	return false;
}
