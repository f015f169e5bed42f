/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts: the numbers of users and groups, by name. What was found is remembered, so that a process that may not read
 * the databases of accounts can be given the answers.
 */
#ifndef SERVE_ACCOUNTS_H
#define SERVE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account {
	char *name;
	bool group;
	uint32_t id;
};

struct accounts {
	struct account *entries; /* owned */
	size_t count;
	bool closed; /* the system is not asked: what isn't here isn't there */
};

/* Finds a user or group; accounts may be NULL: nothing is remembered. False: there is none of this name. */
bool accounts_find(struct accounts *accounts, bool group, const char *name, uint32_t *id);
/* 0 or -ENOMEM. */
int accounts_add(struct accounts *accounts, bool group, const char *name, uint32_t id);
void accounts_free(struct accounts *accounts);

#endif
