/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/inherited.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "net/activation.h"
#include "net/peer.h"
#include "net/socket.h"
#include "serve/manager.h"

#define PREFIX "inherited."

/* Names */

/* Writes a name for a colon-separated list, in characters that every list permits. False: no room.
 */
static bool encode(const char *text, char *buf, size_t size)
{
	size_t length = 0;

	for (; *text; text++) {
		bool plain = isascii((unsigned char)*text) && isgraph((unsigned char)*text) &&
			     *text != ':' && *text != '%';

		if (length + 4 > size)
			return false;
		length += (size_t)snprintf(buf + length, size - length, plain ? "%c" : "%%%02x",
					   (unsigned char)*text);
	}
	return true;
}

static bool decode(const char *name, char *buf, size_t size)
{
	size_t length = 0;

	for (; *name; name++) {
		unsigned value = (unsigned char)*name;

		if (length + 1 == size || (value == '%' && sscanf(name + 1, "%2x", &value) != 1))
			return false;
		name += *name == '%' ? 2 : 0;
		buf[length++] = (char)value;
	}
	buf[length] = '\0';
	return true;
}

char *inherited_name(const struct addr *addr, dev_t device, ino_t inode, char *buf)
{
	int length = snprintf(buf, INHERITED_NAME_MAX, PREFIX "%llx.%llx.",
			      (unsigned long long)device, (unsigned long long)inode);
	char text[ADDR_TEXT_MAX];

	addr_format_short(addr, text, sizeof(text));
	if (!encode(text, buf + length, INHERITED_NAME_MAX - (size_t)length))
		snprintf(buf + length, INHERITED_NAME_MAX - (size_t)length, "%%%016llx",
			 (unsigned long long)hash_bytes(text, strlen(text)));
	return buf;
}

/* As it would be called now. */
static char *name_now(const struct addr *addr, char *buf)
{
	char path[SOCKET_FILE_MAX];
	struct socket_inode inode = { 0 };

	if (socket_file(addr, path, sizeof(path)))
		socket_file_find(path, &inode);
	return inherited_name(addr, inode.device, inode.number, buf);
}

/* The address that a name was made of. */
static bool addr_of(const char *name, struct addr *addr)
{
	static const struct addr_context context = { .role = ADDR_LISTEN };
	struct mistake error;
	char text[INHERITED_NAME_MAX];

	name = strchr(name + strlen(PREFIX), '.');
	name = name ? strchr(name + 1, '.') : NULL;
	return name && decode(name + 1, text, sizeof(text)) &&
	       addr_parse(text, &context, addr, &error) == 0;
}

/* The table */

/* Takes fd over; what neither listens nor gets datagrams is of no use to anybody. */
static int add(struct inherited *inherited, int fd, const char *name)
{
	bool useful = socket_is_listening(fd) || socket_is_datagram(fd);
	struct inherited_socket *grown = useful ? reallocarray(inherited->sockets,
							       inherited->count + 1, sizeof(*grown))
						: NULL;

	if (!grown) {
		close(fd);
		return useful ? -ENOMEM : 0;
	}
	inherited->sockets = grown;
	grown += inherited->count++;
	*grown = (struct inherited_socket){ .fd = fd };
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return 0;
}

int inherited_find(struct inherited *inherited)
{
	char name[INHERITED_NAME_MAX];
	size_t at = 0;
	int fd, error = 0;

	while (!error && (fd = activation_take(PREFIX, &at, name, sizeof(name))) >= 0)
		error = add(inherited, fd, name);
	return error;
}

static int read_line(struct inherited *inherited, char *line)
{
	char *end;
	long fd = strtol(line, &end, 10);

	if (end == line || *end != ' ' || fd <= STDERR_FILENO || fd > INT32_MAX ||
	    strncmp(end + 1, PREFIX, strlen(PREFIX)) != 0)
		return -EPROTO;
	end[strcspn(end, "\n")] = '\0';
	if (fd_cloexec((int)fd, true) < 0)
		return -EPROTO;
	activation_forget((int)fd);
	return add(inherited, (int)fd, end + 1);
}

