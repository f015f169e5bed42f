/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolve: resolves host names without ever blocking the caller.
 *
 * Theory of operation: getaddrinfo() may block for many seconds and may load any code (NSS
 * modules). It therefore runs in a helper process, which is started for the first name that needs
 * it and forks once more for each question. So a slow name delays no other, and a crash in a
 * resolver module loses one answer (resolve-helper.c). The helper itself answers names in
 * /etc/hosts. Each question and each answer is one message on a SOCK_SEQPACKET pair. Literal
 * addresses and "localhost" (RFC 6761: always loopback) need no helper.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/socket.h"

#define RESOLVE_MAX 16 /* addresses used of one answer */

struct places {
	struct place place[RESOLVE_MAX];
	size_t count;
};

struct resolver;

/* Answers at once if possible: 0 with *places. -EINPROGRESS: ask a resolver. -ENOENT: a literal
 * address of the wrong family, with EAI_ADDRFAMILY in *failure. */
int resolve_now(const struct addr *addr, enum addr_role role, struct places *places,
		struct failure *failure);

/* The same, including names in /etc/hosts. False: a resolver must be asked, or there is no answer.
 */
bool resolve_known(const struct addr *addr, enum addr_role role, struct places *places);

/* Resolves with a helper of its own and waits for the answer, for programs that have nothing else
 * to do (before they listen). 0, or a negative errno with *failure. */
int resolve_wait(const struct addr *addr, enum addr_role role, struct places *places,
		 struct failure *failure);

/* The same for at most limit ns; ETIMEDOUT: in vain. */
int resolve_wait_for(const struct addr *addr, enum addr_role role, uint64_t limit,
		     struct places *places, struct failure *failure);

/* Makes a resolver, which starts its helper for the first question. 0 or a negative errno. */
int resolver_start(struct resolver **resolver);
/* The helper calls prepare first, to drop privileges and descriptors. context must outlive the
 * resolver. */
void resolver_prepare(struct resolver *resolver, void (*prepare)(void *context), void *context);
/* To be called after waitpid(2) has reaped a child: if it was the helper, its pid must not be used
 * any more. resolver may be NULL. */
void resolver_reaped(struct resolver *resolver, pid_t pid);
void resolver_stop(struct resolver *resolver);
/* The descriptor to watch for EPOLLIN, or -1 before the first question. */
int resolver_fd(const struct resolver *resolver);
/* Asks a question; the answer will carry id. 0 or a negative errno (-EAGAIN: too many open
 * questions). */
int resolver_ask(struct resolver *resolver, uint32_t id, const struct addr *addr,
		 enum addr_role role);
/* The same on behalf of one of several clients: questions of one share do not delay those of
 * another. */
int resolver_ask_for(struct resolver *resolver, uint32_t share, uint32_t id,
		     const struct addr *addr, enum addr_role role);

/* The EAI_ code for an error of resolver_start(), resolver_ask() or resolver_ask_for(). */
int resolver_code(int error);

struct resolver_answer {
	uint32_t id;
	int error; /* 0 or an EAI_ code */
	struct places places;
};

/* Reads an answer. 1: one was read; 0: none is there; -EPIPE: the helper is gone, or was ended for
 * what is no answer, and with it all open questions. A question whose process was killed between
 * its answer and its end is answered twice; the second answer is an error, and to be ignored. */
int resolver_answer(struct resolver *resolver, struct resolver_answer *answer);

/*
 * Between the files of resolve
 */

/* What the helper is asked. */
struct resolver_question {
	uint32_t id;
	uint32_t share; /* see resolver_ask_for() */
	uint8_t ip;
	bool passive, datagrams;
	char host[256];
	char service[32];
};

#define RESOLVE_LIMIT_SECONDS 15 /* for one look-up */

/* resolve-answer.c: asks getaddrinfo(3), which may block for a long time. */
void resolve_ask_system(const struct resolver_question *question, struct resolver_answer *answer);

/* Answers from /etc/hosts. False: the name is not there. */
bool resolve_from_hosts(const struct resolver_question *question, struct resolver_answer *answer);

/* resolve-helper.c: answers the questions that arrive on fd until it is closed. */
_Noreturn void resolve_helper_serve(int fd);

#endif
