/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/check.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/units.h"
#include "base/util.h"
#include "net/socket.h"

#define GREETING "VSOCK-CHECK 1 "
#define FULL_TIME (400 * NSEC_PER_MSEC) /* how long "both" fills the windows before it reads */
#define SUSPECT_TIME (200 * NSEC_PER_MSEC)
#define TURN_PIECES 64 /* in one turn of the loop */
#define OFFSET_MAX ((uint64_t)CHECK_SIZE_MAX * CHECK_STEPS_MAX)

/* The protocol */

static const char *const kinds[] = { "send", "receive", "both", "wait", "shut", "end", "reset" };
static const char *const outcomes[] = { "unknown", "running", "done",	"stalled", "ended",
					"reset",   "closed",  "nobufs", "surplus", "failed" };
static const char *const wrongs[] = { "right", "changed", "moved", "foreign", "boundary" };

/* Decimal digits without a sign, up to max. */
static bool read_number(const char **text, uint64_t max, uint64_t *number)
{
	const char *at = *text;

	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (digit > max || *number > (max - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	return true;
}

/* One of the words, before a space, a '=' or the end. */
static bool read_word(const char **text, const char *const *words, size_t count, uint8_t *index)
{
	size_t length = strcspn(*text, " =");

	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) != length || strncmp(words[i], *text, length) != 0)
			continue;
		*index = (uint8_t)i;
		*text += length;
		return true;
	}
	return false;
}

/* SIZE[/PIECE[-PIECE]] */
static bool read_size(const char **text, struct check_step *step)
{
	uint64_t amount, low, high;

	if (!read_number(text, CHECK_SIZE_MAX, &amount) || amount == 0)
		return false;
	low = high = amount < CHECK_PIECE_MAX ? amount : CHECK_PIECE_MAX;
	if (**text == '/') {
		++*text;
		if (!read_number(text, CHECK_PIECE_MAX, &low) || low == 0)
			return false;
		high = low;
		if (**text == '-') {
			++*text;
			if (!read_number(text, CHECK_PIECE_MAX, &high) || high < low)
				return false;
		}
	}
	*step = (struct check_step){ step->kind, (uint32_t)amount, (uint32_t)low, (uint32_t)high };
	return true;
}

static bool read_step(const char **text, struct check_step *step)
{
	uint64_t time;

	if (!read_word(text, kinds, ARRAY_SIZE(kinds), &step->kind))
		return false;
	if (step->kind > CHECK_WAIT)
		return **text == '\0' || **text == ' ';
	if (**text != '=')
		return false;
	++*text;
	if (step->kind != CHECK_WAIT)
		return read_size(text, step);
	if (!read_number(text, CHECK_WAIT_MAX, &time))
		return false;
	step->amount = (uint32_t)time;
	return true;
}

bool check_read_steps(const char *text, struct check_request *request)
{
	for (request->count = 0; *text; request->count++) {
		if (request->count == CHECK_STEPS_MAX)
			return false;
		if (request->count && *text++ != ' ')
			return false;
		if (!read_step(&text, &request->steps[request->count]))
			return false;
	}
	return true;
}

bool check_read_request(const char *line, struct check_request *request)
{
	static const char digits[] = "0123456789abcdef";
	size_t start = strlen(GREETING);

	*request = (struct check_request){ 0 };
	if (strncmp(line, GREETING, start) != 0 || strspn(line + start, digits) != 8 ||
	    line[start + 8] != ' ')
		return false;
	request->seed = (uint32_t)strtoul(line + start, NULL, 16);
	line += start + 9;
	if (strcmp(line, "report") == 0) {
		request->report = true;
		return true;
	}
	return check_read_steps(line, request) && request->count > 0;
}

const char *check_answer(const char *line, uint32_t seed, const char *word)
{
	char start[64];

	snprintf(start, sizeof(start), GREETING "%08" PRIx32 " %s ", seed, word);
	return strncmp(line, start, strlen(start)) == 0 ? line + strlen(start) : NULL;
}

char *check_write_result(char line[CHECK_LINE_MAX], uint32_t seed,
			 const struct check_result *result)
{
	snprintf(line, CHECK_LINE_MAX,
		 GREETING "%08" PRIx32 " result %s %u %" PRIu64 " %" PRIu64 " %s %" PRIu64
			  " %" PRIu64 "\n",
		 seed, outcomes[result->outcome], result->step, result->sent, result->received,
		 wrongs[result->wrong], result->at, result->from);
	return line;
}

