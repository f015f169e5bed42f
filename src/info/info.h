/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * info: the findings of vsock-info. main.c collects them; report.c prints them as text, json.c as
 * JSON.
 */
#ifndef INFO_INFO_H
#define INFO_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "net/diag.h"
#include "net/explain.h"
#include "net/hosts.h"
#include "net/machine.h"

/* An entry of the hosts file, and whether its machine answers. */
struct info_host {
	const struct hosts_entry *entry;
	bool answers;
	bool unknown; /* it could not be asked: descriptors or memory are short here */
	uint64_t time; /* ns until the answer */
	struct explanation explanation; /* why not */
};

struct info {
	struct machine machine;
	struct hosts hosts; /* empty with -n */
	struct diag_list sockets;
	int sockets_error; /* negative errno; -EAGAIN: not asked, because that would load a module
			    */
	bool verbose;

	/* STATUS_DONE: usable; STATUS_ABSENT: not usable; STATUS_DENIED: blocked */
	enum status status;
	struct explanation blocked; /* with STATUS_DENIED */

	bool probed;
	char probe[256]; /* what --probe did */

	struct info_host *asked; /* owned; with --hosts */
	size_t asked_count;
};

/* Prints the whole diagnosis on stdout. */
void info_report(const struct info *info);
/* Print single parts as tables. */
void info_report_guests(const struct info *info);
void info_report_guests_hosts(const struct info *info); /* lines for the hosts file */
void info_report_sockets(const struct info *info);
void info_report_hosts(const struct info *info);

/* The parts of a JSON object: bits. */
enum { INFO_MACHINE = 1, INFO_GUESTS = 2, INFO_SOCKETS = 4, INFO_HOSTS = 8 };
void info_json(const struct info *info, unsigned parts);

/* Tests all machines in the hosts file, at the same time as far as descriptors allow, each for at
 * most limit ns. 0 or a negative errno. */
int info_ask_hosts(struct info *info, uint64_t limit);

/* The name of a guest in the hosts file, else from its VMM, or "". */
const char *info_guest_name(const struct info *info, const struct machine_guest *guest);
/* Why there is no list of guests, as a sentence in buf, or NULL. */
const char *info_guests_why(const struct info *info, char *buf, size_t size);
/* Why there is no list of sockets, as a sentence, or NULL. */
const char *info_sockets_why(const struct info *info);

#endif
