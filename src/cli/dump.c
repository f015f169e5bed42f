/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/safe.h"
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

/* Once: no more is dumped. */
static void give_up(struct dump *dump, int error)
{
	dump->error = error;
	if (error == -ETIMEDOUT)
		log_error("--dump %s: its reader does not read; dumping ends", dump->name);
	else
		log_error("--dump %s: %s; dumping ends", dump->name, strerror(-error));
}

static void put_data(struct relay_tap *tap, int side, const void *data, size_t size)
{
	struct dump *dump = container_of(tap, struct dump, tap);
	uint64_t *moved = &dump->moved[side];
	const unsigned char *bytes = data;
	char now[UNITS_STAMP];
	int error = -ENOMEM;

	if (dump->error)
		return;
	log_progress_end();
	(void)fseek(dump->text, 0, SEEK_SET); /* which cannot fail in memory */
	fprintf(dump->text, "%c %s length=%zu from=%" PRIu64 " to=%" PRIu64 "\n",
		side == dump->us ? '>' : '<', units_stamp(now, sizeof(now)), size, *moved,
		*moved + size - 1);
	for (size_t at = 0; at < size; at += WIDTH)
		put_line(dump->text, *moved + at, bytes + at,
			 size - at < WIDTH ? size - at : WIDTH);
	*moved += size;
	if (fflush(dump->text) == 0 && !ferror(dump->text))
		error = fd_write_for_reader(dump->fd, dump->buffer, dump->size);
	if (error)
		give_up(dump, error);
}

int dump_open(struct dump *dump, const char *name, int us)
{
	*dump = (struct dump){ .tap.data = put_data, .name = name, .fd = STDERR_FILENO, .us = us };
	dump->text = open_memstream(&dump->buffer, &dump->size);
	if (!dump->text)
		return -errno;
	if (strcmp(name, "-") == 0)
		return 0;
	dump->fd = safe_open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (dump->fd >= 0)
		return fd_nonblock(dump->fd, true);
	fclose(dump->text);
	free(dump->buffer);
	dump->text = NULL;
	return dump->fd;
}

void dump_begin(struct dump *dump)
{
	dump->moved[0] = dump->moved[1] = 0;
}

int dump_close(struct dump *dump)
{
	int error = 0;

	if (!dump->text)
		return 0;
	fclose(dump->text);
	free(dump->buffer);
	dump->text = NULL;
	if (dump->fd != STDERR_FILENO)
		error = fd_finish(&dump->fd);
	if (error && !dump->error)
		log_error("--dump %s: %s", dump->name, strerror(-error));
	return dump->error ? dump->error : error;
}
