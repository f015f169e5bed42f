/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * busy: whether to poll for a moment before sleeping.
 *
 * Theory of operation: a process that sleeps has to be woken, which takes tens of microseconds in a
 * virtual machine. A loop that first polls its epoll again and again for a moment ("spins") answers
 * sooner, and uses processor time until the event comes. That is worth it only if the event does
 * come within that moment, so the past decides: a spin that an event ends is a hit, any other is a
 * miss. While at least two of three spins are hits, every wait spins. After that, a single spin
 * tests whether that has changed: first after one wait, then after twice as many waits each time,
 * up to 256.
 *
 * A large transfer does not spin. It gains little, because its ends have buffers that keep it
 * going, and it would pay for more and smaller turns.
 *
 * A loop never spins where the process may use only one processor, because its peer could not run
 * meanwhile, and it pauses for 100 ms after it lost its processor during a spin, because then
 * others want it. Nothing here runs while the loop sleeps.
 *
 * All times are ns of CLOCK_MONOTONIC. Only busy_start() makes a system call.
 */
#ifndef RELAY_BUSY_H
#define RELAY_BUSY_H

#include <stdbool.h>
#include <stdint.h>

/* What --busy-poll sets: BUSY_OFF, BUSY_AUTO, or the time that every wait spins for at most. */
#define BUSY_OFF UINT64_C(0)
#define BUSY_AUTO UINT64_MAX

#define BUSY_WINDOW UINT64_C(50000) /* how long BUSY_AUTO spins at most */
#define BUSY_LOST UINT64_C(200000) /* a spin in which the clock jumps so far lost its processor */
#define BUSY_PAUSE UINT64_C(100000000) /* how long no wait spins after that */
#define BUSY_LARGE 32768U /* bytes per turn, on average, of a large transfer */

struct busy {
	uint64_t window; /* 0: never */
	uint64_t paused_until; /* where it is adaptive */
	uint64_t moved, average; /* bytes of this turn, and of a turn on average */
	uint16_t skip, interval; /* waits until the next test, and between tests */
	uint8_t score; /* 0: only tests spin */
	bool adaptive; /* false: every wait spins for the whole window */
	bool unexpected; /* busy_expect(): no answer is expected */
};

/* Finds out how many processors there are. */
void busy_start(struct busy *busy, uint64_t setting);
/* The bytes that this turn has moved so far are so many more. */
void busy_moved(struct busy *busy, uint64_t bytes);
/* Is an answer expected now? Until this is called, one is. */
void busy_expect(struct busy *busy, bool expected);
/* How long the wait that begins now may spin; 0: not at all. */
uint64_t busy_window(struct busy *busy, uint64_t now);
/* A spin has ended: with an event (a hit), or after its time. */
void busy_ended(struct busy *busy, bool hit);
/* The processor was lost during a spin. */
void busy_lost(struct busy *busy, uint64_t now);

#endif
