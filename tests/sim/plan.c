/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan, made from a seed: who is at the two ends, what they do, and what goes wrong. */
#include "config.h"

#include "sim.h"

#include "relay/busy.h"

#include "base/units.h"
#include "relay/choose.h"

static const char *const kind_names[] = { "tcp",    "unix",	      "vsock",
					  "hybrid", "unix-seqpacket", "vsock-seqpacket",
					  "stdio" };
static const char *const stdio_names[] = { "pipe", "file", "terminal", "none" };
static const char *const operation_names[] = { "write",	   "pause", "stall",	   "urgent",
					       "shutdown", "read",  "read-slowly", "shut-read",
					       "close",	   "reset", "break" };
static const char *const call_names[] = { "read",      "write",		 "recv",      "send",
					  "splice",    "sendfile",	 "pipe2",     "eventfd",
					  "epoll_ctl", "pthread_create", "setsockopt" };

static struct random dice;

static bool chance(unsigned permille)
{
	return random_chance(&dice, permille);
}

static uint64_t below(uint64_t limit)
{
	return random_below(&dice, limit);
}

static bool is_messages(const struct side_plan *side)
{
	return side->kind == KIND_UNIX_MESSAGES || side->kind == KIND_VSOCK_MESSAGES;
}

/* Sides */

static uint32_t a_room(bool messages, bool large)
{
	static const uint32_t rooms[] = { 1, 16, 300, 4096, 65536, 212992 };

	if (messages)
		return chance(500) ? 4608 : 212992;
	return large ? rooms[4 + below(2)] : rooms[chance(100) ? below(2) : 2 + below(4)];
}

static void make_side(struct side_plan *side, bool large, bool may_be_stdio)
{
	static const uint8_t kinds[] = { KIND_TCP,    KIND_TCP,		  KIND_UNIX,
					 KIND_UNIX,   KIND_VSOCK,	  KIND_VSOCK,
					 KIND_HYBRID, KIND_UNIX_MESSAGES, KIND_VSOCK_MESSAGES,
					 KIND_STDIO,  KIND_STDIO };

	do
		side->kind = kinds[below(sizeof(kinds))];
	while (side->kind == KIND_STDIO && !may_be_stdio);
	side->receive_room = a_room(is_messages(side), large);
	side->send_room = a_room(is_messages(side), large);
	side->closes_at_end = side->kind == KIND_HYBRID ? chance(500) : chance(50);
	side->inherited = side->kind != KIND_STDIO && chance(60);
	if (side->kind != KIND_STDIO)
		return;
	side->in = (uint8_t)below(STDIO_KINDS);
	side->out = (uint8_t)below(STDIO_KINDS);
	if (side->in == STDIO_NONE && side->out == STDIO_NONE)
		side->in = side->out = STDIO_PIPE;
	side->guarded = chance(150);
}

/* Scripts */

static void add(struct script *script, enum operation operation, uint64_t n)
{
	if (script->count == STEPS)
		return;
	script->step[script->count++] = (struct action){ .operation = (uint8_t)operation,
							 .end_of_record = chance(200),
							 .n = (uint32_t)n };
}

static uint32_t a_size(const struct side_plan *side, bool large, uint64_t most)
{
	uint64_t size;

	if (is_messages(side))
		return chance(150) && side->kind == KIND_UNIX_MESSAGES
			       ? 0
			       : (uint32_t)(1 + below(2000));
	size = large && chance(300) ? 600000 + below(1600000) : random_size(&dice, 30000);
	return (uint32_t)(size < most ? size : most);
}

static void bad_end(struct script *script)
{
	static const uint8_t ends[] = { OP_CLOSE, OP_CLOSE, OP_RESET, OP_RESET, OP_BREAK };

	add(script, (enum operation)ends[below(sizeof(ends))], 0);
}

static void make_writes(struct side_plan *side, bool large, bool good, uint64_t most)
{
	struct script *script = &side->writes;

	for (uint64_t left = below(8); left && script->count < STEPS - 2; left--) {
		if (chance(200))
			add(script, OP_PAUSE, 1 + below(300));
		else if (side->kind == KIND_TCP && chance(80))
			add(script, OP_URGENT, 0);
		else
			add(script, OP_WRITE, a_size(side, large, most));
	}
	if (chance(100))
		add(script, OP_STALL, 0);
	if (good || chance(600))
		add(script, OP_SHUTDOWN, 0);
	else
		bad_end(script);
}

