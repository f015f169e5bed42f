/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is known to go wrong: the table causes[], and the judges that decide between causes of one errno. */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "net/explain-parts.h"

/*
 * Guests
 */

static const struct machine_guest *guest_of(const struct machine *machine, uint32_t cid, bool hybrid)
{
	for (size_t i = 0; i < machine->guest_count; i++)
		if (machine->guests[i].cid == cid && (machine->guests[i].path[0] != '\0') == hybrid)
			return &machine->guests[i];
	return NULL;
}

/* "running here: 3 (web), 4 (db)": those that the kernel's vsock reaches. Returns how many are known. */
static size_t guests_list(const struct machine *machine, char *buf, size_t size)
{
	size_t count = 0, used = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < machine->guest_count; i++) {
		const struct machine_guest *guest = &machine->guests[i];
		if (guest->cid == ADDR_CID_ANY || guest->path[0])
			continue;
		char name[100] = "", escaped[80];
		if (guest->name[0]) {
			log_escape(guest->name, strlen(guest->name), escaped, sizeof(escaped));
			snprintf(name, sizeof(name), " (%s)", escaped);
		}
		if (used + strlen(name) + 20 >= size) {
			snprintf(buf + used, size - used, " …");
			return count + 1;
		}
		used += (size_t)snprintf(buf + used, size - used, "%s%u%s", count ? ", " : "", guest->cid, name);
		count++;
	}
	return count;
}

/* The guest is here, but behind a VMM's UNIX socket: writes the hint and returns true. */
static bool hint_hybrid(struct story *story)
{
	const struct machine_guest *guest = guest_of(story->machine, story->addr->cid, true);
	if (!guest)
		return false;
	char path[128];
	log_escape(guest->path, strlen(guest->path), path, sizeof(path));
	snprintf(story->out->hint, sizeof(story->out->hint), "%s has CID %u, behind a socket of its own: write vsock-mux:%s:%u",
	         guest->program, guest->cid, path, story->addr->port);
	return true;
}

/*
 * Judges: causes that share an errno
 */

/* ENODEV and ENXIO: no transport to this CID. */
static void judge_no_device(struct story *story)
{
	const struct machine *machine = story->machine;
	uint32_t cid = story->addr->cid;
	if (cid == ADDR_CID_LOCAL || (machine->has_cid && cid == machine->cid && machine->is_guest)) {
		if (machine_module_ready(machine->loopback))
			return;
		story_what(story, "no device: {cid} is this machine itself, and vsock_loopback is not loaded");
		story_mend(story, EXPLAIN_TO_SELF);
		return;
	}
	if (cid <= ADDR_CID_HOST) {
		if (machine->virtio_device && !machine_module_ready(machine->virtio)) {
			story_what(story, "no device: this VM has a vsock device, but its driver is not loaded");
			story_mend(story, EXPLAIN_TO_HOST);
		} else if (machine->is_guest) {
			story_what(story, "no device: this VM's vsock device is not ready");
			story_verdict(story, STATUS_ABSENT, true, "refused");
		} else if (machine->is_host) {
			story_what(story, "no device: {cid} is the host of a VM, and this machine is the host, not a VM");
			story_hint(story, "to reach this machine itself: sudo modprobe vsock_loopback, then write local:{port}");
		} else {
			story_what(story, "no device: {cid} is the host of a VM, and this machine has no vsock device");
			story_mend(story, EXPLAIN_TO_HOST);
		}
		return;
	}
	if (machine->is_host) {
		char list[160];
		story_verdict(story, STATUS_ABSENT, true, "refused");
		story_what(story, "no such CID: no VM on this machine has {cid}");
		if (hint_hybrid(story))
			return;
		if (machine->is_guest && !(story->addr->options.given & ADDR_OPT_TO_HOST))
			story_hint(story, "this machine is a VM and a host: if {cid} is to be reached through its own host, add ,to-host to the address");
		else if (guests_list(machine, list, sizeof(list)))
			snprintf(story->out->hint, sizeof(story->out->hint), "running here: %s; if it is still to start, add --wait 60s", list);
		else
			story_hint(story, "no running VM with a CID was seen here; if it is still to start, add --wait 60s");
		return;
	}
	if (hint_hybrid(story)) {
		story_what(story, "no such CID: the kernel knows no VM that has {cid}");
	} else if (machine->is_guest) {
		story_what(story, "no device: this VM's vsock device does not reach {cid}");
		story_hint(story, "from a VM only its host answers: write host:{port}");
	} else if (machine->virtio_device) {
		story_what(story, "no device: this VM has a vsock device, but its driver is not loaded");
		story_mend(story, EXPLAIN_TO_HOST);
	} else {
		story_what(story, "no such CID: nothing here has {cid}, and no VM can be reached, for vhost_vsock is not loaded");
		story_mend(story, EXPLAIN_TO_GUESTS);
	}
}

