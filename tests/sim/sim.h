/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim: a deterministic simulation of the relay. doc/simulation.md says what it is for and how to
 * use it; this header is what its files share.
 *
 * The relay, its loop and its endpoints are the real ones. Every call that touches a descriptor, a
 * clock or a thread is replaced by the linker (calls.c) and answered by a made-up kernel (sock.c,
 * pipe.c, epoll.c). Two scripted peers are at the far ends (actor.c). A plan, which comes from a
 * seed, decides everything (plan.c), and oracles look at what happens (oracle.c).
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "relay/relay.h"

#define MSEC 1000000ULL
#define SECOND 1000000000ULL
#define NEVER UINT64_MAX

/* Random numbers: the same for the same seed on every machine. */
struct random {
	uint64_t state;
};
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit); /* 0 to limit - 1 */
bool random_chance(struct random *random, unsigned permille);
/* From 1 to most, small numbers and most itself more often than others. */
size_t random_size(struct random *random, size_t most);

/* Bytes in a line. */
struct queue {
	unsigned char *data;
	size_t start, length, room;
};
void queue_put(struct queue *queue, const void *data, size_t size);
/* The first byte; the rest follows it. */
const unsigned char *queue_head(const struct queue *queue);
void queue_drop(struct queue *queue, size_t size);

/* Messages in a line: each is so many bytes of a queue beside it. */
struct message {
	uint32_t size;
	bool end_of_record; /* MSG_EOR */
	bool whole; /* vsock: its last fragment has come */
};
struct messages {
	struct message *list;
	size_t start, count, room;
};
void messages_put(struct messages *messages, struct message message);
struct message *messages_first(const struct messages *messages); /* NULL: none */
struct message *messages_last(const struct messages *messages);
void messages_drop(struct messages *messages);

/* The plan */

enum kind {
	KIND_TCP,
	KIND_UNIX,
	KIND_VSOCK,
	KIND_HYBRID,
	KIND_UNIX_MESSAGES,
	KIND_VSOCK_MESSAGES,
	KIND_STDIO,
	KINDS
};
enum stdio_kind { STDIO_PIPE, STDIO_FILE, STDIO_TERMINAL, STDIO_NONE, STDIO_KINDS };

enum operation {
	OP_WRITE, /* n bytes; a message of n bytes */
	OP_PAUSE, /* n ms */
	OP_STALL, /* until nothing else can happen */
	OP_URGENT, /* one byte of urgent data */
	OP_SHUTDOWN, /* sends no more */
	OP_READ, /* n bytes */
	OP_READ_SLOWLY, /* n bytes, a few at a time with pauses between */
	OP_SHUT_READ, /* reads no more, and says so */
	OP_CLOSE, /* closes all */
	OP_RESET, /* the same as an abort, where the family has one */
	OP_BREAK, /* the network or the virtual machine dies */
	OPERATIONS
};
struct action {
	uint8_t operation;
	bool end_of_record;
	uint32_t n;
};
#define STEPS 10
struct script {
	struct action step[STEPS];
	unsigned count;
};

struct side_plan {
	uint8_t kind, in, out; /* enum kind; enum stdio_kind of KIND_STDIO */
	bool standard; /* a connection as standard input and output */
	bool inherited; /* a socket that was inherited, and may block */
	bool guarded; /* a pipe or a terminal that can't be opened anew */
	bool closes_at_end; /* a device that turns a half-close into a close */
	uint32_t receive_room, send_room; /* bytes in the relay's socket */
	struct script writes, reads; /* the peer's two hands */
};

struct fault {
	uint8_t call; /* enum call */
	uint32_t number; /* the first, second, ... call of that kind */
	int error;
};
#define FAULTS 3

struct plan {
	uint64_t seed;
	struct side_plan side[2];
	unsigned engine;
	uint64_t idle_timeout, half_close_timeout, max_time, max_bytes, rate, total_rate,
		source_bytes, buffer, line_delay, budget;
	uint32_t message_size;
	bool message_lines, no_shutdown, tap, filter;
	uint64_t stop_at, grace; /* ns after the start; NEVER */
	uint64_t insert_at;
	uint32_t insert_size;
	uint8_t insert_side;
	uint16_t meddle, shorten, again, interrupt; /* per mille of the calls */
	uint32_t splice_bad; /* from this call on splice() answers EINVAL; 0: never */
	uint32_t pipe_pages; /* how large a pipe may become */
	uint64_t busy_poll; /* of the loop */
	bool memory_pipes; /* fcntl(F_SETPIPE_SZ) is refused */
	struct fault fault[FAULTS];
	unsigned faults;
};
void plan_make(struct plan *plan, uint64_t seed);
void plan_print(const struct plan *plan);

