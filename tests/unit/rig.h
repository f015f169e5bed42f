/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rig: a relay that runs in a thread of its own, and the far ends of its two sides in the hands of
 * the test, which so reads like a user of the relay: it writes here, reads there, closes, and waits
 * for the end.
 *
 * A side is a socket (UNIX, TCP on 127.0.0.1) or, as standard input and output are, a pair of
 * pipes; `to` is what the test writes to and `from` what it reads from, one descriptor for a
 * socket.
 *
 * Calls of the relay that a test counts or makes fail are wrapped by the linker: epoll_wait,
 * splice, pipe2.
 */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/units.h"
#include "net/addr.h"
#include "net/endpoint.h"
#include "relay/choose.h"
#include "relay/loop.h"
#include "relay/relay.h"

#define RIG_PATIENCE 60 /* seconds for what should happen at once; a slow machine costs nothing */
#define RIG_QUIET 40 /* ms in which nothing may happen */

/* What the linker's wrappers do. */

extern atomic_uint turns; /* of the loop: calls of epoll_wait */
extern atomic_uint splices; /* calls of splice() */
extern atomic_uint splice_bad; /* from this call on splice() answers EINVAL; 0: never */
extern atomic_bool pipe_bad; /* pipe2() answers EMFILE */

int __real_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
ssize_t __real_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags);
ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags);
int __real_pipe2(int ends[2], int flags);
int __wrap_pipe2(int ends[2], int flags);

enum kind { KIND_UNIX, KIND_TCP, KIND_PIPES, KIND_GUARDED, KINDS };

struct far {
	int to, from;
};

struct rig {
	struct loop *loop;
	struct relay relay;
	struct relay_settings settings;
	struct far far[2];
	struct endpoint end[2];
	struct watch poke;
	int poke_fd[2];
	void (*poked)(struct rig *rig); /* in the loop's thread, at rig_poke() */
	pthread_t thread;
	bool running;
};

/* One way of an exchange: from far[!side] to far[side]. */
struct way {
	uint64_t size, sent, got;
	size_t write_at_once, read_at_once; /* 0: 64 KiB */
	bool ended;
};

void tcp_pair(int pair[2]);

/* Two pipes: *far has one end of each, in and out are the others. */
void pipes_make(struct far *far, int *in, int *out);
void side_make(enum kind kind, struct far *far, struct endpoint *end);
void far_nonblock(const struct far *far);

/* No more will be sent. */
void far_finish(struct far *far);
void far_close(struct far *far);
void rig_done(struct loop *loop, struct relay *relay);

/* A loop, no sides yet. */
void rig_init(struct rig *rig, unsigned engine);
void rig_run(struct rig *rig);

/* Both sides made and the relay running. */
void rig_start(struct rig *rig, enum kind left, enum kind right, unsigned engine);
void rig_poke(struct rig *rig, void (*what)(struct rig *rig));

/* Waits for the relay's end, and that the result is this one. */
void rig_ends(struct rig *rig, enum relay_end result);
void rig_free(struct rig *rig);

/* The byte at a place of what flows towards side: no shift and no exchange goes unseen. */
unsigned char pattern(int side, uint64_t at);
bool readable(int fd, int ms);
void send_pattern(struct far *far, int side, uint64_t from, size_t size);

/* Reads exactly so many bytes of the pattern. */
void expect_pattern(const struct far *far, int side, uint64_t from, size_t size);
void expect_end(const struct far *far);
/* That the relay was broken off, not ended: a TCP socket sees a reset, all others see the end. */
void expect_abort(const struct far *far, enum kind kind);

/* Nothing comes, not even the end. */
void expect_quiet(const struct far *far);

/* Writes on, from byte done, until nothing more is taken for a moment; returns how much was in all.
 */
uint64_t fill_on(const struct far *far, int side, uint64_t done);
uint64_t fill(const struct far *far, int side);

/* The relay passes size[0] bytes down to far[0] and size[1] up to far[1], at the same time; each
 * ends by a half-close. */
void exchange(struct rig *rig, struct way way[2]);

/* Every pair of kinds under both engines: UNIX, TCP, pipes and guarded pipes with each other. */
void each_pair(void (*test)(enum kind left, enum kind right, unsigned engine));
void exchanged(enum kind left, enum kind right, unsigned engine, const struct way *down,
	       const struct way *up);

/* What just happened may still have to be worked off, on a busy machine for longer: but what spins
 * never comes to rest. */
void expect_sleep(const char *what);

#endif
