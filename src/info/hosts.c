/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the hosts of the hosts file whether they answer.
 *
 * Theory of operation: connections to port 7 of all hosts are started at the same time. A CID has
 * answered if the connection was accepted or refused, because both come from the guest's driver.
 * With hybrid vsock, the socket belongs to the VMM, so an accepted connection says nothing about
 * the guest. Then "CONNECT 7" is sent, and the guest has answered if "OK" arrives or the VMM closes
 * the connection. (A VMM also closes it while its guest is still booting.)
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

/* A descriptor is ready: what did it say? */
static void hear(const struct info *info, struct info_host *host, struct pollfd *pfd,
		 uint64_t waited)
{
	char word[3] = "";
	int error = 0;
	socklen_t size = sizeof(error);
	ssize_t n;

	if (!host->entry->path) {
		if (getsockopt(pfd->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
		settle(info, host, pfd, STEP_CONNECT, error, waited);
		return;
	}
	n = recv(pfd->fd, word, sizeof(word), 0);
	error = n < 0				      ? errno
		: n == 0			      ? ECONNRESET
		: memcmp(word, "OK ", (size_t)n) == 0 ? 0
						      : EPROTO;
	settle(info, host, pfd, STEP_HANDSHAKE, error, waited);
}

int info_ask_hosts(struct info *info, uint64_t limit)
{
	size_t count = info->hosts.count, left = 0;
	struct pollfd *pfds = calloc(count ? count : 1, sizeof(*pfds));
	uint64_t start;

	free(info->asked);
	info->asked_count = 0;
	info->asked = calloc(count ? count : 1, sizeof(*info->asked));
	if (!info->asked || !pfds) {
		free(pfds);
		return -ENOMEM;
	}
	info->asked_count = count;
	start = units_now();
	for (size_t i = 0; i < count; i++) {
		struct info_host *host = &info->asked[i];
		enum step step;
		int error;

		host->entry = &info->hosts.entries[i];
		pfds[i].events = host->entry->path ? POLLIN : POLLOUT;
		error = begin(info, host->entry, &pfds[i].fd, &step);
		if (!error && host->entry->path) {
			step = STEP_HANDSHAKE;
			error = greet(pfds[i].fd);
			if (!error)
				error = -EINPROGRESS;
		}
		if (error == -EINPROGRESS)
			left++;
		else
			settle(info, host, &pfds[i], step, -error, units_now() - start);
	}
	while (left) {
		uint64_t now = units_now();
		int ready;

		if (now - start >= limit)
			break;
		ready = poll(pfds, count, (int)((limit - (now - start)) / NSEC_PER_MSEC) + 1);
		for (size_t i = 0; ready > 0 && i < count; i++) {
			if (pfds[i].fd < 0 || !pfds[i].revents)
				continue;
			hear(info, &info->asked[i], &pfds[i], units_now() - start);
			left--;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (pfds[i].fd >= 0)
			settle(info, &info->asked[i], &pfds[i],
			       info->asked[i].entry->path ? STEP_HANDSHAKE : STEP_CONNECT,
			       ETIMEDOUT, limit);
	free(pfds);
	return 0;
}
