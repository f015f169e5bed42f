/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcapng: the blocks of a capture file (draft-ietf-opsawg-pcapng): sections, interfaces, packets. Pure: blocks are
 * put into memory of the caller's. Numbers are in the byte order of this machine, as the format has it.
 */
#ifndef BASE_PCAPNG_H
#define BASE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_LINK_RAW 101U /* LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header */

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* The block that a file begins with; application: who wrote it. And that of an interface, whose packets have times in
 * nanoseconds; interfaces are numbered from 0 as they come. Texts are cut at 1000 bytes. Return how many bytes were put to
 * out, at most PCAPNG_BLOCK_MAX. */
#define PCAPNG_BLOCK_MAX 4096
size_t pcapng_section(unsigned char *out, const char *application);
size_t pcapng_interface(unsigned char *out, uint32_t link, const char *name, const char *comment);

/* What stands before and behind the data of a packet of size bytes, caught time ns after the epoch on the interface of this
 * number. Returns how much of tail is used. */
#define PCAPNG_HEAD 28
#define PCAPNG_TAIL_MAX 20
size_t pcapng_packet(uint32_t interface, uint64_t time, enum pcapng_direction direction, size_t size,
                     unsigned char head[PCAPNG_HEAD], unsigned char tail[PCAPNG_TAIL_MAX]);

#endif