static void make_reads(struct side_plan *side, bool good)
{
	struct script *script = &side->reads;

	while (chance(350) && script->count < STEPS - 2) {
		if (chance(300))
			add(script, OP_PAUSE, 1 + below(300));
		else if (chance(300))
			add(script, OP_STALL, 0);
		else if (chance(300))
			add(script, OP_READ_SLOWLY, 1 + below(500));
		else
			add(script, OP_READ, random_size(&dice, 30000));
	}
	if (good || chance(600))
		return;
	if (chance(400))
		add(script, OP_SHUT_READ, 0);
	else
		bad_end(script);
}

/* Settings */

static uint64_t maybe_time(unsigned permille)
{
	return chance(permille) ? (1 + below(chance(500) ? 20 : 1000)) * MSEC : UNITS_INF;
}

static void make_settings(struct plan *plan, bool large)
{
	bool messages = is_messages(&plan->side[0]) || is_messages(&plan->side[1]);

	plan->engine = chance(600) ? 0 : (unsigned)below(3);
	plan->idle_timeout = maybe_time(80);
	plan->half_close_timeout = maybe_time(60);
	plan->max_time = maybe_time(60);
	plan->max_bytes = chance(100) ? 1 + random_size(&dice, 20000) : UNITS_INF;
	plan->rate = !large && chance(80) ? 3000 + below(200000) : UNITS_INF;
	plan->total_rate = !large && chance(80) ? 3000 + below(200000) : UNITS_INF;
	plan->source_bytes = plan->side[1].kind == KIND_STDIO && chance(150)
				     ? 1 + random_size(&dice, 20000)
				     : UNITS_INF;
	plan->buffer = chance(700) ? 0 : large ? 4096 + below(100000) : 1 + below(70000);
	plan->budget = chance(850) ? UINT64_MAX : random_size(&dice, 600000);
	plan->message_lines = chance(200);
	plan->message_size = messages ? 1 + (uint32_t)random_size(&dice, 2000) : 0;
	plan->no_shutdown = chance(40);
	plan->tap = chance(150);
	plan->filter = chance(200);
	plan->line_delay = !large && chance(100) ? (1 + below(20)) * MSEC : 0;
}

static void make_events(struct plan *plan)
{
	bool messages = is_messages(&plan->side[0]) || is_messages(&plan->side[1]);

	plan->stop_at = chance(80) ? below(200) * MSEC : NEVER;
	plan->grace = chance(500) ? 0 : (1 + below(1000)) * MSEC;
	/* the limits count what is inserted, too */
	plan->insert_at = !messages && plan->source_bytes == UNITS_INF &&
					  plan->max_bytes == UNITS_INF && chance(100)
				  ? below(300) * MSEC
				  : NEVER;
	plan->insert_size = 1 + (uint32_t)below(300);
	plan->insert_side = (uint8_t)below(2);
	if (plan->insert_at == NEVER || chance(500))
		return;
	/* more often while much is on its way */
	plan->engine = ENGINE_SPLICE;
	add(&plan->side[!plan->insert_side].reads, OP_PAUSE, 1 + plan->insert_at / MSEC);
}

static void make_faults(struct plan *plan)
{
	static const int errors[CALLS][3] = {
		[CALL_READ] = { EIO, EIO, ENOMEM },
		[CALL_WRITE] = { ENOSPC, EIO, ENOSPC },
		[CALL_RECV] = { ENOMEM, ENOBUFS, ENOMEM },
		[CALL_SEND] = { ENOBUFS, ENOMEM, ENOMEM },
		[CALL_SPLICE] = { ENOMEM, EINVAL, EINVAL },
		[CALL_SENDFILE] = { EIO, EINVAL, ENOMEM },
		[CALL_PIPE] = { EMFILE, ENFILE, ENOMEM },
		[CALL_EVENTFD] = { EMFILE, ENFILE, ENOMEM },
		[CALL_EPOLL_CTL] = { ENOMEM, ENOSPC, ENOMEM },
		[CALL_THREAD] = { EAGAIN, EAGAIN, EAGAIN },
		[CALL_SETSOCKOPT] = { EPERM, ENOBUFS, EINVAL },
	};

	while (plan->faults < FAULTS && chance(70)) {
		struct fault *fault = &plan->fault[plan->faults++];

		fault->call = (uint8_t)below(CALLS);
		fault->number = (uint32_t)random_size(&dice, 40);
		fault->error = errors[fault->call][below(3)];
	}
}

