/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: the protocol between vsock-ping --check and vsock-listen --check, and the engine that both
 * of them run.
 *
 * Theory of operation: what a check does is written as two scripts, one for each end. The client
 * sends the server's script as one line, the server answers with a line, and then each end performs
 * its own steps, one after another:
 *
 *   VSOCK-CHECK 1 SEED STEP...    the request, such as "VSOCK-CHECK 1 7f3a0001 receive=65536 end"
 *   VSOCK-CHECK 1 SEED peer PEER  the answer: the client as the server sees it
 *
 *   send=SIZE[/PIECE[-PIECE]]     write SIZE bytes in pieces (of a size from a range), each with
 *                                 one send(2); without PIECE at once
 *   receive=SIZE[/PIECE[-PIECE]]  read SIZE bytes; PIECE matters for messages only
 *   both=SIZE[/PIECE[-PIECE]]     send, and receive as much, but begin to read 400 ms later
 *   wait=MS                       neither read nor write
 *   shut                          end the direction that this end writes
 *   end                           read the end of file
 *   reset                         close with a reset, where the family has one
 *
 * After its last step an end closes the connection. On another connection the client then asks how
 * the steps went at the other end, because the first one may be broken:
 *
 *   VSOCK-CHECK 1 SEED report
 *   VSOCK-CHECK 1 SEED result OUTCOME STEP SENT RECEIVED WRONG AT FROM
 *
 * All bytes are a pattern that says which connection, direction and offset each belongs to. So the
 * receiver knows not only that something is wrong, but also whether it is lost, repeated, or
 * another connection's.
 *
 * All numbers in a request have limits, and nothing is allocated by what a peer says.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/loop.h"

#define CHECK_STEPS_MAX 8
#define CHECK_LINE_MAX 256 /* bytes of a line, with its newline */
#define CHECK_SIZE_MAX (16U << 20) /* bytes of one step */
#define CHECK_PIECE_MAX (264U * 1024)
#define CHECK_WAIT_MAX 5000U /* ms */

enum check_kind {
	CHECK_SEND,
	CHECK_RECEIVE,
	CHECK_BOTH,
	CHECK_WAIT,
	CHECK_SHUT,
	CHECK_END,
	CHECK_RESET,
};

struct check_step {
	uint8_t kind; /* enum check_kind */
	uint32_t amount; /* bytes, or ms */
	uint32_t low, high; /* bytes of a piece */
};

struct check_request {
	uint32_t seed; /* the upper 16 bits are the same for all connections of a run */
	bool report; /* asks for a result; there are no steps */
	uint8_t count;
	struct check_step steps[CHECK_STEPS_MAX];
};

enum check_outcome {
	CHECK_UNKNOWN, /* nothing is known of this connection */
	CHECK_RUNNING,
	CHECK_DONE, /* all steps */
	CHECK_STALLED, /* no byte moved within the run's patience, or its time was over */
	CHECK_ENDED, /* end of file too early */
	CHECK_BROKE, /* ECONNRESET */
	CHECK_CLOSED, /* EPIPE */
	CHECK_NO_BUFFERS, /* ENOBUFS */
	CHECK_SURPLUS, /* data in place of the end of file */
	CHECK_FAILED, /* any other error */
};

enum check_wrong {
	CHECK_RIGHT,
	CHECK_CHANGED, /* bytes that were never sent */
	CHECK_MOVED, /* bytes of another offset */
	CHECK_FOREIGN, /* bytes of another connection, or of the other direction */
	CHECK_BOUNDARY, /* a message of another size */
};

struct check_result {
	uint8_t outcome; /* enum check_outcome */
	uint8_t step; /* the one that was performed last, from 0 */
	uint8_t wrong; /* enum check_wrong */
	uint64_t sent, received; /* bytes */
	uint64_t at, from; /* wrong: the first wrong byte; CHECK_MOVED: the offset it belongs to;
			      CHECK_BOUNDARY: the size of the message */
};

/* Reads a request without its newline. False: it is none. */
bool check_read_request(const char *line, struct check_request *request);
/* The same for the steps alone. */
bool check_read_steps(const char *text, struct check_request *request);
/* Reads the answer to a report of this seed. False: it is none, and *result is zeroed. */
bool check_read_result(const char *line, uint32_t seed, struct check_result *result);
/* Writes what check_read_result() reads, with a newline, and returns line. */
char *check_write_result(char line[CHECK_LINE_MAX], uint32_t seed,
			 const struct check_result *result);
/* If the line begins with "VSOCK-CHECK 1 SEED WORD ", returns what follows; else NULL. */
const char *check_answer(const char *line, uint32_t seed, const char *word);
/* The bytes that all receive steps together wait for. */
uint64_t check_awaited(const struct check_request *request);
/* Fills in the pattern of a connection's direction (down: from the server) from an offset on. */
void check_pattern(void *data, size_t size, uint32_t seed, bool down, uint64_t offset);

/* One end of a connection that is being checked. */
struct check_run {
	/* set by the caller */
	bool server, seqpacket;
	struct check_request request; /* the steps of this end; a server's are read by heard() */
	uint64_t patience; /* ns without progress after which it has stalled */
	uint64_t time; /* ns that all of it may take */
	bool (*heard)(struct check_run *run); /* a line has come; false: it is not the right one */
	/* It is over, and run->result says how. The descriptor is the caller's again, and run may
	 * be freed. */
	void (*done)(struct check_run *run);

	struct check_result result;
	struct loop *loop;
	struct watch watch;
	struct timer timer;
	int fd;
	bool hearing; /* the first line has not come yet; after the end: it never came */
	char line[CHECK_LINE_MAX];
	size_t length;
	uint64_t began, progress, ends; /* ns: the step, the last byte, the run's limit */
	uint64_t suspected; /* the progress when it seemed to have stalled */
	uint64_t out, in; /* bytes that the step has left */
	uint64_t pieces_out, pieces_in; /* pieces of the step so far */
};

/* Starts with a connected socket, which stays the caller's. A client has sent its request before,
 * with check_say(). */
void check_start(struct check_run *run, struct loop *loop, int fd);
/* Stops it without done(). Harmless where it was not started or is over. */
void check_stop(struct check_run *run);
/* Sends a line, which fits into any empty socket. False: it did not. */
bool check_say(int fd, const char *line);

#endif
