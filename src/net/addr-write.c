/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: addr.c prints the family's name, the writer of a family what its parser
 * reads back, up to the port, and addr_put_options() what follows. Whatever does not fit is
 * dropped, and the text then ends with "…".
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "net/addr-parts.h"

void addr_put(struct writer *w, const char *format, ...)
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

/* A name with what addr_unescape() undoes. Blanks too, so that an address is one word; colons where
 * also is ":". */
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
			addr_put(w, "%s", utf8_escape(text + i, n, (char[32]){ 0 }, 32));
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

void addr_format_vsock(struct writer *w, const struct addr *addr)
{
	if (addr->cid == ADDR_CID_ANY)
		addr_put(w, "any");
	else
		addr_put(w, "%u", (unsigned)addr->cid);
	put_port(w, addr, ADDR_PORT_ANY);
}

void addr_format_tcp(struct writer *w, const struct addr *addr)
{
	if (addr->wildcard)
		addr_put(w, "*");
	else
		addr_put(w, strchr(addr->name, ':') ? "[%s]" : "%s", addr->name);
	put_port(w, addr, 0);
}

void addr_format_unix(struct writer *w, const struct addr *addr)
{
	if (addr->abstract) {
		addr_put(w, "@");
		put_escaped(w, addr->name, "");
	} else {
		put_path(w, addr->name, "");
	}
}

void addr_format_mux(struct writer *w, const struct addr *addr)
{
	put_path(w, addr->name, addr->has_port ? "" : ":");
	put_port(w, addr, ADDR_PORT_ANY);
}

/* exec: knows no escapes, so a command is printed as it is. */
void addr_format_exec(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%s", addr->name);
}

void addr_format_fd(struct writer *w, const struct addr *addr)
{
	if (addr->fd >= 0) {
		addr_put(w, "%d", addr->fd);
	} else if (text_all_digits(addr->name, strlen(addr->name)) ||
		   (addr->name[0] && strchr("+-/", addr->name[0]))) {
		/* a name that looks like a number */
		addr_put(w, "\\x%02X", (unsigned)(unsigned char)addr->name[0]);
		put_escaped(w, addr->name + 1, ":");
	} else {
		put_escaped(w, addr->name, ":");
	}
}

/*
 * Options
 */

static void put_bind(struct writer *w, const struct addr *addr)
{
	const struct addr_options *o = &addr->options;

	if (addr_is_ip(addr)) {
		addr_put(w, strchr(o->bind_host, ':') ? "[%s]" : "%s", o->bind_host);
		if (o->bind_tcp_port || !o->bind_host[0])
			addr_put(w, ":%u", (unsigned)o->bind_tcp_port);
		return;
	}
	if (o->bind_cid != ADDR_CID_ANY)
		addr_put(w, "%u", (unsigned)o->bind_cid);
	else if (o->bind_port == ADDR_PORT_ANY)
		addr_put(w, "any");
	if (o->bind_port != ADDR_PORT_ANY)
		addr_put(w, ":%u", (unsigned)o->bind_port);
}

/* A number with the largest of four units that divides it. */
static void put_with_unit(struct writer *w, uint64_t number, const uint64_t sizes[4],
			  const char *const units[4])
{
	size_t i = 0;

	if (number == UNITS_INF) {
		addr_put(w, "inf");
		return;
	}
	while (i < 3 && number % sizes[i] != 0)
		i++;
	addr_put(w, "%llu%s", (unsigned long long)(number / sizes[i]), units[i]);
}

static void put_time(struct writer *w, uint64_t time)
{
	static const uint64_t sizes[] = { NSEC_PER_SEC, NSEC_PER_MSEC, NSEC_PER_USEC, 1 };
	static const char *const units[] = { "s", "ms", "us", "ns" };

	put_with_unit(w, time, sizes, units);
}

static void put_size(struct writer *w, uint64_t size)
{
	static const uint64_t sizes[] = { 1 << 30, 1 << 20, 1 << 10, 1 };
	static const char *const units[] = { "G", "M", "K", "" };

	put_with_unit(w, size, sizes, units);
}

/* Writes ",NAME" or ",NAME=" if the option was given; true: then the value follows. */
static bool put_key(struct writer *w, const struct addr *addr, unsigned bit, const char *key)
{
	bool given = addr->options.given & bit;

	if (given)
		addr_put(w, ",%s", key);
	return given;
}

void addr_put_netns(struct writer *w, const struct addr *addr)
{
	if (put_key(w, addr, ADDR_OPT_NETNS, "netns="))
		addr_put(w, "%s", addr->options.netns);
}

void addr_put_options(struct writer *w, const struct addr *addr)
{
	const struct addr_options *o = &addr->options;

	if (put_key(w, addr, ADDR_OPT_BIND, "bind="))
		put_bind(w, addr);
	if (put_key(w, addr, ADDR_OPT_CONNECT_TIMEOUT, "connect-timeout="))
		put_time(w, o->connect_timeout);
	if (put_key(w, addr, ADDR_OPT_HALF_CLOSE, "half-close=")) {
		if (o->half_close)
			put_time(w, o->half_close);
		else
			addr_put(w, "pass");
	}
	if (put_key(w, addr, ADDR_OPT_WINDOW, "window="))
		put_size(w, o->window);
	if (put_key(w, addr, ADDR_OPT_BACKLOG, "backlog="))
		addr_put(w, "%u", (unsigned)o->backlog);
	if (put_key(w, addr, ADDR_OPT_MODE, "mode="))
		addr_put(w, "%04o", (unsigned)o->mode);
	if (put_key(w, addr, ADDR_OPT_OWNER, "owner="))
		addr_put(w, "%s", o->owner);
	if (put_key(w, addr, ADDR_OPT_GROUP, "group="))
		addr_put(w, "%s", o->group);
	if (put_key(w, addr, ADDR_OPT_NODELAY, "nodelay="))
		addr_put(w, o->nodelay ? "on" : "off");
	if (put_key(w, addr, ADDR_OPT_KEEPALIVE, "keepalive=")) {
		if (o->keepalive_time)
			put_time(w, o->keepalive_time * NSEC_PER_SEC);
		else
			addr_put(w, o->keepalive ? "on" : "off");
	}
	put_key(w, addr, ADDR_OPT_TO_HOST, "to-host");
	addr_put_netns(w, addr);
}

/* Ends a text that did not fit. */
char *addr_put_end(struct writer *w)
{
	static const char ellipsis[] = "…";
	size_t at = w->length;

	if (!w->full || w->size < sizeof(ellipsis))
		return w->buf;
	if (at > w->size - sizeof(ellipsis))
		at = w->size - sizeof(ellipsis);
	/* don't cut a character in two */
	while (at > 0 && ((unsigned char)w->buf[at] & 0xc0) == 0x80)
		at--;
	memcpy(w->buf + at, ellipsis, sizeof(ellipsis));
	return w->buf;
}
