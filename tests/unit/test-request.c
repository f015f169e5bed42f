/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a supervisor does for its worker, and what it refuses to one that was taken over: all that
 * no rule names. */
#include "config.h"

#include <errno.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/units.h"
#include "proxy/protocols/dest.h"
#include "proxy/supervisor/parts.h"

#include "capture.h"
#include "supervisor-rig.h"

struct rig {
	struct supervisor supervisor;
	int worker[2]; /* its ends */
	struct sockaddr_in here;
	int listener;
	char target[64];
};

static void make_listener(struct rig *rig)
{
	socklen_t size = sizeof(rig->here);

	rig->here = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig->listener, (struct sockaddr *)&rig->here, size), 0);
	assert_int_equal(listen(rig->listener, 8), 0);
	assert_int_equal(getsockname(rig->listener, (struct sockaddr *)&rig->here, &size), 0);
	snprintf(rig->target, sizeof(rig->target), "tcp:127.0.0.1:%u", ntohs(rig->here.sin_port));
}

static void set_up(struct rig *rig)
{
	char *const words[] = { (char *)"unix:/nowhere/a", rig->target,
				(char *)"unix:/nowhere/b", (char *)"tcp:example.invalid:80",
				(char *)"unix:/nowhere/c", (char *)"exec:cat",
				(char *)"unix:/nowhere/d", (char *)"unix:/nowhere/e",
				(char *)"unix:/nowhere/f", (char *)"vsock:77:7" };

	make_listener(rig);
	/* its worker is never ended here */
	supervisor_rig_start(&rig->supervisor, 10, words, getpid(), rig->worker);
	rig->supervisor.server.limit = 2;
}

static void tear_down(struct rig *rig)
{
	supervisor_rig_stop(&rig->supervisor, rig->worker);
	close(rig->listener);
}

/* For the addresses of a name there is no memory. */
static bool short_of_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return short_of_memory && size == sizeof(struct places) ? NULL : __real_malloc(size);
}

static void stop_loop(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* The rules of set_up(). */
enum { TCP_RULE = 1, NAME_RULE, EXEC_RULE, UNIX_RULE, VSOCK_RULE, NO_RULE };

/* Asks for the target of a rule as a worker would: the descriptor, or a negative errno. host: where
 * a client of it wants to go. */
static int ask_of(struct rig *rig, uint64_t rule, uint32_t target, const char *host,
		  const void *place, size_t size)
{
	struct broker_message request = {
		.type = BROKER_OPEN, .id = 7, .rule = rule, .target = target
	};
	struct broker_message answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	size_t count;

	snprintf(request.host, sizeof(request.host), "%s", host);
	if (place) {
		memcpy(&request.place.sa, place, size);
		request.place.length = (socklen_t)size;
	}
	request_open(&rig->supervisor, &request);
	assert_int_equal(broker_receive(rig->worker[0], &answer, fds, &count, true), 1);
	assert_int_equal(answer.type, BROKER_OPENED);
	assert_int_equal(answer.id, 7);
	if (!count)
		return -answer.number;
	assert_int_equal(count, 1);
	return fds[0];
}

static int ask(struct rig *rig, uint64_t rule, uint32_t target, const char *host,
	       const struct sockaddr_in *place)
{
	return ask_of(rig, rule, target, host, place, sizeof(*place));
}

/* Waits for a child that is the one meant; those of other tests are children, too. */
static pid_t wait_for(struct supervisor *supervisor,
		      bool (*ended)(struct supervisor *supervisor, pid_t pid))
{
	pid_t pid;
	int how;

	do
		pid = waitpid(-1, &how, 0);
	while (pid > 0 && !ended(supervisor, pid));
	assert_true(pid > 0);
	return pid;
}

static void test_opens_targets(void **state)
{
	struct rig rig;
	char buf[6];
	int fd;

	(void)state;
	set_up(&rig);
	fd = ask(&rig, TCP_RULE, 0, "", &rig.here);
	assert_true(fd >= 0);
	close(fd);
	fd = ask(&rig, EXEC_RULE, 0, "", NULL);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (read(fd, buf, sizeof(buf)) < 0)
		assert_int_equal(errno, EAGAIN);
	assert_memory_equal(buf, "hello\n", 6);
	close(fd);
	assert_int_equal(ask(&rig, UNIX_RULE, 0, "", NULL), -ENOENT);
	/* a target that is written out is opened, whatever its client is said to want */
	fd = ask(&rig, TCP_RULE, 0, "other.invalid", &rig.here);
	assert_true(fd >= 0);
	close(fd);
	tear_down(&rig);
}

static void test_refuses_other_targets(void **state)
{
	static const uint64_t rules[] = { 0, NO_RULE, UINT32_MAX, UINT64_MAX };
	static struct capture capture;
	struct rig rig;

	(void)state;
	log_start("test");
	log_configure(&(const struct log_config){ 0 });
	set_up(&rig);
	capture_begin(&capture, STDERR_FILENO);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		assert_int_equal(ask(&rig, rules[i], 0, "", &rig.here), -EPERM);
	for (uint64_t rule = TCP_RULE; rule <= UNIX_RULE; rule++) {
		assert_int_equal(ask(&rig, rule, 1, "", &rig.here), -EPERM);
		assert_int_equal(ask(&rig, rule, UINT32_MAX, "", &rig.here), -EPERM);
	}
	/* all are counted, but not each is reported */
	assert_int_equal(rig.supervisor.refusals, 12);
	rig.supervisor.refusal_said -= 10 * NSEC_PER_SEC;
	assert_int_equal(ask(&rig, NO_RULE, 0, "", &rig.here), -EPERM);
	assert_string_equal(capture_end(&capture),
			    "test: refused a request of the worker that no rule permits (refused "
			    "so far: 1)\n"
			    "test: refused a request of the worker that no rule permits (refused "
			    "so far: 13)\n");
	tear_down(&rig);
}

/* The target is a rule's, but the place is not the target's. */
static void test_refuses_other_places(void **state)
{
	struct sockaddr_in other;
	struct rig rig;

	(void)state;
	set_up(&rig);
	other = rig.here;
	other.sin_port = htons((uint16_t)(ntohs(other.sin_port) ^ 1));
	assert_int_equal(ask(&rig, TCP_RULE, 0, "", &other), -EPERM);
	other = rig.here;
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "", &other), -EPERM);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "", NULL), -EPERM);
	/* a name that nobody has looked up is nowhere */
	assert_int_equal(ask(&rig, NAME_RULE, 0, "", &rig.here), -EPERM);
	tear_down(&rig);
}

