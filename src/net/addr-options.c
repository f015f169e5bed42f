/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "base/units.h"
#include "net/addr-parts.h"

#define VALUE_MAX 256   /* bytes of an option's value, with its NUL */

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
	size_t end = at + length, colon = text_last_colon(p->text, at, end), saved = p->end;
	const struct hosts_entry *entry = NULL;
	int r = 0;

	o->bind_cid = ADDR_CID_ANY;
	o->bind_port = ADDR_PORT_ANY;
	p->end = end; /* what hints show as the rest */
	if (colon > at)
		r = addr_parse_cid(p, at, colon - at, &o->bind_cid, &entry);
	p->end = saved;
	if (r < 0)
		return addr_hint(p, "write bind=CID:PORT, bind=CID or bind=:PORT");
	if (entry && entry->path)
		return addr_bad(p, at, colon - at, "bad CID: '%s' is a guest behind hybrid vsock", entry->name);
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
	return addr_read_port(p, colon + 1, end - colon - 1, PORT_VSOCK, &o->bind_port);
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
			return addr_bad(p, colon, 1, "a colon is missing after ']'");
		host++;
		host_length = colon - host - 1;
		if (text_is_ipv6(p->text + host, host_length, o->bind_host))
			version = 6;
	} else {
		colon = text_last_colon(p->text, at, end);
		host_length = colon - host;
		if (host_length > 0 && host_length < sizeof o->bind_host) {
			memcpy(o->bind_host, p->text + host, host_length);
			o->bind_host[host_length] = '\0';
			if (inet_pton(AF_INET, o->bind_host, &in) == 1)
				version = 4;
		}
	}
	if (version == 0 && (bracket || host_length > 0)) {
		addr_bad(p, host, host_length, "bad address to bind: '%s' is not an IP address", SHOW(p->text + host, host_length));
		return addr_hint(p, "write bind=10.0.0.1, bind=[::1]:PORT or bind=:PORT");
	}
	if (version && p->addr->ip && version != p->addr->ip)
		return addr_bad(p, host, host_length, "bad address to bind: %s is not for %s:", o->bind_host, p->family->name);
	if (colon == end)
		return 0;
	if (colon + 1 == end)
		return addr_bad(p, end, 1, "the port is missing");
	r = addr_read_port(p, colon + 1, end - colon - 1, PORT_TCP, &port);
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
	return addr_bad(p, at + error->offset, error->length, "bad %s: %s", name, error->why);
}

static int read_connect_timeout(struct parser *p, size_t at, const char *value, size_t length)
{
	struct units_error error = { 0 };

	if (units_time(value, &p->addr->options.connect_timeout, &error) < 0)
		return bad_value(p, "connect-timeout", at, &error);
	if (p->addr->options.connect_timeout == 0) {
		addr_bad(p, at, length, "bad connect-timeout: 0 leaves no time to connect");
		return addr_hint(p, "for no limit write connect-timeout=inf");
	}
	return 0;
}

/* VIRTIO_VSOCK_MAX_BUF_SIZE; the kernel would cut it to that in silence when the socket gets its transport. */
#define WINDOW_MAX UINT32_MAX

static int read_window(struct parser *p, size_t at, const char *value, size_t length)
{
	struct units_error error = { 0 };
	uint64_t *window = &p->addr->options.window;

	if (units_size(value, window, &error) < 0)
		return bad_value(p, "window", at, &error);
	if (*window > WINDOW_MAX && *window != UNITS_INF) {
		addr_bad(p, at, length, "bad window: %s is more than vsock has, 4294967295 bytes", SHOW(value, length));
		return addr_hint(p, "write a smaller size, as window=1M");
	}
	if (*window == 0 || *window == UNITS_INF) {
		addr_bad(p, at, length, "bad window: %s is no size", SHOW(value, length));
		return addr_hint(p, "write a size, as window=1M");
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
		size_t n = text_char_length(value + i, length - i);

		if (value[i] < '0' || value[i] > '7')
			return addr_bad(p, at + i, n, "bad mode: '%s' is not an octal digit", SHOW(value + i, n));
		if (mode <= 0777)
			mode = mode * 8 + (uint32_t)(value[i] - '0');
	}
	if (mode > 0777 || length > 4) {
		addr_bad(p, at, length, "bad mode: %s is above 0777", SHOW(value, length));
		return addr_hint(p, "write mode=0600 or the like");
	}
	p->addr->options.mode = mode;
	return 0;
}

