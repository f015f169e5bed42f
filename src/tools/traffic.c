/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tools/traffic.h"

#include <string.h>

#include "base/log.h"
#include "net/explain.h"

static int open_dump(struct traffic *traffic, const char *name, struct relay_settings *relaying)
{
	int error = dump_open(&traffic->dump, name, traffic->us);

	if (error) {
		log_error("--dump %s: %s", name, strerror(-error));
		return STATUS_FAILURE;
	}
	relaying->tap = &traffic->dump.tap;
	return 0;
}

static int open_record(struct traffic *traffic, const char *name, struct relay_settings *relaying)
{
	int error;

	if (strcmp(name, "-") == 0) {
		log_error("--record -: standard output is for the data that is received");
		log_hint("to look on while it goes: mkfifo pipe; wireshark -k -i pipe & %s --record pipe ADDRESS", log_program());
		return STATUS_USAGE;
	}
	error = record_open(&traffic->record, name, traffic->us);
	if (error) {
		log_error("--record %s: %s", name, strerror(-error));
		return STATUS_FAILURE;
	}
	traffic->record.tap.next = relaying->tap;
	relaying->tap = &traffic->record.tap;
	return 0;
}

int traffic_open(struct traffic *traffic, const struct traffic_options *options, const struct addr *addr, int us,
                 struct relay_settings *relaying)
{
	int status = 0;

	traffic->addr = *addr;
	traffic->us = us;
	if (options->crlf && addr->seqpacket) {
		log_error("--crlf is for streams, and this address has messages");
		log_hint("--message-size line cuts standard input at line ends");
		return STATUS_USAGE;
	}
	if (options->crlf)
		relaying->filter = &traffic->crlf.filter;
	if (options->dump)
		status = open_dump(traffic, options->dump, relaying);
	if (!status && options->record)
		status = open_record(traffic, options->record, relaying);
	return status;
}

void traffic_begin(struct traffic *traffic, int fd)
{
	crlf_start(&traffic->crlf);
	dump_begin(&traffic->dump);
	record_begin(&traffic->record, &traffic->addr, fd);
}

void traffic_end(struct traffic *traffic, const struct relay *relay)
{
	record_end(&traffic->record, relay->result == END_RESET ? relay->error_side : -1);
}

/* What was to be kept, and could not be, is a failure though the transfer was none. */
int traffic_close(struct traffic *traffic)
{
	const char *name = traffic->dump.name;
	int unrecorded = record_close(&traffic->record), error = dump_close(&traffic->dump);

	if (error)
		log_error("--dump %s: %s", name, strerror(-error));
	return error || unrecorded ? STATUS_FAILURE : 0;
}
