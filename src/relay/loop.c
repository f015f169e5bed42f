/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "relay/busy.h"
#include "relay/trial.h"

#define BATCH 256 /* events fetched at once */

struct slot {
	struct watch *watch; /* NULL: free */
	uint32_t generation;
	union {
		uint32_t next_free;
		uint32_t called; /* the turn in which a patient watch was last called, or began */
	};
};

struct loop {
	int epoll;
	bool stopped;
	uint64_t now;
	uint64_t patient_until; /* when this turn's time for new connections ends */
	uint32_t turns; /* in which patient watches were called */

	struct slot *slots; /* slot 0 is never given out */
	uint32_t slot_count, slots_used; /* how many there is memory for, the last that was ever
					    taken: behind it nothing is touched */
	uint32_t first_free; /* 0: none of those that were */
	uint32_t always; /* how many watches are always ready */

	struct timer *first; /* the root of their heap */

	struct watch signal_watch;
	sigset_t old_mask, watched;
	void (*signal_handler)(struct loop *loop, const struct signalfd_siginfo *info,
			       void *context);
	void *signal_context;

	void **garbage;
	size_t garbage_count, garbage_room;

	void *buffer;
	size_t buffer_size;
	void *batch;
	struct pipe_pool *pipes;
	void (*free_pipes)(struct pipe_pool *pipes);
	struct trial trials[LOOP_TRIALS];
	struct loop_budget budget;
	struct busy busy;
};

int loop_start(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->signal_watch.fd = -1;
	loop->budget.limit = UINT64_MAX;
	sigprocmask(SIG_SETMASK, NULL, &loop->old_mask);
	loop->now = units_now();
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		int error = -errno;

		free(loop);
		return error;
	}
	*out = loop;
	return 0;
}

static void free_garbage(struct loop *loop)
{
	for (size_t i = 0; i < loop->garbage_count; i++)
		free(loop->garbage[i]);
	loop->garbage_count = 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	free_garbage(loop);
	if (loop->pipes)
		loop->free_pipes(loop->pipes);
	if (loop->signal_watch.fd >= 0) {
		close(loop->signal_watch.fd);
		/* one that comes now, or waits, must not end a program that has done its work */
		if (sigismember(&loop->watched, SIGUSR1))
			signal(SIGUSR1, SIG_IGN);
		if (sigismember(&loop->watched, SIGUSR2))
			signal(SIGUSR2, SIG_IGN);
		sigprocmask(SIG_SETMASK, &loop->old_mask, NULL);
	}
	close(loop->epoll);
	free(loop->slots);
	free(loop->garbage);
	free(loop->batch);
	free(loop->buffer);
	free(loop);
}

void loop_busy_poll(struct loop *loop, const struct loop_settings *settings)
{
	busy_start(&loop->busy, settings->busy_poll);
}

