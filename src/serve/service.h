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
 * The other end of a service's relay: *here. Echo takes the way out of *accepted for it. 0, or a negative errno.
 */
int service_end(enum service service, struct endpoint *accepted, struct endpoint *here);

#endif
