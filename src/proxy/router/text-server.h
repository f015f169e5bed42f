/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text-server: sends a text that is generated for each client: metrics over HTTP, or the status for
 * a one-line request. A client has 5 seconds, and 8 are served at once, so that monitoring never
 * delays forwarding. A ninth ends the one whose request has been missing for longest; if all have
 * made theirs, it waits.
 */
#ifndef PROXY_ROUTER_TEXT_SERVER_H
#define PROXY_ROUTER_TEXT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "net/addr.h"
#include "relay/loop.h"
#include "serve/access.h"
#include "serve/listener.h"

struct text_client;

struct text_server {
	struct listener listener; /* first */
	struct addr addr;
	struct loop *loop;
	const struct access *access; /* NULL: any client */
	/* the path, "/metrics", beside which there is "/healthz"; NULL: no HTTP, the request is one
	 * line */
	const char *http_path;
	void (*write)(void *context, const char *request, FILE *out);
	void *context;
	/* the address is for this process only: after a restart the new process has its own */
	bool of_process;
	struct text_client *clients;
	size_t open;
};

/* Listens on server->addr, and accepts nothing yet. 0 or a negative errno with *failure. */
int text_server_listen(struct text_server *server, struct loop *loop, struct failure *failure);
/* Starts to answer clients, on sockets from text_server_listen() or from another process
 * (listener_adopt()). The fields from access to context must be set. */
void text_server_serve(struct text_server *server, struct loop *loop);
/* Accepts no more clients, because another process continues with the sockets; open requests are
 * still answered. */
void text_server_leave(struct text_server *server);
/* Stops it. Does nothing if it was not started. */
void text_server_stop(struct text_server *server);

#endif
