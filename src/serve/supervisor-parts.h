/* SPDX-License-Identifier: GPL-3.0-or-later */
/* supervisor-parts: what a supervisor does for its worker, a file for itself. */
#ifndef SERVE_SUPERVISOR_PARTS_H
#define SERVE_SUPERVISOR_PARTS_H

#include "serve/broker.h"
#include "serve/supervisor.h"

/* Answers a BROKER_OPEN. 0 or a negative errno of sending the answer. */
int errand_open(struct supervisor *supervisor, const struct broker_message *request);
/* Looks names up for the worker, as long as questions is open. 0 or a negative errno. */
int errand_start(struct supervisor *supervisor);
void errand_stop(struct supervisor *supervisor);
/* What names were found to mean is forgotten: the rules are others. */
void errand_forget(struct supervisor *supervisor);

#endif
