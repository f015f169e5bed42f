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

#include "ping/check.h"
#include "ping/ping.h"
#include "relay/busy.h"

#define OPTION(field) offsetof(struct ping_options, field)

static const char *const ways[] = { "off", "up", "down", "both", NULL };

static const struct opt ping_opts[] = {
	{ .name = "count",
	  .letter = 'c',
	  .group = "Probes",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "inf",
	  .min = 1,
	  .text = "stop after COUNT probes; with -w, answers",
	  .flags = OPT_INF | OPT_BRIEF,
	  .offset = OPTION(count) },
	{ .name = "interval",
	  .letter = 'i',
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "1s",
	  .text = "time between probes",
	  .flags = OPT_BRIEF,
	  .offset = OPTION(interval) },
	{ .name = "timeout",
	  .letter = 'W',
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "2s",
	  .text = "time limit of one answer",
	  .flags = OPT_BRIEF,
	  .offset = OPTION(timeout) },
	{ .name = "deadline",
	  .letter = 'w',
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "inf",
	  .text = "stop after TIME",
	  .flags = OPT_INF | OPT_BRIEF,
	  .offset = OPTION(deadline) },
	{ .name = "flood",
	  .letter = 'f',
	  .type = OPT_FLAG,
	  .text = "probe as fast as answers arrive, at least 100 per second",
	  .offset = OPTION(flood) },
	{ .name = "adaptive",
	  .letter = 'A',
	  .type = OPT_FLAG,
	  .text = "probe again when the last is answered or lost",
	  .offset = OPTION(adaptive) },
	{ .name = "outstanding",
	  .letter = 'O',
	  .type = OPT_FLAG,
	  .text = "report unanswered probes",
	  .offset = OPTION(outstanding) },
	{ .name = "alive",
	  .type = OPT_FLAG,
	  .text = "count a closed port as an answer",
	  .offset = OPTION(alive) },
	{ .name = "open",
	  .type = OPT_FLAG,
	  .text = "count only an open port as an answer",
	  .offset = OPTION(open) },
	{ .name = "wait",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "off",
	  .flags = OPT_INF | OPT_BRIEF,
	  .text = "wait up to TIME for an answer, and print how long it took",
	  .offset = OPTION(wait) },
	{ .name = "echo",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .offset = OPTION(echo),
	  .text = "send a payload to an echo service, and check it" },
	{ .name = "size",
	  .letter = 's',
	  .type = OPT_SIZE,
	  .value = "SIZE",
	  .fallback = "56",
	  .min = 1,
	  .max = 16 << 20,
	  .text = "payload size of --echo",
	  .offset = OPTION(size) },
	{ .name = "window",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "1 with -f and -A, else 1000",
	  .text = "maximum unanswered probes",
	  .min = 1,
	  .max = PING_IN_FLIGHT_MAX,
	  .offset = OPTION(window) },
	{ .name = "scan",
	  .group = "Scanning",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .offset = OPTION(scan),
	  .text = "print open ports; default PORTS: 1-1023 and known ones" },
	{ .name = "parallel",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "64",
	  .min = 1,
	  .max = 1000,
	  .text = "ports to probe at once, with --scan",
	  .offset = OPTION(parallel) },
	{ .name = "banner",
	  .type = OPT_FLAG,
	  .offset = OPTION(banner),
	  .text = "print the first line that an open port sends" },
	{ .name = "check",
	  .group = "Checking",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .offset = OPTION(check),
	  .text = "test the path to a vsock-listen --check; takes 7 to 18 s" },
	{ .name = "tap",
	  .type = OPT_FLAG,
	  .offset = OPTION(tap),
	  .text = "print the results of --check as TAP" },
	{ .name = "bandwidth",
	  .group = "Measuring",
	  .type = OPT_CHOICE,
	  .value = "WAY",
	  .fallback = "off",
	  .choices = ways,
	  .text = "measure throughput to (up) or from (down) the peer, for -w or 10s",
	  .offset = OPTION(bandwidth) },
	{ .name = "streams",
	  .type = OPT_COUNT,
	  .value = "COUNT",
	  .fallback = "1",
	  .min = 1,
	  .max = 1000,
	  .text = "connections to use for --bandwidth",
	  .offset = OPTION(streams) },
	BUSY_POLL_ROW("Measuring", OPTION(busy_poll)),
	{ .name = "histogram",
	  .group = "Output",
	  .type = OPT_FLAG,
	  .text = "print a histogram of the times",
	  .offset = OPTION(histogram) },
	{ .name = "live",
	  .type = OPT_FLAG,
	  .text = "draw a live graph on the terminal",
	  .offset = OPTION(live) },
	{ .name = "json",
	  .letter = 'j',
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .text = "print JSON, one object per line",
	  .offset = OPTION(json) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... CID[:PORT] | ADDRESS",
				     "--scan [OPTION]... CIDS[:PORTS]", NULL };
static const char *const examples[] = {
	"vsock-ping 3",
	"does the guest with CID 3 answer?",
	"vsock-ping -c 5 3:22",
	"how fast does its ssh port accept?",
	"vsock-ping --wait 60s 3:22",
	"wait until the guest has booted",
	"vsock-ping --scan 3:1-65535",
	"which ports of the guest are open?",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-t", "vsock has no hops to limit" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-a", "there is no audible bell" },
	{ "-M", "vsock has no IP header" },
	{ "-Q", "vsock has no IP header" },
	{ "-R", "vsock has no IP header" },
	{ "-T", "vsock has no IP header" },
	{ "-S", "write the window as an address option: ,window=SIZE" },
	{ "-z", "a port is tested anyway: vsock-ping CID:PORT" },
	{ "-p", "write the port after the CID: vsock-ping CID:PORT" },
	{ "-l", "for unanswered probes at once, write --window COUNT" },
	{ "-I", "write the source as an address option: ,bind=CID:PORT" },
	{ NULL, NULL },
};
static const char *const conflicts[] = {
	"alive",     "open",	   "flood",	"adaptive",    "echo",	    "alive",
	"wait",	     "flood",	   "wait",	"count",       "wait",	    "histogram",
	"wait",	     "echo",	   "scan",	"echo",	       "scan",	    "wait",
	"scan",	     "count",	   "scan",	"flood",       "scan",	    "adaptive",
	"scan",	     "histogram",  "bandwidth", "scan",	       "bandwidth", "echo",
	"bandwidth", "wait",	   "bandwidth", "histogram",   "bandwidth", "count",
	"live",	     "json",	   "live",	"wait",	       "live",	    "scan",
	"live",	     "bandwidth",  "live",	"outstanding", "live",	    "quiet",
	"live",	     "timestamps", "check",	"scan",	       "check",	    "echo",
	"check",     "wait",	   "check",	"bandwidth",   "check",	    "count",
	"check",     "interval",   "check",	"timeout",     "check",	    "flood",
	"check",     "adaptive",   "check",	"outstanding", "check",	    "alive",
	"check",     "open",	   "check",	"histogram",   "check",	    "live",
	"check",     "window",	   "tap",	"json",	       "json",	    "histogram",
	"scan",	     "interval",   "scan",	"outstanding", "scan",	    "alive",
	"scan",	     "open",	   "scan",	"window",      "wait",	    "interval",
	"wait",	     "adaptive",   "wait",	"outstanding", "wait",	    "window",
	"bandwidth", "flood",	   "bandwidth", "adaptive",    "bandwidth", "outstanding",
	"bandwidth", "alive",	   "bandwidth", "open",	       "json",	    "outstanding",
	"bandwidth", "window",	   "flood",	"outstanding", NULL,
};

