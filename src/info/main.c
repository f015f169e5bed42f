/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-info: whether vsock can be used here, the local CID, which machines can be reached, and if
 * not, why. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"
#include "base/util.h"
#include "cli/tool.h"
#include "info/info.h"

#define HOSTS_LIMIT (2 * NSEC_PER_SEC) /* the kernel's own timeout of a connect */

struct options {
	bool json;
	bool cid, sockets, guests, hosts, probe, watch;
	unsigned format;
	uint64_t interval; /* ns; 0: not given */
	const char *sysroot;
};

/* One run of the program. */
struct run {
	struct options options;
	struct common_options common;
};

enum { FORMAT_TEXT, FORMAT_HOSTS };
static const char *const formats[] = { "text", "hosts", NULL };

#define AT(member) offsetof(struct options, member)

static const struct opt rows[] = {
	{ .name = "cid",
	  .group = "What to show",
	  .type = OPT_FLAG,
	  .text = "print only this machine's CID; status 4 if there is none",
	  .offset = AT(cid),
	  .flags = OPT_BRIEF },
	{ .name = "guests",
	  .type = OPT_FLAG,
	  .text = "print virtual machines that run here, and their CIDs",
	  .offset = AT(guests),
	  .flags = OPT_BRIEF },
	{ .name = "hosts",
	  .type = OPT_FLAG,
	  .text = "print whether the machines in the hosts file answer",
	  .offset = AT(hosts),
	  .flags = OPT_BRIEF },
	{ .name = "sockets",
	  .type = OPT_FLAG,
	  .text = "print vsock sockets and their processes",
	  .offset = AT(sockets),
	  .flags = OPT_BRIEF },
	{ .name = "json",
	  .letter = 'j',
	  .type = OPT_FLAG,
	  .text = "print JSON, one object per line",
	  .offset = AT(json),
	  .flags = OPT_BRIEF },
	{ .name = "format",
	  .type = OPT_CHOICE,
	  .value = "FORMAT",
	  .fallback = "text",
	  .text = "format of --guests",
	  .offset = AT(format),
	  .choices = formats },
	{ .name = "probe",
	  .group = "How to look",
	  .type = OPT_FLAG,
	  .text = "create a socket; this may load kernel modules",
	  .offset = AT(probe),
	  .flags = OPT_BRIEF },
	{ .name = "watch",
	  .type = OPT_FLAG,
	  .text = "repeat until interrupted",
	  .offset = AT(watch),
	  .flags = OPT_BRIEF },
	{ .name = "interval",
	  .type = OPT_TIME,
	  .value = "TIME",
	  .fallback = "1s",
	  .text = "time between two rounds of --watch",
	  .offset = AT(interval),
	  .min = NSEC_PER_MSEC },
	{ .name = "sysroot",
	  .type = OPT_TEXT,
	  .value = "DIR",
	  .text = "read a copy of another machine's /proc, /sys, /dev and /lib",
	  .offset = AT(sysroot),
	  .flags = OPT_HIDDEN },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]...", NULL };
static const char *const examples[] = {
	"vsock-info",
	"does vsock work here, and what is my CID?",
	"vsock-info --guests --format hosts",
	"lines for the hosts file, from running guests",
	"sudo vsock-info --sockets",
	"what is listening, and in which process",
	"vsock-info --cid",
	"this machine's CID, for scripts",
	NULL,
};
static const char *const conflicts[] = {
	"cid",	 "json",    "cid",   "guests",	"cid",	 "hosts",   "cid", "sockets",
	"probe", "sysroot", "hosts", "sysroot", "hosts", "numeric", NULL,
};
static const char *const notes[] = {
	"Nothing is changed and no module is loaded, except with --probe.",
	NULL,
};
static const char *const statuses[] = {
	"0 vsock works",
	"1 other failure",
	"2 wrong usage",
	"4 vsock does not work; no CID; sockets cannot be listed",
	"6 vsock is blocked, by permissions or a seccomp filter",
	NULL,
};

/*
 * Looking
 */

static void module_changes(const struct machine *before, const struct machine *after, char *buf,
			   size_t size)
{
	const struct {
		const char *name;
		enum machine_module before, after;
	} modules[] = {
		{ "vsock", before->vsock, after->vsock },
		{ "vsock_loopback", before->loopback, after->loopback },
		{ "vhost_vsock", before->vhost, after->vhost },
		{ "vmw_vsock_virtio_transport", before->virtio, after->virtio },
		{ "vmw_vsock_vmci_transport", before->vmci, after->vmci },
		{ "hv_sock", before->hyperv, after->hyperv },
		{ "vsock_diag", before->diag, after->diag },
	};
	size_t used = strlen(buf);
	const char *between = "; loaded ";
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (modules[i].before == modules[i].after || used >= size)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", between, modules[i].name);
		between = ", ";
		any = true;
	}
	if (!any && used < size)
		snprintf(buf + used, size - used, "; no module was loaded");
}

