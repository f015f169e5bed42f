/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/supervisor/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/spawn.h"

#define OURSELVES "/proc/self/exe"

static bool is_other_file(const char *a, const char *b)
{
	struct stat left, right;

	return stat(a, &left) == 0 && stat(b, &right) == 0 &&
	       (left.st_dev != right.st_dev || left.st_ino != right.st_ino);
}

/* Finds the executable by the name it was called with, because a symbolic link may lead to a newer
 * file later; but argv[0] may be wrong. It must be done now, because /proc is of no use once the
 * file has been replaced. NULL: not found. */
static char *find_path(const char *name)
{
	char target[PATH_MAX], *path = NULL;
	ssize_t length;

	if (spawn_find(name, &path) == 0 && !is_other_file(path, OURSELVES))
		return path;
	free(path);
	length = readlink(OURSELVES, target, sizeof(target));
	return length < 0 ? NULL : strndup(target, (size_t)length);
}

int program_remember(struct program *program, char *const *argv)
{
	size_t count = 0;

	while (argv[count])
		count++;
	program->argv = calloc(count + 1, sizeof(*program->argv));
	if (!program->argv)
		return -ENOMEM;
	memcpy(program->argv, argv, count * sizeof(*argv));
	program->path = find_path(argv[0]);
	return 0;
}

void program_free(struct program *program)
{
	free(program->path);
	free(program->argv);
	*program = (struct program){ 0 };
}