/* Clients of an open-ended target go where its --allow-dest lets them, and so does a worker. */
static void test_open_ended(void **state)
{
	struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct mistake error;
	struct sockaddr_in other;
	struct rule *rule;
	struct rig rig;
	int fd;

	(void)state;
	log_configure(&(const struct log_config){ .quiet = 2 });
	set_up(&rig);
	/* any rule will do: what makes it open-ended is its target */
	rule = rig.supervisor.router.rules.first;
	rule->ports[0].targets[0].addr = (struct addr){ .family = ADDR_SOCKS5 };
	assert_int_equal(ask(&rig, TCP_RULE, 0, "127.0.0.1", &rig.here), -EACCES);
	assert_int_equal(dest_add(&rule->dests, "127.0.0.1:1-65535", true, &error), 0);
	fd = ask(&rig, TCP_RULE, 0, "127.0.0.1", &rig.here);
	assert_true(fd >= 0);
	close(fd);
	other = rig.here;
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "127.0.0.2", &other), -EACCES);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "127.0.0.1", NULL), -EPERM);
	/* and for no other rule */
	assert_int_equal(ask(&rig, NAME_RULE, 0, "127.0.0.1", &rig.here), -EPERM);
	/* nor an address that the host does not have */
	assert_int_equal(dest_add(&rule->dests, "*.example:1-65535", true, &error), 0);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "127.0.0.2", &rig.here), -EPERM);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "a.example", &rig.here), -EPERM);
	/* nor one of another interface */
	rig.supervisor.found = calloc(1024, sizeof(*rig.supervisor.found));
	strcpy(rig.supervisor.found[0].host, "a.example");
	inet_pton(AF_INET6, "fe80::1", &rig.supervisor.found[0].ip);
	rig.supervisor.found[0].scope = 1;
	local.sin6_addr = rig.supervisor.found[0].ip;
	local.sin6_scope_id = 2;
	assert_int_equal(ask_of(&rig, TCP_RULE, 0, "a.example", &local, sizeof(local)), -EPERM);
	local.sin6_scope_id = 1;
	assert_int_not_equal(ask_of(&rig, TCP_RULE, 0, "a.example", &local, sizeof(local)), -EPERM);
	free(rig.supervisor.found);
	rig.supervisor.found = NULL;
	tear_down(&rig);
}

