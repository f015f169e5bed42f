/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "relay/datagram.h"

#define TURN 4 /* batches in one turn */
#define BATCH ENDPOINT_AT_ONCE
#define TABLE_START 16 /* a power of two, as it grows */
#define SILENCED_MAX 1024 /* simultaneous flows; above that no new ones are opened */
#define SILENCE (1 * NSEC_PER_SEC)
#define QUIET (1 * NSEC_PER_SEC) /* once the owner is gone */

/* Words of a key, in the byte order of the network where they are addresses. */
enum { KEY_IP = 0, KEY_PORT = 4, KEY_SCOPE = 5, KEY_LOCAL = 6, KEY_WORDS = 10 };

struct key {
	uint32_t word[KEY_WORDS];
};

/* A datagram that came. */
struct offer {
	struct offer *next; /* of the same flow */
	const void *data;
	size_t size;
	uint32_t hash; /* of key */
	struct key key;
};

struct flow {
	struct endpoint_hook hook; /* first */
	struct flows *flows;
	struct flow *next; /* of its place in the table */
	struct flow *silenced; /* the next that is */
	struct relay *relay; /* NULL: not yet */
	struct offer *offered; /* what the relay is woken for, in its order; NULL: nothing */
	struct offer **offered_end;
	unsigned char *kept; /* frames stored until the relay starts; owned */
	uint32_t kept_size, hash, dropped;
	bool over; /* silenced until over_at */
	uint64_t over_at; /* ns */
	struct key key;
};

struct flows {
	struct watch watch; /* first */
	struct timer timer; /* of what is silenced; without an owner of what is quiet */
	struct loop *loop;
	struct flows_owner *owner; /* NULL: it is gone */
	struct flow **table; /* owned */
	struct flow *silenced, **silenced_end; /* in the order of over_at */
	size_t size, count, silenced_count;
	uint64_t keys[KEY_WORDS +
		      1]; /* key of the hash, so that outsiders cannot cause collisions */
	int fd;
	bool v6;
};

static struct flows *flows_of(struct timer *timer)
{
	return container_of(timer, struct flows, timer);
}

/* The table */

/* Multilinear hashing: of two different keys, however chosen, the chance to collide is that of two
 * random numbers. */
static uint32_t hash_of(const struct flows *flows, const struct key *key)
{
	uint64_t sum = flows->keys[KEY_WORDS];

	for (size_t i = 0; i < KEY_WORDS; i++)
		sum += flows->keys[i] * key->word[i];
	return (uint32_t)(sum >> 32);
}

static struct flow *find(const struct flows *flows, const struct key *key, uint32_t hash)
{
	struct flow *flow = flows->size ? flows->table[hash & (flows->size - 1)] : NULL;

	while (flow && (flow->hash != hash || memcmp(&flow->key, key, sizeof(*key)) != 0))
		flow = flow->next;
	return flow;
}

static void put(struct flow **table, size_t size, struct flow *flow)
{
	struct flow **place = &table[flow->hash & (size - 1)];

	flow->next = *place;
	*place = flow;
}

/* Without memory the table stays as it is: slower, and right. 0, or -ENOMEM where there is none
 * yet. */
static int grow(struct flows *flows)
{
	size_t size = flows->size ? flows->size * 2 : TABLE_START;
	struct flow **table;

	if (flows->count < flows->size)
		return 0;
	table = calloc(size, sizeof(struct flow *));
	if (!table)
		return flows->size ? 0 : -ENOMEM;
	for (size_t i = 0; i < flows->size; i++) {
		for (struct flow *flow = flows->table[i], *next; flow; flow = next) {
			next = flow->next;
			put(table, size, flow);
		}
	}
	free(flows->table);
	flows->table = table;
	flows->size = size;
	return 0;
}

static void take_out(struct flows *flows, struct flow *flow)
{
	struct flow **link = &flows->table[flow->hash & (flows->size - 1)];

	while (*link != flow)
		link = &(*link)->next;
	*link = flow->next;
	flows->count--;
}

/* Addresses */

static void key_of_source(const struct sockaddr_storage *sa, struct key *key)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->ss_family == AF_INET) {
		key->word[KEY_IP] = in->sin_addr.s_addr;
		key->word[KEY_PORT] = in->sin_port;
		return;
	}
	memcpy(&key->word[KEY_IP], &in6->sin6_addr, sizeof(in6->sin6_addr));
	key->word[KEY_PORT] = in6->sin6_port;
	key->word[KEY_SCOPE] = in6->sin6_scope_id;
}

/* Is it the address of a group? A socket of both versions has mapped ones too. */
static bool is_group(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_MULTICAST(ip) ||
	       (IN6_IS_ADDR_V4MAPPED(ip) && IN_MULTICAST(ntohl(ip->s6_addr32[3])));
}

