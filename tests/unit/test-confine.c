/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a confined process may not do any more, and what it still may: tried from inside, each in a
 * process of its own. What this kernel or this build can't hold is skipped, never passed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/ip.h"
#include "proxy/protocols/special.h"
#include "proxy/worker/confine.h"
#include "tries.h"

/* How a child ends: what it tried worked, or failed with this errno; it could not be confined, or
 * not so far. */
enum { WORKED = 0, SKIPPED = 254, BROKEN = 255 };

struct attempt {
	struct confine_plan plan;
	int abi; /* of Landlock that is needed; 0: none */
	bool calls; /* seccomp is needed */
	int (*what)(void); /* 0 or -1 with errno */
};

static uint16_t port; /* of a listener on the loopback */

static int own_status; /* /proc/self/status, opened before */

static int report(int result)
{
	return result < 0 ? errno : WORKED;
}

/* Confines a child and has it try: WORKED, or the errno of its failure. */
static int outcome(const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct confined done;

		own_status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
		if (confine(&attempt->plan, &done) < 0)
			_exit(BROKEN);
		if (done.landlock < attempt->abi || (attempt->calls && !done.calls))
			_exit(SKIPPED);
		_exit(report(attempt->what()));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	return WEXITSTATUS(status);
}

static void refused(int (*what)(void))
{
	assert_int_equal(outcome(&(const struct attempt){ .plan = { .ip = true, .local = true },
							  .calls = true,
							  .what = what }),
			 EPERM);
}

/* Privileges */

/* What /proc/self/status says, which nobody could open now: 0 if there is nothing left to lose. */
static int privileges_gone(void)
{
	FILE *file = fdopen(own_status, "re");
	bool gone = true;
	char line[128];
	int seen = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		/* who is no root can't empty its bounding set, from which nothing comes with
		 * no_new_privs */
		if (strncmp(line, "Cap", 3) == 0 &&
		    (getuid() == 0 || strncmp(line, "CapBnd", 6) != 0)) {
			gone = gone && strtoull(strchr(line, '\t'), NULL, 16) == 0;
			seen++;
		}
		if (strncmp(line, "NoNewPrivs:", 11) == 0) {
			gone = gone && strtol(line + 11, NULL, 10) == 1;
			seen++;
		}
	}
	fclose(file);
	errno = ENOTRECOVERABLE;
	return gone && seen >= 5 ? 0 : -1;
}

static void test_privileges(void **state)
{
	(void)state;
	assert_int_equal(outcome(&(const struct attempt){ .what = privileges_gone }), WORKED);
}

/* --no-sandbox: nothing is held. */
static void test_off(void **state)
{
	const struct confine_plan plan = { .off = true };

	(void)state;
	assert_int_equal(outcome(&(const struct attempt){ .plan = plan, .what = privileges_gone }),
			 ENOTRECOVERABLE);
	assert_int_equal(outcome(&(const struct attempt){ .plan = plan, .what = try_fork }),
			 WORKED);
	assert_int_equal(outcome(&(const struct attempt){ .plan = plan, .what = try_create }),
			 WORKED);
}

static int became_nobody(void)
{
	errno = ENOTRECOVERABLE;
	return getuid() == 65534 && geteuid() == 65534 && getgid() == 65534 && getegid() == 65534
		       ? 0
		       : -1;
}

static void test_user(void **state)
{
	char name[] = "65534", home[] = "/", shell[] = "/bin/sh";
	struct user user = {
		.name = name, .home = home, .shell = shell, .uid = 65534, .gid = 65534
	};

	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(outcome(&(const struct attempt){ .plan = { .user = &user },
							  .what = became_nobody }),
			 WORKED);
}

/* seccomp */

