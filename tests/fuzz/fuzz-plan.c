/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules that one process of vsock-proxy gives to another. Any bytes are a plan or are refused;
 * what is read has in each rule what those who serve it rely on, and is written and read as the
 * same.
 *
 * An input that begins with a NUL is the bytes of a plan. Else it is a rule file, whose plan is
 * changed: after the first NUL follow edits, each two bytes of place and the new byte. So a change
 * of the format does not make the corpus useless. Linked with --wrap=fd_write_until.
 */
#include "config.h"

#include "logged.h"

#include "base/log.h"
#include "base/units.h"
#include "cli/tool.h"
#include "proxy/broker/plan.h"
#include "proxy/passage.h"

#define INPUT_MAX 2000

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

static void try_plan(const uint8_t *data, size_t size)
{
	struct rules rules = { 0 };
	size_t count = 0;
	bool whole = true;

	if (plan_decode(&rules, data, size) < 0) {
		if (rules.first || rules.count || rules.access.entries)
			abort();
		return;
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
}

/* The plan of a rule file for a reader, changed; the worker has the second rule already. */
static void try_rules(const char *text, size_t length, enum plan_reader reader,
		      const uint8_t *edits, size_t size)
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
	uint8_t *plan;
	int got;

	if (rules_read_data(&rules, &context, "rules", text, length) == 0 && !rules.errors &&
	    rules.count) {
		if (reader == PLAN_FOR_WORKER && rules.first->next)
			rules.first->next->passed = true;
		got = plan_encode(&rules, &rules.access, reader, &plan);
		fuzz_check(got > 0, "rules have a plan");
		for (; size >= 3; edits += 3, size -= 3)
			plan[(size_t)(edits[0] << 8 | edits[1]) % (size_t)got] = edits[2];
		try_plan(plan, (size_t)got);
		/* the beginning of a plan is none, so that nothing is lost if it is cut off */
		try_plan(plan, (size_t)got - 1);
		free(plan);
	}
	rules_free(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *edits = size ? memchr(data, 0, size) : NULL;
	size_t length = edits ? (size_t)(edits - data) : size;

	if (size > INPUT_MAX)
		return 0;
	log_start("vsock-proxy"); /* it has more targets than others */
	if (edits && length == 0) {
		try_plan(data + 1, size - 1);
		return 0;
	}
	edits = edits ? edits + 1 : data + size;
	for (size_t i = 0; i < 2; i++)
		try_rules((const char *)data, length, i ? PLAN_FOR_WORKER : PLAN_FOR_SUPERVISOR,
			  edits, (size_t)(data + size - edits));
	logged.size = 0;
	return 0;
}

#ifndef FUZZER
/* A rule file of the corpus, and edits. */
static size_t make(const struct fuzz_corpus *corpus, uint8_t *data)
{
	const struct fuzz_input *input = &corpus->inputs[fuzz_number(corpus->count)];
	size_t size = input->size;

	memcpy(data, input->data, size);
	data[size++] = 0;
	for (uint32_t edits = 1 + fuzz_number(4); edits > 0; edits--) {
		data[size++] = (uint8_t)fuzz_number(256);
		data[size++] = (uint8_t)fuzz_number(256);
		data[size++] = (uint8_t)fuzz_number(fuzz_number(2) ? 8 : 256);
	}
	return size;
}

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "plans are read or refused",
		.corpus = "corpus-plan",
		.input_max = INPUT_MAX,
		.runs = 10000,
		.make = make,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
