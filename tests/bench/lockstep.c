/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lockstep: what a relay does for one connection, one round trip and one MiB, in system calls.
 *
 * Theory of operation.  This program is the client, the server and the tracer of the relay, in one
 * thread.  It stops the process that relays whenever that is about to wait for events, does the
 * next step of the load meanwhile (connect, write, read, close), and lets it go on only then.  So
 * the relay always finds the same things ready, however busy or fast the machine is, and the
 * counts are the same in every run.
 *
 * clock_gettime is left out: whether it is a system call depends on the machine's clock.
 *
 * The command is started with the listening address and the target appended (`proxy`), or only the
 * target, with pipes on standard input and output (`cat`).  It may be run by another one, such as
 * valgrind.  Output: one JSON object; its counts are those of the process that relays.
 */
#include "config.h"

#include "load.h"

#include <poll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#endif

#define CALLS 1024
#define PROCESSES 16
#define CHUNK (64 * 1024u) /* fits into every buffer on the way */
#define TRIP 64u
#define WARM_CHUNKS 24
#define LIMIT_MS 20000
#define PATIENCE_MS 50

static struct {
	pid_t root, relay; /* what was started, and the process of it that relays */
	bool held; /* the relay is stopped where it begins to wait for events */
	bool ended;
	pid_t pids[PROCESSES];
	uint64_t calls[CALLS]; /* of the relay */
} traced;

static struct {
	struct address front; /* where the relay listens */
	int listener; /* our own server */
	int ready; /* READY comes here, in `proxy` */
	int to_stdin, from_stdout; /* in `cat` */
	bool proxy;
	uint64_t connections, trips, chunks, idle;
} load;

/*
 * The tracer
 */

static void note_process(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		if (traced.pids[i] == pid)
			return;
		if (traced.pids[i] == 0) {
			traced.pids[i] = pid;
			return;
		}
	}
	fail("too many processes");
}

static void forget_process(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (traced.pids[i] == pid)
			traced.pids[i] = -1;
	traced.ended = traced.ended || pid == traced.root;
	if (pid == traced.relay) /* one that only looked something up */
		traced.relay = traced.root;
}

static void resume(pid_t pid, int signal_number)
{
	/* vsock-proxy's supervisor may do as it likes. */
	bool follow = pid == traced.relay && !(load.proxy && pid == traced.root);

	if (ptrace(follow ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)signal_number) < 0 &&
	    errno != ESRCH)
		fail("ptrace: %s", strerror(errno));
}

static bool waits_for_events(uint64_t number)
{
#ifdef __NR_epoll_wait
	if (number == __NR_epoll_wait)
		return true;
#endif
	return number == __NR_epoll_pwait;
}

/* A system call of `pid` begins or ends.  True if the process is kept where it is. */
static bool at_call(pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		fail("the kernel tells nothing about system calls: %s", strerror(errno));
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || pid != traced.relay)
		return false;
	if (info.entry.nr < CALLS && info.entry.nr != __NR_clock_gettime)
		traced.calls[info.entry.nr]++;
	if (!waits_for_events(info.entry.nr) || info.entry.args[3] == 0) /* it only looks */
		return false;
	traced.held = true;
	return true;
}

/* Something has happened to a process: says whether it was let go on. */
static void on_change(pid_t pid, int status)
{
	unsigned long child;
	int event = status >> 16;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		forget_process(pid);
		return;
	}
	note_process(pid);
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (!at_call(pid))
			resume(pid, 0);
		return;
	}
	if (event == PTRACE_EVENT_FORK && ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0) {
		/* The one that was forked last is the worker. */
		traced.relay = (pid_t)child;
		memset(traced.calls, 0, sizeof(traced.calls));
		traced.held = false;
	}
	resume(pid, event != 0 || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status));
}

/* Takes up what has happened; waits for `ms` if nothing has. */
static void look(int ms)
{
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	sigset_t set;
	pid_t pid;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) == 0) {
		if (ms == 0 || sigtimedwait(&set, NULL, &wait) < 0)
			return;
	}
	for (; pid > 0; pid = waitpid(-1, &status, __WALL | WNOHANG))
		on_change(pid, status);
}

static void let_go(void)
{
	if (!traced.held)
		return;
	traced.held = false;
	resume(traced.relay, 0);
}

/* One turn of its loop: until it is about to wait again.  It may have nothing to do because what it
 * sent is still on its way to us, which a busy kernel may put off: then it sleeps, and the caller
 * looks again. */
static void turn(void)
{
	let_go();
	for (int i = 0; i < PATIENCE_MS && !traced.held; i++)
		look(1);
	if (traced.ended)
		fail("the program has ended");
}

static void start(char **command)
{
	const int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
			    PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status;

	traced.root = traced.relay = fork();
	if (traced.root < 0)
		fail("fork: %s", strerror(errno));
	if (traced.root == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		alarm(0);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		raise(SIGSTOP);
		execvp(command[0], command);
		_exit(127);
	}
	if (waitpid(traced.root, &status, __WALL) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, traced.root, NULL, (long)options) < 0) {
		puts("{\"cannot\":\"ptrace(2) is not permitted\"}");
		exit(4);
	}
	note_process(traced.root);
	resume(traced.root, 0);
}