static bool read_space(const char **text)
{
	bool found = **text == ' ';

	*text += found;
	return found;
}

/* A space, and a number. */
static bool read_next(const char **text, uint64_t max, uint64_t *number)
{
	return read_space(text) && read_number(text, max, number);
}

bool check_read_result(const char *line, uint32_t seed, struct check_result *result)
{
	const char *text = check_answer(line, seed, "result");
	struct check_result told = { 0 };
	uint64_t step;
	bool good;

	good = text && read_word(&text, outcomes, ARRAY_SIZE(outcomes), &told.outcome) &&
	       read_next(&text, CHECK_STEPS_MAX, &step) &&
	       read_next(&text, OFFSET_MAX, &told.sent) &&
	       read_next(&text, OFFSET_MAX, &told.received) && read_space(&text) &&
	       read_word(&text, wrongs, ARRAY_SIZE(wrongs), &told.wrong) &&
	       read_next(&text, OFFSET_MAX, &told.at) && read_next(&text, OFFSET_MAX, &told.from) &&
	       !*text;
	if (good)
		told.step = (uint8_t)step;
	*result = good ? told : (struct check_result){ 0 };
	return good;
}

static bool receives(const struct check_step *step)
{
	return step->kind == CHECK_RECEIVE || step->kind == CHECK_BOTH;
}

uint64_t check_awaited(const struct check_request *request)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < request->count; i++)
		if (receives(&request->steps[i]))
			bytes += request->steps[i].amount;
	return bytes;
}

/*
 * The pattern: words of eight bytes, each the product of seed, direction and index with an odd
 * number. So a word that is found at the wrong place tells where it belongs.
 */

#define FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define INVERSE UINT64_C(0xf1de83e19937733d) /* FACTOR * INVERSE is 1 modulo 2^64 */

static uint64_t identity(uint32_t seed, bool down, uint64_t offset)
{
	return (uint64_t)seed << 32 | (uint64_t)down << 31 | offset / 8;
}

void check_pattern(void *data, size_t size, uint32_t seed, bool down, uint64_t offset)
{
	uint8_t *out = data;

	while (size) {
		uint64_t word = htobe64(identity(seed, down, offset) * FACTOR);
		size_t skip = offset % 8, length = 8 - skip < size ? 8 - skip : size;

		memcpy(out, (const uint8_t *)&word + skip, length);
		out += length;
		size -= length;
		offset += length;
	}
}

/* Where do these bytes belong, which should be those of result->at? */
static void locate(struct check_run *run, const uint8_t *data, size_t size)
{
	struct check_result *result = &run->result;

	result->wrong = CHECK_CHANGED;
	for (size_t skip = 0; skip < 8 && skip + 8 <= size; skip++) {
		uint64_t word, known = identity(run->request.seed, !run->server, 0);

		memcpy(&word, data + skip, sizeof(word));
		word = be64toh(word) * INVERSE;
		if (word >> 31 == known >> 31 && (word & INT32_MAX) * 8 <= OFFSET_MAX &&
		    (word & INT32_MAX) * 8 >= skip) {
			result->from = (word & INT32_MAX) * 8 - skip;
			if (result->from != result->at)
				result->wrong = CHECK_MOVED;
			return;
		}
		if (word >> 48 == known >> 48 && (word & INT32_MAX) * 8 <= OFFSET_MAX) {
			result->wrong = CHECK_FOREIGN;
			return;
		}
	}
}

/* Compares what was received last with what was sent. expected is room for size bytes. */
static void verify(struct check_run *run, const uint8_t *data, size_t size, uint8_t *expected)
{
	struct check_result *result = &run->result;
	size_t same = 0;

	/* too few bytes may have come to tell what is wrong, so the next ones are looked at too */
	if (result->wrong > CHECK_CHANGED)
		return;
	check_pattern(expected, size, run->request.seed, !run->server, result->received);
	if (memcmp(data, expected, size) == 0)
		return;
	while (data[same] == expected[same])
		same++;
	result->at = result->received + same;
	locate(run, data + same, size - same);
}

/* The engine */

enum progress { NEXT, LATER, OVER };

static enum progress finish(struct check_run *run, enum check_outcome outcome)
{
	run->result.outcome = (uint8_t)outcome;
	check_stop(run);
	run->done(run);
	return OVER;
}

/* EPIPE and ENOTCONN say little: a VM that went away is in SO_ERROR. */
static enum progress fail(struct check_run *run, int error)
{
	int pending;

