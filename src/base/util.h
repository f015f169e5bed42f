/* SPDX-License-Identifier: GPL-3.0-or-later */
/* util: macros known from the Linux kernel and the C library, and a hash. */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* The number of elements of an array, which must not be a pointer. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The structure of this type in which *pointer is the member of that name. The cast by way of
 * void * keeps -Wcast-align quiet: a member is aligned if its structure is. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))
/* The same where the pointer is to const. */
#define container_of_const(pointer, type, member) \
	((const type *)(const void *)((const char *)(pointer)-offsetof(type, member)))

/* What a system call returns, which is made again while a signal interrupts it. */
#define RETRY(call)                                    \
	(__extension__({                               \
		__typeof__(call) retried;              \
		do                                     \
			retried = (call);              \
		while (retried < 0 && errno == EINTR); \
		retried;                               \
	}))

/* FNV-1a */
static inline uint64_t hash_bytes(const void *data, size_t size)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (const unsigned char *byte = data; size > 0; size--)
		value = (value ^ *byte++) * UINT64_C(0x100000001b3);
	return value;
}

#endif
