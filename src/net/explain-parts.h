/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain-parts: private declarations shared by the files of explain.
 *
 * Theory of operation: causes[] (explain-causes.c) has an entry for every family, step and errno
 * with a known cause. The first match is used, so narrow entries come before wide ones. An entry's
 * sentence and hint are templates: {cid} and the like are replaced from the address
 * (explain-template.c). If several causes share an errno, the entry has a refine function, which
 * looks at the machine and writes a better sentence or leaves the entry's.
 */
#ifndef NET_EXPLAIN_PARTS_H
#define NET_EXPLAIN_PARTS_H

#include "net/explain.h"
#include "net/machine.h"

/* A failure that is being explained. */
struct diagnosis {
	const struct machine *machine; /* with its guests */
	const struct addr *addr;
	const struct failure *failure;
	struct explanation *out;
	const char *extra; /* {extra} of a template, or NULL */
};

struct cause {
	unsigned families; /* bits of enum addr_family */
	unsigned steps; /* bits of enum step */
	int error; /* an errno or an EAI_ code; EITHER() of two; 0: any */
	enum status status;
	bool may_heal;
	const char *end;
	const char *what;
	const char *hint; /* or NULL */
	void (*refine)(struct diagnosis *diagnosis);
};

/* explain-causes.c: finds the entry for a failure. It needs no machine. */
const struct cause *explain_cause(const struct addr *addr, const struct failure *failure);

/* explain-template.c: for refine functions. A template replaces the earlier text. */
void diagnosis_what(struct diagnosis *diagnosis, const char *template);
void diagnosis_hint(struct diagnosis *diagnosis, const char *template);
void diagnosis_verdict(struct diagnosis *diagnosis, enum status status, bool may_heal,
		       const char *end);
/* Sets the hint to the command for such a transport (explain_fix()). */
void diagnosis_fix(struct diagnosis *diagnosis, enum explain_transport transport);
/* The address of a failed bind(): bind= of an address to connect to, else the address itself. */
uint32_t diagnosis_bound_cid(const struct diagnosis *diagnosis);
uint32_t diagnosis_bound_port(const struct diagnosis *diagnosis);

#endif
