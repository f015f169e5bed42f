/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nothing here asks a name server: what the helper is asked is literal. */
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
#include <stdio.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/resolve.h"

static struct addr addr;

static const struct addr *tcp(const char *host, const char *service, uint8_t ip)
{
	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_TCP;
	addr.ip = ip;
	addr.port = 8080;
	strcpy(addr.name, host);
	strcpy(addr.service, service);
	return &addr;
}

/* "127.0.0.1 ::1", with the port that all of them have. */
static const char *show(const struct places *places, unsigned port)
{
	static char text[1024];
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < places->count; i++) {
		const struct sockaddr_in *in = (const void *)&places->place[i].sa;
		const struct sockaddr_in6 *in6 = (const void *)&places->place[i].sa;
		char ip[INET6_ADDRSTRLEN];

		if (in->sin_family == AF_INET) {
			inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
			assert_int_equal(places->place[i].length, sizeof(*in));
		} else {
			inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
			assert_int_equal(places->place[i].length, sizeof(*in6));
		}
		assert_int_equal(ntohs(in->sin_port), port);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
					   i ? " " : "", ip);
	}
	return text;
}

static void now(const char *host, uint8_t ip, bool wildcard, enum addr_role role,
		const char *expected)
{
	struct failure failure;
	struct places places;

	tcp(host, "", ip);
	addr.wildcard = wildcard;
	assert_int_equal(resolve_now(&addr, role, &places, &failure), 0);
	assert_string_equal(show(&places, 8080), expected);
}

static void what_needs_nobody(void **state)
{
	(void)state;
	now("localhost", 0, false, ADDR_CONNECT, "127.0.0.1 ::1");
	now("LocalHost", 4, false, ADDR_CONNECT, "127.0.0.1");
	now("localhost", 6, false, ADDR_LISTEN, "::1");
	now("10.1.2.3", 0, false, ADDR_CONNECT, "10.1.2.3");
	now("::1", 0, false, ADDR_CONNECT, "::1");
	now("fe80::1%lo", 6, false, ADDR_CONNECT, "fe80::1");
	now("", 0, true, ADDR_LISTEN, "0.0.0.0 ::");
	now("", 6, true, ADDR_LISTEN, "::");
	now("", 0, true, ADDR_CONNECT, "127.0.0.1 ::1");
}

static void a_scope_goes_into_the_address(void **state)
{
	struct failure failure;
	struct places places;

	(void)state;
	assert_int_equal(resolve_now(tcp("fe80::1%lo", "", 0), ADDR_CONNECT, &places, &failure), 0);
	assert_int_equal(((struct sockaddr_in6 *)(void *)&places.place[0].sa)->sin6_scope_id, 1);
	assert_int_equal(resolve_now(tcp("fe80::1%7", "", 0), ADDR_CONNECT, &places, &failure), 0);
	assert_int_equal(((struct sockaddr_in6 *)(void *)&places.place[0].sa)->sin6_scope_id, 7);
}

static void a_literal_of_the_other_family(void **state)
{
	struct failure failure;
	struct places places;

	(void)state;
	assert_int_equal(resolve_now(tcp("10.1.2.3", "", 6), ADDR_CONNECT, &places, &failure),
			 -ENOENT);
	assert_int_equal(failure.step, STEP_RESOLVE);
	assert_int_equal(failure.error, EAI_ADDRFAMILY);
	assert_int_equal(resolve_now(tcp("::1", "", 4), ADDR_CONNECT, &places, &failure), -ENOENT);
	assert_int_equal(resolve_now(tcp("host.example", "", 0), ADDR_CONNECT, &places, &failure),
			 -EINPROGRESS);
}

static void waiting_for_the_answer(void **state)
{
	struct failure failure;
	struct places places;

	(void)state;
	assert_int_equal(resolve_wait(tcp("127.0.0.1", "80", 0), ADDR_CONNECT, &places, &failure),
			 0);
	assert_string_equal(show(&places, 80), "127.0.0.1");
	assert_int_equal(resolve_wait(tcp("127.0.0.1", "no-such-service", 0), ADDR_CONNECT, &places,
				      &failure),
			 -ENOENT);
	assert_int_equal(failure.step, STEP_RESOLVE);
	assert_int_equal(failure.error, EAI_SERVICE);
}

