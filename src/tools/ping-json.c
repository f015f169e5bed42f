/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-json: what programs read: an object or a row for each probe, raw seconds. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tools/ping.h"

#define SECONDS(ns) ((double)(ns) / NSEC_PER_SEC)

void ping_json_result(struct ping *ping, const struct ping_result *result)
{
	struct json *json = &ping->json;
	char now[UNITS_STAMP];

	json_object(json, NULL);
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
	json_end_object(json);
	json_finish(json);
}

static void add_times(struct ping *ping)
{
	struct json *json = &ping->json;
	const struct stats *rtt = &ping->rtt;
	double percent[5];
	size_t count = ping_percentiles(rtt->count, percent);

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

void ping_json_summary(struct ping *ping)
{
	struct json *json = &ping->json;

	json_object(json, NULL);
	json_text(json, "event", "summary");
	json_text(json, "address", ping->text);
	json_number(json, "transmitted", ping->sent);
	json_number(json, "received", ping->received);
	json_number(json, "corrupted", ping->corrupted);
	json_number(json, "errors", ping->errors);
	json_real(json, "loss", ping_loss(ping), 4);
	json_real(json, "seconds", SECONDS(ping->last_event - ping->started), 6);
	add_times(ping);
	json_object(json, "causes");
	for (size_t i = 0; i < ping->cause_count; i++)
		json_number(json, ping->causes[i].word, ping->causes[i].count);
	json_end_object(json);
	json_end_object(json);
	json_finish(json);
}

void ping_csv_begin(void)
{
	puts("time,address,seq,result,seconds,why");
}

/* RFC 4180: in quotes, quotes doubled. */
static void csv_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void ping_csv_result(const struct ping *ping, const struct ping_result *result)
{
	bool answered = result->outcome <= PING_ECHOED;
	char now[UNITS_STAMP];

	printf("%s,", units_stamp(now, sizeof(now)));
	csv_text(ping->text);
	printf(",%llu,%s,", (unsigned long long)result->seq, ping_outcome_word(result->outcome));
	if (answered)
		printf("%.9f", SECONDS(result->rtt));
	putchar(',');
	if (!answered && result->outcome != PING_CORRUPT)
		csv_text(ping->why.what);
	putchar('\n');
}
