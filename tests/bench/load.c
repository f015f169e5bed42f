/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load: the load generator of the benchmark.
 *
 * Theory of operation.  One server (`load serve`) stands behind the relay. A client opens a
 * connection through the relay and begins with a header of fixed size that says what the server is
 * to do with it: swallow and verify, send, echo, answer after the half-close, or tell its counters.
 * So one server does for every test, and nothing is ever measured with data that nobody has looked
 * at: the payload carries a 64-bit counter at the start of each 4 KiB block, which the receiver
 * compares.
 *
 * What is timed.  One-way runs are timed where the bytes arrive: from the first byte of payload
 * that the server sees to the moment the last connection is complete.  That needs no answer through
 * the relay, and so is the same for relays that lose the answer after a half-close.  The answer is
 * asked for all the same, and its loss is reported.  The counters come over a second connection
 * (--control) that goes round the relay.
 *
 * The header is in host byte order: both ends are this program, on one kind of machine.
 *
 * Results are JSON, one object a line, on stdout.  Status: 0 done, 1 failed, 2 usage, 3 the time
 * limit was reached.
 */
#include "load.h"

/*
 * hold: many idle connections
 */

static bool echo_once(int fd, uint64_t number)
{
	uint64_t back = 0;

	return write_all(fd, &number, sizeof(number)) && read_all(fd, &back, sizeof(back)) &&
	       back == number;
}

int run_hold(struct options *o)
{
	int *fds = allocate(o->count, sizeof(*fds));
	uint64_t held = 0, still = 0, start = now_ns();
	int error = 0;

	for (; held < o->count; held++) {
		int fd = try_connect(&o->addr, o->limit);

		errno = fd < 0 ? -fd : 0;
		if (fd < 0 || !introduce(fd, MODE_ECHO, FLAG_ACK, 0, 0, 0) ||
		    !echo_once(fd, held)) {
			error = errno;
			break;
		}
		fds[held] = fd;
	}
	printf("{\"ready\":%s,\"held\":%" PRIu64 ",\"wanted\":%" PRIu64
	       ",\"seconds\":%.3f,\"why\":\"%s\"}\n",
	       held == o->count ? "true" : "false", held, o->count, seconds(now_ns() - start),
	       held == o->count ? ""
	       : error != 0	? strerror(error)
				: "end of input");
	fflush(stdout);
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	for (uint64_t i = 0; i < held; i++)
		still += echo_once(fds[i], ~i);
	printf("{\"test\":\"hold\",\"held\":%" PRIu64 ",\"still_echoing\":%" PRIu64 "}\n", held,
	       still);
	free(fds);
	return held == o->count && still == held ? 0 : 1;
}

/*
 * halfclose: is the answer after it kept?
 */

int run_halfclose(struct options *o)
{
	uint64_t got = 0, wrong = 0;
	int fd = open_conn(o, MODE_HALFCLOSE, o->bytes, 7);
	ssize_t n;

	memset(buffer, 'h', BUFFER);
	if (!write_all(fd, buffer, 65536) || shutdown(fd, SHUT_WR) < 0)
		fail("the question can't be sent: %s", strerror(errno));
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		wrong += pattern_check(7, got, buffer, (size_t)n);
		got += (uint64_t)n;
	}
	printf("{\"test\":\"halfclose\",\"delay_ms\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"got\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"end\":\"%s\",\"half_close\":\"%s\"}\n",
	       o->delay_ms, o->bytes, got, wrong, n == 0 ? "end of input" : strerror(errno),
	       got == o->bytes && wrong == 0 && n == 0 ? "kept" : "lost");
	return 0;
}

/*
 * For programs with stdin and stdout
 */