/* A name of TCP alone is none of UDP, and the other way round. */
static void services_of_udp(void **state)
{
	struct failure failure;
	struct places places;

	(void)state;
	tcp("127.0.0.1", "80", 0);
	addr.family = ADDR_UDP;
	assert_int_equal(resolve_wait(&addr, ADDR_CONNECT, &places, &failure), 0);
	assert_string_equal(show(&places, 80), "127.0.0.1");
	if (!getservbyname("tftp", "udp") || getservbyname("tftp", "tcp"))
		skip(); /* no /etc/services */
	strcpy(addr.service, "tftp");
	assert_int_equal(resolve_wait(&addr, ADDR_CONNECT, &places, &failure), 0);
	assert_string_equal(show(&places, 69), "127.0.0.1");
	addr.family = ADDR_TCP;
	assert_int_equal(resolve_wait(&addr, ADDR_CONNECT, &places, &failure), -ENOENT);
	assert_int_equal(failure.error, EAI_SERVICE);
}

static void wait_answer(struct resolver *resolver, struct resolver_answer *answer, int expected)
{
	int got;

	while ((got = resolver_answer(resolver, answer)) == 0)
		assert_int_equal(
			poll(&(struct pollfd){ .fd = resolver_fd(resolver), .events = POLLIN }, 1,
			     60000),
			1);
	assert_int_equal(got, expected);
}

static void the_helper_answers_each_of_many_questions(void **state)
{
	struct resolver *resolver;
	struct resolver_answer answer;
	bool seen[100] = { false };

	(void)state;
	assert_int_equal(resolver_start(&resolver), 0);
	assert_int_equal(resolver_fd(resolver), -1); /* it starts with the first question */
	assert_int_equal(resolver_answer(resolver, &answer), 0);
	for (uint32_t asked = 0, answered = 0; answered < 100;) {
		if (asked < 100) {
			char host[32];
			int error;

			snprintf(host, sizeof(host), "127.0.0.%u", asked + 1);
			error = resolver_ask(resolver, asked,
					     tcp(host, asked % 10 ? "80" : "no-such-service", 0),
					     ADDR_CONNECT);
			if (!error) {
				asked++;
				continue;
			}
			assert_int_equal(error, -EAGAIN); /* as many as the socket holds: later */
		}
		wait_answer(resolver, &answer, 1);
		answered++;
		assert_true(answer.id < 100);
		assert_false(seen[answer.id]);
		seen[answer.id] = true;
		assert_int_equal(answer.error, answer.id % 10 ? 0 : EAI_SERVICE);
		if (!answer.error) {
			char expected[32];

			snprintf(expected, sizeof(expected), "127.0.0.%u", answer.id + 1);
			assert_string_equal(show(&answer.places, 80), expected);
		}
	}
	resolver_stop(resolver);
}

static pid_t child_of(pid_t parent)
{
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid;
}

static void a_helper_that_was_killed_is_told_and_started_anew(void **state)
{
	struct resolver *resolver;
	struct resolver_answer answer;
	pid_t helper;

	(void)state;
	assert_int_equal(resolver_start(&resolver), 0);
	assert_int_equal(resolver_ask(resolver, 1, tcp("127.0.0.1", "80", 0), ADDR_CONNECT), 0);
	wait_answer(resolver, &answer, 1);
	helper = child_of(getpid());
	if (!helper) {
		resolver_stop(resolver);
		skip(); /* a kernel without CONFIG_PROC_CHILDREN */
	}
	kill(helper, SIGKILL);
	wait_answer(resolver, &answer, -EPIPE);
	assert_int_equal(resolver_fd(resolver), -1);
	assert_int_equal(child_of(getpid()), 0); /* no zombie */
	assert_int_equal(resolver_ask(resolver, 2, tcp("127.0.0.2", "80", 0), ADDR_CONNECT), 0);
	wait_answer(resolver, &answer, 1);
	assert_int_equal(answer.id, 2);
	resolver_stop(resolver);
	assert_int_equal(child_of(getpid()), 0);
	resolver_stop(NULL);
}

static void die(void)
{
	raise(SIGKILL);
}

static void let_children_die(void *context)
{
	(void)context;
	if (pthread_atfork(NULL, NULL, die))
		_exit(1);
}

