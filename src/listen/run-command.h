/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run-command: the process of a command that vsock-run asked for, and its pipes or its terminal. */
#ifndef LISTEN_RUN_COMMAND_H
#define LISTEN_RUN_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/run-frame.h"
#include "listen/run.h"
#include "net/endpoint.h"
#include "serve/session.h"

struct run_command {
	pid_t pid; /* leads a session and a process group of its own; 0: none, or it has exited */
	int end[RUN_STREAMS]; /* our ends, for relays, which take them over; -1: none */
	/* Second descriptors of them, so that a relay can end before its pipe: of standard input
	 * until it is known to be whole, with a terminal its master. Of the outputs, so that a
	 * command can tidy up after SIGHUP without being killed by SIGPIPE. -1: closed */
	int kept[RUN_STREAMS];
	int failure; /* a pipe that tells why it could not be executed */
	bool terminal;
	struct loop *loop;
	struct watch drains[RUN_STREAMS]; /* of outputs that nobody reads any more */
	unsigned ends; /* end-of-file characters that the terminal has not taken yet */
	struct timer type; /* when to type them again */
};

/* Starts what the session's client asked for. 0 or a negative errno. */
int run_command_start(struct run_command *command, const struct run_server *server,
		      const struct session *session, const struct run_request *request);
/* The end of a relay for a stream. 0 with *here, which has taken command->end, or a negative
 * errno. */
int run_command_endpoint(struct run_command *command, enum run_stream stream,
			 struct endpoint *here);
/* After it has exited: could it not be executed? Then *frame says why. */
bool run_command_failed(const struct run_command *command, struct run_frame *frame);
/* All of standard input has been written. */
void run_command_end_input(struct run_command *command);
void run_command_resize(const struct run_command *command, const struct run_window *window);
/* Sends a signal to its process group, unless it has exited. */
void run_command_signal(const struct run_command *command, int number);
/* The relay of this stream has ended, and its pipe may. */
void run_command_drop(struct run_command *command, enum run_stream stream);
/* The relays have ended, and the command goes on: reads its outputs and throws them away. 0 or a
 * negative errno. */
int run_command_drain(struct run_command *command);
/* Closes all our descriptors; of a terminal that is a hangup. */
void run_command_close(struct run_command *command);

#endif
