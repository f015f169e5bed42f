/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/server.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <libutil.h>

#include "base/log.h"
#include "base/units.h"
#include "serve/notify.h"

#define STOP_GRACE (1 * NSEC_PER_SEC) /* what was read may still be written for so long */

/* Who may connect */

static bool suits_any(const struct access_entry *entry, const struct addr *const *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (access_suits(entry, addrs[i]->family))
			return true;
	return false;
}

static int cannot_read(const struct opt_entry *written, size_t offset, size_t length, const char *why, const char *hint)
{
	log_error("--%s %s: %s", written->opt->name, written->text, why);
	log_caret(written->text, offset, length);
	if (*hint)
		log_hint("%s", hint);
	return STATUS_USAGE;
}

int server_read_access(struct server *server, const struct hosts *hosts, const struct addr *const *addrs, size_t count)
{
	const struct opt_list *who = &server->settings.who;

	for (size_t i = 0; i < who->count; i++) {
		const struct opt_entry *written = &who->entries[i];
		bool allow = strcmp(written->opt->name, "allow") == 0;
		size_t before = server->access.count;
		struct access_error error;

		switch (access_add(&server->access, written->text, allow, hosts, &error)) {
		case 0:
			break;
		case -ENOMEM:
			log_error("%s", strerror(ENOMEM));
			return STATUS_FAILURE;
		default:
			return cannot_read(written, error.offset, error.length, error.why, error.hint);
		}
		for (size_t j = before; j < server->access.count; j++) {
			const struct access_entry *entry = &server->access.entries[j];
			const char *spot = strstr(written->text, entry->text);
			char why[160];

			if (suits_any(entry, addrs, count))
				continue;
			snprintf(why, sizeof(why), "'%s' can never match a peer of %s", entry->text,
			         count == 1 ? addr_family_name(addrs[0]) : "these listeners");
			return cannot_read(written, spot ? (size_t)(spot - written->text) : 0, strlen(entry->text), why,
			                   "CIDs are of vsock, IP addresses of TCP, uid: gid: and user: of UNIX sockets");
		}
	}
	return 0;
}

/* Is it the same peer, for --max-conns-per-peer? By CID, IP or uid. */
static bool same_peer(const struct peer *a, const struct peer *b)
{
	if (a->family != b->family)
		return false;
	switch (a->family) {
	case ADDR_VSOCK:
		return a->u.vsock.cid == b->u.vsock.cid;
	case ADDR_TCP:
		return a->u.tcp.v6 == b->u.tcp.v6 && memcmp(&a->u.tcp.ip, &b->u.tcp.ip, sizeof(a->u.tcp.ip)) == 0;
	default:
		return a->u.local.uid == b->u.local.uid;
	}
}

static bool too_many_of(const struct server *server, const struct session *newcomer)
{
	uint64_t count = 0;

	if (server->settings.max_conns_per_peer == UNITS_INF)
		return false;
	for (const struct session *session = server->sessions.first; session; session = session->next)
		if (same_peer(&session->peer, &newcomer->peer) && ++count > server->settings.max_conns_per_peer)
			return true;
	return false;
}

/* Accepting, and its limits */

static void rest_or_not(struct server *server)
{
	bool rest = server->sessions.open >= server->limit;

	if (rest == server->resting || server->draining)
		return;
	server->resting = rest;
	for (size_t i = 0; i < server->listener_count; i++)
		listener_rest(&server->listeners[i], rest);
}

static void session_ended(struct session_group *group, const struct session *session)
{
	struct server *server = group->context;

	if (server->ended)
		server->ended(server, session);
	rest_or_not(server);
	if (server->draining && !group->open)
		loop_stop(server->loop);
}

static void accepted(struct listener *listener, int fd, const struct peer *peer)
{
	struct server *server = listener->context;
	struct session *session = session_new(&server->sessions, fd, peer, "");
	const struct access_entry *by;
	char why[96];

	if (!session)
		return;
	rest_or_not(server);
	session->to = "-";
	session->seqpacket = listener->addr->seqpacket;
	session->inherited = listener->addr->family == ADDR_FD;
	if (!access_check(&server->access, peer, &by)) {
		if (by)
			snprintf(why, sizeof(why), "deny=%s", by->text);
		else
			snprintf(why, sizeof(why), "no --allow names it");
		session_deny(session, why);
	} else if (too_many_of(server, session)) {
		snprintf(why, sizeof(why), "max-conns-per-peer=%llu", (unsigned long long)server->settings.max_conns_per_peer);
		session_deny(session, why);
	} else {
		server->serve(server, listener, session);
	}
}

