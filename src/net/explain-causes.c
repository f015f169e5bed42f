/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is known to go wrong: the table causes[], and the functions that refine that decide
 * between causes of one errno. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "base/log.h"
#include "net/explain-parts.h"

/*
 * Guests
 */

static const struct machine_guest *guest_of(const struct machine *machine, uint32_t cid,
					    bool hybrid)
{
	for (size_t i = 0; i < machine->guest_count; i++)
		if (machine->guests[i].cid == cid && (machine->guests[i].path[0] != '\0') == hybrid)
			return &machine->guests[i];
	return NULL;
}

/* "running here: 3 (web), 4 (db)": those that the kernel's vsock reaches. Returns how many are
 * known. */
static size_t guests_list(const struct machine *machine, char *buf, size_t size)
{
	size_t count = 0, used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < machine->guest_count; i++) {
		const struct machine_guest *guest = &machine->guests[i];
		char name[100] = "", escaped[80];

		if (guest->cid == ADDR_CID_ANY || guest->path[0])
			continue;
		if (guest->name[0]) {
			utf8_escape(guest->name, strlen(guest->name), escaped, sizeof(escaped));
			snprintf(name, sizeof(name), " (%s)", escaped);
		}
		if (used + strlen(name) + 20 >= size) {
			snprintf(buf + used, size - used, " …");
			return count + 1;
		}
		used += (size_t)snprintf(buf + used, size - used, "%s%u%s", count ? ", " : "",
					 guest->cid, name);
		count++;
	}
	return count;
}

/* If the guest runs here behind a VMM's UNIX socket, writes the hint and returns true. */
static bool hint_hybrid(struct diagnosis *diagnosis)
{
	const struct machine_guest *guest = guest_of(diagnosis->machine, diagnosis->addr->cid,
						     true);
	struct addr hybrid = { .family = ADDR_MUX,
			       .port = diagnosis->addr->port,
			       .port_last = diagnosis->addr->port,
			       .has_port = true };
	char text[512], quoted[sizeof(text) + 32];

	if (!guest)
		return false;
	strlcpy(hybrid.name, guest->path, sizeof(hybrid.name));
	utf8_quote(addr_format_short(&hybrid, text, sizeof(text)), quoted, sizeof(quoted));
	if (*guest->path == '/')
		snprintf(diagnosis->out->hint, sizeof(diagnosis->out->hint),
			 "%s has CID %u, and a socket of its own: write %s", guest->program,
			 guest->cid, quoted);
	else
		snprintf(diagnosis->out->hint, sizeof(diagnosis->out->hint),
			 "%s has CID %u, and a socket of its own; in the directory of pid %d "
			 "write %s",
			 guest->program, guest->cid, (int)guest->pid, quoted);
	return true;
}

/* If the guest runs here in another network namespace, says so and returns true. */
static bool hint_namespace(struct diagnosis *diagnosis)
{
	const struct machine_guest *guest = guest_of(diagnosis->machine, diagnosis->addr->cid,
						     false);
	char netns[sizeof(guest->netns) * 4];

	if (!guest || !guest->netns[0])
		return false;
	utf8_escape(guest->netns, strlen(guest->netns), netns, sizeof(netns));
	if (strcmp(diagnosis->machine->ns_mode, "local") == 0)
		diagnosis_what(diagnosis, "no such CID: this network namespace is local, and the "
					  "VM with {cid} runs in another");
	else
		snprintf(diagnosis->out->what, sizeof(diagnosis->out->what),
			 "no such CID here: the VM with CID %u runs in the network namespace "
			 "%.64s, which is local",
			 guest->cid, netns);
	snprintf(diagnosis->out->hint, sizeof(diagnosis->out->hint),
		 *diagnosis->addr->options.netns ? "write ,netns=%.64s instead"
						 : "add ,netns=%.64s to the address",
		 netns);
	return true;
}

/*
 * Refinements: causes that share an errno
 */

/* There is no transport to the host. */
static void refine_no_host(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;

	if (machine->virtio_device && !machine_module_ready(machine->virtio)) {
		diagnosis_what(
			diagnosis,
			"no device: this VM has a vsock device, but its driver is not loaded");
		diagnosis_fix(diagnosis, EXPLAIN_TO_HOST);
	} else if (machine->is_guest) {
		diagnosis_what(diagnosis, "no device: this VM's vsock device is not ready");
		diagnosis_verdict(diagnosis, STATUS_ABSENT, true, "refused");
	} else if (machine->is_host) {
		diagnosis_what(diagnosis, "no device: {cid} means the host of a VM, and this "
					  "machine is the host itself");
		diagnosis_hint(diagnosis, "to reach this machine itself: sudo modprobe "
					  "vsock_loopback, then write local:{port}{ns}");
	} else {
		diagnosis_what(diagnosis, "no device: {cid} means the host of a VM, but this "
					  "machine has no vsock device");
		diagnosis_fix(diagnosis, EXPLAIN_TO_HOST);
	}
}

/* This machine is a host, and has no guest of this CID. */
static void refine_no_guest(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	char list[160];

	diagnosis_verdict(diagnosis, STATUS_ABSENT, true, "refused");
	diagnosis_what(diagnosis, "no such CID: no VM on this machine has {cid}");
	if (hint_namespace(diagnosis) || hint_hybrid(diagnosis))
		return;
	if (guests_list(machine, list, sizeof(list)))
		diagnosis->extra = list;
	if (machine->is_guest && !(diagnosis->addr->options.given & ADDR_OPT_TO_HOST))
		diagnosis_hint(diagnosis, "this machine is both a VM and a host: to reach {cid} "
					  "through its own host, add ,to-host to the address");
	else if (diagnosis->extra)
		diagnosis_hint(diagnosis, "running here: {extra}; to wait until a VM has started, "
					  "{add-wait}");
	else
		diagnosis_hint(diagnosis, "no running VM with a CID was found here; to wait until "
					  "one has started, {add-wait}");
	diagnosis->extra = NULL;
}

