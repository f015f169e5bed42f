/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What standard input and output are found to be: what never blocks is read and written in large
 * pieces, what may block little by little. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/addr.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "../lib/temporary.h"

#define LARGE (256 * 1024)

static uint8_t kind_of_input(int fd)
{
	struct endpoint endpoint;
	uint8_t kind;

	assert_return_code(fd, 0);
	assert_int_equal(endpoint_stdio(fd, -1, &endpoint), 0);
	kind = endpoint.in_kind;
	assert_true(endpoint.in != fd); /* ours is left alone */
	endpoint_close(&endpoint);
	assert_return_code(fcntl(fd, F_GETFD), 0);
	close(fd);
	return kind;
}

static void what_never_blocks(void **state)
{
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full",
					       "/dev/urandom" };
	char path[TEMPORARY_MAX];
	int file;

	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		assert_int_equal(kind_of_input(open(devices[i], O_RDONLY)), ENDPOINT_FILE);
	file = mkstemp(temporary_name(path));
	assert_int_equal(write(file, "text", 4), 4);
	assert_int_equal(kind_of_input(file), ENDPOINT_FILE);
	unlink(path);
}

static void what_may_block(void **state)
{
	int ends[2], master = posix_openpt(O_RDWR | O_NOCTTY);

	(void)state;
	assert_return_code(master, 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	assert_int_equal(kind_of_input(open(ptsname(master), O_RDWR | O_NOCTTY)),
			 ENDPOINT_TERMINAL);
	close(master);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(kind_of_input(ends[0]), ENDPOINT_PIPE);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(kind_of_input(ends[0]), ENDPOINT_SOCKET);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(kind_of_input(ends[0]), ENDPOINT_MESSAGES);
	close(ends[1]);
	/* the master of a pseudoterminal: it cannot be opened again */
	assert_int_equal(kind_of_input(posix_openpt(O_RDWR | O_NOCTTY)), ENDPOINT_GUARDED);
	/* a regular file of the kernel's making, as /proc/kmsg is, which waits for messages */
	assert_int_equal(kind_of_input(open("/proc/self/mounts", O_RDONLY)), ENDPOINT_GUARDED);
	/* another character device: it can be asked whether it is ready, and may lie */
	if (access("/dev/random", R_OK) == 0)
		assert_int_equal(kind_of_input(open("/dev/random", O_RDONLY)), ENDPOINT_GUARDED);
}

static void a_device_that_never_blocks_takes_all_at_once(void **state)
{
	int null = open("/dev/null", O_WRONLY), zero = open("/dev/zero", O_RDONLY);
	char *data = malloc(LARGE);
	struct endpoint endpoint;

	(void)state;
	assert_non_null(data);
	memset(data, 1, LARGE);
	assert_int_equal(endpoint_stdio(zero, null, &endpoint), 0);
	assert_int_equal(endpoint_write(&endpoint, data, LARGE), LARGE);
	assert_int_equal(endpoint_read(&endpoint, data, LARGE), LARGE);
	assert_int_equal(data[LARGE - 1], 0);
	endpoint_close(&endpoint);
	close(null);
	close(zero);
	free(data);
}

/* What is sent on vsock seqpacket goes through a thread, which must never hold the number of a
 * descriptor that somebody else has by now. */
static void the_descriptors_of_an_endpoint_with_a_sender_are_its_own(void **state)
{
	struct endpoint end;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	end = endpoint_socket(pair[0], ADDR_VSOCK, true);
	assert_int_equal(endpoint_prepare(&end), 0);
	assert_int_equal(end.in, pair[0]);
	assert_int_equal(end.out, pair[0]);
	assert_int_equal(endpoint_poll_fd(&end, EPOLLIN), pair[0]);
	assert_int_not_equal(endpoint_poll_fd(&end, EPOLLOUT), pair[0]);
	/* neither direction's end closes what the other one, and the sender, still use */
	endpoint_ignore(&end);
	assert_true(fcntl(pair[0], F_GETFD) >= 0);
	endpoint_finish(&end);
	assert_true(fcntl(pair[0], F_GETFD) >= 0);
	endpoint_close(&end);
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	close(pair[1]);
}

/* One direction of a socket, as of an echo, whose input is another descriptor. */
static void an_output_alone_has_the_error_of_its_socket(void **state)
{
	struct endpoint end;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	end = endpoint_socket(pair[0], ADDR_UNIX, false);
	end.in = -1;
	assert_int_equal(endpoint_error(&end), 0);
	assert_int_equal(endpoint_write(&end, "x", 1), 1);
	close(pair[1]); /* with the byte unread: a reset */
	assert_int_equal(endpoint_error(&end), ECONNRESET);
	endpoint_close(&end);
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void keepalive_has_the_time_of_the_address(void **state)
{
	struct addr addr = { .family = ADDR_TCP };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), usual;

	(void)state;
	assert_return_code(fd, errno);
	usual = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
	socket_tune(fd, &addr);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), usual);
	addr.options.given = ADDR_OPT_KEEPALIVE;
	addr.options.keepalive = true;
	addr.options.keepalive_time = 32767;
	socket_tune(fd, &addr);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 32767);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 32767);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	addr.options = (struct addr_options){ .given = ADDR_OPT_KEEPALIVE };
	socket_tune(fd, &addr);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(fd);
}

