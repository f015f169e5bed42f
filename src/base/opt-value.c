/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What options and the keys of rules have in common: the value of a row, its range and its choices,
 * and guessing a name. */
#include "config.h"

#include "base/opt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/util.h"

/* The whole value is wrong. */
__attribute__((format(printf, 3, 4))) static int bad(struct mistake *error, const char *hint,
						     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mistake_vat(error, 0, 0, hint, format, args);
	va_end(args);
	return -EINVAL;
}

static const char *hint_inf(const struct opt *opt)
{
	return opt->flags & OPT_INF ? "write inf for no limit" : NULL;
}

static void show_limit(const struct opt *opt, uint64_t limit, char *buf, size_t size)
{
	if (opt->type == OPT_TIME)
		units_show_duration(limit, buf, size);
	else
		units_show_size(limit, buf, size);
	if (opt->type == OPT_RATE && strlen(buf) + 2 < size)
		strcat(buf, "/s");
}

static int check_range(const struct opt *opt, const char *kind, uint64_t number,
		       struct mistake *error)
{
	bool below = number < opt->min;
	bool above = opt->max > 0 && number > opt->max;
	char limit[48];

	if (number == UNITS_INF && opt->flags & OPT_INF)
		return 0;
	if (number == UNITS_INF)
		return bad(error, NULL, "bad %s: inf is not allowed", kind);
	if (number == 0 && opt->min == 0 && !(opt->flags & OPT_ZERO))
		return bad(error, hint_inf(opt), "bad %s: it must be above 0", kind);
	if (!below && !above)
		return 0;
	show_limit(opt, below ? opt->min : opt->max, limit, sizeof(limit));
	return bad(error, NULL, "bad %s: it is %s %s", kind, below ? "below" : "above", limit);
}

static int read_amount(const struct opt *opt, const char *value, uint64_t *number,
		       struct mistake *error)
{
	const char *kind = opt->type == OPT_TIME ? "time" : opt->type == OPT_SIZE ? "size" : "rate";
	int status;

	if (opt->type == OPT_TIME && opt->choices) {
		for (unsigned i = 0; i < 2; i++) {
			if (strcmp(value, opt->choices[i]) != 0)
				continue;
			*number = i ? UNITS_INF : 0;
			return 0;
		}
	}
	if (opt->type == OPT_TIME)
		status = units_time(value, number, error);
	else if (opt->type == OPT_SIZE)
		status = units_size(value, number, error);
	else
		status = units_rate(value, number, error);
	if (status < 0 && !(opt->flags & OPT_INF))
		units_no_inf(error);
	if (status < 0)
		return mistake_in(error, 0, kind, NULL);
	return check_range(opt, kind, *number, error);
}

static int read_count(const struct opt *opt, const char *value, uint64_t *number,
		      struct mistake *error)
{
	uint64_t min = opt->min == 0 && !(opt->flags & OPT_ZERO) ? 1 : opt->min;
	uint64_t max = opt->max > 0 ? opt->max : INT64_MAX;

	if (opt->flags & OPT_INF && strcmp(value, "inf") == 0) {
		*number = UNITS_INF;
		return 0;
	}
	if (units_count(value, min, max, number, error) == 0)
		return 0;
	return mistake_in(error, 0, "number", strcmp(value, "0") == 0 ? hint_inf(opt) : NULL);
}

static int read_choice(const struct opt *opt, const char *value, unsigned *choice,
		       struct mistake *error)
{
	char list[200] = "";

	for (unsigned i = 0; opt->choices[i] != NULL; i++) {
		size_t used = strlen(list);

		if (strcmp(opt->choices[i], value) == 0) {
			*choice = i;
			return 0;
		}
		snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
			 opt->choices[i]);
	}
	return bad(error, NULL, "it must be one of: %s", list);
}

static int add_entry(const struct opt *opt, const char *value, struct opt_list *list)
{
	struct opt_entry *grown = reallocarray(list->entries, list->count + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	list->entries = grown;
	list->entries[list->count++] = (struct opt_entry){ opt, value };
	return 0;
}

int opt_set(const struct opt *opt, void *into, const char *value, struct mistake *error)
{
	void *target = (char *)into + opt->offset;
	uint64_t number = 0;
	int status = 0;

	switch (opt->type) {
	case OPT_FLAG:
		*(bool *)target = true;
		return 0;
	case OPT_REPEAT:
		++*(unsigned *)target;
		return 0;
	case OPT_TEXT:
		*(const char **)target = value;
		return 0;
	case OPT_CHOICE:
		return read_choice(opt, value, target, error);
	case OPT_LIST:
		return add_entry(opt, value, target);
	case OPT_TIME:
	case OPT_SIZE:
	case OPT_RATE:
		status = read_amount(opt, value, &number, error);
		break;
	case OPT_COUNT:
		status = read_count(opt, value, &number, error);
		break;
	}
	if (status == 0)
		*(uint64_t *)target = number;
	return status;
}

/* Is this name nearer than the best so far? One that begins as typed is, else the nearest within a
 * third of its length. */
static void consider(const char *typed, size_t length, const char *name, const char **best,
		     size_t *least)
{
	size_t away = mistake_distance(typed, length, name);

	if (length >= 2 && strncmp(name, typed, length) == 0)
		away = 0;
	if (away < *least && away <= (length < 6 ? 1 : length / 3)) {
		*least = away;
		*best = name;
	}
}

const char *opt_suggest(const struct opt_table *tables, unsigned flags, const char *name,
			size_t length)
{
	static const char *const ours[] = { "help", "version" };
	const char *best = NULL;
	size_t least = SIZE_MAX;

	for (; tables->rows != NULL; tables++)
		for (const struct opt *opt = tables->rows; opt->name != NULL; opt++)
			if (!(opt->flags & OPT_HIDDEN) && (opt->flags & flags) == flags)
				consider(name, length, opt->name, &best, &least);
	for (size_t i = 0; !flags && i < ARRAY_SIZE(ours); i++)
		consider(name, length, ours[i], &best, &least);
	return best;
}

const struct opt *opt_find(const struct opt_table *tables, const char *name, size_t length,
			   void **into)
{
	for (; tables->rows != NULL; tables++) {
		for (const struct opt *opt = tables->rows; opt->name != NULL; opt++) {
			if (strlen(opt->name) == length && memcmp(opt->name, name, length) == 0) {
				*into = tables->into;
				return opt;
			}
		}
	}
	return NULL;
}

void opt_list_free(struct opt_list *list)
{
	free(list->entries);
	*list = (struct opt_list){ 0 };
}
