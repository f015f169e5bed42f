/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/receive.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/explain.h"

#define SAME_NAMES 100 /* of one second, number and peer: another process that writes here */

struct receive {
	char name[NAME_MAX + 1];
	char part[NAME_MAX + 1];
	char text[]; /* directory and name, for records */
};

int receive_directory(int base, const char *path)
{
	int fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		int error = -errno;

		fd_close(&fd);
		return error;
	}
	return fd;
}

/* Letters, digits and dots stay; what else there is becomes one dash: "unix (pid 7, uid 0)" is
 * unix-pid-7-uid-0. */
static void plain(const char *text, char *out, size_t size)
{
	size_t length = 0;

	for (; *text && length + 1 < size; text++) {
		bool keeps = isascii((unsigned char)*text) &&
			     (isalnum((unsigned char)*text) || *text == '.');

		if (keeps)
			out[length++] = *text;
		else if (length && out[length - 1] != '-')
			out[length++] = '-';
	}
	while (length && out[length - 1] == '-')
		length--;
	out[length] = '\0';
}

static void make_name(struct receive *receive, const struct session *session, unsigned attempt)
{
	char from[PEER_TEXT_MAX], peer[PEER_TEXT_MAX], when[32] = "", again[16] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	plain(peer_format(&session->peer, from, sizeof(from)), peer, sizeof(peer));
	if (attempt)
		snprintf(again, sizeof(again), "-%u", attempt + 1);
	snprintf(receive->name, sizeof(receive->name), "%s-%llu-%s%s", when,
		 (unsigned long long)session->number, peer, again);
	snprintf(receive->part, sizeof(receive->part), "%.*s.part", NAME_MAX - 5, receive->name);
}

static int create(int directory, struct receive *receive, const struct session *session)
{
	for (unsigned attempt = 0; attempt < SAME_NAMES; attempt++) {
		int fd;

		make_name(receive, session, attempt);
		if (faccessat(directory, receive->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		fd = openat(directory, receive->part,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static void release(struct session *session)
{
	free(session->owner);
}

int receive_start(int directory, const char *path, struct session *session, struct endpoint *here)
{
	size_t room = strlen(path) + NAME_MAX + 2;
	struct receive *receive = malloc(sizeof(*receive) + room);
	int fd;

	if (!receive)
		return -ENOMEM;
	fd = create(directory, receive, session);
	if (fd < 0) {
		free(receive);
		return fd;
	}
	snprintf(receive->text, room, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
		 receive->name);
	*here = (struct endpoint){
		.in = -1, .out = fd, .in_kind = ENDPOINT_FILE, .out_kind = ENDPOINT_FILE
	};
	session->owner = receive;
	session->group->release = release;
	session->to = receive->text;
	return 0;
}

static const char *why_not_whole(const struct relay *relay)
{
	return relay->error ? relay_why(relay) : relay_end_word(relay);
}

int receive_finish(int directory, const struct session *session)
{
	const struct receive *receive = session->owner;
	unsigned long long bytes = session->relay.chan[0].bytes;

	if (session->relay.result != END_EOF) {
		log_error("%s.part: incomplete, %llu bytes: %s", receive->text, bytes,
			  why_not_whole(&session->relay));
		return session->status ? session->status : STATUS_BROKEN;
	}
	/* by its number: not every C library has a function for it */
	if (syscall(SYS_renameat2, directory, receive->part, directory, receive->name,
		    RENAME_NOREPLACE) == 0)
		return session->status;
	/* file systems that can't do that: a second name, then without the first */
	if ((errno == EINVAL || errno == ENOSYS) &&
	    linkat(directory, receive->part, directory, receive->name, 0) == 0) {
		unlinkat(directory, receive->part, 0);
		return session->status;
	}
	log_error("%s.part: complete, but cannot be renamed: %s", receive->text, strerror(errno));
	return STATUS_FAILURE;
}