/* One peer ends, and goes later; the other one has nothing to say. */
static void make_leaver(struct plan *plan)
{
	struct side_plan *leaver = &plan->side[below(2)];
	struct side_plan *other = leaver == plan->side ? &plan->side[1] : &plan->side[0];

	leaver->writes.count = leaver->reads.count = other->writes.count = 0;
	if (chance(500))
		add(&leaver->writes, OP_WRITE, a_size(leaver, false, 1000));
	add(&leaver->writes, OP_SHUTDOWN, 0);
	add(&leaver->reads, OP_PAUSE, 1 + below(300));
	add(&leaver->reads, OP_CLOSE, 0);
	add(&other->writes, OP_STALL, 0);
	add(&other->writes, OP_SHUTDOWN, 0);
}

/* Nothing but the two peers ends the relay, and nothing fails. */
static void make_calm(struct plan *plan)
{
	plan->idle_timeout = plan->half_close_timeout = plan->max_time = UNITS_INF;
	plan->max_bytes = plan->rate = plan->total_rate = plan->source_bytes = UNITS_INF;
	plan->line_delay = 0;
	plan->stop_at = plan->insert_at = NEVER;
	plan->no_shutdown = plan->filter = false;
	plan->faults = 0;
}

static void set_side(struct side_plan *side, enum kind kind)
{
	bool messages = kind == KIND_UNIX_MESSAGES || kind == KIND_VSOCK_MESSAGES;

	*side = (struct side_plan){ .kind = (uint8_t)kind,
				    .receive_room = a_room(messages, false),
				    .send_room = a_room(messages, false) };
}

/* A vsock peer sends lines, the last one of them not whole, and closes; the other one ends first
 * or takes its time. */
static void make_lines(struct plan *plan)
{
	bool vsock = chance(500);
	unsigned from = (unsigned)below(2);
	struct side_plan *sender = &plan->side[from], *other = &plan->side[!from];

	set_side(sender, KIND_VSOCK);
	set_side(other, vsock ? KIND_VSOCK_MESSAGES : KIND_UNIX_MESSAGES);
	plan->message_lines = true;
	plan->message_size = 1 + (uint32_t)random_size(&dice, 2000);
	for (uint64_t left = 1 + below(4); left; left--)
		add(&sender->writes, OP_WRITE, 1 + below(300));
	if (chance(500))
		add(&sender->writes, OP_STALL, 0);
	add(&sender->reads, chance(500) ? OP_CLOSE : OP_PAUSE, 1 + below(50));
	add(&sender->reads, OP_CLOSE, 0);
	if (chance(500))
		add(&other->writes, OP_PAUSE, 1 + below(50));
	add(&other->writes, OP_SHUTDOWN, 0);
	if (chance(500))
		add(&other->reads, OP_PAUSE, 1 + below(50));
}

/* The last message of a UNIX peer is empty, and it closes without reading what it was sent. */
static void make_empty_message(struct plan *plan)
{
	unsigned from = (unsigned)below(2);
	struct side_plan *sender = &plan->side[from], *other = &plan->side[!from];

	set_side(sender, KIND_UNIX_MESSAGES);
	set_side(other, (enum kind)(chance(500) ? KIND_TCP : KIND_UNIX_MESSAGES));
	plan->message_size = 1 + (uint32_t)random_size(&dice, 2000);
	plan->message_lines = false;
	add(&other->writes, OP_WRITE, 1 + below(1000));
	add(&other->writes, OP_SHUTDOWN, 0);
	if (chance(500))
		add(&sender->writes, OP_WRITE, 1 + below(1000));
	if (chance(500))
		add(&sender->writes, OP_PAUSE, 1 + below(20));
	add(&sender->writes, OP_WRITE, 0);
	add(&sender->writes, OP_CLOSE, 0);
	add(&sender->reads, OP_STALL, 0);
	plan->meddle = (uint16_t)below(500);
}

