/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static bool ask_system(bool group, const char *name, uint32_t *id)
{
	const struct passwd *pw = group ? NULL : getpwnam(name);
	const struct group *gr = group ? getgrnam(name) : NULL;

	if (pw)
		*id = pw->pw_uid;
	else if (gr)
		*id = gr->gr_gid;
	return pw || gr;
}

bool accounts_find(struct accounts *accounts, bool group, const char *name, uint32_t *id)
{
	for (size_t i = 0; accounts && i < accounts->count; i++) {
		if (accounts->entries[i].group == group && strcmp(accounts->entries[i].name, name) == 0) {
			*id = accounts->entries[i].id;
			return true;
		}
	}
	if ((accounts && accounts->closed) || !ask_system(group, name, id))
		return false;
	return !accounts || accounts_add(accounts, group, name, *id) == 0;
}

int accounts_add(struct accounts *accounts, bool group, const char *name, uint32_t id)
{
	struct account *grown = reallocarray(accounts->entries, accounts->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	accounts->entries = grown;
	grown[accounts->count] = (struct account){ .name = strdup(name), .group = group, .id = id };
	if (!grown[accounts->count].name)
		return -ENOMEM;
	accounts->count++;
	return 0;
}

void accounts_free(struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++)
		free(accounts->entries[i].name);
	free(accounts->entries);
	*accounts = (struct accounts){ 0 };
}