/* The made-up kernel */

enum file_type {
	FILE_STREAM,
	FILE_MESSAGES,
	FILE_PIPE_READ,
	FILE_PIPE_WRITE,
	FILE_TERMINAL,
	FILE_REGULAR,
	FILE_EVENT,
	FILE_EPOLL
};
struct item;
struct sock;
struct tube;

/* An open file description. */
struct file {
	enum file_type type;
	int references, flags; /* O_NONBLOCK */
	int side; /* which end of the relay it is; -1: neither */
	struct sock *sock;
	struct tube *tube;
	bool looked_at; /* by MSG_PEEK, just before */
	uint64_t counter; /* of an eventfd */
	struct item *items; /* who watches it */
	struct item *watched; /* an epoll: what it watches */
	struct item *ready, **ready_last;
	struct file *next; /* all there are */
};

enum { RECEIVES = 1, SENDS = 2, BOTH_WAYS = 3 };
enum sock_state { SOCK_CONNECTED, SOCK_CLOSING, SOCK_CLOSED };

struct sock {
	uint8_t family; /* enum addr_family */
	bool messages;
	uint8_t state;
	uint8_t stopped, peer_stopped; /* sk_shutdown; vsock's peer_shutdown */
	bool done; /* SOCK_DONE */
	bool dead; /* closed */
	bool aborts; /* SO_LINGER of 0 seconds */
	bool stamps; /* SO_TIMESTAMP */
	bool no_space; /* SOCK_NOSPACE */
	bool end_sent; /* the wire has brought the end to the other side */
	bool end_full; /* and it is a close (vsock) */
	int error; /* sk_err */
	struct sock *peer;
	struct file *file; /* NULL: in the hands of a scripted peer */
	struct queue received, sending; /* sending: on the wire (TCP, vsock) */
	struct messages received_messages, sending_messages;
	size_t receive_room, send_room;
	uint64_t position, arrived; /* bytes that were taken from received; that came */
	uint64_t urgent; /* position of the urgent byte; NEVER: none */
	uint64_t urgent_sending; /* the same, in what was sent */
	uint64_t sent;
};
struct sock *sock_pair(uint8_t family, bool messages, size_t receive_room, size_t send_room);
enum { SEND_RECORD = 1, SEND_URGENT = 2 };
enum { RECV_PEEK = 1, RECV_LENGTH = 2, RECV_SPLICE = 4 };
/* Bytes or a negative errno; never blocks. */
ssize_t sock_send(struct sock *sock, const void *data, size_t size, int how);
ssize_t sock_receive(struct sock *sock, void *data, size_t size, int how, bool *end_of_record);
int sock_shutdown(struct sock *sock, int how); /* RECEIVES, SENDS */
void sock_close(struct sock *sock);
void sock_break(struct sock *sock, int error); /* the connection dies */
uint32_t sock_poll(struct sock *sock);
size_t sock_space(const struct sock *sock);
bool sock_wire(struct sock *sock, size_t most); /* carries on what was sent; false: nothing to do */

/* A pipe; a terminal is two of them, a regular file is one that never ends or blocks. */
struct tube {
	struct queue bytes;
	uint32_t *slots;
	unsigned slots_used, slots_most;
	bool last_may_grow;
	int readers, writers;
	bool peer_reads, peer_writes; /* counted above too */
	bool hung_up; /* a terminal */
	bool regular;
	struct file *reader, *writer; /* one file each is enough for waking */
};
struct tube *tube_make(bool regular);
ssize_t tube_read(struct tube *tube, void *data, size_t size);
ssize_t tube_write(struct tube *tube, const void *data, size_t size);
void tube_drop(struct tube *tube, size_t size); /* takes what was looked at */
bool tube_full(const struct tube *tube);
/* Puts a piece that splice brought into a slot of its own. */
void tube_put_slot(struct tube *tube, const void *data, size_t size);
void tube_close(struct tube *tube, bool read_end);
uint32_t tube_poll(const struct tube *tube, bool read_end);

void wake(struct file *file, uint32_t events); /* events 0: whatever is waited for */
uint32_t file_poll(struct file *file);
int epoll_control(struct file *epoll, int operation, int fd, struct file *file,
		  const struct epoll_event *event);
