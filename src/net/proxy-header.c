/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "net/proxy-header.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"

#define V2_START 16 /* signature, version and command, family, length */

enum { COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_UNSPEC = 0, FAMILY_INET = 1, FAMILY_INET6 = 2, FAMILY_UNIX = 3 };
enum { TRANSPORT_STREAM = 1, TRANSPORT_DATAGRAM = 2 };
enum { TLV_CRC32C = 0x03, TLV_FROM_CID = 0xe0, TLV_FROM_PORT, TLV_TO_CID, TLV_TO_PORT };

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };

static enum proxy_header_state bad(const char **why, const char *what)
{
	*why = what;
	return PROXY_HEADER_BAD;
}

/* Version 1 */

/* One word of the line and the blank behind it, if it fits; *at moves on. */
static bool next_word(const char *line, size_t length, size_t *at, char *word, size_t size)
{
	const char *blank = memchr(line + *at, ' ', length - *at);
	size_t end = blank ? (size_t)(blank - line) : length, count = end - *at;

	if (!count || count >= size || memchr(line + *at, '\0', count))
		return false;
	memcpy(word, line + *at, count);
	word[count] = '\0';
	*at = blank ? end + 1 : length;
	return true;
}

static bool read_ip(const char *word, bool v6, struct peer *peer)
{
	peer->family = ADDR_TCP;
	peer->u.tcp.v6 = v6;
	return inet_pton(v6 ? AF_INET6 : AF_INET, word, &peer->u.tcp.ip) == 1;
}

static bool read_port(const char *word, struct peer *peer)
{
	unsigned port = 0;

	if (word[0] == '0' && word[1])
		return false;
	for (; *word >= '0' && *word <= '9' && port <= UINT16_MAX; word++)
		port = port * 10 + (unsigned)(*word - '0');
	peer->u.tcp.port = (uint16_t)port;
	return !*word && port <= UINT16_MAX;
}

/* "TCP4 192.0.2.1 192.0.2.2 51034 80", what stands behind "PROXY ". */
static bool read_v1_line(const char *line, size_t length, struct proxy_header *header)
{
	char family[8], from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], from_port[6], to_port[6];
	size_t at = 0;
	bool v6;

	if (!next_word(line, length, &at, family, sizeof(family)))
		return false;
	if (strcmp(family, "UNKNOWN") == 0)
		return true; /* what follows is to be ignored */
	v6 = strcmp(family, "TCP6") == 0;
	if (!v6 && strcmp(family, "TCP4") != 0)
		return false;
	return next_word(line, length, &at, from, sizeof(from)) && next_word(line, length, &at, to, sizeof(to)) &&
	       next_word(line, length, &at, from_port, sizeof(from_port)) && next_word(line, length, &at, to_port, sizeof(to_port)) &&
	       at == length && line[length - 1] != ' ' && read_ip(from, v6, &header->from.peer) && read_ip(to, v6, &header->to.peer) &&
	       read_port(from_port, &header->from.peer) && read_port(to_port, &header->to.peer);
}

static enum proxy_header_state read_v1(const uint8_t *data, size_t size, struct proxy_header *header, size_t *used, const char **why)
{
	const char *line = (const char *)data;
	const char *end = memchr(line, '\n', size < PROXY_V1_MAX ? size : PROXY_V1_MAX);

	if (!end)
		return size < PROXY_V1_MAX ? PROXY_HEADER_MORE : bad(why, "the line of a PROXY header has more than 107 bytes");
	*used = (size_t)(end - line) + 1;
	header->version = 1;
	if (end[-1] != '\r' || !read_v1_line(line + 6, (size_t)(end - line) - 7, header))
		return bad(why, "a PROXY header (version 1) that can't be understood");
	return PROXY_HEADER_OK;
}

/* Version 2 */

/* CRC-32C (Castagnoli), over data with the four bytes at zero taken as zero. */
static uint32_t crc32c(const uint8_t *data, size_t size, size_t zero)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= i >= zero && i < zero + 4 ? 0 : data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return ~crc;
}

