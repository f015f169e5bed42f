/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/service.h"

#include <errno.h>
#include <fcntl.h>

/* What arrives goes out again on the same socket: one channel, from it to a second descriptor of it. */
static int echo(struct endpoint *accepted, struct endpoint *here)
{
	int again = fcntl(accepted->in, F_DUPFD_CLOEXEC, 3);

	if (again < 0)
		return -errno;
	*here = *accepted;
	here->out = again;
	here->in = -1;
	accepted->out = -1;
	return 0;
}

static int open_device(const char *path, int flags, struct endpoint *here)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*here = (struct endpoint){ .in = -1, .out = -1, .in_kind = ENDPOINT_FILE, .out_kind = ENDPOINT_FILE };
	if (flags == O_WRONLY)
		here->out = fd;
	else
		here->in = here->out = fd;
	return 0;
}

int service_end(enum service service, struct endpoint *accepted, struct endpoint *here)
{
	switch (service) {
	case SERVICE_ECHO:
		return echo(accepted, here);
	case SERVICE_DISCARD:
		/* no input: nothing is sent, and the end of sending isn't told either before the client has ended */
		return open_device("/dev/null", O_WRONLY, here);
	case SERVICE_GENERATE:
		/* zeros out; what comes in is read and thrown away, so that closing does not reset what was sent */
		return open_device("/dev/zero", O_RDWR, here);
	default:
		return -EINVAL;
	}
}