/* The address that a datagram was sent to, if the socket reports it (socket_tell_destination()).
 * For a multicast datagram the kernel picks the source of the answer. */
static void key_of_destination(struct msghdr *message, struct key *key)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		struct in6_pktinfo in6;
		struct in_pktinfo in;

		if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
			memcpy(&in, CMSG_DATA(part), sizeof(in));
			key->word[KEY_LOCAL] = in.ipi_spec_dst.s_addr;
		} else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
			memcpy(&in6, CMSG_DATA(part), sizeof(in6));
			if (!is_group(&in6.ipi6_addr))
				memcpy(&key->word[KEY_LOCAL], &in6.ipi6_addr,
				       sizeof(in6.ipi6_addr));
		}
	}
}

static socklen_t place_of_source(const struct flows *flows, const struct key *key,
				 struct sockaddr_storage *sa)
{
	struct sockaddr_in *in = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (!flows->v6) {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = key->word[KEY_IP];
		in->sin_port = (in_port_t)key->word[KEY_PORT];
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, &key->word[KEY_IP], sizeof(in6->sin6_addr));
	in6->sin6_port = (in_port_t)key->word[KEY_PORT];
	in6->sin6_scope_id = key->word[KEY_SCOPE];
	return sizeof(*in6);
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Has the answer leave from the address that the source has sent to. */
static void answer_from(const struct flow *flow, struct msghdr *message, union control *control)
{
	static const uint32_t any[KEY_WORDS - KEY_LOCAL];
	const uint32_t *local = &flow->key.word[KEY_LOCAL];
	struct in_pktinfo in = { .ipi_spec_dst = { local[0] } };
	struct in6_pktinfo in6 = { 0 };
	bool v6 = flow->flows->v6;

	if (memcmp(local, any, sizeof(any)) == 0)
		return;
	memcpy(&in6.ipi6_addr, local, sizeof(in6.ipi6_addr));
	memset(control, 0, sizeof(*control));
	control->header.cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	control->header.cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	control->header.cmsg_len = CMSG_LEN(v6 ? sizeof(in6) : sizeof(in));
	memcpy(CMSG_DATA(&control->header), v6 ? (const void *)&in6 : (const void *)&in,
	       v6 ? sizeof(in6) : sizeof(in));
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(v6 ? sizeof(in6) : sizeof(in));
}

/* A flow's end of its relay */

static ssize_t read_offered(struct endpoint_hook *hook, void *data, size_t size)
{
	struct flow *flow = container_of(hook, struct flow, hook);

	const struct offer *offer = flow->offered;

	if (!offer)
		return -EAGAIN;
	if (offer->size < size)
		size = offer->size;
	memcpy(data, offer->data, size);
	flow->offered = offer->next;
	return (ssize_t)size;
}

static int write_answers(struct endpoint_hook *hook, const struct iovec *parts, size_t count)
{
	const struct flow *flow = container_of(hook, struct flow, hook);
	struct sockaddr_storage to;
	union control control;
	struct msghdr message = { .msg_name = &to };
	int put;

	message.msg_namelen = place_of_source(flow->flows, &flow->key, &to);
	answer_from(flow, &message, &control);
	put = endpoint_send_datagrams(flow->flows->fd, &message, parts, count);
	return put == -EAGAIN ? -ENOBUFS : put; /* the socket is everybody's: nobody waits for it */
}

struct endpoint flow_endpoint(struct flow *flow)
{
	int fd = flow->flows->fd;

