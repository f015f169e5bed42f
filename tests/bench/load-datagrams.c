/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load datagrams and reflect. */
#include "load.h"

/*
 * datagrams: so many are on their way at once, out and back; reflect is the other end
 */

#define DATAGRAMS 32 /* of one system call */
#define DATAGRAM_MOST 65507
#define LOST_AFTER_US                                                               \
	200000 /* without any that comes back: those that are on their way are lost \
		*/

struct datagrams {
	struct mmsghdr messages[DATAGRAMS];
	struct iovec parts[DATAGRAMS];
	struct sockaddr_storage from[DATAGRAMS];
	unsigned char *data; /* DATAGRAM_MOST for each */
};

static void datagrams_make(struct datagrams *d, bool with_source)
{
	d->data = allocate(DATAGRAMS, DATAGRAM_MOST);
	for (size_t i = 0; i < DATAGRAMS; i++) {
		d->parts[i] = (struct iovec){ .iov_base = d->data + i * DATAGRAM_MOST,
					      .iov_len = DATAGRAM_MOST };
		d->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &d->parts[i],
							  .msg_iovlen = 1 };
		if (with_source)
			d->messages[i].msg_hdr.msg_name = &d->from[i];
	}
}

/* How many; not more than 0: it failed. */
static int reflect(int fd, struct datagrams *d)
{
	int got;

	for (size_t i = 0; i < DATAGRAMS; i++) {
		d->parts[i].iov_len = DATAGRAM_MOST;
		d->messages[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
	}
	got = recvmmsg(fd, d->messages, DATAGRAMS, MSG_WAITFORONE, NULL);
	for (int i = 0; i < got; i++)
		d->parts[i].iov_len = d->messages[i].msg_len;
	for (int sent = 0, n; sent<got; sent += n> 0 ? n : 1) /* one that can't be sent is lost */
		n = sendmmsg(fd, d->messages + sent, (unsigned)(got - sent), 0);
	return got;
}

int run_reflect(struct options *o)
{
	static struct datagrams d;
	int fd = listen_at(&o->addr, o->addr_text);

	set_blocking(fd, true);
	datagrams_make(&d, true);
	print_listening(fd, o);
	while (reflect(fd, &d) > 0)
		;
	fail("%s: recvmmsg: %s", o->addr_text, strerror(errno));
}

/* The number of a datagram, at its begin and in its last byte. */
static void datagram_write(unsigned char *data, size_t size, uint64_t number)
{
	memcpy(data, &number, sizeof(number));
	data[size - 1] = (unsigned char)number;
}

struct volley {
	int fd;
	struct datagrams out, in;
	unsigned char *seen; /* of each number */
	uint64_t next, under_way, back, wrong;
};

static void volley_send(const struct options *o, struct volley *v)
{
	while (v->under_way < o->parallel && v->next < o->count) {
		uint64_t room = o->parallel - v->under_way, left = o->count - v->next,
			 few = room < left ? room : left;
		int n = 0, want = few < DATAGRAMS ? (int)few : DATAGRAMS;

		for (int i = 0; i < want; i++) {
			datagram_write(v->out.parts[i].iov_base, o->size, v->next + (uint64_t)i);
			v->out.parts[i].iov_len = o->size;
		}
		n = sendmmsg(v->fd, v->out.messages, (unsigned)want, 0);
		if (n <= 0)
			fail("%s: sendmmsg: %s", o->addr_text, strerror(errno));
		v->next += (uint64_t)n;
		v->under_way += (uint64_t)n;
	}
}

static void volley_check(const struct options *o, struct volley *v, const unsigned char *data,
			 size_t size)
{
	uint64_t number = 0;

	memcpy(&number, data, sizeof(number));
	if (size != o->size || number >= v->next || data[size - 1] != (unsigned char)number ||
	    v->seen[number]) {
		v->wrong++;
		return;
	}
	v->seen[number] = 1;
	v->back++;
}

static void volley_receive(const struct options *o, struct volley *v)
{
	int got = recvmmsg(v->fd, v->in.messages, DATAGRAMS, MSG_WAITFORONE, NULL);

	if (got < 0 && (errno == EAGAIN || errno == ECONNREFUSED)) {
		v->under_way = 0; /* lost */
		return;
	}
	if (got < 0)
		fail("%s: recvmmsg: %s", o->addr_text, strerror(errno));
	for (int i = 0; i < got; i++)
		volley_check(o, v, v->in.parts[i].iov_base, v->in.messages[i].msg_len);
	/* a late one was counted as lost */
	v->under_way -= (uint64_t)got < v->under_way ? (uint64_t)got : v->under_way;
}

int run_datagrams(struct options *o)
{
	static struct volley v;
	struct timeval patience = { .tv_usec = LOST_AFTER_US };
	uint64_t start, taken;

	if (o->addr.type != SOCK_DGRAM || o->size > DATAGRAM_MOST)
		fail("datagrams are of UDP, and have at most %d bytes", DATAGRAM_MOST);
	v.fd = connect_to(&o->addr, o->addr_text, o->limit);
	setsockopt(v.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	datagrams_make(&v.out, false);
	datagrams_make(&v.in, false);
	v.seen = allocate(o->count, 1);
	start = now_ns();
	while (v.next < o->count || v.under_way) {
		volley_send(o, &v);
		volley_receive(o, &v);
	}
	taken = now_ns() - start;
	printf("{\"test\":\"datagrams\",\"size\":%" PRIu64 ",\"count\":%" PRIu64
	       ",\"back\":%" PRIu64 ",\"wrong\":%" PRIu64
	       ",\"seconds\":%.6f,\"per_second\":%.0f,\"own_cpu\":%.6f}\n",
	       o->size, o->count, v.back, v.wrong, seconds(taken), (double)v.back / seconds(taken),
	       cpu_seconds());
	return 0;
}
