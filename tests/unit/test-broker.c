/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process that is short of memory or of descriptors says so, and does not blame the other one. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "proxy/broker/broker.h"
#include "proxy/broker/plan.h"

/* Memory */

static unsigned left = UINT32_MAX; /* allocations that succeed */

static bool is_short(void)
{
	if (left == UINT32_MAX)
		return false;
	errno = ENOMEM;
	return left == 0 || left-- == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return is_short() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_short() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return is_short() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return is_short() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
	return is_short() ? NULL : __real_strdup(text);
}

#define RULES 20

static void read_rules(struct rules *rules)
{
	static const struct rule_settings defaults = { .serving = SERVER_DEFAULTS };
	static char listen[RULES][32];
	char *words[2 * RULES];
	const struct opt_table none[] = { { NULL, NULL } };
	const struct rules_context context = { .defaults = &defaults, .keys = none };
	struct mistake error;

	for (int i = 0; i < RULES; i++) {
		snprintf(listen[i], sizeof(listen[i]), "tcp:127.0.0.1:%d-%d", 1000 + 2 * i,
			 1001 + 2 * i);
		words[2 * i] = listen[i];
		words[2 * i + 1] = (char *)"tcp:127.0.0.1:2000-2001";
	}
	memset(rules, 0, sizeof(*rules));
	assert_int_equal(rules_read_words(rules, &context, ARRAY_SIZE(words), words), 0);
	assert_int_equal(rules->errors, 0);
	assert_int_equal(access_add(&rules->access, "127.0.0.0/8", true, NULL, &error), 0);
}

static void a_plan_that_finds_no_memory_says_so(void **state)
{
	struct rules rules, copy = { 0 };
	uint8_t *data, *whole;
	int size, end = -ENOMEM;
	unsigned failed = 0;

	(void)state;
	read_rules(&rules);
	size = plan_encode(&rules, &rules.access, PLAN_FOR_SUPERVISOR, &whole);
	assert_true(size > 4096); /* it has to grow */
	for (unsigned most = 0; end == -ENOMEM; most++) {
		left = most;
		end = plan_encode(&rules, &rules.access, PLAN_FOR_SUPERVISOR, &data);
		left = UINT32_MAX;
		free(data);
	}
	assert_int_equal(end, size);
	for (end = -ENOMEM; end == -ENOMEM; failed++) {
		left = failed;
		end = plan_decode(&copy, whole, (size_t)size);
		left = UINT32_MAX;
		if (end)
			assert_null(copy.first);
	}
	assert_int_equal(end, 0);
	assert_true(failed > 10);
	rules_free(&copy);
	assert_int_equal(plan_decode(&copy, whole, (size_t)size - 1), -EPROTO);
	rules_free(&rules);
	free(whole);
}

/* Descriptors */

static struct rlimit before;

/* No more than there are. */
static void use_up_descriptors(void)
{
	struct rlimit limit;
	int free_fd = dup(0);

	assert_true(free_fd >= 0);
	close(free_fd);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)free_fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What arrives at a worker that has no room for a descriptor. */
static int receive_without_room(const struct broker_message *sent, struct broker_message *message)
{
	int supervisor[2], worker[2], fds[BROKER_DESCRIPTORS_MAX], got;
	size_t count;

	assert_int_equal(broker_ends(supervisor, worker), 0);
	assert_int_equal(broker_send(supervisor[0], sent, (const int[]){ 0 }, 1), 0);
	use_up_descriptors();
	got = broker_receive(worker[0], message, fds, &count, false);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(count, 0);
	for (int i = 0; i < 2; i++) {
		close(supervisor[i]);
		close(worker[i]);
	}
	return got;
}

static void a_message_needs_memory_only_if_it_has_to_wait(void **state)
{
	const struct broker_message ping = { .type = BROKER_PING };
	struct broker_queue queue = { 0 };
	int supervisor[2], worker[2], fds[BROKER_DESCRIPTORS_MAX];
	struct broker_message message;
	size_t count, sent = 0;
	int error;

	(void)state;
	assert_int_equal(broker_ends(supervisor, worker), 0);
	left = 0;
	while ((error = broker_post(&queue, supervisor[0], &ping, -1)) == 0)
		sent++;
	left = UINT32_MAX;
	assert_int_equal(error, -ENOMEM);
	assert_true(sent > 0);
	assert_null(queue.first);
	assert_int_equal(broker_post(&queue, supervisor[0], &ping, -1), 0);
	assert_int_equal(queue.count, 1);
	while (broker_receive(worker[0], &message, fds, &count, false) == 1)
		sent--;
	assert_int_equal(sent, 0);
	assert_int_equal(broker_flush(&queue, supervisor[0]), 0);
	assert_int_equal(broker_receive(worker[0], &message, fds, &count, false), 1);
	assert_int_equal(message.type, BROKER_PING);
	for (int i = 0; i < 2; i++) {
		close(supervisor[i]);
		close(worker[i]);
	}
}

static void a_worker_without_room_for_a_descriptor_says_so(void **state)
{
	struct broker_message message;

	(void)state;
	/* one connection fails, and it knows why */
	assert_int_equal(
		receive_without_room(&(struct broker_message){ .type = BROKER_OPENED, .id = 7 },
				     &message),
		1);
	assert_int_equal(message.id, 7);
	assert_int_equal(message.step, STEP_SOCKET);
	assert_int_equal(message.number, EMFILE);
	/* it cannot do without these */
	assert_int_equal(
		receive_without_room(&(struct broker_message){ .type = BROKER_LISTENER, .rule = 1 },
				     &message),
		-EMFILE);
	assert_int_equal(
		receive_without_room(&(struct broker_message){ .type = BROKER_PLAN }, &message),
		-EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_that_finds_no_memory_says_so),
		cmocka_unit_test(a_message_needs_memory_only_if_it_has_to_wait),
		cmocka_unit_test(a_worker_without_room_for_a_descriptor_says_so),
	};

	return cmocka_run_group_tests_name("broker", tests, NULL, NULL);
}
