/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scan: the targets of --scan, which are all pairs of a CID and a port. */
#ifndef PING_SCAN_H
#define PING_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/hosts.h"
#include "base/units.h"

struct targets {
	struct addr base; /* the common part of all targets, without CID and port */
	struct units_set cids; /* empty: base has no CID */
	struct units_set ports;
	uint64_t total; /* UINT64_MAX: or more */
	uint64_t hosts; /* the number of CIDs, or 1 without */
	size_t cid_range, port_range; /* the current ranges */
	uint64_t cid, port; /* the next target */
	bool done;
};

/* Reads CIDS[:PORTS], vsock:…, tcp:HOST[:PORTS] or vsock-mux:PATH[:PORTS]. 0, or STATUS_USAGE after
 * reporting the mistake. */
int targets_read(struct targets *targets, const char *text, const struct hosts *hosts);
void targets_free(struct targets *targets);
/* Takes the next target; ports change fastest. False: there are no more. */
bool targets_next(struct targets *targets, uint32_t *cid, uint32_t *port);
/* Skips to the next CID if this one is the current one. Returns the number of targets skipped. */
uint64_t targets_skip(struct targets *targets, uint32_t cid);

#endif