	if (error == EAGAIN)
		return LATER;
	if ((error == EPIPE || error == ENOTCONN) &&
	    (pending = socket_option(run->fd, SO_ERROR)) > 0)
		error = pending;
	switch (error) {
	case ECONNRESET:
		return finish(run, CHECK_BROKE);
	case EPIPE:
		return finish(run, CHECK_CLOSED);
	case ENOTCONN:
		return finish(run, CHECK_ENDED);
	case ENOBUFS:
		return finish(run, CHECK_NO_BUFFERS);
	case ETIMEDOUT:
		return finish(run, CHECK_STALLED);
	default:
		return finish(run, CHECK_FAILED);
	}
}

static const struct check_step *step_of(const struct check_run *run)
{
	return &run->request.steps[run->result.step];
}

static size_t piece_size(const struct check_step *step, uint64_t number, uint64_t left)
{
	uint64_t size = step->low + number * 997 % (step->high - step->low + 1);

	return (size_t)(size < left ? size : left);
}

static ssize_t receive(struct check_run *run, void *data, size_t size, int flags)
{
	ssize_t got = RETRY(recv(run->fd, data, size, MSG_DONTWAIT | flags));

	return got;
}

static enum progress send_pieces(struct check_run *run, uint8_t *data)
{
	for (int i = 0; run->out && i < TURN_PIECES; i++) {
		size_t size = piece_size(step_of(run), run->pieces_out, run->out);
		ssize_t put;

		check_pattern(data, size, run->request.seed, run->server, run->result.sent);
		put = send(run->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0)
			return fail(run, errno == EINTR ? EAGAIN : errno);
		run->pieces_out++;
		run->out -= (uint64_t)put;
		run->result.sent += (uint64_t)put;
		run->progress = units_now();
	}
	return run->out ? LATER : NEXT;
}

static enum progress receive_some(struct check_run *run, uint8_t *data)
{
	struct check_result *result = &run->result;

	for (int i = 0; run->in && i < TURN_PIECES; i++) {
		size_t size = piece_size(step_of(run), run->pieces_in, run->in);
		size_t room = run->seqpacket || run->in > CHECK_PIECE_MAX ? CHECK_PIECE_MAX
									  : (size_t)run->in;
		ssize_t got = receive(run, data, room, run->seqpacket ? MSG_TRUNC : 0);

		if (got < 0)
			return fail(run, errno);
		if (got == 0)
			return finish(run, CHECK_ENDED);
		run->progress = units_now();
		if (run->seqpacket && (size_t)got != size && !result->wrong) {
			result->wrong = CHECK_BOUNDARY;
			result->at = result->received;
			result->from = (uint64_t)got;
		}
		/* a message may be larger than all that is left */
		size = (uint64_t)got < run->in ? (size_t)got : (size_t)run->in;
		verify(run, data, size < room ? size : room, data + CHECK_PIECE_MAX);
		run->pieces_in++;
		run->in -= size;
		result->received += size;
	}
	return run->in ? LATER : NEXT;
}

static bool may_read(const struct check_run *run, uint64_t now)
{
	return step_of(run)->kind != CHECK_BOTH || now - run->began >= FULL_TIME;
}

static enum progress move(struct check_run *run)
{
	/* one half for what is sent or received, the other for what should have been */
	uint8_t *data = loop_buffer(run->loop, (size_t)2 * CHECK_PIECE_MAX);

	if (!data)
		return finish(run, CHECK_FAILED);
	if (run->out && send_pieces(run, data) == OVER)
		return OVER;
	if (run->in && may_read(run, units_now()) && receive_some(run, data) == OVER)
		return OVER;
	return run->out || run->in ? LATER : NEXT;
}

static enum progress read_end(struct check_run *run)
{
	uint8_t byte;
	ssize_t got = receive(run, &byte, 1, 0);

	if (got > 0)
		return finish(run, CHECK_SURPLUS);
	if (got < 0 && errno != ENOTCONN)
		return fail(run, errno);
	return NEXT;
}

static enum progress perform(struct check_run *run)
{
	const struct check_step *step = step_of(run);

	switch (step->kind) {
	case CHECK_WAIT:
		return units_now() - run->began >= step->amount * NSEC_PER_MSEC ? NEXT : LATER;
	case CHECK_SHUT:
		shutdown(run->fd, SHUT_WR);
		return NEXT;
	case CHECK_END:
		return read_end(run);
	case CHECK_RESET:
		socket_abort(run->fd);
		return NEXT;
	default:
		return move(run);
	}
}

