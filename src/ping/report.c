/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping-report: what people read: a line for each probe, and the summary, whose two lines are those
 * of ping(8) to the byte (iputils), so that what reads these reads ours.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "ping/ping.h"

static bool has_text(const struct ping *ping)
{
	return !ping->options->json && log_quiet() < 2;
}

static size_t percentiles(uint64_t count, double *percent)
{
	static const struct {
		uint64_t from;
		double percent;
	} steps[] = { { 10, 50 }, { 10, 90 }, { 100, 99 }, { 1000, 99.9 } };
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (count >= steps[i].from)
			percent[found++] = steps[i].percent;
	return found;
}

const char *ping_outcome_word(enum ping_outcome outcome)
{
	static const char *const words[] = {
		"open", "closed", "echo", "timeout", "corrupt", "error"
	};

	return words[outcome];
}

/*
 * JSON: what programs read, in raw seconds
 */

#define SECONDS(ns) ((double)(ns) / NSEC_PER_SEC)

static void json_result(struct ping *ping, const struct ping_result *result)
{
	struct json *json = &ping->json;
	char now[UNITS_STAMP];

	json_line(json, stdout);
	json_text(json, "event", "probe");
	json_text(json, "time", units_stamp(now, sizeof(now)));
	json_text(json, "address", ping->text);
	json_number(json, "seq", result->seq);
	json_text(json, "result", ping_outcome_word(result->outcome));
	if (result->outcome <= PING_ECHOED)
		json_real(json, "seconds", SECONDS(result->rtt), 9);
	if (result->outcome == PING_CORRUPT)
		json_number(json, "offset", result->offset);
	if (result->outcome == PING_ERROR || result->outcome == PING_TIMEOUT) {
		json_text(json, "end", ping->why.end);
		json_text(json, "why", ping->why.what);
	}
	json_line_end(json);
}

static void add_times(struct ping *ping)
{
	struct json *json = &ping->json;
	const struct stats *rtt = &ping->rtt;
	double percent[5];
	size_t count = percentiles(rtt->count, percent);

	if (!rtt->count)
		return;
	json_real(json, "min", SECONDS(rtt->min), 9);
	json_real(json, "avg", SECONDS(rtt->mean), 9);
	json_real(json, "max", SECONDS(rtt->max), 9);
	json_real(json, "mdev", SECONDS(stats_mdev(rtt)), 9);
	json_real(json, "ewma", SECONDS(rtt->ewma), 9);
	json_real(json, "jitter", SECONDS(stats_jitter(rtt)), 9);
	for (size_t i = 0; i < count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "p%g", percent[i]);
		json_real(json, key, SECONDS(stats_percentile(&ping->rtt, percent[i])), 9);
	}
}

static void json_summary(struct ping *ping)
{
	struct json *json = &ping->json;

	json_line(json, stdout);
	json_text(json, "event", "summary");
	json_text(json, "address", ping->text);
	json_number(json, "transmitted", ping->sent);
	json_number(json, "received", ping->received);
	json_number(json, "refused", ping->refused);
	json_number(json, "corrupted", ping->corrupted);
	json_number(json, "errors", ping->errors);
	json_number(json, "unexpected", ping->unexpected);
	json_real(json, "loss", ping_loss(ping), 4);
	json_real(json, "seconds", SECONDS(ping->last_event - ping->started), 6);
	add_times(ping);
	json_object(json, "causes");
	for (size_t i = 0; i < ping->cause_count; i++)
		json_number(json, ping->causes[i].word, ping->causes[i].count);
	json_end_object(json);
	json_line_end(json);
}

