/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds out why a vsock connection failed. The worker cannot: it has no access to /proc and /sys.
 *
 * Theory of operation: /proc, /sys and the module lists are read by a process of their own, so that
 * the loop does not stand still for them. It answers all questions that are open when it starts,
 * and ends. One runs at a time, and starts INTERVAL after the last at the earliest. Answers are
 * kept for FRESH: who asks the same again has the same answer at once. No more than LIST_MAX are
 * kept.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/machine.h"
#include "proxy/supervisor/parts.h"

#define INTERVAL NSEC_PER_SEC
#define FRESH (5 * NSEC_PER_SEC)
#define LIST_MAX 256

struct waiter {
	struct waiter *next;
	uint32_t id;
};

struct supervisor_explanation {
	struct supervisor_explanation *next;
	struct addr addr;
	struct failure failure;
	struct explanation why;
	uint64_t told; /* ns: when it was answered; 0: not yet */
	bool asked; /* the process that runs will answer it */
	struct waiter *waiters;
};

static void start_explainer(struct supervisor *supervisor);

/* Answers */

static void answer(struct supervisor *supervisor, uint32_t id, const struct explanation *why)
{
	struct broker_message message = { .type = BROKER_EXPLAINED, .id = id, .why = *why };

	link_tell(supervisor, &message);
}

static void answer_all(struct supervisor *supervisor, struct supervisor_explanation *explanation)
{
	explanation->told = units_now();
	explanation->asked = false;
	while (explanation->waiters) {
		struct waiter *waiter = explanation->waiters;

		explanation->waiters = waiter->next;
		supervisor->explainer_waiting--;
		answer(supervisor, waiter->id, &explanation->why);
		free(waiter);
	}
}

static struct failure failure_of(const struct broker_message *request)
{
	return (struct failure){ .step = (enum step)request->step,
				 .error = request->number,
				 .waited = request->waited };
}

void explanation_refuse(struct supervisor *supervisor, const struct broker_message *request,
			int error)
{
	const struct rule_target *target = router_target(&supervisor->router, request->rule,
							 request->target);
	const struct failure failure = failure_of(request);
	struct explanation why = { .status = STATUS_FAILURE, .end = "io" };

	(void)error;
	if (target)
		explain_briefly(&target->addr, &failure, &why);
	answer(supervisor, request->id, &why);
}

/* The process */

static _Noreturn void tell(const struct supervisor *supervisor, int to)
{
	struct machine machine;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vsock-explain");
	loop_child(supervisor->server.loop);
	signal(SIGINT, SIG_IGN); /* a Ctrl-C is for the program */
	machine_look(&machine, "", true);
	for (const struct supervisor_explanation *explanation = supervisor->explanations;
	     explanation; explanation = explanation->next) {
		struct broker_message message = { .type = BROKER_EXPLAINED };
		uint8_t data[BROKER_SIZE_MAX];
		uint32_t size;
		int encoded;

		if (!explanation->asked)
			continue;
		explain_on(&machine, &explanation->addr, &explanation->failure, &message.why);
		encoded = broker_encode(&message, data);
		size = encoded < 0 ? 0 : (uint32_t)encoded;
		(void)fd_write_all(to, &size, sizeof(size));
		(void)fd_write_all(to, data, size);
	}
	_exit(0);
}

/* It has ended, and all that it wrote is there; in the order of the list. */
static void take_answers(struct supervisor *supervisor)
{
	for (struct supervisor_explanation *explanation = supervisor->explanations; explanation;
	     explanation = explanation->next) {
		struct broker_message message;
		uint8_t data[BROKER_SIZE_MAX];
		uint32_t size;

		if (!explanation->asked)
			continue;
		if (read(supervisor->explainer_fd, &size, sizeof(size)) == (ssize_t)sizeof(size) &&
		    size <= sizeof(data) &&
		    read(supervisor->explainer_fd, data, size) == (ssize_t)size &&
		    broker_decode(&message, data, size, false) >= 0)
			explanation->why = message.why;
		answer_all(supervisor,
			   explanation); /* else with what is known without the machine */
	}
}

bool explainer_ended(struct supervisor *supervisor, pid_t pid)
{
	if (!supervisor->explainer || pid != supervisor->explainer)
		return false;
	supervisor->explainer = 0;
	take_answers(supervisor);
	fd_close(&supervisor->explainer_fd);
	start_explainer(supervisor); /* for requests that have arrived meanwhile */
	return true;
}

static bool is_wanted(const struct supervisor *supervisor)
{
	for (const struct supervisor_explanation *explanation = supervisor->explanations;
	     explanation; explanation = explanation->next)
		if (explanation->waiters)
			return true;
	return false;
}

static void teller_due(struct loop *loop, struct timer *timer)
{
	(void)loop;
	start_explainer(container_of(timer, struct supervisor, explainer_timer));
}

