/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/units.h"

#define QUESTIONS_MAX 32 /* look-ups that run at once; the rest wait in the socket */

struct resolver {
	int fd; /* our end of the pair, -1: no helper */
	pid_t helper; /* 0: somebody else's */
	void (*prepare)(void *context);
	void *context;
};

/* What can be had without asking */

static void add_v4(struct places *places, struct in_addr ip, uint16_t port)
{
	struct place *place = &places->place[places->count++];
	struct sockaddr_in *in = (void *)&place->sa;

	*place = (struct place){ .length = sizeof(*in) };
	in->sin_family = AF_INET;
	in->sin_addr = ip;
	in->sin_port = htons(port);
}

static void add_v6(struct places *places, const struct in6_addr *ip, uint32_t scope, uint16_t port)
{
	struct place *place = &places->place[places->count++];
	struct sockaddr_in6 *in6 = (void *)&place->sa;

	*place = (struct place){ .length = sizeof(*in6) };
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = *ip;
	in6->sin6_scope_id = scope;
	in6->sin6_port = htons(port);
}

/* "fe80::1%eth0": the part before %, and the interface's number. */
static bool read_v6(const char *host, struct in6_addr *ip, uint32_t *scope)
{
	char text[INET6_ADDRSTRLEN];
	const char *percent = strchr(host, '%');
	size_t length = percent ? (size_t)(percent - host) : strlen(host);

	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, ip) != 1)
		return false;
	*scope = 0;
	if (percent) {
		*scope = if_nametoindex(percent + 1);
		if (!*scope)
			*scope = (uint32_t)strtoul(percent + 1, NULL, 10);
	}
	return true;
}

int resolve_now(const struct addr *addr, enum addr_role role, struct places *places, struct failure *failure)
{
	bool everywhere = addr->wildcard && role == ADDR_LISTEN;
	bool local = strcasecmp(addr->name, "localhost") == 0 || (addr->wildcard && role == ADDR_CONNECT);
	uint16_t port = (uint16_t)addr->port;
	struct in_addr v4;
	struct in6_addr v6;
	uint32_t scope;

	places->count = 0;
	if (*addr->service)
		return -EINPROGRESS;
	if (everywhere || local) {
		if (addr->ip != 6)
			add_v4(places, (struct in_addr){ htonl(everywhere ? INADDR_ANY : INADDR_LOOPBACK) }, port);
		if (addr->ip != 4)
			add_v6(places, everywhere ? &in6addr_any : &in6addr_loopback, 0, port);
		return 0;
	}
	if (inet_pton(AF_INET, addr->name, &v4) == 1) {
		if (addr->ip != 6)
			add_v4(places, v4, port);
	} else if (read_v6(addr->name, &v6, &scope)) {
		if (addr->ip != 4)
			add_v6(places, &v6, scope, port);
	} else {
		return -EINPROGRESS;
	}
	if (places->count)
		return 0;
	*failure = (struct failure){ .step = STEP_RESOLVE, .error = EAI_ADDRFAMILY };
	return -ENOENT;
}

/* Asking */

static void ask_system(const struct resolver_question *question, struct resolver_answer *answer)
{
	struct addrinfo hints = {
		.ai_family = question->ip == 4 ? AF_INET : question->ip == 6 ? AF_INET6 : AF_UNSPEC,
		.ai_socktype = question->datagrams ? SOCK_DGRAM : SOCK_STREAM, /* also which services have the name */
		.ai_flags = question->passive ? AI_PASSIVE : 0,
	};
	struct addrinfo *list = NULL;

	memset(answer, 0, sizeof(*answer));
	answer->id = question->id;
	answer->error = getaddrinfo(*question->host ? question->host : NULL, question->service, &hints, &list);
	if (answer->error) {
		answer->system_error = errno;
		return;
	}
	for (const struct addrinfo *ai = list; ai && answer->places.count < RESOLVE_MAX; ai = ai->ai_next) {
		struct place *place = &answer->places.place[answer->places.count];

		if (ai->ai_addrlen > sizeof(place->sa))
			continue;
		memcpy(&place->sa, ai->ai_addr, ai->ai_addrlen);
		place->length = ai->ai_addrlen;
		answer->places.count++;
	}
	freeaddrinfo(list);
	if (!answer->places.count)
		answer->error = EAI_NONAME;
}

static int write_question(const struct addr *addr, enum addr_role role, uint32_t id, struct resolver_question *question)
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

