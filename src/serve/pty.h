/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pty: runs a command on a pseudoterminal for the far end of a connection.
 *
 * Theory of operation: the session's relay runs between the socket and the terminal's master, which
 * it reads and writes through the functions of an endpoint's hook. To learn its size the program
 * asks the far end for in-band resize reports (CSI ? 2048 h, a public convention of terminals). A
 * terminal that does not know them ignores the request, and the size stays 24 by 80. Reports (CSI
 * 48 ; ROWS ; COLUMNS ; HEIGHT ; WIDTH t) are removed from the input and set the terminal's size.
 *
 *   the far end stops sending   the terminal's end-of-file character is typed
 *   the far end is gone         the master is closed: SIGHUP
 *   the command has ended       its remaining output is sent, reports are switched off, and the
 *                               connection ends
 */
#ifndef SERVE_PTY_H
#define SERVE_PTY_H

#include "net/endpoint.h"
#include "serve/session.h"
#include "serve/spawn.h"

/* Runs the command, whose far end is accepted. Returns its pid, with *here the relay's other end,
 * or a negative errno. */
pid_t pty_start(struct session *session, const struct spawn *spawn, struct endpoint *accepted,
		struct endpoint *here);
/* The command was reaped while the relay is running: the relay ends once the command's output is
 * sent. */
void pty_command_ended(struct session *session);
/* Has the command closed its terminal? Then it is about to exit, and the session will end by
 * itself. */
bool pty_at_end(const struct session *session);
/* Types the end-of-file character this many times on the terminal with this non-blocking master.
 * -EAGAIN: the terminal does not take them yet, and *times is how many are left; or 0. */
int pty_type_end(int master, unsigned *times);

#endif
