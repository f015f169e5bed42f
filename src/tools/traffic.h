/* SPDX-License-Identifier: GPL-3.0-or-later */
/* traffic: what -x and --record keep of what goes through, and -C, which changes it: what vsock-cat and vsock-listen share. */
#ifndef TOOLS_TRAFFIC_H
#define TOOLS_TRAFFIC_H

#include "net/addr.h"
#include "relay/crlf.h"
#include "relay/relay.h"
#include "tools/dump.h"
#include "tools/record.h"

struct traffic_options {
	const char *dump;   /* a file, or - for stderr; NULL: none */
	const char *record; /* a file; NULL: none */
	bool crlf;
};

struct traffic {
	struct dump dump;
	struct record record;
	struct crlf crlf;
	struct addr addr; /* of the connections, for the recording */
	int us;           /* the side of a relay that is standard input and output */
};

/* Opens the files, and enters taps and filter into relaying, before any other tap. us: which side of the relay standard input
 * and output are. 0 or the exit status, said. */
int traffic_open(struct traffic *traffic, const struct traffic_options *options, const struct addr *addr, int us,
                 struct relay_settings *relaying);
/* A connection begins, over the socket fd. */
void traffic_begin(struct traffic *traffic, int fd);
/* It has ended. */
void traffic_end(struct traffic *traffic, const struct relay *relay);
/* No more. 0, or STATUS_FAILURE where not all was kept, said. */
int traffic_close(struct traffic *traffic);

#endif
