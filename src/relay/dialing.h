/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dialing: what the files of dial share. dialer.c receives the answers, dial.c is the life of one
 * dial; below them are dial-ask.c (questions to the resolver and to another process),
 * dial-places.c (which addresses there are, and which failure tells most) and dial-rivals.c
 * (several addresses at once).
 */
#ifndef RELAY_DIALING_H
#define RELAY_DIALING_H

#include "relay/dial.h"

enum dial_state {
	DIAL_OVER,
	DIAL_LOOKUP,
	DIAL_CONNECT,
	DIAL_HANDSHAKE,
	DIAL_RETRY,
	DIAL_PAUSE,
	DIAL_ASKED,
	DIAL_EXPLAIN,
};

/* An address that goes on being connected to while others are tried. */
struct dial_rival {
	struct watch watch;
	struct dial *dial;
	const struct dial_race *race;
	struct dial_rival *next;
	uint64_t connect_began;
	int fd;
};

/* What becomes of it: won() takes its fd; before lost() it is dropped. */
struct dial_race {
	void (*won)(struct dial *dial, struct dial_rival *rival);
	void (*lost)(struct dial *dial, const struct failure *failure);
};

/* An explanation that another process gave. Who fails in the same way again, within
 * DIAL_KNOWN_TIME, need not ask. */
#define DIAL_KNOWN 4
#define DIAL_KNOWN_TIME NSEC_PER_SEC
struct dial_known {
	uint64_t since; /* ns */
	struct addr addr;
	struct failure failure; /* without detail */
	struct explanation why;
};

struct dialer {
	struct loop *loop;
	struct resolver *resolver;
	struct watch watch;
	struct dial *asking;
	uint32_t questions;
	dial_exec *exec;
	struct dial_broker broker; /* open NULL: there is none */
	struct dial_known *known[DIAL_KNOWN]; /* owned */
	unsigned known_count; /* that there ever were: where the next one goes */
};

/* dial.c: an answer has come; its question is forgotten. */
void dial_found(struct dial *dial, const struct resolver_answer *answer);
void dial_explained(struct dial *dial, const struct explanation *why);
void dial_given(struct dial *dial, int fd, const struct failure *failure);

/* dial-ask.c */

/* Asks for the name's addresses: 0 or a negative errno. */
int dial_ask_resolver(struct dial *dial);
/* Has another process open it: 0, or a negative errno where there is none, or it can't be asked. */
int dial_ask_broker(struct dial *dial, const struct place *place, uint64_t timeout);
/* Has another process find out why it failed, where that takes a look at the machine: 0, or a
 * negative errno where nothing is to be waited for: it can't be asked, or the dial has what it told
 * another. */
int dial_ask_why(struct dial *dial);
/* The answer: for others who fail in the same way, and for the dial. Without memory the explanation
 * is brief. */
void dial_know_why(const struct dial *dial, const struct explanation *why);
void dial_take_why(struct dial *dial, const struct explanation *why);
void dial_forget_question(struct dial *dial);
/* Who waits for the answer in that state; the question is forgotten. NULL: nobody. */
struct dial *dial_who_asked(struct dialer *dialer, uint32_t question, enum dial_state state);

/* dial-places.c */

/* 0, -EINPROGRESS: the resolver is to be asked, or another negative errno with the dial's failure.
 */
int dial_find_places(struct dial *dial);
/* Without memory only the first one is taken. */
void dial_take_places(struct dial *dial, const struct places *found);
void dial_forget_places(struct dial *dial);
/* May the place be connected to? If not, that is noted as the failure. */
bool dial_permitted(struct dial *dial, const struct place *place);
/* The failure that tells most is the one that counts. */
void dial_note_failure(struct dial *dial, const struct failure *failure);
/* For -vv: which address of a name is tried. */
void dial_tell_attempt(const struct dial *dial, const struct place *place);
/* When the present attempt is over; UINT64_MAX: never. */
uint64_t dial_attempt_limit(const struct dial *dial);

/* dial-rivals.c */

/* The present address goes on beside the next one. Without memory it is given up. */
void dial_set_aside(struct dial *dial, const struct dial_race *race);
void dial_drop_rivals(struct dial *dial);

#endif
