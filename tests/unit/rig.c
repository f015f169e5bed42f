/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "rig.h"

atomic_uint turns;
atomic_uint splices;
atomic_uint splice_bad;
atomic_bool pipe_bad;

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	turns++;
	return __real_epoll_wait(epoll, events, count, timeout);
}

ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
	unsigned number = ++splices;

	if (splice_bad && number >= splice_bad) {
		errno = EINVAL;
		return -1;
	}
	return __real_splice(in, in_at, out, out_at, size, flags);
}

int __wrap_pipe2(int ends[2], int flags)
{
	if (pipe_bad) {
		errno = EMFILE;
		return -1;
	}
	return __real_pipe2(ends, flags);
}

static const char *const kind_names[] = { "UNIX", "TCP", "pipes", "guarded pipes" };

/* Making sides */

void tcp_pair(int pair[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &size), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&in, sizeof(in)), 0);
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair[1] >= 0);
	close(listener);
}

void pipes_make(struct far *far, int *in, int *out)
{
	int up[2], down[2];

	assert_int_equal(__real_pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(__real_pipe2(down, O_CLOEXEC), 0);
	*far = (struct far){ .to = up[1], .from = down[0] };
	*in = up[0];
	*out = down[1];
}

void side_make(enum kind kind, struct far *far, struct endpoint *end)
{
	int pair[2];

	if (kind >= KIND_PIPES) {
		pipes_make(far, &pair[0], &pair[1]);
		assert_int_equal(endpoint_stdio(pair[0], pair[1], end), 0);
		close(pair[0]);
		close(pair[1]);
		assert_int_equal(end->in_kind, ENDPOINT_PIPE);
		assert_int_equal(end->out_kind, ENDPOINT_PIPE);
		if (kind == KIND_GUARDED) {
			/* as where /proc can't be used: blocking, polled first */
			end->in_kind = end->out_kind = ENDPOINT_GUARDED;
			fd_nonblock(end->in, false);
			fd_nonblock(end->out, false);
		}
	} else {
		if (kind == KIND_TCP)
			tcp_pair(pair);
		else
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
					 0);
		far->to = far->from = pair[0];
		fd_nonblock(pair[1], true);
		*end = endpoint_socket(pair[1], kind == KIND_TCP ? ADDR_TCP : ADDR_UNIX, false);
	}
}

void far_nonblock(const struct far *far)
{
	fd_nonblock(far->to, true);
	fd_nonblock(far->from, true);
}

void far_finish(struct far *far)
{
	if (far->to == far->from)
		shutdown(far->to, SHUT_WR);
	else
		fd_close(&far->to);
}

void far_close(struct far *far)
{
	if (far->to != far->from)
		fd_close(&far->to);
	else
		far->to = -1;
	fd_close(&far->from);
}

/* Running */

static void *rig_thread(void *context)
{
	struct rig *rig = context;

	loop_run(rig->loop);
	return NULL;
}

void rig_done(struct loop *loop, struct relay *relay)
{
	/* as every owner does: the last end is told by closing */
	relay_close(loop, relay);
	loop_stop(loop);
}

static void poke_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct rig *rig = (struct rig *)(void *)((char *)watch - offsetof(struct rig, poke));
	char byte;

	(void)loop;
	(void)events;
	assert_int_equal(read(watch->fd, &byte, 1), 1);
	rig->poked(rig);
}

static const struct watch_kind poke_kind = { .name = "poke", .ready = poke_ready };

void rig_init(struct rig *rig, unsigned engine)
{
	memset(rig, 0, sizeof(*rig));
	signal(SIGPIPE, SIG_IGN);
	turns = splices = splice_bad = 0;
	pipe_bad = false;
	rig->settings = relay_defaults;
	rig->settings.engine = engine;
	assert_int_equal(loop_start(&rig->loop), 0);
	assert_int_equal(__real_pipe2(rig->poke_fd, O_CLOEXEC), 0);
	rig->poke = (struct watch){ .kind = &poke_kind, .fd = -1 };
	assert_int_equal(loop_watch(rig->loop, &rig->poke, rig->poke_fd[0], EPOLLIN), 0);
}

