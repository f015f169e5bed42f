/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/crlf.h"

#include "base/util.h"

static size_t pass(struct relay_filter *filter, const unsigned char *in, size_t size,
		   unsigned char *out)
{
	struct crlf *crlf = container_of(filter, struct crlf, filter);
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (in[i] == '\n' && !crlf->cr)
			out[used++] = '\r';
		out[used++] = in[i];
		crlf->cr = in[i] == '\r';
	}
	return used;
}

void crlf_start(struct crlf *crlf)
{
	*crlf = (struct crlf){ .filter.pass = pass };
}