/* ENODEV and ENXIO: no transport to this CID. */
static void refine_no_device(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	uint32_t cid = diagnosis->addr->cid;
	if (cid == ADDR_CID_LOCAL ||
	    (machine->has_cid && cid == machine->cid && machine->is_guest)) {
		if (machine_module_ready(machine->loopback))
			return;
		diagnosis_what(diagnosis, "no device: {cid} is this machine itself, and "
					  "vsock_loopback is not loaded");
		diagnosis_fix(diagnosis, EXPLAIN_TO_SELF);
		return;
	}
	if (cid <= ADDR_CID_HOST) {
		refine_no_host(diagnosis);
		return;
	}
	if (machine->is_host) {
		refine_no_guest(diagnosis);
		return;
	}
	if (hint_hybrid(diagnosis)) {
		diagnosis_what(diagnosis, "no such CID: the kernel knows of no VM with {cid}");
	} else if (machine->is_guest) {
		diagnosis_what(diagnosis, "no device: this VM's vsock device does not reach {cid}");
		diagnosis_hint(diagnosis, "a VM can reach only its host: write host:{port}{ns}");
	} else if (machine->virtio_device) {
		diagnosis_what(
			diagnosis,
			"no device: this VM has a vsock device, but its driver is not loaded");
		diagnosis_fix(diagnosis, EXPLAIN_TO_HOST);
	} else {
		diagnosis_what(diagnosis, "no such CID: nothing here has {cid}, and no VM can be "
					  "reached because vhost_vsock is not loaded");
		diagnosis_fix(diagnosis, EXPLAIN_TO_GUESTS);
	}
}

static void refine_vsock_timeout(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	uint32_t cid = diagnosis->addr->cid;
	bool far = cid > ADDR_CID_HOST;
	if (machine->is_guest && !machine_module_ready(machine->loopback) &&
	    (cid == ADDR_CID_LOCAL || (machine->has_cid && cid == machine->cid))) {
		diagnosis_what(diagnosis, "timed out: {cid} is this machine itself, but without "
					  "vsock_loopback the request went to the host");
		diagnosis_fix(diagnosis, EXPLAIN_TO_SELF);
		diagnosis_verdict(diagnosis, STATUS_TIMEOUT, false, "timeout");
	} else if (machine->is_guest && far && !machine->is_host) {
		if (diagnosis->addr->options.given & ADDR_OPT_TO_HOST)
			diagnosis_hint(diagnosis, "the host may not forward between its VMs (plain "
						  "vhost_vsock does not), or no VM there has "
						  "{cid}");
		else if (machine->nitro)
			diagnosis_hint(diagnosis, "the VM with {cid} may be booting, or there may "
						  "be none; an enclave reaches its parent as CID "
						  "3");
		else
			diagnosis_hint(diagnosis,
				       "a VM can reach only its host: write "
				       "host:{port}{ns}; if the host forwards between its "
				       "VMs, add ,to-host");
	} else if (machine->is_host && far) {
		const struct machine_guest *guest = guest_of(machine, cid, false);
		char process[80];

		if (guest) {
			snprintf(process, sizeof(process), "%s, pid %d", guest->program,
				 (int)guest->pid);
			diagnosis->extra = process;
			diagnosis_hint(diagnosis,
				       "the VM is running ({extra}), but its vsock driver does not "
				       "answer: it is booting or paused, or has no driver; to wait "
				       "for it, {add-wait}");
			diagnosis->extra = NULL;
		}
	} else if (cid == ADDR_CID_HOST) {
		diagnosis_hint(diagnosis, "the host does not answer: its hypervisor may not "
					  "forward port {port}, or nothing accepts connections "
					  "there");
	}
}

static void refine_vsock_refused(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	uint32_t cid = diagnosis->addr->cid;
	if (machine->is_guest && !machine_module_ready(machine->loopback) &&
	    cid == ADDR_CID_LOCAL) {
		diagnosis_what(diagnosis, "refused: without vsock_loopback, {cid} is not this "
					  "machine, and the host refused");
		diagnosis_fix(diagnosis, EXPLAIN_TO_SELF);
	} else if (diagnosis->addr->seqpacket) {
		diagnosis_what(diagnosis, "refused: nothing listens on port {port} of {cid} for "
					  "seqpacket, or its backlog is full");
		diagnosis_hint(diagnosis,
			       "if the listener uses streams, write vsock:{dial}:{port}{ns}");
	}
}

static void refine_no_family(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	if (machine->family) {
		char unit[2 * sizeof(machine->unit)];

		diagnosis_verdict(diagnosis, STATUS_DENIED, false, "denied");
		diagnosis_what(diagnosis, "denied: the kernel has vsock, but this process may not "
					  "use it (RestrictAddressFamilies= in its unit, or a "
					  "seccomp filter)");
		utf8_escape(machine->unit, strlen(machine->unit), unit, sizeof(unit));
		if (unit[0])
			snprintf(diagnosis->out->hint, sizeof(diagnosis->out->hint),
				 "run sudo systemctl edit %s, and add AF_VSOCK to "
				 "RestrictAddressFamilies= under [Service]",
				 unit);
		else
			diagnosis_hint(diagnosis,
				       "add AF_VSOCK to RestrictAddressFamilies= in the unit");
		return;
	}
	if (machine->vsock == MODULE_INSTALLED) {
		diagnosis_what(diagnosis, "no vsock: the kernel's vsock module is not loaded, and "
					  "was not loaded on demand");
		snprintf(
			diagnosis->out->hint, sizeof(diagnosis->out->hint), "sudo modprobe vsock%s",
			machine->container
				? ", outside the container"
				: " (if that is refused, look for a blacklist in /etc/modprobe.d)");
		return;
	}
	if (machine->seccomp && !machine->modules_known)
		diagnosis_hint(diagnosis,
			       "or a seccomp filter hides it: run {program} outside the sandbox");
	else if (machine->modules_known && machine->vsock == MODULE_ABSENT)
		diagnosis_hint(diagnosis, "install the package with this kernel's extra modules "
					  "(linux-modules-extra, kernel-modules), then run sudo "
					  "modprobe vsock");
}

static void refine_socket_denied(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	if (machine->container)
		diagnosis_hint(diagnosis, "the container's seccomp profile blocks it: "
					  "podman/docker run --security-opt seccomp=unconfined, or "
					  "a profile that allows AF_VSOCK");
	else if (machine->seccomp)
		diagnosis_hint(diagnosis, "a seccomp filter blocks it: in a systemd unit, see "
					  "SystemCallFilter= and RestrictAddressFamilies=");
	else
		diagnosis_hint(diagnosis, "a security module (SELinux, AppArmor) may deny it: see "
					  "sudo journalctl -k -g denied");
}