static void judge_vsock_timeout(struct story *story)
{
	const struct machine *machine = story->machine;
	uint32_t cid = story->addr->cid;
	bool far = cid > ADDR_CID_HOST;
	if (machine->is_guest && !machine_module_ready(machine->loopback) && (cid == ADDR_CID_LOCAL || (machine->has_cid && cid == machine->cid))) {
		story_what(story, "timed out: {cid} is this machine itself, but without vsock_loopback the host was asked");
		story_mend(story, EXPLAIN_TO_SELF);
		story_verdict(story, STATUS_TIMEOUT, false, "timeout");
	} else if (machine->is_guest && far && !machine->is_host) {
		if (story->addr->options.given & ADDR_OPT_TO_HOST)
			story_hint(story, "the host may not forward between its VMs (plain vhost_vsock does not), or no VM there has {cid}");
		else if (machine->nitro)
			story_hint(story, "no VM there may have {cid}, or it is booting; an enclave reaches its parent as CID 3");
		else
			story_hint(story, "from a VM only its host answers: write host:{port}; where the host forwards between its VMs, add ,to-host");
	} else if (machine->is_host && far) {
		const struct machine_guest *guest = guest_of(machine, cid, false);
		if (guest)
			snprintf(story->out->hint, sizeof(story->out->hint),
			         "the VM runs (%s, pid %d) but its vsock driver does not answer: it is booting or paused, or lacks the driver; --wait 60s waits for it",
			         guest->program, (int)guest->pid);
	} else if (cid == ADDR_CID_HOST) {
		story_hint(story, "the host does not answer this VM: its hypervisor may not forward port {port}, or nothing there takes connections");
	}
}

static void judge_vsock_refused(struct story *story)
{
	const struct machine *machine = story->machine;
	uint32_t cid = story->addr->cid;
	if (machine->is_guest && !machine_module_ready(machine->loopback) && cid == ADDR_CID_LOCAL) {
		story_what(story, "refused: without vsock_loopback {cid} is not this machine, and its host refused");
		story_mend(story, EXPLAIN_TO_SELF);
	} else if (story->addr->seqpacket) {
		story_what(story, "refused: nothing listens on port {port} of {cid} for seqpacket, or its backlog is full");
		story_hint(story, "if the listener is a stream one, write vsock:{dial}:{port}");
	}
}

/* The unit of systemd that this process belongs to, or "". */
static void unit_name(char *buf, size_t size)
{
	char line[512] = "";
	buf[0] = '\0';
	FILE *file = fopen("/proc/self/cgroup", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		const char *slash = strrchr(line, '/');
		size_t length = slash ? strlen(slash + 1) : 0;
		if (length > 8 && length < size && length < 80 && strcmp(slash + 1 + length - 8, ".service") == 0 &&
		    strncmp(slash + 1, "user@", 5) != 0)
			log_escape(slash + 1, strlen(slash + 1), buf, size);
	}
	fclose(file);
}

static void judge_no_family(struct story *story)
{
	const struct machine *machine = story->machine;
	if (machine->family) {
		char unit[96];
		story_verdict(story, STATUS_DENIED, false, "denied");
		story_what(story, "denied: the kernel has vsock, but this process may not use it (RestrictAddressFamilies= of a unit, or a seccomp filter)");
		unit_name(unit, sizeof(unit));
		if (unit[0])
			snprintf(story->out->hint, sizeof(story->out->hint),
			         "sudo systemctl edit %s, and add AF_VSOCK to RestrictAddressFamilies= below [Service]", unit);
		else
			story_hint(story, "add AF_VSOCK to RestrictAddressFamilies= of the unit");
		return;
	}
	if (machine->vsock == MODULE_INSTALLED) {
		story_what(story, "no vsock: the kernel's vsock module is not loaded, and was not loaded by asking");
		snprintf(story->out->hint, sizeof(story->out->hint), "sudo modprobe vsock%s",
		         machine->container ? ", outside of the container" : " (if that is refused, look for a blacklist in /etc/modprobe.d)");
		return;
	}
	if (machine->seccomp && !machine->modules_known)
		story_hint(story, "or a seccomp filter hides it: run {program} outside of the sandbox");
	else if (machine->modules_known && machine->vsock == MODULE_ABSENT)
		story_hint(story, "install the package of this kernel's further modules (linux-modules-extra, kernel-modules), then sudo modprobe vsock");
}

static void judge_socket_denied(struct story *story)
{
	const struct machine *machine = story->machine;
	if (machine->container)
		story_hint(story, "the container's seccomp profile blocks it: podman/docker run --security-opt seccomp=unconfined, or a profile that allows AF_VSOCK");
	else if (machine->seccomp)
		story_hint(story, "a seccomp filter blocks it: for a unit of systemd see SystemCallFilter= and RestrictAddressFamilies=");
	else
		story_hint(story, "a security module (SELinux, AppArmor) may forbid it: sudo journalctl -k -g denied");
}

static void judge_vsock_bind_denied(struct story *story)
{
	if (story_bound_port(story) >= 1024) {
		story_what(story, "denied: listening on port {bound-port} is not permitted here");
		story_hint(story, "a security module (SELinux, AppArmor) may forbid it: sudo journalctl -k -g denied");
	} else if (story->machine->user_namespace) {
		story_hint(story, "root of a user namespace (a rootless container) lacks it: take a port from 1024 on, or run outside of the container");
	} else if (story->machine->container) {
		story_hint(story, "take a port from 1024 on, or run the container with --cap-add NET_BIND_SERVICE");
	}
}

