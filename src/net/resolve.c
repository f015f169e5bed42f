/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/resolve.h"

struct resolver {
	int fd; /* our end of the pair, -1: no helper */
	pid_t helper; /* 0: it has been reaped */
	void (*prepare)(void *context);
	void *context;
};

/* 0 or -ENAMETOOLONG. */
static int resolver_write(const struct addr *addr, enum addr_role role, uint32_t id,
			  struct resolver_question *question)
{
	memset(question, 0, sizeof(*question));
	question->id = id;
	question->ip = addr->ip;
	question->passive = role == ADDR_LISTEN;
	question->datagrams = addr->family == ADDR_UDP;
	if (strlen(addr->name) >= sizeof(question->host))
		return -ENAMETOOLONG;
	strcpy(question->host, addr->wildcard ? "" : addr->name);
	if (*addr->service)
		strcpy(question->service, addr->service);
	else
		snprintf(question->service, sizeof(question->service), "%u", addr->port);
	return 0;
}

bool resolve_known(const struct addr *addr, enum addr_role role, struct places *places)
{
	struct resolver_question question;
	struct resolver_answer answer;
	struct failure failure;
	int error = resolve_now(addr, role, places, &failure);

	if (error != -EINPROGRESS)
		return error == 0;
	if (resolver_write(addr, role, 0, &question) < 0 || !resolve_from_hosts(&question, &answer))
		return false;
	*places = answer.places;
	return true;
}

/* The helper */

static void helper_run(const struct resolver *resolver, int fd)
{
	static const int defaults[] = { SIGINT,	 SIGTERM, SIGHUP,  SIGPIPE, SIGXFSZ,
					SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vsock-resolve");
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		signal(defaults[i], SIG_DFL);
	/* a Ctrl-C is for the program; the helper ends when its socket closes */
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* closes our descriptors in it, because an inherited pipe or connection would never end */
	dup2(fd, 3);
	fd = 3;
	closefrom(4);
	for (int standard = 0; standard < 3; standard++)
		close(standard);
	fd_standard();
	if (resolver->prepare)
		resolver->prepare(resolver->context);
	resolve_helper_serve(fd);
}

static int helper_start(struct resolver *resolver)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	resolver->helper = fork();
	if (resolver->helper == 0) {
		helper_run(resolver, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	if (resolver->helper < 0) {
		int error = -errno;

		close(pair[0]);
		return error;
	}
	fd_nonblock(pair[0], true);
	resolver->fd = pair[0];
	return 0;
}

int resolver_start(struct resolver **out)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return -ENOMEM;
	resolver->fd = -1;
	*out = resolver;
	return 0;
}

void resolver_prepare(struct resolver *resolver, void (*prepare)(void *context), void *context)
{
	resolver->prepare = prepare;
	resolver->context = context;
}

void resolver_reaped(struct resolver *resolver, pid_t pid)
{
	if (resolver && resolver->helper == pid)
		resolver->helper = 0;
}

static void helper_end(struct resolver *resolver)
{
	if (resolver->fd < 0)
		return;
	fd_close(&resolver->fd);
	if (!resolver->helper)
		return;
	/* it may be in the middle of a fork: no need to be gentle with it */
	kill(resolver->helper, SIGKILL);
	waitpid(resolver->helper, NULL, 0);
}

void resolver_stop(struct resolver *resolver)
{
	if (!resolver)
		return;
	helper_end(resolver);
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	return resolver->fd;
}

int resolver_ask(struct resolver *resolver, uint32_t id, const struct addr *addr,
		 enum addr_role role)
{
	return resolver_ask_for(resolver, 0, id, addr, role);
}

int resolver_ask_for(struct resolver *resolver, uint32_t share, uint32_t id,
		     const struct addr *addr, enum addr_role role)
{
	struct resolver_question question;
	int error = resolver_write(addr, role, id, &question);

	if (error)
		return error;
	question.share = share;
	if (resolver->fd < 0) {
		error = helper_start(resolver);
		if (error)
			return error;
	}
	if (send(resolver->fd, &question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int resolver_code(int error)
{
	switch (error) {
	case -EAGAIN:
		return EAI_AGAIN;
	case -ENOMEM:
		return EAI_MEMORY;
	case -ENAMETOOLONG:
		return EAI_NONAME;
	default:
		return EAI_SYSTEM;
	}
}

/* The helper reads what strangers on the network say; its answers are looked at, too. */
static bool is_answer(const struct resolver_answer *answer)
{
	const struct places *places = &answer->places;

	if (answer->error)
		return true;
	if (!places->count || places->count > RESOLVE_MAX)
		return false;
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->place[i];

		if (place->length != (place->sa.ss_family == AF_INET
					      ? sizeof(struct sockaddr_in)
					      : sizeof(struct sockaddr_in6)) ||
		    (place->sa.ss_family != AF_INET && place->sa.ss_family != AF_INET6))
			return false;
	}
	return true;
}

int resolver_answer(struct resolver *resolver, struct resolver_answer *answer)
{
	ssize_t got;

	if (resolver->fd < 0)
		return 0;
	got = recv(resolver->fd, answer, sizeof(*answer), MSG_DONTWAIT);
	if (got == (ssize_t)sizeof(*answer) && is_answer(answer))
		return 1;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	helper_end(resolver);
	return -EPIPE;
}

/* Waiting */

/* For at most limit ns. 0 or a negative errno. */
static int wait_for_answer(struct resolver *resolver, uint64_t limit,
			   struct resolver_answer *answer)
{
	uint64_t began = units_now(), waited = 0;
	int got;

	while ((got = resolver_answer(resolver, answer)) == 0) {
		uint64_t left = limit == UNITS_INF ? limit : (limit - waited) / NSEC_PER_MSEC + 1;

		if (waited >= limit)
			return -ETIMEDOUT;
		if (poll(&(struct pollfd){ .fd = resolver->fd, .events = POLLIN }, 1,
			 left < INT_MAX ? (int)left : -1) < 0 &&
		    errno != EINTR)
			return -errno;
		waited = units_now() - began;
	}
	return got < 0 ? got : 0;
}

int resolve_wait(const struct addr *addr, enum addr_role role, struct places *places,
		 struct failure *failure)
{
	return resolve_wait_for(addr, role, UNITS_INF, places, failure);
}

int resolve_wait_for(const struct addr *addr, enum addr_role role, uint64_t limit,
		     struct places *places, struct failure *failure)
{
	struct resolver_answer answer = { .error = EAI_AGAIN };
	struct resolver *resolver;
	int waited = 0, error = resolve_now(addr, role, places, failure);

	if (error != -EINPROGRESS)
		return error;
	error = resolver_start(&resolver);
	if (!error) {
		error = resolver_ask(resolver, 0, addr, role);
		if (!error)
			waited = wait_for_answer(resolver, limit, &answer);
		if (waited < 0)
			answer.error = waited == -ETIMEDOUT ? ETIMEDOUT : EAI_AGAIN;
		resolver_stop(resolver);
	}
	if (error)
		answer.error = resolver_code(error);
	*places = answer.places;
	if (!error && !answer.error)
		return 0;
	*failure = (struct failure){ .step = STEP_RESOLVE,
				     .error = answer.error,
				     .waited = waited == -ETIMEDOUT ? limit : 0 };
	return error ? error : -ENOENT;
}
