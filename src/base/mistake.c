/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/mistake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

int mistake_at(struct mistake *mistake, size_t offset, size_t length, const char *hint, const char *format, ...)
{
	va_list args;

	*mistake = (struct mistake){ .offset = offset, .length = length ? length : 1 };
	va_start(args, format);
	vsnprintf(mistake->why, sizeof(mistake->why), format, args);
	va_end(args);
	snprintf(mistake->hint, sizeof(mistake->hint), "%s", hint ? hint : "");
	return -EINVAL;
}

void mistake_say(const struct mistake *mistake, const char *option, const char *text)
{
	log_error("--%s %s: %s", option, text, mistake->why);
	log_caret(text, mistake->offset, mistake->length);
	if (*mistake->hint)
		log_hint("%s", mistake->hint);
}