static void judge_vsock_not_ours(struct story *story)
{
	const struct machine *machine = story->machine;
	uint32_t cid = story_bound_cid(story);
	if (cid == ADDR_CID_ANY) {
		story_what(story, "address not available: no free port is left");
		story->out->hint[0] = '\0';
	} else if (cid == ADDR_CID_LOCAL && !machine_module_ready(machine->loopback)) {
		story_what(story, "not our CID: CID 1 needs vsock_loopback, which is not loaded");
		story_mend(story, EXPLAIN_TO_SELF);
	} else if (cid == ADDR_CID_HOST && !machine->is_host) {
		story_what(story, machine->is_guest ? "not our CID: CID 2 is the host, and this machine is a VM"
		                              : "not our CID: CID 2 needs vhost_vsock, which is not loaded");
		if (machine->is_guest)
			story_hint(story, "any:{bound-port} listens on whatever CID this machine has");
		else
			story_mend(story, EXPLAIN_TO_GUESTS);
	} else if (machine->has_cid) {
		snprintf(story->out->what, sizeof(story->out->what), "not our CID: this machine has CID %u, not %u", machine->cid, cid);
	} else if (!machine_has_transport(machine)) {
		story_what(story, "not our CID: no vsock transport is loaded, so this machine has no CID");
	}
}

static void judge_vsock_invalid(struct story *story)
{
	if (story->addr->options.given & ADDR_OPT_TO_HOST) {
		story_what(story, "to-host is not known to this kernel (5.11 and later have it)");
		story_hint(story, "leave out ,to-host");
	}
}

static void judge_owner(struct story *story)
{
	const struct addr_options *options = &story->addr->options;

	if (story->failure->error == ENOENT)
		snprintf(story->out->what, sizeof(story->out->what), "no such user: %s", options->owner);
	else
		snprintf(story->out->what, sizeof(story->out->what), "no such group: %s", options->group);
}

static void judge_unix_refused(struct story *story)
{
	struct stat st;
	if (!story->addr->abstract && stat(story->addr->name, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		story_verdict(story, STATUS_FAILURE, false, "io");
		story_what(story, S_ISDIR(st.st_mode) ? "not a socket: {name} is a folder" : "not a socket: {name} is another kind of file");
		story->out->hint[0] = '\0';
	} else if (story->addr->abstract) {
		story_what(story, "refused: nobody listens on {name}");
		story_hint(story, "abstract names are seen only inside one network namespace; ss -xl lists them");
	}
}

static void judge_unix_in_use(struct story *story)
{
	struct stat st;
	if (story->addr->family != ADDR_UNIX || story->addr->abstract || stat(story->addr->name, &st) < 0)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		story_what(story, "address in use: {name} is there, and is not a socket");
		story_hint(story, "take another path");
	}
}

static void judge_tcp_denied(struct story *story)
{
	uint32_t port = story_bound_port(story);
	if (story->addr->service[0] || (port && port < 1024))
		story_what(story, "denied: port {bound-port} needs privilege (CAP_NET_BIND_SERVICE)");
	else
		story->out->hint[0] = '\0';
}

static void judge_tcp_not_here(struct story *story)
{
	if (story->addr->options.given & ADDR_OPT_BIND) {
		char host[sizeof(story->addr->options.bind_host) * 4];
		log_escape(story->addr->options.bind_host, strlen(story->addr->options.bind_host), host, sizeof(host));
		snprintf(story->out->what, sizeof(story->out->what), "address not available: no interface of this machine has %.100s", host);
	}
}

