/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where answers come from: the text itself, /etc/hosts, or the system.
 *
 * Names of /etc/hosts are answered at once, however many other names are being looked up.
 * getaddrinfo(3) would find them as well, but in a process of its own, which may have to wait for
 * its turn. So a name is looked for here first, if nsswitch.conf(5) does not leave files out; what
 * is not found here is left to getaddrinfo(3). Each helper keeps the file until it changes.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/resolve.h"

#define HOSTS_FILE "/etc/hosts"
#define SWITCH_FILE "/etc/nsswitch.conf"
#define FILE_MAX_BYTES (1UL << 20)

/*
 * Without asking
 */

static void add_v4(struct places *places, struct in_addr ip, uint16_t port)
{
	struct place *place = &places->place[places->count++];
	struct sockaddr_in *in = (void *)&place->sa;

	*place = (struct place){ .length = sizeof(*in) };
	in->sin_family = AF_INET;
	in->sin_addr = ip;
	in->sin_port = htons(port);
}

static void add_v6(struct places *places, const struct in6_addr *ip, uint32_t scope, uint16_t port)
{
	struct place *place = &places->place[places->count++];
	struct sockaddr_in6 *in6 = (void *)&place->sa;

	*place = (struct place){ .length = sizeof(*in6) };
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = *ip;
	in6->sin6_scope_id = scope;
	in6->sin6_port = htons(port);
}

/* "fe80::1%eth0": the part before %, and the interface's number. */
static bool read_v6(const char *host, struct in6_addr *ip, uint32_t *scope)
{
	char text[INET6_ADDRSTRLEN];
	const char *percent = strchr(host, '%');
	size_t length = percent ? (size_t)(percent - host) : strlen(host);

	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, ip) != 1)
		return false;
	*scope = 0;
	if (percent) {
		*scope = if_nametoindex(percent + 1);
		if (!*scope)
			*scope = (uint32_t)strtoul(percent + 1, NULL, 10);
		/* a confined process cannot look up an interface: ask another process */
		return *scope != 0;
	}
	return true;
}

static bool read_literal(const char *host, uint16_t port, struct place *place)
{
	struct places places = { .count = 0 };
	struct in_addr v4;
	struct in6_addr v6;
	uint32_t scope;

	if (inet_pton(AF_INET, host, &v4) == 1)
		add_v4(&places, v4, port);
	else if (read_v6(host, &v6, &scope))
		add_v6(&places, &v6, scope, port);
	else
		return false;
	*place = places.place[0];
	return true;
}

int resolve_now(const struct addr *addr, enum addr_role role, struct places *places,
		struct failure *failure)
{
	bool everywhere = addr->wildcard && role == ADDR_LISTEN;
	bool local = strcasecmp(addr->name, "localhost") == 0 ||
		     (addr->wildcard && role == ADDR_CONNECT);
	uint16_t port = (uint16_t)addr->port;
	int family;

	places->count = 0;
	if (*addr->service)
		return -EINPROGRESS;
	if (everywhere || local) {
		if (addr->ip != 6)
			add_v4(places,
			       (struct in_addr){ htonl(everywhere ? INADDR_ANY : INADDR_LOOPBACK) },
			       port);
		if (addr->ip != 4)
			add_v6(places, everywhere ? &in6addr_any : &in6addr_loopback, 0, port);
		return 0;
	}
	if (!read_literal(addr->name, port, &places->place[0]))
		return -EINPROGRESS;
	family = places->place[0].sa.ss_family;
	places->count = addr->ip != (family == AF_INET ? 6 : 4);
	if (places->count)
		return 0;
	*failure = (struct failure){ .step = STEP_RESOLVE, .error = EAI_ADDRFAMILY };
	return -ENOENT;
}

/*
 * /etc/hosts
 */

