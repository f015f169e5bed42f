/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load oneway and pingpong. */
#include "load.h"

/*
 * oneway: bytes a second, verified where they arrive
 */

struct sender {
	int fd;
	uint64_t seed;
	uint64_t bytes;
	uint64_t sent;
	struct answer answer;
	size_t have; /* bytes of the answer */
	bool broken;
	bool done;
};

static void sender_write(struct sender *c, int epoll)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	for (int i = 0; i < 8 && c->sent < c->bytes; i++) {
		const unsigned char *data;
		size_t size = pattern_make(c->seed, c->sent, c->bytes, &data);
		ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

		if (would_block(n))
			return;
		if (n < 0) {
			c->broken = c->done = true;
			epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
			return;
		}
		c->sent += (uint64_t)n;
	}
	if (c->sent == c->bytes) {
		shutdown(c->fd, SHUT_WR);
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev);
	}
}

static void sender_read(struct sender *c, int epoll)
{
	ssize_t n = recv(c->fd, (unsigned char *)&c->answer + c->have, sizeof(c->answer) - c->have,
			 0);

	if (would_block(n))
		return;
	if (n > 0)
		c->have += (size_t)n;
	if (n > 0 && c->have < sizeof(c->answer))
		return;
	c->done = true;
	epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

/* Has all arrived at the sink, though some connection still waits for its answer? */
static bool arrived(const struct options *o, uint64_t conns)
{
	return o->control_text != NULL &&
	       counter_of(ask_counters(&o->control, o->control_text, false, o->limit),
			  "complete") >= (double)conns;
}

/* Sends everything and collects the answers; returns when there is nothing more to wait for. */
static void senders_run(const struct options *o, struct sender *senders, int epoll)
{
	struct epoll_event events[64];
	uint64_t arrived_ns = 0;
	uint64_t open = o->conns;

	while (open > 0) {
		int n = epoll_wait(epoll, events, 64, 250);

		for (int i = 0; i < n; i++) {
			struct sender *c = events[i].data.ptr;

			if (c->sent < c->bytes)
				sender_write(c, epoll);
			else
				sender_read(c, epoll);
		}
		open = 0;
		for (uint64_t i = 0; i < o->conns; i++)
			open += !senders[i].done;
		if (n != 0)
			continue;
		if (arrived_ns == 0 && arrived(o, o->conns))
			arrived_ns = now_ns();
		if (arrived_ns != 0 && now_ns() - arrived_ns > GRACE_NS)
			return;
	}
}

/* After the senders have ended, the last bytes may still be on their way. */
static const char *final_counters(const struct options *o)
{
	const char *text;
	uint64_t end = now_ns() + GRACE_NS;

	do {
		text = ask_counters(&o->control, o->control_text, false, o->limit);
		if (counter_of(text, "complete") >= (double)o->conns)
			break;
		usleep(20000);
	} while (now_ns() < end);
	return text;
}

static int oneway_report(const struct options *o, const struct sender *senders, double own_seconds,
			 double own_cpu)
{
	uint64_t total = 0, answered = 0, wrong = 0;
	double server_seconds = own_seconds, server_cpu = 0, arrived_bytes = 0;

	for (uint64_t i = 0; i < o->conns; i++) {
		const struct sender *c = &senders[i];

		total += c->bytes;
		if (c->have == sizeof(c->answer)) {
			answered++;
			wrong += c->answer.errors + (c->answer.bytes != c->bytes);
		}
	}
	if (o->control_text != NULL) {
		const char *text = final_counters(o);

		server_seconds = counter_of(text, "seconds");
		server_cpu = counter_of(text, "cpu");
		arrived_bytes = counter_of(text, "bytes");
		wrong += (uint64_t)counter_of(text, "errors");
	} else if (answered == o->conns) {
		arrived_bytes = (double)total;
	}
	printf("{\"test\":\"oneway\",\"conns\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"arrived\":%.0f,\"wrong\":%" PRIu64
	       ",\"seconds\":%.6f,\"mib_s\":%.2f,\"sender_seconds\":%.6f,\"sender_cpu\":%.4f,\"sink_cpu\":%.4f,"
	       "\"answers\":%" PRIu64 ",\"half_close\":\"%s\"}\n",
	       o->conns, total, arrived_bytes, wrong, server_seconds,
	       server_seconds > 0 ? (double)total / 1048576 / server_seconds : 0, own_seconds,
	       own_cpu, server_cpu, answered, answered == o->conns ? "kept" : "lost");
	return wrong == 0 && (uint64_t)arrived_bytes == total ? 0 : 1;
}

int run_oneway(struct options *o)
{
	struct sender *senders = allocate(o->conns, sizeof(*senders));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t start;
	double cpu;
	int status;

	if (o->control_text != NULL)
		ask_counters(&o->control, o->control_text, true, o->limit);
	for (uint64_t i = 0; i < o->conns; i++) {
		struct sender *c = &senders[i];
		struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };

		c->seed = i + 1;
		c->bytes = o->bytes / o->conns;
		c->fd = open_conn(o, MODE_SINK, c->bytes, c->seed);
		set_blocking(c->fd, false);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
			fail("epoll_ctl: %s", strerror(errno));
	}
	start = now_ns();
	cpu = cpu_seconds();
	senders_run(o, senders, epoll);
	status = oneway_report(o, senders, seconds(now_ns() - start), cpu_seconds() - cpu);
	free(senders);
	close(epoll);
	return status;
}

/*
 * pingpong: round trips
 */

static void round_trip(int fd, uint64_t number, unsigned char *message, unsigned char *back,
		       size_t size)
{
	memcpy(message, &number, sizeof(number));
	if (!write_all(fd, message, size) || !read_all(fd, back, size))
		fail("the connection ended after %" PRIu64 " round trips", number);
	if (memcmp(message, back, size) != 0)
		fail("round trip %" PRIu64 " brought back something else", number);
}

int run_pingpong(struct options *o)
{
	uint64_t *times = allocate(o->count, sizeof(*times)), sum = 0, done = 0,
		 warm = o->count / 100 + 1, end;
	unsigned char *message = allocate(1, o->size), *back = allocate(1, o->size);
	int fd;

	fd = open_conn(o, MODE_ECHO, 0, 0);
	for (uint64_t i = 0; i < warm; i++)
		round_trip(fd, i, message, back, o->size);
	end = now_ns() + o->seconds * UINT64_C(1000000000);
	while (done < o->count && (done == 0 || now_ns() < end)) {
		uint64_t start = now_ns();

		round_trip(fd, warm + done, message, back, o->size);
		times[done] = now_ns() - start;
		sum += times[done++];
	}
	qsort(times, done, sizeof(*times), compare_u64);
	printf("{\"test\":\"pingpong\",\"size\":%" PRIu64 ",\"count\":%" PRIu64
	       ",\"min_us\":%.2f,\"median_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f,\"mean_us\":%.2f}\n",
	       o->size, done, percentile_us(times, done, 0), percentile_us(times, done, 0.5),
	       percentile_us(times, done, 0.99), percentile_us(times, done, 1),
	       (double)sum / 1e3 / (double)done);
	free(times);
	free(message);
	free(back);
	close(fd);
	return 0;
}
