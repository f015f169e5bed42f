/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that do not exist, as trees of files in a temporary directory. */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/addr.h"
#include "net/machine.h"

static char root[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void folders_for(char *path)
{
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void put_bytes(const char *name, const char *data, size_t length)
{
	char path[PATH_MAX + 256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	folders_for(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* A process; blanks in line separate its words. */
static void put_process(int pid, const char *line)
{
	char name[64], data[1024];
	size_t length = strlen(line);
	assert_true(length < sizeof(data));
	for (size_t i = 0; i <= length; i++)
		data[i] = (char)(line[i] == ' ' ? '\0' : line[i]);
	snprintf(name, sizeof(name), "/proc/%d/cmdline", pid);
	put_bytes(name, data, length + 1);
}

#define DEP                                                                               \
	"kernel/net/vmw_vsock/vsock.ko.zst:\n"                                            \
	"kernel/net/vmw_vsock/vsock_loopback.ko.zst: kernel/net/vmw_vsock/vsock.ko.zst\n" \
	"kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.zst: "                        \
	"kernel/net/vmw_vsock/vsock.ko.zst\n"                                             \
	"kernel/net/vmw_vsock/vsock_diag.ko.zst: kernel/net/vmw_vsock/vsock.ko.zst\n"     \
	"kernel/drivers/vhost/vhost_vsock.ko.zst: kernel/drivers/vhost/vhost.ko.zst "     \
	"kernel/net/vmw_vsock/hv_sock.ko\n"

static int make_tree(void **state)
{
	const char *directory = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof(root), "%s/machine-XXXXXX",
		 directory && *directory ? directory : "/tmp");
	if (!mkdtemp(root))
		return -1;
	put("/proc/sys/kernel/osrelease", "6.99.0-test\n");
	put("/lib/modules/6.99.0-test/modules.dep", DEP);
	put("/lib/modules/6.99.0-test/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
	put("/proc/modules", "ext4 1 0 - Live 0x0\n");
	put("/proc/misc", "232 kvm\n");
	put("/proc/net/protocols", "protocol size\nTCP 1 2\n");
	put("/proc/self/status", "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n");
	put("/proc/self/uid_map", "         0          0 4294967295\n");
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void load(const char *modules)
{
	put("/proc/modules", modules);
	put("/proc/net/protocols", "protocol size\nAF_VSOCK 1240 0\nTCP 1 2\n");
}

static void nothing_loaded(void **state)
{
	struct machine machine;

	(void)state;
	machine_look(&machine, root, true);
	assert_false(machine.family);
	assert_int_equal(machine.vsock, MODULE_INSTALLED);
	assert_int_equal(machine.loopback, MODULE_INSTALLED);
	assert_int_equal(machine.virtio, MODULE_INSTALLED);
	assert_int_equal(machine.vhost, MODULE_INSTALLED);
	assert_int_equal(machine.diag, MODULE_INSTALLED);
	assert_int_equal(machine.hyperv, MODULE_ABSENT); /* only a dependency of another line */
	assert_true(machine.modules_known);
	assert_true(machine.loads_modules);
	assert_false(machine.has_cid);
	assert_int_equal(machine.cid_error, ENOENT);
	assert_false(machine.is_guest);
	assert_false(machine.is_host);
	assert_false(machine_has_transport(&machine));
	assert_false(machine.seccomp);
	assert_false(machine.user_namespace);
	assert_int_equal(machine.socket_error, -1);
	assert_int_equal(machine.g2h_fallback, -1);
	assert_int_equal(machine.guest_count, 0);
	machine_free(&machine);
}

static void loopback_alone(void **state)
{
	struct machine machine;

	(void)state;
	load("vsock_loopback 1 0 - Live 0x0\nvmw_vsock_virtio_transport_common 1 1 vsock_loopback, "
	     "Live 0x0\nvsock 1 2 - Live 0x0\n");
	put("/dev/vsock", "1\n");
	machine_look(&machine, root, true);
	assert_int_equal(machine.vsock, MODULE_LOADED);
	assert_int_equal(machine.loopback, MODULE_LOADED);
	assert_int_equal(machine.virtio, MODULE_INSTALLED); /* not its common part */
	assert_true(machine_has_transport(&machine));
	assert_false(machine.is_guest);
	assert_true(machine.has_cid);
	assert_int_equal(machine.cid, 1);
	machine_free(&machine);
}

static void a_guest(void **state)
{
	struct machine machine;

	(void)state;
	load("vmw_vsock_virtio_transport 1 0 - Live 0x0\nvsock 1 2 - Live 0x0\n");
	put("/sys/bus/virtio/devices/virtio0/device", "0x0001\n");
	put("/sys/bus/virtio/devices/virtio3/device", "0x0013\n");
	put("/dev/vsock", "42\n");
	machine_look(&machine, root, false);
	assert_true(machine.virtio_device);
	assert_true(machine.is_guest);
	assert_false(machine.is_host);
	assert_int_equal(machine.cid, 42);
	assert_true(machine.dev_vsock.present);
	machine_free(&machine);
}

static void a_guest_without_device_or_driver(void **state)
{
	struct machine machine;

	(void)state;
	load("vmw_vsock_virtio_transport 1 0 - Live 0x0\nvsock 1 2 - Live 0x0\n");
	put("/sys/bus/virtio/devices/virtio0/device", "0x0001\n");
	put("/dev/vsock", "4294967295\n");
	machine_look(&machine, root, false);
	assert_false(machine.is_guest);
	assert_false(machine.has_cid);
	assert_false(machine_has_transport(&machine));
	machine_free(&machine);

	put("/proc/modules", "ext4 1 0 - Live 0x0\n");
	put("/sys/bus/virtio/devices/virtio3/device", "0x0013\n");
	machine_look(&machine, root, false);
	assert_true(machine.virtio_device);
	assert_false(machine.is_guest);
	machine_free(&machine);
}

static void builtin_modules(void **state)
{
	struct machine machine;

	(void)state;
	put("/lib/modules/6.99.0-test/modules.builtin",
	    "kernel/net/vmw_vsock/vsock.ko\nkernel/net/vmw_vsock/vsock_loopback.ko\nkernel/drivers/vhost/vhost_vsock.ko\n");
	machine_look(&machine, root, false);
	assert_int_equal(machine.vsock, MODULE_BUILTIN);
	assert_int_equal(machine.loopback, MODULE_BUILTIN);
	assert_int_equal(machine.vhost, MODULE_BUILTIN);
	assert_true(machine.is_host);
	machine_free(&machine);
}

/* A kernel that loads no modules and left no lists: its devices and symbols tell. */
static void no_lists(void **state)
{
	struct machine machine;
	char path[PATH_MAX + 32];

	(void)state;
	snprintf(path, sizeof(path), "%s/proc/modules", root);
	assert_int_equal(unlink(path), 0);
	put("/proc/sys/kernel/osrelease", "6.98.0-other\n");
	put("/proc/net/protocols", "protocol size\nAF_VSOCK 1240 0\n");
	put("/proc/misc", "241 vhost-vsock\n258 vsock\n");
	put("/proc/kallsyms", "0 T tcp_sendmsg\n0 t vsock_loopback_work\n0 t vsock_diag_dump\n");
	machine_look(&machine, root, false);
	assert_false(machine.modules_known);
	assert_false(machine.loads_modules);
	assert_int_equal(machine.vsock, MODULE_BUILTIN);
	assert_int_equal(machine.vhost, MODULE_BUILTIN);
	assert_int_equal(machine.loopback, MODULE_BUILTIN);
	assert_int_equal(machine.diag, MODULE_BUILTIN);
	machine_free(&machine);
}

static void fences(void **state)
{
	struct machine machine;

	(void)state;
	put("/proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
	put("/proc/self/cgroup", "1:name=systemd:/user.slice/user@0.service\n"
				 "0::/system.slice/web.service\n");
	put("/proc/self/uid_map", "0 1000 1\n1 100000 65536\n");
	put("/run/.containerenv", "");
	put("/proc/sys/net/vsock/ns_mode", "local\n");
	put("/proc/sys/net/vsock/g2h_fallback", "1\n");
	machine_look(&machine, root, false);
	assert_true(machine.seccomp);
	assert_true(machine.user_namespace);
	assert_true(machine.container);
	assert_string_equal(machine.unit, "web.service");
	assert_string_equal(machine.ns_mode, "local");
	assert_int_equal(machine.g2h_fallback, 1);
	machine_free(&machine);
}

static void check_guest(const struct machine *machine, size_t index, uint32_t cid, int pid,
			const char *program, const char *path, const char *name)
{
	const struct machine_guest *guest = &machine->guests[index];

	assert_true(index < machine->guest_count);
	assert_int_equal(guest->cid, cid);
	assert_int_equal(guest->pid, pid);
	assert_string_equal(guest->program, program);
	assert_string_equal(guest->path, path);
	assert_string_equal(guest->name, name);
}

static void a_host_with_guests(void **state)
{
	struct machine machine;
	char link[PATH_MAX + 32];

	(void)state;
	load("vhost_vsock 1 0 - Live 0x0\nvsock 1 2 - Live 0x0\n");
	put("/dev/vsock", "2\n");
	put_process(1, "/sbin/init");
	put_process(100, "/usr/bin/qemu-system-x86_64 -name guest=web,debug-threads=on -device "
			 "virtio-net-pci -device vhost-vsock-pci,id=v,guest-cid=3");
	put_process(
		101,
		"/usr/libexec/qemu-kvm -name db -device {\"driver\":\"vhost-vsock-pci\",\"id\":\"vsock0\",\"guest-cid\":4,\"vhostfd\":\"28\"}");
	put_process(102, "qemu-system-x86_64 -name none -device virtio-net-pci");
	put_process(103,
		    "cloud-hypervisor --api-socket /run/ch.api --vsock cid=5,socket=/run/ch.vsock");
	put_process(104,
		    "/usr/bin/cloud-hypervisor --vsock=cid=6,socket=/run/a,,b.vsock,iommu=off");
	put_process(105, "/opt/firecracker --id fc7 --config-file /etc/fc.json");
	/* its file is not read: it is whoever runs the process that names it */
	put("/etc/fc.json", "{ \"vsock\": { \"guest_cid\": 7 } }");
	put_process(107, "crosvm run --cid 8 kernel");
	put_process(108, "crosvm run --vsock cid=9,device=/dev/vhost-vsock kernel");
	put_process(
		109,
		"vhost-device-vsock --vm guest-cid=10,uds-path=/run/vd.vsock,socket=/run/vhost.socket");
	put_process(110, "vi qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=99");
	put("/proc/111/cmdline", ""); /* a kernel thread */
	put_process(112, "someone's-own-vmm");
	put("/proc/112/fd/.keep", "");
	snprintf(link, sizeof(link), "%s/proc/112/fd/7", root);
	assert_int_equal(symlink("/dev/vhost-vsock", link), 0);

	machine_look(&machine, root, false);
	assert_int_equal(machine.guest_count, 0);
	machine_free(&machine);
	machine_look(&machine, root, true);
	assert_true(machine.is_host);
	assert_int_equal(machine.guest_count, 9);
	check_guest(&machine, 0, 3, 100, "qemu-system-x86_64", "", "web");
	check_guest(&machine, 1, 4, 101, "qemu-kvm", "", "db");
	check_guest(&machine, 2, 5, 103, "cloud-hypervisor", "/run/ch.vsock", "");
	check_guest(&machine, 3, 6, 104, "cloud-hypervisor", "/run/a,b.vsock", "");
	check_guest(&machine, 4, 8, 107, "crosvm", "", "");
	check_guest(&machine, 5, 9, 108, "crosvm", "", "");
	check_guest(&machine, 6, 10, 109, "vhost-device-vsock", "/run/vd.vsock", "");
	check_guest(&machine, 7, ADDR_CID_ANY, 105, "firecracker", "", "fc7");
	check_guest(&machine, 8, ADDR_CID_ANY, 112, "someone's-own-vmm", "", "");
	machine_free(&machine);
}

static void put_link(const char *name, const char *target)
{
	char path[PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s%s", root, name);
	folders_for(path);
	assert_int_equal(symlink(target, path), 0);
}

/* A guest in another network namespace has to be named by it if one of both is local. */
static void guests_of_namespaces(void **state)
{
	struct machine machine;

	(void)state;
	load("vhost_vsock 1 0 - Live 0x0\nvsock 1 2 - Live 0x0\n");
	put_process(100, "qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=3");
	put_process(101, "qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=4");
	put_process(102, "qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=5");
	put_link("/proc/thread-self/ns/net", "net:[1]");
	put_link("/proc/100/ns/net", "net:[1]");
	put_link("/proc/101/ns/net", "net:[2]");
	machine_look(&machine, root, true); /* a kernel without modes: all guests are one's own */
	assert_int_equal(machine.guest_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(machine.guests[i].netns, "");
	machine_free(&machine);
	put("/proc/sys/net/vsock/ns_mode", "local\n");
	put("/proc/sys/net/vsock/child_ns_mode", "local\n");
	machine_look(&machine, root, true);
	assert_string_equal(machine.child_ns_mode, "local");
	assert_string_equal(machine.guests[0].netns, "");
	assert_string_equal(machine.guests[1].netns, "101");
	assert_string_equal(machine.guests[2].netns, ""); /* not known */
	machine_free(&machine);
}

#define TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE(nothing_loaded),
		TREE(loopback_alone),
		TREE(a_guest),
		TREE(a_guest_without_device_or_driver),
		TREE(builtin_modules),
		TREE(no_lists),
		TREE(fences),
		TREE(a_host_with_guests),
		TREE(guests_of_namespaces),
	};
	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
