/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules whose connections would come back to them: one that connects to what it listens on itself,
 * or several that connect to each other in a circle. One client would use up all descriptors.
 *
 * Theory of operation: every listening address has a key (its port, or the name of its file), so
 * that a target is compared with few of them. A target that reaches one of them is an edge from
 * where its rule listens. Addresses without an edge from them, or without one to them, are taken
 * away until only those in circles, or between two, are left.
 *
 * The same comparison finds a rule that listens where --metrics or --status-socket does.
 *
 * Only what is known without asking anybody is compared: literal addresses, localhost, and names of
 * /etc/hosts.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/util.h"
#include "net/ip.h"
#include "net/machine.h"
#include "net/resolve.h"
#include "proxy/rules/parts.h"
#include "proxy/protocols/special.h"

#define CID_LOCAL 1
#define CID_HOST 2

struct end {
	uint64_t key;
	size_t number;
	const struct addr *addr;
};

struct edge {
	size_t from, to;
};

struct loops {
	struct end *listens; /* owned, sorted by key */
	size_t listen_count;
	struct edge *edges; /* owned */
	size_t edge_count;
	unsigned char *left; /* owned, for each listening address: it may be in a circle */
};

enum { LEFT = 1, FROM = 2, TO = 4 };

/* Keys */

static uint16_t port_of(const struct addr *addr)
{
	const struct servent *service;

	if (!*addr->service)
		return (uint16_t)addr->port;
	service = getservbyname(addr->service, addr->family == ADDR_UDP ? "udp" : "tcp");
	return service ? ntohs((uint16_t)service->s_port) : 0;
}

/* The file that is connected to, or listened on; false: none. */
static bool file_of(const struct addr *addr, enum addr_role role, char *path)
{
	if (role == ADDR_LISTEN || addr->family == ADDR_UNIX)
		return socket_file(addr, path, SOCKET_FILE_MAX);
	if (addr->family != ADDR_MUX)
		return false;
	strcpy(path, addr->name);
	return true;
}

static uint64_t hash(const char *text)
{
	return hash_bytes(text, strlen(text)) | UINT64_C(1) << 63; /* no port */
}

