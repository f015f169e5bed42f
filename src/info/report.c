/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/util.h"
#include "info/info.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/names.h"
#include "base/units.h"

#define LABEL 18 /* columns of a label */

/* A line of text, in which whatever names of VMs, programs and users hold is escaped. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "  label              text"; an empty label goes on with the one before. */
static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

__attribute__((format(printf, 1, 0))) static void say_arguments(const char *format, va_list ap)
{
	char text[2048], escaped[4 * sizeof(text)], *named;
	const char *shown;

	vsnprintf(text, sizeof(text), format, ap);
	named = names_in(text);
	shown = named ? named : text;
	puts(utf8_escape(shown, strlen(shown), escaped, sizeof(escaped)));
	free(named);
}

static void say(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say_arguments(format, ap);
	va_end(ap);
}

static void line(const char *label, const char *format, ...)
{
	va_list ap;

	printf("  %-*s ", LABEL, label);
	va_start(ap, format);
	say_arguments(format, ap);
	va_end(ap);
}

/* Text from outside (names of VMs and programs) for the terminal. */
static const char *shown(const char *text, char *buf, size_t size)
{
	return utf8_escape(text, strlen(text), buf, size);
}

static char *cid_text(uint32_t cid, char *buf, size_t size)
{
	if (cid == ADDR_CID_ANY)
		snprintf(buf, size, "any");
	else
		snprintf(buf, size, "%" PRIu32, cid);
	return buf;
}

static char *place_text(uint32_t cid, uint32_t port, char *buf, size_t size)
{
	char text[16];
	cid_text(cid, text, sizeof(text));
	if (port == ADDR_PORT_ANY)
		snprintf(buf, size, "%s:any", text);
	else
		snprintf(buf, size, "%s:%" PRIu32, text, port);
	return buf;
}

static char *owner_text(const struct diag_socket *socket, char *buf, size_t size)
{
	char program[sizeof(socket->program) * 4];
	if (!socket->pid)
		snprintf(buf, size,
			 geteuid() ? "whose is not seen: sudo shows it"
				   : "no process of this namespace");
	else if (socket->others)
		snprintf(buf, size, "%s, pid %d and %u more",
			 shown(socket->program, program, sizeof(program)), (int)socket->pid,
			 socket->others);
	else
		snprintf(buf, size, "%s, pid %d", shown(socket->program, program, sizeof(program)),
			 (int)socket->pid);
	return buf;
}

const char *info_guest_name(const struct info *info, const struct machine_guest *guest)
{
	for (size_t i = 0; i < info->hosts.count; i++) {
		const struct hosts_entry *entry = &info->hosts.entries[i];
		bool same = entry->path ? strcmp(entry->path, guest->path) == 0
					: !guest->path[0] && entry->cid == guest->cid;
		/* not a name that an earlier line gave to another machine */
		if (same && hosts_find(&info->hosts, entry->name, strlen(entry->name)) == entry)
			return entry->name;
	}
	return guest->name;
}

const char *info_sockets_why(const struct info *info)
{
	switch (info->sockets_error) {
	case 0:
		return NULL;
	case -EAGAIN:
		return "not known: the module vsock_diag is not loaded (vsock-info --probe loads "
		       "it)";
	case -ENOENT:
	case -EOPNOTSUPP:
	case -EINVAL:
		return "not known: this kernel has no vsock_diag";
	case -EPERM:
	case -EACCES:
	case -EAFNOSUPPORT:
		return "not known: asking the kernel (sock_diag) is not permitted here";
	default:
		return "not known: asking the kernel (sock_diag) failed";
	}
}

/* The address of a guest behind hybrid vsock, of port if that is not 0, as it is written. */
static char *hybrid_text(const struct machine_guest *guest, uint32_t port, char *buf, size_t size)
{
	struct addr addr = {
		.family = ADDR_MUX, .port = port, .port_last = port, .has_port = port != 0
	};

	strlcpy(addr.name, guest->path, sizeof(addr.name));
	return addr_format_short(&addr, buf, size);
}

