/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules that one process of vsock-proxy gives to another. Any bytes are a plan or are refused;
 * what is read has in each rule what those who serve it rely on, and is written and read as the
 * same. driver.h tells how it is run; what it makes up are plans of rules in corpus-plan with bytes
 * changed.
 */
#include "config.h"

#include "driver.h"

#include <dirent.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/tool.h"
#include "proxy/passage.h"
#include "proxy/broker/plan.h"

#define INPUT_MAX (1 << 16)

static void check_rule(const struct rule *rule)
{
	if (rule->passed)
		return;
	if (!rule->label || !rule->port_count || rule->port_count > RULES_PORTS_MAX ||
	    !rule->target_count || rule->target_count > RULES_TARGETS_MAX || !rule->listen.family)
		abort();
	for (size_t i = 0; i < rule->port_count; i++)
		for (size_t j = 0; j < rule->target_count; j++)
			if (rule->ports[i].targets[j].port != &rule->ports[i] ||
			    !rule->ports[i].targets[j].addr.family ||
			    !rule->ports[i].targets[j].text)
				abort();
	for (size_t i = 0; i < rule->dests.count; i++)
		if (!rule->dests.entries[i].text)
			abort();
}

/* What was read is written, and read again as the same. */
static void write_again(const struct rules *rules)
{
	uint8_t *first, *second;
	int size = plan_encode(rules, &rules->access, PLAN_FOR_SUPERVISOR, &first);
	struct rules copy = { 0 };

	if (size < 0 || plan_decode(&copy, first, (size_t)size) < 0)
		abort();
	if (plan_encode(&copy, &copy.access, PLAN_FOR_SUPERVISOR, &second) != size ||
	    memcmp(first, second, (size_t)size) != 0)
		abort();
	rules_free(&copy);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules rules = { 0 };
	size_t count = 0;
	bool whole = true;

	if (plan_decode(&rules, data, size) < 0) {
		if (rules.first || rules.count || rules.access.entries)
			abort();
		return 0;
	}
	for (const struct rule *rule = rules.first; rule; rule = rule->next, count++) {
		check_rule(rule);
		whole = whole && !rule->passed;
	}
	if (count != rules.count)
		abort();
	if (whole)
		write_again(&rules);
	rules_free(&rules);
	return 0;
}

#ifndef FUZZER
static struct {
	uint8_t *data;
	size_t size;
} corpus[64];
static uint32_t corpus_count;

/* The plan of a rule file, for either reader. */
static void add_plan(const char *path, enum plan_reader reader)
{
	static struct rule_settings defaults = { .serving = SERVER_DEFAULTS };
	static const struct opt_table keys[] = {
		{ rule_opts, &defaults.keys },
		{ passage_opts, &defaults.passage },
		{ listen_opts, &defaults.serving },
		{ NULL, NULL },
	};
	const struct rules_context context = { .defaults = &defaults, .keys = keys };
	struct rules rules = { 0 };
	int size;

	if (rules_read_file(&rules, &context, path) < 0 || rules.errors || !rules.count) {
		fprintf(stdout, "%s: not read\n", path);
		exit(1);
	}
	if (reader == PLAN_FOR_WORKER && rules.first->next)
		rules.first->next->passed = true;
	size = plan_encode(&rules, &rules.access, reader, &corpus[corpus_count].data);
	if (size < 0 || size > INPUT_MAX)
		abort();
	corpus[corpus_count++].size = (size_t)size;
	rules_free(&rules);
}

static void read_corpus(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		char path[4096 + 256];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		add_plan(path, PLAN_FOR_SUPERVISOR);
		add_plan(path, PLAN_FOR_WORKER);
	}
	if (dir)
		closedir(dir);
	for (uint32_t i = 0; i < corpus_count; i++)
		fuzz_try(corpus[i].data, corpus[i].size);
}

static size_t make(uint8_t *data)
{
	uint32_t which = fuzz_number(corpus_count), edits = 1 + fuzz_number(4);
	size_t size = corpus[which].size;

	memcpy(data, corpus[which].data, size);
	while (edits--) {
		uint32_t at = fuzz_number((uint32_t)size);

		/* lengths and numbers, more often than texts */
		data[at] = fuzz_number(2) ? (uint8_t)fuzz_number(256) : (uint8_t)(data[at] + 1);
	}
	return fuzz_number(8) ? size : fuzz_number((uint32_t)size) + 1;
}

int main(int argc, char **argv)
{
	const struct fuzz fuzz = { .what = "plans are read or refused",
				   .input_max = INPUT_MAX,
				   .runs = 100000,
				   .make = make };
	const char *srcdir = getenv("srcdir");
	char folder[4096];

	log_start("vsock-proxy"); /* it has more targets than others */
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus-plan", srcdir ? srcdir : SRCDIR);
	if (argc == 1)
		read_corpus(folder);
	if (argc == 1 && !corpus_count) {
		fprintf(stderr, "%s: nothing to begin with\n", folder);
		return 1;
	}
	return fuzz_main(&fuzz, argc, argv);
}
#endif
