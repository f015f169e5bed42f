/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/utf8.h"
#include "proxy/rules/parts.h"

#define FILE_MAX_BYTES (16UL << 20)

/* Words */

int rules_read_words(struct rules *rules, const struct rules_context *context, size_t count,
		     char *const *words)
{
	struct text text = { .hearer = rules->hearer };
	struct text_word *own = calloc(count + 1, sizeof(*own));
	int status = own ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && own; i++)
		own[i].text = words[i];
	for (size_t first = 0, last; first < count && !status; first = last) {
		last = first + 2 < count ? first + 2 : count;
		while (last < count && rule_is_key(context, words[last]))
			last++;
		status = rule_read(rules, context, &text,
				   &(const struct text_line){ &own[first], last - first, 0 });
	}
	free(own);
	return status;
}

/* Files */

int rules_read_data(struct rules *rules, const struct rules_context *context, const char *file,
		    const char *data, size_t size)
{
	struct text text = { .hearer = rules->hearer, .file = file, .data = data, .size = size };
	struct text_line line;
	int status;

	while ((status = text_next(&text, &line)) != 0) {
		if (status == -EINVAL) {
			rules_count_error(rules, STATUS_USAGE);
			rules->bad++;
			continue;
		}
		if (status < 0)
			return status;
		status = rule_read(rules, context, &text, &line);
		text_line_free(&line);
		if (status < 0)
			return status;
	}
	return 0;
}

static void cannot_read(struct rules *rules, const char *path, int error)
{
	log_error_at(path, "cannot be read: %s", strerror(error));
	rules_tell(rules,
		   error == ENOENT   ? STATUS_ABSENT
		   : error == EACCES ? STATUS_DENIED
				     : STATUS_FAILURE,
		   path, 0, "cannot be read: ", strerror(error),
		   error == ENOENT && strchr(path, ':')
			   ? "-f names a file of rules; for ssh -f, end the command with &"
			   : "");
}

/* Nobody else can have put it there: standard input, a pipe without a name. */
static bool was_given(const char *path, int fd, const struct stat *st)
{
	struct statfs fs;

	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		return false;
	return strcmp(path, "-") == 0 ||
	       (S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC);
}

bool rules_trust(struct rules *rules, const char *path, const struct stat *st)
{
	const char *why = "refused: users other than root may write to it";
	char word[100], hint[256] = "";

	if (geteuid() != 0)
		return true;
	/* what is written to a device, such as /dev/null, is not what is read from it */
	if (st->st_uid == 0 && (S_ISCHR(st->st_mode) || !(st->st_mode & (S_IWGRP | S_IWOTH))))
		return true;
	if (st->st_uid)
		why = "refused: it belongs to another user, and root would obey it";
	if (strcmp(path, "-") != 0 &&
	    strlen(utf8_quote(path, word, sizeof(word))) < sizeof(word) - 1)
		snprintf(hint, sizeof(hint), "chown root %s; chmod go-w %s", word, word);
	log_error_at(path, "%s", why);
	rules_tell(rules, STATUS_DENIED, path, 0, "", why, hint);
	return false;
}

/* What has been read to its end would now seem to be empty, and a pipe may have no writer. */
static bool can_be_reread(struct rules *rules, const char *path, const struct stat *st)
{
	const char *why = "cannot be read again: it is neither a regular file nor a directory";

	if (strcmp(path, "-") == 0)
		why = "standard input cannot be read again";
	else if (S_ISREG(st->st_mode))
		return true;
	log_error_at(path, "%s", why);
	log_hint("stop vsock-proxy and start it again");
	rules_count_error(rules, STATUS_FAILURE);
	return false;
}

static int read_one(struct rules *rules, const struct rules_context *context, const char *path,
		    int fd, const struct stat *st)
{
	char *data;
	size_t size;
	int status;

	if ((context->again && !can_be_reread(rules, path, st)) ||
	    !(was_given(path, fd, st) || rules_trust(rules, path, st)))
		return 0;
	status = fd_read_all(fd, FILE_MAX_BYTES, &data, &size);
	if (!status) {
		status = rules_read_data(rules, context, path, data, size);
	} else if (status != -ENOMEM) {
		cannot_read(rules, path, -status);
		status = 0;
	}
	free(data);
	return status;
}

static int is_rules_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 6 &&
	       strcmp(entry->d_name + length - 6, ".rules") == 0;
}

static int read_opened(struct rules *rules, const struct rules_context *context, const char *path,
		       int fd);

static int open_flags(const struct rules_context *context)
{
	return O_RDONLY | O_CLOEXEC | O_NOCTTY | (context->again ? O_NONBLOCK : 0);
}

/* Is the entry itself gone, rather than what it links to? */
static bool has_vanished(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Of the directory that was judged, whatever its path means by now. A file that is removed
 * meanwhile is skipped. */
static int read_directory(struct rules *rules, const struct rules_context *context,
			  const char *path, int fd)
{
	char itself[32], *file;
	struct dirent **entries;
	int count, status = 0;

	snprintf(itself, sizeof(itself), "/proc/self/fd/%d", fd);
	count = scandir(itself, &entries, is_rules_file, alphasort);
	if (count < 0) {
		cannot_read(rules, path, errno);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		int opened;

		if (!status && asprintf(&file, "%s/%s", path, name) < 0)
			status = -ENOMEM;
		if (!status) {
			opened = openat(fd, name, open_flags(context));
			if (opened >= 0 || errno != ENOENT || !has_vanished(fd, name))
				status = read_opened(rules, context, file, opened);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* fd: what path was opened as, which is closed, or -1 with errno. */
static int read_opened(struct rules *rules, const struct rules_context *context, const char *path,
		       int fd)
{
	struct stat st;
	int status = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		cannot_read(rules, path, errno);
	else if (!S_ISDIR(st.st_mode))
		status = read_one(rules, context, path, fd, &st);
	else if (rules_trust(rules, path, &st))
		status = read_directory(rules, context, path, fd);
	fd_close(&fd);
	return status;
}

int rules_read_file(struct rules *rules, const struct rules_context *context, const char *path)
{
	return read_opened(rules, context, path,
			   strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
						  : open(path, open_flags(context)));
}
