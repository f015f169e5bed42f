/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listener: listens on an address (every place that its name has) and hands over what it accepts.
 *
 * It accepts in batches until there is nothing more. At a limit its owner lets it rest: it is not polled, and who connects
 * waits in the kernel's backlog. Of UDP it hands over flows (serve/flows), and has no backlog: who is one too many is
 * dropped. Out of descriptors or memory it pauses by itself for a moment and says so once.
 */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/explain.h"
#include "net/peer.h"
#include "net/resolve.h"
#include "net/socket.h"
#include "relay/loop.h"
#include "serve/flows.h"

struct listener;

struct listener_socket {
	struct watch watch;
	struct listener *listener;
	int fd;
	struct flows_owner owner; /* of flows */
	struct flows *flows;      /* UDP: has the socket too, and closes it; else NULL */
	char *path; /* of the socket file that is ours to remove, or NULL */
	dev_t device;
	ino_t inode;
};

struct gate;
struct kept;

struct listener {
	struct listener *next; /* the server's list */
	struct gate *gate;     /* who is let in here, beside what the server says; or NULL */
	const struct addr *addr;
	struct loop *loop;
	/* fd is the callee's; of UDP it is -1, and flow is. */
	void (*accepted)(struct listener *listener, int fd, struct flow *flow, const struct peer *peer);
	void *context;
	struct listener_socket *sockets; /* owned */
	size_t count;
	struct timer pause;
	uint64_t accept_rate; /* a second; 0 or UNITS_INF: no limit. Who is one too many waits in the backlog, if there is one */
	uint64_t drops_said_at; /* ns: who waits for no backlog is told of now and then; 0: never */
	uint64_t accept_at;   /* ns: when the next would be due, were they accepted at an even pace */
	int connected; /* fd: with a socket that is connected already (inetd, Accept=yes): the only connection; else -1 */
	bool guarded;  /* the socket was inherited and may be blocking: poll before accept */
	bool resting, paused, pause_said;
	bool datagrams; /* of UDP: flows come, not connections; set before it is opened */
	bool passed;   /* its sockets were passed to another process, or by one */
	bool shared;   /* somebody outside goes on with its sockets when it is closed: socket files stay */
	struct kept *kept; /* where sockets that are there already are taken from, before any is opened; NULL: nowhere */
};

/* Opens it: resolves (this may wait, so it is for the start), binds, listens. 0, or a negative errno with *failure. Accepts
 * nothing before listener_rest(…, false). */
int listener_open(struct loop *loop, struct listener *listener, const struct addr *addr,
                  const struct socket_defaults *defaults, struct failure *failure);
/* Takes over sockets that another process has opened; or one that is connected already. listener_open() opens none then.
 * -ENOMEM: they are closed. */
int listener_adopt(struct listener *listener, const int *fds, size_t count, bool connected, bool guarded);
/* Sockets that were there already become ours alone (shared no more), with the options of the address, which may be others
 * than before. 0 or a negative errno with *failure: they keep the old ones. */
int listener_own(struct listener *listener, struct failure *failure);
/* At the limit: true; below it again: false. */
void listener_rest(struct listener *listener, bool rest);
/* Hands over the connection that an inetd-style listener is; true if it was one. It has no more to give then. */
bool listener_hand_over(struct listener *listener);
/* Closes; removes the socket file if it is still ours, and not shared. */
void listener_close(struct listener *listener);

/* Moves the sockets of one that is open to another, that is to listen on the same address; from is closed then. Who waits in
 * the backlog goes on waiting. */
void listener_move(struct listener *to, struct listener *from, const struct addr *addr);

/* What its sockets are called in a struct kept. Returns buf, of KEPT_NAME_MAX. */
char *listener_kept_name(const struct listener *listener, char *buf);

/* The address with the real port, as in "READY ADDRESS". Returns buf. */
char *listener_text(const struct listener *listener, char *buf, size_t size);
/* The places behind a TCP name: " (127.0.0.1, ::1)", else "". Returns buf. */
char *listener_places(const struct listener *listener, char *buf, size_t size);
/* Datagrams that were dropped because of who sent them, how many did, or how fast. */
uint64_t listener_dropped(const struct listener *listener);
/* Writes "READY ADDRESS\n" to fd. 0 or a negative errno. */
int listener_ready(const struct listener *listener, int fd);

#endif
