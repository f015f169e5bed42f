/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load: errors, time, addresses, sockets, the pattern of bytes, and what clients share. */
#include "load.h"

/* AF_VSOCK is only opened where this file says that the machine is ours: inside a virtual machine
 * made for testing. */
#define LAB_FILE "/run/vsock-lab"

_Alignas(4096) unsigned char buffer[BUFFER];

/*
 * Trouble and time
 */

_Noreturn void fail(const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '"' || *p == '\\')
			*p = '\'';
	printf("{\"error\":\"%s\"}\n", text);
	fprintf(stderr, "load: %s\n", text);
	exit(1);
}

void on_alarm(int signal_number)
{
	static const char text[] = "{\"error\":\"time limit reached\"}\n";

	(void)signal_number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(3);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

double cpu_seconds(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double percentile_us(const uint64_t *sorted, size_t count, double share)
{
	size_t at = (size_t)(share * (double)(count - 1) + 0.5);

	return (double)sorted[at] / 1e3;
}

/*
 * Addresses: tcp:127.0.0.1:PORT, udp:127.0.0.1:PORT, unix:PATH, unix:@NAME, vsock:CID:PORT
 */

bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *value <= max;
}

static bool parse_tcp(const char *text, struct address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	const char *colon = strrchr(text, ':');
	char host[64];
	uint64_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host) ||
	    !parse_number(colon + 1, 65535, &port))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	if (ntohl(in->sin_addr.s_addr) >> 24 != 127)
		fail("%s is no loopback address: this is a load generator, and loads nothing but "
		     "this machine",
		     host);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	a->len = sizeof(*in);
	return true;
}

static bool parse_unix(const char *text, struct address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, text, len + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	if (text[0] == '@') {
		un->sun_path[0] = '\0';
		a->len--;
	}
	return true;
}

static bool parse_vsock(const char *text, struct address *a)
{
	struct sockaddr_vm *vm = (struct sockaddr_vm *)&a->sa;
	const char *colon = strchr(text, ':');
	char cid_text[16];
	uint64_t cid = (uint32_t)VMADDR_CID_ANY, port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(cid_text) ||
	    !parse_number(colon + 1, UINT32_MAX, &port))
		return false;
	memcpy(cid_text, text, (size_t)(colon - text));
	cid_text[colon - text] = '\0';
	if (strcmp(cid_text, "any") != 0 && !parse_number(cid_text, UINT32_MAX, &cid))
		return false;
	if (access(LAB_FILE, F_OK) != 0)
		fail("no vsock here: %s is not there, so this is not the laboratory (run "
		     "tests/bench/lab)",
		     LAB_FILE);
	vm->svm_family = AF_VSOCK;
	vm->svm_cid = (unsigned)cid;
	vm->svm_port = (unsigned)port;
	a->len = sizeof(*vm);
	return true;
}

void parse_address(const char *text, struct address *a)
{
	bool good = false;

	memset(a, 0, sizeof(*a));
	a->type = strncmp(text, "udp:", 4) == 0 ? SOCK_DGRAM : SOCK_STREAM;
	if (strncmp(text, "tcp:", 4) == 0 || a->type == SOCK_DGRAM)
		good = parse_tcp(text + 4, a);
	else if (strncmp(text, "unix:", 5) == 0)
		good = parse_unix(text + 5, a);
	else if (strncmp(text, "vsock:", 6) == 0)
		good = parse_vsock(text + 6, a);
	if (!good)
		fail("%s is not tcp:127.0.0.1:PORT, udp:127.0.0.1:PORT, unix:PATH, unix:@NAME or "
		     "vsock:CID:PORT",
		     text);
}

/*
 * Sockets
 */

