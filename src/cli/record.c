/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: the bytes that a tap sees are put into packets of a TCP conversation, with
 * handshake, sequence numbers and ends, whatever the connection really is. Wireshark has "Follow
 * TCP Stream", conversations, and the dissectors of what runs inside for TCP only: with the header
 * of af_vsockmon (LINKTYPE_VSOCK) it shows single packets of raw data, and has nothing at all for
 * UNIX sockets. TCP's own addresses are written as they are; the others get IPv6 addresses that can
 * be read: fd76:736f:636b is "vsock" in the range for local use (RFC 4193).
 *
 *   vsock:CID:PORT   fd76:736f:636b::[HIGH:]CID, and as port the low 16 bits of PORT; HIGH are its
 * high 16, mostly 0 all others       fd76:736f:636b:1::1 is we, ::2 is the peer, ports from 49152
 * on, or hybrid vsock's own
 *
 * Each packet is one writev(2), so that a file can be read while it grows. Where that fails the
 * file is cut behind the last whole packet, which is said, and the connection goes on without.
 */
#include "config.h"

#include "cli/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/util.h"
#include "cli/pcapng.h"
#include "base/units.h"
#include "net/machine.h"
#include "net/peer.h"

#define SEGMENT_MAX 32768U /* bytes of data in a packet: its length field has 16 bits */
#define UNACKNOWLEDGED (1024U * 1024) /* so much data, and the other side acknowledges it */
#define WINDOW_SHIFT 14 /* the largest: 65535 << 14 is never full */
#define PORT_PEER 49152 /* made up, where the address has none */
#define PORT_US 49153 /* and from here on, by connection */
#define PORTS 16000
#define TCP_PROTOCOL 6

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* An IP header, followed by a TCP header. */
struct headers {
	unsigned char bytes[40 + 20 + 8];
	size_t size, ip_size;
};

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* The sum of 16-bit words that IP and TCP protect their headers with (RFC 1071). */
static uint32_t add(uint32_t sum, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2) {
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (size & 1)
		sum += (uint32_t)(data[size - 1] << 8);
	return (sum & 0xffff) + (sum >> 16);
}

static void make_ip(const struct record *record, int side, size_t tcp_size, struct headers *headers)
{
	unsigned char *ip = headers->bytes;
	const struct record_side *from = &record->side[side], *to = &record->side[!side];

	memset(headers, 0, sizeof(*headers));
	headers->ip_size = record->v6 ? 40 : 20;
	if (record->v6) {
		ip[0] = 0x60;
		put16(ip + 4, (uint32_t)tcp_size);
		ip[6] = TCP_PROTOCOL;
		ip[7] = 64; /* hops left */
		memcpy(ip + 8, from->ip, 16);
		memcpy(ip + 24, to->ip, 16);
		return;
	}
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(20 + tcp_size));
	ip[6] = 0x40; /* don't fragment */
	ip[8] = 64;
	ip[9] = TCP_PROTOCOL;
	memcpy(ip + 12, from->ip, 4);
	memcpy(ip + 16, to->ip, 4);
	put16(ip + 10, ~add(0, ip, 20) & 0xffff);
}

static void make_headers(struct record *record, int side, unsigned flags, const void *data,
			 size_t size, struct headers *headers)
{
	struct record_side *from = &record->side[side], *to = &record->side[!side];
	size_t tcp_size = flags & SYN ? 28 : 20, addresses = record->v6 ? 32 : 8;
	unsigned char *tcp;
	uint32_t sum;

	make_ip(record, side, tcp_size + size, headers);
	tcp = headers->bytes + headers->ip_size;
	headers->size = headers->ip_size + tcp_size;
	put16(tcp, from->port);
	put16(tcp + 2, to->port);
	put32(tcp + 4, from->sequence);
	put32(tcp + 8, flags & ACK ? to->sequence : 0);
	tcp[12] = (unsigned char)(tcp_size << 2);
	tcp[13] = (unsigned char)flags;
	put16(tcp + 14, 65535);
	if (flags & SYN)
		memcpy(tcp + 20,
		       (unsigned char[]){ 2, 4, SEGMENT_MAX >> 8, SEGMENT_MAX & 0xff, 3, 3,
					  WINDOW_SHIFT, 0 },
		       8);
	sum = TCP_PROTOCOL + (uint32_t)(tcp_size + size);
	sum = add(sum, headers->bytes + headers->ip_size - addresses, addresses);
	sum = add(sum, tcp, tcp_size);
	put16(tcp + 16, ~add(sum, data, size) & 0xffff);
	if (flags & ACK)
		from->acknowledged = to->sequence;
	from->sequence += (uint32_t)size + (flags & (SYN | FIN) ? 1 : 0);
}

