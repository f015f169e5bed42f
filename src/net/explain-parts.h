/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain-parts: what the files of explain share with each other, and with nobody else.
 *
 * Theory of operation: causes[] (explain-causes.c) has an entry for every family, step and errno that we know something of; the
 * first that fits is told, so narrow ones stand before wide ones. An entry's sentence and hint are templates: {cid} and the like
 * are replaced from the address (see word_of() in explain.c). Where causes share an errno, the entry has a judge, which looks at
 * the machine and writes a better sentence, or leaves the entry's.
 */
#ifndef NET_EXPLAIN_PARTS_H
#define NET_EXPLAIN_PARTS_H

#include "net/explain.h"
#include "net/machine.h"

/* What is being told. */
struct story {
	const struct machine *machine; /* with its guests */
	const struct addr *addr;
	const struct failure *failure;
	struct explanation *out;
};

struct cause {
	unsigned families; /* bits of enum addr_family */
	unsigned steps;    /* bits of enum step */
	int error;         /* 0: any */
	enum status status;
	bool may_heal;
	const char *end;
	const char *what;
	const char *hint; /* or NULL */
	void (*judge)(struct story *story);
};

/* explain-causes.c: the entry that fits. It needs no machine. */
const struct cause *explain_cause(const struct addr *addr, const struct failure *failure);

/* explain.c: what a judge writes with. A template takes the place of what was written before. */
void story_what(struct story *story, const char *template);
void story_hint(struct story *story, const char *template);
void story_verdict(struct story *story, enum status status, bool may_heal, const char *end);
/* The hint: how this machine gets such a transport (explain_mend()). */
void story_mend(struct story *story, enum explain_transport transport);
/* What the failed bind() was for: bind= of an address that was to be connected to, else the address itself. */
uint32_t story_bound_cid(const struct story *story);
uint32_t story_bound_port(const struct story *story);

#endif
