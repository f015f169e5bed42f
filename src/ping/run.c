/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-run: when the next probe goes, and when the run ends.
 *
 * Without -f and -A probe n is due at start + n * interval: a late one moves none behind it, and
 * turns that were missed altogether (the machine slept) are left out. next_due() is a pure function
 * of the run's state; it is asked again after everything that happens. A probe always goes from a
 * timer, never from the answer of another: a UNIX socket connects at once, and a flood would be a
 * recursion.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/signals.h"
#include "base/util.h"
#include "ping/ping.h"
#include "relay/busy.h"

#define FLOOD_PAUSE (10 * NSEC_PER_MSEC) /* ping(8): at least a hundred a second */
#define NEVER UINT64_MAX

static struct ping *ping_of_due(struct timer *timer)
{
	return container_of(timer, struct ping, due);
}

static struct ping *ping_of_end(struct timer *timer)
{
	return container_of(timer, struct ping, end);
}

/* With a deadline -c counts answers, without one probes: as ping(8). */
static bool all_sent(const struct ping *ping)
{
	const struct ping_options *options = ping->options;

	if (options->deadline != UNITS_INF)
		return ping->received + ping->refused >= options->count;
	return ping->sent >= options->count;
}

static uint64_t window(const struct ping *ping)
{
	const struct ping_options *options = ping->options;

	if (options->window)
		return options->window;
	return options->adaptive ? 1 : PING_IN_FLIGHT_MAX;
}

static uint64_t next_due(const struct ping *ping)
{
	const struct ping_options *options = ping->options;

	if (ping->over || all_sent(ping) || ping->in_flight >= window(ping))
		return NEVER;
	if (options->flood && ping->in_flight >= (options->window ? options->window : 1))
		return ping->last_sent +
		       (options->interval > FLOOD_PAUSE ? options->interval : FLOOD_PAUSE);
	if (options->flood || options->adaptive)
		return ping->sent ? ping->last_sent + options->interval : 0;
	return ping->started + ping->slot * options->interval;
}

static void schedule(struct ping *ping)
{
	uint64_t due = next_due(ping);

	if (due == NEVER)
		loop_timer_stop(ping->loop, &ping->due);
	else
		loop_timer(ping->loop, &ping->due, due);
}

static void next_slot(struct ping *ping, uint64_t now)
{
	uint64_t missed = ping->options->interval ? (now - ping->started) / ping->options->interval
						  : 0;

	ping->slot = (missed > ping->slot ? missed : ping->slot) + 1;
}

static void send_probe(struct loop *loop, struct timer *timer)
{
	struct ping *ping = ping_of_due(timer);
	uint64_t now = units_now();

	(void)loop;
	if (ping->options->outstanding && ping->sent && !ping->newest_done)
		ping_report_outstanding(ping, ping->sent);
	next_slot(ping, now);
	ping->sent++;
	ping->in_flight++;
	busy_expect(loop_busy(ping->loop), true);
	ping->newest_done = false;
	ping->last_sent = ping->last_event = now;
	ping_report_sent(ping);
	ping->kind->send(ping, ping->sent);
	schedule(ping);
}

static void count_cause(struct ping *ping, const char *word)
{
	for (size_t i = 0; i < ping->cause_count; i++) {
		if (strcmp(ping->causes[i].word, word) == 0) {
			ping->causes[i].count++;
			return;
		}
	}
	if (ping->cause_count == PING_CAUSES_MAX)
		return;
	strlcpy(ping->causes[ping->cause_count].word, word, sizeof(ping->causes->word));
	ping->causes[ping->cause_count++].count = 1;
}

/* Failures of an open connection that only a ping can detect. */
static bool explain_echo(struct ping *ping, const struct failure *failure)
{
	struct explanation *why = &ping->why;
	char limit[32];

	if (failure->step != STEP_RELAY ||
	    (failure->error != ETIMEDOUT && failure->error != EPROTO && failure->error != EPIPE))
		return false;
	*why = (struct explanation){ .status = STATUS_BROKEN, .end = "reset", .word = "broke" };
	if (failure->error == EPIPE) {
		snprintf(why->what, sizeof(why->what),
			 "broke: the other side closed the connection");
	} else if (failure->error == EPROTO) {
		snprintf(why->what, sizeof(why->what), "broke: more came back than was sent");
		snprintf(why->hint, sizeof(why->hint),
			 "is it an echo service? vsock-listen --echo is one");
	} else {
		why->status = STATUS_TIMEOUT;
		why->end = "timeout";
		strlcpy(why->word, "timed out", sizeof(why->word));
		snprintf(why->what, sizeof(why->what), "timed out after %s",
			 units_show_duration(ping->options->timeout, limit, sizeof(limit)));
		snprintf(why->hint, sizeof(why->hint),
			 "is it an echo service? vsock-listen --echo is one");
	}
	return true;
}

