/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy --reload-on-change: each way in which files become others is reported, once. */
#include "config.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "proxy/change.h"
#include "../lib/temporary.h"

#define PATIENCE (60 * NSEC_PER_SEC) /* for what should happen within 4 s */
#define QUIET (500 * NSEC_PER_MSEC) /* more than two looks */
#define BUSY (20 * NSEC_PER_MSEC) /* less than that time */

static struct loop *loop;
static struct change change;
static unsigned reports;

static char directory[TEMPORARY_MAX];

static int enter(void **state)
{
	(void)state;
	change = (struct change){ 0 };
	reports = 0;
	return loop_start(&loop) || !mkdtemp(temporary_name(directory)) || chdir(directory);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int remove_all(const char *path)
{
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int leave(void **state)
{
	(void)state;
	change_stop(&change);
	loop_free(loop);
	return chdir("/") || remove_all(directory);
}

/* Appends a line. */
static void write_to(const char *path)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	fputs("a rule\n", file);
	fclose(file);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *target, const char *path)
{
	assert_int_equal(symlink(target, path), 0);
}

static void rename_to(const char *from, const char *to)
{
	assert_int_equal(rename(from, to), 0);
}

static void changed(void *context)
{
	(void)context;
	reports++;
	loop_stop(loop);
}

static void start(void)
{
	const char *path;

	assert_int_equal(change_start(&change, loop, changed, NULL, &path), 0);
}

/* What is watched and nothing else. */
static void start_with(const char *path)
{
	assert_int_equal(change_add(&change, path), 0);
	start();
}

static void enough(struct loop *its, struct timer *timer)
{
	(void)timer;
	loop_stop(its);
}

static void run_for(uint64_t time)
{
	struct timer timer = { .expired = enough };

	loop_timer(loop, &timer, units_now() + time);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_stop(loop, &timer);
}

static void is_reported(void)
{
	run_for(PATIENCE);
	assert_int_equal(reports, 1);
	reports = 0;
	run_for(QUIET);
	assert_int_equal(reports, 0);
}

static void files_that_are_written_or_replaced(void **state)
{
	(void)state;
	write_to("file");
	start_with("file");
	write_to("file");
	is_reported();
	write_to("new");
	rename_to("new", "file");
	is_reported();
	assert_int_equal(unlink("file"), 0);
	is_reported();
	write_to("file");
	is_reported();
	assert_int_equal(chmod("file", 0400), 0);
	is_reported();
}

static void rules_of_a_directory(void **state)
{
	(void)state;
	make_directory("rules.d");
	start_with("rules.d");
	write_to("rules.d/a.rules");
	is_reported();
	write_to("rules.d/a.rules");
	is_reported();
	assert_int_equal(unlink("rules.d/a.rules"), 0);
	is_reported();
	write_to("rules.d/a.rules~");
	write_to("rules.d/.a.rules");
	write_to("rules.d/README");
	run_for(QUIET);
	assert_int_equal(reports, 0);
}

static void a_change_while_they_are_read(void **state)
{
	(void)state;
	write_to("file");
	assert_int_equal(change_add(&change, "file"), 0);
	write_to("file");
	start();
	is_reported();
}

/* A volume of Kubernetes: p.rules -> ..data/p.rules, ..data -> ..1, where another ..data is renamed
 * to. */
static void make_version(const char *version)
{
	char path[64];

	make_directory(version);
	snprintf(path, sizeof(path), "%s/p.rules", version);
	write_to(path);
}

static void publish(const char *version)
{
	make_link(version, "..new");
	rename_to("..new", "..data");
}

static void links_that_are_renamed_over(void **state)
{
	(void)state;
	for (int each = 0; each < 2; each++) {
		make_version("..1");
		make_version("..2");
		publish("..1");
		make_link("..data/p.rules", "p.rules");
		start_with(each ? "." : "p.rules");
		publish("..2");
		is_reported();
		publish("..1");
		is_reported();
		leave(state);
		assert_int_equal(enter(state), 0);
	}
}

static void targets_of_links(void **state)
{
	(void)state;
	for (int each = 0; each < 2; each++) {
		make_directory("etc");
		make_directory("srv");
		make_version("srv/1");
		make_version("srv/2");
		make_link("1", "srv/now");
		make_link("../srv/now/p.rules", "etc/p.rules");
		start_with(each ? "etc" : "etc/p.rules");
		write_to("srv/1/p.rules");
		is_reported();
		/* no event of a directory that is watched */
		assert_int_equal(unlink("srv/now"), 0);
		make_link("2", "srv/now");
		is_reported();
		write_to("srv/2/p.rules");
		is_reported();
		leave(state);
		assert_int_equal(enter(state), 0);
	}
}

static void directories_that_are_replaced(void **state)
{
	(void)state;
	for (int each = 0; each < 2; each++) {
		make_version("now");
		make_version("new");
		start_with(each ? "now" : "now/p.rules");
		rename_to("now", "old");
		rename_to("new", "now");
		is_reported();
		write_to("now/p.rules");
		is_reported();
		/* nor is the old one watched for ever */
		write_to("old/p.rules");
		run_for(QUIET);
		assert_int_equal(reports, 0);
		assert_int_equal(remove_all("now"), 0);
		is_reported();
		make_version("now");
		is_reported();
		leave(state);
		assert_int_equal(enter(state), 0);
	}
}

static struct timer storm;

static void storms(struct loop *its, struct timer *timer)
{
	write_to("file");
	loop_timer(its, timer, units_now() + BUSY);
}

/* Events that follow each other put the report off no longer than 2 s. */
static void a_storm_of_changes(void **state)
{
	uint64_t began;

	(void)state;
	write_to("file");
	start_with("file");
	storm = (struct timer){ .expired = storms };
	loop_timer(loop, &storm, units_now());
	for (unsigned i = 1; i <= 2; i++) {
		began = units_now();
		run_for(PATIENCE);
		assert_int_equal(reports, i);
		assert_true(units_now() - began < PATIENCE);
	}
	loop_timer_stop(loop, &storm);
	reports = 0;
	write_to("file");
	is_reported();
}

static void what_cannot_be_watched(void **state)
{
	const char *path;

	(void)state;
	assert_int_equal(change_add(&change, "gone"), 0);
	assert_true(change_start(&change, loop, changed, NULL, &path) < 0);
	assert_string_equal(path, "gone");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_that_are_written_or_replaced),
		TEST(rules_of_a_directory),
		TEST(a_change_while_they_are_read),
		TEST(links_that_are_renamed_over),
		TEST(targets_of_links),
		TEST(directories_that_are_replaced),
		TEST(a_storm_of_changes),
		TEST(what_cannot_be_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
