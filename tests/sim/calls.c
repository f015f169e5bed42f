/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system calls that move bytes, as the relay sees them. The linker puts them in (--wrap). */
#include "config.h"

#include "calls.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/addr.h"

#define QUIET_MOST 3000 /* calls in which nothing changes: more is a busy loop */
#define LARGEST (4 * 1024 * 1024)

ssize_t __real_write(int fd, const void *data, size_t size);

ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap___read_chk(int fd, void *data, size_t size, size_t room);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap___recv_chk(int fd, void *data, size_t size, size_t room, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags);
ssize_t __wrap_sendfile(int out, int in, off_t *at, size_t size);
int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout);

/* What comes before and after */

void call_other(const char *name)
{
	world.calls++;
	if (world.calls > 3000000)
		fail("endless", "three million calls");
	if (++world.quiet_calls > QUIET_MOST)
		fail("spins", "%lu calls in a row change nothing; the last is %s()",
		     world.quiet_calls, name);
	if (!thread_current() && world.running && random_chance(&world.random, world.plan->meddle))
		actors_step();
}

int call_begin(enum call call, const char *name)
{
	unsigned long number = ++world.count[call];

	call_other(name);
	for (unsigned i = 0; i < world.plan->faults; i++) {
		const struct fault *fault = &world.plan->fault[i];

		if (fault->call != call || fault->number != number)
			continue;
		trace("! %s() fails: %s", name, strerror(fault->error));
		return fault->error;
	}
	return 0;
}

int call_soften(struct file *file, size_t *size)
{
	const struct plan *plan = world.plan;
	bool again = random_chance(&world.random, plan->again);

	if (random_chance(&world.random, plan->interrupt))
		return -EINTR;
	if (again && (file->flags & O_NONBLOCK) && !file->tube) {
		wake(file, EPOLLIN | EPOLLOUT); /* as if it had come right after */
		return -EAGAIN;
	}
	if (*size > 1 && (file->flags & O_NONBLOCK) &&
	    random_chance(&world.random, plan->shorten)) {
		*size = random_size(&world.random, *size);
		wake(file, EPOLLIN | EPOLLOUT);
	}
	return 0;
}

ssize_t call_end(ssize_t result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

static int flow_fault(enum call call, const char *name, int side, bool reads)
{
	int error = call_begin(call, name);

	/* EINVAL: this can't be spliced, and is copied instead */
	if (error && error != EINVAL) {
		world.any_fault = true;
		if (side >= 0 && reads)
			world.flow[side].failed_read = true;
		if (side >= 0 && !reads)
			world.flow[!side].failed_write = true;
	}
	return -error;
}

static const char *error_name(ssize_t result)
{
	return result == -EAGAIN ? "EAGAIN" : strerror((int)-result);
}

static void trace_call(const char *name, int fd, size_t size, ssize_t result)
{
	if (!world.trace)
		return;
	if (result >= 0)
		trace("  %s(%d, %zu) = %zd", name, fd, size, result);
	else
		trace("  %s(%d, %zu): %s", name, fd, size, error_name(result));
}

static void must_not_block(const struct file *file, const char *name, ssize_t result, size_t asked,
			   bool dont_wait)
{
	bool blocks = result == -EAGAIN || (result >= 0 && (size_t)result < asked);

	if (blocks && !dont_wait && !(file->flags & O_NONBLOCK))
		fail("blocks", "%s() would block", name);
}

/* Reading */

/* 0 bytes, or the same said by ENOTCONN: our shutdown() came after the peer had closed (vsock). */
static bool is_end(const struct sock *sock, ssize_t got)
{
	return got == 0 || (got == -ENOTCONN && sock->family == ADDR_VSOCK && sock->error == 0);
}

static bool was_message; /* what receive() saw last: a message, or the end */

static ssize_t receive(struct file *file, void *data, size_t size, int flags, bool *record)
{
	int how = (flags & MSG_PEEK ? RECV_PEEK : 0) | (flags & MSG_TRUNC ? RECV_LENGTH : 0);
	struct message message = { .whole = true }, *first;
	bool is_message;
	ssize_t got;

	first = messages_first(&file->sock->received_messages);
	is_message = first && first->whole;
	was_message = false;
	*record = false;
	got = sock_receive(file->sock, data, size, how, record);
	if (got == -EAGAIN && !(flags & MSG_DONTWAIT))
		must_not_block(file, "recv", got, 0, false);
	was_message = is_message && got >= 0;
	file->looked_at = flags & MSG_PEEK && got > 0;
	if (file->side < 0 || flags & MSG_PEEK)
		return got;
	if (is_end(file->sock, got) && size && !is_message)
		world.flow[file->side].end_read = true;
	message.size = got > 0 ? (uint32_t)got : 0;
	message.end_of_record = *record;
	if (is_message && got >= 0)
		oracle_read(file->side, data, (size_t)got < size ? (size_t)got : size, &message);
	else if (got > 0)
		oracle_read(file->side, data, (size_t)got, NULL);
	return got;
}

static struct file *socket_file(int fd)
{
	struct file *file = fd_file(fd);

	if (!file->sock)
		fail("closed", "descriptor %d is used as a socket, and is none", fd);
	return file;
}

static ssize_t do_recv(int fd, void *data, size_t size, int flags, bool *record)
{
	struct file *file = socket_file(fd);
	size_t asked = size;
	ssize_t result = flow_fault(CALL_RECV, "recv", file->side, true);

	file = socket_file(fd);
	/* what was looked at is there */
	if (!result && !(flags & MSG_PEEK) && size && !file->looked_at)
		result = call_soften(file, file->sock->messages ? &asked : &size);
	if (!result)
		result = receive(file, data, size, flags, record);
	trace_call(flags & MSG_PEEK ? "recv peek" : "recv", fd, asked, result);
	return call_end(result);
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	bool record;

	return do_recv(fd, data, size, flags, &record);
}

ssize_t __wrap___recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
	if (size > room)
		fail("overflow", "recv() of %zu bytes to %zu", size, room);
	return __wrap_recv(fd, data, size, flags);
}

