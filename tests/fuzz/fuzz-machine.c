/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What vsock-info reads from other processes and from /proc. If the first byte is even, the rest is
 * one command line; else it is the files of a made-up tree, in a fixed order, with the byte
 * 0x1e between them. A command line that is made from what was found has the same guest. Whatever
 * names hold, the table and JSON have nothing that a terminal obeys, and --guests --hosts prints a
 * hosts file, which names these guests.
 */
#include "config.h"

#include "captured.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/json-read.h"
#include "base/utf8.h"
#include "info/info.h"
#include "net/machine.h"
#include "../lib/temporary.h"

#define INPUT_MAX 2000

/* Returns the number of lines. */
static size_t clean_lines(const char *text)
{
	size_t lines = 0;

	for (size_t at = 0, size; text[at]; at += size) {
		uint32_t point = 0;

		size = utf8_read(text + at, strlen(text + at), &point);
		fuzz_check(size > 0 && (point == '\n' || !utf8_unsafe(point)),
			   "nothing that a terminal obeys");
		lines += point == '\n';
	}
	return lines;
}

static void as_json(const struct info *info, unsigned parts)
{
	struct json_tree tree;

	capture_begin();
	info_json(info, parts);
	capture_end();
	fuzz_check(clean_lines(captured.text) == 1, "JSON is a line");
	fuzz_check(json_tree_read(&tree, captured.text, captured.size), "JSON is JSON");
	json_tree_free(&tree);
}

static void as_hosts_file(const struct info *info)
{
	const struct machine_guest *guest = info->machine.guests;
	struct hosts hosts = { 0 };
	struct mistake error;

	capture_begin();
	info_report_guests_hosts(info);
	capture_end();
	fuzz_check(clean_lines(captured.text) == info->machine.guest_count, "a line is a guest");
	fuzz_check(hosts_read(&hosts, "hosts", captured.text, captured.size, &error) == 0,
		   "the lines for the hosts file can be in one");
	fuzz_check(hosts.count <= 1 || info->machine.guest_count > 1, "a guest has one name");
	if (hosts.count == 1 && info->machine.guest_count == 1) {
		if (hosts.entries[0].path)
			fuzz_check(strcmp(hosts.entries[0].path, guest->path) == 0,
				   "the name is that of the guest's socket");
		else
			fuzz_check(!guest->path[0] && hosts.entries[0].cid == guest->cid,
				   "the name is that of the guest's CID");
	}
	hosts_free(&hosts);
}

static void report(const struct info *info)
{
	capture_begin();
	info_report_guests(info);
	capture_end();
	fuzz_check(clean_lines(captured.text) ==
			   (info->machine.guest_count ? info->machine.guest_count + 1 : 0),
		   "a guest is a line");
	as_json(info, INFO_GUESTS);
	as_hosts_file(info);
}

static void double_commas(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == ',' ? ",," : "%c", *text);
}

/* The same as a command line of qemu: a name and a CID, which it has in all forms. */
static void write_again(const struct machine_guest *guest)
{
	struct machine_guest again;
	char *line = NULL;
	size_t size;
	FILE *out;

	if (guest->cid == ADDR_CID_ANY || guest->path[0])
		return;
	out = open_memstream(&line, &size);
	if (!out)
		exit(1);
	fprintf(out, "qemu%c-device%cvhost-vsock-pci,guest-cid=%u%c-name%cguest=", 0, 0, guest->cid,
		0, 0);
	double_commas(out, guest->name);
	fputc('\0', out);
	fclose(out);
	fuzz_check(machine_read_guest(line, size, &again) && again.cid == guest->cid,
		   "a CID is read again");
	if (guest->name[0] != '"')
		fuzz_check(strcmp(again.name, guest->name) == 0, "a name is read again");
	free(line);
}

static void command_line(const uint8_t *data, size_t size)
{
	struct machine_guest guest;
	struct info info = { .machine.guests = &guest };
	char *line = malloc(size + 1);
	bool found;

	if (!line)
		exit(1);
	memcpy(line, data, size);
	line[size] = '\0';
	found = size && machine_read_guest(line, size, &guest);
	if (found) {
		fuzz_check(strlen(guest.program) < sizeof(guest.program) &&
				   strlen(guest.path) < sizeof(guest.path) &&
				   strlen(guest.name) < sizeof(guest.name),
			   "texts end");
		guest.pid = 7;
		info.machine.guest_count = 1;
		report(&info);
		write_again(&guest);
	}
	free(line);
}