/* relay_stop() comes when the end was read, and the last bytes still wait for their destination. */
static void make_late_stop(struct plan *plan)
{
	unsigned from = (unsigned)below(2);
	struct side_plan *sender = &plan->side[from], *other = &plan->side[!from];

	set_side(sender, (enum kind)(chance(500) ? KIND_TCP : KIND_UNIX));
	set_side(other, KIND_TCP);
	other->send_room = 300;
	plan->engine = ENGINE_SPLICE;
	plan->tap = false;
	plan->splice_bad = 0;
	plan->stop_at = (1 + below(20)) * MSEC;
	plan->grace = SECOND;
	add(&sender->writes, OP_WRITE, 300 + below(3000));
	add(&sender->writes, OP_SHUTDOWN, 0);
	add(&other->reads, OP_PAUSE, 1 + below(40));
	add(&other->writes, chance(500) ? OP_SHUTDOWN : OP_STALL, 0);
}

/* Empty messages, closer to each other than the idle timeout, are traffic. */
static void make_heartbeat(struct plan *plan)
{
	unsigned from = (unsigned)below(2);
	struct side_plan *sender = &plan->side[from], *other = &plan->side[!from];

	make_calm(plan);
	set_side(sender, KIND_UNIX_MESSAGES);
	set_side(other, KIND_UNIX_MESSAGES);
	plan->message_lines = false;
	plan->message_size = 1 + (uint32_t)random_size(&dice, 2000);
	plan->idle_timeout = 40 * MSEC;
	for (int i = 0; i < 4; i++) {
		add(&sender->writes, OP_PAUSE, 10 + below(20));
		add(&sender->writes, OP_WRITE, 0);
	}
	add(&sender->writes, OP_SHUTDOWN, 0);
	add(&other->writes, OP_SHUTDOWN, 0);
}

/* What chance alone brings about once in thousands of seeds. */
static void make_rare(struct plan *plan)
{
	make_calm(plan);
	switch (below(3)) {
	case 0:
		make_lines(plan);
		break;
	case 1:
		make_empty_message(plan);
		break;
	default:
		make_late_stop(plan);
		break;
	}
}

void plan_make(struct plan *plan, uint64_t seed)
{
	bool large, good;
	uint64_t most, small;

	dice.state = seed * 0x2545f4914f6cdd1dULL + 1;
	*plan = (struct plan){ .seed = seed };
	/* Without dice, so that the other plans stay what they were. */
	if (seed % 8 == 6)
		plan->busy_poll = seed % 16 == 6 ? BUSY_AUTO : 20 * 1000;
	large = chance(30);
	good = chance(600);
	make_side(&plan->side[0], large, true);
	make_side(&plan->side[1], large, plan->side[0].kind != KIND_STDIO);
	make_settings(plan, large);
	make_events(plan);
	most = UINT64_MAX;
	/* what becomes small messages takes many calls, too */
	small = plan->message_size ? (uint64_t)plan->message_size * 5000 : UINT64_MAX;
	for (int side = 0; side < 2; side++) {
		/* what goes through small rooms takes many calls */
		uint64_t room = plan->side[side].receive_room < plan->side[!side].send_room
					? plan->side[side].receive_room
					: plan->side[!side].send_room;

		if (plan->buffer && plan->buffer < room)
			room = plan->buffer;
		most = room * 200;
		if (plan->budget != UINT64_MAX && plan->side[side].kind == KIND_STDIO)
			most = most < 100000 ? most : 100000;
		make_writes(&plan->side[side], large, good, most < small ? most : small);
		make_reads(&plan->side[side], good);
	}
	if (chance(50))
		make_leaver(plan);
	plan->meddle = (uint16_t)(chance(300) ? 0 : below(500));
	plan->shorten = (uint16_t)(chance(500) ? 0 : below(200));
	plan->again = (uint16_t)(chance(500) ? 0 : below(100));
	plan->interrupt = (uint16_t)(chance(700) ? 0 : below(50));
	plan->splice_bad = chance(100) ? 1 + (uint32_t)below(10) : 0;
	plan->pipe_pages = 16U << below(5);
	plan->memory_pipes = chance(50);
	make_faults(plan);
	/* likewise */
	if (seed % 32 == 5)
		make_rare(plan);
	if (seed % 64 == 21)
		make_heartbeat(plan);
	if (seed % 16 == 9 && plan->side[1].kind != KIND_STDIO && !plan->filter &&
	    !plan->line_delay)
		plan->side[0].standard = plan->side[0].kind != KIND_STDIO;
}