/* Spreads what was read over the parts of a message. */
static void scatter(const struct msghdr *message, const unsigned char *data, size_t size)
{
	for (size_t i = 0, part; i < (size_t)message->msg_iovlen && size; i++) {
		part = message->msg_iov[i].iov_len < size ? message->msg_iov[i].iov_len : size;
		memcpy(message->msg_iov[i].iov_base, data, part);
		data += part;
		size -= part;
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	static unsigned char data[LARGEST];
	bool record = false;
	size_t room = 0;
	ssize_t got;

	for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
		room += message->msg_iov[i].iov_len;
	room = room < sizeof(data) ? room : sizeof(data);
	got = do_recv(fd, data, room, flags | MSG_TRUNC, &record);
	message->msg_flags = record ? MSG_EOR : 0;
	/* the time stamp finds no room: how an empty message is told from the end */
	if (was_message && world.fds[fd]->sock->stamps && !message->msg_controllen)
		message->msg_flags |= MSG_CTRUNC;
	message->msg_controllen = 0;
	if (got <= 0)
		return got;
	scatter(message, data, (size_t)got < room ? (size_t)got : room);
	if ((size_t)got > room) {
		message->msg_flags |= MSG_TRUNC;
		got = flags & MSG_TRUNC ? got : (ssize_t)room;
	}
	return got;
}

static ssize_t read_tube(struct file *file, void *data, size_t size)
{
	ssize_t got = tube_read(file->tube, data, size);

	must_not_block(file, "read", got, 0, false);
	if (got >= 0 && file->side >= 0 && !got)
		world.flow[file->side].end_read = true;
	if (got > 0 && file->side >= 0)
		oracle_read(file->side, data, (size_t)got, NULL);
	return got;
}

static ssize_t read_counter(struct file *file, void *data)
{
	if (!file->counter)
		return -EAGAIN;
	memcpy(data, &file->counter, sizeof(file->counter));
	file->counter = 0;
	changed();
	wake(file, EPOLLOUT);
	return sizeof(file->counter);
}

ssize_t __wrap_read(int fd, void *data, size_t size)
{
	struct file *file = fd_file(fd);
	size_t asked = size;
	ssize_t result = file->type == FILE_EVENT ? 0
						  : flow_fault(CALL_READ, "read", file->side, true);

	file = fd_file(fd);
	if (result == -EIO && file->type == FILE_TERMINAL)
		result = -ENOMEM; /* EIO is a terminal's end */
	if (!result && file->type == FILE_EVENT)
		result = read_counter(file, data);
	else if (!result && file->sock)
		return __wrap_recv(fd, data, size, 0);
	else if (!result) {
		result = file->side >= 0 ? call_soften(file, &size) : 0;
		if (!result)
			result = read_tube(file, data, size);
	}
	trace_call("read", fd, asked, result);
	return call_end(result);
}

ssize_t __wrap___read_chk(int fd, void *data, size_t size, size_t room)
{
	if (size > room)
		fail("overflow", "read() of %zu bytes to %zu", size, room);
	return __wrap_read(fd, data, size);
}

/* Writing */

static ssize_t send_in_thread(struct sock *sock, const unsigned char *data, size_t size, int how)
{
	size_t done = 0;

	for (;;) {
		uint64_t before = sock->sent;
		ssize_t put = sock_send(sock, data + done, size - done, how);

		done += (size_t)(sock->sent - before);
		if (done == size)
			return (ssize_t)size;
		if (put != -EAGAIN)
			return put;
		thread_wait(sock);
	}
}

static ssize_t send_some(struct file *file, const void *data, size_t size, int flags)
{
	struct sock *sock = file->sock;
	bool dont_wait = flags & MSG_DONTWAIT || file->flags & O_NONBLOCK;
	int how = flags & MSG_EOR ? SEND_RECORD : 0;
	struct message message = { .size = (uint32_t)size,
				   .end_of_record = how && sock->family == ADDR_VSOCK,
				   .whole = true };
	ssize_t put;

	if (!(flags & MSG_NOSIGNAL))
		fail("signal", "send() without MSG_NOSIGNAL");
	if (sock->messages && size && file->side >= 0 && thread_current())
		put = send_in_thread(sock, data, size, how);
	else
		put = sock_send(sock, data, size, how);
	if (!thread_current())
		must_not_block(file, "send", put, size, dont_wait);
	if (file->side < 0 || put < 0)
		return put;
	if (sock->messages && (size || sock->family == ADDR_UNIX))
		oracle_written(file->side, data, (size_t)put, &message);
	else if (put > 0)
		oracle_written(file->side, data, (size_t)put, NULL);
	return put;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
	struct file *file = socket_file(fd);
	size_t asked = size;
	ssize_t result = flow_fault(CALL_SEND, "send", file->side, false);

	file = socket_file(fd);
	if (!result && size)
		result = call_soften(file, file->sock->messages ? &asked : &size);
	asked = size;
	if (!result)
		result = send_some(file, data, size, flags);
	trace_call("send", fd, asked, result);
	return call_end(result);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (message->msg_iovlen != 1 || message->msg_controllen)
		fail("unknown", "sendmsg() with parts");
	return __wrap_send(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags);
}

static ssize_t write_counter(struct file *file, const void *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	if (file->counter + value > UINT64_MAX - 1 || file->counter + value < value)
		return -EAGAIN;
	file->counter += value;
	changed();
	wake(file, EPOLLIN);
	return sizeof(value);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	struct file *file;
	size_t asked = size;
	ssize_t result;

	if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		return __real_write(fd, data, size);
	file = fd_file(fd);
	if (file->sock)
		fail("signal", "write() to a socket may raise SIGPIPE");
	result = file->type == FILE_EVENT ? 0 : flow_fault(CALL_WRITE, "write", file->side, false);
	file = fd_file(fd);
	if (!result && file->type == FILE_EVENT) {
		result = write_counter(file, data);
	} else if (!result) {
		result = call_soften(file, &size);
		if (!result)
			result = tube_write(file->tube, data, size);
		must_not_block(file, "write", result, size, false);
		if (result > 0 && file->side >= 0)
			oracle_written(file->side, data, (size_t)result, NULL);
	}
	trace_call("write", fd, asked, result);
	return call_end(result);
}

/* Splicing */

static ssize_t socket_to_tube(struct file *in, struct file *out, size_t size)
{
	static unsigned char piece[32768];
	struct tube *tube = out->tube;
	size_t room = (size_t)(tube->slots_most - tube->slots_used) * 4096, done = 0;
	ssize_t got = -EAGAIN;

	if (!tube->readers)
		return -EPIPE;
	if (tube_full(tube))
		return -EAGAIN;
	size = size < room ? size : room;
	while (done < size && !tube_full(tube)) {
		size_t ask = random_size(&world.random, sizeof(piece));

		ask = ask < size - done ? ask : size - done;
		/* an error or the end is told by the next call */
		if (done && (!in->sock->received.length || in->sock->urgent == in->sock->position))
			break;
		got = sock_receive(in->sock, piece, ask, RECV_SPLICE, NULL);
		if (got <= 0)
			break;
		done += (size_t)got;
		if (in->side >= 0)
			oracle_read(in->side, piece, (size_t)got, NULL);
		tube_put_slot(tube, piece, (size_t)got);
		if (out->side >= 0)
			oracle_written(out->side, piece, (size_t)got, NULL);
	}
	if (!done && is_end(in->sock, got) && in->side >= 0)
		world.flow[in->side].end_read = true;
	if (!done && got == -EAGAIN && in->sock->family != ADDR_UNIX)
		must_not_block(in, "splice", got, 0, false);
	return done ? (ssize_t)done : got;
}

static void both_moved(struct file *in, struct file *out, const void *data, size_t size)
{
	if (in->side >= 0)
		oracle_read(in->side, data, size, NULL);
	if (out->side >= 0)
		oracle_written(out->side, data, size, NULL);
}

static ssize_t tube_to_socket(struct file *in, struct file *out, size_t size)
{
	struct tube *tube = in->tube;
	ssize_t put;

	size = size < tube->bytes.length ? size : tube->bytes.length;
	put = sock_send(out->sock, queue_head(&tube->bytes), size, 0);
	must_not_block(out, "splice", put, size, false);
	if (put <= 0)
		return put;
	both_moved(in, out, queue_head(&tube->bytes), (size_t)put);
	tube_drop(tube, (size_t)put);
	return put;
}

static ssize_t tube_to_tube(struct file *in, struct file *out, size_t size)
{
	struct tube *from = in->tube, *to = out->tube;
	size_t done = 0;

	if (!to->readers)
		return -EPIPE;
	while (done < size && from->bytes.length && !tube_full(to)) {
		size_t piece = from->slots[0] < size - done ? from->slots[0] : size - done;

		both_moved(in, out, queue_head(&from->bytes), piece);
		tube_put_slot(to, queue_head(&from->bytes), piece);
		tube_drop(from, piece);
		done += piece;
	}
	return done ? (ssize_t)done : -EAGAIN;
}

static ssize_t splice_some(struct file *in, struct file *out, size_t size)
{
	bool from_tube = in->type == FILE_PIPE_READ, to_tube = out->type == FILE_PIPE_WRITE;

	if ((!from_tube && in->type != FILE_STREAM) || (!to_tube && out->type != FILE_STREAM) ||
	    (!from_tube && !to_tube))
		return -EINVAL;
	if (!from_tube)
		return socket_to_tube(in, out, size);
	if (!in->tube->bytes.length) {
		if (in->tube->writers)
			return -EAGAIN;
		if (in->side >= 0)
			world.flow[in->side].end_read = true;
		return 0;
	}
	return to_tube ? tube_to_tube(in, out, size) : tube_to_socket(in, out, size);
}

ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
	struct file *from = fd_file(in), *to = fd_file(out);
	unsigned long number = ++world.splices;
	size_t asked = size;
	ssize_t result = flow_fault(CALL_SPLICE, "splice", from->side, true);

	if (in_at || out_at || !(flags & SPLICE_F_NONBLOCK))
		fail("blocks", "splice() without SPLICE_F_NONBLOCK");
	from = fd_file(in);
	to = fd_file(out);
	if (!from->tube || from->side < 0) {
		if (result && result != -EINVAL && to->side >= 0)
			world.flow[!to->side].failed_write = true;
	}
	if (!result && !size)
		return 0;
	if (!result && world.plan->splice_bad && number >= world.plan->splice_bad)
		result = -EINVAL;
	if (!result)
		result = call_soften(from->side >= 0 ? from : to, &size);
	if (!result)
		result = splice_some(from, to, size);
	if (world.trace && result >= 0)
		trace("  splice(%d, %d, %zu) = %zd", in, out, asked, result);
	else if (world.trace)
		trace("  splice(%d, %d, %zu): %s", in, out, asked, error_name(result));
	return call_end(result);
}

