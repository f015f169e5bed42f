/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listener: listens on an address (on every place that its name resolves to) and passes on what it
 * accepts.
 *
 * It accepts in batches until the backlog is empty. At a limit its owner pauses it: it is not
 * polled, and new clients wait in the kernel's backlog. For UDP it passes on flows (serve/flows);
 * UDP has no backlog, so surplus sources are dropped. Without descriptors or memory it pauses by
 * itself for a moment and reports this once.
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
	struct flows *flows; /* UDP: has the socket too, and closes it; else NULL */
	struct place place; /* where it was bound when it was opened, with the port */
	char *path; /* of the socket file that is ours to remove, or NULL */
	struct socket_inode inode; /* of the file, so that no other file is removed */
};

struct admission;
struct inherited;

struct listener {
	struct listener *next; /* the server's list */
	struct admission *admission; /* access list and limits of this listener, in addition to the
					server's; or NULL */
	const struct addr *addr;
	struct loop *loop;
	/* The callee owns fd. For UDP fd is -1, and flow is set. */
	void (*accepted)(struct listener *listener, int fd, struct flow *flow,
			 const struct peer *peer);
	void *context;
	struct listener_socket *sockets; /* owned */
	size_t count;
	struct timer pause;
	uint64_t accept_rate; /* per second; 0 or UNITS_INF: no limit. Surplus clients wait in the
				 backlog, if there is one */
	uint64_t drops_said_at; /* ns: when dropped datagrams were last reported; 0: never */
	uint64_t accept_at; /* ns: when the next connection is due at an even pace */
	int connected; /* fd of an already connected socket (inetd, Accept=yes), the only
			  connection; else -1 */
	bool guarded; /* the socket was inherited and may be blocking: poll before accept */
	bool resting, paused, pause_said;
	bool datagrams; /* UDP: it passes on flows, not connections; set before it is opened */
	bool passed; /* its sockets were passed to another process, or by one */
	bool shared; /* another process keeps using its sockets after it is closed: socket files
			stay */
	bool due; /* its sockets have not got the options of its address: a reload tries again */
	const struct places *places; /* what its name resolves to, if already known; or NULL */
	const struct listener *like; /* an open listener whose sockets are shared where both listen
					on the same place; or NULL */
	struct inherited
		*inherited; /* existing sockets to take instead of opening new ones; NULL: none */
};

/* Opens it: resolves the name unless that was done already (this may block), binds and listens. 0,
 * or a negative errno with *failure. It accepts nothing before listener_pause(…, false). */
int listener_open(struct loop *loop, struct listener *listener, const struct addr *addr,
		  struct failure *failure);
/* Takes over sockets that another process has opened, or one that is already connected.
 * listener_open() then opens none. 0, or -ENOMEM, and the sockets are closed. */
int listener_adopt(struct listener *listener, const int *fds, size_t count, bool connected,
		   bool guarded);
/* If listener could not be opened because an address is in use: is it the other one that listens
 * there? It looks the name up again unless that was done already. */
bool listener_collides(const struct listener *listener, const struct listener *other);
/* Gives sockets that are open the options of an address, which is the same place as theirs. 0 or a
 * negative errno with *failure; then some options may have changed. */
int listener_renew(struct listener *listener, const struct addr *addr, struct failure *failure);
/* Its address, with the mode, owner and group that its socket file has now. */
void listener_state(const struct listener *listener, struct addr *addr);
/* Makes inherited sockets ours alone (no longer shared) and applies the options of the address,
 * which may have changed. 0, or a negative errno with *failure, and it is due. */
int listener_own(struct listener *listener, struct failure *failure);
/* Listens again where a worker that had the sockets has shut them down or connected them; nobody
 * else may have them any more. That is reported, and so is a failure. True if there were any. */
bool listener_revive(struct listener *listener);
/* Pauses at a limit, and resumes below it. */
void listener_pause(struct listener *listener, bool rest);
/* Is a client waiting that was not accepted yet? */
bool listener_awaited(const struct listener *listener);
/* Passes on the connection of an inetd-style listener, once; true if it was one. */
bool listener_hand_over(struct listener *listener);
/* Closes it, and removes the socket file if it is still ours and not shared. */
void listener_close(struct listener *listener);

/* Moves the sockets of an open listener to another one for the same address, and closes from.
 * Clients in the backlog keep waiting. */
void listener_move(struct listener *to, struct listener *from, const struct addr *addr);

/* Writes the name of its sockets in a struct inherited to buf, which has INHERITED_NAME_MAX bytes,
 * and returns buf. */
char *listener_kept_name(const struct listener *listener, char *buf);

/* Writes the address with the real port, as in "READY ADDRESS", to buf, and returns buf. */
char *listener_text(const struct listener *listener, char *buf, size_t size);
/* Writes what a TCP name resolved to, " (127.0.0.1, ::1)", else "", to buf, and returns buf. */
char *listener_places(const struct listener *listener, char *buf, size_t size);
/* The number of datagrams dropped by the access list or a limit. */
uint64_t listener_dropped(const struct listener *listener);
/* Writes "READY ADDRESS\n" to fd. 0 or a negative errno. */
int listener_ready(const struct listener *listener, int fd);

#endif
