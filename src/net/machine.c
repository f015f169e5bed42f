/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/fd.h"
#include "base/util.h"
#include "net/addr.h"
#include "net/machine.h"
#include "net/netns.h"

#define FILE_MAX (8u << 20) /* modules.dep of a distribution's kernel has about 1 MiB */

/*
 * Files
 */

/* What machine_look() stores as machine->incomplete. */
static int incomplete;

/* A file that is not there, or that others may not read, tells something of the machine; a shortage
 * of ours does not. */
static void note_failure(int error)
{
	if (fd_is_shortage(error))
		incomplete = error;
}

/* root, then the formatted path; "", which nothing has, if it does not fit. Returns path. */
__attribute__((format(printf, 3, 4))) static const char *path_make(char path[PATH_MAX],
								   const char *root,
								   const char *format, ...)
{
	size_t used = strlcpy(path, root, PATH_MAX);
	va_list ap;

	va_start(ap, format);
	if (used < PATH_MAX)
		used += (size_t)vsnprintf(path + used, PATH_MAX - used, format, ap);
	va_end(ap);
	if (used >= PATH_MAX)
		path[0] = '\0';
	return path;
}

static bool exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	return access(path_make(full, root, "%s", path), F_OK) == 0;
}

/* The whole file followed by a NUL, or NULL; length may be NULL. */
static char *file_read(const char *path, size_t limit, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *data = NULL;
	size_t size = 0;
	int error = 0;

	if (fd < 0) {
		note_failure(errno);
		return NULL;
	}
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISREG(st.st_mode))
		error = fd_read_all(fd, limit, &data, &size);
	note_failure(-error);
	if (length)
		*length = size;
	close(fd);
	return data;
}

/* NULL if it cannot be read. */
static DIR *directory_open(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		note_failure(errno);
	return dir;
}

static char *tree_read(const char *root, const char *path)
{
	char full[PATH_MAX];

	return file_read(path_make(full, root, "%s", path), FILE_MAX, NULL);
}