struct busy *loop_busy(struct loop *loop)
{
	return &loop->busy;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

uint64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

void loop_free_later(struct loop *loop, void *memory)
{
	if (loop->garbage_count == loop->garbage_room) {
		size_t room = loop->garbage_room ? loop->garbage_room * 2 : 64;
		void **grown = reallocarray(loop->garbage, room, sizeof(*grown));

		if (!grown)
			return; /* a leak is better than memory used after it was freed */
		loop->garbage = grown;
		loop->garbage_room = room;
	}
	loop->garbage[loop->garbage_count++] = memory;
}

void *loop_buffer(struct loop *loop, size_t size)
{
	if (size > loop->buffer_size) {
		free(loop->buffer);
		loop->buffer = malloc(size);
		loop->buffer_size = loop->buffer ? size : 0;
	}
	return loop->buffer;
}

void *loop_batch(struct loop *loop, size_t size)
{
	if (!loop->batch)
		loop->batch = calloc(1, size);
	return loop->batch;
}

struct loop_budget *loop_budget(struct loop *loop)
{
	return &loop->budget;
}

struct trial *loop_trials(struct loop *loop)
{
	return loop->trials;
}

struct pipe_pool **loop_pipes(struct loop *loop, void (*free_pipes)(struct pipe_pool *pipes))
{
	loop->free_pipes = free_pipes;
	return &loop->pipes;
}

/* Watches */

/* One that was never taken, or 0 where memory is out. */
static uint32_t slot_new(struct loop *loop)
{
	if (loop->slots_used + 1 >= loop->slot_count) {
		uint32_t count = loop->slot_count ? loop->slot_count + loop->slot_count / 2 : 16;
		struct slot *grown = reallocarray(loop->slots, count, sizeof(*grown));

		if (!grown)
			return 0;
		loop->slots = grown;
		loop->slot_count = count;
	}
	loop->slots[++loop->slots_used] = (struct slot){ 0 };
	return loop->slots_used;
}

static int slot_take(struct loop *loop, struct watch *watch)
{
	uint32_t number = loop->first_free;

	if (!number)
		number = slot_new(loop);
	else
		loop->first_free = loop->slots[number].next_free;
	if (!number)
		return -ENOMEM;
	loop->slots[number].watch = watch;
	loop->slots[number].called = loop->turns;
	watch->slot = number;
	return 0;
}

static void slot_release(struct loop *loop, struct watch *watch)
{
	struct slot *slot = &loop->slots[watch->slot];

	slot->watch = NULL;
	slot->generation++;
	slot->next_free = loop->first_free;
	loop->first_free = watch->slot;
	watch->slot = 0;
}

static int control(struct loop *loop, int operation, const struct watch *watch)
{
	struct epoll_event event = {
		.events = watch->events,
		.data.u64 = (uint64_t)loop->slots[watch->slot].generation << 32 | watch->slot,
	};

	if (epoll_ctl(loop->epoll, operation, watch->fd, &event) == 0)
		return 0;
	/* what the watches of one user may take of the kernel's memory (fs.epoll.max_user_watches);
	 * "no space left on device" would be taken for a full disk */
	return errno == ENOSPC ? -ENOMEM : -errno;
}

int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	int error;

	if (watch->slot && watch->fd == fd) {
		if (watch->events == events)
			return 0;
		watch->events = events;
		return watch->always ? 0 : control(loop, EPOLL_CTL_MOD, watch);
	}
	loop_unwatch(loop, watch);
	error = slot_take(loop, watch);
	if (error)
		return error;
	watch->fd = fd;
	watch->events = events;
	error = control(loop, EPOLL_CTL_ADD, watch);
	if (error == -EPERM) {
		watch->always = true;
		loop->always++;
		return 0;
	}
	if (error)
		slot_release(loop, watch);
	return error;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
	if (!watch->slot)
		return;
	if (watch->always)
		loop->always--;
	else
		control(loop, EPOLL_CTL_DEL, watch);
	watch->always = false;
	slot_release(loop, watch);
}

void loop_forget(struct loop *loop, struct watch *watch)
{
	if (!watch->slot || watch->always)
		loop_unwatch(loop, watch);
	else
		slot_release(loop, watch);
}

void loop_move(struct loop *loop, struct watch *from, struct watch *to)
{
	to->fd = from->fd;
	to->events = from->events;
	to->slot = from->slot;
	to->always = from->always;
	from->slot = 0;
	if (to->slot)
		loop->slots[to->slot].watch = to;
}

/* Timers: a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). */

/* Of two heaps one: the root that is due later becomes the first child of the other. */
static struct timer *heap_join(struct timer *a, struct timer *b)
{
	struct timer *root, *child;

	if (!a || !b)
		return a ? a : b;
	root = b->at < a->at ? b : a;
	child = root == a ? b : a;
	child->next = root->child;
	if (child->next)
		child->next->back = child;
	child->back = root;
	root->child = child;
	return root;
}

