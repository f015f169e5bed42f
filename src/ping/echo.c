/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-echo: the probe that sends a payload over one connection to an echo service and checks what
 * comes back.
 *
 * Theory of operation: probes are a queue in the order of the stream. [head, wrote) are written and
 * await their echo, the first of them in part (read_offset); [wrote, tail) are to be written, the
 * first of them in part (write_offset). A probe that timed out stays in the queue as lost, for its
 * bytes are still in the stream. What is expected is computed again from the sequence number and
 * the time, so no payload is kept. A connection that breaks fails all that is in the queue; the
 * next probe makes a new one.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "ping/ping.h"

#define QUEUE_MAX 65536 /* lost ones included: a power of two */
#define READ_SIZE 65536
#define HEADER_SIZE 16 /* sequence number and time, big endian; a shorter payload has none */

enum echo_state { ECHO_DOWN, ECHO_DIALLING, ECHO_UP };

struct echo_probe {
	uint64_t seq, queued, sent; /* ns; sent 0: nothing of it is written */
	bool lost;
};

struct echo {
	struct ping *ping;
	enum echo_state state;
	struct dial dial;
	struct watch watch;
	struct timer timer; /* the oldest probe that is not lost */
	int fd;
	uint64_t head, wrote, tail; /* count up; modulo QUEUE_MAX they are places */
	size_t write_offset, read_offset;
	bool broken; /* of the probe at head */
	uint64_t broken_at;
	uint8_t *payload; /* of the probe that is being written */
	uint64_t filled; /* its seq; 0: none */
	size_t size;
	struct echo_probe queue[QUEUE_MAX];
};

static struct echo_probe *probe_at(struct echo *echo, uint64_t place)
{
	return &echo->queue[place % QUEUE_MAX];
}

/* The payload */

static void put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static void make_header(uint8_t header[HEADER_SIZE], const struct echo_probe *probe)
{
	put_u64(header, probe->seq);
	put_u64(header + 8, probe->sent);
}

/* Differs from probe to probe in every byte, so that a byte lost or doubled is seen wherever it is.
 */
static uint8_t body_byte(const struct echo_probe *probe, size_t place)
{
	return (uint8_t)(place * 7 + probe->seq * 131 + (place >> 8));
}

static size_t header_size(const struct echo *echo)
{
	return echo->size >= HEADER_SIZE ? HEADER_SIZE : 0;
}

static void fill_payload(struct echo *echo, const struct echo_probe *probe)
{
	uint8_t header[HEADER_SIZE];

	if (echo->filled == probe->seq)
		return;
	make_header(header, probe);
	memcpy(echo->payload, header, header_size(echo));
	for (size_t i = header_size(echo); i < echo->size; i++)
		echo->payload[i] = body_byte(probe, i);
	echo->filled = probe->seq;
}

/* How many of these bytes are those of the probe from place on. */
static size_t match(const struct echo *echo, const struct echo_probe *probe, size_t place,
		    const uint8_t *data, size_t size)
{
	uint8_t header[HEADER_SIZE];
	size_t i = 0;

	make_header(header, probe);
	for (; i < size && place + i < header_size(echo); i++)
		if (data[i] != header[place + i])
			return i;
	while (i < size && data[i] == body_byte(probe, place + i))
		i++;
	return i;
}

/* Results */

static void set_timer(struct echo *echo)
{
	for (uint64_t place = echo->head; place != echo->tail; place++) {
		if (!probe_at(echo, place)->lost) {
			loop_timer(echo->ping->loop, &echo->timer,
				   probe_at(echo, place)->queued + echo->ping->options->timeout);
			return;
		}
	}
	loop_timer_stop(echo->ping->loop, &echo->timer);
}

static void lose(struct echo *echo, struct echo_probe *probe, const struct failure *failure)
{
	enum ping_outcome outcome = failure->error == ETIMEDOUT ? PING_TIMEOUT : PING_ERROR;

	if (probe->lost)
		return;
	probe->lost = true;
	ping_result(
		echo->ping,
		&(struct ping_result){ .seq = probe->seq, .outcome = outcome, .failure = failure });
}

static void timer_expired(struct loop *loop, struct timer *timer)
{
	struct echo *echo = container_of(timer, struct echo, timer);
	struct failure failure = { .step = STEP_RELAY,
				   .error = ETIMEDOUT,
				   .waited = echo->ping->options->timeout };
	uint64_t now = units_now();

	(void)loop;
	for (uint64_t place = echo->head; place != echo->tail; place++)
		if (probe_at(echo, place)->queued + echo->ping->options->timeout <= now)
			lose(echo, probe_at(echo, place), &failure);
	set_timer(echo);
}

/* The connection ended: so did all that is on the way. */
static void go_down(struct echo *echo, const struct failure *failure)
{
	uint64_t tail = echo->tail;

	if (echo->head == tail && echo->state == ECHO_UP)
		ping_broke(echo->ping, failure);
	loop_unwatch(echo->ping->loop, &echo->watch);
	fd_close(&echo->fd);
	echo->state = ECHO_DOWN;
	for (; echo->head != tail; echo->head++)
		lose(echo, probe_at(echo, echo->head), failure);
	echo->wrote = echo->head;
	echo->write_offset = echo->read_offset = 0;
	echo->broken = false;
	set_timer(echo);
}

/* The stream */

static void probe_returned(struct echo *echo, uint64_t now)
{
	const struct echo_probe *probe = probe_at(echo, echo->head);
	struct ping_result result = {
		.seq = probe->seq,
		.rtt = now - probe->sent,
		.outcome = echo->broken ? PING_CORRUPT : PING_ECHOED,
		.offset = echo->broken_at,
	};
	bool lost = probe->lost;

	echo->head++;
	echo->read_offset = 0;
	echo->broken = false;
	if (!lost)
		ping_result(echo->ping, &result);
}