static void judge_name(struct story *story)
{
	const char *name = story->addr->name;
	if (name[0] && strspn(name, "0123456789") == strlen(name))
		story_hint(story, "for a VM's CID write vsock:{host}:{port}");
	else if (story->addr->ip)
		snprintf(story->out->hint, sizeof(story->out->hint), "it may have an address of the other kind: write %s:HOST:PORT instead of %s%u:",
		         addr_family_name(story->addr), addr_family_name(story->addr), story->addr->ip);
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

#define HEALS true
#define STAYS false

#define NO_VM "the VM may be down, or still booting: --wait 60s waits for it"
#define HELD_VSOCK "sudo vsock-info --sockets --probe shows who holds it; any and a single CID can't share a port"
#define HELD_TCP "sudo ss -ltnp sport = :{bound-port} shows who holds it"
#define HELD_UDP "sudo ss -lunp sport = :{bound-port} shows who holds it"
#define SUDO_PORT "sudo {program} … may, or take a port from 1024 on; for a unit: AmbientCapabilities=CAP_NET_BIND_SERVICE"

static const struct cause causes[] = {
	/* Names */
	{ ALL, S(RESOLVE), EAI_NONAME, STATUS_ABSENT, STAYS, "refused", "no such host: {host}", NULL, judge_name },
#ifdef EAI_NODATA
	{ ALL, S(RESOLVE), EAI_NODATA, STATUS_ABSENT, STAYS, "refused", "no such host: {host} has no address", NULL, judge_name },
#endif
#ifdef EAI_ADDRFAMILY
	{ ALL, S(RESOLVE), EAI_ADDRFAMILY, STATUS_ABSENT, STAYS, "refused", "no such host: {host} has no address of this kind", NULL, judge_name },
#endif
	{ ALL, S(RESOLVE), EAI_AGAIN, STATUS_ABSENT, HEALS, "refused", "no such host known now: no name server answered for {host}",
	  "is this machine on the network? resolvectl status shows its name servers", NULL },
	{ ALL, S(RESOLVE), EAI_FAIL, STATUS_ABSENT, STAYS, "refused", "no such host known: the name server could not look up {host}", NULL, NULL },
	{ F(UDP), S(RESOLVE), EAI_SERVICE, STATUS_USAGE, STAYS, "refused", "no such service of UDP: {port}", "write the port's number, or a name that /etc/services has for udp", NULL },
	{ ALL, S(RESOLVE), EAI_SERVICE, STATUS_USAGE, STAYS, "refused", "no such service: {port}", "write the port's number, or a name of /etc/services", NULL },
	{ ALL, S(RESOLVE), EAI_FAMILY, STATUS_FAILURE, STAYS, "io", "this kind of address can't be looked up here", NULL, NULL },
	{ ALL, S(RESOLVE), EAI_MEMORY, STATUS_FAILURE, HEALS, "io", "out of memory while looking up {host}", NULL, NULL },
	{ ALL, S(RESOLVE), EAI_SYSTEM, STATUS_FAILURE, STAYS, "io", "looking up {host} failed in the system", NULL, NULL },

	/* A child instead of a peer */
	{ CHILD, OPEN, ENOENT, STATUS_NOT_FOUND, STAYS, "refused", "no such command: {name}", "is it in PATH? a path with / in it is taken as it stands", NULL },
	{ CHILD, OPEN, ENOTDIR, STATUS_NOT_FOUND, STAYS, "refused", "no such command: {name}", NULL, NULL },
	{ CHILD, OPEN, EACCES, STATUS_CANNOT_RUN, STAYS, "denied", "can't be run: {name} is not executable for you", "chmod +x makes a file executable", NULL },
	{ CHILD, OPEN, EPERM, STATUS_CANNOT_RUN, STAYS, "denied", "can't be run: {name}: {error}", NULL, NULL },
	{ CHILD, OPEN, ENOEXEC, STATUS_CANNOT_RUN, STAYS, "refused", "can't be run: {name} is no program", "a script's first line names its interpreter: #!/bin/sh", NULL },
	{ CHILD, OPEN, E2BIG, STATUS_CANNOT_RUN, STAYS, "refused", "can't be run: its arguments and environment are too long", NULL, NULL },
	{ CHILD, OPEN, EAGAIN, STATUS_FAILURE, HEALS, "io", "too many processes for {name} to be started", "ulimit -u shows the limit; for a unit: TasksMax=", NULL },

	/* Descriptors that were inherited */
	{ GIVEN, ANY, EBADF, STATUS_ABSENT, STAYS, "refused", "no such descriptor: it is not open", "the shell opens one with N<>FILE, and systemd with Sockets=", NULL },
	{ GIVEN, OPEN, ENOENT, STATUS_ABSENT, STAYS, "refused", "no such descriptor: none was passed by this name", "FileDescriptorName= of the .socket unit gives it", NULL },
	{ GIVEN, ANY, ENOTSOCK, STATUS_FAILURE, STAYS, "io", "not a socket: this descriptor is a file or pipe", NULL, NULL },
	{ GIVEN, OPEN, EPROTOTYPE, STATUS_FAILURE, STAYS, "refused", "this socket is for datagrams", "datagrams of UDP are for rules of vsock-proxy: vsock-proxy fd:… CONNECT", NULL },
	{ GIVEN, OPEN, EPROTONOSUPPORT, STATUS_FAILURE, STAYS, "refused", "the datagrams of this socket are not of UDP", "of datagrams only those of UDP can be forwarded", NULL },
	{ GIVEN, OPEN, ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "refused", "some sockets of this name are for datagrams, others for connections", "give each kind a FileDescriptorName= of its own", NULL },
	{ GIVEN, S(ACCEPT) | S(LISTEN), EINVAL, STATUS_FAILURE, STAYS, "io", "this socket does not listen", "for a connected one (inetd, Accept=yes) use vsock-cat fd:N", NULL },

	/* Out of something: the same for all, but for a vsock connection that is there already */
	{ VSOCK, S(RELAY), ENOBUFS, STATUS_BROKEN, STAYS, "io", "broke: the kernel dropped what came from {cid}: more than its window holds", ",window=1M makes it larger", NULL },
	{ ALL, ANY, EMFILE, STATUS_FAILURE, HEALS, "io", "too many open descriptors in this process", "ulimit -n shows the limit and raises it; for a unit: LimitNOFILE=", NULL },
	{ ALL, ANY, ENFILE, STATUS_FAILURE, HEALS, "io", "too many open descriptors on this machine", "sudo sysctl fs.file-max shows the limit", NULL },
	{ ALL, ANY, ENOMEM, STATUS_FAILURE, HEALS, "io", "out of memory", NULL, NULL },
	{ ALL, ANY, ENOBUFS, STATUS_FAILURE, HEALS, "io", "out of memory for sockets", NULL, NULL },

	/* vsock: making the socket */
	{ VSOCK, S(SOCKET), EAFNOSUPPORT, STATUS_ABSENT, STAYS, "refused", "no vsock: this kernel does not have it", NULL, judge_no_family },
	{ VSOCK, S(SOCKET), EPERM, STATUS_DENIED, STAYS, "denied", "denied: a vsock socket may not be made here", NULL, judge_socket_denied },
	{ VSOCK, S(SOCKET), EACCES, STATUS_DENIED, STAYS, "denied", "denied: a vsock socket may not be made here", NULL, judge_socket_denied },
	{ VSOCK, S(SOCKET), ENOSYS, STATUS_DENIED, STAYS, "denied", "denied: a seccomp filter forbids sockets here", NULL, judge_socket_denied },
	{ VSOCK, S(SOCKET), EINVAL, STATUS_DENIED, STAYS, "denied", "denied: a vsock socket may not be made here", NULL, judge_socket_denied },
	{ VSOCK, S(SOCKET), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io", "this kernel's vsock has no such type of socket (seqpacket: 5.14 and later)", "write vsock: if the peer may be a stream", NULL },
	{ VSOCK, S(SOCKET), EPROTONOSUPPORT, STATUS_FAILURE, STAYS, "io", "this kernel's vsock has no such type of socket", NULL, NULL },
	{ VSOCK, S(SOCKET), ENODEV, STATUS_ABSENT, STAYS, "refused", "no device: no vsock transport is loaded", NULL, judge_no_device },

	/* vsock: connecting */
	{ VSOCK, S(CONNECT), ECONNRESET, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens on port {port} of {cid}, or its backlog is full",
	  "vsock-ping --scan {dial} shows what does listen", judge_vsock_refused },
	{ VSOCK, S(CONNECT), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: {cid} takes no connection yet: its vsock driver is not up", NO_VM, NULL },
	{ VSOCK, S(CONNECT), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out: {cid} did not answer{within}",
	  "it may be booting or paused, or lack the vsock driver; --wait 60s waits for it", judge_vsock_timeout },
	{ VSOCK, S(CONNECT), ENODEV, STATUS_ABSENT, STAYS, "refused", "no device: no vsock transport to {cid}", NULL, judge_no_device },
	{ VSOCK, S(CONNECT), ENXIO, STATUS_ABSENT, STAYS, "refused", "no device: no vsock transport to {cid}", NULL, judge_no_device },
	{ VSOCK, S(CONNECT), EHOSTUNREACH, STATUS_ABSENT, HEALS, "refused", "no way to {cid}: the host or the VM is not ready", NO_VM, NULL },
	{ VSOCK, S(CONNECT), ENETUNREACH, STATUS_ABSENT, STAYS, "refused", "no way to {cid}: this machine's transport does not carry that CID", "from a VM only its host answers: write host:{port}", NULL },
	{ VSOCK, S(CONNECT), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io", "address not available: no port is left to connect from", NULL, judge_vsock_not_ours },
	{ VSOCK, S(CONNECT), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io", "no seqpacket: the transport to {cid} carries streams only", "write vsock:{dial}:{port} if the peer may be a stream", NULL },
	{ VSOCK, S(CONNECT), EPROTOTYPE, STATUS_FAILURE, STAYS, "io", "wrong type: stream and seqpacket can't be connected", NULL, NULL },
	{ VSOCK, S(CONNECT), EINVAL, STATUS_FAILURE, STAYS, "io", "the kernel takes no such address: CID {dial}, port {port}", NULL, judge_vsock_invalid },
	{ VSOCK, S(CONNECT), EPERM, STATUS_DENIED, STAYS, "denied", "denied: connecting to {cid} is not permitted here", NULL, judge_socket_denied },
	{ VSOCK, S(CONNECT), EACCES, STATUS_DENIED, STAYS, "denied", "denied: connecting to {cid} is not permitted here", NULL, judge_socket_denied },
	{ VSOCK, S(CONNECT), EPIPE, STATUS_REFUSED, HEALS, "refused", "refused: {cid} closed at once", NULL, NULL },
	{ VSOCK, S(CONNECT), ENOTCONN, STATUS_REFUSED, HEALS, "refused", "refused: {cid} closed at once", NULL, NULL },

	/* vsock: listening, and the near end */
	{ VSOCK, S(BIND), EACCES, STATUS_DENIED, STAYS, "denied", "denied: port {bound-port} is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)", SUDO_PORT, judge_vsock_bind_denied },
	{ VSOCK, S(BIND), EPERM, STATUS_DENIED, STAYS, "denied", "denied: port {bound-port} is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)", SUDO_PORT, judge_vsock_bind_denied },
	{ VSOCK, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use: another program has port {bound-port} of {bound}", HELD_VSOCK, NULL },
	{ VSOCK, S(BIND) | S(LISTEN), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io", "not our CID: {bound} is not this machine's", "any:{bound-port} listens on whatever CID this machine has", judge_vsock_not_ours },
	{ VSOCK, S(BIND) | S(LISTEN), ENODEV, STATUS_ABSENT, STAYS, "refused", "no device: no vsock transport is loaded", NULL, judge_no_device },
	{ VSOCK, S(BIND) | S(LISTEN), ESOCKTNOSUPPORT, STATUS_FAILURE, STAYS, "io", "no seqpacket: the transport carries streams only", NULL, NULL },
	{ VSOCK, S(BIND), EINVAL, STATUS_FAILURE, STAYS, "io", "the kernel takes no such address to bind", NULL, judge_vsock_invalid },
	{ VSOCK, S(LISTEN), EOPNOTSUPP, STATUS_FAILURE, STAYS, "io", "this transport can't listen", NULL, NULL },
	{ VSOCK, S(LISTEN), EINVAL, STATUS_FAILURE, STAYS, "io", "this socket is not bound", NULL, NULL },
	{ VSOCK, S(OPTION), ERANGE, STATUS_FAILURE, STAYS, "io", "the kernel takes no such time-out or window", "take a smaller one", NULL },
	{ VSOCK, S(OPTION), EDOM, STATUS_FAILURE, STAYS, "io", "the kernel takes no such time-out or window", "take a smaller one", NULL },

	/* vsock: a connection breaks */
	{ VSOCK, S(RELAY), ECONNRESET, STATUS_BROKEN, STAYS, "vm-gone", "broke: the VM of {cid} went away, or the connection was reset", NULL, NULL },
	{ VSOCK, S(RELAY), ENOTCONN, STATUS_BROKEN, STAYS, "vm-gone", "broke: the VM of {cid} went away", NULL, NULL },
	{ VSOCK, S(RELAY), ENODEV, STATUS_BROKEN, STAYS, "vm-gone", "broke: the VM of {cid} went away, or this machine's vsock device", NULL, NULL },
	{ VSOCK, S(RELAY), EMSGSIZE, STATUS_FAILURE, STAYS, "io", "message too long: a seqpacket message must fit into the window of both ends", "--message-size cuts smaller ones; ,window= makes room", NULL },

	/* Hybrid vsock: the handshake with the VMM */
	{ ALL, S(HANDSHAKE), ECONNRESET, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens on port {port} behind {name}, or its VM is still booting", "--wait 60s waits for it", NULL },
	{ ALL, S(HANDSHAKE), EPIPE, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens on port {port} behind {name}, or its VM is still booting", "--wait 60s waits for it", NULL },
	{ ALL, S(HANDSHAKE), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens on port {port} behind {name}", NULL, NULL },
	{ ALL, S(HANDSHAKE), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out: the VM behind {name} did not answer{within}", "it may be booting or paused; --wait 60s waits for it", NULL },
	{ ALL, S(HANDSHAKE), EPROTO, STATUS_FAILURE, STAYS, "io", "{name} answered nonsense{quoted} where hybrid vsock says OK", "is it the VMM's vsock socket, and not its API's? for a plain one write unix:{name}", NULL },

	/* UNIX sockets, also those of VMMs */
	{ LOCAL, S(OWN), ENOENT, STATUS_USAGE, STAYS, "io", "no such user", "getent passwd lists those of this machine; a number does too", judge_owner },
	{ LOCAL, S(OWN), ESRCH, STATUS_USAGE, STAYS, "io", "no such group", "getent group lists those of this machine; a number does too", judge_owner },
	{ LOCAL, S(OWN), EPERM, STATUS_DENIED, STAYS, "denied", "denied: the socket file may not be given to another owner or group", "only root may give files away, and others only to a group that they are in", NULL },
	{ MUX, DIAL, ENOENT, STATUS_ABSENT, HEALS, "refused", "no such socket: {name}: its VM is not running", "--wait 60s waits for it", NULL },
	{ LOCAL, DIAL, ENOENT, STATUS_ABSENT, HEALS, "refused", "no such socket: {name}", "ss -xl lists those that are there", NULL },
	{ LOCAL, DIAL, ENOTDIR, STATUS_ABSENT, STAYS, "refused", "no such socket: {name}: a part of the path is no folder", NULL, NULL },
	{ MUX, DIAL, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: the socket file {name} is stale: its VM is gone", NO_VM, judge_unix_refused },
	{ LOCAL, DIAL, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: the socket file {name} is stale, nobody listens", "start its program again; --wait 60s waits for it", judge_unix_refused },
	{ LOCAL, DIAL, EAGAIN, STATUS_REFUSED, HEALS, "refused", "refused: the backlog of {name} is full", NULL, NULL },
	{ LOCAL, DIAL, ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out: the backlog of {name} stayed full{after}", NULL, NULL },
	{ LOCAL, DIAL, ECONNRESET, STATUS_REFUSED, HEALS, "refused", "refused: {name} closed at once", NULL, NULL },
	{ LOCAL, DIAL, EACCES, STATUS_DENIED, STAYS, "denied", "denied: you may not connect to {name}", "ls -l {name} tells who may: writing to the socket and searching its folders is needed", NULL },
	{ LOCAL, DIAL, EPERM, STATUS_DENIED, STAYS, "denied", "denied: you may not connect to {name}", "ls -l {name} tells who may: writing to the socket and searching its folders is needed", NULL },
	{ LOCAL, DIAL, EPROTOTYPE, STATUS_FAILURE, STAYS, "io", "wrong type: {name} is not of this type of socket", "write unix-seqpacket:{name} for a seqpacket listener, unix:{name} for a stream", NULL },
	{ LOCAL, OPEN, ENAMETOOLONG, STATUS_USAGE, STAYS, "io", "path too long: a UNIX socket's has at most 107 bytes", "cd into its folder, and write ./NAME", NULL },
	{ LOCAL, OPEN, ELOOP, STATUS_FAILURE, STAYS, "io", "too many symbolic links in {name}", NULL, NULL },
	{ LOCAL, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use: {name} is there already", "ss -xlp src {name} shows who listens; if nobody does: rm {name}", judge_unix_in_use },
	{ LOCAL, S(BIND), ENOENT, STATUS_ABSENT, STAYS, "io", "no such folder: {folder}", "mkdir -p {folder}", NULL },
	{ LOCAL, S(BIND), ENOTDIR, STATUS_ABSENT, STAYS, "io", "no such folder: {folder}", NULL, NULL },
	{ LOCAL, S(BIND), EACCES, STATUS_DENIED, STAYS, "denied", "denied: you may not make {name}", "ls -ld {folder} tells who may", NULL },
	{ LOCAL, S(BIND), EPERM, STATUS_DENIED, STAYS, "denied", "denied: you may not make {name}", "ls -ld {folder} tells who may", NULL },
	{ LOCAL, S(BIND), EROFS, STATUS_FAILURE, STAYS, "io", "read-only: no socket can be made in {folder}", NULL, NULL },
	{ LOCAL, S(BIND), ENOSPC, STATUS_FAILURE, STAYS, "io", "no space left in {folder}", NULL, NULL },

	/* TCP and UDP */
	{ TCP, S(CONNECT), ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens on port {port} of {host}", NULL, NULL },
	{ TCP, S(CONNECT), ECONNRESET, STATUS_REFUSED, HEALS, "refused", "refused: {host} reset the connection at once", NULL, NULL },
	{ TCP, S(CONNECT), ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out: {host} did not answer{within}", "it may be down, or a firewall drops port {port}", NULL },
	{ IP, S(CONNECT), EHOSTUNREACH, STATUS_ABSENT, HEALS, "refused", "no way to {host}: no such host on its network, or a firewall forbids it", NULL, NULL },
	{ IP, S(CONNECT), EHOSTDOWN, STATUS_ABSENT, HEALS, "refused", "no way to {host}: it is down", NULL, NULL },
	{ IP, S(CONNECT), ENETUNREACH, STATUS_ABSENT, HEALS, "refused", "no way to {host}: this machine has no route to its network", "ip route lists the routes", NULL },
	{ IP, S(CONNECT), ENETDOWN, STATUS_ABSENT, HEALS, "refused", "no way to {host}: the network is down", NULL, NULL },
	{ IP, S(CONNECT), EADDRNOTAVAIL, STATUS_FAILURE, HEALS, "io", "address not available: no port is left to connect from", NULL, judge_tcp_not_here },
	{ IP, S(CONNECT), EACCES, STATUS_DENIED, STAYS, "denied", "denied: a firewall or security module forbids to connect to {host}", NULL, NULL },
	{ IP, S(CONNECT), EPERM, STATUS_DENIED, STAYS, "denied", "denied: a firewall or security module forbids to connect to {host}", NULL, NULL },
	{ IP, S(SOCKET), EAFNOSUPPORT, STATUS_FAILURE, STAYS, "io", "this kind of IP address can't be used here", "IPv6 may be off: write {family}4:; for a unit see RestrictAddressFamilies=", NULL },
	{ IP, S(BIND), EACCES, STATUS_DENIED, STAYS, "denied", "denied: listening on port {bound-port} is not permitted here", SUDO_PORT, judge_tcp_denied },
	{ IP, S(BIND), EPERM, STATUS_DENIED, STAYS, "denied", "denied: listening on port {bound-port} is not permitted here", SUDO_PORT, judge_tcp_denied },
	{ TCP, S(BIND) | S(LISTEN), EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use: another program has port {bound-port}", HELD_TCP, NULL },
	{ F(UDP), S(BIND), EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use: another program has port {bound-port}", HELD_UDP, NULL },
	{ IP, S(BIND) | S(LISTEN), EADDRNOTAVAIL, STATUS_FAILURE, STAYS, "io", "address not available: no interface of this machine has {host}", "ip address lists those it has; {family}:*:{bound-port} listens on all", judge_tcp_not_here },

	/* What rules say */
	{ ALL, S(PERMIT), 0, STATUS_DENIED, STAYS, "denied", "denied: {detail}", NULL, NULL },

	/* Any family: opening */
	{ ALL, OPEN, EACCES, STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL, NULL },
	{ ALL, OPEN, EPERM, STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL, NULL },
	{ ALL, OPEN, ECONNREFUSED, STATUS_REFUSED, HEALS, "refused", "refused: nothing listens there", NULL, NULL },
	{ ALL, OPEN, ETIMEDOUT, STATUS_TIMEOUT, HEALS, "timeout", "timed out{after}", NULL, NULL },
	{ ALL, OPEN, ENODEV, STATUS_ABSENT, STAYS, "refused", "no such device", NULL, NULL },
	{ ALL, OPEN, ENOENT, STATUS_ABSENT, STAYS, "refused", "not there: {error}", NULL, NULL },
	{ ALL, OPEN, EADDRINUSE, STATUS_FAILURE, STAYS, "io", "address in use", NULL, NULL },
	{ ALL, S(OPTION), ENOPROTOOPT, STATUS_FAILURE, STAYS, "io", "an option of this socket is not known to this kernel", NULL, NULL },
	{ ALL, S(ACCEPT), ECONNABORTED, STATUS_BROKEN, HEALS, "reset", "the client went away before it was accepted", NULL, NULL },
	{ ALL, S(ACCEPT), EPERM, STATUS_DENIED, STAYS, "denied", "denied: a firewall forbids to accept", NULL, NULL },

	/* Any family: a connection breaks */
	{ ALL, LIVE, ECONNRESET, STATUS_BROKEN, STAYS, "reset", "broke: the connection was reset by the other side", NULL, NULL },
	{ ALL, LIVE, EPIPE, STATUS_BROKEN, STAYS, "reset", "broke: the other side closed before everything was sent", NULL, NULL },
	{ ALL, LIVE, ENOTCONN, STATUS_BROKEN, STAYS, "reset", "broke: the connection is gone", NULL, NULL },
	{ ALL, LIVE, ECONNABORTED, STATUS_BROKEN, STAYS, "reset", "broke: the connection was aborted", NULL, NULL },
	{ ALL, LIVE, ETIMEDOUT, STATUS_BROKEN, STAYS, "timeout", "broke: the other side does not answer any more", NULL, NULL },
	{ ALL, LIVE, EHOSTUNREACH, STATUS_BROKEN, STAYS, "reset", "broke: the other side can't be reached any more", NULL, NULL },
	{ ALL, LIVE, ENETUNREACH, STATUS_BROKEN, STAYS, "reset", "broke: the network of the other side can't be reached any more", NULL, NULL },
	{ ALL, LIVE, ENETDOWN, STATUS_BROKEN, STAYS, "reset", "broke: the network is down", NULL, NULL },
	{ ALL, LIVE, ENETRESET, STATUS_BROKEN, STAYS, "reset", "broke: the network dropped the connection", NULL, NULL },
	{ ALL, LIVE, ENOSPC, STATUS_FAILURE, STAYS, "io", "can't write: no space left", NULL, NULL },
	{ ALL, LIVE, EDQUOT, STATUS_FAILURE, STAYS, "io", "can't write: the quota is used up", NULL, NULL },
	{ ALL, LIVE, EFBIG, STATUS_FAILURE, STAYS, "io", "can't write: the file would become too large", "ulimit -f shows the limit", NULL },
	{ ALL, LIVE, EIO, STATUS_FAILURE, STAYS, "io", "input/output error", NULL, NULL },
	{ ALL, LIVE, EMSGSIZE, STATUS_FAILURE, STAYS, "io", "message too long for this socket", "--message-size cuts smaller ones", NULL },
	{ ALL, LIVE, EISDIR, STATUS_FAILURE, STAYS, "io", "can't read: it is a folder", NULL, NULL },
	{ ALL, LIVE, EACCES, STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL, NULL },
	{ ALL, LIVE, EPERM, STATUS_DENIED, STAYS, "denied", "denied: {error}", NULL, NULL },

	/* Nothing known: the step and strerror() */
	{ ALL, S(RESOLVE), 0, STATUS_FAILURE, STAYS, "io", NULL, NULL, NULL },
	{ ALL, S(SOCKET), 0, STATUS_FAILURE, STAYS, "io", "can't make a socket: {error}", NULL, NULL },
	{ ALL, S(OPTION), 0, STATUS_FAILURE, STAYS, "io", "can't set an option of the socket: {error}", NULL, NULL },
	{ ALL, S(BIND), 0, STATUS_FAILURE, STAYS, "io", "can't bind: {error}", NULL, NULL },
	{ ALL, S(LISTEN), 0, STATUS_FAILURE, STAYS, "io", "can't listen: {error}", NULL, NULL },
	{ ALL, S(CONNECT), 0, STATUS_FAILURE, STAYS, "io", "can't connect: {error}", NULL, NULL },
	{ ALL, S(HANDSHAKE), 0, STATUS_FAILURE, STAYS, "io", "the handshake failed: {error}", NULL, NULL },
	{ ALL, S(ACCEPT), 0, STATUS_FAILURE, STAYS, "io", "can't accept: {error}", NULL, NULL },
	{ ALL, ANY, 0, STATUS_FAILURE, STAYS, "io", "broke: {error}", NULL, NULL },
};

const struct cause *explain_cause(const struct addr *addr, const struct failure *failure)
{
	const struct cause *cause = causes;
	/* EAI_ codes are negative: no errno's entry fits them. The last entry fits all. */
	while (!(cause->families & (1u << addr->family)) || !(cause->steps & (1u << failure->step)) ||
	       (cause->error && cause->error != failure->error))
		cause++;
	return cause;
}
