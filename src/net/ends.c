/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/ends.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"

#define OWN "/proc/self/fd/"

static void path_of(const struct sockaddr_un *un, socklen_t length, struct one_end *end)
{
	size_t size = length > (socklen_t)offsetof(struct sockaddr_un, sun_path)
			      ? length - offsetof(struct sockaddr_un, sun_path)
			      : 0;

	if (size > ENDS_PATH_MAX)
		size = ENDS_PATH_MAX;
	/* a path that was too long: there is no other name for it, see socket_place() */
	if (size > strlen(OWN) && memcmp(un->sun_path, OWN, strlen(OWN)) == 0)
		return;
	memcpy(end->path, un->sun_path, size);
	if (size > 1 && !end->path[0])
		end->path[0] = '@';
}

void ends_of_socket(int fd, const struct peer *peer, struct ends *ends)
{
	struct sockaddr_un un;
	socklen_t size = sizeof(un);

	*ends = (struct ends){ .from.peer = *peer };
	peer_of_local(fd, &ends->to.peer);
	if (peer->family != ADDR_UNIX)
		return;
	if (getpeername(fd, (struct sockaddr *)&un, &size) == 0)
		path_of(&un, size, &ends->from);
	size = sizeof(un);
	if (getsockname(fd, (struct sockaddr *)&un, &size) == 0)
		path_of(&un, size, &ends->to);
}

char *ends_format(const struct one_end *end, char *buf, size_t size)
{
	char path[4 * ENDS_PATH_MAX + 1];

	switch (end->peer.family) {
	case ADDR_NONE:
		*buf = '\0';
		break;
	case ADDR_UNIX:
		snprintf(buf, size, "unix:%s",
			 utf8_escape(end->path, strlen(end->path), path, sizeof(path)));
		break;
	default:
		peer_format(&end->peer, buf, size);
		break;
	}
	return buf;
}
