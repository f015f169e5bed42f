/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-scan: what the files of --scan share: the targets, which are CIDs times ports. */
#ifndef TOOLS_PING_SCAN_H
#define TOOLS_PING_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/hosts.h"
#include "base/units.h"

struct targets {
	struct addr base;       /* of each target, but for CID and port */
	struct units_set cids;  /* empty: base has no CID */
	struct units_set ports;
	uint64_t total;         /* UINT64_MAX: more than can be counted */
	uint64_t hosts;         /* how many CIDs; 1 without */
	size_t cid_range, port_range; /* where we are */
	uint64_t cid, port;     /* that come next */
	bool done;
};

/* Reads CIDS[:PORTS], vsock:…, tcp:HOST[:PORTS] or vsock-mux:PATH[:PORTS]; on error says so. 0 or STATUS_USAGE. */
int targets_read(struct targets *targets, const char *text, const struct hosts *hosts);
void targets_free(struct targets *targets);
/* The next one's CID and port, ports before CIDs; false: that was all. */
bool targets_next(struct targets *targets, uint32_t *cid, uint32_t *port);
/* Goes on with the next CID if this one is still at work; how many targets that leaves out. */
uint64_t targets_skip(struct targets *targets, uint32_t cid);

#endif
