/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sender, on a UNIX seqpacket socket: what it does is the same there, and the kernel's answer
 * to a full peer is plain. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/endpoint.h"
#include "net/sender.h"

#define PATIENCE 60000 /* ms */

struct pair {
	struct sender *sender;
	int near, far;
};

static void pair_make(struct pair *pair)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sender_start(ends[0], &pair->sender), 0);
	pair->near = ends[0];
	pair->far = ends[1];
}

static void pair_free(struct pair *pair)
{
	sender_stop(pair->sender);
	close(pair->near);
}

static int writable(const struct pair *pair, int ms)
{
	struct pollfd entry = { .fd = sender_event(pair->sender), .events = POLLOUT };

	return poll(&entry, 1, ms);
}

/* As a relay does: the same again until it has gone. */
static ssize_t write_through(const struct pair *pair, const void *data, size_t size)
{
	ssize_t put = sender_write(pair->sender, data, size, 0);

	assert_int_equal(put, -EAGAIN);
	assert_int_equal(writable(pair, PATIENCE), 1);
	return sender_write(pair->sender, data, size, 0);
}

static void messages_go_one_by_one_and_whole(void **state)
{
	static unsigned char data[60000], got[sizeof(data) + 1];
	struct pair pair;

	(void)state;
	pair_make(&pair);
	assert_int_equal(writable(&pair, 0), 1);
	for (size_t size = 1; size < sizeof(data); size = size * 3 + 1) {
		memset(data, (int)size, size);
		assert_int_equal(write_through(&pair, data, size), size);
		assert_int_equal(recv(pair.far, got, sizeof(got), 0), size);
		assert_memory_equal(got, data, size);
	}
	pair_free(&pair);
	assert_int_equal(recv(pair.far, got, sizeof(got), 0), 0);
	close(pair.far);
}

/* Fills the peer's queue, and begins a message that finds no room. */
static void fill(const struct pair *pair)
{
	static const unsigned char data[10000];

	while (send(pair->near, data, sizeof(data), MSG_DONTWAIT) >= 0)
		;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sender_write(pair->sender, data, sizeof(data), 0), -EAGAIN);
}

static void a_full_peer_is_waited_for_without_blocking(void **state)
{
	static unsigned char got[10000];
	struct pair pair;

	(void)state;
	pair_make(&pair);
	fill(&pair);
	assert_int_equal(sender_write(pair.sender, got, sizeof(got), 0), -EAGAIN);
	/* The last one may be received before the thread says that it has been sent. */
	while (writable(&pair, 1) == 0) {
		ssize_t size = recv(pair.far, got, sizeof(got), MSG_DONTWAIT);

		assert_true(size == sizeof(got) || (size < 0 && errno == EAGAIN));
	}
	assert_int_equal(sender_write(pair.sender, got, sizeof(got), 0), sizeof(got));
	pair_free(&pair);
	close(pair.far);
}

static void to_stop_ends_a_message_that_waits(void **state)
{
	struct pair pair;

	(void)state;
	pair_make(&pair);
	fill(&pair);
	pair_free(&pair);
	close(pair.far);
}

static void an_error_is_told(void **state)
{
	struct pair pair;

	(void)state;
	pair_make(&pair);
	close(pair.far);
	assert_int_equal(write_through(&pair, "x", 1), -EPIPE);
	pair_free(&pair);
}

static void the_socket_stays_the_caller_s(void **state)
{
	int ends[2];
	struct sender *sender;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sender_start(ends[0], &sender), 0);
	sender_stop(sender);
	assert_int_equal(send(ends[0], "x", 1, 0), 1);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_one_by_one_and_whole),
		cmocka_unit_test(a_full_peer_is_waited_for_without_blocking),
		cmocka_unit_test(to_stop_ends_a_message_that_waits),
		cmocka_unit_test(an_error_is_told),
		cmocka_unit_test(the_socket_stays_the_caller_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
