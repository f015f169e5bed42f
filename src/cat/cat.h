/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cat: declarations shared by the files of vsock-cat: its options and its state. */
#ifndef CAT_CAT_H
#define CAT_CAT_H

#include <stdbool.h>

#include "relay/dial.h"
#include "relay/relay.h"
#include "cli/tool.h"
#include "cat/interactive.h"
#include "cli/terminal.h"
#include "cli/traffic.h"

struct cat_options {
	bool zero_io, tty, interactive, pass_fd, stats;
	uint64_t delay; /* ns between lines sent; 0: none */
	const char *escape; /* as written, or NULL */
	const char *history; /* a file or none; NULL: the default */
	struct traffic_options traffic;
};

/* One run of the program. end[0] of the relay is standard input and output, end[1] the peer: "up"
 * is chan[0]. */
struct cat {
	struct cat_options options;
	struct common_options common;
	struct dial_settings dialling;
	struct relay_settings relaying;
	struct loop_settings looping;

	struct hosts hosts;
	struct addr addr;
	struct loop *loop;
	struct dialer *dialer;
	struct dial dial;
	struct relay relay;
	struct watch command; /* of an exec: address: its end */
	struct timer patience; /* until the user is informed that the peer has not closed */
	struct traffic traffic;
	struct terminal terminal;
	struct interactive interactive;
	char to[256]; /* the peer, as messages name it */
	bool relayed;
	int signal; /* that ended us, or 0 */
	int status;
};

extern const struct opt cat_opts[];
extern const char *const cat_conflicts[];
extern const struct opt_foreign cat_foreign[];

/* Reads and checks the arguments, opens the files and prepares taps and filters: everything that
 * can fail before connecting. 0, or an exit status after reporting the error. */
int cat_prepare(struct cat *cat, const struct opt_program *program, int count, char **words);

/* Reports: the records of start and end for -v, and the counters for SIGUSR1 and --stats. */
void cat_log_open(const struct cat *cat);
void cat_log_done(const struct cat *cat);
void cat_log_stats(const struct cat *cat);
void cat_show_counters(const struct cat *cat);
/* The peer may not know that the input has ended: informs the user once, after a while without
 * traffic. */
void cat_watch_end(struct cat *cat);

#endif
