/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "cli/run-link.h"
#include "listen/run-command.h"
#include "serve/peers.h"

#define COMING_TIME (10 * NSEC_PER_SEC) /* for a request, and for the data connections */
#define LEFT_GRACE (100 * NSEC_PER_MSEC) /* for what a command left on its terminal */
/* Between the end of an output's connection and SIGPIPE. */
#define DROP_GRACE (20 * NSEC_PER_MSEC)
#define CLOSE_TIME (10 * NSEC_PER_SEC) /* for the client to close when all is done */

/* A connection: its first frame has not come, or it is the control connection or one of the data
 * connections of a job. */
struct run_conn {
	struct prologue prologue;
	struct run_link link;
	struct timer timer;
	struct session *session;
	struct run_server *server;
	struct run_job *job;
	/* of a data connection */
	enum run_stream stream;
	struct relay_settings relaying;
	bool told; /* RUN_END was sent */
};

struct run_job {
	struct run_job *next, **link;
	struct run_server *server;
	struct run_conn *control;
	struct run_conn *streams[RUN_STREAMS]; /* NULL: not there yet, or it has ended */
	struct run_request request;
	struct run_command command;
	uint8_t token[RUN_TOKEN];
	bool started, exited;
	bool gone; /* nobody is there any more who could learn how it ends */
	bool hung_up; /* SIGHUP was sent because of that */
	int status; /* exited: of waitpid(2) */
	uint8_t early; /* a signal that came before the command was started; 0: none */
	bool unread; /* the client wants no more of the output of its terminal */
	/* Standard input: how much the client says there is, and how much came. */
	bool input_told, input_came, input_settled;
	uint64_t input_size, input_got;
};

static struct run_conn *conn_of(const struct session *session)
{
	return container_of(session->prologue, struct run_conn, prologue);
}

static struct loop *loop_of(const struct run_conn *conn)
{
	return conn->session->group->loop;
}

static void set_timer(struct run_conn *conn, uint64_t ns)
{
	loop_timer(loop_of(conn), &conn->timer, units_now() + ns);
}

static unsigned streams_wanted(const struct run_job *job)
{
	return job->request.terminal ? RUN_ERRORS : RUN_STREAMS;
}

static bool has_streams(const struct run_job *job)
{
	return job->streams[RUN_INPUT] || job->streams[RUN_OUTPUT] || job->streams[RUN_ERRORS];
}

/* The end of a session */

/* A connection that never did anything. */
static void give_up(struct run_conn *conn, const char *why)
{
	struct explanation explanation = { .status = STATUS_FAILURE, .end = "handshake" };

	snprintf(explanation.what, sizeof(explanation.what), "%s", why);
	session_failed(conn->session, &explanation);
	session_close(conn->session);
}

static void send_end(struct run_conn *conn)
{
	struct run_job *job = conn->job;

	conn->told = true;
	run_link_send(&job->control->link,
		      &(const struct run_frame){ .type = RUN_END,
						 .stream = (uint8_t)conn->stream,
						 .bytes = conn->session->relay.chan[1].bytes });
}

/* Ends the data connections, with all that the command has not read or written. */
static void close_streams(struct run_job *job)
{
	for (int i = 0; i < RUN_STREAMS; i++) {
		struct run_conn *conn = job->streams[i];

		if (!conn)
			continue;
		if (conn->session->relay.settings)
			relay_stop(loop_of(conn), &conn->session->relay, 0);
		else
			session_close(conn->session);
	}
}

static void finish(struct run_job *job)
{
	struct session *session = job->control->session;

	session->answered = true;
	if (job->exited)
		session_exited(session, job->status);
	else
		session_close(session);
}

static void let_go(struct run_job *job)
{
	if (job->gone)
		return;
	job->gone = true;
	run_link_stop(&job->control->link);
	loop_timer_stop(loop_of(job->control), &job->control->timer);
	close_streams(job);
	run_command_drop(&job->command, RUN_INPUT);
}

static void hang_up(struct run_job *job)
{
	if (job->hung_up)
		return;
	job->hung_up = true;
	let_go(job);
	run_command_signal(&job->command, SIGHUP);
	if (job->command.pid)
		set_timer(job->control, RUN_KILL_GRACE);
	else
		finish(job);
}