/* What a MODE_SINK connection sends, to stdout. */
int run_source(struct options *o)
{
	uint64_t sent = 0;

	if (!introduce(STDOUT_FILENO, MODE_SINK, 0, o->bytes, 1, 0))
		fail("stdout: %s", strerror(errno));
	while (sent < o->bytes) {
		const unsigned char *data;
		size_t size = pattern_make(1, sent, o->bytes, &data);

		if (!write_all(STDOUT_FILENO, data, size))
			fail("stdout: %s", strerror(errno));
		sent += size;
	}
	return 0;
}

/* Asks for the pattern and keeps stdout open until its own stdin ends. */
int run_request(struct options *o)
{
	if (!introduce(STDOUT_FILENO, MODE_SOURCE, 0, o->bytes, 1, 0))
		fail("stdout: %s", strerror(errno));
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	return 0;
}

/* Verifies the pattern on stdin; the result goes to stdout, which therefore must not be the data's.
 */
int run_verify(struct options *o)
{
	uint64_t got = 0, wrong = 0, first = 0, last = 0;
	ssize_t n;

	while (got < o->bytes && (n = read(STDIN_FILENO, buffer, sizeof(buffer))) != 0) {
		if (n < 0)
			fail("stdin: %s", strerror(errno));
		if (got == 0)
			first = now_ns();
		wrong += pattern_check(1, got, buffer, (size_t)n);
		got += (uint64_t)n;
	}
	last = now_ns();
	printf("{\"test\":\"verify\",\"bytes\":%" PRIu64 ",\"got\":%" PRIu64 ",\"wrong\":%" PRIu64
	       ",\"seconds\":%.6f,\"mib_s\":%.2f,\"cpu\":%.4f}\n",
	       o->bytes, got, wrong, seconds(last - first),
	       last > first ? (double)got / 1048576 / seconds(last - first) : 0, cpu_seconds());
	return got == o->bytes && wrong == 0 ? 0 : 1;
}

int run_stat(struct options *o)
{
	puts(ask_counters(&o->addr, o->addr_text, o->reset, o->limit));
	return 0;
}

/* Listens and runs a command as socket activation does (sd_listen_fds(3)). */
int run_activate(struct options *o)
{
	char pid[32];
	int fd = listen_at(&o->addr, o->addr_text);

	if (o->command == NULL)
		fail("activate needs a command after --");
	set_blocking(fd, true);
	if (fd != 3 && dup2(fd, 3) < 0)
		fail("dup2: %s", strerror(errno));
	if (fd == 3 && fcntl(3, F_SETFD, 0) < 0)
		fail("fcntl: %s", strerror(errno));
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	signal(SIGPIPE, SIG_DFL);
	alarm(0);
	execvp(o->command[0], o->command);
	fail("%s: %s", o->command[0], strerror(errno));
}

/*
 * The command line
 */

static const struct command {
	const char *name;
	int (*run)(struct options *);
	bool needs_address;
	const char *usage;
} commands[] = {
	{ "serve", run_serve, true, "serve ADDRESS: the other end of all of these" },
	{ "oneway", run_oneway, true,
	  "oneway ADDRESS [--conns N] [--bytes N] [--control ADDRESS]: bytes a second, verified at "
	  "the far end" },
	{ "pingpong", run_pingpong, true,
	  "pingpong ADDRESS [--size N] [--count N] [--seconds N]: round trips" },
	{ "connect", run_connect, true,
	  "connect ADDRESS [--count N] [--parallel N] [--seconds N]: connect, echo, close" },
	{ "hold", run_hold, true, "hold ADDRESS [--count N]: idle connections, until stdin ends" },
	{ "halfclose", run_halfclose, true,
	  "halfclose ADDRESS [--bytes N] [--delay MS]: is the answer after a half-close kept?" },
	{ "stat", run_stat, true, "stat ADDRESS [--reset]: the server's counters" },
	{ "reflect", run_reflect, true, "reflect udp:127.0.0.1:PORT: sends each datagram back" },
	{ "datagrams", run_datagrams, true,
	  "datagrams udp:127.0.0.1:PORT [--count N] [--size N] [--parallel N]: out and back, so "
	  "many on their way at once" },
	{ "source", run_source, false, "source [--bytes N]: what a server verifies, on stdout" },
	{ "request", run_request, false,
	  "request [--bytes N]: asks a server to send, on stdout, until stdin ends" },
	{ "verify", run_verify, false, "verify [--bytes N]: verifies stdin" },
	{ "activate", run_activate, true,
	  "activate ADDRESS -- COMMAND: runs COMMAND with a listening socket" },
};

