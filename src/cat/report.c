/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stddef.h>

#include "base/units.h"
#include "base/util.h"
#include "cat/cat.h"

#define PATIENCE (10 * NSEC_PER_SEC)

/* The record of the end, for -v. */
void cat_log_done(const struct cat *cat)
{
	const struct relay *relay = &cat->relay;

	log_event(1, 1, "done", "-", cat->to,
		  (const struct log_field[]){
			  LOG_NUMBER_FIELD("up", relay->chan[0].bytes),
			  LOG_NUMBER_FIELD("down", relay->chan[1].bytes),
			  LOG_TIME_FIELD(loop_now(cat->loop) - relay->started),
			  LOG_TEXT_FIELD("end", relay_end_word(relay)),
			  { 0 },
		  });
}

void cat_log_stats(const struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	uint64_t time = units_now() - relay->started;
	double seconds = (double)(time ? time : 1) / 1e9;

	log_event(0, 1, "stats", "-", cat->to,
		  (const struct log_field[]){
			  LOG_NUMBER_FIELD("up", relay->chan[0].bytes),
			  LOG_NUMBER_FIELD("down", relay->chan[1].bytes),
			  LOG_TIME_FIELD(time),
			  { .key = "up-rate",
			    .json_key = "up_rate",
			    .type = LOG_F_NUMBER,
			    .number = (uint64_t)((double)relay->chan[0].bytes / seconds) },
			  { .key = "down-rate",
			    .json_key = "down_rate",
			    .type = LOG_F_NUMBER,
			    .number = (uint64_t)((double)relay->chan[1].bytes / seconds) },
			  LOG_TEXT_FIELD("end", relay_end_word(relay)),
			  { 0 },
		  });
}

static void patience_over(struct loop *loop, struct timer *timer)
{
	struct cat *cat = container_of(timer, struct cat, patience);
	const struct relay *relay = &cat->relay;
	uint64_t since = relay->moved > relay->half_closed ? relay->moved : relay->half_closed;
	bool waiting = chan_ended(&relay->chan[0]) && !chan_ended(&relay->chan[1]);

	if (!waiting || since + PATIENCE > loop_now(loop)) {
		since = waiting ? since : loop_now(loop);
		loop_timer(loop, timer, since + PATIENCE);
		return;
	}
	log_notice("%s: the input has ended; waiting for the peer to close the connection",
		   cat->to);
	if (cat->addr.family == ADDR_MUX)
		log_hint("to limit the wait use --idle-timeout or --half-close-timeout");
	else
		log_hint("not every VMM tells the host that the input has ended; to limit the wait "
			 "use --idle-timeout or --half-close-timeout");
}

void cat_watch_end(struct cat *cat)
{
	bool held = cat->addr.family == ADDR_MUX && !cat->relaying.no_shutdown;
	bool to_host = cat->addr.family == ADDR_VSOCK && cat->addr.cid == ADDR_CID_HOST;

	if ((!held && !to_host) || cat->options.traffic.receive_only)
		return;
	cat->patience.expired = patience_over;
	loop_timer(cat->loop, &cat->patience, loop_now(cat->loop) + PATIENCE);
}

void cat_log_open(const struct cat *cat)
{
	log_event(1, 1, "open", "-", cat->to,
		  (const struct log_field[]){
			  LOG_SECONDS_FIELD("connect", units_now() - cat->dial.started),
			  { 0 },
		  });
}

void cat_show_counters(const struct cat *cat)
{
	log_error("%s: %llu bytes up, %llu bytes down", cat->to,
		  (unsigned long long)cat->relay.chan[0].bytes,
		  (unsigned long long)cat->relay.chan[1].bytes);
}
