/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system calls that make, ask, change and close. */
#include "config.h"

#include "calls.h"

#include <sched.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/sockios.h>
#include <linux/vm_sockets.h>

#include "net/addr.h"

#define POLL_TAKES 4000 /* ns: an epoll_wait() that finds nothing and does not sleep */

int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_pipe2(int ends[2], int flags);
int __wrap_eventfd(unsigned value, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *size);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_close(int fd);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_isatty(int fd);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);

static int answer(int result)
{
	return (int)call_end(result);
}

/* epoll and time */

int __wrap_epoll_create1(int flags)
{
	(void)flags;
	return fd_open(file_make(FILE_EPOLL));
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	static const char *const names[] = { "", "add", "delete", "modify" };
	int error = call_begin(CALL_EPOLL_CTL, "epoll_ctl");

	if (operation == EPOLL_CTL_DEL)
		error = 0;
	if (error)
		world.any_fault = true;
	else
		error = -epoll_control(fd_file(epoll), operation, fd, fd_file(fd), event);
	trace("  epoll_ctl(%s, %d, %s%s%s%s)%s%s", names[operation], fd,
	      event->events & EPOLLIN ? "in " : "", event->events & EPOLLOUT ? "out " : "",
	      event->events & EPOLLRDHUP ? "rdhup " : "", event->events & EPOLLET ? "edge" : "",
	      error ? ": " : "", error ? strerror(error) : "");
	if (error == EEXIST || error == ENOENT)
		fail("epoll", "epoll_ctl(%s, %d): %s", names[operation], fd, strerror(error));
	return answer(-error);
}

/* Nothing is ready: whoever can does something; when nobody can, time goes on. */
static bool wait_for_events(struct file *file, uint64_t until)
{
	while (!epoll_pending(file)) {
		uint64_t next;

		if (actors_step())
			continue;
		oracle_calm();
		next = actors_next();
		next = next < until ? next : until;
		if (next == NEVER) {
			oracle_stuck();
			if (actors_unstall())
				continue;
			fail("hangs", "nothing can happen any more, and the relay has not ended");
		}
		if (next > world.now)
			world.now = next;
		changed();
		if (world.now >= until)
			return epoll_pending(file);
	}
	return true;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	struct file *file = fd_file(epoll);
	uint64_t until = timeout < 0 ? NEVER : world.now + (uint64_t)timeout * MSEC;
	int found = 0;

	call_other("epoll_wait");
	if (random_chance(&world.random, world.plan->interrupt))
		return answer(-EINTR);
	for (unsigned turns = (unsigned)random_below(&world.random, 4); turns; turns--)
		actors_step();
	if (timeout == 0 ? epoll_pending(file) : wait_for_events(file, until))
		found = epoll_collect(file, events, random_chance(&world.random, 100) ? 1 : count);
	/* A loop that polls waits for time to pass. */
	if (timeout == 0 && !found && world.plan->busy_poll)
		world.now += POLL_TAKES;
	trace("epoll_wait(%d) = %d", timeout, found);
	return found;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	uint64_t time = world.now;

	/* processor time, for relay/trial: something that is not always the same */
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		time = (uint64_t)world.calls * 1000 + random_below(&world.random, 1000);
	*now = (struct timespec){ .tv_sec = (time_t)(time / SECOND),
				  .tv_nsec = (long)(time % SECOND) };
	return 0;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	(void)pid;
	(void)size;
	CPU_ZERO(set);
	CPU_SET(0, set);
	CPU_SET(1, set);
	return 0;
}

/* Making */

int __wrap_pipe2(int ends[2], int flags)
{
	struct file *in, *out;
	int error = call_begin(CALL_PIPE, "pipe2");

	if (error)
		return answer(-error);
	in = file_make(FILE_PIPE_READ);
	out = file_make(FILE_PIPE_WRITE);
	in->tube = out->tube = tube_make(false);
	in->flags = out->flags = flags & O_NONBLOCK;
	in->tube->readers = in->tube->writers = 1;
	ends[0] = fd_open(in);
	ends[1] = fd_open(out);
	trace("  pipe2() = %d, %d", ends[0], ends[1]);
	return 0;
}

