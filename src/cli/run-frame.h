/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run-frame: what vsock-run and vsock-listen --run say to each other. doc/run-protocol.md has the
 * protocol.
 *
 * A frame is a type (one byte), the length of its payload (four bytes) and the payload. Numbers are
 * big endian. A text is its length (four bytes) and its bytes, without a NUL.
 */
#ifndef CLI_RUN_FRAME_H
#define CLI_RUN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_VERSION 1
#define RUN_PORT 514 /* the default vsock port */
#define RUN_HEADER 5 /* bytes of type and length */
#define RUN_TOKEN 16
#define RUN_REQUEST_MAX (1024U * 1024) /* bytes of the payload of a request */
#define RUN_PAYLOAD_MAX 512U /* of any other frame */
#define RUN_TEXT_MAX 400 /* of the text in RUN_REFUSE, with its NUL */
#define RUN_WORDS_MAX 65535 /* arguments, and variables */
#define RUN_SIGNAL_MAX 64

enum run_type {
	RUN_REQUEST = 1, /* client, first on the control connection */
	RUN_STREAM, /* client, first on a data connection */
	RUN_ACCEPT, /* server: the token; the data connections may come */
	RUN_REFUSE, /* server: the command was not run, or cannot go on, and why */
	RUN_END, /* both: how many bytes a stream had */
	RUN_EXIT, /* server: how the command ended */
	RUN_SIGNAL, /* client */
	RUN_WINDOW, /* client: the size of the terminal */
	RUN_PING, /* both */
	RUN_PONG,
	RUN_TYPES
};

enum run_stream { RUN_INPUT, RUN_OUTPUT, RUN_ERRORS, RUN_STREAMS };

/* "standard input", … */
extern const char *const run_stream_names[RUN_STREAMS];

struct run_window {
	uint16_t rows, columns;
};

struct run_request {
	uint8_t version;
	bool terminal; /* the command runs on a terminal, and has no stream of errors */
	bool outlives; /* it goes on if the connection breaks; not with a terminal */
	struct run_window window;
	char *term; /* the client's TERM; "" if there is none */
	char *directory; /* "": the home directory */
	char *user; /* whom the command runs as; "": whom the server runs as */
	char **argv; /* NULL-terminated; empty: the login shell */
	size_t argc;
	char **environment; /* NAME=VALUE, NULL-terminated */
	size_t variables;
};

/* Any other frame; of its fields only those of the type are used. */
struct run_frame {
	enum run_type type;
	uint8_t token[RUN_TOKEN]; /* STREAM, ACCEPT */
	uint8_t stream; /* STREAM, END: enum run_stream */
	uint64_t bytes; /* END */
	uint8_t status; /* REFUSE, EXIT: exit status */
	uint8_t signal; /* EXIT: the signal that killed the command, or 0; SIGNAL */
	struct run_window window; /* WINDOW */
	char text[RUN_TEXT_MAX]; /* REFUSE */
};

/* The longest payload that a frame of this type may have; -1: there is no such type. */
long run_payload_limit(uint8_t type);

/* A frame of a request. Returns its length with *data, which the caller frees, or -E2BIG or
 * -ENOMEM. */
long run_write_request(const struct run_request *request, uint8_t **data);
/* Reads the payload. 0; -EPROTO; -EPROTONOSUPPORT with only request->version set; or -ENOMEM. To be
 * freed in any case. */
int run_read_request(const uint8_t *payload, size_t size, struct run_request *request);
void run_free_request(struct run_request *request);

/* Writes a frame to data, which has RUN_HEADER + RUN_PAYLOAD_MAX bytes, and returns its length, or
 * -EPROTO if a field has a value that it must not have. */
int run_write_frame(const struct run_frame *frame, uint8_t *data);
/* Reads the payload of a frame of this type, which is not RUN_REQUEST. 0 or -EPROTO. */
int run_read_frame(uint8_t type, const uint8_t *payload, size_t size, struct run_frame *frame);

#endif
