/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hosts: names for guests, in the style of hosts(5): "3 web" names CID 3, "/run/fc/db.vsock db" a
 * guest behind hybrid vsock. If $VSOCK_HOSTS is set (files separated by colons; secure_getenv),
 * only these files are read; else the user's file $XDG_CONFIG_HOME/vsock/hosts
 * (~/.config/vsock/hosts), then /etc/vsock/hosts. The first match wins.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mistake.h"

struct hosts_entry {
	char *name;
	char *path; /* hybrid vsock: absolute path of the VMM's socket; NULL: a CID */
	uint32_t cid; /* if path is NULL */
	const char *file;
	unsigned line;
};

struct hosts_file {
	char *name; /* owned */
	struct stat st; /* when it was opened */
};

struct hosts {
	struct hosts_entry *entries; /* in the order of precedence; owned */
	size_t count;
	struct hosts_file *files; /* those that were read; owned */
	size_t file_count;
	struct {
		char place[272]; /* FILE:LINE, or FILE if it cannot be read; escaped */
		char text[256]; /* the line, escaped, which the mistake's offset refers to */
	} bad; /* where the mistake is, after a failure */
};

/* The first entry with this name, ignoring case, or NULL. */
static inline const struct hosts_entry *hosts_find(const struct hosts *hosts, const char *name,
						   size_t length)
{
	for (size_t i = 0; hosts && i < hosts->count; i++)
		if (strlen(hosts->entries[i].name) == length &&
		    strncasecmp(hosts->entries[i].name, name, length) == 0)
			return &hosts->entries[i];
	return NULL;
}

/* Reads the files that apply. A missing file is an error only if $VSOCK_HOSTS names it. 0, or a
 * negative errno with *error and hosts->bad. */
int hosts_load(struct hosts *hosts, struct mistake *error);
/* Reads the contents of one file; file is its name for messages (copied). For hosts_load() and
 * tests. */
int hosts_read(struct hosts *hosts, const char *file, const char *data, size_t size,
	       struct mistake *error);
/* The first name of this CID, or NULL. */
const char *hosts_name_of(const struct hosts *hosts, uint32_t cid);
void hosts_free(struct hosts *hosts);

/* May this word be a name: [A-Za-z][A-Za-z0-9._-]*, at most 63 bytes, no family and no reserved
 * word? Returns NULL, or why not. */
const char *hosts_check_name(const char *name, size_t length);

#endif
