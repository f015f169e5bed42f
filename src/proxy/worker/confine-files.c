/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock. A ruleset names what is handled, that is refused, but for what its rules allow. Each
 * ABI handles more; what the kernel's ABI doesn't know is left out of the request. The numbers are
 * written out here, for headers are older than kernels.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "proxy/worker/confine.h"

#ifndef SYS_landlock_create_ruleset /* the same on all architectures */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define RULESET_VERSION 1U /* asks landlock_create_ruleset() for the ABI */
#define FS_EXECUTE_TO_MAKE_SYM ((UINT64_C(1) << 13) - 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REFER (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define FS_RESOLVE_UNIX (UINT64_C(1) << 16) /* ABI 9 */
#define NET_BIND_TCP (UINT64_C(1) << 0) /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

enum { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

static void choose(const struct confine_plan *plan, int abi, struct ruleset *handled)
{
	*handled = (struct ruleset){ .fs = FS_EXECUTE_TO_MAKE_SYM };
	if (abi >= 2)
		handled->fs |= FS_REFER;
	if (abi >= 3)
		handled->fs |= FS_TRUNCATE;
	if (abi >= 4) {
		handled->net |= plan->bind ? 0 : NET_BIND_TCP;
		handled->net |= plan->any_port ? 0 : NET_CONNECT_TCP;
	}
	if (abi >= 5)
		handled->fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		handled->scoped = SCOPE_SIGNAL | (plan->abstract ? 0 : SCOPE_ABSTRACT_UNIX);
	if (abi >= 9)
		handled->fs |= FS_RESOLVE_UNIX;
}

/* A missing path needs no rule. */
static void allow_path(int ruleset, const char *path, uint64_t allowed)
{
	struct path_rule rule = { .allowed = allowed, .parent = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.parent < 0)
		return;
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= ~FS_READ_DIR;
	if (rule.allowed)
		syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0U);
	close(rule.parent);
}

/* syslogd recreates its socket when it restarts, so the rule is for its directory, after resolving
 * /dev/log, which may be a link. */
static void allow_syslog(int ruleset)
{
	char path[PATH_MAX], *slash;

	if (!realpath("/dev/log", path) || !(slash = strrchr(path, '/')))
		return;
	*slash = '\0';
	allow_path(ruleset, *path ? path : "/", FS_RESOLVE_UNIX);
}

static void allow_all(int ruleset, const struct confine_plan *plan, const struct ruleset *handled,
		      int abi)
{
	for (size_t i = 0; abi >= 9 && i < plan->directory_count; i++)
		allow_path(ruleset, plan->directories[i], FS_RESOLVE_UNIX);
	if (abi >= 9 && plan->syslog)
		allow_syslog(ruleset);
	for (size_t i = 0; handled->net & NET_CONNECT_TCP && i < plan->port_count; i++) {
		const struct port_rule rule = { .allowed = NET_CONNECT_TCP,
						.port = plan->ports[i] };

		syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0U);
	}
}

int confine_files(const struct confine_plan *plan, struct confined *done)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0UL, RULESET_VERSION);
	struct ruleset handled;
	int ruleset, error = 0;

	if (abi < 0)
		return -errno;
	choose(plan, (int)abi, &handled);
	/* older kernels refuse unknown bytes at the end unless they are zero, which they are */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0U);
	if (ruleset < 0)
		return -errno;
	fd_cloexec(ruleset, true);
	allow_all(ruleset, plan, &handled, (int)abi);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0)
		error = -errno;
	close(ruleset);
	if (!error) {
		done->landlock = (int)abi;
		done->ports = handled.net & NET_CONNECT_TCP;
	}
	return error;
}
