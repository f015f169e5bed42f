/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "net/addr-parts.h"

#define BOTH (ADDR_CONNECT | ADDR_LISTEN)

/* What the spellings of a family have in common. */
#define VSOCK                                                                                      \
	.family = ADDR_VSOCK, .url = true, .roles = BOTH,                                          \
	.connect = ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_WINDOW | ADDR_OPT_TO_HOST | \
		   ADDR_OPT_NETNS,                                                                 \
	.listen = ADDR_OPT_WINDOW | ADDR_OPT_BACKLOG | ADDR_OPT_NETNS, .parse = addr_parse_vsock,  \
	.format = addr_format_vsock
#define TCP                                                                                  \
	.family = ADDR_TCP, .url = true, .roles = BOTH,                                      \
	.connect = ADDR_OPT_BIND | ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_NODELAY |             \
		   ADDR_OPT_KEEPALIVE | ADDR_OPT_NETNS,                                      \
	.listen = ADDR_OPT_BACKLOG | ADDR_OPT_NODELAY | ADDR_OPT_KEEPALIVE | ADDR_OPT_NETNS, \
	.parse = addr_parse_tcp, .format = addr_format_tcp
#define UNIX_LISTEN (ADDR_OPT_BACKLOG | ADDR_OPT_MODE | ADDR_OPT_OWNER | ADDR_OPT_GROUP)
#define UNIX                                                              \
	.family = ADDR_UNIX, .url = true, .roles = BOTH,                  \
	.connect = ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_NETNS,             \
	.listen = UNIX_LISTEN | ADDR_OPT_NETNS, .parse = addr_parse_unix, \
	.format = addr_format_unix
#define MUX                                                                   \
	.family = ADDR_MUX, .url = true, .roles = BOTH,                       \
	.connect = ADDR_OPT_CONNECT_TIMEOUT | ADDR_OPT_HALF_CLOSE,            \
	.listen = UNIX_LISTEN | ADDR_OPT_HALF_CLOSE, .parse = addr_parse_mux, \
	.format = addr_format_mux
#define OPEN_ENDED .roles = ADDR_CONNECT, .parse = addr_parse_open_ended
#define UDP                                                                                        \
	.family = ADDR_UDP, .url = true, .roles = BOTH, .connect = ADDR_OPT_BIND | ADDR_OPT_NETNS, \
	.listen = ADDR_OPT_NETNS, .parse = addr_parse_tcp, .format = addr_format_tcp

/* Of several spellings of a family the first is the one that messages name. */
static const struct family families[] = {
	{ .name = "vsock", VSOCK },
	{ .name = "vsock-seqpacket", VSOCK, .seqpacket = true },
	{ .name = "tcp", TCP },
	{ .name = "tcp4", TCP, .ip = 4 },
	{ .name = "tcp6", TCP, .ip = 6 },
	{ .name = "unix", UNIX },
	{ .name = "unix-seqpacket", UNIX, .seqpacket = true },
	{ .name = "vsock-mux", MUX },
	{ .name = "hvsock", MUX },
	{ .name = "exec",
	  .family = ADDR_EXEC,
	  .roles = ADDR_CONNECT,
	  .parse = addr_parse_exec,
	  .format = addr_format_exec },
	{ .name = "fd",
	  .family = ADDR_FD,
	  .roles = BOTH,
	  .parse = addr_parse_fd,
	  .format = addr_format_fd },
	/* no roles: the programs use stdin and stdout anyway */
	{ .name = "-", .family = ADDR_STDIO },
	{ .name = "socks5", .family = ADDR_SOCKS5, OPEN_ENDED },
	{ .name = "http-connect", .family = ADDR_HTTP_CONNECT, OPEN_ENDED },
	{ .name = "proxy-dst", .family = ADDR_PROXY_DST, OPEN_ENDED },
	{ .name = "udp", UDP },
	{ .name = "udp4", UDP, .ip = 4 },
	{ .name = "udp6", UDP, .ip = 6 },
};

static const struct family *family_of(const struct addr *addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].family == addr->family &&
		    families[i].seqpacket == addr->seqpacket && families[i].ip == addr->ip)
			return &families[i];
	return NULL;
}

bool addr_is_family(const char *word, size_t length)
{
	const struct parser p = { .families = families, .family_count = ARRAY_SIZE(families) };

	return find_family(&p, word, length, true) != NULL;
}

const char *addr_family_name(const struct addr *addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].family == addr->family)
			return families[i].name;
	return "none";
}

