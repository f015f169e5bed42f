/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the load generator share; how it works is told in load.c. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define MAGIC UINT64_C(0x31484e4542545356) /* "VSTBENH1" */
#define BLOCK 4096u
#define BUFFER (256u * 1024)
#define BATCH 256
#define READS_IN_A_ROW 4
#define BACKLOG 4096
#define GRACE_NS                                                                        \
	UINT64_C(3000000000) /* how long an answer may take when everything has arrived \
			      */

enum mode { MODE_SINK = 1, MODE_SOURCE, MODE_ECHO, MODE_HALFCLOSE, MODE_STAT };
enum { FLAG_ACK = 1, FLAG_RESET = 2 };

/* What a client says first. */
struct header {
	uint64_t magic;
	uint32_t mode;
	uint32_t flags;
	uint64_t bytes; /* of payload: to come (sink), wanted (source, halfclose) */
	uint64_t seed; /* of the counters, so that two connections can't be mistaken for each other
			*/
	uint64_t delay_ms; /* halfclose: between the end of input and the answer */
};

/* What the server says after the half-close of a MODE_SINK connection. */
struct answer {
	uint64_t magic;
	uint64_t bytes;
	uint64_t errors;
};

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
};

struct options {
	struct address addr;
	const char *addr_text;
	struct address control;
	const char *control_text;
	uint64_t bytes;
	uint64_t count;
	uint64_t conns;
	uint64_t parallel;
	uint64_t size;
	uint64_t delay_ms;
	uint64_t seconds; /* pingpong, connect: begin no more after */
	unsigned limit; /* seconds */
	bool reset;
	char **command;
};

extern unsigned char buffer[BUFFER];

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void on_alarm(int signal_number);
uint64_t now_ns(void);
double seconds(uint64_t ns);

/* The processor time of this process so far, in seconds. */
double cpu_seconds(void);
void *allocate(size_t count, size_t size);
int compare_u64(const void *a, const void *b);

/* The value below which `share` (0 to 1) of the sorted samples lie, from nanoseconds to
 * microseconds. */
double percentile_us(const uint64_t *sorted, size_t count, double share);
bool parse_number(const char *text, uint64_t max, uint64_t *value);
void parse_address(const char *text, struct address *a);
void set_nodelay(int fd, int family);

/* A listening socket, close-on-exec and not blocking. */
int listen_at(const struct address *a, const char *text);

/* A blocking socket, whose every call gives up after the limit.  Returns -errno if there is no
 * connection. */
int try_connect(const struct address *a, unsigned limit);
int connect_to(const struct address *a, const char *text, unsigned limit);
void set_blocking(int fd, bool blocking);

/* Writes all to a blocking descriptor. */
bool write_all(int fd, const void *data, size_t size);

/* Reads exactly `size` bytes from a blocking descriptor; false at an earlier end, an error, or
 * after the limit. */
bool read_all(int fd, void *data, size_t size);
void raise_descriptor_limit(void);

/* Puts the stream from `offset` on into the buffer.  *data points at the byte of that offset;
 * returns how many follow. */
size_t pattern_make(uint64_t seed, uint64_t offset, uint64_t end, const unsigned char **data);

/* Compares what was received with what was to come.  Returns the number of blocks that are wrong.
 */
uint64_t pattern_check(uint64_t seed, uint64_t offset, const unsigned char *data, size_t size);
void print_listening(int fd, const struct options *o);
bool would_block(ssize_t n);

/* Asks the server for its counters, round the relay.  Returns the text, in a static buffer. */
const char *ask_counters(const struct address *a, const char *where, bool reset, unsigned limit);

/* One number of the counters, 0 if it isn't there. */
double counter_of(const char *text, const char *name);

/* Says what the connection is for, and waits for the acknowledgement if one is asked for. */
bool introduce(int fd, enum mode mode, uint32_t flags, uint64_t bytes, uint64_t seed,
	       uint64_t delay_ms);

/* A connection through the relay that the server has acknowledged. */
int open_conn(const struct options *o, enum mode mode, uint64_t bytes, uint64_t seed);

/* The commands. */
int run_serve(struct options *o);
int run_oneway(struct options *o);
int run_pingpong(struct options *o);
int run_reflect(struct options *o);
int run_datagrams(struct options *o);
int run_connect(struct options *o);
int run_hold(struct options *o);
int run_halfclose(struct options *o);
int run_source(struct options *o);
int run_request(struct options *o);
int run_verify(struct options *o);
int run_stat(struct options *o);
int run_activate(struct options *o);

#endif
