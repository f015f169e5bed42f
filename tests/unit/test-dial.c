/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dials to servers in a thread of their own, on 127.0.0.1, ::1 and UNIX sockets. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "relay/dial.h"
#include "../lib/temporary.h"

static struct loop *loop;
static struct dialer *dialer;
static struct dial_settings settings;
static struct dial dial;
static struct addr addr;
static char directory[TEMPORARY_MAX], path[128], text[256];

static int result_fd;
static struct failure result;
static unsigned done_calls, waiting_calls;

static void done(struct loop *of, struct dial *which, int fd, const struct failure *failure)
{
	assert_ptr_equal(of, loop);
	assert_ptr_equal(which, &dial);
	done_calls++;
	result_fd = fd;
	memset(&result, 0, sizeof(result));
	if (failure)
		result = *failure;
	loop_stop(loop);
}

static void waiting(const struct addr *which, const struct explanation *why, uint64_t elapsed,
		    uint64_t wait)
{
	assert_ptr_equal(which, &addr);
	assert_true(why->may_heal);
	assert_true(elapsed <= wait);
	waiting_calls++;
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(temporary_name(directory)))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", directory);
	settings = (struct dial_settings){ .connect_timeout = 60 * NSEC_PER_SEC,
					   .waiting = waiting };
	done_calls = waiting_calls = 0;
	return loop_start(&loop) || dialer_start(loop, &dialer);
}

static int tear_down(void **state)
{
	(void)state;
	dialer_stop(dialer);
	loop_free(loop);
	unlink(path);
	rmdir(directory);
	return 0;
}

static void start(const char *where)
{
	struct mistake error;
	const struct addr_context context = { .role = ADDR_CONNECT };

	if (addr_parse(where, &context, &addr, &error) < 0)
		fail_msg("%s: %s", where, error.why);
	dial_start(dialer, &dial, &addr, &settings, done);
}

static void succeeds(void)
{
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(done_calls, 1);
	if (result_fd < 0)
		fail_msg("step %d: %s", result.step, strerror(result.error));
}

static void fails(enum step step, int error)
{
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(done_calls, 1);
	assert_int_equal(result_fd, -1);
	assert_int_equal(result.step, step);
	assert_int_equal(result.error, error);
}

/* A listener on TCP, v6 or not; its port. */
static int listen_tcp(bool v6, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr *sa = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t size = v6 ? sizeof(in6) : sizeof(in);
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, sa, size) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, sa, &size);
	*port = ntohs(v6 ? in6.sin6_port : in.sin_port);
	return fd;
}

static int listen_unix(int backlog)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void connects(void **state)
{
	uint16_t port;
	int listener = listen_tcp(false, &port);

	(void)state;
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	start(text);
	succeeds();
	assert_true(result_fd > 2);
	close(result_fd);
	close(listener);
}

static void a_closed_port_is_refused(void **state)
{
	uint16_t port;

	(void)state;
	close(listen_tcp(false, &port));
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	start(text);
	fails(STEP_CONNECT, ECONNREFUSED);
}

static void every_address_of_a_name_is_tried(void **state)
{
	uint16_t port;
	int listener = listen_tcp(true, &port);

	(void)state;
	if (listener < 0)
		skip(); /* no IPv6 here */
	snprintf(text, sizeof(text), "tcp:localhost:%u", port);
	start(text); /* 127.0.0.1 refuses */
	succeeds();
	close(result_fd);
	close(listener);
}

static void a_name_is_looked_up_by_the_helper(void **state)
{
	uint16_t port;
	int listener = listen_tcp(false, &port);

	(void)state;
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	/* a number in the place of a service goes to the helper */
	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_TCP;
	strcpy(addr.name, "127.0.0.1");
	snprintf(addr.service, sizeof(addr.service), "%u", port);
	dial_start(dialer, &dial, &addr, &settings, done);
	succeeds();
	close(result_fd);
	done_calls = 0;
	strcpy(addr.service, "no-such-service");
	dial_start(dialer, &dial, &addr, &settings, done);
	fails(STEP_RESOLVE, EAI_SERVICE);
	close(listener);
}

