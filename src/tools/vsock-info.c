/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-info: can vsock be used here, what is my CID, whom can I reach, and if not, why. */
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

#include "base/fdutil.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"
#include "tools/common.h"
#include "tools/info.h"

#define HOSTS_LIMIT (2 * NSEC_PER_SEC) /* the kernel's own time-out of a connect */

struct options {
	bool json;
	bool cid, sockets, guests, hosts, probe, watch;
	unsigned format;
	uint64_t interval;
	const char *sysroot;
};

enum { FORMAT_TEXT, FORMAT_HOSTS };
static const char *const formats[] = { "text", "hosts", NULL };

#define AT(member) offsetof(struct options, member)

static const struct opt rows[] = {
	{ .name = "cid", .group = "What to tell", .type = OPT_FLAG, .text = "this machine's CID alone, for scripts; none: nothing, status 4", .offset = AT(cid), .flags = OPT_BRIEF },
	{ .name = "guests", .group = "What to tell", .type = OPT_FLAG, .text = "VMs that run here, with their CIDs", .offset = AT(guests), .flags = OPT_BRIEF },
	{ .name = "hosts", .group = "What to tell", .type = OPT_FLAG, .text = "names of the hosts file, and whether they answer: connects to port 7 of each", .offset = AT(hosts), .flags = OPT_BRIEF },
	{ .name = "sockets", .group = "What to tell", .type = OPT_FLAG, .text = "listening and connected sockets, with processes", .offset = AT(sockets), .flags = OPT_BRIEF },
	{ .name = "json", .letter = 'j', .group = "What to tell", .type = OPT_FLAG, .text = "as JSON, an object a line", .offset = AT(json), .flags = OPT_BRIEF },
	{ .name = "format", .group = "What to tell", .type = OPT_CHOICE, .value = "FORMAT", .fallback = "text", .text = "how --guests is printed; hosts is for the hosts file", .offset = AT(format), .choices = formats },
	{ .name = "probe", .group = "How to look", .type = OPT_FLAG, .text = "make a socket and ask the kernel for all: this may load modules", .offset = AT(probe), .flags = OPT_BRIEF },
	{ .name = "watch", .group = "How to look", .type = OPT_FLAG, .text = "again and again", .offset = AT(watch), .flags = OPT_BRIEF },
	{ .name = "interval", .group = "How to look", .type = OPT_TIME, .value = "TIME", .fallback = "1s", .text = "between two looks of --watch", .offset = AT(interval), .min = NSEC_PER_MSEC },
	{ .name = "sysroot", .group = "How to look", .type = OPT_TEXT, .value = "DIR", .text = "look at a copy of another machine's /proc, /sys, /dev and /lib", .offset = AT(sysroot), .flags = OPT_HIDDEN },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]…", NULL };
static const char *const examples[] = {
	"vsock-info", "can I use vsock here, what is my CID, whom can I reach",
	"vsock-info --guests --format hosts", "lines for the hosts file, from the VMs that run here",
	"sudo vsock-info --sockets", "what listens, and which process it is",
	"vsock-info --cid", "this machine's CID, for scripts",
	NULL,
};
static const char *const conflicts[] = {
	"cid", "json", "cid", "guests", "cid", "hosts", "cid", "sockets", "probe", "sysroot", "hosts", "sysroot", "hosts", "numeric", NULL,
};
static const char *const notes[] = {
	"Nothing is changed by looking, and no module is loaded, but with --probe.",
	"Status: 0 vsock can be used, 4 it can't, 6 it is blocked (permission, seccomp).",
	NULL,
};

/*
 * Looking
 */

static void module_changes(const struct machine *before, const struct machine *after, char *buf, size_t size)
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
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
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
	machine_look(&before, "", false);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : 0;
	fd_close(&fd);
	if (diag_read(&list) == 0)
		diag_free(&list);
	machine_look(&info->machine, "", guests);
	info->machine.socket_error = error;
	snprintf(info->probe, sizeof(info->probe), "a socket %s%s", error ? "could not be made: " : "was made", error ? strerror(error) : "");
	module_changes(&before, &info->machine, info->probe, sizeof(info->probe));
	info->probed = true;
	machine_free(&before);
}

