/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-wait: one attempt after another until it answers, for scripts that boot machines; how long
 * it took is the result. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ping/ping.h"

#define WAIT_PAUSE (100 * NSEC_PER_MSEC) /* between attempts: what the result is exact to */

void ping_suggest_waiting(struct ping *ping, const char *address, const char *port)
{
	static const char command[] = "vsock-ping --wait 60s";
	char quoted[4 * sizeof(ping->wait_command)];
	size_t size = sizeof(ping->wait_command);
	const char *word = "ADDRESS";

	if (strlen(address) < size)
		word = utf8_quote(address, quoted, sizeof(quoted));
	if ((size_t)snprintf(ping->wait_command, size, "%s %s%s%s", command, word, port ? " " : "",
			     port ? port : "") >= size)
		snprintf(ping->wait_command, size, "%s ADDRESS", command);
	explain_wait_by(ping->wait_command);
}

struct waiting {
	struct ping *ping;
	struct dial dial;
	struct timer timer;
	uint64_t attempts;
};

static uint64_t limit_of(const struct ping *ping)
{
	const struct ping_options *options = ping->options;

	return options->deadline < options->wait ? options->deadline : options->wait;
}

static void print_waited(struct waiting *waiting, uint64_t ns, enum ping_outcome outcome)
{
	struct ping *ping = waiting->ping;

	if (log_quiet() >= 2)
		return;
	if (ping->options->json) {
		json_line(&ping->json, stdout);
		json_text(&ping->json, "event", "wait");
		json_text(&ping->json, "address", ping->text);
		json_text(&ping->json, "result", ping_outcome_word(outcome));
		json_real(&ping->json, "seconds", (double)ns / NSEC_PER_SEC, 9);
		json_number(&ping->json, "attempts", waiting->attempts);
		json_line_end(&ping->json);
	} else {
		printf("%s: %s after %.3f s\n", ping->text,
		       outcome == PING_OPEN ? "open" : "answered", (double)ns / NSEC_PER_SEC);
	}
	ping_flush();
}

static void wait_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct waiting *waiting = container_of(dial, struct waiting, dial);
	struct ping *ping = waiting->ping;
	enum ping_outcome outcome = ping_judge(&ping->addr, failure);
	uint64_t now = units_now(), elapsed = now - ping->started;
	bool good = outcome == PING_OPEN || (outcome == PING_CLOSED && !ping->want_open);

	if (fd >= 0) {
		loop_forget(loop, &dial->watch);
		close(fd);
	}
	waiting->attempts++;
	if (failure)
		explain(&ping->addr, failure, &ping->why);
	if (!good && ping->why.may_heal && elapsed < limit_of(ping)) {
		common_waiting(&ping->addr, &ping->why, elapsed, limit_of(ping));
		loop_timer(loop, &waiting->timer, now + WAIT_PAUSE);
		return;
	}
	log_progress_end();
	if (good)
		print_waited(waiting, elapsed, outcome);
	else
		ping->status = explain_say(&ping->addr, failure);
	loop_stop(loop);
}

static void attempt(struct loop *loop, struct timer *timer)
{
	struct waiting *waiting = container_of(timer, struct waiting, timer);
	struct ping *ping = waiting->ping;

	(void)loop;
	dial_start(ping->dialer, &waiting->dial, &ping->addr, &ping->dialling, wait_done);
}

static void wait_expired(struct loop *loop, struct timer *timer)
{
	struct ping *ping = container_of(timer, struct ping, end);
	char limit[32];

	log_progress_end();
	log_error("%s: timed out: no answer in %s", ping->text,
		  units_show_duration(limit_of(ping), limit, sizeof(limit)));
	if (*ping->why.what)
		log_hint("the last attempt: %s", ping->why.what);
	ping->status = ping->why.status ? (int)ping->why.status : STATUS_TIMEOUT;
	loop_stop(loop);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct waiting *waiting = context;

	if (info->ssi_signo == SIGQUIT)
		return;
	log_progress_end();
	log_error("%s: no answer before signal %u (%s)", waiting->ping->text, info->ssi_signo,
		  strsignal((int)info->ssi_signo));
	waiting->ping->status = waiting->ping->why.status ? (int)waiting->ping->why.status
							  : STATUS_TIMEOUT;
	loop_stop(loop);
}

int ping_wait(struct ping *ping)
{
	struct waiting waiting = { .ping = ping, .timer.expired = attempt };
	int error = ping_signals(ping->loop, false, on_signal, &waiting);

	if (!error) {
		ping->started = units_now();
		ping->end.expired = wait_expired;
		loop_timer(ping->loop, &waiting.timer, ping->started);
		if (limit_of(ping) != UNITS_INF)
			loop_timer(ping->loop, &ping->end, ping->started + limit_of(ping));
		error = loop_run(ping->loop);
	}
	loop_timer_stop(ping->loop, &waiting.timer);
	dial_cancel(&waiting.dial);
	if (!error)
		return ping->status;
	log_error("cannot wait: %s", strerror(-error));
	return STATUS_FAILURE;
}
