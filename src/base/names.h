/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names: what our programs are called where they are installed. `configure --program-prefix` and
 * its kin change that; sources and tables use the names vsock-cat, vsock-listen and so on.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

/* The installed name of this program of ours; program itself if it is none. */
const char *name_installed(const char *program);

/* A copy of text in which every name of a program that stands alone is the installed one. The
 * caller frees it; NULL if there was no memory. */
char *names_in(const char *text);

#endif