/* How many bytes of the oldest probe are written and not back yet: an echo never comes before. */
static size_t awaited(const struct echo *echo)
{
	if (echo->head < echo->wrote)
		return echo->size - echo->read_offset;
	return echo->head < echo->tail ? echo->write_offset - echo->read_offset : 0;
}

/* Compares size bytes of the oldest probe. */
static void take(struct echo *echo, const uint8_t *data, size_t size, uint64_t now)
{
	size_t good = echo->broken ? size
				   : match(echo, probe_at(echo, echo->head), echo->read_offset,
					   data, size);

	if (good < size) {
		echo->broken = true;
		echo->broken_at = echo->read_offset + good;
	}
	echo->read_offset += size;
	if (echo->read_offset == echo->size)
		probe_returned(echo, now);
}

/* False: more came than was sent. */
static bool take_all(struct echo *echo, const uint8_t *data, size_t size, uint64_t now)
{
	while (size > 0) {
		size_t part = awaited(echo);

		if (!part)
			return false;
		part = part < size ? part : size;
		take(echo, data, part, now);
		data += part;
		size -= part;
	}
	return true;
}

static void receive(struct echo *echo)
{
	/* of seqpacket all at once, or it is cut */
	size_t size = echo->size > READ_SIZE ? echo->size : READ_SIZE;
	uint8_t *data = loop_buffer(echo->ping->loop, size);
	ssize_t got = data ? recv(echo->fd, data, size, MSG_DONTWAIT) : -1;
	uint64_t now = units_now();
	int error = 0;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		error = ping_broken(echo->fd, got < 0 ? errno : EPIPE);
	else if (!take_all(echo, data, (size_t)got, now))
		error = EPROTO;
	if (error)
		go_down(echo, &(struct failure){ .step = STEP_RELAY, .error = error });
	else
		set_timer(echo);
}

/* 0 or a negative errno. */
static int watch(struct echo *echo)
{
	return loop_watch(echo->ping->loop, &echo->watch, echo->fd,
			  echo->wrote < echo->tail ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* True if the probe is written whole. */
static bool write_probe(struct echo *echo, struct echo_probe *probe, struct failure *failure)
{
	ssize_t done;

	if (!probe->sent)
		probe->sent = units_now();
	fill_payload(echo, probe);
	done = send(echo->fd, echo->payload + echo->write_offset, echo->size - echo->write_offset,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done < 0) {
		if (errno != EAGAIN && errno != EINTR)
			*failure = (struct failure){ .step = STEP_RELAY,
						     .error = ping_broken(echo->fd, errno) };
		return false;
	}
	echo->write_offset += (size_t)done;
	return echo->write_offset == echo->size;
}

static void send_more(struct echo *echo)
{
	struct failure failure = { 0 };
	int error;

	while (echo->wrote < echo->tail &&
	       write_probe(echo, probe_at(echo, echo->wrote), &failure)) {
		echo->wrote++;
		echo->write_offset = 0;
	}
	if (!failure.error && (error = watch(echo)) < 0)
		failure = (struct failure){ .step = STEP_SOCKET, .error = -error };
	if (failure.error)
		go_down(echo, &failure);
}

static void echo_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct echo *echo = container_of(watch, struct echo, watch);

	(void)loop;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(echo);
	if (echo->state == ECHO_UP)
		send_more(echo);
}

static const struct watch_kind echo_watch = { .name = "echo", .ready = echo_ready };

static void echo_dialled(struct loop *loop, struct dial *dial, int fd,
			 const struct failure *failure)
{
	struct echo *echo = container_of(dial, struct echo, dial);

	if (fd < 0) {
		go_down(echo, failure);
		return;
	}
	loop_unwatch(loop, &dial->watch);
	echo->fd = fd;
	echo->state = ECHO_UP;
	send_more(echo);
}

/* The kind */

static int echo_start(struct ping *ping)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (!echo)
		return -ENOMEM;
	echo->ping = ping;
	echo->fd = -1;
	echo->watch = (struct watch){ .kind = &echo_watch, .fd = -1 };
	echo->timer.expired = timer_expired;
	echo->size = ping->options->size;
	echo->payload = malloc(echo->size);
	if (!echo->payload) {
		free(echo);
		return -ENOMEM;
	}
	ping->probes = echo;
	return 0;
}

static void echo_send(struct ping *ping, uint64_t seq)
{
	struct echo *echo = ping->probes;
	struct failure full = { .step = STEP_RELAY, .error = ENOBUFS };

	if (echo->tail - echo->head == QUEUE_MAX) {
		ping_result(ping, &(struct ping_result){
					  .seq = seq, .outcome = PING_ERROR, .failure = &full });
		return;
	}
	*probe_at(echo, echo->tail++) = (struct echo_probe){ .seq = seq, .queued = units_now() };
	if (echo->state == ECHO_UP) {
		send_more(echo);
	} else if (echo->state == ECHO_DOWN) {
		echo->state = ECHO_DIALLING;
		dial_start(ping->dialer, &echo->dial, &ping->addr, &ping->dialling, echo_dialled);
	}
	set_timer(echo);
}

static void echo_stop(struct ping *ping)
{
	struct echo *echo = ping->probes;

	dial_cancel(&echo->dial);
	loop_timer_stop(ping->loop, &echo->timer);
	loop_unwatch(ping->loop, &echo->watch);
	fd_close(&echo->fd);
	free(echo->payload);
	free(echo);
	ping->probes = NULL;
}

const struct ping_kind ping_echo = { .start = echo_start, .send = echo_send, .stop = echo_stop };