	return (struct endpoint){
		.in = fd,
		.out = fd,
		.in_kind = ENDPOINT_FLOW,
		.out_kind = ENDPOINT_FLOW,
		.family = ADDR_UDP,
		.hook = &flow->hook,
	};
}

/* Datagrams */

/* Keeps one until there is a relay; false: it is dropped. */
static bool keep(struct flow *flow, const void *data, size_t size)
{
	struct loop_budget *budget = loop_budget(flow->flows->loop);
	size_t more = DATAGRAM_HEADER + size;
	unsigned char *kept;

	if (flow->kept_size > DATAGRAMS_KEPT || budget->used >= budget->limit)
		return false;
	kept = realloc(flow->kept, flow->kept_size + more);
	if (!kept)
		return false;
	datagram_put_length(kept + flow->kept_size, size);
	memcpy(kept + flow->kept_size + DATAGRAM_HEADER, data, size);
	flow->kept = kept;
	flow->kept_size += (uint32_t)more;
	budget->used += more;
	return true;
}

static void forget_kept(struct flow *flow)
{
	loop_budget(flow->flows->loop)->used -= flow->kept_size;
	free(flow->kept);
	flow->kept = NULL;
	flow->kept_size = 0;
}

/* A datagram from an unknown source. */
static void drop(const struct flows *flows)
{
	if (flows->owner)
		flows->owner->dropped++;
}

static void offer_later(struct flow *flow, struct offer *offer)
{
	offer->next = NULL;
	if (!flow->offered)
		flow->offered_end = &flow->offered;
	*flow->offered_end = offer;
	flow->offered_end = &offer->next;
}

static void newcomer(struct flows *flows, const struct offer *offer)
{
	struct flows_owner *owner = flows->owner;
	struct sockaddr_storage from;
	struct flow *flow;
	struct peer peer;

	if (!owner)
		return;
	flow = flows->silenced_count < SILENCED_MAX && owner->may_come(owner) && grow(flows) == 0
		       ? calloc(1, sizeof(*flow))
		       : NULL;
	if (!flow) {
		drop(flows);
		return;
	}
	flow->hook.read = read_offered;
	flow->hook.write_datagrams = write_answers;
	flow->flows = flows;
	flow->hash = offer->hash;
	flow->key = offer->key;
	put(flows->table, flows->size, flow);
	flows->count++;
	flow->dropped += !keep(flow, offer->data, offer->size);
	peer_from_sockaddr((const struct sockaddr *)&from,
			   place_of_source(flows, &offer->key, &from), &peer);
	peer.family = ADDR_UDP;
	owner->came(owner, flow, &peer);
}

/* To its flow: the one that is to be woken for it, or NULL. */
static struct flow *route(struct flows *flows, struct offer *offer)
{
	struct flow *flow = find(flows, &offer->key, offer->hash);

	if (flows->fd < 0)
		return NULL; /* all is over */
	if (!flow)
		newcomer(flows, offer);
	else if (flow->over)
		drop(flows);
	else if (!flow->relay)
		flow->dropped += !keep(flow, offer->data, offer->size);
	else
		offer_later(flow, offer);
	return flow && flow->relay ? flow : NULL;
}

/* The relay takes at once what it has room for. If the flow ended meanwhile, the rest starts
 * another flow. Returns the flow to wake then, or NULL. */
static struct flow *wake(struct flow *flow)
{
	struct flow *other = NULL;
	struct offer *next;

	while ((next = flow->offered)) {
		if (flow->relay)
			relay_wake(flow->flows->loop, flow->relay, 0);
		if (flow->offered != next)
			continue;
		flow->offered = next->next;
		if (flow->relay)
			flow->relay->chan[0].dropped++;
		else
			other = route(flow->flows, next);
	}
	return other;
}

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_storage from[BATCH];
	union control control[BATCH];
	struct offer offers[BATCH];
	struct flow *flows[BATCH];
	unsigned char data[BATCH][DATAGRAM_STRIDE];
};

/* How many, or a negative errno. */
static int read_batch(const struct flows *flows, struct batch *batch)
{
	int got;

	for (size_t i = 0; i < BATCH; i++) {
		batch->parts[i] = (struct iovec){ .iov_base = batch->data[i],
						  .iov_len = DATAGRAM_MAX };
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->parts[i],
			.msg_iovlen = 1,
			.msg_control = &batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
	}
	got = recvmmsg(flows->fd, batch->messages, BATCH, MSG_DONTWAIT, NULL);
	return got < 0 ? -errno : got;
}

static struct flow *take(struct flows *flows, struct batch *batch, int i)
{
	struct msghdr *message = &batch->messages[i].msg_hdr;
	struct offer *offer = &batch->offers[i];

	if (message->msg_flags & MSG_TRUNC) { /* a jumbogram of IPv6 */
		drop(flows);
		return NULL;
	}
	*offer = (struct offer){ .data = batch->data[i], .size = batch->messages[i].msg_len };
	key_of_source(&batch->from[i], &offer->key);
	key_of_destination(message, &offer->key);
	offer->hash = hash_of(flows, &offer->key);
	return route(flows, offer);
}

/* What is for one flow is offered together, so that its relay can send it together. */
static void flows_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct flows *flows = container_of(watch, struct flows, watch);
	struct batch *batch = loop_batch(loop, sizeof(*batch));
	int got = BATCH;

	(void)events;
	if (!batch)
		return;
	for (int turn = 0; turn < TURN && got == BATCH && flows->fd >= 0; turn++) {
		got = read_batch(flows, batch); /* an error that belongs to no flow */
		for (int i = 0; i < got; i++)
			batch->flows[i] = take(flows, batch, i);
		for (int i = 0; i < got; i++)
			for (struct flow *flow = batch->flows[i]; flow; flow = wake(flow))
				;
	}
}

/* The end of a flow */

