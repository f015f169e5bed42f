/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr: one grammar of addresses for all programs, manuals, logs and rule files; see vsock-address(7).
 *
 * Theory of operation: a struct addr is a value. Parsing, formatting and comparing do no I/O (a name is looked up in
 * a hosts list that the caller has read). Each family is one entry in one table: its spellings, the roles that it can
 * play, its address options, its parser and its formatter. What addr_format() prints parses to the same address.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/hosts.h"

#define ADDR_CID_ANY UINT32_MAX
#define ADDR_CID_HYPERVISOR 0U
#define ADDR_CID_LOCAL 1U
#define ADDR_CID_HOST 2U
#define ADDR_PORT_ANY UINT32_MAX /* vsock: the kernel picks; TCP's is 0 */

#define ADDR_NAME_MAX 4096 /* bytes of a host, path, command or name, with its NUL */
#define ADDR_TEXT_MAX 17000 /* what any address's text fits into: every byte escaped as \xHH, options behind */

enum addr_family {
	ADDR_NONE,  /* not an address; the value of a zeroed struct */
	ADDR_VSOCK, /* vsock: and vsock-seqpacket: */
	ADDR_TCP,   /* tcp: tcp4: tcp6: */
	ADDR_UNIX,  /* unix: and unix-seqpacket: */
	ADDR_MUX,   /* vsock-mux: hybrid vsock of Firecracker and others */
	ADDR_EXEC,  /* exec:COMMAND */
	ADDR_FD,    /* fd:N fd:NAME */
	ADDR_STDIO, /* - */
	ADDR_SOCKS5,       /* socks5: where to is said by the client; vsock-proxy only */
	ADDR_HTTP_CONNECT, /* http-connect: likewise */
	ADDR_PROXY_DST,    /* proxy-dst: likewise, by the PROXY header */
	ADDR_UDP,   /* udp: udp4: udp6: datagrams; rules of vsock-proxy only */
};

/* What an address is used for. */
enum addr_role {
	ADDR_CONNECT = 1, /* connected to */
	ADDR_LISTEN = 2,  /* listened on */
};

/* Which address options were written: bits of struct addr_options.given. */
enum {
	ADDR_OPT_BIND = 1 << 0,
	ADDR_OPT_CONNECT_TIMEOUT = 1 << 1,
	ADDR_OPT_WINDOW = 1 << 2,
	ADDR_OPT_BACKLOG = 1 << 3,
	ADDR_OPT_MODE = 1 << 4,
	ADDR_OPT_OWNER = 1 << 5,
	ADDR_OPT_GROUP = 1 << 6,
	ADDR_OPT_NODELAY = 1 << 7,
	ADDR_OPT_KEEPALIVE = 1 << 8,
	ADDR_OPT_TO_HOST = 1 << 9,
};

struct addr_options {
	unsigned given;           /* ADDR_OPT_ bits */
	uint64_t connect_timeout; /* ns, UNITS_INF for inf */
	uint64_t window;          /* bytes */
	uint32_t backlog;
	uint32_t mode;      /* octal as written: 0600 */
	bool nodelay;       /* "nodelay" and "nodelay=on": true; "nodelay=off" (also no, 0, false): false */
	bool keepalive;     /* the same */
	uint32_t bind_cid;  /* vsock: bind=CID:PORT, bind=:PORT or bind=CID; ADDR_CID_ANY where not said */
	uint32_t bind_port; /* vsock; ADDR_PORT_ANY where not said */
	char bind_host[64]; /* TCP and UDP: bind=HOST[:PORT], a literal address ("" any), without brackets */
	uint16_t bind_tcp_port; /* TCP and UDP; 0: any */
	char owner[33];     /* name or number as written */
	char group[33];
};

