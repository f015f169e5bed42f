/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/progress.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"

#define EVERY_TERMINAL (1 * NSEC_PER_SEC)
#define EVERY_LINE (5 * NSEC_PER_SEC)
#define BAR_LEAST 10 /* columns; a narrower bar is left out */

struct figures {
	uint64_t bytes, size, elapsed;
	double rate; /* bytes a second */
	bool last;
};

uint64_t progress_input_size(int fd)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	at = lseek(fd, 0, SEEK_CUR);
	return at >= 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

/* "1.20GiB", "12.3MiB", " 176MiB": three figures, as pv has it. */
static void show_bytes(double bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;
	char text[32];

	while (bytes >= 1023.5 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, sizeof(text), "%.*f%s",
		 unit == 0 || bytes >= 99.95 ? 0
		 : bytes >= 9.995	     ? 1
					     : 2,
		 bytes, units[unit]);
	snprintf(buf, size, "%7s", text);
}

static void show_clock(uint64_t seconds, char *buf, size_t size)
{
	snprintf(buf, size, "%llu:%02llu:%02llu", (unsigned long long)(seconds / 3600),
		 (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60));
}

/* "=====>    " of width columns. */
static void show_bar(double part, char *bar, size_t width)
{
	size_t full = (size_t)(part * (double)width);

	memset(bar, ' ', width);
	memset(bar, '=', full < width ? full : width);
	if (full < width)
		bar[full] = '>';
	bar[width] = '\0';
}

/* "1.20GiB 0:00:07 [ 176MiB/s] [====>    ] 40% ETA 0:00:10" in width columns; without a bar where
 * width is 0. */
static void show_line(const struct figures *figures, size_t width, char *buf, size_t size)
{
	char bytes[32], clock[32], rate[32], rest[64] = "", eta[32], bar[256];
	double part = figures->size ? (double)figures->bytes / (double)figures->size : 0;
	double average = (double)figures->bytes * 1e9 /
			 (double)(figures->elapsed ? figures->elapsed : 1);
	int used;

	show_bytes((double)figures->bytes, bytes, sizeof(bytes));
	show_clock(figures->elapsed / NSEC_PER_SEC, clock, sizeof(clock));
	show_bytes(figures->rate, rate, sizeof(rate));
	used = snprintf(buf, size, "%s %s [%s/s]", bytes, clock, rate);
	if (!figures->size)
		return;
	part = part > 1 ? 1 : part;
	snprintf(rest, sizeof(rest), "%3.0f%%", part * 100);
	if (!figures->last && figures->bytes && figures->bytes < figures->size) {
		show_clock((uint64_t)((double)(figures->size - figures->bytes) / average), eta,
			   sizeof(eta));
		snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), " ETA %s", eta);
	}
	if (width < (size_t)used + strlen(rest) + 3 + BAR_LEAST) {
		snprintf(buf + used, size - (size_t)used, " %s", rest);
		return;
	}
	width -= (size_t)used + strlen(rest) + 3; /* " [" and "]" */
	show_bar(part, bar, width < sizeof(bar) ? width : sizeof(bar) - 1);
	snprintf(buf + used, size - (size_t)used, " [%s]%s", bar, rest);
}

static void record(const struct progress *progress, const struct figures *figures)
{
	const struct relay *relay = progress->relay;

	log_event(0, 1, "progress", "-", progress->to,
		  (const struct log_field[]){
			  LOG_NUMBER_FIELD("up", relay->chan[0].bytes),
			  LOG_NUMBER_FIELD("down", relay->chan[1].bytes),
			  LOG_TIME_FIELD(figures->elapsed),
			  LOG_NUMBER_FIELD("rate", (uint64_t)figures->rate),
			  LOG_NUMBER_FIELD(figures->size ? "size" : NULL, figures->size),
			  { 0 },
		  });
}

static uint64_t moved(const struct relay *relay)
{
	return relay->chan[0].bytes > relay->chan[1].bytes ? relay->chan[0].bytes
							   : relay->chan[1].bytes;
}

/* Is what is shown of the size that is known? */
static bool counts_input(const struct progress *progress)
{
	return progress->side < 0 ||
	       progress->relay->chan[progress->side].bytes == moved(progress->relay);
}

static void show(struct progress *progress, bool last)
{
	struct figures figures = {
		.bytes = moved(progress->relay),
		.size = counts_input(progress) ? progress->size : 0,
		.elapsed = units_now() - progress->relay->started,
		.last = last,
	};
	uint64_t since = last ? 0 : progress->shown_bytes,
		 span = units_now() - (last ? progress->relay->started : progress->shown_at);
	char line[512];

	figures.rate = (double)(figures.bytes - since) * 1e9 / (double)(span ? span : 1);
	progress->shown_at = units_now();
	progress->shown_bytes = figures.bytes;
	if (progress->json) {
		record(progress, &figures);
		return;
	}
	show_line(&figures, log_progress_on() ? log_width(STDERR_FILENO) - 1 : 0, line,
		  sizeof(line));
	if (log_progress_on())
		log_progress("%s", line);
	else
		log_notice("%s", line + strspn(line, " "));
}

static uint64_t every(const struct progress *progress)
{
	return !progress->json && log_progress_on() ? EVERY_TERMINAL : EVERY_LINE;
}

static void due(struct loop *loop, struct timer *timer)
{
	struct progress *progress = container_of(timer, struct progress, timer);

	show(progress, false);
	loop_timer(loop, timer, loop_now(loop) + every(progress));
}

void progress_start(struct progress *progress, struct loop *loop, const struct relay *relay,
		    const char *to, uint64_t size, int side, bool json)
{
	*progress = (struct progress){
		.loop = loop,
		.relay = relay,
		.to = to,
		.size = size,
		.side = side,
		.json = json,
		.timer.expired = due,
		.shown_at = relay->started,
	};
	/* without memory for a timer only the progress is missing */
	loop_timer(loop, &progress->timer, loop_now(loop) + every(progress));
}

void progress_end(struct progress *progress)
{
	if (!progress->loop)
		return;
	loop_timer_stop(progress->loop, &progress->timer);
	show(progress, true);
	log_progress_keep();
	progress->loop = NULL;
}