static void close_listeners(struct server *server)
{
	for (size_t i = 0; i < server->listener_count; i++)
		listener_close(&server->listeners[i]);
}

/* The service manager, where there is one. That it can't be told is nothing to end for. */
static void tell_manager(const char *lines)
{
	int error = notify_send(lines);

	if (error)
		log_warning("the service manager (NOTIFY_SOCKET) can't be told: %s", strerror(-error));
}

void server_stop_accepting(struct server *server)
{
	if (!server->draining)
		tell_manager("STOPPING=1\nSTATUS=no longer listening");
	close_listeners(server);
	server->draining = true;
	if (!server->sessions.open)
		loop_stop(server->loop);
}

/* The end */

/* The time of the drain is up: end what is open; what does not end by that either (a command that ignores SIGTERM) is
 * left to itself. */
static void drain_over(struct loop *loop, struct timer *timer)
{
	struct server *server = (struct server *)(void *)((char *)timer - offsetof(struct server, drain));
	char limit[32];

	if (server->ending) {
		loop_stop(loop);
		return;
	}
	server->ending = true;
	log_notice("still open after %s, ended: %zu", units_show_duration(server->settings.drain_timeout, limit, sizeof(limit)),
	           server->sessions.open);
	loop_timer(loop, timer, units_now() + 2 * STOP_GRACE);
	session_stop_all(&server->sessions, STOP_GRACE);
}

static void drain(struct server *server)
{
	char limit[32];

	server_stop_accepting(server);
	if (!server->sessions.open)
		return;
	log_notice("draining: connections open: %zu; %s at most, a second signal ends at once", server->sessions.open,
	           units_show_duration(server->settings.drain_timeout, limit, sizeof(limit)));
	if (server->settings.drain_timeout != UNITS_INF)
		loop_timer(server->loop, &server->drain, units_now() + server->settings.drain_timeout);
}

static void show_totals(const struct server *server)
{
	const struct session_totals *totals = &server->sessions.totals;

	log_error("connections: %llu, open: %zu, failed: %llu, bytes up: %llu, down: %llu", (unsigned long long)totals->accepted,
	          server->sessions.open, (unsigned long long)totals->failed, (unsigned long long)totals->up,
	          (unsigned long long)totals->down);
}

/* The same as a record, for --stats. */
static void record_totals(const struct server *server)
{
	const struct session_totals *totals = &server->sessions.totals;

	log_event(0, 0, "total", NULL, NULL,
	          (const struct log_field[]){
	              { .key = "connections", .type = LOG_F_NUMBER, .number = totals->accepted },
	              { .key = "failed", .type = LOG_F_NUMBER, .number = totals->failed },
	              { .key = "up", .type = LOG_F_NUMBER, .number = totals->up },
	              { .key = "down", .type = LOG_F_NUMBER, .number = totals->down },
	              { .key = "time", .json_key = "seconds", .type = LOG_F_SECONDS, .number = units_now() - server->started },
	              { 0 },
	          });
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct server *server = context;

	switch (info->ssi_signo) {
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
		server->signal = (int)info->ssi_signo;
		loop_stop(loop);
		return;
	}
	server->signalled = true;
	if (server->at_once) {
		server->signal = (int)info->ssi_signo;
		server_stop_accepting(server);
		session_stop_all(&server->sessions, STOP_GRACE);
	} else {
		drain(server);
	}
}

static int watch_signals(struct server *server)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct sigaction now;

		/* what was ignored stays ignored (nohup(1)); but SIGCHLD ignored would reap our children for us */
		if (wanted[i] == SIGCHLD || (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN))
			sigaddset(&signals, wanted[i]);
	}
	signal(SIGCHLD, SIG_DFL);
	return loop_signals(server->loop, &signals, on_signal, server);
}