/*
 * A tree of files
 */

static char root[TEMPORARY_MAX];

static const char *const files[] = {
	"/proc/modules",
	"/proc/misc",
	"/proc/net/protocols",
	"/lib/modules/6.99/modules.builtin",
	"/lib/modules/6.99/modules.dep",
	"/proc/kallsyms",
	"/dev/vsock",
	"/proc/self/status",
	"/proc/self/uid_map",
	"/proc/self/cgroup",
	"/proc/sys/net/vsock/ns_mode",
	"/proc/sys/net/vsock/g2h_fallback",
	"/sys/class/dmi/id/sys_vendor",
	"/proc/7/cmdline",
	"/proc/8/cmdline",
};
enum { FILES = sizeof(files) / sizeof(*files) };

static void put(const char *name, const uint8_t *data, size_t size)
{
	char path[TEMPORARY_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT) {
		for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
			*slash = '\0';
			mkdir(path, 0700);
			*slash = '/';
		}
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	fuzz_check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "there are files");
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void tree(const uint8_t *data, size_t size)
{
	struct info info = { .sockets_error = -EAGAIN, .verbose = true };
	char path[TEMPORARY_MAX + 64];

	if (!*root) {
		fuzz_check(mkdtemp(temporary_name(root)), "there is a directory");
		atexit(remove_tree);
		put("/proc/sys/kernel/osrelease", (const uint8_t *)"6.99\n", 5);
	}
	for (size_t i = 0; i < FILES; i++) {
		const uint8_t *end = size ? memchr(data, 0x1e, size) : NULL;
		size_t length = end ? (size_t)(end - data) : size;

		if (length) {
			put(files[i], data, length);
		} else {
			snprintf(path, sizeof(path), "%s%s", root, files[i]);
			unlink(path);
		}
		length += end != NULL;
		data += length;
		size -= length;
	}
	machine_look(&info.machine, root, true);
	fuzz_check(info.machine.guest_count <= 2, "there are two processes");
	info.status = machine_has_transport(&info.machine) ? STATUS_DONE : STATUS_ABSENT;
	capture_begin();
	info_report(&info);
	capture_end();
	fuzz_check(clean_lines(captured.text) > 0, "a diagnosis is lines");
	as_json(&info, INFO_MACHINE | INFO_GUESTS);
	report(&info);
	machine_free(&info.machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	if (data[0] & 1)
		tree(data + 1, size - 1);
	else
		command_line(data + 1, size - 1);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("\0"),
	PIECE("qemu-system-x86_64\0"),
	PIECE("-device\0"),
	PIECE("vhost-vsock-pci,guest-cid=3\0"),
	PIECE("-name\0"),
	PIECE("guest=web,debug-threads=on\0"),
	PIECE(",,"),
	PIECE("cloud-hypervisor\0"),
	PIECE("--vsock\0"),
	PIECE("cid=5,socket=/run/ch.sock\0"),
	PIECE("firecracker\0--id\0"),
	PIECE("crosvm\0"),
	PIECE("--cid=4\0"),
	PIECE("vhost-device-vsock\0--vm\0guest-cid=3,uds-path=/x\0"),
	PIECE("\x1b[31m"),
	PIECE("\n"),
	PIECE("\x1e"),
	PIECE("{\"driver\":\"vhost-vsock-pci\",\"guest-cid\":3}\0"),
	PIECE("#"),
	PIECE(" "),
	PIECE("vsock 1 0 - Live 0x0\n"),
	PIECE("vsock_loopback "),
	PIECE("AF_VSOCK "),
	PIECE("vhost-vsock\n"),
	PIECE("/vsock.ko"),
	PIECE("0::/system.slice/x.service\n"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "command lines and files of /proc are read, and shown safely",
		.corpus = "corpus-machine",
		.input_max = INPUT_MAX,
		.runs = 3000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