static void refine_vsock_bind_denied(struct diagnosis *diagnosis)
{
	if (diagnosis_bound_port(diagnosis) >= 1024) {
		diagnosis_what(diagnosis,
			       "denied: listening on port {bound-port} is not permitted here");
		diagnosis_hint(diagnosis, "a security module (SELinux, AppArmor) may deny it: see "
					  "sudo journalctl -k -g denied");
	} else if (diagnosis->machine->user_namespace) {
		diagnosis_hint(diagnosis, "root in a user namespace (a rootless container) does "
					  "not have it: use a port from 1024 on, or run outside "
					  "the container");
	} else if (diagnosis->machine->container) {
		diagnosis_hint(diagnosis, "use a port from 1024 on, or run the container with "
					  "--cap-add NET_BIND_SERVICE");
	}
}

static void refine_vsock_not_ours(struct diagnosis *diagnosis)
{
	const struct machine *machine = diagnosis->machine;
	uint32_t cid = diagnosis_bound_cid(diagnosis);

	diagnosis_hint(diagnosis,
		       diagnosis->addr->options.given & ADDR_OPT_BIND
			       ? "leave the CID out of bind=, or leave out bind="
			       : "any:{bound-port}{ns} listens on every CID of this machine");
	if (cid == ADDR_CID_ANY) {
		diagnosis_what(diagnosis, "address not available: no free port is left");
		diagnosis->out->hint[0] = '\0';
	} else if (cid == ADDR_CID_LOCAL && !machine_module_ready(machine->loopback)) {
		diagnosis_what(diagnosis,
			       "wrong CID: CID 1 needs vsock_loopback, which is not loaded");
		diagnosis_fix(diagnosis, EXPLAIN_TO_SELF);
	} else if (cid == ADDR_CID_HOST && !machine->is_host) {
		diagnosis_what(diagnosis,
			       machine->is_guest
				       ? "wrong CID: CID 2 is the host, and this machine is a VM"
				       : "wrong CID: CID 2 needs vhost_vsock, which is not loaded");
		if (!machine->is_guest)
			diagnosis_fix(diagnosis, EXPLAIN_TO_GUESTS);
	} else if (machine->has_cid) {
		snprintf(diagnosis->out->what, sizeof(diagnosis->out->what),
			 "wrong CID: this machine has CID %u, not %u", machine->cid, cid);
	} else if (!machine_has_transport(machine)) {
		diagnosis_what(
			diagnosis,
			"wrong CID: no vsock transport is loaded, so this machine has no CID");
	}
}

static void refine_vsock_invalid(struct diagnosis *diagnosis)
{
	if (diagnosis->addr->options.given & ADDR_OPT_TO_HOST) {
		diagnosis_what(diagnosis,
			       "this kernel does not know to-host (Linux 5.11 and later do)");
		diagnosis_hint(diagnosis, "leave out ,to-host");
	}
}

static void refine_owner(struct diagnosis *diagnosis)
{
	const struct addr_options *options = &diagnosis->addr->options;

	if (diagnosis->failure->error == ENOENT)
		snprintf(diagnosis->out->what, sizeof(diagnosis->out->what), "no such user: %s",
			 options->owner);
	else
		snprintf(diagnosis->out->what, sizeof(diagnosis->out->what), "no such group: %s",
			 options->group);
}

static void refine_unix_refused(struct diagnosis *diagnosis)
{
	struct stat st;
	if (!diagnosis->addr->abstract && stat(diagnosis->addr->name, &st) == 0 &&
	    !S_ISSOCK(st.st_mode)) {
		diagnosis_verdict(diagnosis, STATUS_FAILURE, false, "io");
		diagnosis_what(diagnosis, S_ISDIR(st.st_mode)
						  ? "not a socket: {name} is a directory"
						  : "not a socket: {name} is another kind of file");
		diagnosis->out->hint[0] = '\0';
	} else if (diagnosis->addr->abstract) {
		diagnosis_what(diagnosis, "refused: nobody listens on {name}");
		diagnosis_hint(diagnosis,
			       *diagnosis->addr->options.netns
				       ? "sudo {within-ns}ss -xl lists those that exist"
				       : "abstract names are seen only inside one network "
					 "namespace; ss -xl lists them");
	}
}

static void refine_unix_in_use(struct diagnosis *diagnosis)
{
	struct stat st;
	if (diagnosis->addr->family != ADDR_UNIX || diagnosis->addr->abstract ||
	    stat(diagnosis->addr->name, &st) < 0)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		diagnosis_what(diagnosis, "address in use: {name} exists and is not a socket");
		diagnosis_hint(diagnosis, "take another path");
	}
}

static void refine_tcp_denied(struct diagnosis *diagnosis)
{
	uint32_t port = diagnosis_bound_port(diagnosis);
	if (diagnosis->addr->service[0] || (port && port < 1024))
		diagnosis_what(diagnosis,
			       "denied: port {bound-port} needs privilege (CAP_NET_BIND_SERVICE)");
	else
		diagnosis->out->hint[0] = '\0';
}

static void refine_tcp_not_here(struct diagnosis *diagnosis)
{
	const struct addr_options *options = &diagnosis->addr->options;

	if (!(options->given & ADDR_OPT_BIND))
		return;
	if (diagnosis->failure->step == STEP_CONNECT) {
		if (options->bind_tcp_port)
			diagnosis_what(
				diagnosis,
				"address not available: port {bound-port} already has a "
				"connection to port {port} of {host}, or had one a moment ago");
		return;
	}
	/* the parser takes only IP addresses */
	snprintf(diagnosis->out->what, sizeof(diagnosis->out->what),
		 "address not available: no interface of this machine has %s", options->bind_host);
	diagnosis_hint(diagnosis, "ip address lists its addresses");
}

static void refine_ip_invalid(struct diagnosis *diagnosis)
{
	struct in6_addr ip;

	if (inet_pton(AF_INET6, diagnosis->addr->name, &ip) == 1 && IN6_IS_ADDR_LINKLOCAL(&ip)) {
		diagnosis_what(diagnosis, "a link-local address needs its interface");
		diagnosis_hint(diagnosis, "write [{host}%eth0], with the interface's name; ip "
					  "address lists them");
	}
}

