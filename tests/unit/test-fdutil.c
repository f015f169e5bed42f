/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/units.h"

static void the_limit_is_raised_and_restored(void **state)
{
	struct rlimit limit, before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit;
	assert_true(fd_limit_raise() >= 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
	fd_limit_raise(); /* a second time does not forget what was before the first */
	fd_limit_restore();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == before.rlim_cur && limit.rlim_max == before.rlim_max);
}

static void closing_keeps_errno(void **state)
{
	int fd = open("/dev/null", O_RDONLY), number = fd;

	(void)state;
	assert_true(fd >= 0);
	errno = EAGAIN;
	fd_close(&fd);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	fd_close(&fd);
	assert_int_equal(fd, -1);
}

static void flags_are_set_and_cleared(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(fd_cloexec(fd, true), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fd_cloexec(fd, false), 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fd_nonblock(fd, true), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_nonblock(fd, false), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	fd_close(&fd);
	assert_int_equal(fd_cloexec(-1, true), -EBADF);
	assert_int_equal(fd_nonblock(-1, true), -EBADF);
}

/* In a child: closes some of 0, 1 and 2; status 0 if all are open afterwards and 3 isn't. */
static int standard_without(int a, int b)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		close(a);
		close(b);
		closefrom(3);
		fd_standard();
		for (int fd = 0; fd < 3; fd++)
			if (fcntl(fd, F_GETFD) < 0)
				_exit(1);
		_exit(fcntl(3, F_GETFD) < 0 ? 0 : 2);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void standard_descriptors_are_opened(void **state)
{
	(void)state;
	assert_int_equal(standard_without(0, 1), 0);
	assert_int_equal(standard_without(2, 2), 0);
	assert_int_equal(standard_without(-1, -1), 0);
}

struct reader {
	int fd;
	size_t sum;
};

static void *read_slowly(void *context)
{
	struct reader *reader = context;
	char block[5000];
	ssize_t count;

	while ((count = read(reader->fd, block, sizeof(block))) > 0) {
		reader->sum += (size_t)count;
		usleep(100);
	}
	return NULL;
}

static void all_is_written_without_blocking(void **state)
{
	const size_t size = 1 << 20;
	char *data = calloc(1, size);
	struct reader reader = { 0 };
	pthread_t thread;
	int ends[2];

	(void)state;
	assert_non_null(data);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_nonblock(ends[1], true), 0);
	reader.fd = ends[0];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	assert_int_equal(fd_write_all(ends[1], data, size), 0);
	fd_close(&ends[1]);
	pthread_join(thread, NULL);
	assert_int_equal(reader.sum, size);
	fd_close(&ends[0]);
	free(data);
}

static void all_is_read_or_nothing(void **state)
{
	char block[5000], *data;
	size_t size;
	int ends[2];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (size_t most = sizeof(block) - 1; most <= sizeof(block); most++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], block, sizeof(block)), sizeof(block));
		fd_close(&ends[1]);
		if (most < sizeof(block)) {
			assert_int_equal(fd_read_all(ends[0], most, &data, &size), -EFBIG);
			assert_null(data);
		} else {
			assert_int_equal(fd_read_all(ends[0], most, &data, &size), 0);
			assert_int_equal(size, sizeof(block));
			assert_memory_equal(data, block, size);
			assert_int_equal(data[size], '\0');
			free(data);
			assert_int_equal(fd_read_all(ends[0], 0, &data, &size),
					 0); /* the end again: empty, but a text */
			assert_string_equal(data, "");
			free(data);
		}
		fd_close(&ends[0]);
	}
	assert_int_equal(fd_read_all(-1, 1, &data, &size), -EBADF);
	assert_null(data);
}

static void writing_gives_up_in_time(void **state)
{
	const size_t size = 1 << 20;
	char *data = calloc(1, size);
	uint64_t before;
	size_t written, some;
	int ends[2];

	(void)state;
	assert_non_null(data);
	assert_int_equal(pipe(ends), 0);
	for (int blocks = 0; blocks < 2; blocks++) { /* the second finds no room at all */
		assert_int_equal(fd_nonblock(ends[1], !blocks), 0);
		before = units_now();
		assert_int_equal(
			fd_write_until(ends[1], data, size, before + 50 * NSEC_PER_MSEC, &written),
			-ETIMEDOUT);
		assert_in_range(units_now() - before, 49 * NSEC_PER_MSEC, 10 * NSEC_PER_SEC);
		assert_true(blocks ? written == 0 : written >= PIPE_BUF);
	}
	assert_int_equal(read(ends[0], data, PIPE_BUF), PIPE_BUF);
	assert_int_equal(fd_write_until(ends[1], data, size, 0, &some),
			 -ETIMEDOUT); /* what goes at once */
	assert_int_equal(some, PIPE_BUF);
	assert_int_equal(fd_write_until(ends[1], "x", 1, units_now(), NULL), -ETIMEDOUT);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	free(data);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_raised_and_restored),
		cmocka_unit_test(closing_keeps_errno),
		cmocka_unit_test(flags_are_set_and_cleared),
		cmocka_unit_test(standard_descriptors_are_opened),
		cmocka_unit_test(all_is_written_without_blocking),
		cmocka_unit_test(all_is_read_or_nothing),
		cmocka_unit_test(writing_gives_up_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