static uint32_t number_at(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

/* What a vsock end is made of: its CID, or its port. */
static void read_vsock_tlv(uint8_t type, const uint8_t *value, struct proxy_header *header)
{
	struct peer *peer = type == TLV_FROM_CID || type == TLV_FROM_PORT ? &header->from.peer : &header->to.peer;

	peer->family = ADDR_VSOCK;
	if (type == TLV_FROM_CID || type == TLV_TO_CID)
		peer->u.vsock.cid = number_at(value);
	else
		peer->u.vsock.port = number_at(value);
}

/* The TLVs from at to the end. */
static bool read_tlvs(const uint8_t *data, size_t size, size_t at, bool unspecified, struct proxy_header *header, const char **why)
{
	while (at < size) {
		size_t length = size - at >= 3 ? (size_t)data[at + 1] << 8 | data[at + 2] : SIZE_MAX;
		uint8_t type = data[at];

		if (length > size - at - 3) {
			bad(why, "a PROXY header whose TLVs are longer than itself");
			return false;
		}
		if (type == TLV_CRC32C && (length != 4 || crc32c(data, size, at + 3) != number_at(data + at + 3))) {
			bad(why, "a PROXY header whose checksum is wrong");
			return false;
		}
		if (unspecified && type >= TLV_FROM_CID && type <= TLV_TO_PORT && length == 4)
			read_vsock_tlv(type, data + at + 3, header);
		at += 3 + length;
	}
	return true;
}

static void read_inet(const uint8_t *ip, const uint8_t *port, bool v6, struct peer *peer)
{
	peer->family = ADDR_TCP;
	peer->u.tcp.v6 = v6;
	memcpy(&peer->u.tcp.ip, ip, v6 ? 16 : 4);
	peer->u.tcp.port = (uint16_t)(port[0] << 8 | port[1]);
}

static void read_path(const uint8_t *path, struct proxy_end *end)
{
	end->peer.family = ADDR_UNIX;
	memcpy(end->path, path, PROXY_PATH_MAX);
	if (!end->path[0] && end->path[1])
		end->path[0] = '@';
}

/* The addresses; returns how many bytes they take. */
static size_t read_addresses(const uint8_t *data, uint8_t family, struct proxy_header *header)
{
	switch (family) {
	case FAMILY_INET:
		read_inet(data, data + 8, false, &header->from.peer);
		read_inet(data + 4, data + 10, false, &header->to.peer);
		return 12;
	case FAMILY_INET6:
		read_inet(data, data + 32, true, &header->from.peer);
		read_inet(data + 16, data + 34, true, &header->to.peer);
		return 36;
	case FAMILY_UNIX:
		read_path(data, &header->from);
		read_path(data + PROXY_PATH_MAX, &header->to);
		return 2 * PROXY_PATH_MAX;
	default:
		return 0;
	}
}

static enum proxy_header_state read_v2(const uint8_t *data, size_t size, struct proxy_header *header, size_t *used, const char **why)
{
	static const size_t needs[] = { 0, 12, 36, 2 * PROXY_PATH_MAX };
	size_t length, whole;
	uint8_t command, family;

	if (size < V2_START)
		return PROXY_HEADER_MORE;
	command = data[12] & 15;
	family = data[13] >> 4;
	length = (size_t)data[14] << 8 | data[15];
	whole = V2_START + length;
	if (data[12] >> 4 != 2 || command > COMMAND_PROXY)
		return bad(why, "a PROXY header of an unknown version or command");
	if (family > FAMILY_UNIX || (data[13] & 15) > TRANSPORT_DATAGRAM)
		return bad(why, "a PROXY header of an unknown family");
	if (whole > PROXY_V2_MAX)
		return bad(why, "a PROXY header of more than 4096 bytes");
	if (command == COMMAND_PROXY && length < needs[family])
		return bad(why, "a PROXY header that is too short for its addresses");
	if (size < whole)
		return PROXY_HEADER_MORE;
	header->version = 2;
	header->local = command == COMMAND_LOCAL;
	*used = whole;
	if (header->local) /* whatever stands in it is to be ignored */
		return PROXY_HEADER_OK;
	length = read_addresses(data + V2_START, family, header);
	return read_tlvs(data, whole, V2_START + length, family == FAMILY_UNSPEC, header, why) ? PROXY_HEADER_OK : PROXY_HEADER_BAD;
}

enum proxy_header_state proxy_header_read(const uint8_t *data, size_t size, struct proxy_header *header, size_t *used,
                                          const char **why)
{
	static const char v1[] = "PROXY ";
	size_t known = size < sizeof(v1) - 1 ? size : sizeof(v1) - 1;

	*header = (struct proxy_header){ 0 };
	if (memcmp(data, v1, known) == 0)
		return size < sizeof(v1) - 1 ? PROXY_HEADER_MORE : read_v1(data, size, header, used, why);
	known = size < sizeof(signature) ? size : sizeof(signature);
	if (memcmp(data, signature, known) == 0)
		return read_v2(data, size, header, used, why);
	return bad(why, "no PROXY header where one must stand");
}

/* Making */

static bool is_mapped(const struct peer *peer)
{
	return peer->u.tcp.v6 && IN6_IS_ADDR_V4MAPPED(&peer->u.tcp.ip);
}

static bool is_v4(const struct peer *peer)
{
	return !peer->u.tcp.v6 || is_mapped(peer);
}

/* 4 bytes of IPv4, or 16 of IPv6, into which IPv4 is mapped. */
static void put_ip(const struct peer *peer, bool v6, uint8_t *ip)
{
	const uint8_t *own = (const uint8_t *)&peer->u.tcp.ip;

	if (!v6) {
		memcpy(ip, is_mapped(peer) ? own + 12 : own, 4);
	} else if (peer->u.tcp.v6) {
		memcpy(ip, own, 16);
	} else {
		memset(ip, 0, 10);
		memset(ip + 10, 0xff, 2);
		memcpy(ip + 12, own, 4);
	}
}

static bool both_are(const struct proxy_header *header, enum addr_family family)
{
	return !header->local && header->from.peer.family == family && header->to.peer.family == family;
}

static size_t make_v1(const struct proxy_header *header, char *line)
{
	const struct peer *from = &header->from.peer, *to = &header->to.peer;
	bool v6 = !is_v4(from) || !is_v4(to);
	char from_text[INET6_ADDRSTRLEN], to_text[INET6_ADDRSTRLEN];
	uint8_t from_ip[16], to_ip[16];

	if (!both_are(header, ADDR_TCP))
		return (size_t)snprintf(line, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n");
	put_ip(from, v6, from_ip);
	put_ip(to, v6, to_ip);
	inet_ntop(v6 ? AF_INET6 : AF_INET, from_ip, from_text, sizeof(from_text));
	inet_ntop(v6 ? AF_INET6 : AF_INET, to_ip, to_text, sizeof(to_text));
	return (size_t)snprintf(line, PROXY_HEADER_MAX, "PROXY TCP%c %s %s %u %u\r\n", v6 ? '6' : '4', from_text, to_text, from->u.tcp.port,
	                        to->u.tcp.port);
}

static size_t put_inet(const struct proxy_header *header, uint8_t *data)
{
	const struct peer *from = &header->from.peer, *to = &header->to.peer;
	bool v6 = !is_v4(from) || !is_v4(to);
	size_t size = v6 ? 16 : 4;

	put_ip(from, v6, data);
	put_ip(to, v6, data + size);
	data[2 * size] = (uint8_t)(from->u.tcp.port >> 8);
	data[2 * size + 1] = (uint8_t)from->u.tcp.port;
	data[2 * size + 2] = (uint8_t)(to->u.tcp.port >> 8);
	data[2 * size + 3] = (uint8_t)to->u.tcp.port;
	return 2 * size + 4;
}

static void put_path(const struct proxy_end *end, uint8_t *path)
{
	memset(path, 0, PROXY_PATH_MAX);
	memcpy(path, end->path, strnlen(end->path, PROXY_PATH_MAX));
	if (path[0] == '@')
		path[0] = '\0';
}

static size_t put_tlv(uint8_t type, uint32_t value, uint8_t *data)
{
	const uint8_t tlv[7] = { type, 0, 4, (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };

	memcpy(data, tlv, sizeof(tlv));
	return sizeof(tlv);
}

static size_t put_vsock(const struct proxy_header *header, uint8_t *data)
{
	size_t length = put_tlv(TLV_FROM_CID, header->from.peer.u.vsock.cid, data);

	length += put_tlv(TLV_FROM_PORT, header->from.peer.u.vsock.port, data + length);
	length += put_tlv(TLV_TO_CID, header->to.peer.u.vsock.cid, data + length);
	return length + put_tlv(TLV_TO_PORT, header->to.peer.u.vsock.port, data + length);
}

static size_t make_v2(const struct proxy_header *header, uint8_t *data)
{
	uint8_t *body = data + V2_START;
	uint8_t family = FAMILY_UNSPEC, transport = TRANSPORT_STREAM;
	size_t length = 0;

	if (both_are(header, ADDR_TCP)) {
		family = is_v4(&header->from.peer) && is_v4(&header->to.peer) ? FAMILY_INET : FAMILY_INET6;
		length = put_inet(header, body);
	} else if (both_are(header, ADDR_UNIX)) {
		family = FAMILY_UNIX;
		put_path(&header->from, body);
		put_path(&header->to, body + PROXY_PATH_MAX);
		length = 2 * (size_t)PROXY_PATH_MAX;
	} else {
		transport = 0;
		if (both_are(header, ADDR_VSOCK))
			length = put_vsock(header, body);
	}
	memcpy(data, signature, sizeof(signature));
	data[12] = (uint8_t)(2 << 4 | (header->local ? COMMAND_LOCAL : COMMAND_PROXY));
	data[13] = (uint8_t)(family << 4 | transport);
	data[14] = (uint8_t)(length >> 8);
	data[15] = (uint8_t)length;
	return V2_START + length;
}

size_t proxy_header_make(const struct proxy_header *header, uint8_t data[PROXY_HEADER_MAX])
{
	return header->version == 1 ? make_v1(header, (char *)data) : make_v2(header, data);
}

static void path_of(const struct sockaddr_un *un, socklen_t length, struct proxy_end *end)
{
	size_t size = length > (socklen_t)offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;

	if (size > PROXY_PATH_MAX)
		size = PROXY_PATH_MAX;
	memcpy(end->path, un->sun_path, size);
	if (size > 1 && !end->path[0])
		end->path[0] = '@';
}

void proxy_header_of_socket(int fd, const struct peer *peer, struct proxy_header *header)
{
	struct sockaddr_un un;
	socklen_t size = sizeof(un);

	*header = (struct proxy_header){ .from.peer = *peer };
	peer_of_local(fd, &header->to.peer);
	if (peer->family != ADDR_UNIX)
		return;
	if (getpeername(fd, (struct sockaddr *)&un, &size) == 0)
		path_of(&un, size, &header->from);
	size = sizeof(un);
	if (getsockname(fd, (struct sockaddr *)&un, &size) == 0)
		path_of(&un, size, &header->to);
}

char *proxy_end_format(const struct proxy_end *end, char *buf, size_t size)
{
	char path[4 * PROXY_PATH_MAX + 1];

	switch (end->peer.family) {
	case ADDR_NONE:
		*buf = '\0';
		break;
	case ADDR_UNIX:
		snprintf(buf, size, "unix:%s", log_escape(end->path, strlen(end->path), path, sizeof(path)));
		break;
	default:
		peer_format(&end->peer, buf, size);
		break;
	}
	return buf;
}