static void a_cancelled_dial_is_never_done(void **state)
{
	(void)state;
	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_TCP;
	strcpy(addr.name, "127.0.0.1");
	strcpy(addr.service, "1");
	dial_start(dialer, &dial, &addr, &settings, done);
	dial_cancel(&dial);
	dial_cancel(&dial);
	/* another question is answered; the first answer is dropped */
	dial_start(dialer, &dial, &addr, &settings, done);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(done_calls, 1);
}

/* UNIX */

static void *accept_two(void *context)
{
	int listener = *(int *)context, fd;

	for (int i = 0; i < 2; i++) {
		poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 60000);
		fd = accept(listener, NULL, NULL);
		if (i == 1)
			(void)!write(fd, "x", 1);
		else
			poll(NULL, 0, 30); /* room is made after the dial has found none */
		close(fd);
	}
	return NULL;
}

static void a_full_backlog_is_waited_for(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int listener = listen_unix(0), first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	pthread_t thread;

	(void)state;
	strcpy(un.sun_path, path);
	assert_int_equal(connect(first, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(connect(second, (struct sockaddr *)&un, sizeof(un)), -1);
	assert_int_equal(errno, EAGAIN);
	snprintf(text, sizeof(text), "unix:%s", path);
	start(text);
	assert_int_equal(done_calls, 0);
	assert_int_equal(pthread_create(&thread, NULL, accept_two, &listener), 0);
	succeeds();
	pthread_join(thread, NULL);
	close(result_fd);
	close(first);
	close(second);
	close(listener);
}

static void a_full_backlog_times_out(void **state)
{
	int listener = listen_unix(0), first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)state;
	strcpy(un.sun_path, path);
	assert_int_equal(connect(first, (struct sockaddr *)&un, sizeof(un)), 0);
	settings.connect_timeout = 50 * NSEC_PER_MSEC;
	snprintf(text, sizeof(text), "unix:%s", path);
	start(text);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(result_fd, -1);
	assert_int_equal(result.step, STEP_CONNECT);
	close(first);
	close(listener);
}

/* What another process opens and explains */

static uint32_t open_question, explain_question;

static int note_open(void *context, const struct dial *asking, const struct place *place,
		     uint64_t timeout)
{
	(void)context;
	(void)place;
	(void)timeout;
	open_question = asking->question;
	return 0;
}

static int cannot_ask(void *context, const struct dial *asking, const struct place *place,
		      uint64_t timeout)
{
	(void)context;
	(void)asking;
	(void)place;
	(void)timeout;
	return -ENOMEM;
}

static int note_explain(void *context, const struct dial *asking)
{
	(void)context;
	explain_question = asking->question;
	return 0;
}

static bool permit(const struct dest_list *dests, const char *host, const struct sockaddr *sa,
		   char why[DIAL_DETAIL_MAX])
{
	(void)dests;
	(void)host;
	(void)sa;
	(void)why;
	return true;
}

/* Another process opens all sockets. */
static void start_by_broker(const char *where)
{
	dialer_broker(dialer,
		      &(const struct dial_broker){ .open = note_open, .explain = note_explain });
	settings.permits = permit;
	done_calls = 0;
	open_question = explain_question = 0;
	start(where);
	assert_int_not_equal(open_question, 0);
}

static void a_unix_socket_that_is_given_is_connected_already(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	start_by_broker("unix:/some/where");
	dialer_given(dialer, open_question, pair[0], NULL);
	assert_int_equal(done_calls, 1); /* without a turn of the loop */
	assert_int_equal(result_fd, pair[0]);
	close(pair[0]);
	close(pair[1]);
}

static void a_request_without_memory_is_not_blamed_on_the_target(void **state)
{
	static const char *const wheres[] = { "unix:/some/where", "exec:true" };

	(void)state;
	dialer_broker(dialer, &(const struct dial_broker){ .open = cannot_ask });
	settings.permits = permit;
	for (size_t i = 0; i < 2; i++) {
		done_calls = 0;
		start(wheres[i]);
		assert_int_equal(done_calls, 1);
		assert_int_equal(result.step, STEP_CONNECT);
		assert_int_equal(result.error, ENOMEM);
		dial_cancel(&dial);
	}
}

/* The connection fails in this way; is somebody asked why? */
static bool asks_why(const char *where, int error)
{
	start_by_broker(where);
	dialer_given(dialer, open_question, -1,
		     &(const struct failure){ .step = STEP_CONNECT, .error = error });
	assert_int_equal(done_calls, explain_question ? 0 : 1);
	return explain_question;
}

static void explained(const char *what)
{
	struct explanation why = { .status = STATUS_ABSENT, .end = "absent" };

	snprintf(why.what, sizeof(why.what), "%s", what);
	dialer_explained(dialer, explain_question, &why);
	assert_int_equal(done_calls, 1);
}

static void ends_with(const char *what)
{
	struct explanation why;

	dial_explain(&dial, &result, &why);
	assert_string_equal(why.what, what);
	dial_cancel(&dial);
}

static void who_fails_in_the_same_way_is_told_the_same_at_once(void **state)
{
	(void)state;
	assert_true(asks_why("vsock:77:1", ENODEV));
	explained("one");
	ends_with("one");
	assert_false(asks_why("vsock:77:1", ENODEV));
	ends_with("one");
	assert_true(asks_why("vsock:78:1", ENODEV));
	explained("two");
	ends_with("two");
	assert_true(asks_why("vsock:77:1", ETIMEDOUT));
	explained("three");
	ends_with("three");
	assert_false(asks_why("vsock:78:1", ENODEV));
	ends_with("two");
	for (int cid = 80; cid < 84; cid++) {
		snprintf(text, sizeof(text), "vsock:%d:1", cid);
		assert_true(asks_why(text, ENODEV));
		explained(text);
		ends_with(text);
	}
	assert_true(asks_why("vsock:77:1", ENODEV)); /* no more than four are kept */
	dial_cancel(&dial);
}

/* Several addresses */

static int note_question(void *context, const struct dial *asking)
{
	*(uint32_t *)context = asking->question;
	return 0;
}

/* As if the name had been found to mean these addresses of the loopback, each with this port. */
static void start_with(size_t count, const char *const *ips, uint16_t port)
{
	struct resolver_answer answer = { .places.count = count };

	for (size_t i = 0; i < count; i++) {
		struct place *place = &answer.places.place[i];
		struct sockaddr_in *in = (void *)&place->sa;
		struct sockaddr_in6 *in6 = (void *)&place->sa;

		if (inet_pton(AF_INET, ips[i], &in->sin_addr) == 1) {
			in->sin_family = AF_INET;
			in->sin_port = htons(port);
			place->length = sizeof(*in);
		} else {
			assert_int_equal(inet_pton(AF_INET6, ips[i], &in6->sin6_addr), 1);
			in6->sin6_family = AF_INET6;
			in6->sin6_port = htons(port);
			place->length = sizeof(*in6);
		}
	}
	dialer_broker(dialer, &(const struct dial_broker){ .look_up = note_question,
							   .context = &answer.id });
	start("tcp:name.example:1");
	dialer_found(dialer, &answer);
}

/* A listener on 127.0.0.2 whose backlog is full: its kernel drops what comes, and does not answer.
 * The sockets that fill it are in fds. */
static uint16_t make_silent(int fds[3])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f000002) } };
	socklen_t size = sizeof(in);

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	getsockname(fds[0], (struct sockaddr *)&in, &size);
	for (int i = 1; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&in, sizeof(in));
		poll(&(struct pollfd){ .fd = fds[i], .events = POLLOUT }, 1, 100);
	}
	return ntohs(in.sin_port);
}

