/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-connect: the probe that connects, and what its end says of the other side. The handshake of
 * hybrid vsock belongs to it. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "net/socket.h"
#include "ping/ping.h"

/* A probe in flight; all of them are in a list. */
struct probe {
	struct dial dial;
	struct ping *ping;
	uint64_t seq;
	struct probe *next, **link; /* link: who points here */
};

struct probes {
	struct probe *first;
};

/* "Nothing listens" is an answer from the machine; a driver that is not up, or a hybrid socket
 * without a server, is not. */
enum ping_outcome ping_judge(const struct addr *addr, const struct failure *failure)
{
	if (!failure)
		return PING_OPEN;
	if (failure->error == ETIMEDOUT && failure->step != STEP_RESOLVE)
		return PING_TIMEOUT;
	if (failure->step == STEP_CONNECT) {
		if (addr->family == ADDR_VSOCK && failure->error == ECONNRESET)
			return PING_CLOSED;
		if ((addr->family == ADDR_TCP || addr->family == ADDR_UNIX) &&
		    failure->error == ECONNREFUSED)
			return PING_CLOSED;
	}
	if (failure->step == STEP_HANDSHAKE && failure->error == ECONNRESET)
		return PING_CLOSED;
	return PING_ERROR;
}

int ping_broken(int fd, int error)
{
	int pending;

	if (error != EPIPE && error != ENOTCONN)
		return error;
	pending = socket_option(fd, SO_ERROR);
	return pending > 0 ? pending : EPIPE;
}

static void forget(struct probe *probe)
{
	*probe->link = probe->next;
	if (probe->next)
		probe->next->link = probe->link;
	loop_free_later(probe->ping->loop, probe);
}

static void connect_done(struct loop *loop, struct dial *dial, int fd,
			 const struct failure *failure)
{
	uint64_t now = units_now();
	struct probe *probe = container_of(dial, struct probe, dial);
	struct ping_result result = {
		.seq = probe->seq,
		.rtt = dial->connect_began ? now - dial->connect_began : 0,
		.outcome = ping_judge(&probe->ping->addr, failure),
		.failure = failure,
	};

	if (fd >= 0) {
		loop_forget(loop, &dial->watch);
		close(fd);
	}
	ping_result(probe->ping, &result);
	forget(probe);
}

static int connect_start(struct ping *ping)
{
	ping->probes = calloc(1, sizeof(struct probes));
	return ping->probes ? 0 : -ENOMEM;
}

static void connect_send(struct ping *ping, uint64_t seq)
{
	struct probes *probes = ping->probes;
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe) {
		ping_result(ping, &(struct ping_result){
					  .seq = seq,
					  .outcome = PING_ERROR,
					  .failure = &(struct failure){ .step = STEP_SOCKET,
									.error = ENOMEM } });
		return;
	}
	probe->ping = ping;
	probe->seq = seq;
	probe->next = probes->first;
	probe->link = &probes->first;
	if (probe->next)
		probe->next->link = &probe->next;
	probes->first = probe;
	dial_start(ping->dialer, &probe->dial, &ping->addr, &ping->dialling, connect_done);
}

static void connect_stop(struct ping *ping)
{
	struct probes *probes = ping->probes;

	for (struct probe *probe = probes->first, *next; probe; probe = next) {
		next = probe->next;
		dial_cancel(&probe->dial);
		free(probe);
	}
	free(probes);
	ping->probes = NULL;
}

const struct ping_kind ping_connect = { .start = connect_start,
					.send = connect_send,
					.stop = connect_stop };
