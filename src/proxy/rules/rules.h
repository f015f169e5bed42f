/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules: "LISTEN CONNECT [KEY=VALUE]…" from the command line and from files.
 *
 * Theory of operation: a file is divided into lines and words (proxy/rules/text). Keys use the rows
 * of the options (OPT_RULE) and are set in a copy of the command line's settings, so both share
 * names, checks and messages. All errors are reported, not only the first.
 *
 * A rule also holds its state while it is served: its listeners, the number of open connections,
 * and counters. The router (proxy/router) frees a rule that was removed once its last session has
 * ended.
 */
#ifndef PROXY_RULES_RULES_H
#define PROXY_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"
#include "net/addr.h"
#include "proxy/protocols/dest.h"
#include "net/hosts.h"
#include "relay/dial.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "proxy/protocols/greeting.h"
#include "serve/listener.h"
#include "proxy/rules/text.h"
#include "serve/server.h"

#define RULES_PORTS_MAX 1024 /* of a range: each is a listening socket */
#define RULES_TARGETS_MAX 64

enum balance { BALANCE_FIRST, BALANCE_ROUND_ROBIN, BALANCE_LEAST };

/* The values of a rule's keys and of the options with the same names. */
struct rule_settings {
	struct server_settings serving; /* of a rule: its own max_conns, max_conns_per_peer, who */
	struct dial_settings dialling;
	struct relay_settings relaying;
	struct route_settings {
		unsigned balance; /* enum balance */
	} routing;
	struct passage_settings {
		uint64_t udp_idle; /* ns: how long a UDP flow may be idle */
		struct opt_list dests; /* --allow-dest and --deny-dest as written */
		unsigned send_proxy; /* version of the PROXY header; 0: none */
		bool accept_proxy;
		/* the header tells where a connection was going before netfilter redirected it */
		bool original_dst;
		uint64_t max_memory; /* bytes, of all rules; 0: auto */
		/* 0 or UNITS_INF: no limit */
		uint64_t accept_rate; /* connections a second, each listener */
		uint64_t total_rate; /* bytes a second, each direction of all connections */
	} passage;
	struct rule_keys { /* that are no options */
		const char *name;
		struct opt_list connects; /* more targets */
	} keys;
};
extern const struct opt rule_opts[]; /* into a struct rule_keys */

struct rule_target {
	struct rule_port *port;
	struct addr addr;
	char *text; /* for records */
	uint64_t dead_until; /* ns: not tried before, unless nothing else is left */
	size_t open; /* connections */
	struct places *found; /* in the supervisor: what its name resolved to; owned; or NULL */
};

/* One listening address of a rule: the only one, or one of a range, with its targets. */
struct rule_port {
	struct listener listener; /* first */
	struct rule *rule;
	struct addr listen;
	struct places *places; /* what its name resolved to; owned; NULL: not looked up */
	struct rule_target *targets; /* rule->target_count; owned */
	size_t turn; /* round-robin: the next target */
	/* While rules are replaced: */
	struct rule_port *from; /* the port whose sockets it takes over */
	bool taken; /* another port takes its sockets over, or some of them */
};

/* The counters of a rule. */
#define RULE_BUCKETS 8
enum { RULE_CAUSES_MAX = 16 };
struct rule_counts {
	uint64_t connections, failed, up, down; /* bytes of those that have ended */
	uint64_t dropped; /* datagrams of those that have ended */
	uint64_t connected, connect_ns; /* how many dials succeeded, and what they took in all */
	/* how many took at most rule_bucket_limits[i] ns; each is counted in all that it fits */
	uint64_t connect_below[RULE_BUCKETS];
	struct {
		char cause[16];
		uint64_t count;
	} ends[RULE_CAUSES_MAX];
};
extern const uint64_t rule_bucket_limits[RULE_BUCKETS];

