/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/util.h"
#include "net/ip.h"

/* "10.0.0.0/8", "::1": true if it is an IP address; *status then says whether it is valid. */
static bool read_ip(const char *word, size_t offset, struct access_entry *entry,
		    struct mistake *error, int *status)
{
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	uint64_t prefix;
	bool is_v4;

	if (length >= sizeof(text))
		return false;
	memcpy(text, word, length);
	text[length] = '\0';
	is_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (is_v4)
		ip_map_v4(&v4, &entry->ip);
	else if (inet_pton(AF_INET6, text, &entry->ip) != 1)
		return false;
	entry->kind = ACCESS_IP;
	prefix = is_v4 ? 32 : 128;
	*status = 0;
	if (slash && units_count(slash + 1, 0, prefix, &prefix, error) < 0)
		*status = mistake_in(error, offset + length + 1, "prefix length", NULL);
	entry->prefix = (unsigned)prefix + (is_v4 ? IP_V4(0) : 0);
	return true;
}

static bool find_account(bool group, const char *name, uint32_t *id)
{
	const struct passwd *pw = group ? NULL : getpwnam(name);
	const struct group *gr = group ? getgrnam(name) : NULL;

	if (pw || gr)
		*id = pw ? pw->pw_uid : gr->gr_gid;
	return pw || gr;
}

/* "uid:0", "gid:27", "user:NAME", "group:NAME" */
static bool read_credential(const char *word, size_t offset, struct access_entry *entry,
			    struct mistake *error, int *status)
{
	static const struct {
		const char *prefix;
		enum access_kind kind;
		bool name;
	} forms[] = {
		{ "uid:", ACCESS_UID, false },
		{ "gid:", ACCESS_GID, false },
		{ "user:", ACCESS_UID, true },
		{ "group:", ACCESS_GID, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t length = strlen(forms[i].prefix);
		const char *value = word + length;
		uint64_t number_id = 0;
		bool group = forms[i].kind == ACCESS_GID;

		if (strncmp(word, forms[i].prefix, length) != 0)
			continue;
		*status = 0;
		entry->kind = forms[i].kind;
		if (!forms[i].name) {
			if (units_count(value, 0, UINT32_MAX - 1, &number_id, error) < 0)
				*status = mistake_in(error, offset + length, "number", NULL);
			entry->number = (uint32_t)number_id;
		} else if (!find_account(group, value, &entry->number)) {
			*status = mistake_at(error, offset + length, strlen(value), NULL,
					     "there is no %s '%s'", group ? "group" : "user",
					     value);
		}
		return true;
	}
	return false;
}

static int read_who(const char *word, size_t offset, const struct hosts *hosts,
		    struct access_entry *entry, struct mistake *error)
{
	static const char *const forms = "a CID (3, host) or its name, an IP address or CIDR, "
					 "uid:N, gid:N, user:NAME, or any";
	const struct hosts_entry *host;
	size_t length = strlen(word);
	int status;

	if (!length)
		return mistake_at(error, offset, 1, forms, "this entry is empty");
	if (strcmp(word, "any") == 0) {
		entry->kind = ACCESS_ANY;
		return 0;
	}
	if (read_credential(word, offset, entry, error, &status) ||
	    read_ip(word, offset, entry, error, &status))
		return status;
	entry->kind = ACCESS_CID;
	if (addr_read_cid(word, length, &entry->number))
		return entry->number == ADDR_CID_ANY
			       ? mistake_at(error, offset, length, "write any",
					    "'%s' is never the CID of a peer", word)
			       : 0;
	host = hosts ? hosts_find(hosts, word, length) : NULL;
	if (!host)
		return mistake_at(error, offset, length, forms, "'%s' is not a known peer", word);
	if (host->path)
		return mistake_at(
			error, offset, length,
			"admit the user of the virtual machine monitor: uid:N or user:NAME",
			"'%s' uses hybrid vsock, which has no CIDs", word);
	entry->number = host->cid;
	return 0;
}

int access_add(struct access *access, const char *text, bool allow, const struct hosts *hosts,
	       struct mistake *error)
{
	for (size_t offset = 0;;) {
		size_t length = strcspn(text + offset, ",");
		struct access_entry entry = { .allow = allow }, *grown;
		int status;

		if (length >= sizeof(entry.text))
			return mistake_at(error, offset, length, NULL, "too long");
		memcpy(entry.text, text + offset, length);
		status = read_who(entry.text, offset, hosts, &entry, error);
		if (status)
			return status;
		grown = reallocarray(access->entries, access->count + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		access->entries = grown;
		access->entries[access->count++] = entry;
		if (!text[offset + length])
			return 0;
		offset += length + 1;
	}
}

bool access_suits(const struct access_entry *entry, enum addr_family family)
{
	switch (entry->kind) {
	case ACCESS_ANY:
		return true;
	case ACCESS_CID:
		return family == ADDR_VSOCK || family == ADDR_FD;
	case ACCESS_IP:
		return family == ADDR_TCP || family == ADDR_UDP || family == ADDR_FD;
	case ACCESS_UID:
	case ACCESS_GID:
		return family == ADDR_UNIX || family == ADDR_MUX || family == ADDR_FD;
	}
	return false;
}

static bool matches(const struct access_entry *entry, const struct peer *peer)
{
	struct in6_addr ip;

	switch (entry->kind) {
	case ACCESS_ANY:
		return true;
	case ACCESS_CID:
		return peer->family == ADDR_VSOCK && peer->u.vsock.cid == entry->number;
	case ACCESS_IP:
		if (!peer_is_ip(peer))
			return false;
		peer_ip(peer, &ip);
		return ip_same_bits(&ip, &entry->ip, entry->prefix);
	case ACCESS_UID:
		return peer->family == ADDR_UNIX && peer->u.local.uid == entry->number;
	case ACCESS_GID:
		return peer->family == ADDR_UNIX && peer->u.local.gid == entry->number;
	}
	return false;
}

bool access_check(const struct access *access, const struct peer *peer,
		  const struct access_entry **by)
{
	bool any_allow = false;

	for (size_t i = 0; i < access->count; i++) {
		if (matches(&access->entries[i], peer)) {
			*by = &access->entries[i];
			return access->entries[i].allow;
		}
		any_allow = any_allow || access->entries[i].allow;
	}
	*by = NULL;
	return !any_allow;
}

static bool same_entry(const struct access_entry *a, const struct access_entry *b)
{
	return a->kind == b->kind && a->allow == b->allow && a->number == b->number &&
	       a->prefix == b->prefix && memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0;
}

bool access_same(const struct access *a, const struct access *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_entry(&a->entries[i], &b->entries[i]))
			return false;
	return true;
}

void access_free(struct access *access)
{
	free(access->entries);
	*access = (struct access){ 0 };
}
