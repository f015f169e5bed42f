/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream: the promises of every reader that is given what has come so far: it says MORE until its
 * message is whole or wrong, then always the same, however much more has come; it does not look
 * behind its message, and needs no byte from there.
 */
#ifndef FUZZ_STREAM_H
#define FUZZ_STREAM_H

#include "driver.h"

enum verdict { MORE, OK, BAD };

/* Reads; with OK, *used is the length of the message, and result has what it says, all of its size
 * bytes set. */
typedef enum verdict stream_reader(const uint8_t *data, size_t size, size_t *used, void *result);

static inline enum verdict stream_read(stream_reader *reader, const uint8_t *data, size_t size,
				       size_t *used, void *result)
{
	uint8_t *exact = fuzz_exact(data, size);
	enum verdict verdict = reader(exact, size, used, result);

	free(exact);
	return verdict;
}

/* What comes behind the message may be anything. */
static inline void stream_ignores_payload(stream_reader *reader, const uint8_t *data, size_t size,
					  size_t used, const void *result, void *other,
					  size_t result_size)
{
	uint8_t *changed = fuzz_exact(data, size);
	size_t length = 0;

	for (size_t i = used; i < size; i++)
		changed[i] ^= 0xff;
	fuzz_check(stream_read(reader, changed, size, &length, other) == OK && length == used &&
			   memcmp(other, result, result_size) == 0,
		   "what follows a message does not change what it says");
	free(changed);
}

/* Does the input arrive in two parts that are cut here? All cuts of a short input, some of a long
 * one. */
static inline bool stream_cuts(size_t cut, size_t size)
{
	return size <= 300 || cut < 32 || size - cut < 8 || cut % 61 == 0;
}

/* Returns the verdict about all of the input, with *used and *result. */
static inline enum verdict stream_check(stream_reader *reader, const uint8_t *data, size_t size,
					size_t *used, void *result, size_t result_size)
{
	enum verdict whole = stream_read(reader, data, size, used, result), last = MORE;
	void *other = fuzz_exact(result, result_size);

	fuzz_check(whole != OK || (*used > 0 && *used <= size),
		   "a message has at least a byte, and not more than have come");
	for (size_t cut = 0; cut < size; cut++) {
		size_t length = 0;
		enum verdict part;

		if (!stream_cuts(cut, size) && !(whole == OK && cut + 1 >= *used))
			continue;
		part = stream_read(reader, data, cut, &length, other);
		fuzz_check(last == MORE || part == last, "a verdict does not change");
		last = part;
		fuzz_check(part == MORE || part == whole, "the first part gets the same verdict");
		if (whole == OK)
			fuzz_check(part == (cut < *used ? MORE : OK),
				   "a message is whole with its last byte");
		if (part == OK)
			fuzz_check(length == *used && memcmp(other, result, result_size) == 0,
				   "a message says the same, however much has come");
		if (whole == OK && cut >= *used + 2)
			break;
	}
	if (whole == OK)
		stream_ignores_payload(reader, data, size, *used, result, other, result_size);
	free(other);
	return whole;
}
#endif