int epoll_collect(struct file *epoll, struct epoll_event *events, int count);
bool epoll_pending(struct file *epoll);
void epoll_closed(struct file *file);

#define FDS 64
struct file *file_make(enum file_type type);
int fd_open(struct file *file); /* the lowest number that is free */
struct file *fd_file(int fd); /* fails the simulation where it is closed */
void file_drop(struct file *file);

/* The calls that can be made to fail. */
enum call {
	CALL_READ,
	CALL_WRITE,
	CALL_RECV,
	CALL_SEND,
	CALL_SPLICE,
	CALL_SENDFILE,
	CALL_PIPE,
	CALL_EVENTFD,
	CALL_EPOLL_CTL,
	CALL_THREAD,
	CALL_SETSOCKOPT,
	CALLS
};

/* Threads: one runs at a time, and the scheduler says which. */
bool thread_step(void); /* lets one go on; false: none can */
bool thread_current(void);
void thread_yield(void); /* from within one */
_Noreturn void thread_park(void);
void threads_begin(void);
void threads_end(void); /* all must be over */

/* Actors */
struct hand {
	const struct script *script;
	unsigned at;
	uint32_t done; /* of the step */
	uint64_t until; /* a pause */
	bool stalled, over;
};
struct peer {
	struct hand writes, reads;
	struct sock *sock; /* NULL: standard input and output */
	struct tube *to, *from; /* what it writes to and reads from */
	uint64_t written, got; /* bytes */
	uint64_t messages_sent;
	bool ended; /* said in order that no more comes */
	bool broke; /* reset, or its machine died */
	bool deaf; /* reads no more, or is gone */
	bool unread; /* the relay had not read all of it when it was over */
	bool gave_up; /* and that because its script says so, not because of an error */
	bool closed;
	bool saw_end, saw_error;
};
bool actors_step(void); /* one of them does something; false: none can */
uint64_t actors_next(void); /* when the next pause ends */
bool actors_unstall(void); /* nothing can happen: whoever stalled goes on */

/* Oracles */
struct flow_facts {
	uint64_t read, written; /* bytes, by the relay */
	uint64_t ahead; /* written before they were taken from the source */
	struct queue expected; /* was read and is still to be written */
	struct messages expected_messages;
	uint64_t tapped, messages;
	bool cr; /* the filter's state */
	bool failed_read, failed_write; /* a fault was injected */
	bool end_read; /* end of file was answered */
	uint64_t inserted;
};
void oracle_read(int side, const void *data, size_t size, const struct message *message);
void oracle_written(int side, const void *data, size_t size, const struct message *message);
void oracle_inserted(int side, const void *data, size_t size);
void oracle_tapped(int side, const void *data, size_t size);
void oracle_calm(void); /* before time goes on */
void oracle_stuck(void); /* before those that stalled go on */
void oracle_over(void); /* in done() */
void oracle_end(void); /* when all is closed */

/* The world: everything that one run is. */
struct world {
	const struct plan *plan;
	struct random random;
	uint64_t now, started;
	bool trace, running, closed;
	unsigned long calls, quiet_calls; /* all; since anything changed */
	unsigned long count[CALLS], splices;
	struct file *files;
	struct file *fds[FDS];
	struct peer peer[2];
	struct flow_facts flow[2]; /* by the side that is read from */
	bool any_fault;
	struct loop *loop;
	struct relay relay;
	struct relay_settings settings;
	bool relay_started, done, stopped;
	uint64_t stop_time, moved, over; /* ns: of relay_stop(); when bytes last moved, or a pause
					    of the relay ends; of done() */
	void *memory; /* all that the kernel made: freed at the end */
	jmp_buf escape;
	const char *oracle;
	char detail[512];
};
extern struct world world;

void *world_memory(size_t size); /* zeroed; freed with the world */
void world_free(void);
void changed(void); /* something moved */
_Noreturn void fail(const char *oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What the peer on a side writes: at most *size bytes of it from a place on. */
const unsigned char *pattern(int side, uint64_t at, size_t *size); /* at most *size bytes */

/* Runs a plan: NULL, or the oracle that failed, with world.detail. */
const char *run(const struct plan *plan, bool tracing);
/* Makes the plan smaller while the same oracle fails. */
void shrink(struct plan *plan, const char *oracle);
/* The same as run() in a process of its own, where a crash or an endless loop costs nothing. */
const char *run_apart(const struct plan *plan);

#endif