/* Of siblings one heap: of each two one, and then of all, beginning with the last. */
static struct timer *heap_join_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *all = NULL;

	while (first) {
		struct timer *second = first->next, *rest = second ? second->next : NULL;
		struct timer *pair = heap_join(first, second);

		pair->next = pairs;
		pairs = pair;
		first = rest;
	}
	while (pairs) {
		struct timer *rest = pairs->next;

		all = heap_join(pairs, all);
		pairs = rest;
	}
	return all;
}

static void heap_add(struct loop *loop, struct timer *heap)
{
	loop->first = heap_join(loop->first, heap);
	if (!loop->first)
		return;
	loop->first->back = loop->first;
	loop->first->next = NULL;
}

void loop_timer(struct loop *loop, struct timer *timer, uint64_t at)
{
	loop_timer_stop(loop, timer);
	timer->at = at;
	heap_add(loop, timer);
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
	struct timer *children;

	if (!loop_timer_is_set(timer))
		return;
	children = heap_join_siblings(timer->child);
	if (timer == loop->first)
		loop->first = NULL;
	else if (timer->back->child == timer)
		timer->back->child = timer->next;
	else
		timer->back->next = timer->next;
	if (timer->next)
		timer->next->back = timer->back;
	timer->child = timer->next = timer->back = NULL;
	heap_add(loop, children);
}

static void run_timers(struct loop *loop)
{
	/* Only timers that were due at the start of the turn run. One that sets itself to "now"
	 * waits for the next turn. */
	uint64_t due = loop->now;

	while (loop->first && loop->first->at <= due && !loop->stopped) {
		struct timer *timer = loop->first;

		loop_timer_stop(loop, timer);
		timer->expired(loop, timer);
		if (loop_timer_is_set(timer) && timer->at <= due)
			break;
	}
}

/* Is any of the files that are always ready wanted now? The others must not keep the loop awake. */
static bool always_wanted(const struct loop *loop)
{
	uint32_t left = loop->always;

	for (uint32_t i = 1; left > 0 && i <= loop->slots_used; i++) {
		const struct watch *watch = loop->slots[i].watch;

		if (!watch || !watch->always)
			continue;
		left--;
		if (watch->events & (EPOLLIN | EPOLLOUT))
			return true;
	}
	return false;
}

/* The timeout for epoll: -1 for ever, 0 not at all, else ms, rounded up so that the timer is due on
 * waking. */
static int patience(const struct loop *loop)
{
	uint64_t now, wait;

	if (always_wanted(loop))
		return 0;
	if (!loop->first)
		return -1;
	now = units_now();
	if (loop->first->at <= now)
		return 0;
	wait = (loop->first->at - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return wait > 86400000 ? 86400000 : (int)wait;
}

/* Signals */

static void signal_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_handler(loop, &info, loop->signal_context);
}

static const struct watch_kind signal_kind = { .name = "signal", .ready = signal_ready };

int loop_signals(struct loop *loop, const sigset_t *signals,
		 void (*handler)(struct loop *loop, const struct signalfd_siginfo *info,
				 void *context),
		 void *context)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, signals, NULL) < 0)
		return -errno;
	fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->watched = *signals;
	loop->signal_handler = handler;
	loop->signal_context = context;
	loop->signal_watch.kind = &signal_kind;
	return loop_watch(loop, &loop->signal_watch, fd, EPOLLIN);
}

void loop_child(const struct loop *loop)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, &loop->old_mask, NULL);
}

/* Turning */

/* The watch of this event, or NULL if it is gone. */
static struct watch *watch_of(const struct loop *loop, const struct epoll_event *event)
{
	uint32_t number = (uint32_t)event->data.u64;
	uint32_t generation = (uint32_t)(event->data.u64 >> 32);
	const struct slot *slot = &loop->slots[number];

	return slot->generation == generation ? slot->watch : NULL;
}

bool loop_hurries(const struct loop *loop)
{
	return units_now() >= loop->patient_until;
}

