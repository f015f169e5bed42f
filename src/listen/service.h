/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * service: the built-in services of vsock-listen: echo (RFC 862), discard (RFC 863), a source of
 * bytes, sending a file, receiving files, and hashing the input. Each is a relay with a local
 * endpoint, except for --check, --run and --notify.
 */
#ifndef LISTEN_SERVICE_H
#define LISTEN_SERVICE_H

#include <stdbool.h>

#include "cli/outcome.h"
#include "net/endpoint.h"
#include "listen/output.h"
#include "serve/session.h"

enum service_kind {
	SERVICE_NONE,
	SERVICE_ECHO,
	SERVICE_DISCARD,
	SERVICE_GENERATE,
	SERVICE_SEND_FILE,
	SERVICE_RECEIVE,
	SERVICE_HASH,
	SERVICE_CHECK, /* see check.h: nothing is relayed */
	SERVICE_RUN, /* see run.h */
	SERVICE_NOTIFY, /* see readiness.h: nothing is relayed */
};

struct service {
	enum service_kind kind;
	const char *path; /* the file to send, or the directory for received files */
	int directory; /* base of relative paths: AT_FDCWD or a descriptor of the caller's */
	int receiving; /* descriptor of the directory for received files, once checked */
	bool json; /* print hashes or messages as JSON */
	struct output output; /* for hashes and messages; opened with the first one; must be closed
				 before the loop */
};
#define SERVICE_DEFAULTS                               \
	{                                              \
		.directory = AT_FDCWD, .receiving = -1 \
	}

/* Checks before listening that the file or directory exists and is accessible. 0 or a negative
 * errno. */
int service_check(struct service *service);
/* Makes the other endpoint of a session's relay: *here. Echo moves the output of *accepted to it.
 * The session's owner holds what must live until the session ends. 0 or a negative errno. */
int service_end(const struct service *service, struct session *session, struct endpoint *accepted,
		struct endpoint *here);
/* What is at our end of a connection, as messages name it. */
void service_here(const struct service *service, struct outcome_here *here);
/* A session has ended: gives a received file its name, or prints the hash. Returns the session's
 * exit status, or a worse one, or a negative errno if standard output cannot be written.
 */
int service_finish(struct service *service, const struct session *session);
void service_free(struct service *service);

#endif
