/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine-parts: what confine() is made of, a file a mechanism. */
#ifndef SERVE_CONFINE_PARTS_H
#define SERVE_CONFINE_PARTS_H

#include "serve/confine.h"

/* Landlock: 0 with done->landlock and done->ports, or a negative errno: -ENOSYS and -EOPNOTSUPP where the kernel has none. */
int confine_files(const struct confine_plan *plan, struct confined *done);
/* seccomp: 0 or a negative errno; -ENOSYS where this program was built without libseccomp. */
int confine_calls(const struct confine_plan *plan, const struct confined *done);

#endif