/* A user or a group, as a name or a number; whether it is known is not looked up here. */
static int read_who(struct parser *p, const char *what, size_t at, const char *value, size_t length, char *to, size_t size)
{
	for (size_t i = 0; i < length; i++) {
		size_t n = text_char_length(value + i, length - i);

		if (is_letter(value[i]) || is_digit(value[i]) || memchr("_.@+", value[i], 4) ||
		    (i > 0 && memchr("-$", value[i], 2)))
			continue;
		addr_bad(p, at + i, n, "bad %s: '%s' can't be in a name", what, SHOW(value + i, n));
		if (value[i] == ':' && i > 0 && strcmp(what, "owner") == 0)
			return addr_hint(p, "write owner=%s,group=%s", SHOW(value, i), SHOW(value + i + 1, length - i - 1));
		return -EINVAL;
	}
	if (length >= size)
		return addr_bad(p, at, length, "bad %s: a name has at most %zu bytes", what, size - 1);
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
	addr_bad(p, at, length, "bad %s: '%s' is neither on nor off", name, SHOW(value, length));
	return addr_hint(p, "write %s or %s=off", name, name);
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
static void name_families(const struct parser *p, unsigned bit, unsigned role, char *buf, size_t size)
{
	enum addr_family last = ADDR_NONE;
	size_t found = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		const struct family *f = &addr_families[i];
		unsigned has = ((role & ADDR_CONNECT) ? f->connect : 0) | ((role & ADDR_LISTEN) ? f->listen : 0);

		if (!(has & bit) || f->family == last || (f->family == ADDR_UDP && !allows(p, ADDR_DATAGRAMS)))
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
		addr_bad(p, at, length, "option '%s' is for %s", option->name, listening(p) ? "connecting" : "listening");
		return addr_hint(p, "this address is %s", listening(p) ? "listened on" : "connected to");
	}
	name_families(p, option->bit, role, here, sizeof here);
	name_families(p, option->bit, ADDR_CONNECT | ADDR_LISTEN, anywhere, sizeof anywhere);
	addr_bad(p, at, length, "option '%s' is not for %s:", option->name, p->addr->seqpacket ? f->name : addr_family_name(p->addr));
	if (here[0])
		return addr_hint(p, "it is for %s", here);
	return addr_hint(p, "it is for %s %s", listening(p) ? "connecting to" : "listening on", anywhere);
}

static int unknown_option(struct parser *p, size_t at, size_t length)
{
	const char *key = p->text + at;
	bool has_path = p->addr->family == ADDR_UNIX || p->addr->family == ADDR_MUX;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (text_resembles(key, length, options[i].name)) {
			addr_bad(p, at, length, "unknown option '%s'; did you mean '%s'?", SHOW(key, length), options[i].name);
			goto comma;
		}
	}
	addr_bad(p, at, length, "unknown option '%s'", SHOW(key, length));
	if (!has_path)
		return addr_hint(p, "options are bind connect-timeout window backlog mode owner group nodelay keepalive to-host");
comma:
	if (has_path && p->addr->alias[0] == '\0')
		return addr_hint(p, "a comma in a path is written \\, as in %s:%s\\,%s", addr_family_name(p->addr),
		            SHOW(p->text + p->begin, at - 1 - p->begin), SHOW(key, p->length - at));
	return -EINVAL;
}

