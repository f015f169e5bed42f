/* SPDX-License-Identifier: GPL-3.0-or-later */
/* message: --message-size: how a stream is cut into messages for a seqpacket socket. */
#ifndef RELAY_MESSAGE_H
#define RELAY_MESSAGE_H

#include "base/opt.h"
#include "relay/relay.h"

/* Reads settings->message_text, "64K" or "line", if there is one. 0, or -EINVAL with *error. */
int message_read_size(struct relay_settings *settings, struct opt_error *error);

#endif