static void free_flows(struct flows *flows)
{
	loop_unwatch(flows->loop, &flows->watch);
	loop_timer_stop(flows->loop, &flows->timer);
	fd_close(&flows->fd);
	free(flows->table);
	flows->table = NULL;
	flows->size = 0;
	loop_free_later(flows->loop, flows);
}

static void forget(struct flow *flow)
{
	struct flows *flows = flow->flows;

	take_out(flows, flow);
	loop_free_later(flows->loop, flow);
	if (!flows->owner && !flows->count)
		free_flows(flows);
}

static void forget_silenced(struct flows *flows, uint64_t until)
{
	struct flow *flow;

	while ((flow = flows->silenced) && flow->over_at <= until) {
		flows->silenced = flow->silenced;
		if (!flows->silenced)
			flows->silenced_end = &flows->silenced;
		flows->silenced_count--;
		forget(flow);
	}
}

/* Ends idle flows, whose answers could not be sent any more. */
static void end_quiet(struct flows *flows)
{
	uint64_t now = loop_now(flows->loop);

	for (size_t i = 0; i < flows->size; i++) {
		for (struct flow *flow = flows->table[i], *next; flow; flow = next) {
			struct relay *relay = flow->relay;

			next = flow->next;
			if (relay && now >= relay->moved + QUIET)
				relay_stop(flows->loop, relay, 0);
		}
	}
}

static void timer_over(struct loop *loop, struct timer *timer)
{
	struct flows *flows = flows_of(timer);

	if (flows->owner) {
		forget_silenced(flows, loop_now(loop));
		if (flows->silenced)
			loop_timer(loop, timer, flows->silenced->over_at);
		return;
	}
	end_quiet(flows);
	if (flows->fd >= 0)
		loop_timer(loop, timer, loop_now(loop) + QUIET);
}

/* What its source sends is swallowed for a while. */
static void silence(struct flow *flow)
{
	struct flows *flows = flow->flows;

	flow->over = true;
	flow->over_at = loop_now(flows->loop) + SILENCE;
	*flows->silenced_end = flow;
	flows->silenced_end = &flow->silenced;
	flows->silenced_count++;
	if (!loop_timer_is_set(&flows->timer))
		loop_timer(flows->loop, &flows->timer, flow->over_at);
}

void flow_end(struct flow *flow)
{
	bool served = flow->relay != NULL;

	forget_kept(flow);
	flow->relay = NULL;
	if (served || !flow->flows->owner)
		forget(flow);
	else
		silence(flow);
}

uint64_t flow_dropped(const struct flow *flow)
{
	return flow->relay ? 0 : flow->dropped;
}

void flow_relaying(struct flow *flow, struct relay *relay)
{
	unsigned char *kept = flow->kept;
	uint32_t size = flow->kept_size;

	flow->relay = relay;
	relay->chan[0].dropped += flow->dropped;
	flow->kept = NULL;
	flow->kept_size = 0;
	loop_budget(flow->flows->loop)->used -= size;
	for (size_t at = 0, length; flow->relay && datagram_frame(kept + at, size - at, &length);
	     at += DATAGRAM_HEADER + length) {
		struct offer offer = { .data = kept + at + DATAGRAM_HEADER,
				       .size = length,
				       .hash = flow->hash,
				       .key = flow->key };

		offer_later(flow, &offer);
		relay_wake(flow->flows->loop, relay, 0);
		if (flow->offered && flow->relay)
			relay->chan[0].dropped++;
		flow->offered = NULL;
	}
	free(kept);
}

/* Start and end */

struct flows *flows_start(struct loop *loop, int fd, struct flows_owner *owner)
{
	static const struct watch_kind kind = { .name = "datagrams", .ready = flows_ready };
	struct flows *flows = calloc(1, sizeof(*flows));

	if (!flows)
		return NULL;
	if (getrandom(flows->keys, sizeof(flows->keys), 0) < 0)
		memset(flows->keys, 0x5a, sizeof(flows->keys)); /* before Linux 3.17 */
	flows->watch = (struct watch){ .kind = &kind, .fd = -1 };
	flows->timer.expired = timer_over;
	flows->loop = loop;
	flows->owner = owner;
	flows->silenced_end = &flows->silenced;
	flows->fd = fd;
	flows->v6 = socket_option(fd, SO_DOMAIN) == AF_INET6;
	return flows;
}

int flows_serve(struct flows *flows)
{
	return loop_watch(flows->loop, &flows->watch, flows->fd, EPOLLIN);
}

void flows_release(struct flows *flows, bool shared)
{
	if (shared)
		loop_unwatch(flows->loop, &flows->watch);
	forget_silenced(flows, UINT64_MAX);
	flows->owner = NULL;
	loop_timer_stop(flows->loop, &flows->timer);
	if (!flows->count)
		free_flows(flows);
	else
		loop_timer(flows->loop, &flows->timer, units_now() + QUIET);
}
