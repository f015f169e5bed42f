/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr: addresses, with one syntax for all programs, manuals, logs and rules files; see
 * vsock-address(7).
 *
 * Theory of operation: a struct addr is a plain value. Parsing, formatting and comparing do no I/O
 * (guest names are looked up in a hosts list that the caller has read). One table has an entry for
 * each spelling of a family: its roles, its options, its parser and its formatter. The output of
 * addr_format() parses to the same address.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mistake.h"
#include "net/hosts.h"
#include "net/netns.h"

#define ADDR_CID_ANY UINT32_MAX
#define ADDR_CID_HYPERVISOR 0U
#define ADDR_CID_LOCAL 1U
#define ADDR_CID_HOST 2U
#define ADDR_PORT_ANY UINT32_MAX /* vsock: the kernel picks; TCP's is 0 */

#define ADDR_NAME_MAX 4096 /* bytes of a host, path, command or name, with its NUL */
/* Enough for any address: every byte escaped as \xHH, and the options. */
#define ADDR_TEXT_MAX 17000

enum addr_family {
	ADDR_NONE, /* not an address; the value of a zeroed struct */
	ADDR_VSOCK, /* vsock: and vsock-seqpacket: */
	ADDR_TCP, /* tcp: tcp4: tcp6: */
	ADDR_UNIX, /* unix: and unix-seqpacket: */
	ADDR_MUX, /* vsock-mux: hybrid vsock of Firecracker and others */
	ADDR_EXEC, /* exec:COMMAND */
	ADDR_FD, /* fd:N fd:NAME */
	ADDR_STDIO, /* - */
	ADDR_SOCKS5, /* socks5: the client names the destination; vsock-proxy only */
	ADDR_HTTP_CONNECT, /* http-connect: likewise */
	ADDR_PROXY_DST, /* proxy-dst: likewise, in the PROXY header */
	ADDR_UDP, /* udp: udp4: udp6: datagrams; rules of vsock-proxy only */
};

/* What an address is used for: bits. */
enum addr_role {
	ADDR_CONNECT = 1, /* connected to */
	ADDR_LISTEN = 2, /* listened on */
};

/* The options that were given: bits of struct addr_options.given. */
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
	ADDR_OPT_HALF_CLOSE = 1 << 10,
	ADDR_OPT_NETNS = 1 << 11,
};

struct addr_options {
	unsigned given; /* ADDR_OPT_ bits */
	uint64_t connect_timeout; /* ns, UNITS_INF for inf */
	uint64_t window; /* bytes */
	uint64_t half_close; /* ns of silence; 0 for pass, UNITS_INF for inf */
	uint32_t backlog;
	uint32_t mode; /* octal as written: 0600 */
	bool nodelay; /* "nodelay" and "nodelay=on": true; "nodelay=off" (also no, 0, false): false
		       */
	bool keepalive; /* the same */
	uint16_t keepalive_time; /* s, "keepalive=60s"; 0: as the kernel does it */
	uint32_t bind_cid; /* vsock: bind=CID:PORT, bind=:PORT or bind=CID; ADDR_CID_ANY if not
			      given */
	uint32_t bind_port; /* vsock; ADDR_PORT_ANY if not given */
	char bind_host[64]; /* TCP and UDP: bind=HOST[:PORT], a literal address ("" any), without
			       brackets */
	uint16_t bind_tcp_port; /* TCP and UDP; 0: any */
	char owner[33]; /* name or number as written */
	char group[33];
	bool accounts_known; /* by socket_file_accounts(): */
	uint32_t uid, gid; /* of owner and group; UINT32_MAX: there is none of this name */
	char netns[NETNS_MAX]; /* where the socket is opened, as written; see net/netns.h */
	uint64_t netns_id; /* of an address to listen on: which one that was when rules were read;
			      0: not known */
};

