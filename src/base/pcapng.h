/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcapng: the blocks of a capture file (draft-ietf-opsawg-pcapng): one section, one interface, packets. Pure: blocks are
 * put into memory of the caller's. Numbers are in the byte order of this machine, as the format has it.
 */
#ifndef BASE_PCAPNG_H
#define BASE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_LINK_RAW 101U /* LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header */

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* The blocks that a file begins with: section and interface, with nanoseconds. application: who wrote it. name and comment:
 * of the interface. Texts are cut at 1000 bytes. Returns how many bytes were put to out. */
#define PCAPNG_START_MAX 4096
size_t pcapng_start(unsigned char *out, uint32_t link, const char *application, const char *name, const char *comment);

/* What stands before and behind the data of a packet of size bytes, caught time ns after the epoch. Returns how much of tail
 * is used. */
#define PCAPNG_HEAD 28
#define PCAPNG_TAIL_MAX 20
size_t pcapng_packet(uint64_t time, enum pcapng_direction direction, size_t size, unsigned char head[PCAPNG_HEAD],
                     unsigned char tail[PCAPNG_TAIL_MAX]);

#endif
