/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a supervisor does for its worker, and what it refuses to one that was taken over: all that no rule names. */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/units.h"
#include "net/dest.h"
#include "serve/supervisor-parts.h"

struct rig {
	struct supervisor supervisor;
	int worker, asker; /* the worker's ends */
	struct sockaddr_in here;
	int listener;
	char target[64];
};

static void make_listener(struct rig *rig)
{
	socklen_t size = sizeof(rig->here);

	rig->here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig->listener, (struct sockaddr *)&rig->here, size), 0);
	assert_int_equal(listen(rig->listener, 8), 0);
	assert_int_equal(getsockname(rig->listener, (struct sockaddr *)&rig->here, &size), 0);
	snprintf(rig->target, sizeof(rig->target), "tcp:127.0.0.1:%u", ntohs(rig->here.sin_port));
}

static void set_up(struct rig *rig)
{
	static const struct rule_settings defaults = { .serving = SERVER_DEFAULTS };
	const struct opt_table none[] = { { NULL, NULL } };
	const struct rules_context context = { .defaults = &defaults, .keys = none };
	char *words[8] = { (char *)"unix:/nowhere/a", rig->target, (char *)"unix:/nowhere/b", (char *)"tcp:example.invalid:80",
	                   (char *)"unix:/nowhere/c", (char *)"exec:cat",  (char *)"unix:/nowhere/d", (char *)"unix:/nowhere/e" };
	int channel[2], questions[2];

	memset(rig, 0, sizeof(*rig));
	make_listener(rig);
	assert_int_equal(rules_read_words(&rig->supervisor.router.rules, &context, 8, words), 0);
	assert_int_equal(rig->supervisor.router.rules.errors, 0);
	assert_int_equal(broker_pair(channel), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, questions), 0);
	assert_int_equal(loop_start(&rig->supervisor.server.loop), 0);
	rig->supervisor.channel = channel[0];
	rig->worker = channel[1];
	rig->supervisor.questions = questions[0];
	rig->asker = questions[1];
	assert_int_equal(errand_start(&rig->supervisor), 0);
}

static void tear_down(struct rig *rig)
{
	errand_stop(&rig->supervisor);
	rules_free(&rig->supervisor.router.rules);
	loop_free(rig->supervisor.server.loop);
	close(rig->supervisor.channel);
	close(rig->supervisor.questions);
	close(rig->worker);
	close(rig->asker);
	close(rig->listener);
}

/* Asks for it as a worker would: the descriptor, or a negative errno. */
static int ask(struct rig *rig, const char *text, const struct sockaddr_in *place)
{
	struct broker_message request = { .type = BROKER_OPEN, .question = 7 }, answer;
	int fds[BROKER_DESCRIPTORS_MAX];
	size_t count;

	/* what it says of its client may be anything */
	memset(&request.client, 0xff, sizeof(request.client));
	snprintf(request.text, sizeof(request.text), "%s", text);
	if (place) {
		memcpy(&request.place.sa, place, sizeof(*place));
		request.place.length = sizeof(*place);
	}
	assert_int_equal(errand_open(&rig->supervisor, &request), 0);
	assert_int_equal(broker_receive(rig->worker, &answer, fds, &count, true), 1);
	assert_int_equal(answer.type, BROKER_OPENED);
	assert_int_equal(answer.question, 7);
	if (!count)
		return -answer.number;
	assert_int_equal(count, 1);
	return fds[0];
}

static void test_opens_targets(void **state)
{
	struct rig rig;
	char buf[6];
	int fd;

	(void)state;
	set_up(&rig);
	fd = ask(&rig, rig.target, &rig.here);
	assert_true(fd >= 0);
	close(fd);
	fd = ask(&rig, "exec:cat", NULL);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (read(fd, buf, sizeof(buf)) < 0)
		assert_int_equal(errno, EAGAIN);
	assert_memory_equal(buf, "hello\n", 6);
	close(fd);
	assert_int_equal(ask(&rig, "unix:/nowhere/e", NULL), -ENOENT);
	tear_down(&rig);
}

static void test_refuses_others(void **state)
{
	static const char *const texts[] = {
		"", "exec:sh", "exec:cat /etc/shadow", "exec:ca", "unix:/run/docker.sock", "unix:/nowhere/e,mode=0600", "unix:/nowhere/a",
		"vsock:2:22", "fd:0", "tcp:127.0.0.1:1",
	};
	struct rig rig;

	(void)state;
	log_configure(&(const struct log_config){ .quiet = 2 });
	set_up(&rig);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(ask(&rig, texts[i], &rig.here), -EPERM);
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
	assert_int_equal(ask(&rig, rig.target, &other), -EPERM);
	other = rig.here;
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(ask(&rig, rig.target, &other), -EPERM);
	assert_int_equal(ask(&rig, rig.target, NULL), -EPERM);
	/* a name that nobody has looked up is nowhere */
	assert_int_equal(ask(&rig, "tcp:example.invalid:80", &rig.here), -EPERM);
	tear_down(&rig);
}

static void stop(struct loop *loop, struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Clients of an open-ended target go where its --allow-dest lets them, and so does a worker. */
static void test_open_ended(void **state)
{
	struct mistake error;
	struct sockaddr_in other;
	struct rig rig;
	int fd;

	(void)state;
	log_configure(&(const struct log_config){ .quiet = 2 });
	set_up(&rig);
	/* any rule will do: what makes it open-ended is its target */
	rig.supervisor.router.rules.first->ports[0].targets[0].addr = (struct addr){ .family = ADDR_SOCKS5 };
	assert_int_equal(ask(&rig, rig.target, &rig.here), -EPERM);
	assert_int_equal(dest_add(&rig.supervisor.router.rules.first->dests, "127.0.0.1:1-65535", true, &error), 0);
	fd = ask(&rig, rig.target, &rig.here);
	assert_true(fd >= 0);
	close(fd);
	other = rig.here;
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(ask(&rig, rig.target, &other), -EPERM);
	assert_int_equal(ask(&rig, "unix:/nowhere/z", NULL), -EPERM);
	tear_down(&rig);
}

static void test_looks_up_no_other_name(void **state)
{
	const struct addr addr = { .family = ADDR_TCP, .name = "other.invalid", .port = 80 };
	struct resolver_answer answer;
	struct timer timer = { .expired = stop };
	struct resolver *resolver;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(resolver_start(&resolver), 0);
	resolver_through(resolver, dup(rig.asker));
	assert_int_equal(resolver_ask(resolver, 9, &addr, ADDR_CONNECT), 0);
	/* what is ready is handled before what is due */
	loop_timer(rig.supervisor.server.loop, &timer, units_now());
	assert_int_equal(loop_run(rig.supervisor.server.loop), 0);
	assert_int_equal(resolver_answer(resolver, &answer), 1);
	assert_int_equal(answer.id, 9);
	assert_int_equal(answer.error, EAI_NONAME);
	/* and nobody was asked */
	assert_int_equal(resolver_fd(rig.supervisor.resolver), -1);
	resolver_stop(resolver);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_targets),
		cmocka_unit_test(test_refuses_others),
		cmocka_unit_test(test_refuses_other_places),
		cmocka_unit_test(test_open_ended),
		cmocka_unit_test(test_looks_up_no_other_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