int __wrap_eventfd(unsigned value, int flags)
{
	struct file *file;
	int error = call_begin(CALL_EVENTFD, "eventfd"), fd;

	if (error)
		return answer(-error);
	file = file_make(FILE_EVENT);
	file->counter = value;
	file->flags = flags & EFD_NONBLOCK ? O_NONBLOCK : 0;
	fd = fd_open(file);
	trace("  eventfd() = %d", fd);
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	struct file *old, *file;
	int fd;

	call_other("open");
	if (sscanf(path, "/proc/self/fd/%d", &fd) != 1)
		fail("unknown", "open(%s)", path);
	old = fd_file(fd);
	if (old->side >= 0 && world.plan->side[old->side].guarded)
		return answer(-EACCES);
	file = file_make(old->type);
	file->side = old->side;
	file->tube = old->tube;
	file->flags = flags & (O_NONBLOCK | O_ACCMODE);
	if (file->type == FILE_PIPE_READ) {
		file->tube->readers++;
		file->tube->reader = file;
	} else if (file->type == FILE_PIPE_WRITE) {
		file->tube->writers++;
		file->tube->writer = file;
	} else if (old->tube->reader == old) {
		file->tube->reader = file;
	} else {
		file->tube->writer = file;
	}
	return fd_open(file);
}

int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

int __wrap_close(int fd)
{
	struct file *file = fd_file(fd);

	call_other("close");
	trace("  close(%d)", fd);
	world.fds[fd] = NULL;
	changed();
	file_drop(file);
	return 0;
}

/* Asking and changing */

int __wrap_fstat(int fd, struct stat *st)
{
	static const mode_t modes[] = {
		[FILE_STREAM] = S_IFSOCK,   [FILE_MESSAGES] = S_IFSOCK,
		[FILE_PIPE_READ] = S_IFIFO, [FILE_PIPE_WRITE] = S_IFIFO,
		[FILE_TERMINAL] = S_IFCHR,  [FILE_REGULAR] = S_IFREG,
		[FILE_EVENT] = 0,	    [FILE_EPOLL] = 0,
	};

	*st = (struct stat){ .st_mode = modes[fd_file(fd)->type] };
	return 0;
}

int __wrap_isatty(int fd)
{
	return fd_file(fd)->type == FILE_TERMINAL;
}

int __wrap_shutdown(int fd, int how)
{
	static const char *const names[] = { "read", "write", "both" };
	struct file *file = fd_file(fd);
	int result;

	call_other("shutdown");
	file = fd_file(fd);
	if (!file->sock)
		fail("closed", "shutdown(%d), which is no socket", fd);
	result = sock_shutdown(file->sock, how == SHUT_RD   ? RECEIVES
					   : how == SHUT_WR ? SENDS
							    : BOTH_WAYS);
	trace("  shutdown(%d, %s)%s", fd, names[how], result ? ": ENOTCONN" : "");
	return answer(result);
}

static int option_of(struct sock *sock, int level, int name)
{
	int error = sock->error;

	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_ERROR:
		sock->error = 0;
		return error;
	case SO_TYPE:
		return sock->messages ? SOCK_SEQPACKET : SOCK_STREAM;
	case SO_PROTOCOL:
		return sock->family == ADDR_TCP ? IPPROTO_TCP : 0;
	case SO_DOMAIN:
		return sock->family == ADDR_VSOCK  ? AF_VSOCK
		       : sock->family == ADDR_UNIX ? AF_UNIX
						   : AF_INET;
	case SO_SNDBUF:
		return (int)sock->send_room;
	case SO_RCVBUF:
		return (int)sock->receive_room;
	default:
		return -ENOPROTOOPT;
	}
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	struct file *file = fd_file(fd);
	int result;

	call_other("getsockopt");
	if (!file->sock)
		return answer(-ENOTSOCK);
	if (level == AF_VSOCK && name == SO_VM_SOCKETS_BUFFER_SIZE) {
		*(uint64_t *)value = file->sock->receive_room;
		return 0;
	}
	result = option_of(file->sock, level, name);
	if (level == SOL_SOCKET && name == SO_ERROR)
		trace("  getsockopt(%d, SO_ERROR) = %s", fd, result ? strerror(result) : "0");
	if (result < 0)
		return answer(result);
	if (*size > sizeof(result))
		*size = sizeof(result);
	memcpy(value, &result, *size);
	return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	struct file *file = fd_file(fd);
	int error = call_begin(CALL_SETSOCKOPT, "setsockopt");

	if (!file->sock)
		fail("closed", "setsockopt(%d), which is no socket", fd);
	if (level == SOL_SOCKET && name == SO_TIMESTAMP) {
		file->sock->stamps = *(const int *)value;
		return 0;
	}
	if (error)
		return answer(-error);
	if (level == SOL_SOCKET && name == SO_LINGER && size == sizeof(struct linger)) {
		const struct linger *linger = value;

		file->sock->aborts = linger->l_onoff && !linger->l_linger;
		trace("  setsockopt(%d, SO_LINGER)", fd);
	}
	if (level == SOL_SOCKET && name == SO_SNDBUF && *(const int *)value > 0)
		file->sock->send_room = (size_t) * (const int *)value * 2;
	return 0;
}

