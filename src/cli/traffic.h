/* SPDX-License-Identifier: GPL-3.0-or-later */
/* traffic: standard input and output as one end of a relay, for vsock-cat and vsock-listen: one or
 * both directions, -x and --record, which write a copy of the data, -C, which changes it, and
 * --progress. */
#ifndef CLI_TRAFFIC_H
#define CLI_TRAFFIC_H

#include "net/addr.h"
#include "relay/crlf.h"
#include "relay/relay.h"
#include "base/log.h"
#include "base/opt.h"
#include "cli/dump.h"
#include "cli/progress.h"
#include "cli/record.h"

struct traffic_options {
	const char *dump; /* a file, or - for stderr; NULL: none */
	const char *record; /* a file; NULL: none */
	bool crlf, send_only, receive_only, progress;
	uint64_t size; /* expected, for --progress; 0: not given */
};
extern const struct opt traffic_opts[]; /* into a struct traffic_options */

struct traffic {
	struct dump dump;
	struct record record;
	struct crlf crlf;
	struct addr addr; /* the address of the connections, which the recording shows */
	const struct traffic_options *options;
	struct progress progress;
	uint64_t input_size; /* of standard input, if it is a file; else 0 */
	int us; /* the side of a relay that is standard input and output */
};

/* Opens the files, and adds taps and filter to relaying, before any other tap. us is the side of
 * the relay that is standard input and output: 0 for who connects, 1 for who listens. options must
 * outlive traffic. 0, or an exit status after reporting the error. */
int traffic_open(struct traffic *traffic, const struct traffic_options *options,
		 const struct addr *addr, int us, struct relay_settings *relaying);
/* A connection starts, over the socket fd. */
void traffic_begin(struct traffic *traffic, int fd);
/* The relay has started: shows its progress, if that was asked for; to must outlive it. */
void traffic_show(struct traffic *traffic, struct loop *loop, const struct relay *relay,
		  const char *to, const struct log_config *log);
/* The connection has ended: the last progress, and the end of the recording. */
void traffic_end(struct traffic *traffic, const struct relay *relay);
/* Closes the files. 0, or STATUS_FAILURE after reporting that something was not written. */
int traffic_close(struct traffic *traffic);

/* Standard input and output as one end of a relay: without input (receive_only), or with output
 * that is discarded (send_only). 0 or a negative errno. */
int traffic_standard(struct traffic *traffic, struct endpoint *end);

#endif