ssize_t __wrap_sendfile(int out, int in, off_t *at, size_t size)
{
	struct file *from = fd_file(in), *to = socket_file(out);
	size_t asked = size;
	ssize_t result = flow_fault(CALL_SENDFILE, "sendfile", to->side, false);

	if (at || from->type != FILE_REGULAR)
		fail("unknown", "sendfile() with an offset, or from no file");
	from = fd_file(in);
	to = socket_file(out);
	if (!result)
		result = call_soften(to, &size);
	if (!result && !from->tube->bytes.length && from->side >= 0)
		world.flow[from->side].end_read = true;
	if (!result && from->tube->bytes.length)
		result = tube_to_socket(from, to, size);
	trace_call("sendfile", out, asked, result);
	return call_end(result);
}

/* Polling */

int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout)
{
	int found = 0;

	call_other("poll");
	if (timeout)
		fail("blocks", "poll() with a timeout");
	for (nfds_t i = 0; i < count; i++) {
		uint32_t wanted = (uint32_t)(unsigned short)entries[i].events | EPOLLERR | EPOLLHUP;

		entries[i].revents = 0;
		if (entries[i].fd < 0)
			continue;
		entries[i].revents = (short)(file_poll(fd_file(entries[i].fd)) & wanted);
		found += entries[i].revents != 0;
		trace("  poll(%d, %#x) = %#x", entries[i].fd, (unsigned)entries[i].events,
		      (unsigned)entries[i].revents);
	}
	return found;
}
