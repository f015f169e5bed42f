/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/router/text-server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"

#define CLIENTS_MAX 8
#define PATIENCE (5 * NSEC_PER_SEC)
#define REQUEST_MAX 4096

struct text_client {
	struct watch watch; /* first */
	struct timer timer;
	struct text_server *server;
	struct text_client *next;
	int fd;
	size_t asked, size, sent;
	char *answer; /* owned; NULL while the request is read */
	char request[REQUEST_MAX];
};

static void client_ready(struct loop *loop, struct watch *watch, uint32_t events);
static const struct watch_kind client_kind = { .name = "server",
					       .ready = client_ready,
					       .patient = true };

static void client_end(struct text_client *client)
{
	struct text_server *server = client->server;
	struct text_client **link = &server->clients;

	while (*link && *link != client)
		link = &(*link)->next;
	if (*link)
		*link = client->next;
	server->open--;
	listener_pause(&server->listener, false);
	loop_unwatch(server->loop, &client->watch);
	loop_timer_stop(server->loop, &client->timer);
	fd_close(&client->fd);
	free(client->answer);
	loop_free_later(server->loop, client);
}

static void client_late(struct loop *loop, struct timer *timer)
{
	(void)loop;
	client_end(container_of(timer, struct text_client, timer));
}

/* It gets no answer because of us: memory, usually. */
static void cannot_answer(const struct text_server *server, int error)
{
	char address[256];

	log_error("%s: a client gets no answer: %s",
		  addr_format_short(&server->addr, address, sizeof(address)), strerror(-error));
}

#define HEALTH_PATH "/healthz"

static bool asks_for(const char *request, const char *path)
{
	const char *asked = strchr(request, ' ');
	size_t length = strlen(path);

	return asked && strncmp(asked + 1, path, length) == 0 &&
	       strchr(" ?\r\n", asked[1 + length]);
}

/* The answer by HTTP: the server itself, or why not. That there is an answer is the health. */
static void write_http(const struct text_server *server, const char *request, const char *body,
		       size_t size, FILE *out)
{
	bool head = strncmp(request, "HEAD ", 5) == 0, get = strncmp(request, "GET ", 4) == 0;
	bool health = asks_for(request, HEALTH_PATH);
	const char *status = "200 OK";
	char refusal[80];

	if (!head && !get)
		status = "405 Method Not Allowed";
	else if (!health && !asks_for(request, server->http_path))
		status = "404 Not Found";
	if (*status != '2') {
		snprintf(refusal, sizeof(refusal),
			 "only GET %s and " HEALTH_PATH " are answered here\n", server->http_path);
		body = refusal;
	} else if (health) {
		body = "ok\n";
	}
	if (health || *status != '2')
		size = strlen(body);
	fprintf(out,
		"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; "
		"charset=utf-8\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n",
		status, size);
	if (!head)
		fwrite(body, 1, size, out);
}

static int make_answer(struct text_client *client)
{
	const struct text_server *server = client->server;
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);

	if (!out)
		return -ENOMEM;
	if (!server->http_path || asks_for(client->request, server->http_path))
		server->write(server->context, client->request, out);
	if (fclose(out) != 0) {
		free(body);
		return -ENOMEM;
	}
	if (!server->http_path) {
		client->answer = body;
		client->size = size;
		return 0;
	}
	out = open_memstream(&client->answer, &client->size);
	if (out)
		write_http(server, client->request, body, size, out);
	free(body);
	return out && fclose(out) == 0 ? 0 : -ENOMEM;
}

/* Has the whole request come? */
static bool is_whole(const struct text_client *client)
{
	if (!client->server->http_path)
		return strchr(client->request, '\n') != NULL;
	return strstr(client->request, "\r\n\r\n") || strstr(client->request, "\n\n");
}

