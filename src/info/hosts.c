/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the hosts of the hosts file whether they answer.
 *
 * Theory of operation: connections to port 7 of all hosts are started at the same time, or of as
 * many as there are descriptors for; the others follow as these are answered. A CID has answered if
 * the connection was accepted or refused, because both come from the guest's driver. With hybrid
 * vsock, the socket belongs to the VMM, so an accepted connection says nothing about the guest.
 * Then "CONNECT 7" is sent, and the guest has answered if "OK" arrives or the VMM closes the
 * connection. (A VMM also closes it while its guest is still booting.)
 */
#include "config.h"

#include "info/info.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/fd.h"
#include "base/units.h"
#include "net/socket.h"

#define ASK_PORT 7

static void addr_of(const struct hosts_entry *entry, struct addr *addr)
{
	*addr = (struct addr){ .family = entry->path ? ADDR_MUX : ADDR_VSOCK,
			       .port = ASK_PORT,
			       .port_last = ASK_PORT,
			       .has_port = true };
	strlcpy(addr->alias, entry->name, sizeof(addr->alias));
	if (entry->path)
		strlcpy(addr->name, entry->path, sizeof(addr->name));
	else
		addr->cid = entry->cid;
}

static void settle(const struct info *info, struct info_host *host, struct pollfd *pfd,
		   enum step step, int error, uint64_t waited)
{
	bool spoke = error == 0 ||
		     (step == STEP_CONNECT && !host->entry->path && error == ECONNRESET) ||
		     (step == STEP_HANDSHAKE && (error == ECONNRESET || error == EPIPE));
	struct failure failure = { .step = step, .error = error, .waited = waited };
	struct addr addr;

	fd_close(&pfd->fd);
	host->time = waited;
	host->answers = spoke;
	if (spoke)
		return;
	host->unknown = explain_is_shortage(error);
	addr_of(host->entry, &addr);
	explain_on(&info->machine, &addr, &failure, &host->explanation);
}

/* A connection begun: 0 connected, or a negative errno (-EINPROGRESS); *step says where it failed.
 */
static int begin(const struct info *info, const struct hosts_entry *entry, int *fd, enum step *step)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
				  .svm_cid = entry->cid,
				  .svm_port = ASK_PORT };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int got;

	*step = STEP_SOCKET;
	*fd = -1;
	/* where no module has registered the family, making a socket would load one */
	if (!entry->path && !info->machine.family)
		return -EAFNOSUPPORT;
	*fd = socket(entry->path ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		     0);
	if (*fd < 0)
		return -errno;
	*step = STEP_CONNECT;
	if (entry->path) {
		if (strlcpy(un.sun_path, entry->path, sizeof(un.sun_path)) >= sizeof(un.sun_path))
			return -ENAMETOOLONG;
		got = connect(*fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		got = connect(*fd, (struct sockaddr *)&vm, sizeof(vm));
	}
	return got < 0 ? -errno : 0;
}

static int greet(int fd)
{
	static const char hello[] = "CONNECT 7\n";
	ssize_t n = send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
	return n < 0 ? -errno : 0;
}

/* The hosts that are being asked. The first `open` places are used. */
struct asking {
	struct info *info;
	struct pollfd *pfds;
	struct question {
		struct info_host *host;
		uint64_t began;
	} * questions;
	size_t open, next; /* next: the first host that was not begun */
	uint64_t limit;
};

static void settle_at(struct asking *asking, size_t place, enum step step, int error,
		      uint64_t waited)
{
	size_t last = --asking->open;

	settle(asking->info, asking->questions[place].host, &asking->pfds[place], step, error,
	       waited);
	asking->pfds[place] = asking->pfds[last];
	asking->questions[place] = asking->questions[last];
}

/* A descriptor is ready: what did it say? */
static void hear(struct asking *asking, size_t place)
{
	int fd = asking->pfds[place].fd, error;
	uint64_t waited = units_now() - asking->questions[place].began;
	char word[3] = "";
	ssize_t n;

	if (!asking->questions[place].host->entry->path) {
		settle_at(asking, place, STEP_CONNECT, abs(socket_option(fd, SO_ERROR)), waited);
		return;
	}
	n = recv(fd, word, sizeof(word), 0);
	error = n < 0				      ? errno
		: n == 0			      ? ECONNRESET
		: memcmp(word, "OK ", (size_t)n) == 0 ? 0
						      : EPROTO;
	settle_at(asking, place, STEP_HANDSHAKE, error, waited);
}

/* False: descriptors or memory are short, and the answer to an earlier question frees some. */
static bool ask_next(struct asking *asking)
{
	struct info_host *host = &asking->info->asked[asking->next];
	struct pollfd *pfd = &asking->pfds[asking->open];
	enum step step;
	int error;

	host->entry = &asking->info->hosts.entries[asking->next];
	asking->questions[asking->open] = (struct question){ host, units_now() };
	*pfd = (struct pollfd){ .events = host->entry->path ? POLLIN : POLLOUT };
	error = begin(asking->info, host->entry, &pfd->fd, &step);
	if (!error && host->entry->path) {
		step = STEP_HANDSHAKE;
		error = greet(pfd->fd);
		if (!error)
			error = -EINPROGRESS;
	}
	if (asking->open && explain_is_shortage(-error)) {
		fd_close(&pfd->fd);
		return false;
	}
	asking->next++;
	asking->open++;
	if (error != -EINPROGRESS)
		settle_at(asking, asking->open - 1, step, -error,
			  units_now() - asking->questions[asking->open - 1].began);
	return true;
}

/* Settles the hosts whose time is over. Returns how long, in ms, the others have at most. */
static int expire(struct asking *asking)
{
	uint64_t now = units_now(), rest = asking->limit;

	for (size_t i = asking->open; i-- > 0;) {
		uint64_t waited = now - asking->questions[i].began;

		if (waited >= asking->limit)
			settle_at(asking, i,
				  asking->questions[i].host->entry->path ? STEP_HANDSHAKE
									 : STEP_CONNECT,
				  ETIMEDOUT, asking->limit);
		else if (asking->limit - waited < rest)
			rest = asking->limit - waited;
	}
	return (int)(rest / NSEC_PER_MSEC) + 1;
}

/* Asks all of them, as many at the same time as there are descriptors for. 0 or a negative errno.
 */
static int ask_all(struct asking *asking)
{
	while (asking->open || asking->next < asking->info->asked_count) {
		int rest;

		while (asking->next < asking->info->asked_count && ask_next(asking))
			;
		rest = expire(asking);
		if (!asking->open)
			continue;
		if (poll(asking->pfds, asking->open, rest) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (size_t i = asking->open; i-- > 0;)
			if (asking->pfds[i].revents)
				hear(asking, i);
	}
	return 0;
}

int info_ask_hosts(struct info *info, uint64_t limit)
{
	size_t count = info->hosts.count, room = count ? count : 1;
	struct asking asking = {
		.info = info,
		.pfds = calloc(room, sizeof(*asking.pfds)),
		.questions = calloc(room, sizeof(*asking.questions)),
		.limit = limit,
	};
	int error = -ENOMEM;

	free(info->asked);
	info->asked_count = 0;
	info->asked = calloc(room, sizeof(*info->asked));
	if (info->asked && asking.pfds && asking.questions) {
		info->asked_count = count;
		error = ask_all(&asking);
	}
	for (size_t i = 0; i < asking.open; i++)
		fd_close(&asking.pfds[i].fd);
	free(asking.pfds);
	free(asking.questions);
	return error;
}
