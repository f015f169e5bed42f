/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * machine: the state of vsock on this machine, found without changing it: reads /proc/modules,
 * /proc/misc, /sys and /proc/net/protocols, and opens /dev/vsock only if it exists. This loads no
 * module.
 *
 * In a made-up tree (root not empty) /dev/vsock may be a regular file with the CID as a number, and
 * no socket is opened: socket_error stays -1.
 */
#ifndef NET_MACHINE_H
#define NET_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum machine_module { MODULE_ABSENT, MODULE_INSTALLED, MODULE_LOADED, MODULE_BUILTIN };

struct machine_device {
	bool present, readable, writable;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct machine_guest {
	uint32_t cid; /* ADDR_CID_ANY: not known */
	pid_t pid;
	char program[32]; /* qemu-system-x86_64, firecracker, cloud-hypervisor, crosvm … */
	char path[4096]; /* hybrid vsock's socket, or "" */
	char name[256]; /* the VM's name from its command line, or "" */
	char netns[64]; /* the network namespace without which it is not reached from here, in a
			   form for netns=; or "" */
};

struct machine {
	bool family; /* AF_VSOCK is registered: /proc/net/protocols lists it, or that cannot be
			read, and a driver is there */
	int socket_error; /* errno of socket(AF_VSOCK) if the family is registered; 0: it works; -1:
			     not tried */
	enum machine_module vsock, loopback, virtio, vhost, vmci, hyperv;
	enum machine_module diag; /* vsock_diag, which lists sockets */
	bool loads_modules; /* this kernel can load modules, so asking it may change the machine */
	bool has_cid;
	uint32_t cid; /* the local CID from /dev/vsock */
	int cid_error; /* errno of asking /dev/vsock, 0 if it answered */
	struct machine_device dev_vsock, dev_vhost, dev_kvm;
	bool modules_known; /* the list of installed modules was readable; else MODULE_ABSENT only
			       means "not seen" */
	bool virtio_device; /* a virtio-vsock device is on the bus, with or without its driver */
	bool is_guest; /* a transport to a host is loaded and has a device */
	bool is_host; /* vhost_vsock is loaded */
	bool seccomp; /* this process runs under a seccomp filter (/proc/self/status) */
	bool container; /* signs of a container */
	bool user_namespace; /* not the initial user namespace: root here is not root of the machine
			      */
	bool nitro; /* an EC2 Nitro enclave or its parent, by DMI or device */
	char unit[80]; /* the service of systemd that this process belongs to, or "" */
	char ns_mode[16]; /* net.vsock.ns_mode of Linux 7.0 and later, "global" or "local"; or "" */
	char child_ns_mode[16]; /* that of network namespaces that this one makes */
	int g2h_fallback; /* net.vsock.g2h_fallback, or -1 */
	struct machine_guest *guests; /* owned */
	size_t guest_count;
	int guests_error; /* errno of reading /proc, ENOENT: it is not mounted. The guests are not
			     known. Or 0 */
	int incomplete; /* errno of something that could not be read although it is there, such as
			   ENOMEM: what is not seen may exist. Or 0 */
};

/* Examines the machine. root is a prefix for /proc, /sys and /dev, "" for the real ones (tests use
 * a made-up tree). Guests are searched for only if requested. */
void machine_look(struct machine *machine, const char *root, bool guests);
void machine_free(struct machine *machine);

/* Reads the command line of a process, words that each end with a NUL; another NUL must follow
 * length bytes. Fills in what it says of a guest, except for the process id, and returns true if it
 * is that of a VMM which has one. Else only the name of the program is filled in. */
bool machine_read_guest(const char *line, size_t length, struct machine_guest *guest);

/* Is there any transport: a device to a host, vhost_vsock or vsock_loopback? */
bool machine_has_transport(const struct machine *machine);
/* True for MODULE_LOADED and MODULE_BUILTIN. */
bool machine_module_ready(enum machine_module state);

#endif