/* A relative path is that of the VMM's directory. */
static const char *relative_note(const struct machine_guest *guest)
{
	return guest->path[0] && guest->path[0] != '/' ? " (in the directory of its VMM)" : "";
}

const char *info_guests_why(const struct info *info, char *buf, size_t size)
{
	int error = info->machine.guests_error;

	if (!error)
		return NULL;
	if (error == ENOENT)
		return "not known: /proc is not mounted";
	snprintf(buf, size, "not known: /proc cannot be read: %s", strerror(error));
	return buf;
}

static void join(char *buf, size_t size, const char *word)
{
	size_t used = strlen(buf);
	snprintf(buf + used, size - used, "%s%s", used ? ", " : "", word);
}

/* "vhost_vsock (to guests), vsock_loopback (CID 1)" */
static char *transports_text(const struct machine *machine, char *buf, size_t size)
{
	buf[0] = '\0';
	if (machine->is_guest && machine->virtio_device && machine_module_ready(machine->virtio))
		join(buf, size, "virtio (to the host, CID 2)");
	else if (machine->is_guest && machine_module_ready(machine->vmci))
		join(buf, size, "vmci (to the host, CID 2)");
	else if (machine->is_guest && machine_module_ready(machine->hyperv))
		join(buf, size, "hyperv (to the host, CID 2)");
	else if (machine->is_guest)
		join(buf, size, "one to the host, CID 2");
	if (machine->is_host)
		join(buf, size, "vhost_vsock (to guests)");
	if (machine_module_ready(machine->loopback))
		join(buf, size, "vsock_loopback (CID 1)");
	if (!buf[0])
		snprintf(buf, size, "none");
	else if (!machine_module_ready(machine->loopback)) {
		size_t used = strlen(buf);
		snprintf(buf + used, size - used, "; no loopback");
	}
	return buf;
}

/*
 * Parts of the report
 */

static void tell_headline(const struct info *info)
{
	const struct machine *machine = &info->machine;
	char guests[64];
	if (machine->guests_error)
		snprintf(guests, sizeof(guests), "which guests run is not known");
	else if (machine->guest_count == 0)
		snprintf(guests, sizeof(guests), "no guest is seen running");
	else
		snprintf(guests, sizeof(guests), "%zu guest%s running", machine->guest_count,
			 machine->guest_count == 1 ? " is" : "s are");

	if (info->status == STATUS_DENIED)
		say("vsock cannot be used here: %s", info->blocked.what);
	else if (info->status != STATUS_DONE && machine->vsock == MODULE_ABSENT &&
		 machine->modules_known)
		say("vsock cannot be used here: this kernel does not have it");
	else if (info->status != STATUS_DONE && machine->virtio_device)
		say("vsock cannot be used here yet: this VM has a vsock device, but its driver is "
		    "not loaded");
	else if (info->status != STATUS_DONE)
		say("vsock cannot be used here yet: no transport is loaded");
	else if (machine->is_guest && machine->is_host && machine->has_cid)
		say("vsock works here: this machine is guest %" PRIu32 " and a host, and %s",
		    machine->cid, guests);
	else if (machine->is_guest && machine->has_cid)
		say("vsock works here: this machine is guest %" PRIu32, machine->cid);
	else if (machine->is_guest)
		say("vsock works here: this machine is a guest");
	else if (machine->is_host)
		say("vsock works here: this machine is a host, and %s", guests);
	else
		say("vsock works here, on this machine alone: no guest and no host");
}

static void tell_cid(const struct machine *machine)
{
	if (machine->has_cid)
		line("local CID", "%" PRIu32, machine->cid);
	else if (machine->cid_error == EACCES || machine->cid_error == EPERM)
		line("local CID", "not known: you may not read /dev/vsock");
	else if (machine->cid_error && machine_has_transport(machine))
		line("local CID", "not known: /dev/vsock %s",
		     machine->dev_vsock.present ? "does not answer" : "is missing");
	else
		line("local CID", "none");
}