/*
 * Text: what people read
 */

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
	if (has_text(ping)) {
		printf("PING %s", ping->text);
		if (*ping->addr.alias)
			printf(" (%s)", ping->addr.alias);
		if (ping->options->echo)
			printf(": echo of %llu bytes\n", (unsigned long long)ping->options->size);
		else
			printf(": connect%s%s\n",
			       ping->addr.family == ADDR_MUX ? " and handshake" : "",
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
		printf("broken answer from %s: seq=%llu byte %llu of %llu is not what was sent\n",
		       ping->text, (unsigned long long)result->seq,
		       (unsigned long long)result->offset + 1,
		       (unsigned long long)ping->options->size);
		return;
	}
	printf("no answer from %s: seq=%llu ", ping->text, (unsigned long long)result->seq);
	if (result->outcome == PING_TIMEOUT)
		printf("timed out after %s\n",
		       units_show_duration(ping->options->timeout, limit, sizeof(limit)));
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
		json_result(ping, result);
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

	if (rtt->count)
		snprintf(times, sizeof(times), ", min/avg/ewma/max = %.3f/%.3f/%.3f/%.3f ms",
			 msec((double)rtt->min), msec(rtt->mean), msec(rtt->ewma),
			 msec((double)rtt->max));
	fprintf(stderr, "\r%llu/%llu packets, %d%% loss%s\n", (unsigned long long)ping->received,
		(unsigned long long)ping->sent, (int)ping_loss(ping), times);
}

/* "p50/p90 = 0.131/0.142 ms, jitter 0.011 ms" */
static void print_percentiles(struct ping *ping)
{
	double percent[5];
	size_t count = percentiles(ping->rtt.count, percent);

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		printf("%sp%g", i ? "/" : "", percent[i]);
	for (size_t i = 0; i < count; i++)
		printf("%s%.3f", i ? "/" : " = ",
		       msec((double)stats_percentile(&ping->rtt, percent[i])));
	printf(" ms, jitter %.3f ms\n", msec(stats_jitter(&ping->rtt)));
}

/* Time-outs alone are what the loss says already. */
static void print_causes(const struct ping *ping)
{
	if (!ping->errors && !ping->corrupted)
		return;
	printf("not answered:");
	for (size_t i = 0; i < ping->cause_count; i++)
		printf("%s %llu %s", i ? "," : "", (unsigned long long)ping->causes[i].count,
		       ping->causes[i].word);
	putchar('\n');
}

static void print_counts(const struct ping *ping)
{
	printf("\n--- %s ping statistics ---\n", ping->text);
	printf("%llu packets transmitted, %llu received", (unsigned long long)ping->sent,
	       (unsigned long long)ping->received);
	if (ping->refused)
		printf(", +%llu refused", (unsigned long long)ping->refused);
	if (ping->corrupted)
		printf(", +%llu corrupted", (unsigned long long)ping->corrupted);
	if (ping->errors)
		printf(", +%llu errors", (unsigned long long)ping->errors);
	if (ping->unexpected)
		printf(", +%llu unexpected", (unsigned long long)ping->unexpected);
	if (ping->sent)
		printf(", %g%% packet loss, time %llums", (double)(float)ping_loss(ping),
		       (unsigned long long)((ping->last_event - ping->started) / NSEC_PER_MSEC));
	putchar('\n');
}

static void print_times(const struct ping *ping)
{
	const struct stats *rtt = &ping->rtt;
	bool paced = !ping->options->flood && !ping->options->adaptive;

	if (!rtt->count) {
		putchar('\n');
		return;
	}
	printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms", msec((double)rtt->min),
	       msec(rtt->mean), msec((double)rtt->max), msec(stats_mdev(rtt)));
	if (!paced && ping->sent > 1)
		printf(", ipg/ewma %.3f/%.3f ms",
		       msec((double)(ping->last_event - ping->started) / (double)(ping->sent - 1)),
		       msec(rtt->ewma));
	putchar('\n');
}

void ping_report_summary(struct ping *ping)
{
	ping_live_stop(ping);
	if (ping->options->json && log_quiet() < 2)
		json_summary(ping);
	if (has_text(ping)) {
		print_counts(ping);
		print_times(ping);
		print_percentiles(ping);
		print_causes(ping);
		if (ping->unexpected)
			printf("unexpected: more came back than was sent, %llu time%s\n",
			       (unsigned long long)ping->unexpected,
			       ping->unexpected == 1 ? "" : "s");
		if (ping->options->histogram && ping->rtt.count)
			ping_histogram(&ping->rtt);
	}
	ping_flush();
	if ((!ping->wanted || ping->unexpected) && *ping->why.hint)
		log_hint("%s", ping->why.hint);
}
