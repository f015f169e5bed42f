/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-live: the run as it goes, on a screen of its own (the terminal's alternate one, so that what
 * was there before is there again in the end): a sparkline of the newest results, and the figures.
 * Drawn anew when something happened or the window's size changed, at most ten times a second.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "ping/ping.h"

#define HISTORY 512 /* results that are kept: the widest window that is filled */
#define PAUSE (NSEC_PER_SEC / 10)
#define LOST UINT64_MAX
#define LEVELS 8

struct ping_live {
	struct ping *ping;
	struct timer draw;
	uint64_t drawn; /* ns: when it was drawn last */
	uint64_t history[HISTORY]; /* ns, or LOST; the newest is at (count - 1) % HISTORY */
	uint64_t count;
	bool utf8, shown;
};

static void enter(struct ping_live *live)
{
	/* no wrapping: a line that is too long for the window is cut */
	fputs("\033[?1049h\033[?25l\033[?7l", stdout);
	live->shown = true;
}

static void leave(struct ping_live *live)
{
	if (live->shown)
		fputs("\033[?7h\033[?25h\033[?1049l", stdout);
	live->shown = false;
	ping_flush();
}

static uint64_t result_at(const struct ping_live *live, uint64_t number)
{
	return live->history[number % HISTORY];
}

/* The smallest and the largest time among the newest results, 0 and 0 if none was answered. */
static void find_range(const struct ping_live *live, uint64_t first, uint64_t *low, uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (uint64_t i = first; i < live->count; i++) {
		uint64_t value = result_at(live, i);

		if (value == LOST)
			continue;
		*low = value < *low ? value : *low;
		*high = value > *high ? value : *high;
	}
	if (*low == UINT64_MAX)
		*low = 0;
}

/* On a logarithmic scale, so that one time far from the others leaves something to be seen of
 * these. */
static size_t level_of(uint64_t value, uint64_t low, uint64_t high)
{
	if (low == 0 || high <= low)
		return 0;
	return (size_t)(log((double)value / (double)low) / log((double)high / (double)low) *
				(LEVELS - 1) +
			0.5);
}

static void put_sparkline(const struct ping_live *live, size_t width)
{
	static const char *const blocks[LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[LEVELS] = { "_", ".", "-", "~", "=", "+", "*", "#" };
	uint64_t shown = width < HISTORY ? width : HISTORY,
		 first = live->count > shown ? live->count - shown : 0, low, high;

	find_range(live, first, &low, &high);
	/* before and not after it, where the cursor may still be on the last of its columns */
	fputs("\033[K", stdout);
	for (uint64_t i = first; i < live->count; i++) {
		uint64_t value = result_at(live, i);
		size_t level = value == LOST ? 0 : level_of(value, low, high);

		if (value == LOST)
			fputs(live->utf8 ? "×" : "x", stdout);
		else
			fputs(live->utf8 ? blocks[level] : letters[level], stdout);
	}
	fputs("\r\n", stdout);
	printf("%.3f to %.3f ms; %s is lost\033[K\r\n", (double)low / NSEC_PER_MSEC,
	       (double)high / NSEC_PER_MSEC, live->utf8 ? "×" : "x");
}

/* No percentiles: they cost a sort each time, of which the probes would tell. */
static void put_times(const struct ping *ping)
{
	const struct stats *rtt = &ping->rtt;

	if (!ping->rtt.count)
		return;
	printf("now %.3f  min %.3f  avg %.3f  max %.3f  mdev %.3f  jitter %.3f ms\033[K\r\n",
	       (double)rtt->last / NSEC_PER_MSEC, (double)rtt->min / NSEC_PER_MSEC,
	       rtt->mean / NSEC_PER_MSEC, (double)rtt->max / NSEC_PER_MSEC,
	       stats_mdev(rtt) / NSEC_PER_MSEC, stats_jitter(rtt) / NSEC_PER_MSEC);
}

/* The last line has no line end: in a window that is filled to its last row it would push the first
 * one out. */
static void put_counts(const struct ping *ping)
{
	char age[32];

	printf("%llu sent, %llu answered, %g%% lost, %s", (unsigned long long)ping->sent,
	       (unsigned long long)ping->received, (double)(float)ping_loss(ping),
	       units_show_age(units_now() - ping->started, age, sizeof(age)));
	if (*ping->why.what && !ping->wanted)
		printf("; %s", ping->why.what);
}

static void draw(struct ping_live *live)
{
	struct winsize window = { 0 };
	size_t width, height;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || !window.ws_col || !window.ws_row)
		window = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	width = window.ws_col;
	height = window.ws_row;
	live->drawn = units_now();
	fputs("\033[H", stdout);
	/* where there are few lines the figures come first */
	if (height >= 6)
		printf("PING %s%s%s%s\033[K\r\n", live->ping->text,
		       *live->ping->addr.alias ? " (" : "", live->ping->addr.alias,
		       *live->ping->addr.alias ? ")" : "");
	if (height >= 3)
		put_sparkline(live, width);
	if (height >= 5)
		put_times(live->ping);
	put_counts(live->ping);
	fputs("\033[K\033[J", stdout);
	ping_flush();
}

static void draw_now(struct loop *loop, struct timer *timer)
{
	(void)loop;
	draw(container_of(timer, struct ping_live, draw));
}

void ping_live_changed(struct ping *ping)
{
	struct ping_live *live = ping->live;

	if (!loop_timer_is_set(&live->draw))
		loop_timer(ping->loop, &live->draw, live->drawn + PAUSE);
}

void ping_live_result(struct ping *ping, const struct ping_result *result)
{
	struct ping_live *live = ping->live;

	live->history[live->count++ % HISTORY] = result->outcome <= PING_ECHOED ? result->rtt
										: LOST;
	ping_live_changed(ping);
}

void ping_live_signal(struct ping *ping, int number)
{
	if (number == SIGTSTP) {
		leave(ping->live);
		raise(SIGSTOP);
		enter(ping->live);
	}
	draw(ping->live);
}

int ping_live_start(struct ping *ping)
{
	struct ping_live *live = calloc(1, sizeof(*live));

	if (!live)
		return -ENOMEM;
	ping->live = live;
	live->ping = ping;
	live->draw.expired = draw_now;
	live->utf8 = ping_utf8();
	enter(live);
	draw(live);
	return 0;
}

void ping_live_stop(struct ping *ping)
{
	if (!ping->live)
		return;
	loop_timer_stop(ping->loop, &ping->live->draw);
	leave(ping->live);
	free(ping->live);
	ping->live = NULL;
}
