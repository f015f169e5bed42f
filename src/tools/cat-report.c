/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "tools/cat.h"

/* Where the name of the peer comes from: of all records, the moment of connecting. */
static void address_text(const struct cat *cat, char *buf, size_t size)
{
	addr_format_short(&cat->addr, buf, size);
}

/* The record of the end, for -v. */
void cat_log_done(const struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	char to[256];

	address_text(cat, to, sizeof(to));
	log_event(1, 1, "done", "-", to,
	          (const struct log_field[]){
	              { .key = "up", .type = LOG_F_NUMBER, .number = relay->chan[0].bytes },
	              { .key = "down", .type = LOG_F_NUMBER, .number = relay->chan[1].bytes },
	              { .key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = loop_now(cat->loop) - relay->started },
	              { .key = "end", .type = LOG_F_TEXT, .text = relay_end_word(relay) },
	              { 0 },
	          });
}

void cat_log_stats(const struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	uint64_t time = units_now() - relay->started;
	double seconds = (double)(time ? time : 1) / 1e9;
	char to[256];

	address_text(cat, to, sizeof(to));
	log_event(0, 1, "stats", "-", to,
	          (const struct log_field[]){
	              { .key = "up", .type = LOG_F_NUMBER, .number = relay->chan[0].bytes },
	              { .key = "down", .type = LOG_F_NUMBER, .number = relay->chan[1].bytes },
	              { .key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = time },
	              { .key = "up-rate", .json_key = "up_rate", .type = LOG_F_NUMBER,
	                .number = (uint64_t)((double)relay->chan[0].bytes / seconds) },
	              { .key = "down-rate", .json_key = "down_rate", .type = LOG_F_NUMBER,
	                .number = (uint64_t)((double)relay->chan[1].bytes / seconds) },
	              { .key = "end", .type = LOG_F_TEXT, .text = relay_end_word(relay) },
	              { 0 },
	          });
}

/* Does standard input hold bytes that were never read? Then it was not delivered whole. */
static bool input_left(const struct endpoint *end)
{
	struct stat st;
	int waiting = 0;

	if (end->in < 0 || fstat(end->in, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode))
		return lseek(end->in, 0, SEEK_CUR) < st.st_size;
	return !isatty(end->in) && ioctl(end->in, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* Says how a relay ended that did not end well; the exit status. */
int cat_judge(struct cat *cat)
{
	const struct relay *relay = &cat->relay;
	char to[256], up[32], down[32], limit[32];

	address_text(cat, to, sizeof(to));
	units_show_size(relay->chan[0].bytes, up, sizeof(up));
	units_show_size(relay->chan[1].bytes, down, sizeof(down));
	switch ((enum relay_end)relay->result) {
	case END_EOF:
		if (relay->chan[0].eof_passed || cat->relaying.no_shutdown || !input_left(&relay->end[0]))
			return STATUS_DONE;
		/* fall through */
	case END_LOST:
		log_error("%s: the peer closed the connection before standard input was delivered whole (%s sent)", to, up);
		return STATUS_BROKEN;
	case END_RESET:
		return explain_say(&cat->addr, &(struct failure){ .step = STEP_RELAY, .error = relay->error }) == STATUS_DONE
		           ? STATUS_DONE
		           : (log_hint("%s were sent and %s received before it", up, down), STATUS_BROKEN);
	case END_IDLE:
		log_error("%s: timed out: nothing moved for %s", to,
		          units_show_duration(cat->relaying.idle_timeout, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_TIME:
		log_error("%s: timed out: ended after %s (--max-time)", to,
		          units_show_duration(cat->relaying.max_time, limit, sizeof(limit)));
		return STATUS_TIMEOUT;
	case END_MAX_BYTES:
		log_error("%s: ended after %s (--max-bytes)", to, units_show_size(cat->relaying.max_bytes, limit, sizeof(limit)));
		return STATUS_FAILURE;
	case END_IO:
		if (relay->error == EMSGSIZE) {
			log_error("%s: a message is longer than the %u bytes that one may have there; %s sent, %s received", to,
			          relay->chan[!relay->error_side].message_limit, up, down);
			return STATUS_FAILURE;
		}
		log_error("%s: %s; %s sent, %s received",
		          relay->error_side == 1 ? to : relay->chan[1].state ? "standard output" : "standard input",
		          strerror(relay->error), up, down);
		return STATUS_FAILURE;
	case END_HALF_CLOSE:
		log_info(1, "%s: ended %s after the first direction", to,
		         units_show_duration(cat->relaying.half_close_timeout, limit, sizeof(limit)));
		return STATUS_DONE;
	case END_OUTPUT:
		cat->signal = SIGPIPE;
		return STATUS_DONE;
	case END_STOP:
		return STATUS_DONE;
	}
	return STATUS_FAILURE;
}

void cat_log_open(const struct cat *cat)
{
	char to[256];

	address_text(cat, to, sizeof(to));
	log_event(1, 1, "open", "-", to,
	          (const struct log_field[]){
	              { .key = "connect", .type = LOG_F_SECONDS, .number = units_now() - cat->dial.started },
	              { 0 },
	          });
}

void cat_show_counters(const struct cat *cat)
{
	char to[256];

	address_text(cat, to, sizeof(to));
	log_error("%s: %llu bytes up, %llu bytes down", to, (unsigned long long)cat->relay.chan[0].bytes,
	          (unsigned long long)cat->relay.chan[1].bytes);
}