/* Does what may load modules: makes a socket, asks for the sockets. Tells what came of it. */
static void probe(struct info *info, bool guests)
{
	struct machine before;
	struct diag_list list;
	int fd, error;

	machine_look(&before, "", false);
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	error = fd < 0 ? errno : 0;
	fd_close(&fd);
	if (diag_read(&list) == 0)
		diag_free(&list);
	machine_look(&info->machine, "", guests);
	info->machine.socket_error = error;
	snprintf(info->probe, sizeof(info->probe), "a socket %s%s",
		 error ? "could not be made: " : "was made", error ? strerror(error) : "");
	module_changes(&before, &info->machine, info->probe, sizeof(info->probe));
	info->probed = true;
	machine_free(&before);
}

static void refine(struct info *info)
{
	const struct machine *machine = &info->machine;
	if (machine->socket_error > 0 &&
	    (machine->family || machine->socket_error != EAFNOSUPPORT)) {
		struct addr addr = { .family = ADDR_VSOCK, .cid = ADDR_CID_HOST };
		struct failure failure = { .step = STEP_SOCKET, .error = machine->socket_error };
		explain_on(machine, &addr, &failure, &info->blocked);
		info->status = STATUS_DENIED;
	} else {
		info->status = machine_has_transport(machine) ? STATUS_DONE : STATUS_ABSENT;
	}
}

/* Fills in all that the options ask for. */
static int look(struct info *info, const struct options *options)
{
	bool single = options->cid || options->guests || options->hosts || options->sockets;
	bool guests = options->guests || options->hosts || !single;
	bool sockets = options->sockets || !single;
	if (options->probe)
		probe(info, guests);
	else
		machine_look(&info->machine, options->sysroot ? options->sysroot : "", guests);
	refine(info);
	info->sockets_error = -EAGAIN;
	if (options->sysroot)
		info->sockets_error = -ENOENT;
	else if (sockets && (options->probe || diag_is_quiet(&info->machine)))
		info->sockets_error = diag_read(&info->sockets);
	return options->hosts ? info_ask_hosts(info, HOSTS_LIMIT) : 0;
}

static void forget(struct info *info)
{
	machine_free(&info->machine);
	diag_free(&info->sockets);
	free(info->asked);
	info->asked = NULL;
	info->asked_count = 0;
}

/*
 * Telling
 */

static enum status tell_cid(const struct info *info)
{
	if (info->machine.has_cid) {
		printf("%" PRIu32 "\n", info->machine.cid);
		return STATUS_DONE;
	}
	if (info->machine.cid_error == EACCES || info->machine.cid_error == EPERM)
		return log_failure(STATUS_DENIED, "/dev/vsock: permission denied");
	if (info->machine.cid_error)
		log_error("this machine has no CID: /dev/vsock: %s",
			  strerror(info->machine.cid_error));
	else
		log_error("this machine has no CID");
	return STATUS_ABSENT;
}

/* Why there are no sockets, as an exit status. */
static enum status sockets_status(const struct info *info)
{
	switch (-info->sockets_error) {
	case 0:
		return STATUS_DONE;
	case EPERM:
	case EACCES:
	case EAFNOSUPPORT:
		return STATUS_DENIED;
	default:
		return STATUS_ABSENT;
	}
}

static enum status tell_json(const struct info *info, const struct options *options)
{
	unsigned parts = (options->guests ? INFO_GUESTS : 0u) |
			 (options->sockets ? INFO_SOCKETS : 0u) |
			 (options->hosts ? INFO_HOSTS : 0u);
	info_json(info, parts ? parts : INFO_MACHINE | INFO_GUESTS | INFO_SOCKETS);
	if (options->guests && info->machine.guests_error)
		return STATUS_FAILURE;
	if (options->sockets && info->sockets_error)
		return sockets_status(info);
	return parts ? STATUS_DONE : info->status;
}

static enum status tell_sockets(const struct info *info)
{
	if (!info->sockets_error) {
		info_report_sockets(info);
		return STATUS_DONE;
	}
	if (info->sockets_error == -EAGAIN) {
		log_error("sockets: unknown: the module vsock_diag is not loaded");
		log_hint("add --probe to load it");
		return STATUS_ABSENT;
	}
	log_error("sockets: %s", info_sockets_why(info));
	return sockets_status(info);
}

static enum status tell_guests(const struct info *info, const struct options *options)
{
	char buf[120];
	const char *why = info_guests_why(info, buf, sizeof(buf));

	if (why)
		return log_failure(STATUS_FAILURE, "guests: %s", why);
	if (options->format == FORMAT_HOSTS)
		info_report_guests_hosts(info);
	else
		info_report_guests(info);
	if (!info->machine.guest_count)
		log_notice("no virtual machine is running here, as far as this user can see");
	return STATUS_DONE;
}

