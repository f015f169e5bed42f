/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a server accepts: its own pause and its limits do not end each other. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "net/addr.h"
#include "net/socket.h"
#include "serve/server.h"

struct rig {
	struct server server;
	struct listener listener;
	struct addr addr;
	struct session *session; /* that was served last */
	int client;
};

static void serve(struct server *server, struct listener *listener, struct session *session)
{
	struct rig *rig = (struct rig *)(void *)server;

	(void)listener;
	rig->session = session;
	loop_stop(server->loop);
}

/* One client is connected, which is the limit. */
static void set_up(struct rig *rig)
{
	const struct addr_context context = { .role = ADDR_LISTEN, .program = "vsock-listen" };
	struct sockaddr_storage place = { 0 };
	socklen_t size = sizeof(place);
	struct mistake mistake;

	*rig = (struct rig){ .server = {
				     .settings = SERVER_DEFAULTS, .limit = 1, .serve = serve } };
	assert_int_equal(addr_parse("tcp:127.0.0.1:0", &context, &rig->addr, &mistake), 0);
	assert_int_equal(server_start(&rig->server), 0);
	assert_int_equal(server_open(&rig->server, &rig->listener, &rig->addr, NULL), 0);
	rig->server.running = true;
	server_admit(&rig->server, &rig->listener);
	assert_false(rig->listener.resting);
	assert_int_equal(getsockname(rig->listener.sockets[0].fd, (struct sockaddr *)&place, &size),
			 0);
	rig->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(rig->client, (struct sockaddr *)&place, size), 0);
	assert_int_equal(loop_run(rig->server.loop), 0);
	assert_non_null(rig->session);
	assert_true(rig->listener.resting);
}

static void tear_down(struct rig *rig)
{
	close(rig->client);
	server_close_all(&rig->server);
	server_free(&rig->server);
}

static void test_a_connection_that_ends_does_not_end_a_pause(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	server_pause(&rig.server, true);
	session_close(rig.session);
	assert_true(rig.listener.resting);
	server_pause(&rig.server, false);
	assert_false(rig.listener.resting);
	tear_down(&rig);
}

static void test_the_end_of_a_pause_does_not_lift_the_limit(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	server_pause(&rig.server, true);
	server_pause(&rig.server, false);
	assert_true(rig.listener.resting);
	session_close(rig.session);
	assert_false(rig.listener.resting);
	tear_down(&rig);
}

static void test_datagrams_are_taken_while_it_is_paused(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	session_close(rig.session);
	rig.listener.datagrams = true;
	server_pause(&rig.server, true);
	assert_false(rig.listener.resting);
	rig.listener.datagrams = false;
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_connection_that_ends_does_not_end_a_pause),
		cmocka_unit_test(test_the_end_of_a_pause_does_not_lift_the_limit),
		cmocka_unit_test(test_datagrams_are_taken_while_it_is_paused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
