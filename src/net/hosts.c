/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/fd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "net/addr.h"
#include "net/hosts.h"

#define FILE_MAX_BYTES (4U << 20) /* a larger file is not a list of hosts */
#define SHOWN 64 /* bytes of the user's text that a message repeats */

#define SHOW(text, length) utf8_escape((text), (length), (char[SHOWN]){ 0 }, SHOWN)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

const char *hosts_check_name(const char *name, size_t length)
{
	static const char *const reserved[] = { "any", "hypervisor", "local", "host" };
	const char *why = addr_check_name(name, length);

	if (why)
		return why;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strlen(reserved[i]) == length && strncasecmp(name, reserved[i], length) == 0)
			return "this word is reserved (any, hypervisor, local, host)";
	if (addr_is_family(name, length))
		return "addresses of a family start with this word";
	return NULL;
}

/* One line of a file that is being read. */
struct line {
	struct hosts *hosts;
	struct mistake *error;
	const char *file; /* owned by hosts */
	unsigned number;
	const char *text;
	size_t length;
};

/* Remembers which line is bad; 0: the file. */
static void place(struct hosts *hosts, const char *file, unsigned line)
{
	char escaped[256];

	utf8_escape(file, strlen(file), escaped, sizeof(escaped));
	snprintf(hosts->bad.place, sizeof(hosts->bad.place), line ? "%s:%u" : "%s", escaped, line);
}

__attribute__((format(printf, 4, 5))) static int bad(const struct line *line, size_t offset,
						     size_t length, const char *format, ...)
{
	char *text = line->hosts->bad.text, shown[sizeof(line->hosts->bad.text)];
	size_t first, size;
	va_list args;

	place(line->hosts, line->file, line->number);
	utf8_escape(line->text, line->length, text, sizeof(line->hosts->bad.text));
	/* Offset and length are those of the escaped text, in which the spot may have moved and
	 * grown. */
	first = strlen(utf8_escape(line->text, offset, shown, sizeof(shown)));
	size = strlen(utf8_escape(line->text + offset, length, shown, sizeof(shown)));
	if (first > strlen(text)) /* the line is cut before */
		first = strlen(text);
	if (first + size > strlen(text))
		size = strlen(text) - first;
	va_start(args, format);
	mistake_vat(line->error, first, size ? size : 1, NULL, format, args);
	va_end(args);
	return -EINVAL;
}

static int add(const struct line *line, const char *name, size_t name_length, const char *path,
	       size_t path_length, uint32_t cid)
{
	struct hosts *hosts = line->hosts;
	struct hosts_entry *entries = reallocarray(hosts->entries, hosts->count + 1,
						   sizeof(*entries));
	struct hosts_entry *entry;

	if (entries == NULL)
		return -ENOMEM;
	hosts->entries = entries;
	entry = &entries[hosts->count];
	*entry = (struct hosts_entry){ .cid = cid, .file = line->file, .line = line->number };
	entry->name = strndup(name, name_length);
	entry->path = path ? strndup(path, path_length) : NULL;
	if (entry->name == NULL || (path && entry->path == NULL)) {
		free(entry->name);
		free(entry->path);
		return -ENOMEM;
	}
	hosts->count++;
	return 0;
}

/* The first word of a line: a CID or the path of a hybrid guest's socket. */
static int check_target(const struct line *line, size_t at, size_t length, bool *is_path,
			uint32_t *cid)
{
	const char *word = line->text + at;
	size_t i;

	*is_path = word[0] == '/';
	*cid = 0;
	if (*is_path) {
		if (length >= ADDR_NAME_MAX)
			return bad(line, at, length, "the path is too long");
		if (memchr(word, '\0', length))
			return bad(line, at, length, "there is a NUL byte in the path");
		return 0;
	}
	if (!is_digit(word[0])) {
		if (hosts_check_name(word, length) == NULL)
			return bad(line, at, length,
				   "the number comes first: CID or /PATH, then the names");
		return bad(line, at, length, "'%s' is neither a CID nor an absolute path",
			   SHOW(word, length));
	}
	if (addr_read_cid(word, length, cid)) {
		if (*cid == ADDR_CID_ANY)
			return bad(line, at, length, "bad CID: %s means any CID",
				   SHOW(word, length));
		return 0;
	}
	for (i = 0; i < length; i++)
		if (!is_digit(word[i]))
			return bad(line, at + i, 1, "bad CID: '%s' is not a digit",
				   SHOW(word + i, 1));
	if (word[0] == '0')
		return bad(line, at, length, "bad CID: %s starts with 0", SHOW(word, length));
	return bad(line, at, length, "bad CID: %s is above 4294967294", SHOW(word, length));
}

static int read_line(const struct line *line)
{
	size_t at = 0, word = 0, end, target = 0, target_length = 0;
	bool is_path = false;
	uint32_t cid = 0;
	const char *why;
	int r;

	for (;; word++, at = end) {
		while (at < line->length && is_blank(line->text[at]))
			at++;
		if (at == line->length || line->text[at] == '#')
			break;
		for (end = at; end < line->length && !is_blank(line->text[end]); end++)
			;
		if (word == 0) {
			target = at;
			target_length = end - at;
			r = check_target(line, at, target_length, &is_path, &cid);
		} else if ((why = hosts_check_name(line->text + at, end - at))) {
			r = bad(line, at, end - at, "bad name '%s': %s",
				SHOW(line->text + at, end - at), why);
		} else {
			r = add(line, line->text + at, end - at,
				is_path ? line->text + target : NULL, target_length, cid);
		}
		if (r < 0)
			return r;
	}
	if (word == 1)
		return bad(line, target, target_length, "a name is missing after '%s'",
			   SHOW(line->text + target, target_length));
	return 0;
}

