/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-targets: which CIDs and ports a scan asks, read from one word and counted through. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/tool.h"
#include "ping/scan.h"

/* Without ports: the privileged ones, and those above that programs on vsock are known to use. */
#define KNOWN_PORTS                                                                               \
	"1-1023,1024,1025,1234,2049,2222,2375,2376,3128,3389,5000-5005,5201,5432,5555,5900,5901," \
	"6379,8000,8080,"                                                                         \
	"8443,9000,9001,9090,9100,9999,10809,50051"

static int read_name(const char *word, size_t length, uint64_t *number, void *context)
{
	const struct hosts *const *hosts = context;
	const struct hosts_entry *entry;
	uint32_t cid;

	if (addr_read_cid(word, length, &cid)) {
		*number = cid;
		return cid == ADDR_CID_ANY ? -EINVAL : 0;
	}
	entry = hosts_find(*hosts, word, length);
	if (!entry || entry->path)
		return -ENOENT;
	*number = entry->cid;
	return 0;
}

static uint64_t count_set(const struct units_set *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += set->ranges[i].last - set->ranges[i].first + 1;
	return count;
}

/* Reads a part of text, from "from" to "to"; the caret refers to the whole text. */
static int read_set(const char *text, size_t from, size_t to, uint64_t min, uint64_t max,
		    const struct hosts *names, struct units_set *set)
{
	struct mistake error;
	char part[ADDR_NAME_MAX];

	snprintf(part, sizeof(part), "%.*s", (int)(to - from), text + from);
	if (units_set(part, min, max, names ? read_name : NULL, &names, set, &error) == 0)
		return STATUS_DONE;
	error.offset += from;
	log_mistake(NULL, text, &error);
	return STATUS_USAGE;
}

static int read_ports(struct targets *targets, const char *text, size_t from)
{
	size_t end = strlen(text);
	bool tcp = targets->base.family == ADDR_TCP;

	if (from < end)
		return read_set(text, from, end, 1, tcp ? 65535 : ADDR_PORT_ANY - 1, NULL,
				&targets->ports);
	if (from && text[from - 1] == ':')
		return log_failure(STATUS_USAGE, "%s: the ports are missing", text);
	return read_set(KNOWN_PORTS, 0, strlen(KNOWN_PORTS), 0, 65535, NULL, &targets->ports);
}

/* An address, and ",netns=NAME" or "". */
static int parse_base(struct targets *targets, const char *where, const char *netns,
		      const struct hosts *hosts)
{
	char text[ADDR_NAME_MAX];

	snprintf(text, sizeof(text), "%s%s", where, netns);
	return common_addr(text,
			   &(struct addr_context){ .role = ADDR_CONNECT,
						   .flags = ADDR_SHORT | ADDR_PORT_OPTIONAL |
							    (*netns ? 0 : ADDR_NO_OPTIONS),
						   .program = log_program(),
						   .hosts = hosts },
			   &targets->base);
}

/* FAMILY:REST[:PORTS]: reads the address with the first port in place of all. */
static int read_family(struct targets *targets, const char *text, const char *netns,
		       const struct hosts *hosts)
{
	const char *rest = strchr(text, ':') + 1, *colon = strrchr(rest, ':');
	char base[ADDR_NAME_MAX];
	size_t length, first;
	int status;

	if (colon && (strchr(colon, ']') || strchr(colon, '/')))
		colon = NULL; /* of an IPv6 address, of a path */
	length = colon ? (size_t)(colon - text) : strlen(text);
	first = colon ? strcspn(colon + 1, ",-") : 0;
	snprintf(base, sizeof(base), "%.*s:%.*s", (int)length, text, first ? (int)first : 1,
		 first ? colon + 1 : "1");
	status = parse_base(targets, base, netns, hosts);
	if (status)
		return status;
	if (targets->base.family != ADDR_TCP && targets->base.family != ADDR_MUX)
		return log_failure(STATUS_USAGE, "%s: no ports to scan", text);
	return read_ports(targets, text, colon ? length + 1 : strlen(text));
}