struct addr {
	enum addr_family family;
	bool seqpacket;   /* vsock-seqpacket, unix-seqpacket */
	uint8_t ip;       /* TCP and UDP: 0 either, 4, 6 */
	uint32_t cid;     /* vsock */
	uint32_t port;    /* vsock, vsock-mux; TCP and UDP where service is empty */
	uint32_t port_last; /* of a range (ADDR_RANGE); else equal to port */
	int fd;           /* ADDR_FD with a number; -1 with a name */
	bool wildcard;    /* TCP and UDP: HOST is empty or *: every interface */
	bool has_port;    /* false only with ADDR_PORT_OPTIONAL, where no port was written */
	bool abstract;    /* UNIX: @NAME; name holds it without the @ */
	char service[32]; /* TCP and UDP: a name of services(5), or "" */
	char alias[256];  /* the name that was written (of the hosts file; vsock-ping also of DNS), or "": for messages only */
	char name[ADDR_NAME_MAX]; /* TCP or UDP host, UNIX path or abstract name, mux path, exec command, fd name; unescaped */
	size_t name_length;       /* abstract names may hold NUL bytes? no: refused; so this is strlen(name) */
	struct addr_options options;
};

/* How a text may be written here. */
enum {
	ADDR_SHORT = 1,         /* short forms: CID:PORT, PORT (listening), paths */
	ADDR_PORT_OPTIONAL = 2, /* vsock-ping: vsock:3, 3, web without a port */
	ADDR_RANGE = 4,         /* rules: vsock:3:8000-8009 */
	ADDR_NO_OPTIONS = 8,    /* no ,key=value */
	ADDR_DATAGRAMS = 16,    /* rules: udp: */
};

struct addr_context {
	enum addr_role role;
	unsigned flags;
	const char *program;       /* for hints: "vsock-listen" where PORT alone was given to vsock-cat */
	const struct hosts *hosts; /* names; NULL: there are none */
};

struct addr_error {
	size_t offset;   /* of the bad spot in the text */
	size_t length;   /* how much of it the caret underlines, at least 1 */
	char why[256];   /* "bad CID: 'a' is not a digit", escaped, without the address and without a full stop */
	char hint[256];  /* what to write instead, without "hint: "; or "" */
};

/* Parses the whole text. 0, or -EINVAL with *error filled in; *addr is then zeroed. With 0, error->hint may hold a
 * remark on an address that is right but seldom meant (CID 0), and is "" else. */
int addr_parse(const char *text, const struct addr_context *context, struct addr *addr, struct addr_error *error);

/* vsock-cat's and vsock-ping's two words, CID PORT ("web 22", "vsock/3 22", "unix/PATH 0"): joined and parsed. joined gets
 * the text that error's offsets are in. */
int addr_parse_words(const char *where, const char *port, const struct addr_context *context, struct addr *addr,
                     char *joined, size_t size, struct addr_error *error);

/* The one spelling that we print, options included. Returns buf; a buffer of ADDR_TEXT_MAX always suffices, in a
 * smaller one the text ends with "…". */
char *addr_format(const struct addr *addr, char *buf, size_t size);
/* The same without options: what messages and logs name. */
char *addr_format_short(const struct addr *addr, char *buf, size_t size);

/* True if both mean the same; alias is not compared. */
bool addr_equal(const struct addr *a, const struct addr *b);

/* A host and a port, as TCP and UDP have it? */
static inline bool addr_is_ip(const struct addr *addr)
{
	return addr->family == ADDR_TCP || addr->family == ADDR_UDP;
}

/* Does the client say where to? */
static inline bool addr_family_open_ended(enum addr_family family)
{
	return family == ADDR_SOCKS5 || family == ADDR_HTTP_CONNECT || family == ADDR_PROXY_DST;
}

static inline bool addr_is_open_ended(const struct addr *addr)
{
	return addr_family_open_ended(addr->family);
}

/* "vsock", "tcp", "unix", …: the first spelling of the address's family. */
const char *addr_family_name(const struct addr *addr);

/* Is this a literal CID or a reserved name (any, hypervisor, local, host)? Reads the whole of length bytes. */
bool addr_read_cid(const char *text, size_t length, uint32_t *cid);

/* Is this word the spelling of a family ("vsock", "tcp4"), in any case? Names in the hosts file may not be. */
bool addr_is_family(const char *word, size_t length);

/* Splits the command of exec: into words as sh does, quotes and backslash, but expands nothing. *words is one
 * allocation, ended by NULL, for free(3). 0, -EINVAL (no word, a quote that does not end), -ENOMEM. */
int addr_exec_words(const char *command, char ***words);

/*
 * For completion: calls each() with every spelling that may begin an address in this role, e.g. "vsock:", "tcp:".
 */
void addr_each_family(enum addr_role role, void (*each)(const char *prefix, void *context), void *context);

#endif
