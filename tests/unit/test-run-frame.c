/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The frames of vsock-run: the test vectors of doc/run-protocol.md, and all that is not a frame. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "cli/run-link.h"

#define TOKEN "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
#define GREETING "VSOCKRUN\x01"

static const char request_bytes[] = "\x01\x00\x00\x00\x43" GREETING "\x01\x00\x19\x00\x84"
				    "\x00\x00\x00\x05xterm\x00\x00\x00\x04/tmp"
				    "\x00\x00\x00\x02me"
				    "\x00\x00\x00\x02\x00\x00\x00\x04"
				    "echo\x00\x00\x00\x03"
				    "a b\x00\x00\x00\x01\x00\x00\x00\x03"
				    "A=b";

static const struct {
	struct run_frame frame;
	const char *bytes;
	size_t size;
} vectors[] = {
#define BYTES(text) .bytes = (text), .size = sizeof(text) - 1
	{ { .type = RUN_STREAM, .token = TOKEN, .stream = RUN_ERRORS },
	  BYTES("\x02\x00\x00\x00\x1a" GREETING TOKEN "\x02") },
	{ { .type = RUN_ACCEPT, .token = TOKEN }, BYTES("\x03\x00\x00\x00\x10" TOKEN) },
	{ { .type = RUN_REFUSE, .status = 127, .text = "no" },
	  BYTES("\x04\x00\x00\x00\x07\x7f\x00\x00\x00\x02no") },
	{ { .type = RUN_END, .stream = RUN_OUTPUT, .bytes = 65537 },
	  BYTES("\x05\x00\x00\x00\x09\x01\x00\x00\x00\x00\x00\x01\x00\x01") },
	{ { .type = RUN_EXIT, .signal = 9 }, BYTES("\x06\x00\x00\x00\x02\x00\x09") },
	{ { .type = RUN_SIGNAL, .signal = 2 }, BYTES("\x07\x00\x00\x00\x01\x02") },
	{ { .type = RUN_WINDOW, .window = { 25, 132 } },
	  BYTES("\x08\x00\x00\x00\x04\x00\x19\x00\x84") },
	{ { .type = RUN_PING }, BYTES("\x09\x00\x00\x00\x00") },
	{ { .type = RUN_PONG }, BYTES("\x0a\x00\x00\x00\x00") },
};

static void frames(void **state)
{
	uint8_t data[RUN_HEADER + RUN_PAYLOAD_MAX + 1];
	struct run_frame frame;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		uint8_t type = (uint8_t)vectors[i].frame.type;
		size_t size = vectors[i].size - RUN_HEADER;

		assert_int_equal(run_write_frame(&vectors[i].frame, data), vectors[i].size);
		assert_memory_equal(data, vectors[i].bytes, vectors[i].size);
		assert_int_equal(run_read_frame(type, data + RUN_HEADER, size, &frame), 0);
		assert_memory_equal(&frame, &vectors[i].frame, sizeof(frame));
		assert_true(run_payload_limit(type) >= (long)size);
		/* neither shorter nor longer */
		for (size_t cut = 0; cut < size; cut++)
			assert_int_equal(run_read_frame(type, data + RUN_HEADER, cut, &frame),
					 -EPROTO);
		data[vectors[i].size] = 0;
		assert_int_equal(run_read_frame(type, data + RUN_HEADER, size + 1, &frame),
				 -EPROTO);
	}
}

