/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/protocols/proxy-header.h"

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
enum {
	TLV_CRC32C = 0x03,
	TLV_FROM_CID = 0xe0,
	TLV_FROM_PORT = 0xe1,
	TLV_TO_CID = 0xe2,
	TLV_TO_PORT = 0xe3,
	TLV_FROM_PATH = 0xe4,
	TLV_TO_PATH = 0xe5
};

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0,   '\r',
				       '\n', 'Q',  'U',	 'I',  'T', '\n' };

static enum proxy_header_state bad(const char **why, const char *what)
{
	*why = what;
	return PROXY_HEADER_BAD;
}

/* Version 1 */

/* Reads a word of the line and the following space, if it fits, and advances *at. */
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

/* Reads the part after "PROXY ": "TCP4 192.0.2.1 192.0.2.2 51034 80". */
static bool read_v1_line(const char *line, size_t length, struct ends *header)
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
	return next_word(line, length, &at, from, sizeof(from)) &&
	       next_word(line, length, &at, to, sizeof(to)) &&
	       next_word(line, length, &at, from_port, sizeof(from_port)) &&
	       next_word(line, length, &at, to_port, sizeof(to_port)) && at == length &&
	       line[length - 1] != ' ' && read_ip(from, v6, &header->from.peer) &&
	       read_ip(to, v6, &header->to.peer) && read_port(from_port, &header->from.peer) &&
	       read_port(to_port, &header->to.peer);
}