static void stop(void)
{
	kill(traced.root, SIGTERM);
	for (uint64_t end = now_ns() + LIMIT_MS * UINT64_C(1000000);; look(100)) {
		bool left = false;

		for (size_t i = 0; i < PROCESSES; i++)
			left = left || traced.pids[i] > 0;
		if (!left)
			return;
		let_go();
		if (now_ns() > end)
			fail("the program does not end");
	}
}

/*
 * The load
 */

/* Whether `fd` can be read: what was sent over the loopback device may arrive a little later. */
static bool arrives(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, 1) > 0;
}

static int accept_now(void)
{
	for (;;) {
		int fd = !arrives(load.listener)
				 ? -1
				 : accept4(load.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			struct sockaddr_storage sa;
			socklen_t len = sizeof(sa);

			getsockname(fd, (struct sockaddr *)&sa, &len);
			set_nodelay(fd, sa.ss_family);
			return fd;
		}
		turn();
	}
}

/* `size` bytes from one end to the other, through the relay. */
static void pass(int from, int to, size_t size)
{
	size_t written = 0, got = 0;

	for (;;) {
		ssize_t n = written < size ? write(from, buffer, size - written) : 0;

		if (n < 0 && !would_block(n))
			fail("write: %s", strerror(errno));
		written += n > 0 ? (size_t)n : 0;
		while (got < size && arrives(to)) {
			n = read(to, buffer, sizeof(buffer));
			if (n <= 0)
				fail("read: %s", n < 0 ? strerror(errno) : "end of file");
			got += (size_t)n;
		}
		if (got == size)
			return;
		turn();
	}
}

static void until_end(int fd)
{
	char byte;
	ssize_t n;

	while (!arrives(fd))
		turn();
	n = read(fd, &byte, 1);
	if (n != 0)
		fail("no end of file: %s", n < 0 ? strerror(errno) : "data");
}

struct line {
	int client_in, client_out, server; /* client_in is written, client_out is read */
};

static struct line connect_line(void)
{
	struct line line = { .client_in = connect_to(&load.front, "the relay", 20) };

	set_blocking(line.client_in, false);
	line.client_out = line.client_in;
	line.server = accept_now();
	return line;
}

static void trip(const struct line *line)
{
	pass(line->client_in, line->server, TRIP);
	pass(line->server, line->client_out, TRIP);
}

static void leave(const struct line *line)
{
	close(line->client_in);
	if (line->client_out != line->client_in)
		close(line->client_out);
	close(line->server);
}

/* From connect to close, with one exchange. */
static void visit(void)
{
	struct line line = connect_line();

	trip(&line);
	shutdown(line.client_in, SHUT_WR);
	until_end(line.server);
	close(line.server);
	until_end(line.client_in);
	close(line.client_in);
}

/*
 * What is measured
 */

static void print_name(uint64_t number)
{
#ifdef HAVE_LIBSECCOMP
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

	if (name) {
		printf("%s", name);
		free(name);
		return;
	}
#endif
	printf("call %" PRIu64, number);
}

static void report(const char *what, uint64_t count)
{
	static bool some;
	const char *comma = "";

	printf("%s\"%s\":{\"count\":%" PRIu64 ",\"calls\":{", some ? "," : "", what, count);
	for (uint64_t i = 0; i < CALLS; i++) {
		if (traced.calls[i] == 0)
			continue;
		printf("%s\"", comma);
		print_name(i);
		printf("\":%" PRIu64, traced.calls[i]);
		comma = ",";
	}
	printf("}}");
	some = true;
	memset(traced.calls, 0, sizeof(traced.calls));
}

static void measure_chunks(const char *what, int from, int to)
{
	for (int i = 0; i < WARM_CHUNKS; i++)
		pass(from, to, CHUNK);
	memset(traced.calls, 0, sizeof(traced.calls));
	for (uint64_t i = 0; i < load.chunks; i++)
		pass(from, to, CHUNK);
	report(what, load.chunks * CHUNK >> 20);
}

static void measure_trips(const struct line *line)
{
	trip(line);
	trip(line);
	memset(traced.calls, 0, sizeof(traced.calls));
	for (uint64_t i = 0; i < load.trips; i++)
		trip(line);
	report("trip", load.trips);
}

static void follow_for(uint64_t ms)
{
	uint64_t end = now_ns() + ms * 1000000;

	while (now_ns() < end) {
		let_go();
		look((int)ms);
	}
}

/* What open connections cost where nothing happens on them: after it has gone to sleep. */
static void measure_idle(uint64_t ms)
{
	follow_for(ms);
	memset(traced.calls, 0, sizeof(traced.calls));
	follow_for(ms);
	report("idle", 1);
}

static void measure_proxy(void)
{
	struct line line;

	visit();
	visit();
	memset(traced.calls, 0, sizeof(traced.calls));
	for (uint64_t i = 0; i < load.connections; i++)
		visit();
	report("connection", load.connections);
	line = connect_line();
	measure_trips(&line);
	measure_chunks("mib", line.client_in, line.server);
	if (load.idle > 0)
		measure_idle(load.idle);
	leave(&line);
}

