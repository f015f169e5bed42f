/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define CHAINS_FIRST 64

/* What tells peers apart. */
struct key {
	const void *scope;
	struct in6_addr ip;
	uint32_t number, family;
};

static struct key key_of(const void *scope, const struct peer *peer)
{
	struct key key;

	memset(&key, 0, sizeof(key)); /* padding is hashed too */
	key.scope = scope;
	key.family = peer->family;
	if (peer->family == ADDR_VSOCK) {
		key.number = peer->u.vsock.cid;
	} else if (peer_is_ip(peer)) {
		peer_ip(peer, &key.ip);
	} else {
		key.number = peer->u.local.uid;
	}
	return key;
}

static bool is_same(const struct peers_count *count, const struct key *key)
{
	struct key own = key_of(count->scope, &count->peer);

	return memcmp(&own, key, sizeof(own)) == 0;
}

static uint64_t hash(const struct key *key)
{
	uint64_t value = hash_bytes(key, sizeof(*key));

	return value ^ value >> 32;
}

uint64_t peers_hash(const void *scope, const struct peer *peer)
{
	struct key key = key_of(scope, peer);

	return hash(&key);
}

bool peers_same(const struct peer *a, const struct peer *b)
{
	struct key one = key_of(NULL, a), other = key_of(NULL, b);

	return memcmp(&one, &other, sizeof(one)) == 0;
}

static struct peers_count **chain_of(const struct peers *peers, uint64_t hash)
{
	return &peers->chains[hash % peers->chain_count];
}

/* Twice as many chains; without memory they grow longer instead. */
static void grow(struct peers *peers)
{
	struct peers grown = { .chain_count = peers->chain_count ? 2 * peers->chain_count
								 : CHAINS_FIRST };

	grown.chains = calloc(grown.chain_count, sizeof(*grown.chains));
	if (!grown.chains)
		return;
	for (size_t i = 0; i < peers->chain_count; i++) {
		while (peers->chains[i]) {
			struct peers_count *count = peers->chains[i];
			struct peers_count **chain = chain_of(&grown, count->hash);

			peers->chains[i] = count->next;
			count->next = *chain;
			*chain = count;
		}
	}
	free(peers->chains);
	peers->chains = grown.chains;
	peers->chain_count = grown.chain_count;
}

struct peers_count *peers_enter(struct peers *peers, const void *scope, const struct peer *peer)
{
	struct key key = key_of(scope, peer);
	uint64_t value = hash(&key);
	struct peers_count **chain, *count;

	if (peers->count >= peers->chain_count)
		grow(peers);
	if (!peers->chain_count)
		return NULL;
	chain = chain_of(peers, value);
	for (count = *chain; count && !is_same(count, &key);)
		count = count->next;
	if (!count) {
		count = malloc(sizeof(*count));
		if (!count)
			return NULL;
		*count = (struct peers_count){
			.next = *chain, .scope = scope, .peer = *peer, .hash = value
		};
		*chain = count;
		peers->count++;
	}
	count->open++;
	return count;
}

void peers_leave(struct peers *peers, struct peers_count *count)
{
	struct peers_count **link;

	if (!count || --count->open)
		return;
	link = chain_of(peers, count->hash);
	while (*link != count)
		link = &(*link)->next;
	*link = count->next;
	peers->count--;
	free(count);
}

void peers_free(struct peers *peers)
{
	for (size_t i = 0; i < peers->chain_count; i++) {
		while (peers->chains[i]) {
			struct peers_count *count = peers->chains[i];

			peers->chains[i] = count->next;
			free(count);
		}
	}
	free(peers->chains);
	*peers = (struct peers){ 0 };
}