/* gcc 12 takes the copy, which hosts owns from now on, for a leak. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
/* Remembers a file's name, which entries then point to. */
static int add_file(struct hosts *hosts, const char *file)
{
	char *copy = strdup(file);
	struct hosts_file *files = reallocarray(hosts->files, hosts->file_count + 1,
						sizeof(*files));

	if (files)
		hosts->files = files;
	if (copy == NULL || files == NULL) {
		free(copy);
		return -ENOMEM;
	}
	hosts->files[hosts->file_count++] = (struct hosts_file){ .name = copy };
	return 0;
}
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic pop
#endif

/* The file itself cannot be read. */
static int bad_file(struct hosts *hosts, const char *file, int status, struct mistake *error)
{
	place(hosts, file, 0);
	*error = (struct mistake){ .why = "out of memory" };
	if (status != -ENOMEM)
		snprintf(error->why, sizeof(error->why), "cannot be read: %s", strerror(-status));
	return status;
}

int hosts_read(struct hosts *hosts, const char *file, const char *data, size_t size,
	       struct mistake *error)
{
	struct line line = { .hosts = hosts, .error = error };
	const char *end = data + size;
	const char *newline;
	int r;

	if (add_file(hosts, file) < 0)
		return bad_file(hosts, file, -ENOMEM, error);
	line.file = hosts->files[hosts->file_count - 1].name;
	for (line.text = data; line.text < end; line.text = newline + 1) {
		newline = memchr(line.text, '\n', (size_t)(end - line.text));
		if (newline == NULL)
			newline = end;
		line.length = (size_t)(newline - line.text);
		line.number++;
		r = read_line(&line);
		if (r == -ENOMEM)
			return bad_file(hosts, file, -ENOMEM, error);
		if (r < 0)
			return r;
		if (newline == end)
			break;
	}
	return 0;
}

static int load_file(struct hosts *hosts, const char *file, bool must_exist, struct mistake *error)
{
	char *data = NULL;
	size_t size = 0;
	struct stat st = { 0 };
	int fd, r;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		r = -errno;
		if (!must_exist && (r == -ENOENT || r == -ENOTDIR))
			return 0;
	} else {
		r = fstat(fd, &st) < 0 ? -errno : fd_read_all(fd, FILE_MAX_BYTES, &data, &size);
		close(fd);
	}
	if (r < 0)
		bad_file(hosts, file, r, error);
	else
		r = hosts_read(hosts, file, data, size, error);
	if (r == 0)
		hosts->files[hosts->file_count - 1].st = st;
	free(data);
	return r;
}

/* $VSOCK_HOSTS: files with colons between. */
static int load_list(struct hosts *hosts, const char *list, struct mistake *error)
{
	char *copy = strdup(list);
	char *rest = copy;
	const char *file;
	int r = 0;

	if (copy == NULL)
		return bad_file(hosts, "$VSOCK_HOSTS", -ENOMEM, error);
	while (r == 0 && (file = strsep(&rest, ":")))
		if (*file)
			r = load_file(hosts, file, true, error);
	free(copy);
	return r;
}

static int load_user_file(struct hosts *hosts, struct mistake *error)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME");
	const char *home = secure_getenv("HOME");
	char *file = NULL;
	int r;

	if (config && config[0] == '/')
		r = asprintf(&file, "%s/vsock/hosts", config);
	else if (home && home[0] == '/')
		r = asprintf(&file, "%s/.config/vsock/hosts", home);
	else
		return 0;
	if (r < 0)
		return bad_file(hosts, "hosts", -ENOMEM, error);
	r = load_file(hosts, file, false, error);
	free(file);
	return r;
}

int hosts_load(struct hosts *hosts, struct mistake *error)
{
	const char *list = secure_getenv("VSOCK_HOSTS");
	int r;

	memset(hosts, 0, sizeof(*hosts));
	if (list) {
		r = load_list(hosts, list, error);
	} else {
		r = load_user_file(hosts, error);
		if (r == 0)
			r = load_file(hosts, "/etc/vsock/hosts", false, error);
	}
	if (r < 0) {
		struct hosts failed = { .bad = hosts->bad };

		hosts_free(hosts);
		*hosts = failed;
	}
	return r;
}

const char *hosts_name_of(const struct hosts *hosts, uint32_t cid)
{
	for (size_t i = 0; hosts && i < hosts->count; i++) {
		const struct hosts_entry *entry = &hosts->entries[i];

		/* A name that an earlier line gave to something else doesn't mean this CID. */
		if (entry->path == NULL && entry->cid == cid &&
		    hosts_find(hosts, entry->name, strlen(entry->name)) == entry)
			return entry->name;
	}
	return NULL;
}

void hosts_free(struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++) {
		free(hosts->entries[i].name);
		free(hosts->entries[i].path);
	}
	for (size_t i = 0; i < hosts->file_count; i++)
		free(hosts->files[i].name);
	free(hosts->entries);
	free(hosts->files);
	memset(hosts, 0, sizeof(*hosts));
}