static void test_refused(void **state)
{
	static int (*const tries[])(void) = {
		try_fork,     try_exec,	   try_ptrace,		try_kill,
		try_udp,      try_netlink, try_mptcp,		try_listen,
		try_bind,     try_write,   try_create,		try_unlink,
		try_chmod,    try_code,	   try_setuid,		try_namespace,
		try_io_uring, try_memfd,   try_local_datagrams, try_packets,
		try_open,     try_stat,	   try_readlink,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		refused(tries[i]);
}

/* Only the families that rules connect to. */
static void test_families(void **state)
{
	static const struct {
		struct confine_plan plan;
		int (*what)(void);
		int outcome;
	} tries[] = {
		{ { .ip = true }, try_tcp, WORKED },
		{ { .ip = true }, try_tcp6, WORKED },
		{ { .ip = true }, try_local, EPERM },
		{ { .local = true }, try_local, WORKED },
		{ { .local = true }, try_tcp, EPERM },
		{ { .local = true }, try_tcp6, EPERM },
		{ { .vsock = true }, try_tcp, EPERM },
		{ { .vsock = true }, try_local, EPERM },
		{ { .syslog = true }, try_local, EPERM },
		{ { .syslog = true }, try_local_datagrams, WORKED },
		{ { .datagrams = true }, try_tcp, EPERM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		assert_int_equal(outcome(&(const struct attempt){ .plan = tries[i].plan,
								  .calls = true,
								  .what = tries[i].what }),
				 tries[i].outcome);
}

/* What a rule with bind= needs, one with a udp: target, and messages over vsock. */
static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(outcome(&(const struct attempt){ .calls = true, .what = try_thread }),
			 WORKED);
	assert_int_equal(outcome(&(const struct attempt){ .plan = { .bind = true, .ip = true },
							  .calls = true,
							  .what = try_bind }),
			 WORKED);
	assert_int_equal(outcome(&(const struct attempt){
				 .plan = { .datagrams = true }, .calls = true, .what = try_udp }),
			 WORKED);
}

/* Landlock alone: the errno is EACCES, seccomp's EPERM. */

static int files_outcome(int abi, int (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct confine_plan plan = { 0 };
		struct confined done = { 0 };

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (confine_files(&plan, &done) < 0 || done.landlock < abi)
			_exit(SKIPPED);
		_exit(report(what()));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	return WEXITSTATUS(status);
}

static int try_read(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int try_list(void)
{
	return open(tries_directory, O_RDONLY | O_DIRECTORY);
}

static int try_proc(void)
{
	return open("/proc/misc", O_RDONLY);
}

static int try_sys(void)
{
	return open("/sys", O_RDONLY | O_DIRECTORY);
}

static int try_environment(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)getppid());
	return open(path, O_RDONLY);
}

static void test_files(void **state)
{
	(void)state;
	assert_int_equal(files_outcome(1, try_read), EACCES);
	assert_int_equal(files_outcome(1, try_list), EACCES);
	assert_int_equal(files_outcome(1, try_create), EACCES);
	assert_int_equal(files_outcome(1, try_unlink), EACCES);
	assert_int_equal(files_outcome(1, try_exec), EACCES);
	assert_int_equal(files_outcome(1, try_ptrace), EPERM);
	assert_int_equal(files_outcome(1, try_proc), EACCES);
	assert_int_equal(files_outcome(1, try_sys), EACCES);
	assert_int_equal(files_outcome(1, try_environment), EACCES);
}

static int connect_port(int flags)
{
	const struct sockaddr_in there = { .sin_family = AF_INET,
					   .sin_port = htons(port),
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return flags ? (int)sendto(fd, "x", 1, flags, (const struct sockaddr *)&there,
				   sizeof(there))
		     : connect(fd, (const struct sockaddr *)&there, sizeof(there));
}

static int try_port(void)
{
	return connect_port(0);
}

static int try_fastopen(void)
{
	return connect_port(MSG_FASTOPEN);
}

static void test_ports(void **state)
{
	uint16_t named[] = { port }, other[] = { (uint16_t)(port ^ 1) };

	(void)state;
	assert_int_equal(outcome(&(const struct attempt){
				 .plan = { .ip = true, .ports = named, .port_count = 1 },
				 .abi = 4,
				 .what = try_port }),
			 WORKED);
	assert_int_equal(outcome(&(const struct attempt){ .plan = { .ip = true, .any_port = true },
							  .abi = 4,
							  .what = try_port }),
			 WORKED);
	assert_int_equal(outcome(&(const struct attempt){
				 .plan = { .ip = true, .ports = other, .port_count = 1 },
				 .abi = 4,
				 .what = try_port }),
			 EACCES);
	assert_int_equal(outcome(&(const struct attempt){
				 .plan = { .ip = true }, .abi = 4, .what = try_port }),
			 EACCES);
}

/* It would connect by sending, and Landlock would not see it. */
static void test_fastopen(void **state)
{
	(void)state;
	assert_int_equal(
		outcome(&(const struct attempt){
			.plan = { .ip = true }, .abi = 4, .calls = true, .what = try_fastopen }),
		EPERM);
}

static int connect_unix(const char *path, size_t abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(un);

	strncpy(un.sun_path + abstract, path, sizeof(un.sun_path) - 2);
	if (abstract)
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path));
	return connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&un, size);
}

static int try_abstract(void)
{
	return connect_unix(tries_directory, 1);
}

static int try_here(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/here", tries_directory);
	return connect_unix(path, 0);
}

static int try_elsewhere(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/else/where", tries_directory);
	return connect_unix(path, 0);
}

static void test_abstract(void **state)
{
	(void)state;
	assert_int_equal(
		outcome(&(const struct attempt){ .plan = { .local = true, .abstract = true },
						 .what = try_abstract }),
		WORKED);
	assert_int_equal(outcome(&(const struct attempt){
				 .plan = { .local = true }, .abi = 6, .what = try_abstract }),
			 EPERM);
}

static void test_unix(void **state)
{
	char inner[128];
	char *directories[] = { inner };

	(void)state;
	snprintf(inner, sizeof(inner), "%s/else", tries_directory);
	assert_int_equal(
		outcome(&(const struct attempt){
			.plan = { .local = true, .directories = directories, .directory_count = 1 },
			.what = try_elsewhere }),
		WORKED);
	assert_int_equal(
		outcome(&(const struct attempt){
			.plan = { .local = true, .directories = directories, .directory_count = 1 },
			.abi = 9,
			.what = try_here }),
		EACCES);
}

/* What the tries are made on */

static int listen_unix(const char *path, size_t abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = abstract ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
						strlen(path))
				  : (socklen_t)sizeof(un);

	strncpy(un.sun_path + abstract, path, sizeof(un.sun_path) - 2);
	return bind(fd, (const struct sockaddr *)&un, size) < 0 ? -1 : listen(fd, 64);
}

static int set_up(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(here);
	char path[128];

	(void)state;
	if (bind(fd, (struct sockaddr *)&here, size) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &size) < 0)
		return -1;
	port = ntohs(here.sin_port);
	if (!mkdtemp(temporary_name(tries_directory)) || listen_unix(tries_directory, 1) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/here", tries_directory);
	if (listen_unix(path, 0) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/else", tries_directory);
	if (mkdir(path, 0700) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/else/where", tries_directory);
	return listen_unix(path, 0);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "here", "else/where", "new" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", tries_directory, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/else", tries_directory);
	rmdir(path);
	return rmdir(tries_directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileges), cmocka_unit_test(test_off),
		cmocka_unit_test(test_user),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_allowed),	   cmocka_unit_test(test_families),
		cmocka_unit_test(test_files),	   cmocka_unit_test(test_ports),
		cmocka_unit_test(test_fastopen),   cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