static _Noreturn void usage(FILE *out, int status)
{
	fputs("usage:\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  load %s\n", commands[i].usage);
	fputs("all take --limit SECONDS; ADDRESS is tcp:127.0.0.1:PORT (for datagrams udp:), "
	      "unix:PATH, unix:@NAME or, in the laboratory, vsock:CID:PORT\n",
	      out);
	exit(status);
}

static uint64_t number_option(const char *name, const char *text, uint64_t least, uint64_t most)
{
	uint64_t value;

	if (!parse_number(text, most, &value) || value < least) {
		fprintf(stderr, "load: --%s: %s is not a number from %" PRIu64 " to %" PRIu64 "\n",
			name, text, least, most);
		exit(2);
	}
	return value;
}

static const struct option long_options[] = {
	{ "bytes", required_argument, NULL, 'b' }, { "count", required_argument, NULL, 'c' },
	{ "conns", required_argument, NULL, 'n' }, { "parallel", required_argument, NULL, 'p' },
	{ "size", required_argument, NULL, 's' },  { "delay", required_argument, NULL, 'd' },
	{ "limit", required_argument, NULL, 'l' }, { "control", required_argument, NULL, 'C' },
	{ "reset", no_argument, NULL, 'r' },	   { "seconds", required_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' },	   { NULL, 0, NULL, 0 },
};

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		switch (c) {
		case 'b':
			o->bytes = number_option("bytes", optarg, 1, UINT64_C(1) << 40);
			break;
		case 'c':
			o->count = number_option("count", optarg, 1, 10000000);
			break;
		case 'n':
			o->conns = number_option("conns", optarg, 1, 10000);
			break;
		case 'p':
			o->parallel = number_option("parallel", optarg, 1, 10000);
			break;
		case 's':
			o->size = number_option("size", optarg, 8, 1 << 24);
			break;
		case 'd':
			o->delay_ms = number_option("delay", optarg, 0, 60000);
			break;
		case 'S':
			o->seconds = number_option("seconds", optarg, 1, 86400);
			break;
		case 'l':
			o->limit = (unsigned)number_option("limit", optarg, 1, 86400);
			break;
		case 'C':
			o->control_text = optarg;
			break;
		case 'r':
			o->reset = true;
			break;
		case 'h':
			usage(stdout, 0);
		default:
			usage(stderr, 2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .bytes = 64u << 20,
			     .count = 1000,
			     .conns = 1,
			     .parallel = 16,
			     .size = 64,
			     .delay_ms = 1000,
			     .seconds = 86400 };
	const struct command *command = NULL;

	if (argc >= 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		usage(stdout, 0);
	for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			command = &commands[i];
	if (command == NULL)
		usage(stderr, 2);
	argc--;
	argv++;
	if (command->needs_address) {
		if (argc < 2 || argv[1][0] == '-')
			usage(stderr, 2);
		o.addr_text = argv[1];
		argc--;
		argv++;
	}
	parse_options(argc, argv, &o);
	if (optind < argc)
		o.command = argv + optind;
	if (o.addr_text != NULL)
		parse_address(o.addr_text, &o.addr);
	if (o.control_text != NULL)
		parse_address(o.control_text, &o.control);
	if (o.limit == 0)
		o.limit = command->run == run_serve ? 7200 : 60;
	memset(buffer, 'v', sizeof(buffer));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	alarm(o.limit);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	raise_descriptor_limit();
	return command->run(&o);
}