/* Printing */

static void print_script(const char *who, int side, const struct script *script)
{
	printf("%s %d:", who, side);
	for (unsigned i = 0; i < script->count; i++) {
		const struct action *step = &script->step[i];

		printf(" %s", operation_names[step->operation]);
		if (step->operation == OP_WRITE || step->operation == OP_PAUSE ||
		    step->operation == OP_READ || step->operation == OP_READ_SLOWLY)
			printf(" %u", step->n);
		if (step->operation == OP_WRITE && step->end_of_record)
			printf("!");
	}
	putchar('\n');
}

static void print_number(const char *name, uint64_t value, uint64_t nothing)
{
	if (value != nothing)
		printf(" %s=%llu", name, (unsigned long long)value);
}

static void print_settings(const struct plan *plan)
{
	static const char *const engines[] = { "auto", "copy", "splice" };

	printf("settings: engine=%s", engines[plan->engine]);
	print_number("idle-timeout-ns", plan->idle_timeout, UNITS_INF);
	print_number("half-close-timeout-ns", plan->half_close_timeout, UNITS_INF);
	print_number("max-time-ns", plan->max_time, UNITS_INF);
	print_number("max-bytes", plan->max_bytes, UNITS_INF);
	print_number("rate-limit", plan->rate, UNITS_INF);
	print_number("total-rate", plan->total_rate, UNITS_INF);
	print_number("source-bytes", plan->source_bytes, UNITS_INF);
	print_number("buffer", plan->buffer, 0);
	print_number("line-delay-ns", plan->line_delay, 0);
	print_number("memory", plan->budget, UINT64_MAX);
	print_number("message-size", plan->message_size, 0);
	print_number("message-lines", plan->message_lines, 0);
	print_number("no-shutdown", plan->no_shutdown, 0);
	print_number("tap", plan->tap, 0);
	print_number("filter", plan->filter, 0);
	print_number("stop-at-ns", plan->stop_at, NEVER);
	if (plan->stop_at != NEVER)
		printf(" grace-ns=%llu", (unsigned long long)plan->grace);
	if (plan->insert_at != NEVER)
		printf(" insert=%u@%llu,side=%d", plan->insert_size,
		       (unsigned long long)plan->insert_at, plan->insert_side);
	printf("\nkernel: pipe-pages=%u", plan->pipe_pages);
	print_number("meddle", plan->meddle, 0);
	print_number("shorten", plan->shorten, 0);
	print_number("eagain", plan->again, 0);
	print_number("eintr", plan->interrupt, 0);
	print_number("splice-einval-from", plan->splice_bad, 0);
	print_number("pipes-keep-size", plan->memory_pipes, 0);
	for (unsigned i = 0; i < plan->faults; i++)
		printf(" %s[%u]=%s", call_names[plan->fault[i].call], plan->fault[i].number,
		       strerror(plan->fault[i].error));
	putchar('\n');
}

void plan_print(const struct plan *plan)
{
	printf("seed %llu\n", (unsigned long long)plan->seed);
	for (int side = 0; side < 2; side++) {
		const struct side_plan *at = &plan->side[side];

		printf("side %d: %s", side, kind_names[at->kind]);
		if (at->kind == KIND_STDIO)
			printf(" in=%s out=%s", stdio_names[at->in], stdio_names[at->out]);
		printf(" receive-room=%u send-room=%u%s%s%s%s\n", at->receive_room, at->send_room,
		       at->standard ? " standard" : "", at->inherited ? " inherited" : "",
		       at->guarded ? " guarded" : "", at->closes_at_end ? " closes-at-end" : "");
		print_script("  peer writes", side, &at->writes);
		print_script("  peer reads", side, &at->reads);
	}
	if (plan->busy_poll)
		printf("busy poll: %s\n", plan->busy_poll == BUSY_AUTO ? "auto" : "20us");
	print_settings(plan);
}
