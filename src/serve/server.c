/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libutil.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/signals.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "net/machine.h"
#include "net/socket.h"
#include "relay/pipe.h"
#include "serve/notify.h"

#define FULL_PAUSE (60 * NSEC_PER_SEC)
#define ASK_PAUSE (100 * NSEC_PER_MSEC) /* between asking whether an idle program may end */
#define STOP_GRACE (1 * NSEC_PER_SEC) /* how long pending bytes may still be written */

/* Who may connect */

static bool allows(const struct opt_entry *written)
{
	return strcmp(written->opt->name, "allow") == 0;
}

bool server_allows_somebody(const struct opt_list *who)
{
	for (size_t i = 0; i < who->count; i++)
		if (allows(&who->entries[i]))
			return true;
	return false;
}

static bool suits_any(const struct access_entry *entry, const struct addr *const *addrs,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (access_suits(entry, addrs[i]->family))
			return true;
	return false;
}

/* The first entry from number before on that can never match, with the reason in *error; or NULL.
 */
static bool never_matches(const struct access *access, size_t before, const char *text,
			  const struct addr *const *addrs, size_t count, struct mistake *error)
{
	for (size_t i = before; i < access->count; i++) {
		const struct access_entry *entry = &access->entries[i];
		const char *spot = strstr(text, entry->text);

		if (suits_any(entry, addrs, count))
			continue;
		error->offset = spot ? (size_t)(spot - text) : 0;
		error->length = strlen(entry->text);
		snprintf(error->why, sizeof(error->why), "'%s' can never match a peer of %s",
			 entry->text, count == 1 ? addr_family_name(addrs[0]) : "these listeners");
		snprintf(
			error->hint, sizeof(error->hint),
			"CIDs are for vsock, IP addresses for TCP and UDP, uid: gid: and user: for "
			"UNIX sockets");
		return true;
	}
	return false;
}

int server_read_who(struct access *access, const struct opt_list *who, const struct hosts *hosts,
		    const struct addr *const *addrs, size_t count, const struct opt_entry **bad,
		    struct mistake *error)
{
	for (size_t i = 0; i < who->count; i++) {
		const struct opt_entry *written = &who->entries[i];
		size_t before = access->count;
		int status = access_add(access, written->text, allows(written), hosts, error);

		*bad = written;
		if (status)
			return status;
		if (never_matches(access, before, written->text, addrs, count, error))
			return -EINVAL;
	}
	return 0;
}