/* 0: it cannot be reached by a name that is known here. */
static uint64_t key_of(const struct addr *addr, enum addr_role role)
{
	char path[SOCKET_FILE_MAX];

	if (addr_is_ip(addr))
		return port_of(addr);
	if (addr->family == ADDR_VSOCK)
		return addr->port == ADDR_PORT_ANY ? 0 : UINT64_C(1) << 32 | addr->port;
	if (addr->family == ADDR_UNIX && addr->abstract)
		return hash(addr->name);
	if (!file_of(addr, role, path))
		return 0;
	return hash(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

/* Does one reach the other? Their keys are the same. */

static bool is_any(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_UNSPECIFIED(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && !ip->s6_addr32[3]);
}

/* What is asked where the socket will be: in its network namespace. */
struct question {
	struct in6_addr ip;
	uint32_t cid;
	bool ours;
};

static void ask_ip(void *context)
{
	struct question *question = context;

	question->ours = special_is_ours(&question->ip) == 1;
}

static bool is_ours(const char *netns, void (*ask)(void *context), struct question *question)
{
	if (!*netns)
		ask(question);
	else
		(void)netns_run(netns, ask, question);
	return question->ours;
}

static bool is_here(const struct in6_addr *ip, const char *netns)
{
	return is_any(ip) || ip_is_loopback(ip) ||
	       is_ours(netns, ask_ip, &(struct question){ .ip = *ip });
}

static bool place_reaches(const struct place *to, const struct place *listening, const char *netns)
{
	struct in6_addr target, listen;

	if (!ip_from_sockaddr((const struct sockaddr *)&to->sa, &target) ||
	    !ip_from_sockaddr((const struct sockaddr *)&listening->sa, &listen) ||
	    IN6_IS_ADDR_V4MAPPED(&target) != IN6_IS_ADDR_V4MAPPED(&listen))
		return false;
	if (is_any(&target)) /* connect(2) takes it for the loopback */
		return is_any(&listen) || ip_is_loopback(&listen);
	return is_any(&listen) ? is_here(&target, netns)
			       : ip_same_bits(&target, &listen, 8 * sizeof(target));
}

/* The port is known to be the same, whatever it is called. */
static bool places_of(const struct addr *addr, enum addr_role role, struct places *places)
{
	struct addr *plain = malloc(sizeof(*plain));
	bool known;

	if (!plain)
		return false;
	*plain = *addr;
	*plain->service = '\0';
	known = resolve_known(plain, role, places);
	free(plain);
	return known;
}

static bool ip_reaches(const struct addr *to, const struct addr *listening)
{
	struct places targets, listens;

	if (!places_of(to, ADDR_CONNECT, &targets) || !places_of(listening, ADDR_LISTEN, &listens))
		return strcasecmp(to->name, listening->name) == 0;
	for (size_t i = 0; i < targets.count; i++)
		for (size_t j = 0; j < listens.count; j++)
			if (place_reaches(&targets.place[i], &listens.place[j], to->options.netns))
				return true;
	return false;
}

static void ask_cid(void *context)
{
	struct question *question = context;
	struct machine machine;

	machine_look(&machine, "", false);
	question->ours = (machine.has_cid && machine.cid == question->cid) ||
			 (question->cid == CID_HOST && !machine.is_guest);
	machine_free(&machine);
}

static bool vsock_reaches(const struct addr *to, const struct addr *listening)
{
	if (to->cid == listening->cid)
		return true;
	if (listening->cid != ADDR_CID_ANY || to->cid == CID_LOCAL)
		return listening->cid == ADDR_CID_ANY;
	return is_ours(to->options.netns, ask_cid, &(struct question){ .cid = to->cid });
}

static bool same_directory(const char *a, const char *b)
{
	struct safe_directory left, right;
	struct stat st, other;
	bool same;

	if (safe_directory(a, &left) < 0)
		return false;
	same = safe_directory(b, &right) == 0;
	if (same) {
		same = fstat(left.fd, &st) == 0 && fstat(right.fd, &other) == 0 &&
		       st.st_dev == other.st_dev && st.st_ino == other.st_ino;
		fd_close(&right.fd);
	}
	fd_close(&left.fd);
	return same;
}

static bool file_reaches(const struct addr *to, const struct addr *listening)
{
	char target[SOCKET_FILE_MAX], listen[SOCKET_FILE_MAX];

	return file_of(to, ADDR_CONNECT, target) && file_of(listening, ADDR_LISTEN, listen) &&
	       (strcmp(target, listen) == 0 || same_directory(target, listen));
}

/* Are both in the same network namespace? One may have several names. */
static bool same_netns(const struct addr *to, const struct addr *listening)
{
	const char *a = to->options.netns, *b = listening->options.netns;
	uint64_t id;

	if (strcmp(a, b) == 0)
		return true;
	id = netns_id(a);
	return id && id == netns_id(b);
}

static bool reaches(const struct addr *to, const struct addr *listening)
{
	if (!same_netns(to, listening))
		return false;
	if (to->seqpacket != listening->seqpacket)
		return false;
	if (addr_is_ip(to))
		return to->family == listening->family && ip_reaches(to, listening);
	if (to->family == ADDR_VSOCK)
		return listening->family == ADDR_VSOCK && vsock_reaches(to, listening);
	if (to->family == ADDR_UNIX && to->abstract)
		return listening->family == ADDR_UNIX && listening->abstract &&
		       strcmp(to->name, listening->name) == 0;
	return file_reaches(to, listening);
}

/* Other listeners */

bool rules_same_place(const struct addr *addr, const struct addr *other)
{
	uint64_t key = key_of(addr, ADDR_LISTEN);

	return rules_overlap(addr, other) || (key && key == key_of(other, ADDR_LISTEN) &&
					      (reaches(addr, other) || reaches(other, addr)));
}

static bool listens_there(const struct rule *rule, const struct addr *addr)
{
	for (size_t i = 0; i < rule->port_count; i++)
		if (rules_same_place(addr, &rule->ports[i].listen))
			return true;
	return false;
}

void rules_check_option(struct rules *rules, const char *option, const char *text,
			const struct addr *addr)
{
	char why[512];

	snprintf(why, sizeof(why), ": listened on twice, as in %s %s", option, text);
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		if (listens_there(rule, addr))
			rule_refuse(rules, rule, rule->words[0], why, "");
}

/* The graph */

static int by_key(const void *a, const void *b)
{
	const struct end *left = a, *right = b;

	return (left->key > right->key) - (left->key < right->key);
}

static int collect(struct loops *loops, const struct rules *rules)
{
	size_t count = 0;

	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		count += rule->port_count;
	loops->listens = calloc(count + 1, sizeof(*loops->listens));
	loops->left = calloc(count + 1, sizeof(*loops->left));
	if (!loops->listens || !loops->left)
		return -ENOMEM;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count; i++, loops->listen_count++)
			loops->listens[loops->listen_count] = (struct end){
				key_of(&rule->ports[i].listen, ADDR_LISTEN), loops->listen_count,
				&rule->ports[i].listen
			};
	qsort(loops->listens, loops->listen_count, sizeof(*loops->listens), by_key);
	return 0;
}

static int add_edge(struct loops *loops, size_t from, size_t to)
{
	struct edge *grown = reallocarray(loops->edges, loops->edge_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	loops->edges = grown;
	grown[loops->edge_count++] = (struct edge){ from, to };
	return 0;
}

/* Whom a target reaches, of the rule that listens on this address. */
static int follow(struct loops *loops, size_t from, const struct addr *target)
{
	const struct end wanted = { .key = key_of(target, ADDR_CONNECT) },
			 *end = loops->listens + loops->listen_count, *at;
	int error = 0;

	at = wanted.key ? bsearch(&wanted, loops->listens, loops->listen_count, sizeof(*at), by_key)
			: NULL;
	while (at && at > loops->listens && at[-1].key == wanted.key)
		at--;
	for (; at && at < end && at->key == wanted.key && !error; at++)
		if (reaches(target, at->addr))
			error = add_edge(loops, from, at->number);
	return error;
}

static int connect_all(struct loops *loops, const struct rules *rules)
{
	size_t number = 0;
	int error = 0;

	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->port_count; i++, number++)
			for (size_t j = 0; j < rule->target_count && !error; j++)
				error = follow(loops, number, &rule->ports[i].targets[j].addr);
	return error;
}

static void take_away(struct loops *loops)
{
	size_t before, left = loops->listen_count;

	memset(loops->left, LEFT, loops->listen_count);
	do {
		before = left;
		left = 0;
		for (size_t i = 0; i < loops->edge_count; i++) {
			const struct edge *edge = &loops->edges[i];

			if (loops->left[edge->from] && loops->left[edge->to]) {
				loops->left[edge->from] |= FROM;
				loops->left[edge->to] |= TO;
			}
		}
		for (size_t i = 0; i < loops->listen_count; i++) {
			loops->left[i] = loops->left[i] == (LEFT | FROM | TO) ? LEFT : 0;
			left += loops->left[i];
		}
	} while (left < before);
}

static bool any_left(const struct loops *loops, size_t first, size_t count)
{
	return memchr(loops->left + first, LEFT, count) != NULL;
}

static void complain(struct rules *rules, const struct rule *rule)
{
	rule_refuse(rules, rule, rule->words[0],
		    ": connections would come back to this rule without end",
		    "connect to another address than this vsock-proxy listens on");
}

int rules_check_loops(struct rules *rules)
{
	struct loops loops = { 0 };
	size_t number = 0;
	int error = collect(&loops, rules);

	if (!error)
		error = connect_all(&loops, rules);
	if (!error && loops.edge_count) {
		take_away(&loops);
		for (const struct rule *rule = rules->first; rule; rule = rule->next) {
			if (any_left(&loops, number, rule->port_count))
				complain(rules, rule);
			number += rule->port_count;
		}
	}
	free(loops.listens);
	free(loops.edges);
	free(loops.left);
	return error;
}