static void refine_no_netns(struct diagnosis *diagnosis)
{
	const char *netns = diagnosis->addr->options.netns;

	if (*netns == '/') {
		diagnosis->out->hint[0] = '\0';
	} else if (is_number(netns)) {
		diagnosis_what(diagnosis, "no such network namespace: there is no process {netns}");
		diagnosis->out->hint[0] = '\0';
	}
}

static void refine_name(struct diagnosis *diagnosis)
{
	const char *name = diagnosis->addr->name;
	if (is_number(name))
		diagnosis_hint(diagnosis, "for a VM's CID write vsock:{host}:{port}");
	else if (diagnosis->addr->ip)
		snprintf(diagnosis->out->hint, sizeof(diagnosis->out->hint),
			 "it may have an address of the other kind: write %s:HOST:PORT instead of "
			 "%s%u:",
			 addr_family_name(diagnosis->addr), addr_family_name(diagnosis->addr),
			 diagnosis->addr->ip);
}

/*
 * The table
 */

#define F(family) (1u << ADDR_##family)
#define VSOCK F(VSOCK)
#define TCP F(TCP)
#define IP (TCP | F(UDP))
#define UNIX F(UNIX)
#define MUX F(MUX)
#define LOCAL (UNIX | MUX) /* UNIX sockets, whatever is spoken on them */
#define CHILD F(EXEC)
#define GIVEN (F(FD) | F(STDIO))
#define ALL (~0u)

#define S(step) (1u << STEP_##step)
#define DIAL (S(CONNECT) | S(SOCKET))
#define OPEN (S(CONNECT) | S(SOCKET) | S(BIND) | S(LISTEN) | S(OPTION))
#define LIVE (S(RELAY) | S(ACCEPT))
#define ANY (~0u)

/* Errors that mean the same. */
#define EITHER(a, b) ((a) << 16 | (b))

#define HEALS true
#define STAYS false

#define NO_VM "the VM may be down, or still booting: {wait} waits for it"
#define HELD_VSOCK                                                                    \
	"sudo {within-ns}vsock-info --sockets --probe shows who holds it; any and a " \
	"single CID cannot share a port"
#define HELD_TCP "sudo {within-ns}ss -ltnp sport = :{bound-port} shows who holds it"
#define HELD_UDP "sudo {within-ns}ss -lunp sport = :{bound-port} shows who holds it"
#define SUDO_PORT                                                           \
	"sudo {program} … may, or take a port from 1024 on; for a unit: " \
	"AmbientCapabilities=CAP_NET_BIND_SERVICE"

#define ENTER_NETNS "it takes root (CAP_SYS_ADMIN): sudo {program} …"

