/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper of a resolver: a process that answers questions.
 *
 * Theory of operation: names of /etc/hosts are answered at once. For each other name a child calls
 * getaddrinfo(3) and sends the answer itself. A child that takes too long is killed, and for one
 * that dies the helper answers in its place, so that no question stays open.
 *
 * Questions with the same share (those of one rule and peer) compete with each other first: a share
 * may have a fourth of the children that are still free. So however many ask, somebody who has no
 * look-up running finds room; of those who wait, the one with the fewest running is next. If too
 * many wait, one of the share that has most of them gives up its place.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "net/resolve.h"

#define CHILDREN_MAX 64
#define WAITING_MAX 512
#define BATCH 64 /* questions read in one turn */

struct job {
	struct job *next;
	struct resolver_question question;
	pid_t pid; /* 0: it waits */
	uint64_t deadline; /* ns; UINT64_MAX: it was answered, and is only to be reaped */
};

struct helper {
	int fd, signals;
	struct job *jobs; /* in the order in which they were asked */
	unsigned running, waiting;
};

static void answer_error(const struct helper *helper, uint32_t id, int error)
{
	const struct resolver_answer answer = { .id = id, .error = error };

	(void)send(helper->fd, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* Jobs */

static void forget(struct helper *helper, struct job *job)
{
	struct job **link = &helper->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	free(job);
}

/* How many of a share run, or wait. */
static unsigned count_of(const struct helper *helper, uint32_t share, bool running)
{
	unsigned count = 0;

	for (const struct job *job = helper->jobs; job; job = job->next)
		count += (job->pid != 0) == running && job->question.share == share;
	return count;
}

/* The last of the share that has most waiting, if this share has less even with one more; or NULL.
 */
static struct job *one_of_most(const struct helper *helper, uint32_t share)
{
	unsigned most = count_of(helper, share, false) + 1;
	struct job *found = NULL;

	for (struct job *job = helper->jobs; job; job = job->next) {
		unsigned count = job->pid ? 0 : count_of(helper, job->question.share, false);

		if (count > most ||
		    (found && count && job->question.share == found->question.share)) {
			most = count;
			found = job;
		}
	}
	return found;
}

/* Questions */

static void take_question(struct helper *helper, const struct resolver_question *question)
{
	struct job **link = &helper->jobs, *job, *other;
	struct resolver_answer answer;

	if (resolve_from_hosts(question, &answer)) {
		(void)send(helper->fd, &answer, sizeof(answer), MSG_NOSIGNAL);
		return;
	}
	if (helper->waiting >= WAITING_MAX) {
		other = one_of_most(helper, question->share);
		answer_error(helper, other ? other->question.id : question->id, EAI_AGAIN);
		if (!other)
			return;
		helper->waiting--;
		forget(helper, other);
	}
	job = calloc(1, sizeof(*job));
	if (!job) {
		answer_error(helper, question->id, EAI_MEMORY);
		return;
	}
	job->question = *question;
	while (*link)
		link = &(*link)->next;
	*link = job;
	helper->waiting++;
}

static void read_questions(struct helper *helper)
{
	struct resolver_question question;

	for (int i = 0; i < BATCH; i++) {
		ssize_t got = recv(helper->fd, &question, sizeof(question), MSG_DONTWAIT);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (got != (ssize_t)sizeof(question))
			_exit(0); /* the asking process is gone; our children end after their
				     look-ups */
		question.host[sizeof(question.host) - 1] = '\0';
		question.service[sizeof(question.service) - 1] = '\0';
		take_question(helper, &question);
	}
}

/* Children */

static _Noreturn void look_up(const struct helper *helper, const struct resolver_question *question)
{
	struct resolver_answer answer;
	sigset_t none;

	close(helper->signals);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* It limits itself, because nothing would kill it after the helper was killed. */
	alarm(2 * RESOLVE_LIMIT_SECONDS);
	resolve_ask_system(question, &answer);
	_exit(send(helper->fd, &answer, sizeof(answer), MSG_NOSIGNAL) == (ssize_t)sizeof(answer)
		      ? 0
		      : 1);
}

/* Who waits and has the fewest running, if that one may have another; or NULL. */
static struct job *next_job(const struct helper *helper)
{
	unsigned least = (CHILDREN_MAX - helper->running + 3) / 4;
	struct job *best = NULL;

	for (struct job *job = helper->jobs; job && least; job = job->next) {
		unsigned running = job->pid ? least : count_of(helper, job->question.share, true);

		if (running < least) {
			best = job;
			least = running;
		}
	}
	return best;
}

static void start_waiting(struct helper *helper)
{
	struct job *job;

	while (helper->waiting && (job = next_job(helper)) != NULL) {
		pid_t pid = fork();

		if (pid == 0)
			look_up(helper, &job->question);
		helper->waiting--;
		if (pid < 0) {
			answer_error(helper, job->question.id, EAI_MEMORY);
			forget(helper, job);
			continue;
		}
		job->pid = pid;
		job->deadline = units_now() + RESOLVE_LIMIT_SECONDS * NSEC_PER_SEC;
		helper->running++;
	}
}

static void reap(struct helper *helper)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int how;

	(void)!read(helper->signals, &info, sizeof(info));
	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		struct job *job = helper->jobs;

		while (job && job->pid != pid)
			job = job->next;
		if (!job)
			continue;
		if ((!WIFEXITED(how) || WEXITSTATUS(how)) && job->deadline != UINT64_MAX)
			answer_error(helper, job->question.id, EAI_AGAIN);
		helper->running--;
		forget(helper, job);
	}
}

/* Kills children that take too long. Returns the milliseconds until the next one is due; -1: none.
 */
static int kill_late(const struct helper *helper)
{
	uint64_t now = units_now(), next = UINT64_MAX;

	for (struct job *job = helper->jobs; job; job = job->next) {
		if (!job->pid)
			continue;
		if (job->deadline <= now) {
			kill(job->pid, SIGKILL);
			answer_error(helper, job->question.id, EAI_AGAIN);
			job->deadline = UINT64_MAX;
		}
		next = job->deadline < next ? job->deadline : next;
	}
	return next == UINT64_MAX ? -1 : (int)((next - now) / NSEC_PER_MSEC) + 1;
}

void resolve_helper_serve(int fd)
{
	struct helper helper = { .fd = fd };
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	helper.signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
	if (helper.signals < 0)
		_exit(1);
	for (;;) {
		struct pollfd polled[] = { { .fd = fd, .events = POLLIN },
					   { .fd = helper.signals, .events = POLLIN } };

		if (poll(polled, 2, kill_late(&helper)) < 0 && errno != EINTR)
			_exit(1);
		if (polled[1].revents)
			reap(&helper);
		if (polled[0].revents)
			read_questions(&helper);
		start_waiting(&helper);
	}
}