/* [vsock:]CIDS[:PORTS], or the name of a guest with hybrid vsock. */
static int read_cids(struct targets *targets, const char *text, size_t from, const char *netns,
		     const struct hosts *hosts)
{
	size_t end = from + strcspn(text + from, ":"), ports = text[end] ? end + 1 : end;
	const struct hosts_entry *entry = hosts_find(hosts, text + from, end - from);
	char name[ADDR_NAME_MAX];
	int status;

	if (entry && entry->path) {
		snprintf(name, sizeof(name), "%s:1", entry->name);
		status = parse_base(targets, name, netns, hosts);
	} else {
		targets->base.family = ADDR_VSOCK;
		status = *netns ? parse_base(targets, "vsock:1:1", netns, hosts) : STATUS_DONE;
		if (status)
			return status;
		status = read_set(text, from, end, 0, ADDR_CID_ANY - 1, hosts, &targets->cids);
	}
	return status ? status : read_ports(targets, text, ports);
}

int targets_read(struct targets *targets, const char *whole, const struct hosts *hosts)
{
	const char *netns = strstr(whole, ",netns=");
	char text[ADDR_NAME_MAX];
	size_t word;
	int status;

	memset(targets, 0, sizeof(*targets));
	netns = netns ? netns : "";
	if (snprintf(text, sizeof(text), "%.*s", (int)(strlen(whole) - strlen(netns)), whole) >=
	    (int)sizeof(text))
		return log_failure(STATUS_USAGE, "the address is too long");
	word = strcspn(text, ":");
	if (text[word] == ':' && word == strlen("vsock") && strncasecmp(text, "vsock", word) == 0)
		status = read_cids(targets, text, word + 1, netns, hosts);
	else if (text[word] == ':' && addr_is_family(text, word))
		status = read_family(targets, text, netns, hosts);
	else
		status = read_cids(targets, text, 0, netns, hosts);
	if (status)
		return status;
	targets->base.has_port = true;
	targets->hosts = targets->cids.count ? count_set(&targets->cids) : 1;
	if (__builtin_mul_overflow(targets->hosts, count_set(&targets->ports), &targets->total))
		targets->total = UINT64_MAX;
	targets->cid = targets->cids.count ? targets->cids.ranges[0].first : 0;
	targets->port = targets->ports.ranges[0].first;
	return STATUS_DONE;
}

void targets_free(struct targets *targets)
{
	units_set_free(&targets->cids);
	units_set_free(&targets->ports);
}

static void next_cid(struct targets *targets)
{
	const struct units_set *cids = &targets->cids;

	targets->port_range = 0;
	targets->port = targets->ports.ranges[0].first;
	if (!cids->count)
		targets->done = true;
	else if (targets->cid < cids->ranges[targets->cid_range].last)
		targets->cid++;
	else if (++targets->cid_range < cids->count)
		targets->cid = cids->ranges[targets->cid_range].first;
	else
		targets->done = true;
}

bool targets_next(struct targets *targets, uint32_t *cid, uint32_t *port)
{
	const struct units_set *ports = &targets->ports;

	if (targets->done)
		return false;
	*cid = (uint32_t)targets->cid;
	*port = (uint32_t)targets->port;
	if (targets->port < ports->ranges[targets->port_range].last)
		targets->port++;
	else if (++targets->port_range < ports->count)
		targets->port = ports->ranges[targets->port_range].first;
	else
		next_cid(targets);
	return true;
}

uint64_t targets_skip(struct targets *targets, uint32_t cid)
{
	uint64_t left = 0;

	if (targets->done || targets->cid != cid)
		return 0;
	if (targets->port_range == 0 && targets->port == targets->ports.ranges[0].first)
		return 0; /* a CID that is in the set twice: not started yet */
	left = targets->ports.ranges[targets->port_range].last - targets->port + 1;
	for (size_t i = targets->port_range + 1; i < targets->ports.count; i++)
		left += targets->ports.ranges[i].last - targets->ports.ranges[i].first + 1;
	next_cid(targets);
	return left;
}