struct known_file {
	const char *path;
	struct stat st;
	char *text; /* owned; NULL: not read, or not readable */
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The file's text as it is now, or NULL. */
static const char *read_file(struct known_file *file)
{
	struct stat st;
	size_t size;
	int fd;

	if (stat(file->path, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (file->text && is_same(&st, &file->st))
		return file->text;
	free(file->text);
	file->text = NULL;
	file->st = st;
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fd_read_all(fd, FILE_MAX_BYTES, &file->text, &size) < 0)
		file->text = NULL;
	fd_close(&fd);
	return file->text;
}

/* The next word of a line, at *at, which moves on; its length, 0 at the end of the line. */
static size_t next_word(const char **at, const char **word)
{
	size_t length;

	*word = *at + strspn(*at, " \t\r");
	length = strcspn(*word, " \t\r\n#");
	*at = *word + length;
	return length;
}

static const char *next_line(const char *at)
{
	at += strcspn(at, "\n");
	return *at ? at + 1 : at;
}

static bool is_word(const char *word, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncasecmp(word, wanted, length) == 0;
}

/* Does nsswitch.conf(5) have hosts looked up in files? Without such a line the C library does. */
static bool may_use_files(void)
{
	static struct known_file file = { .path = SWITCH_FILE };
	const char *word;

	for (const char *line = read_file(&file); line && *line; line = next_line(line)) {
		const char *at = line;
		size_t length = next_word(&at, &word);

		if (!is_word(word, length, "hosts:"))
			continue;
		while ((length = next_word(&at, &word)) != 0)
			if (is_word(word, length, "files"))
				return true;
		return false;
	}
	return true;
}

static bool names_host(const char *at, const char *host)
{
	const char *word;
	size_t length;

	while ((length = next_word(&at, &word)) != 0)
		if (is_word(word, length, host))
			return true;
	return false;
}

/* Adds the address of a line "ADDRESS NAME..." if it has this name. */
static void add_line(const char *line, const struct resolver_question *question, uint16_t port,
		     struct places *places)
{
	struct place *place = &places->place[places->count];
	char address[64];
	const char *word;
	size_t length = next_word(&line, &word);

	if (!length || length >= sizeof(address) || places->count == RESOLVE_MAX ||
	    !names_host(line, question->host))
		return;
	memcpy(address, word, length);
	address[length] = '\0';
	if (!read_literal(address, port, place))
		return;
	if (question->ip == 4 ? place->sa.ss_family == AF_INET
			      : question->ip != 6 || place->sa.ss_family == AF_INET6)
		places->count++;
}

bool resolve_from_hosts(const struct resolver_question *question, struct resolver_answer *answer)
{
	static struct known_file file = { .path = HOSTS_FILE };
	struct mistake error;
	uint64_t port;

	if (!*question->host || !may_use_files() ||
	    units_count(question->service, 0, UINT16_MAX, &port, &error) < 0)
		return false;
	memset(answer, 0, sizeof(*answer));
	answer->id = question->id;
	for (const char *line = read_file(&file); line && *line; line = next_line(line))
		add_line(line, question, (uint16_t)port, &answer->places);
	return answer->places.count > 0;
}

/*
 * The system
 */

void resolve_ask_system(const struct resolver_question *question, struct resolver_answer *answer)
{
	struct addrinfo hints = {
		.ai_family = question->ip == 4	 ? AF_INET
			     : question->ip == 6 ? AF_INET6
						 : AF_UNSPEC,
		/* also which services have the name */
		.ai_socktype = question->datagrams ? SOCK_DGRAM : SOCK_STREAM,
		.ai_flags = question->passive ? AI_PASSIVE : 0,
	};
	struct addrinfo *list = NULL;

	memset(answer, 0, sizeof(*answer));
	answer->id = question->id;
	answer->error = getaddrinfo(*question->host ? question->host : NULL, question->service,
				    &hints, &list);
	if (answer->error)
		/* cppcheck-suppress memleak ; there is no list then */
		return;
	for (const struct addrinfo *ai = list; ai && answer->places.count < RESOLVE_MAX;
	     ai = ai->ai_next) {
		struct place *place = &answer->places.place[answer->places.count];

		if (ai->ai_addrlen > sizeof(place->sa))
			continue;
		memcpy(&place->sa, ai->ai_addr, ai->ai_addrlen);
		place->length = ai->ai_addrlen;
		answer->places.count++;
	}
	freeaddrinfo(list);
	if (!answer->places.count)
		answer->error = EAI_NONAME;
}
