/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/util.h"
#include "info/info.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static void put_cid(struct json *json, const char *key, uint32_t cid)
{
	if (cid == ADDR_CID_ANY)
		json_text(json, key, NULL);
	else
		json_number(json, key, cid);
}

/* The name of an error, for programs: strerror()'s text depends on libc and locale,
 * strerrorname_np() is glibc's alone. */
static void put_error(struct json *json, const char *key, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ EACCES, "EACCES" },
		{ ENOENT, "ENOENT" },
		{ ENODEV, "ENODEV" },
		{ ENXIO, "ENXIO" },
		{ EINVAL, "EINVAL" },
		{ ENOSYS, "ENOSYS" },
		{ ENOTTY, "ENOTTY" },
		{ EMFILE, "EMFILE" },
		{ EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT" },
	};
	char number[24];
	const char *name = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			name = names[i].name;
	snprintf(number, sizeof(number), "errno %d", error);
	json_text(json, key, error <= 0 ? NULL : name ? name : number);
}

static void put_module(struct json *json, const char *key, enum machine_module state)
{
	static const char *const words[] = { "absent", "installed", "loaded", "builtin" };
	json_text(json, key, words[state]);
}

static void put_device(struct json *json, const char *key, const struct machine_device *device)
{
	char mode[8];
	json_object(json, key);
	json_bool(json, "present", device->present);
	if (device->present) {
		snprintf(mode, sizeof(mode), "%04o", device->mode & 07777u);
		json_bool(json, "readable", device->readable);
		json_bool(json, "writable", device->writable);
		json_text(json, "mode", mode);
		json_number(json, "uid", device->uid);
		json_number(json, "gid", device->gid);
	}
	json_end_object(json);
}

static void put_machine(struct json *json, const struct info *info)
{
	const struct machine *machine = &info->machine;
	json_bool(json, "usable", info->status == STATUS_DONE);
	json_number(json, "status", info->status);
	json_text(json, "why", info->status == STATUS_DENIED ? info->blocked.what : NULL);
	json_text(json, "hint",
		  info->status == STATUS_DENIED && info->blocked.hint[0] ? info->blocked.hint
									 : NULL);
	json_bool(json, "guest", machine->is_guest);
	json_bool(json, "host", machine->is_host);
	put_cid(json, "cid", machine->has_cid ? machine->cid : ADDR_CID_ANY);
	put_error(json, "cid_error", machine->cid_error);
	json_bool(json, "family", machine->family);
	put_error(json, "socket_error", machine->socket_error);
	json_bool(json, "virtio_device", machine->virtio_device);
	json_object(json, "modules");
	put_module(json, "vsock", machine->vsock);
	put_module(json, "vsock_loopback", machine->loopback);
	put_module(json, "vhost_vsock", machine->vhost);
	put_module(json, "vmw_vsock_virtio_transport", machine->virtio);
	put_module(json, "vmw_vsock_vmci_transport", machine->vmci);
	put_module(json, "hv_sock", machine->hyperv);
	put_module(json, "vsock_diag", machine->diag);
	json_end_object(json);
	json_object(json, "devices");
	put_device(json, "/dev/vsock", &machine->dev_vsock);
	put_device(json, "/dev/vhost-vsock", &machine->dev_vhost);
	put_device(json, "/dev/kvm", &machine->dev_kvm);
	json_end_object(json);
	json_bool(json, "container", machine->container);
	json_bool(json, "user_namespace", machine->user_namespace);
	json_bool(json, "seccomp", machine->seccomp);
	json_text(json, "ns_mode", machine->ns_mode[0] ? machine->ns_mode : NULL);
	json_text(json, "child_ns_mode", machine->child_ns_mode[0] ? machine->child_ns_mode : NULL);
	if (machine->g2h_fallback < 0)
		json_text(json, "g2h_fallback", NULL);
	else
		json_bool(json, "g2h_fallback", machine->g2h_fallback);
	if (info->probed)
		json_text(json, "probe", info->probe);
}

static void put_guests(struct json *json, const struct info *info)
{
	char buf[120];
	const char *why = info_guests_why(info, buf, sizeof(buf));

	if (why) {
		json_text(json, "guests", NULL);
		json_text(json, "guests_why", why);
		return;
	}
	json_array(json, "guests");
	for (size_t i = 0; i < info->machine.guest_count; i++) {
		const struct machine_guest *guest = &info->machine.guests[i];
		const char *name = info_guest_name(info, guest);
		json_object(json, NULL);
		put_cid(json, "cid", guest->cid);
		json_text(json, "name", name[0] ? name : NULL);
		json_text(json, "program", guest->program);
		json_signed(json, "pid", guest->pid);
		json_text(json, "path", guest->path[0] ? guest->path : NULL);
		json_text(json, "netns", guest->netns[0] ? guest->netns : NULL);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_sockets(struct json *json, const struct info *info)
{
	if (info->sockets_error) {
		json_text(json, "sockets", NULL);
		json_text(json, "sockets_why", info_sockets_why(info));
		return;
	}
	json_array(json, "sockets");
	for (size_t i = 0; i < info->sockets.count; i++) {
		const struct diag_socket *socket = &info->sockets.sockets[i];
		bool peer = socket->state == DIAG_OPEN || socket->state == DIAG_CONNECTING ||
			    socket->state == DIAG_CLOSING;
		json_object(json, NULL);
		json_text(json, "state", diag_state_name(socket->state));
		json_text(json, "type", diag_type_name(socket->type));
		put_cid(json, "cid", socket->cid);
		json_number(json, "port", socket->port);
		put_cid(json, "peer_cid", peer ? socket->peer_cid : ADDR_CID_ANY);
		if (peer)
			json_number(json, "peer_port", socket->peer_port);
		else
			json_text(json, "peer_port", NULL);
		json_number(json, "inode", socket->inode);
		json_text(json, "netns", diag_netns(&info->sockets, socket));
		if (socket->pid) {
			json_signed(json, "pid", socket->pid);
			json_text(json, "program", socket->program);
			json_number(json, "other_processes", socket->others);
		}
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_hosts(struct json *json, const struct info *info)
{
	json_array(json, "hosts");
	for (size_t i = 0; i < info->asked_count; i++) {
		const struct info_host *host = &info->asked[i];
		json_object(json, NULL);
		json_text(json, "name", host->entry->name);
		put_cid(json, "cid", host->entry->path ? ADDR_CID_ANY : host->entry->cid);
		json_text(json, "path", host->entry->path);
		if (host->unknown)
			json_text(json, "answers", NULL);
		else
			json_bool(json, "answers", host->answers);
		if (host->answers)
			json_real(json, "seconds", (double)host->time / 1e9, 6);
		else
			json_text(json, "why", host->explanation.what);
		json_end_object(json);
	}
	json_end_array(json);
}

void info_json(const struct info *info, unsigned parts)
{
	struct json json;
	json_line(&json, stdout);
	if (parts & INFO_MACHINE)
		put_machine(&json, info);
	if (parts & INFO_GUESTS)
		put_guests(&json, info);
	if (parts & INFO_SOCKETS)
		put_sockets(&json, info);
	if (parts & INFO_HOSTS)
		put_hosts(&json, info);
	json_line_end(&json);
}