static void begin_step(struct check_run *run)
{
	const struct check_step *step = step_of(run);
	bool known = run->result.step < run->request.count;

	run->began = run->progress = units_now();
	run->pieces_out = run->pieces_in = 0;
	run->out = known && (step->kind == CHECK_SEND || step->kind == CHECK_BOTH) ? step->amount
										   : 0;
	run->in = known && receives(step) ? step->amount : 0;
}

/* Not a byte more than the line, because what follows may be data. */
static enum progress hear(struct check_run *run)
{
	while (!run->length || run->line[run->length - 1] != '\n') {
		size_t room = sizeof(run->line) - run->length;
		ssize_t got = room ? receive(run, run->line + run->length,
					     run->seqpacket ? room : 1, 0)
				   : 0;

		if (got < 0)
			return fail(run, errno);
		if (got == 0)
			return finish(run, room ? CHECK_ENDED : CHECK_FAILED);
		run->length += (size_t)got;
	}
	run->line[run->length - 1] = '\0';
	if (strlen(run->line) != run->length - 1 || !run->heard(run))
		return finish(run, CHECK_FAILED);
	run->hearing = false;
	begin_step(run);
	return NEXT;
}

static uint32_t wanted(const struct check_run *run, uint64_t now)
{
	if (run->hearing || step_of(run)->kind == CHECK_END)
		return EPOLLIN;
	return (run->out ? EPOLLOUT : 0) | (run->in && may_read(run, now) ? EPOLLIN : 0);
}

/* When to look again although nothing has happened. */
static uint64_t due(const struct check_run *run, uint64_t now)
{
	const struct check_step *step = step_of(run);
	uint64_t at = run->progress + run->patience;

	if (!run->hearing && step->kind == CHECK_WAIT)
		at = run->began + step->amount * NSEC_PER_MSEC;
	else if (!run->hearing && !may_read(run, now))
		at = run->began + FULL_TIME;
	if (at <= now)
		at = now + SUSPECT_TIME; /* see run_due() */
	return at < run->ends ? at : run->ends;
}

static void go_on(struct check_run *run)
{
	enum progress progress = run->hearing ? hear(run) : NEXT;
	uint64_t now;
	uint32_t events;

	while (progress == NEXT && run->result.step < run->request.count) {
		progress = perform(run);
		if (progress == NEXT) {
			run->result.step++;
			begin_step(run);
		}
	}
	if (progress == NEXT)
		finish(run, CHECK_DONE);
	if (progress != LATER)
		return;
	/* one time for both: otherwise the moment from which it reads may pass between them */
	now = units_now();
	events = wanted(run, now);
	if (!events)
		loop_unwatch(run->loop, &run->watch);
	loop_timer(run->loop, &run->timer, due(run, now));
	if (events && loop_watch(run->loop, &run->watch, run->fd, events) < 0)
		finish(run, CHECK_FAILED);
}

static void run_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	(void)loop;
	(void)events;
	go_on(container_of(watch, struct check_run, watch));
}

static const struct watch_kind run_kind = { .name = "check", .ready = run_ready };

static void run_due(struct loop *loop, struct timer *timer)
{
	struct check_run *run = container_of(timer, struct check_run, timer);
	uint64_t now = units_now();
	bool waits = !run->hearing && step_of(run)->kind == CHECK_WAIT;

	/* All of this machine may have stood still, and what has come is not read yet: so it has
	 * stalled when it is found so twice. */
	bool stalls = !waits && now - run->progress >= run->patience;

	(void)loop;
	if (now >= run->ends || (stalls && run->suspected == run->progress)) {
		finish(run, CHECK_STALLED);
		return;
	}
	if (stalls)
		run->suspected = run->progress;
	go_on(run);
}

void check_start(struct check_run *run, struct loop *loop, int fd)
{
	run->loop = loop;
	run->fd = fd;
	run->watch = (struct watch){ .kind = &run_kind, .fd = -1 };
	run->timer.expired = run_due;
	run->result = (struct check_result){ .outcome = CHECK_RUNNING };
	run->hearing = true;
	run->length = 0;
	run->ends = units_now() + run->time;
	begin_step(run);
	go_on(run);
}

void check_stop(struct check_run *run)
{
	if (!run->loop)
		return;
	loop_unwatch(run->loop, &run->watch);
	loop_timer_stop(run->loop, &run->timer);
}

bool check_say(int fd, const char *line)
{
	return send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)strlen(line);
}