/* The connection broke. A command that may outlive it must not take a standard input that was cut
 * off for the whole. */
static void client_gone(struct run_job *job)
{
	bool stays = job->request.outlives && job->started && job->input_settled;

	if (stays)
		let_go(job);
	if (!stays || run_command_drain(&job->command))
		hang_up(job);
}

/* Tells the client why its command is not run, or cannot go on, and ends the job. */
__attribute__((format(printf, 3, 4))) static void refuse(struct run_conn *control, uint8_t status,
							 const char *format, ...)
{
	struct run_frame frame = { .type = RUN_REFUSE, .status = status };
	struct run_job *job = control->job;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(frame.text, sizeof(frame.text), format, arguments);
	va_end(arguments);
	run_link_send(&control->link, &frame);
	if (job && job->started) {
		hang_up(job);
		return;
	}
	control->session->answered = true;
	if (job)
		close_streams(job);
	give_up(control, frame.text);
}

/* Standard input */

/* Is all of it there? Until that is known it stays open, so that the command cannot take what was
 * cut off for the whole. */
static void check_input(struct run_job *job)
{
	if (job->input_settled || !job->input_told || !job->input_came || job->gone)
		return;
	job->input_settled = true;
	if (job->input_got == job->input_size)
		run_command_end_input(&job->command);
	else
		refuse(job->control, 125, "standard input was cut off: %llu of %llu bytes arrived",
		       (unsigned long long)job->input_got, (unsigned long long)job->input_size);
}

static void input_over(struct run_job *job, const struct relay *relay)
{
	/* EIO: its terminal has no reader any more */
	bool gone = relay->result == END_LOST || relay->result == END_RESET ||
		    (job->command.terminal && relay->result == END_IO);

	job->input_came = true;
	job->input_got = relay->chan[0].bytes;
	if (job->exited || job->unread || (gone && relay->error_side == 1)) {
		/* the command does not read the rest */
		job->input_settled = true;
		if (!job->command.terminal)
			run_command_drop(&job->command, RUN_INPUT);
	} else if (!gone && relay->result != END_EOF) {
		refuse(job->control, 125, "standard input: %s", relay_why(relay));
	}
	check_input(job);
}

static void input_told(struct run_job *job, uint64_t bytes)
{
	struct run_conn *conn = job->streams[RUN_INPUT];

	job->input_told = true;
	job->input_size = bytes;
	if (conn && job->started) {
		conn->relaying.source_bytes = bytes;
		relay_wake(loop_of(conn), &conn->session->relay, 0);
	}
	check_input(job);
}

/* The command */

static void maybe_over(struct run_job *job)
{
	if (!job->exited || has_streams(job))
		return;
	if (job->gone)
		finish(job);
	else
		set_timer(job->control, CLOSE_TIME);
}

/* A terminal has no SIGPIPE: closing it sends SIGHUP. */
static void close_terminal(struct run_job *job)
{
	struct run_conn *input = job->streams[RUN_INPUT];

	job->input_settled = true;
	run_command_drop(&job->command, RUN_INPUT);
	if (input)
		relay_side_over(loop_of(input), &input->session->relay, 1, 0);
}

/* The client is there, and wants no more of the outputs that have ended: processes that write to
 * them get SIGPIPE. */
static void drop_outputs(struct run_job *job)
{
	for (int i = RUN_OUTPUT; i < RUN_STREAMS; i++)
		if (!job->streams[i])
			run_command_drop(&job->command, (enum run_stream)i);
	if (job->unread)
		close_terminal(job);
}

static void exited(struct session *session, int status)
{
	struct run_conn *control = conn_of(session);
	struct run_job *job = control->job;
	struct run_frame frame = { .type = RUN_EXIT };

	job->exited = true;
	job->status = status;
	loop_timer_stop(loop_of(control), &control->timer);
	if (!run_command_failed(&job->command, &frame)) {
		frame.status = WIFEXITED(status) ? (uint8_t)WEXITSTATUS(status) : 0;
		frame.signal = WIFSIGNALED(status) ? (uint8_t)WTERMSIG(status) : 0;
	}
	job->command.pid = 0;
	if (job->gone) {
		finish(job);
		return;
	}
	drop_outputs(job);
	run_link_send(&control->link, &frame);
	if (job->streams[RUN_INPUT])
		relay_side_over(loop_of(control), &job->streams[RUN_INPUT]->session->relay, 1, 0);
	if (job->command.terminal && job->streams[RUN_OUTPUT])
		set_timer(control, LEFT_GRACE);
	maybe_over(job);
}

