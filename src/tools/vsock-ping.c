/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-ping: is it there, how fast. */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ping.h"

#define OPTION(field) offsetof(struct ping_options, field)

static const char *const ways[] = { "off", "up", "down", "both", NULL };

static const struct opt ping_opts[] = {
	{ .name = "count", .letter = 'c', .group = "Probes", .type = OPT_COUNT, .value = "COUNT", .fallback = "inf", .min = 1,
	  .text = "end after so many probes; with -w, answers", .flags = OPT_INF | OPT_BRIEF, .offset = OPTION(count) },
	{ .name = "interval", .letter = 'i', .group = "Probes", .type = OPT_TIME, .value = "TIME", .fallback = "1s",
	  .text = "from one probe to the next", .flags = OPT_BRIEF, .offset = OPTION(interval) },
	{ .name = "timeout", .letter = 'W', .group = "Probes", .type = OPT_TIME, .value = "TIME", .fallback = "2s",
	  .text = "how long one answer may take", .flags = OPT_BRIEF, .offset = OPTION(timeout) },
	{ .name = "deadline", .letter = 'w', .group = "Probes", .type = OPT_TIME, .value = "TIME", .fallback = "inf",
	  .text = "end after so long", .flags = OPT_INF | OPT_BRIEF, .offset = OPTION(deadline) },
	{ .name = "flood", .letter = 'f', .group = "Probes", .type = OPT_FLAG,
	  .text = "as fast as answers come, at least 100 a second; a dot for each that is lost", .offset = OPTION(flood) },
	{ .name = "adaptive", .letter = 'A', .group = "Probes", .type = OPT_FLAG,
	  .text = "the next when the last is answered or lost", .offset = OPTION(adaptive) },
	{ .name = "outstanding", .letter = 'O', .group = "Probes", .type = OPT_FLAG,
	  .text = "say what isn't answered yet when the next one goes", .offset = OPTION(outstanding) },
	{ .name = "alive", .group = "Probes", .type = OPT_FLAG, .text = "a closed port is an answer, too: is the machine there?",
	  .offset = OPTION(alive) },
	{ .name = "open", .group = "Probes", .type = OPT_FLAG, .text = "only an open port will do; both: by whether PORT is written",
	  .offset = OPTION(open) },
	{ .name = "wait", .group = "Probes", .type = OPT_TIME, .value = "TIME", .fallback = "off", .flags = OPT_INF | OPT_BRIEF,
	  .text = "until it answers, for so long at most; prints how long it took", .offset = OPTION(wait) },
	{ .name = "echo", .group = "Probes", .type = OPT_FLAG, .flags = OPT_BRIEF, .offset = OPTION(echo),
	  .text = "a payload over one connection to an echo service, checked" },
	{ .name = "size", .letter = 's', .group = "Probes", .type = OPT_SIZE, .value = "SIZE", .fallback = "56", .min = 1,
	  .max = 16 << 20, .text = "of the payload of --echo", .offset = OPTION(size) },
	{ .name = "window", .group = "Probes", .type = OPT_COUNT, .value = "COUNT", .fallback = "1 with -f and -A, else inf",
	  .text = "probes in flight at once", .min = 1, .max = PING_IN_FLIGHT_MAX, .offset = OPTION(window) },
	{ .name = "scan", .group = "Scanning", .type = OPT_FLAG, .flags = OPT_BRIEF, .offset = OPTION(scan),
	  .text = "which ports are open? PORTS without: 1-1023 and known ones; -v: closed ones too" },
	{ .name = "parallel", .group = "Scanning", .type = OPT_COUNT, .value = "COUNT", .fallback = "64", .min = 1, .max = 1000,
	  .text = "ports asked at once", .offset = OPTION(parallel) },
	{ .name = "banner", .group = "Scanning", .type = OPT_FLAG, .offset = OPTION(banner),
	  .text = "the first line that an open port sends within a second" },
	{ .name = "bandwidth", .group = "Measuring", .type = OPT_CHOICE, .value = "WAY", .fallback = "off", .choices = ways,
	  .text = "up to vsock-listen --discard, down from --generate inf, or both; for -w (10s)", .offset = OPTION(bandwidth) },
	{ .name = "streams", .group = "Measuring", .type = OPT_COUNT, .value = "COUNT", .fallback = "1", .min = 1, .max = 1000,
	  .text = "connections of --bandwidth", .offset = OPTION(streams) },
	{ .name = "histogram", .group = "Output", .type = OPT_FLAG, .text = "the times as bars, at the end",
	  .offset = OPTION(histogram) },
	{ .name = "live", .group = "Output", .type = OPT_FLAG, .text = "a picture of the newest times, and the figures, redrawn in place",
	  .offset = OPTION(live) },
	{ .name = "json", .letter = 'j', .group = "Output", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "an object a line: each probe, and the summary", .offset = OPTION(json) },
	{ .name = "csv", .group = "Output", .type = OPT_FLAG, .text = "a row for each probe", .offset = OPTION(csv) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... CID[:PORT] | ADDRESS", "--scan [OPTION]... CIDS[:PORTS]", NULL };
static const char *const examples[] = {
	"vsock-ping 3", "is the guest with CID 3 there? A closed port is an answer",
	"vsock-ping -c 5 3:22", "how fast does its ssh accept?",
	"vsock-ping --wait 60s 3:22", "until the guest has booted",
	"vsock-ping --scan 3:1-65535", "which ports of the guest are open?",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-t", "there are no hops to limit" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-a", "print the bell yourself: vsock-ping ... | tr '\\n' '\\a\\n'" },
	{ "-I", "the source is an option of the address: ,bind=CID:PORT" },
	{ NULL, NULL },
};
static const char *const conflicts[] = {
	"alive", "open",
	"flood", "adaptive",
	"json", "csv",
	"echo", "alive",
	"wait", "flood", "wait", "count", "wait", "histogram", "wait", "csv", "wait", "echo",
	"scan", "echo", "scan", "wait", "scan", "csv", "scan", "count", "scan", "flood", "scan", "adaptive", "scan", "histogram",
	"bandwidth", "scan", "bandwidth", "echo", "bandwidth", "wait", "bandwidth", "csv", "bandwidth", "histogram",
	"bandwidth", "count",
	"live", "json", "live", "csv", "live", "wait", "live", "scan", "live", "bandwidth", "live", "outstanding", "live", "quiet",
	"live", "timestamps",
	NULL,
};

/* Without a port the question is whether the machine is there; any port will do for that. */
static void set_port(struct ping *ping)
{
	bool written = ping->addr.has_port || (ping->addr.family != ADDR_VSOCK && ping->addr.family != ADDR_MUX);

	if (!written) {
		ping->addr.port = ping->addr.port_last = PING_PORT;
		ping->addr.has_port = true;
	}
	ping->want_open = (written || ping->options->open) && !ping->options->alive;
}

/* A name is looked up once, as by ping(8): what is measured is not the resolver. */
static int resolve_once(struct ping *ping)
{
	struct addr *addr = &ping->addr;
	struct failure failure;
	struct places places;
	const struct place *place = &places.place[0];
	int error;

	if (addr->family != ADDR_TCP || resolve_now(addr, ADDR_CONNECT, &places, &failure) != -EINPROGRESS)
		return STATUS_DONE;
	if (resolve_wait(addr, ADDR_CONNECT, &places, &failure) < 0 || !places.count)
		return explain_say(addr, &failure);
	strlcpy(addr->alias, addr->name, sizeof(addr->alias));
	error = getnameinfo((const struct sockaddr *)&place->sa, place->length, addr->name, sizeof(addr->name), NULL, 0,
	                    NI_NUMERICHOST);
	if (error) {
		log_error("%s: %s", addr->alias, gai_strerror(error));
		return STATUS_FAILURE;
	}
	addr->name_length = strlen(addr->name);
	return STATUS_DONE;
}

static int read_address(struct ping *ping, const struct hosts *hosts, int count, char **words)
{
	struct addr_context context = {
		.role = ADDR_CONNECT,
		.flags = ADDR_SHORT | ADDR_PORT_OPTIONAL,
		.program = log_program(),
		.hosts = hosts,
	};
	const char *name;
	int status = count == 2 ? common_addr_words(words[0], words[1], &context, &ping->addr)
	                        : common_addr(words[0], &context, &ping->addr);

	if (status)
		return status;
	if (ping->addr.family == ADDR_FD || ping->addr.family == ADDR_EXEC || ping->addr.family == ADDR_STDIO) {
		log_error("%s: there is nothing to connect to, and so nothing to ping", words[0]);
		return STATUS_USAGE;
	}
	set_port(ping);
	status = resolve_once(ping);
	if (ping->addr.family == ADDR_VSOCK && !*ping->addr.alias && (name = hosts_name_of(hosts, ping->addr.cid)))
		strlcpy(ping->addr.alias, name, sizeof(ping->addr.alias));
	if (ping->common->numeric)
		*ping->addr.alias = '\0';
	addr_format_short(&ping->addr, ping->text, sizeof(ping->text));
	return status;
}

/* What depends on other options. */
static int check_options(const struct opt_program *program, struct ping_options *options)
{
	const char *terminal = getenv("TERM");

	if ((options->flood || options->adaptive) && !opt_given(program, "interval"))
		options->interval = 0;
	if (opt_given(program, "size") && !options->echo) {
		log_error("--size is of the payload: it needs --echo");
		return STATUS_USAGE;
	}
	if ((options->banner || opt_given(program, "parallel")) && !options->scan) {
		log_error("--%s belongs to --scan", options->banner ? "banner" : "parallel");
		return STATUS_USAGE;
	}
	if (opt_given(program, "streams") && !options->bandwidth) {
		log_error("--streams belongs to --bandwidth");
		return STATUS_USAGE;
	}
	if (options->live && (!isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0)) {
		log_error("--live draws on a terminal, and standard output is %s", isatty(STDOUT_FILENO) ? "a dumb one" : "none");
		return STATUS_USAGE;
	}
	if (options->bandwidth && !options->interval)
		options->interval = NSEC_PER_SEC;
	return STATUS_DONE;
}

static int start(struct ping *ping)
{
	int error = loop_start(&ping->loop);

	if (!error)
		error = dialer_start(ping->loop, &ping->dialer);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	ping->dialling.connect_timeout = ping->options->timeout;
	return STATUS_DONE;
}

static int run(struct ping *ping, const struct hosts *hosts, int count, char **words)
{
	int status = start(ping);

	if (status)
		return status;
	if (ping->options->scan)
		return ping_scan(ping, words[0], hosts);
	status = read_address(ping, hosts, count, words);
	if (status)
		return status;
	if (ping->options->bandwidth)
		return ping_bandwidth(ping);
	if (ping->options->wait)
		return ping_wait(ping);
	ping->kind = ping->options->echo ? &ping_echo : &ping_connect;
	return ping_run(ping);
}

int main(int argc, char **argv)
{
	static struct ping_options options = {
		.count = UNITS_INF,
		.interval = 1 * NSEC_PER_SEC,
		.timeout = 2 * NSEC_PER_SEC,
		.deadline = UNITS_INF,
		.size = 56,
		.parallel = 64,
		.streams = 1,
	};
	static struct common_options common;
	static struct ping ping = { .options = &options, .common = &common };
	const struct opt_table tables[] = { { ping_opts, &options }, { common_opts, &common }, { NULL, NULL } };
	const struct opt_program program = {
		.name = "vsock-ping",
		.summary = "is it there, and how fast does it answer",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.foreign = foreign,
		.conflicts = conflicts,
	};
	struct hosts hosts = { 0 };
	int first, status;

	common_start(program.name);
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&common.log);
	if (argc - first < 1 || argc - first > (options.scan ? 1 : 2)) {
		log_error(argc == first ? "no address given" : options.scan ? "too many words: one CIDS:PORTS" :
		          "too many words: one ADDRESS, or CID and PORT");
		opt_usage(&program);
		return STATUS_USAGE;
	}
	status = check_options(&program, &options);
	if (!status)
		status = common_hosts(&hosts);
	if (!status)
		status = run(&ping, &hosts, argc - first, argv + first);
	dialer_stop(ping.dialer);
	loop_free(ping.loop);
	hosts_free(&hosts);
	return status;
}
