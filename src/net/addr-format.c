/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/addr-parts.h"

/* A name with what addr_unescape() undoes. Blanks too, so that an address is one word; colons where also is ":". */
static void put_escaped(struct writer *w, const char *text, const char *also)
{
	size_t length = strlen(text);

	for (size_t i = 0, n; i < length && !w->full; i += n) {
		n = text_char_length(text + i, length - i);
		if (text[i] == ',' || text[i] == '\\')
			addr_put(w, "\\%c", text[i]);
		else if (text[i] == ' ' || strchr(also, text[i]))
			addr_put(w, "\\x%02X", (unsigned)(unsigned char)text[i]);
		else
			addr_put(w, "%s", log_escape(text + i, n, (char[32]){ 0 }, 32));
	}
}

/* A path, whose first bytes must not be taken for something else. */
static void put_path(struct writer *w, const char *path, const char *also)
{
	if (path[0] == '/' && path[1] == '/') { /* would be a URL */
		addr_put(w, "/\\x2F");
		path += 2;
	} else if (path[0] == '@' || path[0] == '~') {
		addr_put(w, "\\x%02X", (unsigned)path[0]);
		path++;
	}
	put_escaped(w, path, also);
}

static void put_port(struct writer *w, const struct addr *addr, uint32_t any)
{
	if (!addr->has_port)
		return;
	if (addr->service[0])
		addr_put(w, ":%s", addr->service);
	else if (addr->port == any && !addr_is_ip(addr))
		addr_put(w, ":any");
	else if (addr->port_last != addr->port)
		addr_put(w, ":%u-%u", (unsigned)addr->port, (unsigned)addr->port_last);
	else
		addr_put(w, ":%u", (unsigned)addr->port);
}

static void put_family(struct writer *w, const struct addr *addr)
{
	const struct family *family = addr_family_of(addr->family, addr->seqpacket, addr->ip);

	addr_put(w, "%s:", family ? family->name : addr_family_name(addr));
}

void addr_format_vsock(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->cid == ADDR_CID_ANY)
		addr_put(w, "any");
	else
		addr_put(w, "%u", (unsigned)addr->cid);
	put_port(w, addr, ADDR_PORT_ANY);
}

void addr_format_tcp(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->wildcard)
		addr_put(w, "*");
	else
		addr_put(w, strchr(addr->name, ':') ? "[%s]" : "%s", addr->name);
	put_port(w, addr, 0);
}

void addr_format_unix(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->abstract) {
		addr_put(w, "@");
		put_escaped(w, addr->name, "");
	} else {
		put_path(w, addr->name, "");
	}
}

void addr_format_mux(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	put_path(w, addr->name, addr->has_port ? "" : ":");
	put_port(w, addr, ADDR_PORT_ANY);
}

/* exec: knows no escapes, so a command is printed as it is. */
void addr_format_exec(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	addr_put(w, "%s", addr->name);
}

void addr_format_fd(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
	if (addr->fd >= 0) {
		addr_put(w, "%d", addr->fd);
	} else if (text_all_digits(addr->name, strlen(addr->name)) || (addr->name[0] && strchr("+-/", addr->name[0]))) {
		addr_put(w, "\\x%02X", (unsigned)(unsigned char)addr->name[0]); /* a name that looks like a number */
		put_escaped(w, addr->name + 1, ":");
	} else {
		put_escaped(w, addr->name, ":");
	}
}

void addr_format_stdio(struct writer *w, const struct addr *addr)
{
	(void)addr;
	addr_put(w, "-");
}

void addr_format_open_ended(struct writer *w, const struct addr *addr)
{
	put_family(w, addr);
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
	const struct family *family = addr_family_of(addr->family, addr->seqpacket, addr->ip);

	if (family)
		family->format(w, addr);
	else
		addr_put(w, "none");
}

char *addr_format(const struct addr *addr, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };

	if (size == 0)
		return buf;
	buf[0] = '\0';
	format_address(&w, addr);
	addr_put_options(&w, addr);
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
	for (size_t i = 0; i < ADDR_FAMILIES; i++)
		if (addr_families[i].family == addr->family)
			return addr_families[i].name;
	return "none";
}

void addr_each_family(enum addr_role role, void (*each)(const char *prefix, void *context), void *context)
{
	char prefix[32];

	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		const struct family *f = &addr_families[i];

		if (!(f->roles & (unsigned)role) || strcmp(f->name, "hvsock") == 0)
			continue;
		snprintf(prefix, sizeof prefix, "%s%s", f->name, f->family == ADDR_STDIO ? "" : ":");
		each(prefix, context);
	}
}

/*
 * Comparing
 */

bool addr_equal(const struct addr *a, const struct addr *b)
{
	int (*compare)(const char *, const char *) = addr_is_ip(a) ? strcasecmp : strcmp;

	return a->family == b->family && a->seqpacket == b->seqpacket && a->ip == b->ip && a->cid == b->cid &&
	       a->has_port == b->has_port && a->port == b->port && a->port_last == b->port_last && a->fd == b->fd &&
	       a->wildcard == b->wildcard && a->abstract == b->abstract && strcmp(a->service, b->service) == 0 &&
	       compare(a->name, b->name) == 0 && addr_options_equal(a, b);
}
