/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolve: host names to addresses, without ever blocking the caller.
 *
 * Theory of operation: getaddrinfo() may block for many seconds and may load anything (NSS), so it runs in a helper
 * process, started with the first name that needs it, that forks once more for each question: a slow name holds nobody
 * up, and a crash in a resolver module costs one answer. Question and answer are one message each on a SOCK_SEQPACKET
 * pair. Literal addresses and "localhost" (RFC 6761: always loopback) need no helper.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/socket.h"

#define RESOLVE_MAX 16 /* addresses kept of one answer */

struct places {
	struct place place[RESOLVE_MAX];
	size_t count;
};

struct resolver;

/* Answers at once if it can: 0 with *places, or -EINPROGRESS: ask a resolver. -ENOENT: a literal of the wrong family, with
 * EAI_ADDRFAMILY in *failure. */
int resolve_now(const struct addr *addr, enum addr_role role, struct places *places, struct failure *failure);

/* Waits for the answer: for programs that have nothing else to do (before they listen). 0 or a negative errno with *failure. */
int resolve_wait(const struct addr *addr, enum addr_role role, struct places *places, struct failure *failure);

/* A resolver starts its helper when it is first asked. 0 or a negative errno. */
int resolver_start(struct resolver **resolver);
/* Has the helper call this first, to give up what it does not need; context must outlive the resolver. */
void resolver_prepare(struct resolver *resolver, void (*prepare)(void *context), void *context);
/* Has no helper of its own: asks who is at the other end of fd (SOCK_SEQPACKET), which it takes over. */
void resolver_through(struct resolver *resolver, int fd);
void resolver_stop(struct resolver *resolver);
/* The descriptor to wait on for EPOLLIN, or -1 while nothing was asked. */
int resolver_fd(const struct resolver *resolver);
/* Asks; the answer will carry id. 0 or a negative errno (-EAGAIN: too many questions are open). */
int resolver_ask(struct resolver *resolver, uint32_t id, const struct addr *addr, enum addr_role role);

struct resolver_answer {
	uint32_t id;
	int error; /* 0 or an EAI_ code */
	int system_error; /* errno, where error is EAI_SYSTEM */
	struct places places;
};
/* Reads one answer: 1; 0 none is there; -EPIPE the helper is gone: all open questions are lost. */
int resolver_answer(struct resolver *resolver, struct resolver_answer *answer);

/* The other end of resolver_through(): what was asked. Not to be trusted: compare it with what may be asked. */
struct resolver_question {
	uint32_t id;
	uint8_t ip;
	bool passive, datagrams;
	char host[256];
	char service[32];
};
/* Reads one question: 1; 0 none is there; -EPIPE nobody will ask any more. */
int resolver_read(int fd, struct resolver_question *question);
/* Do both ask the same, under whatever number? */
bool resolver_same(const struct resolver_question *a, const struct resolver_question *b);
/* Is it the one that resolver_ask() sends for this address? */
bool resolver_is_for(const struct resolver_question *question, const struct addr *addr);
/* An address that has this question, the caller's to free; NULL: none that has a number for its port, or out of memory. */
struct addr *resolver_addr(const struct resolver_question *question);
/* Sends an answer, which is dropped where there is no room for it. */
void resolver_reply(int fd, const struct resolver_answer *answer);

#endif
