/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/pcapng.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static uint32_t word(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t half(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* A block of this type at at: its length stands at both ends and is a multiple of 4. */
static size_t block(const unsigned char *at, uint32_t type)
{
	uint32_t length = word(at + 4);

	assert_int_equal(word(at), type);
	assert_int_equal(length % 4, 0);
	assert_int_equal(word(at + length - 4), length);
	return length;
}

/* The option at *at must be this text; *at moves behind it. */
static void option(const unsigned char **at, uint16_t code, const void *value, size_t size)
{
	assert_int_equal(half(*at), code);
	assert_int_equal(half(*at + 2), size);
	assert_memory_equal(*at + 4, value, size);
	for (size_t i = size; i % 4; i++)
		assert_int_equal((*at)[4 + i], 0);
	*at += 4 + ((size + 3) & ~(size_t)3);
}

static void a_file_begins_with_section_and_interface(void **state)
{
	unsigned char out[2 * PCAPNG_BLOCK_MAX];
	size_t size = pcapng_section(out, "program 1.0");
	size_t section = block(out, 0x0A0D0D0A), interface;
	const unsigned char *at;

	assert_int_equal(section, size);
	size += pcapng_interface(out + size, PCAPNG_LINK_RAW, "name", "a comment");

	(void)state;
	assert_int_equal(word(out + 8), 0x1A2B3C4D);
	assert_int_equal(half(out + 12), 1);
	assert_int_equal(half(out + 14), 0);
	assert_memory_equal(out + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	at = out + 24;
	option(&at, 4, "program 1.0", 11);
	option(&at, 0, "", 0);
	assert_ptr_equal(at + 4, out + section);

	interface = block(out + section, 1);
	assert_int_equal(section + interface, size);
	assert_int_equal(half(out + section + 8), 101);
	assert_int_equal(word(out + section + 12), 0);
	at = out + section + 16;
	option(&at, 2, "name", 4);
	option(&at, 1, "a comment", 9);
	option(&at, 9, "\x09", 1);
	option(&at, 0, "", 0);
	assert_ptr_equal(at + 4, out + size);
}

static void texts_that_are_too_long_are_cut(void **state)
{
	unsigned char out[PCAPNG_BLOCK_MAX];
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_in_range(pcapng_section(out, text), 1000, PCAPNG_BLOCK_MAX);
	block(out, 0x0A0D0D0A);
	assert_int_equal(half(out + 26), 1000);
	assert_in_range(pcapng_interface(out, PCAPNG_LINK_RAW, text, text), 2000, PCAPNG_BLOCK_MAX);
	block(out, 1);
}

/* A packet with so many bytes of data, put together. */
static void check_packet(size_t size, enum pcapng_direction direction)
{
	unsigned char out[PCAPNG_HEAD + 64 + PCAPNG_TAIL_MAX], tail[PCAPNG_TAIL_MAX];
	const uint64_t time = 0x17a2b3c4d5e6f708;
	uint32_t flags = direction;
	const unsigned char *at;
	size_t used;

	memset(out, 'd', sizeof(out));
	memset(tail, 'x', sizeof(tail));
	used = pcapng_packet(5, time, direction, size, out, tail);
	assert_in_range(used, 16, PCAPNG_TAIL_MAX);
	memcpy(out + PCAPNG_HEAD + size, tail, used);
	assert_int_equal(block(out, 6), PCAPNG_HEAD + size + used);
	assert_int_equal(word(out + 8), 5);
	assert_int_equal(word(out + 12), time >> 32);
	assert_int_equal(word(out + 16), time & 0xffffffff);
	assert_int_equal(word(out + 20), size);
	assert_int_equal(word(out + 24), size);
	for (size_t i = size; i % 4; i++)
		assert_int_equal(out[PCAPNG_HEAD + i], 0);
	at = out + PCAPNG_HEAD + ((size + 3) & ~(size_t)3);
	option(&at, 2, &flags, 4);
	option(&at, 0, "", 0);
	assert_ptr_equal(at + 4, out + PCAPNG_HEAD + size + used);
}

static void packets_are_padded_and_know_their_direction(void **state)
{
	(void)state;
	for (size_t size = 0; size < 9; size++) {
		check_packet(size, PCAPNG_INBOUND);
		check_packet(size, PCAPNG_OUTBOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_begins_with_section_and_interface),
		cmocka_unit_test(texts_that_are_too_long_are_cut),
		cmocka_unit_test(packets_are_padded_and_know_their_direction),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
