/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bundle: the texts that rules were read from, for another process to read the same: rule files, names of guests, users and
 * groups, and what is known of sockets that were passed. They travel as a sealed memfd: neither side can change what the
 * other has read.
 */
#ifndef SERVE_BUNDLE_H
#define SERVE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/hosts.h"
#include "serve/accounts.h"

enum bundle_kind {
	BUNDLE_RULES, BUNDLE_HOSTS, BUNDLE_USER, BUNDLE_GROUP,
	BUNDLE_DATAGRAMS, /* its name is an fd: address whose sockets are for datagrams; no data */
};

struct bundle {
	char *data; /* owned */
	size_t size, room;
};

struct bundle_part {
	enum bundle_kind kind;
	const char *name, *data; /* in the bundle */
	size_t size;
};

/* 0 or -ENOMEM. */
int bundle_add(struct bundle *bundle, enum bundle_kind kind, const char *name, const void *data, size_t size);
int bundle_add_hosts(struct bundle *bundle, const struct hosts *hosts);
int bundle_add_accounts(struct bundle *bundle, const struct accounts *accounts);

/* The part at *at, which moves on; begin with 0. 1; 0 at the end; -EPROTO: no bundle. */
int bundle_next(const struct bundle *bundle, size_t *at, struct bundle_part *part);
/* Is there a part of this kind and name? */
bool bundle_has(const struct bundle *bundle, enum bundle_kind kind, const char *name);
/* The part as what it was made from, added to what is there. 0, -ENOMEM or -EPROTO. */
int bundle_read_hosts(const struct bundle_part *part, struct hosts *hosts);
int bundle_read_account(const struct bundle_part *part, struct accounts *accounts);

/* A sealed descriptor of it, for another process; or a negative errno. */
int bundle_seal(const struct bundle *bundle);
/* Reads what bundle_seal() made. 0 or a negative errno. */
int bundle_open(struct bundle *bundle, int fd);
void bundle_free(struct bundle *bundle);

#endif
