/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "listen/digest.h"
#include "listen/receive.h"

/* What arrives goes out again on the same socket: one channel, from it to a second descriptor of
 * it. */
static int echo(struct session *session, struct endpoint *accepted, struct endpoint *here)
{
	int again = fcntl(accepted->in, F_DUPFD_CLOEXEC, 3);

	if (again < 0)
		return -errno;
	*here = *accepted;
	here->out = again;
	here->in = -1;
	accepted->out = -1;
	session->mirrored = true;
	return 0;
}

static int open_device(const char *path, int flags, struct endpoint *here)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*here = (struct endpoint){
		.in = -1, .out = -1, .in_kind = ENDPOINT_FILE, .out_kind = ENDPOINT_FILE
	};
	if (flags == O_WRONLY)
		here->out = fd;
	else
		here->in = here->out = fd;
	return 0;
}

/* A regular file, or what can be read like one; a FIFO would make everyone wait. */
static int open_file(const struct service *service)
{
	int fd = openat(service->directory, service->path,
			O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISDIR(st.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		error = -ENOTSUP;
	if (error)
		fd_close(&fd);
	return error ? error : fd;
}

/* The file out; what comes in is read and thrown away, so that closing does not reset what was
 * sent. */
static int send_file(const struct service *service, struct endpoint *here)
{
	int file = open_file(service), error;

	if (file < 0)
		return file;
	error = open_device("/dev/null", O_WRONLY, here);
	if (error)
		fd_close(&file);
	else
		here->in = file;
	return error;
}

int service_check(struct service *service)
{
	int fd;

	switch (service->kind) {
	case SERVICE_SEND_FILE:
		fd = open_file(service);
		if (fd < 0)
			return fd;
		fd_close(&fd);
		return 0;
	case SERVICE_RECEIVE:
		service->receiving = receive_directory(service->directory, service->path);
		return service->receiving < 0 ? service->receiving : 0;
	default:
		return 0;
	}
}

int service_end(const struct service *service, struct session *session, struct endpoint *accepted,
		struct endpoint *here)
{
	switch (service->kind) {
	case SERVICE_ECHO:
		return echo(session, accepted, here);
	case SERVICE_DISCARD:
		/* no input: nothing is sent, and end of file is not passed on before the client has
		 * finished */
		return open_device("/dev/null", O_WRONLY, here);
	case SERVICE_GENERATE:
		/* zeros out; what comes in is read and thrown away, so that closing does not reset
		 * what was sent */
		return open_device("/dev/zero", O_RDWR, here);
	case SERVICE_SEND_FILE:
		return send_file(service, here);
	case SERVICE_RECEIVE:
		return receive_start(service->receiving, service->path, session, here);
	case SERVICE_HASH:
		return digest_start(session, here);
	default:
		return -EINVAL;
	}
}

void service_here(const struct service *service, struct outcome_here *here)
{
	*here = (struct outcome_here){ .input = "/dev/zero", .output = "/dev/null" };
	switch (service->kind) {
	case SERVICE_ECHO:
		*here = (struct outcome_here){ "the echo", "the echo", .mirrored = true };
		break;
	case SERVICE_SEND_FILE:
		here->input = service->path;
		break;
	case SERVICE_GENERATE:
		here->input = "the generated data";
		break;
	default:
		break;
	}
}

static int print_digest(struct service *service, const struct session *session)
{
	int error = output_open(&service->output, session->group->loop);

	return error ? error : digest_finish(session, service->json, &service->output);
}

int service_finish(struct service *service, const struct session *session)
{
	int error;

	/* a session that was denied, or whose service could not begin, has nothing to finish */
	if (!session->owner)
		return session->status;
	switch (service->kind) {
	case SERVICE_RECEIVE:
		return receive_finish(service->receiving, session);
	case SERVICE_HASH:
		error = print_digest(service, session);
		return error ? error : session->status;
	default:
		return session->status;
	}
}

void service_free(struct service *service)
{
	fd_close(&service->receiving);
}