static const struct cause causes[] = {
	/* Names */
	{ ALL, S(RESOLVE), EAI_NONAME, STATUS_ABSENT, STAYS, "refused", "no such host: {host}",
	  NULL, refine_name },
#ifdef EAI_NODATA
	{ ALL, S(RESOLVE), EAI_NODATA, STATUS_ABSENT, STAYS, "refused",
	  "no such host: {host} has no address", NULL, refine_name },
#endif
#ifdef EAI_ADDRFAMILY
	{ ALL, S(RESOLVE), EAI_ADDRFAMILY, STATUS_ABSENT, STAYS, "refused",
	  "no such host: {host} has no address of this kind", NULL, refine_name },
#endif
	{ ALL, S(RESOLVE), EAI_AGAIN, STATUS_ABSENT, HEALS, "refused",
	  "no answer: no name server answered for {host}",
	  "is this machine on the network? resolvectl status shows its name servers", NULL },
	{ ALL, S(RESOLVE), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout",
	  "timed out: {host} could not be looked up{within}", NULL, NULL },
	{ ALL, S(RESOLVE), EAI_FAIL, STATUS_ABSENT, STAYS, "refused",
	  "name server failure: {host} could not be looked up", NULL, NULL },
	{ F(UDP), S(RESOLVE), EAI_SERVICE, STATUS_USAGE, STAYS, "refused",
	  "no such service of UDP: {port}",
	  "write the port's number, or a name that /etc/services has for udp", NULL },
	{ ALL, S(RESOLVE), EAI_SERVICE, STATUS_USAGE, STAYS, "refused", "no such service: {port}",
	  "write the port's number, or a name from /etc/services", NULL },
	{ ALL, S(RESOLVE), EAI_FAMILY, STATUS_FAILURE, STAYS, "io",
	  "this kind of address cannot be looked up here", NULL, NULL },
	{ ALL, S(RESOLVE), EAI_MEMORY, STATUS_FAILURE, HEALS, "io",
	  "out of memory while looking up {host}", NULL, NULL },
	{ ALL, S(RESOLVE), EAI_SYSTEM, STATUS_FAILURE, HEALS, "io",
	  "looking up {host} failed in the system", NULL, NULL },

	/* A child instead of a peer */
	{ CHILD, OPEN, ENOENT, STATUS_NOT_FOUND, STAYS, "refused", "no such command: {name}",
	  "is it in PATH? PATH is not searched for a name with / in it", NULL },
	{ CHILD, OPEN, ENOTDIR, STATUS_NOT_FOUND, STAYS, "refused", "no such command: {name}", NULL,
	  NULL },
	{ CHILD, OPEN, EACCES, STATUS_CANNOT_RUN, STAYS, "denied",
	  "cannot be run: you have no permission to execute {name}",
	  "chmod +x makes a file executable", NULL },
	{ CHILD, OPEN, EISDIR, STATUS_CANNOT_RUN, STAYS, "denied",
	  "cannot be run: {name} is a directory", NULL, NULL },
	{ CHILD, OPEN, EPERM, STATUS_CANNOT_RUN, STAYS, "denied", "cannot be run: {name}: {error}",
	  NULL, NULL },
	{ CHILD, OPEN, ENOEXEC, STATUS_CANNOT_RUN, STAYS, "refused",
	  "cannot be run: {name} is not a program",
	  "a script's first line names its interpreter: #!/bin/sh", NULL },
	{ CHILD, OPEN, E2BIG, STATUS_CANNOT_RUN, STAYS, "refused",
	  "cannot be run: its arguments and environment are too long", NULL, NULL },
	{ CHILD, OPEN, EAGAIN, STATUS_FAILURE, HEALS, "io",
	  "too many processes: {name} cannot be started",
	  "ulimit -u shows the limit; for a unit: TasksMax=", NULL },

	/* Network namespaces: entering one */
	{ ALL, S(NETNS), ENOENT, STATUS_ABSENT, HEALS, "refused",
	  "no such network namespace: {netns}", "ip netns list shows those that have a name",
	  refine_no_netns },
	{ ALL, S(NETNS), ESRCH, STATUS_ABSENT, HEALS, "refused",
	  "no such network namespace: {netns}", NULL, refine_no_netns },
	{ ALL, S(NETNS), EINVAL, STATUS_USAGE, STAYS, "refused", "not a network namespace: {netns}",
	  "ip netns list shows those that have a name", NULL },
	{ ALL, S(NETNS), EITHER(EPERM, EACCES), STATUS_DENIED, STAYS, "denied",
	  "denied: you may not enter the network namespace {netns}", ENTER_NETNS, NULL },

	/* Descriptors that were inherited */
	{ GIVEN, ANY, EBADF, STATUS_ABSENT, STAYS, "refused", "no such descriptor: it is not open",
	  "the shell opens one with N<>FILE, and systemd with Sockets=", NULL },
	{ GIVEN, OPEN, ENOENT, STATUS_ABSENT, STAYS, "refused",
	  "no such descriptor: none was passed with this name",
	  "FileDescriptorName= of the .socket unit gives it", NULL },
	{ GIVEN, ANY, ENOTSOCK, STATUS_FAILURE, STAYS, "io",
	  "not a socket: this descriptor is a file or pipe", NULL, NULL },
	{ GIVEN, ANY, E2BIG, STATUS_USAGE, STAYS, "refused",
	  "too many sockets of one name were passed: at most 64 may have it",
	  "give some of them another FileDescriptorName=", NULL },
	{ GIVEN, S(LISTEN), EPROTOTYPE, STATUS_FAILURE, STAYS, "refused",
	  "this socket is for datagrams, and others of its name are for connections",
	  "give each kind a FileDescriptorName= of its own", NULL },
	{ GIVEN, S(LISTEN), ENOTCONN, STATUS_FAILURE, STAYS, "refused",
	  "some sockets of this name do not listen",
	  "give only sockets that listen this FileDescriptorName=", NULL },
	{ GIVEN, OPEN, EPROTOTYPE, STATUS_FAILURE, STAYS, "refused", "this socket is for datagrams",
	  "only rules of vsock-proxy forward UDP datagrams: vsock-proxy fd:… CONNECT", NULL },
	{ GIVEN, OPEN, EPROTONOSUPPORT, STATUS_FAILURE, STAYS, "refused",
	  "the datagrams of this socket are not UDP", "only UDP datagrams can be forwarded", NULL },
	{ GIVEN, OPEN, ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "refused",
	  "some sockets of this name are for datagrams, others for connections",
	  "give each kind a FileDescriptorName= of its own", NULL },
	{ GIVEN, DIAL, ENOTCONN, STATUS_FAILURE, STAYS, "refused", "this socket is not connected",
	  "for one that listens use vsock-listen fd:N", NULL },
	{ GIVEN, S(ACCEPT) | S(LISTEN), EINVAL, STATUS_FAILURE, STAYS, "io",
	  "this socket does not listen",
	  "for a connected one (inetd, Accept=yes) use vsock-cat fd:N", NULL },

	/* Out of something: the same for all, but for a vsock connection that is there already */
	{ VSOCK, S(RELAY), ENOBUFS, STATUS_BROKEN, STAYS, "io",
	  "broke: the kernel here dropped unread data from {cid}: more small pieces than it "
	  "can store, or more than the window holds",
	  "Linux 6.12.94 and 7.0.13-rc1 store some 455 pieces of 129 to 575 bytes: update this "
	  "kernel, send larger pieces, or try ,window=1M",
	  NULL },
	{ ALL, ANY, EMFILE, STATUS_FAILURE, HEALS, "io",
	  "too many open descriptors in this process",
	  "ulimit -n shows the limit and raises it; for a unit: LimitNOFILE=", NULL },
	{ ALL, ANY, ENFILE, STATUS_FAILURE, HEALS, "io",
	  "too many open descriptors on this machine", "sudo sysctl fs.file-max shows the limit",
	  NULL },
	{ ALL, ANY, ENOMEM, STATUS_FAILURE, HEALS, "io", "out of memory", NULL, NULL },
	{ ALL, ANY, ENOBUFS, STATUS_FAILURE, HEALS, "io", "out of memory for sockets", NULL, NULL },

	/* vsock: making the socket */
	{ VSOCK, S(SOCKET), EAFNOSUPPORT, STATUS_ABSENT, STAYS, "refused",
	  "no vsock: this kernel does not have it", NULL, refine_no_family },
	{ VSOCK, S(SOCKET), EITHER(EPERM, EACCES), STATUS_DENIED, STAYS, "denied",
	  "denied: this process may not open a vsock socket", NULL, refine_socket_denied },
	{ VSOCK, S(SOCKET), ENOSYS, STATUS_DENIED, STAYS, "denied",
	  "denied: a seccomp filter forbids opening sockets", NULL, refine_socket_denied },
	{ VSOCK, S(SOCKET), EINVAL, STATUS_DENIED, STAYS, "denied",
	  "denied: this process may not open a vsock socket", NULL, refine_socket_denied },
	{ VSOCK, S(SOCKET), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io",
	  "this kernel's vsock has no such type of socket (seqpacket: 5.14 and later)",
	  "write vsock: if the peer may be a stream", NULL },
	{ VSOCK, S(SOCKET), EPROTONOSUPPORT, STATUS_FAILURE, STAYS, "io",
	  "this kernel's vsock has no such type of socket", NULL, NULL },
	{ VSOCK, S(SOCKET), ENODEV, STATUS_ABSENT, STAYS, "refused",
	  "no device: no vsock transport is loaded", NULL, refine_no_device },

	/* vsock: connecting */
	{ VSOCK, S(CONNECT), ECONNRESET, STATUS_REFUSED, HEALS, "refused",
	  "refused: nothing listens on port {port} of {cid}, or its backlog is full",
	  "vsock-ping --scan {dial}{ns} shows open ports", refine_vsock_refused },
	{ VSOCK, S(CONNECT), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: {cid} accepts no connections yet: its vsock driver is not up", NO_VM, NULL },
	{ VSOCK, S(CONNECT), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout",
	  "timed out: {cid} did not answer{within}",
	  "it may be booting or paused, or lack the vsock driver; {wait} waits for it",
	  refine_vsock_timeout },
	{ VSOCK, S(CONNECT), EITHER(ENODEV, ENXIO), STATUS_ABSENT, STAYS, "refused",
	  "no device: no vsock transport to {cid}", NULL, refine_no_device },
	{ VSOCK, S(CONNECT), EHOSTUNREACH, STATUS_ABSENT, HEALS, "refused",
	  "cannot reach {cid}: the host or the VM is not ready", NO_VM, NULL },
	{ VSOCK, S(CONNECT), ENETUNREACH, STATUS_ABSENT, STAYS, "refused",
	  "cannot reach {cid}: this machine's transport does not carry that CID",
	  "a VM can reach only its host: write host:{port}{ns}", NULL },
	{ VSOCK, S(CONNECT), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io",
	  "address not available: no port is left to connect from", NULL, NULL },
	{ VSOCK, S(CONNECT), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io",
	  "no seqpacket: the transport to {cid} only carries streams",
	  "write vsock:{dial}:{port}{ns} if the peer may be a stream", NULL },
	{ VSOCK, S(CONNECT), EPROTOTYPE, STATUS_FAILURE, STAYS, "io",
	  "wrong type: stream and seqpacket sockets cannot be connected", NULL, NULL },
	{ VSOCK, S(CONNECT), EINVAL, STATUS_FAILURE, STAYS, "io",
	  "the kernel refuses this address: CID {dial}, port {port}", NULL, refine_vsock_invalid },
	{ VSOCK, S(CONNECT), EITHER(EPERM, EACCES), STATUS_DENIED, STAYS, "denied",
	  "denied: connecting to {cid} is not permitted here", NULL, refine_socket_denied },
	{ VSOCK, S(CONNECT), EITHER(EPIPE, ENOTCONN), STATUS_REFUSED, HEALS, "refused",
	  "refused: {cid} closed at once", NULL, NULL },

	/* vsock: listening, and the near end */
	{ VSOCK, S(BIND), EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied",
	  "denied: port {bound-port} is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)",
	  SUDO_PORT, refine_vsock_bind_denied },
	{ VSOCK, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io",
	  "address in use: another program has port {bound-port} of {bound}", HELD_VSOCK, NULL },
	{ VSOCK, S(BIND) | S(LISTEN), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io",
	  "wrong CID: {bound} is not this machine's", NULL, refine_vsock_not_ours },
	{ VSOCK, S(BIND) | S(LISTEN), ENODEV, STATUS_ABSENT, STAYS, "refused",
	  "no device: no vsock transport is loaded", NULL, refine_no_device },
	{ VSOCK, S(BIND) | S(LISTEN), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io",
	  "no seqpacket: the transport only carries streams", NULL, NULL },
	{ VSOCK, S(BIND), EINVAL, STATUS_FAILURE, STAYS, "io",
	  "the kernel refuses to bind this address", NULL, refine_vsock_invalid },
	{ VSOCK, S(LISTEN), EOPNOTSUPP, STATUS_FAILURE, STAYS, "io", "this transport cannot listen",
	  NULL, NULL },
	{ VSOCK, S(LISTEN), EINVAL, STATUS_FAILURE, STAYS, "io", "this socket is not bound", NULL,
	  NULL },
	{ VSOCK, S(OPTION), EITHER(ERANGE, EDOM), STATUS_FAILURE, STAYS, "io",
	  "the kernel refuses this timeout or window", "use a smaller one", NULL },

	/* vsock: a connection breaks */
	{ VSOCK, S(RELAY), ECONNRESET, STATUS_BROKEN, STAYS, "vm-gone",
	  "broke: the VM of {cid} went away, or the connection was reset", NULL, NULL },
	{ VSOCK, S(RELAY), ENOTCONN, STATUS_BROKEN, STAYS, "vm-gone",
	  "broke: the VM of {cid} went away", NULL, NULL },
	{ VSOCK, S(RELAY), ENODEV, STATUS_BROKEN, STAYS, "vm-gone",
	  "broke: the VM of {cid} went away, or this machine's vsock device", NULL, NULL },
	{ VSOCK, S(RELAY), EMSGSIZE, STATUS_FAILURE, STAYS, "io",
	  "message too long: a seqpacket message must fit into the window of both ends",
	  "use a smaller --message-size, or a larger window: ,window=1M", NULL },

	/* Hybrid vsock: the handshake with the VMM */
	{ ALL, S(HANDSHAKE), EITHER(ECONNRESET, EPIPE), STATUS_REFUSED, HEALS, "refused",
	  "refused: nothing listens on port {port} behind {name}, or its VM is still booting",
	  "{wait} waits for it", NULL },
	{ ALL, S(HANDSHAKE), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: nothing listens on port {port} behind {name}", NULL, NULL },
	{ ALL, S(HANDSHAKE), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout",
	  "timed out: the VM behind {name} did not answer{within}",
	  "it may be booting or paused; {wait} waits for it", NULL },
	{ ALL, S(HANDSHAKE), EPROTO, STATUS_FAILURE, STAYS, "io",
	  "{name} sent a wrong answer{quoted} instead of the OK of hybrid vsock",
	  "is it the VMM's vsock socket, and not its API socket? for a plain UNIX socket write "
	  "{unix}",
	  NULL },

	/* UNIX sockets, also those of VMMs */
	{ LOCAL, S(OWN), ENOENT, STATUS_USAGE, STAYS, "io", "no such user",
	  "getent passwd lists users; a number works too", refine_owner },
	{ LOCAL, S(OWN), ESRCH, STATUS_USAGE, STAYS, "io", "no such group",
	  "getent group lists groups; a number works too", refine_owner },
	{ LOCAL, S(OWN), EPERM, STATUS_DENIED, STAYS, "denied",
	  "denied: you may not change the owner or group of the socket file",
	  "only root may change the owner; other users may choose one of their own groups", NULL },
	{ MUX, DIAL, ENOENT, STATUS_ABSENT, HEALS, "refused",
	  "no such socket: {name}: its VM is not running", "{wait} waits for it", NULL },
	{ LOCAL, DIAL, ENOENT, STATUS_ABSENT, HEALS, "refused", "no such socket: {name}",
	  "ss -xl lists listening sockets", NULL },
	{ LOCAL, DIAL, ENOTDIR, STATUS_ABSENT, STAYS, "refused",
	  "no such socket: {name}: a part of the path is not a directory", NULL, NULL },
	{ MUX, DIAL, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: the socket file {name} is stale: its VM is gone", NO_VM, refine_unix_refused },
	{ LOCAL, DIAL, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: the socket file {name} is stale, nobody listens",
	  "start its program again; {wait} waits for it", refine_unix_refused },
	{ LOCAL, DIAL, EAGAIN, STATUS_REFUSED, HEALS, "refused",
	  "refused: the backlog of {name} is full", NULL, NULL },
	{ LOCAL, S(CONNECT), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout",
	  "timed out: the backlog of {name} stayed full{after}", NULL, NULL },
	{ LOCAL, DIAL, ECONNRESET, STATUS_REFUSED, HEALS, "refused",
	  "refused: {name} closed at once", NULL, NULL },
	{ LOCAL, DIAL, EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied",
	  "denied: you may not connect to {name}",
	  "ls -l {file} shows its permissions: you need write permission, and search permission "
	  "for its directories",
	  NULL },
	{ LOCAL, DIAL, EPROTOTYPE, STATUS_FAILURE, STAYS, "io",
	  "wrong type: {name} is not of this type of socket",
	  "write {unix-seqpacket} for a seqpacket listener, {unix} for a stream", NULL },
	{ LOCAL, OPEN, ENAMETOOLONG, STATUS_USAGE, STAYS, "io",
	  "path too long: the path of a UNIX socket has at most 107 bytes",
	  "cd to its directory, and write ./NAME", NULL },
	{ LOCAL, S(BIND), ELOOP, STATUS_DENIED, STAYS, "denied",
	  "refused: {directory} leads through a symbolic link that users other than root may "
	  "change",
	  "write the path without links", NULL },
	{ LOCAL, OPEN, ELOOP, STATUS_FAILURE, STAYS, "io", "too many symbolic links in {name}",
	  NULL, NULL },
	{ LOCAL, S(OWN), EIDRM, STATUS_ABSENT, STAYS, "io",
	  "the socket file {name} has been removed",
	  "nobody can connect to it any more: stop the program and start it again", NULL },
	{ LOCAL, S(OWN), ESTALE, STATUS_DENIED, STAYS, "denied",
	  "refused: another file has replaced the socket {name}",
	  "ls -ld {dir} shows who may write there", NULL },
	{ LOCAL, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io",
	  "address in use: {name} already exists",
	  "ss -xlp src {file} shows who listens; if nobody does: rm {file}", refine_unix_in_use },
	{ LOCAL, S(BIND), ENOENT, STATUS_ABSENT, STAYS, "io", "no such directory: {directory}",
	  "mkdir -p {dir}", NULL },
	{ LOCAL, S(BIND), ENOTDIR, STATUS_ABSENT, STAYS, "io", "no such directory: {directory}",
	  NULL, NULL },
	{ LOCAL, S(BIND), EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied",
	  "denied: you may not create {name}", "ls -ld {dir} shows its permissions", NULL },
	{ LOCAL, S(BIND), EROFS, STATUS_FAILURE, STAYS, "io",
	  "read-only: no socket can be created in {directory}", NULL, NULL },
	{ LOCAL, S(BIND), ENOSPC, STATUS_FAILURE, STAYS, "io", "no space left in {directory}", NULL,
	  NULL },

	/* TCP and UDP */
	{ TCP, S(CONNECT), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: nothing listens on port {port} of {host}", NULL, NULL },
	/* A refused connection is ECONNREFUSED (tcp_reset in SYN_SENT). This one was established,
	 * and then reset before we looked. */
	{ TCP, S(CONNECT), ECONNRESET, STATUS_BROKEN, HEALS, "reset",
	  "{host} reset the connection at once", NULL, NULL },
	{ TCP, S(CONNECT), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout",
	  "timed out: {host} did not answer{within}",
	  "it may be down, or a firewall drops port {port}", NULL },
	{ IP, S(CONNECT), EHOSTUNREACH, STATUS_ABSENT, HEALS, "refused",
	  "cannot reach {host}: no such host on its network, or a firewall forbids it", NULL,
	  NULL },
	{ IP, S(CONNECT), EHOSTDOWN, STATUS_ABSENT, HEALS, "refused",
	  "cannot reach {host}: it is down", NULL, NULL },
	{ IP, S(CONNECT), ENETUNREACH, STATUS_ABSENT, HEALS, "refused",
	  "cannot reach {host}: this machine has no route to its network",
	  "ip route lists the routes", NULL },
	{ IP, S(CONNECT), ENETDOWN, STATUS_ABSENT, HEALS, "refused",
	  "cannot reach {host}: the network is down", NULL, NULL },
	{ IP, S(CONNECT), EADDRNOTAVAIL, STATUS_FAILURE, HEALS, "io",
	  "address not available: no port is left to connect from", NULL, refine_tcp_not_here },
	{ IP, S(CONNECT) | S(BIND), EINVAL, STATUS_FAILURE, STAYS, "io",
	  "the kernel refuses this address: {error}", NULL, refine_ip_invalid },
	{ IP, S(CONNECT), EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied",
	  "denied: a firewall or security module forbids connecting to {host}", NULL, NULL },
	{ IP, S(SOCKET), EAFNOSUPPORT, STATUS_FAILURE, STAYS, "io",
	  "this kind of IP address cannot be used here",
	  "IPv6 may be off: write {family}4:; for a unit see RestrictAddressFamilies=", NULL },
	{ IP, S(BIND), EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied",
	  "denied: listening on port {bound-port} is not permitted here", SUDO_PORT,
	  refine_tcp_denied },
	{ TCP, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io",
	  "address in use: another program has port {bound-port}", HELD_TCP, NULL },
	{ F(UDP), S(BIND), EADDRINUSE, STATUS_FAILURE, STAYS, "io",
	  "address in use: another program has port {bound-port}", HELD_UDP, NULL },
	{ IP, S(BIND) | S(LISTEN), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io",
	  "address not available: no interface of this machine has {host}",
	  "ip address lists its addresses; {family}:*:{bound-port} listens on all",
	  refine_tcp_not_here },

	/* What rules say */
	{ ALL, S(PERMIT), 0, STATUS_DENIED, STAYS, "denied", "denied: {detail}", NULL, NULL },

	/* Any family: opening */
	{ ALL, OPEN, EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL,
	  NULL },
	{ ALL, OPEN, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused",
	  "refused: nothing listens there", NULL, NULL },
	{ ALL, OPEN, ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out{after}", NULL, NULL },
	{ ALL, OPEN, ENODEV, STATUS_ABSENT, STAYS, "refused", "no such device", NULL, NULL },
	{ ALL, OPEN, ENOENT, STATUS_ABSENT, STAYS, "refused", "not available: {error}", NULL,
	  NULL },
	{ ALL, OPEN, EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use", NULL, NULL },
	{ ALL, S(OPTION), ENOPROTOOPT, STATUS_FAILURE, STAYS, "io",
	  "this kernel does not know an option of this socket", NULL, NULL },
	{ ALL, S(ACCEPT), ECONNABORTED, STATUS_BROKEN, HEALS, "reset",
	  "the client went away before it was accepted", NULL, NULL },
	{ ALL, S(ACCEPT), EPERM, STATUS_DENIED, STAYS, "denied",
	  "denied: a firewall forbids accepting", NULL, NULL },

	/* Any family: a connection breaks */
	{ ALL, LIVE, ECONNRESET, STATUS_BROKEN, STAYS, "reset",
	  "broke: the connection was reset by the other side", NULL, NULL },
	{ ALL, LIVE, EPIPE, STATUS_BROKEN, STAYS, "reset",
	  "broke: the other side closed before everything was sent", NULL, NULL },
	{ ALL, LIVE, ENOTCONN, STATUS_BROKEN, STAYS, "reset", "broke: the connection is gone", NULL,
	  NULL },
	{ ALL, LIVE, ECONNABORTED, STATUS_BROKEN, STAYS, "reset",
	  "broke: the connection was aborted", NULL, NULL },
	{ ALL, LIVE, ETIMEDOUT, STATUS_BROKEN, STAYS, "timeout",
	  "broke: the other side no longer answers", NULL, NULL },
	{ ALL, LIVE, EHOSTUNREACH, STATUS_BROKEN, STAYS, "reset",
	  "broke: the other side can no longer be reached", NULL, NULL },
	{ ALL, LIVE, ENETUNREACH, STATUS_BROKEN, STAYS, "reset",
	  "broke: the network of the other side can no longer be reached", NULL, NULL },
	{ ALL, LIVE, ENETDOWN, STATUS_BROKEN, STAYS, "reset", "broke: the network is down", NULL,
	  NULL },
	{ ALL, LIVE, ENETRESET, STATUS_BROKEN, STAYS, "reset",
	  "broke: the network dropped the connection", NULL, NULL },
	{ ALL, LIVE, ENOSPC, STATUS_FAILURE, STAYS, "io", "cannot write: no space left", NULL,
	  NULL },
	{ ALL, LIVE, EDQUOT, STATUS_FAILURE, STAYS, "io", "cannot write: the quota is used up",
	  NULL, NULL },
	{ ALL, LIVE, EFBIG, STATUS_FAILURE, STAYS, "io",
	  "cannot write: the file would become too large", "ulimit -f shows the limit", NULL },
	{ ALL, LIVE, EIO, STATUS_FAILURE, STAYS, "io", "input/output error", NULL, NULL },
	{ ALL, LIVE, EMSGSIZE, STATUS_FAILURE, STAYS, "io", "message too long for this socket",
	  "use a smaller --message-size", NULL },
	{ ALL, LIVE, EISDIR, STATUS_FAILURE, STAYS, "io", "cannot read: it is a directory", NULL,
	  NULL },
	{ ALL, LIVE, EITHER(EACCES, EPERM), STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL,
	  NULL },

	/* Nothing known: the step and strerror() */
	{ ALL, S(RESOLVE), 0, STATUS_FAILURE, STAYS, "io", NULL, NULL, NULL },
	{ ALL, S(SOCKET), 0, STATUS_FAILURE, STAYS, "io", "cannot open a socket: {error}", NULL,
	  NULL },
	{ ALL, S(OPTION), 0, STATUS_FAILURE, STAYS, "io", "cannot set a socket option: {error}",
	  NULL, NULL },
	{ ALL, S(BIND), 0, STATUS_FAILURE, STAYS, "io", "cannot bind: {error}", NULL, NULL },
	{ ALL, S(LISTEN), 0, STATUS_FAILURE, STAYS, "io", "cannot listen: {error}", NULL, NULL },
	{ ALL, S(CONNECT), 0, STATUS_FAILURE, STAYS, "io", "cannot connect: {error}", NULL, NULL },
	{ ALL, S(HANDSHAKE), 0, STATUS_FAILURE, STAYS, "io", "the handshake failed: {error}", NULL,
	  NULL },
	{ ALL, S(ACCEPT), 0, STATUS_FAILURE, STAYS, "io", "cannot accept: {error}", NULL, NULL },
	{ ALL, ANY, 0, STATUS_FAILURE, STAYS, "io", "broke: {error}", NULL, NULL },
};

static bool is_meant(int entry, int error)
{
	return !entry || entry == error ||
	       (entry > 0xffff && (entry >> 16 == error || (entry & 0xffff) == error));
}

const struct cause *explain_cause(const struct addr *addr, const struct failure *failure)
{
	const struct cause *cause = causes;
	/* EAI_ codes are negative: no errno's entry fits them. The last entry fits all. */
	while (!(cause->families & (1u << addr->family)) ||
	       !(cause->steps & (1u << failure->step)) || !is_meant(cause->error, failure->error))
		cause++;
	return cause;
}