static void measure_cat(void)
{
	struct line line = { .client_in = load.to_stdin, .client_out = load.from_stdout };

	line.server = accept_now();
	measure_trips(&line);
	measure_chunks("mib_in", line.client_in, line.server);
	measure_chunks("mib_out", line.server, line.client_out);
	if (load.idle > 0)
		measure_idle(load.idle);
	leave(&line);
}

/*
 * Starting the program
 */

/* The address that READY names. */
static void await_ready(void)
{
	char text[256];
	ssize_t n;

	set_blocking(load.ready, false);
	for (uint64_t end = now_ns() + LIMIT_MS * UINT64_C(1000000);;) {
		n = read(load.ready, text, sizeof(text) - 1);
		if (n > 0)
			break;
		look(2);
		let_go();
		if (traced.ended || now_ns() > end)
			fail("the program is not ready");
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "READY ", 6) != 0)
		fail("READY was expected: %s", text);
	parse_address(text + 6, &load.front);
}

/* An address that no other program knows: one that tries ports of 127.0.0.1 would be a client or a
 * server too many. */
static struct in_addr own_loopback(void)
{
	uint32_t pid = (uint32_t)getpid(); /* less than 2^22 */

	return (struct in_addr){ htonl(UINT32_C(0x7f800000) | pid) };
}

/* Where our server listens, in our programs' notation; for tcp the port is asked from the kernel.
 */
static void listen_there(const char *family, const char *folder, char *text, size_t size)
{
	struct sockaddr_in in = { 0 };
	socklen_t len = sizeof(in);
	struct address address;

	if (strcmp(family, "tcp") == 0)
		snprintf(text, size, "tcp:%s:0", inet_ntoa(own_loopback()));
	else
		snprintf(text, size, "unix:%s/target", folder);
	parse_address(text, &address);
	load.listener = listen_at(&address, text);
	if (address.sa.ss_family == AF_INET) {
		getsockname(load.listener, (struct sockaddr *)&in, &len);
		snprintf(text, size, "tcp:%s:%u", inet_ntoa(in.sin_addr), ntohs(in.sin_port));
	}
}

static void launch(char **command, const char *families, const char *folder)
{
	static char target[128], front[128], ready[16];
	const char *dash = strchr(families, '-');
	size_t count = 0;
	char **words;
	int ends[3][2];

	for (int i = 0; i < 3; i++)
		if (pipe2(ends[i], O_CLOEXEC) < 0)
			fail("pipe2: %s", strerror(errno));
	while (command[count])
		count++;
	words = allocate(count + 5, sizeof(*words));
	memcpy(words, command, count * sizeof(*words));
	listen_there(dash ? dash + 1 : families, folder, target, sizeof(target));
	if (load.proxy) {
		fcntl(ends[2][1], F_SETFD, 0);
		snprintf(ready, sizeof(ready), "--ready-fd=%d", ends[2][1]);
		if (strncmp(families, "tcp", 3) == 0)
			snprintf(front, sizeof(front), "tcp:%s:0", inet_ntoa(own_loopback()));
		else
			snprintf(front, sizeof(front), "unix:%s/front", folder);
		words[count++] = ready;
		words[count++] = front;
	} else if (dup2(ends[0][0], STDIN_FILENO) < 0) {
		fail("dup2: %s", strerror(errno));
	}
	words[count] = target;
	if (!load.proxy) {
		int own = dup(STDOUT_FILENO);

		fcntl(own, F_SETFD, FD_CLOEXEC);
		dup2(ends[1][1], STDOUT_FILENO);
		start(words);
		dup2(own, STDOUT_FILENO);
	} else {
		start(words);
	}
	close(ends[2][1]);
	load.ready = ends[2][0];
	load.to_stdin = ends[0][1];
	load.from_stdout = ends[1][0];
	set_blocking(load.to_stdin, false);
	set_blocking(load.from_stdout, false);
	if (load.proxy)
		await_ready();
	free(words);
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (!parse_number(text, 1000000, &value))
		fail("%s is not a number", text);
	return value;
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc < 9) {
		fputs("usage: lockstep proxy|cat FAMILY[-FAMILY] FOLDER CONNECTIONS TRIPS CHUNKS "
		      "IDLE-MS COMMAND...\n"
		      "FAMILY is tcp or unix; FOLDER is where the sockets of unix are; a chunk has "
		      "64 KiB\n",
		      stderr);
		return 2;
	}
	load.proxy = strcmp(argv[1], "proxy") == 0;
	load.connections = number(argv[4]);
	load.trips = number(argv[5]);
	load.chunks = number(argv[6]);
	load.idle = number(argv[7]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	alarm(120);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	launch(argv + 8, argv[2], argv[3]);
	printf("{");
	if (load.proxy)
		measure_proxy();
	else
		measure_cat();
	printf("}\n");
	fflush(stdout);
	stop();
	return 0;
}
