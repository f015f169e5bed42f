/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peers: counts the open connections of each peer, in total and per admission, in a hash table. */
#ifndef SERVE_PEERS_H
#define SERVE_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/peer.h"

struct peers_count {
	struct peers_count *next;
	const void *scope;
	struct peer peer;
	uint64_t hash; /* of both */
	size_t open;
};

struct peers {
	struct peers_count **chains; /* owned */
	size_t chain_count, count;
};

/* A hash that is the same for all connections of one peer (CID, IP address or uid) in one scope. */
uint64_t peers_hash(const void *scope, const struct peer *peer);
/* Are both the same CID, IP address or user? */
bool peers_same(const struct peer *a, const struct peer *b);
/* Counts one more connection, until peers_leave(). NULL: out of memory. */
struct peers_count *peers_enter(struct peers *peers, const void *scope, const struct peer *peer);
/* The connection has ended; count may be NULL. */
void peers_leave(struct peers *peers, struct peers_count *count);
void peers_free(struct peers *peers);

#endif