static enum proxy_header_state read_v1(const uint8_t *data, size_t size, struct ends *header,
				       size_t *used, const char **why)
{
	const char *line = (const char *)data;
	const char *end = memchr(line, '\n', size < PROXY_V1_MAX ? size : PROXY_V1_MAX);

	if (!end)
		return size < PROXY_V1_MAX
			       ? PROXY_HEADER_MORE
			       : bad(why, "the line of a PROXY header has more than 107 bytes");
	*used = (size_t)(end - line) + 1;
	header->version = 1;
	if (end[-1] != '\r' || !read_v1_line(line + 6, (size_t)(end - line) - 7, header))
		return bad(why, "a malformed PROXY header (version 1)");
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
static void read_vsock_tlv(uint8_t type, const uint8_t *value, struct ends *header)
{
	struct peer *peer = type == TLV_FROM_CID || type == TLV_FROM_PORT ? &header->from.peer
									  : &header->to.peer;

	peer->family = ADDR_VSOCK;
	if (type == TLV_FROM_CID || type == TLV_TO_CID)
		peer->u.vsock.cid = number_at(value);
	else
		peer->u.vsock.port = number_at(value);
}

/* The path of a UNIX socket; an unknown one is empty. */
static bool read_path_tlv(const uint8_t *value, size_t length, struct one_end *end)
{
	if (length > ENDS_PATH_MAX || memchr(value, '\0', length))
		return false;
	*end = (struct one_end){ .peer.family = ADDR_UNIX };
	memcpy(end->path, value, length);
	return true;
}

static bool read_own_tlv(uint8_t type, const uint8_t *value, size_t length, struct ends *header)
{
	if (type == TLV_FROM_PATH || type == TLV_TO_PATH)
		return read_path_tlv(value, length,
				     type == TLV_FROM_PATH ? &header->from : &header->to);
	if (type >= TLV_FROM_CID && type <= TLV_TO_PORT && length == 4)
		read_vsock_tlv(type, value, header);
	return true;
}

static const char wrong_checksum[] = "a PROXY header whose checksum is wrong";

/* The TLVs from at to the end. */
static bool read_tlvs(const uint8_t *data, size_t size, size_t at, bool unspecified,
		      struct ends *header, const char **why)
{
	while (at < size) {
		size_t room = size - at;
		size_t length = room >= 3 ? (size_t)data[at + 1] << 8 | data[at + 2] : 0;
		uint8_t type = data[at];

		if (room < 3 || length > room - 3) {
			bad(why, "a PROXY header whose TLVs are longer than itself");
			return false;
		}
		if (type == TLV_CRC32C &&
		    (length != 4 || crc32c(data, size, at + 3) != number_at(data + at + 3))) {
			bad(why, wrong_checksum);
			return false;
		}
		if (unspecified && !read_own_tlv(type, data + at + 3, length, header)) {
			bad(why, "a PROXY header with a malformed path");
			return false;
		}
		at += 3 + length;
	}
	return true;
}

static void read_inet(const uint8_t *ip, const uint8_t *port, bool v6, bool udp, struct peer *peer)
{
	peer->family = udp ? ADDR_UDP : ADDR_TCP;
	peer->u.tcp.v6 = v6;
	memcpy(&peer->u.tcp.ip, ip, v6 ? 16 : 4);
	peer->u.tcp.port = (uint16_t)(port[0] << 8 | port[1]);
}

static void read_path(const uint8_t *path, struct one_end *end)
{
	end->peer.family = ADDR_UNIX;
	memcpy(end->path, path, ENDS_PATH_MAX);
	if (!end->path[0] && end->path[1])
		end->path[0] = '@';
}

/* Reads the addresses. For a transport that does not match the family the ends stay unknown. */
static void read_addresses(const uint8_t *data, uint8_t family, uint8_t transport,
			   struct ends *header)
{
	bool udp = transport == TRANSPORT_DATAGRAM;

	if (!transport)
		return;
	if (family == FAMILY_INET) {
		read_inet(data, data + 8, false, udp, &header->from.peer);
		read_inet(data + 4, data + 10, false, udp, &header->to.peer);
	} else if (family == FAMILY_INET6) {
		read_inet(data, data + 32, true, udp, &header->from.peer);
		read_inet(data + 16, data + 34, true, udp, &header->to.peer);
	} else if (family == FAMILY_UNIX && !udp) {
		read_path(data, &header->from);
		read_path(data + ENDS_PATH_MAX, &header->to);
	}
}

/* LOCAL: its contents must be ignored, except a checksum and our own TLVs. */
static bool read_local(const uint8_t *data, size_t size, size_t at, struct ends *header,
		       const char **why)
{
	struct ends own = { .version = 2 };

	header->local = true;
	if (!read_tlvs(data, size, at, data[13] == FAMILY_UNSPEC, &own, why))
		return *why != wrong_checksum;
	if (own.from.peer.family)
		*header = own;
	return true;
}

static enum proxy_header_state read_v2(const uint8_t *data, size_t size, struct ends *header,
				       size_t *used, const char **why)
{
	static const size_t needs[] = { 0, 12, 36, 2 * ENDS_PATH_MAX };
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
	*used = whole;
	if (command == COMMAND_LOCAL)
		return read_local(data, whole, V2_START + needs[family], header, why)
			       ? PROXY_HEADER_OK
			       : PROXY_HEADER_BAD;
	read_addresses(data + V2_START, family, data[13] & 15, header);
	return read_tlvs(data, whole, V2_START + needs[family], family == FAMILY_UNSPEC, header,
			 why)
		       ? PROXY_HEADER_OK
		       : PROXY_HEADER_BAD;
}

enum proxy_header_state proxy_header_read(const uint8_t *data, size_t size, struct ends *header,
					  size_t *used, const char **why)
{
	static const char v1[] = "PROXY ";
	size_t known = size < sizeof(v1) - 1 ? size : sizeof(v1) - 1;

	*header = (struct ends){ 0 };
	if (memcmp(data, v1, known) == 0)
		return size < sizeof(v1) - 1 ? PROXY_HEADER_MORE
					     : read_v1(data, size, header, used, why);
	known = size < sizeof(signature) ? size : sizeof(signature);
	if (memcmp(data, signature, known) == 0)
		return read_v2(data, size, header, used, why);
	return bad(why, "a PROXY header was expected and is missing");
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

static bool both_are(const struct ends *header, enum addr_family family)
{
	return !header->local && header->from.peer.family == family &&
	       header->to.peer.family == family;
}

static size_t make_v1(const struct ends *header, char *line)
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
	return (size_t)snprintf(line, PROXY_HEADER_MAX, "PROXY TCP%c %s %s %u %u\r\n",
				v6 ? '6' : '4', from_text, to_text, from->u.tcp.port,
				to->u.tcp.port);
}

static size_t put_inet(const struct ends *header, uint8_t *data)
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

static size_t put_tlv(uint8_t type, uint32_t value, uint8_t *data)
{
	const uint8_t tlv[7] = { type,
				 0,
				 4,
				 (uint8_t)(value >> 24),
				 (uint8_t)(value >> 16),
				 (uint8_t)(value >> 8),
				 (uint8_t)value };

	memcpy(data, tlv, sizeof(tlv));
	return sizeof(tlv);
}

static size_t put_vsock(const struct ends *header, uint8_t *data)
{
	size_t length = put_tlv(TLV_FROM_CID, header->from.peer.u.vsock.cid, data);

	length += put_tlv(TLV_FROM_PORT, header->from.peer.u.vsock.port, data + length);
	length += put_tlv(TLV_TO_CID, header->to.peer.u.vsock.cid, data + length);
	return length + put_tlv(TLV_TO_PORT, header->to.peer.u.vsock.port, data + length);
}

static size_t put_path(uint8_t type, const struct one_end *end, uint8_t *data)
{
	size_t length = strnlen(end->path, ENDS_PATH_MAX);

	data[0] = type;
	data[1] = 0;
	data[2] = (uint8_t)length;
	memcpy(data + 3, end->path, length);
	return 3 + length;
}

/* Receivers refuse unknown families, and PROXY without one. So for a client that does not use TCP
 * the header is LOCAL, which all accept, and TLVs name the client.
 */
static size_t make_v2(const struct ends *header, uint8_t *data)
{
	uint8_t *body = data + V2_START, family = FAMILY_UNSPEC;
	bool tcp = both_are(header, ADDR_TCP);
	size_t length = 0;

	if (tcp) {
		family = is_v4(&header->from.peer) && is_v4(&header->to.peer) ? FAMILY_INET
									      : FAMILY_INET6;
		length = put_inet(header, body);
	} else if (both_are(header, ADDR_UNIX)) {
		length = put_path(TLV_FROM_PATH, &header->from, body);
		length += put_path(TLV_TO_PATH, &header->to, body + length);
	} else if (both_are(header, ADDR_VSOCK)) {
		length = put_vsock(header, body);
	}
	memcpy(data, signature, sizeof(signature));
	data[12] = (uint8_t)(2 << 4 | (tcp ? COMMAND_PROXY : COMMAND_LOCAL));
	data[13] = (uint8_t)(family << 4 | (tcp ? TRANSPORT_STREAM : 0));
	data[14] = (uint8_t)(length >> 8);
	data[15] = (uint8_t)length;
	return V2_START + length;
}

size_t proxy_header_make(const struct ends *header, uint8_t data[PROXY_HEADER_MAX])
{
	return header->version == 1 ? make_v1(header, (char *)data) : make_v2(header, data);
}
