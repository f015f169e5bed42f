/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crlf: the filter that sends LF as CR LF; a CR LF that is there already stays as it is. */
#ifndef RELAY_CRLF_H
#define RELAY_CRLF_H

#include <stdbool.h>

#include "relay/relay.h"

struct crlf {
	struct relay_filter filter; /* for relay_settings.filter */
	bool cr;                    /* the byte before was a CR */
};

void crlf_start(struct crlf *crlf);

#endif
