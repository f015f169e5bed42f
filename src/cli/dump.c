/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"

#define WIDTH 16 /* bytes a line */

/* "00000010  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 30 0d 0a  |GET / HTTP/1.0..|" */
static void put_line(FILE *file, uint64_t at, const unsigned char *data, size_t size)
{
	fprintf(file, "%08" PRIx64 " ", at);
	for (size_t i = 0; i < WIDTH; i++) {
		if (i == WIDTH / 2)
			fputc(' ', file);
		if (i < size)
			fprintf(file, " %02x", data[i]);
		else
			fputs("   ", file);
	}
	fputs("  |", file);
	for (size_t i = 0; i < size; i++)
		fputc(data[i] >= ' ' && data[i] < 0x7f ? data[i] : '.', file);
	fputs("|\n", file);
}

static void put_data(struct relay_tap *tap, int side, const void *data, size_t size)
{
	struct dump *dump = container_of(tap, struct dump, tap);
	uint64_t *moved = &dump->moved[side];
	const unsigned char *bytes = data;
	char now[UNITS_STAMP];

	log_progress_end();
	errno = 0;
	fprintf(dump->file, "%c %s length=%zu from=%" PRIu64 " to=%" PRIu64 "\n",
		side == dump->us ? '>' : '<', units_stamp(now, sizeof(now)), size, *moved,
		*moved + size - 1);
	for (size_t at = 0; at < size; at += WIDTH)
		put_line(dump->file, *moved + at, bytes + at,
			 size - at < WIDTH ? size - at : WIDTH);
	*moved += size;
	fflush(dump->file);
	if (ferror(dump->file) && !dump->error)
		dump->error = errno ? -errno : -EIO;
}

int dump_open(struct dump *dump, const char *name, int us)
{
	*dump = (struct dump){ .tap.data = put_data, .name = name, .us = us };
	dump->file = strcmp(name, "-") == 0 ? stderr : fopen(name, "we");
	return dump->file ? 0 : -errno;
}

void dump_begin(struct dump *dump)
{
	dump->moved[0] = dump->moved[1] = 0;
}

int dump_close(struct dump *dump)
{
	int error = dump->error;

	if (!dump->file)
		return 0;
	if (dump->file != stderr && fclose(dump->file) != 0 && !error)
		error = -errno;
	dump->file = NULL;
	return error;
}