/* Its background processes may keep its terminal open, which does not matter. */
static void drain_terminal(struct run_job *job)
{
	struct run_conn *conn = job->streams[RUN_OUTPUT];
	const struct chan *chan = &conn->session->relay.chan[1];
	struct pollfd terminal = { .fd = conn->session->relay.end[1].in, .events = POLLIN };

	if (chan_ended(chan))
		return;
	if (chan->waits == CHAN_WAITS_SOURCE && !chan_pending(chan) && poll(&terminal, 1, 0) == 0)
		relay_side_over(loop_of(conn), &conn->session->relay, 1, 0);
	else
		set_timer(job->control, LEFT_GRACE);
}

static void half_over(struct loop *loop, struct relay *relay)
{
	struct run_conn *conn = conn_of(container_of(relay, struct session, relay));

	(void)loop;
	if (conn->job && chan_ended(&relay->chan[1]) && !conn->told)
		send_end(conn);
}

static void start_stream(struct run_job *job, struct run_conn *conn)
{
	struct session *session = conn->session;
	struct endpoint accepted = session_endpoint(session), here;
	int error = run_command_endpoint(&job->command, conn->stream, &here);

	if (error) {
		refuse(job->control, 125, "/dev/null: %s", strerror(-error));
		return;
	}
	conn->relaying = relay_defaults;
	if (conn->stream == RUN_INPUT) {
		conn->relaying.source_first = true;
	} else {
		conn->relaying.no_shutdown = true;
		conn->relaying.half_over = half_over;
	}
	session_relay(session, &accepted, &here, &conn->relaying);
}

static void start(struct run_job *job)
{
	struct run_conn *control = job->control;
	int error = run_command_start(&job->command, job->server, control->session, &job->request);

	loop_timer_stop(loop_of(control), &control->timer);
	if (error) {
		refuse(control, 125, "cannot start a process: %s", strerror(-error));
		return;
	}
	job->started = true;
	control->session->child = job->command.pid;
	for (unsigned i = 0; i < streams_wanted(job); i++)
		if (job->streams[i])
			start_stream(job, job->streams[i]);
	if (job->gone)
		return;
	if (job->early)
		run_command_signal(&job->command, job->early);
	if (job->input_told)
		input_told(job, job->input_size);
}

/* Frames of the control connection */

static void control_frame(struct run_conn *control, uint8_t type, const uint8_t *payload,
			  size_t size)
{
	struct run_job *job = control->job;
	struct run_frame frame;

	if (type == RUN_REQUEST || run_read_frame(type, payload, size, &frame))
		type = RUN_REQUEST;
	switch (type) {
	case RUN_PING:
		run_link_send(&control->link, &(const struct run_frame){ .type = RUN_PONG });
		return;
	case RUN_END:
		if (frame.stream != RUN_INPUT || job->input_told)
			break;
		input_told(job, frame.bytes);
		return;
	case RUN_WINDOW:
		job->request.window = frame.window;
		run_command_resize(&job->command, &frame.window);
		return;
	case RUN_SIGNAL:
		if (frame.signal != SIGHUP && frame.signal != SIGINT && frame.signal != SIGQUIT &&
		    frame.signal != SIGTERM)
			break;
		if (!job->started)
			job->early = frame.signal;
		run_command_signal(&job->command, frame.signal);
		return;
	default:
		break;
	}
	refuse(control, 125, "a frame that the protocol does not permit there");
}

/* The request, and the data connections */

static bool make_job(struct run_conn *conn)
{
	struct run_server *server = conn->server;
	struct run_job *job = calloc(1, sizeof(*job));

	if (!job || getrandom(job->token, sizeof(job->token), 0) != sizeof(job->token)) {
		free(job);
		return false;
	}
	job->server = server;
	job->control = conn;
	job->command = (struct run_command){ .failure = -1,
					     .end = { -1, -1, -1 },
					     .kept = { -1, -1, -1 } };
	job->next = server->jobs;
	job->link = &server->jobs;
	if (job->next)
		job->next->link = &job->next;
	server->jobs = job;
	server->count++;
	conn->job = job;
	return true;
}