static void judge(struct info *info)
{
	const struct machine *machine = &info->machine;
	if (machine->socket_error > 0 && (machine->family || machine->socket_error != EAFNOSUPPORT)) {
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
	judge(info);
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
	if (info->machine.cid_error == EACCES || info->machine.cid_error == EPERM) {
		log_error("/dev/vsock: denied: you may not read it");
		return STATUS_DENIED;
	}
	return STATUS_ABSENT;
}

static enum status tell_json(const struct info *info, const struct options *options)
{
	unsigned parts = (options->guests ? INFO_GUESTS : 0u) | (options->sockets ? INFO_SOCKETS : 0u) | (options->hosts ? INFO_HOSTS : 0u);
	info_json(info, parts ? parts : INFO_MACHINE | INFO_GUESTS | INFO_SOCKETS);
	if (options->sockets && info->sockets_error)
		return STATUS_ABSENT;
	return parts ? STATUS_DONE : info->status;
}

static enum status tell_sockets(const struct info *info)
{
	if (!info->sockets_error) {
		info_report_sockets(info);
		return STATUS_DONE;
	}
	if (info->sockets_error == -EAGAIN) {
		log_error("sockets: not known: the module vsock_diag is not loaded");
		log_hint("add --probe, which loads it");
		return STATUS_ABSENT;
	}
	log_error("sockets: %s", info_sockets_why(info));
	bool denied = info->sockets_error == -EPERM || info->sockets_error == -EACCES || info->sockets_error == -EAFNOSUPPORT;
	return denied ? STATUS_DENIED : STATUS_ABSENT;
}

static enum status tell(const struct info *info, const struct options *options)
{
	enum status status = STATUS_DONE;
	if (options->cid)
		return tell_cid(info);
	if (options->json)
		return tell_json(info, options);
	if (options->probe && (options->guests || options->hosts || options->sockets))
		log_notice("probe: %s", info->probe);
	if (options->guests && options->format == FORMAT_HOSTS)
		info_report_guests_hosts(info);
	else if (options->guests)
		info_report_guests(info);
	if (options->guests && !info->machine.guest_count)
		log_notice("no VM is seen running here");
	if (options->hosts)
		info_report_hosts(info);
	if (options->sockets)
		status = tell_sockets(info);
	if (options->guests || options->hosts || options->sockets)
		return status;
	info_report(info);
	return info->status;
}

static enum status run(struct info *info, const struct options *options)
{
	bool redraw = options->watch && isatty(STDOUT_FILENO) && !options->json;
	enum status status;
	for (;;) {
		int error = look(info, options);
		if (error) {
			log_error("%s", strerror(-error));
			return STATUS_FAILURE;
		}
		if (redraw)
			fputs("\033[H\033[J", stdout);
		status = tell(info, options);
		if (fflush(stdout) || ferror(stdout)) {
			log_error("can't write to stdout");
			status = STATUS_FAILURE;
		}
		forget(info);
		if (!options->watch || status == STATUS_FAILURE)
			return status;
		struct timespec pause = { .tv_sec = (time_t)(options->interval / NSEC_PER_SEC), .tv_nsec = (long)(options->interval % NSEC_PER_SEC) };
		nanosleep(&pause, NULL);
		if (!redraw && !options->json && !options->cid)
			putchar('\n');
	}
}

/* A bad hosts file spoils names, not the rest; only --hosts can't do without. */
static enum status load_hosts(struct info *info, bool needed)
{
	struct hosts_error error;
	if (hosts_load(&info->hosts, &error) == 0)
		return STATUS_DONE;
	char place[sizeof(error.file) + 16];
	if (error.line)
		snprintf(place, sizeof(place), "%s:%u", error.file, error.line);
	else
		snprintf(place, sizeof(place), "%s", error.file);
	if (!needed) {
		log_warning("%s: %s", place, error.why);
		return STATUS_DONE;
	}
	log_error("%s: %s", place, error.why);
	if (error.line)
		log_caret(error.text, error.offset, error.length);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = { .interval = NSEC_PER_SEC };
	struct common_options common = { 0 };
	const struct opt_table tables[] = { { rows, &options }, { common_opts, &common }, { 0 } };
	const struct opt_program program = {
		.name = "vsock-info",
		.summary = "can vsock be used here, what is my CID, and if not, why",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.conflicts = conflicts,
		.notes = notes,
	};
	common_start(program.name);
	signal(SIGPIPE, SIG_DFL); /* vsock-info | head -1 is silent */
	int first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&common.log);
	if (first < argc) {
		log_error("no operand is taken: %s", argv[first]);
		log_hint("vsock-ping asks whether a machine answers");
		return STATUS_USAGE;
	}
	if (options.format == FORMAT_HOSTS && (!options.guests || options.json)) {
		log_error("--format hosts goes with --guests alone");
		return STATUS_USAGE;
	}
	if (options.watch && options.interval == UNITS_INF) {
		log_error("--interval inf: --watch would never look again");
		return STATUS_USAGE;
	}
	struct info info = { .verbose = common.log.verbose > 0 };
	enum status status = common.numeric ? STATUS_DONE : load_hosts(&info, options.hosts);
	if (status == STATUS_DONE)
		status = run(&info, &options);
	hosts_free(&info.hosts);
	return (int)status;
}
