/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much the copy engine asks for, and when a transfer is spliced and copied again: each turn is
 * called directly. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "net/addr.h"
#include "net/endpoint.h"
#include "relay/loop.h"
#include "relay/pipe.h"
#include "relay/relay.h"
#include "relay/transfer.h"
#include "relay/trial.h"

#define ALLOWANCE (8ULL << 20)

/* A source that always has more, and a destination with so much room. */
static size_t first_asked, most_asked, room;

static ssize_t give(struct endpoint_hook *hook, void *data, size_t size)
{
	(void)hook;
	memset(data, 'x', size);
	if (!first_asked)
		first_asked = size;
	most_asked = size > most_asked ? size : most_asked;
	return (ssize_t)size;
}

static ssize_t take(struct endpoint_hook *hook, const void *data, size_t size)
{
	size_t taken = size < room ? size : room;

	(void)hook;
	(void)data;
	room -= taken;
	return taken ? (ssize_t)taken : -EAGAIN;
}

static struct endpoint_hook hook = { .read = give, .write = take };

/* One turn, in which a destination takes so much. */
static void turn(struct loop *loop, struct chan *chan, uint64_t buffer, size_t taken)
{
	const struct endpoint hooked = { .in = -1,
					 .out = -1,
					 .in_kind = ENDPOINT_HOOKED,
					 .out_kind = ENDPOINT_HOOKED,
					 .family = ADDR_STDIO,
					 .standard = true,
					 .hook = &hook };
	struct relay_settings settings = relay_defaults;
	struct transfer transfer = { .loop = loop,
				     .source = &hooked,
				     .destination = &hooked,
				     .settings = &settings,
				     .allowance = ALLOWANCE,
				     .left = UINT64_MAX };

	settings.buffer = buffer;
	first_asked = most_asked = 0;
	room = taken;
	assert_int_equal(transfer_run(chan, &transfer),
			 taken < ALLOWANCE ? MOVE_FULL : MOVE_BUDGET);
}

static void a_source_that_always_has_more_is_asked_for_more(void **state)
{
	struct chan chan = { .engine = CHAN_COPY };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_start(&loop), 0);
	turn(loop, &chan, 0, SIZE_MAX);
	assert_int_equal(first_asked, 64 << 10);
	assert_int_equal(most_asked, 1 << 20);
	/* a destination that takes less at once */
	turn(loop, &chan, 0, 1000);
	assert_int_equal(first_asked, 1 << 20);
	turn(loop, &chan, 0, chan_unsent(&chan) + 1);
	assert_int_equal(first_asked, 512 << 10);
	/* but not less than at the beginning */
	for (int i = 0; i < 10; i++)
		turn(loop, &chan, 0, chan_unsent(&chan) + 1);
	assert_int_equal(first_asked, 64 << 10);
	chan_drop(loop, &chan);
	loop_free(loop);
}

static void no_more_is_asked_for_than_the_setting_permits(void **state)
{
	static const size_t buffers[] = { 5000, 65536, 100000, 2 << 20 };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_start(&loop), 0);
	for (size_t i = 0; i < sizeof(buffers) / sizeof(*buffers); i++) {
		struct chan chan = { .engine = CHAN_COPY };

		turn(loop, &chan, buffers[i], SIZE_MAX);
		assert_int_equal(first_asked, buffers[i] < 65536 ? buffers[i] : 65536);
		assert_int_equal(most_asked, buffers[i]);
		chan_drop(loop, &chan);
	}
	loop_free(loop);
}

/* Two connections, of which the test holds the far ends. */
struct pair {
	struct loop *loop;
	struct endpoint source, destination;
	int from, to;
	struct chan chan;
};

static void pair_open(struct pair *pair, unsigned engine)
{
	int in[2], out[2];

	*pair = (struct pair){ .chan = { .engine = (uint8_t)engine, .may_splice = true } };
	assert_int_equal(loop_start(&pair->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out),
			 0);
	pair->source = endpoint_socket(in[0], ADDR_UNIX, false);
	pair->destination = endpoint_socket(out[0], ADDR_UNIX, false);
	pair->from = in[1];
	pair->to = out[1];
}

static void pair_close(struct pair *pair)
{
	chan_drop(pair->loop, &pair->chan);
	endpoint_close(&pair->source);
	endpoint_close(&pair->destination);
	fd_close(&pair->from);
	fd_close(&pair->to);
	loop_free(pair->loop);
}

/* So much arrives at once, and passes. Returns the engine of the next turn. */
static unsigned passes(struct pair *pair, size_t size)
{
	static char sent[65536], got[65536];
	struct transfer transfer = { .loop = pair->loop,
				     .source = &pair->source,
				     .destination = &pair->destination,
				     .settings = &relay_defaults,
				     .allowance = ALLOWANCE,
				     .left = UINT64_MAX };

	memset(sent, (int)size, size);
	assert_int_equal(write(pair->from, sent, size), size);
	assert_int_equal(transfer_run(&pair->chan, &transfer), MOVE_EMPTY);
	assert_int_equal(read(pair->to, got, sizeof(got)), size);
	assert_memory_equal(sent, got, size);
	return pair->chan.engine;
}

static void two_large_reads_in_a_row_are_a_flow_to_splice(void **state)
{
	struct pair pair;

	(void)state;
	pair_open(&pair, CHAN_COPY);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
		assert_int_equal(passes(&pair, (32 << 10) - 1), CHAN_COPY); /* not in a row */
	}
	assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
	assert_int_equal(passes(&pair, 32 << 10), CHAN_SPLICE);
	pair_close(&pair);
}

