/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/units.h"
#include "net/explain.h"
#include "net/machine.h"

static struct machine_guest guests[] = {
	{ .cid = 3, .pid = 2114, .program = "qemu-system-x86_64", .name = "web" },
	{ .cid = 4, .pid = 2200, .program = "qemu-system-x86_64", .name = "db" },
	{ .cid = 9, .pid = 2300, .program = "firecracker", .path = "/run/fc/x.vsock" },
	{ .cid = 10, .pid = 2400, .program = "crosvm", .path = "v s" },
};

static const struct machine host = {
	.family = true,
	.modules_known = true,
	.loads_modules = true,
	.vsock = MODULE_LOADED,
	.vhost = MODULE_LOADED,
	.loopback = MODULE_INSTALLED,
	.is_host = true,
	.has_cid = true,
	.cid = 2,
	.guests = guests,
	.guest_count = 4,
};
static const struct machine bare = {
	.modules_known = true,
	.loads_modules = true,
	.vsock = MODULE_INSTALLED,
	.vhost = MODULE_INSTALLED,
	.loopback = MODULE_INSTALLED,
	.virtio = MODULE_INSTALLED,
	.cid = ADDR_CID_ANY,
};
static const struct machine guest = {
	.family = true,
	.modules_known = true,
	.loads_modules = true,
	.vsock = MODULE_LOADED,
	.virtio = MODULE_LOADED,
	.loopback = MODULE_INSTALLED,
	.virtio_device = true,
	.is_guest = true,
	.has_cid = true,
	.cid = 42,
};
static const struct machine *const machines[] = { &host, &bare, &guest };

static struct addr vsock(uint32_t cid, uint32_t port, const char *alias)
{
	struct addr addr = {
		.family = ADDR_VSOCK, .cid = cid, .port = port, .port_last = port, .has_port = true
	};
	snprintf(addr.alias, sizeof(addr.alias), "%s", alias);
	return addr;
}

static struct addr named(enum addr_family family, const char *name, uint32_t port)
{
	struct addr addr = { .family = family, .port = port, .port_last = port, .has_port = true };
	snprintf(addr.name, sizeof(addr.name), "%s", name);
	return addr;
}

static struct explanation told(const struct machine *machine, struct addr addr, enum step step,
			       int error)
{
	struct failure failure = { .step = step, .error = error, .waited = 10 * NSEC_PER_SEC };
	struct explanation explanation;
	explain_on(machine, &addr, &failure, &explanation);
	return explanation;
}

/* Whatever fails, there is a sentence, a status that is not 0, and a word that records know. */
static void everything_is_told(void **state)
{
	static const char *const ends[] = {
		"refused", "timeout", "reset", "vm-gone", "denied", "io"
	};
	(void)state;
	for (unsigned family = ADDR_NONE; family <= ADDR_UDP; family++)
		for (unsigned step = STEP_RESOLVE; step <= STEP_RELAY; step++)
			for (int error = step == STEP_RESOLVE ? -120 : 0; error < 140; error++)
				for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]);
				     i++) {
					struct addr addr = named(
						family,
						family == ADDR_VSOCK ? "" : "/nonexistent/x", 22);
					struct explanation explanation;
					struct failure failure = { .step = step, .error = error };
					bool known = false;

					addr.cid = 7;
					explain_on(machines[i], &addr, &failure, &explanation);
					assert_int_not_equal(explanation.status, STATUS_DONE);
					assert_true(explanation.what[0] != '\0');
					assert_true(explanation.word[0] != '\0');
					assert_null(strpbrk(explanation.word, ":{"));
					assert_null(strchr(explanation.what, '{'));
					assert_null(strchr(explanation.hint, '{'));
					assert_true(strlen(explanation.what) <
						    sizeof(explanation.what) - 1);
					assert_true(strlen(explanation.hint) <
						    sizeof(explanation.hint) - 1);
					for (size_t j = 0; j < sizeof(ends) / sizeof(ends[0]); j++)
						known |= strcmp(ends[j], explanation.end) == 0;
					assert_true(known);
					/* what is not permitted or wrongly written does not heal by
					 * waiting */
					if (explanation.status == STATUS_DENIED ||
					    explanation.status == STATUS_USAGE)
						assert_false(explanation.may_heal);
				}
}

