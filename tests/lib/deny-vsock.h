/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deny_vsock: from here on this process and its children cannot open an AF_VSOCK socket.
 *
 * A test that reaches vsock outside the lab reaches the hypervisor that this machine runs on. The
 * filter makes that impossible, whatever a test does: socket() answers the given errno for
 * AF_VSOCK, and io_uring, which can make sockets too, is not there. System calls of another
 * architecture (a 32-bit program), which have other numbers, are not there either.
 */
#ifndef TESTS_LIB_DENY_VSOCK_H
#define TESTS_LIB_DENY_VSOCK_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DENY_AF_VSOCK 40
#if defined(__x86_64__)
#define DENY_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define DENY_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define DENY_ARCH AUDIT_ARCH_RISCV64
#else
#error "name this architecture here: AUDIT_ARCH_... of linux/audit.h; args[0] must be little-endian"
#endif

#define DENY_LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define DENY_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define DENY_ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

/* 0 or -errno. */
static inline int deny_vsock(int answer)
{
	struct sock_filter code[] = {
		DENY_LOAD(arch),
		DENY_EQUAL(DENY_ARCH, 0, 3),
		DENY_LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 1, 0), /* x32 */
		DENY_EQUAL(SYS_io_uring_setup, 0, 1),
		DENY_ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		DENY_EQUAL(SYS_socket, 0, 3),
		DENY_LOAD(args[0]),
		DENY_EQUAL(DENY_AF_VSOCK, 0, 1),
		DENY_ANSWER(SECCOMP_RET_ERRNO | (unsigned)answer),
		DENY_ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	/* Root needs no PR_SET_NO_NEW_PRIVS, and with it tests would not see what users see. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

#endif
