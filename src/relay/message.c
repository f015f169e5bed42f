/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define MESSAGE_MAX (64ULL * 1024 * 1024)

int message_read_size(struct relay_settings *settings, struct opt_error *error)
{
	struct units_error why;
	uint64_t size;

	memset(error, 0, sizeof(*error));
	if (!settings->message_text)
		return 0;
	settings->message_lines = strcmp(settings->message_text, "line") == 0;
	if (settings->message_lines)
		return 0;
	if (units_size(settings->message_text, &size, &why) < 0) {
		error->offset = why.offset;
		error->length = why.length;
		snprintf(error->why, sizeof(error->why), "bad size: %s", why.why);
		snprintf(error->hint, sizeof(error->hint), "a size (64K), or line");
		return -EINVAL;
	}
	if (size < 1 || size > MESSAGE_MAX) {
		snprintf(error->why, sizeof(error->why), "not from 1 to 64M");
		return -EINVAL;
	}
	settings->message_size = size;
	return 0;
}
