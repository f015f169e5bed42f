/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names: resolves the names that rules listen on, before anything is opened.
 *
 * A resolver's helper process looks all of them up at once, as the user for look-ups. Only a
 * program that starts waits for it (names_wait()); while rules are served, nothing waits
 * (names_start()).
 */
#ifndef PROXY_SUPERVISOR_NAMES_H
#define PROXY_SUPERVISOR_NAMES_H

#include <stddef.h>

#include "net/resolve.h"
#include "proxy/rules/rules.h"
#include "relay/loop.h"
#include "serve/user.h"

struct names {
	struct watch watch;
	struct resolver *resolver;
	struct rule_port **ports; /* the ports with such a name; owned */
	size_t count, asked, answered;
	int status; /* exit status for the first name that was not found, reported; 0: none yet */
	struct loop *loop;
	void (*done)(struct names *names); /* status has the result */
};

/* Looks up what these rules listen on, and waits. 0 or the exit status, reported. */
int names_wait(const struct rules *rules, const struct user *user);
/* The same without waiting: done() is called later, or before this returns if there is no name to
 * look up. */
void names_start(struct names *names, struct loop *loop, const struct rules *rules,
		 const struct user *user, void (*done)(struct names *names));
/* Ends it without calling done(). Does nothing if it was not started. */
void names_stop(struct names *names);

#endif
