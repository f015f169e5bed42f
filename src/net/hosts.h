/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hosts: names for guests, in the style of hosts(5): "3 web" gives CID 3 a name, "/run/fc/db.vsock db" one to a guest
 * behind hybrid vsock. $VSOCK_HOSTS (files, with colons between; secure_getenv) alone if set, else the user's file
 * $XDG_CONFIG_HOME/vsock/hosts (~/.config/vsock/hosts), then /etc/vsock/hosts; the first match wins.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hosts_entry {
	char *name;
	char *path;   /* hybrid vsock: absolute path of the VMM's socket; NULL: a CID */
	uint32_t cid; /* where path is NULL */
	const char *file;
	unsigned line;
};

struct hosts {
	struct hosts_entry *entries; /* in the order of precedence; owned */
	size_t count;
	char **files; /* that were read; owned */
	size_t file_count;
};

struct hosts_error {
	char file[256];
	unsigned line;   /* 0: the file itself can't be read */
	size_t offset, length; /* of the bad spot in text */
	char text[256];  /* the line, escaped */
	char why[192];
};

/* Reads the files that apply. A file that isn't there is no error, unless $VSOCK_HOSTS names it. 0, or a negative errno
 * with *error. */
int hosts_load(struct hosts *hosts, struct hosts_error *error);
/* Reads one stream; file is its name for messages (copied). For tests and for hosts_load(). */
int hosts_read(struct hosts *hosts, const char *file, const char *data, size_t size, struct hosts_error *error);
const struct hosts_entry *hosts_find(const struct hosts *hosts, const char *name, size_t length);
/* The first name of this CID, or NULL. */
const char *hosts_name_of(const struct hosts *hosts, uint32_t cid);
void hosts_free(struct hosts *hosts);

/* May this word be a name: [A-Za-z][A-Za-z0-9._-]*, at most 63 bytes, no family and no reserved word? NULL, or why not. */
const char *hosts_check_name(const char *name, size_t length);

#endif
