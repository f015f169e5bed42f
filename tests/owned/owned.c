/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See owned.h. Linked with vsock-proxy's own main() and --wrap=epoll_wait. */
#include "config.h"

#include "owned.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

#define SKIP INT32_MAX
#define RULESET_VERSION 1U

int __real_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);

static int *workers_seen; /* shared by all processes: only the first worker is owned */

/* Before anything is confined: the supervisor and its workers are forked from here. */
__attribute__((constructor)) static void begin(void)
{
	long abi = syscall(444 /* landlock_create_ruleset */, NULL, 0UL, RULESET_VERSION);

	workers_seen = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (workers_seen == MAP_FAILED)
		abort();
	if (getenv("OWNED"))
		fprintf(stderr, "owned: Landlock ABI %ld\n", abi < 0 ? 0 : abi);
}

const char *owned_given(const char *name)
{
	return getenv(name);
}

int owned_skip(void)
{
	return SKIP;
}

static void print(const struct attempt *attempt, const char *outcome)
{
	fprintf(stderr, "owned: %s: %s: %s\n", attempt->row, attempt->call, outcome);
}

static void make(const struct attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++) {
		int result = attempts->list[i].make();
		const char *name = result < 0 ? strerrorname_np(errno) : "yes";

		if (result != SKIP)
			print(&attempts->list[i], name ? name : "unknown");
	}
}

static void make_all(void)
{
	static const struct attempts *const all[] = { &owned_files, &owned_processes,
						      &owned_sockets, &owned_channel };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		make(all[i]);
	fprintf(stderr, "owned: all attempts were made\n");
	if (owned_nonsense() < 0)
		fprintf(stderr, "owned: nonsense can't be sent: %s\n", strerror(errno));
}

/* Is this the worker? A confined one may not even ask for its name. */
static int is_worker(void)
{
	char name[16] = "";

	return prctl(PR_GET_NAME, name) < 0 || strcmp(name, "vsock-worker") == 0;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	static pid_t asked;

	if (getenv("OWNED") && asked != getpid()) {
		asked = getpid();
		if (is_worker() && (*workers_seen)++ == 0)
			make_all();
	}
	return __real_epoll_wait(epoll, events, max, timeout);
}