/* The sentence for a failure. It reads /proc, so that what is known already is not asked again for
 * each probe. */
static void explain_once(struct ping *ping, const struct failure *failure)
{
	if (*ping->why.what && ping->told.step == failure->step &&
	    ping->told.error == failure->error)
		return;
	if (!explain_echo(ping, failure))
		explain(&ping->addr, failure, &ping->why);
	ping->told = *failure;
}

static void count_failure(struct ping *ping, const struct ping_result *result)
{
	if (result->outcome == PING_CORRUPT) {
		ping->corrupted++;
		ping->status = STATUS_BROKEN;
		count_cause(ping, "corrupt");
		return;
	}
	explain_once(ping, result->failure);
	ping->status = (int)ping->why.status;
	if (result->outcome == PING_CLOSED) {
		ping->refused++;
		return;
	}
	if (result->outcome == PING_ERROR)
		ping->errors++;
	count_cause(ping, ping->why.word);
}

static bool is_wanted(const struct ping *ping, enum ping_outcome outcome)
{
	return outcome == PING_OPEN || outcome == PING_ECHOED ||
	       (outcome == PING_CLOSED && !ping->want_open);
}

void ping_result(struct ping *ping, const struct ping_result *result)
{
	ping->in_flight--;
	busy_expect(loop_busy(ping->loop), ping->in_flight > 0);
	ping->last_event = units_now();
	if (result->seq == ping->sent)
		ping->newest_done = true;
	if (result->outcome <= PING_ECHOED)
		stats_add(&ping->rtt, result->rtt);
	if (is_wanted(ping, result->outcome)) {
		ping->received++;
		ping->wanted = true;
	} else {
		count_failure(ping, result);
	}
	ping_report_result(ping, result);
	if (all_sent(ping) && (!ping->in_flight || ping->options->deadline != UNITS_INF))
		ping_over(ping);
	else
		schedule(ping);
}

void ping_broke(struct ping *ping, const struct failure *failure)
{
	explain_once(ping, failure);
	ping->status = (int)ping->why.status;
	if (failure->step == STEP_RELAY && failure->error == EPROTO)
		ping->unexpected++;
	if (!ping->live)
		log_notice("%s: %s", ping->text, ping->why.what);
}

void ping_over(struct ping *ping)
{
	ping->over = true;
	loop_stop(ping->loop);
}

static void deadline_expired(struct loop *loop, struct timer *timer)
{
	(void)loop;
	ping_over(ping_of_end(timer));
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct ping *ping = context;

	(void)loop;
	if (ping->live && (info->ssi_signo == SIGQUIT || info->ssi_signo == SIGWINCH ||
			   info->ssi_signo == SIGTSTP))
		ping_live_signal(ping, (int)info->ssi_signo);
	else if (info->ssi_signo == SIGQUIT)
		ping_report_snapshot(ping);
	else
		ping_over(ping);
}

int ping_signals(struct loop *loop, bool screen,
		 void (*handler)(struct loop *loop, const struct signalfd_siginfo *info,
				 void *context),
		 void *context)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i] == SIGWINCH && !screen)
			break;
		/* SIGINT of a shell's background job can be sent by kill(1) all the same */
		if (wanted[i] == SIGHUP)
			signals_add(&signals, wanted[i]);
		else
			sigaddset(&signals, wanted[i]);
	}
	return loop_signals(loop, &signals, handler, context);
}

static int begin(struct ping *ping)
{
	int error;

	ping_report_begin(ping);
	ping->started = ping->last_event = units_now();
	ping->due.expired = send_probe;
	ping->end.expired = deadline_expired;
	if (ping->options->deadline != UNITS_INF)
		loop_timer(ping->loop, &ping->end, ping->started + ping->options->deadline);
	error = ping->options->live ? ping_live_start(ping) : 0;
	schedule(ping);
	return error;
}

static int exit_status(const struct ping *ping)
{
	if (ping->unexpected)
		return STATUS_BROKEN;
	if (ping->wanted)
		return STATUS_DONE;
	if (ping->status)
		return ping->status;
	/* else stopped before anything could come */
	return ping->in_flight ? STATUS_TIMEOUT : STATUS_FAILURE;
}

int ping_run(struct ping *ping)
{
	int error = ping_signals(ping->loop, ping->options->live, on_signal, ping);
	int status;

	if (!error)
		error = ping->kind->start(ping);
	if (!error)
		error = begin(ping);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot start: %s", strerror(-error));
	error = loop_run(ping->loop);
	status = exit_status(ping);
	ping_report_summary(ping);
	ping->kind->stop(ping);
	stats_free(&ping->rtt);
	if (error)
		return log_failure(STATUS_FAILURE, "epoll: %s", strerror(-error));
	return status;
}
