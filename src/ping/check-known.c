/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-known: public defects of kernels and VMMs, by the symptoms that --check can see. */
#include "config.h"

#include <stddef.h>

#include "base/util.h"
#include "ping/check.h"

#define IN(id) (1U << CHECKED_##id)
#define AS(symptom) (1U << SYMPTOM_##symptom)
#define ANY UINT32_MAX
#define NO_LIST "no list of versions is public"
#define REPORT "report it to the authors of the VMM or proxy"

static const struct known table[] = {
	{ IN(TRANSFER), AS(LOST_32K), "the VMM loses data above 32 KiB in one packet",
	  "vhost-device-vsock, Firecracker before 1.14, Cloud Hypervisor before v51 and libkrun of "
	  "early 2026, with guests of Linux 6.17 or a late stable kernel",
	  "update the VMM; until then write at most 32 KiB at once, as vsock-tools do" },
	{ IN(TRANSFER), AS(LOST_8K),
	  "the VMM drops the rest of a piece that it could write only in part",
	  "VMMs with a buffer of 8 KiB; " NO_LIST,
	  "update the VMM; until then write at most 8 KiB at once" },
	{ IN(PIECES), AS(NO_BUFFERS) | AS(ENDED),
	  "the receiving kernel resets after some 455 unread pieces of 129 to 575 bytes",
	  "Linux 6.12.94 and 7.0.13-rc1", "update that kernel: since mid-2026 it merges pieces" },
	{ IN(PIECES), AS(LOST) | AS(STALLED),
	  "the receiving kernel silently drops unread pieces of 129 to 575 bytes", "Linux 6.12.92",
	  "update that kernel: since mid-2026 it merges pieces" },
	{ IN(PIECES), AS(CHANGED), "the receiving kernel merges packets wrongly (CVE-2026-23057)",
	  "vsock loopback of Linux without the fix for CVE-2026-23057", "update that kernel" },
	{ IN(SLOW) | IN(BOTH), AS(STALLED),
	  "an update of the window was lost, so the sender waits for ever",
	  "virtio-win, old libkrun, vhost-device-vsock",
	  "update the VMM or driver; until then read promptly, or raise window= above what is "
	  "unread at once" },
	{ IN(HALF_CLOSE), AS(ANSWER_LOST),
	  "the VMM turns a half-close into a full close, and the answer is lost",
	  "Firecracker, vhost-device-vsock, Cloud Hypervisor before v53",
	  "do not half-close before the answer is complete: half-close=inf in an address, or "
	  "--no-shutdown" },
	{ IN(HALF_CLOSE), AS(ECHOED),
	  "a half-close is passed on twice, once to the end that it comes from",
	  "vfkit, old libkrun and Hyper-V have similar defects",
	  "do not half-close before the answer is complete: half-close=inf in an address, or "
	  "--no-shutdown" },
	{ IN(HALF_CLOSE), AS(NO_END), "the VMM does not pass a half-close on",
	  "Firecracker, vhost-device-vsock, Cloud Hypervisor before v53, from guest to host",
	  "use a protocol that tells sizes, or close both directions" },
	{ IN(CLOSE), AS(ENDED) | AS(LOST),
	  "what was not read yet is discarded when the sender closes",
	  "VMMs that pass a close on before the data; " NO_LIST,
	  "wait for an answer before you close" },
	{ IN(ABORT) | IN(CLOSE), AS(NO_END), "a close is not passed on to an end that is busy",
	  "vhost-device-vsock 0.3.0, if the host closes",
	  "set a time limit, such as --idle-timeout" },
	{ IN(CONNECTIONS), AS(REFUSED), "the backlog is full, or the VMM limits connections",
	  "any listener with a small backlog; VMMs with a table of fixed size",
	  "raise backlog= and net.core.somaxconn; retry with --wait" },
	{ IN(CONNECTIONS), AS(LATE),
	  "a request to connect was dropped and repeated, or a thread of the VMM is blocked",
	  "VMMs that serve all connections in one thread; TCP with a full backlog",
	  "raise backlog= and net.core.somaxconn; open fewer connections at once" },
	{ IN(IDLE), AS(ENDED),
	  "idle connections are dropped, or the VM was restored from a snapshot meanwhile",
	  "proxies and VMMs with an idle limit; snapshots of Firecracker and others",
	  "send something now and then, and reconnect after a restore" },
	{ IN(IDLE), AS(STALLED),
	  "idle connections are forgotten, or the VM was restored from a snapshot meanwhile and "
	  "the reset was not delivered",
	  "proxies and VMMs with an idle limit; snapshots of Firecracker and others",
	  "send something now and then, and reconnect after a restore" },
	{ IN(REFUSED), AS(SWALLOWED), "the VMM swallows the reset of a closed port",
	  "some VMMs; " NO_LIST, "set a short --connect-timeout" },
	{ IN(REFUSED), AS(ACCEPTED), "the VMM accepts before the guest has",
	  "VMMs and proxies that connect to the other side later",
	  "take a connection as made only when the peer has sent something" },
	{ IN(PEER), AS(PEER), "the VMM gives connections a wrong source CID",
	  NO_LIST "; after a restore, the CID of the snapshot",
	  "do not use --allow with CIDs on this path" },
	{ ANY, AS(FOREIGN), "the VMM or proxy mixes connections up", NO_LIST, REPORT },
	{ ANY, AS(ORDER), "the VMM or proxy changes the order of packets, or repeats them",
	  "VMMs that serve one connection in several threads; " NO_LIST, REPORT },
	{ ANY, AS(BOUNDARY), "messages are merged, split or truncated on the way",
	  "proxies that carry seqpacket over a stream; VMMs without seqpacket support",
	  "use a stream with a length before each message" },
	{ ANY, AS(CHANGED), "data is changed on the way", NO_LIST, REPORT },
};

const struct known *check_known(enum check_id id, enum symptom symptom)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if ((table[i].checks & 1U << id) && (table[i].symptoms & 1U << symptom))
			return &table[i];
	return NULL;
}
