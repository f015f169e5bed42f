/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program: the executable and arguments of this process. A restart starts them again. */
#ifndef PROXY_SUPERVISOR_PROGRAM_H
#define PROXY_SUPERVISOR_PROGRAM_H

struct program {
	char *path; /* owned; the file that is there at the restart is run; NULL: not found */
	char **argv; /* owned, but not the words; NULL at the end */
};

/* To be called before the arguments are parsed, which changes their order. 0 or -ENOMEM. */
int program_remember(struct program *program, char *const *argv);
void program_free(struct program *program);

#endif