static bool number_read(const char *text, uint32_t *number)
{
	unsigned long long value;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, NULL, 0);
	if (errno || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

/*
 * Modules
 */

struct module_lists {
	char *loaded; /* /proc/modules */
	char *builtin; /* modules.builtin */
	char *files; /* modules.dep */
	char *misc; /* /proc/misc */
	char *symbols; /* /proc/kallsyms, if nothing else shows what is built in */
};

/* Does a line of /proc/modules begin with this name? */
static bool modules_loaded(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = list; line && *line;) {
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return true;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

/* Does a line of modules.builtin or modules.dep begin with a path whose file is NAME.ko or
 * NAME.ko.zst: …? */
static bool modules_file(const char *list, const char *name)
{
	char file[64];
	size_t length;

	snprintf(file, sizeof(file), "%s.ko", name);
	length = strlen(file);
	for (const char *hit = list; hit && (hit = strstr(hit, file)) != NULL; hit += length) {
		const char *start = hit;
		bool first, whole;

		while (start > list && start[-1] != '\n' && start[-1] != ' ')
			start--;
		first = start == list || start[-1] == '\n';
		whole = hit == start || hit[-1] == '/';
		if (first && whole && strchr(".: \n", hit[length]))
			return true;
	}
	return false;
}

/* Is there a line "  NN name" of /proc/misc? */
static bool misc_has(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *hit = list; hit && (hit = strstr(hit, name)) != NULL; hit += length)
		if (hit > list && hit[-1] == ' ' && (hit[length] == '\n' || hit[length] == '\0'))
			return true;
	return false;
}

static enum machine_module module_state(const struct module_lists *lists, const char *root,
					const char *name)
{
	char path[PATH_MAX];
	if (modules_loaded(lists->loaded, name))
		return MODULE_LOADED;
	if (modules_file(lists->builtin, name))
		return MODULE_BUILTIN;
	/* A built-in module is here only if it has parameters; one that is loaded would stand in
	 * /proc/modules. */
	if (access(path_make(path, root, "/sys/module/%s", name), F_OK) == 0)
		return lists->loaded ? MODULE_LOADED : MODULE_BUILTIN;
	if (modules_file(lists->files, name))
		return MODULE_INSTALLED;
	return MODULE_ABSENT;
}

static void look_modules(struct machine *machine, const char *root)
{
	struct module_lists lists = {
		.loaded = tree_read(root, "/proc/modules"),
		.misc = tree_read(root, "/proc/misc"),
	};
	char *release = tree_read(root, "/proc/sys/kernel/osrelease");
	char path[PATH_MAX];

	if (release) {
		release[strcspn(release, "\n")] = '\0';
		path_make(path, root, "/lib/modules/%s/modules.builtin", release);
		lists.builtin = file_read(path, FILE_MAX, NULL);
		path_make(path, root, "/lib/modules/%s/modules.dep", release);
		lists.files = file_read(path, FILE_MAX, NULL);
	}
	machine->modules_known = lists.loaded || lists.builtin || lists.files;
	machine->vsock = module_state(&lists, root, "vsock");
	machine->loopback = module_state(&lists, root, "vsock_loopback");
	machine->virtio = module_state(&lists, root, "vmw_vsock_virtio_transport");
	machine->vhost = module_state(&lists, root, "vhost_vsock");
	machine->vmci = module_state(&lists, root, "vmw_vsock_vmci_transport");
	machine->hyperv = module_state(&lists, root, "hv_sock");
	machine->diag = module_state(&lists, root, "vsock_diag");
	machine->loads_modules = lists.loaded != NULL;

	/* A device that the kernel has registered proves its driver, whatever the lists say. */
	if (misc_has(lists.misc, "vhost-vsock") && !machine_module_ready(machine->vhost))
		machine->vhost = MODULE_BUILTIN;
	if ((misc_has(lists.misc, "vsock") || machine->family) &&
	    !machine_module_ready(machine->vsock))
		machine->vsock = MODULE_BUILTIN;
	/* A driver that is registered on its bus is loaded or built in. */
	if (exists(root, "/sys/bus/virtio/drivers/vmw_vsock_virtio_transport") &&
	    !machine_module_ready(machine->virtio))
		machine->virtio = MODULE_BUILTIN;
	if (exists(root, "/sys/bus/vmbus/drivers/hv_sock") &&
	    !machine_module_ready(machine->hyperv))
		machine->hyperv = MODULE_BUILTIN;
	/* vsock_loopback and vsock_diag have no device and no parameters, so without a list of
	 * modules their symbols are the only sign. */
	if (machine->loopback == MODULE_ABSENT && machine_module_ready(machine->vsock) &&
	    !lists.builtin) {
		lists.symbols = file_read(path_make(path, root, "/proc/kallsyms"), 64u << 20, NULL);
		if (lists.symbols && strstr(lists.symbols, " vsock_loopback_"))
			machine->loopback = MODULE_BUILTIN;
		if (lists.symbols && strstr(lists.symbols, " vsock_diag_"))
			machine->diag = MODULE_BUILTIN;
	}
	free(lists.loaded);
	free(lists.builtin);
	free(lists.files);
	free(lists.misc);
	free(lists.symbols);
	free(release);
}

bool machine_module_ready(enum machine_module state)
{
	return state == MODULE_LOADED || state == MODULE_BUILTIN;
}

/*
 * Devices and the local CID
 */

static void look_device(struct machine_device *device, const char *root, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	if (stat(path_make(full, root, "%s", path), &st) < 0) {
		note_failure(errno);
		return;
	}
	*device = (struct machine_device){
		.present = true,
		.readable = faccessat(AT_FDCWD, full, R_OK, AT_EACCESS) == 0,
		.writable = faccessat(AT_FDCWD, full, W_OK, AT_EACCESS) == 0,
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
	};
}

static void look_cid(struct machine *machine, const char *root)
{
	unsigned cid = VMADDR_CID_ANY;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	/* Opening a device node without a driver would make the kernel load one. */
	if (!*root && !machine->family && !machine_module_ready(machine->vsock)) {
		machine->cid_error = machine->dev_vsock.present ? ENXIO : ENOENT;
		return;
	}
	fd = open(path_make(path, root, "/dev/vsock"),
		  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		machine->cid_error = errno;
		note_failure(errno);
		return;
	}
	if (*root && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		char text[32] = "";
		if (read(fd, text, sizeof(text) - 1) > 0 && !number_read(text, &cid))
			cid = VMADDR_CID_ANY;
	} else if (ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0) {
		machine->cid_error = errno;
	}
	close(fd);
	machine->cid = cid;
	machine->has_cid = !machine->cid_error && cid != VMADDR_CID_ANY;
}

/* True if a file name in this directory of the tree satisfies the test. */
static bool directory_any(const char *root, const char *directory,
			  bool (*test)(const char *root, const char *directory, const char *name))
{
	char path[PATH_MAX];
	DIR *dir = directory_open(path_make(path, root, "%s", directory));
	bool found = false;
	struct dirent *entry;

	while (dir && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.' && test(root, directory, entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

static bool is_virtio_vsock(const char *root, const char *directory, const char *name)
{
	char path[PATH_MAX], *text;
	uint32_t id = 0;
	bool found;

	text = file_read(path_make(path, root, "%s/%s/device", directory, name), 64, NULL);
	found = text && number_read(text, &id) && id == 19; /* VIRTIO_ID_VSOCK */
	free(text);
	return found;
}

static bool is_pci_device(const char *root, const char *directory, const char *name)
{
	(void)root;
	(void)directory;
	return strchr(name, ':') != NULL;
}

static bool is_any(const char *root, const char *directory, const char *name)
{
	(void)root;
	(void)directory;
	(void)name;
	return true;
}

static void look_role(struct machine *machine, const char *root)
{
	machine->virtio_device = directory_any(root, "/sys/bus/virtio/devices", is_virtio_vsock);
	machine->is_guest = (machine->virtio_device && machine_module_ready(machine->virtio)) ||
			    (machine_module_ready(machine->vmci) &&
			     directory_any(root, "/sys/bus/pci/drivers/vmw_vmci", is_pci_device)) ||
			    (machine_module_ready(machine->hyperv) &&
			     directory_any(root, "/sys/bus/vmbus/devices", is_any)) ||
			    (machine->has_cid && machine->cid > VMADDR_CID_HOST);
	machine->is_host = machine_module_ready(machine->vhost);
	/* With only loopback the kernel reports CID 1 (since mid-2025), which proves it without a
	 * list. */
	if (machine->has_cid && machine->cid == VMADDR_CID_LOCAL &&
	    !machine_module_ready(machine->loopback))
		machine->loopback = MODULE_BUILTIN;
}

bool machine_has_transport(const struct machine *machine)
{
	return machine->is_guest || machine->is_host || machine_module_ready(machine->loopback) ||
	       machine->has_cid;
}

/*
 * What may prevent the use of vsock
 */

#define NS_MODE "/proc/sys/net/vsock/ns_mode"

/* The first line of a file, or "". */
static void word_read(const char *root, const char *path, char *buf, size_t size)
{
	char *text = tree_read(root, path);

	snprintf(buf, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	free(text);
}

/* The service that this process belongs to: the end of a path in /proc/self/cgroup. */
static void look_unit(struct machine *machine, const char *root)
{
	static const char suffix[] = ".service";
	char *groups = tree_read(root, "/proc/self/cgroup"), *rest = groups, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *slash = strrchr(line, '/'), *name = slash ? slash + 1 : "";
		size_t length = strlen(name), end = sizeof(suffix) - 1;

		if (length > end && length < sizeof(machine->unit) &&
		    strcmp(name + length - end, suffix) == 0 && strncmp(name, "user@", 5) != 0)
			memcpy(machine->unit, name, length + 1);
	}
	free(groups);
}

static void look_fences(struct machine *machine, const char *root)
{
	char *status = tree_read(root, "/proc/self/status");
	char *map = tree_read(root, "/proc/self/uid_map");
	char *vendor = tree_read(root, "/sys/class/dmi/id/sys_vendor");
	char *fallback = tree_read(root, "/proc/sys/net/vsock/g2h_fallback");
	const char *line = status ? strstr(status, "\nSeccomp:") : NULL;
	unsigned long first = 0, outside = 0, count = 0;
	uint32_t number = 0;

	machine->seccomp = line && strtoul(line + strlen("\nSeccomp:"), NULL, 10) != 0;
	free(status);

	if (map && sscanf(map, "%lu %lu %lu", &first, &outside, &count) == 3)
		machine->user_namespace = first != 0 || outside != 0 || count != UINT32_MAX;
	free(map);

	/* /.dockerenv is also in the root of a VM that was made from an image: a container confines
	 * as well */
	machine->container = exists(root, "/run/.containerenv") ||
			     exists(root, "/run/systemd/container") ||
			     exists(root, "/run/host/container-manager") ||
			     (exists(root, "/.dockerenv") &&
			      (machine->seccomp || machine->user_namespace));

	machine->nitro = (vendor && strstr(vendor, "Amazon EC2")) ||
			 exists(root, "/dev/nitro_enclaves") || exists(root, "/dev/nsm");
	free(vendor);

	look_unit(machine, root);
	word_read(root, NS_MODE, machine->ns_mode, sizeof(machine->ns_mode));
	word_read(root, "/proc/sys/net/vsock/child_ns_mode", machine->child_ns_mode,
		  sizeof(machine->child_ns_mode));
	machine->g2h_fallback = fallback && number_read(fallback, &number) ? (int)(number != 0)
									   : -1;
	free(fallback);
}

/* Returns false if this cannot be found out here. */
static bool look_family(struct machine *machine, const char *root)
{
	char *protocols = tree_read(root, "/proc/net/protocols");
	bool known = protocols != NULL;

	machine->family = known && (strncmp(protocols, "AF_VSOCK ", 9) == 0 ||
				    strstr(protocols, "\nAF_VSOCK "));
	free(protocols);
	return known;
}

/* Each driver needs the module vsock, which registers the family. */
static bool has_driver(const struct machine *machine)
{
	return machine_module_ready(machine->vsock) || machine_module_ready(machine->loopback) ||
	       machine_module_ready(machine->virtio) || machine_module_ready(machine->vhost) ||
	       machine_module_ready(machine->vmci) || machine_module_ready(machine->hyperv);
}

static void look_socket(struct machine *machine, const char *root)
{
	int fd;

	machine->socket_error = -1;
	if (!machine->family || *root)
		return;
	/* The family is registered, so this loads no module, and a socket alone contacts nobody. */
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	machine->socket_error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
}

/*
 * Guests: what the command lines of the known VMMs say
 */

/* A command line: words, each followed by a NUL. */
struct words {
	const char *data;
	size_t length;
};

static const char *words_next(const struct words *words, const char *word)
{
	if (!word)
		return words->length ? words->data : NULL;
	word += strlen(word) + 1;
	return word < words->data + words->length ? word : NULL;
}

/* The value of an option that may stand as "--name VALUE" or "--name=VALUE", after the word before
 * (NULL: the first), or NULL. */
static const char *words_option(const struct words *words, const char *name, const char **after)
{
	size_t length = strlen(name);
	const char *word = after && *after ? *after : NULL;
	while ((word = words_next(words, word)) != NULL) {
		const char *value = NULL;
		if (strcmp(word, name) == 0)
			value = words_next(words, word);
		else if (strncmp(word, name, length) == 0 && word[length] == '=')
			value = word + length + 1;
		if (!value)
			continue;
		if (after)
			*after = word;
		return value;
	}
	return NULL;
}

/* Copies a value that ends at a comma (",," stands for one) or, in JSON, at a quote. */
static void value_copy(const char *value, char *buf, size_t size)
{
	bool quoted = *value == '"';
	size_t used = 0;
	for (value += quoted; *value && used + 1 < size; value++) {
		if (quoted ? *value == '"' : *value == ',') {
			if (quoted || value[1] != ',')
				break;
			value++;
		}
		buf[used++] = *value;
	}
	buf[used] = '\0';
}

/* The value of key in "a,key=value,b" or in {"key": value}: a pointer to its first byte (a quote,
 * maybe), or NULL. */
static const char *value_find(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *hit = text; (hit = strstr(hit, key)) != NULL; hit += length) {
		const char *behind = hit + length;

		if (hit > text && hit[-1] != ',' && hit[-1] != '"' && hit[-1] != ' ')
			continue;
		if (*behind == '=')
			return behind + 1;
		if (*behind != '"')
			continue;
		behind += 1 + strspn(behind + 1, " \t\r\n");
		if (*behind == ':')
			return behind + 1 + strspn(behind + 1, " \t\r\n");
	}
	return NULL;
}

static bool value_cid(const char *text, const char *key, uint32_t *cid)
{
	const char *value = value_find(text, key);
	return value && number_read(value + (*value == '"'), cid);
}

static bool guest_qemu(const struct words *words, struct machine_guest *guest)
{
	bool found = false;
	const char *at = NULL, *value;
	while (!found && (value = words_option(words, "-device", &at)) != NULL) {
		if (!strstr(value, "vhost-vsock") && !strstr(value, "vhost-user-vsock"))
			continue;
		found = true;
		value_cid(value, "guest-cid", &guest->cid);
	}
	if (!found)
		return false;
	value = words_option(words, "-name", NULL);
	if (value) {
		const char *name = value_find(value, "guest");
		value_copy(name ? name : value, guest->name, sizeof(guest->name));
	}
	return true;
}

static bool guest_cloud_hypervisor(const struct words *words, struct machine_guest *guest)
{
	const char *value = words_option(words, "--vsock", NULL), *path;

	if (!value)
		return false;
	value_cid(value, "cid", &guest->cid);
	path = value_find(value, "socket");
	if (path)
		value_copy(path, guest->path, sizeof(guest->path));
	return true;
}

/* The path of its vsock device is in a configuration file or was set through its API. The file is
 * not read, because any user can run a process with this name and make root open whatever its
 * command line names. */
static bool guest_firecracker(const struct words *words, struct machine_guest *guest)
{
	const char *value = words_option(words, "--id", NULL);
	if (value)
		snprintf(guest->name, sizeof(guest->name), "%s", value);
	return true;
}

static bool guest_crosvm(const struct words *words, struct machine_guest *guest)
{
	const char *value = words_option(words, "--vsock", NULL);
	if (!value)
		value = words_option(words, "--cid", NULL);
	if (!value)
		return false;
	if (!value_cid(value, "cid", &guest->cid))
		number_read(value, &guest->cid);
	value = words_option(words, "--name", NULL);
	if (value)
		snprintf(guest->name, sizeof(guest->name), "%s", value);
	return true;
}

/* rust-vmm's vhost-device-vsock: the back end of qemu's vhost-user-vsock, with a socket as
 * Firecracker's. */
static bool guest_vhost_device(const struct words *words, struct machine_guest *guest)
{
	const char *value = words_option(words, "--vm", NULL), *path;

	if (value) {
		value_cid(value, "guest-cid", &guest->cid);
		path = value_find(value, "uds-path");
		if (path)
			value_copy(path, guest->path, sizeof(guest->path));
		return true;
	}
	value = words_option(words, "--guest-cid", NULL);
	if (value)
		number_read(value, &guest->cid);
	value = words_option(words, "--uds-path", NULL);
	if (value)
		snprintf(guest->path, sizeof(guest->path), "%s", value);
	return value != NULL;
}

static const struct vmm {
	const char *program; /* how the name of its program begins */
	bool (*read)(const struct words *words, struct machine_guest *guest);
} vmms[] = {
	{ "qemu", guest_qemu },
	{ "kvm", guest_qemu },
	{ "cloud-hypervisor", guest_cloud_hypervisor },
	{ "firecracker", guest_firecracker },
	{ "crosvm", guest_crosvm },
	{ "lkvm", guest_crosvm },
	{ "vhost-device-vsock", guest_vhost_device },
};

/* Has this process /dev/vhost-vsock open? Then it runs a guest, whatever program it is. */
static bool process_has_vhost(const char *root, pid_t pid)
{
	char path[PATH_MAX];
	DIR *dir = directory_open(path_make(path, root, "/proc/%d/fd", (int)pid));
	bool found = false;
	struct dirent *entry;

	while (dir && !found && (entry = readdir(dir)) != NULL) {
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, "/dev/vhost-vsock") == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

bool machine_read_guest(const char *line, size_t length, struct machine_guest *guest)
{
	const struct words words = { .data = line, .length = length };
	const char *slash = strrchr(line, '/'), *program = slash ? slash + 1 : line;

	*guest = (struct machine_guest){ .cid = ADDR_CID_ANY };
	snprintf(guest->program, sizeof(guest->program), "%s", program);
	for (size_t i = 0; i < ARRAY_SIZE(vmms); i++)
		if (strncmp(program, vmms[i].program, strlen(vmms[i].program)) == 0 &&
		    vmms[i].read(&words, guest))
			return true;
	return false;
}

static bool guest_read(const char *root, pid_t pid, struct machine_guest *guest)
{
	char path[PATH_MAX];
	size_t length = 0;
	char *line = file_read(path_make(path, root, "/proc/%d/cmdline", (int)pid), 1u << 20,
			       &length);
	bool found = line && length &&
		     (machine_read_guest(line, length, guest) || process_has_vhost(root, pid));

	if (found)
		guest->pid = pid;
	free(line);
	return found;
}

static int guest_order(const void *a, const void *b)
{
	const struct machine_guest *x = a, *y = b;
	if (x->cid != y->cid)
		return x->cid < y->cid ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void look_guests(struct machine *machine, const char *root)
{
	char path[PATH_MAX];
	DIR *dir = directory_open(path_make(path, root, "/proc"));
	size_t room = 0;
	struct dirent *entry;
	bool any = *root != '\0'; /* this process, at least, is in the real one */

	if (!dir)
		machine->guests_error = errno;
	while (dir && (entry = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		struct machine_guest guest, *bigger;

		if (*end || pid <= 0 || pid > INT_MAX)
			continue;
		any = true;
		if (!guest_read(root, (pid_t)pid, &guest))
			continue;
		if (machine->guest_count == room) {
			room = room ? room * 2 : 8;
			bigger = reallocarray(machine->guests, room, sizeof(*bigger));
			if (!bigger) {
				note_failure(ENOMEM);
				break;
			}
			machine->guests = bigger;
		}
		machine->guests[machine->guest_count++] = guest;
	}
	if (dir && !any)
		machine->guests_error = ENOENT;
	if (dir)
		closedir(dir);
	if (machine->guest_count)
		qsort(machine->guests, machine->guest_count, sizeof(*machine->guests), guest_order);
}

/*
 * Network namespaces: since Linux 7.0 a guest belongs to that of the process which opened
 * /dev/vhost-vsock for it, and a local one is reached only from inside (vsock_net_check_mode() in
 * net/vmw_vsock/af_vsock.c).
 */

/* The number of a process's namespace; 0: not known. */
static uint64_t namespace_of(const char *root, const char *process)
{
	char path[PATH_MAX], link[64];
	unsigned long long id = 0;
	ssize_t n;

	n = readlink(path_make(path, root, "/proc/%s/ns/net", process), link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	return sscanf(link, "net:[%llu]", &id) == 1 ? id : 0;
}

static void read_mode(void *context)
{
	word_read("", NS_MODE, context, sizeof(((struct machine *)NULL)->ns_mode));
}

/* May this guest be reached only by netns=? */
static bool is_apart(const struct machine *machine, const char *root, const char *process)
{
	char mode[sizeof(machine->ns_mode)] = "";

	if (strcmp(machine->ns_mode, "global") == 0 && !*root)
		(void)netns_run(process, read_mode, mode);
	return strcmp(mode, "global") != 0;
}

static void look_namespaces(struct machine *machine, const char *root)
{
	uint64_t ours = machine->ns_mode[0] ? namespace_of(root, "thread-self") : 0;

	for (size_t i = 0; i < machine->guest_count && ours; i++) {
		struct machine_guest *guest = &machine->guests[i];
		char process[16];
		uint64_t its;

		snprintf(process, sizeof(process), "%d", (int)guest->pid);
		its = guest->path[0] ? 0 : namespace_of(root, process);
		if (its && its != ours && is_apart(machine, root, process))
			netns_name(its, guest->pid, guest->netns, sizeof(guest->netns));
	}
}

void machine_look(struct machine *machine, const char *root, bool guests)
{
	bool family_known;

	*machine = (struct machine){ .cid = VMADDR_CID_ANY };
	incomplete = 0;
	family_known = look_family(machine, root);
	look_modules(machine, root);
	if (!family_known)
		machine->family = has_driver(machine);
	look_socket(machine, root);
	look_device(&machine->dev_vsock, root, "/dev/vsock");
	look_device(&machine->dev_vhost, root, "/dev/vhost-vsock");
	look_device(&machine->dev_kvm, root, "/dev/kvm");
	look_cid(machine, root);
	look_role(machine, root);
	look_fences(machine, root);
	if (guests) {
		look_guests(machine, root);
		look_namespaces(machine, root);
	}
	machine->incomplete = incomplete;
}

void machine_free(struct machine *machine)
{
	free(machine->guests);
	machine->guests = NULL;
	machine->guest_count = 0;
}