static void tell_guests(const struct info *info)
{
	char buf[120];
	const char *label = "guests", *why = info_guests_why(info, buf, sizeof(buf));
	int width = 1, program_width = 1;

	if (why)
		line(label, "%s", why);
	for (size_t i = 0; i < info->machine.guest_count; i++) {
		char text[256];
		const struct machine_guest *guest = &info->machine.guests[i];
		int length = (int)strlen(shown(info_guest_name(info, guest), text, sizeof(text)));
		width = length > width ? length : width;
		length = (int)strlen(shown(guest->program, text, sizeof(text)));
		program_width = length > program_width ? length : program_width;
	}
	for (size_t i = 0; i < info->machine.guest_count; i++) {
		const struct machine_guest *guest = &info->machine.guests[i];
		char cid[16], name[256], program[128], path[1100];
		shown(info_guest_name(info, guest), name, sizeof(name));
		shown(guest->program, program, sizeof(program));
		if (guest->cid == ADDR_CID_ANY)
			snprintf(cid, sizeof(cid), "?");
		else
			cid_text(guest->cid, cid, sizeof(cid));
		line(label, "%s  %-*s  %s, pid %d%s%s%s%s%s", cid, width, name[0] ? name : "-",
		     program, (int)guest->pid, guest->path[0] ? ", " : "",
		     guest->path[0] ? hybrid_text(guest, 0, path, sizeof(path)) : "",
		     relative_note(guest), guest->netns[0] ? ", netns=" : "", guest->netns);
		label = "";
	}
}

static void tell_listening(const struct info *info)
{
	const char *why = info_sockets_why(info), *label = "listening", *netns;
	char place[40], owner[256];

	if (why) {
		line(label, "%s", why);
		return;
	}
	for (size_t i = 0; i < info->sockets.count; i++) {
		const struct diag_socket *socket = &info->sockets.sockets[i];
		if (socket->state != DIAG_LISTEN)
			continue;
		netns = diag_netns(&info->sockets, socket);
		line(label, "%s   %s%s%s",
		     place_text(socket->cid, socket->port, place, sizeof(place)),
		     owner_text(socket, owner, sizeof(owner)), netns ? ", netns=" : "",
		     netns ? netns : "");
		label = "";
	}
	if (*label)
		line(label, "nothing");
}

/* Who may use the device: "root:kvm 0660, you may not". */
static void tell_device(const char *path, const struct machine_device *device,
			bool readable_suffices, const char *purpose)
{
	const struct passwd *pw;
	const struct group *gr;
	char user[40], group[40];

	if (device->readable && (device->writable || readable_suffices)) {
		line(path, "you may %s it",
		     device->writable && !readable_suffices ? "use" : "read");
		return;
	}
	pw = getpwuid(device->uid);
	gr = getgrgid(device->gid);
	snprintf(user, sizeof(user), "%u", device->uid);
	snprintf(group, sizeof(group), "%u", device->gid);
	line(path, "%s:%s %04o, you may not: %s", pw ? pw->pw_name : user, gr ? gr->gr_name : group,
	     device->mode, purpose);
}

static const char *module_word(enum machine_module state)
{
	static const char *const words[] = { "not there", "installed, not loaded", "loaded",
					     "built in" };
	return words[state];
}

/* The modules of one state in one line: "vsock, vhost_vsock: installed, not loaded". */
static void tell_modules(const struct machine *machine, bool all)
{
	const struct {
		const char *name;
		enum machine_module state;
		bool usual;
	} modules[] = {
		{ "vsock", machine->vsock, true },
		{ "vhost_vsock", machine->vhost, true },
		{ "vsock_loopback", machine->loopback, true },
		{ "vmw_vsock_virtio_transport", machine->virtio, machine->virtio_device },
		{ "vmw_vsock_vmci_transport", machine->vmci, false },
		{ "hv_sock", machine->hyperv, false },
		{ "vsock_diag", machine->diag, false },
	};
	const char *label = "modules";
	for (int state = MODULE_BUILTIN; state >= MODULE_ABSENT; state--) {
		bool unseen = state == MODULE_ABSENT && !machine->modules_known;
		char list[256] = "";

		for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
			if (modules[i].state == (enum machine_module)state &&
			    (all || modules[i].usual))
				join(list, sizeof(list), modules[i].name);
		if (!list[0])
			continue;
		line(label, "%s: %s", list,
		     unseen ? "not seen" : module_word((enum machine_module)state));
		label = "";
	}
}