static void a_spliced_flow_of_small_pieces_is_copied_again(void **state)
{
	struct pair pair;

	(void)state;
	pair_open(&pair, CHAN_SPLICE);
	for (int i = 0; i < 31; i++)
		assert_int_equal(passes(&pair, 1000), CHAN_SPLICE);
	assert_int_equal(passes(&pair, 16 << 10), CHAN_SPLICE); /* is not small */
	for (int i = 0; i < 31; i++)
		assert_int_equal(passes(&pair, (16 << 10) - 1), CHAN_SPLICE);
	assert_int_equal(passes(&pair, 1000), CHAN_COPY);
	assert_null(pair.chan.pipe); /* and was given back */
	assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
	assert_int_equal(passes(&pair, 32 << 10), CHAN_SPLICE);
	pair_close(&pair);
}

/* The trial decides for every flow of its pair, also for one that is spliced already. */
static void a_flow_follows_the_verdict_of_the_trial(void **state)
{
	struct pair pair;
	struct trial *trial;

	(void)state;
	pair_open(&pair, CHAN_SPLICE);
	pair.source.family = ADDR_VSOCK;
	trial = &loop_trials(pair.loop)[ADDR_UNIX - ADDR_VSOCK];
	*trial = (struct trial){ .turn = TRIAL_TURNS, .left = TRIAL_KEEP, .splice_wins = true };
	assert_int_equal(passes(&pair, 32 << 10), CHAN_SPLICE);
	trial->splice_wins = false;
	assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
	for (int i = 0; i < 4; i++)
		assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
	trial->splice_wins = true;
	assert_int_equal(passes(&pair, 32 << 10), CHAN_COPY);
	assert_int_equal(passes(&pair, 32 << 10), CHAN_SPLICE);
	pair_close(&pair);
}

/* A pipe is held while the destination is full. From or to TCP more is in flight than between two
 * UNIX sockets. */
static bool holds_a_large_pipe(uint8_t from, uint8_t to)
{
	struct pair pair;
	bool large;
	struct transfer transfer = { .source = &pair.source,
				     .destination = &pair.destination,
				     .settings = &relay_defaults,
				     .allowance = ALLOWANCE,
				     .left = UINT64_MAX };

	pair_open(&pair, CHAN_SPLICE);
	while (write(pair.destination.out, "full", 4) > 0)
		;
	pair.source.family = from;
	pair.destination.family = to;
	assert_int_equal(write(pair.from, "more", 4), 4);
	transfer.loop = pair.loop;
	assert_int_equal(transfer_run(&pair.chan, &transfer), MOVE_AHEAD);
	assert_non_null(pair.chan.pipe);
	assert_int_equal(pair.chan.pipe->bytes, 4);
	large = pair.chan.pipe->large;
	assert_int_equal(loop_budget(pair.loop)->used, pair.chan.pipe->capacity);
	pair_close(&pair);
	return large;
}

static void only_between_unix_sockets_the_pipe_is_a_smaller_one(void **state)
{
	(void)state;
	assert_false(holds_a_large_pipe(ADDR_UNIX, ADDR_UNIX));
	assert_true(holds_a_large_pipe(ADDR_UNIX, ADDR_TCP));
	assert_true(holds_a_large_pipe(ADDR_TCP, ADDR_UNIX));
}

static void pipes_are_used_again_and_limited(void **state)
{
	struct loop *loop;
	struct pipe *first, *second;

	(void)state;
	assert_int_equal(loop_start(&loop), 0);
	loop_budget(loop)->pipes = 2;
	first = pipe_take(loop, false);
	second = pipe_take(loop, true);
	assert_non_null(first);
	assert_non_null(second);
	assert_false(first->large);
	assert_true(second->large);
	assert_true(second->capacity > first->capacity);
	assert_int_equal(loop_budget(loop)->used, first->capacity + second->capacity);
	assert_null(pipe_take(loop, false));
	assert_null(pipe_take(loop, true));
	pipe_give_back(loop, first);
	assert_null(pipe_take(loop, true)); /* it is a smaller one */
	assert_ptr_equal(pipe_take(loop, false), first);
	/* one that holds bytes is closed, and makes room for another */
	first->bytes = 1;
	pipe_give_back(loop, first);
	pipe_give_back(loop, second);
	assert_ptr_equal(pipe_take(loop, true), second);
	first = pipe_take(loop, true);
	assert_non_null(first);
	assert_int_equal(first->bytes, 0);
	pipe_give_back(loop, first);
	pipe_give_back(loop, second);
	assert_int_equal(loop_budget(loop)->used, 0);
	/* what the budget does not hold is not taken, to the byte */
	loop_budget(loop)->limit = second->capacity - 1;
	assert_null(pipe_take(loop, true));
	loop_budget(loop)->limit = second->capacity;
	first = pipe_take(loop, true);
	assert_non_null(first);
	pipe_give_back(loop, first);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_that_always_has_more_is_asked_for_more),
		cmocka_unit_test(no_more_is_asked_for_than_the_setting_permits),
		cmocka_unit_test(two_large_reads_in_a_row_are_a_flow_to_splice),
		cmocka_unit_test(a_spliced_flow_of_small_pieces_is_copied_again),
		cmocka_unit_test(only_between_unix_sockets_the_pipe_is_a_smaller_one),
		cmocka_unit_test(pipes_are_used_again_and_limited),
		cmocka_unit_test(a_flow_follows_the_verdict_of_the_trial),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
