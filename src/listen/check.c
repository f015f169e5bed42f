/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"

#define PATIENCE (2500 * NSEC_PER_MSEC)
#define TIME_MAX (30 * NSEC_PER_SEC) /* for one connection */

struct checked {
	struct check_run run;
	struct prologue prologue;
	struct session *session;
	struct check_results *results;
};

static struct check_result *find(struct check_results *results, uint32_t seed)
{
	for (size_t i = 0; i < CHECK_RESULTS; i++)
		if (results->entries[i].seed == seed && results->entries[i].result.outcome)
			return &results->entries[i].result;
	return NULL;
}

static void remember(struct check_results *results, uint32_t seed,
		     const struct check_result *result)
{
	struct check_result *known = find(results, seed);

	if (known) {
		*known = *result;
		return;
	}
	results->entries[results->next].seed = seed;
	results->entries[results->next].result = *result;
	results->next = (results->next + 1) % CHECK_RESULTS;
}

static bool heard(struct check_run *run)
{
	struct checked *checked = container_of(run, struct checked, run);
	const struct check_result *known;
	char line[CHECK_LINE_MAX], peer[PEER_TEXT_MAX];
	uint32_t seed;

	if (!check_read_request(run->line, &run->request))
		return false;
	seed = run->request.seed;
	if (run->request.report) {
		known = find(checked->results, seed);
		check_write_result(line, seed, known ? known : &(struct check_result){ 0 });
	} else {
		remember(checked->results, seed, &run->result);
		snprintf(line, sizeof(line), "VSOCK-CHECK 1 %08" PRIx32 " peer %s\n", seed,
			 peer_format(&checked->session->peer, peer, sizeof(peer)));
	}
	return check_say(run->fd, line);
}

static bool resets(const struct check_request *request)
{
	return request->count && request->steps[request->count - 1].kind == CHECK_RESET;
}

static void over(struct check_run *run)
{
	struct checked *checked = container_of(run, struct checked, run);
	struct session *session = checked->session;

	/* a probe that only connects is no mistake */
	if (run->hearing && (run->length || run->result.outcome != CHECK_ENDED)) {
		session_failed(session, &(const struct explanation){
						.status = STATUS_FAILURE,
						.end = "handshake",
						.what = "no request of vsock-ping --check came" });
		session->answered = true;
		session_close(session);
		return;
	}
	if (!run->hearing && !run->request.report)
		remember(checked->results, run->request.seed, &run->result);
	session->relay.chan[0].bytes = run->result.received;
	session->relay.chan[1].bytes = run->result.sent;
	session->relay.result = run->result.outcome == CHECK_STALLED ? END_IDLE
				: run->result.outcome != CHECK_DONE  ? END_LOST
				: resets(&run->request)		     ? END_RESET
								     : END_EOF;
	session_served(session);
}

static bool stop(struct session *session)
{
	session->relay.result = END_STOP;
	session_served(session);
	return true;
}

static void release(struct session *session)
{
	struct checked *checked = container_of(session->prologue, struct checked, prologue);

	check_stop(&checked->run);
	loop_free_later(session->group->loop, checked);
	session->prologue = NULL;
}

/* There is no target and no relay. */
static const struct prologue_kind check_prologue = { .stop = stop, .free = release };

void check_serve(struct session *session, struct check_results *results)
{
	struct checked *checked = calloc(1, sizeof(*checked));

	if (!checked) {
		session_cannot_serve(session, ENOMEM);
		return;
	}
	checked->session = session;
	checked->results = results;
	checked->prologue.kind = &check_prologue;
	checked->run = (struct check_run){ .server = true,
					   .seqpacket = session->seqpacket,
					   .patience = PATIENCE,
					   .time = TIME_MAX,
					   .heard = heard,
					   .done = over };
	session->prologue = &checked->prologue;
	check_start(&checked->run, session->group->loop, session->fd);
}