/* The one of these events whose watch has waited longest since it was called. */
static unsigned longest_waiting(const struct loop *loop, const struct epoll_event *events,
				unsigned count)
{
	uint32_t most = 0;
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t age = loop->turns - loop->slots[(uint32_t)events[i].data.u64].called;

		if (age > most) {
			most = age;
			found = i;
		}
	}
	return found;
}

/* One at least. */
static void run_patient(struct loop *loop, struct epoll_event *events, unsigned count)
{
	loop->turns++;
	loop->patient_until = units_now() + LOOP_PATIENT_TIME;
	do {
		unsigned next = longest_waiting(loop, events, count);
		const struct epoll_event event = events[next];
		struct watch *watch = watch_of(loop, &event);

		events[next] = events[--count];
		if (!watch)
			continue;
		loop->slots[watch->slot].called = loop->turns;
		watch->kind->ready(loop, watch, event.events);
	} while (count && !loop->stopped && !loop_hurries(loop));
}

static void run_events(struct loop *loop, struct epoll_event *events, int count)
{
	unsigned patient = 0;

	for (int i = 0; i < count && !loop->stopped; i++) {
		struct watch *watch = watch_of(loop, &events[i]);

		if (watch && watch->kind->patient)
			events[patient++] = events[i];
		else if (watch)
			watch->kind->ready(loop, watch, events[i].events);
	}
	if (patient)
		run_patient(loop, events, patient);
}

static void run_always(struct loop *loop)
{
	uint32_t left = loop->always;

	for (uint32_t i = 1; left > 0 && i <= loop->slots_used && !loop->stopped; i++) {
		struct watch *watch = loop->slots[i].watch;

		if (!watch || !watch->always)
			continue;
		left--;
		if (watch->events & (EPOLLIN | EPOLLOUT))
			watch->kind->ready(loop, watch, watch->events & (EPOLLIN | EPOLLOUT));
	}
}

/* Polls for a moment. Returns the number of events, 0 if none came, or -1. */
static int spin(struct loop *loop, struct epoll_event *events)
{
	uint64_t start = loop->now = units_now(), window = busy_window(&loop->busy, start);

	if (loop->first && loop->first->at < start + window)
		window = loop->first->at > start ? loop->first->at - start : 0;
	if (!window)
		return 0;
	do {
		int count = epoll_wait(loop->epoll, events, BATCH, 0);
		uint64_t before = loop->now;

		loop->now = units_now();
		if (loop->now - before > BUSY_LOST)
			busy_lost(&loop->busy, loop->now);
		if (count) {
			busy_ended(&loop->busy, true);
			return count;
		}
	} while (loop->now - start < window);
	busy_ended(&loop->busy, false);
	return 0;
}

/* Waits for a batch of events, and notes when it came. */
static int wait_for_events(struct loop *loop, struct epoll_event *events)
{
	int count = 0;

	if (loop->busy.window && !always_wanted(loop))
		count = spin(loop, events);
	if (!count) {
		count = epoll_wait(loop->epoll, events, BATCH, patience(loop));
		loop->now = units_now();
	}
	return count;
}

/* A timer that is due may be one that an event stops or puts off, so timers wait until every event
 * that has come was fetched: a batch that is not full, or as many as it takes for all watches. */
static bool timers_wait(const struct loop *loop, uint32_t full)
{
	return full <= loop->slots_used / BATCH;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[BATCH];
	uint32_t full = 0; /* batches in a row without timers */

	while (!loop->stopped) {
		int count = wait_for_events(loop, events);

		/* SIGSTOP and SIGCONT: what has come meanwhile is not fetched yet */
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		run_events(loop, events, count);
		if (loop->always)
			run_always(loop);
		if (count < BATCH || !timers_wait(loop, ++full)) {
			full = 0;
			run_timers(loop);
		}
		free_garbage(loop);
	}
	loop->stopped = false;
	return 0;
}