/* Fields with values that they must not have. */
static void bad_frames(void **state)
{
	static const struct {
		uint8_t type;
		const char *bytes;
		size_t size;
	} bad[] = {
		{ RUN_STREAM, BYTES("VSOCKRUM\x01" TOKEN "\x02") },
		{ RUN_STREAM, BYTES("VSOCKRUN\x02" TOKEN "\x02") },
		{ RUN_STREAM, BYTES(GREETING TOKEN "\x03") },
		{ RUN_REFUSE, BYTES("\x7f\x00\x00\x00\x02n\0") },
		{ RUN_REFUSE, BYTES("\x7f\xff\xff\xff\xffno") },
		{ RUN_REFUSE, BYTES("\x7f\x00\x00\x00\x03no") },
		{ RUN_END, BYTES("\x03\x00\x00\x00\x00\x00\x01\x00\x01") },
		{ RUN_EXIT, BYTES("\x00\x41") },
		{ RUN_SIGNAL, BYTES("\x41") },
		{ 0, BYTES("") },
		{ RUN_REQUEST, BYTES("") },
		{ RUN_TYPES, BYTES("") },
		{ 255, BYTES("") },
	};
	struct run_frame frame = { .type = RUN_END, .stream = RUN_STREAMS };
	uint8_t data[RUN_HEADER + RUN_PAYLOAD_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(run_read_frame(bad[i].type, (const uint8_t *)bad[i].bytes,
						bad[i].size, &frame),
				 -EPROTO);
	assert_int_equal(run_payload_limit(0), -1);
	assert_int_equal(run_payload_limit(RUN_TYPES), -1);
	assert_int_equal(run_payload_limit(RUN_REQUEST), RUN_REQUEST_MAX);
	frame = (struct run_frame){ .type = RUN_END, .stream = RUN_STREAMS };
	assert_int_equal(run_write_frame(&frame, data), -EPROTO);
}

static void requests(void **state)
{
	static char echo[] = "echo", word[] = "a b", variable[] = "A=b", xterm[] = "xterm",
		    tmp[] = "/tmp", me[] = "me";
	char *argv[] = { echo, word, NULL }, *environment[] = { variable, NULL };
	struct run_request request = { .terminal = true,
				       .window = { 25, 132 },
				       .term = xterm,
				       .directory = tmp,
				       .user = me,
				       .argv = argv,
				       .argc = 2,
				       .environment = environment,
				       .variables = 1 };
	const uint8_t *payload = (const uint8_t *)request_bytes + RUN_HEADER;
	size_t size = sizeof(request_bytes) - 1 - RUN_HEADER;
	struct run_request got;
	uint8_t *data;

	(void)state;
	assert_int_equal(run_write_request(&request, &data), sizeof(request_bytes) - 1);
	assert_memory_equal(data, request_bytes, sizeof(request_bytes) - 1);
	assert_int_equal(run_read_request(payload, size, &got), 0);
	assert_true(got.terminal);
	assert_int_equal(got.window.rows, 25);
	assert_int_equal(got.window.columns, 132);
	assert_string_equal(got.term, "xterm");
	assert_string_equal(got.directory, "/tmp");
	assert_string_equal(got.user, "me");
	assert_int_equal(got.argc, 2);
	assert_string_equal(got.argv[1], "a b");
	assert_null(got.argv[2]);
	assert_int_equal(got.variables, 1);
	assert_string_equal(got.environment[0], "A=b");
	assert_null(got.environment[1]);
	run_free_request(&got);
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(run_read_request(payload, cut, &got), -EPROTO);
		run_free_request(&got);
	}
	/* another version: what follows is not looked at */
	data[RUN_HEADER + 8] = 2;
	assert_int_equal(run_read_request(data + RUN_HEADER, 9, &got), -EPROTONOSUPPORT);
	assert_int_equal(got.version, 2);
	run_free_request(&got);
	free(data);
}

/* A variable without a name or a value, too many words, too much. */
static void bad_requests(void **state)
{
	static char no_value[] = "A", no_name[] = "=b", empty[] = "";
	static char *const variables[] = { no_value, no_name, empty };
	char *argv[] = { NULL }, *environment[2] = { NULL, NULL }, *large;
	struct run_request request = { .term = empty,
				       .directory = empty,
				       .user = empty,
				       .argv = argv },
			   got;
	uint8_t *data;
	long size;

	(void)state;
	request.environment = environment;
	request.variables = 1;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		environment[0] = variables[i];
		assert_int_equal(run_write_request(&request, &data), -E2BIG);
	}
	request.variables = 0;
	size = run_write_request(&request, &data);
	assert_true(size > 0);
	assert_int_equal(run_read_request(data + RUN_HEADER, (size_t)size - RUN_HEADER, &got), 0);
	assert_null(got.argv[0]);
	run_free_request(&got);
	/* the counts, which come last: more words than there are bytes */
	memset(data + size - 4, 0x7f, 4);
	assert_int_equal(run_read_request(data + RUN_HEADER, (size_t)size - RUN_HEADER, &got),
			 -EPROTO);
	run_free_request(&got);
	free(data);
	large = calloc(1, RUN_REQUEST_MAX + 1);
	assert_non_null(large);
	memset(large, 'x', RUN_REQUEST_MAX);
	request.directory = large;
	assert_int_equal(run_write_request(&request, &data), -E2BIG);
	free(large);
}

