/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-report: what people read: a line for each probe, and the summary, whose two lines are those of ping(8) to the byte
 * (iputils), so that what reads these reads ours.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/ping.h"

static bool has_text(const struct ping *ping)
{
	return !ping->options->json && !ping->options->csv && log_quiet() < 2;
}

void ping_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	log_error("standard output: %s", strerror(errno));
	exit(STATUS_FAILURE);
}

double ping_loss(const struct ping *ping)
{
	return ping->sent ? (double)(ping->sent - ping->received) * 100 / (double)ping->sent : 0;
}

size_t ping_percentiles(uint64_t count, double *percent)
{
	static const struct {
		uint64_t from;
		double percent;
	} steps[] = { { 10, 50 }, { 10, 90 }, { 100, 99 }, { 1000, 99.9 } };
	size_t found = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (count >= steps[i].from)
			percent[found++] = steps[i].percent;
	return found;
}

const char *ping_outcome_word(enum ping_outcome outcome)
{
	static const char *const words[] = { "open", "closed", "echo", "timeout", "corrupt", "error" };

	return words[outcome];
}

/* -D, as ping(8) writes it. */
static void print_time(const struct ping *ping)
{
	struct timespec now;

	if (!ping->common->log.timestamps)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	printf("[%lld.%06ld] ", (long long)now.tv_sec, now.tv_nsec / 1000);
}

void ping_report_begin(struct ping *ping)
{
	if (ping->options->json)
		json_start(&ping->json, stdout);
	if (ping->options->csv)
		ping_csv_begin();
	if (has_text(ping)) {
		printf("PING %s", ping->text);
		if (*ping->addr.alias)
			printf(" (%s)", ping->addr.alias);
		if (ping->options->echo)
			printf(": echo of %llu bytes\n", (unsigned long long)ping->options->size);
		else
			printf(": connect%s%s\n", ping->addr.family == ADDR_MUX ? " and handshake" : "",
			       ping->want_open ? "" : "; a closed port is an answer");
	}
	ping_flush();
}

static void print_answer(const struct ping *ping, const struct ping_result *result)
{
	printf("answer from %s: seq=%llu ", ping->text, (unsigned long long)result->seq);
	if (result->outcome == PING_ECHOED)
		printf("bytes=%llu", (unsigned long long)ping->options->size);
	else
		printf("%s", ping_outcome_word(result->outcome));
	printf(" time=%.3f ms\n", (double)result->rtt / NSEC_PER_MSEC);
}

static void print_failure(const struct ping *ping, const struct ping_result *result)
{
	char limit[32];

	if (result->outcome == PING_CORRUPT) {
		printf("broken answer from %s: seq=%llu byte %llu of %llu is not what was sent\n", ping->text,
		       (unsigned long long)result->seq, (unsigned long long)result->offset + 1,
		       (unsigned long long)ping->options->size);
		return;
	}
	printf("no answer from %s: seq=%llu ", ping->text, (unsigned long long)result->seq);
	if (result->outcome == PING_TIMEOUT)
		printf("timed out after %s\n", units_show_duration(ping->options->timeout, limit, sizeof(limit)));
	else
		printf("%s\n", ping->why.what);
}

/* ping(8)'s: a dot for each that is sent, taken back when it is answered; what stays is lost. */
static void print_flood(const struct ping_result *result)
{
	if (result->outcome <= PING_ECHOED)
		fputs("\b \b", stdout);
	else if (result->outcome != PING_TIMEOUT)
		fputs("\bE", stdout);
}

void ping_report_sent(struct ping *ping)
{
	if (ping->live) {
		ping_live_changed(ping);
		return;
	}
	if (!has_text(ping) || !ping->options->flood || log_quiet())
		return;
	putchar('.');
	ping_flush();
}

void ping_report_result(struct ping *ping, const struct ping_result *result)
{
	if (log_quiet())
		return;
	if (ping->live) {
		ping_live_result(ping, result);
		return;
	}
	if (ping->options->json) {
		ping_json_result(ping, result);
	} else if (ping->options->csv) {
		ping_csv_result(ping, result);
	} else if (ping->options->flood) {
		print_flood(result);
	} else {
		print_time(ping);
		if (result->outcome <= PING_ECHOED)
			print_answer(ping, result);
		else
			print_failure(ping, result);
	}
	ping_flush();
}