/* Since Linux 7.0 a network namespace may have vsock of its own. */
static void tell_namespace(const struct info *info)
{
	const struct machine *machine = &info->machine;
	bool local = strcmp(machine->ns_mode, "local") == 0;
	bool local_children = strcmp(machine->child_ns_mode, "local") == 0;

	if (local)
		line("namespace", "local: only sockets of this network namespace are reached");
	else if (machine->ns_mode[0] && (info->verbose || local_children))
		line("namespace", "global: shared with all others that are global");
	if (machine->child_ns_mode[0] && (info->verbose || local || local_children))
		line("", "those made from it are %s; net.vsock.child_ns_mode can be set once",
		     machine->child_ns_mode);
}

static void tell_surroundings(const struct info *info)
{
	const struct machine *machine = &info->machine;
	if (info->verbose || info->status == STATUS_DENIED) {
		char list[128] = "";
		if (machine->container)
			join(list, sizeof(list), "a container");
		if (machine->user_namespace)
			join(list, sizeof(list), "a user namespace");
		if (machine->seccomp)
			join(list, sizeof(list), "a seccomp filter");
		if (list[0])
			line("runs in", "%s", list);
	}
	tell_namespace(info);
	if (machine->g2h_fallback >= 0 && machine->is_host && (machine->is_guest || info->verbose))
		line("g2h_fallback",
		     machine->g2h_fallback
			     ? "on: CIDs that no guest here has go to this machine's own host"
			     : "off: CIDs that no guest here has are not passed to the host");
}

/* What there is, where vsock works. */
static void tell_usable(const struct info *info)
{
	const struct machine *machine = &info->machine;
	char transports[160];
	tell_cid(machine);
	line("transports", "%s", transports_text(machine, transports, sizeof(transports)));
	if (info->verbose)
		tell_modules(machine, true);
	tell_guests(info);
	tell_listening(info);
	if (machine->dev_vsock.present)
		tell_device("/dev/vsock", &machine->dev_vsock, true,
			    "needed only to know the local CID");
	else
		line("/dev/vsock", "missing: needed only to know the local CID");
	if (machine->dev_vhost.present && machine->is_host)
		tell_device("/dev/vhost-vsock", &machine->dev_vhost, false,
			    "needed only to start VMs");
	tell_surroundings(info);
}

static void tell_notes(const struct info *info)
{
	const struct machine *machine = &info->machine;
	char fix[160];
	if (machine->is_guest && !machine_module_ready(machine->loopback)) {
		explain_fix(machine, EXPLAIN_TO_SELF, fix, sizeof(fix));
		if (machine->has_cid)
			say("note: CIDs 1 and %" PRIu32
			    " cannot be reached from inside; to change that: %s",
			    machine->cid, fix);
		else
			say("note: CID 1 cannot be reached from inside; to change that: %s", fix);
	}
	if (machine->is_guest && machine->nitro)
		say("note: an enclave reaches its parent as CID 3; a parent reaches its enclaves "
		    "with ,to-host where vhost_vsock is loaded");
	else if (machine->is_guest && machine->is_host)
		say("note: this machine's own guests take precedence; ,to-host connects to its "
		    "host instead");
}

