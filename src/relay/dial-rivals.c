/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/dialing.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/util.h"
#include "net/socket.h"

static void drop_rival(struct dial_rival *rival)
{
	struct dial_rival **link = &rival->dial->rivals;
	struct loop *loop = rival->dial->dialer->loop;

	while (*link != rival)
		link = &(*link)->next;
	*link = rival->next;
	loop_unwatch(loop, &rival->watch);
	fd_close(&rival->fd);
	loop_free_later(loop, rival);
}

void dial_drop_rivals(struct dial *dial)
{
	while (dial->rivals)
		drop_rival(dial->rivals);
}

static void rival_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct dial_rival *rival = container_of(watch, struct dial_rival, watch);
	struct dial *dial = rival->dial;
	const struct dial_race *race;
	struct failure failure;

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (socket_connected(rival->fd, &failure) == 0) {
		loop_unwatch(loop, watch);
		rival->race->won(dial, rival);
		return;
	}
	race = rival->race;
	drop_rival(rival);
	race->lost(dial, &failure);
}

void dial_set_aside(struct dial *dial, const struct dial_race *race)
{
	static const struct watch_kind kind = { .name = "rival",
						.ready = rival_ready,
						.patient = true };
	struct dial_rival *rival = calloc(1, sizeof(*rival));
	struct loop *loop = dial->dialer->loop;
	int error;

	loop_unwatch(loop, &dial->watch);
	if (!rival) {
		dial_note_failure(dial,
				  &(const struct failure){ .step = STEP_SOCKET, .error = ENOMEM });
		fd_close(&dial->fd);
		return;
	}
	*rival = (struct dial_rival){ .watch = { .kind = &kind, .fd = -1 },
				      .dial = dial,
				      .race = race,
				      .next = dial->rivals,
				      .connect_began = dial->connect_began,
				      .fd = dial->fd };
	dial->rivals = rival;
	dial->fd = -1;
	error = loop_watch(loop, &rival->watch, rival->fd, EPOLLOUT);
	if (!error)
		return;
	dial_note_failure(dial, &(const struct failure){ .step = STEP_SOCKET, .error = -error });
	drop_rival(rival);
}