struct addr {
	enum addr_family family;
	bool seqpacket; /* vsock-seqpacket, unix-seqpacket */
	uint8_t ip; /* TCP and UDP: 0 either, 4, 6 */
	uint32_t cid; /* vsock */
	uint32_t port; /* vsock, vsock-mux; TCP and UDP where service is empty */
	uint32_t port_last; /* the end of a range (ADDR_RANGE); else equal to port */
	int fd; /* ADDR_FD with a number; -1 with a name */
	bool wildcard; /* TCP and UDP: HOST is empty or *: every interface */
	bool has_port; /* false only if ADDR_PORT_OPTIONAL was set and no port was given */
	bool abstract; /* UNIX: @NAME; name holds it without the @ */
	char service[32]; /* TCP and UDP: a name of services(5), or "" */
	char alias[256]; /* the name that the user wrote (from the hosts file; in vsock-ping also
			    from DNS), or ""; only for messages */
	char name[ADDR_NAME_MAX]; /* TCP or UDP host, UNIX path or abstract name, mux path, exec
				     command, fd name; unescaped */
	struct addr_options options;
};

/* Which forms a text may have: flags of struct addr_context. */
enum {
	ADDR_SHORT = 1, /* short forms: CID:PORT, PORT (listening), paths */
	ADDR_PORT_OPTIONAL = 2, /* vsock-ping: vsock:3, 3, web without a port */
	ADDR_RANGE = 4, /* rules: vsock:3:8000-8009 */
	ADDR_NO_OPTIONS = 8, /* no ,key=value */
	ADDR_DATAGRAMS = 16, /* rules: udp: */
};

struct addr_context {
	enum addr_role role;
	unsigned flags;
	const char *program; /* which of ours reads it, for hints ("vsock-cat"); NULL: none */
	const struct hosts *hosts; /* names of guests; NULL: none */
};

/* Parses the whole text. 0, or -EINVAL with *error filled in and *addr zeroed. On success
 * error->hint may hold a remark about an address that is valid but rarely intended (CID 0);
 * otherwise it is "". */
int addr_parse(const char *text, const struct addr_context *context, struct addr *addr,
	       struct mistake *error);

/* Joins and parses the two arguments CID PORT of vsock-cat and vsock-ping ("web 22", "vsock/3 22",
 * "unix/PATH 0"). joined receives the text that the offsets of error refer to. */
int addr_parse_words(const char *where, const char *port, const struct addr_context *context,
		     struct addr *addr, char *joined, size_t size, struct mistake *error);

/* Writes the canonical spelling with options to buf, and returns buf. ADDR_TEXT_MAX bytes are
 * always enough; in a smaller buffer the text may end with "…". */
char *addr_format(const struct addr *addr, char *buf, size_t size);
/* The same for messages and logs: without the options, except for netns=, which says where. */
char *addr_format_short(const struct addr *addr, char *buf, size_t size);

/*
 * Hybrid vsock: how long (ns) the peer must have been silent before end of file is passed on to it;
 * 0 for at once and for all other families. fallback applies to an address without half-close=.
 * Firecracker and others close both directions when the host shuts down one, and discard the
 * guest's later answer.
 */
#define ADDR_HALF_CLOSE (5 * NSEC_PER_SEC)
uint64_t addr_half_close(const struct addr *addr, uint64_t fallback);

/* True if both are the same address; alias is not compared. */
bool addr_equal(const struct addr *a, const struct addr *b);
/* Does a socket that listens on a listen on b, too, once it has b's options (socket_renew())? Then
 * only options may differ, but not the network namespace. */
bool addr_same_place(const struct addr *a, const struct addr *b);

/* A host and a port, as TCP and UDP have it? */
static inline bool addr_is_ip(const struct addr *addr)
{
	return addr->family == ADDR_TCP || addr->family == ADDR_UDP;
}

/* Does the client name the destination? */
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

/* Reads a literal CID or a reserved name (any, hypervisor, local, host), which must be all of
 * length bytes. */
bool addr_read_cid(const char *text, size_t length, uint32_t *cid);

/* Is this word a spelling of a family ("vsock", "tcp4"), in any case? Names in the hosts file must
 * not be. */
bool addr_is_family(const char *word, size_t length);

/* Is this word spelled like a name: [A-Za-z][A-Za-z0-9._-]*, at most 63 bytes? Returns NULL, or why
 * not. hosts_check_name() also refuses reserved words. */
const char *addr_check_name(const char *name, size_t length);

/* Splits the command of exec: into words like sh, with quotes and backslashes but without
 * expansions. *words is one NULL-terminated allocation, which the caller frees with free(3). 0,
 * -EINVAL (no word, or an unterminated quote), or -ENOMEM. */
int addr_exec_words(const char *command, char ***words);

#endif
