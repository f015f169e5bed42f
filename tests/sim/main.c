/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulation's command line: see doc/simulation.md. */
#include "config.h"

#include "sim.h"

#include <signal.h>
#include <unistd.h>

static volatile unsigned long long current;

static void crashed(int number)
{
	char text[80];
	int length = snprintf(text, sizeof(text), "not ok 1 - seed %llu: signal %d\n", current,
			      number);

	(void)!write(STDOUT_FILENO, text, (size_t)length);
	_exit(1);
}

static int usage(void)
{
	fputs("usage: sim [--seeds COUNT] [--from SEED] [--keep-going]\n"
	      "       sim --seed SEED [--shrink]\n",
	      stderr);
	return 2;
}

static int one(uint64_t seed, bool smaller)
{
	struct plan plan;
	const char *oracle;

	plan_make(&plan, seed);
	if (smaller) {
		const char *found = run_apart(&plan);
		char word[64];

		if (found) {
			snprintf(word, sizeof(word), "%s", found);
			shrink(&plan, word);
		}
	}
	plan_print(&plan);
	fflush(stdout);
	oracle = run(&plan, true);
	printf("%s%s%s\n", oracle ? oracle : "well", oracle ? ": " : "", world.detail);
	return oracle != NULL;
}

static int many(uint64_t from, uint64_t count, bool keep_going)
{
	unsigned long long failed = 0, calls = 0;

	for (uint64_t seed = from; seed < from + count; seed++) {
		struct plan plan;
		const char *oracle;

		current = seed;
		alarm(30);
		plan_make(&plan, seed);
		oracle = run(&plan, false);
		calls += world.calls;
		if (!oracle)
			continue;
		failed++;
		printf("# seed %llu: %s: %s\n", (unsigned long long)seed, oracle, world.detail);
		if (!keep_going)
			break;
	}
	printf("1..1\n%s 1 - %llu seeds from %llu: every oracle holds (%llu calls, %llu failed)\n",
	       failed ? "not ok" : "ok", (unsigned long long)count, (unsigned long long)from, calls,
	       failed);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = 0, from = 1, count = 20000;
	bool smaller = false, keep_going = false, single = false;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--shrink") == 0) {
			smaller = true;
		} else if (strcmp(argv[i], "--keep-going") == 0) {
			keep_going = true;
		} else if (value && strcmp(argv[i], "--seed") == 0) {
			seed = strtoull(argv[++i], NULL, 10);
			single = true;
		} else if (value && strcmp(argv[i], "--seeds") == 0) {
			count = strtoull(argv[++i], NULL, 10);
		} else if (value && strcmp(argv[i], "--from") == 0) {
			from = strtoull(argv[++i], NULL, 10);
		} else {
			return usage();
		}
	}
	signal(SIGSEGV, crashed);
	signal(SIGABRT, crashed);
	signal(SIGALRM, crashed);
	return single ? one(seed, smaller) : many(from, count, keep_going);
}
