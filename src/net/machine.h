/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * machine: what this machine knows of vsock, found out without changing anything: reads /proc/modules, /proc/misc, /sys and
 * /proc/net/protocols, and opens /dev/vsock only where it exists. No module is loaded by looking.
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
	uint32_t cid;     /* ADDR_CID_ANY where not known */
	pid_t pid;
	char program[32]; /* qemu-system-x86_64, firecracker, cloud-hypervisor, crosvm … */
	char path[256];   /* hybrid vsock's socket, or "" */
	char name[64];    /* the VM's own name where its command line gives one, or "" */
};

struct machine {
	bool family;       /* AF_VSOCK is registered (/proc/net/protocols, or socket() works once it is) */
	int socket_error;  /* errno of socket(AF_VSOCK) where the family is registered; 0: works; -1: not tried */
	enum machine_module vsock, loopback, virtio, vhost, vmci, hyperv;
	bool has_cid;
	uint32_t cid;      /* the local CID where /dev/vsock tells */
	int cid_error;     /* errno of asking /dev/vsock, 0 if it answered */
	struct machine_device dev_vsock, dev_vhost, dev_kvm;
	bool is_guest;     /* a transport to a host is loaded and has a device */
	bool is_host;      /* vhost_vsock is loaded */
	bool seccomp;      /* this process runs under a seccomp filter (/proc/self/status) */
	bool container;    /* signs of a container */
	char ns_mode[16];  /* net.vsock.ns_mode of newest kernels, or "" */
	int g2h_fallback;  /* net.vsock.g2h_fallback, or -1 */
	struct machine_guest *guests; /* owned */
	size_t guest_count;
};

/* root is a prefix for /proc, /sys and /dev, "" for the real ones (tests give a made-up tree); guests are looked for only if asked. */
void machine_look(struct machine *machine, const char *root, bool guests);
void machine_free(struct machine *machine);

#endif
