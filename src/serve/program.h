/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program: which file and which words this process was started with, to start the same again. */
#ifndef SERVE_PROGRAM_H
#define SERVE_PROGRAM_H

struct program {
	char *path;  /* owned; whatever is there when it is started; NULL: not found */
	char **argv; /* owned, but not the words; NULL at the end */
};

/* To be called before the words are parsed, which changes their order. 0 or -ENOMEM. */
int program_remember(struct program *program, char *const *argv);
void program_free(struct program *program);

#endif
