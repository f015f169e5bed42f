/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: declarations shared by the files of --check.
 *
 * Theory of operation: check.c connects, performs the scripts of each check at both ends
 * (cli/check) and asks the other end for its results. check-judge.c turns the results of both ends
 * into a verdict: what happened, as a symptom and a sentence. check-known.c knows which public
 * defects have this symptom in this check.
 */
#ifndef PING_CHECK_H
#define PING_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "cli/check.h"
#include "net/explain.h"

#define CHECK_TIME (18 * NSEC_PER_SEC) /* for all of them, unless -w is given */

enum check_id {
	CHECKED_CONNECT,
	CHECKED_PEER,
	CHECKED_TRANSFER,
	CHECKED_PIECES,
	CHECKED_SLOW,
	CHECKED_BOTH,
	CHECKED_HALF_CLOSE,
	CHECKED_CLOSE,
	CHECKED_ABORT,
	CHECKED_CONNECTIONS,
	CHECKED_STREAMS,
	CHECKED_MESSAGES,
	CHECKED_IDLE,
	CHECKED_REFUSED,
};

enum symptom {
	SYMPTOM_NONE, /* all is well */
	SYMPTOM_OTHER, /* described by the sentence alone */
	SYMPTOM_SKIPPED, /* it could not be checked, which is no failure */
	SYMPTOM_LOST, /* bytes are missing */
	SYMPTOM_LOST_8K, /* those of larger pieces, from a size above 8 KiB */
	SYMPTOM_LOST_32K,
	SYMPTOM_CHANGED,
	SYMPTOM_ORDER, /* bytes are out of order, or came twice */
	SYMPTOM_FOREIGN, /* another connection's bytes */
	SYMPTOM_BOUNDARY,
	SYMPTOM_STALLED,
	SYMPTOM_ENDED, /* end of file or a reset too early */
	SYMPTOM_NO_BUFFERS,
	SYMPTOM_NO_END, /* the end of file never comes */
	SYMPTOM_ANSWER_LOST, /* a half-close ends both directions */
	SYMPTOM_ECHOED, /* a half-close ends both directions, and the answer goes nowhere */
	SYMPTOM_REFUSED, /* some connections are refused */
	SYMPTOM_LATE,
	SYMPTOM_SWALLOWED, /* a closed port does not answer */
	SYMPTOM_ACCEPTED, /* a closed port accepts */
	SYMPTOM_PEER, /* the peer sees a wrong CID */
};

struct verdict {
	enum symptom symptom;
	char what[320]; /* a sentence without a full stop */
};

/* How one connection went. */
struct checked {
	struct check_request here_steps, there_steps;
	struct check_result here, there;
	struct failure failure; /* error not 0: it could not be connected */
	char why[256]; /* not */
	uint64_t connect; /* ns that connecting took */
	bool unanswered; /* the other end did not answer the request */
};

/* What is known of symptoms in checks. */
struct known {
	uint32_t checks, symptoms; /* bits: 1 << enum check_id, 1 << enum symptom */
	const char *defect, *versions, *help;
};

/* What went wrong on a connection. size is that of its pieces, or 0 if that does not matter. */
void check_judge(enum check_id id, const struct checked *checked, uint32_t size,
		 struct verdict *verdict);
/* Is this the address that the other end should see? peer is a struct peer as text, and to is what
 * was connected to. */
void check_judge_peer(const struct addr *to, const char *peer, struct verdict *verdict);
/* NULL: no public defect is known. */
const struct known *check_known(enum check_id id, enum symptom symptom);

#endif
