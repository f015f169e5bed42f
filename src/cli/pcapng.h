/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcapng: the blocks of a capture file (draft-ietf-opsawg-pcapng): sections, interfaces, packets.
 * It does no I/O: blocks are written to the caller's memory. Numbers are in this machine's byte
 * order, which the format permits.
 */
#ifndef CLI_PCAPNG_H
#define CLI_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_LINK_RAW 101U /* LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header */

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* Write the section block that a file begins with, where application is the writing program, and
 * the block of an interface, whose packets have times in nanoseconds. Interfaces are numbered from
 * 0 in their order. Texts are cut at 1000 bytes. Return the number of bytes written to out, at most
 * PCAPNG_BLOCK_MAX. */
#define PCAPNG_BLOCK_MAX 4096
size_t pcapng_section(unsigned char *out, const char *application);
size_t pcapng_interface(unsigned char *out, uint32_t link, const char *name, const char *comment);

/* Writes the parts before and after the data of a packet of size bytes, captured time ns after the
 * epoch on the interface of this number. Returns the number of bytes used of tail. */
#define PCAPNG_HEAD 28
#define PCAPNG_TAIL_MAX 20
size_t pcapng_packet(uint32_t interface, uint64_t time, enum pcapng_direction direction,
		     size_t size, unsigned char head[PCAPNG_HEAD],
		     unsigned char tail[PCAPNG_TAIL_MAX]);

#endif
