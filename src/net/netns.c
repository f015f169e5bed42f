/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "base/ascii.h"
#include "base/fd.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

#define PATH_ROOM (NETNS_MAX + 16)
#define STACK_SIZE (512u << 10) /* the limit on memory may be low */

char *netns_path(const char *netns, char *buf, size_t size)
{
	if (!*netns)
		snprintf(buf, size, "/proc/thread-self/ns/net");
	else if (*netns == '/')
		snprintf(buf, size, "%s", netns);
	else if (is_number(netns))
		snprintf(buf, size, "/proc/%s/ns/net", netns);
	else
		snprintf(buf, size, NETNS_DIRECTORY "/%s", netns);
	return buf;
}

bool netns_may_have(char c)
{
	return isascii((unsigned char)c) &&
	       (isalnum((unsigned char)c) || (c && strchr("_-.@+", c)));
}

/* Entering */

struct visit {
	int fd; /* of the namespace */
	int error; /* of entering it */
	void (*call)(void *context);
	void *context;
};

static void *enter(void *context)
{
	struct visit *visit = context;

	if (setns(visit->fd, CLONE_NEWNET) < 0)
		visit->error = -errno;
	else
		visit->call(visit->context);
	return NULL;
}

int netns_run(const char *netns, void (*call)(void *context), void *context)
{
	struct visit visit = { .call = call, .context = context };
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	char path[PATH_ROOM];
	int error, fd;

	/* neither a FIFO nor a terminal may hold us up: setns() says that they are no namespace */
	fd = open(netns_path(netns, path, sizeof(path)),
		  O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	visit.fd = fd;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attributes, enter, &visit);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error)
		visit.error = -error;
	else
		pthread_join(thread, NULL);
	close(fd);
	return visit.error;
}

struct opening {
	int family, type, fd;
};

static void open_socket(void *context)
{
	struct opening *opening = context;

	opening->fd = socket(opening->family, opening->type, 0);
	if (opening->fd < 0)
		opening->fd = -errno;
}

int netns_socket(const char *netns, int family, int type, bool *entered)
{
	struct opening opening = { .family = family, .type = type };
	int error = netns_run(netns, open_socket, &opening);

	*entered = !error;
	return error ? error : opening.fd;
}

/* Identity */

uint64_t netns_id(const char *netns)
{
	char path[PATH_ROOM];
	struct stat st;

	return stat(netns_path(netns, path, sizeof(path)), &st) < 0 ? 0 : st.st_ino;
}

uint64_t netns_of_socket(int fd)
{
	int netns = ioctl(fd, SIOCGSKNS);
	uint64_t id = 0;
	struct stat st;

	if (netns < 0)
		return 0;
	if (fstat(netns, &st) == 0)
		id = st.st_ino;
	close(netns);
	return id;
}

/* Can this name be given to netns=, where a number is that of a process? */
static bool is_name(const char *name)
{
	size_t length = 0;

	while (netns_may_have(name[length]))
		length++;
	return *name && *name != '.' && !name[length] && !is_number(name);
}

char *netns_name(uint64_t id, long pid, char *buf, size_t size)
{
	DIR *dir = opendir(NETNS_DIRECTORY);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)) != NULL) {
		found = strlen(entry->d_name) < size && is_name(entry->d_name) &&
			netns_id(entry->d_name) == id;
		if (found)
			strcpy(buf, entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (!found)
		snprintf(buf, size, "%ld", pid);
	return buf;
}

/* Finding */

static int add(struct netns_list *list, uint64_t id, const char *name)
{
	struct netns_entry *grown;

	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].id == id)
			return 0;
	grown = reallocarray(list->entries, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->entries = grown;
	grown += list->count++;
	grown->id = id;
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return 0;
}

/* Those whose names are in this directory. */
static int find_in(const char *directory, bool (*is_one)(const char *name), uint64_t ours,
		   struct netns_list *list)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int error = 0;

	while (dir && !error && (entry = readdir(dir)) != NULL) {
		bool one = is_one(entry->d_name) &&
			   strlen(entry->d_name) < sizeof(list->entries->name);
		uint64_t id = one ? netns_id(entry->d_name) : 0;

		if (id && id != ours)
			error = add(list, id, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return error;
}

int netns_find(struct netns_list *list)
{
	uint64_t ours = netns_id("");
	int error;

	*list = (struct netns_list){ 0 };
	error = find_in(NETNS_DIRECTORY, is_name, ours, list);
	return error ? error : find_in("/proc", is_number, ours, list);
}

void netns_list_free(struct netns_list *list)
{
	free(list->entries);
	*list = (struct netns_list){ 0 };
}
