/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/mux.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

size_t mux_request(uint32_t port, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "CONNECT %u\n", port);
}

/* "OK 1073741824": the word, one blank, one to ten digits. Some write a CR before the end of the
 * line. */
static enum mux_state decide(const struct mux *mux)
{
	size_t length = mux->length, digits;

	if (length > 0 && mux->line[length - 1] == '\r')
		length--;
	if (length < 4 || memcmp(mux->line, "OK ", 3) != 0)
		return MUX_GARBAGE;
	for (digits = 3; digits < length; digits++)
		if (!isdigit((unsigned char)mux->line[digits]))
			return MUX_GARBAGE;
	return length - 3 <= 10 ? MUX_OK : MUX_GARBAGE;
}

enum mux_state mux_feed(struct mux *mux, const char *data, size_t size, size_t *used)
{
	static const char word[] = "OK ";

	for (*used = 0; *used < size;) {
		char byte = data[(*used)++];
		size_t at = mux->length;

		if (byte == '\n')
			return decide(mux);
		if (at == sizeof(mux->line))
			return MUX_GARBAGE;
		mux->line[at] = byte;
		mux->length = at + 1;
		/* a wrong answer is detected at once, not only at the end of the line or a timeout
		 */
		if (at < 3 && byte != word[at])
			return MUX_GARBAGE;
	}
	return MUX_MORE;
}
