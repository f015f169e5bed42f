/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cat: what the files of vsock-cat share: its options and one run of it. */
#ifndef TOOLS_CAT_H
#define TOOLS_CAT_H

#include <stdbool.h>

#include "relay/dial.h"
#include "relay/relay.h"
#include "tools/common.h"
#include "tools/interactive.h"
#include "tools/progress.h"
#include "tools/terminal.h"
#include "tools/traffic.h"

struct cat_options {
	bool zero_io, tty, interactive, pass_fd, send_only, receive_only, progress, stats;
	uint64_t delay;   /* ns between lines sent; 0: none */
	const char *escape; /* as written, or NULL */
	const char *history; /* a file or none; NULL: the default */
	struct traffic_options traffic;
	uint64_t size; /* expected, for --progress; 0: not said */
};

/* One run of the program. end[0] of the relay is standard input and output, end[1] the peer: "up" is chan[0]. */
struct cat {
	struct cat_options options;
	struct common_options common;
	struct dial_settings dialling;
	struct relay_settings relaying;

	struct hosts hosts;
	struct addr addr;
	struct loop *loop;
	struct dialer *dialer;
	struct dial dial;
	struct relay relay;
	struct progress progress;
	struct traffic traffic;
	struct terminal terminal;
	struct interactive interactive;
	char to[256]; /* the peer, as messages name it */
	bool connected, relayed;
	int signal; /* that ended us, or 0 */
	int status;
};

extern const struct opt cat_opts[];
extern const char *const cat_conflicts[];
extern const struct opt_foreign cat_foreign[];

/* Reads and checks the words, opens the files, prepares what stands in the way of the data: all that can fail before
 * anything is connected. 0 or the exit status, said. */
int cat_prepare(struct cat *cat, const struct opt_program *program, int count, char **words);

/* Reports: the records of begin and end for -v, and the counters for SIGUSR1 and --stats. */
void cat_log_open(const struct cat *cat);
void cat_log_done(const struct cat *cat);
void cat_log_stats(const struct cat *cat);
void cat_show_counters(const struct cat *cat);
/* Says how a relay ended that did not end well; the exit status. */
int cat_judge(struct cat *cat);

#endif