static void the_next_address_does_not_wait_for_a_silent_one(void **state)
{
	static const char *const ips[] = { "127.0.0.2", "127.0.0.3" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f000003) } };
	int fds[3], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t began;

	(void)state;
	in.sin_port = htons(make_silent(fds));
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listener, 5), 0);
	began = units_now();
	start_with(2, ips, ntohs(in.sin_port));
	succeeds();
	assert_true(units_now() - began >= 250 * NSEC_PER_MSEC);
	assert_true(units_now() - began < 5 * NSEC_PER_SEC);
	close(result_fd);
	close(listener);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* The first is silent, the second refuses: what is waited for is the first, and "refused" is what
 * is told in the end. */
static void the_failure_that_tells_most_counts(void **state)
{
	static const char *const silent[] = { "127.0.0.2", "127.0.0.3" }, *const no_route[] = {
		"127.0.0.3", "2001:db8::1"
	};
	int fds[3];

	(void)state;
	settings.connect_timeout = 600 * NSEC_PER_MSEC;
	start_with(2, silent, make_silent(fds));
	fails(STEP_CONNECT, ECONNREFUSED);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	done_calls = 0;
	start_with(2, no_route, 1);
	fails(STEP_CONNECT, ECONNREFUSED);
}

static void what_may_heal_is_waited_for(void **state)
{
	uint64_t began = units_now();

	(void)state;
	snprintf(text, sizeof(text), "unix:%s", path);
	start(text);
	fails(STEP_CONNECT, ENOENT);
	done_calls = 0;
	settings.wait = 100 * NSEC_PER_MSEC;
	start(text);
	fails(STEP_CONNECT, ENOENT);
	assert_true(units_now() - began >= settings.wait);
	assert_true(waiting_calls > 0);
}

