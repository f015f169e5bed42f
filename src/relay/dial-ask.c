/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dialing.h"

#include <errno.h>
#include <stdlib.h>

#include "base/units.h"

/* How long another process may take to explain a failure. */
#define EXPLAIN_TIME (3 * NSEC_PER_SEC)

void dial_forget_question(struct dial *dial)
{
	for (struct dial **link = &dial->dialer->asking; *link; link = &(*link)->next_asking) {
		if (*link == dial) {
			*link = dial->next_asking;
			return;
		}
	}
}

struct dial *dial_who_asked(struct dialer *dialer, uint32_t question, enum dial_state state)
{
	struct dial *dial = dialer->asking;

	while (dial && dial->question != question)
		dial = dial->next_asking;
	if (!dial || dial->state != state)
		return NULL; /* it was cancelled, or gave up */
	dial_forget_question(dial);
	return dial;
}

static void await_answer(struct dial *dial, enum dial_state state, uint64_t until)
{
	struct dialer *dialer = dial->dialer;

	dial->state = (uint8_t)state;
	dial->next_asking = dialer->asking;
	dialer->asking = dial;
	if (until != UINT64_MAX)
		loop_timer(dialer->loop, &dial->timer, until);
}

int dial_ask_broker(struct dial *dial, const struct place *place, uint64_t timeout)
{
	struct dialer *dialer = dial->dialer;
	int error;

	if (!dialer->broker.open)
		return -ENOTSUP;
	dial->question = ++dialer->questions;
	error = dialer->broker.open(dialer->broker.context, dial, place, timeout);
	if (!error)
		await_answer(dial, DIAL_ASKED, dial->attempt_ends);
	return error;
}

int dial_ask_resolver(struct dial *dial)
{
	struct dialer *dialer = dial->dialer;
	int error;

	dial->question = ++dialer->questions;
	if (dialer->broker.look_up) {
		error = dialer->broker.look_up(dialer->broker.context, dial);
	} else {
		error = resolver_ask_for(dialer->resolver, dial->share, dial->question, dial->addr,
					 ADDR_CONNECT);
		if (!error)
			error = loop_watch(dialer->loop, &dialer->watch,
					   resolver_fd(dialer->resolver), EPOLLIN);
	}
	if (!error)
		await_answer(dial, DIAL_LOOKUP, dial->attempt_ends);
	return error;
}

void dial_take_why(struct dial *dial, const struct explanation *why)
{
	dial->why = malloc(sizeof(*why));
	if (dial->why)
		*dial->why = *why;
}

/* What another dial was told a moment ago, or NULL. */
static const struct dial_known *find_known(const struct dial *dial)
{
	uint64_t now = units_now();

	for (size_t i = 0; i < DIAL_KNOWN && dial->dialer->known[i]; i++) {
		const struct dial_known *known = dial->dialer->known[i];

		if (now - known->since < DIAL_KNOWN_TIME &&
		    explain_same(&known->failure, &dial->failure) &&
		    addr_equal(&known->addr, dial->addr))
			return known;
	}
	return NULL;
}

void dial_know_why(const struct dial *dial, const struct explanation *why)
{
	struct dialer *dialer = dial->dialer;
	struct dial_known **known = &dialer->known[dialer->known_count % DIAL_KNOWN];

	if (find_known(dial))
		return; /* several had asked */
	if (!*known)
		*known = malloc(sizeof(**known));
	if (!*known)
		return;
	**known = (struct dial_known){
		.since = units_now(), .addr = *dial->addr, .failure = dial->failure, .why = *why
	};
	(*known)->failure.detail = NULL;
	dialer->known_count++;
}

int dial_ask_why(struct dial *dial)
{
	const struct dial_known *known;
	struct dialer *dialer = dial->dialer;
	int error;

	if (!dialer->broker.explain || dial->settings->brief ||
	    !explain_looks(dial->addr, &dial->failure))
		return -ENOTSUP;
	known = find_known(dial);
	if (known) {
		dial_take_why(dial, &known->why);
		return -EALREADY;
	}
	dial->question = ++dialer->questions;
	error = dialer->broker.explain(dialer->broker.context, dial);
	if (!error)
		await_answer(dial, DIAL_EXPLAIN, units_now() + EXPLAIN_TIME);
	return error;
}