/* Rules that a reload has removed are known until the worker has the new ones, and not after. */
static void test_rules_that_have_gone(void **state)
{
	struct rig rig;
	struct rule *first;
	int fd;

	(void)state;
	log_configure(&(const struct log_config){ .quiet = 2 });
	set_up(&rig);
	rig.supervisor.router.server = &rig.supervisor.server;
	rig.supervisor.router.keeps = true;
	first = rig.supervisor.router.rules.first;
	rig.supervisor.router.rules.first = first->next;
	first->next = NULL;
	first->removed = true;
	rig.supervisor.router.removed = first;
	fd = ask(&rig, TCP_RULE, 0, "", &rig.here);
	assert_true(fd >= 0);
	close(fd);
	router_forget(&rig.supervisor.router);
	assert_int_equal(ask(&rig, TCP_RULE, 0, "", &rig.here), -EPERM);
	tear_down(&rig);
}

/* Only names of targets are looked up, and what clients may want. */
static void test_looks_up_no_other_name(void **state)
{
	static const uint64_t rules[] = { EXEC_RULE, UNIX_RULE, NO_RULE };
	struct broker_message request = {
		.type = BROKER_LOOK_UP, .id = 9, .host = "other.invalid", .port = 80
	};
	struct broker_message answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	struct rule *rule;
	struct rig rig;
	size_t count;

	(void)state;
	set_up(&rig);
	rule = rig.supervisor.router.rules.first;
	rule->ports[0].targets[0].addr = (struct addr){ .family = ADDR_SOCKS5 };
	for (size_t i = 0; i <= sizeof(rules) / sizeof(*rules); i++) {
		request.rule = i ? rules[i - 1] : TCP_RULE;
		request_look_up(&rig.supervisor, &request);
		assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, true), 1);
		assert_int_equal(answer.type, BROKER_FOUND);
		assert_int_equal(answer.id, 9);
		assert_int_equal(answer.number, EAI_NONAME);
	}
	/* and nobody was asked */
	assert_int_equal(resolver_fd(rig.supervisor.resolver), -1);
	tear_down(&rig);
}

/* What is short here is not blamed on name servers. */
static void test_a_shortage_is_told(void **state)
{
	struct broker_message request = { .type = BROKER_LOOK_UP, .id = 9, .rule = NAME_RULE };
	struct timer stop = { .expired = stop_loop };
	struct rlimit before, none = { 0 };
	struct broker_message answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	struct rig rig;
	size_t count;

	(void)state;
	set_up(&rig);
	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	request_look_up(&rig.supervisor, &request);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, true), 1);
	assert_int_equal(answer.number, EAI_SYSTEM);

	/* without memory for the addresses, the worker would not be connected to them */
	strcpy(router_target(&rig.supervisor.router, NAME_RULE, 0)->addr.name, "localhost");
	request_look_up(&rig.supervisor, &request);
	poll(&(struct pollfd){ .fd = resolver_fd(rig.supervisor.resolver), .events = POLLIN }, 1,
	     -1);
	loop_timer(rig.supervisor.server.loop, &stop, 1);
	short_of_memory = true;
	assert_int_equal(loop_run(rig.supervisor.server.loop), 0);
	short_of_memory = false;
	assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, true), 1);
	assert_int_equal(answer.number, EAI_MEMORY);
	tear_down(&rig);
}

/* As many commands run as connections may be open; the next waits until one has ended. */
static void test_commands_are_counted(void **state)
{
	struct broker_message request = { .type = BROKER_OPEN, .rule = EXEC_RULE }, answer;
	int fds[3][BROKER_DESCRIPTORS_MAX];
	struct rig rig;
	size_t count;
	pid_t pid;

	(void)state;
	set_up(&rig);
	for (request.id = 0; request.id < 3; request.id++)
		request_open(&rig.supervisor, &request);
	assert_int_equal(rig.supervisor.command_running, 2);
	assert_int_equal(rig.supervisor.command_waiting, 1);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(broker_receive(rig.worker[0], &answer, fds[i], &count, true), 1);
		assert_int_equal(answer.id, i);
		assert_int_equal(count, 1);
	}
	assert_int_equal(broker_receive(rig.worker[0], &answer, fds[2], &count, false), 0);
	close(fds[0][0]);
	pid = wait_for(&rig.supervisor, command_ended);
	assert_false(command_ended(&rig.supervisor, pid));
	assert_int_equal(broker_receive(rig.worker[0], &answer, fds[2], &count, true), 1);
	assert_int_equal(answer.id, 2);
	assert_int_equal(rig.supervisor.command_running, 2);
	assert_int_equal(rig.supervisor.command_waiting, 0);
	close(fds[1][0]);
	close(fds[2][0]);
	tear_down(&rig);
}