struct rule {
	struct rule *next;
	uint64_t id; /* from the router; no other rule ever has the same; 0: none yet */
	bool passed; /* the worker has it as it is */
	struct rule_settings settings;
	struct admission admission;
	struct greeting_plan plan;
	struct share share; /* of --total-rate */
	struct dest_list dests; /* of an open-ended target: where its clients may go */
	struct rule_port *ports; /* owned */
	size_t port_count, target_count;
	struct addr listen; /* as written, ranges included */
	struct dial_settings once; /* settings.dialling without --wait: where another target is left
				      to try */
	char *label; /* its name, or what it listens on: unique */
	char **words; /* as written, unquoted; owned; settings point into them; a worker has none */
	size_t word_count;
	char *file; /* NULL: the command line */
	unsigned line;
	struct rule_counts counts;
	struct {
		uint64_t up, down, dropped;
	} live; /* bytes and datagrams of what is open, as of router_sum_live() */
	bool removed; /* no longer in force: it drains */
	struct timer drain;
	struct router *router; /* that serves it */
	bool datagrams; /* of its listener or its targets */
	bool flows; /* of its listener: what comes are flows, not connections */
	/* While rules are replaced: */
	struct rule *same; /* its twin in the other list, which may have other limits */
	struct rule *chain; /* others that might be the twin of the same rule */
};

struct rules {
	struct rule *first, *last; /* last: while they are read */
	size_t count;
	struct access access; /* of --allow and --deny: for rules without entries of their own */
	size_t errors, bad; /* reported errors; rules with an error */
	int status; /* of the first error */
	struct text_hearer *hearer; /* is called for each error; or NULL */
};

struct rules_context {
	const struct rule_settings *defaults;
	const struct opt_table *keys; /* tables whose structs are parts of *defaults */
	const struct opt_table *options; /* all of the program, for its messages; may be NULL */
	const struct hosts *hosts;
	bool numeric;
	bool again; /* a reload or a restart: only what can be read more than once is read */
};

/* Adds the rules of a command line. 0 (errors are reported, and counted in *rules), or -ENOMEM. */
int rules_read_words(struct rules *rules, const struct rules_context *context, size_t count,
		     char *const *words);
/* Adds those of a file, or of all files *.rules of a directory in the order of their names. 0 or
 * -ENOMEM, as above. */
int rules_read_file(struct rules *rules, const struct rules_context *context, const char *path);
/* The same from memory; file is its name. */
int rules_read_data(struct rules *rules, const struct rules_context *context, const char *file,
		    const char *data, size_t size);
/* Reads the entries of --allow-dest and --deny-dest. 0, -EINVAL, with the entry and what is wrong
 * with it, or -ENOMEM. */
int rules_read_dests(struct dest_list *dests, const struct opt_list *written,
		     const struct opt_entry **bad, struct mistake *error);
/* Checks that need all rules: duplicate addresses and names. 0 or -ENOMEM, as above. */
int rules_check(struct rules *rules);
/* Do both listen in the same place, as far as is known without asking for a name? */
bool rules_same_place(const struct addr *addr, const struct addr *other);
/* Refuses rules that listen where an option (--metrics) with this address does. */
void rules_check_option(struct rules *rules, const char *option, const char *text,
			const struct addr *addr);
/* Refuses rules that would connect to themselves. 0 or -ENOMEM, as above. */
int rules_check_loops(struct rules *rules);
/* For root: false if other users may change this file, or replace files in this directory, which is
 * reported and counted as an error. st: of what was opened; path: what messages call it. */
bool rules_trust(struct rules *rules, const char *path, const struct stat *st);

/* Do a and b forward the same connections in the same way? If so, listeners and connections can
 * stay, even if access lists and limits differ. */
bool rule_same(const struct rule *a, const struct rule *b);
/* A hash that is equal for rules that are the same. */
uint64_t rule_hash(const struct rule *rule);
/* Gives a rule the access list, destinations and limits of its twin, and its place in the files.
 * True if they differ from what it had, or if that is not known because the rule has no words. */
bool rule_adjust(struct rule *rule, struct rule *twin);
void rule_free(struct rule *rule);
/* Frees all rules, which must not be served. */
void rules_free(struct rules *rules);

#endif