void rig_run(struct rig *rig)
{
	assert_int_equal(
		relay_start(rig->loop, &rig->relay, rig->end, &rig->settings, NULL, rig_done), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, rig_thread, rig), 0);
	rig->running = true;
}

void rig_start(struct rig *rig, enum kind left, enum kind right, unsigned engine)
{
	rig_init(rig, engine);
	side_make(left, &rig->far[0], &rig->end[0]);
	side_make(right, &rig->far[1], &rig->end[1]);
	rig_run(rig);
}

void rig_poke(struct rig *rig, void (*what)(struct rig *rig))
{
	rig->poked = what;
	assert_int_equal(write(rig->poke_fd[1], "", 1), 1);
}

void rig_ends(struct rig *rig, enum relay_end result)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += RIG_PATIENCE;
	if (pthread_timedjoin_np(rig->thread, NULL, &limit) != 0)
		fail_msg("the relay did not end (up %llu, down %llu bytes)",
			 (unsigned long long)rig->relay.chan[0].bytes,
			 (unsigned long long)rig->relay.chan[1].bytes);
	rig->running = false;
	if (rig->relay.result != result)
		fail_msg("the relay ended with '%s' (%d), not with %d; error %s",
			 relay_end_word(&rig->relay), rig->relay.result, result,
			 strerror(rig->relay.error));
	assert_true(rig->relay.over);
}

void rig_free(struct rig *rig)
{
	relay_close(rig->loop, &rig->relay);
	loop_unwatch(rig->loop, &rig->poke);
	loop_free(rig->loop);
	close(rig->poke_fd[0]);
	close(rig->poke_fd[1]);
	far_close(&rig->far[0]);
	far_close(&rig->far[1]);
}

/* Bytes */

unsigned char pattern(int side, uint64_t at)
{
	uint64_t x = at / 4 * 0x9e3779b97f4a7c15ULL + (unsigned)side;

	return (unsigned char)(x >> (16 + at % 4 * 8));
}

bool readable(int fd, int ms)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, ms) == 1;
}

void send_pattern(struct far *far, int side, uint64_t from, size_t size)
{
	unsigned char *data = malloc(size + !size);

	for (size_t i = 0; i < size; i++)
		data[i] = pattern(side, from + i);
	for (size_t done = 0; done < size;) {
		ssize_t put = write(far->to, data + done, size - done);

		if (put < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = far->to, .events = POLLOUT }, 1,
			     RIG_PATIENCE * 1000);
			continue;
		}
		assert_true(put > 0);
		done += (size_t)put;
	}
	free(data);
}

void expect_pattern(const struct far *far, int side, uint64_t from, size_t size)
{
	unsigned char data[4096];

	for (size_t done = 0; done < size;) {
		size_t ask = size - done < sizeof(data) ? size - done : sizeof(data);
		ssize_t got;

		assert_true(readable(far->from, RIG_PATIENCE * 1000));
		got = read(far->from, data, ask);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			fail_msg("%zu of %zu bytes came, then %s", done, size,
				 got ? strerror(errno) : "the end");
		for (ssize_t i = 0; i < got; i++)
			if (data[i] != pattern(side, from + done + (size_t)i))
				fail_msg("byte %zu is wrong", done + (size_t)i);
		done += (size_t)got;
	}
}

void expect_end(const struct far *far)
{
	char byte;

	assert_true(readable(far->from, RIG_PATIENCE * 1000));
	assert_int_equal(read(far->from, &byte, 1), 0);
}

