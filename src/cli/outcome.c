/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/outcome.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "net/explain.h"

/* What every message tells. */
struct told {
	const struct relay *relay;
	int us;
	const char *to;
	const struct outcome_here *here;
	char sent[32], received[32]; /* as sizes */
};

/* The VMM may have closed both directions, though the peer meant to send more. */
static int unanswered(const struct told *told)
{
	char limit[32];

	log_error("%s: the connection was closed without an answer to the input (%s sent)",
		  told->to, told->sent);
	log_hint("many VMMs discard what is answered after the end of the input, which was passed "
		 "on after %s of silence; wait longer with ,half-close=1m, or use --send-only "
		 "if there is no answer",
		 units_show_duration(told->relay->end[!told->us].half_close, limit, sizeof(limit)));
	return STATUS_BROKEN;
}

/* The peer was silent and did not close the connection itself. */
static void tell_silence(const struct told *told)
{
	char limit[32];

	log_info(1, "%s: closed after %s of silence; the peer had not closed the connection",
		 told->to,
		 units_show_duration(told->relay->end[!told->us].half_close, limit, sizeof(limit)));
}

/* The relay ended at a limit that the user has set. */
static int limit_reached(const struct told *told, const struct relay_settings *relaying)
{
	char limit[32];

	switch ((enum relay_end)told->relay->result) {
	case END_IDLE:
		log_error("%s: timed out: no data for %s", told->to,
			  units_show_duration(relaying->idle_timeout, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_TIME:
		log_error("%s: timed out: ended after %s (--max-time)", told->to,
			  units_show_duration(relaying->max_time, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_BYTES:
		log_error("%s: ended: more than %s in one direction (--max-bytes)", told->to,
			  units_show_size(relaying->max_bytes, limit, sizeof(limit)));
		return STATUS_FAILURE;
	default: /* END_HALF_CLOSE */
		log_info(1, "%s: ended %s after the first direction", told->to,
			 units_show_duration(relaying->half_close_timeout, limit, sizeof(limit)));
		return STATUS_DONE;
	}
}

bool outcome_say_limit(const struct relay *relay, const struct relay_settings *settings,
		       const char *to)
{
	switch ((enum relay_end)relay->result) {
	case END_IDLE:
	case END_MAX_TIME:
	case END_MAX_BYTES:
		limit_reached(&(const struct told){ .relay = relay, .to = to }, settings);
		return true;
	default:
		return false;
	}
}

/* Is the error one of our end? An echo has the peer at both ends. */
static bool is_ours(const struct told *told)
{
	return told->relay->error_side == told->us && !told->here->mirrored;
}

/* Our end has failed, or the connection in a way that needs no explanation. */
static int failed(const struct told *told)
{
	const struct relay *relay = told->relay;
	const struct chan *chan = &relay->chan[!relay->error_side];

	if (chan->too_long) {
		log_error("%s: a message is longer than the %u bytes that one may have there; %s "
			  "sent, %s received",
			  told->to, chan->message_limit, told->sent, told->received);
		return STATUS_FAILURE;
	}
	log_error("%s: %s; %s sent, %s received",
		  !is_ours(told) || relay->result == END_SHORT ? told->to
		  : relay->error_read			       ? told->here->input
							       : told->here->output,
		  relay_why(relay), told->sent, told->received);
	return STATUS_FAILURE;
}

/* --half-close-timeout has come while there was more to deliver. */
static int cut_off(const struct told *told)
{
	char limit[32];

	units_show_duration(told->relay->settings->half_close_timeout, limit, sizeof(limit));
	if (is_ours(told))
		log_error("%s: cut off %s after the first direction (--half-close-timeout), before "
			  "all that arrived was written to %s (%s received)",
			  told->to, limit, told->here->output, told->received);
	else
		log_error("%s: cut off %s after the first direction (--half-close-timeout), before "
			  "all of %s was delivered (%s sent)",
			  told->to, limit, told->here->input, told->sent);
	return STATUS_BROKEN;
}

static int reset(const struct told *told, const struct addr *addr)
{
	struct explanation why;

	/* a socket as standard input */
	if (is_ours(told))
		return failed(told);
	explain(addr, &(struct failure){ .step = STEP_RELAY, .error = told->relay->error }, &why);
	log_error("%s: %s", told->to, why.what);
	if (*why.hint)
		log_hint("%s", why.hint);
	log_hint("%s were sent and %s received before it", told->sent, told->received);
	return STATUS_BROKEN;
}

const struct outcome_here outcome_standard = { .input = "standard input",
					       .output = "standard output" };

int outcome_say(const struct relay *relay, int us, const struct addr *addr, const char *to,
		const struct outcome_here *here)
{
	struct told told = { .relay = relay, .us = us, .to = to, .here = here };

	units_show_size(relay->chan[here->mirrored ? !us : us].bytes, told.sent, sizeof(told.sent));
	units_show_size(relay->chan[!us].bytes, told.received, sizeof(told.received));
	switch ((enum relay_end)relay->result) {
	case END_EOF:
		if (relay->chan[us].held_out)
			tell_silence(&told);
		return STATUS_DONE;
	case END_LOST:
		if (!relay->error)
			return cut_off(&told);
		log_error("%s: the peer closed the connection before all of %s was delivered "
			  "(%s sent)",
			  to, here->input, told.sent);
		return STATUS_BROKEN;
	case END_UNANSWERED:
		return unanswered(&told);
	case END_RESET:
		return reset(&told, addr);
	case END_IDLE:
	case END_MAX_TIME:
	case END_MAX_BYTES:
	case END_HALF_CLOSE:
		return limit_reached(&told, relay->settings);
	case END_IO:
	case END_SHORT:
		return failed(&told);
	case END_OUTPUT:
	case END_STOP:
		return STATUS_DONE;
	case END_NONE:
		break;
	}
	return STATUS_FAILURE;
}
