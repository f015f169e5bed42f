/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A relay over standard input and output: files, pipes and sockets that others have too; see rig.h.
 */
#include "config.h"

#include "rig.h"
#include "../lib/temporary.h"

/* Standard input and output */

static char temporary[TEMPORARY_MAX];

static int temporary_file(int flags)
{
	int fd = mkstemp(temporary_name(temporary));

	assert_true(fd >= 0);
	close(fd);
	return open(temporary, flags | O_CLOEXEC);
}

static void into_a_file_that_is_appended_to(void **state)
{
	struct rig rig;
	int in, out, null;
	struct far unused;

	(void)state;
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++) {
		rig_init(&rig, engine);
		out = temporary_file(O_WRONLY | O_APPEND);
		assert_int_equal(write(out, "before", 6), 6);
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(endpoint_stdio(null, out, &rig.end[0]), 0);
		close(null);
		rig.far[0] = (struct far){ .to = -1, .from = -1 };
		pipes_make(&unused, &in, &rig.far[0].from);
		close(in);
		far_close(&unused);
		side_make(KIND_PIPES, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		expect_end(&rig.far[1]);
		send_pattern(&rig.far[1], 0, 0, 40000);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
		close(out);
		out = open(temporary, O_RDONLY | O_CLOEXEC);
		assert_int_equal(lseek(out, 6, SEEK_SET), 6);
		expect_pattern(&(struct far){ .from = out }, 0, 0, 40000);
		expect_end(&(struct far){ .from = out });
		close(out);
		unlink(temporary);
	}
}

static void from_a_regular_file_to_dev_null(void **state)
{
	struct rig rig;
	int file, null;

	(void)state;
	for (enum kind right = 0; right < KINDS; right++) {
		rig_init(&rig, ENGINE_AUTO);
		file = temporary_file(O_RDWR);
		send_pattern(&(struct far){ .to = file }, 1, 0, 3000000);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		assert_int_equal(endpoint_stdio(file, null, &rig.end[0]), 0);
		assert_int_equal(rig.end[0].in_kind, ENDPOINT_FILE);
		close(file);
		close(null);
		rig.far[0] = (struct far){ .to = -1, .from = -1 };
		side_make(right, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		expect_pattern(&rig.far[1], 1, 0, 3000000);
		expect_end(&rig.far[1]);
		send_pattern(&rig.far[1], 0, 0, 300000);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		assert_int_equal(rig.relay.chan[1].bytes, 300000);
		rig_free(&rig);
		unlink(temporary);
	}
}

/* A vsock peer that closes for good shows that at once, by its end of file. */
static void a_file_that_the_peer_does_not_take(void **state)
{
	struct rig rig;
	int file;

	(void)state;
	for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
		rig_init(&rig, engine);
		file = temporary_file(O_RDWR);
		assert_int_equal(write(file, "input", 5), 5);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		assert_int_equal(endpoint_stdio(file, -1, &rig.end[0]), 0);
		close(file);
		rig.end[0].out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		rig.end[0].out_kind = ENDPOINT_FILE;
		rig.far[0] = (struct far){ .to = -1, .from = -1 };
		side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
		rig.end[1].family = ADDR_VSOCK;
		/* the first turn of the input comes too late */
		rig.settings.rate_limit = 1;
		far_close(&rig.far[1]);
		rig_run(&rig);
		rig_ends(&rig, END_LOST);
		rig_free(&rig);
		unlink(temporary);
	}
}

/* Pipes and sockets that others have too: their file status flags are as they were, also while the
 * relay runs. */
static void the_flags_of_standard_streams_stay(void **state)
{
	struct rig rig;
	int in, out, pair[2];

	(void)state;
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		rig_init(&rig, ENGINE_AUTO);
		pipes_make(&rig.far[0], &in, &out);
		fd_nonblock(in, flags);
		fd_nonblock(out, flags);
		assert_int_equal(endpoint_stdio(in, out, &rig.end[0]), 0);
		side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		send_pattern(&rig.far[0], 1, 0, 10);
		expect_pattern(&rig.far[1], 1, 0, 10);
		assert_int_equal(fcntl(in, F_GETFL) & O_NONBLOCK, flags);
		assert_int_equal(fcntl(out, F_GETFL) & O_NONBLOCK, flags);
		far_finish(&rig.far[0]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		assert_int_equal(fcntl(in, F_GETFL) & O_NONBLOCK, flags);
		rig_free(&rig);
		close(in);
		close(out);

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fd_nonblock(pair[1], flags);
		rig_init(&rig, ENGINE_SPLICE);
		rig.far[0].to = rig.far[0].from = pair[0];
		assert_int_equal(endpoint_stdio(pair[1], pair[1], &rig.end[0]), 0);
		side_make(KIND_TCP, &rig.far[1], &rig.end[1]);
		rig_run(&rig);
		send_pattern(&rig.far[0], 1, 0, 10);
		expect_pattern(&rig.far[1], 1, 0, 10);
		assert_int_equal(fcntl(pair[1], F_GETFL) & O_NONBLOCK, flags);
		far_finish(&rig.far[0]);
		far_finish(&rig.far[1]);
		rig_ends(&rig, END_EOF);
		rig_free(&rig);
		close(pair[1]);
	}
}

/* As under inetd: standard input and output are one, blocking, socket. */
static void one_socket_as_both_standard_streams(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++)
		for (unsigned engine = ENGINE_AUTO; engine <= ENGINE_SPLICE; engine++) {
			struct way way[2] = { { .size = 900000, .read_at_once = 3000 },
					      { .size = 500000 } };
			struct rig rig;
			int pair[2];

			rig_init(&rig, engine);
			if (tcp)
				tcp_pair(pair);
			else
				assert_int_equal(
					socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
					0);
			rig.far[0].to = rig.far[0].from = pair[0];
			assert_int_equal(endpoint_stdio(pair[1], pair[1], &rig.end[0]), 0);
			close(pair[1]);
			side_make(KIND_UNIX, &rig.far[1], &rig.end[1]);
			rig_run(&rig);
			exchange(&rig, way);
			rig_ends(&rig, END_EOF);
			rig_free(&rig);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(into_a_file_that_is_appended_to),
		cmocka_unit_test(from_a_regular_file_to_dev_null),
		cmocka_unit_test(a_file_that_the_peer_does_not_take),
		cmocka_unit_test(the_flags_of_standard_streams_stay),
		cmocka_unit_test(one_socket_as_both_standard_streams),
	};

	return cmocka_run_group_tests_name("relay-stdio", tests, NULL, NULL);
}