/* Commands that wait for a rule that is gone leave their room, and each is refused at once. */
static void test_waiting_commands_of_removed_rules_are_refused(void **state)
{
	struct broker_message request = { .type = BROKER_OPEN, .rule = EXEC_RULE }, answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	struct rig rig;
	size_t count;

	(void)state;
	set_up(&rig);
	for (request.id = 0; request.id < 4; request.id++)
		request_open(&rig.supervisor, &request);
	assert_int_equal(rig.supervisor.command_waiting, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, true), 1);
		assert_int_equal(count, 1);
		close(fds[0]); /* which ends it */
	}
	for (struct rule *rule = rig.supervisor.router.rules.first; rule; rule = rule->next)
		if (rule->id == EXEC_RULE)
			rule->id = NO_RULE + 1;
	wait_for(&rig.supervisor, command_ended);
	assert_int_equal(rig.supervisor.command_waiting, 0);
	for (uint32_t i = 2; i < 4; i++) {
		assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, true), 1);
		assert_int_equal(answer.id, i);
		assert_int_equal(answer.number, EPERM);
		assert_int_equal(count, 0);
	}
	tear_down(&rig);
}

/* Clients that have hung up while their names were looked up leave room for others. */
static void test_look_ups_are_not_limited_by_connections(void **state)
{
	struct broker_message request = { .type = BROKER_LOOK_UP, .rule = NAME_RULE };
	struct broker_queue queue = { 0 };
	struct timer timer = { .expired = stop_loop };
	struct rig rig;

	(void)state;
	set_up(&rig);
	rig.supervisor.worker_state = WORKER_SERVING;
	assert_int_equal(loop_watch(rig.supervisor.server.loop, &rig.supervisor.requests_watch,
				    rig.supervisor.requests, EPOLLIN),
			 0);
	for (request.id = 0; request.id < 5; request.id++)
		assert_int_equal(broker_post(&queue, rig.worker[1], &request, -1), 0);
	loop_timer(rig.supervisor.server.loop, &timer, units_now());
	assert_int_equal(loop_run(rig.supervisor.server.loop), 0);
	assert_int_equal(rig.supervisor.look_up_last, 5);
	tear_down(&rig);
}

/* An explanation names the timeout of the client that gets it. Two clients with nearly the same
 * timeout share one explanation. */
static void test_explanations_name_the_time(void **state)
{
	static const uint64_t waited[] = { 3 * NSEC_PER_SEC, 10 * NSEC_PER_SEC,
					   10 * NSEC_PER_SEC + NSEC_PER_MSEC };
	static const char *const told[] = { "in 3 s", "in 10 s", "in 10 s" };
	struct broker_message request = { .type = BROKER_EXPLAIN,
					  .rule = VSOCK_RULE,
					  .step = STEP_CONNECT,
					  .number = ETIMEDOUT },
			      answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	struct rig rig;
	size_t count;

	(void)state;
	set_up(&rig);
	for (request.id = 0; request.id < 2; request.id++) {
		request.waited = waited[request.id];
		explanation_request(&rig.supervisor, &request);
	}
	for (uint32_t i = 0; i < 3; i++) {
		if (i < 2) {
			rig.supervisor.explainer_started = 0;
			wait_for(&rig.supervisor, explainer_ended);
		} else {
			request.waited = waited[2];
			explanation_request(&rig.supervisor, &request);
		}
		assert_int_equal(broker_receive(rig.worker[0], &answer, fds, &count, false), 1);
		assert_int_equal(answer.id, i);
		assert_non_null(strstr(answer.why.what, told[i]));
	}
	assert_int_equal(rig.supervisor.explainer, 0);
	explanation_stop(&rig.supervisor);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_targets),
		cmocka_unit_test(test_refuses_other_targets),
		cmocka_unit_test(test_refuses_other_places),
		cmocka_unit_test(test_open_ended),
		cmocka_unit_test(test_rules_that_have_gone),
		cmocka_unit_test(test_looks_up_no_other_name),
		cmocka_unit_test(test_a_shortage_is_told),
		cmocka_unit_test(test_commands_are_counted),
		cmocka_unit_test(test_waiting_commands_of_removed_rules_are_refused),
		cmocka_unit_test(test_look_ups_are_not_limited_by_connections),
		cmocka_unit_test(test_explanations_name_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
