/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/pcapng.h"

#include <string.h>

#define TEXT_MAX 1000

enum block { BLOCK_SECTION = 0x0A0D0D0A, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_INTERFACE_NAME = 2,
	OPTION_PACKET_FLAGS = 2,
	OPTION_APPLICATION = 4,
	OPTION_INTERFACE_RESOLUTION = 9,
};

/* Where the next bytes go. */
struct writer {
	unsigned char *out;
	size_t used;
};

static void put(struct writer *writer, const void *data, size_t size)
{
	memcpy(writer->out + writer->used, data, size);
	writer->used += size;
}

static void put16(struct writer *writer, uint16_t value)
{
	put(writer, &value, sizeof(value));
}

static void put32(struct writer *writer, uint32_t value)
{
	put(writer, &value, sizeof(value));
}

/* Zeros up to a multiple of 4 bytes. */
static void put_padding(struct writer *writer, size_t size)
{
	put(writer, "\0\0\0", -size & 3);
}

static void put_option(struct writer *writer, enum option code, const void *value, size_t size)
{
	put16(writer, (uint16_t)code);
	put16(writer, (uint16_t)size);
	put(writer, value, size);
	put_padding(writer, size);
}

static void put_text(struct writer *writer, enum option code, const char *text)
{
	put_option(writer, code, text, strnlen(text, TEXT_MAX));
}

/* A block has its length at its beginning and its end. */
static size_t begin_block(struct writer *writer, enum block type)
{
	size_t at = writer->used;

	put32(writer, (uint32_t)type);
	put32(writer, 0);
	return at;
}

static void end_block(struct writer *writer, size_t at)
{
	uint32_t length = (uint32_t)(writer->used - at + 4);

	put32(writer, length);
	memcpy(writer->out + at + 4, &length, sizeof(length));
}

size_t pcapng_section(unsigned char *out, const char *application)
{
	struct writer writer = { .out = out };
	size_t block = begin_block(&writer, BLOCK_SECTION);

	put32(&writer, 0x1A2B3C4D); /* by this readers know the byte order */
	put16(&writer, 1);
	put16(&writer, 0);
	put32(&writer, UINT32_MAX); /* how long the section is: not known */
	put32(&writer, UINT32_MAX);
	put_text(&writer, OPTION_APPLICATION, application);
	put_option(&writer, OPTION_END, "", 0);
	end_block(&writer, block);
	return writer.used;
}

size_t pcapng_interface(unsigned char *out, uint32_t link, const char *name, const char *comment)
{
	const unsigned char nanoseconds = 9;
	struct writer writer = { .out = out };
	size_t block = begin_block(&writer, BLOCK_INTERFACE);

	put16(&writer, (uint16_t)link);
	put16(&writer, 0);
	put32(&writer, 0); /* no limit of a packet's length */
	put_text(&writer, OPTION_INTERFACE_NAME, name);
	put_text(&writer, OPTION_COMMENT, comment);
	put_option(&writer, OPTION_INTERFACE_RESOLUTION, &nanoseconds, 1);
	put_option(&writer, OPTION_END, "", 0);
	end_block(&writer, block);
	return writer.used;
}

size_t pcapng_packet(uint32_t interface, uint64_t time, enum pcapng_direction direction,
		     size_t size, unsigned char head[PCAPNG_HEAD],
		     unsigned char tail[PCAPNG_TAIL_MAX])
{
	struct writer before = { .out = head }, behind = { .out = tail };
	uint32_t flags = (uint32_t)direction, length;

	put_padding(&behind, size);
	put_option(&behind, OPTION_PACKET_FLAGS, &flags, sizeof(flags));
	put_option(&behind, OPTION_END, "", 0);
	length = (uint32_t)(PCAPNG_HEAD + size + behind.used + 4);
	put32(&behind, length);
	put32(&before, BLOCK_PACKET);
	put32(&before, length);
	put32(&before, interface);
	put32(&before, (uint32_t)(time >> 32));
	put32(&before, (uint32_t)time);
	put32(&before, (uint32_t)size);
	put32(&before, (uint32_t)size);
	return behind.used;
}
