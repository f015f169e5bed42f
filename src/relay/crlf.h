/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crlf: a filter that sends LF as CR LF, and leaves an existing CR LF unchanged. */
#ifndef RELAY_CRLF_H
#define RELAY_CRLF_H

#include <stdbool.h>

#include "relay/relay.h"

struct crlf {
	struct relay_filter filter; /* for relay_settings.filter */
	bool cr; /* the byte before was a CR */
};

void crlf_start(struct crlf *crlf);

#endif