/* Could one more command have its connections, beside those that are running? Else says which limit
 * it would exceed. */
static bool has_room(struct run_conn *conn)
{
	const struct server *server = conn->server->server;
	uint64_t same = 0, each = server->settings.max_conns_per_peer;

	for (const struct run_job *job = conn->server->jobs; job; job = job->next)
		same += peers_same(&job->control->session->peer, &conn->session->peer);
	if (server->limit / RUN_CONNECTIONS <= conn->server->count)
		refuse(conn, 125,
		       "as many commands are running as --max-conns permits, which is %llu",
		       (unsigned long long)server->limit / RUN_CONNECTIONS);
	else if (each != UNITS_INF && each / RUN_CONNECTIONS <= same)
		refuse(conn, 125,
		       "as many commands of this client are running as --max-conns-per-peer "
		       "permits, which is %llu",
		       (unsigned long long)each / RUN_CONNECTIONS);
	else
		return true;
	return false;
}

/* May the command run as this user? Else refuses. */
static bool may_become(struct run_conn *conn, const char *user)
{
	const struct opt_list *users = conn->server->users;

	for (size_t i = 0; i < users->count; i++)
		if (strcmp(users->entries[i].text, user) == 0)
			return true;
	if (*user)
		refuse(conn, 125, "--user %.64s: the server has no --run-user of that name", user);
	return !*user;
}

static void requested(struct run_conn *conn, const uint8_t *payload, size_t size)
{
	struct run_frame answer = { .type = RUN_ACCEPT };
	struct run_request request;
	int error = run_read_request(payload, size, &request);

	if (error == -EPROTO)
		give_up(conn, "not a request of vsock-run");
	else if (error == -EPROTONOSUPPORT)
		refuse(conn, 125, "this server speaks version %d of the protocol, not %u",
		       RUN_VERSION, request.version);
	else if (error || (may_become(conn, request.user) && has_room(conn) && !make_job(conn)))
		refuse(conn, 125, "the server is out of memory");
	else if (conn->job) {
		conn->job->request = request;
		memcpy(answer.token, conn->job->token, RUN_TOKEN);
		conn->session->to = request.argc ? "command" : "shell";
		set_timer(conn, COMING_TIME);
		run_link_send(&conn->link, &answer);
		return;
	}
	run_free_request(&request);
}

/* The job with this token, if it is waiting for this stream from this peer; or NULL. */
static struct run_job *find_job(const struct run_conn *conn, const struct run_frame *frame)
{
	struct run_job *job = conn->server->jobs;

	while (job && memcmp(job->token, frame->token, RUN_TOKEN) != 0)
		job = job->next;
	if (!job || job->started || job->gone || frame->stream >= streams_wanted(job) ||
	    job->streams[frame->stream] ||
	    !peers_same(&job->control->session->peer, &conn->session->peer))
		return NULL;
	return job;
}

static void stream_came(struct run_conn *conn, const uint8_t *payload, size_t size)
{
	struct run_frame frame;
	struct run_job *job = NULL;

	if (run_read_frame(RUN_STREAM, payload, size, &frame) == 0)
		job = find_job(conn, &frame);
	if (!job) {
		give_up(conn, "no command waits for this data connection");
		return;
	}
	run_link_stop(&conn->link);
	loop_timer_stop(loop_of(conn), &conn->timer);
	conn->job = job;
	conn->stream = frame.stream;
	conn->session->to = run_stream_names[frame.stream];
	job->streams[frame.stream] = conn;
	for (unsigned i = 0; i < streams_wanted(job); i++)
		if (!job->streams[i])
			return;
	start(job);
}

static void frame_came(struct run_link *link, uint8_t type, const uint8_t *payload, size_t size)
{
	struct run_conn *conn = container_of(link, struct run_conn, link);

	if (conn->job)
		control_frame(conn, type, payload, size);
	else if (type == RUN_REQUEST)
		requested(conn, payload, size);
	else if (type == RUN_STREAM)
		stream_came(conn, payload, size);
	else
		give_up(conn, "not a request of vsock-run");
}

