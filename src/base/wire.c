/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct wire wire_writer(void *data, size_t room)
{
	return (struct wire){ .out = data, .size = room };
}

struct wire wire_grower(void)
{
	struct wire wire = { .out = malloc(4096), .size = 4096, .grows = true };

	if (!wire.out)
		wire_short_of_memory(&wire);
	return wire;
}

struct wire wire_reader(const void *data, size_t size)
{
	return (struct wire){ .in = data, .size = size };
}

void wire_short_of_memory(struct wire *wire)
{
	wire->bad = wire->short_of_memory = true;
}

int wire_end(const struct wire *wire)
{
	if (wire->short_of_memory)
		return -ENOMEM;
	if (wire->bad || (!wire->out && wire->at != wire->size))
		return -EPROTO;
	return (int)wire->at;
}

static void grow(struct wire *wire, size_t size)
{
	uint8_t *grown = realloc(wire->out, 2 * wire->size + size);

	if (!grown) {
		wire_short_of_memory(wire);
		return;
	}
	wire->out = grown;
	wire->size = 2 * wire->size + size;
}

void wire_bytes(struct wire *wire, void *data, size_t size)
{
	if (wire->grows && !wire->bad && size > wire->size - wire->at)
		grow(wire, size);
	wire->bad = wire->bad || size > wire->size - wire->at;
	if (wire->bad) {
		if (!wire->out)
			memset(data, 0, size);
		return;
	}
	if (wire->out)
		memcpy(wire->out + wire->at, data, size);
	else
		memcpy(data, wire->in + wire->at, size);
	wire->at += size;
}

/* The size low bytes of a number. */
static uint64_t number(struct wire *wire, uint64_t value, size_t size, uint64_t most)
{
	uint8_t bytes[sizeof(value)];
	uint64_t read = 0;

	wire->bad = wire->bad || (wire->out && value > most);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	wire_bytes(wire, bytes, size);
	for (size_t i = 0; i < size; i++)
		read = read << 8 | bytes[i];
	wire->bad = wire->bad || read > most;
	return wire->out ? value : wire->bad ? 0 : read;
}

void wire_u8(struct wire *wire, uint8_t *value, uint8_t most)
{
	*value = (uint8_t)number(wire, *value, sizeof(*value), most);
}

void wire_u16(struct wire *wire, uint16_t *value)
{
	*value = (uint16_t)number(wire, *value, sizeof(*value), UINT16_MAX);
}

void wire_u32(struct wire *wire, uint32_t *value, uint32_t most)
{
	*value = (uint32_t)number(wire, *value, sizeof(*value), most);
}

void wire_u64(struct wire *wire, uint64_t *value)
{
	*value = number(wire, *value, sizeof(*value), UINT64_MAX);
}

void wire_i32(struct wire *wire, int32_t *value, int32_t least, int32_t most)
{
	/* as a distance from the least, which is never negative */
	uint32_t distance = (uint32_t)*value - (uint32_t)least;

	wire->bad = wire->bad || (wire->out && *value < least);
	wire_u32(wire, &distance, (uint32_t)most - (uint32_t)least);
	if (!wire->out)
		*value = wire->bad ? 0 : (int32_t)((uint32_t)least + distance);
}

void wire_bool(struct wire *wire, bool *value)
{
	uint8_t byte = wire->out ? *value : 0;

	wire_u8(wire, &byte, 1);
	*value = byte;
}

void wire_text(struct wire *wire, char *text, size_t room)
{
	size_t length = wire->out ? strnlen(text, room) : 0;
	uint32_t told = (uint32_t)length;

	wire_u32(wire, &told, (uint32_t)room - 1);
	wire_bytes(wire, text, told);
	if (wire->out)
		return;
	text[told] = '\0';
	wire->bad = wire->bad || strlen(text) != told;
	if (wire->bad)
		*text = '\0';
}

unsigned wire_choice(struct wire *wire, unsigned value, uint8_t most)
{
	uint8_t byte = (uint8_t)value;

	wire->bad = wire->bad || (wire->out && value > most);
	wire_u8(wire, &byte, most);
	return wire->out ? value : byte;
}

void wire_any_text(struct wire *wire, char **text)
{
	uint32_t length = wire->out ? (uint32_t)strlen(*text) : 0;

	wire_u32(wire, &length, UINT32_MAX);
	if (wire->out) {
		wire_bytes(wire, *text, length);
		return;
	}
	*text = NULL;
	wire->bad = wire->bad || length > wire->size - wire->at;
	if (wire->bad)
		return;
	*text = calloc(1, (size_t)length + 1);
	if (!*text) {
		wire_short_of_memory(wire);
		return;
	}
	wire_bytes(wire, *text, length);
	wire->bad = wire->bad || strlen(*text) != length;
}

void wire_string(struct wire *wire, char **text)
{
	bool there = wire->out && *text;

	wire_bool(wire, &there);
	if (there)
		wire_any_text(wire, text);
	else if (!wire->out)
		*text = NULL;
}

void wire_array(struct wire *wire, void *array, size_t *count, size_t size)
{
	uint32_t told = wire->out ? (uint32_t)*count : 0;
	void *room;

	wire_u32(wire, &told, UINT32_MAX);
	if (wire->out)
		return;
	wire->bad = wire->bad || told > wire->size - wire->at;
	room = wire->bad || !told ? NULL : calloc(told, size);
	if (!wire->bad && told && !room)
		wire_short_of_memory(wire);
	*count = wire->bad ? 0 : told;
	memcpy(array, &room, sizeof(room));
}