static void tell_try(const struct info *info)
{
	const struct machine *machine = &info->machine;
	for (size_t i = 0; i < machine->guest_count; i++) {
		const struct machine_guest *guest = &machine->guests[i];
		const char *name = info_guest_name(info, guest);
		char path[1100], quoted[4 * sizeof(path) + 3], cid[16];
		if (relative_note(guest)[0] && name == guest->name)
			continue;
		if (guest->path[0] && name == guest->name) {
			say("try: vsock-ping %s",
			    utf8_quote(hybrid_text(guest, 22, path, sizeof(path)), quoted,
				       sizeof(quoted)));
			return;
		}
		if (guest->cid == ADDR_CID_ANY && name == guest->name)
			continue;
		/* only the hosts file's names can be dialled */
		snprintf(cid, sizeof(cid), "%" PRIu32, guest->cid);
		say("try: vsock-ping %s%s%s", name == guest->name ? cid : name,
		    guest->netns[0] ? ",netns=" : "", guest->netns);
		return;
	}
	if (machine->is_guest)
		say("try: vsock-ping host");
	else if (machine_module_ready(machine->loopback))
		say("try: vsock-ping local");
	else if (machine->is_host)
		say("to start a VM with vsock: give qemu -device vhost-vsock-pci,guest-cid=3");
}

/* What there is, and what to do, where vsock does not work yet. */
static void tell_unusable(const struct info *info)
{
	const struct machine *machine = &info->machine;
	char fix[200];
	tell_cid(machine);
	tell_modules(machine, info->verbose);
	if (machine->dev_kvm.present)
		line("/dev/kvm", "there: this machine can be a host");
	tell_guests(info);
	tell_surroundings(info);
	if (log_quiet())
		return;
	if (info->status == STATUS_DENIED) {
		if (info->blocked.hint[0])
			say("what helps: %s", info->blocked.hint);
		return;
	}
	if (machine->virtio_device)
		say("to reach the host:                %s",
		    explain_fix(machine, EXPLAIN_TO_HOST, fix, sizeof(fix)));
	say("to try it on this machine alone:  %s",
	    explain_fix(machine, EXPLAIN_TO_SELF, fix, sizeof(fix)));
	if (machine->dev_kvm.present || machine->guest_count) {
		say("to reach VMs that run here:       %s",
		    explain_fix(machine, EXPLAIN_TO_GUESTS, fix, sizeof(fix)));
		say("%34sand give qemu -device vhost-vsock-pci,guest-cid=3", "");
	}
	/* making a socket loads vsock, vsock_loopback and more, where nothing forbids it */
	if (machine->vsock == MODULE_INSTALLED && !info->probed)
		say("to see what loads by itself:      vsock-info --probe");
	say("vsock-mux: addresses (Firecracker, Cloud Hypervisor) need none of this");
}

void info_report(const struct info *info)
{
	tell_headline(info);
	if (info->probed)
		line("probe", "%s", info->probe);
	if (info->status != STATUS_DONE) {
		tell_unusable(info);
		return;
	}
	tell_usable(info);
	tell_notes(info);
	if (!log_quiet())
		tell_try(info);
}

/*
 * Single parts
 */

void info_report_guests(const struct info *info)
{
	if (!info->machine.guest_count)
		return;
	say("%-10s  %-16s  %-24s  %7s  %s", "CID", "NAME", "PROGRAM", "PID", "ADDRESS");
	for (size_t i = 0; i < info->machine.guest_count; i++) {
		const struct machine_guest *guest = &info->machine.guests[i];
		char cid[16], name[256], program[128], address[1200];
		bool unknown = guest->cid == ADDR_CID_ANY;

		shown(info_guest_name(info, guest), name, sizeof(name));
		cid_text(guest->cid, cid, sizeof(cid));
		if (guest->path[0])
			hybrid_text(guest, 0, address, sizeof(address));
		else
			snprintf(address, sizeof(address), "vsock:%s%s%s", cid,
				 guest->netns[0] ? ",netns=" : "", guest->netns);
		say("%-10s  %-16s  %-24s  %7d  %s%s", unknown ? "?" : cid, name[0] ? name : "-",
		    shown(guest->program, program, sizeof(program)), (int)guest->pid,
		    unknown && !guest->path[0] ? "?" : address, relative_note(guest));
	}
}