/* The link: what comes in pieces, and what follows a frame. */

struct heard {
	struct run_link link;
	unsigned frames;
	int error;
	bool stops;
};

static void heard_frame(struct run_link *link, uint8_t type, const uint8_t *payload, size_t size)
{
	struct heard *heard = container_of(link, struct heard, link);

	(void)type;
	(void)payload;
	(void)size;
	heard->frames++;
	if (heard->stops)
		run_link_stop(link);
	loop_stop(link->loop);
}

static void heard_over(struct run_link *link, int error)
{
	struct heard *heard = container_of(link, struct heard, link);

	heard->error = error;
	loop_stop(link->loop);
}

static void start(struct heard *heard, int pair[2])
{
	*heard = (struct heard){ .link = { .fd = -1, .frame = heard_frame, .over = heard_over },
				 .error = 1 };
	assert_int_equal(loop_start(&heard->link.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(run_link_start(&heard->link, heard->link.loop, pair[0], NULL), 0);
}

static void stop(struct heard *heard, const int pair[2])
{
	struct loop *loop = heard->link.loop;

	run_link_stop(&heard->link);
	loop_free(loop);
	close(pair[0]);
	close(pair[1]);
}

static void link_reads_no_further(void **state)
{
	struct heard heard;
	char rest[8];
	int pair[2];

	(void)state;
	start(&heard, pair);
	heard.stops = true;
	assert_int_equal(send(pair[1], vectors[0].bytes, vectors[0].size, 0), vectors[0].size);
	assert_int_equal(send(pair[1], "stream", 6, 0), 6);
	assert_int_equal(loop_run(heard.link.loop), 0);
	assert_int_equal(heard.frames, 1);
	assert_int_equal(recv(pair[0], rest, sizeof(rest), 0), 6);
	assert_memory_equal(rest, "stream", 6);
	stop(&heard, pair);
}

static void link_refuses(const char *bytes, size_t size)
{
	struct heard heard;
	int pair[2];

	start(&heard, pair);
	assert_int_equal(send(pair[1], bytes, size, 0), size);
	assert_int_equal(loop_run(heard.link.loop), 0);
	assert_int_equal(heard.frames, 0);
	assert_int_equal(heard.error, -EPROTO);
	stop(&heard, pair);
}

/* A length is refused before memory is taken for it. */
static void link_checks_lengths(void **state)
{
	struct heard heard;
	int pair[2];

	(void)state;
	link_refuses("\x00\x00\x00\x00\x00", RUN_HEADER);
	link_refuses("\x0b\x00\x00\x00\x00", RUN_HEADER);
	link_refuses("\x09\x00\x00\x02\x01", RUN_HEADER);
	link_refuses("\x01\x00\x10\x00\x01", RUN_HEADER);
	link_refuses("\x01\xff\xff\xff\xff", RUN_HEADER);
	/* the end, within a frame */
	start(&heard, pair);
	assert_int_equal(send(pair[1], "\x01\x00\x00\x40\x00VSOCK", 10, 0), 10);
	shutdown(pair[1], SHUT_WR);
	assert_int_equal(loop_run(heard.link.loop), 0);
	assert_int_equal(heard.error, 0);
	stop(&heard, pair);
}

/* Answers that the peer does not read are not kept for ever. */
static void link_bounds_pending(void **state)
{
	const struct run_frame pong = { .type = RUN_PONG };
	struct heard heard;
	size_t most = 0;
	int pair[2];

	(void)state;
	start(&heard, pair);
	for (unsigned i = 0; i < 1000000 && heard.link.fd >= 0; i++) {
		run_link_send(&heard.link, &pong);
		most = heard.link.pending_length > most ? heard.link.pending_length : most;
	}
	assert_in_range(most, 64 * 1024, 65 * 1024);
	assert_int_equal(loop_run(heard.link.loop), 0);
	assert_int_equal(heard.error, 0);
	stop(&heard, pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(bad_frames),
		cmocka_unit_test(requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(link_reads_no_further),
		cmocka_unit_test(link_checks_lengths),
		cmocka_unit_test(link_bounds_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