/* Once: no more is recorded. */
static void give_up(struct record *record, int error)
{
	record->error = error;
	if (error == ETIMEDOUT)
		log_error("--record %s: its reader does not read; recording ends", record->name);
	else
		log_error("--record %s: %s; recording ends", record->name, strerror(error));
	/* what was written of the last packet; not every file can be cut */
	if (ftruncate(record->fd, (off_t)record->size) < 0)
		log_info(2, "--record %s: not cut: %s", record->name, strerror(errno));
	fd_close(&record->fd);
}

/* Writes all in one call. Only a remainder, as on a full disk or where a reader is slow, is written
 * separately, which shows the error. */
static void write_blocks(struct record *record, const struct iovec *parts, int count)
{
	ssize_t written = writev(record->fd, parts, count);
	size_t done = written > 0 ? (size_t)written : 0, size = 0;
	int error = 0;

	for (int i = 0; i < count && !error; i++) {
		size_t here = done < parts[i].iov_len ? done : parts[i].iov_len;

		if (here < parts[i].iov_len)
			error = fd_write_for_reader(record->fd,
						    (const char *)parts[i].iov_base + here,
						    parts[i].iov_len - here);
		done -= here;
		size += parts[i].iov_len;
	}
	if (error)
		give_up(record, -error);
	else
		record->size += size;
}