void ping_report_outstanding(struct ping *ping, uint64_t seq)
{
	if (!has_text(ping) || log_quiet() || ping->options->flood)
		return;
	print_time(ping);
	printf("no answer yet from %s: seq=%llu\n", ping->text, (unsigned long long)seq);
	ping_flush();
}

static double msec(double ns)
{
	return ns / NSEC_PER_MSEC;
}

/* One write: standard error has no buffer. */
void ping_report_snapshot(const struct ping *ping)
{
	const struct stats *rtt = &ping->rtt;
	char times[128] = "";

	if (ping->received)
		snprintf(times, sizeof(times), ", min/avg/ewma/max = %.3f/%.3f/%.3f/%.3f ms", msec((double)rtt->min), msec(rtt->mean),
		         msec(rtt->ewma), msec((double)rtt->max));
	fprintf(stderr, "\r%llu/%llu packets, %d%% loss%s\n", (unsigned long long)ping->received, (unsigned long long)ping->sent,
	        (int)ping_loss(ping), times);
}

/* "p50/p90 = 0.131/0.142 ms, jitter 0.011 ms" */
static void print_percentiles(struct ping *ping)
{
	double percent[5];
	size_t count = ping_percentiles(ping->rtt.count, percent);

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		printf("%sp%g", i ? "/" : "", percent[i]);
	for (size_t i = 0; i < count; i++)
		printf("%s%.3f", i ? "/" : " = ", msec((double)stats_percentile(&ping->rtt, percent[i])));
	printf(" ms, jitter %.3f ms\n", msec(stats_jitter(&ping->rtt)));
}

/* Time-outs alone are what the loss says already. */
static void print_causes(const struct ping *ping)
{
	if (!ping->errors && !ping->corrupted)
		return;
	printf("not answered:");
	for (size_t i = 0; i < ping->cause_count; i++)
		printf("%s %llu %s", i ? "," : "", (unsigned long long)ping->causes[i].count, ping->causes[i].word);
	putchar('\n');
}

static void print_counts(const struct ping *ping)
{
	printf("\n--- %s ping statistics ---\n", ping->text);
	printf("%llu packets transmitted, %llu received", (unsigned long long)ping->sent, (unsigned long long)ping->received);
	if (ping->corrupted)
		printf(", +%llu corrupted", (unsigned long long)ping->corrupted);
	if (ping->errors)
		printf(", +%llu errors", (unsigned long long)ping->errors);
	if (ping->sent)
		printf(", %g%% packet loss, time %llums", (double)(float)ping_loss(ping),
		       (unsigned long long)((ping->last_event - ping->started) / NSEC_PER_MSEC));
	putchar('\n');
}

static void print_times(const struct ping *ping)
{
	const struct stats *rtt = &ping->rtt;
	bool paced = !ping->options->flood && !ping->options->adaptive;

	if (!ping->received) {
		putchar('\n');
		return;
	}
	printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms", msec((double)rtt->min), msec(rtt->mean), msec((double)rtt->max),
	       msec(stats_mdev(rtt)));
	if (!paced && ping->sent > 1)
		printf(", ipg/ewma %.3f/%.3f ms", msec((double)(ping->last_event - ping->started) / (double)(ping->sent - 1)),
		       msec(rtt->ewma));
	putchar('\n');
}

void ping_report_summary(struct ping *ping)
{
	ping_live_stop(ping);
	if (ping->options->json && log_quiet() < 2)
		ping_json_summary(ping);
	if (has_text(ping)) {
		print_counts(ping);
		print_times(ping);
		print_percentiles(ping);
		print_causes(ping);
		if (ping->options->histogram && ping->received)
			ping_histogram(&ping->rtt);
	}
	ping_flush();
	if (!ping->wanted && *ping->why.hint)
		log_hint("%s", ping->why.hint);
}