/* Long names and names with control characters neither overflow nor reach the terminal. */
static void names_are_tamed(void **state)
{
	static const enum step steps[] = { STEP_SOCKET,	   STEP_BIND,	 STEP_LISTEN, STEP_CONNECT,
					   STEP_HANDSHAKE, STEP_RESOLVE, STEP_NETNS };
	struct addr addr = named(ADDR_UNIX, "", 1);

	(void)state;
	memset(addr.name, 'x', 300);
	memcpy(addr.name, "/\033[31m/", 7);
	for (unsigned family = ADDR_TCP; family <= ADDR_UDP; family++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			for (int error = -10; error < 140; error++) {
				struct explanation explanation;

				addr.family = family;
				explanation = told(&host, addr, steps[i], error);
				assert_null(strchr(explanation.what, '\033'));
				assert_null(strchr(explanation.hint, '\033'));
			}
}

struct row {
	const struct machine *machine;
	struct addr addr;
	enum step step;
	int error;
	enum status status;
	bool may_heal;
	const char *end;
	const char *what;
	const char *hint; /* NULL: not looked at */
};

#define HINTS_MAX 400

static char *hints_told[HINTS_MAX];
static size_t hint_count;

static void note_hint(const char *hint)
{
	for (size_t i = 0; i < hint_count; i++)
		if (strcmp(hints_told[i], hint) == 0)
			return;
	assert_true(hint_count < HINTS_MAX);
	hints_told[hint_count] = strdup(hint);
	assert_non_null(hints_told[hint_count++]);
}

static void check(const struct row *row)
{
	struct explanation explanation = told(row->machine, row->addr, row->step, row->error);
	assert_string_equal(explanation.what, row->what);
	if (row->hint)
		assert_string_equal(explanation.hint, row->hint);
	if (*explanation.hint)
		note_hint(explanation.hint);
	assert_int_equal(explanation.status, row->status);
	assert_int_equal(explanation.may_heal, row->may_heal);
	assert_string_equal(explanation.end, row->end);
}

static void check_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i]);
}
#define CHECK(rows) check_all(rows, sizeof(rows) / sizeof(rows[0]))

