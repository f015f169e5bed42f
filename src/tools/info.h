/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * info: what vsock-info has found out, and the forms that it is told in. vsock-info.c fills it in; info-report.c tells it
 * to people, info-json.c to programs.
 */
#ifndef TOOLS_INFO_H
#define TOOLS_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "net/diag.h"
#include "net/explain.h"
#include "net/hosts.h"
#include "net/machine.h"

/* A line of the hosts file, asked whether it answers. */
struct info_host {
	const struct hosts_entry *entry;
	bool answers;
	uint64_t time; /* ns until the answer */
	struct explanation explanation; /* why not */
};

struct info {
	struct machine machine;
	struct hosts hosts; /* empty with -n */
	struct diag_list sockets;
	int sockets_error; /* negative errno; -EAGAIN: not asked, for that would load a module */
	bool verbose;

	enum status status; /* done: usable; absent: not; denied: blocked */
	struct explanation blocked; /* with STATUS_DENIED */

	bool probed;
	char probe[256]; /* what --probe did */

	struct info_host *asked; /* owned; with --hosts */
	size_t asked_count;
};

/* The whole story, on stdout. */
void info_report(const struct info *info);
/* Single parts, as tables. */
void info_report_guests(const struct info *info);
void info_report_guests_hosts(const struct info *info); /* lines for the hosts file */
void info_report_sockets(const struct info *info);
void info_report_hosts(const struct info *info);

/* Which parts one JSON object has. */
enum { INFO_MACHINE = 1, INFO_GUESTS = 2, INFO_SOCKETS = 4, INFO_HOSTS = 8 };
void info_json(const struct info *info, unsigned parts);

/* Asks every host of the hosts file, all at once, whether it answers: at most limit ns. 0 or a negative errno. */
int info_ask_hosts(struct info *info, uint64_t limit);

/* What a guest is called: by the hosts file, else by its VMM; or "". */
const char *info_guest_name(const struct info *info, const struct machine_guest *guest);
/* The transports that are up, as words: "vhost_vsock (to guests), vsock_loopback (CID 1)". Returns buf. */
char *info_transports(const struct machine *machine, char *buf, size_t size);
/* Why there is no list of sockets, in a sentence, or NULL. */
const char *info_sockets_why(const struct info *info);

#endif