static void *listen_later(void *context)
{
	int *listener = context;

	poll(NULL, 0, 30);
	*listener = listen_unix(5);
	return NULL;
}

static void a_wait_ends_when_somebody_listens(void **state)
{
	int listener = -1;
	pthread_t thread;

	(void)state;
	settings.wait = 60 * NSEC_PER_SEC;
	snprintf(text, sizeof(text), "unix:%s", path);
	start(text);
	assert_int_equal(pthread_create(&thread, NULL, listen_later, &listener), 0);
	succeeds();
	assert_true(waiting_calls > 0);
	pthread_join(thread, NULL);
	close(result_fd);
	close(listener);
}

static void what_can_t_heal_is_told_at_once(void **state)
{
	(void)state;
	settings.wait = UNITS_INF;
	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_TCP;
	strcpy(addr.name, "127.0.0.1");
	strcpy(addr.service, "no-such-service");
	dial_start(dialer, &dial, &addr, &settings, done);
	fails(STEP_RESOLVE, EAI_SERVICE);
	assert_int_equal(waiting_calls, 0);
}

/* Hybrid vsock */

struct script {
	int listener;
	const char *parts[8]; /* written one by one; NULL: closed, "": held open */
	char request[64];
};

static void *play(void *context)
{
	struct script *script = context;
	int fd = accept(script->listener, NULL, NULL), i;
	size_t length = 0;

	while (length < sizeof(script->request) - 1 && read(fd, script->request + length, 1) == 1 &&
	       script->request[length] != '\n')
		length++;
	for (i = 0; script->parts[i] && *script->parts[i]; i++) {
		(void)!write(fd, script->parts[i], strlen(script->parts[i]));
		poll(NULL, 0, 5); /* so that most parts come alone; nothing hangs on it */
	}
	if (script->parts[i])
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1,
		     60000); /* until the other side goes */
	close(fd);
	return NULL;
}

/* A handshake with these parts; the caller checks what came of it. */
static void shake(struct script *script, void (*check)(void))
{
	pthread_t thread;

	script->listener = listen_unix(5);
	snprintf(text, sizeof(text), "vsock-mux:%s:52", path);
	assert_int_equal(pthread_create(&thread, NULL, play, script), 0);
	done_calls = 0;
	start(text);
	check();
	if (result_fd >= 0)
		close(result_fd);
	pthread_join(thread, NULL);
	assert_string_equal(script->request, "CONNECT 52\n");
	close(script->listener);
	unlink(path);
}