int resolve_wait(const struct addr *addr, enum addr_role role, struct places *places, struct failure *failure)
{
	struct resolver_question question;
	struct resolver_answer answer;
	int error = resolve_now(addr, role, places, failure);

	if (error != -EINPROGRESS)
		return error;
	error = write_question(addr, role, 0, &question);
	if (error) {
		*failure = (struct failure){ .step = STEP_RESOLVE, .error = EAI_NONAME };
		return error;
	}
	ask_system(&question, &answer);
	if (answer.error) {
		*failure = (struct failure){ .step = STEP_RESOLVE, .error = answer.error };
		return -ENOENT;
	}
	*places = answer.places;
	return 0;
}

/* The helper: reads questions and forks for each. */

static void helper_limit(unsigned *running)
{
	while (*running > 0 && waitpid(-1, NULL, *running >= QUESTIONS_MAX ? 0 : WNOHANG) > 0)
		(*running)--;
}

static void helper_serve(int fd)
{
	struct resolver_question question;
	struct resolver_answer answer;
	unsigned running = 0;

	for (;;) {
		ssize_t got = recv(fd, &question, sizeof(question), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof(question))
			_exit(0);
		helper_limit(&running);
		switch (fork()) {
		case 0:
			ask_system(&question, &answer);
			send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
			_exit(0);
		case -1:
			answer = (struct resolver_answer){ .id = question.id, .error = EAI_MEMORY };
			send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
			break;
		default:
			running++;
		}
	}
}

static void helper_run(const struct resolver *resolver, int fd)
{
	static const int defaults[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vsock-resolve");
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		signal(defaults[i], SIG_DFL);
	/* a Ctrl-C is for the program; the helper ends when its socket closes */
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* nothing of ours stays open in it: a pipe or a connection would never end */
	dup2(fd, 3);
	fd = 3;
	closefrom(4);
	for (int standard = 0; standard < 3; standard++)
		close(standard);
	fd_standard();
	if (resolver->prepare)
		resolver->prepare(resolver->context);
	helper_serve(fd);
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

void resolver_through(struct resolver *resolver, int fd)
{
	resolver->fd = fd;
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

int resolver_ask(struct resolver *resolver, uint32_t id, const struct addr *addr, enum addr_role role)
{
	struct resolver_question question;
	int error = write_question(addr, role, id, &question);

	if (error)
		return error;
	if (resolver->fd < 0) {
		error = helper_start(resolver);
		if (error)
			return error;
	}
	if (send(resolver->fd, &question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int resolver_answer(struct resolver *resolver, struct resolver_answer *answer)
{
	ssize_t got;

	if (resolver->fd < 0)
		return 0;
	got = recv(resolver->fd, answer, sizeof(*answer), MSG_DONTWAIT);
	if (got == (ssize_t)sizeof(*answer))
		return 1;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	helper_end(resolver);
	return -EPIPE;
}

/* The other end */

int resolver_read(int fd, struct resolver_question *question)
{
	ssize_t got = recv(fd, question, sizeof(*question), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	return got == (ssize_t)sizeof(*question) ? 1 : -EPIPE;
}

bool resolver_same(const struct resolver_question *a, const struct resolver_question *b)
{
	return a->ip == b->ip && a->passive == b->passive && a->datagrams == b->datagrams &&
	       strncmp(a->host, b->host, sizeof(a->host)) == 0 && strncmp(a->service, b->service, sizeof(a->service)) == 0;
}

bool resolver_is_for(const struct resolver_question *question, const struct addr *addr)
{
	struct resolver_question ours;

	return write_question(addr, ADDR_CONNECT, 0, &ours) == 0 && resolver_same(&ours, question);
}

struct addr *resolver_addr(const struct resolver_question *question)
{
	struct addr *addr = calloc(1, sizeof(*addr));
	struct units_error error;
	uint64_t port;

	if (!addr)
		return NULL;
	addr->family = question->datagrams ? ADDR_UDP : ADDR_TCP;
	addr->ip = question->ip;
	if (units_count(question->service, 1, UINT16_MAX, &port, &error) < 0 || !memccpy(addr->name, question->host, '\0', sizeof(addr->name))) {
		free(addr);
		return NULL;
	}
	addr->name_length = strlen(addr->name);
	addr->port = addr->port_last = (uint32_t)port;
	return addr;
}

void resolver_reply(int fd, const struct resolver_answer *answer)
{
	(void)send(fd, answer, sizeof(*answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}