int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *size)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct file *file = fd_file(fd);

	if (!file->sock || file->sock->family != ADDR_TCP || *size < sizeof(in))
		return answer(-EOPNOTSUPP);
	memcpy(sa, &in, sizeof(in));
	*size = sizeof(in);
	return 0;
}

static int change_pipe_size(const struct file *file, int size)
{
	unsigned pages = 1;

	if (!file->tube || file->tube->regular)
		return -EBADF;
	if (world.plan->memory_pipes)
		return -EPERM;
	while (pages * 4096 < (unsigned)size)
		pages *= 2;
	if (pages > world.plan->pipe_pages)
		pages = world.plan->pipe_pages;
	if (pages < file->tube->slots_used)
		return -EBUSY;
	if (pages > file->tube->slots_most && file->tube->writer && tube_full(file->tube))
		wake(file->tube->writer, EPOLLOUT);
	file->tube->slots_most = pages;
	return (int)pages * 4096;
}

int __wrap_fcntl(int fd, int command, ...)
{
	struct file *file = fd_file(fd);
	va_list list;
	int argument;

	va_start(list, command);
	argument = va_arg(list, int);
	va_end(list);
	call_other("fcntl");
	file = fd_file(fd);
	switch (command) {
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		trace("  fcntl(%d, F_SETFL, %#x)", fd, (unsigned)argument);
		file->flags = (file->flags & O_ACCMODE) | (argument & O_NONBLOCK);
		return 0;
	case F_DUPFD_CLOEXEC:
		return fd_open(file);
	case F_GETPIPE_SZ:
		return file->tube && !file->tube->regular ? (int)file->tube->slots_most * 4096
							  : answer(-EBADF);
	case F_SETPIPE_SZ:
		return answer(change_pipe_size(file, argument));
	case F_GETFD:
	case F_SETFD:
		return 0;
	default:
		fail("unknown", "fcntl(%d, %d)", fd, command);
	}
}

/* FIONREAD, which is also SIOCINQ: bytes to read, of TCP those before an urgent one (tcp_inq). -1:
 * it can't tell, as vsock before Linux 6.17. */
static int input_of(const struct file *file)
{
	const struct sock *sock = file->sock;
	uint64_t length;

	if (!sock)
		return file->tube ? (int)file->tube->bytes.length : -1;
	if (sock->family == ADDR_VSOCK)
		return -1;
	length = sock->received.length;
	if (sock->family == ADDR_TCP && sock->urgent >= sock->position &&
	    sock->urgent - sock->position < length)
		length = sock->urgent - sock->position;
	return (int)length;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct file *file = fd_file(fd);
	va_list list;
	int *value;

	va_start(list, request);
	value = va_arg(list, int *);
	va_end(list);
	call_other("ioctl");
	if (request == FIONREAD) {
		*value = input_of(file);
		return *value < 0 ? answer(-ENOTTY) : 0;
	}
	if (!file->sock)
		return answer(-ENOTTY);
	switch (request) {
	case SIOCATMARK:
		*value = file->sock->urgent == file->sock->position;
		break;
	case SIOCOUTQ:
		*value = (int)file->sock->sending.length;
		break;
	default:
		fail("unknown", "ioctl(%d, %#lx)", fd, request);
	}
	return 0;
}
