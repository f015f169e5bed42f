/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping: declarations shared by the files of vsock-ping.
 *
 * Theory of operation: a struct ping is one run. run.c decides when the next probe is sent and when
 * the run ends. A kind of probe (connect.c, echo.c) sends it and passes each result once to
 * ping_result(), which counts it and has report.c print it as text or JSON. Waiting, scanning,
 * checking the path and measuring bandwidth are separate runs.
 */
#ifndef PING_PING_H
#define PING_PING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "ping/stats.h"
#include "base/units.h"
#include "relay/dial.h"
#include "cli/tool.h"

#define PING_PORT 7 /* for a CID without a port: echo (RFC 862), where a listener is rare */
#define PING_TEXT_MAX 256
#define PING_IN_FLIGHT_MAX 1000
#define PING_CAUSES_MAX 12
#define PING_BANDWIDTH_TIME (10 * NSEC_PER_SEC) /* without -w */

enum ping_bandwidth { BANDWIDTH_NONE, BANDWIDTH_UP, BANDWIDTH_DOWN, BANDWIDTH_BOTH };

struct ping_options {
	uint64_t count; /* UNITS_INF: until stopped */
	uint64_t interval; /* ns */
	uint64_t timeout; /* ns, for one answer */
	uint64_t deadline; /* ns from the start of the run to its end; UNITS_INF: no limit */
	bool flood, adaptive, outstanding;
	bool alive, open; /* the answer that counts; neither: depends on the address */
	bool json, tap, histogram, live;
	bool check;
	bool echo;
	uint64_t size, window; /* window 0: not given */
	uint64_t wait; /* ns; 0: off */
	bool scan, banner;
	uint64_t parallel;
	unsigned bandwidth; /* enum ping_bandwidth */
	uint64_t streams;
	uint64_t busy_poll; /* ns; see relay/busy.h */
};

enum ping_outcome {
	PING_OPEN, /* connected */
	PING_CLOSED, /* refused: the machine answers, but nothing listens */
	PING_ECHOED, /* the payload came back */
	PING_TIMEOUT,
	PING_CORRUPT, /* a different payload came back */
	PING_ERROR,
};

struct ping_result {
	uint64_t seq; /* from 1 */
	uint64_t rtt; /* ns; meaningless without an answer */
	enum ping_outcome outcome;
	uint64_t offset; /* PING_CORRUPT: offset of the first wrong byte */
	const struct failure *failure; /* PING_CLOSED, PING_TIMEOUT and PING_ERROR */
};

struct ping_cause {
	char word[EXPLAIN_WORD_MAX]; /* "no such CID" */
	uint64_t count;
};

struct ping;
struct ping_live;

/* A kind of probe. */
struct ping_kind {
	int (*start)(struct ping *ping); /* 0 or a negative errno */
	/* calls ping_result() later, or before it returns */
	void (*send)(struct ping *ping, uint64_t seq);
	void (*stop)(struct ping *ping); /* drops probes in flight and frees memory */
};
extern const struct ping_kind ping_connect, ping_echo;

struct ping {
	struct hosts hosts;
	struct ping_options *options;
	const struct common_options *common;
	struct addr addr;
	char text[PING_TEXT_MAX]; /* the address as printed */
	char wait_command[128]; /* what hints suggest */
	bool want_open;
	const struct ping_kind *kind;
	void *probes; /* the kind's own */

	struct loop *loop;
	struct dialer *dialer;
	struct dial_settings dialling;
	struct timer due, end;

	uint64_t started, last_sent, last_event; /* ns */
	uint64_t slot; /* the next probe is due at started + slot * interval */
	/* refused: answers from a closed port that do not count */
	uint64_t sent, received, refused, errors, corrupted, in_flight;
	uint64_t unexpected; /* times that more came back than was sent */
	bool newest_done; /* the last probe sent has its result */
	struct stats rtt;
	struct ping_cause causes[PING_CAUSES_MAX];
	size_t cause_count;

	bool wanted; /* a probe got an answer that counts */
	bool over;
	int status; /* of the last failure */
	struct failure told; /* the failure that why explains */
	struct explanation why; /* of the last failure */
	struct json json;
	struct ping_live *live; /* NULL: not --live */
};

/* Flushes standard output. If that fails, the program ends, by SIGPIPE or with a message. */
static inline void ping_flush(void)
{
	if (tool_flush(STATUS_DONE))
		exit(STATUS_FAILURE);
}

static inline double ping_loss(const struct ping *ping) /* percent */
{
	return ping->sent ? (double)(ping->sent - ping->received) * 100 / (double)ping->sent : 0;
}

/* run.c */
int ping_run(struct ping *ping); /* from the first probe to the summary; returns the exit status */
void ping_result(struct ping *ping, const struct ping_result *result);
/* A connection broke while no probe was in flight, so it is no probe's result. EPROTO: because more
 * came back than was sent, which is counted. */
void ping_broke(struct ping *ping, const struct failure *failure);
void ping_over(struct ping *ping); /* no more probes: prints the summary and ends */
/* Passes SIGINT, SIGTERM and SIGHUP (unless ignored) and SIGQUIT to handler, and for a screen also
 * SIGWINCH and SIGTSTP. 0 or a negative errno. */
int ping_signals(struct loop *loop, bool screen,
		 void (*handler)(struct loop *loop, const struct signalfd_siginfo *info,
				 void *context),
		 void *context);

/* connect.c: the outcome of a connect, for probes and for the scan. */
enum ping_outcome ping_judge(const struct addr *addr, const struct failure *failure);

/* Why a connection broke: an error that the socket knows beyond EPIPE, because a VM that went away
 * is ECONNRESET. EPIPE: the peer closed it. */
int ping_broken(int fd, int error);

/* wait.c: waits up to options->wait for an answer; returns the exit status. */
int ping_wait(struct ping *ping);
/* Hints suggest to wait for this address, as the user would type it, with a command of its
 * own, because few options go together with --wait. port may be NULL. */
void ping_suggest_waiting(struct ping *ping, const char *address, const char *port);

/* scan.c: text is CIDS[:PORTS], or tcp:HOST[:PORTS]; returns the exit status. */
int ping_scan(struct ping *ping, const char *text, const struct hosts *hosts);

/* check.c: finds out whether the path is sound; returns the exit status. */
int ping_check(struct ping *ping);

/* bandwidth.c: returns the exit status. */
int ping_bandwidth(struct ping *ping);

/* report.c: the run ends if standard output cannot be written. */
void ping_report_begin(struct ping *ping);
void ping_report_result(struct ping *ping, const struct ping_result *result);
void ping_report_outstanding(struct ping *ping, uint64_t seq);
void ping_report_sent(struct ping *ping); /* for the dots of a flood */
void ping_report_snapshot(const struct ping *ping);
void ping_report_summary(struct ping *ping);
const char *ping_outcome_word(enum ping_outcome outcome);

/* histogram.c: prints the distribution of times as bars on standard output. */
void ping_histogram(const struct stats *stats);
bool ping_utf8(void); /* can the locale's characters draw the bars? */

/* live.c: shows the run on the terminal that is standard output. ping_live_start() returns 0 or
 * -ENOMEM. */
int ping_live_start(struct ping *ping);
/* Restores the screen; does nothing if it was not started. */
void ping_live_stop(struct ping *ping);
void ping_live_changed(struct ping *ping);
void ping_live_result(struct ping *ping, const struct ping_result *result);
void ping_live_signal(struct ping *ping, int number); /* SIGWINCH, SIGTSTP; redraws for any other */

#endif
