/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan: rules that one process has read from text, for another that does not parse: names are
 * numbers in it, and each field is checked when it is read (base/wire).
 *
 * Two processes are given one. The worker gets from the supervisor what it has to serve; a rule
 * that it has already is only named by its id. The supervisor gets from the process that reads
 * the files on a reload (proxy/supervisor/reload) whole rules with their words, by which it finds
 * out what has changed.
 */
#ifndef PROXY_BROKER_PLAN_H
#define PROXY_BROKER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/rules/rules.h"

enum plan_reader { PLAN_FOR_WORKER, PLAN_FOR_SUPERVISOR };

/* Encodes rules and what --allow and --deny mean: the size, or -EPROTO or -ENOMEM. *data is the
 * caller's to free, in either case. */
int plan_encode(const struct rules *rules, const struct access *access, enum plan_reader reader,
		uint8_t **data);
/* Adds the rules to *rules, which is empty, and the access list. A rule that is only named has its
 * id, passed, and nothing else. 0, or -EPROTO or -ENOMEM, and then *rules is empty. */
int plan_decode(struct rules *rules, const uint8_t *data, size_t size);

/* The same, to a descriptor of a file in memory, and from the start of that file. 0 or a negative
 * errno. */
int plan_write(const struct rules *rules, const struct access *access, enum plan_reader reader,
	       int fd);
int plan_read(struct rules *rules, int fd);

#endif
