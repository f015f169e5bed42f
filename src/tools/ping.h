/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ping: what the files of vsock-ping share.
 *
 * Theory of operation: a struct ping is one run. ping-run.c decides when the next probe goes and when the run ends; a kind
 * of probe (ping-connect.c, ping-echo.c) sends it and hands each result, once, to ping_result(); that counts it and has
 * ping-report.c write it, as text, JSON or CSV. Waiting, scanning and measuring bandwidth are runs of their own.
 */
#ifndef TOOLS_PING_H
#define TOOLS_PING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/stats.h"
#include "base/units.h"
#include "relay/dial.h"
#include "tools/common.h"

#define PING_PORT 7 /* of a CID without a port: echo (RFC 862), which seldom listens */
#define PING_TEXT_MAX 256
#define PING_IN_FLIGHT_MAX 1000
#define PING_CAUSES_MAX 12

enum ping_bandwidth { BANDWIDTH_NONE, BANDWIDTH_UP, BANDWIDTH_DOWN, BANDWIDTH_BOTH };

struct ping_options {
	uint64_t count;    /* UNITS_INF: until stopped */
	uint64_t interval; /* ns */
	uint64_t timeout;  /* ns: of one answer */
	uint64_t deadline; /* ns: of the run; UNITS_INF */
	bool flood, adaptive, outstanding;
	bool alive, open;  /* which answer is wanted; neither: by the address */
	bool json, csv, histogram, live;
	bool echo;
	uint64_t size, window; /* window 0: not given */
	uint64_t wait;     /* ns; 0: off */
	bool scan, banner;
	uint64_t parallel;
	unsigned bandwidth; /* enum ping_bandwidth */
	uint64_t streams;
};

enum ping_outcome {
	PING_OPEN,    /* connected */
	PING_CLOSED,  /* refused: the machine is there, nothing listens */
	PING_ECHOED,  /* the payload came back */
	PING_TIMEOUT,
	PING_CORRUPT, /* another payload came back */
	PING_ERROR,
};

struct ping_result {
	uint64_t seq;      /* from 1 */
	uint64_t rtt;      /* ns; of no meaning without an answer */
	enum ping_outcome outcome;
	uint64_t offset;   /* PING_CORRUPT: of the first wrong byte */
	const struct failure *failure; /* PING_CLOSED, PING_TIMEOUT and PING_ERROR */
};

struct ping_cause {
	char word[48]; /* what the sentence begins with: "no such CID" */
	uint64_t count;
};

struct ping;
struct ping_live;

/* What probes are. */
struct ping_kind {
	int (*start)(struct ping *ping);                /* 0 or a negative errno */
	void (*send)(struct ping *ping, uint64_t seq);  /* its ping_result() comes later, or before this returns */
	void (*stop)(struct ping *ping);                /* forgets what is in flight, frees */
};
extern const struct ping_kind ping_connect, ping_echo;

struct ping {
	const struct ping_options *options;
	const struct common_options *common;
	struct addr addr;
	char text[PING_TEXT_MAX]; /* the address as printed */
	bool want_open;
	const struct ping_kind *kind;
	void *probes;             /* the kind's own */

	struct loop *loop;
	struct dialer *dialer;
	struct dial_settings dialling;
	struct timer due, end;

	uint64_t started, last_sent, last_event; /* ns */
	uint64_t slot;            /* of the grid started + slot * interval: when the next one goes */
	uint64_t sent, received, errors, corrupted, in_flight;
	bool newest_done;         /* the probe that was sent last has its result */
	struct stats rtt;
	struct ping_cause causes[PING_CAUSES_MAX];
	size_t cause_count;

	bool wanted;              /* a probe had the wanted answer */
	bool over;
	int status;               /* of the last failure */
	struct failure told;      /* what why explains */
	struct explanation why;   /* of the last failure */
	struct json json;
	struct ping_live *live;   /* NULL: not --live */
};

/* ping-run.c */
int ping_run(struct ping *ping);  /* from the first probe to the summary; the exit status */
void ping_result(struct ping *ping, const struct ping_result *result);
/* A connection broke while nothing was on the way: no probe has it as its result. */
void ping_broke(struct ping *ping, const struct failure *failure);
void ping_over(struct ping *ping); /* no more probes: sums up and ends */
/* SIGINT, SIGTERM and SIGHUP (unless ignored), and SIGQUIT, to handler; with screen also those that concern one: SIGWINCH and
 * SIGTSTP. 0 or a negative errno. */
int ping_signals(struct loop *loop, bool screen, void (*handler)(struct loop *loop, const struct signalfd_siginfo *info, void *context),
                 void *context);

/* ping-connect.c: how a connect ended, for probes and for the scan. */
enum ping_outcome ping_judge(const struct addr *addr, const struct failure *failure);

/* Why a connection broke: what the socket knows beyond EPIPE, for a VM that went away is ECONNRESET; else EPIPE: it was
 * closed. */
int ping_broken(int fd, int error);

/* ping-wait.c: until it answers, for options->wait; the exit status. */
int ping_wait(struct ping *ping);

/* ping-scan.c: text is CIDS[:PORTS], or tcp:HOST[:PORTS]; the exit status. */
int ping_scan(struct ping *ping, const char *text, const struct hosts *hosts);

/* ping-bandwidth.c; the exit status. */
int ping_bandwidth(struct ping *ping);

/* ping-report.c; where standard output can't be written the run ends. */
void ping_report_begin(struct ping *ping);
void ping_report_result(struct ping *ping, const struct ping_result *result);
void ping_report_outstanding(struct ping *ping, uint64_t seq);
void ping_report_sent(struct ping *ping); /* for the dots of a flood */
void ping_report_snapshot(const struct ping *ping);
void ping_report_summary(struct ping *ping);
double ping_loss(const struct ping *ping); /* percent */
/* The percentiles that so many answers allow, at most 5, in percent; returns how many. */
size_t ping_percentiles(uint64_t count, double *percent);
const char *ping_outcome_word(enum ping_outcome outcome);
/* Flushes standard output; where that fails the program ends: by SIGPIPE, or with a message. */
void ping_flush(void);

/* ping-json.c: the same for programs. */
void ping_json_result(struct ping *ping, const struct ping_result *result);
void ping_json_summary(struct ping *ping);
void ping_csv_begin(void);
void ping_csv_result(const struct ping *ping, const struct ping_result *result);

/* ping-histogram.c: the answers' times as bars on standard output. */
void ping_histogram(const struct stats *stats);
bool ping_utf8(void); /* can the locale's characters draw? */

/* ping-live.c: the run as it goes, on the terminal that standard output is. The first: 0 or -ENOMEM. */
int ping_live_start(struct ping *ping);
void ping_live_stop(struct ping *ping); /* the screen is as it was; harmless where it was not started */
void ping_live_changed(struct ping *ping);
void ping_live_result(struct ping *ping, const struct ping_result *result);
void ping_live_signal(struct ping *ping, int number); /* SIGWINCH, SIGTSTP; any other: draws anew */

#endif
