/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/socket.h"
#include "proxy/worker/confine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

/* Numbers that there may be; those that aren't are refused by the kernel, to no harm. */
#define CAPABILITIES_MAX 64

static void __attribute__((format(printf, 2, 3)))
miss(struct confined *done, const char *format, ...)
{
	size_t length = strlen(done->missing);
	va_list args;

	if (length && length + 2 < sizeof(done->missing))
		length += (size_t)snprintf(done->missing + length, sizeof(done->missing) - length,
					   "; ");
	va_start(args, format);
	vsnprintf(done->missing + length, sizeof(done->missing) - length, format, args);
	va_end(args);
}

/* What a program that is run could get back; this needs CAP_SETPCAP, so it is done before the user
 * is changed. */
static void drop_bounding_set(void)
{
	for (unsigned long number = 0; number < CAPABILITIES_MAX; number++)
		prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* Protects its memory: no core file, no ptrace. */
static void hide_memory(void)
{
	static const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* What the C library would open at its first use. */
static void warm_up(void)
{
	tzset();
}

static void hold_privileges(struct confined *done)
{
	int error = drop_capabilities();

	done->capabilities = !error;
	if (error)
		miss(done, "capabilities cannot be dropped: %s", strerror(-error));
	done->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (!done->no_new_privs)
		miss(done, "no_new_privs: %s", strerror(errno));
}

int confine(const struct confine_plan *plan, struct confined *done)
{
	bool other = plan->user && plan->user->name;
	int error;

	*done = (struct confined){ 0 };
	if (!plan->off)
		drop_bounding_set();
	error = other ? user_become(plan->user) : 0;
	if (error)
		return error;
	done->user = other;
	if (plan->off)
		return 0;
	if (!other && geteuid() == 0)
		miss(done, "it still runs as root: no other user is available here");
	warm_up();
	hold_privileges(done);
	hide_memory();
	error = confine_files(plan, done);
	if (error)
		miss(done, "Landlock: %s",
		     error == -ENOSYS || error == -EOPNOTSUPP ? "this kernel has none"
							      : strerror(-error));
	error = confine_calls(plan, done);
	done->calls = !error;
	if (!error)
		socket_abort_without_linger();
	if (error)
		miss(done, "seccomp: %s",
		     error == -ENOSYS ? "built without libseccomp" : strerror(-error));
	return 0;
}

char *confine_describe(const struct confined *done, char *buf, size_t size)
{
	char landlock[64] = "";

	if (done->landlock)
		snprintf(landlock, sizeof(landlock), ", Landlock ABI %d%s", done->landlock,
			 done->ports ? " with TCP ports" : "");
	snprintf(buf, size, "%s%s%s%s%s%s", done->capabilities ? "no capabilities" : "capabilities",
		 done->no_new_privs ? ", no_new_privs" : "", done->calls ? ", seccomp" : "",
		 landlock, *done->missing ? "; not held: " : "", done->missing);
	return buf;
}