/* Without a port the question is whether the machine answers, for which any port will do. */
static void set_port(struct ping *ping)
{
	bool written = ping->addr.has_port ||
		       (ping->addr.family != ADDR_VSOCK && ping->addr.family != ADDR_MUX);

	if (!written) {
		ping->addr.port = ping->addr.port_last = PING_PORT;
		ping->addr.has_port = true;
	}
	ping->want_open = (written || ping->options->open) && !ping->options->alive;
}

/* A name is looked up once, as by ping(8): what is measured is not the resolver. It belongs to the
 * time of -w. With --wait each attempt looks it up, because a name server may be booting, too. */
static int resolve_once(struct ping *ping)
{
	uint64_t began = units_now(), *deadline = &ping->options->deadline, took;
	struct addr *addr = &ping->addr;
	struct failure failure;
	struct places places;
	const struct place *place = &places.place[0];
	int error;

	if (addr->family != ADDR_TCP || ping->options->wait ||
	    resolve_now(addr, ADDR_CONNECT, &places, &failure) != -EINPROGRESS)
		return STATUS_DONE;
	if (resolve_wait_for(addr, ADDR_CONNECT, *deadline, &places, &failure) < 0 || !places.count)
		return explain_say(addr, &failure);
	took = units_now() - began;
	if (*deadline != UNITS_INF && !ping->options->bandwidth)
		*deadline = took < *deadline ? *deadline - took : 1;
	strlcpy(addr->alias, addr->name, sizeof(addr->alias));
	error = getnameinfo((const struct sockaddr *)&place->sa, place->length, addr->name,
			    sizeof(addr->name), NULL, 0, NI_NUMERICHOST);
	if (error)
		return log_failure(STATUS_FAILURE, "%s: %s", addr->alias, gai_strerror(error));
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
	if (ping->addr.family == ADDR_FD || ping->addr.family == ADDR_EXEC ||
	    ping->addr.family == ADDR_STDIO)
		return log_failure(STATUS_USAGE, "%s: this address cannot be pinged", words[0]);
	set_port(ping);
	if (!ping->options->wait)
		ping_suggest_waiting(ping, words[0], count == 2 ? words[1] : NULL);
	status = resolve_once(ping);
	if (ping->addr.family == ADDR_VSOCK && !*ping->addr.alias &&
	    (name = hosts_name_of(hosts, ping->addr.cid)))
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
	if (options->check && !opt_given(program, "deadline"))
		options->deadline = CHECK_TIME;
	if (options->bandwidth && !opt_given(program, "deadline"))
		options->deadline = PING_BANDWIDTH_TIME;
	if (opt_given(program, "size") && !options->echo)
		return log_failure(STATUS_USAGE, "--size needs --echo");
	if ((options->banner || opt_given(program, "parallel")) && !options->scan)
		return log_failure(STATUS_USAGE, "--%s needs --scan",
				   options->banner ? "banner" : "parallel");
	if (options->tap && !options->check)
		return log_failure(STATUS_USAGE, "--tap needs --check");
	if (opt_given(program, "streams") && !options->bandwidth)
		return log_failure(STATUS_USAGE, "--streams needs --bandwidth");
	if (options->live && (!isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0))
		return log_failure(STATUS_USAGE, "--live: standard output is %s",
				   isatty(STDOUT_FILENO) ? "a dumb terminal" : "not a terminal");
	if (options->bandwidth && !options->interval)
		options->interval = NSEC_PER_SEC;
	return STATUS_DONE;
}