static void cannot_start(struct supervisor *supervisor)
{
	for (struct supervisor_explanation *explanation = supervisor->explanations; explanation;
	     explanation = explanation->next)
		if (explanation->waiters)
			answer_all(supervisor, explanation);
}

/* What it writes fits into the pipe: EXPLANATIONS_MAX are asked at a time. */
#define PIPE_ROOM 65536
#define EXPLANATIONS_MAX (PIPE_ROOM / (sizeof(struct explanation) + 64))

static void start_explainer(struct supervisor *supervisor)
{
	uint64_t now = units_now(), due = supervisor->explainer_started + INTERVAL;
	size_t count = 0;
	int ends[2];

	if (supervisor->explainer || !is_wanted(supervisor))
		return;
	if (supervisor->explainer_started && now < due) {
		supervisor->explainer_timer.expired = teller_due;
		loop_timer(supervisor->server.loop, &supervisor->explainer_timer, due);
		return;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		cannot_start(supervisor);
		return;
	}
	for (struct supervisor_explanation *explanation = supervisor->explanations; explanation;
	     explanation = explanation->next)
		explanation->asked = explanation->waiters && count++ < EXPLANATIONS_MAX;
	supervisor->explainer_started = now;
	supervisor->explainer = fork();
	if (supervisor->explainer == 0)
		tell(supervisor, ends[1]);
	close(ends[1]);
	supervisor->explainer_fd = ends[0];
	if (supervisor->explainer > 0)
		return;
	supervisor->explainer = 0;
	fd_close(&supervisor->explainer_fd);
	cannot_start(supervisor);
}

/* The list */

static void free_explanation(struct supervisor *supervisor,
			     struct supervisor_explanation *explanation)
{
	while (explanation->waiters) {
		struct waiter *waiter = explanation->waiters;

		explanation->waiters = waiter->next;
		supervisor->explainer_waiting--;
		free(waiter);
	}
	free(explanation);
}

/* What is old goes. How many are left. */
static size_t clean_up(struct supervisor *supervisor)
{
	uint64_t now = units_now();
	size_t count = 0;

	for (struct supervisor_explanation **link = &supervisor->explanations; *link;) {
		struct supervisor_explanation *explanation = *link;

		if (!explanation->told || explanation->waiters || now - explanation->told < FRESH) {
			link = &explanation->next;
			count++;
			continue;
		}
		*link = explanation->next;
		free_explanation(supervisor, explanation);
	}
	return count;
}

/* The explanation of this failure, or a new one; NULL: there are too many. */
static struct supervisor_explanation *find(struct supervisor *supervisor, const struct addr *addr,
					   const struct failure *failure)
{
	size_t count = supervisor->explainer ? 0 : clean_up(supervisor);
	struct supervisor_explanation *explanation = supervisor->explanations;

	for (; explanation; explanation = explanation->next, count += supervisor->explainer ? 1 : 0)
		if (addr_equal(&explanation->addr, addr) &&
		    explain_same(&explanation->failure, failure))
			return explanation;
	explanation = count < LIST_MAX ? calloc(1, sizeof(*explanation)) : NULL;
	if (!explanation)
		return NULL;
	explanation->addr = *addr;
	explanation->failure = *failure;
	explain_briefly(addr, failure, &explanation->why);
	explanation->next = supervisor->explanations;
	supervisor->explanations = explanation;
	return explanation;
}

void explanation_request(struct supervisor *supervisor, const struct broker_message *request)
{
	const struct rule_target *target = router_target(&supervisor->router, request->rule,
							 request->target);
	const struct failure failure = failure_of(request);
	struct supervisor_explanation *explanation;
	struct waiter *waiter;

	if (!target) {
		explanation_refuse(supervisor, request, EINVAL);
		return;
	}
	explanation = find(supervisor, &target->addr, &failure);
	if (explanation && explanation->told && units_now() - explanation->told < FRESH) {
		answer(supervisor, request->id, &explanation->why);
		return;
	}
	waiter = explanation ? calloc(1, sizeof(*waiter)) : NULL;
	if (!waiter) {
		explanation_refuse(supervisor, request, ENOMEM);
		return;
	}
	waiter->id = request->id;
	waiter->next = explanation->waiters;
	explanation->waiters = waiter;
	supervisor->explainer_waiting++;
	start_explainer(supervisor);
}

void explanation_stop(struct supervisor *supervisor)
{
	loop_timer_stop(supervisor->server.loop, &supervisor->explainer_timer);
	if (supervisor->explainer > 0) {
		kill(supervisor->explainer, SIGKILL);
		waitpid(supervisor->explainer, NULL, 0);
		fd_close(&supervisor->explainer_fd);
	}
	supervisor->explainer = 0;
	while (supervisor->explanations) {
		struct supervisor_explanation *explanation = supervisor->explanations;

		supervisor->explanations = explanation->next;
		free_explanation(supervisor, explanation);
	}
}
