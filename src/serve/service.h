/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * service: what vsock-listen offers without a command: echo (RFC 862), discard (RFC 863) and a source of bytes. Each is a
 * relay whose other end is here.
 */
#ifndef SERVE_SERVICE_H
#define SERVE_SERVICE_H

#include "net/endpoint.h"

enum service { SERVICE_NONE, SERVICE_ECHO, SERVICE_DISCARD, SERVICE_GENERATE };

/*
 * The two ends of a service's relay on an accepted socket: *accepted and *here. 0, or a negative errno (the socket is
 * still the caller's then).
 */
int service_ends(enum service service, int fd, uint8_t family, bool seqpacket, struct endpoint *accepted, struct endpoint *here);

#endif
