/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads of the simulated program (net/sender has one). They are real threads, of which one runs
 * at a time: the scheduler hands a baton over, and gets it back where the thread has to wait.
 */
#include "config.h"

#include "sim.h"

#include <pthread.h>
#include <semaphore.h>

#include "calls.h"

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **result);
int __real_sem_init(sem_t *sem, int shared, unsigned value);
int __real_sem_wait(sem_t *sem);
int __real_sem_post(sem_t *sem);
int __real_sem_destroy(sem_t *sem);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_sem_init(sem_t *sem, int shared, unsigned value);
int __wrap_sem_wait(sem_t *sem);
int __wrap_sem_post(sem_t *sem);
int __wrap_sem_destroy(sem_t *sem);

struct thread {
	pthread_t real;
	sem_t baton;
	void *(*start)(void *);
	void *argument;
	sem_t *semaphore; /* what it waits for; NULL: for its socket */
	struct sock *sock;
	bool over;
	struct thread *next;
};

static struct thread *threads, *running;
static sem_t scheduler; /* the scheduler's turn */
static bool scheduler_made, parked;

bool thread_current(void)
{
	return running && pthread_equal(running->real, pthread_self());
}

static void *begin(void *argument)
{
	struct thread *thread = argument;

	while (__real_sem_wait(&thread->baton) < 0)
		;
	thread->start(thread->argument);
	thread->over = true;
	__real_sem_post(&scheduler);
	return NULL;
}

/* Gives the baton back and waits for it. */
static void hand_back(struct thread *thread)
{
	__real_sem_post(&scheduler);
	while (__real_sem_wait(&thread->baton) < 0)
		;
}

void thread_wait(struct sock *sock)
{
	running->semaphore = NULL;
	running->sock = sock;
	hand_back(running);
}

void thread_park(void)
{
	parked = true;
	for (;;)
		hand_back(running);
}

static int value_of(sem_t *sem)
{
	int value;

	memcpy(&value, sem, sizeof(value));
	return value;
}

static void set_value(sem_t *sem, int value)
{
	memcpy(sem, &value, sizeof(value));
}

static bool can_run(const struct thread *thread)
{
	const struct sock *sock = thread->sock;

	if (thread->over)
		return false;
	if (thread->semaphore)
		return value_of(thread->semaphore) > 0;
	return !sock || sock_space(sock) > 0 || sock->error || sock->state != SOCK_CONNECTED ||
	       sock->stopped & SENDS || sock->peer_stopped & RECEIVES;
}

static void let_run(struct thread *thread)
{
	running = thread;
	__real_sem_post(&thread->baton);
	while (__real_sem_wait(&scheduler) < 0)
		;
	running = NULL;
	changed();
	if (parked)
		longjmp(world.escape, 1);
}

bool thread_step(void)
{
	for (struct thread *thread = threads; thread; thread = thread->next) {
		if (!can_run(thread))
			continue;
		let_run(thread);
		return true;
	}
	return false;
}

void threads_begin(void)
{
	threads = running = NULL; /* what a run that failed left */
	parked = false;
}

void threads_end(void)
{
	for (struct thread *thread = threads; thread; thread = thread->next)
		if (!thread->over)
			fail("leak", "a thread was not joined");
	threads = NULL;
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*start)(void *),
			  void *argument)
{
	struct thread *thread;
	int error = call_begin(CALL_THREAD, "pthread_create");

	if (error)
		return error;
	if (!scheduler_made)
		__real_sem_init(&scheduler, 0, 0);
	scheduler_made = true;
	thread = calloc(1, sizeof(*thread)); /* outlives a run that failed */
	if (!thread)
		abort();
	__real_sem_init(&thread->baton, 0, 0);
	thread->start = start;
	thread->argument = argument;
	error = __real_pthread_create(&thread->real, attributes, begin, thread);
	if (error)
		abort();
	thread->next = threads;
	threads = thread;
	*out = thread->real;
	return 0;
}

int __wrap_pthread_join(pthread_t real, void **result)
{
	struct thread *thread = threads;
	int error;

	while (thread && !pthread_equal(thread->real, real))
		thread = thread->next;
	if (!thread)
		fail("thread", "a thread is joined that is not there");
	while (!thread->over) {
		if (!can_run(thread))
			fail("blocks", "pthread_join() waits for a thread that waits");
		let_run(thread);
	}
	error = __real_pthread_join(real, result);
	for (struct thread **link = &threads; *link; link = &(*link)->next) {
		if (*link != thread)
			continue;
		*link = thread->next;
		break;
	}
	free(thread);
	return error;
}

int __wrap_sem_init(sem_t *sem, int shared, unsigned value)
{
	(void)shared;
	set_value(sem, (int)value);
	return 0;
}

int __wrap_sem_destroy(sem_t *sem)
{
	set_value(sem, -1);
	return 0;
}

int __wrap_sem_post(sem_t *sem)
{
	set_value(sem, value_of(sem) + 1);
	changed();
	return 0;
}

int __wrap_sem_wait(sem_t *sem)
{
	if (!thread_current())
		fail("blocks", "sem_wait() in the loop");
	while (value_of(sem) <= 0) {
		running->semaphore = sem;
		hand_back(running);
	}
	set_value(sem, value_of(sem) - 1);
	return 0;
}
