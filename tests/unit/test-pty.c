/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typing the end of a file on a terminal. */
#include "config.h"

#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "serve/pty.h"

static void open_pty(int *master, int *slave)
{
	assert_int_equal(openpty(master, slave, NULL, NULL, NULL), 0);
	assert_int_equal(fd_nonblock(*master, true), 0);
	assert_int_equal(fd_nonblock(*slave, true), 0);
}

static void the_end_of_a_line_and_of_the_file_are_typed(void **state)
{
	unsigned times = 2;
	char data[16];
	int master, slave;

	(void)state;
	open_pty(&master, &slave);
	assert_int_equal(write(master, "one", 3), 3);
	assert_int_equal(pty_type_end(master, &times), 0);
	assert_int_equal(times, 0);
	assert_int_equal(read(slave, data, sizeof(data)), 3);
	assert_int_equal(read(slave, data, sizeof(data)), 0);
	close(slave);
	close(master);
}

static void a_terminal_that_is_full_gets_the_rest_later(void **state)
{
	unsigned times = 1;
	size_t typed = 0, arrived = 0;
	char data[4096];
	int master, slave;
	struct termios settings;
	ssize_t got;

	(void)state;
	open_pty(&master, &slave);
	/* nobody reads the echo */
	assert_int_equal(tcgetattr(slave, &settings), 0);
	settings.c_lflag &= ~(tcflag_t)ECHO;
	assert_int_equal(tcsetattr(slave, TCSANOW, &settings), 0);
	while (write(master, "x\n", 2) == 2)
		typed += 2;
	while (write(master, "\n", 1) == 1)
		typed++;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(pty_type_end(master, &times), -EAGAIN);
	assert_int_equal(times, 1);
	/* the kernel moves what was typed to the reader in a thread of its own */
	for (;;) {
		got = read(slave, data, sizeof(data));
		if (got > 0)
			arrived += (size_t)got;
		if (got == 0)
			break;
		assert_true(got > 0 || errno == EAGAIN);
		assert_true(pty_type_end(master, &times) == 0 || times > 0);
	}
	assert_int_equal(arrived, typed);
	assert_int_equal(times, 0);
	close(slave);
	close(master);
}

static void a_terminal_without_such_a_character_gets_none(void **state)
{
	struct termios settings;
	unsigned times = 2;
	char data[4];
	int master, slave;

	(void)state;
	open_pty(&master, &slave);
	assert_int_equal(tcgetattr(slave, &settings), 0);
	settings.c_cc[VEOF] = _POSIX_VDISABLE;
	assert_int_equal(tcsetattr(slave, TCSANOW, &settings), 0);
	assert_int_equal(pty_type_end(master, &times), 0);
	assert_int_equal(times, 0);
	assert_int_equal(write(master, "\n", 1), 1);
	assert_int_equal(read(slave, data, sizeof(data)), 1);
	assert_int_equal(data[0], '\n');
	close(slave);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_line_and_of_the_file_are_typed),
		cmocka_unit_test(a_terminal_that_is_full_gets_the_rest_later),
		cmocka_unit_test(a_terminal_without_such_a_character_gets_none),
	};

	return cmocka_run_group_tests_name("pty", tests, NULL, NULL);
}
