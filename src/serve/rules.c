/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "serve/rules-parts.h"

#define FILE_MAX_BYTES (16UL << 20)

void rules_count_error(struct rules *rules, int status)
{
	if (!rules->errors++)
		rules->status = status;
}

void rules_tell(struct rules *rules, int status, const char *file, unsigned line, const char *what, const char *why)
{
	char text[1100];

	rules_count_error(rules, status);
	if (!rules->hearer)
		return;
	snprintf(text, sizeof(text), "%s%s", what, why);
	rules->hearer->hear(rules->hearer, &(const struct text_mistake){ .file = file, .line = line, .why = text, .hint = "" });
}

/* Words */

int rules_read_words(struct rules *rules, const struct rules_context *context, size_t count, char *const *words)
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
		status = rule_read(rules, context, &text, &own[first], last - first);
	}
	free(own);
	return status;
}

/* Files */

int rules_read_data(struct rules *rules, const struct rules_context *context, const char *file, const char *data, size_t size)
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
		status = rule_read(rules, context, &text, line.words, line.count);
		text_line_free(&line);
		if (status < 0)
			return status;
	}
	return 0;
}

static void cannot_read(struct rules *rules, const char *path, int error)
{
	log_error_at(path, "can't be read: %s", strerror(error));
	rules_tell(rules, error == ENOENT ? STATUS_ABSENT : error == EACCES ? STATUS_DENIED : STATUS_FAILURE, path, 0,
	           "can't be read: ", strerror(error));
}

static bool trusted(struct rules *rules, const char *path, const struct stat *st)
{
	if (geteuid() != 0)
		return true;
	if (st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) /* a pipe: who started us made it */
		return true;
	log_error_at(path, st->st_uid ? "refused: it belongs to another user, and root would obey it"
	                              : "refused: others than root may write it");
	log_hint("chown root and chmod go-w");
	rules_tell(rules, STATUS_DENIED, path, 0, "", "refused: others than root may change it");
	return false;
}

bool rules_trust(struct rules *rules, const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || trusted(rules, path, &st);
}

static int read_one(struct rules *rules, const struct rules_context *context, const char *path, int fd, const struct stat *st)
{
	char *data;
	size_t size;
	int status;

	if (!trusted(rules, path, st))
		return 0;
	status = fd_read_all(fd, FILE_MAX_BYTES, &data, &size);
	if (!status) {
		status = context->bundle ? bundle_add(context->bundle, BUNDLE_RULES, path, data, size) : 0;
		if (!status)
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

	return entry->d_name[0] != '.' && length > 6 && strcmp(entry->d_name + length - 6, ".rules") == 0;
}

static int read_folder(struct rules *rules, const struct rules_context *context, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_rules_file, alphasort), status = 0;

	if (count < 0) {
		cannot_read(rules, path, errno);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		char *file;

		if (!status && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			status = -ENOMEM;
		if (!status) {
			status = rules_read_file(rules, context, file);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

int rules_read_file(struct rules *rules, const struct rules_context *context, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), status = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		cannot_read(rules, path, errno);
	else if (!S_ISDIR(st.st_mode))
		status = read_one(rules, context, path, fd, &st);
	else if (trusted(rules, path, &st))
		status = read_folder(rules, context, path);
	if (fd >= 0)
		close(fd);
	return status;
}

/* Rules that are there */

static bool same_targets(const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < a->target_count; i++)
		if (!addr_equal(&a->ports[0].targets[i].addr, &b->ports[0].targets[i].addr))
			return false;
	return true;
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	if (a->word_count != b->word_count || a->port_count != b->port_count || a->target_count != b->target_count)
		return false;
	for (size_t i = 0; i < a->word_count; i++)
		if (strcmp(a->words[i], b->words[i]) != 0)
			return false;
	/* a name in the hosts file may mean something else by now */
	return addr_equal(&a->listen, &b->listen) && same_targets(a, b);
}

void rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		for (size_t j = 0; j < rule->target_count && rule->ports[i].targets; j++)
			free(rule->ports[i].targets[j].text);
		free(rule->ports[i].targets);
	}
	for (size_t i = 0; i < rule->word_count; i++)
		free(rule->words[i]);
	opt_list_free(&rule->settings.serving.who);
	opt_list_free(&rule->settings.keys.connects);
	opt_list_free(&rule->settings.passage.dests);
	dest_free(&rule->dests);
	access_free(&rule->gate.access);
	free(rule->ports);
	free(rule->words);
	free(rule->label);
	free(rule->file);
	free(rule);
}

void rules_free(struct rules *rules)
{
	while (rules->first) {
		struct rule *rule = rules->first;

		rules->first = rule->next;
		rule_free(rule);
	}
	*rules = (struct rules){ 0 };
}