static void link_over(struct run_link *link, int error)
{
	struct run_conn *conn = container_of(link, struct run_conn, link);
	struct run_job *job = conn->job;

	if (job && job->exited) {
		close_streams(job);
		finish(job);
	} else if (job) {
		client_gone(job);
	} else if (error == -EPROTO) {
		give_up(conn, "not a request of vsock-run");
	} else { /* a probe that only connects is no mistake */
		conn->session->relay.result = END_EOF;
		session_served(conn->session);
	}
}

static void time_up(struct loop *loop, struct timer *timer)
{
	struct run_conn *conn = container_of(timer, struct run_conn, timer);
	struct run_job *job = conn->job;

	(void)loop;
	if (!job)
		give_up(conn, "no request of vsock-run came in 10 s");
	else if (!job->started)
		refuse(conn, 125, "the data connections did not come in 10 s");
	else if (job->hung_up)
		run_command_signal(&job->command, SIGKILL);
	else if (!job->exited)
		drop_outputs(job);
	else if (job->command.terminal && job->streams[RUN_OUTPUT])
		drain_terminal(job);
	else if (!has_streams(job))
		finish(job);
}

/* The prologue: there is no target */

static bool stop(struct session *session)
{
	struct run_conn *conn = conn_of(session);
	struct run_job *job = conn->job;

	if (!job)
		session_close(session);
	else if (job->control == conn && job->exited)
		finish(job);
	else if (job->control == conn)
		hang_up(job);
	return true;
}

static void relaying(struct session *session)
{
	(void)session;
}

static void free_job(struct run_job *job, struct loop *loop)
{
	for (int i = 0; i < RUN_STREAMS; i++)
		if (job->streams[i])
			job->streams[i]->job = NULL;
	run_command_signal(&job->command, SIGHUP);
	run_command_close(&job->command);
	run_free_request(&job->request);
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	job->server->count--;
	loop_free_later(loop, job);
}

static void stream_over(struct run_job *job, struct run_conn *conn)
{
	const struct relay *relay = &conn->session->relay;

	job->streams[conn->stream] = NULL;
	if (!job->started || job->gone || job->server->ending)
		return;
	if (relay->result == END_NONE)
		refuse(job->control, 125, "the server is out of memory or descriptors");
	else if (conn->stream == RUN_INPUT)
		input_over(job, relay);
	else if (relay->result == END_IO || relay->result == END_SHORT)
		refuse(job->control, 125, "%s: %s", run_stream_names[conn->stream],
		       relay_why(relay));
	else if (!conn->told)
		send_end(conn);
	job->unread = job->unread || (job->command.terminal && conn->stream == RUN_OUTPUT &&
				      !relay->chan[1].complete);
	/* Does the client not want this output, or is it gone? The control connection tells. */
	if (!job->gone && !job->exited)
		set_timer(job->control, DROP_GRACE);
	else if (!job->gone)
		drop_outputs(job);
	if (!job->gone)
		maybe_over(job);
}

static void release(struct session *session)
{
	struct run_conn *conn = conn_of(session);
	struct run_job *job = conn->job;

	run_link_stop(&conn->link);
	loop_timer_stop(loop_of(conn), &conn->timer);
	session->prologue = NULL;
	if (job && job->control == conn)
		free_job(job, loop_of(conn));
	else if (job)
		stream_over(job, conn);
	loop_free_later(loop_of(conn), conn);
}

static const struct prologue_kind run_prologue = {
	.relaying = relaying, .stop = stop, .exited = exited, .free = release
};

void run_serve(struct session *session, struct run_server *server)
{
	struct run_conn *conn = calloc(1, sizeof(*conn));
	int error;

	if (!conn) {
		session_cannot_serve(session, ENOMEM);
		return;
	}
	conn->session = session;
	conn->server = server;
	conn->prologue.kind = &run_prologue;
	conn->timer.expired = time_up;
	conn->link.fd = -1;
	conn->link.frame = frame_came;
	conn->link.over = link_over;
	session->prologue = &conn->prologue;
	error = run_link_start(&conn->link, session->group->loop, session->fd, NULL);
	if (error)
		give_up(conn, strerror(-error));
	else
		set_timer(conn, COMING_TIME);
}