/* A FIFO that was opened for reading and writing has no end of file without a writer, and takes
 * data without a reader. */
static void a_fifo_is_opened_again_with_the_same_access(void **state)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	char path[TEMPORARY_MAX], byte;
	int both;

	(void)state;
	close(mkstemp(temporary_name(path)));
	unlink(path);
	assert_return_code(mkfifo(path, 0600), 0);
	both = open(path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open(path, modes[i] | O_CLOEXEC);
		struct endpoint in, out;

		assert_int_equal(endpoint_stdio(fd, -1, &in), 0);
		assert_int_equal(endpoint_stdio(-1, fd, &out), 0);
		assert_int_equal(fcntl(in.in, F_GETFL) & O_ACCMODE, modes[i]);
		assert_int_equal(fcntl(out.out, F_GETFL) & O_ACCMODE, modes[i]);
		close(fd);
		if (modes[i] == O_RDWR) {
			close(both);
			assert_int_equal(endpoint_read(&in, &byte, 1), -EAGAIN);
			endpoint_close(&in);
			assert_int_equal(endpoint_write(&out, "x", 1), 1);
			both = open(path, O_RDWR | O_CLOEXEC);
		}
		endpoint_close(&in);
		endpoint_close(&out);
	}
	close(both);
	unlink(path);
}

static void the_master_of_a_pseudoterminal_stays_itself(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios settings;
	struct endpoint end;
	char byte;

	(void)state;
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	tcgetattr(slave, &settings);
	cfmakeraw(&settings);
	tcsetattr(slave, TCSANOW, &settings);
	assert_int_equal(endpoint_stdio(master, master, &end), 0);
	assert_false(end.typed);
	assert_int_equal(endpoint_write(&end, "x", 1), 1);
	assert_int_equal(read(slave, &byte, 1), 1);
	assert_int_equal(endpoint_read(&end, &byte, 1), -EAGAIN);
	assert_int_equal(write(slave, "y", 1), 1);
	assert_int_equal(endpoint_read(&end, &byte, 1), 1);
	assert_int_equal(byte, 'y');
	/* nobody has it open any more: EIO, which is the end */
	close(slave);
	assert_int_equal(endpoint_read(&end, &byte, 1), 0);
	endpoint_close(&end);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_blocks),
		cmocka_unit_test(what_may_block),
		cmocka_unit_test(a_fifo_is_opened_again_with_the_same_access),
		cmocka_unit_test(the_master_of_a_pseudoterminal_stays_itself),
		cmocka_unit_test(a_device_that_never_blocks_takes_all_at_once),
		cmocka_unit_test(the_descriptors_of_an_endpoint_with_a_sender_are_its_own),
		cmocka_unit_test(an_output_alone_has_the_error_of_its_socket),
		cmocka_unit_test(keepalive_has_the_time_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
