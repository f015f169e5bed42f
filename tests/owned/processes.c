/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an owned worker tries with processes, memory and the kernel; see owned.h. */
#include "config.h"

#include "owned.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/util.h"

/* A child that was made ends at once. */
static int forked(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid < 0 ? -1 : 0;
}

static int try_fork(void)
{
#ifdef SYS_fork
	return forked(syscall(SYS_fork));
#else
	return owned_skip();
#endif
}

static int try_clone(void)
{
	return forked(syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L));
}

/* A thread needs all three flags: one alone must not pass for one. */
static int try_clone_memory(void)
{
	return (int)syscall(SYS_clone, (long)CLONE_THREAD, 0L, 0L, 0L, 0L);
}

static int try_clone3(void)
{
	return (int)syscall(435, NULL, 0L);
}

/* A directory is no program. */
static int try_execve(void)
{
	return (int)syscall(SYS_execve, "/", NULL, NULL);
}

static int try_execveat(void)
{
	return (int)syscall(SYS_execveat, AT_FDCWD, "/", NULL, NULL, 0);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_PEEKDATA, getppid(), NULL, NULL);
}

static int try_vm_read(void)
{
	return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0L, NULL, 0L, 0L);
}

static int try_vm_write(void)
{
	return (int)syscall(SYS_process_vm_writev, getppid(), NULL, 0L, NULL, 0L, 0L);
}

static int try_pidfd(void)
{
	return (int)syscall(434, getppid(), 0);
}

static int try_pidfd_getfd(void)
{
	return (int)syscall(438, 0, 0, 0);
}

static int try_kcmp(void)
{
	return (int)syscall(SYS_kcmp, getpid(), getppid(), 0, 0L, 0L);
}

static int try_kill(void)
{
	return kill(getppid(), 0);
}

static int try_kill_group(void)
{
	return kill(0, 0);
}

static int try_tgkill(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int try_tkill(void)
{
	return (int)syscall(SYS_tkill, getppid(), 0);
}

static int try_sigqueue(void)
{
	return (int)syscall(SYS_rt_sigqueueinfo, getppid(), 0, NULL);
}

static int try_pidfd_signal(void)
{
	return (int)syscall(424, 0, 0, NULL, 0);
}

/* With O_ASYNC and F_SETSIG the kernel would send any signal in its name. */
static int try_set_owner(void)
{
	return fcntl(0, F_SETOWN, getppid());
}

static int try_set_signal(void)
{
	return fcntl(0, 10 /* F_SETSIG */, 0);
}

static int try_own_signal(void)
{
	return (int)syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static int try_setuid(void)
{
	return (int)syscall(SYS_setuid, getuid());
}

static int try_setgid(void)
{
	return (int)syscall(SYS_setresgid, getgid(), getgid(), getgid());
}

static int try_setgroups(void)
{
	return (int)syscall(SYS_setgroups, 0L, NULL);
}

static int try_capset(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return (int)syscall(SYS_capset, &header, none);
}

static int try_unshare(void)
{
	return (int)syscall(SYS_unshare, 0);
}

static int try_setns(void)
{
	return (int)syscall(SYS_setns, 0, 0);
}

static int try_clone_namespace(void)
{
	return forked(syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0L, 0L, 0L, 0L));
}

static int mapped(void *where)
{
	return where == MAP_FAILED ? -1 : 0;
}

static int try_map_code(void)
{
	return mapped(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int try_key_code(void)
{
	return (int)syscall(SYS_pkey_mprotect, NULL, 0L, PROT_EXEC, -1);
}

static int try_personality(void)
{
	return (int)syscall(SYS_personality, 0xffffffffL);
}

static int try_io_uring(void)
{
	return (int)syscall(425, 1, NULL);
}

static int try_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int try_perf(void)
{
	return (int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0L);
}

static int try_keys(void)
{
	return (int)syscall(SYS_keyctl, 0L, -1L, 0L);
}

static int try_userfaultfd(void)
{
	return (int)syscall(SYS_userfaultfd, 0);
}

static int try_module(void)
{
	return (int)syscall(SYS_finit_module, -1, "", 0);
}

static int try_reboot(void)
{
	return (int)syscall(SYS_reboot, 0, 0, 0, NULL);
}

static int try_kernel_log(void)
{
	return (int)syscall(SYS_syslog, 10 /* its size */, NULL, 0);
}

static int try_hostname(void)
{
	return (int)syscall(SYS_sethostname, NULL, -1L);
}

static int try_limits(void)
{
	static struct rlimit64 limit;

	return (int)syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &limit);
}

static int try_priority(void)
{
	return (int)syscall(SYS_setpriority, PRIO_PROCESS, 0, 19);
}

static int try_scheduler(void)
{
	static const struct sched_param none;

	return (int)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
}

static int try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int try_seccomp(void)
{
	return (int)syscall(SYS_seccomp, 2 /* GET_ACTION_AVAIL */, 0, "\0\0\0");
}

static int try_landlock(void)
{
	return (int)syscall(446 /* landlock_restrict_self */, -1, 0);
}

static int try_shm(void)
{
	return (int)syscall(SYS_shmget, 1L, 4096L, 0600L);
}

static int try_msg(void)
{
	return (int)syscall(SYS_msgget, 1L, 0600L);
}

static int try_mq(void)
{
	return (int)syscall(SYS_mq_open, "owned", O_RDONLY, 0, NULL);
}

static int try_type(void)
{
	return ioctl(2, TIOCSTI, "x");
}

static void *do_nothing(void *argument)
{
	return argument;
}

static int try_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, do_nothing, NULL);
	return errno || pthread_join(thread, NULL) ? -1 : 0;
}