/* Start */

int server_start(struct server *server)
{
	int error = loop_start(&server->loop);

	if (!error)
		error = watch_signals(server);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	server->sessions.loop = server->loop;
	server->sessions.ended = session_ended;
	server->sessions.context = server;
	server->drain.expired = drain_over;
	return 0;
}

static int write_pid_file(struct server *server)
{
	const char *path = server->settings.pid_file;
	pid_t other = 0;

	if (!path)
		return 0;
	server->pid_file = pidfile_open(path, 0644, &other);
	if (server->pid_file && pidfile_write(server->pid_file) == 0)
		return 0;
	if (errno == EEXIST)
		log_error("%s: process %ld has it, and runs", path, (long)other);
	else
		log_error("%s: %s", path, strerror(errno));
	return STATUS_FAILURE;
}

static int cannot_listen(const struct addr *addr, const struct failure *failure)
{
	struct explanation why;
	char text[256];

	explain(addr, failure, &why);
	log_error("%s: %s", addr_format_short(addr, text, sizeof(text)), why.what);
	if (*why.hint)
		log_hint("%s", why.hint);
	return (int)why.status;
}

/* bind(any) on vsock succeeds with no transport loaded: a listener that nobody can reach. */
static void warn_if_deaf(const struct addr *addr)
{
	struct explanation deaf;
	char text[256];

	if (!explain_deaf_listener(addr, &deaf))
		return;
	log_warning("%s: %s", addr_format_short(addr, text, sizeof(text)), deaf.what);
	if (*deaf.hint)
		log_hint("%s", deaf.hint);
}

int server_listen(struct server *server, struct listener *listeners, const struct addr *const *addrs, size_t count)
{
	server->listeners = listeners;
	for (size_t i = 0; i < count; i++) {
		struct failure failure;

		listeners[i].accepted = accepted;
		listeners[i].context = server;
		if (listener_open(server->loop, &listeners[i], addrs[i], &(struct socket_defaults){ 0 }, &failure) < 0)
			return cannot_listen(addrs[i], &failure);
		server->listener_count++;
		warn_if_deaf(addrs[i]);
	}
	return write_pid_file(server);
}

static int tell_ready(const struct server *server)
{
	if (server->settings.ready_fd == UNITS_INF)
		return 0;
	for (size_t i = 0; i < server->listener_count; i++) {
		int error = listener_ready(&server->listeners[i], (int)server->settings.ready_fd);

		if (error) {
			log_error("--ready-fd %llu: %s", (unsigned long long)server->settings.ready_fd, strerror(-error));
			return STATUS_FAILURE;
		}
	}
	return 0;
}

static void tell_manager_ready(const struct server *server)
{
	char lines[512] = "READY=1\nSTATUS=listening on", text[ADDR_TEXT_MAX];
	size_t length = strlen(lines);

	for (size_t i = 0; i < server->listener_count && length < sizeof(lines); i++)
		length += (size_t)snprintf(lines + length, sizeof(lines) - length, "%s %s", i ? "," : "",
		                           listener_text(&server->listeners[i], text, sizeof(text)));
	tell_manager(lines);
}

/* Started for one connection, by inetd or Accept=yes: when it is served nothing more will come. */
static void hand_over(struct server *server)
{
	size_t given = 0;

	for (size_t i = 0; i < server->listener_count; i++)
		given += listener_hand_over(&server->listeners[i]);
	if (given && given == server->listener_count)
		server_stop_accepting(server);
}

int server_run(struct server *server)
{
	int error, status = tell_ready(server);

	if (status)
		return status;
	for (size_t i = 0; i < server->listener_count; i++)
		listener_rest(&server->listeners[i], false);
	tell_manager_ready(server);
	hand_over(server);
	server->started = units_now();
	error = loop_run(server->loop);
	if (server->settings.stats)
		record_totals(server);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return 0;
}

void server_free(struct server *server)
{
	if (server->loop) {
		session_free_all(&server->sessions);
		close_listeners(server);
	}
	if (server->pid_file)
		pidfile_remove(server->pid_file);
	loop_free(server->loop);
	access_free(&server->access);
	opt_list_free(&server->settings.who);
}