int server_read_access(struct server *server, const struct hosts *hosts, const struct addr *addr)
{
	const struct opt_entry *written;
	struct mistake error;

	switch (server_read_who(&server->access, &server->settings.who, hosts, &addr, 1, &written,
				&error)) {
	case 0:
		return 0;
	case -ENOMEM:
		log_error("%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	default:
		opt_mistake(written, &error);
		return STATUS_USAGE;
	}
}

/* The limit per peer that a new connection exceeds, or UNITS_INF. The admission's limit counts its
 * own connections, the server's all of them. */
static uint64_t limit_exceeded(const struct server *server, const struct session *newcomer)
{
	bool own = newcomer->admission && newcomer->admission->per_peer != UNITS_INF;
	uint64_t limit = own ? newcomer->admission->per_peer : server->settings.max_conns_per_peer;
	const struct peers_count *count = own ? newcomer->here : newcomer->anywhere;

	return count && count->open > limit ? limit : UNITS_INF;
}

/* Accepting, and its limits */

static bool admission_full(const struct admission *admission)
{
	return admission && admission->open >= admission->limit;
}

/* Does the listener accept now? While the server is paused, datagrams still come in: they have no
 * backlog to wait in. */
static void apply(const struct server *server, struct listener *listener)
{
	bool paused = server->paused && !listener->datagrams;

	if (server->running && !server->draining)
		listener_pause(listener,
			       paused || server->full || admission_full(listener->admission));
}

/* The user did not set this limit, so reaching it is reported, but not every time while connections
 * come and go. */
static void say_full(struct server *server)
{
	uint64_t now = units_now();

	if (!server->by_descriptors || server->paused ||
	    (server->full_said && now - server->full_said < FULL_PAUSE))
		return;
	server->full_said = now;
	log_warning("%zu connections are open, as many as descriptors allow; new connections wait",
		    server->sessions.open);
	log_hint("raise the limit with ulimit -n, or LimitNOFILE= in a unit, or set a lower one "
		 "with --max-conns");
}

/* After a connection began or ended, through admission. */
static void rest_or_not(struct server *server, struct admission *admission)
{
	bool full = server->sessions.open >= server->limit;
	bool admission_changed = admission && admission->resting != admission_full(admission),
	     changed = full != server->full;

	if (admission_changed)
		admission->resting = !admission->resting;
	server->full = full;
	if (changed && full)
		say_full(server);
	if (!changed && !admission_changed)
		return;
	for (struct listener *listener = server->listeners; listener; listener = listener->next)
		if (changed || listener->admission == admission)
			apply(server, listener);
}

void server_admission_changed(struct server *server, struct admission *admission)
{
	rest_or_not(server, admission);
}

void server_pause(struct server *server, bool pause)
{
	server->paused = pause;
	for (struct listener *listener = server->listeners; listener; listener = listener->next)
		apply(server, listener);
}

/* Idle */

bool server_leaves(const struct server *server)
{
	return server->settings.exit_idle && server->settings.exit_idle != UNITS_INF;
}

static void look_again(struct server *server, uint64_t ns)
{
	if (server_leaves(server) && !server->draining && !server->sessions.open)
		loop_timer(server->loop, &server->idle, units_now() + ns);
}

static void begin_idle_time(struct server *server)
{
	server->idle_since = units_now();
	look_again(server, server->settings.exit_idle);
}

/* A client that waits is served here: else another process would have to be started for it, and
 * with a TIME that is shorter than a start, no process would ever serve anybody. */
static bool somebody_waits(const struct server *server)
{
	for (const struct listener *listener = server->listeners; listener;
	     listener = listener->next)
		if (listener_awaited(listener))
			return true;
	return false;
}

void server_leave(struct server *server)
{
	char limit[32];

	if (server->draining || server->sessions.open || somebody_waits(server) ||
	    units_now() - server->idle_since < server->settings.exit_idle) {
		look_again(server, server->settings.exit_idle);
		return;
	}
	log_notice("no connection for %s: exiting",
		   units_show_duration(server->settings.exit_idle, limit, sizeof(limit)));
	server_stop_accepting(server);
}

static void is_idle(struct loop *loop, struct timer *timer)
{
	struct server *server = container_of(timer, struct server, idle);

	(void)loop;
	if (!server->idled) {
		server_leave(server);
		return;
	}
	/* it may not be the time: then it asks again */
	look_again(server,
		   server->settings.exit_idle > ASK_PAUSE ? server->settings.exit_idle : ASK_PAUSE);
	server->idled(server);
}

int server_check_idle(const struct server_settings *settings, const struct addr *addr,
		      struct mistake *error)
{
	if (settings->exit_idle == UNITS_INF || addr->family == ADDR_FD)
		return 0;
	*error = (struct mistake){ 0 };
	snprintf(
		error->why, sizeof(error->why),
		"--exit-idle is for sockets that systemd listens on, and this one would be closed");
	snprintf(error->hint, sizeof(error->hint),
		 "have a .socket unit listen on it, and write fd:NAME or fd:3 here");
	return -EINVAL;
}

static void session_ended(struct session_group *group, const struct session *session)
{
	struct server *server = group->context;
	struct admission *admission = session->admission;

	peers_leave(&server->peers, session->anywhere);
	peers_leave(&server->peers, session->here);
	if (admission) {
		admission->open--;
		rest_or_not(server, admission); /* before its owner is called, who may free it */
	} else {
		rest_or_not(server, NULL);
	}
	if (server->ended)
		server->ended(server, session);
	if (server->draining && !group->open)
		loop_stop(server->loop);
	begin_idle_time(server);
}

/* Deny, or let it in. */
static void decide(struct server *server, struct listener *listener, struct session *session)
{
	const struct admission *admission = listener->admission;
	const struct access *access = admission && admission->access.count ? &admission->access
									   : &server->access;
	const struct access_entry *by;
	uint64_t limit;
	char why[96];

	if (!access_check(access, &session->peer, &by)) {
		if (by)
			snprintf(why, sizeof(why), "deny=%s", by->text);
		else
			snprintf(why, sizeof(why), "no --allow names it");
		session_deny(session, why);
		return;
	}
	limit = limit_exceeded(server, session);
	if (limit != UNITS_INF) {
		snprintf(why, sizeof(why), "max-conns-per-peer=%llu", (unsigned long long)limit);
		session_deny(session, why);
		return;
	}
	session->served = true;
	server->serve(server, listener, session);
}

static void accepted(struct listener *listener, int fd, struct flow *flow, const struct peer *peer)
{
	struct server *server = listener->context;
	struct session *session = session_new(&server->sessions, fd, peer);

	if (!session && flow)
		flow_end(flow);
	if (!session)
		return;
	loop_timer_stop(server->loop, &server->idle);
	session->flow = flow;
	session->admission = listener->admission;
	if (session->admission) {
		session->admission->open++;
		session->rule = session->admission->rule;
	}
	session->anywhere = peers_enter(&server->peers, NULL, peer);
	session->here = session->admission ? peers_enter(&server->peers, session->admission, peer)
					   : NULL;
	rest_or_not(server, session->admission);
	session->to = "-";
	session->half_close = addr_half_close(listener->addr, 0);
	session->inherited = !flow && listener->addr->family == ADDR_FD;
	/* the address "fd:" does not say which type it is */
	session->seqpacket = session->inherited ? socket_option(fd, SO_TYPE) == SOCK_SEQPACKET
						: listener->addr->seqpacket;
	decide(server, listener, session);
}

void server_close_all(struct server *server)
{
	while (server->listeners) {
		struct listener *listener = server->listeners;

		server->listeners = listener->next;
		listener_close(listener);
	}
}

void server_tell_listening(struct server *server)
{
	char lines[512], text[ADDR_TEXT_MAX];
	size_t length = (size_t)snprintf(lines, sizeof(lines), "%sSTATUS=listening on",
					 server->others_ready ? "" : "READY=1\n");

	for (struct listener *listener = server->listeners; listener && length < sizeof(lines);
	     listener = listener->next)
		length += (size_t)snprintf(lines + length, sizeof(lines) - length, "%s %s",
					   listener == server->listeners ? "" : ",",
					   listener_text(listener, text, sizeof(text)));
	manager_tell(&server->manager, lines);
}

void server_stop_accepting(struct server *server)
{
	if (!server->draining && !server->passed)
		manager_tell(&server->manager, "STOPPING=1\nSTATUS=no longer listening");
	server_close_all(server);
	server->draining = true;
	loop_timer_stop(server->loop, &server->idle);
	if (!server->sessions.open)
		loop_stop(server->loop);
}

/* The end */

/* The time of the drain is up: end what is open; what does not end by that either (a command that
 * ignores SIGTERM) is left to itself. */
static void drain_over(struct loop *loop, struct timer *timer)
{
	struct server *server = container_of(timer, struct server, drain);
	char limit[32];

	if (server->ending) {
		loop_stop(loop);
		return;
	}
	server->ending = true;
	log_notice("after %s, closing connections that are still open: %zu",
		   units_show_duration(server->settings.drain_timeout, limit, sizeof(limit)),
		   server->sessions.open);
	loop_timer(loop, timer,
		   units_now() + (server->end_grace ? server->end_grace : 2 * STOP_GRACE));
	session_stop_all(&server->sessions, STOP_GRACE);
}

void server_stop_session(struct session *session)
{
	session_stop(session, STOP_GRACE);
}

static void drain(struct server *server)
{
	char limit[32];

	server_stop_accepting(server);
	if (!server->sessions.open)
		return;
	log_notice("waiting up to %s for %zu connection%s to finish; a second signal quits now",
		   units_show_duration(server->settings.drain_timeout, limit, sizeof(limit)),
		   server->sessions.open, server->sessions.open == 1 ? "" : "s");
	if (server->settings.drain_timeout != UNITS_INF)
		loop_timer(server->loop, &server->drain,
			   units_now() + server->settings.drain_timeout);
}

static void show_totals(const struct server *server)
{
	const struct session_totals *totals = &server->sessions.totals;

	log_error("connections: %llu, open: %zu, failed: %llu, bytes up: %llu, down: %llu",
		  (unsigned long long)totals->accepted, server->sessions.open,
		  (unsigned long long)totals->failed, (unsigned long long)totals->up,
		  (unsigned long long)totals->down);
}

/* The same as a record, for --stats. */
static void record_totals(const struct server *server)
{
	const struct session_totals *totals = &server->sessions.totals;

	log_event(0, 0, "total", NULL, NULL,
		  (const struct log_field[]){
			  LOG_NUMBER_FIELD("connections", totals->accepted),
			  LOG_NUMBER_FIELD("failed", totals->failed),
			  LOG_NUMBER_FIELD("up", totals->up),
			  LOG_NUMBER_FIELD("down", totals->down),
			  LOG_TIME_FIELD(units_now() - server->started),
			  { 0 },
		  });
}

void server_signal(struct server *server, int signal)
{
	switch (signal) {
	case SIGUSR1:
		show_totals(server);
		return;
	case SIGCHLD:
		session_reap(&server->sessions);
		return;
	default:
		break;
	}
	if (server->signalled) { /* the second one */
		server->signal = signal;
		loop_stop(server->loop);
		return;
	}
	server->signalled = true;
	if (server->at_once) {
		server->signal = signal;
		server_stop_accepting(server);
		session_stop_all(&server->sessions, STOP_GRACE);
	} else {
		drain(server);
	}
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct server *server = context;

	(void)loop;
	if (server->signalled_by)
		server->signalled_by(server, (int)info->ssi_signo);
	else
		server_signal(server, (int)info->ssi_signo);
}

static int watch_signals(struct server *server)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		signals_add(&signals, wanted[i]);
	/* ignored it would reap our children for us */
	sigaddset(&signals, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	if (server->also)
		signals_add(&signals, server->also);
	return loop_signals(server->loop, &signals, on_signal, server);
}

/* Start */

int server_start(struct server *server)
{
	int error = loop_start(&server->loop);

	if (!error && !server->passed)
		error = watch_signals(server);
	if (error)
		return log_failure(STATUS_FAILURE, "cannot start: %s", strerror(-error));
	server->sessions.loop = server->manager.loop = server->loop;
	server->sessions.ended = session_ended;
	server->sessions.context = server;
	server->drain.expired = drain_over;
	server->idle.expired = is_idle;
	return 0;
}

int server_write_pid_file(struct server *server)
{
	const char *path = server->settings.pid_file;
	pid_t other = 0;

	if (!path)
		return 0;
	if (safe_refuses(path)) {
		log_error("%s: refused: users other than root may write to its directory", path);
		log_hint("use a directory under /run that belongs to root");
		return STATUS_DENIED;
	}
	server->pid_file = pidfile_open(path, 0644, &other);
	/* else its lock would go to commands, and outlive us */
	if (server->pid_file && fd_cloexec(pidfile_fileno(server->pid_file), true) == 0 &&
	    pidfile_write(server->pid_file) == 0)
		return 0;
	if (errno == EEXIST)
		log_error("%s: process %ld is running and has locked it", path, (long)other);
	else
		log_error("%s: %s", path, strerror(errno));
	return STATUS_FAILURE;
}

void server_leave_pid_file(struct server *server)
{
	if (server->pid_file)
		pidfile_close(server->pid_file); /* which also gives up its lock */
	server->pid_file = NULL;
}

/* bind(any) on vsock succeeds without a transport, which makes a listener that nobody can reach. */
void server_warn_if_deaf(const struct addr *addr)
{
	struct machine machine;
	struct explanation deaf;
	char text[256];
	bool is_deaf;

	if (addr->family != ADDR_VSOCK || addr->cid != ADDR_CID_ANY)
		return;
	machine_look(&machine, "", false);
	is_deaf = explain_deaf_listener(&machine, addr, &deaf);
	machine_free(&machine);
	if (!is_deaf)
		return;
	log_warning("%s: %s", addr_format_short(addr, text, sizeof(text)), deaf.what);
	if (*deaf.hint)
		log_hint("%s", deaf.hint);
}

static void append(struct server *server, struct listener *listener)
{
	struct listener **link = &server->listeners;

	while (*link)
		link = &(*link)->next;
	listener->next = NULL;
	*link = listener;
}

static void take_out(struct server *server, struct listener *listener)
{
	struct listener **link = &server->listeners;

	while (*link && *link != listener)
		link = &(*link)->next;
	if (*link)
		*link = listener->next;
}

/* Reports that a listener could not be opened. Returns the exit status. */
static int say_not_open(const struct server *server, const struct listener *listener,
			const struct addr *addr, const struct failure *failure)
{
	const struct listener *other = failure->error == EADDRINUSE ? server->listeners : NULL;
	char text[256], others[256];

	while (other && !listener_collides(listener, other))
		other = other->next;
	if (!other)
		return server->busy ? explain_say_briefly(addr, failure)
				    : explain_say(addr, failure);
	log_error("%s: address in use: %s itself listens there, on %s",
		  addr_format_short(addr, text, sizeof(text)), log_program(),
		  listener_text(other, others, sizeof(others)));
	if (server->busy)
		log_hint("if that rule is to go, stop %s and start it again", log_program());
	else
		log_hint("leave out one of the two rules");
	return STATUS_FAILURE;
}

int server_open(struct server *server, struct listener *listener, const struct addr *addr,
		struct admission *admission)
{
	struct failure failure;

	listener->accepted = accepted;
	listener->context = server;
	listener->admission = admission;
	listener->inherited = server->inherited;
	listener->accept_rate = admission ? admission->accept_rate : 0;
	if (server->passed && !listener->passed) {
		char text[256];

		log_error("%s: no socket was passed for it",
			  addr_format_short(addr, text, sizeof(text)));
		return STATUS_FAILURE;
	}
	if (listener_open(server->loop, listener, addr, &failure) < 0)
		return say_not_open(server, listener, addr, &failure);
	append(server, listener);
	if (!server->passed && !server->busy)
		server_warn_if_deaf(addr);
	return 0;
}

void server_admit(struct server *server, struct listener *listener)
{
	apply(server, listener);
}

void server_move(struct server *server, struct listener *to, struct listener *from,
		 const struct addr *addr, struct admission *admission)
{
	take_out(server, from);
	listener_move(to, from, addr);
	to->admission = admission;
	to->accept_rate = admission ? admission->accept_rate : 0;
	append(server, to);
}

void server_close(struct server *server, struct listener *listener)
{
	take_out(server, listener);
	if (server->dropped && listener->count)
		server->dropped(server, listener);
	listener_close(listener);
}

static int refuse_idle(const struct server *server, const struct addr *addr)
{
	struct mistake error;
	char text[256];

	if (server_check_idle(&server->settings, addr, &error) == 0)
		return 0;
	log_error("%s: %s", addr_format_short(addr, text, sizeof(text)), error.why);
	log_hint("%s", error.hint);
	return STATUS_USAGE;
}

int server_listen(struct server *server, struct listener *listener, const struct addr *addr)
{
	int status = refuse_idle(server, addr);

	if (!status)
		status = server_open(server, listener, addr, NULL);
	if (status)
		return status;
	server_recount(server);
	return server_write_pid_file(server);
}

void server_limit(struct server *server, size_t ours, size_t each)
{
	server->descriptors = fd_limit_raise();
	server->descriptors_ours = ours;
	server->descriptors_each = each;
	server_recount(server);
}

/* Those of the program itself and of the listeners. */
static size_t descriptors_taken(const struct server *server)
{
	size_t taken = server->descriptors_ours;

	for (const struct listener *listener = server->listeners; listener;
	     listener = listener->next)
		taken += listener->count;
	return taken;
}

size_t server_make_room(struct server *server)
{
	size_t taken = descriptors_taken(server) + pipe_shrink(server->loop) +
		       server->sessions.open * server->descriptors_each;

	return server->descriptors > taken ? server->descriptors - taken : 0;
}

/* Pipes get a part of what the listeners leave: a connection can do without them, but one that they
 * leave no descriptor for could not be accepted. */
void server_recount(struct server *server)
{
	size_t taken, left, pipes;
	uint64_t most, asked = server->settings.max_conns, before = server->limit;

	if (!server->descriptors)
		return;
	taken = descriptors_taken(server);
	left = server->descriptors > taken ? server->descriptors - taken : 0;
	pipes = left / 4 < 2 * PIPES_MOST ? left / 4 : 2 * PIPES_MOST;
	most = (left - pipes) / server->descriptors_each;
	most = most ? most : 1;
	server->by_descriptors = !asked || asked > most;
	server->limit = server->by_descriptors ? most : asked;
	if (server->loop) {
		loop_budget(server->loop)->pipes = pipes > 2 ? (unsigned)(pipes / 2) : 1;
		rest_or_not(server, NULL);
	}
	if (asked > most && server->limit != before && !server->passed && !server->by_default)
		log_notice("--max-conns %llu: only %llu are possible with %zu descriptors",
			   (unsigned long long)asked, (unsigned long long)most,
			   server->descriptors);
}

static int tell_ready(const struct server *server)
{
	if (server->settings.ready_fd == UNITS_INF)
		return 0;
	if (!activation_inherited((int)server->settings.ready_fd)) { /* but one of ours, or none */
		log_error("--ready-fd %llu: %s", (unsigned long long)server->settings.ready_fd,
			  strerror(EBADF));
		return STATUS_FAILURE;
	}
	for (struct listener *listener = server->listeners; listener; listener = listener->next) {
		int error = listener_ready(listener, (int)server->settings.ready_fd);

		if (error)
			return log_failure(STATUS_FAILURE, "--ready-fd %llu: %s",
					   (unsigned long long)server->settings.ready_fd,
					   strerror(-error));
	}
	/* it was for us, not for a COMMAND */
	if (server->settings.ready_fd > STDERR_FILENO)
		fd_cloexec((int)server->settings.ready_fd, true);
	return 0;
}

/* Started for one connection, by inetd or Accept=yes: when it is served nothing more will come. */
static void hand_over(struct server *server)
{
	size_t given = 0, count = 0;

	for (struct listener *listener = server->listeners, *next; listener; listener = next) {
		next = listener->next;
		count++;
		given += listener_hand_over(listener);
	}
	if (given && given == count)
		server_stop_accepting(server);
}

int server_check_ready(const struct server_settings *settings)
{
	unsigned long long fd = settings->ready_fd;
	int flags;

	if (fd == UNITS_INF)
		return 0;
	flags = fcntl((int)fd, F_GETFL);
	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH))
		return 0;
	if (flags < 0) {
		log_error("--ready-fd %llu: %s", fd, strerror(EBADF));
		log_hint("the shell opens it with %llu>FILE", fd);
	} else {
		log_error("--ready-fd %llu: descriptor %llu is not open for writing", fd, fd);
	}
	return STATUS_FAILURE;
}

int server_ready(struct server *server)
{
	int status = tell_ready(server);

	if (!status)
		server_tell_listening(server);
	return status;
}

int server_run(struct server *server)
{
	int error, status = server->passed ? 0 : tell_ready(server);

	if (status)
		return status;
	server->running = true;
	for (struct listener *listener = server->listeners; listener; listener = listener->next)
		apply(server, listener);
	if (!server->passed)
		server_tell_listening(server);
	begin_idle_time(server);
	hand_over(server);
	server->started = units_now();
	error = loop_run(server->loop);
	if (server->settings.stats)
		record_totals(server);
	if (error)
		return log_failure(STATUS_FAILURE, "epoll: %s", strerror(-error));
	return 0;
}

void server_free(struct server *server)
{
	if (server->loop) {
		session_free_all(&server->sessions);
		server_close_all(server);
	}
	manager_finish(&server->manager);
	if (server->pid_file)
		pidfile_remove(server->pid_file);
	loop_free(server->loop);
	peers_free(&server->peers);
	access_free(&server->access);
	opt_list_free(&server->settings.who);
}