static void put_packet(struct record *record, int side, unsigned flags, const void *data,
		       size_t size)
{
	unsigned char head[PCAPNG_HEAD], tail[PCAPNG_TAIL_MAX];
	struct headers headers;
	struct timespec now;
	size_t tail_size;

	if (record->fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	make_headers(record, side, flags, data, size, &headers);
	tail_size = pcapng_packet(record->conversations - 1,
				  (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec,
				  side == record->us ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
				  headers.size + size, head, tail);
	write_blocks(record,
		     (struct iovec[]){
			     { head, sizeof(head) },
			     { headers.bytes, headers.size },
			     { (void *)data, size },
			     { tail, tail_size },
		     },
		     4);
}

static void put_data(struct relay_tap *tap, int side, const void *data, size_t size)
{
	struct record *record = container_of(tap, struct record, tap);
	const unsigned char *bytes = data;

	for (size_t done = 0; done < size;) {
		size_t length = size - done < SEGMENT_MAX ? size - done : SEGMENT_MAX;

		put_packet(record, side, PSH | ACK, bytes + done, length);
		done += length;
		if (record->side[side].sequence - record->side[!side].acknowledged >=
		    UNACKNOWLEDGED)
			put_packet(record, !side, ACK, NULL, 0);
	}
}

static void put_end(struct relay_tap *tap, int side)
{
	struct record *record = container_of(tap, struct record, tap);

	if (record->side[side].ended)
		return;
	record->side[side].ended = true;
	put_packet(record, side, FIN | ACK, NULL, 0);
	put_packet(record, !side, ACK, NULL, 0);
}

/* Addresses */

/* See above; group: which kind of address. */
static void made_up(struct record_side *end, unsigned group, uint32_t high, uint32_t low,
		    uint32_t port)
{
	static const unsigned char prefix[] = { 0xfd, 'v', 's', 'o', 'c', 'k' };

	memset(end->ip, 0, sizeof(end->ip));
	memcpy(end->ip, prefix, sizeof(prefix));
	put16(end->ip + 6, group);
	put16(end->ip + 10, high);
	put32(end->ip + 12, low);
	end->port = (uint16_t)port;
}

static void use_tcp(struct record_side *side, const struct peer *peer)
{
	memcpy(side->ip, &peer->u.tcp.ip, sizeof(side->ip));
	side->port = peer->u.tcp.port;
}

static void use_vsock(struct record_side *end, const struct peer *peer)
{
	made_up(end, 0, peer->u.vsock.port >> 16, peer->u.vsock.cid, peer->u.vsock.port);
}

/* The kernel does not tell the CID of a socket that was never bound: it is that of this machine, or
 * CID 1 towards itself. */
static void find_own_cid(struct peer *own, const struct peer *peer)
{
	struct machine machine;

	if (own->u.vsock.cid != ADDR_CID_ANY)
		return;
	machine_look(&machine, "", false);
	own->u.vsock.cid = machine.has_cid && peer->u.vsock.cid != ADDR_CID_LOCAL ? machine.cid
										  : ADDR_CID_LOCAL;
	machine_free(&machine);
}

/* The addresses in the packets, and what they stand for as text. */
static void choose_addresses(struct record *record, const struct addr *addr, int fd, char *comment,
			     size_t size)
{
	struct record_side *ours = &record->side[record->us], *theirs = &record->side[!record->us];
	char us[PEER_TEXT_MAX], them[PEER_TEXT_MAX], to[256];
	struct peer own, peer;

	peer_of_local(fd, &own);
	peer_of_socket(fd, NULL, 0, &peer);
	addr_format_short(addr, to, sizeof(to));
	record->v6 = true;
	if (own.family == ADDR_VSOCK && peer.family == ADDR_VSOCK) {
		find_own_cid(&own, &peer);
		use_vsock(ours, &own);
		use_vsock(theirs, &peer);
	} else if (own.family == ADDR_TCP && peer.family == ADDR_TCP &&
		   own.u.tcp.v6 == peer.u.tcp.v6) {
		record->v6 = own.u.tcp.v6;
		use_tcp(ours, &own);
		use_tcp(theirs, &peer);
	} else {
		/* a different port for each connection, to distinguish them */
		made_up(ours, 1, 0, 1, PORT_US + record->conversations % PORTS);
		made_up(theirs, 1, 0, 2, addr->family == ADDR_MUX ? addr->port : PORT_PEER);
		snprintf(comment, size,
			 "%s and %s; IPv6 and TCP headers are made up, the data is not",
			 log_program(), to);
		return;
	}
	snprintf(comment, size, "%s (we) and %s; %s", peer_format(&own, us, sizeof(us)),
		 peer_format(&peer, them, sizeof(them)),
		 own.family == ADDR_TCP
			 ? "made of the data that went through, without the network's own packets"
			 : "IPv6 and TCP headers are made up, the data is not");
}

/* Start and end */

int record_open(struct record *record, const char *name, int us)
{
	*record = (struct record){ .tap = { .data = put_data, .end = put_end },
				   .name = name,
				   .us = us };
	record->fd = safe_open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return record->fd < 0 ? record->fd : fd_nonblock(record->fd, true);
}

void record_begin(struct record *record, const struct addr *addr, int fd)
{
	unsigned char blocks[2 * PCAPNG_BLOCK_MAX];
	char comment[512], application[64], to[256];
	size_t size = 0;

	if (!record->name || record->fd < 0)
		return;
	record->side[0] = record->side[1] = (struct record_side){ 0 };
	choose_addresses(record, addr, fd, comment, sizeof(comment));
	snprintf(application, sizeof(application), "%s (%s) %s", log_program(), PACKAGE_NAME,
		 PACKAGE_VERSION);
	if (record->conversations++ == 0)
		size = pcapng_section(blocks, application);
	size += pcapng_interface(blocks + size, PCAPNG_LINK_RAW,
				 addr_format_short(addr, to, sizeof(to)), comment);
	write_blocks(record, &(struct iovec){ blocks, size }, 1);
	record->open = true;
	put_packet(record, 0, SYN, NULL, 0);
	put_packet(record, 1, SYN | ACK, NULL, 0);
	put_packet(record, 0, ACK, NULL, 0);
}

void record_end(struct record *record, int broken)
{
	if (!record->open)
		return;
	if (broken >= 0)
		put_packet(record, broken, RST | ACK, NULL, 0);
	else
		for (int side = 0; side < 2; side++)
			put_end(&record->tap, side);
	record->open = false;
}

int record_close(struct record *record)
{
	int error;

	if (!record->name)
		return 0;
	error = -fd_finish(&record->fd);
	if (error) {
		log_error("--record %s: %s", record->name, strerror(error));
		record->error = error;
	}
	record->name = NULL;
	return -record->error;
}