int inherited_read(struct inherited *inherited, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), error = 0;
	FILE *in = own < 0 ? NULL : fdopen(own, "r");
	char *line = NULL;
	size_t room = 0;

	if (!in) {
		error = -errno;
		fd_close(&own);
		return error;
	}
	(void)!fseek(in, 0, SEEK_SET); /* a pipe has no beginning */
	while (!error && getline(&line, &room, in) > 0)
		error = read_line(inherited, line);
	free(line);
	fclose(in);
	return error;
}

/* TCP: a name may mean other addresses than it did. */
bool inherited_is_bound_to(int fd, const struct place *place)
{
	struct peer bound, wanted;

	peer_from_sockaddr((const struct sockaddr *)&place->sa, place->length, &wanted);
	if (wanted.family != ADDR_TCP)
		return true;
	peer_of_local(fd, &bound);
	return bound.family == ADDR_TCP && bound.u.tcp.v6 == wanted.u.tcp.v6 &&
	       bound.u.tcp.scope == wanted.u.tcp.scope &&
	       memcmp(&bound.u.tcp.ip, &wanted.u.tcp.ip, sizeof(wanted.u.tcp.ip)) == 0 &&
	       (!wanted.u.tcp.port || bound.u.tcp.port == wanted.u.tcp.port);
}

/* A namespace that was made anew has the name of the one before. */
static bool is_elsewhere(int fd, const struct addr *addr)
{
	uint64_t wanted = *addr->options.netns ? netns_id(addr->options.netns) : 0;
	uint64_t its = wanted ? netns_of_socket(fd) : 0;

	return wanted && its && wanted != its;
}

int inherited_take(struct inherited *inherited, const struct addr *addr, const struct place *place)
{
	char name[INHERITED_NAME_MAX];

	if (!inherited || !inherited->count)
		return -1;
	name_now(addr, name);
	for (size_t i = 0; i < inherited->count; i++) {
		struct inherited_socket *socket = &inherited->sockets[i];
		int fd = socket->fd;

		if (fd < 0 || strcmp(socket->name, name) != 0 ||
		    !inherited_is_bound_to(fd, place) || is_elsewhere(fd, addr))
			continue;
		socket->fd = -1;
		return fd;
	}
	return -1;
}

void inherited_want(struct inherited *inherited, const struct addr *addr)
{
	char name[INHERITED_NAME_MAX];

	if (!inherited->count)
		return;
	name_now(addr, name);
	for (size_t i = 0; i < inherited->count; i++)
		inherited->sockets[i].wanted = inherited->sockets[i].wanted ||
					       strcmp(inherited->sockets[i].name, name) == 0;
}

/* Only the file that the name was made of. */
static void remove_file(const char *name)
{
	char path[SOCKET_FILE_MAX], now[INHERITED_NAME_MAX];
	struct socket_inode inode;
	struct addr addr;

	if (!addr_of(name, &addr) || !socket_file(&addr, path, sizeof(path)))
		return;
	socket_file_find(path, &inode);
	if (strcmp(inherited_name(&addr, inode.device, inode.number, now), name) == 0)
		socket_file_remove(path, &inode);
}

size_t inherited_drop(struct inherited *inherited, bool unwanted_only, struct manager *manager)
{
	size_t dropped = 0;

	for (size_t i = 0; i < inherited->count; i++) {
		struct inherited_socket *socket = &inherited->sockets[i];

		if (socket->fd < 0 || (unwanted_only && socket->wanted))
			continue;
		fd_close(&socket->fd);
		remove_file(socket->name);
		if (manager)
			manager_drop(manager, socket->name);
		dropped++;
	}
	return dropped;
}

void inherited_free(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++)
		fd_close(&inherited->sockets[i].fd);
	free(inherited->sockets);
	*inherited = (struct inherited){ 0 };
}