void expect_abort(const struct far *far, enum kind kind)
{
	char byte;

	if (kind != KIND_TCP) {
		expect_end(far);
		return;
	}
	assert_true(readable(far->from, RIG_PATIENCE * 1000));
	assert_int_equal(read(far->from, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
}

void expect_quiet(const struct far *far)
{
	assert_false(readable(far->from, RIG_QUIET));
}

uint64_t fill_on(const struct far *far, int side, uint64_t done)
{

	fd_nonblock(far->to, true);
	do {
		unsigned char data[1024];
		ssize_t put;

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = pattern(side, done + i);
		while ((put = write(far->to, data, sizeof(data))) == (ssize_t)sizeof(data)) {
			done += sizeof(data);
			for (size_t i = 0; i < sizeof(data); i++)
				data[i] = pattern(side, done + i);
		}
		if (put > 0)
			done += (uint64_t)put;
	} while (poll(&(struct pollfd){ .fd = far->to, .events = POLLOUT }, 1, RIG_QUIET) == 1);
	return done;
}

uint64_t fill(const struct far *far, int side)
{
	return fill_on(far, side, 0);
}

void exchange(struct rig *rig, struct way way[2])
{
	static unsigned char data[65536];

	far_nonblock(&rig->far[0]);
	far_nonblock(&rig->far[1]);
	for (int side = 0; side < 2; side++)
		if (!way[side].size)
			far_finish(&rig->far[!side]);
	while (!way[0].ended || !way[1].ended) {
		struct pollfd entries[4];

		for (int side = 0; side < 2; side++) {
			entries[side] = (struct pollfd){
				.fd = way[side].ended ? -1 : rig->far[side].from, .events = POLLIN
			};
			entries[2 + side] = (struct pollfd){ .fd = way[side].sent < way[side].size
									   ? rig->far[!side].to
									   : -1,
							     .events = POLLOUT };
		}
		if (poll(entries, 4, RIG_PATIENCE * 1000) <= 0)
			fail_msg("stuck: %llu of %llu and %llu of %llu",
				 (unsigned long long)way[0].got, (unsigned long long)way[0].size,
				 (unsigned long long)way[1].got, (unsigned long long)way[1].size);
		for (int side = 0; side < 2; side++) {
			struct way *w = &way[side];
			size_t room = w->read_at_once ? w->read_at_once : sizeof(data);
			ssize_t n;

			if (entries[side].revents) {
				n = read(rig->far[side].from, data, room);
				assert_true(n >= 0 || errno == EAGAIN);
				for (ssize_t i = 0; i < n; i++)
					if (data[i] != pattern(side, w->got + (uint64_t)i))
						fail_msg("byte %llu towards side %d is wrong",
							 (unsigned long long)(w->got + (uint64_t)i),
							 side);
				w->got += n > 0 ? (uint64_t)n : 0;
				w->ended = n == 0;
			}
			if (!entries[2 + side].revents)
				continue;
			room = w->write_at_once ? w->write_at_once : sizeof(data);
			if (room > w->size - w->sent)
				room = (size_t)(w->size - w->sent);
			for (size_t i = 0; i < room; i++)
				data[i] = pattern(side, w->sent + i);
			n = write(rig->far[!side].to, data, room);
			assert_true(n > 0 || errno == EAGAIN);
			w->sent += n > 0 ? (uint64_t)n : 0;
			if (w->sent == w->size)
				far_finish(&rig->far[!side]);
		}
	}
	assert_int_equal(way[0].got, way[0].size);
	assert_int_equal(way[1].got, way[1].size);
}

void each_pair(void (*test)(enum kind left, enum kind right, unsigned engine))
{
	for (unsigned engine = ENGINE_COPY; engine <= ENGINE_SPLICE; engine++)
		for (enum kind left = 0; left < KINDS; left++)
			for (enum kind right = 0; right < KINDS; right++) {
				/* a failure says which pair it was */
				print_message("# %s and %s, %s\n", kind_names[left],
					      kind_names[right],
					      engine == ENGINE_COPY ? "copy" : "splice");
				test(left, right, engine);
			}
}

void exchanged(enum kind left, enum kind right, unsigned engine, const struct way *down,
	       const struct way *up)
{
	struct way way[2] = { *down, *up };
	struct rig rig;

	rig_start(&rig, left, right, engine);
	exchange(&rig, way);
	rig_ends(&rig, END_EOF);
	assert_int_equal(rig.relay.chan[0].bytes, up->size);
	assert_int_equal(rig.relay.chan[1].bytes, down->size);
	assert_int_equal(rig.relay.lost, 0);
	rig_free(&rig);
}

void expect_sleep(const char *what)
{
	uint64_t deadline = units_now() + RIG_PATIENCE * NSEC_PER_SEC;
	unsigned before;

	do {
		if (units_now() > deadline)
			fail_msg("%s: the loop turns and turns while nothing happens", what);
		before = turns;
		poll(NULL, 0, RIG_QUIET);
	} while (turns - before > 3);
}