/* Has another machine this name, in the hosts file or in a line before? */
static bool is_taken(const struct info *info, const struct machine_guest *guest, const char *name)
{
	if (name == guest->name && hosts_find(&info->hosts, name, strlen(name)))
		return true;
	for (const struct machine_guest *other = info->machine.guests; other < guest; other++)
		if (strcasecmp(info_guest_name(info, other), name) == 0 &&
		    (other->cid != guest->cid || strcmp(other->path, guest->path) != 0))
			return true;
	return false;
}

void info_report_guests_hosts(const struct info *info)
{
	for (size_t i = 0; i < info->machine.guest_count; i++) {
		const struct machine_guest *guest = &info->machine.guests[i];
		char made[32], shown_name[256], path[1024];
		const char *name = info_guest_name(info, guest);
		/* a name that the hosts file cannot have is replaced by one made from the CID, with
		 * a comment */
		bool good = name[0] && !hosts_check_name(name, strlen(name)) &&
			    !is_taken(info, guest, name);

		if (guest->cid == ADDR_CID_ANY && !guest->path[0]) {
			say("# %s, pid %d: its CID is not visible",
			    shown(guest->program, path, sizeof(path)), (int)guest->pid);
			continue;
		}
		if (!good && guest->cid == ADDR_CID_ANY)
			snprintf(made, sizeof(made), "guest-pid%d", (int)guest->pid);
		else
			snprintf(made, sizeof(made), "guest%" PRIu32, guest->cid);
		shown(guest->path, path, sizeof(path));
		if (guest->path[0] && guest->path[0] != '/')
			printf("# the path of %s is relative to the directory of its VMM: %s",
			       good ? name : made, path);
		else if (guest->path[0] &&
			 (strcmp(path, guest->path) != 0 || strpbrk(guest->path, " #")))
			printf("# the hosts file cannot contain the path of %s: %s",
			       good ? name : made, path);
		else if (guest->path[0])
			printf("%s %s", path, good ? name : made);
		else
			printf("%" PRIu32 " %s", guest->cid, good ? name : made);
		if (guest->netns[0])
			printf(" # with ,netns=%s", guest->netns);
		if (!good && name[0] && !guest->netns[0])
			printf(" # %s", shown(name, shown_name, sizeof(shown_name)));
		putchar('\n');
	}
}

void info_report_sockets(const struct info *info)
{
	say("%-10s  %-9s  %-21s  %-21s  %s", "STATE", "TYPE", "LOCAL", "PEER", "PROCESS");
	for (size_t i = 0; i < info->sockets.count; i++) {
		const struct diag_socket *socket = &info->sockets.sockets[i];
		const char *netns = diag_netns(&info->sockets, socket);
		char here[40], there[40] = "-", owner[256];

		place_text(socket->cid, socket->port, here, sizeof(here));
		if (socket->state == DIAG_OPEN || socket->state == DIAG_CONNECTING ||
		    socket->state == DIAG_CLOSING)
			place_text(socket->peer_cid, socket->peer_port, there, sizeof(there));
		say("%-10s  %-9s  %-21s  %-21s  %s%s%s", diag_state_name(socket->state),
		    diag_type_name(socket->type), here, there,
		    socket->pid ? owner_text(socket, owner, sizeof(owner)) : "-",
		    netns ? ", netns=" : "", netns ? netns : "");
	}
}

void info_report_hosts(const struct info *info)
{
	for (size_t i = 0; i < info->asked_count; i++) {
		const struct info_host *host = &info->asked[i];
		char cid[16], path[1024];
		const char *where = host->entry->path
					    ? shown(host->entry->path, path, sizeof(path))
					    : cid_text(host->entry->cid, cid, sizeof(cid));
		printf("%-16s  %-10s  ", host->entry->name, where);
		if (host->answers)
			say("answers after %.3f ms", (double)host->time / 1e6);
		else
			say("%s", host->explanation.what);
	}
}
