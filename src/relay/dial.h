/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial: connects to an address: looks the name up, tries its addresses, shakes hands where the
 * family wants it, and goes on where --wait says so. Nothing of it blocks.
 *
 * Of several addresses the next one is tried when one has failed, and also when it has not answered
 * within 250 ms, while the first goes on: the first that is connected counts (RFC 8305). IPv6 and
 * IPv4 take turns, beginning with what the resolver put first. If all fail, the failure that tells
 * most is reported: "refused" rather than "no route".
 *
 *   LOOKUP -> CONNECT -> (HANDSHAKE) -> done
 *                ^  |failed: the next address, at the end the verdict
 *                |  v
 *               PAUSE: a full UNIX backlog, or waiting for what may heal
 *
 * Where this process may not connect, ASKED stands for CONNECT: another process does, if there is
 * one (struct dial_broker).
 */
#ifndef RELAY_DIAL_H
#define RELAY_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/endpoint.h"
#include "net/explain.h"
#include "net/mux.h"
#include "net/resolve.h"
#include "relay/loop.h"

/* What all dials of a program share: the resolver and who waits for it. */
struct dialer;
int dialer_start(struct loop *loop, struct dialer **dialer); /* 0 or a negative errno */
void dialer_stop(struct dialer *dialer);
/* How exec: addresses are connected to: starts the command and returns our end of a socket pair, or
 * a negative errno. */
typedef int dial_exec(const struct loop *loop, const char *command);
void dialer_exec(struct dialer *dialer, dial_exec *exec);
/*
 * For a process that may open little, and sees nothing of the machine: another one opens exec: and
 * fd: targets, what a rule's destinations must permit, and what socket(2), connect(2) or bind(2)
 * may not do here; it looks names up, and finds out why a connection failed. All three pass
 * dial->question on, and return 0 or a negative errno; place is where to connect to, NULL for exec:
 * and fd:. The answers come by the dialer_ functions below.
 */
struct dial;
struct dial_broker {
	int (*open)(void *context, const struct dial *dial, const struct place *place,
		    uint64_t timeout); /* NULL: there is no other process */
	int (*look_up)(void *context, const struct dial *dial);
	int (*explain)(void *context, const struct dial *dial);
	void *context;
};
void dialer_broker(struct dialer *dialer, const struct dial_broker *broker);
/* What was asked for: a descriptor, non-blocking and connected or about to be, which is taken over;
 * or -1 and why not. */
void dialer_given(struct dialer *dialer, uint32_t question, int fd, const struct failure *failure);
void dialer_found(struct dialer *dialer, const struct resolver_answer *answer);
void dialer_explained(struct dialer *dialer, uint32_t question, const struct explanation *why);
/* What a dial's descriptor is for a relay. */
struct endpoint dial_endpoint(const struct addr *addr, int fd);

struct dest_list;

#define DIAL_DETAIL_MAX 192

struct dial_settings {
	uint64_t connect_timeout; /* ns: one attempt with names and handshake; an address's own
				     option wins */
	uint64_t wait; /* ns: go on while the cause may heal, in all; 0: don't */
	/* May host be connected to at this address? If not, why says so. NULL: any address. */
	bool (*permits)(const struct dest_list *dests, const char *host, const struct sockaddr *sa,
			char why[DIAL_DETAIL_MAX]);
	const struct dest_list *dests; /* for permits() */
	bool brief; /* there is another target: nobody waits to learn why this one failed */
	/* told each time that a wait goes on; may be NULL */
	void (*waiting)(const struct addr *addr, const struct explanation *why, uint64_t elapsed,
			uint64_t wait);
};

struct dial {
	struct dialer *dialer;
	const struct addr *addr; /* the caller's; must outlive the dial */
	const struct dial_settings *settings;
	/* called once: fd is connected, non-blocking and the caller's, or -1 with the failure. The
	 * dial is over, but its watch may still be registered for fd: a relay takes it over
	 * (relay_start()), or dial_cancel() removes it. */
	void (*done)(struct loop *loop, struct dial *dial, int fd, const struct failure *failure);

	struct watch watch;
	struct timer timer;
	struct place *places; /* what the address means: &only, or owned */
	struct place only; /* most have no more, and wait in no other memory */
	size_t place_count, next; /* how many, and which of them comes next */
	uint64_t started; /* ns: the whole dial */
	uint64_t attempt_started, attempt_ends;
	uint64_t connect_began; /* ns: just before the last connect(2) */
	uint64_t pause; /* ns: the next pause of a wait */
	struct failure failure; /* of the last attempt, the most telling one of its addresses */
	struct explanation *why; /* of it, where another process has told; owned; or NULL */
	struct dial_rival *rivals; /* addresses that were tried before the present one and have not
				      answered yet; owned */
	struct mux mux;
	char detail[DIAL_DETAIL_MAX]; /* for the message: what a handshake answered instead of OK,
				      why dests don't permit it */
	struct dial
		*next_asking; /* list of those that wait for the resolver, or for another process */
	uint32_t question;
	uint32_t share; /* set before it starts: who asks for names, see resolver_ask_for() */
	int fd;
	int keep_fd; /* the directory through which a long UNIX path is reached, or -1 */
	uint8_t state;
	bool failure_is_old; /* the failure is of the attempt before this one */
};

/* Starts; done() may be called before this returns only for failures that need no waiting: so never
 * touch the dial after. */
void dial_start(struct dialer *dialer, struct dial *dial, const struct addr *addr,
		const struct dial_settings *settings,
		void (*done)(struct loop *loop, struct dial *dial, int fd,
			     const struct failure *failure));
/* Why it failed: to be asked by done(). */
void dial_explain(const struct dial *dial, const struct failure *failure,
		  struct explanation *explanation);
/* Ends it without done(). Harmless where a zeroed one was never started, and when it is over, and
 * then frees what a done() left: see there. */
void dial_cancel(struct dial *dial);

#endif
