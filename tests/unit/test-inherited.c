/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets that outlive a process: their names, and who gets which. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/inherited.h"
#include "../lib/temporary.h"

static struct addr addr_of(const char *text)
{
	const struct addr_context context = { .role = ADDR_LISTEN };
	struct mistake error;
	struct addr addr;

	assert_int_equal(addr_parse(text, &context, &addr, &error), 0);
	return addr;
}

static const char *name_of(const char *text, dev_t device, ino_t inode)
{
	static char name[INHERITED_NAME_MAX];
	const struct addr addr = addr_of(text);

	return inherited_name(&addr, device, inode, name);
}

static void test_names(void **state)
{
	char path[400] = "unix:/", first[INHERITED_NAME_MAX];

	(void)state;
	assert_string_equal(name_of("tcp:localhost:80", 0, 0),
			    "inherited.0.0.tcp%3alocalhost%3a80");
	assert_string_equal(name_of("tcp:localhost:80,backlog=7,nodelay=0", 0, 0),
			    "inherited.0.0.tcp%3alocalhost%3a80");
	assert_string_equal(name_of("unix:/run/a b%\n", 0xfe01, 0x4d2),
			    "inherited.fe01.4d2.unix%3a/run/a\\x20b%25\\x0A");
	/* what is too long has a name all the same, and another one has another */
	memset(path + 6, 'x', 300);
	snprintf(first, sizeof(first), "%s", name_of(path, 1, 2));
	assert_true(strlen(first) < INHERITED_NAME_MAX);
	path[305] = 'y';
	assert_string_not_equal(name_of(path, 1, 2), first);
}

/* A listening socket on 127.0.0.1, or in the file path. */
static int listening(const char *path, struct place *place)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (path)
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, path ? (struct sockaddr *)&un : (struct sockaddr *)&in,
			      path ? sizeof(un) : sizeof(in)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	memset(place, 0, sizeof(*place));
	place->length = sizeof(place->sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&place->sa, &place->length), 0);
	return fd;
}

static int read_list(struct inherited *inherited, const char *text)
{
	int fd = memfd_create("list", MFD_CLOEXEC), error;

	*inherited = (struct inherited){ 0 };
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	error = inherited_read(inherited, fd);
	close(fd);
	return error;
}

static void test_list(void **state)
{
	static const char *const bad[] = {
		"x inherited.0.0.a\n",	"2 inherited.0.0.a\n",	    "7kept.0.0.a\n", "7 other\n",
		"-1 inherited.0.0.a\n", "999999 inherited.0.0.a\n", "9 \n"
	};
	struct inherited inherited;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_list(&inherited, bad[i]), -EPROTO);
		inherited_free(&inherited);
	}
	assert_int_equal(read_list(&inherited, ""), 0);
	assert_int_equal(inherited.count, 0);
}

static void test_take_tcp(void **state)
{
	const struct addr addr = addr_of("tcp:127.0.0.1:0"), other = addr_of("tcp:localhost:0");
	struct place place, any, elsewhere;
	int fd = listening(NULL, &place), plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[200];
	struct inherited inherited;

	(void)state;
	any = elsewhere = place;
	((struct sockaddr_in *)(void *)&any.sa)->sin_port = 0;
	((struct sockaddr_in *)(void *)&elsewhere.sa)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	snprintf(text, sizeof(text),
		 "%d inherited.0.0.tcp%%3a127.0.0.1%%3a0\n%d inherited.0.0.tcp%%3a127.0.0.1%%3a0\n",
		 plain, fd);
	assert_int_equal(read_list(&inherited, text), 0);
	assert_int_equal(inherited.count, 1); /* what does not listen is nothing */
	assert_int_equal(inherited_take(NULL, &addr, &any), -1);
	assert_int_equal(inherited_take(&inherited, &other, &any), -1);
	assert_int_equal(inherited_take(&inherited, &addr, &elsewhere), -1);
	assert_int_equal(inherited_take(&inherited, &addr, &any), fd);
	assert_int_equal(inherited_take(&inherited, &addr, &any), -1);
	assert_int_equal(inherited_drop(&inherited, false, NULL), 0);
	inherited_free(&inherited);
	assert_int_equal(close(fd), 0);
}

static void test_take_unix(void **state)
{
	char directory[TEMPORARY_MAX], path[128], text[200], name[INHERITED_NAME_MAX];
	struct addr addr;
	struct place place;
	struct inherited inherited;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(temporary_name(directory)));
	snprintf(path, sizeof(path), "%s/a:b", directory);
	snprintf(text, sizeof(text), "unix:%s", path);
	addr = addr_of(text);
	fd = listening(path, &place);
	assert_int_equal(stat(path, &st), 0);
	snprintf(text, sizeof(text), "%d %s\n", fd,
		 inherited_name(&addr, st.st_dev, st.st_ino + 1, name));
	/* another file is there now: it is not taken, nor removed */
	assert_int_equal(read_list(&inherited, text), 0);
	assert_int_equal(inherited_take(&inherited, &addr, &place), -1);
	inherited_want(&inherited, &addr);
	assert_int_equal(inherited_drop(&inherited, true, false), 1);
	assert_int_equal(stat(path, &st), 0);
	inherited_free(&inherited);
	/* the file is the one: wanted it stays, else it goes with its file */
	assert_int_equal(unlink(path), 0);
	fd = listening(path, &place);
	assert_int_equal(stat(path, &st), 0);
	snprintf(text, sizeof(text), "%d %s\n", fd,
		 inherited_name(&addr, st.st_dev, st.st_ino, name));
	assert_int_equal(read_list(&inherited, text), 0);
	inherited_want(&inherited, &addr);
	assert_int_equal(inherited_drop(&inherited, true, false), 0);
	assert_int_equal(inherited_drop(&inherited, false, NULL), 1);
	assert_int_equal(stat(path, &st), -1);
	inherited_free(&inherited);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_take_tcp),
		cmocka_unit_test(test_take_unix),
	};

	unsetenv("NOTIFY_SOCKET");
	return cmocka_run_group_tests_name("inherited", tests, NULL, NULL);
}