void set_nodelay(int fd, int family)
{
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

int listen_at(const struct address *a, const char *text)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	int fd = socket(a->sa.ss_family, a->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("%s: socket: %s", text, strerror(errno));
	if (a->sa.ss_family == AF_INET && a->type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (a->sa.ss_family == AF_UNIX && un->sun_path[0] != '\0')
		unlink(un->sun_path);
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0)
		fail("%s: bind: %s", text, strerror(errno));
	if (a->type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		fail("%s: listen: %s", text, strerror(errno));
	return fd;
}

int try_connect(const struct address *a, unsigned limit)
{
	struct timeval tv = { .tv_sec = (time_t)limit };
	int fd = socket(a->sa.ss_family, a->type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (a->type == SOCK_STREAM)
		set_nodelay(fd, a->sa.ss_family);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int connect_to(const struct address *a, const char *text, unsigned limit)
{
	int fd = try_connect(a, limit);

	if (fd < 0)
		fail("%s: connect: %s", text, strerror(-fd));
	return fd;
}

void set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 ||
	    fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		fail("fcntl: %s", strerror(errno));
}

bool write_all(int fd, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

bool read_all(int fd, void *data, size_t size)
{
	unsigned char *p = data;

	while (size > 0) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * The pattern: a counter at the start of each block
 */

static uint64_t counter(uint64_t seed, uint64_t block)
{
	return seed * UINT64_C(0x9e3779b97f4a7c15) + block + 1;
}

size_t pattern_make(uint64_t seed, uint64_t offset, uint64_t end, const unsigned char **data)
{
	uint64_t block = offset / BLOCK;
	size_t skip = (size_t)(offset % BLOCK), size = BUFFER - skip;

	if (end - offset < size)
		size = (size_t)(end - offset);
	for (size_t at = 0; at < skip + size; at += BLOCK) {
		uint64_t value = counter(seed, block++);

		memcpy(buffer + at, &value, sizeof(value));
	}
	*data = buffer + skip;
	return size;
}

uint64_t pattern_check(uint64_t seed, uint64_t offset, const unsigned char *data, size_t size)
{
	uint64_t wrong = 0, end = offset + size;

	for (uint64_t block = offset / BLOCK; block * BLOCK < end; block++) {
		uint64_t value = counter(seed, block), start = block * BLOCK;
		uint64_t from = start > offset ? start : offset;
		uint64_t to = start + sizeof(value) < end ? start + sizeof(value) : end;

		if (from < to &&
		    memcmp(data + (from - offset), (unsigned char *)&value + (from - start),
			   (size_t)(to - from)) != 0)
			wrong++;
	}
	return wrong;
}

void print_listening(int fd, const struct options *o)
{
	struct sockaddr_storage sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&sa;
	socklen_t len = sizeof(sa);
	char host[INET_ADDRSTRLEN];

	if (o->addr.sa.ss_family == AF_INET && getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		printf("{\"listening\":\"%s:%s:%u\"}\n", o->addr.type == SOCK_DGRAM ? "udp" : "tcp",
		       inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)), ntohs(in->sin_port));
	else
		printf("{\"listening\":\"%s\"}\n", o->addr_text);
	fflush(stdout);
}

bool would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * Clients: what they share
 */

const char *ask_counters(const struct address *a, const char *where, bool reset, unsigned limit)
{
	static char text[512];
	struct header h = { .magic = MAGIC, .mode = MODE_STAT, .flags = reset ? FLAG_RESET : 0 };
	int fd = connect_to(a, where, limit);
	size_t have = 0;

	if (!write_all(fd, &h, sizeof(h)))
		fail("%s: the counters can't be asked for: %s", where, strerror(errno));
	while (have < sizeof(text) - 1) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	text[have] = '\0';
	if (have == 0)
		fail("%s: no counters came", where);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

double counter_of(const char *text, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at == NULL ? 0 : strtod(at + strlen(key), NULL);
}

bool introduce(int fd, enum mode mode, uint32_t flags, uint64_t bytes, uint64_t seed,
	       uint64_t delay_ms)
{
	struct header h = { .magic = MAGIC,
			    .mode = mode,
			    .flags = flags,
			    .bytes = bytes,
			    .seed = seed,
			    .delay_ms = delay_ms };
	uint64_t ack;

	if (!write_all(fd, &h, sizeof(h)))
		return false;
	if (!(flags & FLAG_ACK))
		return true;
	return read_all(fd, &ack, sizeof(ack)) && ack == MAGIC;
}

int open_conn(const struct options *o, enum mode mode, uint64_t bytes, uint64_t seed)
{
	int fd = connect_to(&o->addr, o->addr_text, o->limit);

	if (!introduce(fd, mode, FLAG_ACK, bytes, seed, o->delay_ms))
		fail("%s: connected, but the server behind it did not answer: %s", o->addr_text,
		     errno ? strerror(errno) : "end of input");
	return fd;
}
