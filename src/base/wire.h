/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: writes the fields of a message into bytes, and reads them back with every check.
 *
 * Theory of operation: one function describes the fields of a message. It is called with a wire
 * that writes or with one that reads, so that both ends cannot get out of step. Numbers are big
 * endian, texts carry their length. The first field that does not fit, or whose value is not
 * permitted, makes the wire bad: from then on nothing is written, and numbers are read as 0 and
 * texts as "". The same happens without memory. Whoever reads asks wire_end() once, at the end.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	uint8_t *out; /* NULL: it reads */
	const uint8_t *in;
	size_t size, at;
	bool grows; /* out is its own memory, as large as it has to be */
	bool bad;
	bool short_of_memory; /* that is why it is bad */
};

/* One that writes into the caller's memory. */
struct wire wire_writer(void *data, size_t room);
/* One that makes room as it goes; wire_end() tells how much of wire.out is used, and the caller
 * frees that. */
struct wire wire_grower(void);
struct wire wire_reader(const void *data, size_t size);
/* How many bytes were written, or read: all of them. -EPROTO: it is bad, or bytes are left;
 * -ENOMEM. */
int wire_end(const struct wire *wire);
/* There was no memory for what belongs to it. */
void wire_short_of_memory(struct wire *wire);

/* Each value must lie within these bounds, also when it is written. */
void wire_u8(struct wire *wire, uint8_t *value, uint8_t most);
void wire_u16(struct wire *wire, uint16_t *value);
void wire_u32(struct wire *wire, uint32_t *value, uint32_t most);
void wire_u64(struct wire *wire, uint64_t *value);
void wire_i32(struct wire *wire, int32_t *value, int32_t least, int32_t most);
void wire_bool(struct wire *wire, bool *value);
void wire_bytes(struct wire *wire, void *data, size_t size);
/* A text of less than room bytes, without a NUL in it; one follows when it is read. */
void wire_text(struct wire *wire, char *text, size_t room);
/* A number below 256 that an enum has. */
unsigned wire_choice(struct wire *wire, unsigned value, uint8_t most);
/* A text of any length. Of a reader it is the caller's to free, also when the wire is bad, and may
 * be NULL then. */
void wire_any_text(struct wire *wire, char **text);
/* The same, or NULL for none. */
void wire_string(struct wire *wire, char **text);
/* How many elements follow; no more than there can be, if each has at least a byte. A reader makes
 * room for them, zeroed: the caller's to free, also when the wire is bad. */
void wire_array(struct wire *wire, void *array, size_t *count, size_t size);

#endif
