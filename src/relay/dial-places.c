/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dialing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/units.h"
#include "net/peer.h"
#include "net/socket.h"

void dial_forget_places(struct dial *dial)
{
	if (dial->places != &dial->only)
		free(dial->places);
	dial->places = NULL;
	dial->place_count = dial->next = 0;
}

/* IPv6 and IPv4 in turns, beginning with the first. */
static void interleave(struct place *places, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		size_t other = i;
		struct place moved;

		while (other < count && places[other].sa.ss_family == places[i - 1].sa.ss_family)
			other++;
		if (other == count)
			return;
		moved = places[other];
		memmove(&places[i + 1], &places[i], (other - i) * sizeof(*places));
		places[i] = moved;
	}
}

void dial_take_places(struct dial *dial, const struct places *found)
{
	struct place *many = found->count > 1 ? reallocarray(NULL, found->count, sizeof(*many))
					      : NULL;

	dial_forget_places(dial);
	dial->place_count = many ? found->count : 1;
	dial->places = many ? many : &dial->only;
	memcpy(dial->places, found->place, dial->place_count * sizeof(*dial->places));
	interleave(dial->places, dial->place_count);
}

int dial_find_places(struct dial *dial)
{
	const struct addr *addr = dial->addr;
	struct places places;
	int error;

	dial_forget_places(dial);
	if (addr_is_ip(addr)) {
		error = resolve_now(addr, ADDR_CONNECT, &places, &dial->failure);
		if (!error)
			dial_take_places(dial, &places);
		return error;
	}
	dial->places = &dial->only;
	dial->place_count = 1;
	return socket_place(addr, ADDR_CONNECT, &dial->only, &dial->keep_fd, &dial->failure);
}

/* How informative a failure is: a machine that refuses, one that does not answer, or only no route
 * from here. */
static int telling(const struct failure *failure)
{
	if (failure->step != STEP_CONNECT) /* an address of the other kind than bind= */
		return failure->step == STEP_SOCKET || failure->error == EAFNOSUPPORT ? 1 : 3;
	switch (failure->error) {
	case EAFNOSUPPORT:
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
		return 1;
	case ETIMEDOUT:
		return 2;
	case ECONNREFUSED:
		return 4;
	default:
		return 3;
	}
}

void dial_note_failure(struct dial *dial, const struct failure *failure)
{
	if (dial->failure_is_old || telling(failure) >= telling(&dial->failure))
		dial->failure = *failure;
	dial->failure_is_old = false;
}

void dial_tell_attempt(const struct dial *dial, const struct place *place)
{
	char text[256], where[PEER_TEXT_MAX];
	struct peer peer;

	if (!log_verbose(2))
		return;
	peer_from_sockaddr((const struct sockaddr *)&place->sa, place->length, &peer);
	if (dial->addr->family == ADDR_UDP)
		peer.family = ADDR_UDP;
	addr_format_short(dial->addr, text, sizeof(text));
	if (peer.family == ADDR_UNIX)
		log_info(2, "%s: connecting", text);
	else
		log_info(2, "%s: connecting to %s (%zu of %zu)", text,
			 peer_format(&peer, where, sizeof(where)), dial->next, dial->place_count);
}

bool dial_permitted(struct dial *dial, const struct place *place)
{
	const struct dial_settings *settings = dial->settings;

	if (!settings->permits ||
	    settings->permits(settings->dests, dial->addr->name,
			      (const struct sockaddr *)&place->sa, dial->detail))
		return true;
	dial_note_failure(dial, &(const struct failure){ .step = STEP_PERMIT,
							 .error = EACCES,
							 .detail = dial->detail });
	return false;
}

uint64_t dial_attempt_limit(const struct dial *dial)
{
	const struct addr_options *options = &dial->addr->options;
	uint64_t limit = options->given & ADDR_OPT_CONNECT_TIMEOUT
				 ? options->connect_timeout
				 : dial->settings->connect_timeout;
	uint64_t now = dial->attempt_started;

	if (dial->settings->wait && dial->settings->wait != UNITS_INF) {
		uint64_t gone = now - dial->started,
			 left = gone < dial->settings->wait ? dial->settings->wait - gone : 0;

		limit = left < limit ? left : limit;
	}
	return limit == UNITS_INF ? UINT64_MAX : now + limit;
}
