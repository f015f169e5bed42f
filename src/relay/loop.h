/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * loop: waits for descriptors, times and signals, and calls who asked.
 *
 * Theory of operation: one epoll. Every registered descriptor is a struct watch, embedded in its
 * owner, with a slot in the loop's table; epoll's 64-bit reference is slot number and generation,
 * so an event that was queued before a watch was removed finds a newer generation and is dropped:
 * no stale events, even where memory or a slot is used again within a batch. A watch names its
 * kind, and the kind holds the one function that is called: there is no callback per descriptor.
 *
 * Connections that are open are served before new ones: in each turn first the watches that move
 * bytes are called, then the patient ones, for LOOP_PATIENT_TIME. Those that are left are called in
 * one of the next turns. So clients that connect again and again add at most that time to the
 * latency of a connection that is open. Of the patient watches the one that has waited longest
 * since it was last called is first, so a listener that is seldom used goes before busy ones.
 *
 * Regular files and /dev/null, which epoll refuses with EPERM, are always ready: they are called in
 * every turn.
 *
 * Timers are a heap that is made of the timers themselves, so setting one cannot fail. They run
 * when all events that have come were handled, so that after a pause of the whole process nothing
 * times out whose data has long been there. Signals arrive by signalfd, are blocked meanwhile, and
 * are restored for children by loop_child().
 */
#ifndef RELAY_LOOP_H
#define RELAY_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct loop;
struct pipe_pool;
struct watch;
struct timer;

/* What a watch is: its name, for tracing, and who is called with the events that came. patient: it
 * makes connections, and has its turn after those that move bytes; it must be level-triggered. */
struct watch_kind {
	const char *name;
	void (*ready)(struct loop *loop, struct watch *watch, uint32_t events);
	bool patient;
};

struct watch {
	const struct watch_kind *kind;
	int fd;
	uint32_t events; /* that epoll watches now */
	uint32_t slot; /* 0: not registered */
	uint16_t side; /* the owner's: which of its watches this is */
	bool always; /* epoll refuses this descriptor: always ready */
};

struct timer {
	uint64_t at; /* ns, CLOCK_MONOTONIC */
	void (*expired)(struct loop *loop, struct timer *timer);
	/* the loop's: those that are due later than this one, the first of them and the next of the
	 * same parent; back: what refers to it, the root to itself; NULL: not set */
	struct timer *child, *next, *back;
};

/* 0 or a negative errno. */
int loop_start(struct loop **loop);
void loop_free(struct loop *loop);

/* Runs until loop_stop(), which may have been called before. 0 or a negative errno of epoll_wait().
 */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* For patient watches that have more to do: is the time for them used up? */
#define LOOP_PATIENT_TIME 50000 /* ns */
bool loop_hurries(const struct loop *loop);

/* How the loop waits. Until this is called, it sleeps at once. */
struct loop_settings {
	uint64_t busy_poll; /* ns; see relay/busy.h */
};
#define LOOP_DEFAULTS                    \
	{                                \
		.busy_poll = UINT64_MAX, \
	}
void loop_busy_poll(struct loop *loop, const struct loop_settings *settings);
/* For busy_moved() and busy_expect(). */
struct busy;
struct busy *loop_busy(struct loop *loop);

/* The time when the present batch of events began, ns of CLOCK_MONOTONIC. */
uint64_t loop_now(const struct loop *loop);

/* Registers, or changes what is watched; where nothing changed nothing is done. watch->kind must be
 * set. 0 or a negative errno. */
__attribute__((warn_unused_result)) int loop_watch(struct loop *loop, struct watch *watch, int fd,
						   uint32_t events);
/* Removes it; harmless where it isn't registered. Before the descriptor is closed. */
void loop_unwatch(struct loop *loop, struct watch *watch);
/* The same without a system call, for a descriptor that is closed next and that nobody else has:
 * closing removes it from epoll. */
void loop_forget(struct loop *loop, struct watch *watch);
/* Gives the registration of one watch to another: same descriptor, same events, another kind and
 * owner. */
void loop_move(struct loop *loop, struct watch *from, struct watch *to);

/* (Re)sets a timer to an absolute time. */
void loop_timer(struct loop *loop, struct timer *timer, uint64_t at);
void loop_timer_stop(struct loop *loop, struct timer *timer);
static inline bool loop_timer_is_set(const struct timer *timer)
{
	return timer->back;
}

/* Blocks the signals and has handler called for each that comes. 0 or a negative errno. */
int loop_signals(struct loop *loop, const sigset_t *signals,
		 void (*handler)(struct loop *loop, const struct signalfd_siginfo *info,
				 void *context),
		 void *context);

/* In a forked child, before exec: the signal mask as it was before the loop, and the defaults of
 * SIGPIPE and SIGXFSZ. */
void loop_child(const struct loop *loop);

/* Calls free(memory) at the end of the present batch. */
void loop_free_later(struct loop *loop, void *memory);

/* Memory for what was read and is not written yet, of all channels and pipes in use: bytes. Who
 * reads looks whether it may be kept. */
struct loop_budget {
	uint64_t used, limit; /* limit UINT64_MAX: none */
	unsigned roomy; /* flows whose destination has more room in the kernel than usual:
			   choose_large() */
	unsigned pipes; /* that relay/pipe may make; 0: as many as it does at most */
};
struct loop_budget *loop_budget(struct loop *loop);

/* What was found out about the pairs that relay/choose tries both engines on. */
#define LOOP_TRIALS 3
struct trial *loop_trials(struct loop *loop);

/* Where relay/pipe keeps its pool: one a loop. loop_free() calls free_pipes() if there is one. */
struct pipe_pool **loop_pipes(struct loop *loop, void (*free_pipes)(struct pipe_pool *pipes));

/* The buffer that all engines share, of at least size bytes; NULL where memory is out. Valid until
 * the next call. */
void *loop_buffer(struct loop *loop, size_t size);
/* A second one, which no engine touches: for who has more than one thing to give them
 * (serve/flows). Zeroed when it is made; all ask for the same size. */
void *loop_batch(struct loop *loop, size_t size);

#endif