static int try_memory(void)
{
	return mapped(
		mmap(NULL, 1L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static const struct attempt list[] = {
	{ "make a process", "fork", try_fork },
	{ "make a process", "clone", try_clone },
	{ "make a process", "clone with CLONE_THREAD alone", try_clone_memory },
	{ "call clone3()", "clone3", try_clone3 },
	{ "run a program", "execve", try_execve },
	{ "run a program", "execveat", try_execveat },
	{ "trace the supervisor, use its memory or descriptors", "ptrace", try_ptrace },
	{ "trace the supervisor, use its memory or descriptors", "process_vm_readv", try_vm_read },
	{ "trace the supervisor, use its memory or descriptors", "process_vm_writev",
	  try_vm_write },
	{ "trace the supervisor, use its memory or descriptors", "pidfd_open", try_pidfd },
	{ "trace the supervisor, use its memory or descriptors", "pidfd_getfd", try_pidfd_getfd },
	{ "trace the supervisor, use its memory or descriptors", "kcmp", try_kcmp },
	{ "signal the supervisor or another process", "kill", try_kill },
	{ "signal the supervisor or another process", "kill of the group", try_kill_group },
	{ "signal the supervisor or another process", "tgkill", try_tgkill },
	{ "signal the supervisor or another process", "tkill", try_tkill },
	{ "signal the supervisor or another process", "rt_sigqueueinfo", try_sigqueue },
	{ "signal the supervisor or another process", "pidfd_send_signal", try_pidfd_signal },
	{ "signal the supervisor or another process", "F_SETOWN", try_set_owner },
	{ "signal the supervisor or another process", "F_SETSIG", try_set_signal },
	{ "signal itself", "tgkill", try_own_signal },
	{ "change its user, its groups or its capabilities", "setuid", try_setuid },
	{ "change its user, its groups or its capabilities", "setresgid", try_setgid },
	{ "change its user, its groups or its capabilities", "setgroups", try_setgroups },
	{ "change its user, its groups or its capabilities", "capset", try_capset },
	{ "make or enter a namespace", "unshare", try_unshare },
	{ "make or enter a namespace", "setns", try_setns },
	{ "make or enter a namespace", "clone with CLONE_NEWUSER", try_clone_namespace },
	{ "make memory executable", "mmap", try_map_code },
	{ "make memory executable", "mprotect", try_make_code },
	{ "make memory executable", "pkey_mprotect", try_key_code },
	{ "make memory executable", "personality", try_personality },
	{ "use io_uring, bpf, perf, keys or userfaultfd", "io_uring_setup", try_io_uring },
	{ "use io_uring, bpf, perf, keys or userfaultfd", "bpf", try_bpf },
	{ "use io_uring, bpf, perf, keys or userfaultfd", "perf_event_open", try_perf },
	{ "use io_uring, bpf, perf, keys or userfaultfd", "keyctl", try_keys },
	{ "use io_uring, bpf, perf, keys or userfaultfd", "userfaultfd", try_userfaultfd },
	{ "administer the machine", "finit_module", try_module },
	{ "administer the machine", "reboot", try_reboot },
	{ "administer the machine", "syslog", try_kernel_log },
	{ "administer the machine", "sethostname", try_hostname },
	{ "change limits or priorities", "prlimit64", try_limits },
	{ "change limits or priorities", "setpriority", try_priority },
	{ "change limits or priorities", "sched_setscheduler", try_scheduler },
	{ "change how it is confined", "PR_SET_DUMPABLE", try_dumpable },
	{ "change how it is confined", "seccomp", try_seccomp },
	{ "change how it is confined", "landlock_restrict_self", try_landlock },
	{ "share memory or message queues", "shmget", try_shm },
	{ "share memory or message queues", "msgget", try_msg },
	{ "share memory or message queues", "mq_open", try_mq },
	{ "type on a terminal", "TIOCSTI", try_type },
	{ "make threads, allocate memory", "pthread_create", try_thread },
	{ "make threads, allocate memory", "mmap", try_memory },
};

const struct attempts owned_processes = { list, ARRAY_SIZE(list) };
