/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * service: what vsock-listen offers without a command: echo (RFC 862), discard (RFC 863), a source of bytes, a file that
 * is sent, files that are received, the hash of what arrives, and a hub. Each is a relay whose other end is here.
 */
#ifndef SERVE_SERVICE_H
#define SERVE_SERVICE_H

#include <stdbool.h>

#include "net/endpoint.h"
#include "serve/output.h"
#include "serve/session.h"

enum service_kind {
	SERVICE_NONE,
	SERVICE_ECHO,
	SERVICE_DISCARD,
	SERVICE_GENERATE,
	SERVICE_SEND_FILE,
	SERVICE_RECEIVE,
	SERVICE_HASH,
	SERVICE_HUB,
};

struct hub;

struct service {
	enum service_kind kind;
	const char *path; /* the file that is sent, the directory that receives */
	int directory;    /* that relative paths are in: AT_FDCWD or a descriptor of the caller's */
	int receiving;    /* descriptor of the directory that receives, once checked */
	bool json;        /* how hashes are printed */
	struct hub *hub;  /* once checked */
	struct output output; /* where hashes are printed; opened with the first; to be closed while there is a loop */
};
#define SERVICE_DEFAULTS { .directory = AT_FDCWD, .receiving = -1 }

/* Before listening: are the file and the directory there, and may we? 0, or a negative errno. */
int service_check(struct service *service);
/* The other end of a session's relay: *here. Echo takes the way out of *accepted for it. What has to be kept until the
 * session ends is the session's then (owner). 0, or a negative errno. */
int service_end(const struct service *service, struct session *session, struct endpoint *accepted, struct endpoint *here);
/* A session has ended: gives a received file its name, prints the hash. Returns the session's exit status, which may have
 * become worse, or a negative errno where standard output can't be written. */
int service_finish(struct service *service, const struct session *session);
/* The server drains: what is open and would never end by itself is ended in order. */
void service_drain(const struct service *service, struct loop *loop);
void service_free(struct service *service);

#endif
