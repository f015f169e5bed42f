/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"

/* Before each part; then its name with a NUL, then its data. */
struct head {
	uint32_t kind, name_size;
	uint64_t size;
};

static int append(struct bundle *bundle, const void *data, size_t size)
{
	if (bundle->room - bundle->size < size) {
		size_t room = 2 * bundle->room + size + 256;
		char *grown = realloc(bundle->data, room);

		if (!grown)
			return -ENOMEM;
		bundle->data = grown;
		bundle->room = room;
	}
	if (size)
		memcpy(bundle->data + bundle->size, data, size);
	bundle->size += size;
	return 0;
}

int bundle_add(struct bundle *bundle, enum bundle_kind kind, const char *name, const void *data, size_t size)
{
	struct head head = { .kind = kind, .name_size = (uint32_t)strlen(name) + 1, .size = size };

	if (append(bundle, &head, sizeof(head)) || append(bundle, name, head.name_size))
		return -ENOMEM;
	return append(bundle, data, size);
}

/* As a file of them would say it; whose file it was matters no more. */
int bundle_add_hosts(struct bundle *bundle, const struct hosts *hosts)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int error;

	for (size_t i = 0; out && i < hosts->count; i++) {
		const struct hosts_entry *entry = &hosts->entries[i];

		if (entry->path)
			fprintf(out, "%s %s\n", entry->path, entry->name);
		else
			fprintf(out, "%u %s\n", entry->cid, entry->name);
	}
	error = out && fclose(out) == 0 ? bundle_add(bundle, BUNDLE_HOSTS, "hosts", text, size) : -ENOMEM;
	free(text);
	return error;
}

int bundle_add_accounts(struct bundle *bundle, const struct accounts *accounts)
{
	int error = 0;

	for (size_t i = 0; i < accounts->count && !error; i++) {
		const struct account *account = &accounts->entries[i];

		error = bundle_add(bundle, account->group ? BUNDLE_GROUP : BUNDLE_USER, account->name, &account->id, sizeof(account->id));
	}
	return error;
}

int bundle_next(const struct bundle *bundle, size_t *at, struct bundle_part *part)
{
	size_t left = bundle->size - *at;
	const char *place = bundle->data + *at;
	struct head head;

	if (!left)
		return 0;
	if (left < sizeof(head))
		return -EPROTO;
	memcpy(&head, place, sizeof(head));
	left -= sizeof(head);
	if (!head.name_size || head.name_size > left || head.size > left - head.name_size)
		return -EPROTO;
	*part = (struct bundle_part){
		.kind = (enum bundle_kind)head.kind,
		.name = place + sizeof(head),
		.data = place + sizeof(head) + head.name_size,
		.size = head.size,
	};
	if (part->name[head.name_size - 1])
		return -EPROTO;
	*at += sizeof(head) + head.name_size + head.size;
	return 1;
}

bool bundle_has(const struct bundle *bundle, enum bundle_kind kind, const char *name)
{
	struct bundle_part part;
	size_t at = 0;

	while (bundle_next(bundle, &at, &part) > 0)
		if (part.kind == kind && strcmp(part.name, name) == 0)
			return true;
	return false;
}

int bundle_read_hosts(const struct bundle_part *part, struct hosts *hosts)
{
	struct hosts_error error;

	return hosts_read(hosts, part->name, part->data, part->size, &error);
}

int bundle_read_account(const struct bundle_part *part, struct accounts *accounts)
{
	uint32_t id;

	if (part->size != sizeof(id))
		return -EPROTO;
	memcpy(&id, part->data, sizeof(id));
	return accounts_add(accounts, part->kind == BUNDLE_GROUP, part->name, id);
}

int bundle_seal(const struct bundle *bundle)
{
	int fd = memfd_create("vsock-rules", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd < 0)
		return -errno;
	error = fd_write_all(fd, bundle->data, bundle->size);
	if (!error && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		error = -errno;
	if (error)
		fd_close(&fd);
	return error ? error : fd;
}

int bundle_open(struct bundle *bundle, int fd)
{
	struct stat st;

	*bundle = (struct bundle){ 0 };
	if (fstat(fd, &st) < 0)
		return -errno;
	bundle->data = malloc((size_t)st.st_size + 1);
	if (!bundle->data)
		return -ENOMEM;
	bundle->room = (size_t)st.st_size + 1;
	while (bundle->size < (size_t)st.st_size) {
		/* pread: the descriptor may have been read before, in another process */
		ssize_t n = pread(fd, bundle->data + bundle->size, (size_t)st.st_size - bundle->size, (off_t)bundle->size);

		if (n > 0) {
			bundle->size += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			int error = n == 0 ? -EPROTO : -errno;

			bundle_free(bundle);
			return error;
		}
	}
	return 0;
}

void bundle_free(struct bundle *bundle)
{
	free(bundle->data);
	*bundle = (struct bundle){ 0 };
}