static void a_look_up_that_dies_is_answered_with_an_error(void **state)
{
	struct resolver *resolver;
	struct resolver_answer answer;

	(void)state;
	assert_int_equal(resolver_start(&resolver), 0);
	resolver_prepare(resolver, let_children_die, NULL);
	for (uint32_t id = 1; id <= 3; id++) {
		assert_int_equal(
			resolver_ask(resolver, id, tcp("127.0.0.1", "80", 0), ADDR_CONNECT), 0);
		wait_answer(resolver, &answer, 1);
		assert_int_equal(answer.id, id);
		assert_int_equal(answer.error, EAI_AGAIN);
	}
	resolver_stop(resolver);
}

static void stand_still(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void let_children_stand_still(void *context)
{
	(void)context;
	if (pthread_atfork(NULL, NULL, stand_still))
		_exit(1);
}

enum { MANY = 1000 }; /* more than may wait */

static void is_refused(const struct resolver_answer *answer)
{
	assert_int_equal(answer->error, EAI_AGAIN);
	assert_int_not_equal(answer->id, MANY);
}

/* However many questions one share has, another one's finds a place. */
static void who_asks_too_much_makes_room(void **state)
{
	struct resolver *resolver;
	struct resolver_answer answer;
	unsigned answered = 0;

	(void)state;
	assert_int_equal(resolver_start(&resolver), 0);
	resolver_prepare(resolver, let_children_stand_still, NULL);
	for (uint32_t id = 0; id < 2 * MANY;) {
		int error = resolver_ask_for(resolver, id == MANY, id, tcp("127.0.0.1", "80", 0),
					     ADDR_CONNECT);

		assert_true(!error || error == -EAGAIN);
		id += !error;
		for (; resolver_answer(resolver, &answer) > 0; answered++)
			is_refused(&answer);
	}
	for (; answered < MANY; answered++) {
		wait_answer(resolver, &answer, 1);
		is_refused(&answer);
	}
	resolver_stop(resolver);
}

/* The helper reads what strangers say: its answers are not believed either. */
static void lie(void *context)
{
	const struct resolver_answer *answer = context;

	(void)!send(3, answer, sizeof(*answer), 0);
	for (;;)
		pause();
}

static void what_is_no_answer_ends_the_helper(void **state)
{
	static struct resolver_answer lies[4];

	(void)state;
	lies[0].places.count = 2000000;
	lies[1].places.count = 0;
	lies[2].places.count = 1;
	lies[2].places.place[0].sa.ss_family = AF_UNIX;
	lies[2].places.place[0].length = sizeof(struct sockaddr_in);
	lies[3].places.count = 1;
	lies[3].places.place[0].sa.ss_family = AF_INET;
	lies[3].places.place[0].length = 1000;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct resolver *resolver;
		struct resolver_answer answer;

		assert_int_equal(resolver_start(&resolver), 0);
		resolver_prepare(resolver, lie, &lies[i]);
		assert_int_equal(resolver_ask(resolver, 1, tcp("127.0.0.1", "80", 0), ADDR_CONNECT),
				 0);
		wait_answer(resolver, &answer, -EPIPE);
		resolver_stop(resolver);
	}
}

static void a_lack_of_descriptors_is_no_silent_name_server(void **state)
{
	struct rlimit before, none = { 0 };
	struct failure failure;
	struct places places;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(
		resolve_wait(tcp("name.invalid", "80", 0), ADDR_CONNECT, &places, &failure),
		-EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(failure.error, EAI_SYSTEM);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	struct resolver *resolver;
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(resolver_start(&resolver), 0);
	assert_int_equal(resolver_ask(resolver, 1, tcp(name, "80", 0), ADDR_CONNECT),
			 -ENAMETOOLONG);
	resolver_stop(resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_needs_nobody),
		cmocka_unit_test(a_scope_goes_into_the_address),
		cmocka_unit_test(a_literal_of_the_other_family),
		cmocka_unit_test(waiting_for_the_answer),
		cmocka_unit_test(services_of_udp),
		cmocka_unit_test(the_helper_answers_each_of_many_questions),
		cmocka_unit_test(a_helper_that_was_killed_is_told_and_started_anew),
		cmocka_unit_test(a_look_up_that_dies_is_answered_with_an_error),
		cmocka_unit_test(who_asks_too_much_makes_room),
		cmocka_unit_test(what_is_no_answer_ends_the_helper),
		cmocka_unit_test(a_lack_of_descriptors_is_no_silent_name_server),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