static int start(struct ping *ping)
{
	int error = loop_start(&ping->loop);

	if (!error)
		error = dialer_start(ping->loop, &ping->dialer);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot start: %s", strerror(-error));
	loop_busy_poll(ping->loop, &(struct loop_settings){ ping->options->busy_poll });
	ping->dialling.connect_timeout = ping->options->timeout;
	return STATUS_DONE;
}

static int choose_and_run(struct ping *ping, const struct hosts *hosts, int count, char **words)
{
	int status = start(ping);

	if (status)
		return status;
	if (ping->options->scan)
		return ping_scan(ping, words[0], hosts);
	status = read_address(ping, hosts, count, words);
	if (status)
		return status;
	if (ping->options->check)
		return ping_check(ping);
	if (ping->options->bandwidth)
		return ping_bandwidth(ping);
	if (ping->options->wait)
		return ping_wait(ping);
	ping->kind = ping->options->echo ? &ping_echo : &ping_connect;
	return ping_run(ping);
}

static int run(void *context, const struct opt_program *program, int count, char **words,
	       char **command)
{
	struct ping *ping = context;
	const struct ping_options *options = ping->options;
	int status;

	(void)command;
	if (count < 1 || count > (options->scan ? 1 : 2)) {
		log_error(!count ? "no address given"
			  : options->scan
				  ? "too many arguments: give one CIDS:PORTS"
				  : "too many arguments: give one ADDRESS, or CID and PORT");
		opt_usage(program);
		return STATUS_USAGE;
	}
	status = check_options(program, ping->options);
	if (!status)
		status = common_hosts(&ping->hosts);
	if (!status)
		status = choose_and_run(ping, &ping->hosts, count, words);
	return status;
}

static void clean_up(void *context)
{
	struct ping *ping = context;

	dialer_stop(ping->dialer);
	loop_free(ping->loop);
	hosts_free(&ping->hosts);
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
		.busy_poll = BUSY_AUTO,
	};
	static struct common_options common;
	static struct ping ping = { .options = &options, .common = &common };
	const struct opt_table tables[] = { { ping_opts, &options },
					    { common_opts, &common },
					    { NULL, NULL } };
	const struct tool tool = {
		.program = {
			.name = "vsock-ping",
			.summary = "test whether a machine or port answers, and how fast",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.foreign = foreign,
			.conflicts = conflicts,
		},
		.common = &common,
		.operands = true,
		.run = run,
		.clean_up = clean_up,
		.context = &ping,
	};

	return tool_main(&tool, argc, argv);
}