static enum status tell(const struct info *info, const struct options *options)
{
	enum status status = STATUS_DONE, guests = STATUS_DONE;
	if (options->cid)
		return tell_cid(info);
	if (options->json)
		return tell_json(info, options);
	if (options->probe && (options->guests || options->hosts || options->sockets))
		log_notice("probe: %s", info->probe);
	if (options->guests)
		guests = tell_guests(info, options);
	if (options->hosts)
		info_report_hosts(info);
	if (options->sockets)
		status = tell_sockets(info);
	if (guests)
		return guests;
	if (options->guests || options->hosts || options->sockets)
		return status;
	info_report(info);
	return info->status;
}

/* False: some machines of the hosts file could not be asked, which is reported. */
static bool all_asked(const struct info *info)
{
	const struct info_host *unknown = NULL;
	size_t count = 0;

	for (size_t i = 0; i < info->asked_count; i++) {
		if (!info->asked[i].unknown)
			continue;
		unknown = &info->asked[i];
		count++;
	}
	if (!unknown)
		return true;
	log_error("%zu of %zu hosts could not be asked: %s", count, info->asked_count,
		  unknown->explanation.what);
	if (*unknown->explanation.hint)
		log_hint("%s", unknown->explanation.hint);
	return false;
}

static enum status look_and_tell(struct info *info, const struct options *options)
{
	bool redraw = options->watch && isatty(STDOUT_FILENO) && !options->json;
	const uint64_t interval = options->interval ? options->interval : NSEC_PER_SEC;
	const struct timespec pause = { .tv_sec = (time_t)(interval / NSEC_PER_SEC),
					.tv_nsec = (long)(interval % NSEC_PER_SEC) };
	enum status status;

	for (;;) {
		int error = look(info, options);
		if (error)
			return log_failure(STATUS_FAILURE, "the hosts cannot be asked: %s",
					   strerror(-error));
		if (redraw)
			fputs("\033[H\033[J", stdout);
		status = tell(info, options);
		if (info->machine.incomplete) {
			log_error("not everything could be read: %s",
				  strerror(info->machine.incomplete));
			status = options->watch ? status : STATUS_FAILURE;
		}
		if (!all_asked(info) && !options->watch)
			status = STATUS_FAILURE;
		status = tool_flush(status);
		forget(info);
		if (!options->watch || status == STATUS_FAILURE)
			return status;
		nanosleep(&pause, NULL);
		if (!redraw && !options->json && !options->cid)
			putchar('\n');
	}
}

/* A bad hosts file spoils names, not the rest; only --hosts can't do without. */
static enum status load_hosts(struct info *info, bool needed)
{
	struct mistake error;

	if (needed)
		return (enum status)common_hosts(&info->hosts);
	if (hosts_load(&info->hosts, &error) < 0)
		log_warning("%s: %s", info->hosts.bad.place, error.why);
	return STATUS_DONE;
}

static int check_options(const struct options *options, int count, char **words)
{
	if (count) {
		log_error("unexpected argument: %s", words[0]);
		log_hint("vsock-ping tests whether a machine answers");
		return STATUS_USAGE;
	}
	if (options->format == FORMAT_HOSTS && (!options->guests || options->json))
		return log_failure(STATUS_USAGE,
				   options->json
					   ? "--format hosts and --json cannot be used together"
					   : "--format hosts can only be used with --guests");
	if (options->interval && !options->watch)
		return log_failure(STATUS_USAGE, "--interval needs --watch");
	if (options->interval == UNITS_INF)
		return log_failure(STATUS_USAGE, "--interval inf: --watch would never repeat");
	return 0;
}

static int run(void *context, const struct opt_program *program, int count, char **words,
	       char **command)
{
	const struct run *run = context;
	struct info info = { .verbose = run->common.log.verbose > 0 };
	int status = check_options(&run->options, count, words);

	(void)program;
	(void)command;
	if (!status && !run->common.numeric)
		status = (int)load_hosts(&info, run->options.hosts);
	/* -qq: only the exit status */
	if (!status && log_quiet() >= 2 && !freopen("/dev/null", "w", stdout))
		status = STATUS_FAILURE;
	if (!status)
		status = (int)look_and_tell(&info, &run->options);
	hosts_free(&info.hosts);
	return status;
}

int main(int argc, char **argv)
{
	struct run context = { .options.interval = 0 };
	const struct opt_table tables[] = { { rows, &context.options },
					    { common_opts, &context.common },
					    { 0 } };
	const struct tool tool = {
		.program = {
			.name = "vsock-info",
			.summary = "show whether vsock works here, and if not, why",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.conflicts = conflicts,
			.notes = notes,
			.statuses = statuses,
		},
		.common = &context.common,
		.run = run,
		.context = &context,
	};

	return tool_main(&tool, argc, argv);
}
