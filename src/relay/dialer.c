/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dialing.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/util.h"

void dialer_found(struct dialer *dialer, const struct resolver_answer *answer)
{
	struct dial *dial = dial_who_asked(dialer, answer->id, DIAL_LOOKUP);

	if (dial)
		dial_found(dial, answer);
}

void dialer_explained(struct dialer *dialer, uint32_t question, const struct explanation *why)
{
	struct dial *dial = dial_who_asked(dialer, question, DIAL_EXPLAIN);

	if (dial)
		dial_explained(dial, why);
}

void dialer_given(struct dialer *dialer, uint32_t question, int fd, const struct failure *failure)
{
	struct dial *dial = dial_who_asked(dialer, question, DIAL_ASKED);

	if (dial)
		dial_given(dial, fd, failure);
	else
		fd_close(&fd);
}

static void dialer_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct dialer *dialer = container_of(watch, struct dialer, watch);
	struct resolver_answer answer;
	int got;

	(void)events;
	/* the helper's descriptor is closed by resolver_answer() when it is gone: take it out of
	 * epoll first */
	while ((got = resolver_answer(dialer->resolver, &answer)) > 0)
		dialer_found(dialer, &answer);
	if (got == 0)
		return;
	loop_unwatch(loop, watch);
	answer = (struct resolver_answer){ .error = EAI_AGAIN };
	for (struct dial *dial = dialer->asking, *next; dial; dial = next) {
		next = dial->next_asking;
		if (dial->state != DIAL_LOOKUP)
			continue;
		dial_forget_question(dial);
		dial_found(dial, &answer);
	}
}

static const struct watch_kind dialer_kind = { .name = "dialer", .ready = dialer_ready };

int dialer_start(struct loop *loop, struct dialer **out)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));
	int error;

	if (!dialer)
		return -ENOMEM;
	dialer->loop = loop;
	dialer->watch = (struct watch){ .kind = &dialer_kind, .fd = -1 };
	error = resolver_start(&dialer->resolver);
	if (error) {
		free(dialer);
		return error;
	}
	*out = dialer;
	return 0;
}

void dialer_broker(struct dialer *dialer, const struct dial_broker *broker)
{
	dialer->broker = *broker;
}

void dialer_stop(struct dialer *dialer)
{
	if (!dialer)
		return;
	loop_unwatch(dialer->loop, &dialer->watch);
	resolver_stop(dialer->resolver);
	for (size_t i = 0; i < DIAL_KNOWN; i++)
		free(dialer->known[i]);
	free(dialer);
}

void dialer_exec(struct dialer *dialer, dial_exec *exec)
{
	dialer->exec = exec;
}