/* Reads the request: 1 when it is whole, 0 when more must come, or a negative errno. */
static int client_read(struct text_client *client)
{
	for (;;) {
		ssize_t n = recv(client->fd, client->request + client->asked,
				 REQUEST_MAX - 1 - client->asked, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->asked += (size_t)n;
		if (n == 0 || is_whole(client))
			return 1;
		if (client->asked == REQUEST_MAX - 1)
			return -E2BIG;
	}
}

/* Sends what the socket takes: 1 when that was all. */
static int client_send(struct text_client *client)
{
	while (client->sent < client->size) {
		ssize_t n = send(client->fd, client->answer + client->sent,
				 client->size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->sent += (size_t)n;
	}
	return 1;
}

/* The client that has been silent for longest: its request has not come; or NULL. */
static struct text_client *oldest_silent(const struct text_server *server)
{
	struct text_client *oldest = NULL;

	for (struct text_client *client = server->clients; client; client = client->next)
		if (!client->answer)
			oldest = client;
	return oldest;
}

/* A client that gets an answer keeps its place, so new ones wait if all do. */
static void pause_if_busy(struct text_server *server)
{
	if (server->open >= CLIENTS_MAX && !oldest_silent(server))
		listener_pause(&server->listener, true);
}

static void client_ready(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct text_client *client = container_of(watch, struct text_client, watch);
	int status = client->answer ? 1 : client_read(client), error = 0;

	(void)events;
	if (status > 0 && !client->answer)
		error = make_answer(client);
	if (status > 0 && !error)
		status = client_send(client);
	if (!status && !error)
		error = loop_watch(loop, watch, client->fd, client->answer ? EPOLLOUT : EPOLLIN);
	/* a client that breaks off, or asks for too much, needs no message */
	if (status < 0 && status != -EPIPE && status != -ECONNRESET && status != -E2BIG)
		error = status;
	if (error)
		cannot_answer(client->server, error);
	if (status || error)
		client_end(client);
	else
		pause_if_busy(client->server);
}

/* Clients that say nothing must not keep others from an answer. */
static void make_room(struct text_server *server)
{
	struct text_client *silent;

	while (server->open > CLIENTS_MAX && (silent = oldest_silent(server)) != NULL) {
		client_ready(server->loop, &silent->watch, EPOLLIN); /* its request may have come */
		if (server->open > CLIENTS_MAX && !silent->answer)
			client_end(silent);
	}
	pause_if_busy(server);
}

static void accepted(struct listener *listener, int fd, struct flow *flow, const struct peer *peer)
{
	struct text_server *server = container_of(listener, struct text_server, listener);
	const struct access_entry *by;
	struct text_client *client = NULL;
	bool allowed = !server->access || access_check(server->access, peer, &by);
	int error;

	(void)flow;
	if (allowed && !(client = calloc(1, sizeof(*client))))
		cannot_answer(server, -ENOMEM);
	if (!client) {
		close(fd);
		return;
	}
	client->watch = (struct watch){ .kind = &client_kind, .fd = -1 };
	client->timer.expired = client_late;
	client->server = server;
	client->fd = fd;
	client->next = server->clients;
	server->clients = client;
	server->open++;
	loop_timer(server->loop, &client->timer, units_now() + PATIENCE);
	error = loop_watch(server->loop, &client->watch, fd, EPOLLIN);
	if (error) {
		cannot_answer(server, error);
		client_end(client);
	}
	make_room(server);
}

int text_server_listen(struct text_server *server, struct loop *loop, struct failure *failure)
{
	int error = listener_open(loop, &server->listener, &server->addr, failure);

	server->loop = error ? NULL : loop;
	return error;
}

void text_server_serve(struct text_server *server, struct loop *loop)
{
	struct failure none;

	server->listener.accepted = accepted;
	if (text_server_listen(server, loop, &none) == 0) /* it is open: this gives it its loop */
		listener_pause(&server->listener, false);
}

void text_server_leave(struct text_server *server)
{
	server->listener.shared = true;
	listener_close(&server->listener);
}

void text_server_stop(struct text_server *server)
{
	if (!server->loop)
		return;
	while (server->clients)
		client_end(server->clients);
	listener_close(&server->listener);
	server->loop = NULL;
}
