/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules: what is forwarded where: "LISTEN CONNECT [KEY=VALUE]…", from the command line and from files.
 *
 * Theory of operation: a file is cut into lines and words as sh does (quotes, backslash, # to the end of a line, a backslash
 * at the end continues a line; nothing is expanded). Every byte of a word knows where in the file it came from, so an error
 * shows file, line and spot, however it was quoted. The keys are the options' own rows (OPT_RULE), set into a copy of what
 * the command line said: one name, one check and one message for both. All errors are said, not only the first.
 *
 * A rule also holds its state while it is served: its listeners, who came in, what was counted. It is freed when it is
 * out of its list and its last session has ended.
 */
#ifndef SERVE_RULES_H
#define SERVE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"
#include "net/addr.h"
#include "net/dest.h"
#include "net/hosts.h"
#include "relay/dial.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "serve/accounts.h"
#include "serve/bundle.h"
#include "serve/greeting.h"
#include "serve/listener.h"
#include "serve/rules-text.h"
#include "serve/server.h"

#define RULES_PORTS_MAX 1024  /* of a range: each is a listening socket */
#define RULES_TARGETS_MAX 64

enum balance { BALANCE_FIRST, BALANCE_ROUND_ROBIN, BALANCE_LEAST };

/* What a rule's keys, and the options of the same names, are set into. */
struct rule_settings {
	struct server_settings serving; /* max_conns and max_conns_per_peer of the rule's own, who */
	struct dial_settings dialling;
	struct relay_settings relaying;
	struct route_settings {
		unsigned balance; /* enum balance */
	} routing;
	struct passage_settings {
		uint64_t udp_idle;     /* ns: how long a flow of datagrams may be quiet */
		struct opt_list dests; /* --allow-dest and --deny-dest as written */
		unsigned send_proxy;   /* version of the PROXY header; 0: none */
		bool accept_proxy;
		bool original_dst;     /* the header tells where a connection went before netfilter redirected it */
		uint64_t accept_rate;  /* connections a second, each listener; 0 or UNITS_INF: no limit */
		uint64_t max_memory;   /* bytes, of all rules; 0: auto */
		uint64_t total_rate;   /* bytes a second, each direction of all connections; 0 or UNITS_INF: no limit */
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
	char *text;         /* for records */
	uint64_t dead_until; /* ns: not tried before, unless nothing else is left */
	size_t open;        /* connections */
};

/* One listening address of a rule: the only one, or one of a range, with its targets. */
struct rule_port {
	struct listener listener; /* first */
	struct rule *rule;
	struct addr listen;
	struct rule_target *targets; /* rule->target_count; owned */
	size_t turn;                 /* round-robin: whose it is */
	struct rule_port *from;      /* while rules are replaced: whose sockets it gets */
};

/* What happened to a rule's connections. */
#define RULE_BUCKETS 8
enum { RULE_CAUSES_MAX = 16 };
struct rule_counts {
	uint64_t connections, failed, up, down; /* bytes of those that have ended */
	uint64_t dropped;                       /* datagrams of those that have ended */
	uint64_t connected, connect_ns;         /* how many dials succeeded, and what they took in all */
	uint64_t connect_below[RULE_BUCKETS];   /* how many took at most rule_bucket_limits[i] ns, each also counted in those above */
	struct {
		char cause[16];
		uint64_t count;
	} ends[RULE_CAUSES_MAX];
};
extern const uint64_t rule_bucket_limits[RULE_BUCKETS];

struct rule {
	struct rule *next;
	struct rule_settings settings;
	struct gate gate;
	struct greeting_plan plan;
	struct share share;      /* of --total-rate */
	struct dest_list dests;  /* of an open-ended target: where its clients may go */
	struct rule_port *ports; /* owned */
	size_t port_count, target_count;
	struct addr listen;      /* as written, ranges included */
	struct dial_settings once; /* the dialling of settings, without --wait: while there are other targets */
	char *label;             /* its name, or what it listens on: unique */
	char **words;            /* as written, unquoted; owned; settings point into them */
	size_t word_count;
	char *file;              /* NULL: the command line */
	unsigned line;
	struct rule_counts counts;
	struct {
		uint64_t up, down, dropped;
	} live;                  /* bytes and datagrams of what is open, as of router_sum_live() */
	bool going;              /* no longer in force: it drains */
	struct timer drain;
	struct router *router;   /* that serves it */
	bool datagrams;          /* of its listener or its targets */
	bool flows;              /* of its listener: what comes are flows, not connections */
	struct rule *same;       /* while rules are replaced: its twin in the other list */
};

struct rules {
	struct rule *first;
	size_t count;
	size_t errors, bad; /* said; rules with an error */
	int status;         /* of the first error */
	struct text_hearer *hearer; /* is told of each error; or NULL */
};

struct rules_context {
	const struct rule_settings *defaults;
	const struct opt_table *keys; /* tables whose structs are parts of *defaults */
	const struct hosts *hosts;
	bool numeric;
	struct accounts *accounts; /* of users and groups; NULL: the system is asked */
	struct bundle *bundle;     /* gets every file that is read; or NULL */
	const struct bundle *elsewhere; /* another process has looked at commands and at sockets that were passed, and says here what
	                                 * it found: here nobody could; or NULL */
};

/* Adds the rules of a command line. 0 (errors are counted in *rules, and said), or -ENOMEM. */
int rules_read_words(struct rules *rules, const struct rules_context *context, size_t count, char *const *words);
/* Adds those of a file, or of all files *.rules of a folder in the order of their names. 0 or -ENOMEM, as above. */
int rules_read_file(struct rules *rules, const struct rules_context *context, const char *path);
/* The same from memory; file is its name. */
int rules_read_data(struct rules *rules, const struct rules_context *context, const char *file, const char *data, size_t size);
/* Reads the entries of --allow-dest and --deny-dest. 0, -EINVAL, with the entry and what is wrong with it, or -ENOMEM. */
int rules_read_dests(struct dest_list *dests, const struct opt_list *written, const struct opt_entry **bad, struct mistake *error);
/* What only all together can tell: addresses and names that are there twice. */
void rules_check(struct rules *rules);
/* As root: may others than root change this file, or replace those in this folder? Says so and counts an error. */
bool rules_trust(struct rules *rules, const char *path);

/* Do both mean the same, wherever they are written? */
bool rule_same(const struct rule *a, const struct rule *b);
void rule_free(struct rule *rule);
/* Frees all; only for rules that are not served. */
void rules_free(struct rules *rules);

#endif