/*
 * Reading
 */

static struct parser parser_of(const char *text, const struct addr_context *context,
			       struct addr *addr, struct mistake *error)
{
	memset(addr, 0, sizeof(*addr));
	memset(error, 0, sizeof(*error));
	return (struct parser){
		.text = text,
		.length = strlen(text),
		.context = context,
		.families = families,
		.family_count = ARRAY_SIZE(families),
		.addr = addr,
		.error = error,
	};
}

static void start_family(struct parser *p, const struct family *family)
{
	p->family = family;
	p->addr->family = family->family;
	p->addr->seqpacket = family->seqpacket;
	p->addr->ip = family->ip;
}

/* A text that begins with no family: a path, CID:PORT, or a port alone. */
static int parse_short(struct parser *p)
{
	const char *text = p->text;
	int r;

	p->end = text_find_comma(text, 0, p->length);
	if (p->end == 0)
		return addr_bad(p, 0, 1, "the address is missing before the comma");
	if (text[0] == '/' || text[0] == '@' || begins_with(text, "./") ||
	    begins_with(text, "../")) {
		if (!allows(p, ADDR_SHORT))
			return addr_missing_family(p);
		start_family(p, first_family(p, ADDR_UNIX));
		return p->family->parse(p);
	}
	start_family(p, first_family(p, ADDR_VSOCK));
	r = addr_advise_short(p);
	if (r < 0)
		return r;
	if (listening(p) && text_all_digits(text, p->end)) {
		p->addr->cid = ADDR_CID_ANY;
		return addr_parse_port(p, 0, p->end, PORT_VSOCK);
	}
	return p->family->parse(p);
}

/* Finds the family and reads the part between it and the options. */
static int parse_address(struct parser *p)
{
	const char *text = p->text;
	size_t word = strcspn(text, ":,");
	const struct family *family;
	int r;

	if (p->length == 0)
		return addr_bad(p, 0, 1, "the address is empty");
	if (text[0] == '-' && (text[1] == '\0' || text[1] == ',')) {
		family = find_family(p, "-", 1, false);
		word = 0;
	} else if (text[word] == ':') {
		family = find_family(p, text, word, false);
	} else {
		family = NULL;
	}
	if (family == NULL)
		return parse_short(p);
	p->begin = word + 1;
	start_family(p, family);
	r = addr_check_role(p);
	if (r < 0)
		return r;
	p->url = family->url && begins_with(text + p->begin, "//");
	if (p->url)
		p->begin += 2;
	p->end = family->family == ADDR_EXEC ? p->length
					     : text_find_comma(text, p->begin, p->length);
	return family->parse(p);
}

int addr_parse(const char *text, const struct addr_context *context, struct addr *addr,
	       struct mistake *error)
{
	struct parser p = parser_of(text, context, addr, error);
	int r;

	r = parse_address(&p);
	if (r == 0)
		r = addr_parse_options(&p);
	if (r < 0) {
		memset(addr, 0, sizeof(*addr));
		return r;
	}
	if (addr->port_last == 0)
		addr->port_last = addr->port;
	return 0;
}

/* Does the text begin with one of the families whose addresses have no port? */
static bool has_no_port(const struct parser *p, const char *where)
{
	size_t word = strcspn(where, ":");
	const struct family *family = where[word] == ':' ? find_family(p, where, word, false)
							 : NULL;

	if (family)
		return family->family == ADDR_UNIX || family->family == ADDR_EXEC ||
		       family->family == ADDR_FD || addr_family_open_ended(family->family);
	return where[0] == '/' || where[0] == '@' || strcmp(where, "-") == 0 ||
	       begins_with(where, "./") || begins_with(where, "../");
}

int addr_parse_words(const char *where, const char *port, const struct addr_context *context,
		     struct addr *addr, char *joined, size_t size, struct mistake *error)
{
	struct parser p = parser_of("", context, addr, error);
	size_t word = strcspn(where, "/%:"), options = strcspn(where, ","),
	       port_length = strlen(port);
	const struct family *family = word && strchr("/%", where[word])
					      ? find_family(&p, where, word, false)
					      : NULL;
	bool digits = text_all_digits(port, port_length), alone = has_no_port(&p, where);
	const char *rest = family ? where + word + 1 : "", *slash = "";
	const char *shown = SHOW(where, strlen(where));
	bool unix_path = family && family->family == ADDR_UNIX;
	int n;

