/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * terminal: a command on a terminal of its own, for the far end of a connection.
 *
 * Theory of operation: the session's relay goes between the socket and the terminal's master; reading and writing it are
 * the functions of an endpoint's hook. The far end is asked for its size by switching on in-band resize reports
 * (CSI ? 2048 h, a public convention of terminals); who does not know it ignores it, and has 24 rows of 80. Reports
 * (CSI 48 ; ROWS ; COLUMNS ; HEIGHT ; WIDTH t) are taken out of what arrives and set the terminal's size.
 *
 *   the far end stops sending   the terminal's end-of-file character is typed
 *   the far end is gone         the master is closed: SIGHUP
 *   the command has ended       what it wrote is sent, reports are switched off, and the connection ends
 */
#ifndef SERVE_TERMINAL_H
#define SERVE_TERMINAL_H

#include "net/endpoint.h"
#include "serve/session.h"
#include "serve/spawn.h"

/* Runs the command: its pid, with *here the other end of the session's relay, or a negative errno. */
pid_t terminal_start(struct session *session, const struct spawn *spawn, struct endpoint *here);
/* The command was reaped while the relay goes on: it ends when what was written is sent. */
void terminal_command_ended(struct session *session);
/* Has the command closed its terminal? Then it is about to end, and what is still open here is closed in time. */
bool terminal_at_end(const struct session *session);

#endif
