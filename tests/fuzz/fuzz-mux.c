/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handshake of hybrid vsock: what a VMM answers, in pieces of any size, and what stands behind
 * the answer. The parser is compared with a plain description of the line; then the same bytes are
 * sent to a dial, which must leave what follows to its caller, byte for byte.
 *
 * The first two bytes are the sizes of pieces, in turn; the rest is what the VMM sends. Linked with
 * --wrap=recv, so that a piece arrives each time the dial looks.
 */
#include "config.h"

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"
#include "base/utf8.h"
#include "net/mux.h"
#include "relay/dial.h"
#include "../lib/temporary.h"

#define INPUT_MAX 300

/* "OK ", one to ten digits, maybe a CR, LF: how many bytes; 0: it is no such line. */
static size_t line_of(const char *text, size_t size)
{
	size_t at = 3, digits = 0;

	if (size < 3 || memcmp(text, "OK ", 3) != 0)
		return 0;
	for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
		digits++;
	if (at < size && text[at] == '\r')
		at++;
	return digits >= 1 && digits <= 10 && at < size && text[at] == '\n' ? at + 1 : 0;
}

/* Fed in pieces of these sizes, 0: in one. Returns the verdict, and how much was used in all. */
static enum mux_state feed(const char *data, size_t size, size_t piece, size_t *all)
{
	struct mux mux = { .length = 0 };
	enum mux_state state = MUX_MORE;

	for (*all = 0; state == MUX_MORE && *all < size;) {
		size_t length = piece && piece < size - *all ? piece : size - *all, used = 0;
		uint8_t *exact = fuzz_exact(data + *all, length);

		state = mux_feed(&mux, (const char *)exact, length, &used);
		fuzz_check(used <= length && (state != MUX_MORE || used == length),
			   "a part of the line is used whole");
		free(exact);
		*all += used;
	}
	return state;
}

/* For a dial: how much has arrived, in which pieces. */
static struct {
	size_t pieces[2], turn, arrived, taken;
} arriving;

ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	ssize_t got;

	if (flags & MSG_PEEK)
		arriving.arrived += arriving.pieces[arriving.turn++ & 1];
	if (arriving.pieces[0] && size > arriving.arrived - arriving.taken)
		size = arriving.arrived - arriving.taken;
	got = __real_recv(fd, data, size, flags);
	if (got > 0 && !(flags & MSG_PEEK))
		arriving.taken += (size_t)got;
	return got;
}

static struct {
	struct loop *loop;
	struct dialer *dialer;
	struct addr addr;
	int listener;
	int result;
	struct failure failure;
} rig;

static void remove_socket(void)
{
	char *slash = strrchr(rig.addr.name, '/');

	unlink(rig.addr.name);
	*slash = '\0';
	rmdir(rig.addr.name);
}

static void start_rig(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char directory[TEMPORARY_MAX];

	signal(SIGPIPE, SIG_IGN);
	rig.addr = (struct addr){ .family = ADDR_MUX, .port = 52, .port_last = 52 };
	rig.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_check(rig.listener >= 0 && mkdtemp(temporary_name(directory)), "there is a socket");
	snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/vmm", directory);
	snprintf(rig.addr.name, sizeof(rig.addr.name), "%s", un.sun_path);
	fuzz_check(bind(rig.listener, (const struct sockaddr *)&un, sizeof(un)) == 0 &&
			   listen(rig.listener, 1) == 0,
		   "it listens");
	atexit(remove_socket);
	fuzz_check(loop_start(&rig.loop) == 0 && dialer_start(rig.loop, &rig.dialer) == 0,
		   "there is a loop");
}

static void done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	rig.result = fd;
	if (fd < 0)
		rig.failure = *failure;
	loop_unwatch(loop, &dial->watch);
	loop_stop(loop);
}

/* What the connection still has must be the payload. */
static void has_payload(int fd, const char *payload, size_t size)
{
	char rest[INPUT_MAX + 1];
	size_t got = 0;
	ssize_t n;

	while ((n = read(fd, rest + got, sizeof(rest) - got)) > 0)
		got += (size_t)n;
	fuzz_check(got == size && memcmp(rest, payload, size) == 0,
		   "what follows the answer stays as it is");
}

/* What is shown instead of an OK is the beginning of what came, not a later piece. */
static void tells_beginning(const char *detail, const char *data, size_t size)
{
	char shown[DIAL_DETAIL_MAX];

	for (size_t i = 1; i <= size; i++)
		if (strcmp(utf8_escape(data, i, shown, sizeof(shown)), detail) == 0)
			return;
	fuzz_check(false, "a failure tells how the answer began");
}

static void dial(const char *data, size_t size, size_t line)
{
	static const struct dial_settings settings = { .connect_timeout = 60 * NSEC_PER_SEC };
	static struct dial one;
	char request[MUX_LINE_MAX];
	int fd;

	one = (struct dial){ 0 };
	dial_start(rig.dialer, &one, &rig.addr, &settings, done);
	fd = accept4(rig.listener, NULL, NULL, SOCK_CLOEXEC);
	fuzz_check(fd >= 0 && send(fd, data, size, 0) == (ssize_t)size &&
			   shutdown(fd, SHUT_WR) == 0,
		   "the VMM answers");
	fuzz_check(loop_run(rig.loop) == 0, "the dial ends");
	if (line) {
		fuzz_check(rig.result >= 0, "an OK is accepted");
		has_payload(rig.result, data + line, size - line);
		fuzz_check(read(fd, request, sizeof(request)) == 11 &&
				   memcmp(request, "CONNECT 52\n", 11) == 0,
			   "the VMM is asked for the port");
		close(rig.result);
	} else {
		fuzz_check(rig.result < 0 && rig.failure.step == STEP_HANDSHAKE,
			   "anything but an OK is refused");
		if (rig.failure.detail)
			tells_beginning(rig.failure.detail, data, size);
	}
	dial_cancel(&one);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2;
	size_t line, used, other;
	enum mux_state state;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	if (!rig.loop)
		start_rig();
	size -= 2;
	line = line_of(text, size);
	state = feed(text, size, 0, &used);
	fuzz_check((state == MUX_OK) == (line > 0), "an OK is what looks like one");
	fuzz_check(state != MUX_OK || used == line, "nothing behind the line is used");
	fuzz_check(state != MUX_MORE || size < MUX_LINE_MAX + 1, "a line does not grow for ever");
	for (size_t piece = 1; piece <= 3; piece++)
		fuzz_check(feed(text, size, piece, &other) == state && other == used,
			   "the sizes of pieces change nothing");
	arriving.pieces[0] = data[0] % 40;
	arriving.pieces[1] = data[1] % 40 + 1;
	arriving.arrived = arriving.taken = arriving.turn = 0;
	dial(text, size, line);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("OK "),
	PIECE("1073741824"),
	PIECE("\n"),
	PIECE("\r\n"),
	PIECE("0"),
	PIECE("OK"),
	PIECE("CONNECT "),
	PIECE("\x1b["),
	PIECE("\0"),
	PIECE("payload"),
	PIECE("HTTP/1.1 400 Bad Request\r\n"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "a VMM's answers are read or refused, and what follows them is left",
		.corpus = "corpus-mux",
		.input_max = INPUT_MAX,
		.runs = 2000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