	if (unix_path || (family && family->family == ADDR_MUX)) {
		/* absolute, as systemd-ssh-proxy has it */
		if (rest[0] && !strchr("/.@", rest[0]))
			slash = "/";
	} else if (family && family->family != ADDR_VSOCK) {
		family = NULL;
	}
	if (unix_path && digits)
		n = snprintf(joined, size, "%s:%s%s", family->name, slash, rest);
	else if (family && !unix_path)
		n = snprintf(joined, size, "%s:%s%s:%s",
			     family->family == ADDR_MUX ? "vsock-mux" : family->name, slash, rest,
			     port);
	else if (family || alone)
		n = snprintf(joined, size, "%s %s", where, port);
	else /* options of the address follow its port */
		n = snprintf(joined, size, "%.*s:%s%s", (int)options, where, port, where + options);
	p.text = joined;
	p.length = strlen(joined);
	if (n < 0 || (size_t)n >= size)
		return addr_bad(&p, 0, p.length, "too long");
	if (unix_path && !digits)
		return addr_bad(&p, strlen(where) + 1, port_length,
				"bad port: '%s' is not a number", SHOW(port, port_length));
	if (!family && alone) {
		addr_bad(&p, strlen(where) + 1, port_length, "one word too many: '%s' has no port",
			 shown);
		return addr_hint(&p, "write %s alone", shown);
	}
	return addr_parse(joined, context, addr, error);
}

/*
 * Writing
 */

static char *format(const struct addr *addr, bool with_options, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };
	const struct family *family = family_of(addr);

	if (size == 0)
		return buf;
	buf[0] = '\0';
	addr_put(&w, "%s%s", family ? family->name : "none",
		 family && family->family != ADDR_STDIO ? ":" : "");
	if (family && family->format)
		family->format(&w, addr);
	if (with_options)
		addr_put_options(&w, addr);
	else
		addr_put_netns(&w, addr);
	return addr_put_end(&w);
}

char *addr_format(const struct addr *addr, char *buf, size_t size)
{
	return format(addr, true, buf, size);
}

char *addr_format_short(const struct addr *addr, char *buf, size_t size)
{
	static const char exec[] = "exec:";

	/* a message may not hold what a terminal obeys */
	if (addr->family == ADDR_EXEC && size > sizeof(exec)) {
		memcpy(buf, exec, sizeof(exec));
		utf8_escape(addr->name, strlen(addr->name), buf + strlen(exec),
			    size - strlen(exec));
		return buf;
	}
	return format(addr, false, buf, size);
}

uint64_t addr_half_close(const struct addr *addr, uint64_t fallback)
{
	if (addr->family != ADDR_MUX)
		return 0;
	return addr->options.given & ADDR_OPT_HALF_CLOSE ? addr->options.half_close : fallback;
}

/*
 * Comparing
 */

/* An option that is not given is 0. */
static bool same_options(const struct addr_options *a, const struct addr_options *b)
{
	return a->given == b->given && a->connect_timeout == b->connect_timeout &&
	       a->window == b->window && a->half_close == b->half_close &&
	       a->backlog == b->backlog && a->mode == b->mode && a->nodelay == b->nodelay &&
	       a->keepalive == b->keepalive && a->keepalive_time == b->keepalive_time &&
	       a->bind_cid == b->bind_cid && a->bind_port == b->bind_port &&
	       a->bind_tcp_port == b->bind_tcp_port && strcmp(a->bind_host, b->bind_host) == 0 &&
	       strcmp(a->owner, b->owner) == 0 && strcmp(a->group, b->group) == 0 &&
	       a->uid == b->uid && a->gid == b->gid && strcmp(a->netns, b->netns) == 0 &&
	       a->netns_id == b->netns_id;
}

static bool same_but_options(const struct addr *a, const struct addr *b)
{
	int (*compare)(const char *, const char *) = addr_is_ip(a) ? strcasecmp : strcmp;

	return a->family == b->family && a->seqpacket == b->seqpacket && a->ip == b->ip &&
	       a->cid == b->cid && a->has_port == b->has_port && a->port == b->port &&
	       a->port_last == b->port_last && a->fd == b->fd && a->wildcard == b->wildcard &&
	       a->abstract == b->abstract && strcmp(a->service, b->service) == 0 &&
	       compare(a->name, b->name) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return same_but_options(a, b) && same_options(&a->options, &b->options);
}

bool addr_same_place(const struct addr *a, const struct addr *b)
{
	return same_but_options(a, b) && strcmp(a->options.netns, b->options.netns) == 0 &&
	       a->options.netns_id == b->options.netns_id;
}