static void expect_payload(void)
{
	char got[64] = "";
	size_t length = 0;

	succeeds();
	while (length < 7) {
		ssize_t n;

		assert_int_equal(
			poll(&(struct pollfd){ .fd = result_fd, .events = POLLIN }, 1, 60000), 1);
		n = read(result_fd, got + length, sizeof(got) - 1 - length);
		assert_true(n > 0);
		length += (size_t)n;
	}
	assert_string_equal(got, "payload");
}

static void expect_garbage(void)
{
	fails(STEP_HANDSHAKE, EPROTO);
}

/* A message shows what came instead of OK from its beginning, in however many parts. */
static void expect_beginning(void)
{
	fails(STEP_HANDSHAKE, EPROTO);
	assert_memory_equal(result.detail, "OK n", 4);
}

static void expect_closed(void)
{
	fails(STEP_HANDSHAKE, ECONNRESET);
}

static void expect_silence(void)
{
	fails(STEP_HANDSHAKE, ETIMEDOUT);
}

static int recv_error; /* that every call in the loop's thread fails with */
static pthread_t recv_thread;

ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	if (recv_error && pthread_equal(pthread_self(), recv_thread)) {
		errno = recv_error;
		return -1;
	}
	return __real_recv(fd, data, size, flags);
}

static void expect_no_memory(void)
{
	fails(STEP_SOCKET, ENOMEM);
}

/* Nothing but a wait for more would look the same, and use the processor. */
static void an_answer_that_can_t_be_read_is_our_failure(void **state)
{
	(void)state;
	recv_thread = pthread_self();
	recv_error = ENOMEM;
	shake(&(struct script){ .parts = { "OK 1073741824\n", "" } }, expect_no_memory);
	recv_error = ECONNRESET;
	shake(&(struct script){ .parts = { "OK 1073741824\n", "" } }, expect_closed);
	recv_error = 0;
}

static void a_handshake_and_the_payload_behind_it(void **state)
{
	(void)state;
	shake(&(struct script){ .parts = { "OK 1073741824\npayload", "" } }, expect_payload);
	shake(&(struct script){ .parts = { "OK 10737", "41824\npay", "load", "" } },
	      expect_payload);
	shake(&(struct script){ .parts = { "O", "K", " ", "1", "\n", "payload" } }, expect_payload);
}

static void a_handshake_that_is_none(void **state)
{
	(void)state;
	shake(&(struct script){ .parts = { "HTTP/1.1 400\r\n" } }, expect_garbage);
	settings.connect_timeout = 50 * NSEC_PER_MSEC;
	shake(&(struct script){ .parts = { "OK", "" } }, expect_silence);
	shake(&(struct script){ .parts = { "" } }, expect_silence);
	settings.connect_timeout = 60 * NSEC_PER_SEC;
	shake(&(struct script){ .parts = { NULL } }, expect_closed);
	shake(&(struct script){ .parts = { "OK 12", NULL } }, expect_garbage);
	shake(&(struct script){ .parts = { "OK ", "no\n" } }, expect_beginning);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(connects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_closed_port_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_address_of_a_name_is_tried, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_name_is_looked_up_by_the_helper, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_cancelled_dial_is_never_done, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_backlog_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_backlog_times_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_unix_socket_that_is_given_is_connected_already,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_request_without_memory_is_not_blamed_on_the_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_fails_in_the_same_way_is_told_the_same_at_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_address_does_not_wait_for_a_silent_one,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_failure_that_tells_most_counts, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_may_heal_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wait_ends_when_somebody_listens, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_can_t_heal_is_told_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_handshake_and_the_payload_behind_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_handshake_that_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_can_t_be_read_is_our_failure, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
