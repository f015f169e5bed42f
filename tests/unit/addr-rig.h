/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the tests of addresses share: names of hosts, and what each program passes to
 * addr_parse(). */

#ifndef TESTS_UNIT_ADDR_RIG_H
#define TESTS_UNIT_ADDR_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/addr.h"

/* For a group's setup and teardown: the names of tests/hosts. */
int read_hosts(void **state);
int free_hosts(void **state);

/* The context of a place; the names are those of bad-addresses.tsv. */
const struct addr_context *find_place(const char *name);

#endif
