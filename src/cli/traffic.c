/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "net/explain.h"

const struct opt traffic_opts[] = {
	{ .name = "progress",
	  .group = "Transfer",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .text = "show a progress bar, or a line every 5 s",
	  .offset = offsetof(struct traffic_options, progress) },
	{ .name = "size",
	  .letter = 's',
	  .group = "Transfer",
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .fallback = "that of a file on stdin",
	  .text = "size of the whole transfer, for --progress",
	  .offset = offsetof(struct traffic_options, size) },
	{ .name = "dump",
	  .letter = 'x',
	  .group = "Transfer",
	  .type = OPT_TEXT,
	  .value = "FILE",
	  .text = "write all data to FILE as hex and text; - is standard error",
	  .offset = offsetof(struct traffic_options, dump) },
	{ .name = "record",
	  .group = "Transfer",
	  .type = OPT_TEXT,
	  .value = "FILE",
	  .text = "record all data to FILE, for Wireshark",
	  .offset = offsetof(struct traffic_options, record) },
	{ .name = "crlf",
	  .letter = 'C',
	  .group = "Transfer",
	  .type = OPT_FLAG,
	  .text = "send LF as CR LF",
	  .offset = offsetof(struct traffic_options, crlf) },
	{ .name = "send-only",
	  .group = "Transfer",
	  .type = OPT_FLAG,
	  .text = "discard received data",
	  .offset = offsetof(struct traffic_options, send_only) },
	{ .name = "receive-only",
	  .group = "Transfer",
	  .type = OPT_FLAG,
	  .text = "do not read standard input",
	  .offset = offsetof(struct traffic_options, receive_only) },
	{ .name = "recv-only",
	  .group = "Transfer",
	  .type = OPT_FLAG,
	  .flags = OPT_HIDDEN,
	  .text = "same as --receive-only, as in ncat",
	  .offset = offsetof(struct traffic_options, receive_only) },
	{ 0 },
};

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
		log_error("--record -: standard output is for received data");
		log_hint("to watch live: mkfifo pipe; wireshark -k -i pipe & %s --record pipe "
			 "ADDRESS",
			 log_program());
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

int traffic_open(struct traffic *traffic, const struct traffic_options *options,
		 const struct addr *addr, int us, struct relay_settings *relaying)
{
	int status = 0;

	traffic->addr = *addr;
	traffic->options = options;
	traffic->us = us;
	if (options->size && !options->progress) {
		log_error("--size needs --progress");
		log_hint(us == 0 ? "for the source address of nc -s, write ADDRESS,bind=FROM"
				 : "for nc -s ADDRESS, listen on that address");
		return STATUS_USAGE;
	}
	if (options->crlf && addr->seqpacket) {
		log_error("--crlf is for streams, but this address carries messages");
		log_hint("--message-size line sends each line as a message");
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

void traffic_show(struct traffic *traffic, struct loop *loop, const struct relay *relay,
		  const char *to, const struct log_config *log)
{
	uint64_t size = traffic->options->size;

	if (traffic->options->progress && !log->quiet)
		progress_start(&traffic->progress, loop, relay, to,
			       size ? size : traffic->input_size, size ? -1 : traffic->us,
			       log->format == LOG_JSON);
}

void traffic_end(struct traffic *traffic, const struct relay *relay)
{
	progress_end(&traffic->progress);
	record_end(&traffic->record, relay->result == END_RESET ? relay->error_side : -1);
}

/* What was to be kept, and could not be, is a failure though the transfer was none. */
int traffic_close(struct traffic *traffic)
{
	int unrecorded = record_close(&traffic->record), undumped = dump_close(&traffic->dump);

	return unrecorded || undumped ? STATUS_FAILURE : 0;
}

int traffic_standard(struct traffic *traffic, struct endpoint *end)
{
	bool send_only = traffic->options->send_only;
	int error = endpoint_stdio(traffic->options->receive_only ? -1 : STDIN_FILENO,
				   send_only ? -1 : STDOUT_FILENO, end);

	if (!traffic->options->receive_only)
		traffic->input_size = progress_input_size(STDIN_FILENO);
	if (error || !send_only)
		return error;
	end->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	end->out_kind = ENDPOINT_FILE;
	if (end->out >= 0)
		return 0;
	error = -errno;
	endpoint_close(end);
	return error;
}
