/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page: a text that is made anew for everyone who connects: metrics by HTTP, the status by a request of one line. A client
 * has some seconds, and few are served at once: this is for who looks on, and never in the way of what is forwarded.
 */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "net/addr.h"
#include "relay/loop.h"
#include "serve/access.h"
#include "serve/listener.h"

struct page_client;

struct page {
	struct listener listener; /* first */
	struct addr addr;
	struct loop *loop;
	const struct access *access; /* or NULL: everyone */
	const char *http_path;       /* what is asked for, "/metrics"; NULL: not HTTP, the request is one line */
	void (*write)(void *context, const char *request, FILE *out);
	void *context;
	bool of_process; /* its address is this process's alone: another that follows has one of its own */
	struct page_client *clients;
	size_t open;
};

/* Listens on page->addr, and accepts nothing yet. 0 or a negative errno with *failure. */
int page_listen(struct page *page, struct loop *loop, struct failure *failure);
/* Answers who connects, on what page_listen() has opened or another process has (listener_adopt()); the fields from access
 * to context are set. */
void page_serve(struct page *page, struct loop *loop);
/* Accepts nobody any more, who is being answered is: another process goes on with its sockets. */
void page_leave(struct page *page);
/* Harmless where it was not started. */
void page_stop(struct page *page);

#endif