static void vsock_connects(void **state)
{
	const struct row rows[] = {
		{ &host, vsock(3, 23, "web"), STEP_CONNECT, ECONNRESET, STATUS_REFUSED, true,
		  "refused",
		  "refused: nothing listens on port 23 of CID 3 (web), or its backlog is full",
		  "vsock-ping --scan web shows open ports" },
		{ &host, vsock(7, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, true, "refused",
		  "no such CID: no VM on this machine has CID 7",
		  "running here: 3 (web), 4 (db); to wait until a VM has started, add --wait 60s" },
		{ &host, vsock(9, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, true, "refused",
		  "no such CID: no VM on this machine has CID 9",
		  "firecracker has CID 9, and a socket of its own: write "
		  "vsock-mux:/run/fc/x.vsock:22" },
		{ &host, vsock(10, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, true, "refused",
		  "no such CID: no VM on this machine has CID 10",
		  "crosvm has CID 10, and a socket of its own; in the directory of pid 2400 write "
		  "'vsock-mux:v\\x20s:22'" },
		{ &host, vsock(3, 22, ""), STEP_CONNECT, ETIMEDOUT, STATUS_TIMEOUT, true, "timeout",
		  "timed out: CID 3 did not answer in 10 s",
		  "the VM is running (qemu-system-x86_64, pid 2114), but its vsock driver does not "
		  "answer: it is booting or paused, or has no driver; to wait for it, add --wait "
		  "60s" },
		{ &host, vsock(2, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, false, "refused",
		  "no device: CID 2 means the host of a VM, and this machine is the host itself",
		  NULL },
		{ &bare, vsock(3, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, false, "refused",
		  "no such CID: nothing here has CID 3, and no VM can be reached because "
		  "vhost_vsock is not loaded",
		  "sudo modprobe vhost_vsock" },
		{ &bare, vsock(1, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, false, "refused",
		  "no device: CID 1 is this machine itself, and vsock_loopback is not loaded",
		  "sudo modprobe vsock_loopback" },
		{ &guest, vsock(5, 22, ""), STEP_CONNECT, ETIMEDOUT, STATUS_TIMEOUT, true,
		  "timeout", "timed out: CID 5 did not answer in 10 s",
		  "a VM can reach only its host: write host:22; if the host forwards between its "
		  "VMs, add ,to-host" },
		{ &guest, vsock(42, 22, ""), STEP_CONNECT, ETIMEDOUT, STATUS_TIMEOUT, false,
		  "timeout",
		  "timed out: CID 42 is this machine itself, but without vsock_loopback the "
		  "request went to the host",
		  "sudo modprobe vsock_loopback" },
		{ &guest, vsock(2, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, true, "refused",
		  "no device: this VM's vsock device is not ready", NULL },
		{ &host, vsock(3, 22, ""), STEP_CONNECT, ECONNREFUSED, STATUS_REFUSED, true,
		  "refused",
		  "refused: CID 3 accepts no connections yet: its vsock driver is not up", NULL },
		{ &host, vsock(3, 22, ""), STEP_RELAY, ECONNRESET, STATUS_BROKEN, false, "vm-gone",
		  "broke: the VM of CID 3 went away, or the connection was reset", "" },
	};

	(void)state;
	CHECK(rows);
}

static struct addr in_namespace(struct addr addr, const char *netns)
{
	addr.options.given |= ADDR_OPT_NETNS;
	snprintf(addr.options.netns, sizeof(addr.options.netns), "%s", netns);
	return addr;
}

static struct addr abstract(const char *name)
{
	struct addr addr = named(ADDR_UNIX, name, 0);

	addr.abstract = true;
	return addr;
}

static void namespaces(void **state)
{
	struct machine_guest apart[] = { { .cid = 3, .pid = 2114, .netns = "blue" } };
	struct machine global = host, local = host;
	const struct row rows[] = {
		{ &global, vsock(3, 22, ""), STEP_CONNECT, ENODEV, STATUS_ABSENT, true, "refused",
		  "no such CID here: the VM with CID 3 runs in the network namespace blue, which "
		  "is local",
		  "add ,netns=blue to the address" },
		{ &local, in_namespace(vsock(3, 22, ""), "red"), STEP_CONNECT, ENODEV,
		  STATUS_ABSENT, true, "refused",
		  "no such CID: this network namespace is local, and the VM with CID 3 runs in "
		  "another",
		  "write ,netns=blue instead" },
		{ &host, in_namespace(vsock(3, 22, ""), "blue"), STEP_CONNECT, ECONNRESET,
		  STATUS_REFUSED, true, "refused",
		  "refused: nothing listens on port 22 of CID 3, or its backlog is full",
		  "vsock-ping --scan 3,netns=blue shows open ports" },
		{ &host, in_namespace(vsock(3, 22, ""), "blue"), STEP_BIND, EADDRINUSE,
		  STATUS_FAILURE, false, "io",
		  "address in use: another program has port 22 of CID 3",
		  "sudo nsenter --net=/run/netns/blue vsock-info --sockets --probe shows who holds "
		  "it; any and a single CID cannot share a port" },
		{ &host, in_namespace(abstract("x"), "blue"), STEP_CONNECT, ECONNREFUSED,
		  STATUS_REFUSED, true, "refused", "refused: nobody listens on @x",
		  "sudo nsenter --net=/run/netns/blue ss -xl lists those that exist" },
		{ NULL, in_namespace(named(ADDR_TCP, "h", 80), "/x"), STEP_NETNS, EINVAL,
		  STATUS_USAGE, false, "refused", "not a network namespace: /x", NULL },
		{ NULL, in_namespace(named(ADDR_UNIX, "h", 0), "12"), STEP_NETNS, EPERM,
		  STATUS_DENIED, false, "denied",
		  "denied: you may not enter the network namespace 12", NULL },
	};

	(void)state;
	global.guests = local.guests = apart;
	global.guest_count = local.guest_count = 1;
	strcpy(global.ns_mode, "global");
	strcpy(local.ns_mode, "local");
	CHECK(rows);
}

static void vsock_binds(void **state)
{
	struct machine rootless = bare, blocked = guest;
	struct row rows[] = {
		{ &host, vsock(ADDR_CID_ANY, 22, ""), STEP_BIND, EACCES, STATUS_DENIED, false,
		  "denied",
		  "denied: port 22 is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)",
		  NULL },
		{ &host, vsock(3, 22, ""), STEP_BIND, EACCES, STATUS_DENIED, false, "denied",
		  "denied: port 700 is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)",
		  NULL },
		{ &rootless, vsock(ADDR_CID_ANY, 22, ""), STEP_BIND, EACCES, STATUS_DENIED, false,
		  "denied",
		  "denied: port 22 is below 1024, which needs privilege (CAP_NET_BIND_SERVICE)",
		  "root in a user namespace (a rootless container) does not have it: use a port "
		  "from 1024 on, or run outside the container" },
		{ &host, vsock(ADDR_CID_ANY, 5000, ""), STEP_BIND, EADDRINUSE, STATUS_FAILURE,
		  false, "io", "address in use: another program has port 5000 of any CID", NULL },
		{ &guest, vsock(43, 5000, ""), STEP_BIND, EADDRNOTAVAIL, STATUS_FAILURE, false,
		  "io", "wrong CID: this machine has CID 42, not 43",
		  "any:5000 listens on every CID of this machine" },
		{ &guest, vsock(2, 5000, ""), STEP_BIND, EADDRNOTAVAIL, STATUS_FAILURE, false, "io",
		  "wrong CID: this machine has CID 42, not 43",
		  "leave the CID out of bind=, or leave out bind=" },
		{ &guest, vsock(2, 5000, ""), STEP_CONNECT, EADDRNOTAVAIL, STATUS_FAILURE, false,
		  "io", "address not available: no port is left to connect from", "" },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_BIND, EADDRNOTAVAIL, STATUS_FAILURE, false,
		  "io", "address not available: no interface of this machine has 192.0.2.1",
		  "ip address lists its addresses" },
		{ &bare, vsock(2, 5000, ""), STEP_BIND, EADDRNOTAVAIL, STATUS_FAILURE, false, "io",
		  "wrong CID: CID 2 needs vhost_vsock, which is not loaded",
		  "sudo modprobe vhost_vsock" },
		{ &blocked, vsock(2, 22, ""), STEP_SOCKET, EAFNOSUPPORT, STATUS_DENIED, false,
		  "denied",
		  "denied: the kernel has vsock, but this process may not use it "
		  "(RestrictAddressFamilies= in its unit, or a seccomp filter)",
		  NULL },
		{ &bare, vsock(2, 22, ""), STEP_SOCKET, EAFNOSUPPORT, STATUS_ABSENT, false,
		  "refused",
		  "no vsock: the kernel's vsock module is not loaded, and was not loaded on demand",
		  NULL },
	};
	struct addr *from = &rows[1].addr, *elsewhere = &rows[5].addr;

	(void)state;
	rootless.user_namespace = true;
	blocked.socket_error = EAFNOSUPPORT;
	from->options.given = ADDR_OPT_BIND;
	from->options.bind_cid = ADDR_CID_ANY;
	from->options.bind_port = 700;
	elsewhere->options.given = ADDR_OPT_BIND;
	elsewhere->options.bind_cid = 43;
	rows[7].addr.options = (struct addr_options){ .given = ADDR_OPT_BIND,
						      .bind_host = "192.0.2.1" };
	CHECK(rows);
}

static void other_families(void **state)
{
	const struct row rows[] = {
		{ &bare, named(ADDR_TCP, "localhost", 80), STEP_CONNECT, ECONNREFUSED,
		  STATUS_REFUSED, true, "refused",
		  "refused: nothing listens on port 80 of localhost", "" },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_CONNECT, ETIMEDOUT, STATUS_TIMEOUT, true,
		  "timeout", "timed out: h did not answer in 10 s", NULL },
		{ &bare, named(ADDR_TCP, "nowhere", 80), STEP_RESOLVE, EAI_NONAME, STATUS_ABSENT,
		  false, "refused", "no such host: nowhere", NULL },
		{ &bare, named(ADDR_TCP, "3", 80), STEP_RESOLVE, EAI_NONAME, STATUS_ABSENT, false,
		  "refused", "no such host: 3", "for a VM's CID write vsock:3:80" },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_RESOLVE, EAI_AGAIN, STATUS_ABSENT, true,
		  "refused", "no answer: no name server answered for h", NULL },
		{ &bare, named(ADDR_UNIX, "/nonexistent/s", 0), STEP_CONNECT, ENOENT, STATUS_ABSENT,
		  true, "refused", "no such socket: /nonexistent/s", NULL },
		{ &bare, named(ADDR_UNIX, "/nonexistent/s", 0), STEP_CONNECT, ECONNREFUSED,
		  STATUS_REFUSED, true, "refused",
		  "refused: the socket file /nonexistent/s is stale, nobody listens", NULL },
		{ &bare, named(ADDR_UNIX, "/", 0), STEP_CONNECT, ECONNREFUSED, STATUS_FAILURE,
		  false, "io", "not a socket: / is a directory", "" },
		{ &bare, named(ADDR_UNIX, "/nonexistent/s", 0), STEP_BIND, ENOENT, STATUS_ABSENT,
		  false, "io", "no such directory: /nonexistent", "mkdir -p /nonexistent" },
		{ &bare, named(ADDR_UNIX, "/s", 0), STEP_CONNECT, EACCES, STATUS_DENIED, false,
		  "denied", "denied: you may not connect to /s", NULL },
		{ &bare, named(ADDR_MUX, "/run/x", 22), STEP_HANDSHAKE, ECONNRESET, STATUS_REFUSED,
		  true, "refused",
		  "refused: nothing listens on port 22 behind /run/x, or its VM is still booting",
		  NULL },
		{ &bare, named(ADDR_MUX, "/run/x", 22), STEP_HANDSHAKE, ETIMEDOUT, STATUS_TIMEOUT,
		  true, "timeout", "timed out: the VM behind /run/x did not answer in 10 s", NULL },
		{ &bare, named(ADDR_MUX, "/run/x", 22), STEP_HANDSHAKE, EPROTO, STATUS_FAILURE,
		  false, "io", "/run/x sent a wrong answer instead of the OK of hybrid vsock",
		  NULL },
		{ &bare, named(ADDR_EXEC, "'a b' c", 0), STEP_CONNECT, ENOENT, STATUS_NOT_FOUND,
		  false, "refused", "no such command: a b", NULL },
		{ &bare, named(ADDR_EXEC, "./d", 0), STEP_CONNECT, EISDIR, STATUS_CANNOT_RUN, false,
		  "denied", "cannot be run: ./d is a directory", "" },
		{ &bare, named(ADDR_EXEC, "nope", 0), STEP_CONNECT, EACCES, STATUS_CANNOT_RUN,
		  false, "denied", "cannot be run: you have no permission to execute nope", NULL },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_CONNECT, ECONNRESET, STATUS_BROKEN, true,
		  "reset", "h reset the connection at once", NULL },
		{ &bare, named(ADDR_TCP, "fe80::1", 80), STEP_CONNECT, EINVAL, STATUS_FAILURE,
		  false, "io", "a link-local address needs its interface",
		  "write [fe80::1%eth0], with the interface's name; ip address lists them" },
		{ &bare, named(ADDR_TCP, "::1", 80), STEP_CONNECT, EINVAL, STATUS_FAILURE, false,
		  "io", "the kernel refuses this address: Invalid argument", "" },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_RELAY, ECONNRESET, STATUS_BROKEN, false,
		  "reset", "broke: the connection was reset by the other side", "" },
		{ &bare, named(ADDR_TCP, "h", 80), STEP_ACCEPT, EMFILE, STATUS_FAILURE, true, "io",
		  "too many open descriptors in this process", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void deaf_listeners(void **state)
{
	struct explanation explanation;
	struct addr any = vsock(ADDR_CID_ANY, 5000, ""), tcp = named(ADDR_TCP, "", 80);
	struct machine with_device = bare;

	(void)state;
	assert_true(explain_deaf_listener(&bare, &any, &explanation));
	assert_string_equal(explanation.what,
			    "nobody can reach this listener yet: no vsock transport is loaded");
	assert_string_equal(explanation.hint, "sudo modprobe vsock_loopback");
	with_device.virtio_device = true;
	assert_true(explain_deaf_listener(&with_device, &any, &explanation));
	assert_string_equal(explanation.hint, "sudo modprobe vmw_vsock_virtio_transport");
	assert_false(explain_deaf_listener(&host, &any, &explanation));
	assert_false(explain_deaf_listener(&guest, &any, &explanation));
	assert_false(explain_deaf_listener(&bare, &tcp, &explanation));
}

/*
 * Every hint that causes[] and its refinements can give, for tests/hints.bats: whatever can differ
 * in the machine, the address and the failure is combined. They are written to the file that HINTS
 * names.
 */

/* Of this machine, in a container, an enclave, a sandbox, and with other modules. */
static size_t variants_of(const struct machine *base, struct machine machine[8])
{
	for (size_t i = 0; i < 8; i++)
		machine[i] = *base;
	machine[1].container = true;
	machine[2].seccomp = true;
	machine[2].modules_known = false;
	machine[3].user_namespace = true;
	machine[4].nitro = true;
	machine[5].virtio_device = true;
	machine[6].is_guest = machine[6].is_host = true;
	machine[6].loopback = MODULE_LOADED;
	snprintf(machine[7].unit, sizeof(machine[7].unit), "web.service");
	machine[7].vsock = machine[7].vhost = machine[7].loopback = machine[7].virtio =
		MODULE_ABSENT;
	return 8;
}

static void explain_all(const struct machine *machine, struct addr addr)
{
	static const int errors[] = {
		0,
		EPERM,
		ENOENT,
		ENXIO,
		EBADF,
		EAGAIN,
		ENOMEM,
		EACCES,
		ENODEV,
		EINVAL,
		EMFILE,
		ENFILE,
		EFBIG,
		EROFS,
		EDOM,
		ERANGE,
		ENAMETOOLONG,
		ELOOP,
		ENOEXEC,
		ESRCH,
		ESTALE,
		EIDRM,
		E2BIG,
		EPROTO,
		EMSGSIZE,
		EPROTOTYPE,
		EPIPE,
		ENOBUFS,
		EADDRINUSE,
		EADDRNOTAVAIL,
		ENETUNREACH,
		ECONNRESET,
		ETIMEDOUT,
		ENOSPC,
		ECONNREFUSED,
		EHOSTUNREACH,
		EPROTONOSUPPORT,
		ENOTSOCK,
		EAFNOSUPPORT,
		ESOCKTNOSUPPORT,
		ENOPROTOOPT,
		EOPNOTSUPP,
		ENOTCONN,
		ENOSYS,
		EHOSTDOWN,
		EAI_NONAME,
		EAI_AGAIN,
		EAI_FAIL,
		EAI_SERVICE,
		EAI_FAMILY,
	};
	struct explanation explanation;

	for (unsigned step = STEP_RESOLVE; step <= STEP_RELAY; step++)
		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
			/* only names are looked up, and any CID is for listening */
			if ((step == STEP_RESOLVE && !addr_is_ip(&addr)) ||
			    (step == STEP_CONNECT && addr.cid == ADDR_CID_ANY))
				continue;
			explanation = told(machine, addr, step, errors[i]);
			if (explanation.hint[0])
				note_hint(explanation.hint);
		}
	if (explain_deaf_listener(machine, &addr, &explanation) && explanation.hint[0])
		note_hint(explanation.hint);
}

static void explain_families(const struct machine *machine)
{
	static const uint32_t cids[] = { 1, 2, 3, 7, 9, ADDR_CID_ANY };
	struct addr addr;

	for (unsigned family = ADDR_VSOCK + 1; family <= ADDR_UDP; family++) {
		explain_all(machine, named(family, "/nonexistent/x", 22));
		addr = named(family, "3", 2200);
		explain_all(machine, addr);
		snprintf(addr.name, sizeof(addr.name), "h");
		addr.ip = 4;
		addr.abstract = true;
		explain_all(machine, addr);
	}
	/* a file that is no socket */
	explain_all(machine, named(ADDR_UNIX, "/proc/self/status", 0));
	for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
		explain_all(machine, vsock(cids[i], 22, ""));
		addr = vsock(cids[i], 2200, "web");
		addr.seqpacket = true;
		addr.options.given = ADDR_OPT_TO_HOST;
		explain_all(machine, addr);
	}
}

static void hints_are_collected(void **state)
{
	const char *path = getenv("HINTS");
	struct machine machine[8];
	FILE *file;

	(void)state;
	if (!path)
		skip();
	log_start("vsock-cat");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		for (size_t j = variants_of(machines[i], machine); j-- > 0;) {
			explain_families(&machine[j]);
			machine[j].family = !machine[j].family;
			machine[j].loads_modules = !machine[j].loads_modules;
			machine[j].dev_kvm.present = true;
			machine[j].guest_count = 0;
			explain_families(&machine[j]);
		}
	file = fopen(path, "we");
	assert_non_null(file);
	for (size_t i = 0; i < hint_count; i++) {
		fprintf(file, "vsock-cat\t%s\n", hints_told[i]);
		free(hints_told[i]);
	}
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_told), cmocka_unit_test(names_are_tamed),
		cmocka_unit_test(vsock_connects),     cmocka_unit_test(vsock_binds),
		cmocka_unit_test(other_families),     cmocka_unit_test(deaf_listeners),
		cmocka_unit_test(namespaces),	      cmocka_unit_test(hints_are_collected),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