/* vsock-mux:/a,b:22, where the comma was not meant to begin an option. */
int addr_comma_in_path(struct parser *p)
{
	size_t at = p->end + 1;

	return unknown_option(p, at, text_find_comma(p->text, at, p->length) - at);
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
		return addr_bad(p, at, 1, "an option is missing after the comma");
	for (i = 0; i < OPTIONS && !is_word(text, key, options[i].name); i++)
		;
	if (i == OPTIONS)
		return unknown_option(p, at, key);
	if (!((listening(p) ? p->family->listen : p->family->connect) & options[i].bit))
		return misplaced_option(p, &options[i], at);
	if (where[i]) {
		const char *before = p->text + where[i];

		return addr_bad(p, at, end - at, "option '%s' is given twice: '%s' and '%s'", options[i].name,
		           SHOW(before, text_find_comma(before, 0, strlen(before))), SHOW(text, end - at));
	}
	where[i] = at;
	p->addr->options.given |= options[i].bit;
	if (options[i].read == NULL) {
		if (equals)
			return addr_bad(p, at + key, end - at - key, "option '%s' takes no value", options[i].name);
		return 0;
	}
	if (value_length == 0 && (equals || options[i].example)) {
		addr_bad(p, at, end - at, "option '%s' needs a value", options[i].name);
		return options[i].example ? addr_hint(p, "write %s", options[i].example) : addr_hint(p, "write %s", options[i].name);
	}
	if (value_length >= sizeof value)
		return addr_bad(p, value_at, value_length, "bad %s: the value is too long", options[i].name);
	memcpy(value, p->text + value_at, value_length);
	value[value_length] = '\0';
	return options[i].read(p, value_at, equals ? value : NULL, value_length);
}

int addr_parse_options(struct parser *p)
{
	size_t where[OPTIONS] = { 0 };
	size_t at = p->end;
	int r = 0;

	if (at < p->length && allows(p, ADDR_NO_OPTIONS)) {
		addr_bad(p, at, p->length - at, "no options may follow here");
		return p->addr->family == ADDR_UNIX || p->addr->family == ADDR_MUX ? addr_hint(p, "a comma in a path is written \\,")
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
 * Printing and comparing
 */

static void format_bind(struct writer *w, const struct addr *addr)
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

/* A number with the largest unit that divides it. */
static void put_with_unit(struct writer *w, uint64_t number, const uint64_t *sizes, const char *const *units, size_t count)
{
	size_t i = 0;

	if (number == UNITS_INF) {
		addr_put(w, "inf");
		return;
	}
	while (i + 1 < count && number % sizes[i] != 0)
		i++;
	addr_put(w, "%llu%s", (unsigned long long)(number / sizes[i]), units[i]);
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
	addr_put(w, "%u", (unsigned)addr->options.backlog);
}

static void format_mode(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%04o", (unsigned)addr->options.mode);
}

static void format_owner(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%s", addr->options.owner);
}

static void format_group(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%s", addr->options.group);
}

static void format_nodelay(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%s", addr->options.nodelay ? "on" : "off");
}

static void format_keepalive(struct writer *w, const struct addr *addr)
{
	addr_put(w, "%s", addr->options.keepalive ? "on" : "off");
}

static void format_to_host(struct writer *w, const struct addr *addr)
{
	(void)w;
	(void)addr;
}

void addr_put_options(struct writer *w, const struct addr *addr)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (!(addr->options.given & options[i].bit))
			continue;
		addr_put(w, ",%s%s", options[i].name, options[i].read ? "=" : "");
		options[i].format(w, addr);
	}
}

bool addr_options_equal(const struct addr *x, const struct addr *y)
{
	const struct addr_options *a = &x->options, *b = &y->options;
	unsigned given = a->given;

	if (given != b->given)
		return false;
	if ((given & ADDR_OPT_BIND) && addr_is_ip(x) &&
	    (strcmp(a->bind_host, b->bind_host) != 0 || a->bind_tcp_port != b->bind_tcp_port))
		return false;
	if ((given & ADDR_OPT_BIND) && !addr_is_ip(x) &&
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
