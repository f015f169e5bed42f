/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leaves-nothing NAME COMMAND [ARGUMENT...]: run a command and fail if it leaves anything behind.
 *
 * Other runs of the same tests may share this machine, so only what certainly came from the command
 * counts:
 *   processes  its descendants: this process is their subreaper, so that whoever loses its parent
 *              becomes a child of this process
 *   files      what is in TMPDIR, which is a new directory for this command alone
 *   mounts     root gets a mount namespace for this command alone; otherwise, those within TMPDIR.
 *              A named network namespace is a mount too.
 * What ends by itself within GRACE seconds after the command is not left behind.
 *
 * Each thing is reported on standard output, as left behind by NAME, in a line that is a comment in
 * TAP, and then ended or removed. The exit status is the command's, or 1 if that is 0 and something
 * was left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE 5 /* seconds */
#define MOUNTS 1024

static char directory[PATH_MAX];
static const char *title;
static bool own_mounts;
static volatile sig_atomic_t command_pid;
static unsigned left;

static void left_behind(const char *kind, const char *what)
{
	left++;
	printf("# left behind by %s: %s %s\n", title, kind, what);
}

static void die(const char *what)
{
	fprintf(stderr, "leaves-nothing: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/* The command ends in its own way, and then we look. */
static void pass_on(int number)
{
	if (command_pid > 0)
		kill(command_pid, number);
}

static void make_directory(void)
{
	const char *above = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/vsock.XXXXXX", above && *above ? above : "/tmp");
	/* Services that tests start under another user look into it. */
	if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
		die(directory);
	setenv("TMPDIR", directory, 1);
}

/* The mount points of this process, those that count; returns how many. */
static size_t read_mounts(char *points[MOUNTS])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX];
	size_t count = 0, length = strlen(directory);

	while (file && count < MOUNTS && fgets(line, sizeof(line), file)) {
		char point[sizeof(line)];

		if (sscanf(line, "%*s %*s %*s %*s %s", point) != 1)
			continue;
		if (own_mounts || strncmp(point, directory, length) == 0)
			points[count++] = strdup(point);
	}
	if (file)
		fclose(file);
	return count;
}

static void check_mounts(char *before[], size_t count_before)
{
	static char *after[MOUNTS];
	size_t count = read_mounts(after);

	/* the last one first, as they may lie on each other */
	for (size_t i = count; i-- > 0;) {
		size_t j;

		for (j = 0; j < count_before; j++)
			if (before[j] && strcmp(before[j], after[i]) == 0)
				break;
		if (j < count_before) {
			free(before[j]);
			before[j] = NULL;
			continue;
		}
		left_behind("mount", after[i]);
		umount2(after[i], MNT_DETACH);
	}
}

static void name_process(pid_t pid)
{
	char path[64], text[200], what[300];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[size] = '\0';
	for (size_t i = 0; i + 1 < size; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
	snprintf(what, sizeof(what), "%d (%s)", (int)pid, text);
	left_behind("process", what);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *at;
	int parent = 0;
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = '\0';
	at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at || sscanf(at + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

static bool descends_from_us(pid_t pid)
{
	while (pid > 1) {
		pid = parent_of(pid);
		if (pid == getpid())
			return true;
	}
	return false;
}

/* Names and ends all descendants that are there now. */
static void end_descendants(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || !descends_from_us(pid))
			continue;
		name_process(pid);
		kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* Waits until there is no child, for the grace at most; a subreaper has all orphans as children. */
static bool childless(void)
{
	time_t end = time(NULL) + GRACE;

	while (time(NULL) <= end) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid == 0)
			nap();
	}
	return false;
}

static void check_processes(void)
{
	/* What is forked while we look is found in the next round. */
	for (int round = 0; round < 10 && !childless(); round++)
		end_descendants();
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	if (at->level == 1)
		left_behind("file", path + strlen(directory) + 1);
	return remove(path);
}

static void check_files(void)
{
	/* FTW_DEPTH: a directory comes after what is in it */
	if (nftw(directory, remove_entry, 20, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		fprintf(stderr, "leaves-nothing: %s: %s\n", directory, strerror(errno));
}

static int run(char **command)
{
	static const int passed_on[] = { SIGHUP, SIGINT, SIGTERM };
	int status = 0;
	pid_t ended;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("PR_SET_CHILD_SUBREAPER");
	command_pid = fork();
	if (command_pid < 0)
		die("fork");
	if (command_pid == 0) {
		execvp(command[0], command);
		fprintf(stderr, "leaves-nothing: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaction(passed_on[i], &(struct sigaction){ .sa_handler = pass_on }, NULL);
	do {
		ended = waitpid(-1, &status, 0);
	} while (ended != command_pid && (ended > 0 || errno == EINTR));
	command_pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	static char *mounts[MOUNTS];
	size_t count;
	int status;

	if (argc < 3) {
		fputs("usage: leaves-nothing NAME COMMAND [ARGUMENT...]\n", stderr);
		return 125;
	}
	title = argv[1];
	make_directory();
	own_mounts = unshare(CLONE_NEWNS) == 0 &&
		     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	count = read_mounts(mounts);
	status = run(argv + 2);
	check_processes();
	check_mounts(mounts, count);
	check_files();
	return status ? status : left != 0;
}
