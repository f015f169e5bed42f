/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seccomp: what is called to move bytes is allowed, and all else fails with EPERM, of which the
 * kernel's log has a line
 * ("type=1326"). EPERM and not a kill: a C library that tries something new then costs a feature,
 * not every connection.
 *
 * What reads and writes is allowed without looking at its arguments, which costs next to nothing
 * (since Linux 5.11 a bit is looked up); what looks at arguments runs the filter.
 */
#include "config.h"

#include <errno.h>

#include "base/util.h"
#include "proxy/worker/confine.h"

#ifdef HAVE_LIBSECCOMP

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <linux/vm_sockets.h>

#define SOCKET_KIND 0xf /* the type, without SOCK_CLOEXEC and SOCK_NONBLOCK */
#define WORD UINT32_MAX /* registers have 64 bits, these arguments 32 */

static const int allowed[] = {
	/* moving bytes */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmmsg_time64),
	SCMP_SYS(splice),
	SCMP_SYS(tee),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(send),
	SCMP_SYS(recv),
	/* sockets */
	SCMP_SYS(accept4),
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	/* waiting */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	/* time, memory, ourselves */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(getrandom),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* a thread that sends messages (net/sender); see allow_threads() */
	SCMP_SYS(eventfd2),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_getaffinity),
	/* of a descriptor: stdio asks, and gets EPERM by a path */
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
};

/* What the worker sets, and nothing else: with SO_LINGER a socket that the supervisor has, too,
 * would make its close(2) block, and a filter that is attached to a listener outlives the worker.
 */
static const struct {
	int level, name;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_REUSEADDR }, /* with bind= */
	{ SOL_SOCKET, SO_SNDBUF },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE },
	{ AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE },
	{ AF_VSOCK, 6 /* SO_VM_SOCKETS_CONNECT_TIMEOUT; 8 where time_t grew */ },
	{ AF_VSOCK, 8 },
};

static const unsigned long requests[] = {
	FIONREAD, TIOCOUTQ, SIOCATMARK, FIONBIO, TIOCGWINSZ, TCGETS,
};

/* Not F_SETOWN and F_SETSIG, by which the kernel sends signals in this process's name: before
 * Landlock ABI 6 nothing else stops them from reaching other processes of the same user. */
static const int descriptor_commands[] = {
	F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETPIPE_SZ, F_SETPIPE_SZ,
};

static int allow(scmp_filter_ctx filter, int call, unsigned count, const struct scmp_arg_cmp *args)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, args);
}

static struct scmp_arg_cmp masked(unsigned number, uint64_t mask, uint64_t value)
{
	return (struct scmp_arg_cmp){
		.arg = number, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};
}

/* Permits only sockets that rules need. UDP only if a rule has such a target, because destinations
 * cannot be restricted: a filter sees no address, and Landlock covers only TCP. No raw sockets, no
 * netlink, and no MPTCP, which Landlock's port rules do not cover. */
static int allow_sockets(scmp_filter_ctx filter, const struct confine_plan *plan)
{
	const struct {
		bool needed;
		int family, type;
	} kinds[] = {
		{ plan->local, AF_UNIX, SOCK_STREAM },	   { plan->local, AF_UNIX, SOCK_SEQPACKET },
		{ plan->syslog, AF_UNIX, SOCK_DGRAM },	   { plan->vsock, AF_VSOCK, SOCK_STREAM },
		{ plan->vsock, AF_VSOCK, SOCK_SEQPACKET }, { plan->ip, AF_INET, SOCK_STREAM },
		{ plan->ip, AF_INET6, SOCK_STREAM },	   { plan->datagrams, AF_INET, SOCK_DGRAM },
		{ plan->datagrams, AF_INET6, SOCK_DGRAM },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !error; i++) {
		const struct scmp_arg_cmp args[] = {
			masked(0, WORD, (uint64_t)kinds[i].family),
			masked(1, SOCKET_KIND, (uint64_t)kinds[i].type),
			masked(2, WORD, 0),
		};

		if (kinds[i].needed)
			error = allow(filter, SCMP_SYS(socket), 3, args);
	}
	return error;
}

static int allow_descriptor_commands(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(descriptor_commands) && !error; i++) {
		const struct scmp_arg_cmp command = masked(1, WORD,
							   (uint64_t)descriptor_commands[i]);

		error = allow(filter, SCMP_SYS(fcntl), 1, &command);
		if (!error)
			error = allow(filter, SCMP_SYS(fcntl64), 1, &command);
	}
	return error;
}

static int allow_memory(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };
	const struct scmp_arg_cmp no_code = masked(2, PROT_EXEC, 0);
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls) && !error; i++)
		error = allow(filter, calls[i], 1, &no_code);
	return error;
}

/* Permits threads but no processes. A filter cannot see what clone3() is to create; without it C
 * libraries use clone(). */
static int allow_threads(scmp_filter_ctx filter)
{
#ifdef __s390__
	const unsigned flags = 1;
#else
	const unsigned flags = 0;
#endif
	const uint64_t thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
	const struct scmp_arg_cmp clone_flags = masked(flags, thread, thread);
	int error = allow(filter, SCMP_SYS(clone), 1, &clone_flags);

	return error ? error
		     : seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0,
					      NULL);
}

/* abort() and raise() only. */
static int allow_own_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp self = masked(0, WORD, (uint64_t)getpid());

	return allow(filter, SCMP_SYS(tgkill), 1, &self);
}

/* Where Landlock holds which ports are connected to, sending must not connect: MSG_FASTOPEN does.
 */
static int allow_sending(scmp_filter_ctx filter, bool limited)
{
	const struct scmp_arg_cmp sendmsg_flags = masked(2, MSG_FASTOPEN, 0),
				  flags = masked(3, MSG_FASTOPEN, 0);
	int error = allow(filter, SCMP_SYS(sendto), limited, &flags);

	if (!error)
		error = allow(filter, SCMP_SYS(sendmmsg), limited, &flags);
	return error ? error : allow(filter, SCMP_SYS(sendmsg), limited, &sendmsg_flags);
}

static int fill(scmp_filter_ctx filter, const struct confine_plan *plan,
		const struct confined *done)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !error; i++)
		error = allow(filter, allowed[i], 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(requests) && !error; i++) {
		const struct scmp_arg_cmp request = masked(1, WORD, requests[i]);

		error = allow(filter, SCMP_SYS(ioctl), 1, &request);
	}
	for (size_t i = 0; i < ARRAY_SIZE(options) && !error; i++) {
		const struct scmp_arg_cmp option[] = {
			masked(1, WORD, (uint64_t)options[i].level),
			masked(2, WORD, (uint64_t)options[i].name),
		};

		error = allow(filter, SCMP_SYS(setsockopt), 2, option);
	}
	if (!error)
		error = allow_descriptor_commands(filter);
	if (!error && plan->bind)
		error = allow(filter, SCMP_SYS(bind), 0, NULL);
	if (!error)
		error = allow_sockets(filter, plan);
	if (!error)
		error = allow_memory(filter);
	if (!error)
		error = allow_threads(filter);
	if (!error)
		error = allow_own_signals(filter);
	return error ? error : allow_sending(filter, done->ports);
}

int confine_calls(const struct confine_plan *plan, const struct confined *done)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOMEM;
	/* these three are wishes: the filter works without */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(
		filter, SCMP_FLTATR_CTL_SSB,
		1); /* before 5.16 a filter slows all of the process down otherwise */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	error = fill(filter, plan, done);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

#else

int confine_calls(const struct confine_plan *plan, const struct confined *done)
{
	(void)plan;
	(void)done;
	return -ENOSYS;
}

#endif
